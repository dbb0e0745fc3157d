#include "node/positions.h"

#include "base/util.h"
#include "node/keeper.h"
#include "node/log.h"
#include "proto/flow/position.h"

#include <stdlib.h>

struct marking {
	struct store_note *notes;
	size_t count, room;
	uint8_t *values; /* one behind the other */
	size_t len, values_room;
};

/* Twice the room, where there is none for `more`. False: no memory. */
static bool grow(void **rows, size_t *room, size_t count, size_t more, size_t size)
{
	size_t wanted = MAX(2 * *room, count + more);
	void *grown;

	if (count + more <= *room)
		return true;
	grown = realloc(*rows, wanted * size);
	if (grown == NULL)
		return false;
	*rows = grown;
	*room = wanted;
	return true;
}

static void note(void *ctx, const struct stream *s)
{
	struct marking *m = ctx;
	void *notes = m->notes, *values = m->values;
	struct store_note *n;
	bool has_room;

	_Static_assert(MEMORY_KEY == STORE_NOTE_KEY, "a note's key");
	if (!position_is_kept(s))
		return;
	has_room = grow(&notes, &m->room, m->count, 1, sizeof(*n)) &&
	           grow(&values, &m->values_room, m->len, POSITION_MAX, 1);
	m->notes = notes;
	m->values = values;
	if (!has_room)
		return;
	n = &m->notes[m->count++];
	n->kind = KEEPER_POSITION;
	memory_key(s, 0, n->key);
	n->len = position_pack(s, m->values + m->len);
	m->len += n->len;
}

void positions_mark(struct flow_decoder *d, struct store *store, bool is_turn)
{
	struct marking m = {.count = 0};
	size_t at = 0;
	enum err err;

	if (store_room(store) == 0)
		return; /* there is no place for a mark: they are told at the next */
	flow_each_moved(d, note, &m);
	for (size_t i = 0; i < m.count; i++) { /* once they stay where they are */
		m.notes[i].value = m.values + at;
		at += m.notes[i].len;
	}
	err = store_mark(store, m.notes, m.count, is_turn);
	if (err != ERR_OK && err != ERR_BUSY)
		log_line("collector", "positions of exporters: %s", err_text(err));
	free(m.notes);
	free(m.values);
}
