#include "tests/unit/store_fixture.h"

#include <stddef.h>

#define HOSTS 400
#define RARE_BLOCK 20

/* Flows among few hosts and ports, so that wishes find some; numbered in `octets`. */
static struct flow traffic(struct prng *p, uint64_t id, int64_t received_ms)
{
	struct flow f = flow_of(id, received_ms);
	uint64_t a = prng_below(p, HOSTS), b = prng_below(p, HOSTS);

	f.src = addr_from_v4((const uint8_t[4]){10, 0, (uint8_t)(a >> 8), (uint8_t)a});
	f.dst = addr_from_v4((const uint8_t[4]){192, 0, (uint8_t)(b >> 8), (uint8_t)b});
	f.src_port = (uint16_t)(1024 + prng_below(p, 3));
	f.dst_port = 22;
	f.proto = FLOW_TCP;
	if (prng_below(p, 2) == 0) {
		struct addr src = f.src;

		f.src = f.dst;
		f.dst = src;
		f.dst_port = f.src_port;
		f.src_port = 22;
	}
	f.packets = prng_below(p, 10);
	f.tcp_flags = (uint8_t)prng_below(p, 4);
	return f;
}

static void put_many(struct fixture *f, struct prng *p, uint64_t first, size_t count, int64_t at)
{
	for (size_t i = 0; i < count; i++) {
		struct flow flow = traffic(p, first + i, at + (int64_t)i);

		assert_ok(store_append(f->store, &flow, 1));
		if (store_is_ready(f->store))
			assert_ok(store_seal(f->store));
	}
	assert_ok(store_seal(f->store));
}

static bool few_packets(void *ctx, const struct flow *f)
{
	return f->packets < *(const uint64_t *)ctx && f->tcp_flags == 1;
}

static bool covers(const struct wish *w, const struct flow *f)
{
	return interval_overlaps(w->when, (struct interval){f->start_ms, f->end_ms}) &&
	       (w->whom_count == 0 || wish_is_of(w, f));
}

/* The sum of what is found is the same as by looking at everything. */
static void sum(struct store *s, const struct wish *read, const struct wish *judge,
                uint64_t *ret_count, uint64_t *ret_sum)
{
	struct store_cursor *c;
	const struct flow *flows;
	size_t count;

	*ret_count = *ret_sum = 0;
	assert_ok(store_cursor_find(s, read, &c));
	while (store_cursor_next(c, &flows, &count) == ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			if (!covers(judge, &flows[i]) ||
			    (judge->is_wanted && !judge->is_wanted(judge->ctx, &flows[i])))
				continue;
			++*ret_count;
			*ret_sum += flows[i].octets * flows[i].octets ^ flows[i].packets;
		}
	}
	store_cursor_close(c);
}

static struct whom whom_of(struct prng *p)
{
	struct flow f = traffic(p, 0, T0);

	return (struct whom){.a = f.src,
	                     .b = f.dst,
	                     .a_port = f.src_port,
	                     .b_port = f.dst_port,
	                     .proto = f.proto,
	                     .is_connection = prng_below(p, 2) == 0};
}

static void assert_wishes_are_met(struct fixture *f, uint64_t seed)
{
	struct prng p = {seed};
	uint64_t any = 0;

	for (int round = 0; round < 60; round++) {
		struct whom whom[3] = {whom_of(&p), whom_of(&p), whom_of(&p)};
		uint64_t limit = prng_below(&p, 12), found, found_sum, all, all_sum;
		struct wish wish = {
			.when = {T0 + (int64_t)prng_below(&p, HOUR_MS), 0},
			.whom = whom,
			.whom_count = prng_below(&p, 4),
			.is_wanted = prng_below(&p, 2) == 0 ? few_packets : NULL,
			.ctx = &limit,
			.members = wish_member(offsetof(struct flow, packets)) |
		                   wish_member(offsetof(struct flow, tcp_flags)),
		};
		struct wish everything = {.when = INTERVAL_ALWAYS};

		wish.when.end_ms = wish.when.start_ms + (int64_t)prng_below(&p, 3 * HOUR_MS);
		sum(f->store, &wish, &wish, &found, &found_sum);
		sum(f->store, &everything, &wish, &all, &all_sum);
		assert_int_equal(found, all);
		assert_int_equal(found_sum, all_sum);
		any += found;
	}
	assert_true(any > 0);
}

static void a_wish_finds_what_reading_everything_finds(void **state)
{
	struct fixture *f = *state;
	struct prng p = {1};

	open_it(f);
	put_many(f, &p, 0, 4050, T0 + HOUR_MS / 2);
	assert_true(stats_of(f).index_octets > 0);
	assert_wishes_are_met(f, 2);
	put_many(f, &p, 4050, 1230, T0 + HOUR_MS);
	assert_wishes_are_met(f, 3);
	close_it(f);
	open_it(f);
	assert_wishes_are_met(f, 4);
	assert_int_equal(0, stats_of(f).damaged_blocks);
}

static void lose_all_but_the_rare(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val k, v;
	char gone[] = "gone";
	size_t at = 0;

	assert_int_equal(0, mdb_cursor_open(txn, dbi, &cursor));
	while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
		if (at++ == RARE_BLOCK)
			continue;
		v.mv_data = gone;
		v.mv_size = 4;
		assert_int_equal(0, mdb_cursor_put(cursor, &k, &v, MDB_CURRENT));
	}
	mdb_cursor_close(cursor);
}

