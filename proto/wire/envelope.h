/*
 * envelope - how whatever is signed by itself travels: certificates, records, notices, queries.
 *
 *	body length 2 | body: MessagePack array | signature over the body 64
 */
#ifndef SPOOR_PROTO_WIRE_ENVELOPE_H
#define SPOOR_PROTO_WIRE_ENVELOPE_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/pack.h"
#include "proto/wire/sign.h"

#include <stddef.h>

/*
 * Signs `body` under `domain` and writes the whole into room[0..len). Returns its length; 0 when it
 * does not fit, or `body` itself did not fit its room.
 */
size_t envelope_pack(const struct key_pair *pair, const char *domain, const struct pack *body,
                     void *room, size_t len);

/*
 * The body in data[0..len), borrowed, and what is to be its signature; neither is checked.
 * ERR_FORMAT when that is cut short, has something behind it, or is longer than `max`.
 */
MUST_USE enum err envelope_cut(const void *data, size_t len, size_t max, struct bytes *ret_body,
                               struct signature *ret_signature);

#endif
