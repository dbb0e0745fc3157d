#include "node/keeper.h"
#include "node/node.h"
#include "tests/unit/overlay_fixture.h"
#include "tests/unit/store_fixture.h"

enum { A, B, C, D };

static struct node *node_new(struct world *w, struct fixture *f)
{
	struct node *node = calloc(1, sizeof(*node));

	assert_non_null(node);
	assert_int_equal(uv_loop_init(&node->loop), 0);
	open_it(f);
	node->store = f->store;
	node->conf.roots = w->parties[A].options.roots;
	keeper_start(&node->keeper, node);
	return node;
}

static void node_end(struct node *node)
{
	keeper_free(&node->keeper);
	peers_free(&node->peers);
	assert_int_equal(uv_loop_close(&node->loop), 0);
	free(node);
}

static void put_window(struct node *node, const struct id *origin, uint64_t highest)
{
	struct act act = {.kind = ACT_WINDOW, .window = {.origin = *origin, .highest = highest}};

	keeper_act(&node->keeper, &act);
	uv_run(&node->loop, UV_RUN_DEFAULT);
}

static void put_card(struct node *node, const struct card *card)
{
	struct act act = {.kind = ACT_REMEMBER, .card = card};

	keeper_act(&node->keeper, &act);
	uv_run(&node->loop, UV_RUN_DEFAULT);
}

/* The keeper goes by the machine's clock. */
static void be_valid_today(struct world *w, size_t i)
{
	struct card *card = &w->parties[i].options.self.card;
	int64_t now_ms = node_now().wall.ms;

	card->cert.not_before.ms = card->record.not_before.ms = now_ms - DAY_MS;
	card->cert.not_after.ms = card->record.not_after.ms = now_ms + DAY_MS;
	reissue(w, i);
}

struct look {
	const struct id *of;
	bool is_there;
};

static void look(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct look *l = ctx;

	(void)data;
	(void)len;
	l->is_there |= memcmp(key, l->of->octets, sizeof(l->of->octets)) == 0;
}

static bool is_kept(struct node *node, enum keeper_kind kind, const struct id *of)
{
	struct look l = {.of = of};

	assert_ok(store_note_each(node->store, (uint8_t)kind, look, &l));
	return l.is_there;
}

static bool is_window_kept(struct node *node, const struct id *origin)
{
	return is_kept(node, KEEPER_WINDOW, origin);
}

static void recall(struct node *node, struct world *w)
{
	assert_ok(keeper_recall(&node->keeper, w->parties[A].overlay));
	uv_run(&node->loop, UV_RUN_DEFAULT);
}

static void windows_are_kept_of_members_and_as_many_as_the_overlay_remembers(void **state)
{
	struct world *w = world_new(4);
	struct node *node = node_new(w, *state);
	size_t left = 0;

	start_party(w, A);
	remember(w, A, B);
	put_window(node, id_of(w, B), 5);
	put_window(node, id_of(w, C), 5); /* of whom nothing else is known */
	recall(node, w);
	assert_true(is_window_kept(node, id_of(w, B)));
	assert_false(is_window_kept(node, id_of(w, C)));

	put_window(node, id_of(w, B), 0); /* the overlay has forgotten it */
	assert_false(is_window_kept(node, id_of(w, B)));

	w->parties[A].options.limits.origins_max = 1;
	start_party(w, A);
	for (size_t i = B; i <= D; i++) {
		remember(w, A, i);
		put_window(node, id_of(w, i), 5);
	}
	recall(node, w);
	for (size_t i = B; i <= D; i++)
		left += is_window_kept(node, id_of(w, i));
	assert_int_equal(left, 1);

	node_end(node);
	world_free(w);
}

/* Not in memory either, where they would take the places of those who may ask. */
static void windows_of_strangers_are_not_remembered(void **state)
{
	const struct id lowest = {{0}}, highest = {{0xff, 0xff}};
	struct world *w = world_new(2);
	struct node *node = node_new(w, *state);

	w->parties[A].options.limits.origins_max = 1;
	start_party(w, A);
	remember(w, A, B);
	put_window(node, &lowest, 5);
	put_window(node, id_of(w, B), 5);
	put_window(node, &highest, 5);
	recall(node, w);
	assert_false(is_window_kept(node, &lowest));
	assert_true(is_window_kept(node, id_of(w, B)));
	assert_false(is_window_kept(node, &highest));
	node_end(node);
	world_free(w);
}

/* That is no fault of theirs: there may be room the next time. */
static void members_that_a_full_directory_has_no_room_for_stay_on_disk(void **state)
{
	struct world *w = world_new(4);
	struct node *node = node_new(w, *state);

	w->parties[A].options.limits.members_max = 1;
	start_party(w, A);
	for (size_t i = B; i <= D; i++) {
		be_valid_today(w, i);
		put_card(node, card_of(w, i));
	}
	recall(node, w);
	assert_int_equal(overlay_member_count(w->parties[A].overlay), 1);
	for (size_t i = B; i <= D; i++)
		assert_true(is_kept(node, KEEPER_CARD, id_of(w, i)));
	assert_int_equal(node->peers.count, 0); /* none is shown as gone */
	node_end(node);
	world_free(w);
}

/* The worker has the first ones while the loop adds behind them: ThreadSanitizer looks on. */
static void notes_are_put_while_others_are_being_written(void **state)
{
	struct world *w = world_new(1);
	struct node *node = node_new(w, *state);
	struct id origin = {{0}};

	for (uint8_t round = 0; round < 20; round++) {
		for (uint8_t i = 0; i < 4; i++) {
			struct act act = {.kind = ACT_WINDOW, .window = {.highest = 5}};

			act.window.origin.octets[0] = round;
			act.window.origin.octets[1] = i;
			keeper_act(&node->keeper, &act);
			uv_sleep(1);
		}
		uv_run(&node->loop, UV_RUN_DEFAULT);
	}
	assert_int_equal(node->keeper.count, 0);
	for (uint8_t i = 0; i < 80; i++) {
		origin.octets[0] = i / 4;
		origin.octets[1] = i % 4;
		assert_true(is_window_kept(node, &origin));
	}
	node_end(node);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(windows_are_kept_of_members_and_as_many_as_the_overlay_remembers),
		CASE(windows_of_strangers_are_not_remembered),
		CASE(members_that_a_full_directory_has_no_room_for_stay_on_disk),
		CASE(notes_are_put_while_others_are_being_written),
	};

	return cmocka_run_group_tests_name("node/keeper", tests, NULL, NULL);
}
