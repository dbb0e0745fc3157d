/*
 * volume - how much more likely a candidate's octets are if they are the target's, passed on.
 *
 * For connections that are never silent. What a relay takes in it gives out: over any span of time
 * the octets of its two connections differ by an overhead that stays what it was. An exporter cuts
 * a long transfer into records at its active timeout; each record of one side is compared with what
 * the other side's records say of the same time.
 *
 * An e-value, in decades, as evidence.h has it: of unrelated pairs at most one in 10^k reaches k.
 * Only that earns something which neither the connection's own past nor a bottleneck common to both
 * had announced. A steady rate earns nothing, however well it agrees (docs/CORRELATION.md).
 */
#ifndef SPOOR_CORRELATE_VOLUME_H
#define SPOOR_CORRELATE_VOLUME_H

#include "base/volume.h"
#include "correlate/connection.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VOLUME_LEGS_MAX 96 /* records of one way; of more, the first */

enum { VOLUME_SENT, VOLUME_ANSWERED, VOLUME_WAYS }; /* by who opened the connection; by the other */

struct volume_leg {
	double from_s, to_s; /* since the pair's origin; from_s <= to_s */
	double octets;
};

struct volume_way {
	struct volume_leg legs[VOLUME_LEGS_MAX]; /* by start */
	size_t count;
};

struct volume_side {
	struct volume_way way[VOLUME_WAYS];
	bool is_sampled; /* some of it: octets are estimates, and prove nothing */
};

enum volume_verdict {
	VOLUME_TELLS,   /* the decades stand */
	VOLUME_FEW,     /* fewer than VOLUME_RECORDS_MIN records at times that both have */
	VOLUME_STEADY,  /* what both had was to be expected of each alone: even if all agreed, less
	                   than VOLUME_PROMISE_MIN decades would come of it */
	VOLUME_SAMPLED, /* one of them is */
};

#define VOLUME_RECORDS_MIN 4
#define VOLUME_OCTETS_MIN                                                      \
	50000 /* of a record: less is told by sizes of packets that many share \
	       */
#define VOLUME_PROMISE_MIN 3.0

struct volume_evidence {
	enum volume_verdict verdict;
	double decades;  /* log10 E; 0 unless VOLUME_TELLS */
	double promised; /* at most so many could have come of it */
	size_t records;  /* compared */
	size_t telling;  /* of them, those that could have told the two apart from chance */
};

/*
 * Records of one way, in any order (they are sorted), on a time axis that begins at `origin_ms`.
 * What ends before it begins, has no octets or lies more than VOLUME_SPAN_MAX_MS from the origin is
 * passed over.
 */
void volume_way_of(struct volume *records, size_t count, int64_t origin_ms, struct volume_way *ret);

/*
 * Both ways of a connection at about that time, whose start is the origin, while its rows last.
 * They are earlier than its rows say by connection_late_ms(): lags reach a few seconds, and a clock
 * may be off by more.
 */
void volume_side_of(const struct connection *c, struct interval when, struct volume_side *ret);

/* All that went one way. */
double volume_octets(const struct volume_way *way);

/* The way that carried more. */
size_t volume_heavier(const struct volume_side *side);

/* Back to records: the first `max`. The count. */
size_t volume_records(const struct volume_way *way, int64_t origin_ms, size_t max,
                      struct volume *ret);

/* Symmetric. Time is bounded by VOLUME_LEGS_MAX, whatever the records say. */
void volume_evidence_of(const struct volume_side *target, const struct volume_side *candidate,
                        struct volume_evidence *ret);

/*
 * Which way to ask by, where others are told one alone: the heavier, for the other's are mostly its
 * acknowledgements, unless that alone tells. Returns what its records could tell of a perfect copy.
 */
enum volume_verdict volume_to_ask(const struct volume_side *side, size_t *ret_way);

/* "by volume", "too few records", "a steady rate", "sampled"; "unknown" for anything else. */
const char *volume_text(enum volume_verdict verdict);

/* What would decide it; NULL where nothing is open. */
const char *volume_need(enum volume_verdict verdict);

#endif
