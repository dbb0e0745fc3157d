/*
 * overlay_play - what fuzz_overlay directs: members, their network, and what must always hold. What
 * that is stands at the top of fuzz_overlay.c.
 */
#ifndef SPOOR_TESTS_FUZZ_OVERLAY_PLAY_H
#define SPOOR_TESTS_FUZZ_OVERLAY_PLAY_H

#include "base/prng.h"
#include "base/util.h"
#include "proto/overlay/overlay.h"
#include "proto/wire/packet.h"

#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1760000000000)
#define DAY_MS INT64_C(86400000)
#define MEMBERS 3
#define PLACES 6 /* theirs, then strangers' */
#define FLYING_MAX 48
#define INDICES 64
#define PIPES 4
#define SERVES 8

struct account { /* between a member and a place, in one life of the member */
	uint64_t in, out;
	bool is_proven;
	uint32_t indices[INDICES]; /* that went there; the latest */
	size_t index_count;
};

struct member_of_play {
	struct overlay *overlay;
	struct overlay_options options;
	struct key_pair identity;
	struct prng random;
	bool is_deaf;
	struct account accounts[PLACES];
	uint64_t highest[MEMBERS]; /* of the windows it was to keep */
	uint64_t sequence;
	struct query query; /* what it asked last */
	uint32_t ticket;
	bool is_over;
	uint32_t serves[SERVES]; /* tickets it was handed */
	size_t serve_count;
	int policy;
};

enum thing { THING_DATAGRAM, THING_OPENED, THING_OCTETS, THING_CLOSED };

struct flying {
	enum thing thing;
	size_t from, to; /* places */
	size_t pipe, end;
	size_t len;
	uint8_t data[PACKET_MAX];
};

struct pipe {
	size_t who[2];
	uint32_t stream[2];
	bool is_open[2];
};

struct play {
	struct bytes in;
	struct key_pair root;
	struct cards *cards;
	struct member_of_play members[MEMBERS];
	struct flying flying[FLYING_MAX];
	size_t flying_count;
	struct pipe pipes[PIPES];
	size_t pipe_count;
	uint64_t ms, number; /* of the root's lists */
	bool is_over;        /* somebody could not start */
};

static inline void must(bool claim)
{
	if (!claim)
		abort();
}

static inline struct endpoint place(size_t i)
{
	const uint8_t octets[4] = {10, 0, (uint8_t)i, 1};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = 7667};
}

static inline size_t place_of(const struct endpoint *e)
{
	size_t i = 0;

	while (i < PLACES) {
		struct endpoint there = place(i);

		if (endpoint_equal(&there, e))
			break;
		i++;
	}
	return i;
}

static inline struct now now_of(const struct play *p)
{
	return (struct now){{1000000 + p->ms}, {WALL_MS + (int64_t)p->ms}};
}

static inline void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

/* --- what goes out --- */

static inline struct flying *put(struct play *p, enum thing thing, size_t from, size_t to)
{
	struct flying *f;

	if (p->flying_count == FLYING_MAX)
		return NULL;
	f = &p->flying[p->flying_count++];
	memset(f, 0, offsetof(struct flying, data));
	f->thing = thing;
	f->from = from;
	f->to = to;
	return f;
}

static inline uint32_t number_at(const uint8_t *at)
{
	struct bytes in = bytes_of(at, 4);

	return (uint32_t)bytes_uint(&in, 4);
}

static inline void account_out(struct account *a, enum packet_kind kind, const struct act *act)
{
	if (kind == PACKET_INIT || kind == PACKET_RESPONSE)
		a->indices[a->index_count++ % INDICES] = number_at(act->data + 4);
	if (kind != PACKET_INIT && kind != PACKET_KNOCK)
		a->out += act->len;
	must(a->is_proven || a->out <= a->in);
}

static inline void on_send(struct play *p, size_t who, const struct act *act)
{
	size_t to = place_of(&act->to);
	enum packet_kind kind = packet_kind(act->data, act->len);
	struct flying *f;

	must(act->len > 0 && act->len <= PACKET_MAX && kind != PACKET_NONE);
	must(to < PLACES);
	account_out(&p->members[who].accounts[to], kind, act);
	f = put(p, THING_DATAGRAM, who, to);
	if (f == NULL)
		return;
	f->len = act->len;
	memcpy(f->data, act->data, act->len);
}

