#include "tools/sim/play.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define PLANTED 3
#define POLL_MS 250
#define SETTLE_MS 1000 /* after the last event, when no expectation asks for more */
#define TRIES 1000000

bool play_init(struct play *play)
{
	const struct story *story = play->story;
	uint32_t nodes = sim_nodes(play->sim);
	const struct liar_kind *kind = liar_by_name(story->liar);

	play->prng.state = ~story->seed ^ nodes;
	play->revoked = SIM_NOWHERE;
	memset(play->know_ms, 0xff, sizeof(play->know_ms));
	play->equal_ms = UINT64_MAX;
	play->crashed_ms = malloc(nodes * sizeof(*play->crashed_ms));
	if (play->crashed_ms == NULL ||
	    !cast_init(&play->cast, nodes, story->seed, story->dead, story->byzantine)) {
		free(play->crashed_ms);
		return false;
	}
	memset(play->crashed_ms, 0xff, nodes * sizeof(*play->crashed_ms));
	for (uint32_t i = 0; i < nodes && story->byzantine > 0; i++) {
		if (play->cast.roles[i] == CAST_VICTIM)
			sim_set_victim(play->sim, i);
		if (play->cast.roles[i] == CAST_LIAR)
			sim_set_liar(play->sim, i, kind);
	}
	return true;
}

void play_fini(struct play *play)
{
	cast_fini(&play->cast);
	free(play->crashed_ms);
}

static bool starts_later(const struct scenario *s, uint32_t node)
{
	for (size_t i = 0; s != NULL && i < s->event_count; i++) {
		const struct scenario_event *event = &s->events[i];

		if (event->verb == SCENARIO_START && node >= event->who.first &&
		    node <= event->who.last)
			return true;
	}
	return false;
}

void play_start(struct play *play, uint64_t within_ms)
{
	uint32_t nodes = sim_nodes(play->sim);

	for (uint32_t i = 0; i < nodes; i++) {
		uint64_t at_ms = i == 0 ? 0 : prng_below(&play->prng, within_ms);

		if (!starts_later(play->story->scenario, i))
			sim_start(play->sim, i, at_ms);
	}
}

static void crash(struct play *play, uint32_t node)
{
	if (!sim_is_up(play->sim, node))
		return;
	sim_crash(play->sim, node);
	play->crashed_ms[node] = sim_now(play->sim);
}

void play_dead(struct play *play)
{
	for (uint32_t i = 0; i < sim_nodes(play->sim); i++) {
		if (play->cast.roles[i] == CAST_DEAD)
			crash(play, i);
	}
}

static bool is_fit(const struct play *play, uint32_t node)
{
	return sim_is_up(play->sim, node) && sim_is_honest(play->sim, node) &&
	       !sim_is_revoked(play->sim, node) && play->cast.roles[node] != CAST_VICTIM;
}

uint32_t play_asker(struct play *play)
{
	for (uint32_t i = 0; i < TRIES; i++) {
		uint32_t node = cast_asker(&play->cast);

		if (is_fit(play, node))
			return node;
	}
	return SIM_NOWHERE;
}

size_t play_ask(struct play *play, uint32_t node, bool is_urgent, uint64_t timeout_ms)
{
	enum severity severity = is_urgent ? SEVERITY_HIGH : SEVERITY_MEDIUM;
	enum err err;

	if (node == SIM_NOWHERE || !sim_is_up(play->sim, node))
		return SIZE_MAX;
	return sim_ask(play->sim, node, PLANTED, severity, (int64_t)timeout_ms, &err);
}

static void do_start(struct play *play, const struct scenario_event *event, uint32_t node)
{
	(void)event;
	sim_start(play->sim, node, sim_now(play->sim));
}

static void do_crash(struct play *play, const struct scenario_event *event, uint32_t node)
{
	(void)event;
	crash(play, node);
}

static void do_restart(struct play *play, const struct scenario_event *event, uint32_t node)
{
	if (sim_is_up(play->sim, node))
		return;
	sim_restart(play->sim, node, event->has_disk);
	play->crashed_ms[node] = UINT64_MAX;
	play->recovered_ms = sim_now(play->sim);
}

