#include "proto/flow/datagram.h"

#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/netflow5.h"

#include <stdlib.h>

struct format {
	uint16_t version; /* the first two octets */
	enum drop (*decode)(struct flow_decoder *d, const struct flow_origin *origin,
	                    struct bytes data, struct flow *room, size_t *ret_count);
};

static const struct format formats[] = {
	{5, netflow5_decode},
};

struct flow_decoder *flow_decoder_new(size_t streams_max)
{
	struct flow_decoder *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->streams = stream_table_new(streams_max);
	if (d->streams == NULL) {
		free(d);
		return NULL;
	}
	return d;
}

void flow_decoder_free(struct flow_decoder *d)
{
	if (d == NULL)
		return;
	stream_table_free(d->streams);
	free(d);
}

static enum drop decode(struct flow_decoder *d, const struct flow_origin *origin, struct bytes data,
                        struct flow *room, size_t *ret_count)
{
	struct bytes in = data;
	uint16_t version = (uint16_t)bytes_uint(&in, 2);

	if (in.is_short)
		return DROP_SHORT;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		if (formats[i].version == version)
			return formats[i].decode(d, origin, data, room, ret_count);
	}
	return DROP_VERSION;
}

enum drop flow_decode(struct flow_decoder *d, const struct flow_origin *origin, const void *data,
                      size_t len, struct flow *room, size_t *ret_count)
{
	size_t count = 0;
	enum drop drop = decode(d, origin, bytes_of(data, len), room, &count);

	d->counters.datagrams++;
	d->counters.flows += count;
	if (drop != DROP_NONE)
		d->counters.dropped[drop]++;
	*ret_count = count;
	return drop;
}

static const struct {
	const char *key, *text;
} drops[] = {
#define X(name, key, text) [DROP_##name] = {(key), (text)},
	DROP_MAP(X)
#undef X
};

const char *drop_key(enum drop drop)
{
	return (size_t)drop < ARRAY_LEN(drops) ? drops[drop].key : "unknown";
}

const char *drop_text(enum drop drop)
{
	return (size_t)drop < ARRAY_LEN(drops) ? drops[drop].text : "unknown";
}
