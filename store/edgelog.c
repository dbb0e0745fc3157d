#include "base/bytes.h"
#include "base/util.h"
#include "store/edgepage.h"
#include "store/edges.h"
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>

/*
 * In memory an edge is a word: time in units since 1970, kind, hash. On disk edges lie by the hour
 * of the edge and the number of the run: an hour's are read without a look at others, and a run's
 * are deleted by going through its hours. A silence of a night is thus found among the edges of the
 * evening before, by whom came back in the morning.
 */
#define UNIT_SHIFT 6
#define WORD_TIME_SHIFT (EDGEPAGE_HASH_BITS + 1)
#define AT_MAX (INT64_C(1) << 44)
#define EDGES_A_FLOW 2 /* kept in memory; of the flows of a run and of memory: */
#define BLOCKS_OF_EDGES (RUN_BLOCKS + 2 * CHUNKS)
#define HOLE_RUNS \
	2 /* runs that may lack an edge: its flow is in the next block, or the one after */

_Static_assert(1 << UNIT_SHIFT == EDGEPAGE_UNIT_MS, "units");
_Static_assert(STORE_EDGE_ROUND_MS == EDGEPAGE_UNIT_MS, "what edges.h says");
_Static_assert(STORE_EDGE_BITS == EDGEPAGE_HASH_BITS, "what edges.h says");

#define ROW_BITS (EDGEPAGE_HASH_BITS + EDGEPAGE_TIME_BITS + 1)
#define ROW_MASK ((UINT64_C(1) << ROW_BITS) - 1)

uint64_t store_connection(const struct store *s, const struct flow *f)
{
	return tuples_flow_hash(f, s->env.seed);
}

/* Whoever read the last flows has seen all that is in no run. With `lock` held. */
static bool is_caught_up(const struct store *s)
{
	bool is_seen = s->edges.has_tail || s->held == 0;

	for (size_t i = 0; i < s->pending_count; i++) {
		const struct block_key *key = &s->pending[i].key, *from = &s->edges.tail;

		is_seen &= s->edges.has_tail &&
		           (key->hour > from->hour ||
		            (key->hour == from->hour && key->sequence >= from->sequence));
	}
	return is_seen;
}

void store_edges_begin(struct store *s, int64_t gap_ms)
{
	pthread_mutex_lock(&s->lock);
	s->edges.gap_ms = (uint32_t)MAX(1, MIN(gap_ms, (int64_t)INT32_MAX));
	if (!is_caught_up(s))
		s->edges.holes = HOLE_RUNS;
	pthread_mutex_unlock(&s->lock);
}

/* --- in memory --- */

static uint64_t word_of(const struct edge *e)
{
	return (uint64_t)(e->at_ms >> UNIT_SHIFT) << WORD_TIME_SHIFT |
	       (uint64_t)e->is_back << EDGEPAGE_HASH_BITS |
	       e->connection >> (32 - EDGEPAGE_HASH_BITS);
}

static struct edge edge_of(uint64_t unit, bool is_back, uint32_t hash)
{
	return (struct edge){.at_ms = (int64_t)(unit << UNIT_SHIFT),
	                     .connection = hash << (32 - EDGEPAGE_HASH_BITS),
	                     .is_back = is_back};
}

/* With `lock` held. */
static bool has_room(struct store *s, size_t count)
{
	size_t most = EDGES_A_FLOW * BLOCKS_OF_EDGES * s->block_flows;
	size_t room = MIN(most, MAX(1024, 2 * s->edges.room));
	uint64_t *grown;

	if (s->edges.count + count <= s->edges.room)
		return true;
	if (s->edges.count + count > room)
		return false;
	grown = realloc(s->edges.words, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	s->edges.words = grown;
	s->edges.room = room;
	return true;
}

void store_edges_append(struct store *s, const struct edge *edges, size_t count)
{
	if (count == 0)
		return;
	pthread_mutex_lock(&s->lock);
	if (has_room(s, count)) {
		for (size_t i = 0; i < count; i++) {
			if (edges[i].at_ms >= 0 && edges[i].at_ms < AT_MAX)
				s->edges.words[s->edges.count++] = word_of(&edges[i]);
		}
	} else {
		s->edges.holes = HOLE_RUNS;
	}
	pthread_mutex_unlock(&s->lock);
}

void store_edges_lack(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->edges.lacks = HOLE_RUNS;
	pthread_mutex_unlock(&s->lock);
}

/* --- to disk --- */

/* By kind, hour and time, in two passes of twelve bits; `room` for as many. */
static void sort(uint64_t *rows, uint64_t *room, size_t count)
{
	for (unsigned shift = EDGEPAGE_HASH_BITS; shift < 48; shift += 12) {
		size_t ends[4096] = {0}, before = 0;

		for (size_t i = 0; i < count; i++)
			ends[rows[i] >> shift & 4095]++;
		for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
			size_t some = ends[i];

			ends[i] = before;
			before += some;
		}
		for (size_t i = 0; i < count; i++)
			room[ends[rows[i] >> shift & 4095]++] = rows[i];
		memcpy(rows, room, count * sizeof(*rows));
	}
}

