/*
 * The driver. Each event feeds one overlay, whose acts are drained and carried out before the next
 * event: the same three steps as in node/link.c, with the head of a queue for a clock.
 */
#include "tools/sim/sim.h"

#include "proto/wire/suite.h"
#include "tools/sim/parts.h"
#include "tools/sim/suite_fake.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MIN_MS 5 /* what a store takes to answer */
#define SEARCH_MAX_MS 50
#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a, eight octets at a time */
#define HASH_PRIME UINT64_C(0x100000001b3)

void *must(void *memory)
{
	CHECK(memory != NULL);
	return memory;
}

void stir(uint64_t *hash, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (; len >= 8; at += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		*hash = (*hash ^ word) * HASH_PRIME;
		*hash ^= *hash >> 29;
	}
	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ at[i]) * HASH_PRIME;
}

static void stir_number(uint64_t *hash, uint64_t number)
{
	stir(hash, &number, sizeof(number));
}

void narrate(struct sim *sim, uint32_t node, const char *format, ...)
{
	FILE *out = sim->options.narrative;
	va_list args;

	if (out == NULL)
		return;
	fprintf(out, "[%5" PRIu64 "] %s: ", sim->now_ms, sim->nodes[node].name);
	va_start(args, format);
	vfprintf(out, format, args);
	va_end(args);
	fputc('\n', out);
}

struct now sim_clocks(const struct sim *sim, uint32_t node)
{
	const struct node *n = &sim->nodes[node];

	return (struct now){
		.mono = {n->mono_ms + sim->now_ms},
		.wall = {WALL_MS + (int64_t)sim->now_ms + n->skew_ms},
	};
}

/* Certificates are numbered as their nodes are. */
uint32_t node_of(const struct sim *sim, const struct card *card)
{
	uint64_t i = card == NULL ? 0 : card->cert.serial;

	if (i == 0 || i > sim->options.nodes ||
	    !id_equal(&sim->nodes[i - 1].self.card.id, &card->id))
		return SIM_NOWHERE;
	return (uint32_t)(i - 1);
}

size_t query_by_ticket(const struct sim *sim, uint32_t node, uint32_t ticket)
{
	for (size_t i = 0; i < sim->query_count; i++) {
		const struct sim_query *q = &sim->queries[i];

		if (q->origin == node && q->origin_life == sim->nodes[node].life &&
		    q->ticket == ticket)
			return i;
	}
	return SIZE_MAX;
}

static void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

static void make_node(struct sim *sim, uint32_t i)
{
	struct node *n = &sim->nodes[i];

	mint_node(sim, i);
	n->random.state = prng_next(&sim->prng);
	n->mono_ms = DAY_MS + 60000 * (1 + prng_below(&sim->prng, 100000));
	n->skew_ms = (int64_t)prng_below(&sim->prng, 2 * sim->options.skew_max_ms + 1) -
	             (int64_t)sim->options.skew_max_ms;
	n->armed_ms = UINT64_MAX;
	n->tap_ctx.sim = sim;
	n->tap_ctx.node = i;
	disk_lose(sim, i);
}

static bool choose_suite(const struct sim_options *options)
{
	bool is_real = options->crypto == SIM_CRYPTO_REAL ||
	               (options->crypto == SIM_CRYPTO_AUTO && options->nodes <= SIM_REAL_MAX);

	suite_use(is_real ? &suite_sodium : &suite_fake);
	return sign_start() == ERR_OK;
}

struct sim *sim_new(const struct sim_options *options)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	struct seed seed;

	CHECK(options->nodes >= 1);
	CHECK(options->nodes <= SIM_NODES_MAX);
	if (sim == NULL || !choose_suite(options)) {
		free(sim);
		return NULL;
	}
	sim->options = *options;
	sim->limits = mint_limits(options);
	sim->prng.state = options->seed;
	sim->hash = HASH_START;
	sim->victim = sim->asking = SIM_NOWHERE;
	queue_init(&sim->queue);
	sim->net.seed = prng_next(&sim->prng);
	sim->net.loss = options->loss;
	sim->net.duplication = options->duplication;
	prng_fill(&sim->prng, &seed, sizeof(seed));
	sim->root = key_pair_of(&seed);
	sim->cards = must(cards_new(2 * (size_t)options->nodes + 64));
	sim->nodes = must(calloc(options->nodes, sizeof(*sim->nodes)));
	for (uint32_t i = 0; i < options->nodes; i++)
		make_node(sim, i);
	return sim;
}

