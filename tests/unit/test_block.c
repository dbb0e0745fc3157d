#include "base/prng.h"
#include "base/util.h"
#include "store/block.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX 5000

struct fixture {
	struct block_codec *writer, *reader, *stepper;
	struct flow flows[FLOWS_MAX];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->writer = block_codec_new(1);
	f->reader = block_codec_new(1);
	f->stepper = block_codec_new(1);
	assert_non_null(f->writer);
	assert_non_null(f->reader);
	assert_non_null(f->stepper);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	block_codec_free(f->writer);
	block_codec_free(f->reader);
	block_codec_free(f->stepper);
	free(f);
	return 0;
}

/* Few addresses, near times: what a router sends. */
static void likely(struct prng *p, struct flow *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->src = addr_from_v4((const uint8_t[4]){10, 0, 0, (uint8_t)prng_below(p, 20)});
	ret->dst = addr_from_v4((const uint8_t[4]){192, 0, 2, (uint8_t)prng_below(p, 200)});
	ret->exporter = addr_from_v4((const uint8_t[4]){10, 0, 0, 1});
	ret->received_ms = INT64_C(1448000000000) + (int64_t)prng_below(p, 60000);
	ret->end_ms = ret->received_ms - (int64_t)prng_below(p, 15000);
	ret->start_ms = ret->end_ms - (int64_t)prng_below(p, 100000);
	ret->octets = prng_below(p, 100000);
	ret->packets = 1 + ret->octets / 700;
	ret->src_port = (uint16_t)prng_below(p, 65536);
	ret->dst_port = 22;
	ret->proto = FLOW_TCP;
	ret->version = 9;
	ret->sampling = 1;
}

/* What lies behind the last member is none of the block's. */
static void clear_hole(struct flow *f)
{
	memset(&f->version + 1, 0, sizeof(*f) - offsetof(struct flow, version) - 1);
}

/* Every member any value at all, and the ends of its range often. */
static void extreme(struct prng *p, struct flow *ret)
{
	prng_fill(p, ret, sizeof(*ret));
	switch (prng_below(p, 4)) {
	case 0:
		memset(ret, 0xff, sizeof(*ret));
		break;
	case 1:
		memset(ret, 0, sizeof(*ret));
		break;
	case 2:
		ret->start_ms = INT64_MIN;
		ret->end_ms = INT64_MAX;
		ret->received_ms = INT64_MIN;
		break;
	}
	clear_hole(ret);
}

static void assert_round_trip(struct fixture *f, size_t count)
{
	struct block block;
	struct flow *flows;
	size_t read;

	assert_ok(block_encode(f->writer, f->flows, count, &block));
	assert_ok(block_decode(f->reader, block.data, block.len, NULL, &flows, &read));
	assert_int_equal(read, count);
	assert_memory_equal(flows, f->flows, count * sizeof(*flows));
}

static void flows_come_back_as_they_were_and_in_order(void **state)
{
	static const size_t counts[] = {1, 2, 3, 127, 128, 129, 1000, FLOWS_MAX};
	struct fixture *f = *state;
	struct prng p = {1};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		for (size_t j = 0; j < counts[i]; j++)
			likely(&p, &f->flows[j]);
		assert_round_trip(f, counts[i]);
	}
}

static void the_ends_of_every_range_come_back(void **state)
{
	struct fixture *f = *state;
	struct prng p = {2};

	for (size_t count = 1; count < 200; count++) {
		for (size_t i = 0; i < count; i++)
			extreme(&p, &f->flows[i]);
		assert_round_trip(f, count);
	}
}

static void every_truncation_is_short(void **state)
{
	struct fixture *f = *state;
	struct prng p = {3};
	struct block block;
	struct flow *flows;
	size_t count;

	for (size_t i = 0; i < 40; i++)
		likely(&p, &f->flows[i]);
	assert_ok(block_encode(f->writer, f->flows, 40, &block));
	for (size_t cut = 0; cut < block.len; cut++)
		assert_err(ERR_SHORT,
		           block_decode(f->reader, block.data, cut, NULL, &flows, &count));
}

