#include "store/check.h"
#include "store/edges.h"
#include "store/log.h"
#include "tests/unit/store_fixture.h"

static struct store_report check(struct fixture *f, bool is_repair)
{
	struct store_report report;

	assert_ok(store_check(&f->options, is_repair, &report, f->reason));
	return report;
}

static void append_edges(struct fixture *f, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct edge edge = {T0 - 100 * (int64_t)i, i << 8, i % 2 == 1};

		store_edges_append(f->store, &edge, 1);
	}
}

/* Sixteen blocks in a run, five that are in none, and some flows that fill none. */
static void fill(struct fixture *f)
{
	struct store_log_entry entry = {.at_ms = 1, .value = "entry", .len = 5};
	uint64_t first;

	open_it(f);
	store_edges_begin(f->store, 15000);
	for (uint64_t i = 0; i < 21; i++) {
		append_edges(f, 40);
		seal_some(f, i * 100, 100, T0);
	}
	seal_some(f, 2100, 30, T0);
	assert_ok(store_log_append(f->store, &entry, 1, NULL, 0, &first));
}

static void a_whole_store_is_found_whole(void **state)
{
	struct fixture *f = *state;
	struct store_report report;

	fill(f);
	close_it(f);
	report = check(f, false);
	assert_true(store_report_is_clean(&report));
	assert_int_equal(2130, report.flows);
	assert_int_equal(22, report.blocks);
	assert_int_equal(1, report.log_entries);
	assert_in_range(report.runs, 1, 2);
	assert_in_range(report.edge_pages, 2, 4);
}

static void a_store_that_is_open_or_not_there_is_not_checked(void **state)
{
	struct fixture *f = *state;
	struct store_options nowhere = {.path = "/nonexistent/store", .map_size = 64 * MIB};
	struct store_report report;

	open_it(f);
	assert_err(ERR_LOCKED, store_check(&f->options, true, &report, f->reason));
	assert_err(ERR_NOENT, store_check(&nowhere, true, &report, f->reason));
	assert_non_null(strstr(f->reason, "there is no store"));
}

static void change(MDB_txn *txn, MDB_dbi dbi, size_t which, void (*fn)(MDB_cursor *, MDB_val *))
{
	MDB_cursor *cursor;
	MDB_val k, v;

	assert_int_equal(0, mdb_cursor_open(txn, dbi, &cursor));
	assert_int_equal(0, mdb_cursor_get(cursor, &k, &v, MDB_FIRST));
	for (size_t i = 0; i < which; i++)
		assert_int_equal(0, mdb_cursor_get(cursor, &k, &v, MDB_NEXT));
	if (fn == NULL) {
		assert_int_equal(0, mdb_cursor_del(cursor, 0));
	} else {
		static uint8_t copy[1 << 20];
		MDB_val changed = {.mv_size = v.mv_size, .mv_data = copy};

		assert_true(v.mv_size < sizeof(copy));
		memcpy(copy, v.mv_data, v.mv_size);
		fn(cursor, &changed);
		assert_int_equal(0, mdb_cursor_put(cursor, &k, &changed, MDB_CURRENT));
	}
	mdb_cursor_close(cursor);
}

static void flip_middle(MDB_cursor *cursor, MDB_val *v)
{
	(void)cursor;
	((uint8_t *)v->mv_data)[v->mv_size / 2] ^= 0x20;
}

static void flip_last(MDB_cursor *cursor, MDB_val *v)
{
	(void)cursor;
	((uint8_t *)v->mv_data)[v->mv_size - 1] ^= 0x20;
}

static void spoil_third(MDB_txn *txn, MDB_dbi dbi)
{
	change(txn, dbi, 2, flip_middle);
}

static void spoil_first(MDB_txn *txn, MDB_dbi dbi)
{
	change(txn, dbi, 0, flip_last);
}

static void flip_head(MDB_cursor *cursor, MDB_val *v)
{
	(void)cursor;
	((uint8_t *)v->mv_data)[2] ^= 0x20;
}

static void spoil_third_octet(MDB_txn *txn, MDB_dbi dbi)
{
	change(txn, dbi, 0, flip_head);
}

static void remove_first(MDB_txn *txn, MDB_dbi dbi)
{
	change(txn, dbi, 0, NULL);
}

static void remove_fifth(MDB_txn *txn, MDB_dbi dbi)
{
	change(txn, dbi, 4, NULL);
}

static void what_is_damaged_is_counted_and_mended(void **state)
{
	static const struct {
		const char *table;
		void (*damage)(MDB_txn *, MDB_dbi);
		size_t fault; /* of struct store_report */
		uint64_t left;
	} rows[] = {
		{"blocks", spoil_third, offsetof(struct store_report, damaged_blocks), 2030},
		{"blocks", remove_fifth, offsetof(struct store_report, lone_summaries), 2030},
		{"summaries", remove_fifth, offsetof(struct store_report, wrong_summaries), 2130},
		{"summaries", spoil_third, offsetof(struct store_report, wrong_summaries), 2130},
		{"index", spoil_first, offsetof(struct store_report, damaged_runs), 2130},
		{"edges", spoil_first, offsetof(struct store_report, damaged_edges), 2130},
		{"edges", spoil_third_octet, offsetof(struct store_report, damaged_edges), 2130},
		{"edges", remove_first, offsetof(struct store_report, missing_edges), 2130},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store_report report;
		uint64_t found;

		fill(f);
		close_it(f);
		with_lmdb(f, rows[i].table, 0, rows[i].damage);
		report = check(f, false);
		memcpy(&found, (char *)&report + rows[i].fault, sizeof(found));
		assert_int_equal(1, found);
		assert_false(store_report_is_clean(&report));
		report = check(f, true);
		assert_false(store_report_is_clean(&report));
		report = check(f, false);
		assert_true(store_report_is_clean(&report));
		assert_int_equal(rows[i].left, report.flows);
		open_it(f);
		assert_int_equal(rows[i].left, count_all(f));
		assert_int_equal(rows[i].left, stats_of(f).flows);
		close_it(f);
		assert_int_equal(0, unlink(f->file));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_whole_store_is_found_whole),
		CASE(a_store_that_is_open_or_not_there_is_not_checked),
		CASE(what_is_damaged_is_counted_and_mended),
	};

	return cmocka_run_group_tests_name("store/check", tests, NULL, NULL);
}
