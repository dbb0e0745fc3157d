#include "base/prng.h"
#include "proto/wire/frame.h"
#include "tests/unit/test.h"

#include <string.h>

/* Large: kept off the stack. */
static struct frame frame, back;
static uint8_t room[FRAME_MAX + 64], again[FRAME_MAX];

/* What each kind is made of: `head` octets, then `least` to `most` pieces of `step`. */
static const struct row {
	enum frame_kind kind;
	const char *text;
	size_t head, step, least, most;
} rows[] = {
	/* clang-format off */
	{FRAME_PING,    "ping",    43,                 16, 0, FRAME_HEADS_MAX},
	{FRAME_PONG,    "pong",    43,                 16, 0, FRAME_HEADS_MAX},
	{FRAME_FIND,    "find",    33,                 0,  0, 0},
	{FRAME_NODES,   "nodes",   33,                 50, 0, FRAME_NODES_MAX},
	{FRAME_SUMS,    "sums",    1 + 8 * 128,        0,  0, 0},
	{FRAME_HAVE,    "have",    3,                  12, 0, FRAME_PRINTS_MAX},
	{FRAME_GET,     "get",     1,                  8,  1, FRAME_IDS_MAX},
	{FRAME_CARDS,   "cards",   1,                  4,  1, FRAME_CARDS_MAX}, /* empty ones */
	{FRAME_LACK,    "lack",    42,                 0,  0, 0},
	{FRAME_NOTICE,  "notice",  1,                  1,  1, FRAME_MAX - 1},
	{FRAME_QUERY,   "query",   2,                  1,  1, FRAME_MAX - 2},
	{FRAME_QACK,    "qack",    17,                 0,  0, 0},
	{FRAME_DIGEST,  "digest",  1,                  8,  0, FRAME_IDS_MAX},
	{FRAME_WANT,    "want",    1,                  8,  1, FRAME_IDS_MAX},
	{FRAME_RECEIPT, "receipt", 1,                  1,  1, FRAME_MAX - 1},
	{FRAME_REPLY,   "reply",   17,                 1,  1, FRAME_MAX - 17},
	{FRAME_OFFER,   "offer",   17 + 4 + 32 + 16,   0,  0, 0},
	{FRAME_RACK,    "rack",    18,                 0,  0, 0},
	{FRAME_FETCH,   "fetch",   21,                 0,  0, 0},
	{FRAME_PART,    "part",    21,                 1,  1, FRAME_PART_MAX},
	/* clang-format on */
};

static bool is_length(const struct row *r, size_t len)
{
	size_t rest = len - r->head;

	if (len < r->head || len > FRAME_MAX)
		return false;
	if (r->step == 0)
		return rest == 0;
	return rest % r->step == 0 && rest / r->step >= r->least && rest / r->step <= r->most;
}

/* Octets that may be any are drawn; the few that may not are made good. */
static void draw_octets(const struct row *r, struct prng *p, size_t len)
{
	prng_fill(p, room, len);
	room[0] = (uint8_t)r->kind;
	if (r->kind == FRAME_HAVE) {
		room[1] &= 0x7f;
		room[2] &= 1;
	}
	if (r->kind == FRAME_RACK)
		room[17] = FRAME_OFFER;
	if (r->kind == FRAME_CARDS)
		memset(room + 1, 0, len - 1);
}

static void every_kind_is_in_the_table(void **state)
{
	(void)state;

	assert_int_equal(ARRAY_LEN(rows), FRAME_KIND_END - 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(rows[i].kind, i + 1);
		assert_string_equal(frame_kind_text(rows[i].kind), rows[i].text);
		assert_true(rows[i].head + rows[i].step * rows[i].most <= FRAME_MAX);
	}
	assert_string_equal(frame_kind_text(FRAME_KIND_END), "unknown");
	assert_string_equal(frame_kind_text((enum frame_kind)0), "unknown");
}

static void each_kind_has_its_lengths_and_no_others(void **state)
{
	struct prng p = {1};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];

		for (size_t len = 1; len <= FRAME_MAX + 32; len++) {
			bool is_taken;

			draw_octets(r, &p, MAX(len, r->head));
			is_taken = frame_open(room, len, &back) == ERR_OK;
			if (is_taken != is_length(r, len))
				fail_msg("%s of %zu octets", r->text, len);
		}
	}
}

