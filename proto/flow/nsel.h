/*
 * nsel - a firewall's connections (Cisco NSEL): while one lasts, each update counts what came since
 * the one before; when it ends, its totals count all of that again, and each record says that it
 * began when the connection did. Here each record is put right: it counts what no record counted
 * before, since that one.
 *
 * Bounded: of a connection that was put out nothing is known, and its totals stand.
 */
#ifndef SPOOR_PROTO_FLOW_NSEL_H
#define SPOOR_PROTO_FLOW_NSEL_H

#include "proto/flow/element.h"
#include "proto/flow/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nsel_table;

/* NULL when out of memory. */
struct nsel_table *nsel_table_new(size_t connections_max, uint64_t seed);
void nsel_table_free(struct nsel_table *t); /* NULL is fine */

/* Corrects an update or an end, and remembers it; everything else stays as it is. */
void nsel_correct(struct nsel_table *t, const struct stream *s, struct values *v);

#endif
