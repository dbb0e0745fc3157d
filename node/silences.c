#include "node/silences.h"

#include "base/util.h"
#include "node/log.h"
#include "store/edges.h"
#include "store/large.h"

/* The log has what the table could tell; how much it could not, it is told. */
static void note_lack(struct silences *s)
{
	uint64_t lacks = gaps_stats(s->gaps).lacks;

	if (lacks == s->lacks)
		return;
	if (s->lacks == 0)
		log_line("store",
		         "more connections fall silent than are remembered: searches of this time "
		         "look at everything, or say that they could not");
	s->lacks = lacks;
	store_edges_lack(s->store);
}

static void take(struct silences *s, bool is_logged)
{
	struct edge edges[GAPS_EDGES];
	size_t found = gaps_take(s->gaps, edges);

	if (is_logged)
		return;
	store_edges_append(s->store, edges, found);
	note_lack(s);
}

static void feed(struct silences *s, const struct flow *flows, size_t count, bool is_logged)
{
	for (size_t i = 0; i < count; i++) {
		const struct flow *f = &flows[i];

		if (!gaps_is_whole(f) && gaps_note(s->gaps, f, store_connection(s->store, f)))
			take(s, is_logged);
	}
}

void silences_feed(struct silences *s, const struct flow *flows, size_t count)
{
	if (s->gaps != NULL)
		feed(s, flows, count, false);
}

void silences_flush(struct silences *s)
{
	if (s->gaps != NULL)
		take(s, false);
}

static enum err catch_up(struct silences *s)
{
	struct store_cursor *cursor;
	const struct flow *flows;
	size_t count;
	enum err err = store_cursor_tail(s->store, SILENCES_FLOWS, &cursor);

	if (err != ERR_OK)
		return err;
	while ((err = store_cursor_next(cursor, &flows, &count)) == ERR_OK) {
		bool is_logged = store_cursor_is_logged(cursor);

		feed(s, flows, count, is_logged);
		take(s, is_logged);
	}
	store_cursor_close(cursor);
	return err == ERR_NOENT ? ERR_OK : err;
}

void silences_start(struct silences *s, struct store *store, int64_t gap_ms, size_t connections)
{
	enum err err = ERR_NOMEM;

	*s = (struct silences){.store = store, .room_octets = gaps_octets(connections)};
	s->room = large_new(s->room_octets);
	if (s->room != NULL) {
		s->gaps = gaps_new(s->room, connections, gap_ms);
		err = catch_up(s);
	}
	if (err == ERR_OK) {
		store_edges_begin(store, gap_ms);
		return;
	}
	log_line("store", "silences are not logged, so that searches look at everything: %s",
	         err_text(err));
	silences_free(s);
}

void silences_free(struct silences *s)
{
	large_free(s->room, s->room_octets);
	s->room = NULL;
	s->gaps = NULL;
}