/* How many hours before the last that a run may have; EDGELOG_HOURS and more: it cannot have it. */
static uint64_t hours_of(uint64_t word, uint64_t last_hour)
{
	return last_hour - (word >> WORD_TIME_SHIFT) / EDGEPAGE_UNITS;
}

/* Rows of what a run may have. */
static size_t rows_of(const uint64_t *words, size_t count, uint64_t last_hour, uint64_t *rows)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t unit = words[i] >> WORD_TIME_SHIFT;
		uint64_t hours = hours_of(words[i], last_hour);

		if (hours >= EDGELOG_HOURS)
			continue;
		rows[kept++] = hours << ROW_BITS | edgepage_row(words[i] >> EDGEPAGE_HASH_BITS & 1,
		                                                (uint32_t)(unit % EDGEPAGE_UNITS),
		                                                (uint32_t)words[i] & 0xffffff);
	}
	return kept;
}

static uint64_t octets_of_piece(const struct env *env, size_t len)
{
	return len > env->page_len / 2 ? env_rounded(env, len) : len + 2 * BLOCK_KEY_LEN;
}

static void encode(const struct env *env, uint64_t *rows, size_t count, struct edgelog_built *b)
{
	uint8_t *at = b->data;
	size_t to;

	for (size_t from = 0; from < count; from = to) {
		uint64_t hours = rows[from] >> ROW_BITS;
		struct edgelog_piece *p = &b->pieces[b->piece_count++];

		for (to = from; to < count && rows[to] >> ROW_BITS == hours; to++)
			rows[to] &= ROW_MASK;
		*p = (struct edgelog_piece){.hours = (uint8_t)hours, .data = at};
		p->len = edgepage_encode(rows + from, to - from, at);
		at += p->len;
		b->edges.hours |= UINT64_C(1) << hours;
		b->edges.octets += (uint32_t)octets_of_piece(env, p->len);
	}
}

enum err edgelog_build(struct store *s, struct block_key run, struct edgelog_built *ret)
{
	uint64_t *words;
	size_t count;

	*ret = (struct edgelog_built){.last_hour = run.hour + EDGELOG_AHEAD, .run = run};
	pthread_mutex_lock(&s->lock);
	count = s->edges.count;
	ret->edges.gap_ms = s->edges.holes > 0 ? 0 : s->edges.gap_ms;
	ret->edges.is_lacking = s->edges.lacks > 0;
	words = malloc(3 * MAX(count, 1) * sizeof(*words));
	if (words != NULL && count > 0)
		memcpy(words, s->edges.words, count * sizeof(*words));
	pthread_mutex_unlock(&s->lock);
	ret->data = malloc(edgepage_bound(count) + EDGELOG_HOURS * edgepage_bound(0));
	ret->taken = count;
	if (words == NULL || ret->data == NULL || count > EDGEPAGE_EDGES_MAX) {
		free(words);
		edgelog_free(ret);
		return ERR_NOMEM;
	}
	if (ret->edges.gap_ms > 0) {
		count = rows_of(words, count, ret->last_hour, words + count);
		sort(words + ret->taken, words + 2 * ret->taken, count);
		encode(&s->env, words + ret->taken, count, ret);
	}
	free(words);
	return ERR_OK;
}

void edgelog_free(struct edgelog_built *b)
{
	free(b->data);
	b->data = NULL;
}

size_t edgelog_pages(const struct env *env, const struct edgelog_built *b)
{
	return b->edges.octets / env->page_len + 2 * b->piece_count;
}

int edgelog_put(struct store *s, MDB_txn *txn, const struct edgelog_built *b)
{
	int code = 0;

	for (size_t i = 0; i < b->piece_count && code == 0; i++) {
		const struct edgelog_piece *p = &b->pieces[i];
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};
		MDB_val value = {.mv_size = p->len, .mv_data = p->data};

		blocks_key_write((struct block_key){b->last_hour - p->hours, b->run.sequence},
		                 wire);
		code = mdb_put(txn, s->env.edges, &key, &value, 0);
	}
	return code;
}

