/*
 * translation - what an exporter says it has done to addresses: a session, a binding, or a block of
 * ports, made or given up (RFC 8158; Cisco's NSEL and NEL; what Nokia and JunOS make of them).
 *
 * A plain value without pointers. What is not told is all zero. A record that says of both ends who
 * they are is a flow as well, with its counters or without.
 */
#ifndef SPOOR_PROTO_FLOW_TRANSLATION_H
#define SPOOR_PROTO_FLOW_TRANSLATION_H

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

enum translation_event {
	TRANSLATION_CREATE = 1,
	TRANSLATION_DELETE,
	TRANSLATION_ALLOCATE, /* of a block of ports, or of a whole address */
	TRANSLATION_RELEASE,
};

struct translation {
	struct endpoint src, dst;         /* before the translation */
	struct endpoint nat_src, nat_dst; /* behind it */
	struct addr exporter;
	int64_t at_ms;       /* the exporter's clock; its export, where it has no time of its own */
	int64_t since_ms;    /* when what ends here began; 0: not told */
	int64_t received_ms; /* this node's */
	uint32_t domain;
	uint16_t first, last; /* ports of a block, both of it */
	uint8_t proto;        /* 0: any */
	uint8_t event;        /* enum translation_event */
};

/* Does it end something? */
static inline bool translation_is_end(const struct translation *t)
{
	return t->event == TRANSLATION_DELETE || t->event == TRANSLATION_RELEASE;
}

static inline bool translation_is_block(const struct translation *t)
{
	return t->event >= TRANSLATION_ALLOCATE;
}

#endif
