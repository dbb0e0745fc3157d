/*
 * translated - what the translations of this node's exporters say of a connection's ends.
 *
 * A gateway that tells its translations joins the inside and the outside view of a connection
 * without a look at any clock: this outside end stood, then, for that inside end and no other.
 */
#ifndef SPOOR_NODE_TRANSLATED_H
#define SPOOR_NODE_TRANSLATED_H

#include "base/interval.h"
#include "proto/flow/clocks.h"
#include "proto/flow/translation_table.h"
#include "proto/wire/answer.h"
#include "proto/wire/ctl.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What an exporter tells, and what a flow shows, into the table: by our clock, as far as theirs is
 * known, for the table has those of several, and connections are asked about by ours.
 */
void translated_event(struct translation_table *table, const struct clocks *clocks,
                      struct translation told);
void translated_flow(struct translation_table *table, const struct clocks *clocks,
                     struct flow shown);

/*
 * The ends of a connection on the other side of the gateway; what stays as it is, or is not known,
 * or not for certain, is all zero. `table` may be NULL. Returns whether any is known.
 */
bool translated_ends(const struct translation_table *table, const struct endpoint *src,
                     const struct endpoint *dst, uint8_t proto, struct interval life,
                     struct endpoint *ret_src, struct endpoint *ret_dst);

/* The same, into the finding. */
void translated_finding(const struct translation_table *table, struct finding *f);

/*
 * Of a request whose target, or else whose peer, is an outside end: puts the inside end in its
 * place, and the time in which that stood behind it. False: there is no such translation.
 */
bool translated_request(const struct translation_table *table, int64_t now_ms,
                        struct ctl_request *r);

#endif
