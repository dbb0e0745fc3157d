/* What the command line asks of watches. */
#include "node/watchctl.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/requests.h"
#include "node/watchrow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define FOR_MS (7 * DAY_MS)
#define FOR_MAX_MS (30 * DAY_MS)
#define EVERY_MS INT64_C(3600000)

static void send_row(struct client *client, const struct watch *w)
{
	size_t space = watchrow_max(w);
	uint8_t *room = malloc(space);
	struct pack p = pack_into(room, space);

	if (room == NULL)
		return;
	watchrow_put(&p, w);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
	free(room);
}

/* `client` is told that `w` stands. */
static void say_standing(struct client *client, const struct watch *w)
{
	send_row(client, w);
	client_end(client, CTL_FOUND, NULL);
}

/* Another that watches the same already. */
static struct watch *twin_of(const struct watch *w)
{
	const struct connection *a = &w->pursuit.target.best;

	for (struct watch *other = w->watches->list; other != NULL; other = other->next) {
		const struct connection *b = &other->pursuit.target.best;

		if (other != w && watch_is_active(other) && a->proto == b->proto &&
		    view_cmp(&a->view, &b->view) == 0 && endpoint_equal(&a->src, &b->src) &&
		    endpoint_equal(&a->dst, &b->dst) &&
		    interval_overlaps(connection_life(a), connection_life(b)))
			return other;
	}
	return NULL;
}

static void begin(struct watch *w)
{
	const struct connection *c = &w->pursuit.target.best;
	char id[WATCH_ID_TEXT_MAX], src[ENDPOINT_TEXT_MAX], dst[ENDPOINT_TEXT_MAX];
	char until[TIMESTAMP_TEXT_MAX];
	struct client *client = w->client;

	w->client = NULL;
	log_line("watch", "%s: %s to %s is watched until %s", watchrow_id(w->id, id),
	         endpoint_print(&c->src, src), endpoint_print(&c->dst, dst),
	         timestamp_print(w->kept.until_ms, until));
	watch_keep(w);
	say_standing(client, w);
	client_put(client);
}

/* Another gap makes another rhythm, and what was found has the one that stands. */
static bool has_other_gap(const struct watch *w, const struct watch *twin)
{
	return w->pursuit.target.request.gap_ms > 0 && w->kept.gap_ms != twin->kept.gap_ms;
}

static void refuse_gap(struct watch *w, const struct watch *twin)
{
	char id[WATCH_ID_TEXT_MAX], gap[DURATION_TEXT_MAX];

	client_end(w->client, CTL_USAGE,
	           "this connection is watched already, by silences of more than %s; spoor watch "
	           "--stop %s ends that",
	           duration_print(twin->kept.gap_ms, gap), watchrow_id(twin->id, id));
	watch_free(w);
}

/* The same is asked for once more: what was said counts; what was not takes nothing away. */
static void renew(struct watch *w, struct watch *twin)
{
	const struct ctl_request *said = &w->pursuit.target.request;
	struct standing *kept = &twin->kept;

	if (said->severity[0] != '\0')
		kept->severity = w->kept.severity;
	if (said->timeout_ms > 0)
		kept->timeout_ms = w->kept.timeout_ms;
	twin->pursuit.severity = kept->severity;
	twin->pursuit.timeout_ms = kept->timeout_ms;
	if (said->for_ms > 0 || w->kept.until_ms > kept->until_ms)
		kept->until_ms = w->kept.until_ms;
	if (said->every_ms > 0)
		kept->every_ms = w->kept.every_ms;
	twin->pace.until_ms = kept->until_ms;
	twin->pace.pause_max_ms = kept->every_ms;
	twin->pace.pause_ms = MIN(twin->pace.pause_ms, twin->pace.pause_max_ms);
	watch_keep(twin);
	say_standing(w->client, twin);
	watch_free(w);
}

/* There is room for one more, but for those that have yet to begin: the oldest that is over goes.
 */
static bool make_room(struct watches *all)
{
	struct watch *over = NULL;
	size_t active = 0, count = 0;

	for (struct watch *w = all->list; w != NULL; w = w->next) {
		active += watch_is_active(w);
		count += watch_stands(w);
		if (watch_stands(w) && w->kept.is_over && over == NULL)
			over = w;
	}
	if (active >= WATCHES_MAX)
		return false;
	if (count >= WATCHES_KEPT_MAX && over != NULL)
		watch_remove(over);
	return true;
}

/* Why the one whose target was found does not begin; CTL_FOUND: it does, and was asked about. */
static enum ctl_code refuse_found(struct watch *w, char reason[PURSUIT_REASON_MAX])
{
	struct pursuit *p = &w->pursuit;
	struct followed target = pursuit_target(p);
	enum err err = ERR_OK;

	if (target.silences < PURSUIT_SILENCES_MIN &&
	    follow_is_over(&w->pace.follow, node_now(), &target)) {
		snprintf(reason, PURSUIT_REASON_MAX,
		         "not decidable by timing: the connection was hardly ever silent for "
		         "longer than the idle timeout; a watch has nothing else, spoor trace "
		         "asks by volume, too");
		return CTL_NOTHING;
	}
	if (!make_room(w->watches)) {
		snprintf(reason, PURSUIT_REASON_MAX,
		         "%d connections are watched, which is the most; spoor watch --stop ID "
		         "ends one",
		         WATCHES_MAX);
		return CTL_DENIED;
	}
	watches_see_members(w->watches);
	if (target.silences >= PURSUIT_SILENCES_MIN && watch_may_ask(w))
		err = watch_ask(w); /* else when its turn has come */
	if (err == ERR_OK || err == ERR_LIMIT)
		return CTL_FOUND;
	return pursuit_refusal(p->node, err, reason);
}

