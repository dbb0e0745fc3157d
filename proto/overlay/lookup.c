/*
 * Lookups: whom do others know near some place? Those of ours that live nearest are asked (FIND),
 * then those that have come to be known meanwhile, until nobody nearer is left. Anti-entropy tells
 * everybody of everybody; this finds those whom a partition, or liars around us, keep from us.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <stdlib.h>
#include <string.h>

#define AT_ONCE 3 /* Kademlia's alpha */
#define ASKED_MAX 12
#define WAIT_MS 2000 /* before the next are asked */

struct lookup {
	bool is_used;
	struct id target;
	struct id asked[ASKED_MAX];
	size_t asked_count;
	struct mono due;
};

struct lookup *lookup_new(void)
{
	return calloc(1, sizeof(struct lookup));
}

void lookup_free(struct lookup *l)
{
	free(l);
}

/* Is `a` nearer to the target than `b`? */
static bool is_nearer(const struct id *target, const struct id *a, const struct id *b)
{
	for (size_t i = 0; i < sizeof(target->octets); i++) {
		uint8_t from_a = a->octets[i] ^ target->octets[i];
		uint8_t from_b = b->octets[i] ^ target->octets[i];

		if (from_a != from_b)
			return from_a < from_b;
	}
	return false;
}

static bool was_asked(const struct lookup *l, const struct id *id)
{
	for (size_t i = 0; i < l->asked_count; i++) {
		if (id_equal(&l->asked[i], id))
			return true;
	}
	return false;
}

static const struct held_card *nearest(struct overlay *o)
{
	const struct lookup *l = o->lookup;
	const struct held_card *best = NULL;

	for (size_t i = 0; i < o->limits.table_max; i++) {
		const struct contact *c = &o->contacts[i];

		if (c->state != CONTACT_LIVE || was_asked(l, &c->held->card.id))
			continue;
		if (best == NULL || is_nearer(&l->target, &c->held->card.id, &best->card.id))
			best = c->held;
	}
	return best;
}

static void go_on(struct overlay *o, struct now now)
{
	struct lookup *l = o->lookup;
	struct frame f;

	f.kind = FRAME_FIND;
	f.target = l->target;
	l->due = mono_after(now.mono, WAIT_MS);
	for (int i = 0; i < AT_ONCE; i++) {
		const struct held_card *held = nearest(o);

		if (held == NULL || l->asked_count == ASKED_MAX) {
			l->is_used = i > 0;
			return;
		}
		l->asked[l->asked_count++] = held->card.id;
		say(o, now, held, &f);
	}
}

void lookup_begin(struct overlay *o, struct now now, const struct id *target)
{
	if (o->lookup->is_used)
		return; /* one at a time */
	*o->lookup = (struct lookup){.is_used = true, .target = *target};
	go_on(o, now);
}

void lookup_expire(struct overlay *o, struct now now)
{
	if (o->lookup->is_used && mono_reached(now.mono, o->lookup->due))
		go_on(o, now);
}

struct mono lookup_due(const struct overlay *o)
{
	return o->lookup->is_used ? o->lookup->due : MONO_NEVER;
}

/* Only those whose liveness and address we have proved ourselves. */
enum err on_find(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	const struct contact *best[FRAME_NODES_MAX];
	size_t count = 0;
	struct frame nodes;

	for (size_t i = 0; i < o->limits.table_max; i++) {
		const struct contact *c = &o->contacts[i];
		size_t at = count;

		if (c->state != CONTACT_LIVE || session_live(o, &c->held->card.id) == NULL ||
		    id_equal(&c->held->card.id, &s->held->card.id))
			continue;
		while (at > 0 &&
		       is_nearer(&f->target, &c->held->card.id, &best[at - 1]->held->card.id)) {
			if (at < FRAME_NODES_MAX)
				best[at] = best[at - 1];
			at--;
		}
		if (at < FRAME_NODES_MAX)
			best[at] = c;
		count = MIN(count + 1, FRAME_NODES_MAX);
	}
	nodes.kind = FRAME_NODES;
	nodes.target = f->target;
	nodes.node_count = count;
	for (size_t i = 0; i < count; i++) {
		nodes.nodes[i].id = best[i]->held->card.id;
		nodes.nodes[i].endpoint = session_live(o, &nodes.nodes[i].id)->to;
	}
	say_in(o, now, s, &nodes);
	return ERR_OK;
}

/* Strangers' cards are asked for where they were named. */
enum err on_nodes(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct frame get;

	if (!was_asked(o->lookup, &s->held->card.id) || !id_equal(&f->target, &o->lookup->target))
		return counted(&o->counters.unasked, ERR_STALE);
	get.kind = FRAME_GET;
	get.id_count = 0;
	for (size_t i = 0; i < f->node_count; i++) {
		if (!id_equal(&f->nodes[i].id, &o->id) && seat_of(o, &f->nodes[i].id) == NULL)
			get.ids[get.id_count++] = short_id_of(f->nodes[i].id.octets);
	}
	if (get.id_count > 0)
		say_in(o, now, s, &get);
	return ERR_OK;
}