/* What the run cannot have is left for the next, once: its flows may be of another day. */
void edgelog_done(struct store *s, const struct edgelog_built *b)
{
	uint64_t *words = s->edges.words;
	size_t kept = 0;

	for (size_t i = 0; i < b->taken; i++) {
		bool is_stray = hours_of(words[i], b->last_hour) >= EDGELOG_HOURS;

		s->stray_edges += is_stray && i < s->edges.left;
		if (is_stray && i >= s->edges.left)
			words[kept++] = words[i];
	}
	s->edges.left = kept;
	s->edges.count -= b->taken - kept;
	if (s->edges.count > kept)
		memmove(words + kept, words + b->taken, (s->edges.count - kept) * sizeof(*words));
	s->edges.holes -= s->edges.holes > 0;
	s->edges.lacks -= s->edges.lacks > 0;
}

int edgelog_delete(struct store *s, MDB_txn *txn, struct block_key run)
{
	int code = 0;

	for (uint64_t i = 0; i < EDGELOG_HOURS && (code == 0 || code == MDB_NOTFOUND); i++) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire};

		blocks_key_write((struct block_key){run.hour + EDGELOG_AHEAD - i, run.sequence},
		                 wire);
		code = mdb_del(txn, s->env.edges, &key, NULL);
	}
	return code == MDB_NOTFOUND ? 0 : code;
}

/* --- reading --- */

struct reading {
	struct store *s;
	const struct edge_windows *windows;
	store_edge_fn *fn;
	void *ctx;
};

/* Does the log have the edges of all that is in memory? With `lock` held. */
static bool is_whole(const struct store *s, int64_t gap_ms)
{
	return s->edges.gap_ms > 0 && s->edges.gap_ms <= gap_ms && s->edges.holes == 0;
}

static bool hold(struct store_held *h, struct interval when, struct interval span, uint64_t flows,
                 uint64_t connections)
{
	if (!interval_overlaps(span, when))
		return false;
	h->span.start_ms = MIN(h->span.start_ms, span.start_ms);
	h->span.end_ms = MAX(h->span.end_ms, span.end_ms);
	h->flows += flows;
	h->connections += connections;
	return true;
}

/* Is the log complete for `when`? With `lock` held. */
static bool is_complete(const struct store *s, struct interval when, int64_t gap_ms,
                        struct store_held *ret)
{
	bool is_logged = true, any = false;

	*ret = (struct store_held){.span = {INT64_MAX, INT64_MIN}};
	for (size_t i = 0; i < s->run_count; i++) {
		const struct run *run = &s->runs[i].run;

		if (!hold(ret, when, run->span, run->flows, run->connections))
			continue;
		ret->is_lacking |= run->edges.is_lacking;
		is_logged &= run->edges.gap_ms > 0 && run->edges.gap_ms <= gap_ms;
	}
	for (size_t i = 0; i < s->pending_count; i++) {
		const struct pending *p = &s->pending[i];

		any |= hold(ret, when, p->span, p->flows, p->connections);
	}
	for (size_t i = 0; i < CHUNKS; i++) {
		const struct chunk *c = &s->chunks[i];

		any |= c->count > 0 && hold(ret, when, c->span, c->count, c->count);
	}
	ret->is_lacking |= any && s->edges.lacks > 0;
	return s->is_index_whole && is_logged && (!any || is_whole(s, gap_ms));
}

/* The first window that does not end before `at_ms`. */
static size_t first_window(const struct reading *r, bool is_back, int64_t at_ms)
{
	size_t low = 0, high = r->windows->count[is_back];

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (r->windows->at[is_back][middle].end_ms < at_ms)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void read_memory(const struct reading *r, const uint64_t *words, size_t count)
{
	struct edge out[EDGEPAGE_BUCKET];
	size_t given = 0;

	for (size_t i = 0; i < count; i++) {
		bool is_back = words[i] >> EDGEPAGE_HASH_BITS & 1;
		struct edge e = edge_of(words[i] >> WORD_TIME_SHIFT, is_back,
		                        (uint32_t)words[i] & 0xffffff);
		size_t w = first_window(r, is_back, e.at_ms);

		if (w == r->windows->count[is_back] ||
		    r->windows->at[is_back][w].start_ms >= e.at_ms + EDGEPAGE_UNIT_MS)
			continue;
		out[given++] = e;
		if (given == ARRAY_LEN(out)) {
			r->fn(r->ctx, out, given);
			given = 0;
		}
	}
	if (given > 0)
		r->fn(r->ctx, out, given);
}

/* Units of an hour, those of it that a window has; false: none. */
static bool units_of(struct interval window, uint64_t hour, uint32_t *ret_from, uint32_t *ret_to)
{
	int64_t start = (int64_t)hour * EDGEPAGE_UNITS;
	int64_t from = (window.start_ms >> UNIT_SHIFT) - start;
	int64_t to = (window.end_ms >> UNIT_SHIFT) - start;

	*ret_from = (uint32_t)MAX(from, 0);
	*ret_to = (uint32_t)MIN(to, EDGEPAGE_UNITS - 1);
	return from < EDGEPAGE_UNITS && to >= 0;
}

static void give_rows(const struct reading *r, uint64_t hour, bool is_back, const uint64_t *rows,
                      size_t count, uint32_t from, uint32_t to)
{
	struct edge out[EDGEPAGE_BUCKET];
	size_t given = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t unit = edgepage_unit(rows[i]);

		out[given] = edge_of(hour * EDGEPAGE_UNITS + unit, is_back, edgepage_hash(rows[i]));
		given += unit >= from && unit <= to;
	}
	if (given > 0)
		r->fn(r->ctx, out, given);
}

