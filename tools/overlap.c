#include "tools/overlap.h"

#include "base/util.h"
#include "proto/flow/repeat.h"
#include "proto/flow/ways.h"

#include <stdlib.h>

#define PLACES_MIN 1024

struct seen {
	uint64_t digest;
	uint32_t file; /* 0: free */
};

struct overlap { /* open addressing, at most half full */
	struct seen *places;
	size_t place_count, count; /* places: a power of two */
	uint32_t file;
};

struct overlap *overlap_new(void)
{
	struct overlap *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	o->place_count = PLACES_MIN;
	o->places = calloc(o->place_count, sizeof(*o->places));
	if (o->places == NULL) {
		free(o);
		return NULL;
	}
	return o;
}

void overlap_free(struct overlap *o)
{
	if (o == NULL)
		return;
	free(o->places);
	free(o);
}

void overlap_file(struct overlap *o)
{
	o->file++;
}

static struct seen *find(const struct overlap *o, uint64_t digest)
{
	size_t at = digest & (o->place_count - 1);

	while (o->places[at].file != 0 && o->places[at].digest != digest)
		at = (at + 1) & (o->place_count - 1);
	return &o->places[at];
}

/* False: there is no memory, or no more is wanted. */
static bool make_room(struct overlap *o)
{
	struct overlap more = *o;

	if (2 * (o->count + 1) <= o->place_count)
		return true;
	more.place_count *= 2;
	more.places =
		o->count < OVERLAP_MAX ? calloc(more.place_count, sizeof(*more.places)) : NULL;
	if (more.places == NULL)
		return false;
	for (size_t i = 0; i < o->place_count; i++) {
		if (o->places[i].file != 0)
			*find(&more, o->places[i].digest) = o->places[i];
	}
	free(o->places);
	*o = more;
	return true;
}

bool overlap_check(struct overlap *o, const struct endpoint *from, struct bytes data)
{
	uint64_t digest =
		ways_mix(ways_mix_addr(repeat_digest(data, true), &from->addr), from->port);
	struct seen *s = find(o, digest);

	if (s->file != 0)
		return s->file < o->file;
	if (!make_room(o))
		return false;
	*find(o, digest) = (struct seen){digest, o->file};
	o->count++;
	return false;
}
