#include "base/util.h"
#include "tests/unit/test.h"
#include "tools/eval/study.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct times busy(uint64_t seed)
{
	struct times t = {0};
	struct prng p = {seed};
	double at_s = 1;

	for (int i = 0; i < 3000; i++) {
		times_add(&t, at_s);
		at_s += prng_below(&p, 90) == 0 ? 16 + 40 * prng_unit(&p) : 2 * prng_unit(&p);
	}
	times_sort(&t);
	return t;
}

/* The theorem of the closure, on the cache that everything here is measured with. */
static void a_cache_without_loss_cuts_nothing_that_closing_does_not_mend(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct exporter a = {.idle_s = 15, .active_s = 1800, .tick_ms = 1};
		struct exporter b = {.idle_s = 15, .active_s = 30, .tick_ms = 1};
		struct times times = busy(seed);
		struct trace x = {0}, y = {0};
		struct prng p = {seed};

		assert_true(exporter_export(&a, &p, &times, &x));
		assert_true(exporter_export(&b, &p, &times, &y));
		assert_int_equal(x.count, y.count);
		assert_memory_equal(x.on, y.on, x.count * sizeof(x.on[0]));
		assert_true(x.count > 10);
		trace_free(&x);
		trace_free(&y);
		times_free(&times);
	}
}

static void as_many_records_are_lost_as_is_said(void **state)
{
	(void)state;

	for (int is_bursty = 0; is_bursty <= 1; is_bursty++) {
		struct exporter whole = {.idle_s = 1, .active_s = 1800, .tick_ms = 1},
				lossy = whole;
		size_t sent = 0, came = 0;
		struct prng p = {3};

		lossy.loss = 0.2;
		lossy.is_bursty = is_bursty != 0;
		for (uint64_t seed = 1; seed <= 40; seed++) {
			struct times times = busy(seed);
			struct trace x = {0};

			assert_true(exporter_export(&whole, &p, &times, &x));
			sent += x.count;
			assert_true(exporter_export(&lossy, &p, &times, &x));
			came += x.count;
			trace_free(&x);
			times_free(&times);
		}
		assert_true(fabs(1 - (double)came / (double)sent - 0.2) < 0.03);
	}
}

static void a_restart_loses_what_the_cache_held(void **state)
{
	struct exporter x = {.idle_s = 15, .active_s = 1800, .tick_ms = 1, .restart_s = 10};
	struct times times = {0};
	struct trace t = {0};
	struct prng p = {1};
	(void)state;

	for (int i = 1; i <= 20; i++)
		times_add(&times, i);
	assert_true(exporter_export(&x, &p, &times, &t));
	assert_int_equal(1, t.count);
	assert_int_equal(EPOCH_MS + 10000, t.on[0].start_ms);
	x.restart_s = 0;
	assert_true(exporter_export(&x, &p, &times, &t));
	assert_int_equal(EPOCH_MS + 1000, t.on[0].start_ms);
	trace_free(&t);
	times_free(&times);
}

static void recall_is_at_the_threshold_that_the_rate_asks_for(void **state)
{
	struct roc r = roc_new(0, 100);
	(void)state;

	for (int i = 0; i < 1000; i++)
		roc_other(&r, i < 990 ? 1 : 50);
	for (int i = 0; i < 10; i++)
		roc_same(&r, 10.0 * i + 5);
	roc_same(&r, -INFINITY);
	assert_true(roc_threshold(&r, 0.01) > 1 && roc_threshold(&r, 0.01) < 1.1);
	assert_true(roc_threshold(&r, 0.009) > 50 && roc_threshold(&r, 0.009) < 50.1);
	assert_true(fabs(roc_recall(&r, roc_threshold(&r, 0.009)) - 5.0 / 11) < 1e-9);
	assert_true(fabs(roc_false(&r, 50) - 0.01) < 1e-9);
	assert_true(fabs(roc_false(&r, 60)) < 1e-9);
	roc_free(&r);
}

static void a_seed_says_all(void **state)
{
	const struct scene *scene = scene_find("field");
	const struct study study = {5, 40, .has_all = true};
	struct scene_result a = study_scene(scene, 7, &study);
	struct scene_result b = study_scene(scene, 7, &study);
	struct scene_result c = study_scene(scene, 8, &study);
	(void)state;

	for (size_t m = 0; m < COMPARED; m++) {
		assert_memory_equal(a.roc[m].same, b.roc[m].same, ROC_BINS * sizeof(uint64_t));
		assert_memory_equal(a.roc[m].other, b.roc[m].other, ROC_BINS * sizeof(uint64_t));
	}
	assert_true(memcmp(a.roc[BY_EVIDENCE].same, c.roc[BY_EVIDENCE].same,
	                   ROC_BINS * sizeof(uint64_t)) != 0);
	scene_result_free(&a);
	scene_result_free(&b);
	scene_result_free(&c);
}

/* In small what docs/CORRELATION.md has in large. */
static void true_pairs_are_found_and_strangers_are_not(void **state)
{
	struct scene_result r = study_scene(scene_find("field"), 9,
	                                    &(struct study){.targets = 40, .strangers = 200});
	(void)state;

	assert_int_equal(40, r.roc[BY_EVIDENCE].same_count);
	assert_int_equal(8000, r.roc[BY_EVIDENCE].other_count);
	assert_true(roc_recall(&r.roc[BY_EVIDENCE], 3) > 0.94);
	assert_true(roc_false(&r.roc[BY_EVIDENCE], 2) < 1e-3);
	scene_result_free(&r);
}

/* What comes by a clock is cheap to try, and nearest to breaking it. */
static bool is_by_clock(const struct stranger_class *of)
{
	static const char *const names[] = {"periodic", "minute", "minute-skip", "trap", "polling"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], of->name) == 0)
			return true;
	}
	return of->minutes_min > 0;
}

static void the_evidence_keeps_its_promise_in_every_class(void **state)
{
	size_t tried = 0;
	(void)state;

	for (size_t i = 0; i < stranger_class_count; i++) {
		const struct stranger_class *of = &stranger_classes[i];
		size_t pairs = is_by_clock(of) ? 3000 : 100;
		const struct class_study study = {pairs, 30, 15, {1, 0.05}};
		struct class_result r;

		if (of->is_coupled)
			continue;
		r = study_class(of, 11, &study);
		assert_int_equal(pairs, r.roc[BY_EVIDENCE].other_count);
		for (int k = 1; k <= 4; k++) {
			double rate = roc_false(&r.roc[BY_EVIDENCE], k);

			if (rate > pow(10, -k) && rate * (double)pairs > 1)
				fail_msg("%s: %g at E >= 10^%d", of->name, rate, k);
		}
		tried += pairs == 3000;
		class_result_free(&r);
	}
	assert_int_equal(14, tried);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cache_without_loss_cuts_nothing_that_closing_does_not_mend),
		cmocka_unit_test(as_many_records_are_lost_as_is_said),
		cmocka_unit_test(a_restart_loses_what_the_cache_held),
		cmocka_unit_test(recall_is_at_the_threshold_that_the_rate_asks_for),
		cmocka_unit_test(a_seed_says_all),
		cmocka_unit_test(true_pairs_are_found_and_strangers_are_not),
		cmocka_unit_test(the_evidence_keeps_its_promise_in_every_class),
	};

	return cmocka_run_group_tests_name("eval", tests, NULL, NULL);
}
