/*
 * group - flows put together by some of their members, and summed.
 *
 * Groups are kept in a hash table of bounded memory. When it is full, the half of it that counts
 * least is given up: its sums go to `other`, and a group that comes again begins anew. So the sums
 * of a group may miss something then, and `missed` says how much at most. Nothing is lost from the
 * total.
 */
#ifndef SPOOR_PROTO_FLOW_GROUP_H
#define SPOOR_PROTO_FLOW_GROUP_H

#include "base/err.h"
#include "proto/flow/field.h"

#define GROUP_PARTS_MAX 8
#define GROUP_REASON_MAX 192

struct group_part {
	uint8_t field;        /* enum field: an address or a number */
	uint8_t bits4, bits6; /* of addresses, how many of their 32 or 128 bits count */
};

enum group_merge {                    /* which flows in the other direction are the same group */
	           GROUP_DIRECTED,    /* none */
	           GROUP_PAIRS,       /* those between the same addresses; dst is the larger one */
	           GROUP_CONNECTIONS, /* likewise, of the same ports; dst has the lower port */
};

struct group_by {
	struct group_part parts[GROUP_PARTS_MAX];
	size_t count;
	size_t key_len;
	enum group_merge merge;
};

/*
 * "src,dst_port", "src/24", "src/24/64" (bits of IPv4 and of IPv6), "pair" (src and dst, both
 * directions), "connection" (the 5-tuple, both directions). ERR_FORMAT: `reterr` says why.
 */
MUST_USE enum err group_parse(const char *text, struct group_by *ret,
                              char reterr[GROUP_REASON_MAX]);

enum group_order { GROUP_BY_BYTES, GROUP_BY_PACKETS, GROUP_BY_FLOWS, GROUP_BY_DURATION };

struct group_sum {
	uint64_t flows, packets, octets;
	uint64_t sampled; /* flows of which not every packet was looked at */
	int64_t start_ms, end_ms;
	uint64_t missed; /* at most so much of what is ordered by; of durations it says nothing */
};

struct group_table;

/*
 * `seed` is random: whoever makes flows must not know where they go. NULL without memory; `memory`
 * octets are all that is ever taken, and those that are touched grow with the groups.
 */
struct group_table *group_new(const struct group_by *by, enum group_order order, size_t memory,
                              uint64_t seed);
void group_free(struct group_table *t); /* NULL is fine */

void group_add(struct group_table *t, const struct flow *flow);

/* Groups held now: group_sum_at(t, 0) to group_sum_at(t, group_count(t) - 1). */
size_t group_count(const struct group_table *t);
const struct group_sum *group_sum_at(const struct group_table *t, size_t index);

/* What it is ordered by. */
uint64_t group_rank_at(const struct group_table *t, size_t index);

/* Its part `part`, an address or a number; a net's address has zeros behind its bits. */
void group_part_at(const struct group_table *t, size_t index, size_t part, struct addr *ret_addr,
                   uint64_t *ret_number);

const struct group_sum *group_total(const struct group_table *t);
const struct group_sum *group_other(const struct group_table *t); /* flows 0: all are held */

#endif
