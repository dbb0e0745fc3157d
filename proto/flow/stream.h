/*
 * stream - one exporter's sequence of datagrams, and what is missing from it.
 *
 * A stream is an exporter address, its UDP source port, the format's version and the domain inside
 * the datagram (two processes of one router often differ in the port alone). What its numbers mean
 * is in sequence.h, habit.h and repeat.h.
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

#define STREAM_REPEATS 32 /* as many places as a datagram may be doubled later */
#define STREAM_HABITS 8
#define STREAM_COUNTS 3

struct stream_habit {                   /* what its sequence counts: habit.h */
	uint8_t is;                     /* index of the one that is believed */
	uint8_t strikes[STREAM_HABITS]; /* how often each was right, and that one wrong, of late */
	uint8_t steady[STREAM_HABITS];  /* likewise, over losses in between */
	uint8_t right, quiet;           /* how often that one was: in all, in a row; saturated */
	bool is_doubted;                /* one of them was */
	uint8_t begun;                  /* not 0: of late it began anew by all of them, */
	uint64_t begun_restarts;        /* after so many restarts */
	uint32_t sequence, counts[STREAM_COUNTS]; /* of the message before */
	uint64_t lost, late, restarts;            /* before the first of the strikes */
	uint32_t missed[STREAM_HABITS];           /* and since then, by each */
};

struct stream_repeat {          /* digests of a datagram: repeat.h */
	uint64_t digest, whole; /* of its ends; of all of it, or 0 */
};

struct stream_lag {                /* of its flows: lag.h */
	int64_t from_ms, least_ms; /* of the window that is open: since when, and the least */
	int64_t known_ms;          /* the least of the window before, where is_known */
	uint64_t ahead;            /* flows that ended after they came */
	int64_t header_ms;         /* of files: the least from an export to its capture, */
	uint32_t headers;          /* of so many */
	uint32_t flows;            /* of the window that is open */
	bool is_known;
};

#define STREAM_OTHERS 3

struct stream_run {           /* numbers that go on from each other: sequence.h */
	uint32_t first, next; /* of its first datagram; expected */
	int64_t boot_ms;      /* when the exporter says it started */
	uint64_t began, seen; /* the stream's datagram that began it, and was its latest; 0: none */
	uint32_t lost, late;  /* units not counted yet, and datagrams that were for it */
	uint8_t hits;         /* datagrams that went on from it, until it is believed */
	bool is_over;         /* another began anew */
};

struct stream_nanos {      /* are NTP's fractions nanoseconds? record.c */
	uint16_t tenths;   /* of a second, in which such were */
	uint8_t count;     /* of them, at least */
	bool is_fractions; /* one was more */
};

struct template_set;
struct source;

struct stream {
	struct stream_key key;
	uint64_t serial;                              /* no other stream of the table ever has it */
	int64_t seen_ms;                              /* last datagram received */
	int64_t counted_ms;                           /* the last that had a number */
	int64_t export_ms;                            /* its clock in the latest datagram */
	struct stream_run run, others[STREAM_OTHERS]; /* that which was heard last, and before it */
	uint32_t count_max;                           /* units of its largest datagram */
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
	int64_t doubted_ms;    /* when its templates were doubted last */
	int64_t init_ms;       /* wall clock at uptime 0, of IPFIX; 0: not known */
	int64_t exact_boot_ms; /* NetFlow v9: see netflow9.h */
	int64_t unit_ms;       /* and since when its header's uptime is watched, */
	uint32_t unit_uptime;  /* which was this then, */
	uint8_t unit_seconds;  /* and has since counted seconds so often in a row */
	bool is_in_seconds;    /* that uptime is (SonicWall) */
	uint8_t apart;         /* so many records in a row tell that it is otherwise: */
	bool is_apart;         /* they count from another start than the header (FortiOS 5.2) */
	bool is_init_told;     /* by the exporter; else it is what its records make likely */
	bool is_clocked;       /* records tell times of its clock, whatever headers say, */
	bool is_by_export;     /* or, in the message at hand, none but the export's, or by it */
	bool is_counted;       /* the sequence is known: the datagram before could be read whole */
	struct stream_habit habit;
	struct stream_repeat repeats[STREAM_REPEATS];
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
	struct stream_lag lag;
	struct stream_nanos nanos;
	/* kin.h */
	struct stream *next_kin; /* in the table */
	struct stream *leader; /* not NULL: this port is that stream's; run.next its last number */
	uint8_t strikes;       /* datagrams, in a row, that do not go on with the leader's */
	bool is_parted;        /* it was taken for another's, and is not, */
	bool is_alike;         /* though its records were read by that one's templates */
	int64_t refused_ms;    /* when others' templates were refused to it last; 0: never */
	struct template_set *templates;      /* NULL: none has come */
	struct stream_gap gaps[STREAM_GAPS]; /* in no order; the oldest is forgotten */
};

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

/* A datagram, the decoder's `number`th, has something of it. */
void stream_arrive(struct stream *s, uint64_t number, int64_t received_ms);

/* Has it been here for a while? To forge an address once is cheap. */
bool stream_is_proven(const struct stream *s);

/* The one with templates that can be spared first, `but` this one. NULL: none. */
struct stream *stream_spare(struct stream_table *t, const struct stream *but);

typedef void stream_fn(void *ctx, const struct stream *s);
void stream_each(const struct stream_table *t, stream_fn *fn, void *ctx);
void stream_each_mutable(struct stream_table *t, void (*fn)(void *ctx, struct stream *s),
                         void *ctx);

#endif
