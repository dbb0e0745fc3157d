#include "base/prng.h"
#include "tests/sim/support.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 64

struct record { /* what somebody on the path has written down */
	struct sim *sim;
	enum message_kind kind; /* MESSAGE_KIND_END: all of them */
	size_t count;
	struct {
		uint32_t from, to;
		size_t len;
		uint8_t data[MESSAGE_MAX];
	} kept[KEPT_MAX];
};

static void write_down(void *ctx, uint32_t from, uint32_t to, const void *data, size_t len)
{
	struct record *r = ctx;

	uint8_t kind = ((const uint8_t *)data)[3];

	if ((r->kind != MESSAGE_KIND_END && r->kind != kind) || r->count == KEPT_MAX)
		return;
	r->kept[r->count].from = from;
	r->kept[r->count].to = to;
	r->kept[r->count].len = len;
	memcpy(r->kept[r->count++].data, data, len);
}

static struct record *record_of(struct sim *sim, enum message_kind kind)
{
	struct record *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->sim = sim;
	r->kind = kind;
	sim_set_tap(sim, write_down, r);
	return r;
}

static uint32_t serves(const struct sim *sim, size_t query)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < sim_nodes(sim); i++)
		count += sim_query(sim, query)->parts[i].is_heard;
	return count;
}

/* From where they came, and from elsewhere; while the query lives, when it is answered, and when
 * nobody remembers it. The simulator itself watches that no node serves a query twice. */
static void replayed_queries_are_served_once(void **state)
{
	static const uint64_t times_ms[] = {10010, 10100, 15000, 60000, 130000, 400000};
	struct sim *sim = community(5, 30, 0);
	struct record *r;
	size_t query;
	(void)state;

	sim_run(sim, 10000);
	r = record_of(sim, MESSAGE_QUERY);
	query = ask(sim, 1, 2, 10000);
	for (size_t t = 0; t < ARRAY_LEN(times_ms); t++) {
		sim_run(sim, times_ms[t]);
		for (size_t i = 0; i < MIN(r->count, 8); i++) {
			struct endpoint source = sim_endpoint(r->kept[i].from);
			struct endpoint elsewhere = sim_stranger(1);

			sim_inject(sim, r->kept[i].to, &source, r->kept[i].data, r->kept[i].len);
			sim_inject(sim, r->kept[i].to, &elsewhere, r->kept[i].data, r->kept[i].len);
		}
	}
	sim_run(sim, 410000);
	assert_int_equal(serves(sim, query), 4);
	assert_whole(sim, query, 4);
	assert_true(counters(sim, 0)->stale > 0);
	assert_true(counters(sim, 0)->unknown > 0); /* those from elsewhere */
	free(r);
	end(sim);
}

/* Answers written down and played again reach no ticket a second time. */
static void replayed_answers_are_told_once(void **state)
{
	struct sim *sim = community(4, 31, 0);
	struct record *r;
	size_t first, second;
	(void)state;

	sim_run(sim, 10000);
	r = record_of(sim, MESSAGE_ANSWER);
	first = ask(sim, 1, 2, 10000);
	sim_run(sim, 11000);
	second = ask(sim, 1, 2, 10000);
	assert_true(r->count > 0);
	for (size_t i = 0; i < r->count; i++) {
		struct endpoint source = sim_endpoint(r->kept[i].from);

		sim_inject(sim, r->kept[i].to, &source, r->kept[i].data, r->kept[i].len);
	}
	sim_run(sim, 30000);
	assert_whole(sim, first, 3);
	assert_whole(sim, second, 3);
	assert_true(counters(sim, 1)->unasked > 0);
	free(r);
	end(sim);
}

/* Noise, and real datagrams with an octet changed, from where they came or from elsewhere. */
static void flood(struct sim *sim, struct record *r, struct prng *p, bool is_from_elsewhere)
{
	uint8_t data[MESSAGE_MAX];
	size_t len = 1 + prng_below(p, MESSAGE_MAX);
	size_t i = prng_below(p, r->count);
	struct endpoint from = is_from_elsewhere ? sim_stranger((uint32_t)prng_below(p, 3))
	                                         : sim_endpoint(r->kept[i].from);

	if (prng_below(p, 2) == 0) {
		prng_fill(p, data, len);
	} else {
		len = r->kept[i].len;
		memcpy(data, r->kept[i].data, len);
		data[4 + prng_below(p, len - 4)] ^= (uint8_t)(1 + prng_below(p, 255));
	}
	sim_inject(sim, r->kept[i].to, &from, data, len);
}

