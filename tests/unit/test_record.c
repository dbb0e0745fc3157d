#include "proto/wire/record.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define HOUR INT64_C(3600000)

static const struct wall noon = {NOON};

static struct key_pair identity;
static struct cert cert; /* as if it had been opened: 10.0.0.0/8 and 2001:db8::/32 */

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	identity = pair_of(100);
	cert = (struct cert){
		.member = identity.public,
		.prefixes = {ten()},
		.prefix_count = 2,
		.roles = CERT_ROLES_MEMBER,
	};
	return prefix_parse("2001:db8::/32", &cert.prefixes[1]) == ERR_OK ? 0 : -1;
}

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

static struct record plain_record(void)
{
	struct record r = {
		.kx = {{9, 8, 7}},
		.seq = 5,
		.not_before = {NOON - HOUR},
		.not_after = {NOON + 7 * DAY},
		.endpoints = {at("10.0.0.4:7667"), at("[2001:db8::4]:7667")},
		.endpoint_count = 2,
	};

	r.sign = pair_of(7).public;
	return r;
}

static struct record_blob issue(const struct record *r)
{
	struct record_blob blob;

	assert_ok(record_issue(&identity, r, &blob));
	return blob;
}

static void what_was_issued_opens_as_it_was(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob = issue(&r);
	(void)state;

	assert_ok(record_open(blob.octets, blob.len, &cert, noon, &back));
	assert_memory_equal(&back.sign, &r.sign, sizeof(r.sign));
	assert_memory_equal(&back.kx, &r.kx, sizeof(r.kx));
	assert_int_equal(back.seq, 5);
	assert_int_equal(back.not_before.ms, r.not_before.ms);
	assert_int_equal(back.not_after.ms, r.not_after.ms);
	assert_int_equal(back.endpoint_count, 2);
	assert_true(endpoint_equal(&back.endpoints[0], &r.endpoints[0]));
	assert_true(endpoint_equal(&back.endpoints[1], &r.endpoints[1]));
}

static void the_longest_record_fits(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob;
	(void)state;

	r.seq = UINT64_MAX;
	r.not_after.ms = INT64_MAX;
	r.not_before.ms = INT64_MAX - 7 * DAY;
	blob = issue(&r);
	assert_true(blob.len <= RECORD_MAX);
	assert_err(ERR_EXPIRED, record_open(blob.octets, blob.len, &cert, noon, &back));
	assert_int_equal(back.seq, UINT64_MAX);
}

static void a_record_may_name_no_address_at_all(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob;
	(void)state;

	r.endpoint_count = 0;
	blob = issue(&r);
	assert_ok(record_open(blob.octets, blob.len, &cert, noon, &back));
	assert_int_equal(back.endpoint_count, 0);
}

static const struct {
	const char *label;
	int64_t from, to;
	const char *endpoints[3];
	enum err err;
} rows[] = {
	{"a week and an hour", -HOUR, 7 * DAY, {"10.0.0.4:1"}, ERR_OK},
	{"a millisecond more", -HOUR, 7 * DAY + 1, {"10.0.0.4:1"}, ERR_RANGE},
	{"for ever", INT64_MIN / 2, INT64_MAX / 2, {"10.0.0.4:1"}, ERR_RANGE},
	{"never", HOUR, HOUR, {"10.0.0.4:1"}, ERR_RANGE},
	{"backwards", HOUR, -HOUR, {"10.0.0.4:1"}, ERR_RANGE},
	{"loopback", -HOUR, HOUR, {"127.0.0.1:1"}, ERR_OK},
	{"IPv6 alone", -HOUR, HOUR, {"[2001:db8::4]:1"}, ERR_OK},
	{"no port", -HOUR, HOUR, {"10.0.0.4"}, ERR_RANGE},
	{"two of IPv4", -HOUR, HOUR, {"10.0.0.4:1", "10.0.0.5:1"}, ERR_RANGE},
	{"two of IPv6", -HOUR, HOUR, {"[2001:db8::4]:1", "[2001:db8::5]:1"}, ERR_RANGE},
	{"unspecified", -HOUR, HOUR, {"0.0.0.0:1"}, ERR_RANGE},
	{"unspecified IPv6", -HOUR, HOUR, {"[::]:1"}, ERR_RANGE},
	{"multicast", -HOUR, HOUR, {"224.0.0.1:1"}, ERR_RANGE},
	{"multicast IPv6", -HOUR, HOUR, {"[ff02::1]:1"}, ERR_RANGE},
	{"broadcast", -HOUR, HOUR, {"255.255.255.255:1"}, ERR_RANGE},
};

static void no_record_is_signed_that_nobody_would_take(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct record r = plain_record();
		struct record_blob blob;

		print_message("%s\n", rows[i].label);
		r.not_before.ms = NOON + rows[i].from;
		r.not_after.ms = NOON + rows[i].to;
		r.endpoint_count = 0;
		for (; rows[i].endpoints[r.endpoint_count] != NULL; r.endpoint_count++)
			r.endpoints[r.endpoint_count] = at(rows[i].endpoints[r.endpoint_count]);
		assert_err(rows[i].err, record_issue(&identity, &r, &blob));
	}
}

