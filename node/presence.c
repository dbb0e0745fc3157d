#include "node/presence.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct short_id));
}

void short_ids_sort(struct short_id *ids, size_t count)
{
	if (count > 0)
		qsort(ids, count, sizeof(*ids), by_id);
}

static bool make_room(struct presence *a, size_t members)
{
	struct present *list, *coming;

	if (members <= a->space)
		return true;
	list = realloc(a->list, members * sizeof(*list));
	if (list == NULL)
		return false;
	a->list = list;
	coming = realloc(a->coming, members * sizeof(*coming));
	if (coming == NULL)
		return false;
	a->coming = coming;
	a->space = members;
	return true;
}

bool presence_begin(struct presence *a, size_t members)
{
	a->coming_count = a->at = 0;
	return make_room(a, members);
}

void presence_see(struct presence *a, struct short_id who, bool is_live, struct mono heard,
                  struct mono now)
{
	struct present *new = &a->coming[a->coming_count++];
	const struct present *old;

	CHECK(a->coming_count <= a->space);
	while (a->at < a->count && by_id(&a->list[a->at].who, &who) < 0)
		a->at++;
	*new = (struct present){.who = who, .is_live = is_live, .at = now};
	old = a->at < a->count ? &a->list[a->at] : NULL;
	if (old == NULL || !short_id_equal(old->who, who))
		return;
	new->silent = old->silent;
	new->vain = old->vain;
	new->is_live = is_live &&heard.ms >= old->silent.ms;
	if (old->is_live || !new->is_live)
		new->at = old->at;
}

void presence_end(struct presence *a)
{
	struct present *list = a->list;

	a->list = a->coming;
	a->coming = list;
	a->count = a->coming_count;
}

void presence_note(struct presence *a, struct short_id who, bool has_answered, struct mono now)
{
	struct present *one = NULL;

	if (a->count > 0)
		one = bsearch(&who, a->list, a->count, sizeof(*one), by_id);
	if (one == NULL)
		return;
	one->vain = has_answered ? 0 : one->vain + 1;
	one->silent = (struct mono){0};
	if (one->vain == 0 || one->vain > PRESENCE_VAIN)
		return;
	one->silent = now;
	one->is_live = false;
}

void presence_free(struct presence *a)
{
	free(a->list);
	free(a->coming);
	*a = (struct presence){0};
}

bool presence_any(const struct presence *a, struct mono since, const struct short_ids *known)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct present *one = &a->list[i];

		if (one->at.ms > since.ms &&
		    (known->count == 0 || bsearch(&one->who, known->list, known->count,
		                                  sizeof(one->who), by_id) == NULL))
			return true;
	}
	return false;
}
