#include "base/bytes.h"
#include "base/util.h"
#include "store/among.h"
#include "store/block_code.h"
#include "store/edges.h"

#include <stdlib.h>
#include <string.h>

/* --- whom --- */

static struct addr addr_of_row(const struct planes *high, const struct planes *low, size_t row)
{
	/* Little-endian: see block_code.h. */
	uint64_t halves[] = {__builtin_bswap64(planes_one(high, row)),
	                     __builtin_bswap64(planes_one(low, row))};
	struct addr a;

	_Static_assert(sizeof(halves) == sizeof(a.octets), "an address is two words");
	memcpy(a.octets, halves, sizeof(halves));
	return a;
}

/* The index of `a`, or as many as there are addresses. */
static uint32_t find_addr(const struct planes *high, const struct planes *low, const struct addr *a)
{
	uint64_t values[PLANES_RUN];
	uint64_t wanted;
	struct bytes in = bytes_of(a->octets + 8, 8);

	wanted = bytes_uint(&in, 8);
	for (size_t from = 0; from < low->rows; from += PLANES_RUN) {
		size_t count = MIN(low->rows - from, PLANES_RUN);

		planes_get(low, from, count, values);
		for (size_t i = 0; i < count; i++) {
			struct addr found;

			if (values[i] != wanted)
				continue;
			found = addr_of_row(high, low, from + i);
			if (addr_equal(&found, a))
				return (uint32_t)(from + i);
		}
	}
	return low->rows;
}

static bool is_end(const struct planes *cols, size_t row, unsigned side, uint32_t addr,
                   uint16_t port)
{
	return planes_one(&cols[SRC + side], row) == addr &&
	       planes_one(&cols[SRC_PORT + side], row) == port;
}

/* Marks the connections of one alternative; false when there are none. */
static bool mark(struct block_codec *c, const struct whom *whom)
{
	const struct planes *cols = c->found;
	uint32_t none = c->header.addrs;
	uint32_t a = find_addr(&cols[ADDR_HIGH], &cols[ADDR_LOW], &whom->a);
	uint32_t b =
		whom->is_connection ? find_addr(&cols[ADDR_HIGH], &cols[ADDR_LOW], &whom->b) : 0;
	uint64_t values[2][PLANES_RUN];
	uint8_t *wanted = c->wanted.at;
	bool any = false;

	if (a == none || b == none)
		return false;
	for (size_t from = 0; from < c->header.connections; from += PLANES_RUN) {
		size_t count = MIN(c->header.connections - from, PLANES_RUN);

		planes_get(&cols[SRC], from, count, values[0]);
		planes_get(&cols[DST], from, count, values[1]);
		for (size_t i = 0; i < count; i++) {
			size_t row = from + i;

			if (values[0][i] != a && values[1][i] != a)
				continue;
			if (whom->is_connection && !(planes_one(&cols[PROTO], row) == whom->proto &&
			                             ((is_end(cols, row, 0, a, whom->a_port) &&
			                               is_end(cols, row, 1, b, whom->b_port)) ||
			                              (is_end(cols, row, 1, a, whom->a_port) &&
			                               is_end(cols, row, 0, b, whom->b_port)))))
				continue;
			wanted[row] = 1;
			any = true;
		}
	}
	return any;
}

/* Which connections are of one of the alternatives; *ret_any: some are. The tables are unpacked. */
static enum err find_whom(struct block_codec *c, const struct wish *wish, bool *ret_any)
{
	*ret_any = false;
	if (!block_room(&c->wanted, MAX(c->header.connections, 1)))
		return ERR_NOMEM;
	memset(c->wanted.at, 0, c->header.connections);
	for (size_t i = 0; i < wish->whom_count; i++)
		*ret_any |= mark(c, &wish->whom[i]);
	return ERR_OK;
}

/* --- the tables of addresses and connections --- */

static enum err open_addrs(struct block_codec *c)
{
	struct addr *addrs;

	if (!block_room(&c->addrs, c->header.addrs * sizeof(*addrs)))
		return ERR_NOMEM;
	addrs = c->addrs.at;
	for (size_t i = 0; i < c->header.addrs; i++)
		addrs[i] = addr_of_row(&c->found[ADDR_HIGH], &c->found[ADDR_LOW], i);
	return ERR_OK;
}

