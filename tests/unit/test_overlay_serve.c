#include "proto/wire/channel.h"
#include "tests/unit/overlay_fixture.h"

enum { A, B, C };

static struct world *circle(size_t count)
{
	struct world *w = world_new(count);

	all_meet(w);
	run(w, 5000);
	return w;
}

static void a_question_is_searched_for_once_however_many_copies_come(void **state)
{
	struct world *w = circle(3);
	(void)state;

	assert_ok(ask(w, A, 20000));
	for (int i = 0; i < 5; i++) {
		say_query(w, A, B, &w->parties[A].blob, 0);
		say_query(w, C, B, &w->parties[A].blob, 1);
		run(w, 500);
	}
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 1);
	assert_int_equal(w->parties[A].acts[ACT_RECEIPT], 2); /* b's, c's */
	world_free(w);
}

/* a lives outside its certificate's prefixes, and says nothing of where. */
static struct world *displaced(void)
{
	struct world *w = world_new(2);

	w->parties[A].at = place(66, 6);
	w->parties[A].options.self.card.record.endpoint_count = 0;
	reissue(w, A);
	start_all(w);
	remember(w, A, B);
	run(w, 5000);
	return w;
}

static void answers_go_nowhere_but_where_the_askers_certificate_allows(void **state)
{
	static struct frame fetch;
	struct world *w = displaced();
	(void)state;

	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 10000));
	run(w, 12000);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 1);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], 0);
	assert_int_equal(w->frames[B][A][FRAME_REPLY] + w->frames[B][A][FRAME_OFFER], 0);
	assert_true(counters(w, B)->misplaced > 0);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_SILENT);
	assert_ok(ask(w, A, 10000));
	run(w, 1000);
	fetch.kind = FRAME_FETCH;
	fetch.query_id = w->parties[A].query.id;
	fetch.offset = 0;
	say_frame(w, A, B, &fetch);
	run(w, 100);
	assert_int_equal(w->frames[B][A][FRAME_PART], 0);
	world_free(w);
}

/* Who is behind NAT has no address to be called at; its own session is good. */
static void who_cannot_be_called_is_answered_where_it_called_from(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	w->parties[A].options.self.card.record.endpoint_count = 0;
	reissue(w, A);
	start_all(w);
	remember(w, A, B);
	run(w, 5000);
	w->parties[B].policy = POLICY_MATCH;
	assert_ok(ask(w, A, 10000));
	run(w, 5000);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_ANSWERED);
	assert_int_equal(w->packets[B][PACKET_INIT], 0);
	world_free(w);
}

static bool lose_racks(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	(void)to;
	return f->kind != FRAME_RACK;
}

static void what_is_not_acknowledged_is_said_again_and_not_for_ever(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->bend = lose_racks;
	w->parties[B].policy = POLICY_MATCH;
	assert_ok(ask(w, A, 120000));
	run(w, 1000);
	assert_in_range(w->frames[B][A][FRAME_RECEIPT], 2, 3);
	run(w, 100000);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], 7);
	assert_int_equal(w->frames[B][A][FRAME_REPLY], 7);
	assert_int_equal(w->parties[A].acts[ACT_RECEIPT], 1);
	assert_int_equal(w->parties[A].acts[ACT_ANSWER], 1);
	world_free(w);
}

static void a_long_answer_comes_by_a_stream(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 20000));
	run(w, 5000);
	assert_int_equal(w->parties[A].acts[ACT_CONNECT], 1);
	assert_true(w->parties[B].acts[ACT_WRITE] > 1);
	assert_int_equal(w->parties[A].acts[ACT_CLOSE], 1);
	assert_int_equal(w->parties[B].acts[ACT_CLOSE], 1);
	assert_int_equal(w->frames[B][A][FRAME_PART], 0);
	assert_int_equal(w->parties[A].findings[B], 40);
	assert_true(w->parties[A].is_evidence[B]);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_ANSWERED);
	world_free(w);
}