static inline void on_connect(struct play *p, size_t who, const struct act *act)
{
	struct pipe *pipe = &p->pipes[p->pipe_count++ % PIPES];
	size_t to = place_of(&act->to);
	struct endpoint from = place(who);
	struct flying *f;

	*pipe = (struct pipe){
		.who = {who, to}, .stream = {act->stream, 0}, .is_open = {true, true}};
	if (to >= MEMBERS ||
	    overlay_accept(p->members[to].overlay, now_of(p), &from, &pipe->stream[1]) != ERR_OK)
		pipe->is_open[0] = pipe->is_open[1] = false;
	f = put(p, pipe->is_open[0] ? THING_OPENED : THING_CLOSED, who, who);
	if (f != NULL)
		f->pipe = (size_t)(pipe - p->pipes);
}

static inline void on_stream(struct play *p, size_t who, enum thing thing, const struct act *act)
{
	for (size_t i = 0; i < 2 * PIPES; i++) {
		struct pipe *pipe = &p->pipes[i / 2];
		size_t end = i % 2;
		struct flying *f;

		if (!pipe->is_open[end] || pipe->who[end] != who ||
		    pipe->stream[end] != act->stream)
			continue;
		pipe->is_open[end] = thing != THING_CLOSED;
		f = put(p, thing, who, pipe->who[1 - end]);
		if (f == NULL)
			continue;
		f->pipe = i / 2;
		f->end = 1 - end;
		f->len = act->len;
		if (act->len > 0)
			memcpy(f->data, act->data, act->len);
	}
}

static inline void give_answer(struct play *p, size_t who, uint32_t ticket, int policy)
{
	static struct answer answer;
	struct overlay *o = p->members[who].overlay;

	answer.window = (struct interval){WALL_MS - DAY_MS, WALL_MS};
	answer.finding_count = policy == 2 ? 30 : 1;
	if (policy < 3)
		(void)!overlay_answer(o, now_of(p), ticket, &answer, policy > 0);
	else if (policy < 5)
		overlay_refuse(o, now_of(p), ticket, policy == 3 ? RECEIPT_REFUSED : RECEIPT_BUSY);
}

static inline void on_serve(struct play *p, size_t who, const struct act *act)
{
	struct member_of_play *m = &p->members[who];

	must(act->card != NULL && act->query->question.on_count > 0 && act->query->number > 0);
	must(bytes_left(&act->query->cert) == act->card->cert_blob.len);
	m->serves[m->serve_count++ % SERVES] = act->ticket;
	overlay_spent(m->overlay, now_of(p), act->card->cert.org, 10);
	give_answer(p, who, act->ticket, m->policy);
}

static inline void on_answer(const struct member_of_play *m, const struct act *act)
{
	static struct answer again;

	must(act->ticket != m->ticket ||
	     answer_check(act->reply.evidence, &m->query, &act->card->id, &act->card->record.sign,
	                  &again) == ERR_OK);
	must(act->reply.answer->finding_count <= ANSWER_FINDINGS_MAX);
}

static inline void on_keep(struct play *p, struct member_of_play *m, const struct act *act)
{
	if (act->kind == ACT_SEQUENCE) {
		must(act->number > m->sequence);
		m->sequence = act->number;
	}
	for (size_t i = 0; act->kind == ACT_WINDOW && i < MEMBERS; i++) {
		if (!id_equal(&p->members[i].options.self.card.id, &act->window.origin))
			continue;
		must(act->window.highest >= m->highest[i]);
		m->highest[i] = act->window.highest;
	}
}

static inline void carry_out(struct play *p, size_t who, const struct act *act)
{
	struct member_of_play *m = &p->members[who];

	if (act->kind == ACT_SEND)
		on_send(p, who, act);
	else if (act->kind == ACT_CONNECT)
		on_connect(p, who, act);
	else if (act->kind == ACT_WRITE)
		on_stream(p, who, THING_OCTETS, act);
	else if (act->kind == ACT_CLOSE)
		on_stream(p, who, THING_CLOSED, act);
	else if (act->kind == ACT_SERVE)
		on_serve(p, who, act);
	else if (act->kind == ACT_ANSWER)
		on_answer(m, act);
	else
		on_keep(p, m, act);
	if (act->kind < ACT_RECEIPT || act->kind > ACT_FINISH || act->ticket != m->ticket)
		return;
	must(!m->is_over);
	m->is_over = act->kind == ACT_FINISH;
}

static inline void drain(struct play *p, size_t who)
{
	struct member_of_play *m = &p->members[who];
	struct act act;

	if (m->is_deaf)
		return;
	while (overlay_next(m->overlay, &act))
		carry_out(p, who, &act);
	must(!overlay_next(m->overlay, &act));
}

static inline void must_be_sound(const struct member_of_play *m)
{
	const struct overlay_limits *l = &m->options.limits;
	size_t count = overlay_member_count(m->overlay);
	struct id last = {.octets = {0}};

	must(count <= l->members_max && overlay_table_count(m->overlay) <= l->table_max);
	for (size_t i = 0; i < count; i++) {
		struct member one;

		overlay_member(m->overlay, i, &one);
		must(memcmp(&last, &one.card->id, sizeof(last)) < 0);
		last = one.card->id;
	}
}

