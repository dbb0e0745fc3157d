#include "tests/unit/store_log_fixture.h"

static void a_new_log_is_empty(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	assert_holds(f, 1, 1);
	assert_int_equal(0, state_of(f->store));
	assert_int_equal(0, find(f, 1, 0));
	expire(f, T0, 1, 1);
	assert_holds(f, 1, 1);
}

static void entries_are_read_in_order_across_a_reopening(void **state)
{
	static struct seen seen;
	struct fixture *f = *state;

	open_it(f);
	append(f, 1, 1, T0);
	append(f, 2, 1000, T0 - 5);
	assert_holds(f, 1, 1002);
	close_it(f);
	open_it(f);
	assert_holds(f, 1, 1002);
	assert_int_equal(1001, state_of(f->store));
	append(f, 1002, 10, T0);
	assert_holds(f, 1, 1012);
	assert_int_equal(11, read_from(f, 1001, &seen));
	assert_true(seen.at_ms[0] == T0 - 5 && seen.at_ms[1] == T0);
	assert_int_equal(0, read_from(f, 1012, &seen));
	assert_int_equal(0, read_from(f, UINT64_MAX, &seen));
}

static void an_entry_is_found_by_each_of_its_keys(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	append(f, 1, 500, T0);
	for (int is_reopened = 0; is_reopened < 2; is_reopened++) {
		for (uint64_t number = 1; number <= 500; number++) {
			assert_int_equal(1, find(f, number, 0));
			assert_int_equal(1, find(f, number, 1));
		}
		assert_int_equal(0, find(f, 501, 0));
		assert_int_equal(1000, count_index(f));
	}
}

static void an_entry_may_have_no_key_no_value_or_one_key_twice(void **state)
{
	struct fixture *f = *state;
	uint8_t room[STORE_LOG_VALUE_MAX];
	struct store_log_entry entries[] = {
		entry_of(1, T0, room), entry_of(1, T0, room), {.at_ms = T0}};
	uint64_t first;

	entries[0].key_count = 0;
	memcpy(entries[1].keys[1], entries[1].keys[0], STORE_LOG_KEY);
	open_it(f);
	assert_ok(store_log_append(f->store, entries, 1, NULL, 0, &first));
	assert_int_equal(1, first);
	assert_int_equal(0, find(f, 1, 0));
	assert_ok(store_log_append(f->store, entries + 2, 1, NULL, 0, &first));
	assert_int_equal(2, first);
	expire(f, T0 + 2, 1, 0);
	entries[1] = entry_of(3, T0, room);
	memcpy(entries[1].keys[1], entries[1].keys[0], STORE_LOG_KEY);
	assert_ok(store_log_append(f->store, entries + 1, 1, NULL, 0, &first));
	assert_int_equal(1, find(f, 3, 0));
	assert_int_equal(1, count_index(f));
	expire(f, T0 + 2, 1, 0);
	assert_bounds(f, 4, 4);
	assert_int_equal(0, count_index(f));
}

static void the_longest_entry_is_kept_and_a_longer_one_refused(void **state)
{
	struct fixture *f = *state;
	static uint8_t room[STORE_LOG_VALUE_MAX + 1];
	struct store_log_entry entries[2] = {entry_of(1, T0, room), entry_of(1, T0, room)};
	uint64_t first;

	open_it(f);
	entries[1].len = STORE_LOG_VALUE_MAX + 1;
	assert_err(ERR_RANGE, store_log_append(f->store, entries, 2, NULL, 0, &first));
	entries[1].len = STORE_LOG_VALUE_MAX;
	entries[1].key_count = STORE_LOG_KEYS_MAX + 1;
	assert_err(ERR_RANGE, store_log_append(f->store, entries, 2, NULL, 0, &first));
	entries[1].key_count = STORE_LOG_KEYS_MAX;
	assert_err(ERR_RANGE,
	           store_log_append(f->store, entries, 2, room, STORE_LOG_STATE_MAX + 1, &first));
	assert_holds(f, 1, 1);
	assert_ok(store_log_append(f->store, entries, 2, room, STORE_LOG_STATE_MAX, &first));
	assert_bounds(f, 1, 3);
}

static bool measure(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	size_t *ret = ctx;

	(void)number;
	(void)at_ms;
	(void)value;
	*ret = len;
	return true;
}

