#include "proto/wire/testimony.h"

#include "base/util.h"
#include "proto/wire/intervals.h"

#include <string.h>

#define STATEMENT_FIELDS 5
#define UPSTREAM_FIELDS 11
#define RHYTHM_MAX 700 /* octets; 6 an interval as a rule */

void testimony_begin(struct pack *p, size_t count)
{
	pack_array(p, count);
}

static void put_upstream(struct pack *p, const struct upstream *up)
{
	uint8_t room[RHYTHM_MAX];
	struct octets on = octets_of(room, sizeof(room));

	intervals_put(&on, up->rhythm.on, up->rhythm.on_count);
	if (on.is_full) {
		pack_nil(p);
		return;
	}
	pack_array(p, UPSTREAM_FIELDS);
	pack_bin(p, up->exporter.octets, sizeof(up->exporter.octets));
	pack_uint(p, up->if_low);
	pack_uint(p, up->if_high);
	pack_endpoint(p, &up->src);
	pack_endpoint(p, &up->dst);
	pack_uint(p, up->rhythm.proto);
	pack_bool(p, up->is_open);
	pack_int(p, up->life.start_ms);
	pack_int(p, up->life.end_ms);
	pack_uint(p, (uint64_t)up->rhythm.gap_ms);
	pack_bin(p, room, octets_len(&on));
}

void testimony_put(struct pack *p, const struct statement *s)
{
	pack_array(p, STATEMENT_FIELDS);
	pack_uint(p, s->finding);
	pack_bool(p, s->is_incoming);
	pack_bin(p, s->root.octets, sizeof(s->root.octets));
	pack_bin(p, s->evidence.at, bytes_left(&s->evidence));
	if (s->has_upstream)
		put_upstream(p, &s->upstream);
	else
		pack_nil(p);
}

static void unpack_upstream(struct unpack *u, struct upstream *up)
{
	struct question *q = &up->rhythm;
	struct bytes on;

	unpack_fixed(u, up->exporter.octets, sizeof(up->exporter.octets));
	up->if_low = (uint32_t)unpack_uint(u, UINT32_MAX);
	up->if_high = (uint32_t)unpack_uint(u, UINT32_MAX);
	up->src = unpack_endpoint(u);
	up->dst = unpack_endpoint(u);
	q->proto = (uint8_t)unpack_uint(u, UINT8_MAX);
	up->is_open = unpack_bool(u);
	up->life.start_ms = unpack_int(u);
	up->life.end_ms = unpack_int(u);
	q->gap_ms = (int64_t)unpack_uint(u, INTERVALS_SPAN_MAX_MS);
	on = unpack_bin(u);
	if (u->is_wrong || up->life.start_ms > up->life.end_ms ||
	    intervals_get(on, q->gap_ms, q->on, QUERY_INTERVALS_MAX, &q->on_count) != ERR_OK)
		u->is_wrong = true;
}

enum err testimony_open(struct bytes in, struct testimony *ret)
{
	*ret = (struct testimony){.in = {.in = in}};
	if (bytes_left(&in) == 0)
		return ERR_OK;
	ret->left = unpack_array(&ret->in);
	if (ret->in.is_wrong || ret->left == 0 || ret->left > TESTIMONY_STATEMENTS_MAX ||
	    bytes_left(&in) > TESTIMONY_MAX)
		return ERR_FORMAT;
	return ERR_OK;
}

enum err testimony_next(struct testimony *t, struct statement *ret)
{
	struct unpack *u = &t->in;
	struct unpack before;
	struct token token;

	if (t->left == 0)
		return bytes_left(&u->in) == 0 ? ERR_NOENT : ERR_FORMAT;
	t->left--;
	memset(ret, 0, sizeof(*ret));
	u->is_wrong = u->is_wrong || unpack_array(u) != STATEMENT_FIELDS;
	ret->finding = (uint32_t)unpack_uint(u, UINT32_MAX);
	ret->is_incoming = unpack_bool(u);
	unpack_fixed(u, ret->root.octets, sizeof(ret->root.octets));
	ret->evidence = unpack_bin(u);
	before = *u;
	if (!unpack_token(u, &token)) {
		u->is_wrong = true;
	} else if (token.kind != TOKEN_NIL) {
		*u = before;
		ret->has_upstream = true;
		u->is_wrong = u->is_wrong || unpack_array(u) != UPSTREAM_FIELDS;
		unpack_upstream(u, &ret->upstream);
	}
	if (!u->is_wrong && bytes_left(&ret->evidence) > 0 &&
	    bytes_left(&ret->evidence) <= EVIDENCE_MAX)
		return ERR_OK;
	t->left = 0;
	return ERR_FORMAT;
}
