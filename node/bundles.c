#include "node/bundles.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITTEN_MAX PURSUIT_ROUNDS_MAX /* at a time */
#define COUNT_EVERY_MS 3600000
#define SPARE_SHARE 16 /* of too many one in so many more goes, so that few are looked through */

#define NAME_LEN (2 * sizeof(struct query_id) + sizeof(".spoor") - 1)

struct file {
	struct query_id id;
	char name[NAME_LEN + 1];
	int64_t written_ms;
};

struct files {
	struct file *of;
	size_t count, space;
};

/* Is it a bundle's? Of which question? */
static bool read_name(const char *name, struct query_id *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t count = strspn(name, digits);

	if (count != 2 * sizeof(*ret) || strcmp(name + count, ".spoor") != 0)
		return false;
	for (size_t i = 0; i < sizeof(ret->octets); i++) {
		size_t high = (size_t)(strchr(digits, name[2 * i]) - digits);
		size_t low = (size_t)(strchr(digits, name[2 * i + 1]) - digits);

		ret->octets[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool add(struct files *all, const char *name, const struct query_id *id, int64_t written_ms)
{
	if (all->count == all->space) {
		size_t space = MAX(2 * all->space, (size_t)256);
		struct file *of = realloc(all->of, space * sizeof(*of));

		if (of == NULL)
			return false;
		all->of = of;
		all->space = space;
	}
	all->of[all->count] = (struct file){.id = *id, .written_ms = written_ms};
	memcpy(all->of[all->count++].name, name, NAME_LEN + 1);
	return true;
}

static void list(DIR *dir, struct files *all)
{
	const struct dirent *entry;
	struct query_id id;
	struct stat st;

	while ((entry = readdir(dir)) != NULL) {
		if (read_name(entry->d_name, &id) &&
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) &&
		    !add(all, entry->d_name, &id,
		         (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000))
			return;
	}
}

static int oldest_first(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return (x->written_ms > y->written_ms) - (x->written_ms < y->written_ms);
}

/* A watch names it. */
static bool is_named(const struct node *node, const struct query_id *id)
{
	for (const struct watch *w = node->watches.list; w != NULL; w = w->next) {
		for (size_t i = 0; i < w->found_count; i++) {
			if (memcmp(&w->found[i].found.query, id, sizeof(*id)) == 0)
				return true;
		}
	}
	return false;
}

static size_t drop(const struct node *node, int dir, const struct files *all)
{
	const struct conf *conf = &node->conf;
	size_t spare = all->count > conf->traces_max ? conf->traces_max / SPARE_SHARE : 0;
	size_t most = conf->traces_max - spare, left = all->count, gone = 0;
	int64_t oldest_ms =
		conf->traces_age_ms > 0 ? node_now().wall.ms - conf->traces_age_ms : INT64_MIN;

	for (size_t i = 0; i < all->count; i++) {
		const struct file *f = &all->of[i];

		if (left <= most && f->written_ms >= oldest_ms)
			break;
		if (is_named(node, &f->id) || unlinkat(dir, f->name, 0) != 0)
			continue;
		left--;
		gone++;
	}
	if (gone > 0)
		log_line("trace", "%zu old files of evidence are removed from %s", gone,
		         conf->traces);
	return left;
}

void bundles_bound(struct node *node)
{
	struct bundles *b = &node->bundles;
	struct mono now = node_now().mono;
	struct files all = {.count = 0};
	DIR *dir;

	b->count += WRITTEN_MAX;
	if (b->counted.ms != 0 && b->count <= node->conf.traces_max &&
	    !mono_reached(now, mono_after(b->counted, COUNT_EVERY_MS)))
		return;
	dir = opendir(node->conf.traces);
	if (dir == NULL)
		return;
	list(dir, &all);
	if (all.count > 0)
		qsort(all.of, all.count, sizeof(all.of[0]), oldest_first);
	b->count = drop(node, dirfd(dir), &all);
	b->counted = now;
	free(all.of);
	closedir(dir);
}
