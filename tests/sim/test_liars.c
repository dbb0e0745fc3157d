/* Members with valid certificates that lie, each kind of them among honest ones. */
#include "proto/overlay/core.h"
#include "tests/sim/support.h"
#include "tools/sim/parts.h"

#include <stdlib.h>
#include <string.h>

#define NODES 24
#define SHARE 0.2
#define VICTIM 20

static struct sim *among_liars(const char *kind, uint64_t seed)
{
	struct sim *sim = community(NODES, seed, 0.02);

	sim_set_victim(sim, VICTIM);
	assert_int_equal(sim_set_liars(sim, SHARE, liar_by_name(kind)), (uint32_t)(NODES * SHARE));
	sim_run(sim, 60000);
	return sim;
}

/* Everybody honest hears, gives a receipt, and finds its directory whole. */
static void assert_unmoved(struct sim *sim)
{
	size_t query;
	struct tally t;

	query = ask(sim, 0, 3, 20000);
	sim_run(sim, sim_now(sim) + 21000);
	t = tally_of(sim, query);
	assert_int_equal(t.heard, t.reachable);
	assert_int_equal(t.receipts, t.reachable);
	assert_int_equal(t.found, t.planted);
	sim_heal(sim);
	sim_run(sim, sim_now(sim) + 60000);
	sim_check_known(sim);
}

static void no_kind_of_liar_keeps_honest_members_from_hearing(void **state)
{
	(void)state;
	for (const struct liar_kind *k = liar_kinds; k->name != NULL; k++) {
		struct sim *sim = among_liars(k->name, 40);

		print_message("%s\n", k->name);
		assert_unmoved(sim);
		end(sim);
	}
}

static void what_is_forged_is_refused(void **state)
{
	struct sim *sim = among_liars("forge", 41);
	size_t query = ask(sim, 0, 3, 20000);
	uint32_t called_false = 0;
	(void)state;

	sim_run(sim, 85000);
	for (uint32_t i = 0; i < NODES; i++) {
		const struct sim_part *part = &sim_query(sim, query)->parts[i];

		called_false += part->outcome == TARGET_FALSE;
		assert_true(!sim_is_honest(sim, i) || part->outcome != TARGET_FALSE);
	}
	assert_true(sim_sometimes(sim, SIM_FORGERY) > 0);
	end(sim);
}

static void a_flood_is_held_to_its_budget(void **state)
{
	struct sim *sim = among_liars("flood", 42);
	(void)state;

	assert_unmoved(sim);
	assert_true(sim_sometimes(sim, SIM_BUDGET) > 1000);
	end(sim);
}

/* Each of many keeps to what one may; together they must not take all the room there is. */
static void many_floods_do_not_keep_a_question_out(void **state)
{
	struct sim *sim = community(64, 51, 0);
	(void)state;

	assert_int_equal(sim_set_liars(sim, 0.4, liar_by_name("flood")), 25);
	sim_run(sim, 25000);
	assert_unmoved(sim);
	end(sim);
}

static uint32_t remembered(const struct overlay *o)
{
	uint32_t count = 0;

	for (size_t i = 0; i < o->limits.seen_max; i++)
		count += o->seen[i].until.ms != 0;
	return count;
}

/* However many members it has: eight questions of each would be two hundred. */
static void an_organisation_has_one_budget(void **state)
{
	struct sim *sim = community(64, 56, 0);
	(void)state;

	for (uint32_t i = 10; i < 35; i++) {
		sim_set_org(sim, i, "Flooders");
		sim_set_liar(sim, i, liar_by_name("flood"));
	}
	sim_run(sim, 22000);
	assert_in_range(remembered(sim->nodes[1].overlay), 40, 100);
	end(sim);
}

/* Twenty, where a node fetches sixteen answers at once. */
static void offers_that_are_not_kept_do_not_hold_up_answers(void **state)
{
	struct sim *sim = community(64, 52, 0);
	(void)state;

	assert_int_equal(sim_set_liars(sim, 0.32, liar_by_name("lure")), 20);
	sim_run(sim, 60000);
	assert_unmoved(sim);
	end(sim);
}

struct echo { /* what one node says to another */
	const struct sim *sim;
	uint32_t to;
	enum frame_kind kind;
	uint32_t count;
};

static bool count_echo(void *ctx, struct now now, const struct card *to, struct frame *frame)
{
	struct echo *e = ctx;
	(void)now;

	e->count += frame->kind == e->kind && node_of(e->sim, to) == e->to;
	return true;
}

