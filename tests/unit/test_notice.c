#include "proto/wire/cert.h"
#include "proto/wire/notice.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

static struct key_pair root;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	return 0;
}

static struct notice plain_notice(void)
{
	struct notice n = {
		.head = {.number = 3, .page = 1, .pages = 2, .issued = {NOON}},
		.entries = {{.kind = NOTICE_REVOKE, .serial = 7},
	                    {.kind = NOTICE_ENDORSE, .not_after = {NOON + DAY}},
	                    {.kind = NOTICE_RETIRE}},
		.entry_count = 3,
	};

	n.entries[0].key = pair_of(100).public;
	n.entries[1].key = pair_of(50).public;
	n.entries[2].key = pair_of(60).public;
	return n;
}

static struct notice_blob issue(struct notice *n)
{
	struct notice_blob blob;

	assert_ok(notice_issue(&root, n, &blob));
	return blob;
}

static void what_was_issued_opens_as_it_was(void **state)
{
	struct notice n = plain_notice(), back;
	struct notice_blob blob = issue(&n);
	struct notice_head head;
	(void)state;

	assert_ok(notice_open(blob.octets, blob.len, &back));
	assert_memory_equal(&back.head.root, &root.public, sizeof(root.public));
	assert_int_equal(back.head.number, 3);
	assert_int_equal(back.head.page, 1);
	assert_int_equal(back.head.pages, 2);
	assert_int_equal(back.head.issued.ms, NOON);
	assert_int_equal(back.entry_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(back.entries[i].kind, n.entries[i].kind);
		assert_memory_equal(&back.entries[i].key, &n.entries[i].key, 32);
		assert_int_equal(back.entries[i].serial, n.entries[i].serial);
		assert_int_equal(back.entries[i].not_after.ms, n.entries[i].not_after.ms);
	}
	assert_ok(notice_peek(blob.octets, blob.len, &head));
	assert_memory_equal(&head, &back.head, sizeof(head));
}

static void a_root_may_have_nothing_to_say(void **state)
{
	struct notice n = {.head = {.number = 1, .pages = 1}}, back;
	struct notice_blob blob = issue(&n);
	(void)state;

	assert_ok(notice_open(blob.octets, blob.len, &back));
	assert_int_equal(back.entry_count, 0);
}

static void the_longest_page_travels_in_one_datagram(void **state)
{
	static const enum notice_kind all[] = {NOTICE_REVOKE, NOTICE_ENDORSE, NOTICE_RETIRE};
	(void)state;

	for (size_t kind = 0; kind < ARRAY_LEN(all); kind++) {
		struct notice n = {.head = {.number = UINT64_MAX,
		                            .page = NOTICE_PAGES_MAX - 1,
		                            .pages = NOTICE_PAGES_MAX,
		                            .issued = {INT64_MAX}},
		                   .entry_count = NOTICE_ENTRIES_MAX};
		struct notice back;
		struct notice_blob blob;

		for (size_t i = 0; i < NOTICE_ENTRIES_MAX; i++) {
			n.entries[i] = (struct notice_entry){
				.kind = all[kind], .serial = UINT64_MAX, .not_after = {INT64_MIN}};
		}
		blob = issue(&n);
		assert_true(blob.len <= NOTICE_MAX);
		assert_ok(notice_open(blob.octets, blob.len, &back));
		assert_int_equal(back.entry_count, NOTICE_ENTRIES_MAX);
	}
}

