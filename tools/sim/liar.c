/*
 * Liars: members with key, certificate and sessions like everybody else, whose frames are bent on
 * their way (proto/overlay/tap.h), and who speak when nobody would. Each kind is a row of hooks.
 */
#include "proto/wire/knock.h"
#include "proto/wire/packet.h"
#include "tools/sim/parts.h"

#include <stdlib.h>
#include <string.h>

#define KEPT 16 /* what a liar writes down of each sort */
#define DELAY_MS 3000
#define RUSH_MS 2   /* how far ahead of everybody else colluders are */
#define HOPS_MAX 12 /* nobody passes on what has come farther */
#define AGAIN_MS 60 /* when a session was not there yet */
#define TRIES 20
#define FLOOD_PEERS 3 /* to so many each time */
#define CLOCK_MS (3 * INT64_C(3600000))
#define LIFE_MS 30000               /* of queries that liars sign */
#define NUMBERS (UINT64_C(1) << 32) /* they are numbered from here: ahead of their overlay */
#define REFLECTIONS 5
#define LURE_LEN 4000
#define LURE_MS 10000

struct liar_hooks {
	void (*begin)(struct sim *sim,
	              uint32_t node); /* when it is made a liar, before its start */
	/* As in tap.h. NULL: nothing is bent. */
	bool (*out)(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame);
	bool (*in)(struct sim *sim, uint32_t node, uint32_t from, struct frame *frame);
	void (*tick)(struct sim *sim, uint32_t node); /* every `tick_ms` */
	uint64_t tick_ms;
	bool never_reads; /* what comes in streams */
};

struct kept {
	uint32_t to;
	uint8_t hops;
	size_t len;
	uint8_t octets[PACKET_MAX];
};

struct lies {
	struct kept queries[KEPT], calls[KEPT]; /* calls: its own INITs and KNOCKs */
	size_t query_count, call_count;         /* ever */
	uint64_t number;
	uint8_t room[FRAME_MAX]; /* for a blob that was bent */
};

static void keep(struct kept kept[KEPT], size_t *count, struct kept about, const void *data)
{
	struct kept *k = &kept[*count % KEPT];

	if (about.len > sizeof(k->octets))
		return;
	*k = about;
	memcpy(k->octets, data, about.len);
	++*count;
}

static uint32_t draw_node(struct sim *sim, uint32_t but)
{
	uint32_t node = (uint32_t)prng_below(&sim->prng, sim->options.nodes);

	return node != but ? node : (node + 1) % sim->options.nodes;
}

static void say_later(struct sim *sim, uint32_t node, uint32_t to, const struct frame *frame,
                      uint64_t after_ms)
{
	uint8_t room[FRAME_MAX];
	size_t len = frame_pack(frame, room);
	struct event event = {
		.at_ms = sim->now_ms + after_ms,
		.kind = EVENT_SAY,
		.node = node,
		.life = sim->nodes[node].life,
		.from = to,
		.len = len,
	};

	if (len == 0)
		return;
	event.data = queue_buffer(&sim->queue, room, len);
	queue_put(&sim->queue, event);
}

static void say_query(struct sim *sim, uint32_t node, uint32_t to, struct bytes blob, uint8_t hops,
                      uint64_t after_ms)
{
	struct frame frame = {.kind = FRAME_QUERY, .blob = blob, .hops = hops};

	if (to != node)
		say_later(sim, node, to, &frame, after_ms);
}

static bool is_own(const struct sim *sim, uint32_t node, const struct frame *frame)
{
	struct query_id id = query_id_of(frame->blob.at, bytes_left(&frame->blob));
	const struct asked *asked = watch_known(sim, &id);

	return asked != NULL && asked->origin == node;
}

/* drop */
static bool drop_out(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame)
{
	(void)to;
	if (frame->kind == FRAME_QUERY)
		return is_own(sim, node, frame);
	return frame->kind != FRAME_DIGEST && frame->kind != FRAME_WANT;
}

