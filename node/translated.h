/*
 * translated - what the translations of this node's exporters say of a connection's ends.
 *
 * A gateway that tells its translations joins the inside and the outside view of a connection
 * without a look at their rhythms: this outside end stood, then, for that inside end and no other.
 *
 * All times here are this node's. The table has its exporters', which are brought to ours by what
 * `skews` says of the exporter at that time.
 */
#ifndef SPOOR_NODE_TRANSLATED_H
#define SPOOR_NODE_TRANSLATED_H

#include "base/interval.h"
#include "node/skews.h"
#include "proto/flow/translation_table.h"
#include "proto/wire/answer.h"
#include "proto/wire/ctl.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The ends of a connection on the other side of the gateway; what stays as it is, or is not known,
 * or not for certain, is all zero. `table` may be NULL. Returns whether any is known.
 */
bool translated_ends(const struct translation_table *table, const struct skews *skews,
                     const struct endpoint *src, const struct endpoint *dst, uint8_t proto,
                     struct interval life, struct endpoint *ret_src, struct endpoint *ret_dst);

/* The same, into the finding. */
void translated_finding(const struct translation_table *table, const struct skews *skews,
                        struct finding *f);

/*
 * Of a request whose target, or else whose peer, is an outside end: puts the inside end in its
 * place, and the time in which that stood behind it. False: there is no such translation.
 */
bool translated_request(const struct translation_table *table, const struct skews *skews,
                        int64_t now_ms, struct ctl_request *r);

#endif
