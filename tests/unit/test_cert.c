#include "proto/wire/cert.h"
#include "tests/unit/wire_fixture.h"

#include <stdio.h>
#include <string.h>

static const struct wall noon = {NOON};

static struct key_pair root, member;
static struct roots roots;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	member = pair_of(100);
	roots = (struct roots){.keys = {root.public}, .count = 1};
	return 0;
}

static struct cert plain_cert(void)
{
	struct cert c = {
		.member = member.public,
		.salt = {1, 2, 3},
		.serial = 7,
		.name = "R4",
		.org = "Example Four",
		.not_before = {NOON - DAY},
		.not_after = {NOON + DAY},
		.prefixes = {ten()},
		.prefix_count = 1,
		.roles = CERT_ROLES_MEMBER,
	};

	return c;
}

static struct cert_blob issue(struct cert *c)
{
	struct cert_blob blob;

	assert_ok(cert_issue(&root, c, &blob));
	return blob;
}

static void what_was_issued_opens_as_it_was(void **state)
{
	struct cert c = plain_cert(), back;
	struct cert_blob blob = issue(&c);
	struct id a, b;
	(void)state;

	assert_memory_equal(&c.root, &root.public, sizeof(c.root));
	assert_ok(cert_open(blob.octets, blob.len, &roots, noon, &back));
	assert_memory_equal(&back.root, &c.root, sizeof(c.root));
	assert_memory_equal(&back.member, &c.member, sizeof(c.member));
	assert_memory_equal(back.salt, c.salt, sizeof(c.salt));
	assert_int_equal(back.serial, 7);
	assert_string_equal(back.name, "R4");
	assert_string_equal(back.org, "Example Four");
	assert_int_equal(back.not_before.ms, c.not_before.ms);
	assert_int_equal(back.not_after.ms, c.not_after.ms);
	assert_int_equal(back.prefix_count, 1);
	assert_int_equal(back.prefixes[0].bits, 96 + 8);
	assert_memory_equal(&back.prefixes[0].net, &c.prefixes[0].net, sizeof(c.prefixes[0].net));
	assert_int_equal(back.roles, CERT_ROLES_MEMBER);
	a = cert_id(&c);
	b = cert_id(&back);
	assert_true(id_equal(&a, &b));
}

static void the_wire_format_must_not_change(void **state)
{
	struct cert c = plain_cert();
	struct cert_blob blob = issue(&c);
	struct id of_blob = digest("test", blob.octets, blob.len), id = cert_id(&c);
	char text[KEY_FILE_MAX];
	(void)state;

	key_file_print("certificate", of_blob.octets, sizeof(of_blob), text);
	assert_string_equal(
		text,
		"certificate fdfddf7f0663ca85492e6a64ffccb8f24028767201cdc1181e63a631d5d2623b\n");
	key_file_print("id", id.octets, sizeof(id), text);
	assert_string_equal(
		text, "id 878537d4d67d4b70c9c030460ceae88bc7c84f6d18f91a56424b782d29b6606b\n");
}

static void the_longest_certificate_fits(void **state)
{
	struct cert c = plain_cert(), back;
	struct cert_blob blob;
	(void)state;

	memset(c.name, 'n', CERT_NAME_MAX - 1);
	memset(c.org, 'o', CERT_ORG_MAX - 1);
	c.serial = UINT64_MAX;
	for (c.prefix_count = 0; c.prefix_count < CERT_PREFIXES_MAX; c.prefix_count++)
		c.prefixes[c.prefix_count] = ten();
	c.not_before.ms = INT64_MIN;
	c.not_after.ms = INT64_MAX;
	blob = issue(&c);
	assert_true(blob.len <= CERT_MAX);
	assert_ok(cert_open(blob.octets, blob.len, &roots, noon, &back));
	assert_string_equal(back.org, c.org);
	assert_int_equal(back.not_before.ms, INT64_MIN);
}

static void validity_has_two_ends(void **state)
{
	static const struct {
		int64_t now;
		enum err expected;
	} rows[] = {
		{NOON - DAY - 1, ERR_EXPIRED}, {NOON - DAY, ERR_OK}, {NOON + DAY, ERR_OK},
		{NOON + DAY + 1, ERR_EXPIRED}, {INT64_MIN, ERR_OK}, /* nobody asks for the time */
		{INT64_MAX, ERR_EXPIRED},
	};
	struct cert c = plain_cert();
	struct cert_blob blob = issue(&c);
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wall now = {rows[i].now};
		struct cert back = {.serial = 0};

		assert_err(rows[i].expected, cert_open(blob.octets, blob.len, &roots, now, &back));
		assert_int_equal(back.serial, 7); /* filled although expired */
	}
}

