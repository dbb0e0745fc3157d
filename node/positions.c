#include "node/positions.h"

#include "base/util.h"
#include "node/keeper.h"
#include "node/log.h"
#include "proto/flow/position.h"

#include <stdlib.h>

struct marking {
	struct store_note *notes;
	uint8_t (*values)[POSITION_MAX];
	size_t count, room;
};

static bool grow(struct marking *m)
{
	size_t room = MAX(2 * m->room, 64);
	struct store_note *notes = realloc(m->notes, room * sizeof(*notes));
	uint8_t(*values)[POSITION_MAX];

	if (notes == NULL)
		return false;
	m->notes = notes;
	values = realloc(m->values, room * sizeof(*values));
	if (values == NULL)
		return false;
	m->values = values;
	m->room = room;
	return true;
}

static void note(void *ctx, const struct stream *s)
{
	struct marking *m = ctx;
	struct store_note *n;

	_Static_assert(MEMORY_KEY == STORE_NOTE_KEY, "a note's key");
	if (!position_is_kept(s) || (m->count == m->room && !grow(m)))
		return;
	n = &m->notes[m->count];
	n->kind = KEEPER_POSITION;
	memory_key(s, 0, n->key);
	n->len = position_pack(s, m->values[m->count]);
	m->count++;
}

void positions_mark(struct flow_decoder *d, struct store *store, bool is_turn)
{
	struct marking m = {.count = 0};
	enum err err;

	if (store_room(store) == 0)
		return; /* there is no place for a mark: they are told at the next */
	flow_each_moved(d, note, &m);
	for (size_t i = 0; i < m.count; i++) /* once they stay where they are */
		m.notes[i].value = m.values[i];
	err = store_mark(store, m.notes, m.count, is_turn);
	if (err != ERR_OK && err != ERR_BUSY)
		log_line("collector", "positions of exporters: %s", err_text(err));
	free(m.notes);
	free(m.values);
}
