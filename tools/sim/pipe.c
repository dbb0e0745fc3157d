/*
 * Streams: reliable, in order, as slow as the link and as narrow as the sender's line, which all
 * its streams share. Nobody gets through to a node that is behind NAT, down or cut off; a cut that
 * comes later breaks what it meets. Octets arrive in pieces of any length.
 */
#include "tools/sim/parts.h"

#include <stdlib.h>

#define OCTETS_PER_MS 1250 /* 10 Mbit/s */
#define PIECE_MAX 1400
#define REFUSED_AFTER_MS 3000 /* when nobody answers at all */
#define RESENT_MS 200         /* what a lost segment costs */

static uint64_t delay_ms(const struct sim *sim, const struct pipe *p)
{
	double ms = link_ms(sim->net.seed, p->ends[0].node, p->ends[1].node);

	return MAX(1, (uint64_t)ms);
}

static void post(struct sim *sim, uint32_t pipe, int end, enum event_kind kind, uint64_t at_ms,
                 const void *data, size_t len)
{
	struct pipe *p = &sim->pipes[pipe];
	struct event event = {
		.at_ms = MAX(at_ms, p->last_ms[end]),
		.kind = kind,
		.node = p->ends[end].node,
		.life = p->ends[end].life,
		.from = (uint32_t)end,
		.ticket = pipe,
		.len = len,
		.data = data == NULL ? NULL : queue_buffer(&sim->queue, data, len),
	};

	p->last_ms[end] = event.at_ms;
	queue_put(&sim->queue, event);
}

static uint32_t new_pipe(struct sim *sim, uint32_t from, uint32_t to, uint32_t name)
{
	if (sim->pipe_count == sim->pipe_room) {
		sim->pipe_room = MAX(64, 2 * sim->pipe_room);
		sim->pipes = must(realloc(sim->pipes, sim->pipe_room * sizeof(*sim->pipes)));
	}
	sim->pipes[sim->pipe_count] = (struct pipe){
		.ends = {{from, sim->nodes[from].life, name, true},
	                 {to, sim->nodes[to].life, 0, false}},
		.opened_ms = sim->now_ms,
	};
	return sim->pipe_count++;
}

static bool is_cut(const struct sim *sim, const struct pipe *p)
{
	uint32_t a = p->ends[0].node, b = p->ends[1].node;

	return net_is_cut(&sim->net, sim->now_ms, a, b) || net_is_cut(&sim->net, sim->now_ms, b, a);
}

static uint32_t connect_to(struct sim *sim, uint32_t node, uint32_t to, uint32_t name)
{
	bool is_node = to < sim->options.nodes;
	uint32_t pipe = new_pipe(sim, node, is_node ? to : node, name);
	struct pipe *p = &sim->pipes[pipe];

	if (!is_node || sim->nodes[to].is_nat || is_cut(sim, p) || sim->nodes[to].overlay == NULL)
		post(sim, pipe, 0, EVENT_CLOSED, sim->now_ms + REFUSED_AFTER_MS, NULL, 0);
	else
		post(sim, pipe, 1, EVENT_ACCEPT, sim->now_ms + delay_ms(sim, p), NULL, 0);
	return pipe;
}

void pipe_connect(struct sim *sim, uint32_t node, const struct act *act)
{
	(void)connect_to(sim, node, place_of(sim, &act->to), act->stream);
}

void pipe_connect_raw(struct sim *sim, uint32_t node, uint32_t to)
{
	uint32_t pipe = connect_to(sim, node, to, 0);

	sim->pipes[pipe].is_raw = true;
}

/* SIM_NOWHERE: it is over already, and the overlay has not heard of it yet. */
static uint32_t find(const struct sim *sim, uint32_t node, uint32_t name, int *ret_end)
{
	for (uint32_t i = sim->pipe_count; i-- > 0;) {
		for (int end = 0; end < 2; end++) {
			const struct pipe_end *e = &sim->pipes[i].ends[end];

			if (!e->is_open || e->node != node || e->name != name ||
			    e->life != sim->nodes[node].life || (end == 0 && sim->pipes[i].is_raw))
				continue;
			*ret_end = end;
			return i;
		}
	}
	return SIM_NOWHERE;
}

