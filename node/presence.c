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

static bool make_room(struct presence *p, size_t members)
{
	struct present *list, *coming;

	if (members <= p->space)
		return true;
	list = realloc(p->list, members * sizeof(*list));
	if (list == NULL)
		return false;
	p->list = list;
	coming = realloc(p->coming, members * sizeof(*coming));
	if (coming == NULL)
		return false;
	p->coming = coming;
	p->space = members;
	return true;
}

bool presence_begin(struct presence *p, size_t members)
{
	p->coming_count = p->at = 0;
	return make_room(p, members);
}

void presence_see(struct presence *p, struct short_id who, bool is_live, struct mono heard,
                  struct mono now)
{
	struct present *one = &p->coming[p->coming_count++];
	const struct present *old;

	CHECK(p->coming_count <= p->space);
	while (p->at < p->count && by_id(&p->list[p->at].who, &who) < 0)
		p->at++;
	*one = (struct present){.who = who, .is_live = is_live, .at = now};
	old = p->at < p->count ? &p->list[p->at] : NULL;
	if (old == NULL || !short_id_equal(old->who, who))
		return;
	one->silent = old->silent;
	one->vain = old->vain;
	one->is_live = is_live && heard.ms >= old->silent.ms;
	if (old->is_live || !one->is_live)
		one->at = old->at;
}

void presence_end(struct presence *p)
{
	struct present *list = p->list;

	p->list = p->coming;
	p->coming = list;
	p->count = p->coming_count;
}

void presence_note(struct presence *p, struct short_id who, bool has_answered, struct mono now)
{
	struct present *one = NULL;

	if (p->count > 0)
		one = bsearch(&who, p->list, p->count, sizeof(*one), by_id);
	if (one == NULL)
		return;
	one->vain = has_answered ? 0 : one->vain + 1;
	one->silent = (struct mono){0};
	if (one->vain == 0 || one->vain > PRESENCE_VAIN)
		return;
	one->silent = now;
	one->is_live = false;
}

void presence_free(struct presence *p)
{
	free(p->list);
	free(p->coming);
	*p = (struct presence){0};
}

bool presence_any(const struct presence *p, struct mono since, const struct short_ids *known)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct present *one = &p->list[i];

		if (one->at.ms > since.ms &&
		    (known->count == 0 || bsearch(&one->who, known->list, known->count,
		                                  sizeof(one->who), by_id) == NULL))
			return true;
	}
	return false;
}