static void the_state_changes_with_each_append_and_alone(void **state)
{
	struct fixture *f = *state;
	uint8_t longest[STORE_LOG_STATE_MAX];
	uint8_t room[STORE_LOG_STATE_MAX];
	size_t len = sizeof(room);
	size_t value_len;
	uint64_t first;

	memset(longest, 7, sizeof(longest));
	open_it(f);
	append(f, 1, 3, T0);
	assert_int_equal(3, state_of(f->store));
	assert_ok(store_log_append(f->store, NULL, 0, longest, sizeof(longest), &first));
	assert_int_equal(4, first);
	close_it(f);
	open_it(f);
	assert_holds(f, 1, 4);
	assert_ok(store_log_state(f->store, room, &len));
	assert_int_equal(sizeof(longest), len);
	assert_memory_equal(longest, room, len);
	len--;
	assert_err(ERR_RANGE, store_log_state(f->store, room, &len));
	assert_ok(store_log_append(f->store, NULL, 0, NULL, 0, &first));
	assert_ok(store_log_state(f->store, room, &len));
	assert_int_equal(0, len);
	assert_ok(store_log_read(f->store, 3, measure, &value_len));
	assert_int_equal(len_of(3), value_len);
}

/* Appends an entry for each of `times`, all with one key. */
static void append_times(struct fixture *f, const int64_t *times, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t room[STORE_LOG_VALUE_MAX];
		struct store_log_entry entry = entry_of(i + 1, times[i], room);
		uint64_t first;

		key_of(0, 0, entry.keys[i % 2]);
		assert_ok(store_log_append(f->store, &entry, 1, NULL, 0, &first));
	}
}

static size_t find_times(struct fixture *f, int64_t from_ms, int64_t to_ms, struct seen *ret)
{
	uint8_t key[STORE_LOG_KEY];

	key_of(0, 0, key);
	ret->count = 0;
	assert_ok(store_log_find(f->store, key, from_ms, to_ms, see, ret));
	return ret->count;
}

static void times_at_the_extremes_come_newest_first(void **state)
{
	static const int64_t times[] = {0, INT64_MAX, -1, INT64_MIN, 1, INT64_MAX, INT64_MIN, 0};
	static const uint64_t newest_first[] = {6, 2, 5, 8, 1, 3, 7, 4};
	static const struct {
		const char *label;
		int64_t from_ms, to_ms;
		size_t skipped, count;
	} rows[] = {
		{"all", INT64_MIN, INT64_MAX, 0, 8},
		{"last moment", INT64_MAX, INT64_MAX, 0, 2},
		{"before it", 2, INT64_MAX - 1, 2, 0},
		{"around zero", -1, 1, 2, 4},
		{"zero", 0, 0, 3, 2},
		{"below zero", INT64_MIN, -1, 5, 3},
		{"first moment", INT64_MIN, INT64_MIN, 6, 2},
		{"backwards", 1, -1, 0, 0},
		{"ends of all", INT64_MAX, INT64_MIN, 0, 0},
	};
	static struct seen seen;
	struct fixture *f = *state;

	open_it(f);
	append_times(f, times, ARRAY_LEN(times));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (find_times(f, rows[i].from_ms, rows[i].to_ms, &seen) != rows[i].count)
			print_error("%s\n", rows[i].label);
		assert_int_equal(rows[i].count, seen.count);
		for (size_t j = 0; j < seen.count; j++) {
			uint64_t number = newest_first[rows[i].skipped + j];

			assert_int_equal(number, seen.number[j]);
			assert_true(times[number - 1] == seen.at_ms[j]);
		}
	}
}

static void neighbouring_keys_are_told_apart(void **state)
{
	struct fixture *f = *state;
	struct store_log_entry entry = {.key_count = 1};
	uint8_t key[STORE_LOG_KEY];
	uint64_t first;

	open_it(f);
	for (int low = 0; low < 2; low++) {
		memset(entry.keys[0], 0xff, STORE_LOG_KEY);
		entry.keys[0][STORE_LOG_KEY - 1] = low ? 0 : 0xff;
		entry.at_ms = low ? INT64_MAX : INT64_MIN;
		assert_ok(store_log_append(f->store, &entry, 1, NULL, 0, &first));
	}
	for (int last = 0; last < 256; last++) {
		size_t len = SIZE_MAX;

		memset(key, 0xff, sizeof(key));
		key[STORE_LOG_KEY - 1] = (uint8_t)last;
		assert_ok(store_log_find(f->store, key, INT64_MIN, INT64_MAX, measure, &len));
		assert_int_equal(last == 0 || last == 255, len == 0);
	}
}

