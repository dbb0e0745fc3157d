#include "node/watchrow.h"

#include "base/util.h"
#include "node/bundle.h"
#include "node/node.h"
#include "node/row.h"

#include <stdio.h>

#define ROOM (4 << 10) /* of the watch itself */

const char *watchrow_id(uint32_t id, char room[WATCH_ID_TEXT_MAX])
{
	snprintf(room, WATCH_ID_TEXT_MAX, "%08x", (unsigned)id);
	return room;
}

size_t watchrow_max(const struct watch *w)
{
	return ROOM + w->found_count * WATCHROW_FOUND_MAX;
}

static void put_found(struct pack *p, const struct watch *w, const struct discovery *f)
{
	char path[CONF_PATH_MAX];

	row_time(p, "found", f->at_ms);
	row_str(p, "node", f->node);
	row_str(p, "org", f->org);
	row_finding(p, &f->finding);
	row_uint(p, "silences", f->finding.silences);
	row_real(p, "p_value", f->p_value);
	row_bool(p, "is_significant", f->is_significant);
	row_hex(p, "query", f->query.octets, sizeof(f->query.octets));
	if (bundle_path(w->watches->node, &f->query, path))
		row_str(p, "bundle", path);
	else
		row_nil(p, "bundle");
}
#define FOUND_KEYS (8 + ROW_FINDING_KEYS)

static void put_id(struct pack *p, const char *key, const struct watch *w)
{
	char id[WATCH_ID_TEXT_MAX];

	row_str(p, key, watchrow_id(w->id, id));
}

void watchrow_found(struct pack *p, const struct watch *w, const char *kind,
                    const struct discovery *f)
{
	pack_map(p, 2 + FOUND_KEYS);
	row_str(p, "kind", kind);
	put_id(p, "watch", w);
	put_found(p, w, f);
}

void watchrow_ended(struct pack *p, const struct watch *w)
{
	pack_map(p, 4);
	row_str(p, "kind", "ended");
	put_id(p, "watch", w);
	row_time(p, "at", node_now().wall.ms);
	row_uint(p, "found", w->found_count);
}

enum state { WATCHING, ASKING, WAITING, ENDED, STATES };

static const char *const states[] = {"watching", "asking", "waiting", "ended"};

static enum state state_of(const struct watch *w)
{
	if (w->kept.is_over)
		return ENDED;
	if (w->pursuit.is_asking)
		return ASKING;
	if (w->pursuit.target.best.on_count <= PURSUIT_SILENCES_MIN)
		return WAITING;
	return WATCHING;
}

void watchrow_counts(struct pack *p, const struct watches *all)
{
	size_t counts[STATES] = {0}, found = 0;

	for (const struct watch *w = all->list; w != NULL; w = w->next) {
		if (!watch_stands(w))
			continue;
		counts[state_of(w)]++;
		found += w->found_count;
	}
	pack_str(p, "watches");
	pack_map(p, STATES + 1);
	for (size_t i = 0; i < STATES; i++)
		row_uint(p, states[i], counts[i]);
	row_uint(p, "found", found);
}

/* When it is asked next, if nothing happens before. */
static void put_next(struct pack *p, const struct watch *w)
{
	struct now now = node_now();
	int64_t since_ms = (int64_t)(now.mono.ms - w->pace.follow.asked.ms);

	if (w->kept.is_over || w->pursuit.target.best.on_count <= PURSUIT_SILENCES_MIN)
		row_nil(p, "next");
	else
		row_time(p, "next", now.wall.ms + MAX(w->pace.pause_ms - since_ms, 0));
}

static void put_target(struct pack *p, const struct watch *w)
{
	const struct connection *c = &w->pursuit.target.best;

	row_endpoint(p, "src", &c->src);
	row_endpoint(p, "dst", &c->dst);
	row_uint(p, "proto", c->proto);
	row_view(p, "view", &c->view);
	row_time(p, "start", connection_life(c).start_ms);
	row_time(p, "end", connection_life(c).end_ms);
	row_bool(p, "is_open", connection_is_open(c));
	row_uint(p, "silences", c->on_count - 1);
}

void watchrow_put(struct pack *p, const struct watch *w)
{
	const struct standing *s = &w->kept;

	pack_map(p, 24);
	put_id(p, "id", w);
	row_str(p, "state", states[state_of(w)]);
	put_target(p, w);
	row_time(p, "begun", s->begun_ms);
	row_time(p, "until", s->until_ms);
	row_uint(p, "every_ms", (uint64_t)s->every_ms);
	row_uint(p, "timeout_ms", (uint64_t)s->timeout_ms);
	row_uint(p, "gap_ms", (uint64_t)s->gap_ms);
	row_str(p, "severity", severity_text(s->severity));
	row_uint(p, "questions", s->passes);
	if (s->asked_ms == STANDING_NEVER)
		row_nil(p, "last_asked");
	else
		row_time(p, "last_asked", s->asked_ms);
	put_next(p, w);
	row_uint(p, "asked", s->asked);
	row_uint(p, "answered", s->answered);
	if (w->trouble[0] == '\0')
		row_nil(p, "error");
	else
		row_str(p, "error", w->trouble);
	row_bool(p, "is_complete", !w->is_full);
	pack_str(p, "found");
	pack_array(p, w->found_count);
	for (size_t i = 0; i < w->found_count; i++) {
		pack_map(p, FOUND_KEYS);
		put_found(p, w, &w->found[i].found);
	}
}
