#include "tests/unit/overlay_fixture.h"

enum { A, B, C, D, E };

/* All of them have met; a is who asks. */
static struct world *circle(size_t count)
{
	struct world *w = world_new(count);

	all_meet(w);
	run(w, 5000);
	return w;
}

static void every_kind_of_receipt_has_its_outcome(void **state)
{
	struct world *w = circle(5);
	struct party *a = &w->parties[A];
	struct member m;
	(void)state;

	w->parties[B].policy = POLICY_NONE;
	w->parties[C].policy = POLICY_MATCH;
	w->parties[D].policy = POLICY_REFUSE;
	w->parties[E].policy = POLICY_BUSY;
	assert_ok(ask(w, A, 10000));
	run(w, 11000);
	assert_int_equal(a->receipts[B], RECEIPT_NONE);
	assert_int_equal(a->receipts[C], RECEIPT_MATCH);
	assert_int_equal(a->receipts[D], RECEIPT_REFUSED);
	assert_int_equal(a->receipts[E], RECEIPT_BUSY);
	assert_int_equal(a->acts[ACT_FINISH], 1);
	assert_int_equal(a->outcome_count, 4);
	assert_int_equal(a->outcomes[B], TARGET_NONE);
	assert_int_equal(a->outcomes[C], TARGET_ANSWERED);
	assert_int_equal(a->outcomes[D], TARGET_REFUSED);
	assert_int_equal(a->outcomes[E], TARGET_BUSY);
	assert_true(knows(w, A, D, &m));
	assert_true(m.has_said);
	assert_int_equal(m.said, RECEIPT_REFUSED);
	world_free(w);
}

static void a_question_is_over_when_everybody_has_spoken(void **state)
{
	struct world *w = circle(4);
	(void)state;

	assert_ok(ask(w, A, 60000));
	run(w, 2000);
	assert_int_equal(w->parties[A].acts[ACT_RECEIPT], 3);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 1);
	world_free(w);
}

static void an_answer_comes_sealed_and_is_evidence(void **state)
{
	struct world *w = circle(3);
	(void)state;

	w->parties[B].policy = POLICY_MATCH;
	assert_ok(ask(w, A, 10000));
	run(w, 5000);
	assert_int_equal(w->parties[A].answers[B], 1);
	assert_int_equal(w->parties[A].findings[B], 1);
	assert_true(w->parties[A].is_evidence[B]);
	assert_int_equal(w->parties[A].answers[C], 0);
	assert_int_equal(w->parties[A].acts[ACT_CONNECT], 0);
	world_free(w);
}

/* Time passes for somebody whose driver looks at nothing. */
static void run_deaf(struct world *w, size_t i, uint64_t ms)
{
	w->parties[i].is_deaf = true;
	for (uint64_t end_ms = w->now_ms + ms; w->now_ms < end_ms; run(w, 10))
		overlay_expire(w->parties[i].overlay, now_of(w, i));
	w->parties[i].is_deaf = false;
}

/* A driver may take in many datagrams at once, and look at what came of them after that. */
static void answers_that_wait_in_the_outbox_keep_their_own_words(void **state)
{
	struct world *w = circle(2);
	struct party *a = &w->parties[A], *b = &w->parties[B];
	uint32_t tickets[2];
	(void)state;

	b->policy = POLICY_LATER;
	for (int i = 0; i < 2; i++) {
		assert_ok(ask(w, A, i == 0 ? 1500 : 9000));
		run(w, 100);
		tickets[i] = b->served;
	}
	give_answer(w, B, tickets[0], POLICY_MATCH);
	run_deaf(w, A, 2000); /* it is here, and its question over */
	give_answer(w, B, tickets[1], POLICY_MATCH);
	run_deaf(w, A, 2000);
	assert_int_equal(a->acts[ACT_ANSWER], 0);
	run(w, 0);
	assert_int_equal(a->acts[ACT_ANSWER], 2);
	assert_int_equal(a->false_answers, 0);
	world_free(w);
}

