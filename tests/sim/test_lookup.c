/* Lookups go along paths that share nobody: a liar leads one astray, and no other. */
#include "proto/overlay/core.h"
#include "tests/sim/support.h"
#include "tools/sim/parts.h"

#define NODES 60
#define SEEKER 5
#define PATHS 4
#define PATH_MAX_ASKED 6
#define FORGED 0xee /* ids of nobody begin with it */

struct trail { /* what the seeker says, and what it is told */
	struct sim *sim;
	struct id target;
	uint32_t asked[NODES], asked_count, at_once;
	uint32_t liar; /* the first that is asked; it names the nearest there could be */
	bool is_twice;
};

static bool note(void *ctx, struct now now, const struct card *to, struct frame *frame)
{
	struct trail *t = ctx;
	uint32_t peer = node_of(t->sim, to);
	(void)now;

	if (frame->kind != FRAME_FIND)
		return true;
	for (uint32_t i = 0; i < t->asked_count; i++)
		t->is_twice |= t->asked[i] == peer;
	if (t->asked_count == 0)
		t->liar = peer;
	if (t->asked_count < NODES)
		t->asked[t->asked_count++] = peer;
	return true;
}

/* Of its twenty nobody has a card; what honest members say comes as it is. */
static bool bend(void *ctx, struct now now, const struct card *from, struct frame *frame)
{
	struct trail *t = ctx;
	(void)now;

	if (frame->kind != FRAME_NODES || node_of(t->sim, from) != t->liar)
		return true;
	for (size_t i = 0; i < frame->node_count; i++) {
		frame->nodes[i].id = t->target;
		frame->nodes[i].id.octets[30] = (uint8_t)i;
		frame->nodes[i].id.octets[31] = FORGED;
	}
	return true;
}

static uint32_t nearest(const struct sim *sim, const struct id *target)
{
	uint32_t best = SIM_NOWHERE;

	for (uint32_t i = 0; i < NODES; i++) {
		const struct id *id = &sim_self(sim, i)->card.id;

		if (i != SEEKER &&
		    (best == SIM_NOWHERE ||
		     common_bits(id, target) > common_bits(&sim_self(sim, best)->card.id, target)))
			best = i;
	}
	return best;
}

static bool was_asked(const struct trail *t, uint32_t node)
{
	for (uint32_t i = 0; i < t->asked_count; i++) {
		if (t->asked[i] == node)
			return true;
	}
	return false;
}

static void a_liar_leads_one_path_astray_and_no_other(void **state)
{
	struct sim *sim = community(NODES, 40, 0);
	struct trail t = {.sim = sim};
	struct overlay_tap tap = {.out = note, .in = bend, .ctx = &t};
	struct overlay *o;
	(void)state;

	sim_run(sim, 60000);
	o = sim->nodes[SEEKER].overlay;
	/* Beside somebody: there is one member nearest to it. */
	t.target = sim_self(sim, 33)->card.id;
	t.target.octets[31] ^= 1;
	overlay_set_tap(o, &tap);
	lookup_begin(o, sim_clocks(sim, SEEKER), &t.target);
	t.at_once = t.asked_count;
	drive(sim, SEEKER);
	sim_run(sim, 80000);
	assert_int_equal(t.at_once, PATHS);
	assert_false(t.is_twice);
	assert_in_range(t.asked_count, 2 * PATHS, PATHS * PATH_MAX_ASKED);
	assert_true(was_asked(&t, nearest(sim, &t.target)));
	assert_true(lookup_due(o).ms == MONO_NEVER.ms);
	end(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_liar_leads_one_path_astray_and_no_other),
	};

	return cmocka_run_group_tests_name("sim/lookup", tests, NULL, NULL);
}
