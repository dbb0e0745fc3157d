#include "node/standing.h"
#include "proto/wire/intervals.h"
#include "proto/wire/pack.h"
#include "tests/unit/test.h"

#include <string.h>

#define NOON INT64_C(1795348800000)

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

static const struct interval on[] = {
	{NOON, NOON + 5000}, {NOON + 40000, NOON + 41000}, {NOON + 90000, NOON + 95000}};

static struct connection target_of(const struct interval *intervals, size_t count)
{
	return (struct connection){
		.view = {at("10.255.0.4").addr, 1, 2},
		.src = at("192.0.2.3:32967"),
		.dst = at("10.4.0.10:22"),
		.proto = 6,
		.tcp_flags = FLOW_TCP_FIN,
		.low_ms = -20,
		.high_ms = 32,
		.gap_ms = 15000,
		.on = intervals,
		.on_count = count,
	};
}

static const struct standing watch = {
	.begun_ms = NOON,
	.until_ms = NOON + 604800000,
	.every_ms = 3600000,
	.timeout_ms = 30000,
	.gap_ms = 15000,
	.severity = SEVERITY_HIGH,
	.passes = 12,
	.asked_ms = NOON + 7200000,
	.asked = 40,
	.answered = 39,
	.lost = 7,
};

static struct discovery discovery(void)
{
	return (struct discovery){
		.at_ms = NOON + 1,
		.is_significant = true,
		.p_value = 1e-5,
		.query = {{7}},
		.member = {{9}},
		.node = "R1",
		.org = "Organisation of R1",
		.finding = {.exporter = at("10.255.0.1").addr,
	                    .if_high = 3,
	                    .src = at("10.1.0.10:54160"),
	                    .dst = at("10.2.0.10:22"),
	                    .proto = 6,
	                    .is_open = true,
	                    .life = {NOON - 5000, NOON + 95000},
	                    .score = 8.6,
	                    .silences = 10},
	};
}

static bool is_same(uint32_t watch_a, const struct discovery *a, uint32_t watch_b,
                    const struct discovery *b)
{
	struct id x = standing_found_id(watch_a, &a->member, &a->finding);
	struct id y = standing_found_id(watch_b, &b->member, &b->finding);

	return id_equal(&x, &y);
}

static void a_watch_is_read_as_it_was_kept(void **state)
{
	struct connection target = target_of(on, ARRAY_LEN(on)), read_target;
	struct interval room[QUERY_INTERVALS_MAX];
	uint8_t octets[STANDING_MAX];
	struct standing read;
	size_t len = standing_pack(&watch, &target, octets);

	(void)state;
	assert_ok(standing_read(bytes_of(octets, len), &read, &read_target, room));
	assert_int_equal(read.begun_ms, watch.begun_ms);
	assert_int_equal(read.until_ms, watch.until_ms);
	assert_int_equal(read.every_ms, watch.every_ms);
	assert_int_equal(read.severity, watch.severity);
	assert_int_equal(read.passes, watch.passes);
	assert_int_equal(read.asked_ms, watch.asked_ms);
	assert_int_equal(read.answered, watch.answered);
	assert_false(read.is_over);
	assert_int_equal(view_cmp(&read_target.view, &target.view), 0);
	assert_true(endpoint_equal(&read_target.src, &target.src));
	assert_true(endpoint_equal(&read_target.dst, &target.dst));
	assert_false(connection_is_open(&read_target));
	assert_int_equal(read.lost, 7);
	assert_int_equal(read_target.low_ms, -20);
	assert_int_equal(read_target.high_ms, 32);
	assert_int_equal(read_target.gap_ms, target.gap_ms);
	assert_int_equal(read_target.on_count, ARRAY_LEN(on));
	assert_memory_equal(read_target.on, on, sizeof(on));
}

static void what_was_found_is_read_as_it_was_kept(void **state)
{
	struct discovery kept = discovery(), read;
	uint8_t octets[STANDING_MAX];
	size_t len = standing_pack_found(0xdeadbeef, &kept, octets);
	uint32_t of;

	(void)state;
	assert_ok(standing_read_found(bytes_of(octets, len), &of, &read));
	assert_int_equal(of, 0xdeadbeef);
	assert_int_equal(read.at_ms, kept.at_ms);
	assert_true(read.is_significant);
	assert_true(read.finding.score == kept.finding.score && read.p_value == kept.p_value);
	assert_memory_equal(&read.query, &kept.query, sizeof(kept.query));
	assert_string_equal(read.node, kept.node);
	assert_string_equal(read.org, kept.org);
	assert_int_equal(read.finding.if_high, 3);
	assert_int_equal(read.finding.life.end_ms, kept.finding.life.end_ms);
	assert_true(is_same(1, &read, 1, &kept));
}

