/*
 * translation_table - who was behind an outside address and port, and when.
 *
 * A mapping is one inside end, the outside end that stood for it, and the interval in which it did.
 * What makes it opens the interval, what ends it closes it; a flow that carries both ends shows
 * that it held from the flow's start to its end; and when somebody else is seen behind the same
 * outside end, the older has ended before. Events may come in any order, twice, or not at all.
 *
 * The table is bounded at start. When it is full the mapping that was closed first makes way; where
 * none is closed, the one nothing was heard of for longest. In what time those held that are gone
 * is remembered, so that an answer can say what it may lack.
 */
#ifndef SPOOR_PROTO_FLOW_TRANSLATION_TABLE_H
#define SPOOR_PROTO_FLOW_TRANSLATION_TABLE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/interval.h"
#include "proto/flow/flow.h"
#include "proto/flow/translation.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
	struct endpoint inside;  /* port 0: any, of a block */
	struct endpoint outside; /* port 0: `first` to `last` */
	struct endpoint peer;    /* with whom alone; all zero: with anybody */
	struct addr exporter;    /* who said so */
	int64_t start_ms, end_ms;
	uint16_t first, last; /* outside ports, both of them in it */
	uint8_t proto;        /* 0: any */
	bool is_open;         /* it has not ended; end_ms is when it was last heard of */
	bool is_start_told;   /* by what made it; else it is the first time that it was seen */
	bool is_end_told;
};

/* Is it a block of ports, or a whole address? Then it is of any inside port. */
static inline bool mapping_is_block(const struct mapping *m)
{
	return m->outside.port == 0 && m->last != 0;
}

struct translation_counters {
	uint64_t opened, closed; /* by events */
	uint64_t seen;           /* flows that showed one */
	uint64_t reused;         /* closed because the outside end was another's */
	uint64_t unopened;       /* ended, and never seen to begin */
	uint64_t evicted, evicted_open;
};

struct translation_table;

/*
 * `max` at least 1. Which ends share a chain depends on `seed`, so that nobody outside can choose
 * whom to put out. NULL when out of memory.
 */
struct translation_table *translation_table_new(uint32_t max, uint64_t seed);
void translation_table_free(struct translation_table *t); /* NULL is fine */

void translation_table_event(struct translation_table *t, const struct translation *event);

/* What a flow shows; nothing where it carries no translated end. */
void translation_table_flow(struct translation_table *t, const struct flow *flow);

/*
 * Mappings have their exporters' times. So much later, from the least to the most, is a time of the
 * question's by the clock of an exporter.
 */
typedef struct interval translation_later_fn(void *ctx, const struct addr *exporter);

struct translation_query {
	struct endpoint end;  /* outside or inside */
	struct endpoint peer; /* all zero: whoever */
	int64_t at_ms;
	int64_t span_ms;             /* from then on, not negative; 0: that instant alone */
	uint8_t proto;               /* 0: any */
	translation_later_fn *later; /* NULL: it is in the exporters' own times */
	void *ctx;                   /* for `later` */
};

/*
 * The mappings that held at that time, or in a part of it, those that began last first, at most
 * `room` of them. Returns how many were written.
 */
size_t translation_table_inside(const struct translation_table *t,
                                const struct translation_query *q, struct mapping *ret,
                                size_t room); /* who was behind this outside end */
size_t translation_table_outside(const struct translation_table *t,
                                 const struct translation_query *q, struct mapping *ret,
                                 size_t room); /* as whom this inside end went out */

/* Calls back with every mapping, in no order. */
typedef void translation_each_fn(void *ctx, const struct mapping *m);
void translation_table_each(const struct translation_table *t, translation_each_fn *fn, void *ctx);

/*
 * All mappings that ever made way had held within `ret`, which has no end (INT64_MAX) where one of
 * them had not ended. False: none has made way.
 */
bool translation_table_gone(const struct translation_table *t, struct interval *ret);

size_t translation_table_count(const struct translation_table *t);
const struct translation_counters *translation_table_counters(const struct translation_table *t);

/*
 * Over restarts: each mapping has a slot, below the table's bound, and what is kept for a slot
 * takes the place of what was kept for it before. The slot at the bound is of all that made way: a
 * mapping with no ends, from the earliest beginning to the latest end.
 */
typedef void translation_keep_fn(void *ctx, uint32_t slot, const struct mapping *m);

/* Calls back with at most `max` slots that have changed since they were last kept. */
void translation_table_keep(struct translation_table *t, size_t max, translation_keep_fn *fn,
                            void *ctx);

/* ERR_RANGE: no such slot, or one that is taken, or a mapping with no ends in another's. */
MUST_USE enum err translation_table_recall(struct translation_table *t, uint32_t slot,
                                           const struct mapping *m);

#define TRANSLATION_PACKED_MAX 128

/* Its length. */
size_t translation_pack(const struct mapping *m, uint8_t room[TRANSLATION_PACKED_MAX]);

/* ERR_FORMAT: not one of ours, or one that cannot be. */
MUST_USE enum err translation_unpack(struct bytes in, struct mapping *ret);

#endif
