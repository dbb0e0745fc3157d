#include "proto/wire/trust.h"
#include "tests/unit/wire_fixture.h"
#include "tools/notices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct wall noon = {NOON};

static struct key_pair root;
static struct notices list, back; /* too long for the stack */
static char dir[] = "/tmp/spoor-notices.XXXXXX", path[64];

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK || mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/list", dir);
	root = pair_of(0);
	return 0;
}

static int stop(void **state)
{
	(void)state;

	unlink(path);
	return rmdir(dir);
}

static struct notice_entry revocation(uint64_t serial)
{
	return (struct notice_entry){.kind = NOTICE_REVOKE, .key = {{9}}, .serial = serial};
}

/* A list of `count` revocations, at `path`. */
static void write_list(size_t count)
{
	char reason[FILE_REASON_MAX];

	memset(&list, 0, sizeof(list));
	for (uint64_t i = 1; i <= count; i++) {
		struct notice_entry entry = revocation(i);

		assert_ok(notices_add(&list, &entry));
	}
	assert_ok(notices_write(&list, &root, noon, path, reason));
}

static void a_list_reads_as_it_was_written(void **state)
{
	static const struct {
		size_t entries, pages;
	} rows[] = {{0, 1}, {1, 1}, {19, 1}, {20, 2}, {45, 3}, {NOTICES_MAX, NOTICE_PAGES_MAX}};
	char reason[FILE_REASON_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		write_list(rows[i].entries);
		assert_true(notices_are_in(path));
		assert_ok(notices_read(path, &back, reason));
		assert_int_equal(back.pages, rows[i].pages);
		assert_int_equal(back.count, rows[i].entries);
		assert_int_equal(back.number, 1);
		assert_int_equal(back.issued.ms, NOON);
		assert_memory_equal(back.entries, list.entries,
		                    rows[i].entries * sizeof(list.entries[0]));
	}
}

static void each_writing_takes_the_next_number(void **state)
{
	char reason[FILE_REASON_MAX];
	(void)state;

	write_list(20);
	for (uint64_t number = 2; number < 5; number++) {
		assert_ok(notices_write(&list, &root, noon, path, reason));
		assert_ok(notices_read(path, &back, reason));
		assert_int_equal(back.number, number);
	}
}

static void what_is_there_is_not_added_twice(void **state)
{
	struct notice_entry endorse = {.kind = NOTICE_ENDORSE, .key = {{9}}, .not_after = {1}};
	struct notice_entry entry = revocation(3);
	(void)state;

	write_list(5);
	assert_ok(notices_add(&list, &entry));
	assert_int_equal(list.count, 5);
	assert_ok(notices_add(&list, &endorse));
	endorse.not_after.ms = 2;
	assert_ok(notices_add(&list, &endorse));
	assert_int_equal(list.count, 6);
	assert_int_equal(list.entries[5].not_after.ms, 2);
}

static void a_full_list_takes_no_more(void **state)
{
	struct notice_entry more = revocation(NOTICES_MAX + 1);
	(void)state;

	write_list(NOTICES_MAX);
	assert_err(ERR_LIMIT, notices_add(&list, &more));
}

/* The file at `path` without its first `skip` octets and with `more` behind it. */
static void spoil(size_t skip, const char *more)
{
	static char text[8 * KEY_FILE_MAX];
	FILE *f = fopen(path, "r");
	size_t len;

	assert_non_null(f);
	len = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[len] = '\0';
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s%s", text + skip, more);
	fclose(f);
}

static void a_list_that_is_not_whole_is_refused(void **state)
{
	static const struct {
		const char *label, *more;
		size_t skip;
	} rows[] = {
		{"another line", "spoor-notices 00\n", 0},
		{"an empty line", "\n", 0},
		{"not from its beginning", "", 1},
		{"another kind", "spoor-root 00\n", 0},
	};
	char reason[FILE_REASON_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].label);
		write_list(45);
		spoil(rows[i].skip, rows[i].more);
		assert_err(ERR_FORMAT, notices_read(path, &back, reason));
		assert_non_null(strstr(reason, "no whole list"));
	}
	unlink(path);
	assert_err(ERR_NOENT, notices_read(path, &back, reason));
	assert_false(notices_are_in(path));
	write_list(0); /* for stop() */
}

static void the_first_page_must_not_be_missing(void **state)
{
	char reason[FILE_REASON_MAX], line[KEY_FILE_MAX];
	FILE *f;
	(void)state;

	write_list(45);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	spoil(strlen(line), "");
	assert_err(ERR_FORMAT, notices_read(path, &back, reason));
}

static void nodes_take_every_line_of_it(void **state)
{
	static const struct hash_key hash;
	struct roots pinned = {.keys = {root.public}, .count = 1};
	struct trust *t = trust_new(&pinned, &trust_limits_default, &hash);
	struct cert cert = {.root = root.public, .member = {{9}}, .serial = 45};
	char line[KEY_FILE_MAX];
	FILE *f;
	(void)state;

	write_list(45);
	f = fopen(path, "r");
	assert_non_null(t);
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		uint8_t data[NOTICE_MAX];
		size_t len = sizeof(data);

		assert_ok(key_file_parse(line, "spoor-notices", data, &len));
		assert_ok(trust_apply(t, noon, data, len));
	}
	fclose(f);
	assert_true(trust_is_revoked(t, &cert));
	cert.serial = 46;
	assert_false(trust_is_revoked(t, &cert));
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_reads_as_it_was_written),
		cmocka_unit_test(each_writing_takes_the_next_number),
		cmocka_unit_test(what_is_there_is_not_added_twice),
		cmocka_unit_test(a_full_list_takes_no_more),
		cmocka_unit_test(a_list_that_is_not_whole_is_refused),
		cmocka_unit_test(the_first_page_must_not_be_missing),
		cmocka_unit_test(nodes_take_every_line_of_it),
	};

	return cmocka_run_group_tests_name("tools/notices", tests, start, stop);
}