static void answers_of_several_members_wait_too(void **state)
{
	struct world *w = circle(5);
	struct party *a = &w->parties[A];
	(void)state;

	for (size_t i = B; i <= E; i++)
		w->parties[i].policy = POLICY_MATCH;
	assert_ok(ask(w, A, 60000));
	run(w, 9); /* before the first of them hears it */
	run_deaf(w, A, 1000);
	assert_int_equal(a->acts[ACT_ANSWER], 0);
	run(w, 5000);
	for (size_t i = B; i <= E; i++) {
		assert_int_equal(a->answers[i], 1);
		assert_int_equal(a->outcomes[i], TARGET_ANSWERED);
	}
	assert_int_equal(a->false_answers, 0);
	world_free(w);
}

/* What answers are taken into is lent to acts, and comes back. */
static void there_is_room_for_the_answers_of_many_questions(void **state)
{
	struct world *w = world_new(3);
	(void)state;

	w->parties[A].options.limits.seen_max = 64;
	all_meet(w);
	run(w, 5000);
	w->parties[B].policy = POLICY_MATCH;
	w->parties[C].policy = POLICY_LONG;
	for (unsigned i = 1; i <= 10; i++) {
		assert_ok(ask(w, A, 9000));
		run(w, 12000);
		assert_int_equal(w->parties[A].answers[B], i);
		assert_int_equal(w->parties[A].answers[C], i);
	}
	assert_int_equal(counters(w, A)->tables_full, 0);
	world_free(w);
}

static void one_that_is_busy_is_asked_again(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->parties[B].policy = POLICY_BUSY;
	assert_ok(ask(w, A, 20000));
	run(w, 1000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_BUSY);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 0);
	w->parties[B].policy = POLICY_MATCH;
	run(w, 4000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_MATCH);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_ANSWERED);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 2);
	world_free(w);
}

/* Whoever asks more than it may is told so, and has its answers when it may again. */
static void who_asks_too_much_is_told_so(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->parties[B].options.limits.held_max = 32;
	start_party(w, B);
	remember(w, B, A);
	run(w, 10000);
	for (int i = 0; i < 9; i++) {
		assert_ok(ask(w, A, 30000));
		run(w, 1000);
	}
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 8);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_BUSY);
	run(w, 29000);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 9);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_NONE);
	world_free(w);
}

/* So "silent" means that it was spoken to, and did not answer. */
static void who_says_nothing_is_asked_directly_before_it_is_called_silent(void **state)
{
	struct world *w = circle(3);
	unsigned before;
	(void)state;

	w->parties[B].policy = POLICY_LATER;
	assert_ok(ask(w, A, 60000));
	run(w, 2000);
	before = w->frames[A][B][FRAME_QUERY];
	stop_party(w, B);
	run(w, 20000);
	assert_true(w->frames[A][B][FRAME_QUERY] - before >= 2);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 1);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_SILENT);
	assert_int_equal(w->parties[A].outcomes[C], TARGET_NONE);
	world_free(w);
}

/* It cannot be asked: nobody waits for it until the question's time is over. */
static void who_cannot_be_reached_and_does_not_come_is_silent_soon(void **state)
{
	struct world *w = world_new(3);
	(void)state;

	w->parties[B].options.self.card.record.endpoint_count = 0;
	reissue(w, B);
	start_party(w, A);
	start_party(w, C);
	remember(w, A, B); /* from an earlier run; it is not there now */
	remember(w, A, C);
	run(w, 5000);
	assert_ok(ask(w, A, 120000));
	run(w, 20000);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 1);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_SILENT);
	assert_int_equal(w->parties[A].outcomes[C], TARGET_NONE);
	world_free(w);
}

static void what_its_time_has_run_out_for_is_over(void **state)
{
	struct world *w = circle(3);
	(void)state;

	w->parties[B].policy = w->parties[C].policy = POLICY_LATER;
	assert_ok(ask(w, A, 1000));
	run(w, 990);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 0);
	run(w, 20);
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 1);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_SILENT);
	world_free(w);
}

static enum frame_kind bent_kind;
static size_t bent_at;

static bool bend_blob(struct world *w, size_t from, size_t to, struct frame *f)
{
	static uint8_t copy[FRAME_MAX];
	size_t len = bytes_left(&f->blob);

	(void)w;
	(void)from;
	(void)to;
	if (f->kind != bent_kind)
		return true;
	memcpy(copy, f->blob.at, len);
	copy[MIN(bent_at, len - 1)] ^= 1;
	f->blob = bytes_of(copy, len);
	return true;
}