static void where_no_stream_opens_it_comes_in_parts(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->has_streams = false;
	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 20000));
	run(w, 10000);
	assert_true(w->frames[B][A][FRAME_PART] > 1);
	assert_int_equal(w->parties[A].findings[B], 40);
	assert_true(w->parties[A].is_evidence[B]);
	world_free(w);
}

static struct prng dice;

static bool lose_a_tenth(struct world *w, struct parcel *p)
{
	(void)w;
	return p->thing != THING_DATAGRAM || prng_below(&dice, 10) != 0;
}

static void parts_that_get_lost_are_fetched_again(void **state)
{
	(void)state;

	for (unsigned i = 1; i <= 20; i++) {
		struct world *w = circle(2);

		dice.state = i;
		w->has_streams = false;
		w->pass = lose_a_tenth;
		w->parties[B].policy = POLICY_LONG;
		assert_ok(ask(w, A, 60000));
		run(w, 61000);
		assert_int_equal(w->parties[A].outcomes[B], TARGET_ANSWERED);
		assert_true(w->parties[A].is_evidence[B]);
		world_free(w);
	}
}

/* The end of a stream is anybody's to forge. */
static void a_stream_that_ends_early_is_given_up_for_parts(void **state)
{
	struct world *w = circle(2);
	size_t octets = 0;
	(void)state;

	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 20000));
	while (octets < 2) {
		run(w, 1);
		octets = 0;
		for (size_t i = 0; i < w->parcel_count; i++)
			octets += w->parcels[i].thing == THING_OCTETS && w->parcels[i].from == B;
	}
	for (size_t i = w->parcel_count; octets > 1 && i-- > 0;) {
		if (w->parcels[i].thing != THING_OCTETS)
			continue;
		w->parcels[i].thing = THING_CLOSED; /* instead of the last of it */
		octets = 0;
	}
	run(w, 15000);
	assert_true(w->frames[B][A][FRAME_PART] > 1);
	assert_true(w->parties[A].is_evidence[B]);
	world_free(w);
}

static bool twist_offer(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	(void)to;
	if (f->kind == FRAME_OFFER)
		f->digest.octets[0] ^= 1;
	return true;
}

static void what_is_not_what_was_offered_is_false(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->bend = twist_offer;
	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 20000));
	run(w, 10000);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_FALSE);
	assert_int_equal(w->parties[A].answers[B], 0);
	assert_int_equal(counters(w, A)->forged, 1);
	world_free(w);
}

static bool lose_parts(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	(void)to;
	return f->kind != FRAME_PART;
}

static void a_match_whose_answer_never_comes_is_broken(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->has_streams = false;
	w->bend = lose_parts;
	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 60000));
	run(w, 61000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_MATCH);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_BROKEN);
	world_free(w);
}

/* A part is for whom the answer is for: it is sealed, but its length is news too. */
static void nobody_else_fetches_it(void **state)
{
	static struct frame f;
	struct world *w = world_new(3);
	uint64_t unasked;
	(void)state;

	/* Where c lives, a might live too. */
	w->parties[A].options.self.card.cert.prefixes[0] =
		(struct prefix){place(0, 0).addr, 96 + 16};
	reissue(w, A);
	all_meet(w);
	run(w, 5000);
	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 20000));
	run(w, 5000);
	unasked = counters(w, B)->unasked;
	f.kind = FRAME_FETCH;
	f.query_id = w->parties[A].query.id;
	f.offset = 0;
	say_frame(w, C, B, &f);
	run(w, 100);
	assert_int_equal(w->frames[B][C][FRAME_PART], 0);
	assert_int_equal(counters(w, B)->unasked, unasked + 1);
	f.offset = UINT32_MAX; /* behind its end */
	say_frame(w, A, B, &f);
	run(w, 100);
	assert_int_equal(w->frames[B][A][FRAME_PART], 0);
	world_free(w);
}

