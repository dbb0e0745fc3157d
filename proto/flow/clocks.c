#include "proto/flow/clocks.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define FOLLOWED_MS 60000 /* a process that was silent for so long may be another's place */

struct row {
	struct clock_key key;
	uint16_t port; /* of the process that is followed */
	int64_t noted_ms;
	struct clock_history history;
};

struct clocks {
	size_t count;
	struct row rows[CLOCKS_MAX];
};

struct clocks *clocks_new(void)
{
	return calloc(1, sizeof(struct clocks));
}

void clocks_free(struct clocks *c)
{
	free(c);
}

static size_t place_of(const struct clocks *c, const struct clock_key *key)
{
	size_t i = 0;

	for (; i < c->count; i++) {
		const struct clock_key *k = &c->rows[i].key;

		if (k->domain == key->domain && k->version == key->version &&
		    addr_equal(&k->exporter, &key->exporter))
			break;
	}
	return i;
}

static struct row *find(struct clocks *c, const struct clock_key *key)
{
	size_t i = place_of(c, key);

	return i < c->count ? &c->rows[i] : NULL;
}

static struct row *add(struct clocks *c, const struct clock_key *key)
{
	struct row *row = c->rows;

	if (c->count < CLOCKS_MAX) {
		row = &c->rows[c->count++];
	} else {
		for (size_t i = 1; i < CLOCKS_MAX; i++)
			row = c->rows[i].noted_ms < row->noted_ms ? &c->rows[i] : row;
	}
	memset(row, 0, sizeof(*row));
	row->key = *key;
	return row;
}

const struct clock_history *clocks_find(const struct clocks *c, const struct clock_key *key)
{
	size_t i = place_of(c, key);

	return i < c->count ? &c->rows[i].history : NULL;
}

void clocks_each(const struct clocks *c, clocks_fn *fn, void *ctx)
{
	for (size_t i = 0; i < c->count; i++)
		fn(ctx, &c->rows[i].key, &c->rows[i].history);
}

struct clock_key clocks_key_of(const struct stream *s)
{
	return (struct clock_key){
		.exporter = s->key.from.addr,
		.domain = s->key.domain,
		.version = s->key.version,
	};
}

const struct clock_history *clocks_note(struct clocks *c, const struct stream *s)
{
	struct clock_key key = clocks_key_of(s);
	struct clock_estimate e;
	struct row *row;

	if (clock_model_now(&s->model, s->seen_ms, &e) != ERR_OK)
		return NULL;
	row = find(c, &key);
	if (row == NULL)
		row = add(c, &key);
	else if (row->port != s->key.from.port && s->seen_ms - row->noted_ms < FOLLOWED_MS)
		return NULL;
	if (row->noted_ms == s->seen_ms)
		return NULL; /* it has sent nothing since */
	row->port = s->key.from.port;
	row->noted_ms = s->seen_ms;
	return clock_history_note(&row->history, &s->model, s->seen_ms) ? &row->history : NULL;
}

void clocks_key_pack(const struct clock_key *key, uint8_t ret[CLOCKS_KEY])
{
	struct octets o = octets_of(ret, CLOCKS_KEY);

	memset(ret, 0, CLOCKS_KEY);
	octets_put(&o, key->exporter.octets, sizeof(key->exporter.octets));
	octets_uint(&o, key->version, 2);
	octets_uint(&o, key->domain, 4);
}

struct clock_key clocks_key_read(const uint8_t packed[CLOCKS_KEY])
{
	struct bytes in = bytes_of(packed, CLOCKS_KEY);
	struct clock_key key;

	bytes_copy(&in, key.exporter.octets, sizeof(key.exporter.octets));
	key.version = (uint16_t)bytes_uint(&in, 2);
	key.domain = (uint32_t)bytes_uint(&in, 4);
	return key;
}

enum err clocks_recall(struct clocks *c, const uint8_t key[CLOCKS_KEY], struct bytes value)
{
	struct clock_key of = clocks_key_read(key);
	struct clock_history h;
	struct row *row;
	enum err err = clock_history_unpack(value, &h);

	if (err != ERR_OK)
		return err;
	if (c->count == CLOCKS_MAX && find(c, &of) == NULL)
		return ERR_LIMIT;
	row = find(c, &of);
	if (row == NULL)
		row = add(c, &of);
	row->history = h;
	row->noted_ms = h.kept_ms;
	return ERR_OK;
}
