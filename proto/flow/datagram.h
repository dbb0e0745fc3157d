/*
 * datagram - any export datagram of any exporter, turned into flows.
 *
 * The version in a datagram's first two octets chooses the decoder (the table in datagram.c: a
 * further format is a further row). The decoder keeps, per exporter stream, what must be known
 * between datagrams: how far its sequence has come. All memory is taken by flow_decoder_new().
 */
#ifndef SPOOR_PROTO_FLOW_DATAGRAM_H
#define SPOOR_PROTO_FLOW_DATAGRAM_H

#include "base/addr.h"
#include "proto/flow/flow.h"
#include "proto/flow/stream.h"

#include <stddef.h>
#include <stdint.h>

#define FLOW_DATAGRAM_MAX 64 /* flows that one datagram can hold, of any format read here */

/* Why a datagram, or one record of it, was not taken. Each is counted. */
/* clang-format off */
#define DROP_MAP(X)                                                             \
	X(NONE,        "none",        "taken")                                  \
	X(SHORT,       "short",       "shorter than its header")                \
	X(VERSION,     "version",     "format or version that is not read")     \
	X(COUNT,       "count",       "record count of 0 or above the format's")\
	X(LENGTH,      "length",      "length does not fit the record count")   \
	X(CLOCK,       "clock",       "export time outside 1971..2106")         \
	X(DUPLICATE,   "duplicate",   "seen before in its stream")              \
	X(RECORD_TIME, "record_time", "record ends before it starts or in the future")
/* clang-format on */

enum drop {
#define X(name, key, text) DROP_##name,
	DROP_MAP(X)
#undef X
		DROP_COUNT_OF
};

struct flow_origin { /* where a datagram came from, and when */
	struct endpoint from;
	int64_t received_ms;
	uint32_t
		session; /* 0: the network, as it comes; else one import, whose files may overlap */
};

struct flow_counters {
	uint64_t datagrams; /* all that came in */
	uint64_t flows;     /* decoded */
	uint64_t clamped;   /* flows whose first packet was later than their last, by < 1 s */
	uint64_t dropped[DROP_COUNT_OF]; /* datagrams by reason; records under RECORD_TIME */
};

struct flow_decoder {
	struct flow_counters counters; /* read by anybody */
	struct stream_table *streams;
};

/* Room for about `streams_max` exporter streams at once. NULL when out of memory. */
struct flow_decoder *flow_decoder_new(size_t streams_max);
void flow_decoder_free(struct flow_decoder *d); /* NULL is fine */

/*
 * Decodes one datagram into room[0..FLOW_DATAGRAM_MAX), writes how many to `ret_count` (0 unless
 * DROP_NONE is returned), and accounts for it. `data` is borrowed.
 */
enum drop flow_decode(struct flow_decoder *d, const struct flow_origin *origin, const void *data,
                      size_t len, struct flow *room, size_t *ret_count);

/* "short", for counters and JSON; static. */
const char *drop_key(enum drop drop);
/* "shorter than its header", for people; static. */
const char *drop_text(enum drop drop);

#endif
