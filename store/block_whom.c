#include "base/util.h"
#include "store/among.h"
#include "store/block_code.h"
#include "store/edges.h"

#include <string.h>

/* The tables of addresses and connections: whom a block has, and which of these are wanted. */

bool block_is_good(const struct block_codec *c)
{
	bool is_good = true;

	for (size_t i = 0; i < TABLES; i++)
		is_good &= !c->tables[i].is_bad;
	return is_good;
}

/* --- reading them --- */

static bool fits(uint64_t value, size_t width)
{
	return width >= 8 || value >> 8 * width == 0;
}

static struct addr addr_from(uint64_t high, uint64_t low)
{
	/* Little-endian: see block_code.h. */
	uint64_t halves[] = {__builtin_bswap64(high), __builtin_bswap64(low)};
	struct addr a;

	_Static_assert(sizeof(halves) == sizeof(a.octets), "an address is two words");
	memcpy(a.octets, halves, sizeof(halves));
	return a;
}

/* The rows of a run, which rise but in an old block. */
static enum err read_addrs(struct block_codec *c, uint32_t run, struct addr *ret)
{
	struct table *t = &c->tables[ADDRS];
	uint64_t high[PLANES_RUN], low[PLANES_RUN];
	bool is_fallen = false;
	enum err err = table_open(t, run);

	if (err)
		return err;
	table_get(t, ADDR_HIGH, high);
	table_get(t, ADDR_LOW, low);
	for (uint32_t i = 0; i < t->count; i++)
		ret[i] = addr_from(high[i], low[i]);
	for (uint32_t i = 1; i < t->count; i++)
		is_fallen |=
			high[i] < high[i - 1] || (high[i] == high[i - 1] && low[i] <= low[i - 1]);
	return is_fallen && c->header.version != BLOCK_VERSION_OLD ? ERR_FORMAT : ERR_OK;
}

/* A run of them, unless it is there. */
static enum err open_addrs(struct block_codec *c, uint32_t run)
{
	uint64_t bit = UINT64_C(1) << run % 64;
	enum err err;

	if ((c->addr_runs[run / 64] & bit) != 0)
		return ERR_OK;
	if (!block_room(&c->addrs, c->header.addrs * sizeof(struct addr)))
		return ERR_NOMEM;
	err = read_addrs(c, run, (struct addr *)c->addrs.at + run * PLANES_RUN);
	c->addr_runs[run / 64] |= err ? 0 : bit;
	return err;
}

static enum err open_all_addrs(struct block_codec *c)
{
	enum err err = ERR_OK;

	for (uint32_t run = 0; run < table_runs(c->header.addrs) && err == ERR_OK; run++)
		err = open_addrs(c, run);
	return err;
}

struct connection { /* a row, as it is read */
	uint64_t src, dst, src_port, dst_port, proto;
};

/* False when the row contradicts the block. */
static bool to_tuple(const struct block_codec *c, const struct connection *from, struct tuple *ret)
{
	*ret = (struct tuple){(uint32_t)from->src, (uint32_t)from->dst, (uint16_t)from->src_port,
	                      (uint16_t)from->dst_port, (uint8_t)from->proto};
	return from->src < c->header.addrs && from->dst < c->header.addrs &&
	       fits(from->src_port, 2) && fits(from->dst_port, 2) && fits(from->proto, 1);
}

/* The run of a connection, or of all from there on, in both of their tables. */
static enum err open_connection(struct block_codec *c, uint32_t run)
{
	enum err err = table_open(&c->tables[ENDS], run);

	return err ? err : table_open(&c->tables[CONNECTIONS], run);
}

static enum err read_connections(struct block_codec *c, uint32_t run, struct tuple *ret)
{
	struct table *ends = &c->tables[ENDS], *t = &c->tables[CONNECTIONS];
	uint64_t values[5][PLANES_RUN];
	enum err err = open_connection(c, run);