static void what_opens_packs_to_the_same_octets(void **state)
{
	struct prng p = {2};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t len = rows[i].head; len <= FRAME_MAX; len++) {
			if (!is_length(&rows[i], len))
				continue;
			draw_octets(&rows[i], &p, len);
			assert_ok(frame_open(room, len, &back));
			assert_int_equal(back.kind, rows[i].kind);
			assert_int_equal(frame_pack(&back, again), len);
			assert_memory_equal(again, room, len);
		}
	}
}

static void no_other_kind_is_opened(void **state)
{
	(void)state;

	memset(room, 0, sizeof(room));
	for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
		bool is_some = false;

		room[0] = (uint8_t)kind;
		for (size_t len = 0; len <= FRAME_MAX; len++)
			is_some |= frame_open(room, len, &back) == ERR_OK;
		/* A RACK of nothing is none. */
		assert_int_equal(is_some, kind > 0 && kind < FRAME_KIND_END && kind != FRAME_RACK);
	}
	assert_err(ERR_FORMAT, frame_open(NULL, 0, &back));
}

static void there_and_back(void)
{
	size_t len = frame_pack(&frame, room);

	assert_true(len > 0);
	memset(&back, 0xee, sizeof(back));
	assert_ok(frame_open(room, len, &back));
	assert_int_equal(back.kind, frame.kind);
}

static struct endpoint some_place(uint8_t last)
{
	const uint8_t octets[4] = {10, 1, 2, last};

	return (struct endpoint){addr_from_v4(octets), (uint16_t)(7000 + last)};
}

static void a_state_comes_back(void **state)
{
	(void)state;

	for (frame.kind = FRAME_PING; frame.kind <= FRAME_PONG; frame.kind++) {
		frame.state = (struct frame_state){
			.nonce = UINT64_MAX,
			.wall = {INT64_MIN},
			.sum = 7,
			.observed = some_place(9),
			.heads = {{{{1}}, 5}, {{{2}}, UINT64_MAX}},
			.head_count = 2,
		};
		there_and_back();
		assert_int_equal(back.state.nonce, UINT64_MAX);
		assert_int_equal(back.state.wall.ms, INT64_MIN);
		assert_int_equal(back.state.sum, 7);
		assert_true(endpoint_equal(&back.state.observed, &frame.state.observed));
		assert_int_equal(back.state.head_count, 2);
		assert_true(short_id_equal(back.state.heads[1].root, frame.state.heads[1].root));
		assert_int_equal(back.state.heads[0].number, 5);
		assert_int_equal(back.state.heads[1].number, UINT64_MAX);
	}
}

static void whom_to_find_and_who_was_found_come_back(void **state)
{
	(void)state;

	frame.kind = FRAME_FIND;
	memset(&frame.target, 0xab, sizeof(frame.target));
	there_and_back();
	assert_true(id_equal(&back.target, &frame.target));
	frame.kind = FRAME_NODES;
	frame.node_count = FRAME_NODES_MAX;
	for (uint8_t i = 0; i < FRAME_NODES_MAX; i++)
		frame.nodes[i] = (struct frame_node){{{i}}, some_place(i)};
	there_and_back();
	assert_true(id_equal(&back.target, &frame.target));
	assert_int_equal(back.node_count, FRAME_NODES_MAX);
	for (size_t i = 0; i < FRAME_NODES_MAX; i++) {
		assert_true(id_equal(&back.nodes[i].id, &frame.nodes[i].id));
		assert_true(endpoint_equal(&back.nodes[i].endpoint, &frame.nodes[i].endpoint));
	}
}

