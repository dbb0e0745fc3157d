/* The parts of the engine that the runs rest on. */
#include "tests/unit/test.h"
#include "tools/sim/parts.h"

#include <stdlib.h>
#include <string.h>

static void put(struct queue *q, uint64_t at_ms, uint32_t node)
{
	struct event event = {.at_ms = at_ms, .node = node};

	queue_put(q, event);
}

/* Near and far, put in any order: by time, and of one time as they were put. */
static void events_come_in_their_order(void **state)
{
	static const struct {
		uint64_t at_ms;
		uint32_t node;
	} puts[] = {{500000, 5}, {10, 1}, {500000, 6}, {70000, 4}, {10, 2}, {65536, 3}};
	static const uint32_t order[] = {1, 2, 3, 4, 5, 6};
	struct queue q;
	struct event event;
	(void)state;

	queue_init(&q);
	for (size_t i = 0; i < ARRAY_LEN(puts); i++)
		put(&q, puts[i].at_ms, puts[i].node);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_true(queue_take(&q, 1000000, &event));
		assert_int_equal(event.node, order[i]);
	}
	assert_false(queue_take(&q, 1000000, &event));
	queue_free(&q);
}

/* What was far when it was put comes before what was put later for the same time. */
static void what_was_put_first_comes_first_however_far_it_was(void **state)
{
	struct queue q;
	struct event event;
	(void)state;

	queue_init(&q);
	put(&q, 100000, 1);
	put(&q, 50000, 9);
	assert_true(queue_take(&q, 60000, &event));
	assert_false(queue_take(&q, 60000, &event));
	put(&q, 100000, 2);
	assert_true(queue_take(&q, 200000, &event));
	assert_int_equal(event.node, 1);
	assert_true(queue_take(&q, 200000, &event));
	assert_int_equal(event.node, 2);
	queue_free(&q);
}

static void nothing_comes_before_its_time(void **state)
{
	struct queue q;
	struct event event;
	(void)state;

	queue_init(&q);
	put(&q, 100, 1);
	assert_false(queue_take(&q, 99, &event));
	assert_true(queue_take(&q, 100, &event));
	put(&q, 3, 2); /* late: at once */
	assert_true(queue_take(&q, 100, &event));
	assert_int_equal(event.at_ms, 100);
	queue_free(&q);
}

static void random_events_come_sorted(void **state)
{
	struct prng p = {.state = 7};
	struct queue q;
	struct event event;
	uint64_t last_ms = 0, count = 0;
	(void)state;

	queue_init(&q);
	for (uint32_t i = 0; i < 20000; i++)
		put(&q, prng_below(&p, 300000), i);
	while (queue_take(&q, 300000, &event)) {
		assert_true(event.at_ms >= last_ms);
		last_ms = event.at_ms;
		if (count++ % 3 == 0 && count < 30000)
			put(&q, last_ms + prng_below(&p, 100000), 0);
	}
	assert_true(count > 20000);
	queue_free(&q);
}

static void buffers_are_used_again(void **state)
{
	struct queue q;
	uint8_t data[SIM_DATAGRAM_MAX] = {1};
	uint8_t *first, *second;
	(void)state;

	queue_init(&q);
	first = queue_buffer(&q, data, 100);
	queue_release(&q, first, 100);
	second = queue_buffer(&q, data, 100);
	assert_ptr_equal(first, second);
	queue_release(&q, second, 100);
	first = queue_buffer(&q, NULL, 0);
	queue_release(&q, first, 0);
	queue_free(&q);
}

static void a_map_remembers_pairs(void **state)
{
	struct map m = {0};
	(void)state;

	assert_int_equal(map_find(&m, map_key(1, 2)), 0);
	for (uint64_t i = 0; i < 10000; i++)
		*map_at(&m, map_key(i, i / 7)) = i + 1;
	for (uint64_t i = 0; i < 10000; i++)
		assert_int_equal(map_find(&m, map_key(i, i / 7)), i + 1);
	assert_int_equal(map_find(&m, map_key(1, 99)), 0);
	assert_int_equal(m.count, 10000);
	map_free(&m);
}

static void every_place_has_its_address(void **state)
{
	struct sim_options options = {.nodes = 600, .seed = 1, .crypto = SIM_CRYPTO_FAKE};
	struct sim *sim = sim_new(&options);
	struct endpoint nowhere = sim_endpoint(601);
	(void)state;

	assert_non_null(sim);
	for (uint32_t i = 0; i < 600 + SIM_STRANGERS; i++) {
		struct endpoint e = endpoint_of(sim, i);

		assert_int_equal(place_of(sim, &e), i);
	}
	assert_int_equal(place_of(sim, &nowhere), SIM_NOWHERE);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_come_in_their_order),
		cmocka_unit_test(what_was_put_first_comes_first_however_far_it_was),
		cmocka_unit_test(nothing_comes_before_its_time),
		cmocka_unit_test(random_events_come_sorted),
		cmocka_unit_test(buffers_are_used_again),
		cmocka_unit_test(a_map_remembers_pairs),
		cmocka_unit_test(every_place_has_its_address),
	};

	return cmocka_run_group_tests_name("sim/engine", tests, NULL, NULL);
}