/* When `len` more octets have left this node. */
static uint64_t line_ms(struct sim *sim, uint32_t node, size_t len)
{
	struct node *n = &sim->nodes[node];

	n->uplink_us = MAX(n->uplink_us, sim->now_ms * 1000) + len * 1000 / OCTETS_PER_MS;
	return (n->uplink_us + 999) / 1000;
}

void pipe_write(struct sim *sim, uint32_t node, const struct act *act)
{
	int end = 0;
	uint32_t pipe = find(sim, node, act->stream, &end);
	uint64_t link_ms;

	if (pipe == SIM_NOWHERE)
		return;
	link_ms = delay_ms(sim, &sim->pipes[pipe]);
	for (size_t at = 0; at < act->len;) {
		size_t len = MIN(act->len - at, 1 + prng_below(&sim->prng, PIECE_MAX));
		bool is_lost = prng_unit(&sim->prng) < sim->net.loss;

		post(sim, pipe, 1 - end, EVENT_OCTETS,
		     line_ms(sim, node, len) + link_ms + (is_lost ? RESENT_MS : 0), act->data + at,
		     len);
		at += len;
	}
}

static void shut(struct sim *sim, uint32_t pipe, int end)
{
	struct pipe *p = &sim->pipes[pipe];

	p->ends[end].is_open = false;
	if (p->ends[1 - end].is_open)
		post(sim, pipe, 1 - end, EVENT_CLOSED, sim->now_ms + delay_ms(sim, p), NULL, 0);
}

void pipe_close(struct sim *sim, uint32_t node, uint32_t name)
{
	int end = 0;
	uint32_t pipe = find(sim, node, name, &end);

	if (pipe != SIM_NOWHERE)
		shut(sim, pipe, end);
}

void pipe_crash(struct sim *sim, uint32_t node)
{
	for (uint32_t i = 0; i < sim->pipe_count; i++) {
		for (int end = 0; end < 2; end++) {
			if (sim->pipes[i].ends[end].is_open && sim->pipes[i].ends[end].node == node)
				shut(sim, i, end);
		}
	}
}

static void accept_pipe(struct sim *sim, uint32_t pipe)
{
	struct pipe *p = &sim->pipes[pipe];
	struct pipe_end *called = &p->ends[1];
	struct endpoint from = sim_endpoint(p->ends[0].node);
	struct overlay *o = sim->nodes[called->node].overlay;
	uint64_t back_ms = sim->now_ms + delay_ms(sim, p);
	uint32_t node = called->node;

	if (o == NULL || called->life != sim->nodes[node].life || is_cut(sim, p) ||
	    overlay_accept(o, sim_clocks(sim, node), &from, &called->name) != ERR_OK) {
		post(sim, pipe, 0, EVENT_CLOSED, back_ms, NULL, 0);
		return;
	}
	called->is_open = true;
	sim->events[SIM_STREAM]++;
	post(sim, pipe, 0, EVENT_OPENED, back_ms, NULL, 0);
	drive(sim, node);
}

void pipe_event(struct sim *sim, const struct event *event)
{
	struct pipe *p = &sim->pipes[event->ticket];
	struct pipe_end *end = &p->ends[event->from];
	struct overlay *o = sim->nodes[event->node].overlay;
	struct now now = sim_clocks(sim, event->node);
	bool is_deaf = p->is_raw && event->from == 0;

	if (event->kind == EVENT_ACCEPT) {
		accept_pipe(sim, event->ticket);
		return;
	}
	if (!end->is_open)
		return;
	if (event->kind != EVENT_CLOSED && is_cut(sim, p)) {
		for (int both = 0; both < 2; both++)
			post(sim, event->ticket, both, EVENT_CLOSED, sim->now_ms, NULL, 0);
		return;
	}
	if (event->kind == EVENT_CLOSED)
		end->is_open = false;
	if (is_deaf)
		return;
	if (event->kind == EVENT_OPENED)
		overlay_opened(o, now, end->name);
	else if (event->kind == EVENT_CLOSED)
		overlay_closed(o, now, end->name);
	else if (!liar_never_reads(sim, event->node))
		overlay_octets(o, now, end->name, event->data, event->len);
	drive(sim, event->node);
}
