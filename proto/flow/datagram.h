/*
 * datagram - any export datagram of any exporter, turned into flows.
 *
 * The version in a datagram's first octets chooses the decoder (the table in datagram.c: a further
 * format is a further row). The decoder keeps, per exporter stream, what must be known
 * between datagrams: how far its sequence has come, its templates, its sampling. All of that is
 * bounded; what waits for its template, too.
 */
#ifndef SPOOR_PROTO_FLOW_DATAGRAM_H
#define SPOOR_PROTO_FLOW_DATAGRAM_H

#include "base/addr.h"
#include "proto/flow/clocks.h"
#include "proto/flow/flow.h"
#include "proto/flow/stream.h"
#include "proto/flow/template.h"
#include "proto/flow/translation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_CLOCK_MIN INT64_C(31536000000) /* 1971: before that a clock was never set */

/* What a record that is also a flow says of a translation, or of a firewall. */
struct flow_said {
	size_t flow;                       /* its place in the batch */
	uint16_t port_first, port_last;    /* of a block: both of them are in it */
	uint8_t nat_event, firewall_event; /* IANA's numbers of 230 and 233; 0: not told */
	bool is_block;
};

struct flow_batch { /* what a datagram said, and sets that waited for it; grows as it must */
	struct flow *flows;
	size_t count, room;
	struct translation *events; /* what exporters did to addresses meanwhile */
	size_t event_count, event_room;
	struct flow_said *said; /* of flows, in their order; for people alone (is_verbatim) */
	size_t said_count, said_room;
};

struct flow *flow_batch_grow(struct flow_batch *b, size_t count);

/* Where `count` more may be written; they count once b->count does. NULL: no memory. */
static inline struct flow *flow_batch_room(struct flow_batch *b, size_t count)
{
	return count <= b->room - b->count ? b->flows + b->count : flow_batch_grow(b, count);
}

/* As that, for one. */
struct translation *flow_batch_event_room(struct flow_batch *b);
struct flow_said *flow_batch_said_room(struct flow_batch *b);
void flow_batch_free(struct flow_batch *b);

/* Why a datagram, or one record of it, was not taken. Each is counted. */
/* clang-format off */
#define DROP_MAP(X)                                                             \
	X(NONE,        "none",        "taken")                                  \
	X(NOT_ALLOWED, "not_allowed", "from an address that may not send")      \
	X(RATE,        "rate",        "above the sender's rate limit")          \
	X(CUT,         "cut",         "longer than there was room for")         \
	X(SHORT,       "short",       "shorter than its header")                \
	X(VERSION,     "version",     "format or version that is not read")     \
	X(COUNT,       "count",       "record count of 0 or above the format's")\
	X(LENGTH,      "length",      "length does not fit the record count")   \
	X(CLOCK,       "clock",       "export time outside 1971..2106")         \
	X(DUPLICATE,   "duplicate",   "seen before in its stream")              \
	X(RECORD_TIME, "record_time", "record whose times cannot be true")      \
	X(ENDS,        "ends",        "record without the addresses of both ends")\
	X(SET,         "set",         "set, sample, record or rest that does not fit")\
	X(TEMPLATE,    "template",    "template that no record can be read by") \
	X(STALE,       "stale",       "set of records that are not of their template")\
	X(UNTOLD,      "untold",      "set of records whose template did not come")\
	X(MEMORY,      "memory",      "template or record for which there was no room")
/* clang-format on */

enum drop {
#define X(name, key, text) DROP_##name,
	DROP_MAP(X)
#undef X
		DROP_COUNT_OF
};

/* The reasons from RECORD_TIME on are of a part of a datagram; the others of all of it. */
#define DROP_PARTS DROP_RECORD_TIME

/* Of one datagram, at most: each may open a stream. What comes after is dropped as a rest. */
#define FLOW_MESSAGES_MAX 256

struct flow_origin { /* where a datagram came from, and when */
	struct endpoint from;
	int64_t received_ms;
	uint32_t session;  /* 0: the network, as it comes; else one import, whose files may overlap,
	                    * or one connection */
	bool is_connected; /* the session is a connection: its templates end with it */
};

struct flow_counters {
	uint64_t datagrams;        /* all that came in */
	uint64_t flows;            /* decoded */
	uint64_t events;           /* translations made, and ended */
	uint64_t clamped;          /* flows whose first packet was told as later than their last */
	uint64_t unknown_samplers; /* flows of samplers of which no options record told */
	uint64_t ahead;            /* flows that end more than a second after they came (lag.h) */
	uint64_t unset_clocks;     /* datagrams of exporters whose clock was never set */
	uint64_t skipped; /* samples of sFlow that are no IP packet's: counters, ARP, ... */
	uint64_t dropped[DROP_COUNT_OF]; /* datagrams by reason; parts from DROP_PARTS on */
};

/*
 * Something to keep for the next start (memory.h): the template `t`, or that `id` is withdrawn when
 * it is NULL; with an `id` of 0 what options said of the exporter.
 */
typedef void flow_keep_fn(void *ctx, const struct stream *s, uint16_t id, const struct template *t);

/* Likewise the history of an exporter's clock (clocks.h). */
typedef void flow_keep_clock_fn(void *ctx, const struct clock_key *key,
                                const struct clock_history *h);

/* Of proven streams, of the network and of connections, that are no more: ended, or made way. */
#define FLOW_ENDED_MAP(X) \
	X(datagrams) X(flows) X(lost) X(late) X(duplicates) X(restarts) X(samples_lost) X(untold)

