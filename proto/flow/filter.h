/*
 * filter - which flows a person wants, in nfdump's manner.
 *
 *	src ip 10.0.0.1 and dst port 22
 *	proto udp and not (net 10.0.0.0/8 or port 53)
 *
 *	[src|dst] ip|host ADDR       [src|dst] net ADDR/BITS       [src|dst] port [<|>|=] N
 *	proto NAME|N                 [in|out] if N                 exporter ADDR
 *	bytes|packets [<|>|=] N      flags LETTERS (of FSRPAU)     ipv4   ipv6   any
 *	not X    X and Y    X or Y    (X)
 *
 * `not` binds closest, then `and`, then `or`. Without src or dst either side may match.
 */
#ifndef SPOOR_PROTO_FLOW_FILTER_H
#define SPOOR_PROTO_FLOW_FILTER_H

#include "base/err.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_NODES_MAX 64
#define FILTER_REASON_MAX 128

enum filter_kind {
	FILTER_ANY,
	FILTER_AND, /* left, right */
	FILTER_OR,
	FILTER_NOT, /* left */
	FILTER_IP,
	FILTER_PORT,
	FILTER_PROTO,
	FILTER_IF,
	FILTER_EXPORTER,
	FILTER_BYTES,
	FILTER_PACKETS,
	FILTER_FLAGS,
	FILTER_FAMILY,
};

struct filter_node {
	enum filter_kind kind;
	uint8_t left, right;
	uint8_t sides; /* 1 source (or in), 2 destination (or out), 3 either */
	char compare;  /* '<' '>' '=' */
	uint8_t bits;
	struct addr addr;
	uint64_t number;
};

struct filter {
	struct filter_node nodes[FILTER_NODES_MAX];
	uint8_t count, root;
};

/*
 * Compiles `text` (empty: every flow). On failure `reterr` says what was expected and where.
 *
 * ERR_FORMAT   not a filter
 * ERR_LIMIT    more than FILTER_NODES_MAX parts, or nested too deep
 */
MUST_USE enum err filter_parse(const char *text, struct filter *ret,
                               char reterr[FILTER_REASON_MAX]);

bool filter_matches(const struct filter *f, const struct flow *flow);

#endif
