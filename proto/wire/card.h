/*
 * card - a certificate and a record together: all that one needs to talk to a member.
 *
 *	length 2 | certificate | length 2 | record
 */
#ifndef SPOOR_PROTO_WIRE_CARD_H
#define SPOOR_PROTO_WIRE_CARD_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/cert.h"
#include "proto/wire/record.h"

#define CARD_MAX (2 + CERT_MAX + 2 + RECORD_MAX) /* octets of a packed card */

struct card {
	struct id id; /* cert_id() */
	struct cert cert;
	struct record record;
	struct cert_blob cert_blob; /* what `cert` and `record` were read from */
	struct record_blob record_blob;
};

/*
 * Reads and checks both. Errors as cert_open() and record_open(), the certificate's first;
 * ERR_EXPIRED when either is outside its validity, and `ret` is filled all the same. Whether the
 * member was revoked is for trust.h to say.
 */
MUST_USE enum err card_open(struct bytes cert, struct bytes record, const struct roots *roots,
                            struct wall now, struct card *ret);

/* Writes the card's two blobs; `out->is_full` when they do not fit. */
void card_pack(struct octets *out, const struct card *card);

/*
 * The two parts of the next card in `in`, borrowed; nothing in them is checked. ERR_FORMAT when
 * it is cut short or a part is empty or longer than such a part can be.
 */
MUST_USE enum err card_cut(struct bytes *in, struct bytes *ret_cert, struct bytes *ret_record);

#endif