static void every_flipped_bit_is_refused(void **state)
{
	struct fixture *f = *state;
	struct prng p = {4};
	struct block block;
	struct flow *flows;
	uint8_t *copy;
	size_t count;

	for (size_t i = 0; i < 10; i++)
		likely(&p, &f->flows[i]);
	assert_ok(block_encode(f->writer, f->flows, 10, &block));
	copy = malloc(block.len);
	assert_non_null(copy);
	memcpy(copy, block.data, block.len);
	for (size_t bit = 0; bit < block.len * 8; bit++) {
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			ERR_OK, block_decode(f->reader, copy, block.len, NULL, &flows, &count));
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_ok(block_decode(f->reader, copy, block.len, NULL, &flows, &count));
	free(copy);
}

static void no_flows_make_no_block(void **state)
{
	struct fixture *f = *state;
	struct block block;
	struct flow *flows;
	size_t count;

	assert_err(ERR_RANGE, block_encode(f->writer, f->flows, 0, &block));
	assert_err(ERR_RANGE, block_encode(f->writer, f->flows, BLOCK_FLOWS_MAX + 1, &block));
	assert_err(ERR_SHORT, block_decode(f->reader, "", 0, NULL, &flows, &count));
}

/* Writes one octet, or a number of four, into a good block and makes all checks fit again. */
static enum err forged(struct fixture *f, size_t at, uint32_t value, size_t width)
{
	struct block block;
	struct flow *flows;
	uint8_t *copy;
	enum err err;
	size_t count;

	assert_ok(block_encode(f->writer, f->flows, 10, &block));
	copy = malloc(block.len);
	assert_non_null(copy);
	memcpy(copy, block.data, block.len);
	for (size_t i = 0; i < width; i++)
		copy[at + i] = (uint8_t)(value >> 8 * (width - 1 - i));
	if (at != BLOCK_HEADER_LEN - 8)
		block_mend(f->reader, copy, block.len);
	err = block_decode(f->reader, copy, block.len, NULL, &flows, &count);
	free(copy);
	return err;
}

static void a_forged_header_is_refused(void **state)
{
	static const struct {
		const char *label;
		size_t at;
		uint32_t value;
		size_t width;
		enum err expected;
	} rows[] = {
		{"magic", 0, 0x53505243, 4, ERR_FORMAT},
		{"next version", 4, BLOCK_VERSION + 1, 2, ERR_VERSION},
		{"a column more", 6, 33, 2, ERR_FORMAT},
		{"no flows", 8, 0, 4, ERR_FORMAT},
		{"a flow fewer", 8, 9, 4, ERR_FORMAT},
		{"a flow more", 8, 11, 4, ERR_FORMAT},
		{"flows without end", 8, UINT32_MAX, 4, ERR_FORMAT},
		{"more flows than a block holds", 8, BLOCK_FLOWS_MAX + 1, 4, ERR_FORMAT},
		{"more connections than flows", 12, 11, 4, ERR_FORMAT},
		{"no connections", 12, 0, 4, ERR_FORMAT},
		{"a connection fewer", 12, 9, 4, ERR_FORMAT},
		{"more addresses than flows have", 16, 51, 4, ERR_FORMAT},
		{"no addresses", 16, 0, 4, ERR_FORMAT},
		{"more octets than there are", 20, 1 << 20, 4, ERR_SHORT},
		{"fewer octets than there are", 20, 1, 4, ERR_FORMAT},
		{"a head of more than that", 24, 1 << 20, 4, ERR_FORMAT},
		{"a head of less", 24, 400, 4, ERR_FORMAT},
		{"another start", 28, 1, 4, ERR_FORMAT},
		{"another end", 36, 1, 4, ERR_FORMAT},
		{"another checksum", BLOCK_HEADER_LEN - 8, 1, 4, ERR_CORRUPT},
		{"another column", BLOCK_HEADER_LEN, 9, 1, ERR_FORMAT},
		{"nine planes", BLOCK_HEADER_LEN + 1, 9, 1, ERR_FORMAT},
	};
	struct fixture *f = *state;
	struct prng p = {5};

	for (size_t i = 0; i < 10; i++)
		likely(&p, &f->flows[i]);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum err err = forged(f, rows[i].at, rows[i].value, rows[i].width);

		if (err != rows[i].expected)
			print_error("%s\n", rows[i].label);
		assert_err(rows[i].expected, err);
	}
}

/* --- wishes --- */

static struct whom host_of(const struct addr *a)
{
	return (struct whom){.a = *a};
}

