#include "store/check.h"

#include "base/util.h"
#include "store/edgepage.h"
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE 64 /* of a block's hosts and connections, looked for in its run */
#define MEND_AT_ONCE 16

static const struct store_report_row rows[] = {
#define X(name, is_fault, text) {#name, (text), offsetof(struct store_report, name), (is_fault)},
	STORE_CHECK_MAP(X)
#undef X
};

const struct store_report_row *store_report_rows(size_t *ret_count)
{
	*ret_count = ARRAY_LEN(rows);
	return rows;
}

bool store_report_is_clean(const struct store_report *r)
{
	bool is_clean = true;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t count;

		memcpy(&count, (const char *)r + rows[i].offset, sizeof(count));
		is_clean = is_clean && !(rows[i].is_fault && count > 0);
	}
	return is_clean;
}

enum mend {
	MEND_DELETE_BLOCK,
	MEND_SUMMARY,
	MEND_DELETE_SUMMARY,
	MEND_DELETE_YOUNG,
	MEND_DELETE_RUN,
	MEND_DELETE_EDGES
};

struct fault {
	enum mend mend;
	struct block_key key;
	struct summary summary; /* MEND_SUMMARY: as it should be */
};

struct checking {
	struct store *s;
	struct store_report *report;
	MDB_txn *txn;
	struct fault *faults;
	size_t fault_count, fault_room;
	enum err err;
};

static void note(struct checking *c, enum mend mend, struct block_key key,
                 const struct summary *summary)
{
	if (c->fault_count == c->fault_room) {
		size_t room = MAX(2 * c->fault_room, 64);
		struct fault *grown = realloc(c->faults, room * sizeof(*grown));

		if (grown == NULL) {
			c->err = ERR_NOMEM;
			return;
		}
		c->faults = grown;
		c->fault_room = room;
	}
	c->faults[c->fault_count] = (struct fault){.mend = mend, .key = key};
	if (summary != NULL)
		c->faults[c->fault_count].summary = *summary;
	c->fault_count++;
}

typedef void row_fn(struct checking *c, MDB_val *key, MDB_val *value);

static void each(struct checking *c, MDB_dbi table, row_fn *fn)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	int code;

	if (c->err)
		return;
	code = mdb_cursor_open(c->txn, table, &cursor);
	if (code) {
		c->err = env_err(code);
		return;
	}
	while (c->err == ERR_OK && (code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		env_fetch(value.mv_data, value.mv_size);
		if (key.mv_size != BLOCK_KEY_LEN)
			c->err = ERR_CORRUPT;
		else
			fn(c, &key, &value);
	}
	mdb_cursor_close(cursor);
	if (c->err == ERR_OK && code != MDB_NOTFOUND)
		c->err = env_err(code);
}

/* --- what is looked at --- */

static bool is_summary(const struct summary *a, const struct summary *b)
{
	return a->count == b->count && a->len == b->len && a->span.start_ms == b->span.start_ms &&
	       a->span.end_ms == b->span.end_ms;
}

static void check_block(struct checking *c, MDB_val *key, MDB_val *value)
{
	struct block_key where = blocks_key_read(key->mv_data);
	struct summary said = {0}, is;
	struct flow *flows;
	MDB_val v;
	size_t count;
	bool has = mdb_get(c->txn, c->s->env.summaries, key, &v) == 0 &&
	           blocks_summary_read(&v, &said);
	enum err err =
		block_decode(c->s->codec, value->mv_data, value->mv_size, NULL, &flows, &count);

	if (err == ERR_NOMEM) {
		c->err = err;
		return;
	}
	if (err) {
		c->report->damaged_blocks++;
		c->report->lost_flows += said.count;
		note(c, MEND_DELETE_BLOCK, where, NULL);
		return;
	}
	c->report->blocks++;
	c->report->flows += count;
	is = (struct summary){block_span(flows, count), (uint32_t)count, (uint32_t)value->mv_size};
	if (!has || !is_summary(&said, &is)) {
		c->report->wrong_summaries++;
		note(c, MEND_SUMMARY, where, &is);
	}
}

