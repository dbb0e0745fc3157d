/*
 * Exporters whose clocks are off, then or now: whatever they told is found, by the log of edges as
 * by looking at every connection, and its times are ours.
 */
#include "tests/unit/search_fixture.h"

static int setup_ahead(void **state, int64_t ahead_ms)
{
	struct world *w = world_new(ahead_ms, 0, 0);

	if (ahead_ms != 0)
		know(w, RHYTHM_T0 - DAY_MS, RHYTHM_T0 + DAY_MS, ahead_ms);
	*state = w;
	return 0;
}

static int setup_skewed(void **state)
{
	return setup_ahead(state, 12000);
}

static int setup_far(void **state)
{
	return setup_ahead(state, 300000);
}

static int setup_hour_ahead(void **state)
{
	return setup_ahead(state, HOUR_MS);
}

static int setup_hour_behind(void **state)
{
	return setup_ahead(state, -HOUR_MS);
}

/* Farther than the log goes. */
static int setup_hours_ahead(void **state)
{
	return setup_ahead(state, 5 * HOUR_MS);
}

static int setup_set_right(void **state)
{
	struct world *w = world_new(12000, 0, 0);

	know(w, RHYTHM_T0 - DAY_MS, RHYTHM_T0 + DAY_MS, 12000);
	know(w, RHYTHM_T0 + DAY_MS, RHYTHM_T0 + 2 * DAY_MS, 0);
	*state = w;
	return 0;
}

static int setup_set_wrong(void **state)
{
	struct world *w = world_new(0, 0, 0);

	know(w, RHYTHM_T0 - DAY_MS, RHYTHM_T0 + DAY_MS, 0);
	know(w, RHYTHM_T0 + DAY_MS, RHYTHM_T0 + 2 * DAY_MS, 12000);
	*state = w;
	return 0;
}

static int setup_set_meanwhile(void **state, int64_t set_ms)
{
	struct world *w = world_new(0, set_ms, 0);

	know(w, RHYTHM_T0 - DAY_MS, SET_AT_MS - 1, 0);
	know(w, SET_AT_MS, RHYTHM_T0 + DAY_MS, set_ms);
	*state = w;
	return 0;
}

static int setup_set_forward(void **state)
{
	return setup_set_meanwhile(state, HOUR_MS);
}

static int setup_set_back(void **state)
{
	return setup_set_meanwhile(state, -HOUR_MS);
}

/* By whatever clock it was told, its life is by ours. */
static void assert_lives(struct world *w)
{
	struct question q = question_of(&w->hand);
	static struct answer got;

	memset(&got, 0, sizeof(got));
	assert_ok(search(w, &q, false, &got));
	for (size_t i = 0; i < SEEN; i++) {
		const struct interval *life = &got.findings[i].life;

		assert_int_equal(VERDICT_MATCH, got.findings[i].verdict);
		assert_in_range(life->start_ms - q.on[0].start_ms + 60000, 60000 - 2000,
		                60000 + 20000);
		assert_in_range(life->end_ms - q.on[q.on_count - 1].end_ms + 60000, 60000 - 20000,
		                60000 + 2000);
	}
}

static void assert_found_alike(struct world *w)
{
	assert_int_equal(compare(w, &w->hand), SEEN);
	assert_lives(w);
	compare_people(w, 30);
}

static void an_exporter_with_a_wrong_clock_is_found_alike(void **state)
{
	struct world *w = *state;

	start_log(w);
	feed(w, w->count);
	assert_found_alike(w);
}

/* The log has the hour at which its clock was. */
static void a_wrong_clock_does_not_make_all_be_read(void **state)
{
	struct world *w = *state;

	start_log(w);
	feed(w, w->count);
	assert_in_range(count_candidates(w, &w->hand, ERR_OK), SEEN, CONNECTIONS / 50);
	assert_found_alike(w);
}

/* Though windows of several bands have it: of each exporter its own. */
static void a_flow_is_read_once(void **state)
{
	struct world *w = *state;
	struct question q = {
		.on = {{RHYTHM_T0 - DAY_MS, RHYTHM_T0 - DAY_MS},
	               {RHYTHM_T0 + DAY_MS, RHYTHM_T0 + DAY_MS}},
		.on_count = 2,
		.gap_ms = RHYTHM_GAP_MS,
	};
	static struct answer got;

	start_log(w);
	feed(w, w->count);
	memset(&got, 0, sizeof(got));
	assert_ok(search(w, &q, true, &got));
	assert_int_equal(w->count, got.flows);
	assert_int_equal(CONNECTIONS, got.connections);
}