static bool fits(uint64_t value, size_t width)
{
	return width >= 8 || value >> 8 * width == 0;
}

/* False when the row contradicts the block. */
static bool read_connection(struct block_codec *c, size_t row, struct tuple *ret)
{
	uint64_t src = planes_one(&c->found[SRC], row), dst = planes_one(&c->found[DST], row);
	uint64_t src_port = planes_one(&c->found[SRC_PORT], row);
	uint64_t dst_port = planes_one(&c->found[DST_PORT], row);
	uint64_t proto = planes_one(&c->found[PROTO], row);

	*ret = (struct tuple){(uint32_t)src, (uint32_t)dst, (uint16_t)src_port, (uint16_t)dst_port,
	                      (uint8_t)proto};
	return src < c->header.addrs && dst < c->header.addrs && fits(src_port, 2) &&
	       fits(dst_port, 2) && fits(proto, 1);
}

static enum err open_connections(struct block_codec *c)
{
	struct tuple *tuples;

	if (!block_room(&c->connections, c->header.connections * sizeof(*tuples)))
		return ERR_NOMEM;
	tuples = c->connections.at;
	for (size_t i = 0; i < c->header.connections; i++) {
		if (!read_connection(c, i, &tuples[i]))
			return ERR_FORMAT;
	}
	return ERR_OK;
}

/* Both, when many rows will be asked for. */
static enum err open_tables(struct block_codec *c)
{
	enum err err = open_addrs(c);

	if (err == ERR_OK)
		err = open_connections(c);
	c->has_tables = err == ERR_OK;
	return err;
}

static struct addr addr_of(struct block_codec *c, size_t row)
{
	return c->has_tables ? ((const struct addr *)c->addrs.at)[row]
	                     : addr_of_row(&c->found[ADDR_HIGH], &c->found[ADDR_LOW], row);
}

static bool connection_of(struct block_codec *c, size_t row, struct tuple *ret)
{
	if (!c->has_tables)
		return read_connection(c, row, ret);
	*ret = ((const struct tuple *)c->connections.at)[row];
	return true;
}

static bool unpack_tables(struct block_codec *c)
{
	bool is_good = true;

	for (size_t i = ADDR_HIGH; i < REFERENCE && is_good; i++)
		is_good = block_column(c, i) != NULL;
	return is_good;
}

/* Hashes of the block's addresses and connections, whose columns are unpacked. */
static enum err hash_tables(struct block_codec *c)
{
	struct tuples *t = &c->tuples;
	enum err err = open_tables(c);

	if (err)
		return err;
	if (!tuples_hold(t, c->header.flows))
		return ERR_NOMEM;
	for (size_t i = 0; i < c->header.addrs; i++)
		t->addr_hashes[i] = tuples_addr_hash((const struct addr *)c->addrs.at + i, t->seed);
	for (size_t i = 0; i < c->header.connections; i++) {
		const struct tuple *at = (const struct tuple *)c->connections.at + i;

		t->tuple_hashes[i] = tuples_hash(t->addr_hashes[at->src], at->src_port,
		                                 t->addr_hashes[at->dst], at->dst_port, at->proto);
	}
	return ERR_OK;
}

enum err block_whom(struct block_codec *c, const void *data, size_t len, struct block *ret)
{
	const struct tuples *t = &c->tuples;
	enum err err = block_open(c, data, len);

	if (err == ERR_OK && !unpack_tables(c))
		err = ERR_FORMAT;
	if (err == ERR_OK)
		err = hash_tables(c);
	if (err)
		return err;
	*ret = (struct block){.data = data,
	                      .len = len,
	                      .addrs = t->addr_hashes,
	                      .addr_count = c->header.addrs,
	                      .connections = t->tuple_hashes,
	                      .connection_count = c->header.connections};
	return ERR_OK;
}

/* As find_whom(), which was before, for connections that are told by their hashes. */
static enum err find_connections(struct block_codec *c, const struct wish *wish, bool *ret_any)
{
	uint8_t *wanted = c->wanted.at;
	struct among among;
	enum err err = hash_tables(c);

