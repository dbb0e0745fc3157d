#include "base/prng.h"
#include "proto/wire/envelope.h"
#include "proto/wire/query.h"
#include "proto/wire/volumes.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define SKEW INT64_C(5000)

static struct key_pair root;
static struct holder origin;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	origin = holder_of(&root, 100, "R4", "Example Four");
	return 0;
}

/* `count` bursts of `on_ms`, with silences of `off_ms` between them, that end at noon. */
static struct query plain_query(size_t count, int64_t on_ms, int64_t off_ms)
{
	struct query q = {
		.number = 7,
		.nonce = {{9, 8, 7}},
		.issued = {NOON - 1000},
		.expires = {NOON + 30000},
		.reply_to = {{1, 2, 3}},
		.question = {.on_count = count,
	                     .gap_ms = 500,
	                     .bound_ms = 1000,
	                     .lost = 50,
	                     .proto = 6},
	};
	int64_t at = NOON - (int64_t)count * (on_ms + off_ms);

	q.question.severity = SEVERITY_HIGH;
	for (size_t i = 0; i < count; i++, at += on_ms + off_ms)
		q.question.on[i] = (struct interval){at, at + on_ms};
	return q;
}

static enum err open(const struct query_blob *blob, struct query *ret)
{
	return query_open(blob->octets, blob->len, ret);
}

static enum err check(const struct query_blob *blob)
{
	return query_verify(blob->octets, blob->len, &origin.operational.public);
}

static struct query_blob pack(struct query *q)
{
	struct query_blob blob;

	assert_ok(query_pack(q, &origin.card, &origin.operational, &blob));
	return blob;
}

static void assert_blob(const uint8_t *octets, size_t len, struct bytes actual)
{
	assert_int_equal(bytes_left(&actual), len);
	assert_memory_equal(actual.at, octets, len);
}

static void a_query_opens_as_it_was_asked(void **state)
{
	struct query q = plain_query(5, 2000, 3000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	assert_ok(open(&blob, &back));
	assert_ok(check(&blob));
	assert_memory_equal(&back.id, &q.id, sizeof(q.id));
	assert_int_equal(back.number, 7);
	assert_memory_equal(&back.nonce, &q.nonce, sizeof(q.nonce));
	assert_int_equal(back.issued.ms, q.issued.ms);
	assert_int_equal(back.expires.ms, q.expires.ms);
	assert_memory_equal(&back.reply_to, &q.reply_to, sizeof(q.reply_to));
	assert_false(back.is_direct);
	assert_int_equal(back.question.on_count, 5);
	assert_memory_equal(back.question.on, q.question.on, 5 * sizeof(q.question.on[0]));
	assert_int_equal(back.question.gap_ms, 500);
	assert_int_equal(back.question.bound_ms, 1000);
	assert_int_equal(back.question.lost, 50);
	assert_int_equal(back.question.proto, 6);
	assert_int_equal(back.question.severity, SEVERITY_HIGH);
}

/* A minute each, contiguous but for 10 ms; of 1 octet and more. */
static void add_volumes(struct question *q, size_t count)
{
	struct prng p = {5};

	q->volume_count = count;
	for (size_t i = 0; i < count; i++) {
		int64_t at = NOON - (int64_t)(count - i) * 60000;

		q->volumes[i].on = (struct interval){at, at + 59990};
		q->volumes[i].octets = 1 + (prng_next(&p) >> prng_below(&p, 63));
	}
}

static void volumes_come_back_to_within_one_in_a_thousand(void **state)
{
	struct query q = plain_query(1, 60000, 0), back;
	struct query_blob blob;
	(void)state;

	add_volumes(&q.question, 60);
	q.question.way = 1;
	q.question.volumes[0].octets = 1;
	q.question.volumes[1].octets = UINT64_MAX;
	blob = pack(&q);
	assert_ok(open(&blob, &back));
	assert_ok(check(&blob));
	assert_int_equal(back.question.volume_count, 60);
	assert_int_equal(back.question.way, 1);
	for (size_t i = 0; i < 60; i++) {
		const struct volume *v = &q.question.volumes[i], *w = &back.question.volumes[i];
		double given = (double)v->octets, taken = (double)w->octets;

		assert_memory_equal(&v->on, &w->on, sizeof(v->on));
		assert_true(taken >= given * 0.999 && taken <= given * 1.001);
		assert_int_equal(volumes_size(w->octets), volumes_size(v->octets));
	}
}

static void too_many_volumes_for_a_datagram_are_refused(void **state)
{
	struct query q = plain_query(1, 60000, 0);
	struct query_blob blob;
	(void)state;

	add_volumes(&q.question, QUERY_VOLUMES_MAX);
	assert_err(ERR_LIMIT, query_pack(&q, &origin.card, &origin.operational, &blob));
}

static void volumes_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		uint8_t octets[24];
		size_t len;
	} wrong[] = {
		{{0}, 0},                                            /* nothing */
		{{2, 0, 0, 0, 0, 0, 0, 0, 1, 5, 5}, 11},             /* a third way */
		{{0, 0x80, 0, 0, 0, 0, 0, 0, 1, 5, 5}, 11},          /* before 1970 */
		{{0, 0, 0, 0, 0, 0, 0, 0, 1}, 9},                    /* no record */
		{{0, 0, 0, 0, 0, 0, 0, 0, 1, 5}, 10},                /* cut off */
		{{0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0}, 11},             /* no octets */
		{{0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 0x80, 0xe0, 1}, 13}, /* more than 2^64 */
		{{0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 5}, 17},
		{{0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 5, 5, 5, 5, 5, 5, 5},
	         17}, /* three; there is room for two */
	};
	struct volume of[2];
	unsigned way;
	size_t count;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
		assert_err(ERR_FORMAT, volumes_get(bytes_of(wrong[i].octets, wrong[i].len), &way,
		                                   of, ARRAY_LEN(of), &count));
	assert_ok(volumes_get(bytes_of(wrong[8].octets, 14), &way, of, ARRAY_LEN(of), &count));
	assert_int_equal(count, 2);
}

