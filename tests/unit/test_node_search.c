/*
 * Searching by the log of edges comes to the same as looking at every connection: compared over
 * simulated traffic with a chain in it, while it goes on, later, and after a restart or a crash.
 */
#include "tests/unit/search_fixture.h"

static int setup_world(void **state)
{
	*state = world_new(0, 0, 0);
	return 0;
}

static int setup_paused(void **state)
{
	*state = world_new(0, 0, PAUSE_MS);
	return 0;
}

static void compare_many(struct world *w)
{
	compare_people(w, 9);
	assert_true(w->compared > 50);
}

/* What each did around a moment: few silences, so that each of them counts. */
static void compare_around(struct world *w, int64_t at_ms)
{
	for (size_t i = 0; i < PEOPLE; i += 2) {
		struct rhythm r = {.count = 0};

		for (size_t k = 0; k < w->people[i].count; k++) {
			const struct interval *on = &w->people[i].on[k];

			if (on->end_ms > at_ms - 100000 && on->start_ms < at_ms + 100000)
				r.on[r.count++] = *on;
		}
		if (r.count > 2)
			compare(w, &r);
	}
}

/* The first intervals alone: what is known of it so far. */
static struct rhythm begun(struct rhythm r, int64_t now_ms)
{
	while (r.count > 1 && r.on[r.count - 1].start_ms > now_ms)
		r.count--;
	return r;
}

static void what_is_past_is_found_alike(void **state)
{
	struct world *w = *state;

	start_log(w);
	feed(w, w->count);
	assert_int_equal(compare(w, &w->hand), SEEN);
	assert_in_range(count_candidates(w, &w->hand, ERR_OK), SEEN, CONNECTIONS / 50);
	compare_many(w);
	assert_true(w->matched >= w->compared); /* each finds itself */
}

/* Of three days without a key the log does not have both ends; of the rest it does. */
static void after_a_long_silence_the_log_is_used_and_finds_alike(void **state)
{
	struct world *w = *state;
	struct rhythm few = {.count = 0};

	start_log(w);
	feed(w, w->count);
	assert_int_equal(compare(w, &w->hand), SEEN);
	assert_in_range(count_candidates(w, &w->hand, ERR_OK), SEEN, CONNECTIONS / 50);
	compare_many(w);
	assert_true(w->matched >= w->compared);
	for (size_t i = 8; i < 11; i++) /* two silences, the first the long one */
		few.on[few.count++] = w->hand.on[i];
	assert_in_range(count_candidates(w, &few, ERR_OK), SEEN, CONNECTIONS / 10);
	compare(w, &few);
	few.on[2].start_ms += PAUSE_MS; /* both are: the log tells nothing */
	few.on[2].end_ms += PAUSE_MS;
	count_candidates(w, &few, ERR_NOENT);
	compare(w, &few);
}

static void what_goes_on_is_found_alike(void **state)
{
	struct world *w = *state;

	start_log(w);
	for (size_t share = 3; share <= 10; share++) {
		int64_t now_ms;
		struct rhythm hand;

		feed(w, w->count * share / 10);
		now_ms = w->flows[w->fed - 1].received_ms;
		hand = begun(w->hand, now_ms);
		compare(w, &hand);
		for (size_t i = 0; i < PEOPLE; i += 50) {
			struct rhythm r = begun(w->people[i], now_ms);

			compare(w, &r);
		}
	}
	assert_true(w->matched > 50);
}

static void after_a_restart_it_is_found_alike(void **state)
{
	struct world *w = *state;
	int64_t at_ms = 0;

	start_log(w);
	for (size_t part = 1; part <= 5; part++) { /* silences last over each of them */
		feed(w, w->count * part / 5);
		if (part == 3)
			at_ms = w->flows[w->fed].received_ms;
		silences_free(&w->silences);
		close_it(w->f);
		open_it(w->f);
		start_log(w);
	}
	assert_int_equal(compare(w, &w->hand), SEEN);
	assert_in_range(count_candidates(w, &w->hand, ERR_OK), SEEN, CONNECTIONS / 50);
	compare_many(w);
	compare_around(w, at_ms - RHYTHM_GAP_MS);
	assert_true(w->compared > 100);
}

