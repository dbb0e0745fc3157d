/* Flows that end after they came, or long before: of a clock that is off, whatever headers say. */
#include "proto/flow/lag.h"
#include "tests/unit/message_fixture.h"

#define FLOWS 3 /* of a message */

static const uint16_t absolute[] = {8, 4, 12, 4, 152, 8, 153, 8, 0};

/* Exported now; its flows ended 100 ms ago, 15 s and 30 s, by a clock `ahead_ms` of ours. */
static void export(struct fixture *f, int64_t now_ms, int64_t ahead_ms)
{
	struct octets header = octets_of(f->wire + 4, 4);

	f->origin.received_ms = now_ms + 20;
	begin(f, 10);
	octets_uint(&header, (uint64_t)now_ms / 1000, 4);
	set(f, 2);
	template(f, 256, absolute);
	set(f, 256);
	for (int i = 0; i < FLOWS; i++) {
		put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
		put(f, (uint64_t)(now_ms + ahead_ms - 60000), 8);
		put(f, (uint64_t)(now_ms + ahead_ms - (i == 0 ? 100 : i * 15000)), 8);
	}
	assert_string_equal(decode(f), "none");
	f->sequence += FLOWS;
}

static void copy(void *ctx, const struct stream *s)
{
	*(struct stream_lag *)ctx = s->lag;
}

static struct stream_lag lag_of(const struct fixture *f)
{
	struct stream_lag lag = {.flows = 0};

	stream_each(f->decoder->streams, copy, &lag);
	return lag;
}

static void run(struct fixture *f, int messages, int64_t ahead_ms)
{
	for (int i = 0; i < messages; i++)
		export(f, EXPORT_MS + (int64_t)2000 * i + 300, ahead_ms);
}

static void flows_that_end_after_they_came_are_counted(void **state)
{
	struct fixture *f = *state;

	run(f, 40, 40000);
	assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], 0);
	assert_int_equal(f->decoder->counters.ahead, 40 * FLOWS);
	assert_int_equal(lag_of(f).ahead, 40 * FLOWS);
	assert_true(lag_of(f).is_known);
	assert_int_equal(lag_of(f).known_ms, 120 - 40000);
}

static void a_second_is_no_clock_ahead(void **state)
{
	struct fixture *f = *state;

	run(f, 40, 1100);
	assert_int_equal(f->decoder->counters.ahead, 0);
	run(f, 40, 1200);
	assert_int_equal(f->decoder->counters.ahead, 40);
}

/* Its header is right: only its flows tell. */
static void a_clock_that_is_an_hour_behind_shows_by_its_flows(void **state)
{
	struct fixture *f = *state;

	run(f, 20, -3600000); /* less than a minute: not known yet */
	assert_false(lag_of(f).is_known);
	run(f, 40, -3600000);
	assert_true(lag_of(f).is_known);
	assert_int_equal(lag_of(f).known_ms, 3600120);
	assert_int_equal(f->decoder->counters.ahead, 0);
}

static void what_is_known_follows_a_clock_that_is_set(void **state)
{
	struct fixture *f = *state;

	run(f, 40, -3600000);
	for (int i = 40; i < 120; i++)
		export(f, EXPORT_MS + (int64_t)2000 * i, 0);
	assert_int_equal(lag_of(f).known_ms, 120);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flows_that_end_after_they_came_are_counted),
		TEST(a_second_is_no_clock_ahead),
		TEST(a_clock_that_is_an_hour_behind_shows_by_its_flows),
		TEST(what_is_known_follows_a_clock_that_is_set),
	};

	return cmocka_run_group_tests_name("flow/lag", tests, NULL, NULL);
}
