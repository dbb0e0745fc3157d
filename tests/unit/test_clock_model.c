#include "base/prng.h"
#include "proto/flow/clock_model.h"
#include "tests/unit/test.h"

#include <math.h>
#include <string.h>

#define T0 INT64_C(1795309531943)

struct world { /* an exporter, its way to us, and our model of its clock */
	struct prng prng;
	double offset_ms, drift_ppm; /* ours less the exporter's, at T0; how it grows */
	double way_ms, jitter_ms;    /* at least; mean of the exponential beyond it */
	int64_t resolution_ms;       /* of the header */
	int64_t every_ms;
	int64_t set_at_ms; /* its clock is set then, by this much; 0: never */
	double set_by_ms;
	struct clock_model model;
	struct clock_history history;
	int64_t last_received_ms;
};

static double truth(const struct world *w, int64_t at_ms)
{
	double offset = w->offset_ms + (double)(at_ms - T0) * w->drift_ppm / 1e6;

	return w->set_at_ms != 0 && at_ms >= w->set_at_ms ? offset - w->set_by_ms : offset;
}

static int64_t whole(double ms)
{
	double below = floor(ms);

	return (int64_t)below;
}

static void send(struct world *w, int64_t sent_ms)
{
	double way = w->way_ms - w->jitter_ms * log(1 - prng_unit(&w->prng));
	double exported = (double)sent_ms - truth(w, sent_ms);
	int64_t header = whole(exported / (double)w->resolution_ms) * w->resolution_ms;

	w->last_received_ms = sent_ms + whole(way);
	clock_model_add(&w->model, header, w->resolution_ms, w->last_received_ms);
}

static void assert_holds(const struct world *w, const struct clock_estimate *e, int64_t at_ms)
{
	double error = fabs((double)e->offset_ms - truth(w, at_ms));

	if (error > (double)e->bound_ms + 1)
		fail_msg("at %+lld ms: offset %lld, bound %lld, in truth %.1f",
		         (long long)(at_ms - T0), (long long)e->offset_ms, (long long)e->bound_ms,
		         truth(w, at_ms));
}

/* Messages from `from` on; `settle_ms` after a clock was set nothing is asked. */
static int64_t run(struct world *w, int64_t from_ms, int64_t for_ms, int64_t settle_ms)
{
	int64_t worst = 0;

	for (int64_t at = from_ms; at < from_ms + for_ms; at += w->every_ms) {
		int64_t sent = at + (int64_t)prng_below(&w->prng, (uint64_t)w->every_ms);
		struct clock_estimate e;
		bool is_unsettled = w->set_at_ms != 0 && sent >= w->set_at_ms &&
		                    sent < w->set_at_ms + settle_ms;

		send(w, sent);
		if (clock_model_now(&w->model, w->last_received_ms, &e) != ERR_OK)
			continue;
		if (!is_unsettled) {
			assert_holds(w, &e, w->last_received_ms);
			worst = MAX(worst, e.bound_ms);
		}
		clock_history_note(&w->history, &w->model, w->last_received_ms);
	}
	return worst;
}

static struct world world_of(uint64_t seed)
{
	struct prng p = {seed};
	struct world w = {
		.offset_ms = (prng_unit(&p) - 0.5) * 2e4,
		.drift_ppm = (prng_unit(&p) - 0.5) * 100,
		.way_ms = prng_unit(&p) * 20,
		.jitter_ms = prng_unit(&p) * 30,
		.resolution_ms = prng_below(&p, 2) == 0 ? 1 : 1000,
		.every_ms = 100 + (int64_t)prng_below(&p, 900),
	};

	w.prng = p;
	return w;
}

static void the_bound_holds_with_any_offset_drift_jitter_and_resolution(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 200; seed++) {
		struct world w = world_of(seed);

		run(&w, T0, 1800000, 0);
		assert_int_equal(w.model.steps, 0);
	}
}

/* What it knew when is asked once more at the end. */
static void the_history_holds_for_all_of_its_time(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 50; seed++) {
		struct world w = world_of(1000 + seed);
		struct clock_estimate e;

		run(&w, T0, 3 * 3600000, 0);
		assert_true(w.history.count <= CLOCK_SEGMENTS);
		for (int64_t at = w.history.segments[0].from_ms; at <= w.last_received_ms;
		     at += 1000) {
			assert_ok(clock_model_at(&w.history, at, &e));
			assert_holds(&w, &e, at);
		}
	}
}