static void after_a_crash_it_is_found_alike(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid;

	close_it(w->f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		open_it(w->f);
		start_log(w);
		feed(w, w->count / 6000 * 3000 + 1000); /* the last thousand is not sealed: */
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(status, 0);
	open_it(w->f);
	w->fed = w->count / 6000 * 3000; /* nothing has them */
	start_log(w);
	feed(w, w->count);
	assert_in_range(count_candidates(w, &w->hand, ERR_OK), SEEN, CONNECTIONS / 50);
	assert_int_equal(compare(w, &w->hand), SEEN);
	compare_many(w);
	compare_around(w, w->flows[w->count / 6000 * 3000].received_ms - RHYTHM_GAP_MS);
	assert_true(w->compared > 100);
}

static void where_there_is_no_log_everything_is_looked_at(void **state)
{
	struct world *w = *state;

	feed(w, w->count / 2);
	close_it(w->f);
	open_it(w->f);
	start_log(w);
	feed(w, w->count);
	count_candidates(w, &w->hand, ERR_NOENT);
	assert_int_equal(compare(w, &w->hand), SEEN);
	compare_many(w);
}

/* More connections fall silent than are remembered: the log says so, and is not believed. */
static void where_the_log_lacks_many_edges_everything_is_looked_at(void **state)
{
	struct world *w = *state;
	struct question q = question_of(&w->hand);
	struct interval when = {q.on[0].start_ms - 5000, q.on[q.on_count - 1].end_ms + 5000};
	struct candidates c;

	start_log_of(w, 64);
	feed(w, w->count);
	assert_true(gaps_stats(w->silences.gaps).lacks > 0);
	assert_ok(candidates_find(w->f->store, &q, RHYTHM_GAP_MS, when, &w->skews, &c));
	assert_true(c.held.is_lacking);
	assert_true(c.count < SEEN);
	candidates_free(&c);
	assert_int_equal(compare(w, &w->hand), SEEN);
	compare_many(w);
}

static enum search_extent search_of(const struct world *w, const struct question *q,
                                    uint64_t flows_max, struct answer *ret)
{
	struct search_effort effort = {false, flows_max, &deadline_never};
	struct search_side side = side_of(w);
	enum search_extent extent;

	memset(ret, 0, sizeof(*ret));
	assert_ok(search_store(w->f->store, q, &side, &effort, ret, &extent));
	return extent;
}

/* What the log has is found; that it has nothing is no "none", and no failure either. */
static void where_all_would_be_too_much_the_log_is_what_there_is(void **state)
{
	struct world *w = *state;
	struct question q = question_of(&w->hand);
	struct rhythm stranger = rhythm_moved(rhythm_of_person(4711, 30), 100000);
	static struct answer all, some;

	start_log_of(w, 64);
	feed(w, w->count);
	assert_int_equal(SEARCH_WHOLE, search_of(w, &q, w->count, &all));
	assert_int_equal(VERDICT_MATCH, all.findings[SEEN - 1].verdict);
	assert_int_equal(SEARCH_LACKING, search_of(w, &q, w->count / 2, &some));
	assert_true(some.finding_count < all.finding_count);
	assert_in_range(some.connections, all.connections, some.flows);
	q = question_of(&stranger);
	assert_int_equal(SEARCH_LACKING, search_of(w, &q, 0, &some));
	assert_int_equal(0, some.finding_count);
	assert_non_null(strstr(search_extent_text(SEARCH_LACKING), "log of silences"));
}

#define RECORDS 25
#define TRANSFERS 40 /* pairs of views; of the first is asked */

/* Two views of one transfer each, later and heavier at the second, cut every minute. */
static void add_transfers(struct world *w)
{
	for (uint32_t id = 0; id < 2 * TRANSFERS; id++) {
		struct prng p = {500 + id / 2};

		for (int64_t i = 0; i < RECORDS; i++) {
			int64_t at_ms = RHYTHM_T0 + i * 60000 + (id % 2) * 300;
			uint64_t octets = 20000000 + prng_below(&p, 50000000);
			struct flow f = flow_like(100000 + id, false,
			                          (struct interval){at_ms, at_ms + 59900});

			f.octets = octets + (id % 2) * octets / 50;
			if (store_is_ready(w->f->store))
				assert_ok(store_seal(w->f->store));
			assert_ok(store_append(w->f->store, &f, 1));
		}
	}
	assert_ok(store_seal(w->f->store));
}

static struct question question_of_first(void)
{
	struct prng p = {500};
	struct question q = {
		.on = {{RHYTHM_T0, RHYTHM_T0 + RECORDS * 60000}},
		.on_count = 1,
		.gap_ms = RHYTHM_GAP_MS,
		.volume_count = RECORDS,
	};

	for (size_t i = 0; i < RECORDS; i++) {
		int64_t at_ms = RHYTHM_T0 + (int64_t)i * 60000;

		q.volumes[i].on = (struct interval){at_ms, at_ms + 59900};
		q.volumes[i].octets = 20000000 + prng_below(&p, 50000000);
	}
	return q;
}

static void a_transfer_is_found_by_what_it_carried(void **state)
{
	struct world *w = *state;
	struct question q = question_of_first();
	static struct answer got;

	start_log(w);
	feed(w, w->count);
	add_transfers(w);
	memset(&got, 0, sizeof(got));
	assert_ok(search(w, &q, false, &got));
	assert_int_equal(2, got.finding_count);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(VERDICT_VOLUME, got.findings[i].verdict);
		assert_in_range(got.findings[i].src.port, 1024 + 100000 % 60000,
		                1024 + 100001 % 60000);
		assert_int_equal(RECORDS, got.findings[i].silences);
	}
	assert_int_equal(2 * TRANSFERS, got.connections); /* what carried little is not compared */
	q.volume_count = 0;
	memset(&got, 0, sizeof(got));
	assert_ok(search(w, &q, false, &got));
	assert_int_equal(0, got.finding_count);
}

