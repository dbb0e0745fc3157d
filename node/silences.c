#include "node/silences.h"

#include "base/util.h"
#include "node/log.h"
#include "store/edges.h"
#include "store/large.h"

/* Edges of flows[0..count), a run; returns how many. */
static size_t edges_in(struct silences *s, const struct flow *flows, size_t count,
                       struct edge ret[GAPS_A_FLOW * GAPS_RUN])
{
	uint64_t connections[GAPS_RUN];

	store_connections(s->store, flows, count, connections);
	return gaps_feed(s->gaps, flows, connections, count, ret);
}

static void flush(struct silences *s, bool is_logged)
{
	struct edge edges[GAPS_A_FLOW * GAPS_RUN];
	size_t found = edges_in(s, s->run, s->held, edges);

	s->held = 0;
	if (!is_logged)
		store_edges_append(s->store, edges, found);
}

/* Many at a time: what the table has of them is on its way from memory when it is needed. */
static void feed(struct silences *s, const struct flow *flows, size_t count, bool is_logged)
{
	for (size_t i = 0; i < count; i++) {
		if (gaps_is_whole(&flows[i]))
			continue;
		s->run[s->held++] = flows[i];
		if (s->held == GAPS_RUN)
			flush(s, is_logged);
	}
}

void silences_feed(struct silences *s, const struct flow *flows, size_t count)
{
	if (s->gaps != NULL)
		feed(s, flows, count, false);
}

void silences_flush(struct silences *s)
{
	if (s->gaps != NULL && s->held > 0)
		flush(s, false);
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
		if (s->held > 0)
			flush(s, is_logged);
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