/* More of them than a question may have, each but a second: the shortest silences close. */
static void a_long_fingerprint_is_kept_as_coarsely_as_it_is_asked(void **state)
{
	static struct interval many[1000];
	struct interval room[QUERY_INTERVALS_MAX];
	struct connection target, read_target;
	uint8_t octets[STANDING_MAX];
	struct standing read;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i].start_ms = (i == 0 ? NOON : many[i - 1].end_ms) + 20000 + (int64_t)i * 1000;
		many[i].end_ms = many[i].start_ms + 86400000 / 4;
	}
	target = target_of(many, ARRAY_LEN(many));
	len = standing_pack(&watch, &target, octets);
	assert_in_range(len, 1, STANDING_MAX);
	assert_ok(standing_read(bytes_of(octets, len), &read, &read_target, room));
	assert_in_range(read_target.on_count, 2, QUERY_INTERVALS_MAX);
	assert_true(read_target.gap_ms > target.gap_ms);
	assert_int_equal(connection_life(&read_target).end_ms, connection_life(&target).end_ms);
}

static void every_truncation_is_refused(void **state)
{
	struct connection target = target_of(on, ARRAY_LEN(on)), read_target;
	struct interval room[QUERY_INTERVALS_MAX];
	uint8_t octets[STANDING_MAX], more[STANDING_MAX];
	struct discovery kept = discovery(), read_found;
	size_t len = standing_pack(&watch, &target, octets);
	size_t more_len = standing_pack_found(1, &kept, more);
	struct standing read;
	uint32_t of;

	(void)state;
	for (size_t i = 0; i < len; i++)
		assert_err(ERR_FORMAT,
		           standing_read(bytes_of(octets, i), &read, &read_target, room));
	for (size_t i = 0; i < more_len; i++)
		assert_err(ERR_FORMAT, standing_read_found(bytes_of(more, i), &of, &read_found));
	octets[len] = more[more_len] = 0;
	assert_err(ERR_FORMAT, standing_read(bytes_of(octets, len + 1), &read, &read_target, room));
	assert_err(ERR_FORMAT, standing_read_found(bytes_of(more, more_len + 1), &of, &read_found));
}

/* A node that is older than its store leaves it alone. */
static void another_version_is_told_apart(void **state)
{
	struct connection target = target_of(on, ARRAY_LEN(on)), read_target;
	struct interval room[QUERY_INTERVALS_MAX];
	uint8_t octets[STANDING_MAX];
	size_t len = standing_pack(&watch, &target, octets);
	struct standing read;

	(void)state;
	octets[3] = 4; /* behind the array's three octets */
	assert_err(ERR_VERSION, standing_read(bytes_of(octets, len), &read, &read_target, room));
}

/* Of version 2; or of 1, whose intervals are by the exporter's clock, ahead by `ahead_ms`. */
static size_t pack_older(unsigned version, int64_t ahead_ms, uint8_t octets[STANDING_MAX])
{
	const struct connection c = target_of(on, ARRAY_LEN(on));
	struct pack p = pack_into(octets, STANDING_MAX);
	uint8_t intervals[64];
	struct octets out = octets_of(intervals, sizeof(intervals));

	intervals_put(&out, on, ARRAY_LEN(on));
	pack_array(&p, version == 1 ? 22 : 21);
	pack_uint(&p, version);
	pack_int(&p, watch.begun_ms);
	pack_int(&p, watch.until_ms);
	for (int i = 0; i < 3; i++)
		pack_uint(&p, 15000); /* every, timeout, gap */
	pack_uint(&p, SEVERITY_HIGH);
	pack_bool(&p, false);
	pack_uint(&p, 12);
	pack_int(&p, NOON);
	pack_uint(&p, 40);
	pack_uint(&p, 39);
	pack_bin(&p, c.view.exporter.octets, sizeof(c.view.exporter.octets));
	pack_uint(&p, c.view.if_low);
	pack_uint(&p, c.view.if_high);
	pack_endpoint(&p, &c.src);
	pack_endpoint(&p, &c.dst);
	pack_uint(&p, c.proto);
	pack_bool(&p, false);
	if (version == 1)
		pack_int(&p, ahead_ms);
	pack_uint(&p, 15000);
	pack_bin(&p, intervals, octets_len(&out));
	assert_false(p.out.is_full);
	return pack_len(&p);
}

