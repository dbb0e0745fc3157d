/*
 * Lookups: whom do others know near some place? Anti-entropy tells everybody of everybody; this
 * finds those whom a partition, or liars around us, keep from us.
 *
 * A lookup goes along disjoint paths (S/Kademlia): each begins with members of its own, asks the
 * nearest it knows (FIND), goes on with whom those name, and nobody is on two of them. Whoever is
 * led astray by a liar is so on one path.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <stdlib.h>
#include <string.h>

#define PATHS 4
#define STEPS 20     /* that one path knows of */
#define FIRST 3      /* of them to begin with */
#define ASKED_MAX 6  /* of them asked */
#define TRIES_MAX 8  /* to say something to one: there may be no session yet */
#define TRY_MS 250   /* between two of them, and for cards to come before the next is chosen */
#define WAIT_MS 1500 /* for NODES, before the next is asked all the same */
#define KIND_MAX 2   /* of one network prefix asked on a path, if others are left */

struct step {
	struct id id;
	uint8_t prefix[6]; /* the /24 or /48 that it is said to live in */
	bool is_asked;
	uint8_t tries;
};

struct path {
	struct step steps[STEPS];
	size_t count, asked;
	struct mono next; /* MONO_NEVER: over */
};

struct lookup {
	bool is_used;
	struct id target;
	struct path paths[PATHS];
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

/* The path that `id` is on; NULL: none. */
static struct path *path_of(struct lookup *l, const struct id *id, struct step **ret)
{
	for (size_t i = 0; i < PATHS; i++) {
		struct path *p = &l->paths[i];

		for (size_t j = 0; j < p->count; j++) {
			*ret = &p->steps[j];
			if (id_equal(&(*ret)->id, id))
				return p;
		}
	}
	return NULL;
}

/* Where one more goes: the end, else the place of the farthest that was not asked. */
static struct step *place(const struct lookup *l, struct path *p, const struct id *id)
{
	struct step *farthest = NULL;

	if (p->count < STEPS)
		return &p->steps[p->count++];
	for (size_t i = 0; i < STEPS; i++) {
		struct step *s = &p->steps[i];

		if (!s->is_asked &&
		    (farthest == NULL || is_nearer(&l->target, &farthest->id, &s->id)))
			farthest = s;
	}
	return farthest != NULL && is_nearer(&l->target, id, &farthest->id) ? farthest : NULL;
}

static void lengthen(struct lookup *l, struct path *p, const struct id *id,
                     const struct endpoint *where)
{
	struct step *s;

	if (path_of(l, id, &s) != NULL)
		return;
	s = place(l, p, id);
	if (s == NULL)
		return;
	*s = (struct step){.id = *id};
	memcpy(s->prefix, where->addr.octets + (addr_is_v4(&where->addr) ? 9 : 0),
	       sizeof(s->prefix));
}

static const struct endpoint *home(struct overlay *o, const struct held_card *held)
{
	const struct session *s = session_live(o, &held->card.id);

	return s != NULL ? &s->to : &held->card.record.endpoints[0];
}

/* The live ones nearest to the target, dealt out in turn. */
static void deal(struct overlay *o)
{
	struct lookup *l = o->lookup;

	for (size_t dealt = 0; dealt < PATHS * FIRST; dealt++) {
		const struct held_card *best = NULL;
		struct step *s;

		for (size_t i = 0; i < o->limits.table_max; i++) {
			const struct contact *c = &o->contacts[i];

			if (c->state == CONTACT_LIVE && path_of(l, &c->held->card.id, &s) == NULL &&
			    (best == NULL ||
			     is_nearer(&l->target, &c->held->card.id, &best->card.id)))
				best = c->held;
		}
		if (best == NULL)
			return;
		lengthen(l, &l->paths[dealt % PATHS], &best->card.id, home(o, best));
	}
}

static size_t asked_of_kind(const struct path *p, const struct step *like)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++)
		count += p->steps[i].is_asked &&
		         memcmp(p->steps[i].prefix, like->prefix, sizeof(like->prefix)) == 0;
	return count;
}

/* The nearest that was not asked and whose card is here; of a prefix that was not asked often. */
static struct step *next_step(struct overlay *o, struct path *p)
{
	struct step *best = NULL, *any = NULL;

	for (size_t i = 0; i < p->count; i++) {
		struct step *s = &p->steps[i];
		struct step **of = asked_of_kind(p, s) < KIND_MAX ? &best : &any;

		if (!s->is_asked && seat_of(o, &s->id) != NULL &&
		    (*of == NULL || is_nearer(&o->lookup->target, &s->id, &(*of)->id)))
			*of = s;
	}
	return best != NULL ? best : any;
}

static void go_on(struct overlay *o, struct now now, struct path *p)
{
	struct step *s = p->asked < ASKED_MAX ? next_step(o, p) : NULL;
	struct frame f;

	p->next = MONO_NEVER;
	if (s == NULL)
		return;
	f.kind = FRAME_FIND;
	f.target = o->lookup->target;
	if (say(o, now, seat_of(o, &s->id)->held, &f) || ++s->tries == TRIES_MAX) {
		s->is_asked = true;
		p->asked++;
		p->next = mono_after(now.mono, WAIT_MS);
	} else {
		p->next = mono_after(now.mono, TRY_MS);
	}
}

void lookup_begin(struct overlay *o, struct now now, const struct id *target)
{
	*o->lookup = (struct lookup){.is_used = true, .target = *target};
	deal(o);
	for (size_t i = 0; i < PATHS; i++)
		go_on(o, now, &o->lookup->paths[i]);
}

void lookup_expire(struct overlay *o, struct now now)
{
	struct lookup *l = o->lookup;

	if (!l->is_used || !mono_reached(now.mono, lookup_due(o)))
		return;
	for (size_t i = 0; i < PATHS; i++) {
		if (mono_reached(now.mono, l->paths[i].next))
			go_on(o, now, &l->paths[i]);
	}
	l->is_used = lookup_due(o).ms != MONO_NEVER.ms;
}

struct mono lookup_due(const struct overlay *o)
{
	struct mono due = MONO_NEVER;

	for (size_t i = 0; i < PATHS && o->lookup->is_used; i++)
		due = mono_earlier(due, o->lookup->paths[i].next);
	return due;
}

/* Only those whose liveness and address we have proved ourselves. */
enum err on_find(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	const struct contact *best[FRAME_NODES_MAX];
	size_t count = 0;
	struct frame nodes;

	if (!may_send(o, now, s))
		return ERR_LIMIT;
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
	struct step *step;
	struct path *p = o->lookup->is_used ? path_of(o->lookup, &s->held->card.id, &step) : NULL;
	struct frame get;

	if (p == NULL || !step->is_asked || !id_equal(&f->target, &o->lookup->target))
		return counted(&o->counters.unasked, ERR_STALE);
	get.kind = FRAME_GET;
	get.id_count = 0;
	for (size_t i = 0; i < f->node_count; i++) {
		if (id_equal(&f->nodes[i].id, &o->id))
			continue;
		lengthen(o->lookup, p, &f->nodes[i].id, &f->nodes[i].endpoint);
		if (seat_of(o, &f->nodes[i].id) == NULL)
			get.ids[get.id_count++] = short_id_of(f->nodes[i].id.octets);
	}
	if (get.id_count > 0)
		say_in(o, now, s, &get);
	p->next = mono_after(now.mono, TRY_MS);
	return ERR_OK;
}
