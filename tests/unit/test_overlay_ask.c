/* Our questions, and theirs. */
#include "tests/unit/overlay_fixture.h"

static void an_answer_in_parts_arrives_whole_though_parts_are_lost(void **state)
{
	struct world *w = *state;
	unsigned parts = 0;
	struct parcel p;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 1);
	assert_ok(reply(w, 1, 40));
	while (take_parcel(w, &p)) { /* every other part is lost */
		assert_int_equal(kind_of(&p), MESSAGE_ANSWER);
		if (parts++ % 2 == 0)
			assert_ok(hand_over(w, 0, &p));
		while (w->parcel_count > 0 && kind_of(&w->parcels[0]) == MESSAGE_RECEIPT) {
			p = expect(w, MESSAGE_RECEIPT);
			assert_ok(hand_over(w, 1, &p));
		}
		if (parts == 8)
			break;
	}
	assert_true(parts >= 4);
	assert_int_equal(w->parties[0].answered, 0);
	w->parcel_count = 0;
	pass(w, 3000);
	assert_int_equal(w->parties[0].answered, 1);
	assert_int_equal(w->parties[0].answer.finding_count, 40);
	assert_int_equal(w->parties[0].answer.connections, 77);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_ANSWERED);
	assert_int_equal(w->parties[1].served, 1);
}

/* Signed anew by its sender, so that only the seal and the signature inside can tell. */
static void an_answer_with_one_bit_changed_is_false(void **state)
{
	struct world *w = *state;
	uint8_t chunk[MESSAGE_CHUNK_MAX];
	struct parcel p;
	struct body body;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	assert_ok(reply(w, 1, 1));
	p = expect(w, MESSAGE_ANSWER);
	body = opened(&p).body;
	memcpy(chunk, body.chunk.at, bytes_left(&body.chunk));
	chunk[100] ^= 4;
	body.chunk = bytes_of(chunk, bytes_left(&body.chunk));
	p = forge(w, 1, MESSAGE_ANSWER, &body);
	assert_ok(hand_over(w, 0, &p));
	assert_int_equal(counters(w, 0)->forged, 1);
	assert_int_equal(w->parties[0].answered, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_FALSE);
}

/* No octet of a query, and none of its envelope, can be changed unnoticed. */
static void a_query_changed_anywhere_is_not_served(void **state)
{
	struct world *w = *state;
	struct parcel whole;

	meet(w, 0, 1);
	ask(w, 0);
	whole = expect(w, MESSAGE_QUERY);
	for (size_t i = 0; i < whole.len; i++) {
		struct parcel p = whole;

		p.data[i] ^= 0x10;
		(void)hand_over(w, 1, &p);
	}
	assert_int_equal(w->parties[1].served, 0);
	assert_ok(hand_over(w, 1, &whole));
	assert_int_equal(w->parties[1].served, 1);
}

static void a_query_that_comes_again_is_served_once(void **state)
{
	struct world *w = *state;
	struct parcel p;

	meet(w, 0, 1);
	ask(w, 0);
	p = expect(w, MESSAGE_QUERY);
	for (int i = 0; i < 3; i++)
		assert_ok(hand_over(w, 1, &p));
	settle(w);
	assert_ok(reply(w, 1, 1));
	settle(w);
	w->now_ms += 60000;
	assert_err(ERR_STALE, hand_over(w, 1, &p));
	w->now_ms += 600000;
	(void)hand_over(w, 1, &p);
	assert_int_equal(w->parties[1].served, 1);
	assert_int_equal(w->parties[0].answered, 1);
}

static void a_refusal_is_an_outcome(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	overlay_refuse(w->parties[1].overlay, now_of(w, 1), w->parties[1].ticket, RECEIPT_REFUSED);
	drain(w, 1);
	settle(w);
	assert_int_equal(counters(w, 1)->refused, 1);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_REFUSED);
}

static void a_refusal_that_was_lost_is_said_again(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	overlay_refuse(w->parties[1].overlay, now_of(w, 1), w->parties[1].ticket, RECEIPT_REFUSED);
	drain(w, 1);
	settle_without(w, 1U << MESSAGE_RECEIPT);
	pass(w, 9000);
	assert_int_equal(w->parties[1].served, 1);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_REFUSED);
}

/* "Ask later" means that later is another chance. */
static void who_was_busy_is_asked_again_and_serves(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	overlay_refuse(w->parties[1].overlay, now_of(w, 1), w->parties[1].ticket, RECEIPT_BUSY);
	drain(w, 1);
	settle(w);
	assert_int_equal(counters(w, 1)->busy, 1);
	assert_int_equal(w->parties[0].finished, 0);
	pass(w, 2000);
	assert_int_equal(w->parties[1].served, 2);
	assert_ok(reply(w, 1, 1));
	settle(w);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_ANSWERED);
}

