/*
 * The links. Each pair of nodes has a delay of its own, log-normal over the pairs (median 40 ms,
 * sigma 0.5: from a few ms within a city to some hundred across the world). Each datagram takes up
 * to a quarter longer, so that two sent at once may arrive in either order; it may be lost, may
 * come twice, and dies at a cut. What goes to a node behind NAT arrives only if that node has sent
 * something to just this address within the last minute.
 */
#include "tools/sim/parts.h"

#define PORT 7667
#define HOLE_MS 60000

struct endpoint sim_endpoint(uint32_t node)
{
	const uint8_t octets[4] = {10, (uint8_t)(node >> 8), (uint8_t)node, 7};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = PORT};
}

struct endpoint sim_stranger(uint32_t stranger)
{
	const uint8_t octets[4] = {192, 0, 2, (uint8_t)stranger};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = PORT};
}

struct endpoint endpoint_of(const struct sim *sim, uint32_t place)
{
	uint32_t nodes = sim->options.nodes;

	return place < nodes ? sim_endpoint(place) : sim_stranger(place - nodes);
}

uint32_t place_of(const struct sim *sim, const struct endpoint *e)
{
	uint32_t nodes = sim->options.nodes;
	uint32_t near = (uint32_t)e->addr.octets[13] << 8 | e->addr.octets[14];
	uint32_t far = nodes + e->addr.octets[15];
	struct endpoint expected;

	if (near < nodes) {
		expected = sim_endpoint(near);
		if (endpoint_equal(&expected, e))
			return near;
	}
	if (!addr_is_v4(&e->addr) && far == nodes + SIM_STRANGERS - 1)
		return far; /* see sim_set_deaf_v6() */
	if (far < nodes + SIM_STRANGERS) {
		expected = sim_stranger(far - nodes);
		if (endpoint_equal(&expected, e))
			return far;
	}
	return SIM_NOWHERE;
}

bool net_is_cut(const struct net *net, uint64_t at_ms, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < net->cut_count; i++) {
		const struct sim_cut *cut = &net->cuts[i];
		bool is_low = from < cut->first;

		if (at_ms < cut->from_ms || at_ms >= cut->to_ms || is_low == (to < cut->first))
			continue;
		if (!cut->is_one_way || !is_low)
			return true;
	}
	return false;
}

static void deliver(struct sim *sim, uint32_t from, uint32_t to, const void *data, size_t len)
{
	uint64_t delay_ms = link_delay_ms(sim->net.seed, &sim->prng, from, to);
	struct event event = {
		.at_ms = sim->now_ms + delay_ms,
		.kind = EVENT_DATAGRAM,
		.node = to,
		.from = from,
		.len = len,
		.data = queue_buffer(&sim->queue, data, len),
	};

	queue_put(&sim->queue, event);
}

/* Judged when it is sent: the hole may close while it is on its way, as real ones do. */
static bool is_shut(struct sim *sim, uint32_t from, uint32_t to)
{
	uint64_t open_ms;

	if (from < sim->options.nodes && sim->nodes[from].is_nat)
		*map_at(&sim->net.holes, map_key(from, to)) = sim->now_ms + 1;
	if (!sim->nodes[to].is_nat)
		return false;
	open_ms = map_find(&sim->net.holes, map_key(to, from));
	return open_ms == 0 || sim->now_ms + 1 > open_ms + HOLE_MS;
}

void net_send(struct sim *sim, uint32_t from, uint32_t to, const void *data, size_t len)
{
	bool is_lost = prng_unit(&sim->prng) < sim->net.loss;
	bool is_twice = prng_unit(&sim->prng) < sim->net.duplication;

	if (to >= sim->options.nodes)
		return;
	if (is_shut(sim, from, to)) {
		sim->events[SIM_NAT]++;
		return;
	}
	if (net_is_cut(&sim->net, sim->now_ms, from, to)) {
		sim->events[SIM_PARTITION]++;
		return;
	}
	if (is_lost) {
		sim->events[SIM_LOSS]++;
		return;
	}
	deliver(sim, from, to, data, len);
	if (is_twice)
		deliver(sim, from, to, data, len);
}
