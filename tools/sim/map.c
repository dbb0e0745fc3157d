/* A hash table from numbers to numbers, which grows: what is known of some pairs out of N x N. */
#include "tools/sim/parts.h"

#include <stdlib.h>

#define NOBODY UINT64_MAX

uint64_t map_key(uint64_t a, uint64_t b)
{
	struct prng p = {.state = a};

	p.state = prng_next(&p) ^ b;
	return prng_next(&p) >> 1; /* never NOBODY */
}

static size_t place(const struct map *m, uint64_t key)
{
	size_t i = (key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (m->room - 1);

	while (m->keys[i] != NOBODY && m->keys[i] != key)
		i = (i + 1) & (m->room - 1);
	return i;
}

static void grow(struct map *m)
{
	struct map old = *m;

	m->room = MAX(1024, 2 * old.room);
	m->keys = must(malloc(m->room * sizeof(*m->keys)));
	m->values = must(calloc(m->room, sizeof(*m->values)));
	for (size_t i = 0; i < m->room; i++)
		m->keys[i] = NOBODY;
	for (size_t i = 0; i < old.room; i++) {
		size_t at;

		if (old.keys[i] == NOBODY)
			continue;
		at = place(m, old.keys[i]);
		m->keys[at] = old.keys[i];
		m->values[at] = old.values[i];
	}
	free(old.keys);
	free(old.values);
}

uint64_t *map_at(struct map *m, uint64_t key)
{
	size_t i;

	if (2 * m->count >= m->room)
		grow(m);
	i = place(m, key);
	if (m->keys[i] == NOBODY) {
		m->keys[i] = key;
		m->count++;
	}
	return &m->values[i];
}

uint64_t map_find(const struct map *m, uint64_t key)
{
	size_t i;

	if (m->room == 0)
		return 0;
	i = place(m, key);
	return m->keys[i] == key ? m->values[i] : 0;
}

void map_free(struct map *m)
{
	free(m->keys);
	free(m->values);
}
