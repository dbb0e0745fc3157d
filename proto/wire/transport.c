#include "proto/wire/transport.h"

#include "base/bytes.h"
#include "base/util.h"
#include "proto/wire/noise.h"
#include "proto/wire/suite.h"

_Static_assert(sizeof(struct transport) <= 280, "thousands of sessions are held");

size_t transport_seal(struct transport *t, const void *plain, size_t len, uint8_t *room)
{
	struct octets out = octets_of(room, PACKET_MAX);
	uint8_t nonce[SUITE_NONCE];

	if (len > TRANSPORT_PLAIN_MAX || t->counter >= TRANSPORT_COUNTER_END)
		return 0;
	packet_head(&out, PACKET_DATA);
	octets_uint(&out, t->their_index, 4);
	octets_uint(&out, t->counter, 8);
	noise_nonce(t->counter++, nonce);
	suite_chosen()->seal(t->send_key, nonce, bytes_of(room, TRANSPORT_HEAD),
	                     bytes_of(plain, len), out.at);
	return len + TRANSPORT_OVERHEAD;
}

static uint64_t *word_of(struct transport *t, uint64_t counter)
{
	return &t->window[counter / 64 % TRANSPORT_WORDS];
}

static bool is_received(struct transport *t, uint64_t counter)
{
	if (counter >= t->received_end)
		return false;
	if (t->received_end - counter > TRANSPORT_WINDOW)
		return true; /* nobody remembers */
	return (*word_of(t, counter) >> counter % 64 & 1) != 0;
}

/* The words between the highest so far and this one are older than the window: cleared for use. */
static void mark_received(struct transport *t, uint64_t counter)
{
	if (counter >= t->received_end) {
		uint64_t from = t->received_end == 0 ? 0 : (t->received_end - 1) / 64;
		uint64_t ahead = MIN(counter / 64 - from, TRANSPORT_WORDS);

		for (uint64_t i = 1; i <= ahead; i++)
			*word_of(t, (from + i) * 64) = 0;
		t->received_end = counter + 1;
	}
	*word_of(t, counter) |= UINT64_C(1) << counter % 64;
}

enum err transport_open(struct transport *t, const void *data, size_t len, uint8_t *room,
                        size_t *ret_len)
{
	struct bytes in = bytes_of(data, len);
	uint8_t nonce[SUITE_NONCE];
	uint64_t counter;
	enum err err;

	if (packet_kind(data, len) != PACKET_DATA)
		return ERR_FORMAT;
	bytes_cut(&in, PACKET_HEAD + 4);
	counter = bytes_uint(&in, 8);
	noise_nonce(counter, nonce);
	err = suite_chosen()->open(t->receive_key, nonce, bytes_of(data, TRANSPORT_HEAD), in, room);
	if (err != ERR_OK)
		return err;
	/* Only now: else a forger could move the window. */
	if (counter >= TRANSPORT_COUNTER_END || is_received(t, counter))
		return ERR_STALE;
	mark_received(t, counter);
	*ret_len = bytes_left(&in) - SUITE_TAG;
	return ERR_OK;
}
