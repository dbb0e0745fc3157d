/* store_fixture - a store in a folder of its own, and flows that can be told apart. */
#ifndef SPOOR_TESTS_UNIT_STORE_FIXTURE_H
#define SPOOR_TESTS_UNIT_STORE_FIXTURE_H

#include "base/prng.h"
#include "store/block.h"
#include "store/store.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOUR_MS INT64_C(3600000)
#define T0 (400000 * HOUR_MS) /* the first moment of an hour */
#define MIB (UINT64_C(1) << 20)

struct fixture {
	char dir[256];
	char file[300]; /* data.mdb in it */
	char reason[STORE_REASON_MAX];
	struct store_options options;
	struct store *store;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "%s/spoor-test-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/data.mdb", f->dir);
	f->options =
		(struct store_options){.path = f->dir, .map_size = 64 * MIB, .block_flows = 100};
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	static const char *const names[] = {"data.mdb", "lock.mdb", "lock"};
	struct fixture *f = *state;

	store_close(f->store);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[300];

		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	assert_int_equal(0, rmdir(f->dir));
	free(f);
	return 0;
}

static inline enum err try_open(struct fixture *f)
{
	f->reason[0] = 0;
	return store_open(&f->options, &f->store, f->reason);
}

static inline void open_it(struct fixture *f)
{
	enum err err = try_open(f);

	if (err)
		print_error("%s\n", f->reason);
	assert_ok(err);
}

static inline void close_it(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

/* A flow that says who it is, one second long, incompressible elsewhere. */
static inline struct flow flow_of(uint64_t id, int64_t received_ms)
{
	struct prng p = {id};
	struct flow flow = {
		.exporter = addr_from_v4((const uint8_t[4]){10, 0, 0, 1}),
		.start_ms = received_ms - 1000,
		.end_ms = received_ms,
		.received_ms = received_ms,
		.octets = id,
		.packets = 1,
		.version = 9,
	};

	prng_fill(&p, flow.src.octets, sizeof(flow.src.octets));
	prng_fill(&p, flow.dst.octets, sizeof(flow.dst.octets));
	return flow;
}

static inline void append_some(struct fixture *f, uint64_t first_id, size_t count,
                               int64_t received_ms)
{
	for (size_t i = 0; i < count; i++) {
		struct flow flow = flow_of(first_id + i, received_ms);

		assert_ok(store_append(f->store, &flow, 1));
	}
}

static inline void seal_some(struct fixture *f, uint64_t first_id, size_t count,
                             int64_t received_ms)
{
	append_some(f, first_id, count, received_ms);
	assert_ok(store_seal(f->store));
}

/* Reads all that overlaps; counts how often each id below `max` came. */
static inline size_t read_ids(struct store *s, struct interval when, uint8_t *seen, size_t max)
{
	struct store_cursor *c;
	const struct flow *flows;
	size_t total = 0;
	size_t count;
	enum err err;

	if (seen != NULL)
		memset(seen, 0, max);
	assert_ok(store_cursor_open(s, when, &c));
	while ((err = store_cursor_next(c, &flows, &count)) == ERR_OK) {
		assert_int_not_equal(0, count);
		for (size_t i = 0; seen != NULL && i < count; i++) {
			struct flow expected = flow_of(flows[i].octets, flows[i].received_ms);

			assert_true(flows[i].octets < max);
			assert_memory_equal(&expected, &flows[i], sizeof(expected));
			seen[flows[i].octets]++;
		}
		total += count;
	}
	assert_err(ERR_NOENT, err);
	store_cursor_close(c);
	return total;
}

static inline size_t count_all(struct fixture *f)
{
	return read_ids(f->store, INTERVAL_ALWAYS, NULL, 0);
}

static inline struct store_stats stats_of(struct fixture *f)
{
	struct store_stats stats;

	store_stats(f->store, &stats);
	return stats;
}

/* Runs `fn` on the closed store's file as LMDB sees it. */
static inline void with_lmdb(struct fixture *f, const char *table, unsigned flags,
                             void (*fn)(MDB_txn *txn, MDB_dbi dbi))
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;

	assert_int_equal(0, mdb_env_create(&env));
	assert_int_equal(0, mdb_env_set_maxdbs(env, 8));
	assert_int_equal(0, mdb_env_set_mapsize(env, 64 * MIB));
	assert_int_equal(0, mdb_env_open(env, f->dir, 0, 0600));
	assert_int_equal(0, mdb_txn_begin(env, NULL, 0, &txn));
	assert_int_equal(0, mdb_dbi_open(txn, table, flags, &dbi));
	fn(txn, dbi);
	assert_int_equal(0, mdb_txn_commit(txn));
	mdb_env_close(env);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
