#include "store/check.h"
#include "store/edges.h"
#include "tests/unit/store_fixture.h"

#define GAP_MS 15000
#define MINUTE_MS 60000
#define EVER ((struct interval){T0 - 10 * HOUR_MS, T0 + 100 * HOUR_MS})

/* What was read: the connections, each with how often, by its number. */
struct read {
	bool is_lacking;
	uint32_t count;
	uint8_t of[1024][2];
};

static uint32_t hash_of(uint32_t number)
{
	return number << (32 - STORE_EDGE_BITS);
}

static void note(void *ctx, const struct edge *edges, size_t count)
{
	struct read *r = ctx;

	for (size_t i = 0; i < count; i++) {
		uint32_t number = edges[i].connection >> (32 - STORE_EDGE_BITS);

		assert_true(number < 1024);
		r->of[number][edges[i].is_back]++;
		r->count++;
	}
}

static enum err read_edges(struct fixture *f, struct interval when, struct interval window,
                           struct read *ret)
{
	struct edge_windows windows = {.at = {&window, &window}, .count = {1, 1}};
	struct store_held held;
	enum err err;

	memset(ret, 0, sizeof(*ret));
	err = store_edges_read(f->store, when, GAP_MS, &windows, note, ret, &held);
	ret->is_lacking = held.is_lacking;
	return err;
}

static uint32_t count_edges(struct fixture *f)
{
	static struct read read;

	assert_ok(read_edges(f, EVER, EVER, &read));
	return read.count;
}

/* A flow of that time, and before it the edges that it ends a silence of `silence_ms` with. */
static void append_one(struct fixture *f, uint32_t number, int64_t at_ms, int64_t silence_ms)
{
	struct flow flow = flow_of(number, at_ms);
	const struct edge edges[] = {{at_ms - 1000 - silence_ms, hash_of(number), false},
	                             {at_ms - 1000, hash_of(number), true}};

	store_edges_append(f->store, edges, 2);
	assert_ok(store_append(f->store, &flow, 1));
}

static void append_edges(struct fixture *f, uint32_t first, uint32_t count, int64_t at_ms)
{
	for (uint32_t i = 0; i < count; i++) {
		append_one(f, first + i, at_ms + (int64_t)i * 100, 30000);
		if (store_is_ready(f->store))
			assert_ok(store_seal(f->store));
	}
}

static int setup_small(void **state)
{
	struct fixture *f;

	assert_int_equal(0, setup(state));
	f = *state;
	f->options.block_flows = 10; /* so that 160 flows make a run */
	open_it(f);
	store_edges_begin(f->store, GAP_MS);
	return 0;
}

static void edges_are_found_by_time_in_memory_and_on_disk(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct interval window = {T0 + MINUTE_MS + 4000, T0 + MINUTE_MS + 5000};

	for (uint32_t first = 0; first < 900; first += 300) { /* the later, the more on disk */
		append_edges(f, first, 300, T0 + MINUTE_MS);
		assert_ok(read_edges(f, EVER, window, &read));
		for (uint32_t i = 0; i < 300; i++) {
			int64_t back = T0 + MINUTE_MS - 1000 + (int64_t)i * 100;
			bool is_within = back > window.start_ms - STORE_EDGE_ROUND_MS &&
			                 back <= window.end_ms;

			assert_int_equal(read.of[first + i][1], is_within);
		}
	}
	assert_int_equal(count_edges(f), 1800);
}

static void both_kinds_are_read_in_windows_of_their_own(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct interval leaving = {T0, T0 + 1000}, back = {T0 + 30000, T0 + 31000};
	struct edge_windows windows = {.at = {&leaving, &back}, .count = {1, 1}};
	struct store_held held;

	for (int round = 0; round < 2; round++) {
		if (round == 0)
			append_one(f, 5, T0 + 31500, 30000);
		else
			append_edges(f, 100, 200, T0 + HOUR_MS);
		memset(&read, 0, sizeof(read));
		assert_ok(store_edges_read(f->store, EVER, GAP_MS, &windows, note, &read, &held));
		assert_int_equal(read.count, 2);
		assert_int_equal(read.of[5][0], 1);
		assert_int_equal(read.of[5][1], 1);
		windows.at[0] = &back;
		windows.at[1] = &leaving;
		memset(&read, 0, sizeof(read));
		assert_ok(store_edges_read(f->store, EVER, GAP_MS, &windows, note, &read, &held));
		assert_int_equal(read.count, 0);
		windows.at[0] = &leaving;
		windows.at[1] = &back;
	}
}