static inline void expire(struct play *p)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member_of_play *m = &p->members[i];

		for (int spin = 0; overlay_deadline(m->overlay).ms <= now_of(p).mono.ms; spin++) {
			overlay_expire(m->overlay, now_of(p));
			drain(p, i);
			if (m->is_deaf)
				break;
			must(spin < 64);
		}
		must_be_sound(m);
	}
}

/* --- who they are --- */

static inline void make_card(struct play *p, size_t i)
{
	struct member_of_play *m = &p->members[i];
	struct card *card = &m->options.self.card;

	card->record.seq++;
	must(cert_issue(&p->root, &card->cert, &card->cert_blob) == ERR_OK);
	must(record_issue(&m->identity, &card->record, &card->record_blob) == ERR_OK);
	card->id = cert_id(&card->cert);
}

static inline void make_member(struct play *p, size_t i)
{
	struct member_of_play *m = &p->members[i];
	struct overlay_self *self = &m->options.self;
	struct seed seed = {.octets = {(uint8_t)(i + 1)}};

	m->random.state = i + 1;
	m->identity = key_pair_of(&seed);
	record_keys(&seed, &self->operational, &self->card.record.kx, &self->kx_secret);
	self->card.record.sign = self->operational.public;
	self->card.cert = (struct cert){
		.member = m->identity.public,
		.salt = {(uint8_t)(3 * i)},
		.serial = i + 1,
		.name = {(char)('a' + i)},
		.org = {(char)('A' + i)},
		.not_before = {WALL_MS - DAY_MS},
		.not_after = {WALL_MS + 30 * DAY_MS},
		.prefixes = {{place(i).addr, 128}},
		.prefix_count = 1,
		.roles = CERT_ROLES_MEMBER,
	};
	self->card.record.not_before.ms = WALL_MS - DAY_MS;
	self->card.record.not_after.ms = WALL_MS + 5 * DAY_MS;
	self->card.record.endpoints[0] = place(i);
	self->card.record.endpoint_count = i == 2 ? 0 : 1; /* c only calls */
	make_card(p, i);
}

static inline void start_member(struct play *p, size_t i)
{
	struct member_of_play *m = &p->members[i];

	overlay_free(m->overlay);
	memset(m->accounts, 0, sizeof(m->accounts));
	m->options.sequence = m->sequence;
	m->is_over = true;
	m->overlay = overlay_new(&m->options);
	if (m->overlay == NULL) { /* the pool is full of cards that others hold */
		p->is_over = true;
		return;
	}
	memset(m->highest, 0, sizeof(m->highest));
	for (size_t j = 0; j < MEMBERS; j++) {
		const struct card *card = &p->members[j].options.self.card;

		(void)!overlay_remember(m->overlay, now_of(p),
		                        bytes_of(card->cert_blob.octets, card->cert_blob.len),
		                        bytes_of(card->record_blob.octets, card->record_blob.len));
	}
	overlay_expire(m->overlay, now_of(p));
}

static const struct overlay_limits narrow = {
	.members_max = 3,
	.bucket_max = 1,
	.table_max = 1,
	.sessions_max = 2,
	.hands_max = 1,
	.held_max = 2,
	.seen_max = 4,
	.origins_max = 2,
	.copies_max = 2,
	.asks_max = 2,
	.serves_max = 2,
	.streams_max = 2,
	.outbox_max = 24,
	.trust = {.revoked_max = 2, .pages_max = 2},
	.answer_max = 5000,
};

static inline void begin(struct play *p, unsigned shape)
{
	struct seed seed = {.octets = {9}};

	p->root = key_pair_of(&seed);
	p->cards = cards_new((shape & 8) != 0 ? 4 : 32);
	must(p->cards != NULL);
	for (size_t i = 0; i < MEMBERS; i++) {
		struct member_of_play *m = &p->members[i];

		m->options.limits = narrow;
		if ((shape >> i & 1) == 0) {
			m->options.limits.table_max = m->options.limits.sessions_max = 8;
			m->options.limits.bucket_max = m->options.limits.hands_max = 4;
			m->options.limits.held_max = m->options.limits.copies_max = 8;
			m->options.limits.outbox_max = 128;
		}
		m->options.mode = (shape & 16) != 0 ? OVERLAY_DIRECT : OVERLAY_RELAY;
		m->options.roots = (struct roots){.keys = {p->root.public}, .count = 1};
		m->options.random = (struct overlay_random){fill, &m->random};
		m->options.cards = p->cards;
		make_member(p, i);
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		start_member(p, i);
		drain(p, i);
	}
}

#endif