/* Nothing farther from the first record is compared (correlate/volume.h), so nobody reads it. */
static void volumes_span_a_month_and_no_more(void **state)
{
	static const struct {
		const char *label;
		struct interval on[2];
		enum err err;
	} rows[] = {
		{"31 days", {{0, 10}, {20, 31 * DAY}}, ERR_OK},
		{"a millisecond longer", {{0, 10}, {20, 31 * DAY + 1}}, ERR_FORMAT},
		{"the first is longer", {{0, 31 * DAY + 1}, {20, 30}}, ERR_FORMAT},
		{"the second begins later", {{0, 10}, {31 * DAY + 1, 31 * DAY + 1}}, ERR_FORMAT},
		{"a year", {{0, 10}, {365 * DAY, 365 * DAY + 10}}, ERR_FORMAT},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query q = plain_query(1, 60000, 0), back;
		struct query_blob blob;

		print_message("%s\n", rows[i].label);
		q.question.volume_count = 2;
		for (size_t k = 0; k < 2; k++)
			q.question.volumes[k] = (struct volume){rows[i].on[k], 70000};
		blob = pack(&q);
		assert_err(rows[i].err, open(&blob, &back));
	}
}

static void a_query_brings_the_card_of_its_origin(void **state)
{
	struct roots roots = {.keys = {root.public}, .count = 1};
	struct query q = plain_query(1, 1000, 0), back;
	struct query_blob blob = pack(&q);
	struct wall noon = {NOON};
	struct card card;
	(void)state;

	assert_ok(open(&blob, &back));
	assert_blob(origin.card.cert_blob.octets, origin.card.cert_blob.len, back.cert);
	assert_blob(origin.card.record_blob.octets, origin.card.record_blob.len, back.record);
	assert_true(back.cert.at > blob.octets && back.record.end < blob.octets + blob.len);
	assert_ok(card_open(back.cert, back.record, &roots, noon, &card));
	assert_string_equal(card.cert.name, "R4");
	assert_ok(query_verify(blob.octets, blob.len, &card.record.sign));
}

static void its_id_is_that_of_its_octets(void **state)
{
	struct query q = plain_query(1, 1000, 0), other = q;
	struct query_blob blob = pack(&q), second;
	struct query_id id = query_id_of(blob.octets, blob.len);
	(void)state;

	assert_memory_equal(&id, &q.id, sizeof(id));
	other.number = 8;
	second = pack(&other);
	assert_int_equal(second.len, blob.len);
	assert_memory_not_equal(&other.id, &q.id, sizeof(id));
}