	if (err)
		return err;
	among_of(wish->connections, wish->connection_count, STORE_EDGE_BITS, &among);
	for (size_t i = 0; i < c->header.connections; i++) {
		bool is_among = among_has(&among, (uint32_t)(c->tuples.tuple_hashes[i] >> 32));

		wanted[i] |= is_among;
		*ret_any |= is_among;
	}
	return ERR_OK;
}

/* --- flows --- */

/* Which connections the run's rows are of; false when one is of none. */
static bool read_references(struct block_codec *c, struct rows *r)
{
	planes_get(&c->found[REFERENCE], r->from, r->count, r->values);
	for (size_t i = 0; i < r->count; i++) {
		uint64_t back = r->values[i] / 2;

		if (r->values[i] == TUPLES_NEW) {
			back = 1;
			c->fresh++;
		}
		if (back == 0 || back > c->fresh || c->fresh > c->header.connections)
			return false;
		r->connections[i] = (uint32_t)(c->fresh - back);
		r->is_reverse[i] = r->values[i] % 2 == 1;
	}
	return true;
}

static void keep_whom(struct block_codec *c, const struct wish *wish, struct rows *r)
{
	const uint8_t *wanted = wish != NULL && wish_has_alternatives(wish) ? c->wanted.at : NULL;

	r->kept_count = 0;
	for (size_t i = 0; i < r->count; i++) {
		r->kept[r->kept_count] = (uint32_t)i;
		r->kept_count += wanted == NULL || wanted[r->connections[i]];
	}
}

static void read_received(struct block_codec *c, struct rows *r)
{
	uint64_t received = c->received;

	planes_get(&c->found[HEAD_COLUMNS], r->from, r->count, r->values);
	for (size_t i = 0; i < r->count; i++) {
		received += r->values[i];
		r->received[i] = (int64_t)received;
	}
	c->received = received;
}

static void read_times(struct block_codec *c, struct rows *r)
{
	planes_get(&c->found[HEAD_COLUMNS + 1], r->from, r->count, r->values);
	for (size_t i = 0; i < r->count; i++)
		r->end[i] = (int64_t)((uint64_t)r->received[i] + r->values[i]);
	planes_get(&c->found[HEAD_COLUMNS + 2], r->from, r->count, r->values);
	for (size_t i = 0; i < r->count; i++)
		r->start[i] = (int64_t)((uint64_t)r->end[i] + r->values[i]);
}

static void keep_when(struct interval when, struct rows *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->kept_count; i++) {
		uint32_t row = r->kept[i];

		r->kept[kept] = row;
		kept += interval_overlaps(when, (struct interval){r->start[row], r->end[row]});
	}
	r->kept_count = kept;
}

static bool fill_ends(struct block_codec *c, struct rows *r)
{
	struct tuple t;

	for (size_t i = 0; i < r->kept_count; i++) {
		uint32_t row = r->kept[i];
		bool is_reverse = r->is_reverse[row];
		struct flow *f = &r->flows[i];

		if (!connection_of(c, r->connections[row], &t))
			return false;
		f->src = addr_of(c, is_reverse ? t.dst : t.src);
		f->dst = addr_of(c, is_reverse ? t.src : t.dst);
		f->src_port = is_reverse ? t.dst_port : t.src_port;
		f->dst_port = is_reverse ? t.src_port : t.dst_port;
		f->proto = t.proto;
		f->received_ms = r->received[row];
		f->start_ms = r->start[row];
		f->end_ms = r->end[row];
	}
	return true;
}

/* The column's numbers of the rows that are kept, one after the other. */
static const uint64_t *numbers_of(const struct planes *p, struct rows *r)
{
	if (4 * r->kept_count < r->count) {
		for (size_t i = 0; i < r->kept_count; i++)
			r->values[i] = planes_one(p, r->from + r->kept[i]);
		return r->values;
	}
	planes_get(p, r->from, r->count, r->values);
	for (size_t i = 0; i < r->kept_count; i++)
		r->values[i] = r->values[r->kept[i]];
	return r->values;
}

static enum err fill_column(struct block_codec *c, size_t i, struct rows *r)
{
	const struct column *col = &block_columns[i];
	const struct planes *p = block_column(c, HEAD_COLUMNS + i);
	uint64_t limit = col->transform == WORD ? c->header.addrs
	                 : col->width < 8       ? UINT64_C(1) << 8 * col->width
	                                        : UINT64_MAX;
	const uint64_t *values;

