#include "base/prng.h"
#include "store/run.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define HASHES_MAX 3000

struct fixture {
	struct run run;
	uint32_t hashes[RUN_BLOCKS][HASHES_MAX];
	struct run_source sources[RUN_BLOCKS];
	uint8_t *data;
	size_t len;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->data);
	free(f);
	return 0;
}

static void make(struct fixture *f, uint64_t seed, size_t blocks, size_t each)
{
	struct prng p = {seed};
	uint32_t entries = (uint32_t)(blocks * each);
	void *scratch = malloc(run_scratch(entries));

	assert_non_null(scratch);
	f->run = (struct run){.block_count = (uint8_t)blocks, .span = {-5, 77}};
	for (size_t i = 0; i < blocks; i++) {
		f->run.blocks[i] = (struct block_key){.hour = 400000 + i / 3, .sequence = 7 * i};
		for (size_t j = 0; j < each; j++)
			f->hashes[i][j] = (uint32_t)prng_next(&p);
		f->sources[i] = (struct run_source){f->hashes[i], each};
	}
	free(f->data);
	f->len = run_len((uint8_t)blocks, entries);
	f->data = malloc(f->len);
	assert_non_null(f->data);
	run_encode(&f->run, f->sources, scratch, f->data);
	free(scratch);
}

static void what_a_block_has_is_found_in_it(void **state)
{
	static const struct {
		size_t blocks, each;
	} sizes[] = {{1, 0}, {1, 1}, {2, 3}, {16, 4}, {16, 5}, {3, 64}, {16, 3000}};
	struct fixture *f = *state;
	struct run read;
	uint16_t which;

	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		make(f, s, sizes[s].blocks, sizes[s].each);
		assert_ok(run_open(f->data, f->len, &read));
		assert_memory_equal(&read.blocks, &f->run.blocks, sizeof(read.blocks));
		assert_int_equal(read.span.start_ms, -5);
		assert_int_equal(read.span.end_ms, 77);
		for (size_t i = 0; i < sizes[s].blocks; i++) {
			for (size_t j = 0; j < sizes[s].each; j++) {
				assert_ok(run_find(&read, f->data, f->len, f->hashes[i][j], 32,
				                   &which));
				assert_true(which >> i & 1);
			}
		}
	}
}

static void what_no_block_has_is_rarely_found(void **state)
{
	struct fixture *f = *state;
	struct prng p = {99};
	size_t found = 0;
	uint16_t which;

	make(f, 1, 16, 3000);
	for (size_t i = 0; i < 10000; i++) {
		assert_ok(run_find(&f->run, f->data, f->len, (uint32_t)prng_next(&p), 32, &which));
		found += (size_t)__builtin_popcount(which);
	}
	assert_in_range(found, 50, 300); /* one in 64 to 128 */
}

static void a_flipped_bit_is_seen_by_the_header_or_its_bucket(void **state)
{
	struct fixture *f = *state;
	struct run read;
	uint16_t which;

	make(f, 2, 4, 100);
	for (size_t bit = 0; bit < 8 * f->len; bit++) {
		size_t missed = 0, refused = 0;

		f->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (run_open(f->data, f->len, &read) == ERR_OK) {
			for (size_t i = 0; i < 4 * 100; i++) {
				uint32_t hash = f->hashes[i % 4][i / 4];
				enum err err = run_find(&read, f->data, f->len, hash, 32, &which);

				refused += err == ERR_CORRUPT;
				missed += err == ERR_OK && !(which >> i % 4 & 1);
			}
			assert_true(refused > 0);
			assert_int_equal(missed, 0);
		}
		f->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void every_truncation_is_refused(void **state)
{
	struct fixture *f = *state;
	struct run read;

	make(f, 3, 4, 100);
	for (size_t len = 0; len < f->len; len++)
		assert_err(ERR_SHORT, run_open(f->data, len, &read));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* As it may be when the file was damaged after its head was read. */
static void a_run_shorter_than_its_head_says_is_not_read(void **state)
{
	struct fixture *f = *state;
	uint8_t *less;
	uint16_t which;

	make(f, 5, 4, 100);
	less = malloc(40);
	assert_non_null(less);
	memcpy(less, f->data, 40);
	assert_err(ERR_CORRUPT, run_find(&f->run, less, 40, f->hashes[0][0], 32, &which));
	free(less);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_a_block_has_is_found_in_it),
		CASE(what_no_block_has_is_rarely_found),
		CASE(a_flipped_bit_is_seen_by_the_header_or_its_bucket),
		CASE(every_truncation_is_refused),
		CASE(a_run_shorter_than_its_head_says_is_not_read),
	};

	return cmocka_run_group_tests_name("store/run", tests, NULL, NULL);
}
