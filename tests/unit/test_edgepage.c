#include "base/prng.h"
#include "base/util.h"
#include "store/edgepage.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 20000

static uint64_t rows[ROWS_MAX], read[ROWS_MAX];
static uint8_t *data;
static size_t len;

static int by_value(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int teardown(void **state)
{
	(void)state;
	free(data);
	data = NULL;
	return 0;
}

static void make(uint64_t seed, size_t count, uint64_t units)
{
	struct prng p = {seed};

	for (size_t i = 0; i < count; i++)
		rows[i] = edgepage_row(prng_below(&p, 3) > 0, (uint32_t)prng_below(&p, units),
		                       (uint32_t)prng_below(&p, 1 << EDGEPAGE_HASH_BITS));
	qsort(rows, count, sizeof(rows[0]), by_value);
	free(data);
	data = malloc(edgepage_bound(count));
	assert_non_null(data);
	len = edgepage_encode(rows, count, data);
	assert_true(len <= edgepage_bound(count));
	data = realloc(data, len); /* so that a read beyond is seen */
	assert_non_null(data);
}

static size_t read_all(const struct edgepage *page)
{
	size_t total = 0, count;

	for (int kind = 0; kind < 2; kind++) {
		for (uint32_t i = 0; i < page->buckets[kind]; i++) {
			assert_ok(edgepage_read(page, kind == 1, i, read + total, &count));
			assert_int_equal(edgepage_begin(page, kind == 1, i),
			                 edgepage_unit(read[total]));
			total += count;
		}
	}
	return total;
}

static void what_is_written_is_read(void **state)
{
	static const struct {
		size_t count;
		uint64_t units;
	} pages[] = {{1, 1},    {1, EDGEPAGE_UNITS}, {2, EDGEPAGE_UNITS},    {127, 300},  {128, 1},
	             {129, 64}, {1000, 2},           {5000, EDGEPAGE_UNITS}, {20000, 100}};
	struct edgepage page;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		make(i, pages[i].count, pages[i].units);
		assert_ok(edgepage_open(data, len, &page));
		assert_int_equal(read_all(&page), pages[i].count);
		assert_memory_equal(read, rows, pages[i].count * sizeof(rows[0]));
	}
}

static void a_moment_is_found_without_the_others(void **state)
{
	struct edgepage page;
	uint64_t some[EDGEPAGE_BUCKET];
	size_t count;

	(void)state;
	make(5, ROWS_MAX, EDGEPAGE_UNITS);
	assert_ok(edgepage_open(data, len, &page));
	for (uint32_t unit = 0; unit < EDGEPAGE_UNITS; unit += 777) {
		size_t expected = 0, found = 0, buckets = 0;

		for (size_t i = 0; i < ROWS_MAX; i++)
			expected += rows[i] >> EDGEPAGE_HASH_BITS ==
			            edgepage_row(true, unit, 0) >> EDGEPAGE_HASH_BITS;
		for (uint32_t i = edgepage_find(&page, true, unit);
		     i < page.buckets[1] && edgepage_begin(&page, true, i) <= unit; i++) {
			assert_ok(edgepage_read(&page, true, i, some, &count));
			for (size_t k = 0; k < count; k++)
				found += edgepage_unit(some[k]) == unit;
			buckets++;
		}
		assert_int_equal(found, expected);
		assert_true(buckets <= 2);
	}
}

/* At a steady rate of forty a second. */
static void an_edge_takes_less_than_four_octets(void **state)
{
	(void)state;
	make(6, ROWS_MAX, ROWS_MAX / 40 * 1000 / EDGEPAGE_UNIT_MS);
	assert_true(len < 4 * (size_t)ROWS_MAX);
}

static void every_flipped_bit_is_noticed(void **state)
{
	struct edgepage page;
	uint64_t some[EDGEPAGE_BUCKET];
	size_t count;

	(void)state;
	make(7, 700, 900);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		enum err err;

		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		err = edgepage_open(data, len, &page);
		for (int kind = 0; kind < 2 && err == ERR_OK; kind++) {
			for (uint32_t i = 0; i < page.buckets[kind] && err == ERR_OK; i++)
				err = edgepage_read(&page, kind == 1, i, some, &count);
		}
		assert_int_not_equal(err, ERR_OK);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_is_refused(void **state)
{
	struct edgepage page;
	uint64_t some[EDGEPAGE_BUCKET];
	size_t count;

	(void)state;
	make(8, 300, 900);
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(MAX(cut, 1));
		enum err err;

		assert_non_null(copy);
		memcpy(copy, data, cut);
		err = edgepage_open(copy, cut, &page);
		for (int kind = 0; kind < 2 && err == ERR_OK; kind++) {
			for (uint32_t i = 0; i < page.buckets[kind] && err == ERR_OK; i++)
				err = edgepage_read(&page, kind == 1, i, some, &count);
		}
		assert_int_not_equal(err, ERR_OK);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_written_is_read, teardown),
		cmocka_unit_test_teardown(a_moment_is_found_without_the_others, teardown),
		cmocka_unit_test_teardown(an_edge_takes_less_than_four_octets, teardown),
		cmocka_unit_test_teardown(every_flipped_bit_is_noticed, teardown),
		cmocka_unit_test_teardown(every_truncation_is_refused, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