static void a_silence_of_a_night_is_found_at_its_beginning(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct interval evening = {T0 + 20 * HOUR_MS - 2000, T0 + 20 * HOUR_MS};

	append_one(f, 7, T0 + 30 * HOUR_MS, 10 * HOUR_MS);
	append_edges(f, 100, 400, T0 + 30 * HOUR_MS);
	assert_ok(read_edges(f, EVER, evening, &read));
	assert_int_equal(read.count, 1);
	assert_int_equal(read.of[7][0], 1);
}

static void edges_survive_a_restart(void **state)
{
	struct fixture *f = *state;

	append_edges(f, 0, 205, T0);
	close_it(f);
	open_it(f);
	assert_int_equal(count_edges(f), 410);
}

static void without_their_edges_flows_are_not_covered(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct interval before = {T0, T0 + HOUR_MS}, after = {T0 + 2 * HOUR_MS, T0 + 3 * HOUR_MS};

	close_it(f);
	open_it(f);
	seal_some(f, 0, 25, T0 + MINUTE_MS);
	assert_err(ERR_NOENT, read_edges(f, before, before, &read)); /* nobody has begun */
	assert_ok(read_edges(f, after, after, &read));               /* and nothing is there */
	close_it(f);
	open_it(f);
	store_edges_begin(f->store, GAP_MS);
	append_edges(f, 100, 30, T0 + 2 * HOUR_MS + MINUTE_MS);
	assert_err(ERR_NOENT, read_edges(f, before, before, &read));
	assert_ok(read_edges(f, after, after, &read));
	assert_int_equal(read.count, 60);
}

static void coarser_questions_are_answered_and_finer_are_not(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct interval window = EVER;
	struct edge_windows windows = {.at = {&window, &window}, .count = {1, 1}};
	struct store_held held;

	for (uint32_t round = 0; round < 2; round++) {
		append_edges(f, 200 * round, 200, T0);
		assert_err(ERR_NOENT, store_edges_read(f->store, EVER, GAP_MS - 1, &windows, note,
		                                       &read, &held));
		assert_ok(
			store_edges_read(f->store, EVER, GAP_MS + 1, &windows, note, &read, &held));
		assert_true(held.flows >= 200 * (round + 1));
		assert_true(held.span.start_ms <= T0 && held.span.end_ms >= T0);
	}
}

