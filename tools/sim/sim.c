/*
 * The driver. Each event feeds one overlay, whose acts are drained and carried out before the next
 * event: the same three steps as in node/link.c, with the head of a queue for a clock.
 */
#include "tools/sim/sim.h"

#include "tools/sim/parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1760000000000) /* what o'clock it is when a run begins */
#define DAY_MS INT64_C(86400000)
#define SEARCH_MIN_MS 5 /* what a store takes to answer */
#define SEARCH_MAX_MS 50
#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a */
#define HASH_PRIME UINT64_C(0x100000001b3)

void *must(void *memory)
{
	CHECK(memory != NULL);
	return memory;
}

void stir(uint64_t *hash, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (size_t i = 0; i < len; i++)
		*hash = (*hash ^ at[i]) * HASH_PRIME;
}

static void stir_number(uint64_t *hash, uint64_t number)
{
	stir(hash, &number, sizeof(number));
}

static void tell(struct sim *sim, uint32_t node, const char *format, ...) PRINTF_LIKE(3, 4);

static void tell(struct sim *sim, uint32_t node, const char *format, ...)
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
uint32_t node_of(const struct sim *sim, const struct member *member)
{
	uint64_t i = member == NULL ? 0 : member->cert.serial;

	if (i == 0 || i > sim->options.nodes || !id_equal(&sim->nodes[i - 1].id, &member->id))
		return SIM_NOWHERE;
	return (uint32_t)(i - 1);
}

size_t query_of(const struct sim *sim, const struct query_id *id)
{
	for (size_t i = 0; i < sim->query_count; i++) {
		if (memcmp(&sim->queries[i].query.id, id, sizeof(*id)) == 0)
			return i;
	}
	return SIZE_MAX;
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

static void issue(struct sim *sim, uint32_t node, struct wall not_after)
{
	struct overlay_self *self = &sim->nodes[node].self;
	struct endpoint at = sim_endpoint(node);

	self->cert.not_before.ms = WALL_MS - DAY_MS;
	self->cert.not_after = not_after;
	self->cert.prefixes[0] = prefix_of(&at.addr);
	self->cert.prefix_count = 1;
	self->cert.roles = CERT_ROLES_ALL;
	CHECK(cert_issue(&sim->root, &self->cert, &self->blob) == ERR_OK);
}

/* Names of every length, so that certificates are of every length. */
static void make_node(struct sim *sim, uint32_t i)
{
	static const char dots[CERT_ORG_MAX] = "..............................................";
	struct node *n = &sim->nodes[i];
	uint32_t places = sim->options.nodes + SIM_STRANGERS;
	struct seed seed;

	prng_fill(&sim->prng, &seed, sizeof(seed));
	snprintf(n->name, sizeof(n->name), "n%02" PRIu32, i);
	n->self.pair = key_pair_of(&seed);
	n->self.cert.member = n->self.pair.public;
	n->self.cert.serial = i + 1;
	n->self.roots.keys[n->self.roots.count++] = sim->root.public;
	prng_fill(&sim->prng, n->self.cert.salt, CERT_SALT_LEN);
	memcpy(n->self.cert.name, n->name, sizeof(n->name));
	snprintf(n->self.cert.org, CERT_ORG_MAX, "Org %" PRIu32 "%.*s", i,
	         (int)prng_below(&sim->prng, 46), dots);
	issue(sim, i, (struct wall){WALL_MS + 365 * DAY_MS});
	n->id = cert_id(&n->self.cert);
	n->random.state = prng_next(&sim->prng);
	n->mono_ms = 60000 * (1 + prng_below(&sim->prng, 100000));
	n->skew_ms = (int64_t)prng_below(&sim->prng, 2 * sim->options.skew_max_ms + 1) -
	             (int64_t)sim->options.skew_max_ms;
	n->armed_ms = UINT64_MAX;
	n->books = must(calloc(places, sizeof(*n->books)));
	n->remembers = must(calloc(sim->options.nodes, sizeof(*n->remembers)));
	n->met = must(calloc(sim->options.nodes, sizeof(*n->met)));
}

struct sim *sim_new(const struct sim_options *options)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	uint16_t nodes = (uint16_t)options->nodes;
	struct seed seed;

	CHECK(options->nodes >= 1);
	CHECK(options->nodes <= SIM_NODES_MAX);
	if (sim == NULL || sign_start() != ERR_OK) {
		free(sim);
		return NULL;
	}
	sim->options = *options;
	sim->prng.state = options->seed;
	sim->hash = HASH_START;
	sim->limits = (struct overlay_limits){
		.members_max = (uint16_t)(nodes + 8),
		.asks_max = 8,
		.answers_max = 64,
		.serves_max = 64,
		.trust = {.revoked_max = 64, .pages_max = 8},
		.outbox_max = (uint16_t)(2 * nodes + 64),
	};
	sim->net.seed = prng_next(&sim->prng);
	sim->net.loss = options->loss;
	sim->net.duplication = options->duplication;
	prng_fill(&sim->prng, &seed, sizeof(seed));
	sim->root = key_pair_of(&seed);
	sim->nodes = must(calloc(nodes, sizeof(*sim->nodes)));
	for (uint32_t i = 0; i < nodes; i++)
		make_node(sim, i);
	return sim;
}

