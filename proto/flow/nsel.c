#include "proto/flow/nsel.h"

#include "base/util.h"
#include "proto/flow/ways.h"

#include <stdlib.h>

enum { EVENT_DELETED = 2, EVENT_UPDATE = 5 }; /* IANA, firewallEvent */

static const enum counter_kind sides[] = {COUNT_INITIATOR, COUNT_RESPONDER};

struct connection {
	uint64_t stream; /* its serial; 0: free */
	uint64_t flow_id;
	uint64_t octets[ARRAY_LEN(sides)], packets[ARRAY_LEN(sides)]; /* counted already */
	uint64_t last_ms, used;
};

struct nsel_table {
	struct ways ways;
	uint64_t records;
	struct connection connections[];
};

struct nsel_table *nsel_table_new(size_t connections_max, uint64_t seed)
{
	struct ways ways = ways_for(connections_max, seed);
	struct nsel_table *t =
		calloc(1, sizeof(*t) + ways_places(&ways) * sizeof(t->connections[0]));

	if (t != NULL)
		t->ways = ways;
	return t;
}

void nsel_table_free(struct nsel_table *t)
{
	free(t);
}

/* The connection's, or the place for it: then it is another's, or free. */
static struct connection *place_of(struct nsel_table *t, uint64_t stream, uint64_t flow_id)
{
	uint64_t hash = ways_mix(ways_mix(t->ways.seed, stream), flow_id);
	struct connection *set = t->connections + ways_set(&t->ways, hash);
	struct connection *oldest = set;

	for (struct connection *c = set; c < set + WAYS; c++) {
		if (c->stream == stream && c->flow_id == flow_id)
			return c;
		if (c->stream == 0 || c->used < oldest->used)
			oldest = c;
	}
	return oldest;
}

static bool is_total(const struct connection *c, const struct values *v)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		if (v->octets[sides[i]] < c->octets[i])
			return false;
	}
	return true;
}

/* Some count no packets. */
static void count_once(const struct connection *c, struct values *v)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		v->octets[sides[i]] -= c->octets[i];
		v->packets[sides[i]] -= MIN(v->packets[sides[i]], c->packets[i]);
	}
}

static void remember(struct connection *c, const struct values *v)
{
	for (size_t i = 0; i < ARRAY_LEN(sides); i++) {
		c->octets[i] += v->octets[sides[i]];
		c->packets[i] += v->packets[sides[i]];
	}
	c->last_ms = v->event_ms;
}

static void begin_at(struct values *v, uint64_t last_ms)
{
	if ((v->has_start & 1u << TIME_MILLI) != 0)
		v->start[TIME_MILLI] = MIN(MAX(v->start[TIME_MILLI], last_ms), v->event_ms);
}

void nsel_correct(struct nsel_table *t, const struct stream *s, struct values *v)
{
	bool is_update = v->firewall_event == EVENT_UPDATE;
	struct connection *c;
	bool is_known;

	if ((!is_update && v->firewall_event != EVENT_DELETED) || v->flow_id == 0 || !v->has_event)
		return;
	c = place_of(t, s->serial, v->flow_id);
	is_known = c->stream == s->serial && c->flow_id == v->flow_id;
	if (is_known)
		begin_at(v, c->last_ms);
	if (!is_update) {
		if (is_known && is_total(c, v))
			count_once(c, v);
		if (is_known)
			*c = (struct connection){.stream = 0};
		return;
	}
	if (!is_known)
		*c = (struct connection){.stream = s->serial, .flow_id = v->flow_id};
	c->used = ++t->records;
	remember(c, v);
}