/* However long the connection went on: what is compared lies there alone. */
static void flows_are_read_of_the_time_of_the_volumes(void **state)
{
	struct world *w = *state;
	struct question q = question_of_first();
	static struct answer some, all;

	start_log(w);
	feed(w, w->count);
	add_transfers(w);
	assert_ok(search(w, &q, false, &some));
	q.on[0].start_ms -= INT64_C(31536000000);
	q.on[0].end_ms += INT64_C(31536000000);
	assert_ok(search(w, &q, false, &all));
	assert_int_equal(2, all.finding_count);
	assert_true(some.flows < w->count);
	assert_int_equal(some.flows, all.flows);
}

/* Of more than may be compared none is: who is refused does not cost what an answer does. */
static void where_too_many_carried_as_much_none_is_compared(void **state)
{
	enum { MANY = 1025 };
	struct world *w = *state;
	struct question q = question_of_first();
	static struct answer got;

	add_transfers(w);
	for (uint32_t id = 2 * TRANSFERS; id < MANY; id++) {
		for (int64_t i = 0; i < 5; i++) {
			int64_t at_ms = RHYTHM_T0 + i * 60000;
			struct flow f = flow_like(100000 + id, false,
			                          (struct interval){at_ms, at_ms + 59900});

			f.octets = UINT64_C(45000000) * RECORDS / 5;
			if (store_is_ready(w->f->store))
				assert_ok(store_seal(w->f->store));
			assert_ok(store_append(w->f->store, &f, 1));
		}
	}
	memset(&got, 0, sizeof(got));
	assert_err(ERR_LIMIT, search(w, &q, false, &got));
	assert_int_equal(0, got.finding_count);
}

static struct mono ticks;

/* Each look at it takes a millisecond: so does a block, and a pair. */
static struct mono tick(void)
{
	ticks.ms++;
	return ticks;
}

static bool search_for(const struct world *w, const struct question *q, bool is_exhaustive,
                       uint64_t ms, struct answer *ret)
{
	struct deadline deadline = {{ms}, tick};
	struct search_effort effort = {is_exhaustive, GATHERED_MAX, &deadline};
	struct search_side side = side_of(w);
	enum search_extent extent;

	memset(ret, 0, sizeof(*ret));
	ticks.ms = 0;
	assert_ok(search_store(w->f->store, q, &side, &effort, ret, &extent));
	assert_true(ticks.ms <= ms + CONNECTIONS); /* a look at each of them costs nothing */
	return extent == SEARCH_CUT;
}