static void do_cut(struct play *play, const struct scenario_event *event, uint32_t node)
{
	uint64_t now_ms = sim_now(play->sim);
	uint64_t to_ms = event->for_ms > 0 ? now_ms + event->for_ms : UINT64_MAX;
	struct sim_cut halves = {now_ms, to_ms, event->first, event->is_one_way};
	(void)node;

	sim_set_cut(play->sim, &halves);
	if (event->for_ms > 0)
		play->recovered_ms = play->changed_ms = to_ms;
}

static void do_heal(struct play *play, const struct scenario_event *event, uint32_t node)
{
	(void)event;
	(void)node;
	sim_heal(play->sim);
	play->recovered_ms = sim_now(play->sim);
}

static void do_loss(struct play *play, const struct scenario_event *event, uint32_t node)
{
	(void)node;
	sim_set_loss(play->sim, event->share);
	if (event->share <= 0)
		play->recovered_ms = sim_now(play->sim);
}

static void do_liar(struct play *play, const struct scenario_event *event, uint32_t node)
{
	sim_set_liar(play->sim, node, liar_by_name(event->liar));
}

static void do_jump(struct play *play, const struct scenario_event *event, uint32_t node)
{
	sim_jump(play->sim, node, event->by_ms);
}

static void do_suspend(struct play *play, const struct scenario_event *event, uint32_t node)
{
	sim_suspend(play->sim, node, event->for_ms);
	play->recovered_ms = play->changed_ms = sim_now(play->sim) + event->for_ms;
}

static void do_revoke(struct play *play, const struct scenario_event *event, uint32_t node)
{
	if (!sim_is_up(play->sim, event->told))
		return;
	sim_revoke(play->sim, node, event->told);
	play->revoked = node;
	play->revoked_ms = sim_now(play->sim);
	memset(play->know_ms, 0xff, sizeof(play->know_ms));
}

static void do_ask(struct play *play, const struct scenario_event *event, uint32_t node)
{
	(void)play_ask(play, node, event->is_urgent || play->story->is_urgent, event->for_ms);
}

static const struct deed {
	void (*act)(struct play *play, const struct scenario_event *event, uint32_t node);
	bool is_of_node; /* else done once, whatever `who` says */
} deeds[SCENARIO_VERB_END] = {
	/* clang-format off */
	[SCENARIO_START]   = {do_start,   true},
	[SCENARIO_CRASH]   = {do_crash,   true},
	[SCENARIO_RESTART] = {do_restart, true},
	[SCENARIO_CUT]     = {do_cut,     false},
	[SCENARIO_HEAL]    = {do_heal,    false},
	[SCENARIO_LOSS]    = {do_loss,    false},
	[SCENARIO_LIAR]    = {do_liar,    true},
	[SCENARIO_JUMP]    = {do_jump,    true},
	[SCENARIO_SUSPEND] = {do_suspend, true},
	[SCENARIO_REVOKE]  = {do_revoke,  true},
	[SCENARIO_ASK]     = {do_ask,     true},
	/* clang-format on */
};

/* Somebody whose question is under way is left alone when shares are drawn. */
static bool is_asking(const struct play *play, uint32_t node)
{
	for (size_t i = 0; i < sim_query_count(play->sim); i++) {
		const struct sim_query *q = sim_query(play->sim, i);

		if (q->origin == node && !q->is_finished)
			return true;
	}
	return false;
}

static void act_on_share(struct play *play, const struct scenario_event *event)
{
	uint32_t nodes = sim_nodes(play->sim), up = 0, left;

	for (uint32_t i = 0; i < nodes; i++)
		up += is_fit(play, i);
	left = (uint32_t)(event->who.share * up);
	for (uint32_t i = 0; i < nodes && left > 0; i++) {
		if (!is_fit(play, i))
			continue;
		if (!is_asking(play, i) && prng_below(&play->prng, up) < left) {
			deeds[event->verb].act(play, event, i);
			left--;
		}
		up--;
	}
}

