#include "node/watch.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/sheet.h"
#include "node/watchctl.h"
#include "node/watchfound.h"
#include "node/watchrow.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define LEFT_TO_OTHERS 2 /* searches a minute, of those that members do for this node */

/*
 * What is kept.
 */

static struct id key_of(const struct watch *w)
{
	struct id key = {{0}};
	struct octets out = octets_of(key.octets, sizeof(key.octets));

	octets_uint(&out, w->id, sizeof(w->id));
	return key;
}

void watch_keep(struct watch *w)
{
	uint8_t room[STANDING_MAX];
	struct id key = key_of(w);
	size_t len;

	w->kept.lost = w->pursuit.target.lost;
	len = standing_pack(&w->kept, &w->pursuit.target.best, room);
	if (len > 0)
		keeper_put(&w->watches->node->keeper, KEEPER_WATCH, &key, room, len);
}

/*
 * Watches.
 */

void watch_free(struct watch *w)
{
	struct watch **link = &w->watches->list;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	pursuit_end(&w->pursuit);
	if (w->client != NULL)
		client_put(w->client);
	free(w->answered.list);
	free(w->found);
	free(w);
}

/* Nothing of it is under way any more; else it goes at a later tick. */
static void leave(struct watch *w)
{
	struct pursuit *p = &w->pursuit;

	w->is_leaving = true;
	if (!p->is_looking && (!p->is_asking || pursuit_break_off(p)))
		watch_free(w);
}

void watch_remove(struct watch *w)
{
	struct keeper *keeper = &w->watches->node->keeper;
	struct id key = key_of(w);

	for (size_t i = 0; i < w->found_count; i++)
		keeper_put(keeper, KEEPER_FOUND, &w->found[i].id, "", 0);
	keeper_put(keeper, KEEPER_WATCH, &key, "", 0);
	leave(w);
}

bool watch_stands(const struct watch *w)
{
	return !w->is_leaving && w->client == NULL;
}

bool watch_is_active(const struct watch *w)
{
	return watch_stands(w) && !w->kept.is_over;
}

static void on_tick(uv_timer_t *timer);

void watches_run(struct watches *all)
{
	if (!uv_is_active((uv_handle_t *)&all->timer))
		uv_timer_start(&all->timer, on_tick, TICK_MS, TICK_MS);
}

/*
 * Telling.
 */

/* The exit code that says how much is known, of one watch or of all. */
static enum ctl_code code_of(const struct watches *all, uint32_t topic)
{
	bool is_alone = all->node->conf.bootstrap_count == 0;
	enum ctl_code code = CTL_NOTHING;

	for (const struct watch *w = all->list; w != NULL; w = w->next) {
		if (!watch_stands(w) || (topic != AUDIENCE_ALL && topic != w->id))
			continue;
		if (w->found_count > 0)
			return CTL_FOUND;
		if (w->kept.passes == 0 || w->kept.answered < w->kept.asked ||
		    (w->kept.asked == 0 && !is_alone))
			code = CTL_PARTIAL;
	}
	return code;
}

/* One that listens has heard all, or has heard enough. */
static bool is_told_all(void *ctx, struct client *client, uint32_t topic)
{
	const struct watches *all = ctx;
	bool goes_on = false;

	for (const struct watch *w = all->list; w != NULL; w = w->next)
		goes_on |= watch_is_active(w) && (topic == AUDIENCE_ALL || topic == w->id);
	if (goes_on && !client_is_stopped(client))
		return false;
	client_end(client, code_of(all, topic), NULL);
	return true;
}

/* Its time is up, or it was stopped: `why`. */
void watch_finish(struct watch *w, const char *why)
{
	uint8_t room[WATCHROW_FOUND_MAX];
	struct pack p = pack_into(room, sizeof(room));
	char id[WATCH_ID_TEXT_MAX];

	w->kept.is_over = true;
	log_line("watch", "%s: ended, %s; %zu found", watchrow_id(w->id, id), why, w->found_count);
	watchrow_ended(&p, w);
	audience_tell(&w->watches->audience, w->id, room, pack_len(&p));
	audience_tend(&w->watches->audience, is_told_all, w->watches);
}

/*
 * What a pass has brought.
 */

static bool has_answered(enum target_state state)
{
	return state == TARGET_ANSWERED || state == TARGET_NONE || state == TARGET_REFUSED;
}

/* Who has not may be asked as soon as it is here. */
static void note_answers(struct watch *w)
{
	const struct round *r = w->pursuit.rounds[0];
	struct short_ids *a = &w->answered;
	struct short_id *list = realloc(a->list, (r->outcome_count + 1) * sizeof(*list));
	struct mono now = node_now().mono;

	w->kept.asked = r->outcome_count;
	w->kept.answered = round_answered(r);
	if (list == NULL)
		return;
	a->list = list;
	a->count = 0;
	for (size_t i = 0; i < r->outcome_count; i++) {
		enum target_state state = r->outcomes[i].state;
		struct short_id who = short_id_of(&r->outcomes[i].card.id);

		if (has_answered(state))
			list[a->count++] = who;
		if (has_answered(state) || state == TARGET_SILENT)
			presence_note(&w->watches->presence, who, state != TARGET_SILENT, now);
	}
	short_ids_sort(list, a->count);
}

