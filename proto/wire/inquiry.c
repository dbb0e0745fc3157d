#include "proto/wire/inquiry.h"

#include "base/util.h"

#include <string.h>

static void pack_ask(struct pack *p, const struct inquiry *q)
{
	pack_uint(p, q->number);
	pack_endpoint(p, &q->src);
	pack_endpoint(p, &q->dst);
	pack_uint(p, q->proto);
	pack_bool(p, q->is_incoming);
	pack_int(p, q->life.start_ms);
	pack_int(p, q->life.end_ms);
	pack_uint(p, q->shown);
}

static void unpack_ask(struct unpack *u, struct inquiry *q)
{
	q->number = (uint32_t)unpack_uint(u, UINT32_MAX);
	q->src = unpack_endpoint(u);
	q->dst = unpack_endpoint(u);
	q->proto = (uint8_t)unpack_uint(u, UINT8_MAX);
	q->is_incoming = unpack_bool(u);
	q->life.start_ms = unpack_int(u);
	q->life.end_ms = unpack_int(u);
	q->shown = (size_t)unpack_uint(u, EVIDENCE_PARTS);
	if (q->life.start_ms > q->life.end_ms || q->shown == 0)
		u->is_wrong = true;
}

static void pack_told(struct pack *p, const struct inquiry *q)
{
	pack_uint(p, q->number);
	pack_uint(p, q->state);
	pack_bin(p, q->octets.at, bytes_left(&q->octets));
}

static void unpack_told(struct unpack *u, struct inquiry *q)
{
	uint64_t state;

	q->number = (uint32_t)unpack_uint(u, UINT32_MAX);
	state = unpack_uint(u, INQUIRY_STATE_END - 1);
	q->state = (enum inquiry_state)state;
	q->octets = unpack_bin(u);
	if ((q->state == INQUIRY_FOUND) != (bytes_left(&q->octets) > 0) ||
	    bytes_left(&q->octets) > EVIDENCE_MAX)
		u->is_wrong = true;
}

static void pack_alive(struct pack *p, const struct inquiry *q)
{
	pack_bin(p, q->octets.at, bytes_left(&q->octets));
}

static void unpack_alive(struct unpack *u, struct inquiry *q)
{
	q->octets = unpack_bin(u);
	if (bytes_left(&q->octets) > CHECKPOINT_MAX)
		u->is_wrong = true;
}

static const struct {
	size_t fields; /* with the kind */
	void (*pack)(struct pack *p, const struct inquiry *q);
	void (*unpack)(struct unpack *u, struct inquiry *q);
} kinds[INQUIRY_KIND_END] = {
	[INQUIRY_ASK] = {9, pack_ask, unpack_ask},
	[INQUIRY_TOLD] = {4, pack_told, unpack_told},
	[INQUIRY_ALIVE] = {2, pack_alive, unpack_alive},
};

void inquiry_pack(struct pack *p, const struct inquiry *q)
{
	pack_array(p, kinds[q->kind].fields);
	pack_uint(p, q->kind);
	kinds[q->kind].pack(p, q);
}

enum err inquiry_open(struct bytes in, struct inquiry *ret)
{
	struct unpack u = {.in = in};
	size_t fields = unpack_array(&u);
	uint64_t kind = unpack_uint(&u, INQUIRY_KIND_END - 1);

	memset(ret, 0, sizeof(*ret));
	ret->kind = (enum inquiry_kind)kind;
	if (u.is_wrong || fields != kinds[ret->kind].fields)
		return ERR_FORMAT;
	kinds[ret->kind].unpack(&u, ret);
	return unpack_done(&u) ? ERR_OK : ERR_FORMAT;
}
