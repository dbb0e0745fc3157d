/* What tests and stories do to a run, and what they ask it. */
#include "tools/sim/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void sim_set_expiry(struct sim *sim, uint32_t node, uint64_t at_ms)
{
	CHECK(sim->nodes[node].life == 0);
	sim->nodes[node].self.card.cert.not_after.ms = WALL_MS + (int64_t)at_ms;
	mint_card(sim, node);
}

void sim_set_skew(struct sim *sim, uint32_t node, int64_t skew_ms)
{
	sim->nodes[node].skew_ms = skew_ms;
}

void sim_set_deaf_v6(struct sim *sim, uint32_t node)
{
	struct card *card = &sim->nodes[node].self.card;
	struct endpoint deaf = {.addr = {{0x20, 0x01, 0x0d, 0xb8}}, .port = 7667};

	CHECK(sim->nodes[node].life == 0);
	deaf.addr.octets[15] = SIM_STRANGERS - 1;
	card->cert.prefixes[card->cert.prefix_count++] = (struct prefix){deaf.addr, 128};
	card->record.endpoints[1] = card->record.endpoints[0];
	card->record.endpoints[0] = deaf;
	card->record.endpoint_count = 2;
	mint_card(sim, node);
}

void sim_set_org(struct sim *sim, uint32_t node, const char *org)
{
	struct cert *cert = &sim->nodes[node].self.card.cert;

	CHECK(sim->nodes[node].life == 0);
	snprintf(cert->org, sizeof(cert->org), "%s", org);
	mint_card(sim, node);
}

void sim_set_displaced(struct sim *sim, uint32_t node)
{
	const uint8_t elsewhere[4] = {203, 0, 113, 0};
	struct card *card = &sim->nodes[node].self.card;

	CHECK(sim->nodes[node].life == 0);
	card->cert.prefixes[0] = (struct prefix){addr_from_v4(elsewhere), 96 + 24};
	card->record.endpoint_count = 0;
	mint_card(sim, node);
}

void sim_set_victim(struct sim *sim, uint32_t node)
{
	sim->nodes[node].is_victim = true;
	sim->victim = node;
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

/* Nobody can be held to the part it had, nor any to theirs in its own query. */
static void lose_part(struct sim *sim, uint32_t node, struct sim_query *q)
{
	if (q->is_finished)
		return;
	q->parts[node].is_lost = true;
	for (uint32_t i = 0; i < sim->options.nodes && q->origin == node; i++)
		q->parts[i].is_lost = true;
}

/* Its own queries are over. */
static void lose_parts(struct sim *sim, uint32_t node)
{
	for (size_t i = 0; i < sim->query_count; i++) {
		struct sim_query *q = &sim->queries[i];

		lose_part(sim, node, q);
		if (q->origin != node || q->is_finished)
			continue;
		q->is_finished = true;
		q->finished_ms = sim->now_ms;
	}
}

void sim_crash(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];

	if (n->overlay == NULL)
		return;
	lose_parts(sim, node);
	pipe_crash(sim, node);
	view_events(n->overlay, sim->events);
	overlay_free(n->overlay);
	n->overlay = NULL;
	narrate(sim, node, "crashes");
}

void sim_restart(struct sim *sim, uint32_t node, bool with_disk)
{
	if (!with_disk) {
		disk_lose(sim, node);
		sim->nodes[node].number_max = 0;
	}
	narrate(sim, node, "starts again%s", with_disk ? "" : ", its disk lost");
	start(sim, node);
}

void sim_jump(struct sim *sim, uint32_t node, int64_t wall_ms)
{
	sim->nodes[node].skew_ms += wall_ms;
	narrate(sim, node, "its clock jumps by %" PRId64 " ms", wall_ms);
}