/* What was read by then counts, and says which window it was. */
static void a_search_is_over_when_its_time_is_up(void **state)
{
	struct world *w = *state;
	struct question q = question_of(&w->hand);
	static struct answer all, some, by_log;
	uint64_t flows = 0;

	start_log(w);
	feed(w, w->count);
	assert_ok(search(w, &q, true, &all));
	assert_true(search_for(w, &q, true, 0, &some));
	assert_int_equal(0, some.flows);
	assert_int_equal(0, some.finding_count);
	assert_true(some.window.start_ms > some.window.end_ms);
	for (uint64_t ms = 20; ms <= 60; ms += 20) {
		assert_true(search_for(w, &q, true, ms, &some));
		assert_in_range(some.flows, flows + 1, 300 * ms);
		assert_true(some.flows < all.flows);
		assert_true(some.window.start_ms >= all.window.start_ms);
		assert_true(some.window.end_ms <= all.window.end_ms);
		flows = some.flows;
	}
	assert_false(search_for(w, &q, true, 100000, &some));
	assert_int_equal(all.finding_count, some.finding_count);
	assert_false(search_for(w, &q, false, 100000, &by_log));
	assert_int_equal(all.finding_count, by_log.finding_count);
	assert_true(search_for(w, &q, false, 4, &some)); /* by the log, too */
	/* which has judged them all: chance had as many tries, and takes off as much */
	assert_int_equal(by_log.flows, some.flows);
	assert_int_equal(by_log.connections, some.connections);
	assert_in_range(some.connections, all.connections, some.flows);
	assert_true(some.window.start_ms >= by_log.window.start_ms);
	assert_true(some.window.end_ms < by_log.window.end_ms);
}

/* All was read, and there is no time to compare it all. */
static void comparing_by_volume_is_over_when_its_time_is_up(void **state)
{
	struct world *w = *state;
	struct question q = question_of_first();
	static struct answer all, some;
	uint64_t low = 0, high = 4096; /* in between, the first moment at which all was read */

	start_log(w);
	feed(w, w->count);
	add_transfers(w);
	assert_ok(search(w, &q, false, &all));
	while (high - low > 1) {
		uint64_t ms = (low + high) / 2;

		(void)search_for(w, &q, false, ms, &some);
		if (some.flows == all.flows)
			high = ms;
		else
			low = ms;
	}
	assert_true(search_for(w, &q, false, high, &some));
	assert_int_equal(all.flows, some.flows);
	assert_in_range(some.connections, 1, all.connections - 1);
}

static void absurd_questions_are_answered(void **state)
{
	struct world *w = *state;
	struct rhythm years = {.count = 100}, instant = {.count = 100}, one = {.count = 1};

	start_log(w);
	feed(w, w->count / 4);
	for (size_t i = 0; i < 100; i++) {
		years.on[i].start_ms = years.on[i].end_ms = (int64_t)i * 31536000000;
		instant.on[i].start_ms = instant.on[i].end_ms = RHYTHM_T0 + (int64_t)i * 15001;
	}
	one.on[0] = (struct interval){RHYTHM_T0, RHYTHM_T0 + 1};
	compare(w, &years);
	compare(w, &instant);
	compare(w, &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_past_is_found_alike, setup_world,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(
			after_a_long_silence_the_log_is_used_and_finds_alike, setup_paused,
			teardown_world),
		cmocka_unit_test_setup_teardown(what_goes_on_is_found_alike, setup_world,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(after_a_restart_it_is_found_alike, setup_world,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(after_a_crash_it_is_found_alike, setup_world,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(where_there_is_no_log_everything_is_looked_at,
	                                        setup_world, teardown_world),
		cmocka_unit_test_setup_teardown(
			where_the_log_lacks_many_edges_everything_is_looked_at, setup_world,
			teardown_world),
		cmocka_unit_test_setup_teardown(
			where_all_would_be_too_much_the_log_is_what_there_is, setup_world,
			teardown_world),
		cmocka_unit_test_setup_teardown(a_transfer_is_found_by_what_it_carried, setup_world,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(flows_are_read_of_the_time_of_the_volumes,
	                                        setup_world, teardown_world),
		cmocka_unit_test_setup_teardown(where_too_many_carried_as_much_none_is_compared,
	                                        setup_world, teardown_world),
		cmocka_unit_test_setup_teardown(a_search_is_over_when_its_time_is_up, setup_world,
	                                        teardown_world),
		cmocka_unit_test_setup_teardown(comparing_by_volume_is_over_when_its_time_is_up,
	                                        setup_world, teardown_world),
		cmocka_unit_test_setup_teardown(absurd_questions_are_answered, setup_world,
	                                        teardown_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
