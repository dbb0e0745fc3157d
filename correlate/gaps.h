/*
 * gaps - the edges of silences, from flow records as they come.
 *
 *	records, both directions, several views  -->  table of connections  -->  edges
 *
 * For each connection at a view the table has its last ON interval and the one before it. A record
 * that begins more than `gap_ms` after the last one ends a silence: two edges. Records may come
 * late. One that shows a silence to have been shorter, or two where one was seen, gives the edges
 * that it shows; those given before cannot be taken back. So the edges are those of the closure
 * (fingerprint.h) of all records, and some that are not: a false edge costs whoever counts
 * coincidences a vote, a missing one would cost evidence.
 *
 * What is missing after all: the end of the first silence of a connection of which a record comes
 * before all others only after two later silences; and a silence during which the connection was
 * forgotten, because the table is full. Those that said good-bye (FIN, RST) are forgotten first,
 * then those that were active longest ago.
 *
 * How many such silences there are, nobody sees. But where silences reach beyond the age at which
 * connections are forgotten, many of those that were seen come near it, within a factor of two; and
 * no more can be missed than were forgotten. Of every GAPS_FORGOTTEN that are, it is judged whether
 * more than one silence of GAPS_LACK was missed (docs/CORRELATION.md).
 */
#ifndef SPOOR_CORRELATE_GAPS_H
#define SPOOR_CORRELATE_GAPS_H

#include "base/edge.h"
#include "proto/flow/flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GAPS_RUN 128  /* records at a time */
#define GAPS_A_FLOW 3 /* edges of one, at most */
#define GAPS_EDGES ((size_t)GAPS_A_FLOW * GAPS_RUN)
#define GAPS_OCTETS 26       /* a connection takes in the table */
#define GAPS_LATE_MS 3600000 /* a connection forgotten within this is counted */
#define GAPS_FORGOTTEN 4096
#define GAPS_LACK 8

struct gaps_stats {
	uint64_t edges;     /* given */
	uint64_t forgotten; /* connections that could have gone on: the table is too small */
	uint64_t unfit;     /* records whose times are outside of 1970 to 2109 */
	uint64_t lacks;     /* how often it was found that many silences are missed: see below */
};

struct gaps;

/*
 * A table of at least so many connections, in `room`: gaps_octets() of zeros, at the beginning of
 * a page; the caller's, while the table is used.
 */
size_t gaps_octets(size_t connections);
struct gaps *gaps_new(void *room, size_t connections, int64_t gap_ms);

/*
 * Notes a record, at most GAPS_RUN of them; `connection` is a hash of its ends and its protocol,
 * the same in both directions, all 64 bits of it good. True: that many are noted, gaps_take() them.
 */
bool gaps_note(struct gaps *g, const struct flow *f, uint64_t connection);

/*
 * Takes what was noted, in that order. Many at a time: what the table has of their connections is
 * on its way from memory meanwhile. Writes to `ret`; returns how many.
 */
size_t gaps_take(struct gaps *g, struct edge ret[GAPS_EDGES]);

struct gaps_stats gaps_stats(const struct gaps *g);

/*
 * The record has both the beginning and the end of its TCP connection in this direction: it was
 * never silent for as long as the exporter's idle timeout, or there would be two. Most records of
 * TCP are such; the table need not know of them.
 */
static inline bool gaps_is_whole(const struct flow *f)
{
	return f->proto == FLOW_TCP && (f->tcp_flags & FLOW_TCP_SYN) != 0 &&
	       (f->tcp_flags & (FLOW_TCP_FIN | FLOW_TCP_RST)) != 0;
}

#endif
