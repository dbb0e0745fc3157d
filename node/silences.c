#include "node/silences.h"

#include "base/util.h"
#include "node/log.h"
#include "store/edges.h"

/* Edges of flows[0..count), a run; returns how many. */
static size_t edges_in(struct silences *s, const struct flow *flows, size_t count,
                       struct edge ret[GAPS_A_FLOW * GAPS_RUN])
{
	uint64_t connections[GAPS_RUN];

	store_connections(s->store, flows, count, connections);
	return gaps_feed(s->gaps, flows, connections, count, ret);
}

static void feed_run(struct silences *s, const struct flow *flows, size_t count, bool is_logged)
{
	struct edge edges[GAPS_A_FLOW * GAPS_RUN];
	size_t found = edges_in(s, flows, count, edges);

	if (!is_logged)
		store_edges_append(s->store, edges, found);
}

static void feed(struct silences *s, const struct flow *flows, size_t count, bool is_logged)
{
	struct flow run[GAPS_RUN]; /* those that may be one of several */
	size_t held = 0;

	for (size_t i = 0; i < count; i++) {
		if (gaps_is_whole(&flows[i]))
			continue;
		run[held++] = flows[i];
		if (held == GAPS_RUN) {
			feed_run(s, run, held, is_logged);
			held = 0;
		}
	}
	if (held > 0)
		feed_run(s, run, held, is_logged);
}

void silences_feed(struct silences *s, const struct flow *flows, size_t count)
{
	if (s->gaps != NULL)
		feed(s, flows, count, false);
}

static enum err catch_up(struct silences *s)
{
	struct store_cursor *cursor;
	const struct flow *flows;
	size_t count;
	enum err err = store_cursor_tail(s->store, SILENCES_FLOWS, &cursor);

	if (err != ERR_OK)
		return err;
	while ((err = store_cursor_next(cursor, &flows, &count)) == ERR_OK)
		feed(s, flows, count, store_cursor_is_logged(cursor));
	store_cursor_close(cursor);
	return err == ERR_NOENT ? ERR_OK : err;
}

void silences_start(struct silences *s, struct store *store, int64_t gap_ms, size_t connections)
{
	enum err err = ERR_NOMEM;

	*s = (struct silences){.store = store, .gaps = gaps_new(connections, gap_ms)};
	if (s->gaps != NULL)
		err = catch_up(s);
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
	gaps_free(s->gaps);
	s->gaps = NULL;
}