/* delay */
static bool delay_out(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame)
{
	bool is_late = frame->kind == FRAME_QUERY || frame->kind == FRAME_QACK ||
	               frame->kind == FRAME_RECEIPT || frame->kind == FRAME_DIGEST;

	if (is_late)
		say_later(sim, node, to, frame, DELAY_MS);
	return !is_late;
}

/* truncate */
/* For each node the colluder that looks nearest to it: a copy from there implies least scope. */
static void find_closest(struct sim *sim, const struct liar_kind *kind)
{
	sim->closest = must(calloc(sim->options.nodes, sizeof(*sim->closest)));
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		size_t best = 0;

		sim->closest[i] = SIM_NOWHERE;
		for (uint32_t j = 0; j < sim->options.nodes; j++) {
			size_t bits;

			if (sim->nodes[j].liar != kind || i == j)
				continue;
			bits = common_bits(&sim->nodes[i].self.card.id,
			                   &sim->nodes[j].self.card.id);
			if (sim->closest[i] != SIM_NOWHERE && bits <= best)
				continue;
			sim->closest[i] = j;
			best = bits;
		}
	}
}

static bool is_target(struct sim *sim, uint32_t colluder, uint32_t node)
{
	if (sim->closest == NULL)
		find_closest(sim, sim->nodes[colluder].liar);
	return sim->nodes[node].liar == NULL && !sim->nodes[node].is_victim &&
	       sim->closest[node] != SIM_NOWHERE;
}

/* As soon as one of them has it, they all do, and say that it has come a long way. */
static void rush(struct sim *sim, uint32_t node, const struct frame *frame)
{
	struct query_id id = query_id_of(frame->blob.at, bytes_left(&frame->blob));
	const struct asked *asked = watch_known(sim, &id);

	if (asked == NULL || sim->asked[asked - sim->asked].is_rushed)
		return;
	sim->asked[asked - sim->asked].is_rushed = true;
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (i != asked->origin && is_target(sim, node, i))
			say_query(sim, sim->closest[i], i, frame->blob, HOPS_MAX, RUSH_MS);
	}
}

static bool truncate_in(struct sim *sim, uint32_t node, uint32_t from, struct frame *frame)
{
	(void)from;
	if (frame->kind == FRAME_QUERY)
		rush(sim, node, frame);
	return true;
}

/* Sessions with those it will have to rush to, before there is anything to rush. */
static void truncate_tick(struct sim *sim, uint32_t node)
{
	struct frame frame = {.kind = FRAME_DIGEST};

	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (is_target(sim, node, i) && sim->closest[i] == node)
			say_later(sim, node, i, &frame, prng_below(&sim->prng, 1000));
	}
}

/* replay */
static bool replay_in(struct sim *sim, uint32_t node, uint32_t from, struct frame *frame)
{
	struct lies *lies = sim->nodes[node].lies;
	(void)from;

	if (frame->kind == FRAME_QUERY)
		keep(lies->queries, &lies->query_count,
		     (struct kept){.hops = frame->hops, .len = bytes_left(&frame->blob)},
		     frame->blob.at);
	return true;
}

static void replay_tick(struct sim *sim, uint32_t node)
{
	struct lies *lies = sim->nodes[node].lies;
	const struct kept *k;

	if (lies->query_count == 0)
		return;
	k = &lies->queries[prng_below(&sim->prng, MIN(lies->query_count, KEPT))];
	for (int i = 0; i < FLOOD_PEERS; i++)
		say_query(sim, node, draw_node(sim, node), bytes_of(k->octets, k->len), k->hops, 0);
}

/* forge */
static void flip(struct sim *sim, struct lies *lies, struct frame *frame)
{
	size_t len = bytes_left(&frame->blob);

	if (len == 0 || len > sizeof(lies->room))
		return;
	memcpy(lies->room, frame->blob.at, len);
	lies->room[prng_below(&sim->prng, len)] ^= (uint8_t)(1 + prng_below(&sim->prng, 255));
	frame->blob = bytes_of(lies->room, len);
}

