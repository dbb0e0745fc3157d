#include "tests/unit/store_fixture.h"

/* Seals blocks of a hundred, hours apart by `hour_step`, until there is no room. */
static uint64_t fill(struct fixture *f, uint64_t id, uint64_t blocks_an_hour)
{
	enum err err = ERR_OK;

	for (uint64_t block = id / 100; err == ERR_OK; block++, id += 100) {
		append_some(f, id, 100, T0 + (int64_t)(block / blocks_an_hour) * HOUR_MS);
		err = store_seal(f->store);
	}
	assert_err(ERR_FULL, err);
	return id;
}

static void a_full_store_keeps_what_it_has_and_says_so(void **state)
{
	static uint8_t seen[1 << 20];
	struct fixture *f = *state;
	struct flow flows[400];
	uint64_t ids;

	f->options.map_size = STORE_MAP_MIN;
	open_it(f);
	ids = fill(f, 0, 1000);
	assert_true(stats_of(f).is_full);
	assert_int_equal(100, stats_of(f).unsealed);
	assert_int_equal(ids, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	assert_false(store_is_ready(f->store));
	for (size_t i = 0; i < ARRAY_LEN(flows); i++)
		flows[i] = flow_of(ids + i, T0);
	assert_ok(store_append(f->store, flows, 300));
	assert_err(ERR_FULL, store_append(f->store, flows + 300, 1));
	assert_ok(store_expire(f->store, (struct wall){T0})); /* nobody said to drop anything */
	assert_err(ERR_FULL, store_seal(f->store));
	assert_int_equal(ids + 300, read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen)));
	for (size_t i = 0; i < ids + 300; i++)
		assert_int_equal(1, seen[i]);
}

static void a_full_store_makes_room_by_dropping_its_oldest(void **state)
{
	static uint8_t seen[1 << 20];
	struct fixture *f = *state;
	uint64_t ids = 0;

	f->options.map_size = f->options.size_max = STORE_MAP_MIN;
	open_it(f);
	for (int round = 0; round < 60; round++) {
		uint64_t held;

		ids = fill(f, ids, round < 30 ? 1000 : 7);
		assert_ok(store_expire(f->store, (struct wall){T0}));
		assert_ok(store_seal(f->store));
		assert_false(stats_of(f).is_full);
		held = read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen));
		assert_true(held < ids);
		assert_true(held > ids / 1000);
		for (uint64_t id = 0; id < ids; id++)
			assert_int_equal(id >= ids - held, seen[id]);
	}
	assert_true(stats_of(f).expired_flows > 0);
}

static void a_smaller_size_at_the_next_start_is_reached(void **state)
{
	struct fixture *f = *state;
	uint64_t ids;
	size_t held;

	f->options.map_size = 4 * MIB;
	open_it(f);
	ids = fill(f, 0, 1 << 20);
	close_it(f);
	f->options.map_size = STORE_MAP_MIN; /* the file is beyond it already */
	f->options.size_max = 200000;
	open_it(f);
	assert_true(stats_of(f).octets > 3 * MIB);
	assert_ok(store_expire(f->store, (struct wall){T0}));
	assert_true(stats_of(f).octets <= 200000);
	held = count_all(f);
	assert_true(held > 1000);
	seal_some(f, ids, 100, T0 + HOUR_MS);
	assert_int_equal(held + 100, count_all(f));
}