static void say_to(struct sim *sim, uint32_t from, uint32_t to, const struct frame *frame)
{
	assert_ok(overlay_say(sim->nodes[from].overlay, sim_clocks(sim, from),
	                      &sim_self(sim, to)->card.id, frame));
	drive(sim, from);
}

/* And one member's do not keep another's from being answered. */
static void comparisons_have_a_budget_for_each_member(void **state)
{
	struct sim *sim = community(12, 53, 0);
	struct echo flood = {.sim = sim, .to = 5, .kind = FRAME_HAVE};
	struct echo other = {.sim = sim, .to = 6, .kind = FRAME_HAVE};
	struct overlay_tap tap = {.out = count_echo, .ctx = &flood};
	struct frame sums = {.kind = FRAME_SUMS, .sums = {1, 2, 3}};
	(void)state;

	sim_run(sim, 60000);
	overlay_set_tap(sim->nodes[0].overlay, &tap);
	for (int i = 0; i < 60; i++) {
		for (int j = 0; j < 5; j++)
			say_to(sim, 5, 0, &sums);
		if (i == 30) {
			tap.ctx = &other;
			overlay_set_tap(sim->nodes[0].overlay, &tap);
			say_to(sim, 6, 0, &sums);
		}
		sim_run(sim, sim_now(sim) + 20);
	}
	assert_in_range(flood.count, 1, 64);
	assert_in_range(other.count, 1, 4);
	end(sim);
}

/* Whoever asks for everything again and again is sent no more than a joiner needs. */
static void what_is_sent_on_request_has_a_budget(void **state)
{
	struct sim *sim = community(12, 54, 0);
	struct echo echo = {.sim = sim, .to = 5, .kind = FRAME_CARDS};
	struct overlay_tap tap = {.out = count_echo, .ctx = &echo};
	struct frame get = {.kind = FRAME_GET, .id_count = 12};
	(void)state;

	sim_run(sim, 60000);
	overlay_set_tap(sim->nodes[0].overlay, &tap);
	for (uint32_t i = 0; i < 12; i++)
		get.ids[i] = short_id_of(sim_self(sim, i)->card.id.octets);
	for (int i = 0; i < 900; i++)
		say_to(sim, 5, 0, &get);
	sim_run(sim, 60500);
	assert_in_range(echo.count, 100, 1200);
	end(sim);
}

struct doorbell { /* datagrams to somebody */
	uint32_t to, count;
};

static void ring(void *ctx, uint32_t from, uint32_t to, const void *data, size_t len)
{
	struct doorbell *bell = ctx;
	(void)from;
	(void)data;
	(void)len;

	bell->count += to == bell->to;
}

static void nobody_calls_who_was_revoked(void **state)
{
	struct sim *sim = community(24, 55, 0);
	struct doorbell bell = {.to = 7};
	enum err err;
	(void)state;

	sim_run(sim, 60000);
	(void)ask(sim, 7, 3, 60000);
	(void)ask(sim, 3, 3, 60000);
	sim_run(sim, 60020); /* their receipts are yet to go */
	sim_revoke(sim, 7, 0);
	sim_run(sim, 65000);
	sim_check_revoked(sim, 7);
	sim_set_tap(sim, ring, &bell);
	sim_run(sim, 125000);
	assert_int_equal(bell.count, 0);
	/* It is told by nobody; once it knows, it does not ask any more. */
	sim_revoke(sim, 7, 7);
	assert_true(sim_ask(sim, 7, 3, SEVERITY_LOW, 10000, &err) == SIZE_MAX);
	assert_err(ERR_DENIED, err);
	end(sim);
}

static void two_queries_under_one_number_are_noticed(void **state)
{
	struct sim *sim = among_liars("equivocate", 43);
	(void)state;

	assert_true(sim_sometimes(sim, SIM_EQUIVOCATION) > 0);
	end(sim);
}

static void old_queries_are_turned_away(void **state)
{
	struct sim *sim = among_liars("replay", 44);
	size_t query = ask(sim, 0, 3, 10000);
	(void)state;

	sim_run(sim, 400000);
	assert_true(tally_of(sim, query).heard > 0);
	assert_true(sim_sometimes(sim, SIM_REPLAY) > 0);
	end(sim);
}

/* As long as they are the fewer, they do not move the community's clock. */
static void clocks_that_lie_move_nobodys(void **state)
{
	struct sim *sim = among_liars("clock", 45);
	(void)state;

	for (uint32_t i = 0; i < NODES; i++) {
		if (sim_is_honest(sim, i))
			assert_in_range(overlay_skew_ms(sim_overlay(sim, i)) + 1000, 0, 2000);
	}
	end(sim);
}

