#include "tools/notices.h"

#include "base/util.h"
#include "proto/wire/cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND "spoor-notices"

static enum err refuse(char *reterr, enum err err, const char *path, const char *why)
{
	snprintf(reterr, FILE_REASON_MAX, "%s: %s", path, why);
	return err;
}

bool notices_are_in(const char *path)
{
	char begin[sizeof(KIND)] = "";
	FILE *f = fopen(path, "re");
	bool is_one;

	if (f == NULL)
		return false;
	is_one = fread(begin, 1, sizeof(begin), f) == sizeof(begin) &&
	         memcmp(begin, KIND " ", sizeof(begin)) == 0;
	fclose(f);
	return is_one;
}

/* One page; the first says of which root and number the others must be. */
static enum err take_page(struct notices *n, const char *line, size_t index)
{
	uint8_t data[NOTICE_MAX];
	struct notice page;
	size_t len = sizeof(data);
	enum err err = key_file_parse(line, KIND, data, &len);

	if (err == ERR_OK)
		err = notice_open(data, len, &page);
	if (err != ERR_OK)
		return err;
	if (index == 0) {
		n->root = page.head.root;
		n->number = page.head.number;
		n->issued = page.head.issued;
		n->pages = page.head.pages;
	}
	if (memcmp(&n->root, &page.head.root, sizeof(n->root)) != 0 ||
	    n->number != page.head.number || n->pages != page.head.pages || page.head.page != index)
		return ERR_FORMAT;
	memcpy(&n->entries[n->count], page.entries, page.entry_count * sizeof(page.entries[0]));
	n->count += page.entry_count;
	return ERR_OK;
}

static enum err read_pages(FILE *f, struct notices *n)
{
	char line[KEY_FILE_MAX];
	size_t index = 0;

	for (; fgets(line, sizeof(line), f) != NULL; index++) {
		enum err err = index < NOTICE_PAGES_MAX ? take_page(n, line, index) : ERR_FORMAT;

		if (err != ERR_OK)
			return err;
	}
	if (ferror(f))
		return ERR_IO;
	return index > 0 && index == n->pages ? ERR_OK : ERR_FORMAT;
}

enum err notices_read(const char *path, struct notices *ret, char reterr[FILE_REASON_MAX])
{
	FILE *f = fopen(path, "re");
	enum err err;

	if (f == NULL)
		return refuse(reterr, errno == ENOENT ? ERR_NOENT : ERR_IO, path, strerror(errno));
	ret->count = 0;
	err = read_pages(f, ret);
	fclose(f);
	if (err == ERR_AUTH || err == ERR_IO)
		return refuse(reterr, err, path, err_text(err));
	if (err != ERR_OK)
		return refuse(reterr, ERR_FORMAT, path, "no whole list of kind " KIND);
	return ERR_OK;
}

enum err notices_add(struct notices *n, const struct notice_entry *entry)
{
	for (size_t i = 0; i < n->count; i++) {
		struct notice_entry *e = &n->entries[i];

		if (e->kind != entry->kind || e->serial != entry->serial ||
		    memcmp(&e->key, &entry->key, sizeof(e->key)) != 0)
			continue;
		*e = *entry;
		return ERR_OK;
	}
	if (n->count == NOTICES_MAX)
		return ERR_LIMIT;
	n->entries[n->count++] = *entry;
	return ERR_OK;
}

/* The line of page `index`, behind the others. */
static enum err put_page(const struct notices *n, const struct key_pair *root, size_t index,
                         char line[KEY_FILE_MAX])
{
	size_t first = index * NOTICE_ENTRIES_MAX;
	struct notice page = {
		.head = {.number = n->number,
	                 .page = (uint16_t)index,
	                 .pages = (uint16_t)n->pages,
	                 .issued = n->issued},
		.entry_count = MIN(n->count - first, (size_t)NOTICE_ENTRIES_MAX),
	};
	struct notice_blob blob;
	enum err err;

	memcpy(page.entries, &n->entries[first], page.entry_count * sizeof(page.entries[0]));
	err = notice_issue(root, &page, &blob);
	if (err == ERR_OK)
		key_file_print(KIND, blob.octets, blob.len, line);
	return err;
}

enum err notices_write(struct notices *n, const struct key_pair *root, struct wall now,
                       const char *path, char reterr[FILE_REASON_MAX])
{
	size_t pages = MAX((n->count + NOTICE_ENTRIES_MAX - 1) / NOTICE_ENTRIES_MAX, (size_t)1);
	char *text = calloc(pages, KEY_FILE_MAX), *at = text;
	enum err err = ERR_OK;

	CHECK(text != NULL);
	n->root = root->public;
	n->number++;
	n->issued = now;
	n->pages = pages;
	for (size_t i = 0; i < pages && err == ERR_OK; i++) {
		err = put_page(n, root, i, at);
		at += strlen(at);
	}
	err = err == ERR_OK ? file_replace(path, FILE_PUBLIC, text, reterr)
	                    : refuse(reterr, err, path, err_text(err));
	free(text);
	return err;
}