void sim_free(struct sim *sim)
{
	if (sim == NULL)
		return;
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		overlay_free(sim->nodes[i].overlay);
		disk_free(&sim->nodes[i].disk);
		liar_free(&sim->nodes[i]);
	}
	for (size_t i = 0; i < sim->query_count; i++)
		free(sim->queries[i].parts);
	cards_free(sim->cards);
	map_free(&sim->net.holes);
	map_free(&sim->known);
	map_free(&sim->served);
	map_free(&sim->relayed);
	map_free(&sim->wanted);
	map_free(&sim->books);
	map_free(&sim->named);
	free(sim->services);
	free(sim->ledgers);
	free(sim->asked);
	free(sim->queries);
	free(sim->pipes);
	free(sim->by_id);
	free(sim->closest);
	free(sim->nodes);
	queue_free(&sim->queue);
	free(sim);
}

/* Asks the store; the answer is there a little later. */
static void serve(struct sim *sim, uint32_t node, const struct act *act)
{
	const struct asked *asked = watch_known(sim, &act->query->id);
	struct event event = {.kind = EVENT_ANSWER, .node = node, .ticket = act->ticket};
	uint64_t search_ms = prng_below(&sim->prng, SEARCH_MAX_MS - SEARCH_MIN_MS);

	watch_serve(sim, node, act);
	overlay_spent(sim->nodes[node].overlay, sim_clocks(sim, node), act->card->cert.org,
	              SEARCH_MAX_MS);
	event.at_ms = sim->now_ms + SEARCH_MIN_MS + search_ms;
	event.life = sim->nodes[node].life;
	event.from = 0; /* nothing like it */
	event.answer = must(calloc(1, sizeof(*event.answer)));
	if (asked != NULL && asked->query != SIZE_MAX) {
		struct sim_part *part = &sim->queries[asked->query].parts[node];

		narrate(sim, node, "serves %s", sim->nodes[asked->origin].name);
		part->is_match =
			plant_search(sim, node, asked->query, &act->query->question, event.answer);
		part->said = plant_digest(event.answer);
		event.from = part->is_match;
	}
	queue_put(&sim->queue, event);
}

static void tell_outcomes(struct sim *sim, uint32_t node, const struct act *act)
{
	uint32_t counts[TARGET_SILENT + 1] = {0};
	char text[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < act->outcome_count; i++)
		counts[act->outcomes[i].state]++;
	for (unsigned s = 0; s <= TARGET_SILENT; s++) {
		if (counts[s] > 0 && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used,
			                         "%s %" PRIu32 " %s", used > 0 ? "," : "",
			                         counts[s],
			                         target_state_text((enum target_state)s));
	}
	narrate(sim, node, "finished:%s", used > 0 ? text : " nobody was asked");
}

static void stir_act(struct sim *sim, uint32_t node, const struct act *act)
{
	uint64_t *hash = &sim->hash;

	stir_number(hash, sim->now_ms);
	stir_number(hash, (uint64_t)node << 32 | act->ticket);
	stir_number(hash, (uint64_t)act->kind << 32 | act->stream);
	stir(hash, act->to.addr.octets, sizeof(act->to.addr.octets));
	stir_number(hash, act->number);
	if (act->card != NULL)
		stir(hash, act->card->id.octets, sizeof(act->card->id.octets));
	if (act->data != NULL)
		stir(hash, act->data, act->len);
	if (act->kind == ACT_SERVE)
		stir(hash, act->query->id.octets, sizeof(act->query->id.octets));
	if (act->kind == ACT_TELL)
		stir(hash, act->text, strlen(act->text));
	if (act->kind == ACT_ANSWER)
		stir_number(hash, plant_digest(act->reply.answer));
	for (size_t i = 0; i < act->outcome_count; i++)
		stir_number(hash, act->outcomes[i].state);
}

static void send(struct sim *sim, uint32_t node, const struct act *act)
{
	uint32_t to = place_of(sim, &act->to);

	watch_send(sim, node, act);
	sim->sent++;
	if (sim->tap != NULL)
		sim->tap(sim->tap_ctx, node, to, act->data, act->len);
	liar_sends(sim, node, to, act->data, act->len);
	net_send(sim, node, to, act->data, act->len);
}

static void take_receipt(struct sim *sim, uint32_t node, const struct act *act)
{
	watch_receipt(sim, node, act);
	narrate(sim, node, "receipt of %s: %s", act->card->cert.name,
	        receipt_kind_text(act->receipt->kind));
}

static void take_answer(struct sim *sim, uint32_t node, const struct act *act)
{
	watch_answer(sim, node, act);
	narrate(sim, node, "answer of %s", act->reply.card->cert.name);
}