/* The victims are a tenth of the honest; a third of all colludes. */
static void colluders_that_hurry_do_not_silence_anybody(void **state)
{
	struct sim *sim = community(100, 46, 0.02);
	size_t query;
	(void)state;

	for (uint32_t i = 10; i < 17; i++)
		sim_set_victim(sim, i);
	(void)sim_set_liars(sim, 0.3, liar_by_name("truncate"));
	sim_run(sim, 60000);
	query = ask(sim, 0, 3, 20000);
	sim_run(sim, 66000);
	for (uint32_t i = 10; i < 17; i++)
		assert_true(sim_query(sim, query)->parts[i].is_heard);
	sim_run(sim, 85000);
	assert_true(sim_sometimes(sim, SIM_WIDENING) > 0);
	end(sim);
}

struct rumour { /* one node's, of the question that is asked */
	struct overlay *overlay;
	bool has_come;
	uint32_t copies;
};

static bool passes_on(void *ctx, struct now now, const struct card *to, struct frame *frame)
{
	struct rumour *r = ctx;
	(void)now;
	(void)to;

	r->copies += frame->kind == FRAME_QUERY;
	return true;
}

/* As if somebody had run ahead, and said that it has come as far as anything may. */
static bool came_far(void *ctx, struct now now, const struct card *from, struct frame *frame)
{
	struct rumour *r = ctx;
	struct frame bent = *frame;

	if (frame->kind != FRAME_QUERY || r->has_come)
		return true;
	r->has_come = true;
	bent.hops = HOPS_MAX;
	assert_ok(on_query(r->overlay, now, session_live(r->overlay, &from->id), &bent));
	return true;
}

static void nobody_stops_a_question_by_counting_far(void **state)
{
	struct sim *sim = community(40, 50, 0);
	struct rumour rumours[40] = {0};
	uint32_t copies = 0;
	(void)state;

	sim_run(sim, 60000);
	for (uint32_t i = 1; i < 40; i++) {
		struct overlay_tap tap = {.out = passes_on, .in = came_far, .ctx = &rumours[i]};

		rumours[i].overlay = sim->nodes[i].overlay;
		overlay_set_tap(rumours[i].overlay, &tap);
	}
	(void)ask(sim, 0, 0, 20000);
	sim_run(sim, 60290); /* nobody has pulled it yet */
	for (uint32_t i = 1; i < 40; i++)
		copies += rumours[i].copies;
	assert_in_range(copies, 20, 200);
	end(sim);
}

static void a_receipt_goes_nowhere_but_where_its_asker_may_live(void **state)
{
	struct sim_options options = {.nodes = 12, .seed = 47, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	size_t query;
	(void)state;

	assert_non_null(sim);
	sim_set_displaced(sim, 5);
	sim_start_all(sim, 1000);
	sim_run(sim, 30000);
	query = ask(sim, 5, 2, 10000);
	sim_run(sim, 45000);
	assert_int_equal(tally_of(sim, query).receipts, 0);
	assert_true(counters(sim, 1)->misplaced > 0);
	end(sim);
}

static void every_kind_has_a_name_of_its_own(void **state)
{
	size_t count = 0;
	(void)state;

	for (const struct liar_kind *k = liar_kinds; k->name != NULL; k++, count++)
		assert_ptr_equal(liar_by_name(k->name), k);
	assert_int_equal(count, 13);
	assert_null(liar_by_name("saint"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_has_a_name_of_its_own),
		cmocka_unit_test(no_kind_of_liar_keeps_honest_members_from_hearing),
		cmocka_unit_test(what_is_forged_is_refused),
		cmocka_unit_test(a_flood_is_held_to_its_budget),
		cmocka_unit_test(many_floods_do_not_keep_a_question_out),
		cmocka_unit_test(an_organisation_has_one_budget),
		cmocka_unit_test(offers_that_are_not_kept_do_not_hold_up_answers),
		cmocka_unit_test(comparisons_have_a_budget_for_each_member),
		cmocka_unit_test(what_is_sent_on_request_has_a_budget),
		cmocka_unit_test(nobody_calls_who_was_revoked),
		cmocka_unit_test(two_queries_under_one_number_are_noticed),
		cmocka_unit_test(old_queries_are_turned_away),
		cmocka_unit_test(clocks_that_lie_move_nobodys),
		cmocka_unit_test(colluders_that_hurry_do_not_silence_anybody),
		cmocka_unit_test(nobody_stops_a_question_by_counting_far),
		cmocka_unit_test(a_receipt_goes_nowhere_but_where_its_asker_may_live),
	};

	return cmocka_run_group_tests_name("sim/liars", tests, NULL, NULL);
}