static void who_stays_busy_is_busy_in_the_end(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	meet(w, 2, 1);
	for (int i = 0; i < 2; i++) /* as many as party 1 serves at once */
		ask(w, 2);
	settle(w);
	ask(w, 0);
	settle(w);
	assert_true(counters(w, 1)->busy >= 1);
	pass(w, 11000);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_BUSY);
}

/* Party 1's clock is ahead: to it, the query has expired. */
static void a_stale_query_is_unwanted(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	w->parties[1].skew_ms = 600000;
	ask(w, 0);
	settle(w);
	assert_int_equal(counters(w, 1)->stale, 1);
	assert_int_equal(w->parties[1].served, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_UNWANTED);
}

static void who_was_never_met_is_silent_at_once(void **state)
{
	struct world *w = *state;
	const struct overlay_self *b = &w->parties[1].self;

	assert_ok(overlay_remember(w->parties[0].overlay, now_of(w, 0), &w->parties[1].at,
	                           b->blob.octets, b->blob.len));
	ask(w, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_SILENT);
}

static void who_does_not_speak_is_silent_in_the_end(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	for (int i = 0; i < 220; i++) {
		w->parcel_count = 0; /* nothing arrives */
		w->now_ms += 50;
		expire(w, 0);
	}
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_SILENT);
	assert_int_equal(state_of(w, 0, 1), MEMBER_LIVE); /* until its HELLOs are missed */
	for (int i = 0; i < 800; i++) {
		w->parcel_count = 0;
		w->now_ms += 50;
		expire(w, 0);
	}
	assert_int_equal(state_of(w, 0, 1), MEMBER_SILENT);
}

static void an_expired_certificate_cannot_ask(void **state)
{
	struct world *w = *state;
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	meet(w, 0, 1);
	w->now_ms += (uint64_t)DAY_MS + 1;
	assert_err(ERR_EXPIRED, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question, 1000,
	                                    &ticket, &query, &blob));
	drain(w, 0);
	assert_int_equal(w->parcel_count, 0);
}

static void a_member_that_may_not_ask_is_told_so_by_its_own_node(void **state)
{
	struct world *w = *state;
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	reissue(w, 0, "10.0.0.0/8", CERT_ROLE_ANSWER);
	meet(w, 0, 1);
	assert_err(ERR_DENIED, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question, 1000,
	                                   &ticket, &query, &blob));
	drain(w, 0);
	assert_int_equal(w->parcel_count, 0);
}

/* Its node may have been changed: the others look for themselves. */
static void a_question_of_who_may_not_ask_is_unwanted(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct query query = {
		.question = {.on = {{WALL_MS - 60000, WALL_MS - 50000}}, .on_count = 1},
		.issued = {WALL_MS},
		.expires = {WALL_MS + 10000},
	};
	struct query_blob blob;
	struct body body;
	struct parcel p;

	reissue(w, 0, "10.0.0.0/8", CERT_ROLE_ANSWER);
	meet(w, 0, 1);
	assert_ok(query_pack(&query, &a->self.blob, &a->self.pair, &blob));
	body = (struct body){.query = bytes_of(blob.octets, blob.len)};
	p = forge(w, 0, MESSAGE_QUERY, &body);
	assert_err(ERR_STALE, hand_over(w, 1, &p));
	assert_int_equal(w->parties[1].served, 0);
	assert_int_equal(counters(w, 1)->refused, 1);
	p = expect(w, MESSAGE_RECEIPT);
	assert_int_equal(opened(&p).body.status, RECEIPT_UNWANTED);
}

static void who_may_not_answer_is_not_asked(void **state)
{
	struct world *w = *state;

	reissue(w, 1, "10.0.0.0/8", CERT_ROLE_ASK);
	meet(w, 0, 1);
	assert_int_equal(state_of(w, 0, 1), MEMBER_LIVE);
	ask(w, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcome_count, 0);
}

static void a_fingerprint_too_long_for_a_datagram_is_refused(void **state)
{
	struct world *w = *state;
	struct question question = {.on_count = QUERY_INTERVALS_MAX};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	for (size_t i = 0; i < question.on_count; i++) {
		question.on[i].start_ms = WALL_MS + (int64_t)i * 100000000;
		question.on[i].end_ms = question.on[i].start_ms + 50000000;
	}
	for (int i = 0; i < 5; i++) /* and nothing is used up by trying */
		assert_err(ERR_LIMIT, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question,
		                                  1000, &ticket, &query, &blob));
	ask(w, 0);
	assert_int_equal(w->parties[0].finished, 1); /* there is nobody to ask */
	assert_int_equal(w->parties[0].outcome_count, 0);
}

static void no_more_queries_than_its_limit_are_under_way(void **state)
{
	struct world *w = *state;
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	meet(w, 0, 1);
	for (uint16_t i = 0; i < small.asks_max; i++)
		ask(w, 0);
	assert_err(ERR_LIMIT, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question, 1000,
	                                  &ticket, &query, &blob));
}

