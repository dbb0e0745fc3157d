#include "base/prng.h"
#include "proto/flow/admission.h"
#include "tests/unit/test.h"

#include <string.h>

#define T0 INT64_C(1795309531943)

static struct addr v4(uint32_t n)
{
	return addr_from_v4((const uint8_t[]){(uint8_t)(n >> 24), (uint8_t)(n >> 16),
	                                      (uint8_t)(n >> 8), (uint8_t)n});
}

static void assert_drop(enum drop expected, enum drop got)
{
	assert_string_equal(drop_key(got), drop_key(expected));
}

static void without_rules_everybody_may(void **state)
{
	struct admission_rules rules = {.rate = 0};
	struct admission *a = admission_new(&rules, 64, 1);
	struct addr from = v4(0x0a000001);
	(void)state;

	for (int i = 0; i < 1000; i++)
		assert_drop(DROP_NONE, admission_ask(a, &from, T0));
	admission_free(a);
	admission_free(NULL);
}

static void only_who_is_in_a_net_of_the_list_may(void **state)
{
	struct admission_rules rules = {.allow_count = 2};
	struct addr in = v4(0x0a00ffff), out = v4(0x0a010000), in6, out6;
	struct admission *a;
	(void)state;

	assert_err(ERR_OK, prefix_parse("10.0.0.0/16", &rules.allow[0]));
	assert_err(ERR_OK, prefix_parse("2001:db8::/32", &rules.allow[1]));
	assert_err(ERR_OK, addr_parse("2001:db8::7", &in6));
	assert_err(ERR_OK, addr_parse("2001:db9::7", &out6));
	a = admission_new(&rules, 64, 1);
	assert_drop(DROP_NONE, admission_ask(a, &in, T0));
	assert_drop(DROP_NONE, admission_ask(a, &in6, T0));
	assert_drop(DROP_NOT_ALLOWED, admission_ask(a, &out, T0));
	assert_drop(DROP_NOT_ALLOWED, admission_ask(a, &out6, T0));
	admission_free(a);
}

/* In any second no more than burst and rate together, and no less than the rate over a long time.
 */
static void a_sender_has_its_rate_and_its_burst(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 50; seed++) {
		struct prng p = {seed};
		struct admission_rules rules = {.rate = 1 + (uint32_t)prng_below(&p, 5000),
		                                .burst = 1 + (uint32_t)prng_below(&p, 5000)};
		struct admission *a = admission_new(&rules, 64, seed);
		struct addr from = v4(0x0a000001);
		int64_t now = T0, seconds = 20;
		uint64_t taken = 0;

		/* Far more than the rate is sent, at irregular times. */
		while (now < T0 + seconds * 1000) {
			for (uint64_t i = prng_below(&p, 40); i > 0; i--)
				taken += admission_ask(a, &from, now) == DROP_NONE;
			now += (int64_t)prng_below(&p, 3);
		}
		assert_in_range(taken, 0, rules.burst + rules.rate * (uint64_t)seconds);
		if (rules.rate < 2000) /* of the others not enough is sent */
			assert_true(taken + 60 >= rules.rate * (uint64_t)(seconds - 1));
		admission_free(a);
	}
}

static void one_senders_flood_takes_nothing_from_another(void **state)
{
	struct admission_rules rules = {.rate = 10, .burst = 10};
	struct admission *a = admission_new(&rules, 64, 3);
	struct addr loud = v4(1), calm = v4(2);
	uint64_t dropped = 0;
	(void)state;

	for (int64_t ms = 0; ms < 10000; ms++) {
		dropped += admission_ask(a, &loud, T0 + ms) == DROP_RATE;
		if (ms % 100 == 0)
			assert_drop(DROP_NONE, admission_ask(a, &calm, T0 + ms));
	}
	assert_int_equal(dropped, 10000 - 10 - 99);
	admission_free(a);
}

static void a_clock_that_is_set_gives_no_more_than_a_burst(void **state)
{
	struct admission_rules rules = {.rate = 10, .burst = 5};
	struct admission *a = admission_new(&rules, 64, 3);
	struct addr from = v4(1);
	(void)state;

	for (int i = 0; i < 5; i++)
		assert_drop(DROP_NONE, admission_ask(a, &from, T0));
	assert_drop(DROP_RATE, admission_ask(a, &from, T0));
	assert_drop(DROP_RATE, admission_ask(a, &from, T0 - 3600000));
	assert_drop(DROP_NONE, admission_ask(a, &from, INT64_MAX / 2));
	for (int i = 0; i < 4; i++)
		assert_drop(DROP_NONE, admission_ask(a, &from, INT64_MAX / 2));
	assert_drop(DROP_RATE, admission_ask(a, &from, INT64_MAX / 2));
	admission_free(a);
}

/* Who is limited stays limited: a flood of forged senders does not empty its bucket's place. */
static void a_million_forged_senders_put_out_nobody_who_is_proven(void **state)
{
	struct admission_rules rules = {.rate = 10, .burst = 10};
	struct admission *a = admission_new(&rules, 1024, 0x5eed);
	struct prng p = {7};
	uint64_t dropped = 0;
	(void)state;

	for (int64_t ms = 0; ms < 11000; ms++) {
		for (uint32_t i = 0; i < 50; i++) {
			struct addr honest = v4(0x0a000000 + i);

			dropped += admission_ask(a, &honest, T0 + ms) == DROP_RATE;
		}
	}
	dropped = 0;
	for (int i = 0; i < 1000000; i++) {
		struct addr forged = v4((uint32_t)prng_next(&p) | 0x80000000u);
		struct addr honest = v4(0x0a000000 + (uint32_t)(i % 50));

		assert_drop(DROP_NONE, admission_ask(a, &forged, T0 + 11000));
		dropped += admission_ask(a, &honest, T0 + 11000) == DROP_RATE;
	}
	/* Had one been put out, it would have come back with a full bucket. */
	assert_in_range(1000000 - dropped, 0, 50);
	admission_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_rules_everybody_may),
		cmocka_unit_test(only_who_is_in_a_net_of_the_list_may),
		cmocka_unit_test(a_sender_has_its_rate_and_its_burst),
		cmocka_unit_test(one_senders_flood_takes_nothing_from_another),
		cmocka_unit_test(a_clock_that_is_set_gives_no_more_than_a_burst),
		cmocka_unit_test(a_million_forged_senders_put_out_nobody_who_is_proven),
	};

	return cmocka_run_group_tests_name("flow/admission", tests, NULL, NULL);
}
