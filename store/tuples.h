/*
 * tuples - who a block's flows are between: each address and each connection once.
 *
 * A connection is its 5-tuple in either direction, written as its first flow has it. A flow refers
 * to its connection by how many new ones have come since, which is little for an answer that
 * follows its question.
 *
 * Hashes are of the addresses themselves, with the store's own seed (nobody outside can make them
 * collide), and last: the index is made of them.
 */
#ifndef SPOOR_STORE_TUPLES_H
#define SPOOR_STORE_TUPLES_H

#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRS_A_FLOW 5 /* its ends, its exporter, its ends translated */

struct tuple {
	uint32_t src, dst; /* indices of addresses */
	uint16_t src_port, dst_port;
	uint8_t proto;
};

struct tuples {
	struct addr *addrs;
	uint64_t *addr_hashes;
	uint32_t addr_count;
	struct tuple *tuples;
	uint64_t *tuple_hashes;
	uint32_t tuple_count;
	uint64_t seed;

	uint32_t *addr_slots, *tuple_slots; /* some of the hash, and index + 1; 0 is free */
	size_t addr_mask, tuple_mask;       /* slots in use, less one */
	size_t room;                        /* flows that all of this has room for */
};

/* How a flow refers to its connection: 0 is a new one, else 2 * how far back + is_reverse. */
#define TUPLES_NEW 0

bool tuples_room(struct tuples *t, size_t flows); /* false: no memory; empties it */
bool tuples_hold(struct tuples *t, size_t flows); /* likewise, for the arrays alone */
void tuples_free(struct tuples *t);

/* Of flows[0..count), at most TUPLES_RUN of them. */
#define TUPLES_RUN 128
void tuples_add(struct tuples *t, const struct flow *flows, size_t count, uint64_t *ret);
uint32_t tuples_addr(struct tuples *t, const struct addr *a);

uint64_t tuples_addr_hash(const struct addr *a, uint64_t seed);
/*
 * Of two hashed addresses; the same in both directions. What ICMP has for ports is type and code,
 * which differ by direction: they are left out.
 */
uint64_t tuples_hash(uint64_t src, uint16_t src_port, uint64_t dst, uint16_t dst_port,
                     uint8_t proto);
uint64_t tuples_flow_hash(const struct flow *f, uint64_t seed);

#endif