void sim_free(struct sim *sim)
{
	if (sim == NULL)
		return;
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		overlay_free(sim->nodes[i].overlay);
		free(sim->nodes[i].books);
		free(sim->nodes[i].remembers);
		free(sim->nodes[i].met);
	}
	for (size_t i = 0; i < sim->query_count; i++)
		free(sim->queries[i].parts);
	free(sim->queries);
	free(sim->nodes);
	queue_free(&sim->queue);
	free(sim);
}

void sim_set_expiry(struct sim *sim, uint32_t node, uint64_t at_ms)
{
	issue(sim, node, (struct wall){WALL_MS + (int64_t)at_ms});
}

void sim_set_skew(struct sim *sim, uint32_t node, int64_t skew_ms)
{
	sim->nodes[node].skew_ms = skew_ms;
}

/* Asks the store; the answer is there a little later. */
static void serve(struct sim *sim, uint32_t node, const struct act *act)
{
	size_t query = query_of(sim, &act->query->id);
	struct event event = {.kind = EVENT_ANSWER, .node = node, .ticket = act->ticket};
	uint64_t search_ms = prng_below(&sim->prng, SEARCH_MAX_MS - SEARCH_MIN_MS);

	watch_serve(sim, node, act, query);
	if (query == SIZE_MAX)
		return;
	tell(sim, node, "serves %s", sim->nodes[sim->queries[query].origin].name);
	event.at_ms = sim->now_ms + SEARCH_MIN_MS + search_ms;
	event.life = sim->nodes[node].life;
	event.answer = must(malloc(sizeof(*event.answer)));
	plant_search(sim, node, query, &act->query->question, event.answer);
	sim->queries[query].parts[node].said = plant_digest(event.answer);
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
	tell(sim, node, "finished:%s", used > 0 ? text : " nobody was asked");
}

static void stir_act(struct sim *sim, uint32_t node, const struct act *act)
{
	stir_number(&sim->hash, sim->now_ms);
	stir_number(&sim->hash, (uint64_t)node << 32 | act->ticket);
	stir_number(&sim->hash, act->kind);
	stir(&sim->hash, act->to.addr.octets, sizeof(act->to.addr.octets));
	if (act->member != NULL)
		stir(&sim->hash, act->member->id.octets, sizeof(act->member->id.octets));
	if (act->kind == ACT_SEND)
		stir(&sim->hash, act->data, act->len);
	if (act->kind == ACT_SERVE)
		stir(&sim->hash, act->query->id.octets, sizeof(act->query->id.octets));
	if (act->kind == ACT_NOTE)
		stir(&sim->hash, act->text, strlen(act->text));
	if (act->kind == ACT_ANSWER)
		stir_number(&sim->hash, plant_digest(act->reply.answer));
	for (size_t i = 0; i < act->outcome_count; i++)
		stir_number(&sim->hash, act->outcomes[i].state);
}