static void no_page_is_signed_that_nobody_would_take(void **state)
{
	static const struct {
		const char *label;
		uint64_t number;
		uint16_t page, pages;
		size_t entries;
		enum notice_kind kind;
		enum err err;
	} rows[] = {
		{"plain", 1, 0, 1, 1, NOTICE_REVOKE, ERR_OK},
		{"number 0", 0, 0, 1, 1, NOTICE_REVOKE, ERR_RANGE},
		{"no pages", 1, 0, 0, 1, NOTICE_REVOKE, ERR_RANGE},
		{"page behind the last", 1, 2, 2, 1, NOTICE_REVOKE, ERR_RANGE},
		{"too many pages", 1, 0, NOTICE_PAGES_MAX + 1, 1, NOTICE_REVOKE, ERR_RANGE},
		{"too many entries", 1, 0, 1, NOTICE_ENTRIES_MAX + 1, NOTICE_REVOKE, ERR_RANGE},
		{"kind 0", 1, 0, 1, 1, (enum notice_kind)0, ERR_RANGE},
		{"kind 4", 1, 0, 1, 1, (enum notice_kind)4, ERR_RANGE},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct notice n = {.head = {.number = rows[i].number,
		                            .page = rows[i].page,
		                            .pages = rows[i].pages},
		                   .entries = {{.kind = rows[i].kind}},
		                   .entry_count = rows[i].entries};
		struct notice_blob blob;

		print_message("%s\n", rows[i].label);
		assert_err(rows[i].err, notice_issue(&root, &n, &blob));
	}
}

static void every_flipped_bit_is_refused(void **state)
{
	struct notice n = plain_notice(), back;
	struct notice_blob blob = issue(&n);
	(void)state;

	for (size_t bit = 0; bit < 8 * blob.len; bit += 3) {
		enum err err;

		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = notice_open(blob.octets, blob.len, &back);
		if (err != ERR_FORMAT && err != ERR_VERSION && err != ERR_AUTH)
			fail_msg("bit %zu may be flipped", bit);
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_and_addition_is_refused(void **state)
{
	struct notice n = plain_notice(), back;
	struct notice_blob blob = issue(&n);
	struct notice_head head;
	(void)state;

	for (size_t len = 0; len < blob.len; len++) {
		assert_err(ERR_FORMAT, notice_open(blob.octets, len, &back));
		assert_err(ERR_FORMAT, notice_peek(blob.octets, len, &head));
	}
	blob.octets[blob.len] = 0;
	assert_err(ERR_FORMAT, notice_open(blob.octets, blob.len + 1, &back));
}

static void another_version_is_named_as_such(void **state)
{
	struct notice n = plain_notice(), back;
	struct notice_blob blob = issue(&n);
	struct notice_head head;
	(void)state;

	assert_int_equal(blob.octets[3], 1);
	blob.octets[3] = 2;
	assert_err(ERR_VERSION, notice_open(blob.octets, blob.len, &back));
	assert_err(ERR_VERSION, notice_peek(blob.octets, blob.len, &head));
}

static void a_page_fits_a_line_of_its_file(void **state)
{
	uint8_t longest[NOTICE_MAX] = {0};
	char text[KEY_FILE_MAX];
	size_t len = sizeof(longest);
	(void)state;

	key_file_print("spoor-notices", longest, sizeof(longest), text);
	assert_ok(key_file_parse(text, "spoor-notices", longest, &len));
	assert_int_equal(len, sizeof(longest));
}

static void the_wire_format_must_not_change(void **state)
{
	struct notice n = plain_notice();
	struct notice_blob blob = issue(&n);
	struct id id = digest("test", blob.octets, blob.len);
	char text[KEY_FILE_MAX];
	(void)state;

	key_file_print("notice", id.octets, sizeof(id), text);
	assert_string_equal(
		text, "notice d8667ea56641f324a3203741aedc9bddcd2479076c5885f2c593c2fc47f627ff\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_issued_opens_as_it_was),
		cmocka_unit_test(a_root_may_have_nothing_to_say),
		cmocka_unit_test(the_longest_page_travels_in_one_datagram),
		cmocka_unit_test(no_page_is_signed_that_nobody_would_take),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(another_version_is_named_as_such),
		cmocka_unit_test(a_page_fits_a_line_of_its_file),
		cmocka_unit_test(the_wire_format_must_not_change),
	};

	return cmocka_run_group_tests_name("wire/notice", tests, start, NULL);
}
