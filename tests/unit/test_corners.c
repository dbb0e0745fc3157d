/* The corner cases of time, from the datagram to the time at which we say that it was. */
#include "base/prng.h"
#include "tests/unit/message_fixture.h"

#define HOUR_MS INT64_C(3600000)

struct exporter {
	uint16_t version;
	int64_t ahead_ms;  /* its clock, of ours */
	int64_t booted_ms; /* by our clock */
	struct prng prng;
};

static void overwrite(struct fixture *f, size_t at, uint64_t value)
{
	struct octets o = octets_of(f->wire + at, 4);

	octets_uint(&o, value, 4);
}

static const uint16_t absolute[] = {8, 4, 12, 4, 152, 8, 153, 8, 0};

static void v5_datagram(struct fixture *f, uint32_t uptime, int64_t clock_ms)
{
	f->version = 5;
	f->set = NULL;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, 5, 2);
	put(f, 1, 2);
	put(f, uptime, 4);
	put(f, (uint64_t)clock_ms / 1000, 4);
	put(f, (uint64_t)clock_ms % 1000 * 1000000, 4);
	put(f, f->sequence++, 4);
	put(f, 0, 4);
	for (int i = 0; i < 24; i++)
		put(f, 0, 1);
	put(f, uptime - 2000, 4);
	put(f, uptime - 100, 4);
	for (int i = 0; i < 16; i++)
		put(f, 0, 1);
}

/* A flow from 2000 ms to 100 ms before `now_ms`, ours. It takes up to 20 ms to come. */
static void export(struct fixture *f, struct exporter *e, int64_t now_ms)
{
	int64_t clock_ms = now_ms + e->ahead_ms;
	uint32_t uptime = (uint32_t)(now_ms - e->booted_ms);

	f->origin.received_ms = now_ms + 1 + (int64_t)prng_below(&e->prng, 20);
	if (e->version == 5) {
		v5_datagram(f, uptime, clock_ms);
	} else {
		begin(f, e->version);
		set(f, template_set(f));
		template(f, 256, e->version == 9 ? usual : absolute);
		set(f, 256);
		overwrite(f, e->version == 9 ? 8 : 4, (uint64_t)clock_ms / 1000);
		if (e->version == 9)
			overwrite(f, 4, uptime);
		f->sequence++;
	}
	if (e->version == 9) {
		usual_record(f, uptime - 2000, uptime - 100);
	} else if (e->version == 10) {
		put(f, 1, 4);
		put(f, 2, 4);
		put(f, (uint64_t)clock_ms - 2000, 8);
		put(f, (uint64_t)clock_ms - 100, 8);
	}
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	flow_keep(f->decoder);
}

/* What the flow's times are by our clock, with what is known of its exporter's. */
static void assert_right(struct fixture *f, const struct flow *flow, int64_t now_ms,
                         int64_t bound_max_ms)
{
	struct clock_key key = {flow->exporter, flow->domain, flow->version};
	const struct clock_history *h = clocks_find(f->decoder->clocks, &key);
	struct clock_estimate known;
	int64_t error_ms;

	assert_non_null(h);
	assert_ok(clock_model_at(h, flow->received_ms, &known));
	error_ms = flow->end_ms + known.offset_ms - (now_ms - 100);
	if (error_ms > known.bound_ms || error_ms < -known.bound_ms ||
	    known.bound_ms > bound_max_ms)
		fail_msg("version %d: off by %lld ms, bound %lld, at most %lld", flow->version,
		         (long long)error_ms, (long long)known.bound_ms, (long long)bound_max_ms);
}

static const struct {
	uint16_t version;
	int64_t bound_max_ms;
} formats[] = {{5, 60}, {9, 60}, {10, 560}};

static int64_t run(struct fixture *f, struct exporter *e, int64_t from_ms, int64_t for_ms)
{
	int64_t at = from_ms;

	for (; at < from_ms + for_ms; at += 300 + (int64_t)prng_below(&e->prng, 50))
		export(f, e, at);
	return at;
}

static void again(struct fixture *f)
{
	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(8, 0);
	f->sequence = 0;
}

static void a_clock_one_hour_off_is_known_to_be(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		for (int64_t ahead = -HOUR_MS; ahead <= HOUR_MS; ahead += HOUR_MS) {
			struct exporter e = {formats[i].version, ahead, EXPORT_MS - 5000000, {i}};
			int64_t at;

			again(f);
			at = run(f, &e, EXPORT_MS, 120000);
			export(f, &e, at);
			assert_int_equal(f->flows[0].end_ms, at - 100 + ahead);
			assert_int_equal(f->flows[0].start_ms, at - 2000 + ahead);
			assert_right(f, &f->flows[0], at, formats[i].bound_max_ms);
		}
	}
}

