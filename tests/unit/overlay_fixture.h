/*
 * overlay_fixture - a few overlays on a virtual clock, and the wire between them.
 *
 * Keys, addresses and draws are always the same, the cryptography is the real one. A datagram takes
 * LATENCY_MS. Tests look at what went by, hold it back, bend it, or speak in somebody's name.
 *
 *	struct world *w = world_new(3);  all_meet(w);  run(w, 5000);  ...  world_free(w);
 */
#ifndef SPOOR_TESTS_UNIT_OVERLAY_FIXTURE_H
#define SPOOR_TESTS_UNIT_OVERLAY_FIXTURE_H

#include "base/prng.h"
#include "proto/overlay/overlay.h"
#include "proto/overlay/tap.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1760000000000)
#define DAY_MS INT64_C(86400000)
#define PARTIES 6
#define PIPES 8
#define PARCELS_MAX 4096
#define LATENCY_MS 10
#define SPINS_MAX 5000 /* events at one instant */

enum policy { POLICY_NONE, POLICY_MATCH, POLICY_LONG, POLICY_REFUSE, POLICY_BUSY, POLICY_LATER };

struct party {
	struct overlay *overlay; /* NULL: it is down */
	struct world *world;
	struct key_pair identity;
	struct overlay_options options;
	struct prng random;
	struct endpoint at; /* where it lives, whatever its record says */
	int64_t skew_ms;
	enum policy policy; /* what becomes of the questions it is to search for */
	bool is_deaf;       /* it is up, and its driver drains nothing */

	unsigned acts[ACT_TELL + 1]; /* how many of each it had */
	uint32_t served;             /* the last ACT_SERVE */
	uint8_t hops;
	uint64_t sequence; /* the last ACT_SEQUENCE, _WINDOW, _TELL */
	struct window window;
	const char *told;
	int receipts[PARTIES]; /* the kind of each one's last; -1: none */
	unsigned answers[PARTIES], findings[PARTIES];
	unsigned false_answers;              /* not whose they were said to be */
	bool is_evidence[PARTIES];           /* what ACT_ANSWER brought checks out */
	enum target_state outcomes[PARTIES]; /* of ACT_FINISH */
	size_t outcome_count;

	uint32_t ticket; /* the question it asked last */
	struct query query, query_before;
	struct query_blob blob;
};

enum thing { THING_DATAGRAM, THING_OPENED, THING_OCTETS, THING_CLOSED };

struct parcel { /* on its way */
	enum thing thing;
	size_t from;
	struct endpoint source, to;
	uint64_t due_ms;
	size_t pipe, end; /* of a stream: which, and which end of it */
	size_t len;
	uint8_t data[PACKET_MAX];
};

struct pipe { /* a stream; end 0 opened it */
	size_t party[2];
	uint32_t stream[2];
	bool is_open[2];
};

struct world {
	struct key_pair root;
	struct cards *cards;
	struct party parties[PARTIES];
	size_t count;
	uint64_t now_ms;
	struct parcel *parcels; /* oldest first */
	size_t parcel_count;
	struct pipe pipes[PIPES];
	size_t pipe_count;
	bool has_streams; /* else nobody can open one */
	bool is_cut[PARTIES][PARTIES];

	/* False: it is lost. Either may change what it is shown. */
	bool (*pass)(struct world *w, struct parcel *p);
	bool (*bend)(struct world *w, size_t from, size_t to, struct frame *f);
	unsigned frames[PARTIES][PARTIES][FRAME_KIND_END]; /* said, from whom to whom */
	unsigned packets[PARTIES][PACKET_KIND_END];        /* sent, by whom */
};

static const struct overlay_limits small = {
	.members_max = 16,
	.bucket_max = 4,
	.table_max = 16,
	.sessions_max = 32,
	.hands_max = 8,
	.held_max = 8,
	.seen_max = 64,
	.origins_max = 8,
	.copies_max = 32,
	.asks_max = 2,
	.serves_max = 4,
	.streams_max = 4,
	.outbox_max = 256,
	.trust = {.revoked_max = 16, .pages_max = 4},
	.answer_max = ANSWER_MAX,
};

