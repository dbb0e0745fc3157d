#include "proto/flow/memory.h"

#include "base/util.h"
#include "proto/flow/samplers.h"

#include <string.h>

#define VERSION 2
#define VERSION_1 1 /* of eight samplers, and templates without their scope: still read */
#define SAMPLERS_1 8
#define AGENT_LEN 6 /* what a key has left */

#define FLAG_OPTIONS 1
#define FLAG_ENTERPRISE 2
#define FLAG_TOLD 4
#define SCOPE_SHIFT 3 /* of a template: how many fields its scope has, as far as that goes */
#define SCOPE_MAX 31

#define SAMPLER_IS_INTERFACE 1

void memory_key(const struct stream *s, uint16_t id, uint8_t ret[MEMORY_KEY])
{
	struct octets o = octets_of(ret, MEMORY_KEY);

	memset(ret, 0, MEMORY_KEY);
	octets_put(&o, s->key.from.addr.octets, sizeof(s->key.from.addr.octets));
	octets_uint(&o, s->key.from.port, 2);
	octets_uint(&o, s->key.version, 2);
	octets_uint(&o, s->key.domain, 4);
	octets_uint(&o, id, 2);
	/* sFlow's agent is told whole in the entry; here it keeps two of them apart. */
	for (size_t i = 0; i < sizeof(s->key.agent.octets); i++)
		ret[MEMORY_KEY - 1 - i % AGENT_LEN] ^= s->key.agent.octets[i];
}

struct stream_key memory_key_read(const uint8_t data[MEMORY_KEY], uint16_t *ret_id)
{
	struct stream_key key = {.session = 0};
	struct bytes in = bytes_of(data, MEMORY_KEY);

	bytes_copy(&in, key.from.addr.octets, sizeof(key.from.addr.octets));
	key.from.port = (uint16_t)bytes_uint(&in, 2);
	key.version = (uint16_t)bytes_uint(&in, 2);
	key.domain = (uint32_t)bytes_uint(&in, 4);
	*ret_id = (uint16_t)bytes_uint(&in, 2);
	return key;
}

static void pack_options(struct octets *o, const struct stream *s)
{
	octets_uint(o, s->is_init_told ? FLAG_TOLD : 0, 1);
	octets_uint(o, (uint64_t)s->seen_ms, 8);
	octets_uint(o, (uint64_t)s->init_ms, 8);
	octets_uint(o, s->sampling, 4);
	for (size_t i = 0; i < STREAM_SAMPLERS && s->samplers[i].interval != 0; i++) {
		octets_uint(o, s->samplers[i].is_interface ? SAMPLER_IS_INTERFACE : 0, 1);
		octets_uint(o, s->samplers[i].id, 4);
		octets_uint(o, s->samplers[i].interval, 4);
	}
}

size_t memory_pack(const struct stream *s, uint16_t id, const struct template *t,
                   uint8_t room[MEMORY_MAX])
{
	struct octets o = octets_of(room, MEMORY_MAX);

	if (id != 0 && t == NULL)
		return 0;
	octets_uint(&o, VERSION, 1);
	if (id == 0) {
		pack_options(&o, s);
		return octets_len(&o);
	}
	octets_uint(&o,
	            (uint64_t)(t->is_options * FLAG_OPTIONS | t->has_enterprise * FLAG_ENTERPRISE |
	                       MIN(t->scope_count, SCOPE_MAX) << SCOPE_SHIFT),
	            1);
	octets_uint(&o, (uint64_t)s->seen_ms, 8); /* while it is used it is not old */
	octets_uint(&o, t->raw_count, 2);
	octets_put(&o, t->raw, t->raw_len);
	CHECK(!o.is_full);
	return octets_len(&o);
}

/* In version 1 those that are free come, too. */
static enum err read_samplers(struct bytes *in, uint8_t version, struct stream_sampler *ret)
{
	size_t count = 0, seen = 0;

	while (version == VERSION_1 ? seen < SAMPLERS_1 : bytes_left(in) > 0) {
		struct stream_sampler row = {.interval = 0};

		if (count == STREAM_SAMPLERS)
			return ERR_FORMAT;
		if (version != VERSION_1)
			row.is_interface = bytes_uint(in, 1) == SAMPLER_IS_INTERFACE;
		row.id = (uint32_t)bytes_uint(in, 4);
		row.interval = (uint32_t)bytes_uint(in, 4);
		if (in->is_short || (row.interval == 0 && version != VERSION_1))
			return ERR_FORMAT;
		if (row.interval != 0)
			ret[count++] = row;
		seen++;
	}
	return bytes_left(in) > 0 ? ERR_FORMAT : ERR_OK;
}

static enum err recall_options(struct flow_decoder *d, struct stream *s, uint8_t version,
                               uint8_t flags, struct bytes in)
{
	int64_t init_ms = (int64_t)bytes_uint(&in, 8);
	uint32_t sampling = (uint32_t)bytes_uint(&in, 4);
	struct stream_sampler samplers[STREAM_SAMPLERS] = {{.interval = 0}};

	if (in.is_short || init_ms < 0 || init_ms > INT64_MAX / 4 ||
	    read_samplers(&in, version, samplers) != ERR_OK)
		return ERR_FORMAT;
	s->init_ms = init_ms;
	s->is_init_told = (flags & FLAG_TOLD) != 0;
	s->sampling = sampling;
	memcpy(s->samplers, samplers, sizeof(samplers));
	for (size_t i = 0; i < STREAM_SAMPLERS && samplers[i].interval != 0; i++) {
		if (!samplers[i].is_interface)
			samplers_learn(d->samplers, s, samplers[i].id, samplers[i].interval);
	}
	return ERR_OK;
}

static enum err recall_template(struct flow_decoder *d, struct stream *s, uint16_t id,
                                uint8_t flags, int64_t received_ms, struct bytes in)
{
	struct template_shape shape = {
		.id = id,
		.count = (uint16_t)bytes_uint(&in, 2),
		.scope_count = (uint16_t)(flags >> SCOPE_SHIFT),
		.is_options = (flags & FLAG_OPTIONS) != 0,
		.has_enterprise = (flags & FLAG_ENTERPRISE) != 0,
	};
	enum err err;

	if (s->templates == NULL)
		s->templates = template_set_new(&d->budget);
	if (s->templates == NULL)
		return ERR_NOMEM;
	err = template_define(s->templates, &shape, &in, received_ms);
	if (err != ERR_OK)
		return err;
	template_of(s->templates, id)->kept_ms = MAX(received_ms, 1);
	return bytes_left(&in) > 0 ? ERR_FORMAT : ERR_OK;
}

enum err memory_recall(struct flow_decoder *d, const uint8_t key[MEMORY_KEY], struct bytes value,
                       int64_t now_ms)
{
	uint8_t version = (uint8_t)bytes_uint(&value, 1), flags = (uint8_t)bytes_uint(&value, 1);
	int64_t received_ms = (int64_t)bytes_uint(&value, 8);
	struct stream_key of;
	struct stream *s;
	uint16_t id;

	of = memory_key_read(key, &id);
	if (value.is_short || (version != VERSION && version != VERSION_1) ||
	    (of.version != 9 && of.version != 10))
		return ERR_FORMAT;
	if (received_ms < now_ms - MEMORY_AGE_MS)
		return ERR_STALE;
	s = stream_of(d->streams, &of);
	s->seen_ms = MAX(s->seen_ms, received_ms);
	s->is_recalled = true;
	return id == 0 ? recall_options(d, s, version, flags, value)
	               : recall_template(d, s, id, flags, received_ms, value);
}