static void too_many_endpoints_are_refused(void **state)
{
	struct record r = plain_record();
	struct record_blob blob;
	(void)state;

	r.endpoint_count = RECORD_ENDPOINTS_MAX + 1;
	assert_err(ERR_RANGE, record_issue(&identity, &r, &blob));
}

static void an_endpoint_outside_the_prefixes_is_denied(void **state)
{
	static const struct {
		const char *endpoint;
		enum err err;
	} places[] = {
		{"10.255.255.255:7667", ERR_OK},
		{"192.0.2.1:7667", ERR_DENIED},
		{"[2001:db8:ffff::1]:1", ERR_OK},
		{"[2001:db9::1]:1", ERR_DENIED},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct record r = plain_record(), back = {.seq = 77};
		struct record_blob blob;

		r.endpoints[0] = at(places[i].endpoint);
		r.endpoint_count = 1;
		blob = issue(&r);
		assert_err(places[i].err, record_open(blob.octets, blob.len, &cert, noon, &back));
		assert_int_equal(back.seq, places[i].err == ERR_OK ? 5 : 77);
	}
}

static void validity_has_two_ends(void **state)
{
	static const struct {
		int64_t now;
		enum err expected;
	} times[] = {
		{NOON - HOUR - 1, ERR_EXPIRED},    {NOON - HOUR, ERR_OK}, {NOON + 7 * DAY, ERR_OK},
		{NOON + 7 * DAY + 1, ERR_EXPIRED}, {INT64_MIN, ERR_OK}, /* nobody asks for the time
	                                                                 */
	};
	struct record r = plain_record();
	struct record_blob blob = issue(&r);
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct wall now = {times[i].now};
		struct record back = {.seq = 0};

		assert_err(times[i].expected,
		           record_open(blob.octets, blob.len, &cert, now, &back));
		assert_int_equal(back.seq, 5); /* filled although expired */
	}
}

static void another_members_record_is_refused(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob = issue(&r);
	struct cert other = cert;
	(void)state;

	other.member = pair_of(50).public;
	assert_err(ERR_AUTH, record_open(blob.octets, blob.len, &other, noon, &back));
}

static void every_flipped_bit_is_refused(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob = issue(&r);
	(void)state;

	for (size_t bit = 0; bit < 8 * blob.len; bit++) {
		enum err err;

		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = record_open(blob.octets, blob.len, &cert, noon, &back);
		if (err != ERR_FORMAT && err != ERR_VERSION && err != ERR_AUTH)
			fail_msg("bit %zu may be flipped", bit);
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_and_addition_is_refused(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob = issue(&r);
	(void)state;

	for (size_t len = 0; len < blob.len; len++)
		assert_err(ERR_FORMAT, record_open(blob.octets, len, &cert, noon, &back));
	blob.octets[blob.len] = 0;
	assert_err(ERR_FORMAT, record_open(blob.octets, blob.len + 1, &cert, noon, &back));
}

static void another_version_is_named_as_such(void **state)
{
	struct record r = plain_record(), back;
	struct record_blob blob = issue(&r);
	(void)state;

	assert_int_equal(blob.octets[3], 1);
	blob.octets[3] = 2;
	assert_err(ERR_VERSION, record_open(blob.octets, blob.len, &cert, noon, &back));
}

static void the_wire_format_must_not_change(void **state)
{
	struct record r = plain_record();
	struct record_blob blob = issue(&r);
	struct id id = digest("test", blob.octets, blob.len);
	char text[KEY_FILE_MAX];
	(void)state;

	key_file_print("record", id.octets, sizeof(id), text);
	assert_string_equal(
		text, "record 8e68a8acd1c682b99e46f5a01fe1ac3c41a4e45ecae241281525191a12bf14d1\n");
}

static void a_seed_makes_two_keys_that_have_nothing_in_common(void **state)
{
	struct seed a = seed_of(1), b = seed_of(2);
	struct key_pair sign_a, sign_b, again;
	struct box_key kx_a, kx_b, secret;
	(void)state;

	record_keys(&a, &sign_a, &kx_a, &secret);
	record_keys(&b, &sign_b, &kx_b, &secret);
	record_keys(&a, &again, &kx_b, &secret);
	assert_memory_equal(&again, &sign_a, sizeof(again));
	assert_memory_equal(&kx_b, &kx_a, sizeof(kx_a));
	assert_memory_not_equal(&sign_a.public, &sign_b.public, sizeof(sign_a.public));
	assert_memory_not_equal(&kx_a, &sign_a.public, sizeof(kx_a));
	assert_memory_not_equal(sign_a.secret, &secret, sizeof(secret));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_issued_opens_as_it_was),
		cmocka_unit_test(the_longest_record_fits),
		cmocka_unit_test(a_record_may_name_no_address_at_all),
		cmocka_unit_test(no_record_is_signed_that_nobody_would_take),
		cmocka_unit_test(too_many_endpoints_are_refused),
		cmocka_unit_test(an_endpoint_outside_the_prefixes_is_denied),
		cmocka_unit_test(validity_has_two_ends),
		cmocka_unit_test(another_members_record_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(another_version_is_named_as_such),
		cmocka_unit_test(a_seed_makes_two_keys_that_have_nothing_in_common),
		cmocka_unit_test(the_wire_format_must_not_change),
	};

	return cmocka_run_group_tests_name("wire/record", tests, start, NULL);
}
