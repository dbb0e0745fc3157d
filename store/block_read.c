#include "base/util.h"
#include "store/block_code.h"

#include <string.h>

/* The run's rows that are kept so far. */
static void keep_placed(const struct block_codec *c, struct rows *r)
{
	const uint64_t *kept = (const uint64_t *)c->kept.at + r->from / 64;

	r->kept_count = 0;
	for (size_t i = 0; i < (r->count + 63) / 64; i++) {
		if (kept[i] == UINT64_MAX) {
			for (uint32_t k = 0; k < 64; k++)
				r->kept[r->kept_count++] = (uint32_t)(64 * i) + k;
			continue;
		}
		for (uint64_t word = kept[i]; word != 0; word &= word - 1)
			r->kept[r->kept_count++] =
				(uint32_t)(64 * i) + (uint32_t)__builtin_ctzll(word);
	}
}

/* The column's numbers of the rows that are kept, one after the other. */
static const uint64_t *numbers_of(struct table *t, size_t column, struct rows *r)
{
	bool is_constant = t->columns[column].width == 0;

	if (is_constant || 16 * r->kept_count < r->count) {
		for (size_t i = 0; i < r->kept_count; i++)
			r->values[i] = is_constant ? t->columns[column].base
			                           : table_one(t, column, r->kept[i]);
		return r->values;
	}
	table_get(t, column, r->values);
	for (size_t i = 0; i < r->kept_count && r->kept_count < r->count; i++)
		r->values[i] = r->values[r->kept[i]];
	return r->values;
}

static void read_times(struct table *t, struct rows *r)
{
	const uint64_t *values;

	table_get(t, RECEIVED, r->values);
	for (size_t i = 0; i < r->kept_count; i++)
		r->received[i] = (int64_t)r->values[r->kept[i]];
	values = numbers_of(t, END, r);
	for (size_t i = 0; i < r->kept_count; i++)
		r->end[i] = (int64_t)((uint64_t)r->received[i] + values[i]);
	values = numbers_of(t, START, r);
	for (size_t i = 0; i < r->kept_count; i++)
		r->start[i] = (int64_t)((uint64_t)r->end[i] + values[i]);
}

static void keep_when(struct interval when, struct rows *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->kept_count; i++) {
		r->kept[kept] = r->kept[i];
		r->received[kept] = r->received[i];
		r->start[kept] = r->start[i];
		r->end[kept] = r->end[i];
		kept += interval_overlaps(when, (struct interval){r->start[i], r->end[i]});
	}
	r->kept_count = kept;
}

static bool fill_ends(struct block_codec *c, struct rows *r)
{
	const uint32_t *placed = (const uint32_t *)c->placed.at + r->from;
	struct tuple t;

	for (size_t i = 0; i < r->kept_count; i++) {
		uint32_t place = placed[r->kept[i]];
		bool is_reverse = place % 2 == 1;
		struct flow *f = &r->flows[i];

		if (!block_ends(c, place / 2, &t, is_reverse ? &f->dst : &f->src,
		                is_reverse ? &f->src : &f->dst))
			return false;
		f->src_port = is_reverse ? t.dst_port : t.src_port;
		f->dst_port = is_reverse ? t.src_port : t.dst_port;
		f->proto = t.proto;
		f->received_ms = r->received[i];
		f->start_ms = r->start[i];
		f->end_ms = r->end[i];
	}
	return true;
}

/* One width at a time, so that the compiler sees a number. Little-endian: see block_code.h. */
static inline __attribute__((always_inline)) bool put_width(struct rows *r, size_t offset,
                                                            size_t width, const uint64_t *values)
{
	uint64_t over = 0;

	for (size_t i = 0; i < r->kept_count; i++) {
		over |= width < 8 ? values[i] >> 8 * width : 0;
		memcpy((uint8_t *)&r->flows[i] + offset, &values[i], width);
	}
	return over == 0;
}

static bool put_addrs(struct block_codec *c, struct rows *r, size_t offset, const uint64_t *values)
{
	struct addr a = {{0}};
	bool is_good = true;

	for (size_t i = 0; i < r->kept_count && is_good; i++) {
		if (i == 0 || values[i] != values[i - 1])
			is_good = values[i] < c->header.addrs &&
			          block_address(c, (uint32_t)values[i], &a);
		memcpy((uint8_t *)&r->flows[i] + offset, &a, sizeof(a));
	}
	return is_good;
}

