#include "proto/wire/channel.h"

#include "base/util.h"
#include "proto/wire/noise.h"
#include "proto/wire/suite.h"

#include <string.h>

#define LENGTH 2

void channel_start(struct channel *c, const struct transport *t, const uint8_t salt[CHANNEL_SALT],
                   bool is_connector)
{
	static const char connector[] = "spoor channel 1 connector";
	static const char listener[] = "spoor channel 1 listener";
	const struct suite *suite = suite_chosen();
	struct bytes key = bytes_of(t->export_key, sizeof(t->export_key));
	struct bytes first = bytes_of(salt, CHANNEL_SALT);

	c->sent = c->received = 0;
	c->broken = ERR_OK;
	c->have = 0;
	suite->hash(key, first, bytes_of(connector, sizeof(connector)),
	            is_connector ? c->send_key : c->receive_key, SUITE_KEY);
	suite->hash(key, first, bytes_of(listener, sizeof(listener)),
	            is_connector ? c->receive_key : c->send_key, SUITE_KEY);
}

void channel_hello(struct channel *c, const struct transport *t, const uint8_t salt[CHANNEL_SALT],
                   const uint8_t token[CHANNEL_TOKEN], uint8_t room[CHANNEL_HELLO_LEN])
{
	struct octets out = octets_of(room, CHANNEL_HELLO_LEN);
	size_t len;

	CHECK(c->sent == 0);
	octets_uint(&out, t->their_index, 4);
	octets_put(&out, salt, CHANNEL_SALT);
	len = channel_seal(c, token, CHANNEL_TOKEN, out.at);
	CHECK(octets_len(&out) + len == CHANNEL_HELLO_LEN);
}

uint32_t channel_greeting(const uint8_t greeting[CHANNEL_GREETING], uint8_t ret_salt[CHANNEL_SALT])
{
	struct bytes in = bytes_of(greeting, CHANNEL_GREETING);
	uint32_t index = (uint32_t)bytes_uint(&in, 4);

	bytes_copy(&in, ret_salt, CHANNEL_SALT);
	return index;
}

size_t channel_seal(struct channel *c, const void *plain, size_t len, uint8_t *room)
{
	struct octets out = octets_of(room, LENGTH);
	uint8_t nonce[SUITE_NONCE];

	if (len > CHANNEL_PLAIN_MAX)
		return 0;
	octets_uint(&out, len + SUITE_TAG, LENGTH);
	noise_nonce(c->sent++, nonce);
	suite_chosen()->seal(c->send_key, nonce, bytes_of(room, LENGTH), bytes_of(plain, len),
	                     room + LENGTH);
	return len + CHANNEL_OVERHEAD;
}

/* Takes what there is of the record's next octets, until `wanted` of it are here. */
static bool gather(struct channel *c, struct bytes *in, size_t wanted)
{
	size_t len = MIN(wanted - c->have, bytes_left(in));

	bytes_copy(in, c->record + c->have, len);
	c->have += len;
	return c->have == wanted;
}

static enum err open_record(struct channel *c, size_t len, struct bytes *ret)
{
	uint8_t nonce[SUITE_NONCE];
	uint8_t *at = c->record + LENGTH;
	enum err err;

	noise_nonce(c->received, nonce);
	err = suite_chosen()->open(c->receive_key, nonce, bytes_of(c->record, LENGTH),
	                           bytes_of(at, len), at);
	if (err != ERR_OK)
		return err;
	c->received++;
	c->have = 0;
	*ret = bytes_of(at, len - SUITE_TAG);
	return ERR_OK;
}

enum err channel_feed(struct channel *c, struct bytes *in, struct bytes *ret)
{
	struct bytes length = bytes_of(c->record, LENGTH);
	size_t len;

	if (c->broken != ERR_OK)
		return c->broken;
	if (c->have < LENGTH && !gather(c, in, LENGTH))
		return ERR_SHORT;
	len = (size_t)bytes_uint(&length, LENGTH);
	if (len < SUITE_TAG || len > CHANNEL_RECORD_MAX - LENGTH)
		return c->broken = ERR_FORMAT;
	if (!gather(c, in, LENGTH + len))
		return ERR_SHORT;
	return c->broken = open_record(c, len, ret);
}

enum err channel_check_token(struct bytes record, const uint8_t token[CHANNEL_TOKEN])
{
	return bytes_left(&record) == CHANNEL_TOKEN && suite_same(record.at, token, CHANNEL_TOKEN)
	               ? ERR_OK
	               : ERR_AUTH;
}
