/*
 * Questions that are remembered. Held: those that are alive, whole, to pass them on and to be
 * pulled. Seen: those of which a copy could still pass for fresh. Deferred: those for which there
 * was no room or no budget just now. Origins: which numbers each asker has used. And of each that
 * is held, who of the table is known to have it, too.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define SEEN_A_MEMBER 4 /* remembered, when there is little room left */
#define DEFERRED_A_MEMBER 16
#define DEFERRED_MS 5000 /* there may be room, or budget, again */

struct held *held_of(struct overlay *o, const struct query_id *id)
{
	for (size_t i = 0; i < o->limits.held_max; i++) {
		if (o->held[i].is_used && memcmp(&o->held[i].id, id, sizeof(*id)) == 0)
			return &o->held[i];
	}
	return NULL;
}

struct held *held_by_short(struct overlay *o, struct short_id id)
{
	for (size_t i = 0; i < o->limits.held_max; i++) {
		if (o->held[i].is_used && short_id_equal(short_id_of(o->held[i].id.octets), id))
			return &o->held[i];
	}
	return NULL;
}

static uint16_t *seen_head(struct overlay *o, const void *id)
{
	uint32_t h;

	memcpy(&h, id, sizeof(h));
	return &o->seen_heads[h % o->limits.seen_max];
}

struct seen *seen_of(struct overlay *o, struct now now, struct short_id id)
{
	for (uint16_t i = *seen_head(o, id.octets); i != NOBODY; i = o->seen[i].chain) {
		struct seen *s = &o->seen[i];

		if (s->until.ms > now.mono.ms && short_id_equal(short_id_of(s->id.octets), id))
			return s;
	}
	return NULL;
}

/*
 * What is alive is never forgotten: without a place, no new question is taken. The last quarter of
 * all places is for those who have not asked much.
 */
struct seen *seen_place(struct overlay *o, struct now now, uint16_t from)
{
	size_t unused = 0, same = 0;
	struct seen *place = NULL;

	for (size_t i = 0; i < o->limits.seen_max; i++) {
		struct seen *s = &o->seen[i];

		if (s->until.ms > now.mono.ms) {
			same += from != NOBODY && s->from == from;
			continue;
		}
		unused++;
		if (place == NULL)
			place = s;
	}
	if (place != NULL && (unused > o->limits.seen_max / 4 || same < SEEN_A_MEMBER))
		return place;
	o->counters.tables_full++;
	return NULL;
}

void seen_add(struct overlay *o, struct seen *place, const struct query_id *id, uint16_t from,
              struct mono until)
{
	uint16_t at = (uint16_t)(place - o->seen), *head;

	if (place->until.ms != 0) {
		head = seen_head(o, place->id.octets);
		while (*head != at)
			head = &o->seen[*head].chain;
		*head = place->chain;
	}
	head = seen_head(o, id->octets);
	*place = (struct seen){.id = *id, .until = until, .from = from, .chain = *head};
	*head = at;
}

const struct deferred *deferred_of(struct overlay *o, struct now now, struct short_id id)
{
	for (size_t i = 0; i < DEFERRED_MAX; i++) {
		const struct deferred *d = &o->deferred[i];

		if (d->until.ms > now.mono.ms && short_id_equal(d->id, id))
			return d;
	}
	return NULL;
}

void deferred_put(struct overlay *o, struct now now, const struct query_id *id,
                  const struct id *origin)
{
	struct deferred *place = NULL;
	size_t same = 0;

	if (deferred_of(o, now, short_id_of(id->octets)) != NULL)
		return;
	for (size_t i = 0; i < DEFERRED_MAX; i++) {
		struct deferred *d = &o->deferred[i];

		if (d->until.ms <= now.mono.ms)
			place = d;
		else
			same += id_equal(&d->origin, origin);
	}
	if (place == NULL || same >= DEFERRED_A_MEMBER) {
		o->counters.tables_full++;
		return;
	}
	*place = (struct deferred){
		.id = short_id_of(id->octets),
		.origin = *origin,
		.until = mono_after(now.mono, DEFERRED_MS),
	};
}

void held_drop(struct overlay *o, struct held *h)
{
	uint16_t at = (uint16_t)(h - o->held);

	for (size_t i = 0; i < o->limits.copies_max; i++) {
		if (o->copies[i].until.ms != 0 && o->copies[i].held == at)
			o->copies[i].until.ms = 0;
	}
	if (h->from != NOBODY)
		o->origins[h->from].held--;
	h->is_used = false;
}

/*
 * A place for one more question of `origin`, or of ours (NULL). Where all are taken, one of whoever
 * has the most makes room: it was passed on, and is merely no longer there to be pulled.
 */
struct held *held_place(struct overlay *o, const struct origin *origin)
{
	struct held *most = NULL;

	for (size_t i = 0; i < o->limits.held_max; i++) {
		struct held *h = &o->held[i];

		if (!h->is_used)
			return h;
		if (h->is_ours)
			continue;
		if (most == NULL || o->origins[h->from].held > o->origins[most->from].held ||
		    (h->from == most->from && h->news.ms < most->news.ms))
			most = h;
	}
	if (most == NULL || (origin != NULL && o->origins[most->from].held <= origin->held + 1)) {
		o->counters.tables_full++;
		return NULL;
	}
	held_drop(o, most);
	return most;
}

