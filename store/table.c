#include "store/table.h"

#include "base/util.h"

#include <string.h>
#include <xxhash.h>

#define COLUMN_LEN 10 /* id, width, base */
#define BEGIN_LEN 4
#define END_LEN 4
#define CHECK_LEN 4
#define ANCHOR_LEN 8

static bool is_step(const struct table_shape *shape, size_t i)
{
	return (shape->steps >> i & 1) != 0;
}

/* From where a run ends. */
static size_t rest_len(const struct table_shape *shape)
{
	return END_LEN + CHECK_LEN + (size_t)__builtin_popcount(shape->steps) * ANCHOR_LEN;
}

size_t table_head_max(const struct table_shape *shape)
{
	return shape->count * (COLUMN_LEN + PLANES_MAX * (size_t)PLANE_HEAD_MAX);
}

size_t table_directory_len(const struct table_shape *shape, size_t rows)
{
	return table_runs(rows) * (BEGIN_LEN + rest_len(shape));
}

/* Before it is settled: see table_put_runs(). */
size_t table_runs_max(const struct table_shape *shape, size_t rows)
{
	return (size_t)shape->count * PLANES_MAX * PLANE_RUN_MAX * table_runs(rows);
}

/* --- writing --- */

static void to_steps(uint64_t *values, size_t count, uint64_t *anchors)
{
	uint64_t before = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t value = values[i];

		if (i % PLANES_RUN == 0)
			anchors[i / PLANES_RUN] = before;
		values[i] = value - before;
		before = value;
	}
}

void table_column(struct table_writer *w, size_t i, uint64_t *values, size_t given,
                  uint64_t *anchors)
{
	unsigned width;

	if (is_step(w->shape, i))
		to_steps(values, given, anchors);
	w->columns[i].rows = (const uint8_t *)values;
	w->columns[i].anchors = anchors;
	w->columns[i].base = 0;
	w->columns[i].width = 0;
	if (given == 0)
		return;
	width = planes_range(values, given, &w->columns[i].base);
	w->columns[i].width = (uint8_t)width;
	planes_split(values, given, w->columns[i].base, width, w->scratch);
	memcpy(values, w->scratch, given * width);
	for (size_t p = 0; p < width; p++)
		plane_choose(&w->columns[i].planes[p], w->scratch + p * given, given);
}

void table_put_head(const struct table_writer *w, struct octets *out)
{
	for (size_t i = 0; i < w->shape->count; i++) {
		octets_uint(out, w->shape->id + i, 1);
		octets_uint(out, w->columns[i].width, 1);
		octets_uint(out, w->columns[i].base, 8);
		for (size_t p = 0; p < w->columns[i].width; p++)
			plane_put_head(&w->columns[i].planes[p], out);
	}
}

static uint8_t *put_run(const struct table_writer *w, size_t from, size_t count, uint8_t *at)
{
	for (size_t i = 0; i < w->shape->count; i++) {
		for (size_t p = 0; p < w->columns[i].width; p++)
			at = plane_put(&w->columns[i].planes[p],
			               w->columns[i].rows + p * w->rows + from, count, at);
	}
	return at;
}

static uint32_t check_of(const uint8_t *run, size_t len, uint64_t seed, uint64_t number)
{
	return (uint32_t)XXH3_64bits_withSeed(run, len, seed + number);
}

static void put_runs(const struct table_writer *w, struct octets *directory,
                     struct table_place *place)
{
	for (size_t from = 0; from < w->rows; from += PLANES_RUN) {
		octets_uint(directory, (uint64_t)(place->at - place->start), BEGIN_LEN);
		place->at = put_run(w, from, MIN(w->rows - from, PLANES_RUN), place->at);
		octets_uint(directory, (uint64_t)(place->at - place->start), END_LEN);
		octets_uint(directory, 0, CHECK_LEN);
		for (size_t i = 0; i < w->shape->count; i++) {
			if (is_step(w->shape, i))
				octets_uint(directory, w->columns[i].anchors[from / PLANES_RUN],
				            ANCHOR_LEN);
		}
	}
}

/* As they are. */
static size_t plain_len(const struct table_writer *w)
{
	size_t len = 0;

	for (size_t i = 0; i < w->shape->count; i++)
		len += w->columns[i].width * w->rows;
	return len;
}

static void settle(struct table_writer *w)
{
	for (size_t i = 0; i < w->shape->count; i++) {
		for (size_t p = 0; p < w->columns[i].width; p++)
			plane_settle(&w->columns[i].planes[p], w->columns[i].rows + p * w->rows,
			             w->rows);
	}
}

