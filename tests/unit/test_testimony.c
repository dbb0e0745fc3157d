/* Statements of hosts, and what a gateway's node and a host say to each other. */
#include "proto/wire/inquiry.h"
#include "proto/wire/testimony.h"
#include "tests/unit/test.h"

#include <string.h>

static struct statement statement_of(size_t evidence_len, size_t intervals)
{
	static uint8_t evidence[EVIDENCE_MAX];
	struct statement s = {
		.finding = 7,
		.root = {{1, 2}},
		.evidence = bytes_of(evidence, evidence_len),
		.has_upstream = intervals > 0,
	};
	struct upstream *up = &s.upstream;

	memset(evidence, 0xee, sizeof(evidence));
	if (intervals > 0) {
		*up = (struct upstream){.if_low = 1, .if_high = 2, .life = {1000, 2000}};
		up->src.port = 22;
		up->rhythm.proto = 6;
		up->rhythm.gap_ms = 2000;
		up->rhythm.on_count = intervals;
		for (size_t i = 0; i < intervals; i++)
			up->rhythm.on[i] = (struct interval){(int64_t)(i * 10000),
			                                     (int64_t)(i * 10000 + 5000)};
	}
	return s;
}

static void statements_come_as_they_were_put(void **state)
{
	uint8_t room[TESTIMONY_MAX];
	struct pack p = pack_into(room, sizeof(room));
	const size_t intervals[] = {0, 1, 96};
	struct statement back;
	struct testimony t;
	(void)state;

	testimony_begin(&p, ARRAY_LEN(intervals));
	for (size_t i = 0; i < ARRAY_LEN(intervals); i++) {
		struct statement s = statement_of(100 + i, intervals[i]);

		s.is_incoming = i == 1;
		testimony_put(&p, &s);
	}
	assert_false(p.out.is_full);
	assert_ok(testimony_open(bytes_of(room, pack_len(&p)), &t));
	for (size_t i = 0; i < ARRAY_LEN(intervals); i++) {
		struct statement s = statement_of(100 + i, intervals[i]);

		assert_ok(testimony_next(&t, &back));
		assert_int_equal(7, back.finding);
		assert_int_equal(i == 1, back.is_incoming);
		assert_int_equal(100 + i, bytes_left(&back.evidence));
		assert_int_equal(intervals[i] > 0, back.has_upstream);
		assert_int_equal(intervals[i], back.upstream.rhythm.on_count);
		assert_memory_equal(&s.upstream.rhythm.on, &back.upstream.rhythm.on,
		                    sizeof(s.upstream.rhythm.on));
	}
	assert_err(ERR_NOENT, testimony_next(&t, &back));
}

static void none_is_no_error_and_too_many_is_one(void **state)
{
	uint8_t room[TESTIMONY_MAX];
	struct pack p = pack_into(room, sizeof(room));
	struct statement s = statement_of(10, 0), back;
	struct testimony t;
	(void)state;

	assert_ok(testimony_open(bytes_of(NULL, 0), &t));
	assert_err(ERR_NOENT, testimony_next(&t, &back));
	testimony_begin(&p, TESTIMONY_STATEMENTS_MAX + 1);
	for (size_t i = 0; i <= TESTIMONY_STATEMENTS_MAX; i++)
		testimony_put(&p, &s);
	assert_err(ERR_FORMAT, testimony_open(bytes_of(room, pack_len(&p)), &t));
	p = pack_into(room, sizeof(room));
	testimony_begin(&p, 0);
	assert_err(ERR_FORMAT, testimony_open(bytes_of(room, pack_len(&p)), &t));
}

static void what_is_behind_the_last_or_missing_is_refused(void **state)
{
	uint8_t room[TESTIMONY_MAX] = {0};
	struct pack p = pack_into(room, sizeof(room));
	struct statement s = statement_of(10, 5), back;
	struct testimony t;
	size_t whole;
	(void)state;

	testimony_begin(&p, 1);
	testimony_put(&p, &s);
	whole = pack_len(&p);
	assert_ok(testimony_open(bytes_of(room, whole + 1), &t));
	assert_ok(testimony_next(&t, &back));
	assert_err(ERR_FORMAT, testimony_next(&t, &back));
	for (size_t len = 1; len < whole; len++) {
		if (testimony_open(bytes_of(room, len), &t) == ERR_OK)
			assert_err(ERR_FORMAT, testimony_next(&t, &back));
	}
}

static void inquiries_come_as_they_were_put(void **state)
{
	static const uint8_t octets[EVIDENCE_MAX];
	const struct inquiry rows[] = {
		{.kind = INQUIRY_ASK,
	         .number = 9,
	         .proto = 6,
	         .is_incoming = true,
	         .life = {-5, 5},
	         .shown = 3},
		{.kind = INQUIRY_TOLD,
	         .number = UINT32_MAX,
	         .state = INQUIRY_FOUND,
	         .octets = bytes_of(octets, sizeof(octets))},
		{.kind = INQUIRY_TOLD, .state = INQUIRY_REFUSED},
		{.kind = INQUIRY_ALIVE, .octets = bytes_of(octets, CHECKPOINT_MAX)},
		{.kind = INQUIRY_ALIVE},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[INQUIRY_MAX];
		struct pack p = pack_into(room, sizeof(room));
		struct inquiry back;

		inquiry_pack(&p, &rows[i]);
		assert_false(p.out.is_full);
		assert_ok(inquiry_open(bytes_of(room, pack_len(&p)), &back));
		assert_int_equal(rows[i].kind, back.kind);
		assert_int_equal(rows[i].number, back.number);
		assert_int_equal(rows[i].state, back.state);
		assert_int_equal(rows[i].shown, back.shown);
		assert_int_equal(rows[i].life.start_ms, back.life.start_ms);
		assert_int_equal(bytes_left(&rows[i].octets), bytes_left(&back.octets));
		for (size_t len = 0; len < pack_len(&p); len++)
			assert_err(ERR_FORMAT, inquiry_open(bytes_of(room, len), &back));
	}
}

static void an_inquiry_that_makes_no_sense_is_refused(void **state)
{
	static const uint8_t octets[1];
	const struct inquiry rows[] = {
		{.kind = INQUIRY_ASK, .life = {5, 4}, .shown = 1},
		{.kind = INQUIRY_ASK, .life = {5, 5}, .shown = 0},
		{.kind = INQUIRY_ASK, .life = {5, 5}, .shown = EVIDENCE_PARTS + 1},
		{.kind = INQUIRY_TOLD, .state = INQUIRY_FOUND},
		{.kind = INQUIRY_TOLD, .state = INQUIRY_NOTHING, .octets = bytes_of(octets, 1)},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[INQUIRY_MAX];
		struct pack p = pack_into(room, sizeof(room));
		struct inquiry back;

		inquiry_pack(&p, &rows[i]);
		assert_err(ERR_FORMAT, inquiry_open(bytes_of(room, pack_len(&p)), &back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_come_as_they_were_put),
		cmocka_unit_test(none_is_no_error_and_too_many_is_one),
		cmocka_unit_test(what_is_behind_the_last_or_missing_is_refused),
		cmocka_unit_test(inquiries_come_as_they_were_put),
		cmocka_unit_test(an_inquiry_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests_name("wire/testimony", tests, NULL, NULL);
}