	if (err)
		return err;
	table_get(ends, SRC, values[0]);
	table_get(ends, DST, values[1]);
	table_get(t, SRC_PORT, values[2]);
	table_get(t, DST_PORT, values[3]);
	table_get(t, PROTO, values[4]);
	for (uint32_t i = 0; i < t->count; i++) {
		struct connection row = {values[0][i], values[1][i], values[2][i], values[3][i],
		                         values[4][i]};

		if (!to_tuple(c, &row, &ret[i]))
			return ERR_FORMAT;
	}
	return ERR_OK;
}

enum err block_open_connections(struct block_codec *c)
{
	enum err err = ERR_OK;

	if (c->has_connections)
		return ERR_OK;
	if (!block_room(&c->connections, MAX(c->header.connections, 1) * sizeof(struct tuple)))
		return ERR_NOMEM;
	for (uint32_t run = 0; run < table_runs(c->header.connections) && err == ERR_OK; run++)
		err = read_connections(c, run,
		                       (struct tuple *)c->connections.at + run * PLANES_RUN);
	c->has_connections = err == ERR_OK;
	return err;
}

static enum err open_all(struct block_codec *c)
{
	enum err err = open_all_addrs(c);

	return err ? err : block_open_connections(c);
}

/* False: damaged. */
bool block_address(struct block_codec *c, uint32_t row, struct addr *ret)
{
	if (open_addrs(c, row / PLANES_RUN) != ERR_OK)
		return false;
	*ret = ((const struct addr *)c->addrs.at)[row];
	return true;
}

static bool find_connection(struct block_codec *c, uint32_t row, struct tuple *ret)
{
	struct table *ends = &c->tables[ENDS], *t = &c->tables[CONNECTIONS];
	uint32_t i = row % PLANES_RUN;
	struct connection found;

	if (open_connection(c, row / PLANES_RUN) != ERR_OK)
		return false;
	found = (struct connection){table_one(ends, SRC, i), table_one(ends, DST, i),
	                            table_one(t, SRC_PORT, i), table_one(t, DST_PORT, i),
	                            table_one(t, PROTO, i)};
	return to_tuple(c, &found, ret);
}

/* Of a few rows each is looked for; of many, everything lies ready. */
bool block_ends(struct block_codec *c, uint32_t connection, struct tuple *t, struct addr *ret_src,
                struct addr *ret_dst)
{
	if (c->has_connections)
		*t = ((const struct tuple *)c->connections.at)[connection];
	else if (!find_connection(c, connection, t))
		return false;
	return block_address(c, t->src, ret_src) && block_address(c, t->dst, ret_dst);
}

/* Hashes of the block's addresses and connections. */
static enum err hash_tables(struct block_codec *c)
{
	struct tuples *t = &c->tuples;
	enum err err = open_all(c);

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

	if (err == ERR_OK)
		err = hash_tables(c);
	if (err == ERR_OK && !block_is_good(c))
		err = ERR_FORMAT;
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

/* --- whom --- */

/* In which runs `a` may be: of those that rise, the last that begins after a lesser one. */
static void runs_of(const struct block_codec *c, const struct addr *a, uint32_t *ret_from,
                    uint32_t *ret_to)
{
	const struct table *t = &c->tables[ADDRS];
	uint32_t low = 0, high = (uint32_t)table_runs(t->rows);

	*ret_from = 0;
	*ret_to = high;
	if (c->header.version == BLOCK_VERSION_OLD)
		return;
	while (low + 1 < high) {
		uint32_t middle = (low + high) / 2;
		struct addr before = addr_from(table_before(t, ADDR_HIGH, middle),
		                               table_before(t, ADDR_LOW, middle));

		if (addr_cmp(&before, a) < 0)
			low = middle;
		else
			high = middle;
	}
	*ret_from = low;
	*ret_to = low + 1;
}

/* The index of `a`, or as many as there are addresses. */
static enum err find_addr(struct block_codec *c, const struct addr *a, uint32_t *ret)
{
	struct table *t = &c->tables[ADDRS];
	uint32_t run, to;