static void a_good_clock_on_a_short_way_is_known_to_tens_of_milliseconds(void **state)
{
	struct world w = {
		.prng = {1}, .way_ms = 1, .jitter_ms = 2, .resolution_ms = 1, .every_ms = 200};
	struct clock_estimate e;
	(void)state;

	run(&w, T0, 600000, 0);
	assert_ok(clock_model_now(&w.model, w.last_received_ms, &e));
	assert_in_range(e.bound_ms, 1, 40);
	assert_in_range(e.drift_ppm + 20, 0, 40);
	assert_true(w.model.has_ms);
	assert_in_range(w.model.jitter_us, 500, 8000);
	assert_in_range(w.history.count, 1, 4);
}

static void whole_seconds_are_known_to_half_a_second(void **state)
{
	struct world w = {
		.prng = {2}, .way_ms = 1, .jitter_ms = 2, .resolution_ms = 1000, .every_ms = 200};
	struct clock_estimate e;
	(void)state;

	run(&w, T0, 600000, 0);
	assert_ok(clock_model_now(&w.model, w.last_received_ms, &e));
	assert_in_range(e.bound_ms, 500, 560);
	assert_false(w.model.has_ms);
}

static void a_segment_says_how_fine_the_records_are(void **state)
{
	struct world w = {.prng = {2}, .way_ms = 1, .resolution_ms = 1000, .every_ms = 200};
	struct clock_estimate now, of_records;
	(void)state;

	clock_model_record(&w.model, true); /* by chance: one of a thousand does */
	run(&w, T0, 60000, 0);
	assert_int_equal(w.history.segments[w.history.count - 1].resolution_ms, 1);
	for (int i = 0; i < 10; i++)
		clock_model_record(&w.model, true);
	run(&w, T0 + 60000, 60000, 0);
	assert_int_equal(w.history.segments[w.history.count - 1].resolution_ms, CLOCK_COARSE_MS);
	assert_ok(clock_model_now(&w.model, w.last_received_ms, &now));
	assert_ok(clock_model_at(&w.history, w.last_received_ms, &of_records));
	assert_true(of_records.offset_ms + of_records.bound_ms >=
	            now.offset_ms + now.bound_ms + CLOCK_COARSE_MS - 1);
	for (int i = 0; i < 300; i++)
		clock_model_record(&w.model, false);
	run(&w, T0 + 120000, 60000, 0);
	assert_int_equal(w.history.segments[w.history.count - 1].resolution_ms, 1);
}

static void a_drift_of_fifty_ppm_is_measured(void **state)
{
	struct world w = {.prng = {3},
	                  .drift_ppm = 50,
	                  .way_ms = 5,
	                  .jitter_ms = 5,
	                  .resolution_ms = 1,
	                  .every_ms = 100};
	struct clock_estimate e;
	(void)state;

	run(&w, T0, 3600000, 0);
	assert_ok(clock_model_now(&w.model, w.last_received_ms, &e));
	assert_in_range(e.drift_ppm, 45, 55);
}

/* Set forward: seen with the third message. Set back: not told from a queue for ten seconds. */
static void a_clock_that_is_set_is_noticed_and_known_anew(void **state)
{
	static const double by_ms[] = {3600000, -3600000, 5000, -5000, 300, 1000};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(by_ms); i++) {
		struct world w = {.prng = {i},
		                  .way_ms = 5,
		                  .jitter_ms = 5,
		                  .resolution_ms = 1,
		                  .every_ms = 200,
		                  .set_at_ms = T0 + 600000,
		                  .set_by_ms = by_ms[i]};
		struct clock_estimate e;

		run(&w, T0, 1200000, 12000);
		assert_int_equal(w.model.steps, 1);
		/* Both sides of it are in the history, and the time of the step is between them. */
		assert_ok(clock_model_at(&w.history, T0 + 500000, &e));
		assert_holds(&w, &e, T0 + 500000);
		assert_ok(clock_model_at(&w.history, T0 + 700000, &e));
		assert_holds(&w, &e, T0 + 700000);
		assert_ok(clock_model_at(&w.history, T0 + 601000, &e));
		assert_holds(&w, &e, T0 + 601000);
	}
}