/* Who passes a query on could otherwise stop it, by saying that nobody should. */
static void whether_it_is_direct_is_under_the_signature(void **state)
{
	struct query relayed = plain_query(1, 1000, 0), direct = relayed, back;
	struct query_blob blob = pack(&relayed), other;
	(void)state;

	direct.is_direct = true;
	other = pack(&direct);
	assert_ok(open(&other, &back));
	assert_true(back.is_direct);
	assert_int_equal(other.len, blob.len);
	memcpy(other.octets + other.len - 64, blob.octets + blob.len - 64, 64);
	assert_ok(open(&other, &back));
	assert_true(back.is_direct);
	assert_err(ERR_AUTH, check(&other));
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
		assert_ok(open(&blob, &back));
		assert_int_equal(back.question.on_count, asked->on_count);
		assert_memory_equal(back.question.on, asked->on,
		                    asked->on_count * sizeof(asked->on[0]));
	}
}

/* How many intervals with silences of 20 s a query of `h` may have. */
static size_t room_for(const struct holder *h)
{
	size_t count = 0;

	while (count < QUERY_INTERVALS_MAX) {
		struct query q = plain_query(count + 1, 20000, 20000);
		struct query_blob blob = {.len = 77};

		if (query_pack(&q, &h->card, &h->operational, &blob) != ERR_OK) {
			assert_int_equal(blob.len, 77);
			break;
		}
		count++;
	}
	return count;
}

