/* What becomes of another's question, from the overlay to the store and back. */
#include "node/node.h"
#include "node/serving.h"
#include "tests/unit/overlay_fixture.h"

#define setup setup_store
#define teardown teardown_store
#include "tests/unit/store_fixture.h"
#undef setup
#undef teardown

enum { A, B };

#define LIFE_MS 20000

struct scene {
	struct fixture *f;
	struct node *node; /* of b, but for its overlay's driver, which is the world's */
	struct world *world;
	size_t volume_count; /* the question is by so many; 0: by silences */
};

/* The overlays' clock is the system's: the node knows no other. */
static struct world *world_of_today(void)
{
	struct world *w = world_new(2);

	w->now_ms = node_now().mono.ms - now_of(w, B).mono.ms - 5000;
	all_meet(w);
	run(w, 5000);
	w->parties[B].policy = POLICY_LATER;
	return w;
}

static int start(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct node *node = calloc(1, sizeof(*node));
	void *fixture;

	assert_non_null(s);
	assert_non_null(node);
	assert_int_equal(0, setup_store(&fixture));
	*s = (struct scene){.f = fixture, .node = node, .world = world_of_today()};
	assert_int_equal(uv_loop_init(&node->loop), 0);
	open_it(s->f);
	seal_some(s->f, 1, 50, WALL_MS - DAY_MS + 5000); /* while the question goes on */
	node->store = s->f->store;
	node->conf.is_answering = true;
	node->collector.decoder = flow_decoder_new(4, 1);
	node->link.node = node;
	node->link.overlay = s->world->parties[B].overlay;
	node->link.is_driving = true;
	uv_timer_init(&node->loop, &node->link.timer);
	node->link.timer.data = &node->link;
	*state = s;
	return 0;
}

static int stop(void **state)
{
	struct scene *s = *state;
	void *fixture = s->f;

	uv_close((uv_handle_t *)&s->node->link.timer, NULL);
	uv_run(&s->node->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&s->node->loop), 0);
	flow_decoder_free(s->node->collector.decoder);
	world_free(s->world);
	free(s->node);
	free(s);
	return teardown_store(&fixture);
}

static struct volume volume_at(size_t i)
{
	int64_t at_ms = WALL_MS - DAY_MS + 60000 * (int64_t)i;

	return (struct volume){{at_ms, at_ms + 59900}, 40000000 + 7000000 * (i % 3)};
}

static void by_volume(struct question *q, size_t count)
{
	q->volume_count = count;
	for (size_t i = 0; i < count; i++)
		q->volumes[i] = volume_at(i);
}

/* Each carried as much. */
static void add_transfers(struct scene *s, uint32_t connections, size_t records)
{
	for (uint32_t id = 0; id < connections; id++) {
		for (size_t i = 0; i < records; i++) {
			struct flow f = flow_of(1000 + id, volume_at(i).on.end_ms);

			f.start_ms = volume_at(i).on.start_ms;
			f.end_ms = volume_at(i).on.end_ms;
			f.octets = volume_at(i).octets;
			if (store_is_ready(s->f->store))
				assert_ok(store_seal(s->f->store));
			assert_ok(store_append(s->f->store, &f, 1));
		}
	}
	assert_ok(store_seal(s->f->store));
}

/* A asks, and b searches, whose query expires `left_ms` from now. */
static void serve(struct scene *s, uint64_t left_ms)
{
	static struct query query;
	struct world *w = s->world;
	struct party *a = &w->parties[A];
	struct act act = {.kind = ACT_SERVE,
	                  .card = &a->options.self.card,
	                  .until = mono_after(node_now().mono, left_ms)};

	assert_ok(ask(w, A, LIFE_MS));
	run(w, 500);
	assert_int_equal(w->parties[B].acts[ACT_SERVE], 1);
	act.ticket = w->parties[B].served;
	query = a->query;
	if (s->volume_count > 0)
		by_volume(&query.question, s->volume_count);
	act.query = &query;
	serving_begin(s->node, &act);
	while (s->node->searches > 0)
		uv_run(&s->node->loop, UV_RUN_ONCE);
	run(w, 3000);
}

static void who_had_the_time_says_that_there_is_nothing(void **state)
{
	struct scene *s = *state;

	serve(s, LIFE_MS);
	assert_int_equal(s->world->parties[A].receipts[B], RECEIPT_NONE);
}

/* "None" would say that all was looked at. */
static void who_had_not_the_time_says_that_it_is_busy(void **state)
{
	struct scene *s = *state;

	serve(s, 0);
	assert_int_equal(s->world->parties[A].receipts[B], RECEIPT_BUSY);
}

/* It would have answered, had there been less: that is no policy. */
static void who_has_too_much_to_compare_says_that_it_is_busy(void **state)
{
	struct scene *s = *state;

	s->volume_count = 5;
	add_transfers(s, 1100, s->volume_count);
	serve(s, LIFE_MS);
	assert_int_equal(s->world->parties[A].receipts[B], RECEIPT_BUSY);
}

static void who_answers_nobody_refuses(void **state)
{
	struct scene *s = *state;

	s->node->conf.is_answering = false;
	serve(s, LIFE_MS);
	assert_int_equal(s->world->parties[A].receipts[B], RECEIPT_REFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_had_the_time_says_that_there_is_nothing, start,
	                                        stop),
		cmocka_unit_test_setup_teardown(who_had_not_the_time_says_that_it_is_busy, start,
	                                        stop),
		cmocka_unit_test_setup_teardown(who_has_too_much_to_compare_says_that_it_is_busy,
	                                        start, stop),
		cmocka_unit_test_setup_teardown(who_answers_nobody_refuses, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
