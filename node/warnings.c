#include "node/warnings.h"

#include "base/util.h"
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
#define ROOM_MAX 160

static bool is_clock_off(const struct warnings *w)
{
	int64_t skew_ms;
	size_t peers = overlay_peer_skew(w->node->link.overlay, &skew_ms);

	return peers > 0 && llabs(skew_ms) > (w->is_clock_off ? SKEW_OVER_MS : SKEW_MAX_MS);
}

static void clock_text(const struct warnings *w, char room[ROOM_MAX])
{
	int64_t skew_ms;
	size_t peers = overlay_peer_skew(w->node->link.overlay, &skew_ms);

	snprintf(room, ROOM_MAX, "the clock is %lld s %s that of %zu peer%s", llabs(skew_ms) / 1000,
	         skew_ms < 0 ? "ahead of" : "behind", peers,
	         peers == 1 ? "" : "s, by their median");
}

/* The oldest list of a root that is trusted now; false: there is none. */
static bool oldest_list(const struct warnings *w, struct now now, struct trust_head *ret)
{
	struct trust_head heads[TRUST_ROOTS_MAX];
	size_t count = overlay_lists(w->node->link.overlay, now, heads);

	for (size_t i = 0; i < count; i++) {
		if (i == 0 || heads[i].issued.ms < ret->issued.ms)
			*ret = heads[i];
	}
	return count > 0;
}

static bool is_list_old(const struct warnings *w, struct now now)
{
	struct trust_head head;

	return oldest_list(w, now, &head) &&
	       now.wall.ms - head.issued.ms > LIST_HOURS_MAX * HOUR_MS;
}

static void list_text(const struct warnings *w, struct now now, char room[ROOM_MAX])
{
	struct trust_head head = {0};
	const uint8_t *key = head.root.octets;

	(void)oldest_list(w, now, &head);
	snprintf(room, ROOM_MAX,
	         "the list of root %02x%02x%02x%02x is %lld hours old: newer ones may be withheld",
	         key[0], key[1], key[2], key[3],
	         (long long)((now.wall.ms - head.issued.ms) / HOUR_MS));
}

void warnings_look(struct warnings *w, struct now now)
{
	bool was_off = w->is_clock_off, was_old = w->is_list_old;
	char room[ROOM_MAX];

	w->is_clock_off = is_clock_off(w);
	w->is_list_old = is_list_old(w, now);
	if (w->is_clock_off && !was_off) {
		clock_text(w, room);
		log_line("clock", "warning: %s", room);
	} else if (was_off && !w->is_clock_off) {
		log_line("clock", "the clock agrees with those of the peers again");
	}
	if (w->is_list_old && !was_old) {
		list_text(w, now, room);
		log_line("notices", "warning: %s", room);
	} else if (was_old && !w->is_list_old) {
		log_line("notices", "the lists of the roots are new again");
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
	if (w->is_clock_off) {
		clock_text(w, one);
		append(room, one);
	}
	if (w->is_list_old) {
		list_text(w, now, one);
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