static struct whom connection_of(const struct flow *f, bool is_reverse)
{
	return is_reverse ? (struct whom){f->dst, f->src, f->dst_port, f->src_port, f->proto, true}
	                  : (struct whom){f->src, f->dst, f->src_port, f->dst_port, f->proto, true};
}

static const uint8_t *fetched_from, *fetched_to; /* where pieces may lie */
static size_t fetched;

static void fetch(const void *data, size_t len)
{
	const uint8_t *at = data;

	assert_true(at >= fetched_from && len <= (size_t)(fetched_to - at));
	fetched += len;
}

/* The same flows in three steps; returns how many octets those have fetched. */
static size_t assert_found_in_steps(struct fixture *f, const struct block *block,
                                    const struct wish *wish, size_t count)
{
	struct block_found found;
	struct flow *flows, *again;
	size_t again_count;

	fetched_from = block->data;
	fetched_to = block->data + block->len;
	fetched = 0;
	block_locate(f->stepper, block->data, block->len, wish, fetch, &found);
	block_prepare(f->stepper, block->data, block->len, wish, fetch, &found);
	assert_ok(block_decode_found(f->stepper, block->data, block->len, wish, &found, &again,
	                             &again_count));
	assert_int_equal(count, again_count);
	assert_ok(block_decode(f->reader, block->data, block->len, wish, &flows, &count));
	assert_memory_equal(flows, again, count * sizeof(*flows));
	return fetched;
}

/* As many decode as a look at each says, and these, in order. */
static size_t assert_found(struct fixture *f, const struct block *block, size_t count,
                           const struct wish *wish)
{
	struct flow *flows;
	size_t found, next = 0;

	assert_ok(block_decode(f->reader, block->data, block->len, wish, &flows, &found));
	for (size_t i = 0; i < count; i++) {
		const struct flow *flow = &f->flows[i];

		if (!wish_is_of(wish, flow) ||
		    !interval_overlaps(wish->when, (struct interval){flow->start_ms, flow->end_ms}))
			continue;
		assert_true(next < found);
		assert_memory_equal(&flows[next++], flow, sizeof(*flow));
	}
	assert_int_equal(next, found);
	assert_found_in_steps(f, block, wish, found);
	return found;
}

/* Answers follow some questions, at any distance, and some connections go on and on. */
static void talk(struct prng *p, struct fixture *f)
{
	for (size_t i = 0; i < FLOWS_MAX; i++) {
		struct flow *flow = &f->flows[i], earlier;
		size_t reach;

		likely(p, flow);
		if (i == 0 || prng_below(p, 2) == 0)
			continue;
		reach = prng_below(p, 20) == 0 ? i : MIN(i, 40);
		earlier = f->flows[i - 1 - prng_below(p, reach)];
		flow->src = prng_below(p, 3) == 0 ? earlier.src : earlier.dst;
		flow->dst = addr_equal(&flow->src, &earlier.src) ? earlier.dst : earlier.src;
		flow->src_port =
			addr_equal(&flow->src, &earlier.src) ? earlier.src_port : earlier.dst_port;
		flow->dst_port =
			addr_equal(&flow->src, &earlier.src) ? earlier.dst_port : earlier.src_port;
	}
}

/* Hosts, connections and nobody, of a block that has the first `count`; returns flows found. */
static size_t look_for_some(struct fixture *f, const struct block *block, size_t count)
{
	struct prng p = {6};
	size_t total = 0;

	for (size_t i = 0; i < 300; i++) {
		const struct flow *flow = &f->flows[prng_below(&p, count)];
		const struct flow *other = &f->flows[prng_below(&p, count)];
		const struct addr nobody = addr_from_v4((const uint8_t[4]){10, 9, 9, 9});
		struct interval some = {flow->start_ms, flow->start_ms + 5000};
		struct whom whom[3] = {host_of(i % 2 == 0 ? &flow->src : &flow->dst),
		                       connection_of(other, i % 2 == 0), host_of(&nobody)};
		struct wish wish = {.when = i % 3 == 0 ? some : INTERVAL_ALWAYS};

		wish.whom = &whom[i % 3];
		wish.whom_count = 1 + prng_below(&p, 3 - i % 3);
		total += assert_found(f, block, count, &wish);
	}
	return total;
}

static void whom_is_wanted_is_found_and_nobody_else(void **state)
{
	struct fixture *f = *state;
	struct prng p = {6};
	struct block block;

	talk(&p, f);
	assert_ok(block_encode(f->writer, f->flows, FLOWS_MAX, &block));
	assert_true(look_for_some(f, &block, FLOWS_MAX) > 5000);
}