/* What it has to say, in the name of somebody else. */
static void pose(struct sim *sim, uint32_t node, struct frame *frame)
{
	struct node *n = &sim->nodes[node];
	struct receipt_blob blob;
	struct receipt r;

	if (receipt_open(frame->blob.at, bytes_left(&frame->blob), &n->self.operational.public,
	                 &r) != ERR_OK)
		return;
	r.responder = sim->nodes[draw_node(sim, node)].self.card.id;
	receipt_sign(&r, &n->self.operational, &blob);
	memcpy(n->lies->room, blob.octets, blob.len);
	frame->blob = bytes_of(n->lies->room, blob.len);
}

/* A match that nobody found: sealed as it should be, and signed by who has no key for it. */
static void invent(struct sim *sim, uint32_t node, const struct frame *frame)
{
	struct query_id id = query_id_of(frame->blob.at, bytes_left(&frame->blob));
	const struct asked *asked = watch_known(sim, &id);
	struct query *query = must(calloc(1, sizeof(*query)));
	struct answer *answer = must(calloc(1, sizeof(*answer)));
	struct frame reply = {.kind = FRAME_REPLY, .query_id = id};
	struct key_pair nobodys;
	struct seed seed;
	uint8_t sealed[FRAME_MAX];
	size_t len = sizeof(sealed);

	prng_fill(&sim->prng, &seed, sizeof(seed));
	nobodys = key_pair_of(&seed);
	answer->finding_count = 1;
	if (asked != NULL && asked->origin != node &&
	    query_open(frame->blob.at, bytes_left(&frame->blob), query) == ERR_OK &&
	    answer_pack(answer, query, &sim->nodes[node].self.card.id, &nobodys, &seed, sealed,
	                &len) == ERR_OK) {
		reply.blob = bytes_of(sealed, len);
		say_later(sim, node, asked->origin, &reply, 1);
	}
	free(answer);
	free(query);
}

static bool forge_in(struct sim *sim, uint32_t node, uint32_t from, struct frame *frame)
{
	(void)from;
	if (frame->kind == FRAME_QUERY && prng_below(&sim->prng, 4) == 0)
		invent(sim, node, frame);
	return true;
}

static bool forge_out(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame)
{
	bool can = frame->kind == FRAME_QUERY || frame->kind == FRAME_RECEIPT ||
	           frame->kind == FRAME_REPLY || frame->kind == FRAME_PART ||
	           frame->kind == FRAME_NOTICE;
	uint64_t how = prng_below(&sim->prng, 4);
	(void)to;

	if (!can || how == 0)
		return true;
	if (frame->kind == FRAME_RECEIPT && how == 1)
		pose(sim, node, frame);
	else
		flip(sim, sim->nodes[node].lies, frame);
	return true;
}

/* lure: a long answer, that never comes */
static bool lure_in(struct sim *sim, uint32_t node, uint32_t from, struct frame *frame)
{
	struct frame offer = {.kind = FRAME_OFFER, .len = LURE_LEN};
	const struct asked *asked = NULL;
	(void)from;

	if (frame->kind == FRAME_QUERY) {
		offer.query_id = query_id_of(frame->blob.at, bytes_left(&frame->blob));
		asked = watch_known(sim, &offer.query_id);
	}
	if (asked == NULL || asked->origin == node)
		return frame->kind != FRAME_FETCH;
	prng_fill(&sim->prng, &offer.digest, sizeof(offer.digest));
	prng_fill(&sim->prng, &offer.token, sizeof(offer.token));
	for (uint64_t after_ms = 1; after_ms < LURE_MS; after_ms += 1000)
		say_later(sim, node, asked->origin, &offer, after_ms);
	return true;
}