static void a_false_answer_is_named_so_and_its_member_not_believed_again(void **state)
{
	struct world *w = circle(3);
	(void)state;

	w->parties[B].policy = POLICY_MATCH;
	bent_kind = FRAME_REPLY;
	bent_at = 60;
	w->bend = bend_blob;
	assert_ok(ask(w, A, 20000));
	run(w, 5000);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_FALSE);
	assert_int_equal(w->parties[A].answers[B], 0);
	assert_string_equal(w->parties[A].told, "answer does not verify");
	assert_int_equal(counters(w, A)->forged, 1);
	world_free(w);
}

/* It says first what does not verify, and offers something else while the question is open. */
/* Its signature is over another domain, too: that it cannot be checked is nobody's fault. */
static void an_answer_of_another_version_is_not_called_false(void **state)
{
	static struct frame reply;
	struct world *w = circle(2);
	struct party *a = &w->parties[A];
	uint8_t plain[4 + 9 + 64] = {0, 0, 0, 9, 0x98, 7, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0, 0xc0};
	uint8_t sealed[sizeof(plain) + SEAL_OVERHEAD];
	struct seed seed = {.octets = {77}};
	(void)state;

	w->parties[B].policy = POLICY_LATER;
	assert_ok(ask(w, A, 10000));
	run(w, 500);
	seal(&a->query.reply_to, &seed, plain, sizeof(plain), sealed);
	reply.kind = FRAME_REPLY;
	reply.query_id = a->query.id;
	reply.blob = bytes_of(sealed, sizeof(sealed));
	say_frame(w, B, A, &reply);
	run(w, 12000);
	assert_int_equal(a->answers[B], 0);
	assert_int_equal(a->outcomes[B], TARGET_BROKEN);
	assert_int_equal(counters(w, A)->forged, 0);
	assert_int_equal(counters(w, A)->other_version, 1);
	world_free(w);
}

static void after_a_false_answer_no_other_is_fetched(void **state)
{
	static struct frame offer;
	struct world *w = circle(3);
	(void)state;

	w->parties[B].policy = POLICY_MATCH;
	w->parties[C].policy = POLICY_LATER;
	bent_kind = FRAME_REPLY;
	bent_at = 60;
	w->bend = bend_blob;
	assert_ok(ask(w, A, 20000));
	run(w, 1000);
	offer.kind = FRAME_OFFER;
	offer.query_id = w->parties[A].query.id;
	offer.len = 500;
	say_frame(w, B, A, &offer);
	run(w, 1000);
	assert_int_equal(w->parties[A].acts[ACT_CONNECT], 0);
	assert_true(w->frames[A][B][FRAME_RACK] > 0);
	run(w, 20000);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_FALSE);
	world_free(w);
}

static void a_forged_receipt_is_none(void **state)
{
	struct world *w = circle(2);
	(void)state;

	bent_kind = FRAME_RECEIPT;
	bent_at = 100;
	w->bend = bend_blob;
	assert_ok(ask(w, A, 8000));
	run(w, 9000);
	assert_int_equal(w->parties[A].acts[ACT_RECEIPT], 0);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_SILENT);
	assert_true(counters(w, A)->forged > 0);
	world_free(w);
}

/* b signs, with its own key, a receipt that names c. */
static void nobody_speaks_for_another(void **state)
{
	static struct frame f;
	struct world *w = circle(3);
	struct receipt r = {.responder = *id_of(w, C), .kind = RECEIPT_NONE};
	struct receipt_blob blob;
	(void)state;

	w->parties[B].policy = w->parties[C].policy = POLICY_LATER;
	assert_ok(ask(w, A, 8000));
	run(w, 500);
	r.query_id = w->parties[A].query.id;
	receipt_sign(&r, &w->parties[B].options.self.operational, &blob);
	f.kind = FRAME_RECEIPT;
	f.blob = bytes_of(blob.octets, blob.len);
	say_frame(w, B, A, &f);
	run(w, 500);
	assert_int_equal(counters(w, A)->forged, 1);
	assert_int_equal(w->parties[A].acts[ACT_RECEIPT], 0);
	receipt_sign(&r, &w->parties[C].options.self.operational, &blob);
	say_frame(w, B, A, &f); /* c's own, brought by b */
	run(w, 500);
	assert_int_equal(counters(w, A)->forged, 2);
	assert_int_equal(w->parties[A].acts[ACT_RECEIPT], 0);
	world_free(w);
}

