/* What is known of how much exporters lose, from their streams to what a score is told. */
#include "node/losses.h"
#include "proto/flow/flow.h"
#include "proto/wire/query.h"
#include "tests/unit/test.h"

#define NOON INT64_C(1795348800000)

static struct stream_table *streams;

static int start(void **state)
{
	(void)state;
	streams = stream_table_new(64, 1, NULL, NULL);
	return streams == NULL ? -1 : 0;
}

static int stop(void **state)
{
	(void)state;
	stream_table_free(streams);
	return 0;
}

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

/* So many flows in datagrams of thirty; `lost` is in what the format counts. */
static struct stream *tell(const char *from, uint16_t version, uint64_t flows, uint64_t lost)
{
	struct stream_key key = {.from = at(from), .version = version};
	struct stream *s = stream_of(streams, &key);

	s->datagrams = flows / 30;
	s->flows = flows;
	s->lost = lost;
	for (uint64_t i = 0; i < 20; i++)
		stream_arrive(s, i, NOON + 1000 * (int64_t)i);
	return s;
}

static unsigned lost_by(const char *exporter)
{
	struct endpoint e = at(exporter);
	struct losses l;
	unsigned ret;

	losses_take(&l, streams);
	ret = losses_of(&l, &e.addr);
	losses_free(&l);
	return ret;
}

static void of_whom_nothing_is_known_one_in_twenty_is(void **state)
{
	struct losses none = {.of = NULL};
	struct endpoint e = at("10.255.0.1:0");
	(void)state;

	assert_int_equal(losses_of(&none, &e.addr), 50);
	assert_int_equal(lost_by("10.255.0.1:0"), 50);
	tell("10.255.0.2:9001", 5, 3000000, 0);
	assert_int_equal(lost_by("10.255.0.1:0"), 50);
}

static void who_has_told_much_is_known(void **state)
{
	(void)state;

	tell("10.255.0.1:9001", 5, 60, 0);
	assert_in_range(lost_by("10.255.0.1:0"), 45, 49);
	tell("10.255.0.1:9001", 5, 3000000, 0);
	assert_int_equal(lost_by("10.255.0.1:0"), 0);
	tell("10.255.0.1:9001", 5, 300000, 100000);
	assert_in_range(lost_by("10.255.0.1:0"), 249, 250);
	tell("10.255.0.1:9001", 5, 0, UINT64_MAX);
	assert_int_equal(lost_by("10.255.0.1:0"), QUERY_LOST_MAX);
}

/* v9 counts datagrams: 10000 of 20000. */
static void datagrams_are_as_many_flows_as_the_others_had(void **state)
{
	(void)state;

	tell("10.255.0.1:9001", 9, 300000, 10000);
	assert_in_range(lost_by("10.255.0.1:0"), 498, 500);
}

static void the_streams_of_one_address_are_one_exporter(void **state)
{
	(void)state;

	tell("10.255.0.1:9001", 5, 300000, 0);
	tell("10.255.0.2:9001", 5, 300000, 300000);
	tell("10.255.0.1:9002", 5, 100000, 100000);
	assert_in_range(lost_by("10.255.0.1:0"), 199, 200);
	assert_in_range(lost_by("10.255.0.2:0"), 498, 500);
}

/* A burst of datagrams in an exporter's name, with numbers that are far apart; and a sample. */
static void what_proves_nothing_counts_for_nothing(void **state)
{
	struct stream_key key = {.from = at("10.255.0.1:666"), .version = 5};
	struct stream *s = stream_of(streams, &key);
	(void)state;

	s->flows = 30;
	s->lost = 4000000000;
	stream_arrive(s, 1, NOON);
	tell("10.255.0.2:6343", FLOW_SFLOW, 300000, 300000);
	assert_int_equal(lost_by("10.255.0.1:0"), 50);
	assert_int_equal(lost_by("10.255.0.2:0"), 50);
}

static void a_clock_is_the_middle_of_what_it_leaves_open(void **state)
{
	struct connection c = {.low_ms = -100, .high_ms = 501};
	struct score_clock clock = losses_clock(&c, 250);
	(void)state;

	assert_int_equal(clock.offset_ms, 200);
	assert_int_equal(clock.bound_ms, 301);
	assert_true(clock.loss > 0.2499 && clock.loss < 0.2501);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		CASE(of_whom_nothing_is_known_one_in_twenty_is),
		CASE(who_has_told_much_is_known),
		CASE(datagrams_are_as_many_flows_as_the_others_had),
		CASE(the_streams_of_one_address_are_one_exporter),
		CASE(what_proves_nothing_counts_for_nothing),
		CASE(a_clock_is_the_middle_of_what_it_leaves_open),
	};

	return cmocka_run_group_tests_name("node/losses", tests, NULL, NULL);
}