/* equivocate, flood: queries of its own making */
static bool sign_query(struct sim *sim, uint32_t node, uint64_t number, struct query_blob *ret)
{
	struct node *n = &sim->nodes[node];
	struct now now = sim_clocks(sim, node);
	struct query *query = must(calloc(1, sizeof(*query)));
	bool is_good;

	query->number = number;
	query->issued = now.wall;
	query->expires.ms = now.wall.ms + LIFE_MS;
	prng_fill(&sim->prng, &query->nonce, sizeof(query->nonce));
	prng_fill(&sim->prng, &query->reply_to, sizeof(query->reply_to));
	query->question = plant_question(&sim->prng, now.wall, SEVERITY_LOW);
	is_good = query_pack(query, &n->self.card, &n->self.operational, ret) == ERR_OK;
	if (is_good)
		watch_asked(sim, node, query, SIZE_MAX);
	free(query);
	return is_good;
}

static void equivocate_tick(struct sim *sim, uint32_t node)
{
	struct lies *lies = sim->nodes[node].lies;
	struct query_blob blobs[2];

	lies->number++;
	if (!sign_query(sim, node, NUMBERS + lies->number, &blobs[0]) ||
	    !sign_query(sim, node, NUMBERS + lies->number, &blobs[1]))
		return;
	for (uint32_t i = 0; i < 64; i++)
		say_query(sim, node, draw_node(sim, node),
		          bytes_of(blobs[i % 2].octets, blobs[i % 2].len), 0,
		          prng_below(&sim->prng, 100));
}

static void knock(struct sim *sim, uint32_t node, uint32_t to)
{
	const struct node *n = &sim->nodes[node];
	const struct card *card = &n->self.card;
	struct knock_key key = knock_key_of(&sim->root.public);
	struct knock k = {
		.sent = sim_clocks(sim, node).wall,
		.cert = bytes_of(card->cert_blob.octets, card->cert_blob.len),
		.record = bytes_of(card->record_blob.octets, card->record_blob.len),
	};
	uint8_t room[KNOCK_LEN];

	prng_fill(&sim->prng, &k.nonce, sizeof(k.nonce));
	if (knock_pack(&k, &n->self.operational, &key, room) == ERR_OK)
		net_send(sim, node, to, room, sizeof(room));
}

static void flood_tick(struct sim *sim, uint32_t node)
{
	struct query_blob blob;

	if (!sign_query(sim, node, NUMBERS + ++sim->nodes[node].lies->number, &blob))
		return;
	for (int i = 0; i < FLOOD_PEERS; i++)
		say_query(sim, node, draw_node(sim, node), bytes_of(blob.octets, blob.len), 0, 0);
	knock(sim, node, draw_node(sim, node));
}

/* cluster */
static void cluster_begin(struct sim *sim, uint32_t node)
{
	if (sim->victim != SIM_NOWHERE && sim->nodes[node].life == 0)
		mint_near(sim, node, &sim->nodes[sim->victim].self.card.id);
}

static bool cluster_out(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame)
{
	struct query_id id;
	const struct asked *asked;

	if (frame->kind != FRAME_QUERY)
		return frame->kind != FRAME_DIGEST;
	id = query_id_of(frame->blob.at, bytes_left(&frame->blob));
	asked = watch_known(sim, &id);
	(void)node;
	return to != sim->victim && asked != NULL && asked->origin != sim->victim;
}

/* reflect: what it called with once, again and again, from where its victim lives */
static void reflect_tick(struct sim *sim, uint32_t node)
{
	struct lies *lies = sim->nodes[node].lies;
	const struct kept *k;

	if (lies->call_count == 0 || sim->victim == SIM_NOWHERE)
		return;
	k = &lies->calls[prng_below(&sim->prng, MIN(lies->call_count, KEPT))];
	for (int i = 0; i < REFLECTIONS && k->to != sim->victim; i++)
		net_send(sim, sim->victim, k->to, k->octets, k->len);
}