/* What a crash leaves: young flows, and blocks that are in no run. */
static void crash(struct fixture *f, uint32_t flows)
{
	pid_t pid;
	int status;

	close_it(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		open_it(f);
		store_edges_begin(f->store, GAP_MS);
		append_edges(f, 0, flows, T0);
		assert_ok(store_seal(f->store));
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(status, 0);
	open_it(f);
}

static void what_a_crash_took_is_told_and_can_be_made_up_for(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct store_cursor *c;
	const struct flow *flows;
	size_t count, logged = 0, unlogged = 0;

	crash(f, 265); /* a run, ten blocks, a young one */
	assert_err(ERR_NOENT, read_edges(f, EVER, EVER, &read));
	assert_ok(store_cursor_tail(f->store, 1000, &c));
	while (store_cursor_next(c, &flows, &count) == ERR_OK) {
		for (size_t i = 0; i < count; i++) {
			uint32_t number = (uint32_t)flows[i].octets;
			const struct edge edges[] = {
				{flows[i].start_ms - 30000, hash_of(number), false},
				{flows[i].start_ms, hash_of(number), true}};

			assert_int_equal(number, logged + unlogged);
			logged += store_cursor_is_logged(c);
			unlogged += !store_cursor_is_logged(c);
			if (!store_cursor_is_logged(c))
				store_edges_append(f->store, edges, 2);
		}
	}
	store_cursor_close(c);
	assert_int_equal(logged, 160);
	assert_int_equal(unlogged, 105);
	store_edges_begin(f->store, GAP_MS);
	assert_ok(read_edges(f, EVER, EVER, &read));
	for (uint32_t i = 0; i < 265; i++) {
		assert_true(read.of[i][0] >= 1);
		assert_true(read.of[i][1] >= 1);
	}
}

static void who_does_not_make_up_for_it_has_a_hole(void **state)
{
	static struct read read;
	struct fixture *f = *state;

	crash(f, 265);
	store_edges_begin(f->store, GAP_MS);
	assert_err(ERR_NOENT, read_edges(f, EVER, EVER, &read));
	append_edges(f, 300, 330, T0 + 5 * HOUR_MS); /* the hole goes with the second run after */
	append_edges(f, 700, 170, T0 + 20 * HOUR_MS);
	assert_err(ERR_NOENT, read_edges(f, (struct interval){T0, T0 + HOUR_MS}, EVER, &read));
	assert_ok(read_edges(f, (struct interval){T0 + 19 * HOUR_MS, T0 + 21 * HOUR_MS}, EVER,
	                     &read));
}

static void the_tail_has_no_more_than_is_asked_for(void **state)
{
	struct fixture *f = *state;
	struct store_cursor *c;
	const struct flow *flows;
	size_t count, total = 0;

	append_edges(f, 0, 205, T0);
	assert_ok(store_cursor_tail(f->store, 25, &c));
	while (store_cursor_next(c, &flows, &count) == ERR_OK)
		total += count;
	store_cursor_close(c);
	assert_int_equal(total, 35); /* three blocks, and what is in memory */
}

static void edges_go_with_their_flows(void **state)
{
	struct fixture *f = *state;
	uint64_t octets;

	append_edges(f, 0, 320, T0);
	append_edges(f, 400, 320, T0 + 5 * HOUR_MS);
	close_it(f);
	f->options.age_max_ms = 3 * HOUR_MS;
	open_it(f);
	octets = stats_of(f).index_octets;
	assert_int_equal(count_edges(f), 1280);
	assert_ok(store_expire(f->store, (struct wall){T0 + 6 * HOUR_MS}));
	assert_int_equal(count_edges(f), 640);
	assert_true(stats_of(f).index_octets < octets);
	assert_ok(store_expire(f->store, (struct wall){T0 + 20 * HOUR_MS}));
	assert_int_equal(count_edges(f), 0);
	assert_int_equal(stats_of(f).index_octets, 0);
}

/* Old captures that are imported beside what comes now. */
static void flows_of_another_day_have_their_edges(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 40; i++) {
		append_edges(f, 20 * i, 10, T0 - 9 * HOUR_MS);
		append_edges(f, 20 * i + 10, 10, T0 + 99 * HOUR_MS);
	}
	close_it(f);
	open_it(f);
	assert_in_range(count_edges(f), 1600, 1700);
	assert_int_equal(stats_of(f).stray_edges, 0);
}

/* Silences of all lengths up to days, so that each run has pages in as many hours as it may. */
static void a_full_store_gives_up_edges_with_their_flows(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct wall now = {T0};
	size_t fulls = 0;

	close_it(f);
	f->options.map_size = 2 * MIB;
	f->options.size_max = 2 * MIB;
	open_it(f);
	store_edges_begin(f->store, GAP_MS);
	for (uint32_t i = 0; i < 12000; i++) {
		enum err err = ERR_OK;

		append_one(f, i % 1000, T0 + (int64_t)i * 20000, i % 61 * HOUR_MS + 30000);
		if (!store_is_ready(f->store) && i % 50 != 0)
			continue;
		now.ms = T0 + (int64_t)i * 20000;
		for (int tries = 0; tries < 20; tries++) {
			assert_ok(store_expire(f->store, now));
			err = store_seal(f->store);
			if (err == ERR_OK)
				break;
			assert_err(ERR_FULL, err);
			fulls++;
		}
		assert_ok(err);
	}
	assert_true(fulls > 0);
	assert_true(stats_of(f).expired_flows > 0);
	assert_ok(read_edges(f, (struct interval){now.ms - HOUR_MS, now.ms},
	                     (struct interval){now.ms - HOUR_MS, now.ms}, &read));
	assert_true(read.count > 100);
	close_it(f);
	open_it(f);
}