/* What two bands have in common is held once: no more than there is, and few enough to be read. */
static void a_flow_is_held_once(void **state)
{
	struct world *w = *state;
	struct question q = question_of(&w->hand);
	struct interval when = {q.on[0].start_ms - 5000, q.on[q.on_count - 1].end_ms + 5000};
	struct search_effort effort = {false, w->count, &deadline_never};
	struct search_side side = side_of(w);
	enum search_extent extent;
	struct candidates c;
	static struct answer got;

	start_log_of(w, 64);
	feed(w, w->count);
	assert_ok(candidates_find(w->f->store, &q, RHYTHM_GAP_MS, when, &w->skews, &c));
	assert_true(c.held.is_lacking);
	assert_in_range(c.held.flows, w->count / 2, w->count);
	assert_in_range(c.held.connections, CONNECTIONS / 2, c.held.flows);
	candidates_free(&c);
	memset(&got, 0, sizeof(got));
	assert_ok(search_store(w->f->store, &q, &side, &effort, &got, &extent));
	assert_int_equal(SEARCH_WHOLE, extent);
	assert_int_equal(VERDICT_MATCH, got.findings[SEEN - 1].verdict);
}

/* Each counted for every band that has its block: there are no more of them than flows. */
static void a_connection_has_a_flow_at_least(void **state)
{
	enum { SINGLE = 3000 };
	struct world *w = *state;
	struct question q = question_of(&w->hand);
	struct interval when = {q.on[0].start_ms, q.on[q.on_count - 1].end_ms};
	struct candidates c;

	w->count = SINGLE;
	for (uint32_t i = 0; i < SINGLE; i++) {
		int64_t at_ms = when.start_ms + i * (when.end_ms - when.start_ms) / SINGLE;

		w->flows[i] = flow_told(w, i, false, (struct interval){at_ms, at_ms + 10});
	}
	start_log(w);
	feed(w, w->count);
	assert_ok(candidates_find(w->f->store, &q, RHYTHM_GAP_MS, when, &w->skews, &c));
	assert_in_range(c.held.flows, SINGLE / 2, SINGLE);
	assert_int_equal(c.held.flows, c.held.connections);
	candidates_free(&c);
}

/* Its silences are not what they were by its own time: the log is not asked. */
static void a_clock_that_was_set_meanwhile_is_found_alike(void **state)
{
	struct world *w = *state;

	start_log(w);
	feed(w, w->count);
	count_candidates(w, &w->hand, ERR_NOENT);
	assert_found_alike(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_exporter_with_a_wrong_clock_is_found_alike,
	                                        setup_skewed, teardown_world),
		cmocka_unit_test_setup_teardown(an_exporter_with_a_wrong_clock_is_found_alike,
	                                        setup_far, teardown_world),
		cmocka_unit_test_setup_teardown(a_wrong_clock_does_not_make_all_be_read,
	                                        setup_hour_ahead, teardown_world),
		cmocka_unit_test_setup_teardown(a_wrong_clock_does_not_make_all_be_read,
	                                        setup_hour_behind, teardown_world),
		cmocka_unit_test_setup_teardown(an_exporter_with_a_wrong_clock_is_found_alike,
	                                        setup_hours_ahead, teardown_world),
		cmocka_unit_test_setup_teardown(a_wrong_clock_does_not_make_all_be_read,
	                                        setup_set_right, teardown_world),
		cmocka_unit_test_setup_teardown(a_wrong_clock_does_not_make_all_be_read,
	                                        setup_set_wrong, teardown_world),
		cmocka_unit_test_setup_teardown(a_flow_is_read_once, setup_far, teardown_world),
		cmocka_unit_test_setup_teardown(a_flow_is_read_once, setup_set_forward,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(a_flow_is_held_once, setup_far, teardown_world),
		cmocka_unit_test_setup_teardown(a_connection_has_a_flow_at_least, setup_far,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(a_clock_that_was_set_meanwhile_is_found_alike,
	                                        setup_set_forward, teardown_world),
		cmocka_unit_test_setup_teardown(a_clock_that_was_set_meanwhile_is_found_alike,
	                                        setup_set_back, teardown_world),
	};

	return cmocka_run_group_tests_name("node/bands", tests, NULL, NULL);
}