static void only_trusted_roots_count(void **state)
{
	struct key_pair stranger = pair_of(50);
	struct roots none = {.count = 0}, wrong = {.keys = {stranger.public}, .count = 1};
	struct roots both = {.keys = {stranger.public, root.public}, .count = 2};
	struct cert c = plain_cert(), back = {.serial = 77};
	struct cert_blob blob = issue(&c);
	(void)state;

	assert_err(ERR_ROOT, cert_open(blob.octets, blob.len, &none, noon, &back));
	assert_err(ERR_ROOT, cert_open(blob.octets, blob.len, &wrong, noon, &back));
	assert_int_equal(back.serial, 77);
	assert_ok(cert_open(blob.octets, blob.len, &both, noon, &back));
}

static void every_flipped_bit_is_refused(void **state)
{
	struct cert c = plain_cert(), back;
	struct cert_blob blob = issue(&c);
	(void)state;

	for (size_t bit = 0; bit < 8 * blob.len; bit += 3) {
		enum err err;

		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = cert_open(blob.octets, blob.len, &roots, noon, &back);
		if (err == ERR_OK || err == ERR_EXPIRED)
			fail_msg("bit %zu may be flipped", bit);
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_and_addition_is_refused(void **state)
{
	struct cert c = plain_cert(), back;
	struct cert_blob blob = issue(&c);
	(void)state;

	for (size_t len = 0; len < blob.len; len++)
		assert_err(ERR_FORMAT, cert_open(blob.octets, len, &roots, noon, &back));
	blob.octets[blob.len] = 0;
	assert_err(ERR_FORMAT, cert_open(blob.octets, blob.len + 1, &roots, noon, &back));
}

static void another_version_is_named_as_such(void **state)
{
	struct cert c = plain_cert(), back;
	struct cert_blob blob = issue(&c);
	(void)state;

	assert_int_equal(blob.octets[3], 2); /* behind the length and the array's marker */
	blob.octets[3] = 3;
	assert_err(ERR_VERSION, cert_open(blob.octets, blob.len, &roots, noon, &back));
	blob.octets[3] = 1;
	blob.octets[2] = 0x99; /* the first version had nine fields */
	assert_err(ERR_VERSION, cert_open(blob.octets, blob.len, &roots, noon, &back));
}

static void a_certificate_needs_sound_prefixes_and_roles(void **state)
{
	static const struct {
		const char *label;
		size_t count;
		uint8_t bits, last; /* of the first prefix; its last octet */
		uint32_t roles;
		enum err err;
	} rows[] = {
		{"one prefix, all roles", 1, 104, 0, CERT_ROLES_MEMBER, ERR_OK},
		{"one role", 1, 104, 0, CERT_ROLE_ASK, ERR_OK},
		{"no prefix", 0, 104, 0, CERT_ROLES_MEMBER, ERR_RANGE},
		{"too many prefixes", CERT_PREFIXES_MAX + 1, 104, 0, CERT_ROLES_MEMBER, ERR_RANGE},
		{"129 bits", 1, 129, 0, CERT_ROLES_MEMBER, ERR_RANGE},
		{"bits behind the prefix", 1, 104, 1, CERT_ROLES_MEMBER, ERR_RANGE},
		{"no role", 1, 104, 0, 0, ERR_RANGE},
		{"a host", 1, 104, 0, CERT_ROLE_HOST, ERR_OK},
		{"a host that asks", 1, 104, 0, CERT_ROLE_HOST | CERT_ROLE_ASK, ERR_RANGE},
		{"an unknown role", 1, 104, 0, 8, ERR_RANGE},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cert c = plain_cert();
		struct cert_blob blob;

		print_message("%s\n", rows[i].label);
		c.prefix_count = rows[i].count;
		c.prefixes[0].bits = rows[i].bits;
		c.prefixes[0].net.octets[15] = rows[i].last;
		c.roles = rows[i].roles;
		assert_err(rows[i].err, cert_issue(&root, &c, &blob));
	}
}

static void a_member_is_allowed_inside_its_prefixes_only(void **state)
{
	static const struct {
		const char *addr;
		bool is_allowed;
	} rows[] = {
		{"10.0.0.1", true},       {"10.255.255.255", true}, {"11.0.0.0", false},
		{"9.255.255.255", false}, {"2001:db8::1", true},    {"2001:db9::1", false},
		{"::1", false},
	};
	struct cert c = plain_cert();
	(void)state;

	assert_ok(prefix_parse("2001:db8::/32", &c.prefixes[1]));
	c.prefix_count = 2;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct addr a;

		assert_ok(addr_parse(rows[i].addr, &a));
		assert_int_equal(cert_allows(&c, &a), rows[i].is_allowed);
	}
}

static const struct {
	const char *label, *name;
	enum err err;
} names[] = {
	{"plain", "R4", ERR_OK},
	{"UTF-8 of two octets", "Z\xc3\xbcrich", ERR_OK},
	{"UTF-8 of three and four", "\xe6\x97\xa5 \xf0\x9f\x90\xbe", ERR_OK},
	{"empty", "", ERR_RANGE},
	{"newline", "a\nb", ERR_RANGE},
	{"escape", "a\x1b[2J", ERR_RANGE},
	{"delete", "a\x7f", ERR_RANGE},
	{"a bare continuation octet",
         "a\x9b"
         "2J",
         ERR_RANGE},
	{"a control character of two octets",
         "a\xc2\x9b"
         "2J",
         ERR_RANGE},
	{"a sequence that ends early", "a\xc3", ERR_RANGE},
	{"a sequence without its middle",
         "\xe6\x97"
         "a",
         ERR_RANGE},
	{"overlong slash", "\xc0\xaf", ERR_RANGE},
	{"overlong in three", "\xe0\x80\xaf", ERR_RANGE},
	{"surrogate", "\xed\xa0\x80", ERR_RANGE},
	{"above U+10FFFF", "\xf4\x90\x80\x80", ERR_RANGE},
	{"an octet that is never used", "\xff", ERR_RANGE},
	{"text turned around",
         "\xe2\x80\xae"
         "4R",
         ERR_RANGE},
	{"text isolated and turned around",
         "\xe2\x81\xa7"
         "4R",
         ERR_RANGE},
};

static void names_are_printable_or_refused(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct cert by_name = plain_cert(), by_org = plain_cert();
		struct cert_blob blob;

		print_message("%s\n", names[i].label);
		snprintf(by_name.name, sizeof(by_name.name), "%s", names[i].name);
		snprintf(by_org.org, sizeof(by_org.org), "%s", names[i].name);
		assert_err(names[i].err, cert_issue(&root, &by_name, &blob));
		assert_err(names[i].err, cert_issue(&root, &by_org, &blob));
	}
}