	*ret = t->rows;
	for (runs_of(c, a, &run, &to); run < to; run++) {
		uint32_t end = MIN(t->rows, (run + 1) * PLANES_RUN);
		enum err err = open_addrs(c, run);

		if (err)
			return err;
		for (uint32_t i = run * PLANES_RUN; i < end; i++) {
			if (addr_equal((const struct addr *)c->addrs.at + i, a)) {
				*ret = i;
				return ERR_OK;
			}
		}
	}
	return ERR_OK;
}

/* Leaves of these runs those in which the address is. */
static enum err narrow(struct block_codec *c, uint32_t addr, struct block_sought *s)
{
	struct table *t = &c->tables[ADDRS];
	uint32_t runs = (uint32_t)table_runs(c->header.connections);
	uint64_t first, more;
	enum err err;

	if (c->header.version == BLOCK_VERSION_OLD)
		return ERR_OK;
	err = table_open(t, addr / PLANES_RUN);
	if (err)
		return err;
	first = table_one(t, FIRST_ENDS, addr % PLANES_RUN);
	more = table_one(t, MORE_ENDS, addr % PLANES_RUN);
	if (first >= runs || more >= runs - first)
		return ERR_FORMAT;
	s->from = MAX(s->from, (uint32_t)first);
	s->to = MIN(s->to, (uint32_t)(first + more) + 1);
	return ERR_OK;
}

static enum err seek(struct block_codec *c, const struct whom *whom, struct block_sought *ret)
{
	uint32_t none = c->header.addrs;
	enum err err;

	*ret = (struct block_sought){.a = none, .b = none};
	err = find_addr(c, &whom->a, &ret->a);
	if (err == ERR_OK && whom->is_connection)
		err = find_addr(c, &whom->b, &ret->b);
	if (err || ret->a == none || (whom->is_connection && ret->b == none))
		return err;
	ret->to = (uint32_t)table_runs(c->header.connections);
	err = narrow(c, ret->a, ret);
	if (err == ERR_OK && whom->is_connection)
		err = narrow(c, ret->b, ret);
	return err;
}

/* Is it the connection, `a` being at its `side`? The run is open. */
static bool is_it(struct block_codec *c, const struct whom *whom, uint32_t b, unsigned side,
                  uint32_t i)
{
	struct table *ends = &c->tables[ENDS], *t = &c->tables[CONNECTIONS];

	return table_one(ends, DST - side, i) == b && table_one(t, PROTO, i) == whom->proto &&
	       table_one(t, SRC_PORT + side, i) == whom->a_port &&
	       table_one(t, DST_PORT - side, i) == whom->b_port;
}

static enum err mark_run(struct block_codec *c, const struct whom *whom,
                         const struct block_sought *s, uint32_t run, size_t *ret_count)
{
	uint8_t *wanted = (uint8_t *)c->wanted.at + run * PLANES_RUN;
	uint16_t rows[PLANES_RUN];
	enum err err = table_open(&c->tables[ENDS], run);

	for (unsigned side = SRC; side <= DST && err == ERR_OK; side++) {
		size_t count = table_equal(&c->tables[ENDS], side, s->a, rows);

		if (count > 0 && whom->is_connection)
			err = table_open(&c->tables[CONNECTIONS], run);
		for (size_t i = 0; i < count && err == ERR_OK; i++) {
			if (whom->is_connection && !is_it(c, whom, s->b, side, rows[i]))
				continue;
			*ret_count += wanted[rows[i]] == 0;
			wanted[rows[i]] = 1;
		}
	}
	return err;
}

/* Marks the connections of one alternative. */
static enum err mark(struct block_codec *c, const struct whom *whom, const struct block_sought *s,
                     size_t *ret_count)
{
	struct block_sought looked;
	enum err err = ERR_OK;

	if (s == NULL)
		err = seek(c, whom, &looked);
	s = s == NULL ? &looked : s;
	for (uint32_t run = s->from; run < s->to && err == ERR_OK; run++)
		err = mark_run(c, whom, s, run, ret_count);
	return err;
}

/* Those that are told by their hashes. */
static enum err mark_hashes(struct block_codec *c, const struct wish *wish, size_t *ret_count)
{
	uint8_t *wanted = c->wanted.at;
	struct among among;
	enum err err = hash_tables(c);