static inline struct now now_of(const struct world *w, size_t i)
{
	return (struct now){.mono = {1000000 + w->now_ms},
	                    .wall = {WALL_MS + (int64_t)w->now_ms + w->parties[i].skew_ms}};
}

static inline struct endpoint place(uint8_t net, uint8_t host)
{
	const uint8_t octets[4] = {10, 0, net, host};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = 7667};
}

static inline const struct card *card_of(const struct world *w, size_t i)
{
	return &w->parties[i].options.self.card;
}

static inline const struct id *id_of(const struct world *w, size_t i)
{
	return &card_of(w, i)->id;
}

/* Whose card is it? PARTIES when nobody's. */
static inline size_t party_of(const struct world *w, const struct id *id)
{
	size_t i = 0;

	while (i < w->count && !id_equal(id_of(w, i), id))
		i++;
	return i < w->count ? i : PARTIES;
}

static inline void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

/* --- who they are --- */

/* Signs what stands in its card; the record's number grows. */
static inline void reissue(struct world *w, size_t i)
{
	struct card *card = &w->parties[i].options.self.card;

	card->record.seq++;
	assert_ok(cert_issue(&w->root, &card->cert, &card->cert_blob));
	assert_ok(record_issue(&w->parties[i].identity, &card->record, &card->record_blob));
	card->id = cert_id(&card->cert);
}

/* Chooses the salt so that the id begins with `bits` of the octet `first`, as a root might. */
static inline void settle_at(struct world *w, size_t i, uint8_t first, unsigned bits)
{
	struct card *card = &w->parties[i].options.self.card;
	uint8_t mask = (uint8_t)(0xff << (8 - bits));
	struct id id;

	do {
		prng_fill(&w->parties[i].random, card->cert.salt, CERT_SALT_LEN);
		id = cert_id(&card->cert);
	} while ((id.octets[0] & mask) != (first & mask));
	reissue(w, i);
}

static inline struct seed seed_of_party(size_t i, uint8_t what)
{
	return (struct seed){.octets = {what, (uint8_t)(i + 1)}};
}

static inline void make_card(struct world *w, size_t i)
{
	struct party *p = &w->parties[i];
	struct overlay_self *self = &p->options.self;
	struct cert *cert = &self->card.cert;
	struct record *record = &self->card.record;
	struct seed seed = seed_of_party(i, 1);

	p->identity = key_pair_of(&seed);
	seed = seed_of_party(i, 2);
	record_keys(&seed, &self->operational, &record->kx, &self->kx_secret);
	*cert = (struct cert){
		.member = p->identity.public,
		.salt = {(uint8_t)i},
		.serial = i + 1,
		.not_before = {WALL_MS - DAY_MS},
		.not_after = {WALL_MS + 30 * DAY_MS},
		.prefixes = {{place((uint8_t)(i + 1), 0).addr, 96 + 24}},
		.prefix_count = 1,
		.roles = CERT_ROLES_MEMBER,
	};
	snprintf(cert->name, sizeof(cert->name), "%c", (char)('a' + i));
	snprintf(cert->org, sizeof(cert->org), "Org %c", (char)('A' + i));
	record->sign = self->operational.public;
	record->not_before.ms = WALL_MS - DAY_MS;
	record->not_after.ms = WALL_MS + 5 * DAY_MS;
	p->at = record->endpoints[0] = place((uint8_t)(i + 1), 1);
	record->endpoint_count = 1;
	reissue(w, i);
}

static inline bool tap_out(void *ctx, struct now now, const struct card *to, struct frame *frame)
{
	struct party *p = ctx;
	struct world *w = p->world;
	size_t from = (size_t)(p - w->parties), target = party_of(w, &to->id);

	(void)now;
	if (target == PARTIES)
		return true;
	if (w->bend != NULL && !w->bend(w, from, target, frame))
		return false;
	w->frames[from][target][frame->kind]++;
	return true;
}