static void check_summary(struct checking *c, MDB_val *key, MDB_val *value)
{
	MDB_val block;

	(void)value;
	if (mdb_get(c->txn, c->s->env.blocks, key, &block) == 0)
		return;
	c->report->lone_summaries++;
	note(c, MEND_DELETE_SUMMARY, blocks_key_read(key->mv_data), NULL);
}

static void check_young(struct checking *c, MDB_val *key, MDB_val *value)
{
	struct flow *flows;
	size_t count;
	enum err err =
		block_decode(c->s->codec, value->mv_data, value->mv_size, NULL, &flows, &count);

	if (err == ERR_NOMEM) {
		c->err = err;
	} else if (err) {
		c->report->damaged_young++;
		note(c, MEND_DELETE_YOUNG, blocks_key_read(key->mv_data), NULL);
	} else {
		c->report->young += count;
	}
}

/* Does the run know some of whom its i-th block has? A block that is gone has nobody. */
static bool knows(struct checking *c, const struct run *run, const MDB_val *value, size_t i)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
	MDB_val v;
	struct block block;
	uint16_t which;
	bool is_known = true;

	blocks_key_write(run->blocks[i], wire);
	if (mdb_get(c->txn, c->s->env.blocks, &key, &v) != 0 ||
	    block_whom(c->s->codec, v.mv_data, v.mv_size, &block) != ERR_OK)
		return true;
	for (size_t j = 0; j < SAMPLE && is_known; j++) {
		uint64_t hash = j % 2 == 0 ? block.addrs[j * block.addr_count / SAMPLE]
		                           : block.connections[j * block.connection_count / SAMPLE];

		is_known = run_find(run, value->mv_data, value->mv_size, (uint32_t)(hash >> 32), 32,
		                    &which) == ERR_OK &&
		           (which >> i & 1) != 0;
	}
	return is_known;
}

/* Every bucket of a page; in order within its hour. */
static bool is_sound_page(const MDB_val *value)
{
	struct edgepage page;
	uint64_t edges[EDGEPAGE_BUCKET], last = 0;
	bool is_good = edgepage_open(value->mv_data, value->mv_size, &page) == ERR_OK;
	size_t count;

	for (int kind = 0; kind < 2 && is_good; kind++) {
		for (uint32_t i = 0; i < page.buckets[kind] && is_good; i++) {
			is_good = edgepage_read(&page, kind == 1, i, edges, &count) == ERR_OK;
			for (size_t j = 0; j < count && is_good; j++) {
				is_good = edges[j] >> EDGEPAGE_HASH_BITS >= last &&
				          edgepage_unit(edges[j]) < EDGEPAGE_UNITS;
				last = edges[j] >> EDGEPAGE_HASH_BITS;
			}
		}
	}
	return is_good;
}

/* Without a page its run's edges are not complete: the run goes, too, and is made anew without. */
static void check_edges(struct checking *c, MDB_val *key, MDB_val *value)
{
	struct block_key where = blocks_key_read(key->mv_data);

	c->report->edge_pages++;
	if (is_sound_page(value))
		return;
	c->report->damaged_edges++;
	note(c, MEND_DELETE_EDGES, where, NULL);
	for (size_t i = 0; i < c->s->run_count; i++) {
		if (c->s->runs[i].key.sequence == where.sequence)
			note(c, MEND_DELETE_RUN, c->s->runs[i].key, NULL);
	}
}

/* Are all pages there that a run says it has? */
static bool has_pages(struct checking *c, const struct run *run, struct block_key where)
{
	bool has_all = true;

	for (uint64_t i = 0; i < EDGELOG_HOURS; i++) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire}, value;

		blocks_key_write((struct block_key){where.hour + EDGELOG_AHEAD - i, where.sequence},
		                 wire);
		if ((run->edges.hours >> i & 1) != 0)
			has_all &= mdb_get(c->txn, c->s->env.edges, &key, &value) == 0;
	}
	return has_all;
}