static uint32_t accept_from(struct world *w, size_t i, const struct endpoint *from)
{
	uint32_t stream;

	assert_ok(overlay_accept(w->parties[i].overlay, now_of(w, i), from, &stream));
	return stream;
}

static void a_stream_that_does_not_say_a_token_is_closed_unanswered(void **state)
{
	struct world *w = circle(2);
	struct endpoint stranger = place(66, 6);
	uint8_t hello[CHANNEL_HELLO_LEN];
	uint32_t stream;
	(void)state;

	stream = accept_from(w, B, &stranger);
	memset(hello, 0x5a, sizeof(hello));
	for (size_t i = 0; i + 1 < sizeof(hello); i++) {
		overlay_octets(w->parties[B].overlay, now_of(w, B), stream, hello + i, 1);
		drain(w, B);
		assert_int_equal(w->parties[B].acts[ACT_CLOSE], 0);
	}
	overlay_octets(w->parties[B].overlay, now_of(w, B), stream, hello, 1);
	drain(w, B);
	assert_int_equal(w->parties[B].acts[ACT_CLOSE], 1);
	assert_int_equal(w->parties[B].acts[ACT_WRITE], 0);
	stream = accept_from(w, B, &stranger);
	overlay_octets(w->parties[B].overlay, now_of(w, B), stream, (uint8_t[200]){0}, 200);
	drain(w, B);
	assert_int_equal(w->parties[B].acts[ACT_CLOSE], 2);
	assert_int_equal(counters(w, B)->malformed, 1);
	world_free(w);
}

static void streams_that_say_nothing_take_few_places_and_not_for_long(void **state)
{
	struct world *w = circle(2);
	struct endpoint strangers[2] = {place(66, 6), place(67, 7)};
	uint32_t stream;
	(void)state;

	for (int i = 0; i < 2; i++)
		accept_from(w, B, &strangers[0]);
	assert_err(ERR_LIMIT,
	           overlay_accept(w->parties[B].overlay, now_of(w, B), &strangers[0], &stream));
	accept_from(w, B, &strangers[1]);
	run(w, 10000);
	assert_int_equal(w->parties[B].acts[ACT_CLOSE], 3);
	accept_from(w, B, &strangers[0]);
	world_free(w);
}

static void strangers_of_one_network_are_one(void **state)
{
	struct world *w = circle(2);
	struct endpoint v4 = place(66, 6), v6 = {.port = 7667};
	uint32_t stream;
	(void)state;

	for (int i = 0; i < 2; i++) {
		v4.addr.octets[15]++;
		accept_from(w, B, &v4);
	}
	v4.addr.octets[15]++;
	assert_err(ERR_LIMIT, overlay_accept(w->parties[B].overlay, now_of(w, B), &v4, &stream));
	run(w, 10000);
	assert_ok(addr_parse("2001:db8:1::1", &v6.addr));
	for (int i = 0; i < 2; i++) {
		v6.addr.octets[6]++; /* behind the first 48 bits */
		accept_from(w, B, &v6);
	}
	v6.addr.octets[6]++;
	assert_err(ERR_LIMIT, overlay_accept(w->parties[B].overlay, now_of(w, B), &v6, &stream));
	v6.addr.octets[5]++; /* another network's */
	accept_from(w, B, &v6);
	world_free(w);
}

