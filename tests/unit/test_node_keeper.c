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

static bool is_kept(struct node *node, const struct id *origin)
{
	struct look l = {.of = origin};

	assert_ok(store_note_each(node->store, KEEPER_WINDOW, look, &l));
	return l.is_there;
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
	assert_true(is_kept(node, id_of(w, B)));
	assert_false(is_kept(node, id_of(w, C)));

	put_window(node, id_of(w, B), 0); /* the overlay has forgotten it */
	assert_false(is_kept(node, id_of(w, B)));

	w->parties[A].options.limits.origins_max = 1;
	start_party(w, A);
	for (size_t i = B; i <= D; i++) {
		remember(w, A, i);
		put_window(node, id_of(w, i), 5);
	}
	recall(node, w);
	for (size_t i = B; i <= D; i++)
		left += is_kept(node, id_of(w, i));
	assert_int_equal(left, 1);

	node_end(node);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(windows_are_kept_of_members_and_as_many_as_the_overlay_remembers),
	};

	return cmocka_run_group_tests_name("node/keeper", tests, NULL, NULL);
}