static void a_queue_of_seconds_is_no_step(void **state)
{
	struct world w = {
		.prng = {5}, .way_ms = 5, .jitter_ms = 5, .resolution_ms = 1, .every_ms = 200};
	(void)state;

	run(&w, T0, 300000, 0);
	w.way_ms = 4000;
	run(&w, T0 + 300000, 8000, 0);
	w.way_ms = 5;
	run(&w, T0 + 308000, 300000, 0);
	assert_int_equal(w.model.steps, 0);
}

static void one_message_with_a_wrong_time_changes_nothing(void **state)
{
	struct world w = {
		.prng = {6}, .way_ms = 5, .jitter_ms = 5, .resolution_ms = 1, .every_ms = 200};
	struct clock_estimate before, after;
	(void)state;

	run(&w, T0, 300000, 0);
	assert_ok(clock_model_now(&w.model, w.last_received_ms, &before));
	clock_model_add(&w.model, w.last_received_ms + 86400000, 1, w.last_received_ms);
	clock_model_add(&w.model, 0, 1, w.last_received_ms);
	assert_ok(clock_model_now(&w.model, w.last_received_ms, &after));
	assert_int_equal(after.offset_ms, before.offset_ms);
	assert_int_equal(after.bound_ms, before.bound_ms);
}

static void what_was_long_ago_is_known_less_well(void **state)
{
	struct world w = world_of(7);
	struct clock_estimate at_end, later;
	(void)state;

	run(&w, T0, 600000, 0);
	assert_ok(clock_model_at(&w.history, w.last_received_ms, &at_end));
	assert_ok(clock_model_at(&w.history, w.last_received_ms + 3600000, &later));
	assert_in_range(later.bound_ms - at_end.bound_ms, 3600 * CLOCK_DRIFT_PPM / 1000,
	                3600 * CLOCK_DRIFT_PPM / 1000 + 10);
	assert_err(ERR_NOENT, clock_model_at(&(struct clock_history){.count = 0}, T0, &later));
}

static void the_oldest_segment_makes_way(void **state)
{
	struct world w = {.prng = {8}, .resolution_ms = 1, .every_ms = 200};
	(void)state;

	for (int i = 0; i < CLOCK_SEGMENTS + 10; i++) {
		w.offset_ms += 100000;
		run(&w, T0 + i * 60000, 40000, 0);
		w.model = (struct clock_model){.since_ms = 0};
	}
	assert_int_equal(w.history.count, CLOCK_SEGMENTS);
	for (size_t i = 1; i < w.history.count; i++)
		assert_true(w.history.segments[i - 1].until_ms < w.history.segments[i].from_ms);
}

static void a_history_is_packed_and_read_again(void **state)
{
	uint8_t room[CLOCK_HISTORY_MAX];
	struct world w = world_of(9);
	struct clock_history read;
	size_t len;
	(void)state;

	w.set_at_ms = T0 + 300000;
	w.set_by_ms = -86400000;
	run(&w, T0, 600000, 20000);
	len = clock_history_pack(&w.history, room);
	assert_ok(clock_history_unpack(bytes_of(room, len), &read));
	assert_int_equal(read.count, w.history.count);
	assert_memory_equal(read.segments, w.history.segments,
	                    read.count * sizeof(read.segments[0]));
	for (size_t cut = 0; cut < len; cut++)
		assert_err(ERR_FORMAT, clock_history_unpack(bytes_of(room, cut), &read));
	room[0]++;
	assert_err(ERR_FORMAT, clock_history_unpack(bytes_of(room, len), &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bound_holds_with_any_offset_drift_jitter_and_resolution),
		cmocka_unit_test(the_history_holds_for_all_of_its_time),
		cmocka_unit_test(a_good_clock_on_a_short_way_is_known_to_tens_of_milliseconds),
		cmocka_unit_test(whole_seconds_are_known_to_half_a_second),
		cmocka_unit_test(a_segment_says_how_fine_the_records_are),
		cmocka_unit_test(a_drift_of_fifty_ppm_is_measured),
		cmocka_unit_test(a_clock_that_is_set_is_noticed_and_known_anew),
		cmocka_unit_test(a_queue_of_seconds_is_no_step),
		cmocka_unit_test(one_message_with_a_wrong_time_changes_nothing),
		cmocka_unit_test(what_was_long_ago_is_known_less_well),
		cmocka_unit_test(the_oldest_segment_makes_way),
		cmocka_unit_test(a_history_is_packed_and_read_again),
	};

	return cmocka_run_group_tests_name("flow/clock_model", tests, NULL, NULL);
}
