#include "base/prng.h"
#include "proto/wire/query.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define SKEW INT64_C(5000)

static const struct wall noon = {NOON};

static struct key_pair root, member;
static struct roots roots;
static struct cert_blob cert_blob;

static struct cert_blob certificate(const char *name, const char *org)
{
	struct cert cert = {.serial = 7,
	                    .not_before = {NOON - DAY},
	                    .not_after = {NOON + DAY},
	                    .prefixes = {ten()},
	                    .prefix_count = 1,
	                    .roles = CERT_ROLES_ALL};
	struct cert_blob blob;

	cert.member = member.public;
	memcpy(cert.name, name, strlen(name));
	memcpy(cert.org, org, strlen(org));
	assert_ok(cert_issue(&root, &cert, &blob));
	return blob;
}

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	member = pair_of(100);
	roots = (struct roots){.keys = {root.public}, .count = 1};
	cert_blob = certificate("R4", "Example Four");
	return 0;
}

/* `count` bursts of `on_ms`, with silences of `off_ms` between them, that end at noon. */
static struct query plain_query(size_t count, int64_t on_ms, int64_t off_ms)
{
	struct query q = {
		.nonce = {{9, 8, 7}},
		.issued = {NOON - 1000},
		.expires = {NOON + 30000},
		.reply_to = {{1, 2, 3}},
		.question = {.on_count = count, .gap_ms = 500, .proto = 6},
	};
	int64_t at = NOON - (int64_t)count * (on_ms + off_ms);

	q.question.severity = SEVERITY_HIGH;
	for (size_t i = 0; i < count; i++, at += on_ms + off_ms)
		q.question.on[i] = (struct interval){at, at + on_ms};
	return q;
}

static enum err open_at(const struct query_blob *blob, int64_t now_ms, struct query *ret)
{
	struct wall now = {now_ms};

	return query_open(blob->octets, blob->len, &roots, now, SKEW, ret);
}

static struct query_blob pack(struct query *q)
{
	struct query_blob blob;

	assert_ok(query_pack(q, &cert_blob, &member, &blob));
	return blob;
}