struct flow_ended {
	uint64_t streams, lost_flows;
#define X(name) uint64_t name;
	FLOW_ENDED_MAP(X)
#undef X
};

/* An options record as it came, laid out as `t` says; all of it is borrowed. */
typedef void flow_options_fn(void *ctx, const struct flow_origin *origin, const struct stream *s,
                             const struct template *t, struct bytes record);

/* A sample of sFlow that is none of a packet, as it came, of this type; borrowed. */
typedef void flow_sample_fn(void *ctx, const struct flow_origin *origin, const struct stream *s,
                            uint32_t type, struct bytes sample);

struct flow_decoder {
	struct flow_counters counters; /* read by anybody */
	struct flow_ended ended;       /* likewise */
	struct stream_table *streams;
	struct stream *moved; /* linked: proven ones, since their positions were told */
	struct template_budget budget;
	struct pending *pending;
	struct source_table *sources;
	struct nsel_table *nsel;
	struct sampler_table *samplers;
	bool is_verbatim; /* for people: records as they stand, though a later one counts the same
	                     again (nsel.h), ends are not told, or times cannot be true */
	struct clocks *clocks;
	flow_keep_fn *keep; /* NULL: nobody does */
	flow_keep_clock_fn *keep_clock;
	void *keep_ctx;
	flow_options_fn *options; /* NULL: nobody wants them */
	flow_sample_fn *samples;  /* likewise */
	void *options_ctx;        /* of both */
};

/*
 * Room for about `streams_max` exporter streams at once; `seed`: ways.h, the same for the same
 * results. NULL when out of memory.
 */
struct flow_decoder *flow_decoder_new(size_t streams_max, uint64_t seed);
void flow_decoder_free(struct flow_decoder *d); /* NULL is fine */

/*
 * Decodes one datagram, appends its flows and events to `out` (none unless DROP_NONE is returned),
 * and accounts for it. `data` is borrowed.
 */
enum drop flow_decode(struct flow_decoder *d, const struct flow_origin *origin, const void *data,
                      size_t len, struct flow_batch *out);

/* Counts a datagram that is dropped for `drop` without a look into it. */
void flow_refuse(struct flow_decoder *d, enum drop drop);

/* For decoders: the stream of a datagram, which has arrived in it. */
struct stream *flow_stream(struct flow_decoder *d, const struct flow_origin *origin,
                           uint16_t version, uint32_t domain);
struct stream *flow_stream_of(struct flow_decoder *d, const struct flow_origin *origin,
                              const struct stream_key *key);

/*
 * For decoders: when it was exported. An exporter whose clock was never set exports when we
 * receive, which is counted. False: nobody knows when that was.
 */
bool flow_exported(struct flow_decoder *d, const struct flow_origin *origin, int64_t *export_ms);

/*
 * For decoders: did the exporter's uptime, of 32 bits, begin again at 0? Then it seems to have
 * started 2^32 ms later than by the datagram before.
 */
bool flow_uptime_wrapped(int64_t boot_before_ms, int64_t boot_ms);

/*
 * For decoders whose header says since when the exporter runs: when it started, as
 * sequence_account() wants it. An uptime of 0 says nothing; one that wrapped is no other start.
 */
int64_t flow_boot(struct stream *s, int64_t export_ms, uint32_t uptime_ms);

/* For decoders: what the exporter's clock says in a message. */
struct flow_clock {
	int64_t export_ms, error_ms; /* cut to less than this */
	int64_t zero_ms;             /* its records' uptimes are since then, if they have any */
	bool is_coarse;              /* they are cut themselves, though it does not show */
};

/* For decoders: the flows of `out` from `before` on came with a message of the stream. */
void flow_came(struct flow_decoder *d, struct stream *s, const struct flow_batch *out,
               size_t before);

/* Of the message are the flows of `out` from `before` on. */
void flow_clock(struct stream *s, const struct flow_origin *origin, const struct flow_clock *told,
                const struct flow_batch *out, size_t before);

/*
 * Notes how exporters' clocks go, and has `keep` called with what is new, or has not been kept for
 * a day, of streams that have been here for a while: a few dozen at most. To be called now and
 * then.
 */
void flow_keep(struct flow_decoder *d);

/* The streams of a session are no more: its connection has ended. */
void flow_end_session(struct flow_decoder *d, uint32_t session);

/* The session's files are all read: what waits for templates to be told again is read now. */
void flow_end_files(struct flow_decoder *d, uint32_t session, struct flow_batch *out);

/* Reads what waited for a template that another stream has (kin.h), by now. Now and then. */
void flow_settle(struct flow_decoder *d, int64_t now_ms, struct flow_batch *out);

/* For decoders, and people: times that cannot be true, as far as they can be shown. */
static inline void flow_as_told(struct flow *f, int64_t export_ms)
{
	if (f->end_ms < 0)
		f->end_ms = export_ms;
	if (f->start_ms < 0 || f->start_ms > f->end_ms)
		f->start_ms = f->end_ms;
}

/* For decoders: it goes on in this stream, which has arrived. */
void flow_moved(struct flow_decoder *d, struct stream *s);

/* Calls `fn` with each stream of the network that has gone on since the last call. */
void flow_each_moved(struct flow_decoder *d, stream_fn *fn, void *ctx);

/* "short", for counters and JSON; static. */
const char *drop_key(enum drop drop);
/* "shorter than its header", for people; static. */
const char *drop_text(enum drop drop);

#endif