/* It starts, with what its options say now. */
static inline void start_party(struct world *w, size_t i)
{
	struct party *p = &w->parties[i];
	struct overlay_tap tap = {.out = tap_out, .ctx = p};

	overlay_free(p->overlay);
	p->overlay = overlay_new(&p->options);
	assert_non_null(p->overlay);
	overlay_set_tap(p->overlay, &tap);
	overlay_expire(p->overlay, now_of(w, i));
}

static inline void stop_party(struct world *w, size_t i)
{
	overlay_free(w->parties[i].overlay);
	w->parties[i].overlay = NULL;
}

/* `count` members with their cards made and nobody up. */
static inline struct world *world_new(size_t count)
{
	struct world *w = calloc(1, sizeof(*w));
	struct seed seed = {.octets = {9}};

	assert_non_null(w);
	assert_ok(sign_start());
	w->parcels = calloc(PARCELS_MAX, sizeof(*w->parcels));
	w->cards = cards_new(64);
	assert_non_null(w->parcels);
	assert_non_null(w->cards);
	w->root = key_pair_of(&seed);
	w->count = count;
	w->has_streams = true;
	for (size_t i = 0; i < count; i++) {
		struct party *p = &w->parties[i];

		p->world = w;
		p->random.state = i + 1;
		memset(p->receipts, 0xff, sizeof(p->receipts));
		p->options.limits = small;
		p->options.roots = (struct roots){.keys = {w->root.public}, .count = 1};
		p->options.random = (struct overlay_random){fill, &p->random};
		p->options.cards = w->cards;
		make_card(w, i);
	}
	return w;
}

static inline void world_free(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		overlay_free(w->parties[i].overlay);
	cards_free(w->cards);
	free(w->parcels);
	free(w);
}

static inline struct bytes cert_bytes(const struct world *w, size_t i)
{
	const struct cert_blob *blob = &card_of(w, i)->cert_blob;

	return bytes_of(blob->octets, blob->len);
}

static inline struct bytes record_bytes(const struct world *w, size_t i)
{
	const struct record_blob *blob = &card_of(w, i)->record_blob;

	return bytes_of(blob->octets, blob->len);
}

/* `i` has the card of `other` on its disk. */
static inline void remember(struct world *w, size_t i, size_t other)
{
	assert_ok(overlay_remember(w->parties[i].overlay, now_of(w, i), cert_bytes(w, other),
	                           record_bytes(w, other)));
}

static inline void start_all(struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		start_party(w, i);
}

/* All start, and have each other's cards. */
static inline void all_meet(struct world *w)
{
	start_all(w);
	for (size_t i = 0; i < w->count; i++) {
		for (size_t j = 0; j < w->count; j++) {
			if (i != j)
				remember(w, i, j);
		}
	}
}

/* --- what they do --- */

static inline struct parcel *put_parcel(struct world *w, enum thing thing, size_t from)
{
	struct parcel *p = &w->parcels[w->parcel_count++];

	assert_true(w->parcel_count < PARCELS_MAX);
	*p = (struct parcel){
		.thing = thing,
		.from = from,
		.source = w->parties[from].at,
		.due_ms = w->now_ms + LATENCY_MS,
	};
	return p;
}

static inline void on_send(struct world *w, size_t i, const struct act *act)
{
	struct parcel *p;

	assert_in_range(act->len, 1, PACKET_MAX);
	w->packets[i][packet_kind(act->data, act->len)]++;
	p = put_parcel(w, THING_DATAGRAM, i);
	p->to = act->to;
	p->len = act->len;
	memcpy(p->data, act->data, act->len);
}

static inline size_t party_at(const struct world *w, const struct endpoint *at)
{
	size_t i = 0;

	while (i < w->count && !endpoint_equal(&w->parties[i].at, at))
		i++;
	return i < w->count && w->parties[i].overlay != NULL ? i : PARTIES;
}

