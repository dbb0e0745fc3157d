#include "base/bytes.h"
#include "base/util.h"
#include "store/block_code.h"

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

struct writer {
	struct block_codec *c;
	/* References, then the columns; of a constant one, a row. */
	uint64_t *numbers[1 + BLOCK_COLUMNS];
	size_t rows[BLOCK_COLUMNS];
	uint64_t *values; /* the column at hand of the other tables */
	uint8_t *scratch;
	uint8_t *at;
};

static void put(struct writer *w, uint8_t id, const uint64_t *values, size_t rows)
{
	w->at = planes_put(w->c->packer, id, values, rows, w->scratch, w->at);
}

static void put_addrs(struct writer *w)
{
	const struct tuples *t = &w->c->tuples;

	for (unsigned half = 0; half < 2; half++) {
		for (size_t i = 0; i < t->addr_count; i++)
			w->values[i] = half_of(&t->addrs[i], 8 * half);
		put(w, (uint8_t)(half + 1), w->values, t->addr_count);
	}
}

static void put_connections(struct writer *w)
{
	const struct tuples *t = &w->c->tuples;

	for (unsigned id = SRC; id <= PROTO; id++) {
		for (size_t i = 0; i < t->tuple_count; i++) {
			const struct tuple *c = &t->tuples[i];

			w->values[i] = id == SRC        ? c->src
			               : id == DST      ? c->dst
			               : id == SRC_PORT ? c->src_port
			               : id == DST_PORT ? c->dst_port
			                                : c->proto;
		}
		put(w, (uint8_t)(id + 1), w->values, t->tuple_count);
	}
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
		else if (col->transform == STEP && i > 0)
			values[i] -= member_get(&flows[i - 1], col->offset, width);
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

/* Which octets of the flows are not those of `first`; adds them to `varying`. */
static void find_varying(const struct flow *first, const struct flow *flows, size_t count,
                         struct flow *varying)
{
	uint64_t model[sizeof(*flows) / 8], all[sizeof(*flows) / 8], row[sizeof(*flows) / 8];

	_Static_assert(sizeof(*flows) % 8 == 0, "read in words");
	memcpy(model, first, sizeof(model));
	memcpy(all, varying, sizeof(all));
	for (size_t i = 0; i < count; i++) {
		memcpy(row, &flows[i], sizeof(row));
		for (size_t j = 0; j < ARRAY_LEN(row); j++)
			all[j] |= row[j] ^ model[j];
	}
	memcpy(varying, all, sizeof(*varying));
}

static bool is_constant(const struct column *col, const struct flow *varying)
{
	static const uint8_t zero[sizeof(struct addr)];

	return col->transform != STEP && col->transform != SPAN &&
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
	uint64_t *numbers = w->numbers[1 + i];

	if (from > 0 && is_constant(col, varying))
		return;
	for (size_t j = w->rows[i]; j < from; j++)
		numbers[j] = numbers[0];
	gather(&w->c->tuples, col, flows, from, to, numbers);
	w->rows[i] = to;
}

/* A few rows at a time, column after column, so that the rows are read from near memory. */
static struct interval gather_all(struct writer *w, const struct flow *flows, size_t count)
{
	struct interval span = {INT64_MAX, INT64_MIN};
	struct flow varying = {.version = 0};
	size_t to;

	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		gather_column(w, i, flows, 0, 1, &varying);
	for (size_t from = 0; from < count; from = to) {
		struct interval some;

		to = MIN(count, from + TUPLES_RUN);
		find_varying(flows, flows + from, to - from, &varying);
		tuples_add(&w->c->tuples, flows + from, to - from, w->numbers[0] + from);
		for (size_t i = 0; i < BLOCK_COLUMNS; i++)
			gather_column(w, i, flows, MAX(from, 1), to, &varying);
		some = block_span(flows + from, to - from);
		span.start_ms = MIN(span.start_ms, some.start_ms);
		span.end_ms = MAX(span.end_ms, some.end_ms);
	}
	return span;
}

/* A column of equal numbers is written as if it had one row: it has no planes then. */
static void put_flows(struct writer *w, size_t count)
{
	put(w, REFERENCE + 1, w->numbers[0], count);
	for (size_t i = 0; i < BLOCK_COLUMNS; i++)
		put(w, block_columns[i].id, w->numbers[1 + i], w->rows[i]);
}

/* Returns the length of the block; *ret_span: of its flows. */
static size_t columns_put(struct block_codec *c, const struct flow *flows, size_t count,
                          struct interval *ret_span)
{
	struct writer w = {.c = c, .at = (uint8_t *)c->block.at + BLOCK_HEADER_LEN};
	uint64_t *next = c->values.at;

	for (size_t i = 0; i < 1 + BLOCK_COLUMNS; i++, next += count)
		w.numbers[i] = next;
	w.values = next;
	w.scratch = (uint8_t *)(next + ADDRS_A_FLOW * count);
	*ret_span = gather_all(&w, flows, count);
	put_addrs(&w);
	put_connections(&w);
	put_flows(&w, count);
	return (size_t)(w.at - (uint8_t *)c->block.at);
}

static bool encode_room(struct block_codec *c, size_t count)
{
	size_t addrs = ADDRS_A_FLOW * count;
	size_t numbers = (1 + BLOCK_COLUMNS) * count + addrs;

	return tuples_room(&c->tuples, count) &&
	       block_room(&c->values, (numbers + addrs) * sizeof(uint64_t)) &&
	       block_room(&c->block, BLOCK_HEADER_LEN + (ADDR_LOW + 1) * planes_bound(addrs) +
	                                     (BLOCK_ALL - ADDR_LOW - 1) * planes_bound(count));
}

enum err block_encode(struct block_codec *c, const struct flow *flows, size_t count,
                      struct block *ret)
{
	struct interval span;
	struct header h;
	uint8_t *block;
	size_t len;

	if (count == 0 || count > BLOCK_FLOWS_MAX)
		return ERR_RANGE;
	if (!encode_room(c, count))
		return ERR_NOMEM;
	len = columns_put(c, flows, count, &span);
	h = (struct header){.flows = (uint32_t)count,
	                    .connections = c->tuples.tuple_count,
	                    .addrs = c->tuples.addr_count,
	                    .len = (uint32_t)(len - BLOCK_HEADER_LEN),
	                    .span = span};
	block = c->block.at;
	block_header_put(block, &h);
	*ret = (struct block){.data = block,
	                      .span = span,
	                      .len = len,
	                      .addrs = c->tuples.addr_hashes,
	                      .addr_count = h.addrs,
	                      .connections = c->tuples.tuple_hashes,
	                      .connection_count = h.connections};
	return ERR_OK;
}