void liar_sends(struct sim *sim, uint32_t node, uint32_t to, const void *data, size_t len)
{
	struct lies *lies = sim->nodes[node].lies;
	enum packet_kind kind;

	if (lies == NULL)
		return;
	kind = packet_kind(data, len);
	if (kind == PACKET_INIT || kind == PACKET_KNOCK)
		keep(lies->calls, &lies->call_count, (struct kept){.to = to, .len = len}, data);
}

/* slow */
static void slow_tick(struct sim *sim, uint32_t node)
{
	pipe_connect_raw(sim, node, draw_node(sim, node));
}

bool liar_never_reads(const struct sim *sim, uint32_t node)
{
	const struct liar_kind *liar = sim->nodes[node].liar;

	return liar != NULL && liar->hooks->never_reads;
}

/* clock */
static bool clock_out(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame)
{
	(void)sim;
	(void)to;
	if (frame->kind == FRAME_PING || frame->kind == FRAME_PONG)
		frame->state.wall.ms += node % 2 == 0 ? CLOCK_MS : -CLOCK_MS;
	return true;
}

/* hoard */
static bool hoard_out(struct sim *sim, uint32_t node, uint32_t to, struct frame *frame)
{
	(void)node;
	(void)to;
	if (frame->kind == FRAME_SUMS)
		prng_fill(&sim->prng, frame->sums, sizeof(frame->sums));
	for (size_t i = 0; frame->kind == FRAME_HAVE && i < frame->print_count; i++)
		prng_fill(&sim->prng, &frame->prints[i], sizeof(frame->prints[i]));
	return true;
}

static const struct liar_hooks drop_hooks = {.out = drop_out};
static const struct liar_hooks delay_hooks = {.out = delay_out};
static const struct liar_hooks truncate_hooks = {
	.out = drop_out, .in = truncate_in, .tick = truncate_tick, .tick_ms = 20000};
static const struct liar_hooks replay_hooks = {
	.in = replay_in, .tick = replay_tick, .tick_ms = 2000};
static const struct liar_hooks forge_hooks = {.out = forge_out, .in = forge_in};
static const struct liar_hooks equivocate_hooks = {.tick = equivocate_tick, .tick_ms = 10000};
static const struct liar_hooks flood_hooks = {.tick = flood_tick, .tick_ms = 100};
static const struct liar_hooks cluster_hooks = {.begin = cluster_begin, .out = cluster_out};
static const struct liar_hooks reflect_hooks = {.tick = reflect_tick, .tick_ms = 500};
static const struct liar_hooks slow_hooks = {
	.tick = slow_tick, .tick_ms = 1000, .never_reads = true};
static const struct liar_hooks clock_hooks = {.out = clock_out};
static const struct liar_hooks lure_hooks = {.in = lure_in};
static const struct liar_hooks hoard_hooks = {.out = hoard_out};

const struct liar_kind liar_kinds[] = {
	/* clang-format off */
	{"clock",      "says that it is three hours earlier, or later",             &clock_hooks},
	{"cluster",    "sits beside a victim in the id space, and passes nothing",  &cluster_hooks},
	{"delay",      "says everything about queries three seconds late",          &delay_hooks},
	{"drop",       "acknowledges queries and never passes them on",             &drop_hooks},
	{"equivocate", "signs two queries under one number",                        &equivocate_hooks},
	{"flood",      "asks and knocks ten times a second",                        &flood_hooks},
	{"forge",      "changes what it passes on, signs for others, invents",      &forge_hooks},
	{"hoard",      "compares directories with rubbish",                         &hoard_hooks},
	{"lure",       "offers answers that never come",                            &lure_hooks},
	{"reflect",    "calls in the name of a victim's address",                   &reflect_hooks},
	{"replay",     "says old queries again, fresh or expired",                  &replay_hooks},
	{"slow",       "opens streams and never reads",                             &slow_hooks},
	{"truncate",   "colludes: all but the victims hear at once and pass nothing on",
	                                                                            &truncate_hooks},
	{NULL, NULL, NULL},
	/* clang-format on */
};

