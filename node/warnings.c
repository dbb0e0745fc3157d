#include "node/warnings.h"

#include "base/util.h"
#include "node/clockwarning.h"
#include "node/log.h"
#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 5000
#define HOUR_MS INT64_C(3600000)
#define SKEW_MAX_MS 10000
#define SKEW_OVER_MS 8000 /* below it a clock is right again: nothing is told over and over */
#define LIST_HOURS_MAX 72 /* a root signs its list anew every day */
#define ROOM_MAX CLOCKWARNING_TEXT_MAX

/* Says how the clock stands; is it off? */
static bool clock_is_off(const struct warnings *w, struct now now, char room[ROOM_MAX])
{
	int64_t bound_ms = w->is_on[WARNING_CLOCK] ? SKEW_OVER_MS : SKEW_MAX_MS, skew_ms;
	size_t peers = overlay_peer_skew(w->node->link.overlay, &skew_ms);

	(void)now;
	snprintf(room, ROOM_MAX, "the clock is %lld s %s that of %zu peer%s", llabs(skew_ms) / 1000,
	         skew_ms < 0 ? "ahead of" : "behind", peers,
	         peers == 1 ? "" : "s, by their median");
	return peers > 0 && llabs(skew_ms) > bound_ms;
}

/* Says how old the oldest list of a root is that is trusted now; is that too old? */
static bool list_is_old(const struct warnings *w, struct now now, char room[ROOM_MAX])
{
	struct trust_head heads[TRUST_ROOTS_MAX];
	size_t count = overlay_lists(w->node->link.overlay, now, heads);
	struct trust_head oldest = {.issued = now.wall};
	const uint8_t *key = oldest.root.octets;
	int64_t age_ms;

	for (size_t i = 0; i < count; i++) {
		if (heads[i].issued.ms < oldest.issued.ms)
			oldest = heads[i];
	}
	age_ms = now.wall.ms - oldest.issued.ms;
	snprintf(room, ROOM_MAX,
	         "the list of root %02x%02x%02x%02x is %lld hours old: newer ones may be withheld",
	         key[0], key[1], key[2], key[3], (long long)(age_ms / HOUR_MS));
	return age_ms > LIST_HOURS_MAX * HOUR_MS;
}

/* Says which exporter's clock is farthest off; is any? */
static bool exporter_is_off(const struct warnings *w, struct now now, char room[ROOM_MAX])
{
	int64_t bound_ms = w->is_on[WARNING_EXPORTER] ? SKEW_OVER_MS : SKEW_MAX_MS;
	const struct flow_decoder *d = w->node->collector.decoder;
	struct clockwarning found = {.count = 0};

	if (d != NULL) /* else nothing is collected yet */
		found = clockwarning_of(d->streams, now.wall.ms, bound_ms);
	return clockwarning_text(&found, room);
}

static const struct {
	bool (*is_due)(const struct warnings *w, struct now now, char room[ROOM_MAX]);
	const char *topic, *over;
} kinds[WARNING_COUNT] = {
	[WARNING_CLOCK] = {clock_is_off, "clock", "the clock agrees with those of the peers again"},
	[WARNING_LIST] = {list_is_old, "notices", "the lists of the roots are new again"},
	[WARNING_EXPORTER] = {exporter_is_off, "collector",
                              "the clocks of the exporters are right again"},
};

void warnings_look(struct warnings *w, struct now now)
{
	char room[ROOM_MAX];

	for (size_t i = 0; i < WARNING_COUNT; i++) {
		bool was_on = w->is_on[i];

		w->is_on[i] = kinds[i].is_due(w, now, room);
		if (w->is_on[i] && !was_on)
			log_line(kinds[i].topic, "warning: %s", room);
		else if (was_on && !w->is_on[i])
			log_line(kinds[i].topic, "%s", kinds[i].over);
	}
}

static void append(char room[WARNINGS_MAX], const char *text)
{
	size_t len = strlen(room);

	snprintf(room + len, WARNINGS_MAX - len, "%s%s", len > 0 ? "; " : "", text);
}

const char *warnings_text(const struct warnings *w, struct now now, char room[WARNINGS_MAX])
{
	char one[MAX(ROOM_MAX, KEYS_WARNING_MAX)];

	room[0] = '\0';
	if (keys_warning(&w->node->keys, now.wall, one) != NULL)
		append(room, one);
	for (size_t i = 0; i < WARNING_COUNT; i++) {
		(void)kinds[i].is_due(w, now, one);
		if (w->is_on[i])
			append(room, one);
	}
	return room[0] != '\0' ? room : NULL;
}

static void on_timer(uv_timer_t *timer)
{
	warnings_look(timer->data, node_now());
}

void warnings_start(struct warnings *w, struct node *node)
{
	w->node = node;
	uv_timer_init(&node->loop, &w->timer);
	w->timer.data = w;
	w->is_open = true;
	uv_timer_start(&w->timer, on_timer, LOOK_MS, LOOK_MS);
}

void warnings_stop(struct warnings *w)
{
	if (w->is_open)
		uv_close((uv_handle_t *)&w->timer, NULL);
}
