#include "base/prng.h"
#include "base/util.h"
#include "store/planes.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 5000

struct written {
	uint8_t rows[ROWS];
	size_t count;
	uint8_t octets[2 * ROWS + 1000];
	struct plane plane;
	struct bytes runs;
};

/* Of `distinct` octets, the first ones often; one row in `rare` is any octet at all; 0: none is. */
static void fill(struct prng *p, struct written *w, size_t count, size_t distinct, uint64_t rare)
{
	w->count = count;
	for (size_t i = 0; i < count; i++) {
		uint64_t at = prng_below(p, 1 + prng_below(p, distinct));

		w->rows[i] = (uint8_t)(at * 37 + 200);
		if (rare > 0 && prng_below(p, rare) == 0)
			w->rows[i] = (uint8_t)prng_below(p, 256);
	}
}

static void write(struct written *w)
{
	struct plane_writer writer;
	struct octets out = octets_of(w->octets, sizeof(w->octets));
	struct bytes in;
	uint8_t *at;

	plane_choose(&writer, w->rows, w->count);
	plane_put_head(&writer, &out);
	at = out.at;
	for (size_t from = 0; from < w->count; from += PLANES_RUN)
		at = plane_put(&writer, w->rows + from, MIN(w->count - from, PLANES_RUN), at);
	in = bytes_of(w->octets, (size_t)(at - w->octets));
	assert_true(plane_find_head(&in, &w->plane));
	w->runs = in;
}

static void assert_read(struct written *w)
{
	struct bytes in = w->runs;
	uint64_t values[PLANES_RUN];

	for (size_t from = 0; from < w->count; from += PLANES_RUN) {
		size_t some = MIN(w->count - from, PLANES_RUN);
		struct plane_run run;

		assert_true(plane_find(&w->plane, &in, some, &run));
		planes_fill(7, some, values);
		assert_true(plane_add(&w->plane, &run, some, 1, values));
		for (size_t i = 0; i < some; i++) {
			uint8_t octet = 0;

			assert_int_equal(7 + 256 * (uint64_t)w->rows[from + i], values[i]);
			assert_true(plane_one(&w->plane, &run, i, &octet));
			assert_int_equal(w->rows[from + i], octet);
		}
	}
	assert_int_equal(0, bytes_left(&in));
}

static void rows_come_back_in_order_and_one_by_one(void **state)
{
	static const size_t counts[] = {1, 2, 7, 8, 9, 1000, 1024, 1025, ROWS};
	static const uint64_t rare[] = {0, 2, 20, 1000};
	static struct written w;
	struct prng p = {1};
	unsigned widths = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		for (size_t distinct = 1; distinct <= 256; distinct += 1 + distinct / 8) {
			for (size_t j = 0; j < ARRAY_LEN(rare); j++) {
				fill(&p, &w, counts[i], distinct, rare[j]);
				write(&w);
				widths |= 1u << (2 * w.plane.bits + w.plane.has_others);
				assert_read(&w);
			}
		}
	}
	/* Every form there is, but none of more than 4 bits without others: see has_more(). */
	assert_int_equal(0x1abff, widths);
}

/* As many as take half the bits at least, when there are few. */
static void few_octets_take_few_bits(void **state)
{
	static struct written w;
	struct prng p = {2};

	(void)state;
	for (size_t distinct = 1; distinct <= 16; distinct++) {
		fill(&p, &w, ROWS, distinct, 0);
		write(&w);
		assert_true(bytes_left(&w.runs) <= (ROWS + 64) / 2);
		fill(&p, &w, ROWS, distinct, 100);
		write(&w);
		assert_true(bytes_left(&w.runs) <= (ROWS + 64) / 2 + ROWS / 20);
	}
}

static void what_is_cut_off_or_has_too_many_others_is_refused(void **state)
{
	static struct written w;
	struct prng p = {3};
	struct plane_run run;
	uint64_t values[PLANES_RUN] = {0};
	struct bytes in;
	uint8_t octet;

	(void)state;
	fill(&p, &w, PLANES_RUN, 3, 10);
	write(&w);
	assert_true(w.plane.has_others && w.plane.bits > 0);
	for (size_t len = 0; len < bytes_left(&w.runs); len++) {
		in = bytes_of(w.runs.at, len);
		assert_false(plane_find(&w.plane, &in, PLANES_RUN, &run));
	}
	in = w.runs;
	assert_true(plane_find(&w.plane, &in, PLANES_RUN, &run));
	run.other_count--;
	assert_false(plane_add(&w.plane, &run, PLANES_RUN, 0, values));
	for (size_t i = 0; i < PLANES_RUN; i++)
		(void)plane_one(&w.plane, &run, i, &octet);
	run.other_count = 0;
	assert_false(plane_add(&w.plane, &run, PLANES_RUN, 0, values));
}

/* It is looked at in 64 places, 64 rows each: what these do not show is found when it is settled.
 */
static void what_is_settled_takes_no_more_than_its_rows(void **state)
{
	enum { COUNT = 64 * 1024 };
	static uint8_t rows[COUNT], octets[3 * COUNT];
	struct plane_writer writer;
	struct prng p = {4};

	(void)state;
	for (size_t common = 1; common <= 64; common *= 2) {
		struct octets out = octets_of(octets, sizeof(octets));
		uint8_t *at;

		for (size_t i = 0; i < COUNT; i++) {
			bool is_seen = i % 1024 < 64 || i % 256 == 0;

			rows[i] = (uint8_t)prng_below(&p, is_seen ? common : 256);
		}
		plane_choose(&writer, rows, COUNT);
		plane_settle(&writer, rows, COUNT);
		plane_put_head(&writer, &out);
		at = out.at;
		for (size_t from = 0; from < COUNT; from += PLANES_RUN)
			at = plane_put(&writer, rows + from, PLANES_RUN, at);
		assert_true(at - octets <= COUNT + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_back_in_order_and_one_by_one),
		cmocka_unit_test(few_octets_take_few_bits),
		cmocka_unit_test(what_is_settled_takes_no_more_than_its_rows),
		cmocka_unit_test(what_is_cut_off_or_has_too_many_others_is_refused),
	};

	return cmocka_run_group_tests_name("store/planes", tests, NULL, NULL);
}