/* Written by talk() of 11 when that was the version: see store/block.h. */
static void a_block_of_the_version_before_is_read_as_well(void **state)
{
	enum { COUNT = 2100, ROOM = 1 << 16 };
	struct fixture *f = *state;
	struct prng p = {11};
	uint8_t *data = malloc(ROOM);
	struct block block = {.data = data};
	FILE *file = fopen(SPOOR_DATA "/block_version_3", "rb");
	struct flow *flows;
	size_t count;

	assert_non_null(data);
	assert_non_null(file);
	block.len = fread(data, 1, ROOM, file);
	fclose(file);
	assert_int_equal(BLOCK_VERSION_OLD, data[4] << 8 | data[5]);
	talk(&p, f);
	assert_ok(block_decode(f->reader, data, block.len, NULL, &flows, &count));
	assert_int_equal(COUNT, count);
	assert_memory_equal(f->flows, flows, COUNT * sizeof(*flows));
	assert_true(look_for_some(f, &block, COUNT) > 1000);
	free(data);
}

/* Its checks fit, and no number that says where something lies is true. */
static void a_directory_that_lies_is_no_trap(void **state)
{
	static const uint64_t lies[] = {UINT64_MAX, INT64_MAX, 0, UINT64_C(1) << 40};
	struct fixture *f = *state;
	struct prng p = {13};
	struct block block;
	size_t heads;
	uint8_t *copy;

	talk(&p, f);
	assert_ok(block_encode(f->writer, f->flows, FLOWS_MAX, &block));
	heads = (size_t)block.data[26] << 8 | block.data[27];
	copy = malloc(block.len);
	assert_non_null(copy);
	fetched_from = copy;
	fetched_to = copy + block.len;
	for (size_t at = BLOCK_HEADER_LEN; at + 8 < BLOCK_HEADER_LEN + heads; at++) {
		struct whom whom = host_of(&f->flows[at % FLOWS_MAX].src);
		struct wish wish = {.when = INTERVAL_ALWAYS, .whom = &whom, .whom_count = 1};
		struct block_found found;

		memcpy(copy, block.data, block.len);
		memcpy(copy + at, &lies[at % ARRAY_LEN(lies)], 8);
		block_mend(f->reader, copy, block.len);
		block_locate(f->reader, copy, block.len, &wish, fetch, &found);
		block_prepare(f->reader, copy, block.len, &wish, fetch, &found);
	}
	free(copy);
}

/* Of the rest, what lies beside what is wanted: some runs of 1024 rows. */
static void a_search_in_steps_fetches_little(void **state)
{
	struct fixture *f = *state;
	struct prng p = {12};
	struct block block;
	struct whom whom;
	struct wish wish = {.when = INTERVAL_ALWAYS, .whom = &whom, .whom_count = 1};

	talk(&p, f);
	assert_ok(block_encode(f->writer, f->flows, FLOWS_MAX, &block));
	for (size_t i = 0; i < 20; i++) {
		struct flow *flows;
		size_t count;

		whom = connection_of(&f->flows[prng_below(&p, FLOWS_MAX)], false);
		assert_ok(block_decode(f->reader, block.data, block.len, &wish, &flows, &count));
		assert_true(assert_found_in_steps(f, &block, &wish, count) < 2 * block.len / 3);
	}
}

/* Of a connection with two flows, three runs are read at most, and the head. */
static void a_run_that_nobody_asks_for_is_not_looked_at(void **state)
{
	struct fixture *f = *state;
	struct prng p = {7};
	struct block block;
	struct whom whom;
	struct wish wish = {.when = INTERVAL_ALWAYS, .whom = &whom, .whom_count = 1};
	struct flow *flows;
	uint8_t *copy;
	size_t count;

	for (size_t i = 0; i < FLOWS_MAX; i++)
		likely(&p, &f->flows[i]);
	assert_ok(block_encode(f->writer, f->flows, FLOWS_MAX, &block));
	copy = malloc(block.len);
	assert_non_null(copy);
	memcpy(copy, block.data, block.len);
	copy[block.len - 1] ^= 1; /* the last run of flows */
	whom = connection_of(&f->flows[10], false);
	assert_ok(block_decode(f->reader, copy, block.len, &wish, &flows, &count));
	assert_int_equal(1, count);
	assert_memory_equal(flows, &f->flows[10], sizeof(*flows));
	whom = connection_of(&f->flows[FLOWS_MAX - 1], false);
	assert_err(ERR_CORRUPT, block_decode(f->reader, copy, block.len, &wish, &flows, &count));
	assert_err(ERR_CORRUPT, block_decode(f->reader, copy, block.len, NULL, &flows, &count));
	free(copy);
}