static void on_told(struct pursuit *p, struct sheet *sheet)
{
	struct watch *w = container_of(p, struct watch, pursuit);
	const char *unsearched = pursuit_unsearched(p);
	char id[WATCH_ID_TEXT_MAX];
	bool is_news = false;

	if (w->is_leaving) {
		sheet_free(sheet);
		return;
	}
	if (unsearched != NULL)
		log_line("watch", "%s: this node's own flows were not searched: %s",
		         watchrow_id(w->id, id), unsearched);
	if (sheet == NULL) {
		log_line("watch", "%s: what was answered is lost: %s", watchrow_id(w->id, id),
		         err_text(ERR_NOMEM));
	} else {
		is_news = watchfound_take(w, sheet);
		note_answers(w);
	}
	pace_heard(&w->pace, is_news);
	sheet_free(sheet);
	pursuit_forget(p);
	watch_keep(w);
}

/*
 * Asking.
 */

void watches_see_members(struct watches *all)
{
	const struct overlay *overlay = all->node->link.overlay;
	size_t count = overlay_member_count(overlay);
	struct mono now = node_now().mono;
	struct member m;

	if (!presence_begin(&all->presence, count))
		return;
	for (size_t i = 0; i < count; i++) {
		overlay_member(overlay, i, &m);
		if (m.state != MEMBER_EXPIRED)
			presence_see(&all->presence, short_id_of(&m.card->id),
			             m.state == MEMBER_LIVE, m.seen, now);
	}
	presence_end(&all->presence);
}

/* Too many questions under way is no trouble: there is another time. */
static void note_trouble(struct watch *w, enum err err)
{
	char reason[PURSUIT_REASON_MAX] = "", id[WATCH_ID_TEXT_MAX];

	if (err != ERR_OK && err != ERR_LIMIT)
		pursuit_refusal(w->watches->node, err, reason);
	if (strcmp(reason, w->trouble) == 0)
		return;
	log_line("watch", "%s: %s", watchrow_id(w->id, id),
	         err != ERR_OK ? reason : "members are asked again");
	memcpy(w->trouble, reason, sizeof(w->trouble));
}

bool watch_may_ask(const struct watch *w)
{
	const struct pursuit *p = &w->pursuit;

	return spending_allows(&p->node->pursuits.spending, node_now().mono,
	                       p->severity == SEVERITY_LOW, LEFT_TO_OTHERS);
}

enum err watch_ask(struct watch *w)
{
	struct followed target = pursuit_target(&w->pursuit);
	enum err err = pursuit_ask(&w->pursuit);
	struct now now = node_now();

	if (err == ERR_OK) {
		pace_asked(&w->pace, now, &target);
		w->kept.passes = w->pursuit.pass;
		w->kept.asked_ms = now.wall.ms;
		watch_keep(w);
	} else if (err != ERR_LIMIT) {
		w->pace.follow.asked = now.mono;
	}
	return err;
}

static enum follow_step step_of(const struct watch *w, struct now now)
{
	struct followed target = pursuit_target(&w->pursuit);
	bool has_arrived = presence_any(&w->watches->presence, w->pace.follow.asked, &w->answered);

	return pace_next(&w->pace, now, &target, has_arrived);
}

static void attend(struct watch *w, struct now now)
{
	const struct pursuit *p = &w->pursuit;

	if (w->is_leaving) {
		leave(w);
	} else if (!watch_is_active(w) || p->is_looking || p->is_asking) {
		return;
	} else if (step_of(w, now) == FOLLOW_END) {
		watch_finish(w, now.wall.ms >= w->kept.until_ms ? "its time is up"
		                                                : "timing cannot decide it");
		watch_keep(w);
	} else if (!w->pace.follow.is_over && pursuit_wants_look(p, now.mono)) {
		pursuit_look(&w->pursuit);
	}
}

/* Whose turn it is: of those for whom it is time the one that was asked longest ago. */
static struct watch *next_to_ask(struct watches *all, struct now now)
{
	struct watch *best = NULL;

	for (struct watch *w = all->list; w != NULL; w = w->next) {
		if (w->pursuit.is_asking)
			return NULL;
		if (!watch_is_active(w) || w->pursuit.is_looking || step_of(w, now) != FOLLOW_ASK)
			continue;
		if (best == NULL || w->pace.follow.asked.ms < best->pace.follow.asked.ms)
			best = w;
	}
	return best;
}