/* Else strangers from a few networks would keep members from their answers. */
static void who_is_in_a_session_takes_the_place_of_a_stranger(void **state)
{
	struct world *w = circle(3);
	struct endpoint stranger = place(66, 6), other = place(70, 7);
	uint32_t first, stream;
	(void)state;

	assert_true(is_live(w, B, A) && is_live(w, B, C));
	first = accept_from(w, B, &stranger);
	w->now_ms++;
	accept_from(w, B, &stranger);
	stranger = place(67, 6);
	for (int i = 0; i < 2; i++)
		accept_from(w, B, &stranger);
	assert_err(ERR_LIMIT, overlay_accept(w->parties[B].overlay, now_of(w, B), &other, &stream));
	for (unsigned i = 1; i <= 2; i++) {
		accept_from(w, B, &w->parties[A].at);
		drain(w, B);
		assert_int_equal(w->parties[B].acts[ACT_CLOSE], i);
	}
	overlay_octets(w->parties[B].overlay, now_of(w, B), first, (uint8_t[200]){0}, 200);
	assert_int_equal(counters(w, B)->malformed, 0); /* the oldest has gone */
	assert_err(ERR_LIMIT, overlay_accept(w->parties[B].overlay, now_of(w, B), &w->parties[A].at,
	                                     &stream)); /* it has its share */
	for (unsigned i = 3; i <= 4; i++)
		accept_from(w, B, &w->parties[C].at);
	drain(w, B);
	assert_int_equal(w->parties[B].acts[ACT_CLOSE], 4);
	assert_err(ERR_LIMIT, overlay_accept(w->parties[B].overlay, now_of(w, B), &other, &stream));
	world_free(w);
}

/* The keys of a repeated hello would be the same again. */
static void a_token_is_good_once(void **state)
{
	struct world *w = circle(2);
	uint8_t hello[CHANNEL_HELLO_LEN];
	size_t len = 0;
	unsigned writes;
	uint32_t stream;
	(void)state;

	w->parties[B].policy = POLICY_LONG;
	assert_ok(ask(w, A, 60000));
	for (; len == 0; run(w, 1)) {
		for (size_t i = 0; i < w->parcel_count; i++) {
			const struct parcel *p = &w->parcels[i];

			if (p->thing != THING_OCTETS || p->from != A)
				continue;
			len = p->len;
			memcpy(hello, p->data, MIN(p->len, sizeof(hello)));
		}
	}
	assert_int_equal(len, CHANNEL_HELLO_LEN);
	run(w, 1000);
	writes = w->parties[B].acts[ACT_WRITE];
	assert_true(writes > 0);
	stream = accept_from(w, B, &w->parties[A].at);
	overlay_octets(w->parties[B].overlay, now_of(w, B), stream, hello, len);
	drain(w, B);
	assert_int_equal(w->parties[B].acts[ACT_WRITE], writes);
	assert_int_equal(w->parties[B].acts[ACT_CLOSE], 2);
	world_free(w);
}

/* Whatever came of them. */
static void one_organisations_searches_have_a_budget_of_time(void **state)
{
	static const enum policy policies[] = {POLICY_NONE, POLICY_REFUSE, POLICY_LATER};
	(void)state;

	for (size_t k = 0; k < ARRAY_LEN(policies); k++) {
		struct world *w = circle(2);
		struct party *b = &w->parties[B];
		unsigned busy = 0;

		b->policy = POLICY_LATER;
		for (int i = 0; i < 8; i++) {
			assert_ok(ask(w, A, 2000));
			run(w, 200);
			if (b->acts[ACT_SERVE] > (unsigned)i) {
				overlay_spent(b->overlay, now_of(w, B), "Org A", 60000);
				give_answer(w, B, b->served, policies[k]);
			}
			run(w, 400);
			busy += w->parties[A].receipts[B] == RECEIPT_BUSY;
			overlay_cancel(w->parties[A].overlay, w->parties[A].ticket);
		}
		assert_true(b->acts[ACT_SERVE] < 8);
		assert_true(busy > 0);
		assert_int_equal(counters(w, B)->busy, busy);
		world_free(w);
	}
}