static void a_query_opens_as_it_was_asked(void **state)
{
	struct query q = plain_query(5, 2000, 3000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	assert_ok(open_at(&blob, NOON, &back));
	assert_memory_equal(&back.id, &q.id, sizeof(q.id));
	assert_string_equal(back.origin.name, "R4");
	assert_memory_equal(&back.nonce, &q.nonce, sizeof(q.nonce));
	assert_int_equal(back.issued.ms, q.issued.ms);
	assert_int_equal(back.expires.ms, q.expires.ms);
	assert_memory_equal(&back.reply_to, &q.reply_to, sizeof(q.reply_to));
	assert_int_equal(back.question.on_count, 5);
	assert_memory_equal(back.question.on, q.question.on, 5 * sizeof(q.question.on[0]));
	assert_int_equal(back.question.gap_ms, 500);
	assert_int_equal(back.question.proto, 6);
	assert_int_equal(back.question.severity, SEVERITY_HIGH);
}

static void the_wire_format_must_not_change(void **state)
{
	struct query q = plain_query(5, 2000, 3000);
	struct query_blob blob = pack(&q);
	char text[KEY_FILE_MAX];
	(void)state;

	key_file_print("query", q.id.octets, sizeof(q.id), text);
	assert_string_equal(text, "query cc06f47e5f66bca4685e765d1bb053da\n");
	assert_int_equal(blob.len, 384);
}

static void fingerprints_of_every_shape_come_back(void **state)
{
	struct prng p = {3};
	(void)state;

	for (int round = 0; round < 40; round++) {
		struct query q = plain_query(1, 0, 0), back;
		struct question *asked = &q.question;
		struct query_blob blob;
		int64_t at = (int64_t)prng_below(&p, NOON);

		asked->on_count = 1 + prng_below(&p, 60);
		for (size_t i = 0; i < asked->on_count; i++) {
			int64_t on = (int64_t)(prng_next(&p) >> (40 + prng_below(&p, 24)));

			asked->on[i] = (struct interval){at, at + on};
			at += on + asked->gap_ms + 1 + (int64_t)prng_below(&p, 100000);
		}
		blob = pack(&q);
		assert_ok(open_at(&blob, NOON, &back));
		assert_int_equal(back.question.on_count, asked->on_count);
		assert_memory_equal(back.question.on, asked->on,
		                    asked->on_count * sizeof(asked->on[0]));
	}
}

/* Of two octets a number: 8 + 2 * n + 2 * (n - 1) <= 700. Three of a silence make it too long. */
static void a_fingerprint_fits_up_to_its_limit(void **state)
{
	struct query q, back;
	struct query_blob blob;
	(void)state;

	q = plain_query(QUERY_INTERVALS_MAX, 1000, 1000);
	blob = pack(&q);
	assert_ok(open_at(&blob, NOON, &back));
	assert_int_equal(back.question.on_count, QUERY_INTERVALS_MAX);

	/* 8 + 115 * 3 + 114 * 3 = 695 octets, and six more are too many. */
	q = plain_query(115, 20000, 20000);
	blob = pack(&q);
	assert_ok(open_at(&blob, NOON, &back));
	assert_int_equal(back.question.on_count, 115);
	q = plain_query(116, 20000, 20000);
	blob.len = 77;
	assert_err(ERR_LIMIT, query_pack(&q, &cert_blob, &member, &blob));
	assert_int_equal(blob.len, 77);
}

static void the_longest_query_fits_a_datagram_or_is_refused(void **state)
{
	static uint8_t room[MESSAGE_MAX];
	struct cert_blob longest =
		certificate("nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", "ooooooooooooooooooooooooooooooo"
	                                                       "oooooooooooooooooooooooooooooooo");
	struct id id = {{0}};
	(void)state;

	for (size_t count = 100; count <= QUERY_INTERVALS_MAX; count++) {
		struct query q = plain_query(count, 20000, 20000);
		struct body body = {.has_more = false};
		struct query_blob blob;

		if (query_pack(&q, &longest, &member, &blob) != ERR_OK) {
			assert_true(count > 100);
			return;
		}
		assert_true(blob.len <= QUERY_MAX);
		body.query = bytes_of(blob.octets, blob.len);
		assert_true(message_pack(MESSAGE_QUERY, &body, &id, &member, room) > 0);
	}
	fail_msg("no length was refused");
}

static void life_and_skew_bound_when_a_query_is_taken(void **state)
{
	static const struct {
		const char *label;
		int64_t issued, expires, now; /* relative to noon */
		enum err err;
	} rows[] = {
		{"fresh", 0, 30000, 0, ERR_OK},
		{"as it expires", 0, 30000, 30000, ERR_OK},
		{"expired, within the skew", 0, 30000, 30000 + SKEW, ERR_OK},
		{"expired", 0, 30000, 30001 + SKEW, ERR_STALE},
		{"from the future, within the skew", SKEW, 30000, 0, ERR_OK},
		{"from the future", SKEW + 1, 30000, 0, ERR_STALE},
		{"lives as long as allowed", 0, QUERY_LIFE_MAX_MS, 0, ERR_OK},
		{"lives too long", 0, QUERY_LIFE_MAX_MS + 1, 0, ERR_STALE},
		{"lives for ever", 0, INT64_MAX - NOON, 0, ERR_STALE},
		{"expires before it is issued", 1, 0, 0, ERR_STALE},
		{"was never young", INT64_MIN, INT64_MIN, 0, ERR_STALE},
		{"whose life overflows", -NOON - 1, INT64_MAX - NOON, 0, ERR_STALE},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query q = plain_query(1, 1000, 0), back = {.nonce = {{0}}};
		struct query_blob blob;

		print_message("%s\n", rows[i].label);
		q.issued.ms = rows[i].issued == INT64_MIN ? INT64_MIN : NOON + rows[i].issued;
		q.expires.ms = rows[i].expires == INT64_MIN ? INT64_MIN : NOON + rows[i].expires;
		blob = pack(&q);
		assert_err(rows[i].err, open_at(&blob, NOON + rows[i].now, &back));
		assert_memory_equal(&back.id, &q.id, sizeof(q.id)); /* filled all the same */
	}
}

static void an_origin_whose_certificate_expired_is_named_so(void **state)
{
	struct query q = plain_query(1, 1000, 0), back = {.nonce = {{0}}};
	struct query_blob blob;
	(void)state;

	q.issued.ms = NOON + 2 * DAY;
	q.expires.ms = q.issued.ms + 1000;
	blob = pack(&q);
	assert_err(ERR_EXPIRED, open_at(&blob, q.issued.ms, &back));
	assert_memory_equal(&back.id, &q.id, sizeof(q.id));
}

static void only_members_may_ask_and_only_in_their_own_name(void **state)
{
	struct key_pair stranger = pair_of(50);
	struct roots theirs = {.keys = {stranger.public}, .count = 1};
	struct query q = plain_query(1, 1000, 0), back;
	struct query_blob blob = pack(&q);
	(void)state;

	assert_err(ERR_ROOT, query_open(blob.octets, blob.len, &theirs, noon, SKEW, &back));
	assert_ok(query_pack(&q, &cert_blob, &stranger, &blob));
	assert_err(ERR_AUTH, open_at(&blob, NOON, &back));
}

static void every_flipped_bit_is_refused(void **state)
{
	struct query q = plain_query(5, 2000, 3000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	for (size_t bit = 0; bit < 8 * blob.len; bit += 7) {
		enum err err;

		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = open_at(&blob, NOON, &back);
		if (err == ERR_OK || err == ERR_STALE || err == ERR_EXPIRED)
			fail_msg("bit %zu may be flipped", bit);
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_and_addition_is_refused(void **state)
{
	struct query q = plain_query(5, 2000, 3000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	for (size_t len = 0; len < blob.len; len++)
		assert_err(ERR_FORMAT, query_open(blob.octets, len, &roots, noon, SKEW, &back));
	blob.octets[blob.len++] = 0;
	assert_err(ERR_FORMAT, open_at(&blob, NOON, &back));
}

/* A member signs what it likes: what its signature covers must still make sense. */
static void signed_nonsense_is_refused(void **state)
{
	static const struct {
		const char *label;
		struct interval on[3];
		size_t count;
		int64_t gap_ms;
		enum err err;
	} rows[] = {
		{"sense", {{10, 20}, {30, 40}, {50, 60}}, 3, 9, ERR_OK},
		{"a silence no longer than the gap", {{10, 20}, {30, 40}}, 2, 10, ERR_FORMAT},
		{"no silence", {{10, 20}, {20, 40}}, 2, 0, ERR_FORMAT},
		{"starts before 1970", {{-1, 20}}, 1, 0, ERR_FORMAT},
		{"starts beyond time", {{INT64_MAX / 2 + 1, INT64_MAX / 2 + 1}}, 1, 0, ERR_FORMAT},
		{"longer than 400 days", {{0, 400 * DAY + 1}}, 1, 0, ERR_FORMAT},
		{"400 days", {{0, 400 * DAY}}, 1, 0, ERR_OK},
		{"together longer than 400 days",
	         {{0, 399 * DAY}, {399 * DAY + 1, 401 * DAY}},
	         2,
	         0,
	         ERR_FORMAT},
		{"ends before it starts", {{20, 10}}, 1, 0, ERR_FORMAT},
		{"overlapping", {{10, 30}, {20, 40}}, 2, 0, ERR_FORMAT},
		{"a gap of more than 400 days", {{10, 20}}, 1, 400 * DAY + 1, ERR_FORMAT},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query q = plain_query(1, 1000, 0), back;
		struct query_blob blob;

		print_message("%s\n", rows[i].label);
		memcpy(q.question.on, rows[i].on, sizeof(rows[i].on));
		q.question.on_count = rows[i].count;
		q.question.gap_ms = rows[i].gap_ms;
		blob = pack(&q);
		assert_err(rows[i].err, open_at(&blob, NOON, &back));
	}
}

static void an_unknown_severity_is_refused(void **state)
{
	struct query q = plain_query(1, 1000, 0), back;
	struct query_blob blob;
	(void)state;

	q.question.severity = SEVERITY_END;
	blob = pack(&q);
	assert_err(ERR_FORMAT, open_at(&blob, NOON, &back));
}

static void severities_have_names(void **state)
{
	(void)state;

	assert_int_equal(severity_of("low"), SEVERITY_LOW);
	assert_int_equal(severity_of("medium"), SEVERITY_MEDIUM);
	assert_int_equal(severity_of("high"), SEVERITY_HIGH);
	assert_int_equal(severity_of("critical"), SEVERITY_CRITICAL);
	assert_int_equal(severity_of("High"), SEVERITY_END);
	assert_int_equal(severity_of(""), SEVERITY_END);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_opens_as_it_was_asked),
		cmocka_unit_test(the_wire_format_must_not_change),
		cmocka_unit_test(fingerprints_of_every_shape_come_back),
		cmocka_unit_test(a_fingerprint_fits_up_to_its_limit),
		cmocka_unit_test(the_longest_query_fits_a_datagram_or_is_refused),
		cmocka_unit_test(life_and_skew_bound_when_a_query_is_taken),
		cmocka_unit_test(an_origin_whose_certificate_expired_is_named_so),
		cmocka_unit_test(only_members_may_ask_and_only_in_their_own_name),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(signed_nonsense_is_refused),
		cmocka_unit_test(an_unknown_severity_is_refused),
		cmocka_unit_test(severities_have_names),
	};

	return cmocka_run_group_tests_name("wire/query", tests, start, NULL);
}
