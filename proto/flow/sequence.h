/*
 * sequence - how the numbers of a stream's datagrams go on, and what is missing of them.
 *
 * Gaps are remembered for a while, so that a late datagram takes its loss back. No number makes a
 * datagram a repeat (repeat.h is for that): what is behind and fills no gap begins another run of
 * numbers beside the one that is known. When three go on from each other there, the exporter began
 * anew (a restart), or, where the run before went on meanwhile, two exporters share the stream, and
 * each has its own numbers from then on. What was counted as late or lost for it is taken back.
 */
#ifndef SPOOR_PROTO_FLOW_SEQUENCE_H
#define SPOOR_PROTO_FLOW_SEQUENCE_H

#include "proto/flow/stream.h"

#include <stdbool.h>
#include <stdint.h>

enum sequence {
	SEQUENCE_NEXT,
	SEQUENCE_GAP,
	SEQUENCE_LATE, /* or not known yet */
	SEQUENCE_RESTART,
	SEQUENCE_TWIN, /* two exporters share the stream, as is known now */
};

/*
 * Accounts for a datagram of `count` units that begins at `seq`. `boot_ms` tells a restart from
 * loss: a boot time that moved on, with a sequence that did not follow; 0 where it is never told.
 */
enum sequence sequence_account(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms);

/* By what the datagram says, its exporter has started since the one before. */
bool sequence_starts_anew(const struct stream *s, uint32_t seq, int64_t boot_ms);

/*
 * Can so many units be missing, by the time that has passed? Else the exporter began anew: from
 * above 2^31 to 0 it is less far forwards.
 */
bool sequence_may_miss(const struct stream *s, uint32_t units);

/* Nothing that was sent before comes after so many units. */
uint32_t sequence_far(const struct stream *s);

/* Is the number within a gap? */
bool sequence_is_missing(const struct stream *s, uint32_t seq);

/* Begins at `next`; gaps and other runs are of numbers that mean nothing any more. */
void sequence_reset(struct stream *s, uint32_t next);

#endif
