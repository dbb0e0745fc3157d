#include "base/util.h"
#include "store/block_code.h"

#include <string.h>

/*
 * Which flows are of which connection. Each says whether a connection begins with it, and whether
 * it has a link, which says in how many rows the next flow of its connection is. What came before a
 * run of both is in the directory, so that of a few connections the rows are found without a look
 * at the runs that have none.
 */

struct placing {
	struct block_codec *c;
	const uint8_t *wanted;
	uint32_t begun_of, linked_of; /* of which run of flows these are; UINT32_MAX: of none */
	uint64_t begun[PLANES_RUN], linked[PLANES_RUN];
};

/* False when there is no such row, or another has it. */
static bool put(struct block_codec *c, uint64_t row, uint32_t what)
{
	uint64_t *kept = c->kept.at;
	uint64_t bit = UINT64_C(1) << row % 64;

	if (row >= c->header.flows || (kept[row / 64] & bit) != 0)
		return false;
	kept[row / 64] |= bit;
	((uint32_t *)c->placed.at)[row] = what;
	c->kept_count++;
	return true;
}

/* A column of a run of flows, unless it is at hand. */
static enum err read_run(struct placing *p, uint32_t run, size_t column, uint32_t *of,
                         uint64_t ret[PLANES_RUN])
{
	struct table *t = &p->c->tables[FLOWS];
	enum err err = *of == run ? ERR_OK : table_open(t, run);

	if (err == ERR_OK && *of != run)
		table_get(t, column, ret);
	*of = err ? UINT32_MAX : run;
	return err;
}

/* Places what the link says of the flow after one that is placed. */
static enum err follow(struct placing *p, uint64_t link, uint64_t *row)
{
	struct table *t = &p->c->tables[LINKS];
	uint32_t what = ((const uint32_t *)p->c->placed.at)[*row];
	uint32_t i = (uint32_t)(link % PLANES_RUN);
	uint64_t gap;
	enum err err = link < t->rows ? table_open(t, (uint32_t)(link / PLANES_RUN)) : ERR_FORMAT;

	if (err)
		return err;
	gap = table_one(t, GAP, i);
	*row += gap;
	return gap < p->c->header.flows && put(p->c, *row, what ^ (table_one(t, SAME, i) == 0))
	               ? ERR_OK
	               : ERR_FORMAT;
}

/* The last run of flows before which no more connections than that have begun. */
static uint32_t run_of(const struct table *t, uint32_t connection)
{
	uint32_t low = 0, high = (uint32_t)table_runs(t->rows);

	while (low + 1 < high) {
		uint32_t middle = (low + high) / 2;

		if (table_before(t, BEGUN, middle) <= connection)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static enum err find_first(struct placing *p, uint32_t connection, uint64_t *ret)
{
	const struct table *t = &p->c->tables[FLOWS];
	uint32_t run = run_of(t, connection);
	size_t count = MIN(t->rows - run * PLANES_RUN, PLANES_RUN), low = 0, high = count;
	enum err err = read_run(p, run, BEGUN, &p->begun_of, p->begun);

	if (err)
		return err;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (p->begun[middle] <= connection)
			low = middle + 1;
		else
			high = middle;
	}
	*ret = run * PLANES_RUN + low;
	return low < count ? ERR_OK : ERR_FORMAT;
}

static enum err place_one(struct placing *p, uint32_t connection)
{
	uint64_t row = 0;
	enum err err = find_first(p, connection, &row);

	if (err == ERR_OK && !put(p->c, row, 2 * connection))
		err = ERR_FORMAT;
	while (err == ERR_OK) {
		uint32_t run = (uint32_t)(row / PLANES_RUN);
		uint64_t before;

		err = read_run(p, run, LINKED, &p->linked_of, p->linked);
		if (err)
			break;
		before = row % PLANES_RUN > 0 ? p->linked[row % PLANES_RUN - 1]
		                              : table_before(&p->c->tables[FLOWS], LINKED, run);
		if (p->linked[row % PLANES_RUN] == before)
			break;
		err = follow(p, before, &row);
	}
	return err;
}

static enum err place_few(struct placing *p)
{
	uint32_t count = p->c->header.connections;
	enum err err = ERR_OK;

	for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
		const uint8_t *next = memchr(p->wanted + i, 1, count - i);

		if (next == NULL)
			break;
		i = (uint32_t)(next - p->wanted);
		err = place_one(p, i);
	}
	return err;
}

/* --- of many, or all: row by row --- */

#define NOBODY UINT32_MAX

struct passing {
	struct block_codec *c;
	uint32_t *placed;
	const uint64_t *gaps, *same; /* of all links, and one more */
	uint64_t begun, linked;      /* so far */
	bool is_bad;
};

static enum err read_links(struct passing *p)
{
	struct table *t = &p->c->tables[LINKS];
	size_t rows = table_runs(t->rows + 1) * PLANES_RUN;
	uint64_t *gaps, *same;
	enum err err = ERR_OK;

	if (!block_room(&p->c->links, 2 * rows * sizeof(*gaps)))
		return ERR_NOMEM;
	p->gaps = gaps = p->c->links.at;
	p->same = same = gaps + rows;
	for (uint32_t run = 0; run < table_runs(t->rows) && err == ERR_OK; run++) {
		err = table_open(t, run);
		if (err)
			break;
		table_get(t, GAP, gaps + run * PLANES_RUN);
		table_get(t, SAME, same + run * PLANES_RUN);
	}
	return err;
}

/*
 * A row's connection begins with it, or a link has said it. It says so of the row of its own link,
 * or once more of itself: without a branch, which would be wrong every other time.
 */