static void a_watch_by_its_exporter_s_clock_is_brought_to_ours(void **state)
{
	struct interval room[QUERY_INTERVALS_MAX];
	struct connection read_target;
	uint8_t octets[STANDING_MAX];
	struct standing read;
	size_t len = pack_older(1, -250, octets);

	(void)state;
	assert_ok(standing_read(bytes_of(octets, len), &read, &read_target, room));
	assert_int_equal(read.asked, 40);
	assert_int_equal(read_target.on_count, ARRAY_LEN(on));
	for (size_t i = 0; i < ARRAY_LEN(on); i++) {
		assert_int_equal(room[i].start_ms, on[i].start_ms + 250);
		assert_int_equal(room[i].end_ms, on[i].end_ms + 250);
	}
	len = pack_older(1, INT64_MAX, octets);
	assert_err(ERR_FORMAT, standing_read(bytes_of(octets, len), &read, &read_target, room));
}

/* As all were taken until then: right to within a second, and one record in twenty lost. */
static void a_watch_that_says_nothing_of_its_side_is_taken_as_usual(void **state)
{
	struct interval room[QUERY_INTERVALS_MAX];
	(void)state;

	for (unsigned version = 1; version <= 2; version++) {
		struct connection read_target;
		uint8_t octets[STANDING_MAX];
		struct standing read;
		size_t len = pack_older(version, 0, octets);

		assert_ok(standing_read(bytes_of(octets, len), &read, &read_target, room));
		assert_int_equal(read_target.low_ms, -1000);
		assert_int_equal(read_target.high_ms, 1000);
		assert_int_equal(read.lost, 50);
		assert_memory_equal(read_target.on, on, sizeof(on));
	}
}

static void a_side_that_cannot_be_is_refused(void **state)
{
	static const struct {
		int16_t low_ms, high_ms;
		unsigned lost;
		enum err err;
	} rows[] = {
		{0, 0, 0, ERR_OK},         {-30000, 30000, 999, ERR_OK}, {-30001, 0, 0, ERR_FORMAT},
		{0, 30001, 0, ERR_FORMAT}, {1, 2, 0, ERR_FORMAT},        {-2, -1, 0, ERR_FORMAT},
		{0, 0, 1000, ERR_FORMAT},
	};
	struct interval room[QUERY_INTERVALS_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct connection target = target_of(on, ARRAY_LEN(on)), read_target;
		struct standing bad = watch, read;
		uint8_t octets[STANDING_MAX];
		size_t len;

		target.low_ms = rows[i].low_ms;
		target.high_ms = rows[i].high_ms;
		bad.lost = rows[i].lost;
		len = standing_pack(&bad, &target, octets);
		assert_err(rows[i].err,
		           standing_read(bytes_of(octets, len), &read, &read_target, room));
	}
}

static void times_that_cannot_be_reckoned_with_are_refused(void **state)
{
	static const struct interval far[] = {{INT64_MIN, INT64_MIN + 1}};
	struct connection target = target_of(far, 1), read_target;
	struct interval room[QUERY_INTERVALS_MAX];
	uint8_t octets[STANDING_MAX];
	struct standing read, bad = watch;
	size_t len = standing_pack(&watch, &target, octets);

	(void)state;
	assert_err(ERR_FORMAT, standing_read(bytes_of(octets, len), &read, &read_target, room));
	target = target_of(on, ARRAY_LEN(on));
	bad.until_ms = INT64_MAX;
	len = standing_pack(&bad, &target, octets);
	assert_err(ERR_FORMAT, standing_read(bytes_of(octets, len), &read, &read_target, room));
	bad = watch;
	bad.every_ms = 0;
	len = standing_pack(&bad, &target, octets);
	assert_err(ERR_FORMAT, standing_read(bytes_of(octets, len), &read, &read_target, room));
}

static void the_same_is_one_member_s_connection_at_one_view_whatever_its_score(void **state)
{
	struct discovery a = discovery(), b = a;

	(void)state;
	b.finding.score = 12;
	b.finding.life.end_ms += 60000;
	b.finding.is_open = false;
	assert_true(is_same(1, &a, 1, &b));
	b.finding.if_high++;
	assert_false(is_same(1, &a, 1, &b));
	assert_false(is_same(1, &a, 2, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watch_is_read_as_it_was_kept),
		cmocka_unit_test(what_was_found_is_read_as_it_was_kept),
		cmocka_unit_test(a_long_fingerprint_is_kept_as_coarsely_as_it_is_asked),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(a_watch_by_its_exporter_s_clock_is_brought_to_ours),
		cmocka_unit_test(a_watch_that_says_nothing_of_its_side_is_taken_as_usual),
		cmocka_unit_test(a_side_that_cannot_be_is_refused),
		cmocka_unit_test(times_that_cannot_be_reckoned_with_are_refused),
		cmocka_unit_test(
			the_same_is_one_member_s_connection_at_one_view_whatever_its_score),
	};

	return cmocka_run_group_tests_name("node/standing", tests, NULL, NULL);
}