static void an_echo_and_its_answer_are_one_connection(void **state)
{
	struct fixture *f = *state;
	struct flow request = flow_of(1, T0), answer;
	uint64_t hashes[3];

	request.proto = 1;
	request.dst_port = 0x0800;
	answer = request;
	answer.src = request.dst;
	answer.dst = request.src;
	answer.dst_port = 0;
	hashes[0] = store_connection(f->store, &request);
	hashes[1] = store_connection(f->store, &answer);
	answer.proto = 17;
	hashes[2] = store_connection(f->store, &answer);
	assert_true(hashes[0] == hashes[1]);
	assert_true(hashes[0] != hashes[2]);
}

static void edges_of_absurd_times_are_counted(void **state)
{
	const struct edge edges[] = {{-1, hash_of(1), true},
	                             {INT64_MAX, hash_of(1), true},
	                             {T0 + 900 * HOUR_MS, hash_of(1), true},
	                             {T0 - 900 * HOUR_MS, hash_of(1), false}};
	struct fixture *f = *state;

	store_edges_append(f->store, edges, ARRAY_LEN(edges));
	append_edges(f, 0, 500, T0);
	assert_int_equal(stats_of(f).stray_edges, 2);
	assert_int_equal(count_edges(f), 1000);
}

static void a_log_without_room_says_so(void **state)
{
	static struct edge edges[1000];
	static struct read read;
	struct fixture *f = *state;
	struct flow flow = flow_of(1, T0);

	for (size_t i = 0; i < ARRAY_LEN(edges); i++)
		edges[i] = (struct edge){T0, hash_of(1), true};
	store_edges_append(f->store, edges, ARRAY_LEN(edges)); /* of ten flows a block */
	assert_ok(store_append(f->store, &flow, 1));
	assert_err(ERR_NOENT, read_edges(f, EVER, EVER, &read));
	append_edges(f, 0, 340, T0);
	assert_err(ERR_NOENT, read_edges(f, EVER, EVER, &read));
	append_edges(f, 400, 200, T0 + 20 * HOUR_MS);
	assert_ok(read_edges(f, (struct interval){T0 + 19 * HOUR_MS, T0 + 21 * HOUR_MS}, EVER,
	                     &read));
}

static bool is_lacking(struct fixture *f, int64_t from_hour, int64_t to_hour)
{
	static struct read read;

	assert_ok(read_edges(f, (struct interval){T0 + from_hour * HOUR_MS, T0 + to_hour * HOUR_MS},
	                     EVER, &read));
	return read.is_lacking;
}

/* What was found is kept; that there was more is told of what has come meanwhile, for good. */
static void a_log_that_lacks_edges_says_so(void **state)
{
	struct fixture *f = *state;

	append_edges(f, 0, 160, T0);
	assert_ok(store_seal(f->store));
	append_edges(f, 200, 5, T0 + 20 * HOUR_MS);
	assert_false(is_lacking(f, 0, 30));
	store_edges_lack(f->store);
	assert_true(is_lacking(f, 19, 21)); /* in memory */
	assert_false(is_lacking(f, 0, 1));
	assert_int_equal(count_edges(f), 2 * 165);
	append_edges(f, 205, 340, T0 + 21 * HOUR_MS);
	append_edges(f, 600, 340, T0 + 40 * HOUR_MS);
	assert_ok(store_seal(f->store));
	close_it(f);
	open_it(f);
	store_edges_begin(f->store, GAP_MS);
	assert_true(is_lacking(f, 19, 22));
	assert_false(is_lacking(f, 0, 1));
}