/* Who sends the flows has a say in what a sample of them shows, but not in how long a block is. */
void table_put_runs(struct table_writer *w, struct octets *directory, struct table_place *place)
{
	struct octets rows = *directory;
	struct table_place from = *place;

	put_runs(w, directory, place);
	if ((size_t)(place->at - from.at) <= plain_len(w))
		return;
	settle(w);
	*directory = rows;
	*place = from;
	put_runs(w, directory, place);
}

static uint64_t number_at(const uint8_t *at, size_t len)
{
	struct bytes in = bytes_of(at, len);

	return bytes_uint(&in, len);
}

void table_move_run(const struct table_shape *shape, uint8_t *directory, size_t run,
                    const uint8_t *from, struct octets *to)
{
	uint8_t *row = directory + run * (BEGIN_LEN + rest_len(shape));
	size_t begin = (size_t)number_at(row, BEGIN_LEN);
	size_t end = (size_t)number_at(row + BEGIN_LEN, END_LEN);
	struct octets out = octets_of(row, BEGIN_LEN + END_LEN);

	octets_uint(&out, octets_len(to), BEGIN_LEN);
	octets_put(to, from + begin, end - begin);
	octets_uint(&out, octets_len(to), END_LEN);
}

/* --- reading --- */

bool table_find_head(struct bytes *head, const struct table_shape *shape, uint32_t rows,
                     struct table *ret)
{
	ret->shape = shape;
	ret->rows = rows;
	ret->is_bad = false;
	ret->open = UINT32_MAX;
	memset(ret->checked, 0, sizeof(ret->checked));
	for (size_t i = 0; i < shape->count; i++) {
		bool is_id = bytes_uint(head, 1) == shape->id + i;
		uint64_t width = bytes_uint(head, 1);

		ret->columns[i].base = bytes_uint(head, 8);
		if (head->is_short || !is_id || width > PLANES_MAX)
			return false;
		ret->columns[i].width = (uint8_t)width;
		for (size_t p = 0; p < width; p++) {
			if (!plane_find_head(head, &ret->columns[i].planes[p]))
				return false;
		}
	}
	return true;
}

static size_t begin_len(const struct table *t)
{
	return t->is_chained ? 0 : BEGIN_LEN;
}

/* From where it ends. */
static size_t row_at(const struct table *t, uint32_t run)
{
	return run * (begin_len(t) + rest_len(t->shape)) + begin_len(t);
}

static const uint8_t *row_of(const struct table *t, uint32_t run)
{
	return t->directory + row_at(t, run);
}

static void bounds_of(const struct table *t, uint32_t run, size_t *ret_from, size_t *ret_to)
{
	*ret_to = (size_t)number_at(row_of(t, run), END_LEN);
	if (!t->is_chained)
		*ret_from = (size_t)number_at(row_of(t, run) - BEGIN_LEN, BEGIN_LEN);
	else
		*ret_from = run == 0 ? t->begin : (size_t)number_at(row_of(t, run - 1), END_LEN);
}

bool table_find_runs(struct bytes *directory, struct bytes runs, bool is_chained, size_t *taken,
                     uint64_t *number, struct table *t)
{
	uint32_t count = (uint32_t)table_runs(t->rows);

	t->is_chained = is_chained;
	t->directory = directory->at;
	t->runs = runs.at;
	t->begin = *taken;
	t->number = *number;
	bytes_cut(directory, count * (begin_len(t) + rest_len(t->shape)));
	if (directory->is_short)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		size_t from, to;

		bounds_of(t, i, &from, &to);
		if (from > to || to > bytes_left(&runs))
			return false;
		*taken += to - from;
	}
	*number += count;
	return true;
}

struct bytes table_run(const struct table *t, uint32_t run)
{
	size_t from, to;

	bounds_of(t, run, &from, &to);
	return bytes_of(t->runs + from, to - from);
}

static bool find_planes(struct table *t, struct bytes in)
{
	for (size_t i = 0; i < t->shape->count; i++) {
		for (size_t p = 0; p < t->columns[i].width; p++) {
			if (!plane_find(&t->columns[i].planes[p], &in, t->count, &t->at[i][p]))
				return false;
		}
	}
	return bytes_left(&in) == 0;
}

static bool is_checked(struct table *t, uint32_t run, struct bytes in)
{
	uint64_t bit = UINT64_C(1) << run % 64;
	uint64_t check = number_at(row_of(t, run) + END_LEN, CHECK_LEN);

	if ((t->checked[run / 64] & bit) == 0 &&
	    check == check_of(in.at, bytes_left(&in), t->seed, t->number + run))
		t->checked[run / 64] |= bit;
	return (t->checked[run / 64] & bit) != 0;
}

