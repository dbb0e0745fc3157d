/*
 * filter - which flows a person wants, in nfdump's manner.
 *
 *	src ip 10.0.0.1 and dst port 22
 *	proto udp and not (net 10.0.0.0/8 or port in [53 5353])
 *
 *	[SIDE] ip|host|net ADDR|NET     [SIDE] port N            proto NAME|N
 *	[in|out] if N                   exporter ADDR|NET        flags [=] LETTERS (of FSRPAUEC)
 *	bytes|packets|duration|pps|bps|bpp N                     tos N
 *	[in|out|inner] vlan N           mpls N                   icmp-type N   icmp-code N
 *	nat [SIDE] ip|net|port ...      domain N   version N     sampled  inet  inet6  any
 *	not X    X and Y    X or Y    (X)
 *
 * SIDE is src, dst, src or dst (also without it), src and dst. N may be compared (= != < <= > >=),
 * be a range (1024-65535) or a list (in [22 80-90 443]); so may addresses, but for the order.
 * Counters may end in k, m, g or t (thousands), a duration is in ms or has its unit. `not` binds
 * closest, then `and`, then `or`. Words may be in any case; # begins a comment.
 *
 * A filter is compiled: its tests stand in a row, and each says which one follows when it passes
 * and when it fails, so that a flow meets only those that matter.
 */
#ifndef SPOOR_PROTO_FLOW_FILTER_H
#define SPOOR_PROTO_FLOW_FILTER_H

#include "base/err.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_NODES_MAX 256
#define FILTER_RANGES_MAX 512
#define FILTER_REASON_MAX 192

enum filter_kind {
	FILTER_ANY,
	FILTER_AND, /* left, right */
	FILTER_OR,
	FILTER_NOT, /* left */
	FILTER_TEST,
};

#define FILTER_FAILS FILTER_NODES_MAX /* as the next test: the end */
#define FILTER_PASSES (FILTER_NODES_MAX + 1)

struct filter_node {
	uint8_t kind;
	uint8_t field;         /* of a test: what is looked at (enum field) */
	uint8_t mask;          /* and if that is one octet, which bits of it */
	uint16_t left, right;  /* branches stand before their joint */
	uint16_t first, count; /* ranges; the value must be in one */
	uint16_t next[2];      /* where to go on when it fails, and when it passes */
};

struct filter_range { /* addresses as two numbers; of a plain number the first is 0 */
	uint64_t low[2], high[2];
};

struct filter {
	struct filter_node nodes[FILTER_NODES_MAX];
	struct filter_range ranges[FILTER_RANGES_MAX];
	uint16_t count, range_count;
	uint16_t root, start; /* of the tree; of the tests */
};

/*
 * Compiles `text` (empty: every flow). On failure `reterr` says what was expected and where.
 *
 * ERR_FORMAT   not a filter
 * ERR_LIMIT    more than FILTER_NODES_MAX parts, or FILTER_RANGES_MAX values, or nested too deep
 */
MUST_USE enum err filter_parse(const char *text, struct filter *ret,
                               char reterr[FILTER_REASON_MAX]);

bool filter_matches(const struct filter *f, const struct flow *flow);

/* What an index can be asked for: flows between two ends, in either direction. */
struct filter_key {
	struct addr a, b; /* a is the smaller one, if there are two */
	bool has_b;
	bool is_connection;      /* the following are known too: of its 5-tuple everything is */
	uint16_t a_port, b_port; /* as the flow has them; those of ICMP say its type and code */
	uint8_t proto;
};

#define FILTER_KEYS_MAX 32

/*
 * Keys of which every flow that matches has at least one: the flows that a search has to read.
 * Returns how many; 0 where the filter does not say so much, and all flows must be read.
 */
size_t filter_keys(const struct filter *f, struct filter_key ret[FILTER_KEYS_MAX]);

bool filter_key_fits(const struct filter_key *key, const struct flow *flow);

#endif