void watchctl_found(struct pursuit *p)
{
	struct watch *w = container_of(p, struct watch, pursuit);
	char reason[PURSUIT_REASON_MAX] = "";
	struct watch *twin = NULL;
	enum ctl_code code = CTL_FOUND;

	if (client_is_gone(w->client)) {
		watch_free(w);
		return;
	}
	if (p->target.err != ERR_OK)
		code = pursuit_not_found(p, reason);
	else
		twin = twin_of(w);
	if (twin != NULL && has_other_gap(w, twin)) {
		refuse_gap(w, twin);
		return;
	}
	if (twin != NULL) {
		renew(w, twin);
		return;
	}
	if (code == CTL_FOUND)
		code = refuse_found(w, reason);
	if (code == CTL_FOUND) {
		begin(w);
		return;
	}
	client_end(w->client, code, "%s", reason);
	watch_free(w);
}

/* Why it is not to be; NULL: it may. */
static const char *refuse(const struct ctl_request *request)
{
	static const struct endpoint nothing;
	int64_t every_ms = request->every_ms;

	if (endpoint_equal(&request->target, &nothing) || trace_severity(request) == SEVERITY_END)
		return "a watch needs a target, and a severity of low, medium, high or critical";
	if (request->for_ms > FOR_MAX_MS)
		return "a watch lasts 30 days at most: members seldom keep flows for longer";
	if (request->timeout_ms > DAY_MS)
		return "a timeout (--timeout) is a day at most";
	if (request->gap_ms > DAY_MS)
		return "a gap (--gap) is a day at most";
	if (every_ms != 0 && (every_ms < FOLLOW_EVERY_MIN_MS || every_ms > DAY_MS))
		return "members are asked every 10 s at most, and once a day at least";
	return NULL;
}

void request_watch(struct client *client, const struct ctl_request *request)
{
	struct node *node = client_node(client);
	struct watches *all = &node->watches;
	const char *refusal = refuse(request);
	struct now now = node_now();
	struct standing kept;
	struct watch *w;

	if (refusal != NULL) {
		client_end(client, CTL_USAGE, "%s", refusal);
		return;
	}
	kept = (struct standing){
		.begun_ms = now.wall.ms,
		.until_ms = now.wall.ms + (request->for_ms > 0 ? request->for_ms : FOR_MS),
		.every_ms = request->every_ms > 0 ? request->every_ms : EVERY_MS,
		.timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : PURSUIT_TIMEOUT_MS,
		.gap_ms = request->gap_ms > 0 ? request->gap_ms : node->conf.idle_timeout_ms,
		.severity = trace_severity(request),
		.asked_ms = STANDING_NEVER,
	};
	w = watch_new(all, 0, &kept);
	if (w == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	w->client = client_hold(client);
	pursuit_start(&w->pursuit, node, request, w->kept.gap_ms);
}

void request_watch_list(struct client *client, const struct ctl_request *request)
{
	struct watches *all = &client_node(client)->watches;
	bool is_any = false;

	(void)request;
	for (const struct watch *w = all->list; w != NULL; w = w->next) {
		if (!watch_stands(w))
			continue;
		is_any = true;
		send_row(client, w);
	}
	client_end(client, is_any ? CTL_FOUND : CTL_NOTHING, NULL);
}

/* The one whose id is `name` or begins so; where it is not one, the client is told. */
static struct watch *watch_named(struct client *client, const char *name)
{
	struct watch *found = NULL;
	size_t count = 0;

	for (struct watch *w = client_node(client)->watches.list; w != NULL; w = w->next) {
		char id[WATCH_ID_TEXT_MAX];

		if (!watch_stands(w) || name[0] == '\0' ||
		    strncmp(watchrow_id(w->id, id), name, strlen(name)) != 0)
			continue;
		found = w;
		count++;
	}
	if (count == 1)
		return found;
	if (count == 0)
		client_end(client, CTL_NOTHING, "no watch is called \"%s\"; spoor watch --list",
		           name);
	else
		client_end(client, CTL_USAGE, "the ids of %zu watches begin with %s", count, name);
	return NULL;
}

void request_watch_stop(struct client *client, const struct ctl_request *request)
{
	struct watch *w = watch_named(client, request->id);

	if (w == NULL)
		return;
	if (!w->kept.is_over)
		watch_finish(w, "it was stopped");
	say_standing(client, w);
	watch_remove(w);
}

static void send_found(struct client *client, const struct watch *w)
{
	for (size_t i = 0; i < w->found_count; i++) {
		uint8_t room[WATCHROW_FOUND_MAX];
		struct pack p = pack_into(room, sizeof(room));

		watchrow_found(&p, w, "found", &w->found[i].found);
		client_send(client, "row", room, pack_len(&p), NULL, NULL);
	}
}

/* First what was found so far: nothing falls between two that listen one after the other. */
void request_watch_tell(struct client *client, const struct ctl_request *request)
{
	struct watches *all = &client_node(client)->watches;
	uint32_t topic = AUDIENCE_ALL;
	const struct watch *named;
	bool is_any = false;
	enum err err;

	if (request->id[0] != '\0') {
		named = watch_named(client, request->id);
		if (named == NULL)
			return;
		topic = named->id;
	}
	for (const struct watch *w = all->list; w != NULL; w = w->next) {
		if (!watch_stands(w) || (topic != AUDIENCE_ALL && topic != w->id))
			continue;
		is_any = true;
		send_found(client, w);
	}
	if (!is_any) {
		client_end(client, CTL_NOTHING, "nothing is watched");
		return;
	}
	err = audience_join(&all->audience, client, topic);
	if (err == ERR_OK)
		watches_run(all);
	else
		audience_refuse(client, err);
}