/* The shorter its card, the longer may a member's fingerprint be. */
static void a_fingerprint_fits_up_to_its_limit(void **state)
{
	struct holder shortest = holder_of(&root, 100, "a", "b");
	struct query q = plain_query(QUERY_INTERVALS_MAX, 1000, 1000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	assert_ok(open(&blob, &back));
	assert_int_equal(back.question.on_count, QUERY_INTERVALS_MAX);
	assert_in_range(room_for(&origin), 100, room_for(&shortest) - 1);
}

/* Of a member whose card is as long as cards are: room for few intervals, and none too long. */
static void the_longest_query_fits_a_frame_or_is_refused(void **state)
{
	struct holder longest = holder_of(&root, 100, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn",
	                                  "ooooooooooooooooooooooooooooooo"
	                                  "oooooooooooooooooooooooooooooooo");
	static struct frame f, back;
	uint8_t room[FRAME_MAX];
	size_t last_len = 0;
	(void)state;

	for (size_t count = 1; count <= QUERY_INTERVALS_MAX; count++) {
		struct query q = plain_query(count, 20000, 20000);
		struct query_blob blob;
		size_t len;

		if (query_pack(&q, &longest.card, &longest.operational, &blob) != ERR_OK) {
			assert_in_range(last_len, QUERY_MAX - 6, QUERY_MAX);
			return;
		}
		last_len = blob.len;
		f.kind = FRAME_QUERY;
		f.blob = bytes_of(blob.octets, blob.len);
		len = frame_pack(&f, room);
		assert_true(len > 0);
		assert_ok(frame_open(room, len, &back));
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
		struct query q = plain_query(1, 1000, 0), back;
		struct wall now = {NOON + rows[i].now};
		struct query_blob blob;

		print_message("%s\n", rows[i].label);
		q.issued.ms = rows[i].issued == INT64_MIN ? INT64_MIN : NOON + rows[i].issued;
		q.expires.ms = rows[i].expires == INT64_MIN ? INT64_MIN : NOON + rows[i].expires;
		blob = pack(&q);
		assert_ok(open(&blob, &back));
		assert_err(rows[i].err, query_check_time(&back, now, SKEW));
	}
}

static void only_the_key_of_its_record_signs_it(void **state)
{
	struct key_pair stranger = pair_of(50);
	struct query q = plain_query(1, 1000, 0), back;
	struct query_blob blob = pack(&q);
	(void)state;

	assert_err(ERR_AUTH, query_verify(blob.octets, blob.len, &stranger.public));
	assert_err(ERR_AUTH, query_verify(blob.octets, blob.len, &origin.identity.public));
	assert_ok(query_pack(&q, &origin.card, &stranger, &blob));
	assert_ok(open(&blob, &back)); /* its form is good */
	assert_err(ERR_AUTH, check(&blob));
}

static void every_flipped_bit_is_refused(void **state)
{
	struct query q = plain_query(5, 2000, 3000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	for (size_t bit = 0; bit < 8 * blob.len; bit += 7) {
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (open(&blob, &back) == ERR_OK && check(&blob) == ERR_OK)
			fail_msg("bit %zu may be flipped", bit);
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_and_addition_is_refused(void **state)
{
	struct query q = plain_query(5, 2000, 3000), back;
	struct query_blob blob = pack(&q);
	(void)state;

	for (size_t len = 0; len < blob.len; len++) {
		assert_err(ERR_FORMAT, query_open(blob.octets, len, &back));
		assert_err(ERR_FORMAT, query_verify(blob.octets, len, &origin.operational.public));
	}
	blob.octets[blob.len++] = 0;
	assert_err(ERR_FORMAT, open(&blob, &back));
	assert_err(ERR_FORMAT, check(&blob));
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
		assert_err(rows[i].err, open(&blob, &back));
	}
}

static void an_unknown_severity_is_refused(void **state)
{
	struct query q = plain_query(1, 1000, 0), back;
	struct query_blob blob;
	(void)state;

	q.question.severity = SEVERITY_END;
	blob = pack(&q);
	assert_err(ERR_FORMAT, open(&blob, &back));
}

/* Nobody who knows a clock less well asks with it, nor about what is all lost. */
static void what_no_side_can_be_like_is_refused(void **state)
{
	static const struct {
		int64_t bound_ms;
		unsigned lost;
		enum err err;
	} rows[] = {
		{0, 0, ERR_OK},
		{QUERY_BOUND_MAX_MS, QUERY_LOST_MAX, ERR_OK},
		{QUERY_BOUND_MAX_MS + 1, 0, ERR_FORMAT},
		{INT64_MAX, 0, ERR_FORMAT},
		{-1, 0, ERR_FORMAT},
		{0, QUERY_LOST_MAX + 1, ERR_FORMAT},
		{0, UINT32_MAX, ERR_FORMAT},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct query q = plain_query(1, 1000, 0), back;
		struct query_blob blob;

		q.question.bound_ms = rows[i].bound_ms;
		q.question.lost = rows[i].lost;
		blob = pack(&q);
		assert_err(rows[i].err, open(&blob, &back));
	}
}

/* Numbers begin with 1: of 0 a window could not say that it was seen. */
static void a_query_without_a_number_is_refused(void **state)
{
	struct query q = plain_query(1, 1000, 0), back;
	struct query_blob blob;
	(void)state;

	q.number = 0;
	blob = pack(&q);
	assert_err(ERR_FORMAT, open(&blob, &back));
	q.number = UINT64_MAX;
	blob = pack(&q);
	assert_ok(open(&blob, &back));
	assert_int_equal(back.number, UINT64_MAX);
}

/* Whatever else it has: version 1 had nine fields, and its certificate alone. */
static void another_version_is_named_so(void **state)
{
	static uint8_t body[QUERY_MAX];
	struct query back;
	struct query_blob blob;
	(void)state;

	for (uint64_t i = 0; i < 5 * 3; i++) {
		struct pack p = pack_into(body, sizeof(body));
		uint64_t version = 1 + i % 5;
		size_t fields = (size_t)(14 + i / 5);

		pack_array(&p, fields);
		pack_uint(&p, version);
		for (size_t k = 1; k < fields; k++)
			pack_nil(&p);
		blob.len = envelope_pack(&origin.operational, "spoor query 4", &p, blob.octets,
		                         sizeof(blob.octets));
		assert_err(version == 4 ? ERR_FORMAT : ERR_VERSION, open(&blob, &back));
	}
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
	assert_string_equal(severity_text(SEVERITY_CRITICAL), "critical");
	assert_string_equal(severity_text(SEVERITY_END), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_query_opens_as_it_was_asked),
		cmocka_unit_test(volumes_come_back_to_within_one_in_a_thousand),
		cmocka_unit_test(too_many_volumes_for_a_datagram_are_refused),
		cmocka_unit_test(volumes_that_make_no_sense_are_refused),
		cmocka_unit_test(volumes_span_a_month_and_no_more),
		cmocka_unit_test(a_query_brings_the_card_of_its_origin),
		cmocka_unit_test(its_id_is_that_of_its_octets),
		cmocka_unit_test(whether_it_is_direct_is_under_the_signature),
		cmocka_unit_test(fingerprints_of_every_shape_come_back),
		cmocka_unit_test(a_fingerprint_fits_up_to_its_limit),
		cmocka_unit_test(the_longest_query_fits_a_frame_or_is_refused),
		cmocka_unit_test(life_and_skew_bound_when_a_query_is_taken),
		cmocka_unit_test(only_the_key_of_its_record_signs_it),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(signed_nonsense_is_refused),
		cmocka_unit_test(an_unknown_severity_is_refused),
		cmocka_unit_test(what_no_side_can_be_like_is_refused),
		cmocka_unit_test(a_query_without_a_number_is_refused),
		cmocka_unit_test(another_version_is_named_so),
		cmocka_unit_test(severities_have_names),
	};

	return cmocka_run_group_tests_name("wire/query", tests, start, NULL);
}