static void act(struct play *play, const struct scenario_event *event)
{
	const struct deed *deed = &deeds[event->verb];
	uint32_t node;

	if (event->verb != SCENARIO_ASK)
		play->changed_ms = MAX(play->changed_ms, sim_now(play->sim));
	if (!deed->is_of_node) {
		deed->act(play, event, 0);
		return;
	}
	switch (event->who.kind) {
	case WHO_RANGE:
		for (node = event->who.first; node <= event->who.last; node++)
			deed->act(play, event, node);
		return;
	case WHO_RANDOM:
		node = play_asker(play);
		if (node != SIM_NOWHERE)
			deed->act(play, event, node);
		return;
	case WHO_SHARE:
		act_on_share(play, event);
		return;
	case WHO_DOWN:
		for (node = 0; node < sim_nodes(play->sim); node++) {
			if (play->crashed_ms[node] != UINT64_MAX)
				deed->act(play, event, node);
		}
	}
}

static bool is_counted(const struct play *play, uint32_t node)
{
	return sim_is_up(play->sim, node) && sim_is_honest(play->sim, node) &&
	       !sim_is_revoked(play->sim, node);
}

static bool are_equal(const struct play *play)
{
	uint64_t sum = 0;
	bool has_one = false;

	for (uint32_t i = 0; i < sim_nodes(play->sim); i++) {
		uint64_t own;

		if (!is_counted(play, i))
			continue;
		own = overlay_sum(sim_overlay(play->sim, i));
		if (has_one && own != sum)
			return false;
		sum = own;
		has_one = true;
	}
	return true;
}

static void look_at_revoked(struct play *play)
{
	uint32_t members = 0, know = 0;

	for (uint32_t i = 0; i < sim_nodes(play->sim); i++) {
		if (!is_counted(play, i))
			continue;
		members++;
		know += sim_knows_revoked(play->sim, i, play->revoked);
	}
	for (size_t percent = 0; percent < ARRAY_LEN(play->know_ms); percent++) {
		if (play->know_ms[percent] == UINT64_MAX && 100 * know >= percent * members)
			play->know_ms[percent] = sim_now(play->sim);
	}
}

static bool is_live_for_any(const struct play *play, uint32_t node)
{
	for (uint32_t i = 0; i < sim_nodes(play->sim); i++) {
		if (is_counted(play, i) && sim_is_live(play->sim, i, node))
			return true;
	}
	return false;
}

static void look_at_dead(struct play *play)
{
	uint64_t now_ms = sim_now(play->sim);

	play->is_unforgotten = false;
	for (uint32_t i = 0; i < sim_nodes(play->sim); i++) {
		if (play->crashed_ms[i] == UINT64_MAX || !is_live_for_any(play, i))
			continue;
		play->is_unforgotten = true;
		play->forgetting_ms = MAX(play->forgetting_ms, now_ms - play->crashed_ms[i]);
	}
}

static bool expects(const struct scenario *s, enum expect_kind kind)
{
	for (size_t i = 0; i < s->expect_count; i++) {
		if (s->expects[i].kind == kind)
			return true;
	}
	return false;
}

static void look(struct play *play)
{
	const struct scenario *s = play->story->scenario;
	uint64_t now_ms = sim_now(play->sim);

	if (expects(s, EXPECT_EQUAL) && now_ms >= play->changed_ms) {
		if (!are_equal(play))
			play->equal_ms = UINT64_MAX;
		else if (play->equal_ms == UINT64_MAX || play->equal_ms < play->changed_ms)
			play->equal_ms = now_ms;
	}
	if (expects(s, EXPECT_REVOKED) && play->revoked != SIM_NOWHERE)
		look_at_revoked(play);
	if (expects(s, EXPECT_FORGOTTEN))
		look_at_dead(play);
}

static bool is_looked_at(const struct scenario *s)
{
	return expects(s, EXPECT_EQUAL) || expects(s, EXPECT_REVOKED) ||
	       expects(s, EXPECT_FORGOTTEN);
}

static void run(struct play *play, uint64_t until_ms)
{
	if (!is_looked_at(play->story->scenario)) {
		sim_run(play->sim, until_ms);
		return;
	}
	while (sim_now(play->sim) < until_ms) {
		sim_run(play->sim, MIN(until_ms, sim_now(play->sim) + POLL_MS));
		look(play);
	}
}

