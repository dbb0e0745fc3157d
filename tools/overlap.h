/*
 * overlap - datagrams that an earlier file of the same command held already.
 *
 * Captures that follow each other may overlap, or be given twice. The same octets of the same
 * sender in the same file are left to the decoder (proto/flow/repeat.h): an exporter may say a
 * thing twice. Bounded: behind OVERLAP_MAX datagrams nothing further is remembered.
 */
#ifndef SPOOR_TOOLS_OVERLAP_H
#define SPOOR_TOOLS_OVERLAP_H

#include "base/addr.h"
#include "base/bytes.h"

#include <stdbool.h>

#define OVERLAP_MAX (4u << 20)

struct overlap;

struct overlap *overlap_new(void);    /* NULL without memory */
void overlap_free(struct overlap *o); /* NULL is fine */
void overlap_file(struct overlap *o); /* another begins */

/* Was it in an earlier file? Else it is remembered, as long as there is memory. */
bool overlap_check(struct overlap *o, const struct endpoint *from, struct bytes data);

#endif