/* False: a number is none that the member can have. */
static bool fill_column(struct block_codec *c, size_t i, struct rows *r)
{
	const struct column *col = &block_columns[i];
	const uint64_t *values = numbers_of(&c->tables[FLOWS], RECEIVED + i, r);

	if (col->transform == WORD)
		return put_addrs(c, r, col->offset, values);
	switch (col->width) {
	case 1:
		return put_width(r, col->offset, 1, values);
	case 2:
		return put_width(r, col->offset, 2, values);
	case 4:
		return put_width(r, col->offset, 4, values);
	default:
		return put_width(r, col->offset, 8, values);
	}
}

static enum err fill(struct block_codec *c, uint64_t members, struct rows *r)
{
	bool is_good = true;

	for (size_t i = TIMES; i < BLOCK_MEMBERS && is_good && r->kept_count > 0; i++) {
		if ((members >> i & 1) != 0)
			is_good = fill_column(c, i, r);
	}
	return is_good ? ERR_OK : ERR_FORMAT;
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
	struct table *t = &c->tables[FLOWS];
	enum err err;

	keep_placed(c, r);
	if (r->kept_count == 0)
		return ERR_OK;
	err = table_open(t, (uint32_t)(r->from / PLANES_RUN));
	if (err)
		return err;
	read_times(t, r);
	if (wish != NULL)
		keep_when(wish->when, r);
	if (!fill_ends(c, r))
		return ERR_FORMAT;
	err = fill(c, first, r);
	if (err == ERR_OK && is_choosy)
		judge(wish, r);
	return err ? err : fill(c, ~first, r);
}

/* All of the block adds up. */
static bool is_sound(const struct block_codec *c, const struct flow *flows, size_t count)
{
	struct interval span = block_span(flows, count);

	return span.start_ms == c->header.span.start_ms && span.end_ms == c->header.span.end_ms;
}

/* Finds the rows of whom is wanted; 0 of them: nobody is in it. */
static enum err find_rows(struct block_codec *c, const struct wish *wish,
                          const struct block_found *found)
{
	bool is_whom_told = wish != NULL && wish_has_alternatives(wish);
	size_t count = 0;
	enum err err = ERR_OK;

	c->kept_count = 0;
	if (is_whom_told)
		err = block_find_whom(c, wish, found, &count);
	if (err || (is_whom_told && count == 0))
		return err;
	err = block_place(c, is_whom_told ? c->wanted.at : NULL, count);
	if (err == ERR_OK && c->kept_count > c->header.flows / BLOCK_DENSE)
		err = block_open_connections(c);
	if (err == ERR_OK && !block_room(&c->flows, c->kept_count * sizeof(struct flow)))
		err = ERR_NOMEM;
	return err;
}

enum err block_decode(struct block_codec *c, const void *data, size_t len, const struct wish *wish,
                      struct flow **ret, size_t *ret_count)
{
	return block_decode_found(c, data, len, wish, NULL, ret, ret_count);
}

enum err block_decode_found(struct block_codec *c, const void *data, size_t len,
                            const struct wish *wish, const struct block_found *found,
                            struct flow **ret, size_t *ret_count)
{
	struct rows *r = &c->rows;
	struct flow *flows;
	size_t count = 0;
	enum err err = block_open(c, data, len);

	*ret_count = 0;
	if (err == ERR_OK)
		err = find_rows(c, wish, found);
	if (err)
		return err;
	flows = c->flows.at;
	for (size_t from = 0; from < c->header.flows && count < c->kept_count && err == ERR_OK;
	     from += PLANES_RUN) {
		r->from = from;
		r->count = MIN(c->header.flows - from, PLANES_RUN);
		r->flows = flows + count;
		err = read_rows(c, wish, r);
		count += r->kept_count;
	}
	if (err == ERR_OK && (!block_is_good(c) || (wish == NULL && !is_sound(c, flows, count))))
		err = ERR_FORMAT;
	if (err)
		return err;
	*ret = flows;
	*ret_count = count;
	return ERR_OK;
}
