#include "node/skews.h"
#include "tests/unit/test.h"

#define T0 INT64_C(1795309500000)

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_ok(addr_parse(text, &a));
	return a;
}

/* A stream whose exporter is `ahead_ms` of us, heard of long enough for its clock to be known. */
static void hear(struct stream_table *streams, const char *exporter, uint32_t domain,
                 int64_t ahead_ms)
{
	struct stream_key key = {
		.from = {addr_of(exporter), 2055}, .domain = domain, .version = 10};
	struct stream *s = stream_of(streams, &key);

	assert_non_null(s);
	for (int i = 0; i < 64; i++) {
		s->seen_ms = T0 + i * 5000;
		clock_model_add(&s->model, s->seen_ms + ahead_ms, 1, s->seen_ms + 3);
	}
}

static struct score_clock clock_of(const struct stream_table *streams, const char *exporter)
{
	struct addr a = addr_of(exporter);
	struct skews skews;

	skews_take(&skews, streams);
	return skews_of(&skews, &a);
}

static void what_is_known_takes_the_place_of_what_is_assumed(void **state)
{
	struct stream_table *streams = stream_table_new(16, 0, NULL, NULL);
	struct score_clock got;
	(void)state;

	hear(streams, "192.0.2.1", 0, 4000);
	hear(streams, "192.0.2.2", 0, -7000);
	got = clock_of(streams, "192.0.2.1");
	assert_in_range(got.offset_ms, 3900, 4100);
	assert_in_range(got.bound_ms, 0, 200);
	got = clock_of(streams, "192.0.2.2");
	assert_in_range(-got.offset_ms, 6900, 7100);
	got = clock_of(streams, "192.0.2.3");
	assert_int_equal(0, got.offset_ms);
	assert_int_equal(score_defaults.candidate.bound_ms, got.bound_ms);
	stream_table_free(streams);
}

static void two_processes_of_one_exporter_leave_both_possible(void **state)
{
	struct stream_table *streams = stream_table_new(16, 0, NULL, NULL);
	struct score_clock got;
	(void)state;

	hear(streams, "192.0.2.1", 1, 1000);
	hear(streams, "192.0.2.1", 2, 3000);
	got = clock_of(streams, "192.0.2.1");
	assert_in_range(got.offset_ms, 1900, 2100);
	assert_in_range(got.bound_ms, 1000, 1200);
	stream_table_free(streams);
}

/* A recording that is played again is not a clock that is a week behind. */
static void what_was_recorded_earlier_is_taken_as_it_is(void **state)
{
	struct stream_table *streams = stream_table_new(16, 0, NULL, NULL);
	struct skews skews;
	(void)state;

	hear(streams, "192.0.2.1", 0, -7 * INT64_C(86400000));
	skews_take(&skews, streams);
	assert_int_equal(0, skews.count);
	assert_int_equal(0, skews_far_ms(&skews));
	hear(streams, "192.0.2.2", 0, 30000);
	skews_take(&skews, streams);
	assert_in_range(skews_far_ms(&skews), 29900, 30200);
	stream_table_free(streams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_takes_the_place_of_what_is_assumed),
		cmocka_unit_test(two_processes_of_one_exporter_leave_both_possible),
		cmocka_unit_test(what_was_recorded_earlier_is_taken_as_it_is),
	};

	return cmocka_run_group_tests_name("node/skews", tests, NULL, NULL);
}
