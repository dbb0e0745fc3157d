/* wire_fixture - a noon, and keys that are always the same. */
#ifndef SPOOR_TESTS_UNIT_WIRE_FIXTURE_H
#define SPOOR_TESTS_UNIT_WIRE_FIXTURE_H

#include "proto/wire/cert.h"
#include "proto/wire/sign.h"
#include "tests/unit/test.h"

#define NOON INT64_C(1795348800000) /* 2026-11-22T12:00:00Z */
#define DAY INT64_C(86400000)

static inline struct seed seed_of(uint8_t first)
{
	struct seed seed;

	for (size_t i = 0; i < sizeof(seed.octets); i++)
		seed.octets[i] = (uint8_t)(first + i);
	return seed;
}

static inline struct key_pair pair_of(uint8_t first)
{
	struct seed seed = seed_of(first);

	return key_pair_of(&seed);
}

/* Certificates for 10.0.0.0/8. */
static inline struct prefix ten(void)
{
	struct prefix p;

	assert_ok(prefix_parse("10.0.0.0/8", &p));
	return p;
}

#endif