static enum err read_kind(const struct reading *r, const struct edgepage *page, uint64_t hour,
                          bool is_back)
{
	uint64_t rows[EDGEPAGE_BUCKET];
	uint32_t from, to, held = UINT32_MAX; /* the bucket that is in rows */
	size_t count = 0;
	enum err err = ERR_OK;

	for (size_t w = first_window(r, is_back, blocks_hour_start(hour));
	     w < r->windows->count[is_back] && err == ERR_OK; w++) {
		if (!units_of(r->windows->at[is_back][w], hour, &from, &to))
			break;
		for (uint32_t i = edgepage_find(page, is_back, from);
		     i < page->buckets[is_back] && edgepage_begin(page, is_back, i) <= to; i++) {
			if (i != held)
				err = edgepage_read(page, is_back, i, rows, &count);
			held = i;
			if (err)
				break;
			give_rows(r, hour, is_back, rows, count, from, to);
		}
	}
	return err;
}

static enum err read_piece(const struct reading *r, uint64_t hour, const MDB_val *value)
{
	struct edgepage page;
	enum err err = edgepage_open(value->mv_data, value->mv_size, &page);

	for (int kind = 0; kind < 2 && err == ERR_OK; kind++)
		err = read_kind(r, &page, hour, kind == 1);
	if (err)
		r->s->damaged_edges++;
	return err ? ERR_NOENT : ERR_OK;
}

/* The first hour, from `hour` on, of which a window has something; UINT64_MAX: none. */
static uint64_t next_hour(const struct reading *r, uint64_t hour)
{
	uint64_t next = UINT64_MAX;

	for (int kind = 0; kind < 2; kind++) {
		size_t w = first_window(r, kind == 1, blocks_hour_start(hour));

		if (w < r->windows->count[kind])
			next = MIN(next, blocks_hour(r->windows->at[kind][w].start_ms));
	}
	return next == UINT64_MAX ? next : MAX(next, hour);
}

static enum err read_hour(const struct reading *r, MDB_cursor *cursor, uint64_t hour)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = {.mv_size = sizeof(wire), .mv_data = wire}, value;
	enum err err = ERR_OK;
	int code;

	blocks_key_write((struct block_key){.hour = hour}, wire);
	code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	while (code == 0 && err == ERR_OK) {
		if (key.mv_size != BLOCK_KEY_LEN)
			return ERR_CORRUPT;
		if (blocks_key_read(key.mv_data).hour != hour)
			break;
		env_fetch(value.mv_data, value.mv_size); /* most of it is near a window */
		err = read_piece(r, hour, &value);
		code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
	}
	return err ? err : code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

static enum err read_disk(const struct reading *r)
{
	AUTO_WALK walk;
	enum err err = env_walk(&r->s->env, r->s->env.edges, &walk);

	if (err)
		return err;
	for (uint64_t hour = next_hour(r, 0); hour < blocks_hour(AT_MAX) && err == ERR_OK;
	     hour = next_hour(r, hour + 1))
		err = read_hour(r, walk.cursor, hour);
	return err;
}

/* Memory first: what leaves it meanwhile is then met twice, and not missed. */
enum err store_edges_read(struct store *s, struct interval when, int64_t gap_ms,
                          const struct edge_windows *windows, store_edge_fn *fn, void *ctx,
                          struct store_held *ret)
{
	struct reading r = {s, windows, fn, ctx};
	uint64_t *words = NULL;
	size_t count = 0;
	bool is_there;

	pthread_mutex_lock(&s->lock);
	is_there = is_complete(s, when, gap_ms, ret);
	if (is_there) {
		count = s->edges.count;
		words = malloc(MAX(count, 1) * sizeof(*words));
		if (words != NULL && count > 0)
			memcpy(words, s->edges.words, count * sizeof(*words));
	}
	pthread_mutex_unlock(&s->lock);
	if (!is_there)
		return ERR_NOENT;
	if (words == NULL)
		return ERR_NOMEM;
	read_memory(&r, words, count);
	free(words);
	return read_disk(&r);
}
