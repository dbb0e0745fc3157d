#include "proto/wire/frame.h"

#include "base/util.h"

#include <string.h>

static void put_blob(struct octets *o, struct bytes blob)
{
	octets_put(o, blob.at, bytes_left(&blob));
}

/* All that is left. */
static struct bytes cut_blob(struct bytes *in)
{
	return bytes_cut(in, bytes_left(in));
}

static void put_endpoint(struct octets *o, const struct endpoint *e)
{
	octets_put(o, e->addr.octets, sizeof(e->addr.octets));
	octets_uint(o, e->port, 2);
}

static struct endpoint cut_endpoint(struct bytes *in)
{
	struct endpoint e;

	bytes_copy(in, e.addr.octets, sizeof(e.addr.octets));
	e.port = (uint16_t)bytes_uint(in, 2);
	return e;
}

/* nonce 8, clock 8, sum 8, observed 18, then root 8 and number 8 of each head */
static void put_state(struct octets *o, const struct frame *f)
{
	const struct frame_state *s = &f->state;

	octets_uint(o, s->nonce, 8);
	octets_uint(o, (uint64_t)s->wall.ms, 8);
	octets_uint(o, s->sum, 8);
	put_endpoint(o, &s->observed);
	for (size_t i = 0; i < s->head_count; i++) {
		octets_put(o, s->heads[i].root.octets, sizeof(s->heads[i].root.octets));
		octets_uint(o, s->heads[i].number, 8);
	}
}

static bool cut_state(struct bytes *in, struct frame *f)
{
	struct frame_state *s = &f->state;

	s->nonce = bytes_uint(in, 8);
	s->wall.ms = (int64_t)bytes_uint(in, 8);
	s->sum = bytes_uint(in, 8);
	s->observed = cut_endpoint(in);
	for (s->head_count = 0; bytes_left(in) > 0 && !in->is_short; s->head_count++) {
		struct frame_head *head = &s->heads[s->head_count];

		if (s->head_count == FRAME_HEADS_MAX)
			return false;
		bytes_copy(in, head->root.octets, sizeof(head->root.octets));
		head->number = bytes_uint(in, 8);
	}
	return true;
}

static void put_find(struct octets *o, const struct frame *f)
{
	octets_put(o, f->target.octets, sizeof(f->target.octets));
}

static bool cut_find(struct bytes *in, struct frame *f)
{
	bytes_copy(in, f->target.octets, sizeof(f->target.octets));
	return true;
}

/* target 32, then id 32 and endpoint 18 of each */
static void put_nodes(struct octets *o, const struct frame *f)
{
	put_find(o, f);
	for (size_t i = 0; i < f->node_count; i++) {
		octets_put(o, f->nodes[i].id.octets, sizeof(f->nodes[i].id.octets));
		put_endpoint(o, &f->nodes[i].endpoint);
	}
}

static bool cut_nodes(struct bytes *in, struct frame *f)
{
	cut_find(in, f);
	for (f->node_count = 0; bytes_left(in) > 0 && !in->is_short; f->node_count++) {
		struct frame_node *n = &f->nodes[f->node_count];

		if (f->node_count == FRAME_NODES_MAX)
			return false;
		bytes_copy(in, n->id.octets, sizeof(n->id.octets));
		n->endpoint = cut_endpoint(in);
	}
	return true;
}

static void put_sums(struct octets *o, const struct frame *f)
{
	for (size_t i = 0; i < FRAME_RANGES; i++)
		octets_uint(o, f->sums[i], 8);
}

static bool cut_sums(struct bytes *in, struct frame *f)
{
	for (size_t i = 0; i < FRAME_RANGES; i++)
		f->sums[i] = bytes_uint(in, 8);
	return true;
}

/* range 1, more 1, then id 8 and print 4 of each */
static void put_have(struct octets *o, const struct frame *f)
{
	octets_uint(o, f->range, 1);
	octets_uint(o, f->has_more, 1);
	for (size_t i = 0; i < f->print_count; i++) {
		octets_put(o, f->prints[i].id.octets, sizeof(f->prints[i].id.octets));
		octets_uint(o, f->prints[i].print, 4);
	}
}