static void remember(struct sim *sim, uint32_t node, const struct act *act)
{
	uint32_t about = node_of(sim, act->member);

	if (about == SIM_NOWHERE)
		return;
	sim->nodes[node].remembers[about] = true;
	sim->nodes[node].met[about] = true;
}

static void carry_out(struct sim *sim, uint32_t node, const struct act *act)
{
	uint32_t to;

	stir_act(sim, node, act);
	switch (act->kind) {
	case ACT_SEND:
		to = place_of(sim, &act->to);
		watch_send(sim, node, act);
		sim->sent++;
		if (sim->tap != NULL)
			sim->tap(sim->tap_ctx, node, to, act->data, act->len);
		net_send(sim, node, to, act->data, act->len);
		return;
	case ACT_SERVE:
		serve(sim, node, act);
		return;
	case ACT_ANSWER:
		watch_answer(sim, node, act);
		tell(sim, node, "answer of %s", act->reply.member->cert.name);
		return;
	case ACT_FINISH:
		watch_finish(sim, node, act);
		tell_outcomes(sim, node, act);
		return;
	case ACT_REMEMBER:
		remember(sim, node, act);
		return;
	case ACT_NOTE:
		tell(sim, node, "%s %s", act->text,
		     act->member != NULL ? act->member->cert.name : "");
		return;
	}
}

/* A deadline in the past is due at once, but time must go on. */
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
	if (at_ms == n->armed_ms)
		return;
	n->armed_ms = at_ms;
	if (at_ms == UINT64_MAX)
		return;
	event.at_ms = at_ms;
	queue_put(&sim->queue, event);
}

static void drive(struct sim *sim, uint32_t node)
{
	struct act act;

	while (overlay_next(sim->nodes[node].overlay, &act))
		carry_out(sim, node, &act);
	arm(sim, node);
	watch_tables(sim, node);
}

static void reset_books(struct sim *sim, struct node *n)
{
	uint32_t places = sim->options.nodes + SIM_STRANGERS;

	memset(n->books, 0, places * sizeof(*n->books));
	for (uint32_t i = 0; i < places; i++)
		n->books[i].first_ms = UINT64_MAX;
	memset(n->met, 0, sim->options.nodes * sizeof(*n->met));
}

static void recall(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];

	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		const struct cert_blob *blob = &sim->nodes[i].self.blob;
		struct endpoint at = sim_endpoint(i);

		if (n->remembers[i] && overlay_remember(n->overlay, sim_clocks(sim, node), &at,
		                                        blob->octets, blob->len) != ERR_OK)
			tell(sim, node, "could not remember %s", sim->nodes[i].name);
	}
}

static void start(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	struct overlay_random random = {.fill = fill, .ctx = &n->random};
	struct endpoint first = sim_endpoint(0);

	if (n->overlay != NULL)
		return;
	n->overlay = must(overlay_new(&sim->limits, &n->self, random));
	n->life++;
	n->armed_ms = UINT64_MAX;
	n->spins = 0;
	n->member_count = 0;
	reset_books(sim, n);
	if (node != 0)
		CHECK(overlay_bootstrap(n->overlay, sim_clocks(sim, node), &first) == ERR_OK);
	recall(sim, node);
	drive(sim, node);
}

static void receive(struct sim *sim, const struct event *event)
{
	struct node *n = &sim->nodes[event->node];
	struct endpoint from = endpoint_of(sim, event->from);

	if (n->overlay == NULL)
		return;
	stir_number(&sim->hash, sim->now_ms);
	stir_number(&sim->hash, (uint64_t)event->node << 32 | event->from);
	stir(&sim->hash, event->data, event->len);
	watch_delivery(sim, event->node, event);
	overlay_datagram(n->overlay, sim_clocks(sim, event->node), &from, event->data, event->len);
	drive(sim, event->node);
}

static void expire(struct sim *sim, const struct event *event)
{
	struct node *n = &sim->nodes[event->node];

	if (n->overlay == NULL || n->life != event->life || n->armed_ms != event->at_ms)
		return;
	n->armed_ms = UINT64_MAX;
	overlay_expire(n->overlay, sim_clocks(sim, event->node));
	drive(sim, event->node);
}

