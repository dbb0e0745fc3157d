#include "correlate/score.h"
#include "node/skews.h"
#include "tests/unit/test.h"

#include <stdio.h>

#define T0 INT64_C(1795309500000)
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

struct world {
	struct clocks *clocks;
	struct stream_table *streams;
	struct skews skews;
};

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_ok(addr_parse(text, &a));
	return a;
}

static int setup(void **state)
{
	static struct world w;

	w = (struct world){.clocks = clocks_new(), .streams = stream_table_new(16, 0, NULL, NULL)};
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	skews_free(&w->skews);
	clocks_free(w->clocks);
	stream_table_free(w->streams);
	return 0;
}

static struct stream *stream_from(struct world *w, const char *exporter, uint16_t port)
{
	struct stream_key key = {.from = {addr_of(exporter), port}, .version = 10};
	struct stream *s = stream_of(w->streams, &key);

	assert_non_null(s);
	return s;
}

static void message(struct stream *s, int64_t export_ms, int64_t error_ms, int64_t received_ms)
{
	stream_arrive(s, s->arrived + 1, received_ms);
	clock_model_add(&s->model, export_ms, error_ms, received_ms + 3);
}

/* A stream whose exporter is `ahead_ms` of us, heard for so long, and noted now and then. */
static void hear_from(struct world *w, const char *exporter, uint16_t port, int64_t ahead_ms,
                      int64_t from_ms, int64_t for_ms)
{
	struct stream *s = stream_from(w, exporter, port);

	for (int64_t at = from_ms; at < from_ms + for_ms; at += 2000) {
		message(s, at + ahead_ms, 1, at);
		if (at % 10000 == 4000)
			(void)clocks_note(w->clocks, s);
	}
}

static void hear(struct world *w, const char *exporter, int64_t ahead_ms)
{
	hear_from(w, exporter, 2055, ahead_ms, T0, 320000);
}

static struct skew skew_of(struct world *w, const char *exporter, int64_t received_ms)
{
	struct flow f = {.exporter = addr_of(exporter), .version = 10, .received_ms = received_ms};
	struct skews_reader r = {.of = &w->skews};

	skews_free(&w->skews);
	skews_take(&w->skews, w->clocks, w->streams);
	return skews_at(&r, &f);
}

static void assert_unknown(struct skew s)
{
	assert_int_equal(0, s.ahead_ms);
	assert_int_equal(-score_defaults.candidate.bound_ms, s.low_ms);
	assert_int_equal(score_defaults.candidate.bound_ms, s.high_ms);
}

/* It is that, about; and what it is taken for is the nearer to none of what it may be. */
static void assert_ahead(struct skew s, int64_t ahead_ms)
{
	assert_true(s.low_ms <= ahead_ms + 3 && s.high_ms >= ahead_ms - 3);
	assert_in_range(s.high_ms - s.low_ms, 2, 200);
	assert_int_equal(s.ahead_ms, ahead_ms > 100 ? s.low_ms : ahead_ms < -100 ? s.high_ms : 0);
}

static void what_is_known_takes_the_place_of_what_is_assumed(void **state)
{
	struct world *w = *state;

	hear(w, "192.0.2.1", 4000);
	hear(w, "192.0.2.2", -7000);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + 60000), 4000);
	assert_ahead(skew_of(w, "192.0.2.2", T0 + 60000), -7000);
	assert_unknown(skew_of(w, "192.0.2.3", T0 + 60000));
}

/* Not what is so today. */
static void a_flow_is_by_the_clock_of_its_time(void **state)
{
	struct world *w = *state;

	hear(w, "192.0.2.1", 12000);
	hear_from(w, "192.0.2.1", 2055, 0, T0 + HOUR_MS, 320000);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + 60000), 12000);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + HOUR_MS + 60000), 0);
}