static bool cut_have(struct bytes *in, struct frame *f)
{
	uint64_t more;

	f->range = (uint8_t)bytes_uint(in, 1);
	more = bytes_uint(in, 1);
	f->has_more = more == 1;
	for (f->print_count = 0; bytes_left(in) > 0 && !in->is_short; f->print_count++) {
		struct frame_print *p = &f->prints[f->print_count];

		if (f->print_count == FRAME_PRINTS_MAX)
			return false;
		bytes_copy(in, p->id.octets, sizeof(p->id.octets));
		p->print = (uint32_t)bytes_uint(in, 4);
	}
	return f->range < FRAME_RANGES && more <= 1;
}

static void put_ids(struct octets *o, const struct frame *f)
{
	for (size_t i = 0; i < f->id_count; i++)
		octets_put(o, f->ids[i].octets, sizeof(f->ids[i].octets));
}

static bool cut_ids(struct bytes *in, struct frame *f)
{
	for (f->id_count = 0; bytes_left(in) > 0 && !in->is_short; f->id_count++) {
		if (f->id_count == FRAME_IDS_MAX)
			return false;
		bytes_copy(in, f->ids[f->id_count].octets, sizeof(f->ids[0].octets));
	}
	return f->id_count > 0;
}

/* None at all is fine: "I am here". */
static bool cut_digest(struct bytes *in, struct frame *f)
{
	return cut_ids(in, f) || (f->id_count == 0 && bytes_left(in) == 0);
}

/* certificate and record of each, either behind its length 2: as card_pack() writes them */
static void put_cards(struct octets *o, const struct frame *f)
{
	for (size_t i = 0; i < 2 * f->card_count; i++) {
		struct bytes half = f->cards[i / 2][i % 2];

		octets_uint(o, bytes_left(&half), 2);
		put_blob(o, half);
	}
}

static bool cut_cards(struct bytes *in, struct frame *f)
{
	for (f->card_count = 0; bytes_left(in) > 0 && !in->is_short; f->card_count++) {
		if (f->card_count == FRAME_CARDS_MAX)
			return false;
		for (size_t half = 0; half < 2; half++)
			f->cards[f->card_count][half] = bytes_cut(in, (size_t)bytes_uint(in, 2));
	}
	return f->card_count > 0;
}

/* root 32, number 8, page 1 */
static void put_lack(struct octets *o, const struct frame *f)
{
	octets_put(o, f->root.octets, sizeof(f->root.octets));
	octets_uint(o, f->number, 8);
	octets_uint(o, f->page, 1);
}

static bool cut_lack(struct bytes *in, struct frame *f)
{
	bytes_copy(in, f->root.octets, sizeof(f->root.octets));
	f->number = bytes_uint(in, 8);
	f->page = (uint8_t)bytes_uint(in, 1);
	return true;
}

static void put_whole(struct octets *o, const struct frame *f)
{
	put_blob(o, f->blob);
}

static bool cut_whole(struct bytes *in, struct frame *f)
{
	f->blob = cut_blob(in);
	return bytes_left(&f->blob) > 0;
}

/* hops 1, then the query as it was signed: nothing else stands outside the signature */
static void put_query(struct octets *o, const struct frame *f)
{
	octets_uint(o, f->hops, 1);
	put_blob(o, f->blob);
}

static bool cut_query(struct bytes *in, struct frame *f)
{
	f->hops = (uint8_t)bytes_uint(in, 1);
	return cut_whole(in, f);
}

static void put_query_id(struct octets *o, const struct frame *f)
{
	octets_put(o, f->query_id.octets, sizeof(f->query_id.octets));
}

static bool cut_query_id(struct bytes *in, struct frame *f)
{
	bytes_copy(in, f->query_id.octets, sizeof(f->query_id.octets));
	return true;
}

static void put_reply(struct octets *o, const struct frame *f)
{
	put_query_id(o, f);
	put_blob(o, f->blob);
}

static bool cut_reply(struct bytes *in, struct frame *f)
{
	cut_query_id(in, f);
	return cut_whole(in, f);
}

/* query id 16, length 4, digest 32, token 16 */
static void put_offer(struct octets *o, const struct frame *f)
{
	put_query_id(o, f);
	octets_uint(o, f->len, 4);
	octets_put(o, f->digest.octets, sizeof(f->digest.octets));
	octets_put(o, f->token.octets, sizeof(f->token.octets));
}

static bool cut_offer(struct bytes *in, struct frame *f)
{
	cut_query_id(in, f);
	f->len = (uint32_t)bytes_uint(in, 4);
	bytes_copy(in, f->digest.octets, sizeof(f->digest.octets));
	bytes_copy(in, f->token.octets, sizeof(f->token.octets));
	return true;
}