static void answer(struct sim *sim, const struct event *event)
{
	struct node *n = &sim->nodes[event->node];
	enum err err;

	if (n->overlay == NULL || n->life != event->life)
		return;
	err = overlay_answer(n->overlay, sim_clocks(sim, event->node), event->ticket,
	                     event->answer);
	if (err != ERR_OK)
		violation(sim, event->node, "cannot answer: %s", err_text(err));
	drive(sim, event->node);
}

void sim_run(struct sim *sim, uint64_t until_ms)
{
	struct event event;

	while (queue_take(&sim->queue, until_ms, &event)) {
		sim->now_ms = event.at_ms;
		switch (event.kind) {
		case EVENT_START:
			start(sim, event.node);
			break;
		case EVENT_DATAGRAM:
			receive(sim, &event);
			break;
		case EVENT_EXPIRE:
			expire(sim, &event);
			break;
		case EVENT_ANSWER:
			answer(sim, &event);
			break;
		}
		free(event.data);
		free(event.answer);
	}
	sim->now_ms = MAX(sim->now_ms, until_ms);
	watch_end(sim);
}

void sim_start(struct sim *sim, uint32_t node, uint64_t at_ms)
{
	struct event event = {.at_ms = at_ms, .kind = EVENT_START, .node = node};

	CHECK(node < sim->options.nodes);
	queue_put(&sim->queue, event);
}

void sim_start_all(struct sim *sim, uint64_t within_ms)
{
	sim_start(sim, 0, sim->now_ms);
	for (uint32_t i = 1; i < sim->options.nodes; i++)
		sim_start(sim, i, sim->now_ms + prng_below(&sim->prng, within_ms));
}

void sim_crash(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];

	for (size_t i = 0; i < sim->query_count; i++) {
		struct sim_query *q = &sim->queries[i];

		if (q->is_finished)
			continue;
		q->parts[node].is_lost = true;
		if (q->origin != node)
			continue;
		q->is_finished = true;
		for (uint32_t j = 0; j < sim->options.nodes; j++)
			q->parts[j].is_lost = true;
	}
	overlay_free(n->overlay);
	n->overlay = NULL;
	tell(sim, node, "crashes");
}

void sim_restart(struct sim *sim, uint32_t node, bool remembers)
{
	struct node *n = &sim->nodes[node];

	if (!remembers)
		memset(n->remembers, 0, sim->options.nodes * sizeof(*n->remembers));
	tell(sim, node, "starts again%s", remembers ? "" : ", its memory lost");
	start(sim, node);
}

void sim_set_loss(struct sim *sim, double loss)
{
	sim->net.loss = loss;
}

void sim_set_cut(struct sim *sim, const struct sim_cut *cut)
{
	CHECK(sim->net.cut_count < SIM_CUTS_MAX);
	sim->net.cuts[sim->net.cut_count++] = *cut;
}

void sim_heal(struct sim *sim)
{
	sim->net.loss = 0;
	for (size_t i = 0; i < sim->net.cut_count; i++)
		sim->net.cuts[i].to_ms = MIN(sim->net.cuts[i].to_ms, sim->now_ms);
}

static struct sim_query *next_query(struct sim *sim)
{
	struct sim_query *q;

	if (sim->query_count == sim->query_room) {
		sim->query_room = MAX(16, 2 * sim->query_room);
		sim->queries = must(realloc(sim->queries, sim->query_room * sizeof(*sim->queries)));
	}
	q = &sim->queries[sim->query_count];
	memset(q, 0, sizeof(*q));
	q->parts = must(calloc(sim->options.nodes, sizeof(*q->parts)));
	return q;
}

/* Who should hear it, and at `planted` of those what is asked for. */
static void cast_parts(struct sim *sim, struct sim_query *q, uint32_t planted)
{
	uint32_t nodes = sim->options.nodes, members = 0;

	for (uint32_t i = 0; i < nodes; i++) {
		const struct cert *cert = &sim->nodes[i].self.cert;
		bool is_valid = WALL_MS + (int64_t)sim->now_ms <= cert->not_after.ms;

		q->parts[i].is_member = i != q->origin && sim_is_up(sim, i) && is_valid;
		members += q->parts[i].is_member;
	}
	for (planted = MIN(planted, members); planted > 0;) {
		struct sim_part *part = &q->parts[prng_below(&sim->prng, nodes)];

		if (!part->is_member || part->is_planted)
			continue;
		part->is_planted = true;
		planted--;
	}
}