enum err table_open(struct table *t, uint32_t run)
{
	struct bytes in;

	if (t->is_bad)
		return ERR_FORMAT;
	if (t->open == run)
		return ERR_OK;
	CHECK(run < table_runs(t->rows) && run < TABLE_RUNS_MAX);
	in = table_run(t, run);
	if (!is_checked(t, run, in))
		return ERR_CORRUPT;
	t->open = run;
	t->count = MIN(t->rows - run * PLANES_RUN, PLANES_RUN);
	t->is_bad = !find_planes(t, in);
	return t->is_bad ? ERR_FORMAT : ERR_OK;
}

uint64_t table_before(const struct table *t, size_t column, uint32_t run)
{
	uint32_t earlier = t->shape->steps & ((1u << column) - 1);

	return number_at(row_of(t, run) + END_LEN + CHECK_LEN +
	                         (size_t)__builtin_popcount(earlier) * ANCHOR_LEN,
	                 ANCHOR_LEN);
}

void table_get(struct table *t, size_t column, uint64_t ret[PLANES_RUN])
{
	planes_fill(t->columns[column].base, t->count, ret);
	for (unsigned p = 0; p < t->columns[column].width; p++)
		t->is_bad |= !plane_add(&t->columns[column].planes[p], &t->at[column][p], t->count,
		                        p, ret);
	if (is_step(t->shape, column)) {
		uint64_t sum = table_before(t, column, t->open);

		if (t->columns[column].width == 0 && t->columns[column].base == 0) {
			planes_fill(sum, t->count, ret);
			return;
		}
		for (size_t i = 0; i < t->count; i++)
			ret[i] = sum += ret[i];
	}
}

uint64_t table_one(struct table *t, size_t column, uint32_t row)
{
	uint64_t value = t->columns[column].base;

	CHECK(!is_step(t->shape, column));
	for (unsigned p = 0; p < t->columns[column].width; p++) {
		uint8_t octet = 0;

		t->is_bad |=
			!plane_one(&t->columns[column].planes[p], &t->at[column][p], row, &octet);
		value += (uint64_t)octet << 8 * p;
	}
	return value;
}

/* Octet by octet: mostly the second already is another. `over`: what it is more than the base. */
static bool is_equal(struct table *t, size_t column, uint32_t row, uint64_t over)
{
	bool is_same = true;

	for (unsigned p = 1; p < t->columns[column].width && is_same; p++) {
		uint8_t octet = 0;

		t->is_bad |=
			!plane_one(&t->columns[column].planes[p], &t->at[column][p], row, &octet);
		is_same = octet == (uint8_t)(over >> 8 * p);
	}
	return is_same;
}

/* By their lowest octets first, where these lie as they are. */
static size_t equal_raw(struct table *t, size_t column, uint64_t over, uint16_t ret[PLANES_RUN])
{
	const uint8_t *octets = t->at[column][0].codes;
	size_t found = 0;

	for (const uint8_t *at = octets, *end = octets + t->count; at < end; at++) {
		at = memchr(at, (uint8_t)over, (size_t)(end - at));
		if (at == NULL)
			break;
		ret[found] = (uint16_t)(at - octets);
		found += is_equal(t, column, (uint32_t)(at - octets), over);
	}
	return found;
}

size_t table_equal(struct table *t, size_t column, uint64_t value, uint16_t ret[PLANES_RUN])
{
	uint64_t values[PLANES_RUN];
	unsigned width = t->columns[column].width;
	uint64_t over = value - t->columns[column].base;
	size_t found = 0;

	if (width < PLANES_MAX && over >> 8 * width != 0)
		return 0;
	if (width > 0 && t->columns[column].planes[0].bits == PLANE_RAW)
		return equal_raw(t, column, over, ret);
	table_get(t, column, values);
	for (size_t i = 0; i < t->count; i++) {
		ret[found] = (uint16_t)i;
		found += values[i] == value;
	}
	return found;
}

void table_seal(const struct table *t, uint8_t *directory, uint64_t seed)
{
	for (uint32_t run = 0; run < table_runs(t->rows); run++) {
		struct bytes in = table_run(t, run);
		struct octets out = octets_of(directory + row_at(t, run) + END_LEN, CHECK_LEN);

		octets_uint(&out, check_of(in.at, bytes_left(&in), seed, t->number + run),
		            CHECK_LEN);
	}
}