static inline void on_connect(struct world *w, size_t i, const struct act *act)
{
	struct pipe *pipe = &w->pipes[w->pipe_count++ % PIPES];
	size_t to = party_at(w, &act->to);
	struct parcel *p;

	*pipe = (struct pipe){
		.party = {i, to}, .stream = {act->stream, 0}, .is_open = {true, true}};
	if (!w->has_streams || to == PARTIES ||
	    overlay_accept(w->parties[to].overlay, now_of(w, to), &w->parties[i].at,
	                   &pipe->stream[1]) != ERR_OK)
		pipe->is_open[0] = pipe->is_open[1] = false;
	p = put_parcel(w, pipe->is_open[1] ? THING_OPENED : THING_CLOSED, i);
	p->pipe = (size_t)(pipe - w->pipes);
}

/* The other end of what party `i` calls `stream` hears of it. */
static inline void on_stream(struct world *w, size_t i, enum thing thing, const struct act *act)
{
	for (size_t at = 0; at < PIPES; at++) {
		struct pipe *pipe = &w->pipes[at];

		for (size_t end = 0; end < 2; end++) {
			struct parcel *p;

			if (!pipe->is_open[end] || pipe->party[end] != i ||
			    pipe->stream[end] != act->stream)
				continue;
			pipe->is_open[end] = thing != THING_CLOSED;
			p = put_parcel(w, thing, i);
			p->pipe = at;
			p->end = 1 - end;
			p->len = act->len;
			if (act->len > 0)
				memcpy(p->data, act->data, act->len);
		}
	}
}

/* An answer of `findings`, the first of which is recognizable as that party's. */
static inline void make_answer(size_t i, size_t findings, struct answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->window = (struct interval){WALL_MS - DAY_MS, WALL_MS};
	ret->flows = 100 + i;
	ret->connections = 10;
	ret->finding_count = findings;
	for (size_t f = 0; f < findings; f++) {
		ret->findings[f].exporter = place((uint8_t)(i + 1), 9).addr;
		ret->findings[f].if_low = (uint32_t)(i + 1);
		ret->findings[f].score = ret->findings[f].cpf = 0.5;
	}
}

static inline void give_answer(struct world *w, size_t i, uint32_t ticket, enum policy policy)
{
	static struct answer answer;
	struct overlay *o = w->parties[i].overlay;
	bool is_match = policy == POLICY_MATCH || policy == POLICY_LONG;

	if (policy == POLICY_LATER)
		return;
	if (policy == POLICY_REFUSE || policy == POLICY_BUSY) {
		overlay_refuse(o, now_of(w, i), ticket,
		               policy == POLICY_BUSY ? RECEIPT_BUSY : RECEIPT_REFUSED);
		return;
	}
	make_answer(i, policy == POLICY_LONG ? 40 : is_match, &answer);
	assert_ok(overlay_answer(o, now_of(w, i), ticket, &answer, is_match));
}

static inline void on_answer(struct party *p, const struct act *act, size_t from)
{
	static struct answer again;
	const struct answer *a = act->reply.answer;
	const struct query *q = act->ticket == p->ticket ? &p->query : &p->query_before;

	p->answers[from]++;
	p->findings[from] = (unsigned)a->finding_count;
	p->is_evidence[from] = a->flows == 100 + from && a->findings[0].if_low == from + 1 &&
	                       answer_check(act->reply.evidence, q, &act->card->id,
	                                    &act->card->record.sign, &again) == ERR_OK &&
	                       again.flows == a->flows && again.finding_count == a->finding_count;
	p->false_answers += !p->is_evidence[from];
}

static inline void on_finish(struct world *w, struct party *p, const struct act *act)
{
	p->outcome_count = act->outcome_count;
	for (size_t i = 0; i < act->outcome_count; i++) {
		size_t who = party_of(w, &act->outcomes[i].card->id);

		assert_true(who < PARTIES);
		p->outcomes[who] = act->outcomes[i].state;
	}
}

