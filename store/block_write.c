#include "base/bytes.h"
#include "base/util.h"
#include "store/block_code.h"
#include "store/ranks.h"
#include "store/wide.h"

#include <string.h>

/* --- members of flows --- */

static uint64_t member_get(const struct flow *flow, size_t offset, size_t width)
{
	const uint8_t *at = (const uint8_t *)flow + offset;
	uint64_t u64;
	uint32_t u32;
	uint16_t u16;

	switch (width) {
	case 1:
		return *at;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		return u16;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		return u32;
	default:
		memcpy(&u64, at, sizeof(u64));
		return u64;
	}
}

static const struct addr *addr_at(const struct flow *flow, size_t offset)
{
	return (const struct addr *)((const uint8_t *)flow + offset);
}

static uint64_t half_of(const struct addr *a, size_t at)
{
	struct bytes in = bytes_of(a->octets + at, 8);

	return bytes_uint(&in, 8);
}

/* --- writing --- */

/*
 * Of so many words for each flow is the room made: the columns of flows, then of the other tables,
 * one table after the other, and the planes of a column at hand.
 */
#define OTHER_COLUMNS (ADDR_COLUMNS * ADDRS_A_FLOW) /* of no table more */
#define WORDS_A_FLOW (FLOW_COLUMNS + OTHER_COLUMNS + ADDRS_A_FLOW)

struct writer {
	struct block_codec *c;
	const struct header *h;
	uint64_t *numbers[FLOW_COLUMNS]; /* of flows; of a constant column, a row */
	size_t rows[FLOW_COLUMNS];
	uint64_t *other[OTHER_COLUMNS];  /* of as many rows as flows */
	uint64_t *anchors[FLOW_COLUMNS]; /* of those that step */
	uint64_t *addr_anchors[ADDR_COLUMNS];
	uint8_t *scratch;
	struct octets heads, directory;
	uint8_t *directories[TABLES];
	struct table_place place;
};

static void begin(struct writer *w, size_t table)
{
	w->directories[table] = w->directory.at;
	w->c->writer.shape = &block_tables[table];
	w->c->writer.rows = block_rows(w->h, table);
	w->c->writer.scratch = w->scratch;
}

static void put_column(struct writer *w, size_t i, uint64_t *values, size_t given)
{
	table_column(&w->c->writer, i, values, given, w->anchors[i]);
}

static void end(struct writer *w)
{
	table_put_runs(&w->c->writer, &w->directory, &w->place);
	table_put_head(&w->c->writer, &w->heads);
}

#define NOWHERE UINT64_MAX

/* What refers to addresses refers to their ranks from now on. */
static void refer_to(struct writer *w, const uint32_t *ranks)
{
	struct tuples *t = &w->c->tuples;

	for (size_t i = 0; i < t->tuple_count; i++) {
		t->tuples[i].src = ranks[t->tuples[i].src];
		t->tuples[i].dst = ranks[t->tuples[i].dst];
	}
	for (size_t i = 0; i < BLOCK_MEMBERS; i++) {
		uint64_t *numbers = w->numbers[RECEIVED + i];

		if (block_columns[i].transform != WORD)
			continue;
		for (size_t j = 0; j < w->rows[RECEIVED + i]; j++)
			numbers[j] = ranks[numbers[j]];
	}
}

/* Of each rank, in which runs of ENDS it occurs first and last. */
static void find_ends(const struct tuples *t, uint64_t *first, uint64_t *more)
{
	for (size_t i = 0; i < t->addr_count; i++)
		first[i] = more[i] = NOWHERE;
	for (size_t i = 0; i < t->tuple_count; i++) {
		const uint32_t ends[] = {t->tuples[i].src, t->tuples[i].dst};

		for (size_t j = 0; j < ARRAY_LEN(ends); j++) {
			first[ends[j]] = MIN(first[ends[j]], i / PLANES_RUN);
			more[ends[j]] = i / PLANES_RUN;
		}
	}
	for (size_t i = 0; i < t->addr_count; i++) {
		first[i] = first[i] == NOWHERE ? 0 : first[i];
		more[i] = more[i] == NOWHERE ? 0 : more[i] - first[i];
	}
}

/* In ascending order, so that a reader finds one by the directory, and that their steps are small.
 */
