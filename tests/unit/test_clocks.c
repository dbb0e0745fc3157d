#include "proto/flow/clocks.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define T0 INT64_C(1795309531943)

/* A stream whose clock is `offset_ms` behind ours, heard for a minute until `until_ms`. */
static struct stream *heard(uint32_t domain, uint16_t port, int64_t offset_ms, int64_t until_ms)
{
	struct stream *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->key = (struct stream_key){.domain = domain, .version = 9, .from = {.port = port}};
	s->key.from.addr = addr_from_v4((const uint8_t[]){192, 0, 2, 1});
	for (int64_t at = until_ms - 60000; at <= until_ms; at += 200)
		clock_model_add(&s->model, at - offset_ms, 1, at);
	s->seen_ms = until_ms;
	return s;
}

static int64_t offset_of(const struct clocks *c, uint32_t domain)
{
	struct clock_key key = {.domain = domain, .version = 9};
	const struct clock_history *h;
	struct clock_estimate e;

	key.exporter = addr_from_v4((const uint8_t[]){192, 0, 2, 1});
	h = clocks_find(c, &key);
	if (h == NULL)
		return INT64_MIN;
	assert_ok(clock_model_at(h, T0, &e));
	return e.offset_ms;
}

static void every_domain_has_a_history_of_its_own(void **state)
{
	struct clocks *c = clocks_new();
	(void)state;

	for (uint32_t i = 0; i < 3; i++) {
		struct stream *s = heard(i, 2055, 100000 * (int64_t)i, T0);

		assert_non_null(clocks_note(c, s));
		assert_null(clocks_note(c, s)); /* nothing new */
		free(s);
	}
	for (uint32_t i = 0; i < 3; i++)
		assert_in_range(offset_of(c, i) + 100, 100000 * i, 100000 * i + 200);
	assert_true(offset_of(c, 3) == INT64_MIN);
	clocks_free(c);
}

static void of_two_processes_one_is_followed_until_it_is_silent(void **state)
{
	struct clocks *c = clocks_new();
	struct stream *one = heard(0, 2055, 0, T0), *other = heard(0, 2056, 500000, T0 + 1000);
	(void)state;

	assert_non_null(clocks_note(c, one));
	assert_null(clocks_note(c, other));
	assert_in_range(offset_of(c, 0) + 100, 0, 200);
	free(other);
	other = heard(0, 2056, 500000, T0 + 120000);
	assert_non_null(clocks_note(c, other));
	free(one);
	free(other);
	clocks_free(c);
}

static void a_history_outlives_its_table(void **state)
{
	struct clocks *c = clocks_new(), *again = clocks_new();
	struct stream *s = heard(7, 2055, -3600000, T0);
	const struct clock_history *h = clocks_note(c, s);
	struct clock_key of = clocks_key_of(s);
	uint8_t key[CLOCKS_KEY], room[CLOCK_HISTORY_MAX];
	size_t len;
	(void)state;

	assert_non_null(h);
	clocks_key_pack(&of, key);
	len = clock_history_pack(h, room);
	assert_ok(clocks_recall(again, key, bytes_of(room, len)));
	assert_int_equal(offset_of(again, 7), offset_of(c, 7));
	assert_err(ERR_FORMAT, clocks_recall(again, key, bytes_of(room, len - 1)));
	free(s);
	clocks_free(c);
	clocks_free(again);
}

static void the_one_noted_longest_ago_makes_way(void **state)
{
	struct clocks *c = clocks_new();
	(void)state;

	for (uint32_t i = 0; i <= CLOCKS_MAX; i++) {
		struct stream *s = heard(i, 2055, 0, T0 + i);

		assert_non_null(clocks_note(c, s));
		free(s);
	}
	assert_true(offset_of(c, 0) == INT64_MIN);
	assert_true(offset_of(c, 1) != INT64_MIN);
	assert_true(offset_of(c, CLOCKS_MAX) != INT64_MIN);
	clocks_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_domain_has_a_history_of_its_own),
		cmocka_unit_test(of_two_processes_one_is_followed_until_it_is_silent),
		cmocka_unit_test(a_history_outlives_its_table),
		cmocka_unit_test(the_one_noted_longest_ago_makes_way),
	};

	return cmocka_run_group_tests_name("flow/clocks", tests, NULL, NULL);
}