/* Up to the very message that told of it. */
static void a_clock_that_is_set_is_right_on_both_sides(void **state)
{
	struct world *w = *state;

	hear_from(w, "192.0.2.1", 2055, 0, T0, HOUR_MS);
	hear_from(w, "192.0.2.1", 2055, HOUR_MS, T0 + HOUR_MS, HOUR_MS);
	for (int64_t at = 0; at < HOUR_MS; at += 2000) {
		assert_ahead(skew_of(w, "192.0.2.1", T0 + at), 0);
		assert_ahead(skew_of(w, "192.0.2.1", T0 + HOUR_MS + 3 + at), HOUR_MS);
	}
	assert_true(skews_were_set(&w->skews, (struct interval){T0, T0 + DAY_MS}));
	assert_false(skews_were_set(&w->skews, (struct interval){T0 + 2 * HOUR_MS, T0 + DAY_MS}));
	assert_false(skews_were_set(&w->skews, (struct interval){T0 - DAY_MS, T0 - HOUR_MS}));
}

/* The streams are gone, the histories are recalled. */
static void it_is_known_after_a_restart(void **state)
{
	struct world *w = *state;
	const struct clock_key key = {.exporter = addr_of("192.0.2.1"), .version = 10};
	uint8_t packed[CLOCKS_KEY], room[CLOCK_HISTORY_MAX];
	struct clocks *again = clocks_new();
	size_t len;

	hear(w, "192.0.2.1", 5000);
	len = clock_history_pack(clocks_find(w->clocks, &key), room);
	clocks_key_pack(&key, packed);
	assert_ok(clocks_recall(again, packed, bytes_of(room, len)));
	clocks_free(w->clocks);
	stream_table_free(w->streams);
	w->clocks = again;
	w->streams = stream_table_new(16, 0, NULL, NULL);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + 60000), 5000);
}

static void two_processes_of_one_exporter_leave_both_possible(void **state)
{
	struct world *w = *state;
	struct skew got;

	hear_from(w, "192.0.2.1", 2055, 1000, T0, 320000);
	hear_from(w, "192.0.2.1", 2056, 3000, T0 + 100, 320000);
	got = skew_of(w, "192.0.2.1", T0 + 200000);
	assert_in_range(got.low_ms, 900, 1000);
	assert_in_range(got.high_ms, 3000, 3100);
	assert_int_equal(got.low_ms, got.ahead_ms);
}

/* A process that has ended says what it said, not what is so now. */
static void a_process_that_has_ended_contradicts_nobody(void **state)
{
	struct world *w = *state;

	hear_from(w, "192.0.2.1", 2055, 12000, T0, 320000);
	hear_from(w, "192.0.2.1", 2056, 0, T0 + HOUR_MS, 320000);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + HOUR_MS + 60000), 0);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + 60000), 12000);
}

/* A zone of time that was set wrong stays; what is played again is over soon, or of long ago. */
static void a_clock_that_is_far_off_is_believed_when_it_stays_so(void **state)
{
	struct world *w = *state;

	hear(w, "192.0.2.1", -HOUR_MS);
	assert_unknown(skew_of(w, "192.0.2.1", T0 + 60000));
	hear_from(w, "192.0.2.1", 2055, -HOUR_MS, T0 + 320000, 320000);
	assert_ahead(skew_of(w, "192.0.2.1", T0 + 60000), -HOUR_MS);
	hear_from(w, "192.0.2.2", 2055, -7 * DAY_MS, T0, HOUR_MS);
	hear_from(w, "192.0.2.2", 2055, -6 * DAY_MS, T0 + HOUR_MS, HOUR_MS);
	assert_unknown(skew_of(w, "192.0.2.2", T0 + 60000));
	assert_false(skews_were_set(&w->skews, (struct interval){T0, T0 + DAY_MS}));
}

/* Of whole seconds the range is wide: what is right within it is not moved. */
static void a_clock_that_may_be_right_is_taken_to_be(void **state)
{
	struct world *w = *state;
	struct stream *s = stream_from(w, "192.0.2.1", 2055);
	struct skew got;

	for (int64_t at = T0; at < T0 + 320000; at += 2130)
		message(s, at / 1000 * 1000, 1000, at);
	got = skew_of(w, "192.0.2.1", T0 + 60000);
	assert_int_equal(0, got.ahead_ms);
	assert_in_range(got.low_ms + 100, 0, 100);
	assert_in_range(got.high_ms, 900, 1100);
}

/* Long before and after it was heard of, nothing is known. */
static void what_is_known_is_forgotten_with_time(void **state)
{
	struct world *w = *state;
	struct skew got;

	hear(w, "192.0.2.1", 5000);
	got = skew_of(w, "192.0.2.1", T0 + HOUR_MS);
	assert_in_range(got.low_ms, 4100, 4500);
	assert_in_range(got.high_ms, 5500, 5900);
	assert_unknown(skew_of(w, "192.0.2.1", T0 + 2 * DAY_MS));
	assert_unknown(skew_of(w, "192.0.2.1", T0 - 2 * DAY_MS));
}