static void of_a_cancelled_question_nothing_more_is_heard(void **state)
{
	struct world *w = circle(3);
	struct party *a = &w->parties[A];
	unsigned receipts;
	(void)state;

	w->parties[B].policy = POLICY_MATCH;
	w->parties[C].policy = POLICY_LATER;
	assert_ok(ask(w, A, 20000));
	run(w, 9);
	a->is_deaf = true;
	for (int i = 0; i < 50; i++) {
		run(w, 10);
		overlay_expire(a->overlay, now_of(w, A));
	}
	overlay_cancel(a->overlay, a->ticket); /* b's receipt and answer wait in the outbox */
	a->is_deaf = false;
	receipts = a->acts[ACT_RECEIPT];
	give_answer(w, C, w->parties[C].served, POLICY_MATCH);
	run(w, 30000);
	assert_int_equal(a->acts[ACT_RECEIPT], receipts);
	assert_int_equal(a->acts[ACT_ANSWER], 0);
	assert_int_equal(a->acts[ACT_FINISH], 0);
	assert_true(counters(w, A)->unasked > 0);
	overlay_cancel(a->overlay, a->ticket); /* again: harmless */
	world_free(w);
}

static void only_who_may_ask_asks_and_only_what_can_be_asked(void **state)
{
	struct world *w = circle(2);
	struct party *a = &w->parties[A];
	struct question q = question_of(2);
	uint32_t ticket;
	struct query query;
	struct query_blob blob;
	(void)state;

	q.on[1].end_ms = q.on[0].start_ms + 401 * DAY_MS;
	assert_err(ERR_RANGE,
	           overlay_ask(a->overlay, now_of(w, A), &q, 1000, &ticket, &query, &blob));
	q = question_of(2);
	q.volume_count = 2;
	q.volumes[0] = (struct volume){{WALL_MS, WALL_MS + 31 * DAY_MS + 1}, 1};
	q.volumes[1] = (struct volume){{WALL_MS + 1, WALL_MS + 2}, 1};
	assert_err(ERR_RANGE,
	           overlay_ask(a->overlay, now_of(w, A), &q, 1000, &ticket, &query, &blob));
	q = question_of(2);
	q.bound_ms = QUERY_BOUND_MAX_MS + 1;
	assert_err(ERR_RANGE,
	           overlay_ask(a->overlay, now_of(w, A), &q, 1000, &ticket, &query, &blob));
	q = question_of(2);
	q.lost = QUERY_LOST_MAX + 1;
	assert_err(ERR_RANGE,
	           overlay_ask(a->overlay, now_of(w, A), &q, 1000, &ticket, &query, &blob));
	q = question_of(QUERY_INTERVALS_MAX);
	for (size_t i = 0; i < q.on_count; i++)
		q.on[i] = (struct interval){WALL_MS + (int64_t)i * 20000000,
		                            WALL_MS + (int64_t)i * 20000000 + 3000000};
	assert_err(ERR_LIMIT,
	           overlay_ask(a->overlay, now_of(w, A), &q, 1000, &ticket, &query, &blob));
	w->parties[B].policy = POLICY_LATER;
	assert_ok(ask(w, A, 5000));
	assert_ok(ask(w, A, 5000));
	assert_err(ERR_LIMIT, ask(w, A, 5000));
	run(w, 20000);
	assert_ok(ask(w, A, 5000));
	a->options.self.card.cert.roles = CERT_ROLE_ANSWER;
	reissue(w, A);
	start_party(w, A);
	assert_err(ERR_DENIED, ask(w, A, 5000));
	a->options.self.card.cert.roles = CERT_ROLES_MEMBER;
	a->options.self.card.record.not_after.ms = WALL_MS - 1;
	reissue(w, A);
	start_party(w, A);
	assert_err(ERR_EXPIRED, ask(w, A, 5000));
	world_free(w);
}

static void a_number_is_on_disk_before_its_question_leaves(void **state)
{
	struct world *w = world_new(2);
	struct party *a = &w->parties[A];
	(void)state;

	a->options.limits.seen_max = 64;
	all_meet(w);
	run(w, 5000);
	for (uint64_t i = 1; i <= 20; i++) {
		assert_ok(ask(w, A, 1000));
		assert_int_equal(a->query.number, i);
		assert_true(a->sequence >= i);
		run(w, 2000);
	}
	assert_int_equal(a->acts[ACT_SEQUENCE], 2);
	a->options.sequence = a->sequence; /* as it is read back */
	start_party(w, A);
	assert_ok(ask(w, A, 1000));
	assert_true(a->query.number > 20);
	assert_int_equal(a->query.number, a->options.sequence + 1);
	world_free(w);
}

