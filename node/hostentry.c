#include "node/hostentry.h"

#include "base/util.h"
#include "node/node.h"

#include <string.h>

#define CLOCKS_MS 60000 /* how far a router's clock may be from this host's */

static void flow_key(const struct endpoint *src, const struct endpoint *dst, uint8_t proto,
                     uint8_t ret[STORE_LOG_KEY])
{
	uint8_t room[2 * 18 + 1];
	struct octets out = octets_of(room, sizeof(room));
	struct id whole;

	octets_put(&out, src->addr.octets, sizeof(src->addr.octets));
	octets_uint(&out, src->port, 2);
	octets_put(&out, dst->addr.octets, sizeof(dst->addr.octets));
	octets_uint(&out, dst->port, 2);
	octets_uint(&out, proto, 1);
	whole = digest("spoor log flow 1", room, octets_len(&out));
	memcpy(ret, whole.octets, STORE_LOG_KEY);
}

void hostentry_far_key(const struct endpoint *far, uint8_t ret[STORE_LOG_KEY])
{
	uint8_t room[18];
	struct octets out = octets_of(room, sizeof(room));
	struct id whole;

	octets_put(&out, far->addr.octets, sizeof(far->addr.octets));
	octets_uint(&out, far->port, 2);
	whole = digest("spoor log far end 1", room, sizeof(room));
	memcpy(ret, whole.octets, STORE_LOG_KEY);
}

/* The flow that an entry is found by: a LOGIN tells of the connection that it came in by. */
static const struct origin_flow *flow_of(const struct origin_record *r)
{
	return r->head.kind == ORIGIN_KIND_LOGIN ? &r->origin.flow : &r->flow;
}

static void make_keys(struct hostentry *e, const struct origin_record *r)
{
	const struct origin_flow *f = flow_of(r);
	struct endpoint sender = record_sender(f), receiver = record_receiver(f);

	if (f->proto == 0)
		return;
	flow_key(&sender, &receiver, f->proto, e->keys[0]);
	hostentry_far_key(f->direction == ORIGIN_OUT ? &receiver : &sender, e->keys[1]);
	e->key_count = 2;
}

static struct leaf leaf_of(const uint8_t *octets)
{
	struct bytes in = bytes_of(octets, HOSTENTRY_HEAD);
	struct leaf leaf;

	leaf.parts[0] = bytes_cut(&in, RECORD_HOP);
	leaf.parts[1] = bytes_cut(&in, RECORD_PROCESS);
	leaf.parts[2] = bytes_cut(&in, RECORD_USER);
	bytes_copy(&in, leaf.salts, sizeof(leaf.salts));
	return leaf;
}

void hostentry_make(struct hostentry *e, const struct origin_record *r, const struct id *before)
{
	struct octets out = octets_of(e->octets, sizeof(e->octets));
	uint8_t record[RECORD_OCTETS], salts[EVIDENCE_PARTS * EVIDENCE_SALT];
	struct leaf leaf;

	record_pack(r, record);
	node_random(NULL, salts, sizeof(salts));
	octets_put(&out, record, sizeof(record));
	octets_put(&out, salts, sizeof(salts));
	octets_put(&out, before->octets, sizeof(before->octets));
	e->len = octets_len(&out);
	leaf = leaf_of(e->octets);
	e->leaf = leaf_digest(&leaf);
	e->at_ms = (int64_t)(r->head.time_ns / 1000000);
	e->key_count = 0;
	make_keys(e, r);
}

void hostentry_sign(struct hostentry *e, const struct card *card,
                    const struct checkpoint_blob *checkpoint)
{
	struct octets out = octets_of(e->octets + e->len, sizeof(e->octets) - e->len);

	card_pack(&out, card);
	octets_put(&out, checkpoint->octets, checkpoint->len);
	CHECK(!out.is_full);
	e->len += octets_len(&out);
}

void hostentry_row(const struct hostentry *e, struct store_log_entry *ret)
{
	*ret = (struct store_log_entry){
		.at_ms = e->at_ms,
		.key_count = e->key_count,
		.value = e->octets,
		.len = e->len,
	};
	memcpy(ret->keys, e->keys, sizeof(ret->keys));
}

/*
 * Finding.
 */

struct found {
	const struct inquiry *q;
	uint64_t number; /* 0: none */
	unsigned rank;
	int64_t apart_ms;
	uint8_t octets[HOSTENTRY_HEAD];
};

