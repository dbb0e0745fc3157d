#include "node/nearest.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "store/store.h"

#include <stdio.h>

#define EARLY_MS 1000 /* a clock may be so far ahead where nothing is known of it */

/* Below 0: it began after that. */
static int64_t behind(struct interval on, struct interval asked)
{
	if (on.end_ms < asked.start_ms)
		return asked.start_ms - on.end_ms;
	return on.start_ms > asked.end_ms ? asked.end_ms - on.start_ms : 0;
}

static int64_t distance(int64_t ms)
{
	return ms < 0 ? -ms : ms;
}

static void look_at(struct nearest *n, const struct flow *f, struct interval on,
                    struct interval asked)
{
	int64_t behind_ms = behind(on, asked);

	if (n->is_some && distance(behind_ms) >= distance(n->behind_ms))
		return;
	*n = (struct nearest){true, f->exporter, on, f->received_ms, behind_ms};
}

struct timed {
	const struct deadline *deadline;
	bool is_over;
};

static bool is_over(void *ctx)
{
	struct timed *t = ctx;

	t->is_over = deadline_is_over(t->deadline);
	return t->is_over;
}

enum err nearest_find(struct store *store, const struct skews *skews, const struct whom *whom,
                      struct interval asked, wanted_fn *wanted, const void *ctx,
                      const struct deadline *deadline, struct nearest *ret)
{
	struct timed timed = {.deadline = deadline};
	struct wish wish = {
		.when = interval_moved(asked, -NEAREST_WITHIN_MS, NEAREST_WITHIN_MS),
		.whom = whom,
		.whom_count = whom != NULL,
		.is_over = is_over,
		.over_ctx = &timed,
	};
	struct skews_reader clocks = {.of = skews};
	struct store_cursor *cursor;
	const struct flow *flows;
	size_t count;
	enum err err;

	*ret = (struct nearest){.is_some = false};
	if (is_over(&timed))
		return ERR_LIMIT;
	err = store_cursor_find(store, &wish, &cursor);
	if (err != ERR_OK)
		return err;
	while ((err = store_cursor_next(cursor, &flows, &count)) == ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			const struct flow *f = &flows[i];
			int64_t by_ms = -skews_at(&clocks, f).ahead_ms;
			struct interval on = {f->start_ms, f->end_ms};

			if (wanted(ctx, f))
				look_at(ret, f, interval_moved(on, by_ms, by_ms), asked);
		}
	}
	store_cursor_close(cursor);
	if (timed.is_over) {
		*ret = (struct nearest){.is_some = false};
		return ERR_LIMIT;
	}
	return err == ERR_NOENT ? ERR_OK : err;
}

/* Nothing is told of before it is over, nor after it was received. */
static const char *clock_of(const struct nearest *n)
{
	int64_t late_ms = n->received_ms - n->on.end_ms;

	if (late_ms < -EARLY_MS)
		return n->behind_ms < 0 ? ": its clock is ahead" : "";
	return n->behind_ms > 0 && n->behind_ms <= late_ms
	               ? ": its clock may be as far behind as that"
	               : "";
}

const char *nearest_print(const struct nearest *n, char room[NEAREST_TEXT_MAX])
{
	char then[TIMESTAMP_TEXT_MAX], received[TIMESTAMP_TEXT_MAX], exporter[ADDR_TEXT_MAX];
	bool is_before = n->behind_ms > 0;

	room[0] = '\0';
	if (!n->is_some || n->behind_ms == 0)
		return room;
	snprintf(room, NEAREST_TEXT_MAX, "; the nearest %s %s by %s, which told of it %s%s",
	         is_before ? "ended" : "began",
	         timestamp_print(is_before ? n->on.end_ms : n->on.start_ms, then),
	         addr_print(&n->exporter, exporter), timestamp_print(n->received_ms, received),
	         clock_of(n));
	return room;
}