static void put_addrs(struct writer *w)
{
	const struct tuples *t = &w->c->tuples;
	uint32_t *order = (uint32_t *)(void *)w->scratch, *ranks = order + t->addr_count;
	uint64_t *values[ADDR_COLUMNS];

	for (size_t i = 0; i < ADDR_COLUMNS; i++)
		values[i] = w->other[i * ADDRS_A_FLOW];
	ranks_of(t->addrs, t->addr_count, order, ranks);
	refer_to(w, ranks);
	for (size_t i = 0; i < t->addr_count; i++) {
		values[ADDR_HIGH][i] = half_of(&t->addrs[order[i]], 0);
		values[ADDR_LOW][i] = half_of(&t->addrs[order[i]], 8);
	}
	find_ends(t, values[FIRST_ENDS], values[MORE_ENDS]);
	begin(w, ADDRS);
	for (size_t i = 0; i < ADDR_COLUMNS; i++)
		table_column(&w->c->writer, i, values[i], t->addr_count, w->addr_anchors[i]);
	end(w);
}

static void put_ends(struct writer *w)
{
	const struct tuples *t = &w->c->tuples;

	begin(w, ENDS);
	for (size_t i = 0; i < t->tuple_count; i++) {
		w->other[SRC][i] = t->tuples[i].src;
		w->other[DST][i] = t->tuples[i].dst;
	}
	put_column(w, SRC, w->other[SRC], t->tuple_count);
	put_column(w, DST, w->other[DST], t->tuple_count);
	end(w);
}

static void put_connections(struct writer *w)
{
	const struct tuples *t = &w->c->tuples;

	begin(w, CONNECTIONS);
	for (size_t i = 0; i < t->tuple_count; i++) {
		w->other[SRC_PORT][i] = t->tuples[i].src_port;
		w->other[DST_PORT][i] = t->tuples[i].dst_port;
		w->other[PROTO][i] = t->tuples[i].proto;
	}
	for (size_t i = SRC_PORT; i <= PROTO; i++)
		put_column(w, i, w->other[i], t->tuple_count);
	end(w);
}

/*
 * What flows refer to is how far back their connection began; made of it is how many have begun,
 * in the same place, and in which row the next flow of each is, 0: in none. The lowest bit of that:
 * in the same direction.
 */
static void find_next(struct writer *w)
{
	uint64_t *begun = w->numbers[BEGUN], *next = w->numbers[LINKED];
	uint64_t *last = w->other[0]; /* 2 * row + is_reverse */
	size_t met = 0;

	for (size_t row = 0; row < w->h->flows; row++) {
		uint64_t reference = begun[row];
		size_t i = met - reference / 2;

		next[row] = 0;
		if (reference == TUPLES_NEW) {
			i = met++;
		} else {
			uint64_t before = last[i] / 2;

			next[before] = 2 * (row - before) + (~(last[i] ^ reference) & 1);
		}
		last[i] = 2 * row + reference % 2;
		begun[row] = met;
	}
}

/* Mostly the direction changes: then that column has one row. */
static size_t put_same(uint64_t *links, size_t count, uint64_t *same)
{
	uint64_t any = 0;

	for (size_t i = 0; i < count; i++)
		any |= links[i] & 1;
	for (size_t i = 0; i < (any ? count : MIN(count, 1)); i++)
		same[i] = links[i] & 1;
	for (size_t i = 0; i < count; i++)
		links[i] /= 2;
	return any ? count : MIN(count, 1);
}

static void put_links(struct writer *w)
{
	uint64_t *linked = w->numbers[LINKED]; /* at first what find_next() makes */
	uint64_t *links = w->other[1], *same = w->other[2];
	size_t count = 0, same_count;

	find_next(w);
	for (size_t row = 0; row < w->h->flows; row++) {
		links[count] = linked[row];
		count += linked[row] != 0;
		linked[row] = count;
	}
	same_count = put_same(links, count, same);
	begin(w, LINKS);
	put_column(w, GAP, links, count);
	put_column(w, SAME, same, same_count);
	end(w);
	w->rows[BEGUN] = w->rows[LINKED] = w->h->flows;
}

/* One width at a time, so that the compiler sees a number. */
static inline __attribute__((always_inline)) void
gather_width(const struct column *col, size_t width, const struct flow *flows, size_t from,
             size_t to, uint64_t *values)
{
	for (size_t i = from; i < to; i++) {
		values[i] = member_get(&flows[i], col->offset, width);
		if (col->transform == SPAN)
			values[i] -= member_get(&flows[i], col->from, width);
	}
}