static void what_directories_hold_comes_back(void **state)
{
	(void)state;

	frame.kind = FRAME_SUMS;
	for (size_t i = 0; i < FRAME_RANGES; i++)
		frame.sums[i] = UINT64_MAX - i;
	there_and_back();
	assert_memory_equal(back.sums, frame.sums, sizeof(frame.sums));
	frame.kind = FRAME_HAVE;
	frame.range = FRAME_RANGES - 1;
	frame.has_more = true;
	frame.print_count = 2;
	frame.prints[0] = (struct frame_print){{{1}}, 2};
	frame.prints[1] = (struct frame_print){{{3}}, UINT32_MAX};
	there_and_back();
	assert_int_equal(back.range, FRAME_RANGES - 1);
	assert_true(back.has_more);
	assert_int_equal(back.print_count, 2);
	assert_true(short_id_equal(back.prints[1].id, frame.prints[1].id));
	assert_int_equal(back.prints[0].print, 2);
	assert_int_equal(back.prints[1].print, UINT32_MAX);
}

static void assert_blob(struct bytes expected, struct bytes actual)
{
	assert_int_equal(bytes_left(&actual), bytes_left(&expected));
	assert_memory_equal(actual.at, expected.at, bytes_left(&expected));
}

static void cards_come_back_and_too_many_octets_do_not_fit(void **state)
{
	static const uint8_t octets[400];
	(void)state;

	frame.kind = FRAME_CARDS;
	frame.card_count = 2;
	frame.cards[0][0] = bytes_of("cert", 4);
	frame.cards[0][1] = bytes_of("rec", 3);
	frame.cards[1][0] = bytes_of(octets, 384);
	frame.cards[1][1] = bytes_of(octets, 256);
	there_and_back();
	assert_int_equal(back.card_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_blob(frame.cards[i][0], back.cards[i][0]);
		assert_blob(frame.cards[i][1], back.cards[i][1]);
	}
	frame.cards[0][0] = bytes_of(octets, 384);
	frame.cards[0][1] = bytes_of(octets, FRAME_MAX - 1 - 4 - 4 - 384 - 384 - 256);
	there_and_back(); /* to the last octet */
	frame.cards[0][1] = bytes_of(octets, FRAME_MAX - 4 - 4 - 384 - 384 - 256);
	assert_int_equal(frame_pack(&frame, room), 0);
}

static void cards_that_promise_more_than_there_is_are_refused(void **state)
{
	static const uint8_t octets[] = {FRAME_CARDS, 0, 1, 'c', 0, 2, 'r', 's', 0xff, 0xff, 'c'};
	(void)state;

	for (size_t len = 0; len <= sizeof(octets); len++)
		assert_err(len == 8 ? ERR_OK : ERR_FORMAT, frame_open(octets, len, &back));
}

static void pages_and_questions_come_back(void **state)
{
	static uint8_t octets[FRAME_MAX];
	(void)state;

	frame.kind = FRAME_LACK;
	memset(&frame.root, 0xcd, sizeof(frame.root));
	frame.number = UINT64_MAX;
	frame.page = 99;
	there_and_back();
	assert_memory_equal(&back.root, &frame.root, sizeof(frame.root));
	assert_int_equal(back.number, UINT64_MAX);
	assert_int_equal(back.page, 99);
	frame.kind = FRAME_QUERY;
	frame.hops = 12;
	frame.blob = bytes_of(octets, FRAME_MAX - 2);
	there_and_back();
	assert_int_equal(back.hops, 12);
	assert_blob(frame.blob, back.blob);
	frame.blob = bytes_of(octets, FRAME_MAX - 1);
	assert_int_equal(frame_pack(&frame, room), 0);
	for (size_t i = 0; i < 2; i++) {
		frame.kind = i == 0 ? FRAME_NOTICE : FRAME_RECEIPT;
		frame.blob = bytes_of("a page", 6);
		there_and_back();
		assert_blob(frame.blob, back.blob);
	}
}

static void names_of_questions_come_back_even_twice(void **state)
{
	static const enum frame_kind kinds[] = {FRAME_GET, FRAME_DIGEST, FRAME_WANT};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		frame.kind = kinds[i];
		frame.id_count = 3;
		frame.ids[0] = frame.ids[2] = (struct short_id){{1, 2, 3, 4, 5, 6, 7, 8}};
		frame.ids[1] = (struct short_id){{0xff}};
		there_and_back();
		assert_int_equal(back.id_count, 3);
		for (size_t j = 0; j < 3; j++)
			assert_true(short_id_equal(back.ids[j], frame.ids[j]));
	}
}