bool overlay_holds(const struct overlay *o, const struct query_id *id)
{
	for (size_t i = 0; i < o->limits.seen_max; i++) {
		if (o->seen[i].until.ms != 0 && memcmp(&o->seen[i].id, id, sizeof(*id)) == 0)
			return true;
	}
	return held_of((struct overlay *)(uintptr_t)o, id) != NULL;
}

struct origin *origin_of(struct overlay *o, const struct id *id)
{
	for (size_t i = 0; i < o->limits.origins_max; i++) {
		if (o->origins[i].used.ms != 0 && id_equal(&o->origins[i].window.origin, id))
			return &o->origins[i];
	}
	return NULL;
}

/* Nothing of it can be alive: it need not be on disk, either. */
static void forget_window(struct overlay *o, const struct origin *origin)
{
	struct slot *slot = push(o, ACT_WINDOW, NULL);

	if (slot != NULL)
		slot->act.window = (struct window){.origin = origin->window.origin};
}

void origin_keep(struct overlay *o, struct origin *origin, uint64_t number)
{
	struct slot *slot;

	if (origin == NULL || window_is_spent(&origin->kept, number))
		return;
	window_spend(&origin->kept, number);
	slot = push(o, ACT_WINDOW, NULL);
	if (slot != NULL)
		slot->act.window = origin->kept;
}

/* A place for one more: a free one, else that of who has asked nothing for longest and long. */
struct origin *origin_new(struct overlay *o, struct now now, const struct id *id)
{
	struct origin *best = NULL;

	for (size_t i = 0; i < o->limits.origins_max; i++) {
		struct origin *origin = &o->origins[i];

		if (origin->used.ms != 0 &&
		    now.mono.ms - origin->used.ms < QUERY_LIFE_MAX_MS + SEEN_SLACK_MS)
			continue; /* a question of it may be alive */
		if (best == NULL || origin->used.ms < best->used.ms)
			best = origin;
	}
	if (best == NULL) {
		o->counters.tables_full++;
		return NULL;
	}
	if (best->kept.highest != 0)
		forget_window(o, best);
	*best = (struct origin){
		.window = {.origin = *id},
		.kept = {.origin = *id},
		.used = {MAX(now.mono.ms, 1)},
	};
	return best;
}

enum err overlay_remember_window(struct overlay *o, const struct window *window)
{
	struct origin *origin = origin_of(o, &window->origin);

	for (size_t i = 0; i < o->limits.origins_max && origin == NULL; i++) {
		if (o->origins[i].used.ms == 0)
			origin = &o->origins[i];
	}
	if (origin == NULL)
		return ERR_LIMIT;
	*origin = (struct origin){.window = *window, .kept = *window, .used = {1}};
	return ERR_OK;
}

/* What is too far behind its highest counts as in it. */
bool window_is_spent(const struct window *w, uint64_t number)
{
	if (number > w->highest)
		return false;
	if (number == w->highest)
		return w->highest != 0;
	return w->highest - number > 64 || (w->before >> (w->highest - number - 1) & 1) != 0;
}

void window_spend(struct window *w, uint64_t number)
{
	uint64_t ahead = number - w->highest;

	if (number < w->highest) {
		w->before |= UINT64_C(1) << (w->highest - number - 1);
	} else if (number > w->highest) {
		w->before = ahead > 64 ? 0 : ahead == 64 ? 0 : w->before << ahead;
		if (w->highest != 0 && ahead <= 64)
			w->before |= UINT64_C(1) << (ahead - 1);
		w->highest = number;
	}
}

static uint64_t *knower(struct overlay *o, const struct held *h, const struct contact *c,
                        uint64_t *ret_bit)
{
	size_t words = (o->limits.table_max + 63u) / 64, at = (size_t)(c - o->contacts);

	*ret_bit = UINT64_C(1) << at % 64;
	return &o->knowers[(size_t)(h - o->held) * words + at / 64];
}

bool knower_is(struct overlay *o, const struct held *h, const struct contact *c)
{
	uint64_t bit, *word = knower(o, h, c, &bit);

	return (*word & bit) != 0;
}

/* By its own word, which excludes nobody but itself from what is passed on. */
void knower_note(struct overlay *o, const struct held *h, const struct id *id)
{
	struct contact *c = contact_of(o, id);
	uint64_t bit, *word = c != NULL ? knower(o, h, c, &bit) : NULL;

	if (word != NULL)
		*word |= bit;
}

void knowers_clear(struct overlay *o, const struct held *h)
{
	size_t words = (o->limits.table_max + 63u) / 64;

	memset(&o->knowers[(size_t)(h - o->held) * words], 0, words * sizeof(*o->knowers));
}

void knower_forget(struct overlay *o, const struct contact *c)
{
	for (size_t i = 0; i < o->limits.held_max; i++) {
		uint64_t bit, *word = knower(o, &o->held[i], c, &bit);

		*word &= ~bit;
	}
}