void sim_suspend(struct sim *sim, uint32_t node, uint64_t for_ms)
{
	struct node *n = &sim->nodes[node];
	struct event event = {.kind = EVENT_RESUME, .node = node, .life = n->life};

	if (n->overlay == NULL || for_ms == 0 || sim->now_ms < n->awake_ms)
		return;
	for (size_t i = 0; i < sim->query_count; i++) {
		struct sim_query *q = &sim->queries[i];

		lose_part(sim, node, q);
		if (q->origin == node) /* and monotonic time stands still */
			q->until_ms += q->is_finished ? 0 : for_ms;
	}
	n->awake_ms = sim->now_ms + for_ms;
	n->mono_ms -= for_ms;
	n->armed_ms = UINT64_MAX;
	event.at_ms = n->awake_ms;
	narrate(sim, node, "falls asleep");
	queue_put(&sim->queue, event);
}

void sim_revoke(struct sim *sim, uint32_t whose, uint32_t at)
{
	struct node *n = &sim->nodes[at];
	struct notice_blob *pages = must(calloc(SIM_PAGES_MAX, sizeof(*pages)));
	size_t count;

	CHECK(n->overlay != NULL);
	CHECK(sim->revoked_count < SIM_REVOKED_MAX);
	sim->revoked[sim->revoked_count++] = (struct notice_entry){
		.kind = NOTICE_REVOKE,
		.key = sim->nodes[whose].identity.public,
	};
	sim->nodes[whose].is_revoked = true;
	for (size_t i = 0; i < sim->query_count; i++)
		lose_part(sim, whose, &sim->queries[i]);
	count = mint_notices(sim, pages);
	narrate(sim, at, "is told that %s is revoked", sim->nodes[whose].name);
	for (size_t i = 0; i < count; i++) {
		enum err err = overlay_notice(n->overlay, sim_clocks(sim, at), pages[i].octets,
		                              pages[i].len);

		if (err != ERR_OK)
			violation(sim, at, "refuses its root's list: %s", err_text(err));
	}
	free(pages);
	drive(sim, at);
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
		const struct node *n = &sim->nodes[i];
		const struct card *card = &n->self.card;
		int64_t wall_ms = WALL_MS + (int64_t)sim->now_ms;
		bool is_valid = wall_ms <= card->cert.not_after.ms && !n->is_revoked;

		q->parts[i].is_member =
			i != q->origin && sim_is_up(sim, i) && is_valid && sim_is_honest(sim, i);
		q->parts[i].is_lost = sim->now_ms < n->awake_ms;
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

size_t sim_ask(struct sim *sim, uint32_t node, uint32_t planted, enum severity severity,
               int64_t timeout_ms, enum err *ret_err)
{
	struct node *n = &sim->nodes[node];
	struct now now = sim_clocks(sim, node);
	struct question question = plant_question(&sim->prng, now.wall, severity);
	struct sim_query *q = next_query(sim);
	struct query_blob blob;

	CHECK(n->overlay != NULL);
	sim->asking = node;
	*ret_err =
		overlay_ask(n->overlay, now, &question, timeout_ms, &q->ticket, &q->query, &blob);
	sim->asking = SIM_NOWHERE;
	if (*ret_err != ERR_OK) {
		free(q->parts);
		drive(sim, node);
		return SIZE_MAX;
	}
	q->query.cert = q->query.record = (struct bytes){0}; /* were borrowed */
	q->origin = node;
	q->origin_life = n->life;
	q->asked_ms = sim->now_ms;
	q->until_ms = sim->now_ms + (uint64_t)timeout_ms;
	cast_parts(sim, q, planted);
	watch_asked(sim, node, &q->query, sim->query_count);
	sim->query_count++;
	narrate(sim, node, "asks");
	drive(sim, node);
	watch_kept(sim, node, sim->queries[sim->query_count - 1].query.number);
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
	};

	CHECK(event.from != SIM_NOWHERE);
	CHECK(len <= SIM_DATAGRAM_MAX);
	event.data = queue_buffer(&sim->queue, data, len);
	queue_put(&sim->queue, event);
}

void sim_set_tap(struct sim *sim, sim_tap_fn *fn, void *ctx)
{
	sim->tap = fn;
	sim->tap_ctx = ctx;
}