const struct liar_kind *liar_by_name(const char *name)
{
	for (const struct liar_kind *k = liar_kinds; k->name != NULL; k++) {
		if (strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

static void tick_later(struct sim *sim, uint32_t node, uint64_t after_ms)
{
	struct event event = {
		.at_ms = sim->now_ms + after_ms,
		.kind = EVENT_LIE,
		.node = node,
		.life = sim->nodes[node].life,
	};

	queue_put(&sim->queue, event);
}

void liar_start(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];

	if (n->liar == NULL)
		return;
	if (n->lies == NULL)
		n->lies = must(calloc(1, sizeof(*n->lies)));
	if (n->liar->hooks->tick != NULL)
		tick_later(sim, node, prng_below(&sim->prng, n->liar->hooks->tick_ms));
}

void sim_set_liar(struct sim *sim, uint32_t node, const struct liar_kind *kind)
{
	struct node *n = &sim->nodes[node];

	n->liar = kind;
	free(sim->closest);
	sim->closest = NULL;
	if (kind->hooks->begin != NULL)
		kind->hooks->begin(sim, node);
	for (size_t i = 0; i < sim->query_count; i++)
		sim->queries[i].parts[node].is_member = false;
	if (n->overlay != NULL)
		liar_start(sim, node);
}

uint32_t sim_set_liars(struct sim *sim, double share, const struct liar_kind *kind)
{
	uint32_t wanted = (uint32_t)(share * sim->options.nodes), left = 0, done = 0;

	for (uint32_t i = 1; i < sim->options.nodes; i++)
		left += sim->nodes[i].liar == NULL && !sim->nodes[i].is_victim &&
		        !sim->nodes[i].is_nat;
	for (wanted = MIN(wanted, left); done < wanted;) {
		uint32_t i = draw_node(sim, 0);

		if (sim->nodes[i].liar != NULL || sim->nodes[i].is_victim || sim->nodes[i].is_nat)
			continue;
		sim_set_liar(sim, i, kind);
		done++;
	}
	return done;
}

bool liar_out(struct sim *sim, uint32_t node, const struct card *to, struct frame *frame)
{
	struct node *n = &sim->nodes[node];

	if (n->is_speaking || n->liar->hooks->out == NULL)
		return true;
	return n->liar->hooks->out(sim, node, node_of(sim, to), frame);
}

bool liar_in(struct sim *sim, uint32_t node, const struct card *from, struct frame *frame)
{
	struct node *n = &sim->nodes[node];

	if (n->liar->hooks->in == NULL)
		return true;
	return n->liar->hooks->in(sim, node, node_of(sim, from), frame);
}

/* `ticket` counts how often it was tried before. */
static void speak(struct sim *sim, const struct event *event)
{
	struct node *n = &sim->nodes[event->node];
	struct event again = *event;
	struct frame *frame = must(malloc(sizeof(*frame)));
	enum err err = frame_open(event->data, event->len, frame);

	if (err == ERR_OK) {
		n->is_speaking = true;
		err = overlay_say(n->overlay, sim_clocks(sim, event->node),
		                  &sim->nodes[event->from].self.card.id, frame);
		n->is_speaking = false;
	}
	free(frame);
	if (err == ERR_BUSY && event->ticket < TRIES) {
		again.ticket++;
		again.at_ms = sim->now_ms + AGAIN_MS;
		again.data = queue_buffer(&sim->queue, event->data, event->len);
		queue_put(&sim->queue, again);
	}
	drive(sim, event->node);
}

void liar_event(struct sim *sim, const struct event *event)
{
	const struct liar_kind *liar = sim->nodes[event->node].liar;

	if (liar == NULL)
		return;
	if (event->kind == EVENT_SAY) {
		speak(sim, event);
		return;
	}
	liar->hooks->tick(sim, event->node);
	tick_later(sim, event->node, liar->hooks->tick_ms);
}

void liar_free(struct node *n)
{
	free(n->lies);
}
