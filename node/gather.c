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

static enum err take(struct gathered *g, const struct flow *flow)
{
	enum err err = grow(g);

	if (err != ERR_OK)
		return err;
	g->rows[g->count++] = sighting_of(flow);
	g->window.start_ms = MIN(g->window.start_ms, flow->start_ms);
	g->window.end_ms = MAX(g->window.end_ms, flow->end_ms);
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

enum err gather(struct store *store, const struct wish *wish, wanted_fn *wanted, const void *ctx,
                const struct deadline *deadline, struct gathered *g)
{
	struct timed timed = {deadline, g};
	struct wish with_end = *wish;
	struct store_cursor *cursor;
	const struct flow *flows;
	size_t count;
	enum err err;

	*g = (struct gathered){.window = {INT64_MAX, INT64_MIN}};
	with_end.is_over = is_over;
	with_end.over_ctx = &timed;
	err = store_cursor_find(store, &with_end, &cursor);
	if (err != ERR_OK)
		return err;
	while (err == ERR_OK) {
		err = store_cursor_next(cursor, &flows, &count);
		for (size_t i = 0; i < count && err == ERR_OK; i++) {
			g->flows++;
			if (wanted(ctx, &flows[i]))
				err = take(g, &flows[i]);
		}
	}
	store_cursor_close(cursor);
	if (err == ERR_NOENT)
		return ERR_OK;
	gather_free(g);
	return err;
}
