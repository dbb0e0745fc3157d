/*
 * transport - one session after its handshake: keys both ways, counters, what was received.
 *
 * Everything before the ciphertext is authenticated with it. The nonce is the counter, which
 * travels; a window of the last TRANSPORT_WINDOW counters tells replayed datagrams from late ones
 * (RFC 6479). Thousands of these are held, so it is small and a plain value. wipe() it at the end.
 */
#ifndef SPOOR_PROTO_WIRE_TRANSPORT_H
#define SPOOR_PROTO_WIRE_TRANSPORT_H

#include "base/err.h"
#include "proto/wire/packet.h"

#include <stddef.h>
#include <stdint.h>

#define TRANSPORT_HEAD 16
#define TRANSPORT_OVERHEAD 32
#define TRANSPORT_PLAIN_MAX (PACKET_MAX - TRANSPORT_OVERHEAD)
#define TRANSPORT_WINDOW 1024
#define TRANSPORT_WORDS (TRANSPORT_WINDOW / 64 + 1) /* the first of them is not yet full */
#define TRANSPORT_COUNTER_END (UINT64_C(1) << 60)   /* no key seals more than these */

struct transport {
	uint8_t send_key[32], receive_key[32];
	uint8_t export_key[32]; /* the same at both ends; see channel.h */
	uint64_t counter;       /* of the next datagram we send */
	uint64_t received_end;  /* one more than the highest counter received; 0: none yet */
	uint64_t window[TRANSPORT_WORDS];
	uint32_t index, their_index;
};

/*
 * Writes a whole DATA of `len` octets, at most TRANSPORT_PLAIN_MAX, into room[0..PACKET_MAX).
 * Returns its length; 0 when it is too long, or the key has sealed its last.
 */
size_t transport_seal(struct transport *t, const void *plain, size_t len, uint8_t *room);

/*
 * Opens a DATA into room[0..len - TRANSPORT_OVERHEAD), whose content counts on success alone. Any
 * failure leaves `t` as it was.
 *
 * ERR_FORMAT   not a DATA
 * ERR_AUTH     not sealed by this session's other end
 * ERR_STALE    so sealed, but received before, or older than the window
 */
MUST_USE enum err transport_open(struct transport *t, const void *data, size_t len, uint8_t *room,
                                 size_t *ret_len);

#endif
