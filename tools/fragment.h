/*
 * fragment - UDP datagrams put together again from the IP fragments of a capture.
 *
 * Bounded: so many at a time, the oldest of which makes way. A datagram whose fragments contradict
 * each other never comes together (RFC 8200 section 4.5 has them dropped).
 */
#ifndef SPOOR_TOOLS_FRAGMENT_H
#define SPOOR_TOOLS_FRAGMENT_H

#include "base/addr.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAGMENTS_OPEN_MAX 64

struct fragment { /* of a packet that carries UDP */
	struct addr src, dst;
	uint32_t id;
	uint32_t offset; /* of `data` in what the packet carries; a multiple of 8 */
	bool has_more;   /* others come behind it */
	struct bytes data;
};

struct fragments;

struct fragments *fragments_new(void);    /* NULL without memory */
void fragments_free(struct fragments *f); /* NULL is fine */

/*
 * Takes a fragment; true when its packet is whole: `ret` is then what it carries, UDP header first,
 * borrowed until the next call.
 */
bool fragments_add(struct fragments *f, const struct fragment *fragment, struct bytes *ret);

/* Fragments so far that belong to no packet that came to be whole. */
uint64_t fragments_lost(const struct fragments *f);

#endif