static inline void carry_out(struct world *w, size_t i, const struct act *act)
{
	struct party *p = &w->parties[i];
	size_t about = act->card != NULL ? party_of(w, &act->card->id) : PARTIES;

	p->acts[act->kind]++;
	if (act->kind == ACT_SEND)
		on_send(w, i, act);
	else if (act->kind == ACT_CONNECT)
		on_connect(w, i, act);
	else if (act->kind == ACT_WRITE)
		on_stream(w, i, THING_OCTETS, act);
	else if (act->kind == ACT_CLOSE)
		on_stream(w, i, THING_CLOSED, act);
	else if (act->kind == ACT_RECEIPT && about < PARTIES)
		p->receipts[about] = (int)act->receipt->kind;
	else if (act->kind == ACT_ANSWER && about < PARTIES)
		on_answer(p, act, about);
	else if (act->kind == ACT_FINISH)
		on_finish(w, p, act);
	else if (act->kind == ACT_SEQUENCE)
		p->sequence = act->number;
	else if (act->kind == ACT_WINDOW)
		p->window = act->window;
	else if (act->kind == ACT_TELL)
		p->told = act->text;
	if (act->kind != ACT_SERVE)
		return;
	p->served = act->ticket;
	p->hops = act->hops;
	overlay_spent(p->overlay, now_of(w, i), act->card->cert.org, 10);
	give_answer(w, i, act->ticket, p->policy);
}

static inline void drain(struct world *w, size_t i)
{
	struct party *p = &w->parties[i];
	struct act act;

	while (p->overlay != NULL && !p->is_deaf && overlay_next(p->overlay, &act))
		carry_out(w, i, &act);
}

/* --- time --- */

static inline void deliver_stream(struct world *w, const struct parcel *p)
{
	const struct pipe *pipe = &w->pipes[p->pipe];
	size_t to = pipe->party[p->end];
	struct overlay *o = to < PARTIES ? w->parties[to].overlay : NULL;

	if (o == NULL)
		return;
	if (p->thing == THING_OPENED)
		overlay_opened(o, now_of(w, to), pipe->stream[p->end]);
	else if (p->thing == THING_OCTETS)
		overlay_octets(o, now_of(w, to), pipe->stream[p->end], p->data, p->len);
	else
		overlay_closed(o, now_of(w, to), pipe->stream[p->end]);
	drain(w, to);
}

static inline enum err deliver(struct world *w, struct parcel *p)
{
	size_t to = party_at(w, &p->to);
	enum err err;

	if (p->thing != THING_DATAGRAM) {
		deliver_stream(w, p);
		return ERR_OK;
	}
	if (to == PARTIES || w->is_cut[p->from][to] || (w->pass != NULL && !w->pass(w, p)))
		return ERR_OK;
	err = overlay_datagram(w->parties[to].overlay, now_of(w, to), &p->source, p->data, p->len);
	drain(w, to);
	return err;
}

/* The oldest parcel arrives. */
static inline void deliver_first(struct world *w)
{
	struct parcel p = w->parcels[0];

	memmove(w->parcels, w->parcels + 1, --w->parcel_count * sizeof(p));
	deliver(w, &p);
}

static inline uint64_t next_ms(const struct world *w)
{
	uint64_t first = w->parcel_count > 0 ? w->parcels[0].due_ms : UINT64_MAX;

	for (size_t i = 0; i < w->count; i++) {
		const struct party *p = &w->parties[i];
		uint64_t due_ms;

		if (p->overlay == NULL || p->is_deaf)
			continue;
		due_ms = overlay_deadline(p->overlay).ms;
		if (due_ms != UINT64_MAX)
			first = MIN(first, MAX(due_ms, 1000000 + w->now_ms) - 1000000);
	}
	return first;
}

