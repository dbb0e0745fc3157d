/*
 * record - the companion's records as octets that travel and are kept: little-endian, checked.
 *
 * What comes from a device, a log or a peer is believed in its form only after record_unpack() or
 * record_check(); whether it is true is for the log's hash chain and signatures.
 */
#ifndef SPOOR_ORIGIN_RECORD_H
#define SPOOR_ORIGIN_RECORD_H

#include "base/addr.h"
#include "base/err.h"
#include "origin/uapi/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_OCTETS 448

/*
 * Is it a record that a provider can make? ERR_VERSION: another major, or a kind not known here.
 * ERR_SHORT: its length is not this format's. ERR_RANGE: a type, direction or protocol that its
 * kind does not allow. ERR_FORMAT: parts that contradict each other, or reserved octets that are
 * not zero. In the host's order.
 */
MUST_USE enum err record_check(const struct origin_record *r);

/* Writes `r` as it travels. */
void record_pack(const struct origin_record *r, uint8_t room[RECORD_OCTETS]);

/*
 * Reads what record_pack() writes, and checks it. ERR_SHORT unless `len` is RECORD_OCTETS. After an
 * error `ret` is not to be used.
 */
MUST_USE enum err record_unpack(const void *octets, size_t len, struct origin_record *ret);

/*
 * The same of a record of which a policy shows no more than its hop (RECORD_HOP octets), or not the
 * user (RECORD_HOP + RECORD_PROCESS): the rest of `ret` is zero. ERR_SHORT: of another length.
 */
#define RECORD_HOP 296    /* head to tally */
#define RECORD_PROCESS 72 /* process */
#define RECORD_USER 80    /* user, and what is reserved */
MUST_USE enum err record_unpack_shown(const void *octets, size_t len, struct origin_record *ret);

/* Who sent, and who received. */
struct endpoint record_sender(const struct origin_flow *f);
struct endpoint record_receiver(const struct origin_flow *f);

/* Does it name a place that is not this host? */
bool record_is_elsewhere(const struct origin_source *s);

/* Words for people and JSON; "unknown" for numbers that are none. Static text. */
const char *record_kind_name(unsigned kind);
const char *record_type_name(unsigned type);

#endif