static void a_question_whose_number_cannot_be_kept_is_not_asked(void **state)
{
	struct world *w = world_new(2);
	struct party *a = &w->parties[A];
	struct endpoint nowhere = place(77, 1);
	(void)state;

	a->options.limits.outbox_max = 2;
	start_all(w);
	a->is_deaf = true;
	for (int i = 0; i < 2; i++)
		assert_ok(overlay_bootstrap(a->overlay, now_of(w, A), &nowhere));
	overlay_expire(a->overlay, now_of(w, A)); /* two KNOCKs: that is all it holds */
	assert_err(ERR_LIMIT, ask(w, A, 1000));
	a->is_deaf = false;
	drain(w, A);
	assert_ok(ask(w, A, 1000));
	assert_int_equal(a->query.number, 1);
	assert_ok(ask(w, A, 1000));
	assert_int_equal(a->acts[ACT_SEQUENCE], 1);
	world_free(w);
}

/* A small community needs no relays. */
static void in_direct_mode_the_origin_asks_everybody_itself(void **state)
{
	struct world *w = world_new(4);
	(void)state;

	w->parties[A].options.mode = OVERLAY_DIRECT;
	all_meet(w);
	run(w, 5000);
	assert_ok(ask(w, A, 20000));
	assert_true(w->parties[A].query.is_direct);
	run(w, 5000);
	for (size_t i = B; i <= D; i++) {
		assert_int_equal(w->frames[A][i][FRAME_QUERY], 1);
		assert_int_equal(w->parties[i].acts[ACT_SERVE], 1);
		assert_int_equal(w->parties[i].hops, 0);
		for (size_t j = B; j <= D; j++)
			assert_int_equal(w->frames[i][j][FRAME_QUERY], 0);
	}
	assert_int_equal(w->parties[A].acts[ACT_FINISH], 1);
	world_free(w);
}

static void states_have_names(void **state)
{
	(void)state;

	assert_string_equal(target_state_text(TARGET_WAITING), "waiting");
	assert_string_equal(target_state_text(TARGET_SILENT), "silent");
	assert_string_equal(target_state_text((enum target_state)99), "unknown");
	assert_string_equal(member_state_text(MEMBER_KNOWN), "known");
	assert_string_equal(member_state_text(MEMBER_EXPIRED), "expired");
	assert_string_equal(member_state_text((enum member_state)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_receipt_has_its_outcome),
		cmocka_unit_test(a_question_is_over_when_everybody_has_spoken),
		cmocka_unit_test(an_answer_comes_sealed_and_is_evidence),
		cmocka_unit_test(answers_that_wait_in_the_outbox_keep_their_own_words),
		cmocka_unit_test(answers_of_several_members_wait_too),
		cmocka_unit_test(there_is_room_for_the_answers_of_many_questions),
		cmocka_unit_test(one_that_is_busy_is_asked_again),
		cmocka_unit_test(who_asks_too_much_is_told_so),
		cmocka_unit_test(who_says_nothing_is_asked_directly_before_it_is_called_silent),
		cmocka_unit_test(who_cannot_be_reached_and_does_not_come_is_silent_soon),
		cmocka_unit_test(what_its_time_has_run_out_for_is_over),
		cmocka_unit_test(a_false_answer_is_named_so_and_its_member_not_believed_again),
		cmocka_unit_test(an_answer_of_another_version_is_not_called_false),
		cmocka_unit_test(after_a_false_answer_no_other_is_fetched),
		cmocka_unit_test(a_forged_receipt_is_none),
		cmocka_unit_test(nobody_speaks_for_another),
		cmocka_unit_test(of_a_cancelled_question_nothing_more_is_heard),
		cmocka_unit_test(only_who_may_ask_asks_and_only_what_can_be_asked),
		cmocka_unit_test(a_number_is_on_disk_before_its_question_leaves),
		cmocka_unit_test(a_question_whose_number_cannot_be_kept_is_not_asked),
		cmocka_unit_test(in_direct_mode_the_origin_asks_everybody_itself),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests_name("overlay/ask", tests, NULL, NULL);
}