static void put_rack(struct octets *o, const struct frame *f)
{
	put_query_id(o, f);
	octets_uint(o, f->about, 1);
}

static bool cut_rack(struct bytes *in, struct frame *f)
{
	uint64_t about;

	cut_query_id(in, f);
	about = bytes_uint(in, 1);
	f->about = about < FRAME_KIND_END ? (enum frame_kind)about : FRAME_KIND_END;
	return about == FRAME_RECEIPT || about == FRAME_REPLY || about == FRAME_OFFER;
}

/* query id 16, offset 4, and of a PART what stands there */
static void put_fetch(struct octets *o, const struct frame *f)
{
	put_query_id(o, f);
	octets_uint(o, f->offset, 4);
}

static bool cut_fetch(struct bytes *in, struct frame *f)
{
	cut_query_id(in, f);
	f->offset = (uint32_t)bytes_uint(in, 4);
	return true;
}

static void put_part(struct octets *o, const struct frame *f)
{
	put_fetch(o, f);
	put_blob(o, f->blob);
}

static bool cut_part(struct bytes *in, struct frame *f)
{
	cut_fetch(in, f);
	return cut_whole(in, f) && bytes_left(&f->blob) <= FRAME_PART_MAX;
}

static const struct {
	const char *name;
	void (*put)(struct octets *o, const struct frame *f);
	bool (*cut)(struct bytes *in, struct frame *f); /* false: out of its range */
} kinds[FRAME_KIND_END] = {
	[FRAME_PING] = {"ping", put_state, cut_state},
	[FRAME_PONG] = {"pong", put_state, cut_state},
	[FRAME_FIND] = {"find", put_find, cut_find},
	[FRAME_NODES] = {"nodes", put_nodes, cut_nodes},
	[FRAME_SUMS] = {"sums", put_sums, cut_sums},
	[FRAME_HAVE] = {"have", put_have, cut_have},
	[FRAME_GET] = {"get", put_ids, cut_ids},
	[FRAME_CARDS] = {"cards", put_cards, cut_cards},
	[FRAME_LACK] = {"lack", put_lack, cut_lack},
	[FRAME_NOTICE] = {"notice", put_whole, cut_whole},
	[FRAME_QUERY] = {"query", put_query, cut_query},
	[FRAME_QACK] = {"qack", put_query_id, cut_query_id},
	[FRAME_DIGEST] = {"digest", put_ids, cut_digest},
	[FRAME_WANT] = {"want", put_ids, cut_ids},
	[FRAME_RECEIPT] = {"receipt", put_whole, cut_whole},
	[FRAME_REPLY] = {"reply", put_reply, cut_reply},
	[FRAME_OFFER] = {"offer", put_offer, cut_offer},
	[FRAME_RACK] = {"rack", put_rack, cut_rack},
	[FRAME_FETCH] = {"fetch", put_fetch, cut_fetch},
	[FRAME_PART] = {"part", put_part, cut_part},
};

size_t frame_pack(const struct frame *frame, uint8_t room[FRAME_MAX])
{
	struct octets out = octets_of(room, FRAME_MAX);

	octets_uint(&out, frame->kind, 1);
	kinds[frame->kind].put(&out, frame);
	return out.is_full ? 0 : octets_len(&out);
}

enum err frame_open(const void *data, size_t len, struct frame *ret)
{
	struct bytes in = bytes_of(data, len);
	uint64_t kind = bytes_uint(&in, 1);

	if (len > FRAME_MAX || kind == 0 || kind >= FRAME_KIND_END)
		return ERR_FORMAT;
	ret->kind = (enum frame_kind)kind;
	if (!kinds[kind].cut(&in, ret) || in.is_short || bytes_left(&in) != 0)
		return ERR_FORMAT;
	return ERR_OK;
}

const char *frame_kind_text(enum frame_kind kind)
{
	return kind > 0 && kind < FRAME_KIND_END ? kinds[kind].name : "unknown";
}

struct short_id short_id_of(const void *id)
{
	struct short_id s;

	memcpy(s.octets, id, sizeof(s.octets));
	return s;
}

bool short_id_equal(struct short_id a, struct short_id b)
{
	return memcmp(a.octets, b.octets, sizeof(a.octets)) == 0;
}