void play_scenario(struct play *play)
{
	const struct scenario *s = play->story->scenario;
	bool has_died = s->dead <= 0;
	uint64_t settle_ms = SETTLE_MS;

	for (size_t i = 0; i < s->event_count; i++) {
		if (!has_died && s->events[i].at_ms >= STORY_JOIN_MS) {
			run(play, STORY_JOIN_MS);
			play_dead(play);
			has_died = true;
		}
		run(play, s->events[i].at_ms);
		act(play, &s->events[i]);
	}
	run(play, s->until_ms);
	for (size_t i = 0; i < s->expect_count; i++)
		settle_ms = MAX(settle_ms, s->expects[i].within_ms + SETTLE_MS);
	sim_heal(play->sim);
	play->changed_ms = MAX(play->changed_ms, sim_now(play->sim));
	run(play, sim_now(play->sim) + settle_ms);
}

/* Of the least of the queries. `everyone`: cut off, crashed and back, it counts; late is late. */
static double least_heard(const struct play *play, size_t queries, uint64_t within_ms,
                          bool everyone)
{
	double least = 1;

	for (size_t i = 0; i < queries; i++) {
		const struct sim_query *q = sim_query(play->sim, i);
		uint64_t since_ms = everyone ? MAX(q->asked_ms, play->recovered_ms) : q->asked_ms;
		uint64_t members = 0, heard = 0;

		for (uint32_t n = 0; n < sim_nodes(play->sim); n++) {
			const struct sim_part *part = &q->parts[n];
			bool counts = everyone ? part->is_member && is_counted(play, n)
			                       : sim_is_reachable(part);

			if (n == q->origin || !counts || !sim_is_honest(play->sim, n))
				continue;
			members++;
			heard += part->is_heard &&
			         (within_ms == 0 || part->heard_ms <= since_ms + within_ms);
		}
		if (members > 0)
			least = MIN(least, (double)heard / (double)members);
	}
	return least;
}

static double seconds(uint64_t since_ms, uint64_t at_ms)
{
	if (at_ms == UINT64_MAX)
		return HUGE_VAL;
	return at_ms > since_ms ? (double)(at_ms - since_ms) / 1000 : 0;
}

static double measured(const struct play *play, const struct scenario_expect *expect,
                       size_t queries, const struct result *r)
{
	uint64_t since_ms = MAX(play->revoked_ms, play->recovered_ms);

	switch (expect->kind) {
	case EXPECT_HEARD:
		return least_heard(play, queries, expect->within_ms, false);
	case EXPECT_EVERYONE:
		return least_heard(play, queries, expect->within_ms, true);
	case EXPECT_VICTIMS:
		return r->victims_coverage;
	case EXPECT_RECEIPTS:
		return r->receipts_mean;
	case EXPECT_ANSWERED:
		return r->answered_mean;
	case EXPECT_FOUND:
		return r->recall;
	case EXPECT_COPIES:
		return r->copies_per_node;
	case EXPECT_EQUAL:
		return seconds(play->changed_ms, play->equal_ms);
	case EXPECT_REVOKED:
		return seconds(since_ms, play->know_ms[(size_t)(100 * expect->share)]);
	case EXPECT_FORGOTTEN:
		return play->is_unforgotten ? HUGE_VAL : (double)play->forgetting_ms / 1000;
	case EXPECT_KIND_END:
		break;
	}
	return HUGE_VAL;
}

static struct result_claim claim(const struct scenario_expect *expect, double value)
{
	struct result_claim c = {.measured = value};
	const char *name = expect_kind_text(expect->kind);
	double within_s = (double)expect->within_ms / 1000;

	if (expect->kind == EXPECT_COPIES) {
		c.is_kept = value <= expect->most;
		snprintf(c.text, sizeof(c.text), "%s, at most %g", name, expect->most);
	} else if (expect->kind >= EXPECT_EQUAL) {
		c.is_kept = value <= within_s;
		snprintf(c.text, sizeof(c.text), "%s by %g, within %g s", name, expect->share,
		         within_s);
	} else {
		c.is_kept = value >= expect->share;
		snprintf(c.text, sizeof(c.text), "%s, at least %g", name, expect->share);
		if (within_s > 0)
			snprintf(c.text, sizeof(c.text), "%s within %g s, at least %g", name,
			         within_s, expect->share);
	}
	return c;
}

void play_claims(struct play *play, size_t queries, struct result *ret)
{
	const struct scenario *s = play->story->scenario;

	for (size_t i = 0; i < s->expect_count; i++) {
		double value = measured(play, &s->expects[i], queries, ret);

		ret->claims[ret->claim_count++] = claim(&s->expects[i], value);
	}
}