static void finish(struct sim *sim, uint32_t node, const struct act *act)
{
	watch_finish(sim, node, act);
	tell_outcomes(sim, node, act);
}

static void keep_sequence(struct sim *sim, uint32_t node, const struct act *act)
{
	watch_sequence(sim, node, act->number);
	disk_act(sim, node, act);
}

static void write_stream(struct sim *sim, uint32_t node, const struct act *act)
{
	watch_write(sim, node, act);
	pipe_write(sim, node, act);
}

static void close_stream(struct sim *sim, uint32_t node, const struct act *act)
{
	pipe_close(sim, node, act->stream);
}

static void tell_act(struct sim *sim, uint32_t node, const struct act *act)
{
	narrate(sim, node, "%s%s%s", act->text, act->card != NULL ? " " : "",
	        act->card != NULL ? act->card->cert.name : "");
}

static void carry_out(struct sim *sim, uint32_t node, const struct act *act)
{
	static void (*const carry[])(struct sim *, uint32_t, const struct act *) = {
		/* clang-format off */
		[ACT_SEND]     = send,
		[ACT_SERVE]    = serve,
		[ACT_RECEIPT]  = take_receipt,
		[ACT_ANSWER]   = take_answer,
		[ACT_FINISH]   = finish,
		[ACT_REMEMBER] = disk_act,
		[ACT_FORGET]   = disk_act,
		[ACT_NOTICE]   = disk_act,
		[ACT_SEQUENCE] = keep_sequence,
		[ACT_WINDOW]   = disk_act,
		[ACT_CONNECT]  = pipe_connect,
		[ACT_WRITE]    = write_stream,
		[ACT_CLOSE]    = close_stream,
		[ACT_TELL]     = tell_act,
		/* clang-format on */
	};

	stir_act(sim, node, act);
	CHECK((size_t)act->kind < ARRAY_LEN(carry));
	carry[act->kind](sim, node, act);
}

/*
 * A deadline in the past is due at once, but time must go on. An event that is armed for earlier
 * stays, and arms anew when it comes: deadlines move away all the time, and the queue is spared.
 */
static void arm(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	struct mono deadline = overlay_deadline(n->overlay);
	uint64_t at_ms = deadline.ms;
	struct event event = {.kind = EVENT_EXPIRE, .node = node, .life = n->life};

	if (deadline.ms != UINT64_MAX)
		at_ms = MAX(deadline.ms, n->mono_ms + sim->now_ms) - n->mono_ms;
	n->spins = at_ms == sim->now_ms ? n->spins + 1 : 0;
	if (n->spins > 0)
		at_ms = sim->now_ms + 1;
	if (at_ms >= n->armed_ms)
		return;
	n->armed_ms = at_ms;
	event.at_ms = at_ms;
	queue_put(&sim->queue, event);
}

void drive(struct sim *sim, uint32_t node)
{
	struct act act;

	while (overlay_next(sim->nodes[node].overlay, &act))
		carry_out(sim, node, &act);
	watch_heard(sim, node);
	arm(sim, node);
	watch_tables(sim, node);
}

static bool tap_out(void *ctx, struct now now, const struct card *to, struct frame *frame)
{
	const struct tap_ctx *at = ctx;
	(void)now;

	if (at->sim->nodes[at->node].liar != NULL)
		return liar_out(at->sim, at->node, to, frame);
	watch_out(at->sim, at->node, to, frame);
	return true;
}

static bool tap_in(void *ctx, struct now now, const struct card *from, struct frame *frame)
{
	const struct tap_ctx *at = ctx;
	(void)now;

	if (at->sim->nodes[at->node].liar != NULL)
		return liar_in(at->sim, at->node, from, frame);
	watch_in(at->sim, at->node, from, frame);
	return true;
}

static struct overlay *new_overlay(struct sim *sim, struct node *n)
{
	struct overlay_options options = {
		.limits = sim->limits,
		.self = n->self,
		.roots = {.count = 1},
		.random = {.fill = fill, .ctx = &n->random},
		.cards = sim->cards,
		.mode = sim->options.is_direct ? OVERLAY_DIRECT : OVERLAY_RELAY,
		.sequence = n->disk.sequence,
	};

	options.roots.keys[0] = sim->root.public;
	return must(overlay_new(&options));
}

