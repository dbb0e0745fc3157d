/* wire_fixture - a noon, and keys that are always the same. */
#ifndef SPOOR_TESTS_UNIT_WIRE_FIXTURE_H
#define SPOOR_TESTS_UNIT_WIRE_FIXTURE_H

#include "proto/wire/card.h"
#include "proto/wire/sign.h"
#include "tests/unit/test.h"

#include <stdio.h>

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

struct holder { /* a member, and all of its secrets */
	struct key_pair identity, operational;
	struct box_key kx_secret;
	struct card card; /* good for a day around noon */
};

/* Its keys and salt are made of `first`, from which its address follows: 10.0.0.FIRST. */
static inline struct holder holder_of(const struct key_pair *root, uint8_t first, const char *name,
                                      const char *org)
{
	const uint8_t octets[4] = {10, 0, 0, first};
	struct seed seed = seed_of((uint8_t)(first + 1));
	struct holder h = {.identity = pair_of(first)};
	struct cert *cert = &h.card.cert;
	struct record *record = &h.card.record;

	*cert = (struct cert){.member = h.identity.public,
	                      .salt = {first},
	                      .serial = first,
	                      .not_before = {NOON - DAY},
	                      .not_after = {NOON + DAY},
	                      .prefixes = {ten()},
	                      .prefix_count = 1,
	                      .roles = CERT_ROLES_MEMBER};
	snprintf(cert->name, sizeof(cert->name), "%s", name);
	snprintf(cert->org, sizeof(cert->org), "%s", org);
	record_keys(&seed, &h.operational, &record->kx, &h.kx_secret);
	record->sign = h.operational.public;
	record->seq = 1;
	record->not_before.ms = NOON - DAY;
	record->not_after.ms = NOON + DAY;
	record->endpoints[0] = (struct endpoint){addr_from_v4(octets), 7667};
	record->endpoint_count = 1;
	assert_ok(cert_issue(root, cert, &h.card.cert_blob));
	assert_ok(record_issue(&h.identity, record, &h.card.record_blob));
	h.card.id = cert_id(cert);
	return h;
}

/* The same as a host of an organisation, by its root for hosts. */
static inline struct holder host_of(const struct key_pair *root, uint8_t first, const char *name)
{
	struct holder h = holder_of(root, first, name, "Example");

	h.card.cert.roles = CERT_ROLE_HOST;
	assert_ok(cert_issue(root, &h.card.cert, &h.card.cert_blob));
	return h;
}

#endif