static void an_id_hangs_on_key_and_salt_only(void **state)
{
	struct cert a = plain_cert(), b = plain_cert();
	struct id id = cert_id(&a), other;
	(void)state;

	b.serial++;
	b.name[0] = 'S';
	other = cert_id(&b);
	assert_true(id_equal(&id, &other));
	b.salt[15] ^= 1;
	other = cert_id(&b);
	assert_false(id_equal(&id, &other));
	b = a;
	b.member.octets[0] ^= 1;
	other = cert_id(&b);
	assert_false(id_equal(&id, &other));
}

static void a_key_file_reads_back(void **state)
{
	static const uint8_t data[] = {0x00, 0x7f, 0x80, 0xff, 0x1a};
	char text[KEY_FILE_MAX];
	uint8_t back[sizeof(data)];
	size_t len = sizeof(back);
	(void)state;

	key_file_print("spoor-root", data, sizeof(data), text);
	assert_string_equal(text, "spoor-root 007f80ff1a\n");
	assert_ok(key_file_parse(text, "spoor-root", back, &len));
	assert_int_equal(len, sizeof(data));
	assert_memory_equal(back, data, sizeof(data));
}

static void what_is_no_key_file_is_refused(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} rows[] = {
		{"kind 00ff", ERR_OK},
		{"kind 00ff\n", ERR_OK},
		{"kind 00010203\n", ERR_OK},
		{"kind 0001020304\n", ERR_LIMIT},
		{"", ERR_FORMAT},
		{"kind", ERR_FORMAT},
		{"kind\n", ERR_FORMAT},
		{"kin 00ff\n", ERR_FORMAT},
		{"kinds 00ff\n", ERR_FORMAT},
		{"Kind 00ff\n", ERR_FORMAT},
		{" kind 00ff\n", ERR_FORMAT},
		{"kind  00ff\n", ERR_FORMAT},
		{"kind 00ff \n", ERR_FORMAT},
		{"kind 00f\n", ERR_FORMAT},
		{"kind 0\n", ERR_FORMAT},
		{"kind 0", ERR_FORMAT},
		{"kind 00FF\n", ERR_FORMAT},
		{"kind 00fg\n", ERR_FORMAT},
		{"kind 00ff\n\n", ERR_FORMAT},
		{"kind 00ff\nkind 00ff\n", ERR_FORMAT},
		{"kind 00ff\r\n", ERR_FORMAT},
		{"kind 0x00\n", ERR_FORMAT},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t back[4];
		size_t len = sizeof(back);

		print_message("\"%s\"\n", rows[i].text);
		assert_err(rows[i].err, key_file_parse(rows[i].text, "kind", back, &len));
		if (rows[i].err != ERR_OK)
			assert_int_equal(len, sizeof(back));
	}
}