	if (err)
		return err;
	among_of(wish->connections, wish->connection_count, STORE_EDGE_BITS, &among);
	for (size_t i = 0; i < c->header.connections; i++) {
		bool is_among = among_has(&among, (uint32_t)(c->tuples.tuple_hashes[i] >> 32));

		*ret_count += is_among && wanted[i] == 0;
		wanted[i] |= is_among;
	}
	return ERR_OK;
}

/* Which connections are of one of the alternatives; *ret_count: how many. */
enum err block_find_whom(struct block_codec *c, const struct wish *wish,
                         const struct block_found *found, size_t *ret_count)
{
	bool is_located = found != NULL && found->is_located;
	enum err err = ERR_OK;

	*ret_count = 0;
	if (!block_room(&c->wanted, MAX(c->header.connections, 1)))
		return ERR_NOMEM;
	memset(c->wanted.at, 0, c->header.connections);
	if (found != NULL && found->is_known) {
		for (size_t i = 0; i < found->count; i++)
			((uint8_t *)c->wanted.at)[found->connections[i]] = 1;
		*ret_count = found->count;
		return ERR_OK;
	}
	for (size_t i = 0; i < wish->whom_count && err == ERR_OK; i++)
		err = mark(c, &wish->whom[i], is_located ? &found->sought[i] : NULL, ret_count);
	if (err == ERR_OK && wish->connection_count > 0)
		err = mark_hashes(c, wish, ret_count);
	return err;
}

/* --- ahead --- */

/* Heads and addresses. Where they are more, the rest waits. */
#define FRONT_PERMILLE 105

size_t block_front(size_t len)
{
	return len * FRONT_PERMILLE / 1000;
}

static void fetch_between(struct bytes a, struct bytes b, block_fetch_fn *fetch)
{
	const uint8_t *from = MIN(a.at, b.at), *to = MAX(a.end, b.end);

	fetch(from, (size_t)(to - from));
}

void block_locate(struct block_codec *c, const void *data, size_t len, const struct wish *wish,
                  block_fetch_fn *fetch, struct block_found *found)
{
	*found = (struct block_found){.is_known = false};
	if (block_open(c, data, len) != ERR_OK)
		return;
	found->is_located = wish->whom_count <= BLOCK_SOUGHT_MAX;
	for (size_t i = 0; i < wish->whom_count; i++) {
		struct block_sought s;
		struct bytes first, last;

		if (seek(c, &wish->whom[i], &s) != ERR_OK || !block_is_good(c))
			found->is_located = false;
		if (found->is_located)
			found->sought[i] = s;
		if (s.from >= s.to)
			continue;
		first = table_run(&c->tables[ENDS], s.from);
		last = table_run(&c->tables[CONNECTIONS], s.to - 1);
		fetch_between(first, last, fetch); /* in which the rest of both is, too */
	}
}

/* Those that block_find_whom() has marked, unless they are too many. */
static void list_wanted(const struct block_codec *c, size_t count, struct block_found *found)
{
	const uint8_t *wanted = c->wanted.at;

	found->is_known = count <= BLOCK_WANTED_MAX && block_is_good(c);
	for (uint32_t i = 0; found->is_known && found->count < count; i++) {
		const uint8_t *next = memchr(wanted + i, 1, c->header.connections - i);

		i = (uint32_t)(next - wanted);
		found->connections[found->count++] = i;
	}
}

void block_prepare(struct block_codec *c, const void *data, size_t len, const struct wish *wish,
                   block_fetch_fn *fetch, struct block_found *found)
{
	size_t count = 0;

	if (block_open(c, data, len) != ERR_OK || block_find_whom(c, wish, found, &count) != ERR_OK)
		return;
	list_wanted(c, count, found);
	if (!found->is_known || count > c->header.connections / BLOCK_DENSE)
		fetch(data, len);
	else
		block_place_fetch(c, found, fetch);
}