static void gather(struct tuples *t, const struct column *col, const struct flow *flows,
                   size_t from, size_t to, uint64_t *values)
{
	if (col->transform == WORD) {
		for (size_t i = from; i < to; i++)
			values[i] = tuples_addr(t, addr_at(&flows[i], col->offset));
	} else if (col->width == 1) {
		gather_width(col, 1, flows, from, to, values);
	} else if (col->width == 2) {
		gather_width(col, 2, flows, from, to, values);
	} else if (col->width == 4) {
		gather_width(col, 4, flows, from, to, values);
	} else {
		gather_width(col, 8, flows, from, to, values);
	}
}

/*
 * Which octets of the flows are not those of `first`; adds them to `varying`. As few wide words as
 * there are, so that all stay in registers.
 */
typedef uint64_t wide __attribute__((vector_size(32), aligned(8), may_alias));

#define WIDES (sizeof(struct flow) / sizeof(wide))

WIDE static void find_varying(const struct flow *first, const struct flow *flows, size_t count,
                              struct flow *varying)
{
	wide model[WIDES], all[WIDES];

	_Static_assert(sizeof(*flows) % sizeof(wide) == 0, "read in wide words");
	memcpy(model, first, sizeof(model));
	memcpy(all, varying, sizeof(all));
	for (size_t i = 0; i < count; i++) {
		const wide *row = (const wide *)(const void *)&flows[i];

#pragma GCC unroll 5
		for (size_t j = 0; j < WIDES; j++)
			all[j] |= row[j] ^ model[j];
	}
	memcpy(varying, all, sizeof(*varying));
}

static bool is_constant(const struct column *col, const struct flow *varying)
{
	static const uint8_t zero[sizeof(struct addr)];

	return col->transform != SPAN && col->offset != offsetof(struct flow, received_ms) &&
	       memcmp((const uint8_t *)varying + col->offset, zero, col->width) == 0;
}

/*
 * Rows [from, to) of a column. As long as they are all the same the column has one row; from the
 * first that is not, all of them.
 */
static void gather_column(struct writer *w, size_t i, const struct flow *flows, size_t from,
                          size_t to, const struct flow *varying)
{
	const struct column *col = &block_columns[i];
	uint64_t *numbers = w->numbers[RECEIVED + i];

	if (from > 0 && is_constant(col, varying))
		return;
	for (size_t j = w->rows[RECEIVED + i]; j < from; j++)
		numbers[j] = numbers[0];
	gather(&w->c->tuples, col, flows, from, to, numbers);
	w->rows[RECEIVED + i] = to;
}

/* A few rows at a time, column after column, so that the rows are read from near memory. */
static struct interval gather_all(struct writer *w, const struct flow *flows, size_t count)
{
	struct interval span = {INT64_MAX, INT64_MIN};
	struct flow varying = {.version = 0};
	size_t to;

	for (size_t i = 0; i < BLOCK_MEMBERS; i++)
		gather_column(w, i, flows, 0, 1, &varying);
	for (size_t from = 0; from < count; from = to) {
		struct interval some;

		to = MIN(count, from + TUPLES_RUN);
		find_varying(flows, flows + from, to - from, &varying);
		tuples_add(&w->c->tuples, flows + from, to - from, w->numbers[BEGUN] + from);
		for (size_t i = 0; i < BLOCK_MEMBERS; i++)
			gather_column(w, i, flows, MAX(from, 1), to, &varying);
		some = block_span(flows + from, to - from);
		span.start_ms = MIN(span.start_ms, some.start_ms);
		span.end_ms = MAX(span.end_ms, some.end_ms);
	}
	return span;
}

static void put_flows(struct writer *w)
{
	begin(w, FLOWS);
	for (size_t i = 0; i < FLOW_COLUMNS; i++)
		put_column(w, i, w->numbers[i], w->rows[i]);
	end(w);
}

static struct writer writer_of(struct block_codec *c, const struct header *h)
{
	struct writer w = {.c = c, .h = h};
	uint64_t *next = c->values.at;

	for (size_t i = 0; i < FLOW_COLUMNS; i++, next += h->flows)
		w.numbers[i] = next;
	for (size_t i = 0; i < OTHER_COLUMNS; i++, next += h->flows)
		w.other[i] = next;
	w.scratch = (uint8_t *)next;
	next += ADDRS_A_FLOW * h->flows;
	for (size_t i = BEGUN; i <= RECEIVED; i++, next += table_runs(h->flows))
		w.anchors[i] = next;
	for (size_t i = ADDR_HIGH; i <= ADDR_LOW; i++, next += table_runs(ADDRS_A_FLOW * h->flows))
		w.addr_anchors[i] = next;
	return w;
}

static size_t heads_max(void)
{
	size_t len = 0;

	for (size_t i = 0; i < TABLES; i++)
		len += table_head_max(&block_tables[i]);
	return len;
}