/* A minute of searching is half an hour of an organisation's budget, however much is held. */
static void what_a_search_took_is_charged_in_full(void **state)
{
	static const struct {
		uint64_t wait_ms;
		int receipt;
	} rows[] = {{600000, RECEIPT_BUSY}, {900000, RECEIPT_BUSY}, {600000, RECEIPT_NONE}};
	struct world *w = circle(2);
	struct party *b = &w->parties[B];
	(void)state;

	assert_ok(ask(w, A, 2000));
	run(w, 3000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_NONE);
	overlay_spent(b->overlay, now_of(w, B), "Org A", 60000 + 8000);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run(w, rows[i].wait_ms);
		w->parties[A].receipts[B] = -1;
		assert_ok(ask(w, A, 2000));
		run(w, 3000);
		assert_int_equal(w->parties[A].receipts[B], rows[i].receipt);
	}
	world_free(w);
}

static void one_member_may_ask_so_many_and_no_more(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	w->parties[B].options.limits.serves_max = 32;
	w->parties[B].options.limits.held_max = 32;
	w->parties[B].options.limits.seen_max = 64;
	all_meet(w);
	run(w, 5000);
	w->parties[B].policy = POLICY_LATER;
	for (uint64_t i = 1; i <= 16; i++) {
		struct query q = {.reply_to = {{1}}};
		struct query_blob blob;

		forge_query(w, A, i, &q, &blob);
		say_query(w, A, B, &blob, 0);
	}
	run(w, 500);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 8);
	assert_int_equal(counters(w, B)->over_budget, 8);
	world_free(w);
}

/* Its asker hears of it, and is served when there is room: it is not taken for silent. */
static void where_there_is_no_room_the_asker_comes_again(void **state)
{
	struct world *w = world_new(2);
	uint32_t first;
	(void)state;

	w->parties[B].options.limits.serves_max = 1;
	w->parties[B].policy = POLICY_LATER;
	all_meet(w);
	run(w, 5000);
	assert_ok(ask(w, A, 60000));
	run(w, 1000);
	first = w->parties[B].served;
	assert_ok(ask(w, A, 60000));
	run(w, 1000);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 1);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_BUSY);
	give_answer(w, B, first, POLICY_NONE);
	w->parties[B].policy = POLICY_NONE;
	run(w, 10000);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 2);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 2);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_NONE);
	world_free(w);
}

static bool lose_every_part(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	(void)to;
	return f->kind != FRAME_PART;
}

/* Its asker has yet to fetch it; of one without there is nothing to fetch. */
static void an_answer_does_not_make_room_before_one_without(void **state)
{
	struct world *w = world_new(3);
	(void)state;

	w->parties[B].options.limits.serves_max = 2;
	w->parties[B].policy = POLICY_LONG;
	w->has_streams = false;
	w->bend = lose_every_part;
	all_meet(w);
	run(w, 5000);
	assert_ok(ask(w, A, 20000));
	run(w, 1000);
	w->parties[B].policy = POLICY_NONE;
	for (int i = 0; i < 2; i++) {
		assert_ok(ask(w, 2, 30000));
		run(w, 500);
	}
	w->bend = NULL;
	run(w, 5000);
	assert_int_equal(w->parties[A].answers[B], 1);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_ANSWERED);
	assert_int_equal(w->parties[2].outcomes[B], TARGET_NONE);
	world_free(w);
}

static void an_answer_that_comes_too_late_is_told_so(void **state)
{
	static struct answer answer;
	struct world *w = circle(2);
	struct party *b = &w->parties[B];
	(void)state;

	b->policy = POLICY_LATER;
	make_answer(B, 1, &answer);
	assert_ok(ask(w, A, 5000));
	run(w, 6000);
	assert_err(ERR_NOENT, overlay_answer(b->overlay, now_of(w, B), b->served, &answer, true));
	overlay_refuse(b->overlay, now_of(w, B), b->served, RECEIPT_BUSY); /* harmless */
	assert_ok(ask(w, A, 5000));
	run(w, 100);
	assert_ok(overlay_answer(b->overlay, now_of(w, B), b->served, &answer, true));
	assert_err(ERR_NOENT, overlay_answer(b->overlay, now_of(w, B), b->served, &answer, true));
	world_free(w);
}