static bool pass_row(struct passing *p, uint32_t row, uint64_t begun, uint64_t linked)
{
	bool is_first = begun != p->begun, has_link = linked != p->linked;
	uint32_t said = p->placed[row];
	uint32_t what = is_first ? 2 * (uint32_t)p->begun : said;
	uint64_t target = row + (has_link ? p->gaps[p->linked] : 0);
	uint32_t turn = has_link & (p->same[p->linked] == 0);

	if (begun - p->begun > 1 || linked - p->linked > 1 || begun > p->c->header.connections ||
	    linked > p->c->tables[LINKS].rows || target >= p->c->header.flows)
		return false;
	p->placed[row] = what;
	p->is_bad |= is_first == (said != NOBODY) ||
	             (has_link && (p->placed[target] != NOBODY || target == row));
	p->placed[target] = what ^ turn;
	p->begun = begun;
	p->linked = linked;
	return true;
}

static enum err pass_rows(struct passing *p)
{
	struct table *t = &p->c->tables[FLOWS];
	uint64_t begun[PLANES_RUN], linked[PLANES_RUN];

	memset(p->placed, 0xff, t->rows * sizeof(*p->placed));
	for (uint32_t run = 0; run < table_runs(t->rows); run++) {
		enum err err = table_open(t, run);

		if (err)
			return err;
		table_get(t, BEGUN, begun);
		table_get(t, LINKED, linked);
		for (uint32_t i = 0; i < t->count; i++) {
			if (!pass_row(p, run * PLANES_RUN + i, begun[i], linked[i]))
				return ERR_FORMAT;
		}
	}
	return p->is_bad || p->begun != p->c->header.connections ||
	                       p->linked != p->c->tables[LINKS].rows
	               ? ERR_FORMAT
	               : ERR_OK;
}

/* Of all rows, those that are wanted. */
static void keep(struct block_codec *c, const uint8_t *wanted)
{
	const uint32_t *placed = c->placed.at;
	uint64_t *kept = c->kept.at;

	for (size_t row = 0; row < c->header.flows; row++) {
		uint64_t is_kept = wanted == NULL || wanted[placed[row] / 2];

		kept[row / 64] |= is_kept << row % 64;
		c->kept_count += is_kept;
	}
}

static enum err place_all(struct block_codec *c, const uint8_t *wanted)
{
	struct passing p = {.c = c, .placed = c->placed.at};
	enum err err = read_links(&p);

	if (err == ERR_OK)
		err = pass_rows(&p);
	if (err == ERR_OK)
		keep(c, wanted);
	return err;
}

enum err block_place(struct block_codec *c, const uint8_t *wanted, size_t wanted_count)
{
	struct placing p = {.c = c, .wanted = wanted};
	size_t words = (c->header.flows + 63) / 64;

	p.begun_of = p.linked_of = UINT32_MAX;
	if (!block_room(&c->kept, words * sizeof(uint64_t)) ||
	    !block_room(&c->placed, c->header.flows * sizeof(uint32_t)))
		return ERR_NOMEM;
	memset(c->kept.at, 0, words * sizeof(uint64_t));
	c->kept_count = 0;
	return wanted != NULL && wanted_count <= c->header.connections / BLOCK_DENSE
	               ? place_few(&p)
	               : place_all(c, wanted);
}

/* --- ahead --- */

#define PIECES_MAX 8
#define NEAR \
	4096 /* octets between two pieces that are fetched with them, rather than asking twice */

struct pieces { /* of a block, by where they begin */
	struct bytes at[PIECES_MAX];
	size_t count;
};

static void add_run(struct pieces *p, const struct table *t, uint64_t run)
{
	struct bytes piece;
	size_t i = p->count;

	if (p->count == PIECES_MAX || run >= table_runs(t->rows))
		return;
	piece = table_run(t, (uint32_t)run);
	for (; i > 0 && p->at[i - 1].at > piece.at; i--)
		p->at[i] = p->at[i - 1];
	p->at[i] = piece;
	p->count++;
}

static void fetch_pieces(const struct pieces *p, block_fetch_fn *fetch)
{
	for (size_t i = 0; i < p->count;) {
		const uint8_t *from = p->at[i].at, *to = p->at[i].end;

		while (++i < p->count && p->at[i].at <= to + NEAR)
			to = MAX(to, p->at[i].end);
		fetch(from, (size_t)(to - from));
	}
}

/* A run of flows, and the one behind it, in which their answers may be; and what links them. */
static void add_flows(struct pieces *p, const struct block_codec *c, uint32_t run)
{
	const struct table *flows = &c->tables[FLOWS], *links = &c->tables[LINKS];
	uint32_t runs = (uint32_t)table_runs(flows->rows), behind = run + 2;
	uint64_t begin = table_before(flows, LINKED, run);
	uint64_t end = behind < runs ? table_before(flows, LINKED, behind) : links->rows;

	end = MIN(end, links->rows);
	add_run(p, flows, run);
	add_run(p, flows, run + 1);
	for (uint64_t i = begin / PLANES_RUN; i * PLANES_RUN < end; i++)
		add_run(p, links, i);
}

void block_place_fetch(struct block_codec *c, const struct block_found *found,
                       block_fetch_fn *fetch)
{
	uint32_t last = UINT32_MAX, last_flows = UINT32_MAX;

	for (size_t i = 0; i < found->count; i++) {
		uint32_t run = found->connections[i] / PLANES_RUN;
		uint32_t flows = run_of(&c->tables[FLOWS], found->connections[i]);
		struct pieces p = {.count = 0};

		if (run != last && c->header.version == BLOCK_VERSION_OLD)
			add_run(&p, &c->tables[CONNECTIONS], run);
		if (flows != last_flows)
			add_flows(&p, c, flows);
		fetch_pieces(&p, fetch);
		last = run;
		last_flows = flows;
	}
}