/* Everything that is due within `ms` happens. */
static inline void run(struct world *w, uint64_t ms)
{
	uint64_t until_ms = w->now_ms + ms;
	unsigned spins = 0;

	for (size_t i = 0; i < w->count; i++)
		drain(w, i);
	for (uint64_t next = next_ms(w); next <= until_ms; next = next_ms(w)) {
		spins = next == w->now_ms ? spins + 1 : 0;
		assert_true(spins < SPINS_MAX);
		w->now_ms = MAX(w->now_ms, next);
		while (w->parcel_count > 0 && w->parcels[0].due_ms <= w->now_ms)
			deliver_first(w);
		for (size_t i = 0; i < w->count; i++) {
			if (w->parties[i].overlay == NULL)
				continue;
			overlay_expire(w->parties[i].overlay, now_of(w, i));
			drain(w, i);
		}
	}
	w->now_ms = until_ms;
}

/* A datagram comes to `to` from wherever. */
static inline enum err feed(struct world *w, size_t to, const struct endpoint *from,
                            const void *data, size_t len)
{
	enum err err = overlay_datagram(w->parties[to].overlay, now_of(w, to), from, data, len);

	drain(w, to);
	return err;
}

/* --- asking --- */

static inline struct question question_of(size_t count)
{
	struct question q = {.on_count = count, .gap_ms = 500, .severity = SEVERITY_MEDIUM};

	for (size_t i = 0; i < count; i++) {
		int64_t at = WALL_MS - DAY_MS + (int64_t)i * 10000;

		q.on[i] = (struct interval){at, at + 2000};
	}
	return q;
}

static inline enum err ask(struct world *w, size_t i, int64_t timeout_ms)
{
	struct party *p = &w->parties[i];
	struct question q = question_of(3);
	struct query before = p->query;
	enum err err = overlay_ask(p->overlay, now_of(w, i), &q, timeout_ms, &p->ticket, &p->query,
	                           &p->blob);

	if (err == ERR_OK)
		p->query_before = before;
	drain(w, i);
	return err;
}

/* A query of party `i` that its overlay knows nothing of. */
static inline void forge_query(struct world *w, size_t i, uint64_t number, struct query *q,
                               struct query_blob *ret)
{
	q->number = number;
	q->question = question_of(2);
	if (q->issued.ms == 0)
		q->issued = now_of(w, i).wall;
	if (q->expires.ms == 0)
		q->expires.ms = q->issued.ms + 30000;
	prng_fill(&w->parties[i].random, q->nonce.octets, sizeof(q->nonce.octets));
	assert_ok(query_pack(q, card_of(w, i), &w->parties[i].options.self.operational, ret));
}

/* Says a frame in the name of `from`; there is a session. */
static inline void say_frame(struct world *w, size_t from, size_t to, const struct frame *f)
{
	assert_ok(overlay_say(w->parties[from].overlay, now_of(w, from), id_of(w, to), f));
	drain(w, from);
}

static inline void say_query(struct world *w, size_t from, size_t to, const struct query_blob *blob,
                             uint8_t hops)
{
	static struct frame f;

	f.kind = FRAME_QUERY;
	f.hops = hops;
	f.blob = bytes_of(blob->octets, blob->len);
	say_frame(w, from, to, &f);
}

/* --- looking --- */

static inline const struct overlay_counters *counters(const struct world *w, size_t i)
{
	return overlay_counters(w->parties[i].overlay);
}

static inline bool knows(const struct world *w, size_t i, size_t other, struct member *ret)
{
	return overlay_member_of(w->parties[i].overlay, id_of(w, other), ret);
}

static inline bool is_live(const struct world *w, size_t i, size_t other)
{
	struct member m;

	return knows(w, i, other, &m) && m.state == MEMBER_LIVE && m.is_in_table;
}

/* A page of the root's list number `number` that revokes `whom`. */
static inline struct notice_blob revocation(const struct world *w, uint64_t number, size_t whom)
{
	const struct cert *cert = &card_of(w, whom)->cert;
	struct notice n = {
		.head = {.number = number, .pages = 1, .issued = {WALL_MS}},
		.entries = {{NOTICE_REVOKE, cert->member, cert->serial, {0}}},
		.entry_count = 1,
	};
	struct notice_blob blob;

	assert_ok(notice_issue(&w->root, &n, &blob));
	return blob;
}

#endif