	if (p == NULL)
		return ERR_FORMAT;
	values = numbers_of(p, r);
	for (size_t k = 0; k < r->kept_count; k++) {
		uint8_t *to = (uint8_t *)&r->flows[k] + col->offset;

		if (values[k] >= limit && limit != UINT64_MAX)
			return ERR_FORMAT;
		if (col->transform == WORD) {
			struct addr a = addr_of(c, (size_t)values[k]);

			memcpy(to, &a, sizeof(a));
		} else {
			memcpy(to, &values[k], col->width); /* little-endian: see block_code.h */
		}
	}
	return ERR_OK;
}

static enum err fill(struct block_codec *c, uint64_t members, struct rows *r)
{
	enum err err = ERR_OK;

	for (size_t i = TIMES; i < BLOCK_COLUMNS && err == ERR_OK && r->kept_count > 0; i++) {
		if ((members >> i & 1) != 0)
			err = fill_column(c, i, r);
	}
	return err;
}

static void judge(const struct wish *wish, struct rows *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->kept_count; i++) {
		if (!wish->is_wanted(wish->ctx, &r->flows[i]))
			continue;
		if (kept < i)
			r->flows[kept] = r->flows[i];
		r->kept[kept++] = r->kept[i];
	}
	r->kept_count = kept;
}

static enum err read_rows(struct block_codec *c, const struct wish *wish, struct rows *r)
{
	bool is_choosy = wish != NULL && wish->is_wanted != NULL;
	uint64_t first = is_choosy ? wish->members : 0;
	enum err err;

	if (!read_references(c, r))
		return ERR_FORMAT;
	read_received(c, r);
	keep_whom(c, wish, r);
	if (r->kept_count == 0)
		return ERR_OK;
	read_times(c, r);
	if (wish != NULL)
		keep_when(wish->when, r);
	if (!fill_ends(c, r))
		return ERR_FORMAT;
	err = fill(c, first, r);
	if (err == ERR_OK && is_choosy)
		judge(wish, r);
	return err ? err : fill(c, ~first, r);
}

/* What is read whatever is wanted. */
static enum err open_flows(struct block_codec *c, bool is_whom_told)
{
	for (size_t i = REFERENCE; i < HEAD_COLUMNS + TIMES; i++) {
		if (block_column(c, i) == NULL)
			return ERR_FORMAT;
	}
	if (!block_room(&c->flows, c->header.flows * sizeof(struct flow)))
		return ERR_NOMEM;
	return is_whom_told ? ERR_OK : open_tables(c);
}

/* All of the block adds up. */
static bool is_sound(const struct block_codec *c, const struct flow *flows, size_t count)
{
	struct interval span = block_span(flows, count);

	return c->fresh == c->header.connections && span.start_ms == c->header.span.start_ms &&
	       span.end_ms == c->header.span.end_ms;
}

enum err block_decode(struct block_codec *c, const void *data, size_t len, const struct wish *wish,
                      struct flow **ret, size_t *ret_count)
{
	struct rows *r = &c->rows;
	struct flow *flows;
	size_t count = 0;
	bool is_whom_told = wish != NULL && wish_has_alternatives(wish);
	bool any = true;
	enum err err = block_open(c, data, len);

	*ret_count = 0;
	if (err == ERR_OK && !unpack_tables(c))
		err = ERR_FORMAT;
	if (err == ERR_OK && is_whom_told)
		err = find_whom(c, wish, &any);
	if (err == ERR_OK && is_whom_told && wish->connection_count > 0)
		err = find_connections(c, wish, &any);
	if (err || !any)
		return err;
	err = open_flows(c, is_whom_told);
	if (err)
		return err;
	flows = c->flows.at;
	for (size_t from = 0; from < c->header.flows && err == ERR_OK; from += PLANES_RUN) {
		r->from = from;
		r->count = MIN(c->header.flows - from, PLANES_RUN);
		r->flows = flows + count;
		err = read_rows(c, wish, r);
		count += r->kept_count;
	}
	if (err == ERR_OK && wish == NULL && !is_sound(c, flows, count))
		err = ERR_FORMAT;
	if (err)
		return err;
	*ret = flows;
	*ret_count = count;
	return ERR_OK;
}
