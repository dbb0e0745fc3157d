#include "base/prng.h"
#include "base/util.h"
#include "store/ranks.h"
#include "tests/unit/test.h"

#include <string.h>

#define MAX_COUNT 3000

static void assert_ranked(const struct addr *addrs, uint32_t count)
{
	static uint32_t order[MAX_COUNT], ranks[MAX_COUNT];

	memset(order, 0xff, sizeof(order));
	memset(ranks, 0xff, sizeof(ranks));
	ranks_of(addrs, count, order, ranks);
	for (uint32_t i = 0; i < count; i++) {
		assert_true(order[i] < count);
		assert_int_equal(i, ranks[order[i]]);
		if (i > 0)
			assert_true(addr_cmp(&addrs[order[i - 1]], &addrs[order[i]]) <= 0);
	}
}

static void addresses_of_any_family_come_in_order(void **state)
{
	static struct addr addrs[MAX_COUNT];
	struct prng p = {1};

	(void)state;
	for (uint32_t count = 0; count < MAX_COUNT; count = 2 * count + 1) {
		for (uint32_t i = 0; i < count; i++) {
			uint8_t v4[4];

			prng_fill(&p, v4, sizeof(v4));
			prng_fill(&p, &addrs[i], sizeof(addrs[i]));
			if (i % 3 != 0)
				addrs[i] = addr_from_v4(v4);
		}
		assert_ranked(addrs, count);
	}
}

static void those_that_differ_in_one_octet_come_in_order(void **state)
{
	struct addr addrs[256];

	(void)state;
	for (size_t octet = 0; octet < sizeof(addrs[0].octets); octet++) {
		memset(addrs, 7, sizeof(addrs));
		for (size_t i = 0; i < ARRAY_LEN(addrs); i++)
			addrs[i].octets[octet] = (uint8_t)(251 * i);
		assert_ranked(addrs, ARRAY_LEN(addrs));
	}
}

static void equal_ones_keep_their_order(void **state)
{
	struct addr addrs[5] = {{{0}}};
	uint32_t order[5], ranks[5];

	(void)state;
	addrs[2].octets[15] = 1;
	ranks_of(addrs, ARRAY_LEN(addrs), order, ranks);
	assert_memory_equal(((uint32_t[]){0, 1, 3, 4, 2}), order, sizeof(order));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_of_any_family_come_in_order),
		cmocka_unit_test(those_that_differ_in_one_octet_come_in_order),
		cmocka_unit_test(equal_ones_keep_their_order),
	};

	return cmocka_run_group_tests_name("store/ranks", tests, NULL, NULL);
}
