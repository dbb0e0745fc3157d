/* recordrow - a host's records and health, packed the way people and JSON get them. */
#ifndef SPOOR_NODE_RECORDROW_H
#define SPOOR_NODE_RECORDROW_H

#include "origin/uapi/origin.h"
#include "proto/wire/evidence.h"
#include "proto/wire/pack.h"

#include <stddef.h>

/*
 * A record's map; "process" and "user" are nil unless that many of its parts are `shown` (of
 * EVIDENCE_PARTS).
 */
void recordrow_put(struct pack *p, const struct origin_record *r, size_t shown);
#define RECORDROW_MAX 4096 /* octets it takes at most */

/* A source's map: nil where there is none. */
void recordrow_source(struct pack *p, const char *key, const struct origin_source *s);

/* A whole map of the provider's health; `at_ms` is when that was. */
void recordrow_health(struct pack *p, const struct health *h, int64_t at_ms);

#endif
