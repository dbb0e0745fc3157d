/*
 * stream - one exporter's sequence of datagrams, and what is missing from it.
 *
 * A stream is an exporter address, its UDP source port, the format's version and the domain inside
 * the datagram (two processes of one router often differ in the port alone). Loss is counted in the
 * sequence's own unit: flows for NetFlow v5. Gaps are remembered for a while, so that a late
 * datagram takes its loss back and a duplicate is told from both.
 *
 * The table is bounded: when a stream does not fit, the longest unseen of its set makes way.
 */
#ifndef SPOOR_PROTO_FLOW_STREAM_H
#define SPOOR_PROTO_FLOW_STREAM_H

#include "base/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_GAPS 8

struct stream_key {
	struct endpoint from;
	uint32_t domain;
	uint32_t session; /* struct flow_origin */
	uint16_t version;
};

struct stream_gap {
	uint32_t start, end; /* sequence numbers [start, end); empty when equal */
};

struct stream {
	struct stream_key key;
	bool is_used;
	int64_t seen_ms;   /* last datagram received */
	int64_t boot_ms;   /* when the exporter says it started */
	int64_t export_ms; /* its clock in the latest datagram */
	uint32_t next;     /* sequence number expected */
	uint64_t datagrams, flows;
	uint64_t lost;       /* units missing now */
	uint64_t late;       /* datagrams that came after a later one */
	uint64_t duplicates; /* datagrams that came again */
	uint64_t restarts;
	struct stream_gap gaps[STREAM_GAPS]; /* in no order; the oldest is forgotten */
};

enum sequence { SEQUENCE_NEXT, SEQUENCE_GAP, SEQUENCE_LATE, SEQUENCE_DUPLICATE, SEQUENCE_RESTART };

struct stream_table;

struct stream_table *stream_table_new(size_t streams_max);
void stream_table_free(struct stream_table *t); /* NULL is fine */

/* The stream of `key`, new and zeroed (but for its key) when it was not there. Borrowed. */
struct stream *stream_of(struct stream_table *t, const struct stream_key *key);

/*
 * Accounts for a datagram of `count` units that begins at `seq`. `boot_ms` tells a restart from
 * loss: a boot time that moved on, with a sequence that did not follow.
 */
enum sequence stream_account(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms);

typedef void stream_fn(void *ctx, const struct stream *s);
void stream_each(const struct stream_table *t, stream_fn *fn, void *ctx);

#endif