/* A burst of datagrams can have been sent by anybody, in anybody's name. */
static void who_has_not_proved_itself_tells_nothing(void **state)
{
	struct world *w = *state;
	struct stream *forged = stream_from(w, "192.0.2.1", 2055);
	struct stream *heard = stream_from(w, "192.0.2.1", 2056);

	for (int64_t at = T0; at < T0 + 80000; at += 2000) {
		message(heard, at + 4000, 1, at);
		clock_model_add(&forged->model, at - 9000, 1, at);
	}
	forged->seen_ms = T0 + 80000;
	assert_ahead(skew_of(w, "192.0.2.1", T0 + 60000), 4000);
	assert_int_equal(1, w->skews.count);
}

/* Whatever a note on the disk may say, that can be read. */
static void a_clock_kept_with_extremes_is_read(void **state)
{
	const int64_t half = INT64_C(1) << 51;
	const struct clock_history kept = {
		.count = 2,
		.segments = {{0, half, HOUR_MS, 10, 999999, 1},
	                     {half + 1, half + 1000000, HOUR_MS, 10, 0, 1}},
	};
	const struct clock_key key = {.exporter = addr_of("192.0.2.1"), .version = 10};
	uint8_t packed[CLOCKS_KEY], room[CLOCK_HISTORY_MAX];
	struct world *w = *state;

	clocks_key_pack(&key, packed);
	assert_ok(
		clocks_recall(w->clocks, packed, bytes_of(room, clock_history_pack(&kept, room))));
	assert_ahead(skew_of(w, "192.0.2.1", half + 500000), -HOUR_MS);
	assert_unknown(skew_of(w, "192.0.2.1", half - 500000));
}

static struct interval ahead_of(struct world *w, const char *exporter, struct interval when)
{
	struct addr addr = addr_of(exporter);

	skews_free(&w->skews);
	skews_take(&w->skews, w->clocks, w->streams);
	return skews_ahead(&w->skews, &addr, when);
}

/* Of the address alone: any of its clocks that are known, whenever within that time. */
static void an_address_is_ahead_by_what_its_clocks_are(void **state)
{
	struct stream_key key = {.from = {addr_of("192.0.2.2"), 2055}, .domain = 7, .version = 9};
	struct world *w = *state;
	struct stream *other;
	struct interval got;

	hear(w, "192.0.2.1", 60000);
	hear(w, "192.0.2.2", 4000);
	hear(w, "192.0.2.3", 90000);
	other = stream_of(w->streams, &key);
	assert_non_null(other);
	for (int64_t at = T0; at < T0 + 60000; at += 2000)
		message(other, at + HOUR_MS, 1, at); /* too far off to be believed yet */
	got = ahead_of(w, "192.0.2.2", (struct interval){T0 + 30000, T0 + 30000});
	assert_in_range(got.start_ms, 3900, 4000);
	assert_in_range(got.end_ms, 3900, 4000);
	for (int64_t at = T0 + 60000; at < T0 + HOUR_MS; at += 2000)
		message(other, at + HOUR_MS, 1, at);
	got = ahead_of(w, "192.0.2.2", (struct interval){T0 + 30000, T0 + 30000});
	assert_in_range(got.start_ms, 3900, 4000);
	assert_in_range(got.end_ms, HOUR_MS - 1000, HOUR_MS);
	got = ahead_of(w, "192.0.2.1", INTERVAL_ALWAYS);
	assert_in_range(got.end_ms, 59900, 60000);
	got = ahead_of(w, "192.0.2.9", INTERVAL_ALWAYS);
	assert_true(got.start_ms == 0 && got.end_ms == 0);
}

static size_t bands_of(struct world *w, struct skew_band ret[SKEWS_BANDS_MAX])
{
	skews_free(&w->skews);
	skews_take(&w->skews, w->clocks, w->streams);
	return skews_bands(&w->skews, (struct interval){T0, T0 + 60000}, ret);
}