static void a_certificate_fits_its_key_file(void **state)
{
	uint8_t longest[CERT_MAX] = {0};
	char text[KEY_FILE_MAX];
	size_t len = sizeof(longest);
	(void)state;

	key_file_print("spoor-certificate", longest, sizeof(longest), text);
	assert_ok(key_file_parse(text, "spoor-certificate", longest, &len));
	assert_int_equal(len, sizeof(longest));
}

static size_t request(const struct key_pair *pair, uint8_t room[256])
{
	struct request r = {
		.name = "R4", .org = "Example Four", .prefixes = {ten()}, .prefix_count = 1};
	size_t len = 256;

	assert_ok(request_pack(pair, &r, room, &len));
	return len;
}

static void a_request_opens_as_it_was_packed(void **state)
{
	uint8_t data[256];
	size_t len = request(&member, data);
	struct request back;
	(void)state;

	assert_ok(request_open(data, len, &back));
	assert_memory_equal(&back.member, &member.public, sizeof(back.member));
	assert_string_equal(back.name, "R4");
	assert_string_equal(back.org, "Example Four");
	assert_int_equal(back.prefix_count, 1);
	assert_int_equal(back.prefixes[0].bits, 96 + 8);
}

static void a_request_of_another_version_is_named_as_such(void **state)
{
	uint8_t data[256];
	size_t len = request(&member, data);
	struct request back;
	(void)state;

	assert_int_equal(data[1], 2);
	data[1] = 1;
	assert_err(ERR_VERSION, request_open(data, len, &back));
}

static void a_request_needs_its_room_and_good_names(void **state)
{
	struct request r = {
		.name = "R4", .org = "Example Four", .prefixes = {ten()}, .prefix_count = 1};
	struct request unnamed = r, unplaced = r;
	uint8_t data[256];
	size_t whole = request(&member, data), len = 256;
	(void)state;

	for (size_t room = 0; room < whole; room++) {
		len = room;
		assert_err(ERR_LIMIT, request_pack(&member, &r, data, &len));
		assert_int_equal(len, room);
	}
	unnamed.name[0] = '\0';
	unplaced.prefix_count = 0;
	len = whole;
	assert_ok(request_pack(&member, &r, data, &len));
	len = sizeof(data);
	assert_err(ERR_RANGE, request_pack(&member, &unplaced, data, &len));
	assert_err(ERR_RANGE, request_pack(&member, &unnamed, data, &len));
}

static void a_forged_request_is_refused(void **state)
{
	struct key_pair other = pair_of(50);
	uint8_t data[256], theirs[256];
	size_t len = request(&member, data), their_len = request(&other, theirs);
	struct request back = {.name = "untouched"};
	(void)state;

	for (size_t bit = 0; bit < 8 * len; bit += 3) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (request_open(data, len, &back) == ERR_OK)
			fail_msg("bit %zu may be flipped", bit);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++) {
		enum err err = request_open(data, cut, &back);

		assert_true(err == ERR_FORMAT || err == ERR_AUTH);
	}
	/* My words under another's signature. */
	assert_int_equal(len, their_len);
	memcpy(data + len - 64, theirs + len - 64, 64);
	assert_err(ERR_AUTH, request_open(data, len, &back));
	assert_string_equal(back.name, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_issued_opens_as_it_was),
		cmocka_unit_test(the_wire_format_must_not_change),
		cmocka_unit_test(the_longest_certificate_fits),
		cmocka_unit_test(validity_has_two_ends),
		cmocka_unit_test(only_trusted_roots_count),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(another_version_is_named_as_such),
		cmocka_unit_test(a_certificate_needs_sound_prefixes_and_roles),
		cmocka_unit_test(a_member_is_allowed_inside_its_prefixes_only),
		cmocka_unit_test(names_are_printable_or_refused),
		cmocka_unit_test(an_id_hangs_on_key_and_salt_only),
		cmocka_unit_test(a_key_file_reads_back),
		cmocka_unit_test(what_is_no_key_file_is_refused),
		cmocka_unit_test(a_certificate_fits_its_key_file),
		cmocka_unit_test(a_request_opens_as_it_was_packed),
		cmocka_unit_test(a_request_of_another_version_is_named_as_such),
		cmocka_unit_test(a_request_needs_its_room_and_good_names),
		cmocka_unit_test(a_forged_request_is_refused),
	};

	return cmocka_run_group_tests_name("wire/cert", tests, start, NULL);
}