void start(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	struct endpoint first = sim_endpoint(0);
	struct overlay_tap tap = {.out = tap_out, .in = tap_in, .ctx = &n->tap_ctx};

	if (n->overlay != NULL)
		return;
	if (sim->options.is_warm && n->life == 0)
		disk_fill(sim, node);
	n->overlay = new_overlay(sim, n);
	overlay_set_tap(n->overlay, &tap);
	n->life++;
	n->armed_ms = UINT64_MAX;
	n->awake_ms = 0;
	n->uplink_us = 0;
	n->is_heard = false;
	watch_start(sim, node);
	if (node != 0 && !(sim->options.is_warm && n->life == 1))
		CHECK(overlay_bootstrap(n->overlay, sim_clocks(sim, node), &first) == ERR_OK);
	disk_recall(sim, node);
	liar_start(sim, node);
	drive(sim, node);
}

static void receive(struct sim *sim, const struct event *event)
{
	struct endpoint from = endpoint_of(sim, event->from);

	stir_number(&sim->hash, sim->now_ms);
	stir_number(&sim->hash, (uint64_t)event->node << 32 | event->from);
	stir(&sim->hash, event->data, event->len);
	watch_delivery(sim, event->node, event);
	overlay_datagram(sim->nodes[event->node].overlay, sim_clocks(sim, event->node), &from,
	                 event->data, event->len);
	drive(sim, event->node);
}

static void expire(struct sim *sim, const struct event *event)
{
	struct node *n = &sim->nodes[event->node];
	struct now now = sim_clocks(sim, event->node);

	if (n->armed_ms != event->at_ms)
		return;
	n->armed_ms = UINT64_MAX;
	if (mono_reached(now.mono, overlay_deadline(n->overlay)))
		overlay_expire(n->overlay, now);
	drive(sim, event->node);
}

static void answer(struct sim *sim, const struct event *event)
{
	struct node *n = &sim->nodes[event->node];
	enum err err = overlay_answer(n->overlay, sim_clocks(sim, event->node), event->ticket,
	                              event->answer, event->from != 0);

	if (err != ERR_OK && err != ERR_NOENT)
		violation(sim, event->node, "cannot answer: %s", err_text(err));
	drive(sim, event->node);
}

static void resume(struct sim *sim, const struct event *event)
{
	narrate(sim, event->node, "wakes up");
	overlay_resume(sim->nodes[event->node].overlay, sim_clocks(sim, event->node));
	drive(sim, event->node);
}

static void start_event(struct sim *sim, const struct event *event)
{
	start(sim, event->node);
}

struct event_row {
	void (*happen)(struct sim *sim, const struct event *event);
	bool is_of_life; /* means nothing to another life of the node */
	bool waits;      /* a sleeping node meets it when it wakes; else it has missed it */
};

static const struct event_row event_rows[EVENT_KIND_END] = {
	/* clang-format off */
	[EVENT_START]    = {start_event, false, false},
	[EVENT_DATAGRAM] = {receive,     false, false},
	[EVENT_EXPIRE]   = {expire,      true,  false},
	[EVENT_ANSWER]   = {answer,      true,  true},
	[EVENT_RESUME]   = {resume,      true,  false},
	[EVENT_ACCEPT]   = {pipe_event,  false, true},
	[EVENT_OPENED]   = {pipe_event,  true,  true},
	[EVENT_OCTETS]   = {pipe_event,  true,  true},
	[EVENT_CLOSED]   = {pipe_event,  true,  true},
	[EVENT_LIE]      = {liar_event,  true,  true},
	[EVENT_SAY]      = {liar_event,  true,  false},
	/* clang-format on */
};

/* True: the event is kept for later, with all it owns. */
static bool happen(struct sim *sim, struct event *event)
{
	const struct event_row *row = &event_rows[event->kind];
	struct node *n = &sim->nodes[event->node];

	if (event->kind != EVENT_START && event->kind != EVENT_ACCEPT && n->overlay == NULL)
		return false;
	if (row->is_of_life && n->life != event->life)
		return false;
	if (sim->now_ms < n->awake_ms && event->kind != EVENT_START) {
		if (!row->waits)
			return false;
		event->at_ms = n->awake_ms;
		queue_put(&sim->queue, *event);
		return true;
	}
	row->happen(sim, event);
	return false;
}

void sim_run(struct sim *sim, uint64_t until_ms)
{
	struct event event;

	if (sim->by_id == NULL) {
		sim->by_id = must(calloc(sim->options.nodes, sizeof(*sim->by_id)));
		mint_order(sim);
	}
	while (queue_take(&sim->queue, until_ms, &event)) {
		sim->now_ms = event.at_ms;
		if (happen(sim, &event))
			continue;
		queue_release(&sim->queue, event.data, event.len);
		free(event.answer);
	}
	sim->now_ms = MAX(sim->now_ms, until_ms);
	watch_end(sim);
}