static void one_key_is_found_thousands_of_times(void **state)
{
	enum { TIMES = 5000 };
	static int64_t times[TIMES];
	static struct seen seen;
	struct fixture *f = *state;

	open_it(f);
	for (size_t i = 0; i < TIMES; i++) {
		static uint8_t room[STORE_LOG_VALUE_MAX];
		static struct store_log_entry entries[100];
		static uint8_t rooms[ARRAY_LEN(entries)][sizeof(room)];
		size_t at = i % ARRAY_LEN(entries);
		uint64_t first;

		times[i] = (int64_t)(i * 7919 % TIMES) / 2; /* each twice, in no order */
		entries[at] = entry_of(i + 1, times[i], rooms[at]);
		key_of(0, 0, entries[at].keys[0]);
		if (at + 1 == ARRAY_LEN(entries))
			assert_ok(store_log_append(f->store, entries, at + 1, NULL, 0, &first));
	}
	assert_int_equal(TIMES, find_times(f, INT64_MIN, INT64_MAX, &seen));
	for (size_t i = 0; i < TIMES; i++) {
		assert_true(seen.at_ms[i] == times[seen.number[i] - 1]);
		assert_true(seen.at_ms[i] == (int64_t)(TIMES - 1 - i) / 2);
		assert_true(i % 2 == 0 || seen.number[i] < seen.number[i - 1]);
	}
	assert_int_equal(2000, find_times(f, 500, 1499, &seen));
	seen.max = 777;
	assert_int_equal(777, find_times(f, INT64_MIN, INT64_MAX, &seen));
	assert_true(seen.at_ms[776] == (TIMES - 777) / 2);
	seen.count = 0;
	seen.max = 256; /* the last of a transaction's */
	assert_ok(store_log_read(f->store, 1, see, &seen));
	assert_int_equal(256, seen.count);
	seen.max = 0;
}

static void numbers_never_come_again(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	append(f, 1, 100, T0);
	expire(f, T0 + 2, 1, 0);
	assert_holds(f, 101, 101);
	close_it(f);
	open_it(f);
	assert_holds(f, 101, 101);
	assert_int_equal(100, state_of(f->store));
	append(f, 101, 1, T0);
	assert_holds(f, 101, 102);
	assert_int_equal(2, count_index(f));
}

static void expiry_by_age_drops_the_old_with_their_rows(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	append(f, 1, 700, T0);
	append(f, 701, 10, T0 + 1000);
	append(f, 711, 1, T0); /* behind a younger one */
	expire(f, T0 + 1000, 1000, 0);
	assert_holds(f, 1, 712);
	expire(f, T0 + 1001, 1000, 0);
	assert_holds(f, 701, 712);
	assert_int_equal(0, find(f, 700, 0));
	assert_int_equal(1, find(f, 701, 0));
	assert_int_equal(2 * 11, count_index(f));
	assert_holds(f, 701, 712);
	expire(f, INT64_MIN, INT64_MAX, 0);
	expire(f, INT64_MAX, 0, 0);
	assert_holds(f, 701, 712);
	expire(f, INT64_MAX, 1, 0);
	assert_holds(f, 712, 712);
	assert_int_equal(0, stats_of(f).log_octets);
}

static void an_entry_of_after_now_does_not_keep_the_old(void **state)
{
	struct fixture *f = *state;

	open_it(f);
	append(f, 1, 2, T0 + 100 * HOUR_MS);
	append(f, 3, 2, T0);
	append(f, 5, 1, T0 + 100 * HOUR_MS);
	append(f, 6, 1, T0 + HOUR_MS);
	expire(f, T0 + HOUR_MS, HOUR_MS, 0);
	assert_holds(f, 1, 7);
	expire(f, T0 + HOUR_MS + 1, HOUR_MS, 0);
	assert_holds(f, 5, 7);
}

static void expiry_by_size_drops_the_lowest_numbers(void **state)
{
	struct fixture *f = *state;
	uint64_t octets;
	uint64_t first;
	uint64_t next;

	open_it(f);
	append(f, 1, 4000, T0);
	octets = stats_of(f).log_octets;
	assert_true(octets > 4000 * 300);
	expire(f, T0, 0, octets);
	assert_holds(f, 1, 4001);
	expire(f, T0, 0, octets / 2);
	assert_true(stats_of(f).log_octets <= octets / 2);
	assert_true(stats_of(f).log_octets >= octets / 2 - 4 * 4096);
	assert_ok(store_log_bounds(f->store, &first, &next));
	assert_true(first > 1000 && first < 2600);
	assert_holds(f, first, 4001);
	assert_int_equal(2 * (4001 - first), count_index(f));
	assert_true(stats_of(f).log_octets <= octets / 2);
	expire(f, T0, 0, 1);
	assert_holds(f, 4001, 4001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_new_log_is_empty),
		CASE(entries_are_read_in_order_across_a_reopening),
		CASE(an_entry_is_found_by_each_of_its_keys),
		CASE(an_entry_may_have_no_key_no_value_or_one_key_twice),
		CASE(the_longest_entry_is_kept_and_a_longer_one_refused),
		CASE(the_state_changes_with_each_append_and_alone),
		CASE(times_at_the_extremes_come_newest_first),
		CASE(neighbouring_keys_are_told_apart),
		CASE(one_key_is_found_thousands_of_times),
		CASE(numbers_never_come_again),
		CASE(expiry_by_age_drops_the_old_with_their_rows),
		CASE(an_entry_of_after_now_does_not_keep_the_old),
		CASE(expiry_by_size_drops_the_lowest_numbers),
	};

	return cmocka_run_group_tests_name("store/log", tests, NULL, NULL);
}