static void a_flood_of_forgeries_changes_nothing_but_counters(void **state)
{
	struct sim *sim = community(5, 32, 0);
	struct prng p = {.state = 32};
	uint64_t bad = 0;
	struct record *r = record_of(sim, MESSAGE_KIND_END);
	size_t query;
	(void)state;

	sim_run(sim, 10000);
	assert_true(r->count > 0);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 10; i++)
			flood(sim, r, &p, i % 2 == 0);
		sim_run(sim, sim_now(sim) + 100);
	}
	assert_true(all_know_all(sim));
	query = ask(sim, 2, 2, 10000);
	sim_run(sim, sim_now(sim) + 11000);
	assert_whole(sim, query, 4);
	for (uint32_t i = 0; i < 5; i++) {
		const struct overlay_counters *c = counters(sim, i);

		assert_int_equal(overlay_member_count(sim_overlay(sim, i)), 4);
		bad += c->malformed + c->forged + c->untrusted + c->over_budget + c->unasked +
		       c->unknown;
	}
	assert_true(bad >= 990); /* a changed octet of padding changes the signature too */
	free(r);
	end(sim);
}

/* Its own clock is slow: it believes itself a member still. The others know better. */
static void an_expired_member_is_neither_asked_nor_answered(void **state)
{
	struct sim_options options = {.nodes = 5, .seed = 33};
	struct sim *sim = sim_new(&options);
	size_t query, other;
	uint64_t turned_away = 0;
	(void)state;

	assert_non_null(sim);
	sim_set_expiry(sim, 3, 20000);
	sim_set_skew(sim, 3, -40000);
	sim_start_all(sim, 1000);
	sim_run(sim, 15000);
	assert_true(all_know_all(sim));
	sim_run(sim, 30000);
	query = ask(sim, 3, 2, 10000);
	other = ask(sim, 1, 2, 10000);
	sim_run(sim, 45000);
	assert_int_equal(serves(sim, query), 0);
	assert_int_equal(tally_of(sim, query).answered, 0);
	assert_false(sim_query(sim, other)->parts[3].is_heard);
	assert_whole(sim, other, 3); /* all but the expired one */
	for (uint32_t i = 0; i < 5; i++)
		turned_away += i == 3 ? 0 : counters(sim, i)->expired;
	assert_true(turned_away >= 4);
	end(sim);
}

static void who_has_expired_and_knows_it_does_not_ask(void **state)
{
	struct sim_options options = {.nodes = 3, .seed = 34};
	struct sim *sim = sim_new(&options);
	enum err err;
	(void)state;

	assert_non_null(sim);
	sim_set_expiry(sim, 2, 20000);
	sim_start_all(sim, 1000);
	sim_run(sim, 30000);
	assert_true(sim_ask(sim, 2, 1, 10000, &err) == SIZE_MAX);
	assert_err(ERR_EXPIRED, err);
	end(sim);
}

/* A clock that is minutes off makes a member's queries stale, and it is told so. */
static void a_member_whose_clock_is_far_off_is_told_so(void **state)
{
	struct sim_options options = {.nodes = 4, .seed = 35};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_set_skew(sim, 2, 600000);
	sim_start_all(sim, 1000);
	sim_run(sim, 10000);
	query = ask(sim, 2, 1, 10000);
	sim_run(sim, 21000);
	assert_int_equal(serves(sim, query), 0);
	assert_int_equal(sim_query(sim, query)->parts[1].outcome, TARGET_UNWANTED);
	assert_true(counters(sim, 1)->stale > 0);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replayed_queries_are_served_once),
		cmocka_unit_test(replayed_answers_are_told_once),
		cmocka_unit_test(a_flood_of_forgeries_changes_nothing_but_counters),
		cmocka_unit_test(an_expired_member_is_neither_asked_nor_answered),
		cmocka_unit_test(who_has_expired_and_knows_it_does_not_ask),
		cmocka_unit_test(a_member_whose_clock_is_far_off_is_told_so),
	};

	return cmocka_run_group_tests_name("sim/hostile", tests, NULL, NULL);
}