static void a_full_disk_is_survived(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t child;

	f->options.size_max = f->options.map_size;
	child = fork();

	assert_true(child >= 0);
	if (child == 0) { /* a limit on file sizes meets writes as a full disk does */
		struct rlimit limit = {2 * MIB, 2 * MIB};
		struct flow flow = flow_of(0, T0);
		enum err err = ERR_OK;

		signal(SIGXFSZ, SIG_IGN);
		if (setrlimit(RLIMIT_FSIZE, &limit) != 0 || try_open(f) != ERR_OK)
			_exit(1);
		for (uint64_t id = 0; err == ERR_OK; id++) {
			flow = flow_of(id, T0);
			err = store_append(f->store, &flow, 1);
			if (err == ERR_OK && id % 100 == 99)
				err = store_seal(f->store);
		}
		if (err != ERR_FULL || !stats_of(f).is_full || count_all(f) < 10000)
			_exit(2);
		if (store_expire(f->store, (struct wall){T0}) != ERR_OK)
			_exit(3);
		_exit(store_seal(f->store) == ERR_OK ? 0 : 4);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	open_it(f);
	assert_true(count_all(f) > 10000);
	assert_int_equal(0, stats_of(f).damaged_blocks);
}

static void retention_by_age_drops_whole_hours_once_they_are_over(void **state)
{
	struct fixture *f = *state;
	struct store_stats stats;

	f->options.age_max_ms = 2 * HOUR_MS;
	open_it(f);
	for (int64_t hour = 0; hour < 5; hour++)
		seal_some(f, (uint64_t)hour * 100, 100, T0 + hour * HOUR_MS);
	assert_ok(store_expire(f->store, (struct wall){T0 + 3 * HOUR_MS - 1}));
	assert_int_equal(500, count_all(f));
	assert_ok(store_expire(f->store, (struct wall){T0 + 3 * HOUR_MS}));
	assert_int_equal(400, count_all(f));
	assert_ok(store_expire(f->store, (struct wall){T0 + 5 * HOUR_MS}));
	stats = stats_of(f);
	assert_int_equal(200, stats.flows);
	assert_int_equal(2, stats.partitions);
	assert_int_equal(300, stats.expired_flows);
	assert_true(stats.oldest_ms == T0 + 3 * HOUR_MS - 1000);
}

static void retention_by_size_drops_the_oldest_first(void **state)
{
	static uint8_t seen[4000];
	struct fixture *f = *state;
	size_t held;

	f->options.size_max = 120000;
	open_it(f);
	for (int64_t hour = 0; hour < 4; hour++) {
		for (uint64_t block = 0; block < 10; block++)
			seal_some(f, (uint64_t)hour * 1000 + block * 100, 100, T0 + hour * HOUR_MS);
	}
	assert_ok(store_expire(f->store, (struct wall){T0}));
	assert_true(stats_of(f).octets <= 120000);
	held = read_ids(f->store, INTERVAL_ALWAYS, seen, sizeof(seen));
	assert_true(held >= 1000);
	for (size_t id = 0; id < 4000; id++)
		assert_int_equal(id >= 4000 - held, seen[id]);
	assert_int_equal(4000 - held, stats_of(f).expired_flows);
}

/* Notes are no blocks, and nothing counts them: they must not take what deleting needs. */
static void notes_leave_deleting_its_pages(void **state)
{
	static const uint8_t value[2000];
	struct fixture *f = *state;
	struct store_note note = {.kind = 9, .value = value, .len = sizeof(value)};
	uint64_t id = 0;
	enum err err = ERR_OK;

	f->options.map_size = f->options.size_max = 4 * MIB;
	f->options.block_flows = 1000;
	open_it(f);
	for (; err == ERR_OK; id += 500) {
		append_some(f, id, 500, T0 + (int64_t)(id / 2000) * HOUR_MS);
		err = store_seal(f->store);
	}
	assert_err(ERR_FULL, err);
	for (uint32_t i = 0; (err = store_note_put(f->store, &note, 1)) == ERR_OK; i++)
		memcpy(note.key, &i, sizeof(i));
	assert_err(ERR_FULL, err);
	assert_ok(store_expire(f->store, (struct wall){T0}));
	assert_ok(store_seal(f->store));
}

/* Nor must those that come with flows. */
static void marks_leave_deleting_its_pages(void **state)
{
	static const uint8_t value[2000];
	struct fixture *f = *state;
	struct store_note notes[16];
	uint64_t id = 0;
	enum err err = ERR_OK;

	f->options.map_size = f->options.size_max = 4 * MIB;
	f->options.block_flows = 1000;
	open_it(f);
	append_some(f, 5000, 1000, T0);
	assert_ok(store_seal(f->store));
	while (err == ERR_OK) {
		for (uint32_t i = 0; i < ARRAY_LEN(notes); i++, id++) {
			notes[i] = (struct store_note){
				.kind = 9, .value = value, .len = sizeof(value)};
			memcpy(notes[i].key, &id, sizeof(id));
		}
		append_some(f, id, 1, T0 + HOUR_MS);
		assert_ok(store_mark(f->store, notes, ARRAY_LEN(notes), false));
		err = store_seal(f->store);
	}
	assert_err(ERR_FULL, err);
	assert_ok(store_expire(f->store, (struct wall){T0}));
	assert_int_equal(1000, stats_of(f).expired_flows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_full_store_keeps_what_it_has_and_says_so),
		CASE(a_full_store_makes_room_by_dropping_its_oldest),
		CASE(a_smaller_size_at_the_next_start_is_reached),
		CASE(a_full_disk_is_survived),
		CASE(retention_by_age_drops_whole_hours_once_they_are_over),
		CASE(retention_by_size_drops_the_oldest_first),
		CASE(notes_leave_deleting_its_pages),
		CASE(marks_leave_deleting_its_pages),
	};

	return cmocka_run_group_tests_name("store/retention", tests, NULL, NULL);
}