/* Of flows from before and after, each is right with what was known when it came. */
static void a_clock_that_is_set_in_between_leaves_both_sides_right(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		struct exporter e = {formats[i].version, HOUR_MS, EXPORT_MS - 5000000, {100 + i}};
		struct flow before;
		int64_t then, at;

		again(f);
		then = run(f, &e, EXPORT_MS, 120000);
		export(f, &e, then);
		before = f->flows[0];
		e.ahead_ms = 0; /* set right: back by an hour */
		at = run(f, &e, then + 300, 120000);
		export(f, &e, at);
		assert_in_range(f->flows[0].end_ms, at - 110, at - 100);
		assert_right(f, &f->flows[0], at, formats[i].bound_max_ms);
		e.ahead_ms = 2 * HOUR_MS; /* set wrong: forward by two */
		at = run(f, &e, at + 300, 120000);
		export(f, &e, at);
		assert_in_range(f->flows[0].end_ms - 2 * HOUR_MS, at - 110, at - 100);
		assert_right(f, &f->flows[0], at, formats[i].bound_max_ms);
		assert_right(f, &before, then, formats[i].bound_max_ms);
	}
}

static void add_restarts(void *ctx, const struct stream *s)
{
	uint64_t *sums = ctx;

	sums[0] += s->restarts;
	sums[1] += s->lost;
	sums[2] += s->duplicates;
}

static void after_a_restart_times_are_right_and_nothing_is_lost(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) { /* IPFIX has no uptime to begin anew */
		struct exporter e = {formats[i].version, 0, EXPORT_MS - 5000000, {200 + i}};
		uint64_t sums[3] = {0};
		int64_t at;

		again(f);
		f->sequence = 100000;
		at = run(f, &e, EXPORT_MS, 120000) + 60000;
		e.booted_ms = at - 5000;
		f->sequence = 0;
		for (int j = 0; j < 100; j++, at += 300) {
			export(f, &e, at);
			if (j > 50) /* v9 has heard of every part of a second by then */
				assert_in_range(f->flows[0].end_ms, at - 120, at - 100);
		}
		assert_right(f, &f->flows[0], at - 300, formats[i].bound_max_ms);
		stream_each(f->decoder->streams, add_restarts, sums);
		assert_int_equal(sums[0], 1);
		assert_int_equal(sums[1], 0);
		assert_int_equal(sums[2], 0);
	}
}

static void an_uptime_that_wraps_changes_no_time(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		/* 2^32 ms of uptime are over a minute later. */
		struct exporter e = {
			formats[i].version, 0, EXPORT_MS - INT64_C(4294967296) + 60000, {300 + i}};
		int64_t at = EXPORT_MS;

		again(f);
		for (int j = 0; j < 600; j++, at += 210) {
			export(f, &e, at);
			if (j > 50)
				assert_in_range(f->flows[0].end_ms, at - 120, at - 100);
		}
		assert_right(f, &f->flows[0], at - 210, formats[i].bound_max_ms);
	}
}

/* What is lost just then is lost, and no restart. */
static void a_loss_at_the_wrap_is_no_restart(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		struct exporter e = {
			formats[i].version, 0, EXPORT_MS - INT64_C(4294967296) + 30000, {400 + i}};
		uint64_t sums[3] = {0};
		int64_t at = EXPORT_MS;

		again(f);
		for (int j = 0; j < 300; j++, at += 210) {
			if (at >= EXPORT_MS + 30000 && at < EXPORT_MS + 30210)
				f->sequence += 3;
			export(f, &e, at);
		}
		stream_each(f->decoder->streams, add_restarts, sums);
		assert_int_equal(sums[0], 0);
		assert_int_equal(sums[1], 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_clock_one_hour_off_is_known_to_be),
		TEST(a_clock_that_is_set_in_between_leaves_both_sides_right),
		TEST(after_a_restart_times_are_right_and_nothing_is_lost),
		TEST(an_uptime_that_wraps_changes_no_time),
		TEST(a_loss_at_the_wrap_is_no_restart),
	};

	return cmocka_run_group_tests_name("flow/corners", tests, NULL, NULL);
}