/* All other blocks are spoilt, which whoever reads one of them notices. */
static void a_connection_is_found_without_reading_other_blocks(void **state)
{
	struct fixture *f = *state;
	struct prng p = {1};
	struct flow one = traffic(&p, 1, T0 + 1);
	struct whom whom = {one.src, one.dst, one.src_port, one.dst_port, 99, true};
	struct wish wish = {.when = INTERVAL_ALWAYS, .whom = &whom, .whom_count = 1};
	uint64_t count, total;

	one.proto = 99;
	open_it(f);
	put_many(f, &p, 0, RARE_BLOCK * 100, T0);
	assert_ok(store_append(f->store, &one, 1));
	put_many(f, &p, 2000, 4799 - RARE_BLOCK * 100, T0 + 5000);
	close_it(f);
	with_lmdb(f, "blocks", 0, lose_all_but_the_rare);
	open_it(f);
	sum(f->store, &wish, &wish, &count, &total);
	assert_int_equal(count, 1);
	assert_in_range(stats_of(f).damaged_blocks, 0, 4); /* one in 64 is named wrongly */
}

static void spoil(MDB_txn *txn, MDB_dbi dbi, size_t at)
{
	static uint8_t copy[1 << 20];
	MDB_cursor *cursor;
	MDB_val k, v;

	assert_int_equal(0, mdb_cursor_open(txn, dbi, &cursor));
	assert_int_equal(0, mdb_cursor_get(cursor, &k, &v, MDB_FIRST));
	assert_true(v.mv_size < sizeof(copy));
	memcpy(copy, v.mv_data, v.mv_size);
	copy[at == 0 ? v.mv_size - 1 : at] ^= 1;
	v.mv_data = copy;
	assert_int_equal(0, mdb_cursor_put(cursor, &k, &v, MDB_CURRENT));
	mdb_cursor_close(cursor);
}

static void spoil_header(MDB_txn *txn, MDB_dbi dbi)
{
	spoil(txn, dbi, 30);
}

static void spoil_end(MDB_txn *txn, MDB_dbi dbi)
{
	spoil(txn, dbi, 0);
}

static void drop_all(MDB_txn *txn, MDB_dbi dbi)
{
	assert_int_equal(0, mdb_drop(txn, dbi, 0));
}

static void a_damaged_or_lost_index_hides_nothing(void **state)
{
	void (*const damages[])(MDB_txn *, MDB_dbi) = {spoil_header, spoil_end, drop_all};
	struct fixture *f = *state;
	struct prng p = {5};

	open_it(f);
	put_many(f, &p, 0, 4000, T0 + HOUR_MS / 2);
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		close_it(f);
		with_lmdb(f, "index", 0, damages[i]);
		open_it(f);
		assert_wishes_are_met(f, 6 + i);
	}
}

/* Its blocks come into one with others, under the key of the last of those. */
static void a_damaged_run_goes_when_another_has_its_blocks(void **state)
{
	struct fixture *f = *state;
	struct prng p = {9};

	open_it(f);
	put_many(f, &p, 0, 1000, T0);
	close_it(f);
	with_lmdb(f, "index", 0, spoil_header);
	open_it(f);
	assert_int_equal(1, stats_of(f).damaged_runs);
	put_many(f, &p, 1000, 1000, T0);
	close_it(f);
	open_it(f);
	assert_int_equal(0, stats_of(f).damaged_runs);
	assert_int_equal(2000, count_all(f));
}

static void what_is_dropped_leaves_the_index(void **state)
{
	struct fixture *f = *state;
	struct prng p = {7};

	f->options.age_max_ms = 2 * HOUR_MS;
	open_it(f);
	for (int hour = 0; hour < 8; hour++) {
		put_many(f, &p, (uint64_t)hour * 1700, 1700, T0 + hour * HOUR_MS);
		assert_ok(store_expire(f->store, (struct wall){T0 + (hour + 1) * HOUR_MS}));
	}
	assert_true(stats_of(f).index_octets > 0);
	assert_ok(store_expire(f->store, (struct wall){T0 + 20 * HOUR_MS}));
	assert_ok(store_seal(f->store));
	assert_ok(store_expire(f->store, (struct wall){T0 + 20 * HOUR_MS}));
	assert_int_equal(0, stats_of(f).index_octets);
	assert_int_equal(0, stats_of(f).octets);
	assert_int_equal(0, count_all(f));
}

static void assert_empty(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	assert_int_equal(0, mdb_stat(txn, dbi, &stat));
	assert_int_equal(0, stat.ms_entries);
}

static void what_is_dropped_never_enters_the_index(void **state)
{
	struct fixture *f = *state;
	struct prng p = {8};

	f->options.age_max_ms = HOUR_MS;
	open_it(f);
	put_many(f, &p, 0, 300, T0);
	assert_ok(store_expire(f->store, (struct wall){T0 + 9 * HOUR_MS}));
	assert_int_equal(0, stats_of(f).blocks);
	close_it(f);
	with_lmdb(f, "index", 0, assert_empty);
	open_it(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_wish_finds_what_reading_everything_finds),
		CASE(a_connection_is_found_without_reading_other_blocks),
		CASE(a_damaged_or_lost_index_hides_nothing),
		CASE(a_damaged_run_goes_when_another_has_its_blocks),
		CASE(what_is_dropped_leaves_the_index),
		CASE(what_is_dropped_never_enters_the_index),
	};

	return cmocka_run_group_tests_name("store/index", tests, NULL, NULL);
}