/* Of all tables together, whatever the flows are. */
static void room_of(size_t flows, size_t *ret_directories, size_t *ret_runs)
{
	*ret_directories = *ret_runs = 0;
	for (size_t i = 0; i < TABLES; i++) {
		size_t rows = i == ADDRS ? ADDRS_A_FLOW * flows : flows;

		*ret_directories += table_directory_len(&block_tables[i], rows);
		*ret_runs += table_runs_max(&block_tables[i], rows);
	}
}

static void move_run(struct writer *w, size_t table, size_t run, struct octets *to)
{
	table_move_run(&block_tables[table], w->directories[table], run, w->place.start, to);
}

/*
 * What a search looks at together lies together: a connection's ends and the rest of it; a run of
 * flows and the links of those that begin in it.
 */
static void arrange(struct writer *w, struct octets *to)
{
	size_t links = 0, link_runs = table_runs(block_rows(w->h, LINKS));
	size_t flow_runs = table_runs(w->h->flows);

	for (size_t run = 0; run < table_runs(w->h->addrs); run++)
		move_run(w, ADDRS, run, to);
	for (size_t run = 0; run < table_runs(w->h->connections); run++) {
		move_run(w, ENDS, run, to);
		move_run(w, CONNECTIONS, run, to);
	}
	for (size_t run = 0; run < flow_runs; run++) {
		uint64_t end = run + 1 < flow_runs ? w->anchors[LINKED][run + 1] : UINT64_MAX;

		move_run(w, FLOWS, run, to);
		while (links < link_runs && links * PLANES_RUN < end)
			move_run(w, LINKS, links++, to);
	}
}

/* The runs are known first, then what stands before them. */
static uint8_t *put_tables(struct writer *w, struct header *h)
{
	size_t directories, runs;
	struct octets out, to;
	uint8_t *directory = (uint8_t *)w->c->heads.at + heads_max();

	room_of(h->flows, &directories, &runs);
	w->heads = octets_of(w->c->heads.at, heads_max());
	w->directory = octets_of(directory, directories);
	w->place.start = w->place.at = w->c->runs.at;
	put_addrs(w);
	put_ends(w);
	put_connections(w);
	put_links(w);
	put_flows(w);
	CHECK(!w->heads.is_full && !w->directory.is_full);
	h->head_len = (uint32_t)(octets_len(&w->heads) + octets_len(&w->directory));
	h->len = h->head_len + (uint32_t)(w->place.at - w->place.start);
	out = octets_of((uint8_t *)w->c->block.at + BLOCK_HEADER_LEN, h->len);
	to = octets_of(out.at + h->head_len, h->len - h->head_len);
	arrange(w, &to);
	octets_put(&out, w->heads.start, octets_len(&w->heads));
	octets_put(&out, directory, octets_len(&w->directory));
	CHECK(!to.is_full && octets_len(&to) == h->len - h->head_len);
	return w->c->block.at;
}

static bool encode_room(struct block_codec *c, size_t count)
{
	size_t directories, runs;

	room_of(count, &directories, &runs);
	return tuples_room(&c->tuples, count) &&
	       block_room(&c->values, (WORDS_A_FLOW * count + (RECEIVED + 1) * table_runs(count) +
	                               2 * table_runs(ADDRS_A_FLOW * count)) *
	                                      sizeof(uint64_t)) &&
	       block_room(&c->heads, heads_max() + directories) && block_room(&c->runs, runs) &&
	       block_room(&c->block, BLOCK_HEADER_LEN + heads_max() + directories + runs);
}

enum err block_encode(struct block_codec *c, const struct flow *flows, size_t count,
                      struct block *ret)
{
	struct header h = {.version = BLOCK_VERSION, .flows = (uint32_t)count};
	struct writer w;
	uint8_t *block;

	if (count == 0 || count > BLOCK_FLOWS_MAX)
		return ERR_RANGE;
	if (!encode_room(c, count))
		return ERR_NOMEM;
	w = writer_of(c, &h);
	h.span = gather_all(&w, flows, count);
	h.connections = c->tuples.tuple_count;
	h.addrs = c->tuples.addr_count;
	block = put_tables(&w, &h);
	block_seal(c, block, &h);
	*ret = (struct block){.data = block,
	                      .span = h.span,
	                      .len = BLOCK_HEADER_LEN + h.len,
	                      .addrs = c->tuples.addr_hashes,
	                      .addr_count = h.addrs,
	                      .connections = c->tuples.tuple_hashes,
	                      .connection_count = h.connections};
	return ERR_OK;
}
