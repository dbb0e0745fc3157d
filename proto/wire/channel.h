/*
 * channel - what is too long for datagrams, over TCP, in the secrecy of a session.
 *
 *	hello    receiver's index 4 | salt 16 | record(token 16)       from who connects, first
 *	record   length 2 of what follows | sealed, 16384 at most | tag 16
 *
 * The index names a session that both have; its export key, the salt and the direction make the
 * channel's two keys. Nonces count records from zero, so that none can be left out, repeated or
 * moved. The token is one that the listener gave out inside the session, and takes ONCE: the keys
 * of a repeated hello would be the same again. The end of a TCP stream is anybody's to forge: what
 * is carried must say of itself where it ends.
 */
#ifndef SPOOR_PROTO_WIRE_CHANNEL_H
#define SPOOR_PROTO_WIRE_CHANNEL_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/transport.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_SALT 16
#define CHANNEL_TOKEN 16
#define CHANNEL_PLAIN_MAX 16384
#define CHANNEL_OVERHEAD 18
#define CHANNEL_RECORD_MAX (CHANNEL_PLAIN_MAX + CHANNEL_OVERHEAD)
#define CHANNEL_GREETING (4 + CHANNEL_SALT) /* octets of a hello before its record */
#define CHANNEL_HELLO_LEN (CHANNEL_GREETING + CHANNEL_TOKEN + CHANNEL_OVERHEAD)

struct channel { /* 16 KiB, for as long as the connection lasts; wipe() it at its end */
	uint8_t send_key[32], receive_key[32];
	uint64_t sent, received; /* records */
	enum err broken;         /* ERR_OK until a record was not one */
	size_t have;             /* octets of the record that is coming in */
	uint8_t record[CHANNEL_RECORD_MAX];
};

/* The same export key and salt, and opposite is_connector, make two ends of one channel. */
void channel_start(struct channel *c, const struct transport *t, const uint8_t salt[CHANNEL_SALT],
                   bool is_connector);

/* Writes a hello, its record the first of `c`. `salt`, drawn at random, is what `c` started with.*/
void channel_hello(struct channel *c, const struct transport *t, const uint8_t salt[CHANNEL_SALT],
                   const uint8_t token[CHANNEL_TOKEN], uint8_t room[CHANNEL_HELLO_LEN]);

/* Reads the first CHANNEL_GREETING octets of one: which session of ours, and the salt. */
uint32_t channel_greeting(const uint8_t greeting[CHANNEL_GREETING], uint8_t ret_salt[CHANNEL_SALT]);

/* Writes a record into room[0..len + CHANNEL_OVERHEAD). Returns its length; 0 when too long. */
size_t channel_seal(struct channel *c, const void *plain, size_t len, uint8_t *room);

/*
 * Takes octets as they come, from *in, which moves. On ERR_OK there is a record: `ret` is borrowed
 * from `c` until the next call, and *in may hold more. A broken channel stays broken.
 *
 * ERR_SHORT    all was taken, and the record is not whole
 * ERR_FORMAT   a length that no record has
 * ERR_AUTH     not sealed by the other end, or not the next
 */
MUST_USE enum err channel_feed(struct channel *c, struct bytes *in, struct bytes *ret);

/* Is this record of a hello the token? ERR_AUTH */
MUST_USE enum err channel_check_token(struct bytes record, const uint8_t token[CHANNEL_TOKEN]);

#endif
