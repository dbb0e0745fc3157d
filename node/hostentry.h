/*
 * hostentry - one entry of a host's log as it is kept, and evidence made of several.
 *
 *	record 448 | salts 3 x 16 | head before 32 | card and checkpoint, where one is carried
 *
 * It is found by its flow, and by the flow's far end.
 */
#ifndef SPOOR_NODE_HOSTENTRY_H
#define SPOOR_NODE_HOSTENTRY_H

#include "base/err.h"
#include "origin/record.h"
#include "proto/wire/inquiry.h"
#include "store/log.h"

#include <stddef.h>
#include <stdint.h>

#define HOSTENTRY_HEAD (RECORD_OCTETS + EVIDENCE_PARTS * EVIDENCE_SALT + sizeof(struct id))
#define HOSTENTRY_MAX (HOSTENTRY_HEAD + CARD_MAX + CHECKPOINT_MAX)

struct hostentry {
	uint8_t octets[HOSTENTRY_MAX];
	size_t len;
	struct id leaf;
	int64_t at_ms;
	uint8_t keys[STORE_LOG_KEYS_MAX][STORE_LOG_KEY];
	size_t key_count;
};

/* Draws the salts. `before` is the chain's head before it. */
void hostentry_make(struct hostentry *e, const struct origin_record *r, const struct id *before);
/* The checkpoint behind it, signed by the key in `card`. */
void hostentry_sign(struct hostentry *e, const struct card *card,
                    const struct checkpoint_blob *checkpoint);
/* As the store takes it; borrows. */
void hostentry_row(const struct hostentry *e, struct store_log_entry *ret);

/*
 * Evidence of the entry that best tells of the connection `q` asks for, into room[0..*len). On any
 * thread.
 *
 * ERR_NOENT     there is none
 * ERR_CORRUPT   entries that are not as they were written
 * ERR_IO, ...   as the store's
 */
MUST_USE enum err hostentry_find(struct store *store, const struct inquiry *q, void *room,
                                 size_t *len);

/* How an end of a connection is looked for: its `remote`, whatever is on this side. */
void hostentry_far_key(const struct endpoint *far, uint8_t ret[STORE_LOG_KEY]);

#endif