/* What tells most of a connection comes first; 0: nothing of this one. */
static unsigned rank_of(const struct inquiry *q, const struct origin_record *r)
{
	static const struct {
		bool is_incoming;
		uint8_t rank;
	} rows[ORIGIN_KIND_COUNT] = {
		[ORIGIN_KIND_CONNECT] = {false, 2}, [ORIGIN_KIND_SEND] = {false, 1},
		[ORIGIN_KIND_LOGIN] = {true, 3},    [ORIGIN_KIND_ACCEPT] = {true, 2},
		[ORIGIN_KIND_RECEIVE] = {true, 1},
	};

	return rows[r->head.kind].is_incoming == q->is_incoming ? rows[r->head.kind].rank : 0;
}

/* Of equal ones the nearest to when the connection began. */
static bool look_at(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	struct found *f = ctx;
	struct origin_record r;
	int64_t apart_ms = at_ms < f->q->life.start_ms ? f->q->life.start_ms - at_ms
	                                               : at_ms - f->q->life.start_ms;
	unsigned rank;

	if (len < HOSTENTRY_HEAD || record_unpack(value, RECORD_OCTETS, &r) != ERR_OK)
		return true;
	rank = rank_of(f->q, &r);
	if (rank < f->rank || rank == 0 || (rank == f->rank && apart_ms >= f->apart_ms))
		return true;
	f->number = number;
	f->rank = rank;
	f->apart_ms = apart_ms;
	memcpy(f->octets, value, sizeof(f->octets));
	return true;
}

struct walk { /* from the entry to the next checkpoint */
	uint64_t number;
	struct id after[EVIDENCE_SPAN];
	size_t count; /* entries seen, the first of which is the one itself */
	struct card card;
	struct checkpoint_blob checkpoint;
	enum err err; /* ERR_NOENT: no checkpoint yet */
};

static enum err read_signed(struct walk *w, struct bytes in)
{
	struct bytes cert, record;
	struct octets out;
	enum err err = card_cut(&in, &cert, &record);

	if (err != ERR_OK || bytes_left(&in) == 0 || bytes_left(&in) > CHECKPOINT_MAX)
		return ERR_CORRUPT;
	out = octets_of(w->card.cert_blob.octets, sizeof(w->card.cert_blob.octets));
	octets_put(&out, cert.at, bytes_left(&cert));
	w->card.cert_blob.len = octets_len(&out);
	out = octets_of(w->card.record_blob.octets, sizeof(w->card.record_blob.octets));
	octets_put(&out, record.at, bytes_left(&record));
	w->card.record_blob.len = octets_len(&out);
	w->checkpoint.len = bytes_left(&in);
	bytes_copy(&in, w->checkpoint.octets, w->checkpoint.len);
	return ERR_OK;
}

static bool step(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	struct bytes in = bytes_of(value, len);
	struct walk *w = ctx;
	struct leaf leaf;

	(void)at_ms;
	if (number != w->number + w->count || len < HOSTENTRY_HEAD || w->count == EVIDENCE_SPAN) {
		w->err = ERR_CORRUPT;
		return false;
	}
	if (w->count > 0) {
		leaf = leaf_of(value);
		w->after[w->count - 1] = leaf_digest(&leaf);
	}
	w->count++;
	bytes_cut(&in, HOSTENTRY_HEAD);
	if (bytes_left(&in) == 0)
		return true;
	w->err = read_signed(w, in);
	return false;
}

static enum err show(struct store *store, const struct found *f, size_t shown, void *room,
                     size_t *len)
{
	struct walk w = {.number = f->number, .err = ERR_NOENT};
	struct leaf leaf = leaf_of(f->octets);
	struct showing showing = {
		.card = &w.card,
		.checkpoint = &w.checkpoint,
		.number = f->number,
		.leaf = &leaf,
		.shown = shown,
		.after = w.after,
	};
	enum err err = store_log_read(store, f->number, step, &w);

	if (err == ERR_OK)
		err = w.err;
	if (err != ERR_OK)
		return err;
	memcpy(showing.before.octets, f->octets + HOSTENTRY_HEAD - sizeof(showing.before.octets),
	       sizeof(showing.before.octets));
	showing.after_count = w.count - 1;
	return evidence_pack(&showing, room, len);
}

enum err hostentry_find(struct store *store, const struct inquiry *q, void *room, size_t *len)
{
	struct found f = {.q = q};
	uint8_t key[STORE_LOG_KEY];
	enum err err;

	flow_key(&q->src, &q->dst, q->proto, key);
	err = store_log_find(store, key, MAX(q->life.start_ms, INT64_MIN + CLOCKS_MS) - CLOCKS_MS,
	                     MIN(q->life.end_ms, INT64_MAX - CLOCKS_MS) + CLOCKS_MS, look_at, &f);
	if (err == ERR_OK && f.number == 0)
		err = ERR_NOENT;
	return err == ERR_OK ? show(store, &f, q->shown, room, len) : err;
}
