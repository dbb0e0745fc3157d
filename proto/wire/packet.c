#include "proto/wire/packet.h"

#include "base/util.h"
#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "proto/wire/transport.h"

static const struct {
	const char *text;
	size_t min, max; /* octets */
	size_t receiver; /* where its index is */
} kinds[PACKET_KIND_END] = {
	/* clang-format off */
	[PACKET_NONE]     = {"none",     0,                  0,                 0},
	[PACKET_DATA]     = {"data",     TRANSPORT_OVERHEAD, PACKET_MAX,        4},
	[PACKET_INIT]     = {"init",     HAND_INIT_LEN,      HAND_INIT_LEN,     0},
	[PACKET_RESPONSE] = {"response", HAND_RESPONSE_MIN,  HAND_RESPONSE_MAX, 8},
	[PACKET_COOKIE]   = {"cookie",   COOKIE_LEN,         COOKIE_LEN,        4},
	[PACKET_KNOCK]    = {"knock",    KNOCK_LEN,          KNOCK_LEN,         0},
	[PACKET_WELCOME]  = {"welcome",  WELCOME_MIN,        WELCOME_MAX,       0},
	/* clang-format on */
};

enum packet_kind packet_kind(const void *data, size_t len)
{
	const uint8_t *at = data;

	if (len < PACKET_HEAD || at[0] >= PACKET_KIND_END || at[1] != PACKET_VERSION ||
	    at[2] != 0 || at[3] != 0 || len < kinds[at[0]].min || len > kinds[at[0]].max)
		return PACKET_NONE;
	return (enum packet_kind)at[0];
}

uint32_t packet_receiver(const void *data)
{
	const uint8_t *at = data;
	struct bytes in;

	CHECK(at[0] < PACKET_KIND_END);
	CHECK(kinds[at[0]].receiver > 0);
	in = bytes_of(at + kinds[at[0]].receiver, 4);
	return (uint32_t)bytes_uint(&in, 4);
}

void packet_head(struct octets *out, enum packet_kind kind)
{
	octets_uint(out, kind, 1);
	octets_uint(out, PACKET_VERSION, 1);
	octets_uint(out, 0, 2);
}

const char *packet_kind_text(enum packet_kind kind)
{
	return kinds[kind < PACKET_KIND_END ? kind : PACKET_NONE].text;
}