static void flip(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	uint8_t *copy;

	assert_int_equal(0, mdb_cursor_open(txn, dbi, &cursor));
	assert_int_equal(0, mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
	copy = malloc(value.mv_size);
	assert_non_null(copy);
	memcpy(copy, value.mv_data, value.mv_size);
	copy[value.mv_size - 1] ^= 1;
	value.mv_data = copy;
	assert_int_equal(0, mdb_cursor_put(cursor, &key, &value, MDB_CURRENT));
	mdb_cursor_close(cursor);
	free(copy);
}

static void delete_first(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value;

	assert_int_equal(0, mdb_cursor_open(txn, dbi, &cursor));
	assert_int_equal(0, mdb_cursor_get(cursor, &key, &value, MDB_FIRST));
	assert_int_equal(0, mdb_cursor_del(cursor, 0));
	mdb_cursor_close(cursor);
}

static void a_damaged_page_is_noticed_and_mended(void **state)
{
	static struct read read;
	struct fixture *f = *state;
	struct store_report report;

	append_edges(f, 0, 320, T0);
	for (int round = 0; round < 2; round++) {
		close_it(f);
		with_lmdb(f, "edges", 0, round == 0 ? flip : delete_first);
		if (round == 0) {
			open_it(f);
			assert_err(ERR_NOENT, read_edges(f, EVER, EVER, &read));
			assert_int_equal(stats_of(f).damaged_edges, 1);
			close_it(f);
		}
		assert_ok(store_check(&f->options, true, &report, f->reason));
		assert_int_equal(report.damaged_edges, round == 0);
		assert_int_equal(report.missing_edges, round == 1);
		assert_false(store_report_is_clean(&report));
		assert_ok(store_check(&f->options, false, &report, f->reason));
		assert_true(store_report_is_clean(&report));
		open_it(f);
		assert_err(ERR_NOENT, read_edges(f, EVER, EVER, &read));
		assert_int_equal(count_all(f), 320);
	}
}

static void connections_are_read_by_what_the_log_calls_them(void **state)
{
	struct fixture *f = *state;
	struct store_cursor *c;
	const struct flow *flows;
	uint32_t wanted[2];
	uint64_t hash;
	size_t count;

	append_edges(f, 0, 365, T0);
	for (uint32_t i = 0; i + 3 < 365; i += 7) {
		struct flow pair[2] = {flow_of(i, T0), flow_of(i + 3, T0)}, reverse = pair[0];
		struct wish wish = {
			.when = EVER, .connections = wanted, .connection_count = ARRAY_LEN(wanted)};
		size_t found = 0;

		reverse.src = pair[0].dst;
		reverse.dst = pair[0].src;
		for (size_t k = 0; k < 2; k++) {
			hash = store_connection(f->store, &pair[k]);
			wanted[k] = (uint32_t)(hash >> 32);
		}
		hash = store_connection(f->store, &reverse);
		assert_int_equal(wanted[0], hash >> 32);
		if (wanted[0] > wanted[1]) {
			wanted[0] = wanted[1];
			wanted[1] = (uint32_t)(hash >> 32);
		}
		assert_ok(store_cursor_find(f->store, &wish, &c));
		while (store_cursor_next(c, &flows, &count) == ERR_OK) {
			for (size_t k = 0; k < count; k++) {
				assert_true(flows[k].octets == i || flows[k].octets == i + 3);
				found++;
			}
		}
		store_cursor_close(c);
		assert_int_equal(found, 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(edges_are_found_by_time_in_memory_and_on_disk,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(both_kinds_are_read_in_windows_of_their_own,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(a_silence_of_a_night_is_found_at_its_beginning,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(edges_survive_a_restart, setup_small, teardown),
		cmocka_unit_test_setup_teardown(without_their_edges_flows_are_not_covered,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(coarser_questions_are_answered_and_finer_are_not,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(what_a_crash_took_is_told_and_can_be_made_up_for,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(who_does_not_make_up_for_it_has_a_hole, setup_small,
	                                        teardown),
		cmocka_unit_test_setup_teardown(the_tail_has_no_more_than_is_asked_for, setup_small,
	                                        teardown),
		cmocka_unit_test_setup_teardown(edges_go_with_their_flows, setup_small, teardown),
		cmocka_unit_test_setup_teardown(flows_of_another_day_have_their_edges, setup_small,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_full_store_gives_up_edges_with_their_flows,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(an_echo_and_its_answer_are_one_connection,
	                                        setup_small, teardown),
		cmocka_unit_test_setup_teardown(edges_of_absurd_times_are_counted, setup_small,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_log_without_room_says_so, setup_small, teardown),
		cmocka_unit_test_setup_teardown(a_log_that_lacks_edges_says_so, setup_small,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_damaged_page_is_noticed_and_mended, setup_small,
	                                        teardown),
		cmocka_unit_test_setup_teardown(connections_are_read_by_what_the_log_calls_them,
	                                        setup_small, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
