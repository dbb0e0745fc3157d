#include "proto/flow/filter.h"

#include "proto/flow/field.h"

/* 128 bits, as filter_range has them. */
struct value {
	uint64_t high, low;
};

/* Written out: so it is one load to the compiler. */
static inline uint64_t big_endian(const uint8_t *o)
{
	return (uint64_t)o[0] << 56 | (uint64_t)o[1] << 48 | (uint64_t)o[2] << 40 |
	       (uint64_t)o[3] << 32 | (uint64_t)o[4] << 24 | (uint64_t)o[5] << 16 |
	       (uint64_t)o[6] << 8 | (uint64_t)o[7];
}

static struct value value_of(const struct filter_node *n, const struct flow *flow)
{
	const struct addr *a;

	if (!field_is_addr(n->field))
		return (struct value){0, field_number(n->field, flow)};
	a = field_addr(n->field, flow);
	return (struct value){big_endian(a->octets), big_endian(a->octets + 8)};
}

/* Is `v` at `from` or behind it? */
static inline bool is_behind(struct value v, const uint64_t from[2])
{
	return v.high > from[0] || (v.high == from[0] && v.low >= from[1]);
}

static inline bool holds(const struct filter_range *r, struct value v)
{
	struct value high = {r->high[0], r->high[1]};
	uint64_t at[2] = {v.high, v.low};

	return is_behind(v, r->low) && is_behind(high, at);
}

/* The ranges are sorted and apart: only the last that begins at `v` or before can hold it. */
static bool one_holds(const struct filter_range *ranges, size_t count, struct value v)
{
	while (count > 1) {
		size_t half = count / 2;

		if (is_behind(v, ranges[half].low)) {
			ranges += half;
			count -= half;
		} else {
			count = half;
		}
	}
	return holds(ranges, v);
}

static inline bool passes(const struct filter *f, const struct filter_node *n,
                          const struct flow *flow)
{
	const struct filter_range *r = &f->ranges[n->first];
	uint64_t number;

	if (field_is_addr(n->field) || n->count > 1)
		return one_holds(r, n->count, value_of(n, flow));
	number = field_number(n->field, flow);
	if (field_rows[n->field].size == 1)
		number &= n->mask;
	return number >= r->low[1] && number <= r->high[1];
}

bool filter_matches(const struct filter *f, const struct flow *flow)
{
	uint16_t at = f->start;

	while (at < FILTER_NODES_MAX) {
		const struct filter_node *n = &f->nodes[at];

		at = n->next[passes(f, n, flow)];
	}
	return at == FILTER_PASSES;
}
