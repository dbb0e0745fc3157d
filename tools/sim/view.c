/* What a run can be asked. */
#include "tools/sim/parts.h"

#include <string.h>

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
	const struct node *n = &sim->nodes[node];

	return n->overlay != NULL && sim->now_ms >= n->awake_ms;
}

bool sim_is_honest(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].liar == NULL;
}

bool sim_is_nat(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].is_nat;
}

bool sim_has_way(const struct sim *sim, uint32_t from, uint32_t to)
{
	return !(sim->nodes[from].is_nat && sim->nodes[to].is_nat);
}

bool sim_is_victim(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].is_victim;
}

bool sim_is_revoked(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].is_revoked;
}

bool sim_knows_revoked(const struct sim *sim, uint32_t at, uint32_t whose)
{
	const struct overlay *o = sim->nodes[at].overlay;

	return o != NULL && trust_is_revoked(overlay_trust(o), &sim->nodes[whose].self.card.cert);
}

bool sim_is_live(const struct sim *sim, uint32_t at, uint32_t about)
{
	const struct overlay *o = sim->nodes[at].overlay;
	struct member m;

	return o != NULL && overlay_member_of(o, &sim->nodes[about].self.card.id, &m) &&
	       m.state == MEMBER_LIVE;
}

bool sim_has_met(const struct sim *sim, uint32_t at, uint32_t about)
{
	return disk_has(&sim->nodes[at].disk, about);
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

/* What this life's counters have seen. */
void view_events(const struct overlay *o, uint64_t events[SIM_EVENT_END])
{
	const struct overlay_counters *c = overlay_counters(o);

	events[SIM_FAILOVER] += c->copies_lost;
	events[SIM_WIDENING] += c->widened;
	events[SIM_COOKIE] += c->cookies;
	events[SIM_PULL] += c->pulled;
	events[SIM_REKEY] += c->rekeys;
	events[SIM_REPLAY] += c->replayed;
	events[SIM_FORGERY] += c->forged;
	events[SIM_EQUIVOCATION] += c->equivocated;
	events[SIM_REVOCATION] += c->revoked;
	events[SIM_BUDGET] += c->over_budget;
}

uint64_t sim_sometimes(const struct sim *sim, enum sim_event event)
{
	uint64_t events[SIM_EVENT_END];

	memcpy(events, sim->events, sizeof(events));
	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		if (sim->nodes[i].overlay != NULL)
			view_events(sim->nodes[i].overlay, events);
	}
	return events[event];
}

const char *sim_event_text(enum sim_event event)
{
	static const char *const texts[SIM_EVENT_END] = {
		/* clang-format off */
		[SIM_PARTITION]    = "partition",
		[SIM_LOSS]         = "loss",
		[SIM_FAILOVER]     = "failover",
		[SIM_WIDENING]     = "widening",
		[SIM_COOKIE]       = "cookie",
		[SIM_PULL]         = "pull",
		[SIM_STREAM]       = "stream",
		[SIM_REKEY]        = "rekey",
		[SIM_NAT]          = "nat",
		[SIM_REPLAY]       = "replay",
		[SIM_FORGERY]      = "forgery",
		[SIM_EQUIVOCATION] = "equivocation",
		[SIM_REVOCATION]   = "revocation",
		[SIM_BUDGET]       = "budget",
		/* clang-format on */
	};

	return texts[event];
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
