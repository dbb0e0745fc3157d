#include "tests/unit/overlay_fixture.h"

enum { A, B };

static struct world *couple(void)
{
	struct world *w = world_new(2);

	all_meet(w);
	run(w, 5000);
	return w;
}

/* b starts again, with what it kept. */
static void restart(struct world *w)
{
	struct window window = w->parties[B].window;

	w->parties[B].policy = POLICY_NONE;
	start_party(w, B);
	remember(w, B, A);
	if (w->parties[B].acts[ACT_WINDOW] > 0)
		assert_ok(overlay_remember_window(w->parties[B].overlay, &window));
	run(w, 20000);
}

static void a_number_is_kept_once_its_receipt_is_said(void **state)
{
	struct world *w = couple();
	(void)state;

	w->parties[B].policy = POLICY_LATER;
	assert_ok(ask(w, A, 60000));
	run(w, 1000);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 1);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 0);
	give_answer(w, B, w->parties[B].served, POLICY_MATCH);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], 0);
	run(w, 1000);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], 1);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 1);
	assert_int_equal(w->parties[B].window.highest, w->parties[A].query.number);
	assert_memory_equal(&w->parties[B].window.origin, id_of(w, A), sizeof(struct id));
	say_query(w, A, B, &w->parties[A].blob, 0); /* it is said again, and kept already */
	run(w, 1000);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], 2);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 1);
	restart(w);
	say_query(w, A, B, &w->parties[A].blob, 0);
	run(w, 1000);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 1);
	assert_true(counters(w, B)->equivocated + counters(w, B)->replayed > 0);
	world_free(w);
}

static void what_was_heard_and_not_answered_is_served_after_a_restart(void **state)
{
	struct world *w = couple();
	(void)state;

	w->parties[B].policy = POLICY_LATER;
	assert_ok(ask(w, A, 60000));
	run(w, 1000);
	restart(w);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 2);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 1);
	assert_int_equal(w->parties[A].outcomes[B], TARGET_NONE);
	for (int i = 0; i < 3; i++) { /* and once only */
		say_query(w, A, B, &w->parties[A].blob, 0);
		run(w, 1000);
	}
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 2);
	world_free(w);
}

/* It is answered later, and a restart meanwhile changes nothing about that. */
static void what_was_busy_is_not_kept(void **state)
{
	struct world *w = couple();
	(void)state;

	w->parties[B].policy = POLICY_BUSY;
	assert_ok(ask(w, A, 60000));
	run(w, 1000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_BUSY);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 0);
	w->parties[B].policy = POLICY_REFUSE;
	run(w, 10000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_REFUSED);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 1);
	w->parties[B].policy = POLICY_BUSY;
	assert_ok(ask(w, A, 60000));
	run(w, 1000);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_BUSY);
	restart(w);
	assert_int_equal(w->parties[A].receipts[B], RECEIPT_NONE);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 2);
	world_free(w);
}

/* Two are answered in another order than they came in; then there is room behind for neither. */
static void what_is_answered_late_is_kept_beside_what_came_after_it(void **state)
{
	static const uint64_t numbers[] = {10, 12, 100};
	struct world *w = couple();
	uint32_t tickets[ARRAY_LEN(numbers)];
	(void)state;

	w->parties[B].policy = POLICY_LATER;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct query q = {.reply_to = {{1}}};
		struct query_blob blob;

		forge_query(w, A, numbers[i], &q, &blob);
		say_query(w, A, B, &blob, 0);
		run(w, 100);
		tickets[i] = w->parties[B].served;
	}
	give_answer(w, B, tickets[1], POLICY_NONE);
	run(w, 100);
	assert_int_equal(w->parties[B].window.highest, 12);
	assert_int_equal(w->parties[B].window.before, 0);
	give_answer(w, B, tickets[2], POLICY_NONE);
	run(w, 100);
	assert_int_equal(w->parties[B].window.highest, 100);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 2);
	give_answer(w, B, tickets[0], POLICY_NONE); /* too far behind: it counts as kept */
	run(w, 100);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], 3);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 2);
	assert_int_equal(w->parties[B].window.highest, 100);
	assert_int_equal(w->parties[B].window.before, 0);
	world_free(w);
}

static void who_does_not_answer_keeps_what_it_hears(void **state)
{
	struct world *w = world_new(2);
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	w->parties[B].options.self.card.cert.roles = CERT_ROLE_ASK;
	reissue(w, B);
	all_meet(w);
	run(w, 5000);
	forge_query(w, A, 7, &q, &blob);
	say_query(w, A, B, &blob, 0);
	run(w, 100);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 0);
	assert_int_equal(w->parties[B].acts[ACT_WINDOW], 1);
	assert_int_equal(w->parties[B].window.highest, 7);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_kept_once_its_receipt_is_said),
		cmocka_unit_test(what_was_heard_and_not_answered_is_served_after_a_restart),
		cmocka_unit_test(what_was_busy_is_not_kept),
		cmocka_unit_test(what_is_answered_late_is_kept_beside_what_came_after_it),
		cmocka_unit_test(who_does_not_answer_keeps_what_it_hears),
	};

	return cmocka_run_group_tests_name("overlay/kept", tests, NULL, NULL);
}