static void a_digest_may_be_empty_and_nothing_else_of_its_kind(void **state)
{
	(void)state;

	frame.id_count = 0;
	frame.kind = FRAME_DIGEST;
	there_and_back();
	assert_int_equal(back.id_count, 0);
	for (int i = 0; i < 2; i++) {
		frame.kind = i == 0 ? FRAME_GET : FRAME_WANT;
		assert_int_equal(frame_pack(&frame, room), 1);
		assert_err(ERR_FORMAT, frame_open(room, 1, &back));
	}
}

static void answers_and_what_is_said_of_them_come_back(void **state)
{
	(void)state;

	memset(&frame.query_id, 0x11, sizeof(frame.query_id));
	memset(&frame.digest, 0x22, sizeof(frame.digest));
	memset(&frame.token, 0x33, sizeof(frame.token));
	frame.len = UINT32_MAX;
	frame.offset = UINT32_MAX - 1;
	frame.about = FRAME_REPLY;
	frame.blob = bytes_of("sealed", 6);
	for (frame.kind = FRAME_REPLY; frame.kind <= FRAME_PART; frame.kind++) {
		there_and_back();
		assert_memory_equal(&back.query_id, &frame.query_id, sizeof(frame.query_id));
		if (frame.kind == FRAME_REPLY || frame.kind == FRAME_PART)
			assert_blob(frame.blob, back.blob);
		if (frame.kind == FRAME_FETCH || frame.kind == FRAME_PART)
			assert_int_equal(back.offset, UINT32_MAX - 1);
		if (frame.kind == FRAME_RACK)
			assert_int_equal(back.about, FRAME_REPLY);
		if (frame.kind != FRAME_OFFER)
			continue;
		assert_int_equal(back.len, UINT32_MAX);
		assert_true(id_equal(&back.digest, &frame.digest));
		assert_true(nonce_equal(&back.token, &frame.token));
	}
}

static void nothing_but_receipts_replies_and_offers_is_acknowledged_so(void **state)
{
	(void)state;

	memset(room, 0, 18);
	room[0] = FRAME_RACK;
	for (unsigned about = 0; about <= UINT8_MAX; about++) {
		bool is_some =
			about == FRAME_RECEIPT || about == FRAME_REPLY || about == FRAME_OFFER;

		room[17] = (uint8_t)about;
		assert_err(is_some ? ERR_OK : ERR_FORMAT, frame_open(room, 18, &back));
	}
}

static void ranges_end_with_the_last_and_truth_has_two_values(void **state)
{
	(void)state;

	for (unsigned range = 0; range <= UINT8_MAX; range++) {
		for (unsigned more = 0; more <= UINT8_MAX; more += more < 4 ? 1 : 251) {
			room[0] = FRAME_HAVE;
			room[1] = (uint8_t)range;
			room[2] = (uint8_t)more;
			assert_err(range < FRAME_RANGES && more <= 1 ? ERR_OK : ERR_FORMAT,
			           frame_open(room, 3, &back));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_is_in_the_table),
		cmocka_unit_test(each_kind_has_its_lengths_and_no_others),
		cmocka_unit_test(what_opens_packs_to_the_same_octets),
		cmocka_unit_test(no_other_kind_is_opened),
		cmocka_unit_test(a_state_comes_back),
		cmocka_unit_test(whom_to_find_and_who_was_found_come_back),
		cmocka_unit_test(what_directories_hold_comes_back),
		cmocka_unit_test(cards_come_back_and_too_many_octets_do_not_fit),
		cmocka_unit_test(cards_that_promise_more_than_there_is_are_refused),
		cmocka_unit_test(pages_and_questions_come_back),
		cmocka_unit_test(names_of_questions_come_back_even_twice),
		cmocka_unit_test(a_digest_may_be_empty_and_nothing_else_of_its_kind),
		cmocka_unit_test(answers_and_what_is_said_of_them_come_back),
		cmocka_unit_test(nothing_but_receipts_replies_and_offers_is_acknowledged_so),
		cmocka_unit_test(ranges_end_with_the_last_and_truth_has_two_values),
	};

	return cmocka_run_group_tests_name("wire/frame", tests, NULL, NULL);
}