static void an_answer_longer_than_there_is_room_for_is_told_so(void **state)
{
	static struct answer answer;
	struct world *w = world_new(2);
	struct party *b = &w->parties[B];
	(void)state;

	b->options.limits.answer_max = 2000;
	all_meet(w);
	run(w, 5000);
	b->policy = POLICY_LATER;
	make_answer(B, 40, &answer);
	assert_ok(ask(w, A, 5000));
	run(w, 100);
	assert_err(ERR_LIMIT, overlay_answer(b->overlay, now_of(w, B), b->served, &answer, true));
	answer.finding_count = 3;
	assert_ok(overlay_answer(b->overlay, now_of(w, B), b->served, &answer, true));
	world_free(w);
}

/* Its driver was busy elsewhere, and nothing is to be searched for any more. */
static void a_question_that_expired_in_the_outbox_is_not_handed_out(void **state)
{
	struct world *w = circle(2);
	struct party *b = &w->parties[B];
	(void)state;

	assert_ok(ask(w, A, 2000));
	run(w, 9);
	b->is_deaf = true;
	for (int i = 0; i < 40; i++) {
		run(w, 100);
		overlay_expire(b->overlay, now_of(w, B));
	}
	b->is_deaf = false;
	run(w, 100);
	assert_int_equal(b->acts[ACT_SERVE], 0);
	world_free(w);
}

static void who_does_not_answer_is_not_asked(void **state)
{
	struct world *w = world_new(3);
	(void)state;

	w->parties[B].options.self.card.cert.roles = CERT_ROLE_ASK;
	reissue(w, B);
	all_meet(w);
	run(w, 5000);
	assert_ok(ask(w, A, 10000));
	run(w, 3000);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 0);
	assert_int_equal(w->parties[A].outcome_count, 1);
	assert_int_equal(w->parties[A].outcomes[C], TARGET_NONE);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_searched_for_once_however_many_copies_come),
		cmocka_unit_test(answers_go_nowhere_but_where_the_askers_certificate_allows),
		cmocka_unit_test(who_cannot_be_called_is_answered_where_it_called_from),
		cmocka_unit_test(what_is_not_acknowledged_is_said_again_and_not_for_ever),
		cmocka_unit_test(a_long_answer_comes_by_a_stream),
		cmocka_unit_test(where_no_stream_opens_it_comes_in_parts),
		cmocka_unit_test(parts_that_get_lost_are_fetched_again),
		cmocka_unit_test(a_stream_that_ends_early_is_given_up_for_parts),
		cmocka_unit_test(what_is_not_what_was_offered_is_false),
		cmocka_unit_test(a_match_whose_answer_never_comes_is_broken),
		cmocka_unit_test(nobody_else_fetches_it),
		cmocka_unit_test(a_stream_that_does_not_say_a_token_is_closed_unanswered),
		cmocka_unit_test(streams_that_say_nothing_take_few_places_and_not_for_long),
		cmocka_unit_test(strangers_of_one_network_are_one),
		cmocka_unit_test(who_is_in_a_session_takes_the_place_of_a_stranger),
		cmocka_unit_test(a_token_is_good_once),
		cmocka_unit_test(one_organisations_searches_have_a_budget_of_time),
		cmocka_unit_test(what_a_search_took_is_charged_in_full),
		cmocka_unit_test(one_member_may_ask_so_many_and_no_more),
		cmocka_unit_test(where_there_is_no_room_the_asker_comes_again),
		cmocka_unit_test(an_answer_does_not_make_room_before_one_without),
		cmocka_unit_test(an_answer_that_comes_too_late_is_told_so),
		cmocka_unit_test(an_answer_longer_than_there_is_room_for_is_told_so),
		cmocka_unit_test(a_question_that_expired_in_the_outbox_is_not_handed_out),
		cmocka_unit_test(who_does_not_answer_is_not_asked),
	};

	return cmocka_run_group_tests_name("overlay/serve", tests, NULL, NULL);
}