/* Addresses of few last octets, which get codes, and some others. */
static void fill_with_others(struct fixture *f, size_t count)
{
	struct prng p = {9};

	for (size_t i = 0; i < count; i++) {
		uint8_t last = (uint8_t)(i % 10 == 0 ? 7 * i : i % 3);

		likely(&p, &f->flows[i]);
		f->flows[i].src =
			addr_from_v4((const uint8_t[4]){10, (uint8_t)(i / 256), (uint8_t)i, last});
	}
}

/* Its checks fit, and it contradicts itself where all who look for somebody look. */
static void nobody_is_not_found_in_addresses_that_contradict_themselves(void **state)
{
	enum { COUNT = 800, CODES = 100 };
	struct fixture *f = *state;
	const struct addr nobody = addr_from_v4((const uint8_t[4]){10, 9, 9, 9});
	struct whom whom = host_of(&nobody);
	struct wish wish = {.when = INTERVAL_ALWAYS, .whom = &whom, .whom_count = 1};
	struct block block, of;
	struct flow *flows;
	uint8_t *copy;
	size_t count, runs, contradictions = 0;

	fill_with_others(f, COUNT);
	assert_ok(block_encode(f->writer, f->flows, COUNT, &block));
	copy = malloc(block.len);
	assert_non_null(copy);
	runs = BLOCK_HEADER_LEN + ((size_t)block.data[26] << 8 | block.data[27]);
	for (size_t i = 0; i < CODES; i++) {
		enum err err;

		memcpy(copy, block.data, block.len);
		copy[runs + 2 + i] ^= 1;
		block_mend(f->reader, copy, block.len);
		err = block_decode(f->reader, copy, block.len, NULL, &flows, &count);
		assert_err(err, block_decode(f->reader, copy, block.len, &wish, &flows, &count));
		assert_err(err, block_whom(f->reader, copy, block.len, &of));
		contradictions += err == ERR_FORMAT;
	}
	assert_true(contradictions > CODES / 4);
	free(copy);
}

/* Where the writer looks for what comes often, one value; any at all everywhere else. */
static void the_longest_block_has_room(void **state)
{
	enum { COUNT = BLOCK_FLOWS_MAX, LEN_MAX = 184 };
	struct fixture *f = *state;
	struct flow *flows = calloc(COUNT, sizeof(*flows)), *read;
	struct prng p = {8};
	struct block block;
	size_t count;

	assert_non_null(flows);
	for (size_t i = 0; i < COUNT; i++) {
		if (i % 512 >= 64)
			prng_fill(&p, &flows[i], sizeof(flows[i]));
		clear_hole(&flows[i]);
	}
	assert_ok(block_encode(f->writer, flows, COUNT, &block));
	assert_true(block.len <= (size_t)COUNT * LEN_MAX);
	assert_ok(block_decode(f->reader, block.data, block.len, NULL, &read, &count));
	assert_int_equal(COUNT, count);
	assert_memory_equal(flows, read, COUNT * sizeof(*flows));
	free(flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(flows_come_back_as_they_were_and_in_order, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(the_ends_of_every_range_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(every_truncation_is_short, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(no_flows_make_no_block, setup, teardown),
		cmocka_unit_test_setup_teardown(a_forged_header_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(whom_is_wanted_is_found_and_nobody_else, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_block_of_the_version_before_is_read_as_well,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_lies_is_no_trap, setup, teardown),
		cmocka_unit_test_setup_teardown(a_search_in_steps_fetches_little, setup, teardown),
		cmocka_unit_test_setup_teardown(a_run_that_nobody_asks_for_is_not_looked_at, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(
			nobody_is_not_found_in_addresses_that_contradict_themselves, setup,
			teardown),
		cmocka_unit_test_setup_teardown(the_longest_block_has_room, setup, teardown),
	};

	return cmocka_run_group_tests_name("store/block", tests, NULL, NULL);
}