static void check_run(struct checking *c, MDB_val *key, MDB_val *value)
{
	struct block_key where = blocks_key_read(key->mv_data);
	struct run run;
	bool is_good = run_open(value->mv_data, value->mv_size, &run) == ERR_OK &&
	               run_verify(&run, value->mv_data, value->mv_size) == ERR_OK;

	for (size_t i = 0; is_good && i < run.block_count; i++)
		is_good = knows(c, &run, value, i);
	c->report->runs++;
	if (!is_good)
		c->report->damaged_runs++;
	else if (!has_pages(c, &run, where))
		c->report->missing_edges++;
	else
		return;
	note(c, MEND_DELETE_RUN, where, NULL);
}

static bool count_entry(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	struct store_report *report = ctx;

	(void)number;
	(void)at_ms;
	(void)value;
	(void)len;
	report->log_entries++;
	return true;
}

static enum err look(struct checking *c)
{
	AUTO_TXN txn = NULL;
	enum err err = env_read(&c->s->env, &txn);

	if (err)
		return err;
	c->txn = txn;
	each(c, c->s->env.blocks, check_block);
	each(c, c->s->env.summaries, check_summary);
	each(c, c->s->env.young, check_young);
	each(c, c->s->env.index, check_run);
	each(c, c->s->env.edges, check_edges);
	return c->err;
}

/* --- what is done about it --- */

static int mend_one(struct store *s, MDB_txn *txn, const struct fault *f)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
	int code = 0;

	blocks_key_write(f->key, wire);
	switch (f->mend) {
	case MEND_SUMMARY:
		return blocks_summary_put(s, txn, f->key, &f->summary);
	case MEND_DELETE_BLOCK:
		code = mdb_del(txn, s->env.blocks, &key, NULL);
		if (code == 0)
			code = mdb_del(txn, s->env.summaries, &key, NULL);
		break;
	case MEND_DELETE_SUMMARY:
		code = mdb_del(txn, s->env.summaries, &key, NULL);
		break;
	case MEND_DELETE_YOUNG:
		code = mdb_del(txn, s->env.young, &key, NULL);
		break;
	case MEND_DELETE_RUN: /* the next start makes it anew */
		code = mdb_del(txn, s->env.index, &key, NULL);
		if (code == 0)
			code = edgelog_delete(s, txn, f->key);
		break;
	case MEND_DELETE_EDGES:
		code = mdb_del(txn, s->env.edges, &key, NULL);
		break;
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

static enum err mend(struct store *s, const struct fault *faults, size_t count)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < count && err == ERR_OK; i += MEND_AT_ONCE) {
		AUTO_TXN txn = NULL;

		err = env_write(&s->env, 0, PAGES_ANY, &txn);
		for (size_t j = i; j < MIN(i + MEND_AT_ONCE, count) && err == ERR_OK; j++)
			err = env_err(mend_one(s, txn, &faults[j]));
		if (err == ERR_OK)
			err = env_commit(&txn);
	}
	return err;
}

static enum err look_and_mend(const struct store_options *options, struct checking *c,
                              bool is_repair, char reterr[STORE_REASON_MAX])
{
	enum err err = look(c);

	if (err == ERR_OK && store_log_read(c->s, 0, count_entry, c->report) != ERR_OK)
		c->report->unread_log = 1;
	if (err == ERR_OK && is_repair && c->fault_count > 0)
		err = mend(c->s, c->faults, c->fault_count);
	if (err)
		snprintf(reterr, STORE_REASON_MAX, "%.160s: %s", options->path, err_text(err));
	return err;
}

enum err store_check(const struct store_options *options, bool is_repair, struct store_report *ret,
                     char reterr[STORE_REASON_MAX])
{
	struct checking c = {.report = ret};
	enum err err;

	*ret = (struct store_report){0};
	if (access(options->path, F_OK) != 0) {
		snprintf(reterr, STORE_REASON_MAX, "%.160s: there is no store", options->path);
		return ERR_NOENT;
	}
	err = store_open(options, &c.s, reterr);
	if (err)
		return err;
	ret->damaged_runs = c.s->damaged_runs; /* and mended by that: docs/STORE.md */
	err = look_and_mend(options, &c, is_repair, reterr);
	store_close(c.s);
	/* Once more, so that what its index lacks is there. */
	if (err == ERR_OK && is_repair && c.fault_count > 0) {
		c.s = NULL;
		err = store_open(options, &c.s, reterr);
		store_close(c.s);
	}
	free(c.faults);
	return err;
}