size_t sim_ask(struct sim *sim, uint32_t node, uint32_t planted, int64_t timeout_ms,
               enum err *ret_err)
{
	struct node *n = &sim->nodes[node];
	struct now now = sim_clocks(sim, node);
	struct question question = plant_question(sim, now.wall);
	struct sim_query *q = next_query(sim);
	struct query_blob blob;

	CHECK(n->overlay != NULL);
	*ret_err =
		overlay_ask(n->overlay, now, &question, timeout_ms, &q->ticket, &q->query, &blob);
	if (*ret_err != ERR_OK) {
		free(q->parts);
		return SIZE_MAX;
	}
	q->origin = node;
	q->origin_life = n->life;
	q->asked_ms = sim->now_ms;
	q->until_ms = sim->now_ms + (uint64_t)timeout_ms;
	cast_parts(sim, q, planted);
	sim->query_count++;
	tell(sim, node, "asks");
	drive(sim, node);
	return sim->query_count - 1;
}

void sim_inject(struct sim *sim, uint32_t node, const struct endpoint *from, const void *data,
                size_t len)
{
	struct event event = {
		.at_ms = sim->now_ms,
		.kind = EVENT_DATAGRAM,
		.node = node,
		.from = place_of(sim, from),
		.len = len,
		.data = must(malloc(MAX(len, 1))),
	};

	CHECK(event.from != SIM_NOWHERE);
	memcpy(event.data, data, len);
	queue_put(&sim->queue, event);
}

void sim_set_tap(struct sim *sim, sim_tap_fn *fn, void *ctx)
{
	sim->tap = fn;
	sim->tap_ctx = ctx;
}

uint64_t sim_now(const struct sim *sim)
{
	return sim->now_ms;
}

uint32_t sim_nodes(const struct sim *sim)
{
	return sim->options.nodes;
}

bool sim_is_up(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].overlay != NULL;
}

bool sim_is_live(const struct sim *sim, uint32_t at, uint32_t about)
{
	const struct overlay *o = sim->nodes[at].overlay;

	for (size_t i = 0; o != NULL && i < overlay_member_count(o); i++) {
		const struct member *m = overlay_member(o, i);

		if (id_equal(&m->id, &sim->nodes[about].id))
			return m->state == MEMBER_LIVE;
	}
	return false;
}

bool sim_has_met(const struct sim *sim, uint32_t at, uint32_t about)
{
	return sim->nodes[at].met[about];
}

const struct overlay *sim_overlay(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].overlay;
}

const struct overlay_self *sim_self(const struct sim *sim, uint32_t node)
{
	return &sim->nodes[node].self;
}

const struct key_pair *sim_root(const struct sim *sim)
{
	return &sim->root;
}

struct wall sim_wall(const struct sim *sim, uint32_t node)
{
	return sim_clocks(sim, node).wall;
}

size_t sim_query_count(const struct sim *sim)
{
	return sim->query_count;
}

const struct sim_query *sim_query(const struct sim *sim, size_t i)
{
	CHECK(i < sim->query_count);
	return &sim->queries[i];
}

bool sim_is_reachable(const struct sim_part *part)
{
	return part->is_member && !part->is_lost && !part->is_divided;
}

uint64_t sim_hash(const struct sim *sim)
{
	return sim->hash;
}

uint64_t sim_copies(const struct sim *sim)
{
	return sim->copies;
}

uint64_t sim_sent(const struct sim *sim)
{
	return sim->sent;
}

size_t sim_violation_count(const struct sim *sim)
{
	return sim->violation_count;
}

const char *sim_violation(const struct sim *sim, size_t i)
{
	CHECK(i < MIN(sim->violation_count, SIM_VIOLATIONS_KEPT));
	return sim->violations[i];
}
