#include "node/gather.h"

#include "base/util.h"
#include "store/store.h"

#include <stdlib.h>

static struct mono no_time(void)
{
	return (struct mono){0};
}

const struct deadline deadline_never = {{UINT64_MAX}, no_time};

bool deadline_is_over(const struct deadline *d)
{
	return mono_reached(d->now(), d->at);
}

void gather_free(struct gathered *g)
{
	free(g->rows);
	free(g->room);
}

static enum err grow(struct gathered *g)
{
	size_t space = g->space == 0 ? 4096 : 2 * g->space;
	struct sighting *rows;
	struct interval *room;

	if (g->count < g->space)
		return ERR_OK;
	if (space > GATHERED_MAX)
		return ERR_LIMIT;
	rows = realloc(g->rows, space * sizeof(*rows));
	if (rows == NULL)
		return ERR_NOMEM;
	g->rows = rows;
	room = realloc(g->room, space * sizeof(*room));
	if (room == NULL)
		return ERR_NOMEM;
	g->room = room;
	g->space = space;
	return ERR_OK;
}

_Static_assert(2 * SKEWS_BOUND_MAX_MS <= INT16_MAX, "what is left of it fits a sighting");

static enum err take(struct gathered *g, const struct flow *flow, struct skew skew)
{
	enum err err = grow(g);
	struct sighting *row;

	if (err != ERR_OK)
		return err;
	row = &g->rows[g->count++];
	*row = sighting_of(flow);
	row->on.start_ms -= skew.ahead_ms;
	row->on.end_ms -= skew.ahead_ms;
	row->low_ms = (int16_t)(skew.low_ms - skew.ahead_ms);
	row->high_ms = (int16_t)(skew.high_ms - skew.ahead_ms);
	g->window.start_ms = MIN(g->window.start_ms, row->on.start_ms);
	g->window.end_ms = MAX(g->window.end_ms, row->on.end_ms);
	return ERR_OK;
}

struct timed {
	const struct deadline *deadline;
	struct gathered *g;
};

static bool is_over(void *ctx)
{
	const struct timed *t = ctx;

	t->g->is_cut = deadline_is_over(t->deadline);
	return t->g->is_cut;
}

struct reading {
	struct store *store;
	struct skews_reader clocks;
	const struct skew_band *bands;
	size_t band_count;
	wanted_fn *wanted;
	const void *ctx;
	struct gathered *g;
};

/* Windows of two bands may have a flow in common: it is taken with its own. */
static bool is_of_band(const struct reading *r, size_t band, struct skew skew)
{
	bool is_first = band == 0, is_last = band == r->band_count - 1;

	return (is_last || skew.ahead_ms <= r->bands[band].last_ms) &&
	       (is_first || skew.ahead_ms > r->bands[band - 1].last_ms);
}

static enum err take_some(struct reading *r, size_t band, const struct flow *flows, size_t count)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct skew skew = skews_at(&r->clocks, &flows[i]);

		if (!is_of_band(r, band, skew))
			continue;
		r->g->flows++;
		if (r->wanted(r->ctx, &flows[i]))
			err = take(r->g, &flows[i], skew);
	}
	return err;
}

static enum err read_band(struct reading *r, size_t band, const struct wish *wish)
{
	struct wish by_theirs = *wish;
	struct store_cursor *cursor;
	const struct flow *flows;
	size_t count;
	enum err err;

	by_theirs.when = skew_band_when(&r->bands[band], wish->when);
	err = store_cursor_find(r->store, &by_theirs, &cursor);
	if (err != ERR_OK)
		return err;
	while (err == ERR_OK) {
		err = store_cursor_next(cursor, &flows, &count);
		if (err == ERR_OK)
			err = take_some(r, band, flows, count);
	}
	store_cursor_close(cursor);
	return err == ERR_NOENT ? ERR_OK : err;
}

enum err gather(struct store *store, const struct skews *skews, const struct wish *wish,
                wanted_fn *wanted, const void *ctx, const struct deadline *deadline,
                struct gathered *g)
{
	struct timed timed = {deadline, g};
	struct skew_band bands[SKEWS_BANDS_MAX];
	struct reading r = {
		.store = store,
		.clocks = {.of = skews},
		.bands = bands,
		.band_count = skews_bands(skews, wish->when, bands),
		.wanted = wanted,
		.ctx = ctx,
		.g = g,
	};
	struct wish with_end = *wish;
	enum err err = ERR_OK;

	*g = (struct gathered){.window = {INT64_MAX, INT64_MIN}};
	with_end.is_over = is_over;
	with_end.over_ctx = &timed;
	for (size_t i = 0; i < r.band_count && err == ERR_OK && !g->is_cut; i++)
		err = read_band(&r, i, &with_end);
	if (err != ERR_OK)
		gather_free(g);
	return err;
}