static void on_tick(uv_timer_t *timer)
{
	struct watches *all = timer->data;
	struct now now = node_now();
	struct watch *w, *next;

	watches_see_members(all);
	for (w = all->list; w != NULL; w = next) {
		next = w->next;
		attend(w, now);
	}
	w = next_to_ask(all, now);
	if (w != NULL && watch_may_ask(w))
		note_trouble(w, watch_ask(w));
	audience_tend(&all->audience, is_told_all, all);
	if (all->list == NULL && all->audience.first == NULL)
		uv_timer_stop(timer);
}

static void on_looked(struct pursuit *p)
{
	struct followed target = pursuit_target(p);
	struct now now = node_now();

	p->look_at = mono_after(now.mono, pace_look_ms(now, &target));
}

/*
 * Beginning.
 */

static const struct pursuit_owner owner = {
	.found = watchctl_found, .looked = on_looked, .told = on_told};

struct watch *watches_find(struct watches *all, uint32_t id)
{
	struct watch *w = all->list;

	while (w != NULL && w->id != id)
		w = w->next;
	return w;
}

static uint32_t free_id(struct watches *all)
{
	uint32_t id = 0;

	while (id == 0 || watches_find(all, id) != NULL)
		node_random(NULL, &id, sizeof(id));
	return id;
}

static size_t watches_count(const struct watches *all)
{
	size_t count = 0;

	for (const struct watch *w = all->list; w != NULL; w = w->next)
		count++;
	return count;
}

/* Behind those that have begun before it. */
static void link_up(struct watches *all, struct watch *w)
{
	struct watch **link = &all->list;

	while (*link != NULL && (*link)->kept.begun_ms <= w->kept.begun_ms)
		link = &(*link)->next;
	w->next = *link;
	*link = w;
}

struct watch *watch_new(struct watches *all, uint32_t id, const struct standing *kept)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->watches = all;
	w->id = id != 0 ? id : free_id(all);
	w->kept = *kept;
	w->pace =
		pace_of(node_now(), FOLLOW_SETTLE_MS(kept->gap_ms), kept->every_ms, kept->until_ms);
	w->pursuit.owner = &owner;
	w->pursuit.severity = kept->severity;
	w->pursuit.timeout_ms = kept->timeout_ms;
	link_up(all, w);
	watches_run(all);
	return w;
}

/*
 * Restarts.
 */

/* What nobody will ever read again goes; the rest may be taken up by another start. */
static void leave_out(struct watches *all, const uint8_t key[STORE_NOTE_KEY], enum err err)
{
	struct id id;

	log_line("watch", "one that was kept is left out: %s", err_text(err));
	memcpy(id.octets, key, sizeof(id.octets));
	if (err == ERR_FORMAT)
		keeper_put(&all->node->keeper, KEEPER_WATCH, &id, "", 0);
	else
		all->is_partial = true;
}

static void recall_watch(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct watches *all = ctx;
	struct bytes in = bytes_of(key, STORE_NOTE_KEY);
	uint32_t id = (uint32_t)bytes_uint(&in, sizeof(id));
	struct interval *on = calloc(QUERY_INTERVALS_MAX, sizeof(*on));
	struct connection target;
	struct standing kept;
	struct watch *w = NULL;
	enum err err = ERR_NOMEM;

	if (on != NULL)
		err = standing_read(bytes_of(data, len), &kept, &target, on);
	if (err == ERR_OK && id == 0)
		err = ERR_FORMAT;
	if (err == ERR_OK && watches_count(all) < WATCHES_KEPT_MAX)
		w = watch_new(all, id, &kept);
	if (w == NULL) {
		leave_out(all, key, err != ERR_OK ? err : ERR_LIMIT);
		free(on);
		return;
	}
	w->pace.follow.silences = target.on_count - 1;
	w->pursuit.pass = kept.passes;
	w->pursuit.target.gap_ms = kept.gap_ms;
	w->pursuit.target.on = on;
	w->pursuit.target.best = target;
	w->pursuit.target.lost = kept.lost;
	pursuit_resume(&w->pursuit, all->node);
}

enum err watches_start(struct watches *all, struct node *node)
{
	enum err err;

	all->node = node;
	uv_timer_init(&node->loop, &all->timer);
	all->timer.data = all;
	all->is_open = true;
	err = store_note_each(node->store, KEEPER_WATCH, recall_watch, all);
	if (err == ERR_OK)
		err = store_note_each(node->store, KEEPER_FOUND, watchfound_recall, all);
	for (struct watch *w = all->list; w != NULL; w = w->next)
		watchfound_sort(w);
	if (all->strays > 0)
		log_line("watch", "%zu connections that were found and kept are left out",
		         all->strays);
	if (all->list != NULL)
		log_line("watch", "%zu kept: spoor watch --list", watches_count(all));
	return err;
}

void watches_stop(struct watches *all)
{
	if (!all->is_open)
		return;
	uv_close((uv_handle_t *)&all->timer, NULL);
	audience_dismiss(&all->audience);
}

void watches_fini(struct watches *all)
{
	while (all->list != NULL)
		watch_free(all->list);
	presence_free(&all->presence);
}