static void a_cancelled_query_is_never_heard_of_again(void **state)
{
	struct world *w = *state;
	uint32_t ticket;

	meet(w, 0, 1);
	ticket = ask(w, 0);
	settle(w);
	overlay_cancel(w->parties[0].overlay, ticket);
	assert_ok(reply(w, 1, 40));
	settle(w);
	pass(w, 30000);
	assert_int_equal(w->parties[0].answered, 0);
	assert_int_equal(w->parties[0].finished, 0);
	assert_true(counters(w, 0)->unasked > 0);
}

/* Feeds without draining: the answer and the end of the query wait in the outbox. */
static void acts_that_wait_are_cancelled_with_their_query(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct parcel p;
	uint32_t first;

	meet(w, 0, 1);
	first = ask(w, 0);
	settle(w);
	assert_ok(reply(w, 1, 1));
	p = expect(w, MESSAGE_ANSWER);
	assert_ok(overlay_datagram(a->overlay, now_of(w, 0), &w->parties[1].at, p.data, p.len));
	overlay_cancel(a->overlay, first);
	ask(w, 0); /* takes the room of the first, and must not inherit its end */
	assert_int_equal(a->answered, 0);
	assert_int_equal(a->finished, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 2);
	assert_ok(reply(w, 1, 1));
	settle(w);
	assert_int_equal(a->answered, 1);
	assert_int_equal(a->finished, 1);
}

/* While the driver looks at ACT_FINISH the query is cancelled and another one is asked. */
static void a_query_cancelled_at_its_end_takes_no_other_with_it(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct body body = {.status = RECEIPT_REFUSED};
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query_blob blob;
	uint32_t first, second;
	struct parcel p;
	struct act act;

	meet(w, 0, 1);
	first = ask(w, 0);
	settle(w);
	body.query_id = w->query.id;
	p = forge(w, 1, MESSAGE_RECEIPT, &body);
	assert_ok(overlay_datagram(a->overlay, now_of(w, 0), &w->parties[1].at, p.data, p.len));
	assert_true(overlay_next(a->overlay, &act));
	assert_int_equal(act.kind, ACT_FINISH);
	overlay_cancel(a->overlay, first);
	assert_ok(
		overlay_ask(a->overlay, now_of(w, 0), &question, 10000, &second, &w->query, &blob));
	drain(w, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 2);
	assert_ok(reply(w, 1, 1));
	settle(w);
	assert_int_equal(a->answered, 1);
}

/* A busy member speaks after the time is over, and before anybody has looked. */
static void a_query_ends_once(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct body body = {.status = RECEIPT_BUSY};
	struct parcel p;

	meet(w, 0, 1);
	ask(w, 0);
	body.query_id = w->query.id;
	p = forge(w, 1, MESSAGE_RECEIPT, &body);
	assert_ok(hand_over(w, 0, &p));
	w->now_ms += 10000;
	overlay_expire(a->overlay, now_of(w, 0));
	body.status = RECEIPT_REFUSED;
	p = forge(w, 1, MESSAGE_RECEIPT, &body);
	(void)hand_over(w, 0, &p);
	assert_int_equal(a->finished, 1);
	assert_int_equal(a->outcomes[0], TARGET_BUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		overlay_test(an_answer_in_parts_arrives_whole_though_parts_are_lost),
		overlay_test(an_answer_with_one_bit_changed_is_false),
		overlay_test(a_query_changed_anywhere_is_not_served),
		overlay_test(a_query_that_comes_again_is_served_once),
		overlay_test(a_refusal_is_an_outcome),
		overlay_test(a_refusal_that_was_lost_is_said_again),
		overlay_test(who_was_busy_is_asked_again_and_serves),
		overlay_test(who_stays_busy_is_busy_in_the_end),
		overlay_test(a_stale_query_is_unwanted),
		overlay_test(who_was_never_met_is_silent_at_once),
		overlay_test(who_does_not_speak_is_silent_in_the_end),
		overlay_test(an_expired_certificate_cannot_ask),
		overlay_test(a_member_that_may_not_ask_is_told_so_by_its_own_node),
		overlay_test(a_question_of_who_may_not_ask_is_unwanted),
		overlay_test(who_may_not_answer_is_not_asked),
		overlay_test(a_fingerprint_too_long_for_a_datagram_is_refused),
		overlay_test(no_more_queries_than_its_limit_are_under_way),
		overlay_test(a_cancelled_query_is_never_heard_of_again),
		overlay_test(acts_that_wait_are_cancelled_with_their_query),
		overlay_test(a_query_cancelled_at_its_end_takes_no_other_with_it),
		overlay_test(a_query_ends_once),
	};

	return cmocka_run_group_tests_name("proto/overlay/ask", tests, NULL, NULL);
}
