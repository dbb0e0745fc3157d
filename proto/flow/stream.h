/*
 * stream - one exporter's sequence of datagrams, and what is missing from it.
 *
 * A stream is an exporter address, its UDP source port, the format's version and the domain inside
 * the datagram (two processes of one router often differ in the port alone). Loss is counted in the
 * sequence's own unit: flows for NetFlow v5 and IPFIX, datagrams for NetFlow v9 and sFlow. Gaps are
 * remembered for a while, so that a late datagram takes its loss back and a duplicate is told from
 * both.
 *
 * The table is bounded: when a stream does not fit, one of its set makes way: one that has not
 * proved itself, if there is such (a flood of forged senders puts out itself), the longest unseen.
 */
#ifndef SPOOR_PROTO_FLOW_STREAM_H
#define SPOOR_PROTO_FLOW_STREAM_H

#include "base/addr.h"
#include "proto/flow/clock_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_GAPS 32

struct stream_key {
	struct endpoint from;
	struct addr agent; /* sFlow: for whom the datagram speaks; else all zero */
	uint32_t domain;
	uint32_t session; /* struct flow_origin */
	uint16_t version;
};

struct stream_gap {
	uint32_t start, end; /* sequence numbers [start, end); empty when equal */
};

#define STREAM_SAMPLERS 64 /* and interfaces */

struct stream_sampler { /* one packet in `interval`; 0: free, as are all behind it */
	uint32_t id, interval;
	bool is_interface; /* so the id is: an ifIndex */
};

#define STREAM_REPEATS 8
#define STREAM_HABITS 4

/*
 * What an IPFIX sequence counts: RFC 7011 means the records of data before the message. Some count
 * those of the message itself, too (softflowd), or leave out what options templates lay out. And of
 * NetFlow v5 what one counts: netflow5.c.
 */
struct stream_habit {
	uint8_t is;                     /* index of the one that is believed */
	uint8_t strikes[STREAM_HABITS]; /* how often each was right, and that one wrong, of late */
	uint32_t sequence, counts[2]; /* of the message before: all its records, its flows alone */
	uint64_t lost, late;          /* before the first of the strikes */
};

struct template_set;
struct source;

struct stream {
	struct stream_key key;
	bool is_used;
	uint64_t serial;   /* no other stream of the table ever has it */
	int64_t seen_ms;   /* last datagram received */
	int64_t boot_ms;   /* when the exporter says it started */
	int64_t export_ms; /* its clock in the latest datagram */
	uint32_t next;     /* sequence number expected */
	uint64_t datagrams, flows;
	uint64_t lost;       /* units missing now */
	uint64_t late;       /* datagrams that came after a later one */
	uint64_t duplicates; /* datagrams that came again */
	uint64_t restarts;
	uint64_t samples_lost; /* of sFlow: see sample_source.h */
	uint64_t drops;        /* packets that its sources could not sample */
	struct source *sources;
	uint64_t untold;   /* sets of records whose template had not come, and did not in time */
	uint32_t sampling; /* one packet in so many, where no sampler says otherwise; 0: not told */
	int64_t init_ms;   /* wall clock at uptime 0, of IPFIX; 0: not known */
	int64_t exact_boot_ms; /* NetFlow v9: see netflow9.h */
	int64_t unit_ms;       /* and since when its header's uptime is watched, */
	uint32_t unit_uptime;  /* which was this then, */
	uint8_t unit_seconds;  /* and has since counted seconds so often in a row */
	bool is_in_seconds;    /* that uptime is (SonicWall) */
	bool is_init_told;     /* by the exporter; else it is what its records make likely */
	bool is_counted;       /* the sequence is known: the datagram before could be read whole */
	struct stream_habit habit;
	uint64_t repeats[STREAM_REPEATS]; /* digests of the latest messages of IPFIX */
	uint8_t repeat_at;
	struct stream_sampler samplers[STREAM_SAMPLERS];
	uint64_t arrivals, arrived; /* datagrams with anything of it; the number of the latest */
	int64_t first_ms;           /* when the first was received */
	bool is_recalled;           /* known from before a restart */
	bool is_connected;          /* of a connection: its sender's address is not forged */
	uint8_t init_far;           /* records that speak for a later init_ms, in a row */
	bool is_options_new;        /* sampling, or the start, has changed since it was kept */
	bool is_moved;              /* since its position was told; then */
	struct stream *next_moved;  /* the next such */
	struct clock_model model;   /* of its clock */
	/* kin.h */
	struct stream *next_kin; /* in the table */
	struct stream *leader;   /* not NULL: this port is that stream's; `next` its last number */
	uint8_t strikes;         /* datagrams, in a row, that do not go on with the leader's */
	bool is_parted;          /* it was taken for another's, and is not */
	int64_t refused_ms;      /* when others' templates were refused to it last; 0: never */
	struct template_set *templates;      /* NULL: none has come */
	struct stream_gap gaps[STREAM_GAPS]; /* in no order; the oldest is forgotten */
};

enum sequence { SEQUENCE_NEXT, SEQUENCE_GAP, SEQUENCE_LATE, SEQUENCE_DUPLICATE, SEQUENCE_RESTART };

struct stream_table;

/* `forget` is called with a stream that makes way, or is freed; NULL: nobody is. */
struct stream_table *stream_table_new(size_t streams_max, uint64_t seed,
                                      void (*forget)(void *ctx, struct stream *s), void *ctx);
void stream_table_free(struct stream_table *t); /* NULL is fine */

/* The stream of `key`, new and zeroed (but for its key) when it was not there. Borrowed. */
struct stream *stream_of(struct stream_table *t, const struct stream_key *key);

void stream_forget_session(struct stream_table *t, uint32_t session);

/* The first of those of one address, version, domain and session, linked by next_kin; others with
 * the same hash are among them. */
struct stream *stream_kin(const struct stream_table *t, const struct stream_key *key);
bool stream_is_kin(const struct stream *a, const struct stream *b);

/* Flows that are missing: what is lost, or for NetFlow v9, whose datagrams are counted, as many as
 * those that came had. */
uint64_t stream_lost_flows(const struct stream *s);

/* A datagram, the decoder's `number`th, has something of it. */
void stream_arrive(struct stream *s, uint64_t number, int64_t received_ms);

/* Has it been here for a while? To forge an address once is cheap. */
bool stream_is_proven(const struct stream *s);

/* The one with templates that can be spared first, `but` this one. NULL: none. */
struct stream *stream_spare(struct stream_table *t, const struct stream *but);

/*
 * Accounts for a datagram of `count` units that begins at `seq`. `boot_ms` tells a restart from
 * loss: a boot time that moved on, with a sequence that did not follow.
 */
enum sequence stream_account(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms);

typedef void stream_fn(void *ctx, const struct stream *s);
void stream_each(const struct stream_table *t, stream_fn *fn, void *ctx);
void stream_each_mutable(struct stream_table *t, void (*fn)(void *ctx, struct stream *s),
                         void *ctx);

#endif