static void clocks_far_from_each_other_are_bands_of_their_own(void **state)
{
	struct skew_band got[SKEWS_BANDS_MAX];
	struct world *w = *state;

	assert_int_equal(1, bands_of(w, got));
	assert_int_equal(0, got[0].ahead_ms);
	assert_int_equal(score_defaults.candidate.bound_ms, got[0].within_ms);
	hear(w, "192.0.2.1", 4000);
	hear(w, "192.0.2.2", 60000);
	hear_from(w, "192.0.2.3", 2055, -HOUR_MS, T0, HOUR_MS);
	assert_int_equal(3, bands_of(w, got));
	assert_in_range(got[0].ahead_ms + HOUR_MS + 1000, 0, 2000);
	assert_in_range(got[1].ahead_ms - got[1].within_ms + 1100, 0, 200);
	assert_in_range(got[1].ahead_ms + got[1].within_ms, 4000, 5000);
	assert_in_range(got[1].last_ms, 3900, 4000);
	assert_in_range(got[2].ahead_ms, 59000, 61000);
}

/* Each clock is of one band alone, in whatever order they come. */
static void bands_do_not_overlap(void **state)
{
	static const int seconds[] = {0, 5, 30, 18, 19};
	struct skew_band got[SKEWS_BANDS_MAX];
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(seconds); i++) {
		char exporter[32];

		snprintf(exporter, sizeof(exporter), "192.0.2.%zu", i + 1);
		hear(w, exporter, seconds[i] * 1000);
	}
	assert_int_equal(2, bands_of(w, got));
	assert_in_range(got[0].last_ms, 4900, 5000);
	assert_in_range(got[1].ahead_ms - got[1].within_ms, 17000, 18000);
}

/* Of more than there are bands, the closest share one, and none is left out. */
static void many_clocks_share_bands(void **state)
{
	struct skew_band got[SKEWS_BANDS_MAX];
	struct world *w = *state;

	for (int i = 1; i <= 15; i++) {
		char exporter[32];

		snprintf(exporter, sizeof(exporter), "192.0.2.%d", i);
		hear(w, exporter, i * 30000);
	}
	assert_int_equal(SKEWS_BANDS_MAX, bands_of(w, got));
	for (int i = 0; i <= 15; i++) {
		size_t at = 0;

		while (at < SKEWS_BANDS_MAX - 1 && got[at].last_ms < i * 30000 - 100)
			at++;
		assert_in_range(i * 30000 + got[at].within_ms - got[at].ahead_ms, 0,
		                2 * got[at].within_ms);
	}
}

static void all_of_time_has_bands(void **state)
{
	struct skew_band got[SKEWS_BANDS_MAX];
	struct world *w = *state;
	struct interval all;

	hear(w, "192.0.2.1", 60000);
	skews_take(&w->skews, w->clocks, w->streams);
	assert_int_equal(2, skews_bands(&w->skews, INTERVAL_ALWAYS, got));
	assert_in_range(got[1].within_ms, SKEWS_BOUND_MAX_MS - 500, SKEWS_BOUND_MAX_MS);
	all = skew_band_when(&got[1], INTERVAL_ALWAYS);
	assert_true(all.start_ms == INT64_MIN + got[1].ahead_ms - got[1].within_ms);
	assert_true(all.end_ms == INT64_MAX);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(what_is_known_takes_the_place_of_what_is_assumed),
		CASE(a_flow_is_by_the_clock_of_its_time),
		CASE(a_clock_that_is_set_is_right_on_both_sides),
		CASE(it_is_known_after_a_restart),
		CASE(two_processes_of_one_exporter_leave_both_possible),
		CASE(a_process_that_has_ended_contradicts_nobody),
		CASE(a_clock_that_is_far_off_is_believed_when_it_stays_so),
		CASE(a_clock_that_may_be_right_is_taken_to_be),
		CASE(what_is_known_is_forgotten_with_time),
		CASE(who_has_not_proved_itself_tells_nothing),
		CASE(a_clock_kept_with_extremes_is_read),
		CASE(an_address_is_ahead_by_what_its_clocks_are),
		CASE(clocks_far_from_each_other_are_bands_of_their_own),
		CASE(bands_do_not_overlap),
		CASE(many_clocks_share_bands),
		CASE(all_of_time_has_bands),
	};

	return cmocka_run_group_tests_name("node/skews", tests, NULL, NULL);
}
