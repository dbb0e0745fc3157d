/*
 * clock_model - how far an exporter's clock is from ours, and how well that is known.
 *
 * A message carries the exporter's time of export, cut to what its header can say, and comes with
 * our time of receipt. Between them lie the offset, which is wanted, and the way, which only adds:
 *
 *	received - exported = offset + cut + way,      0 <= cut < error,  0 <= way
 *
 * Of a window of messages the least difference is therefore an upper bound of the offset, however
 * long queues were for the others; that the fastest of them took no more than CLOCK_WAY_MS gives
 *the lower one. Bounds of earlier windows hold on, widened by what a clock may drift. Bounds that
 * contradict each other mean that one of the clocks was set: what was known before is let go.
 *
 * To turn an exporter's time into ours, add the offset.
 */
#ifndef SPOOR_PROTO_FLOW_CLOCK_MODEL_H
#define SPOOR_PROTO_FLOW_CLOCK_MODEL_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_WAY_MS 50       /* the fastest message of a window takes no longer */
#define CLOCK_WINDOW_MS 30000 /* and a window is so long at least, */
#define CLOCK_WINDOW_COUNT 16 /* and of so many messages */
#define CLOCK_WINDOWS 5       /* that are remembered */
#define CLOCK_DRIFT_PPM 200   /* no clock runs worse; a bad crystal does 100 */
#define CLOCK_COARSE_MS 1000
#define CLOCK_SEGMENTS 64                           /* of a history */
#define CLOCK_HISTORY_MAX (2 + CLOCK_SEGMENTS * 38) /* octets of a packed one */

struct clock_window {
	int64_t from_ms, until_ms; /* received; nothing is in it where until_ms is 0 */
	int64_t high_ms, low_ms;   /* least difference; least difference without its cut */
};

struct clock_model { /* zeroed to begin with */
	struct clock_window windows[CLOCK_WINDOWS];
	int64_t since_ms;      /* received: of the first message after the clock was last set */
	int64_t first_high_ms; /* of the first whole window since then, for the drift */
	int64_t first_at_ms;
	int64_t doubt_ms; /* received: the first of those messages that contradict what is known */
	uint32_t jitter_us; /* mean of what messages take longer than the fastest */
	uint32_t steps;
	uint16_t doubts; /* how many, in a row */
	uint8_t count;   /* messages of the window that is open */
	uint8_t at;      /* which that is */
	bool is_early;   /* the doubt: they say less than the lower bound */
	bool has_ms;     /* headers were seen to tell milliseconds */
	uint8_t seconds; /* records that seem to tell seconds, of late */
	bool is_coarse;  /* so records are: up to CLOCK_COARSE_MS later than they say */
};

/*
 * A message: exported at `export_ms` by its own words, and truly less than `error_ms` (at least 1)
 * later; received at `received_ms` by ours.
 */
void clock_model_add(struct clock_model *m, int64_t export_ms, int64_t error_ms,
                     int64_t received_ms);

/* A record's time: to the millisecond, or as it seems cut to whole seconds. */
void clock_model_record(struct clock_model *m, bool is_coarse);

struct clock_estimate {
	int64_t offset_ms; /* ours less the exporter's */
	int64_t bound_ms;  /* the offset is within this of the true one */
	int32_t drift_ppm; /* how fast the offset grows; 0 while too little is known */
};

/* What is known at `at_ms` (received). ERR_NOENT: nothing until a window is whole. */
MUST_USE enum err clock_model_now(const struct clock_model *m, int64_t at_ms,
                                  struct clock_estimate *ret);

/* --- what was known when, for whoever reads flows later --- */

struct clock_segment {
	int64_t from_ms, until_ms; /* received: [from, until] */
	int64_t offset_ms, bound_ms;
	int32_t drift_ppm;
	uint32_t resolution_ms; /* of its records' times, which are cut: 1 or CLOCK_COARSE_MS */
};

struct clock_history {
	size_t count;
	int64_t kept_ms;                               /* when it last was worth keeping */
	struct clock_segment segments[CLOCK_SEGMENTS]; /* oldest first */
};

/*
 * Adds what `m` knows at `now_ms`: to the last segment, which grows, or as a new one where offset
 * or bound are another by now. The oldest makes way. True: it is worth keeping, since it says
 * something new.
 */
bool clock_history_note(struct clock_history *h, const struct clock_model *m, int64_t now_ms);

/*
 * The offset of records at `at_ms`, as we received them then: of a clock that tells them in whole
 * seconds the bound has what is cut off. Between segments, and after the last, it is the
 * nearest's, with a bound as wide as a clock may have drifted since. ERR_NOENT: there is none.
 */
MUST_USE enum err clock_model_at(const struct clock_history *h, int64_t at_ms,
                                 struct clock_estimate *ret);

/* The same of `count` segments, oldest first. */
MUST_USE enum err clock_segments_at(const struct clock_segment *of, size_t count, int64_t at_ms,
                                    struct clock_estimate *ret);

/* What one says the offset is, at any time within it; of all that unpacks nothing runs over. */
int64_t clock_segment_offset(const struct clock_segment *s, int64_t at_ms);

size_t clock_history_pack(const struct clock_history *h, uint8_t room[CLOCK_HISTORY_MAX]);

/* ERR_FORMAT: not one of ours; `ret` is then untouched. */
MUST_USE enum err clock_history_unpack(struct bytes in, struct clock_history *ret);

#endif
