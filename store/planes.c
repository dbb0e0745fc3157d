#include "store/planes.h"

#include "base/util.h"
#include "store/wide.h"

#include <string.h>

#define OTHERS_FLAG 0x80
#define COUNT_LEN 2
#define SAMPLE 4096 /* rows of a plane, to see how often an octet comes: */
#define SAMPLES 64  /* in so many places, since what comes may come at intervals */
#define PLACE_LEN 2 /* of an other where there are no codes */

static uint64_t word_at(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, at, len); /* little-endian: see block_code.h */
	return word;
}

static size_t codes_len(unsigned bits, size_t count)
{
	return (count * bits + 7) / 8;
}

/* --- few octets to few others --- */

#define FEW 8

/* By comparing with all of them, which is wide, where a table would be looked into for each. */
static inline __attribute__((always_inline)) void map_some(const uint8_t keys[FEW],
                                                           const uint8_t values[FEW], size_t few,
                                                           const uint8_t *from, size_t count,
                                                           uint8_t *to)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t value = 0;

		for (size_t k = 0; k < few; k++)
			value |= from[i] == keys[k] ? values[k] : 0;
		to[i] = value;
	}
}

/* keys[i] becomes values[i], i < few; all else 0. `to` is another place than `from`. */
WIDE static void map_few(const uint8_t *keys, const uint8_t *values, size_t few,
                         const uint8_t *restrict from, size_t count, uint8_t *restrict to)
{
	uint8_t all_keys[FEW], all_values[FEW];

	for (size_t i = 0; i < FEW; i++) {
		all_keys[i] = keys[i < few ? i : 0];
		all_values[i] = values[i < few ? i : 0];
	}
	if (few <= 2)
		map_some(all_keys, all_values, 2, from, count, to);
	else if (few <= 4)
		map_some(all_keys, all_values, 4, from, count, to);
	else
		map_some(all_keys, all_values, FEW, from, count, to);
}

/* --- which code --- */

/* Of noise, which the low planes often are, a sample shows it: most of its octets are different. */
static bool is_noise(const uint8_t *plane, size_t rows)
{
	uint64_t seen[4] = {0};
	size_t step = rows / 256;
	int distinct = 0;

	if (step < 2)
		return false;
	for (size_t i = 0; i < 256; i++) {
		uint8_t octet = plane[i * step];

		seen[octet / 64] |= UINT64_C(1) << octet % 64;
	}
	for (size_t i = 0; i < 4; i++)
		distinct += __builtin_popcountll(seen[i]);
	return distinct > 145; /* of 256 draws from as many, 162 on average are */
}

/* The octets of a sample, the most frequent first: count << 8 | octet. */
static size_t rank(const uint8_t *rows, size_t count, uint64_t ret[256])
{
	uint32_t counts[256] = {0};
	size_t part = count > SAMPLE ? SAMPLE / SAMPLES : count;
	size_t step = count > SAMPLE ? count / SAMPLES : count, found = 0;

	for (size_t from = 0; from + part <= count; from += step) {
		for (size_t i = from; i < from + part; i++)
			counts[rows[i]]++;
	}
	for (size_t octet = 0; octet < 256; octet++) {
		if (counts[octet] > 0)
			ret[found++] = (uint64_t)counts[octet] * step / part << 8 | octet;
	}
	for (size_t gap = 40; gap > 0; gap /= 3) { /* Shell's sort */
		for (size_t from = gap; from < found; from++) {
			uint64_t moved = ret[from];
			size_t to = from;

			for (; to >= gap && ret[to - gap] < moved; to -= gap)
				ret[to] = ret[to - gap];
			ret[to] = moved;
		}
	}
	return found;
}

WIDE static size_t count_octet(uint8_t octet, const uint8_t *octets, size_t count)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++)
		found += octets[i] == octet;
	return found;
}

/* Are there others in the plane? Of more than a few octets it is not asked: there are. */
static bool has_more(const uint64_t ranked[256], size_t found, const uint8_t *rows, size_t count)
{
	static const uint8_t ones[FEW] = {1, 1, 1, 1, 1, 1, 1, 1};
	uint8_t keys[2 * FEW], is_known[PLANES_RUN], also[PLANES_RUN];
	bool has = found > ARRAY_LEN(keys);

	for (size_t i = 0; i < found && !has; i++)
		keys[i] = (uint8_t)ranked[i];
	for (size_t from = 0; from < count && !has; from += PLANES_RUN) {
		size_t some = MIN(count - from, PLANES_RUN);

		map_few(keys, ones, MIN(found, FEW), rows + from, some, is_known);
		if (found > FEW) {
			map_few(keys + FEW, ones, found - FEW, rows + from, some, also);
			for (size_t i = 0; i < some; i++)
				is_known[i] |= also[i];
		}
		has = count_octet(0, is_known, some) > 0;
	}
	return has;
}

/* Bits that a plane takes in all; `others`: how many there are, if it has any. */
static size_t len_of(unsigned bits, bool has_others, size_t others, size_t count)
{
	size_t len = count * bits + 8 * (UINT64_C(1) << bits);

	if (has_others)
		len += others * (bits == 0 ? 8 + 8 * PLACE_LEN : 8) +
		       (count + PLANES_RUN - 1) / PLANES_RUN * COUNT_LEN * 8;
	return len;
}

/* How many bits make it the shortest. */
static unsigned best_bits(const uint64_t ranked[256], size_t found, bool has_more, size_t count,
                          bool *ret_has_others)
{
	size_t best = 8 * count, covered = 0, next = 0;
	unsigned ret = PLANE_RAW;

	*ret_has_others = false;
	for (unsigned bits = 0; bits < PLANE_RAW; bits++) {
		bool has_others = has_more || found > UINT64_C(1) << bits;
		size_t with_code = (UINT64_C(1) << bits) - (has_others && bits > 0);
		size_t len;

		while (next < MIN(found, with_code))
			covered += ranked[next++] >> 8;
		len = len_of(bits, has_others, count - MIN(count, covered), count);
		if (len < best) {
			best = len;
			ret = bits;
			*ret_has_others = has_others;
		}
	}
	return ret;
}

static void to_codes(const struct plane_writer *w, const uint8_t *rows, size_t count, uint8_t *ret)
{
	uint8_t codes[FEW];

	if (w->used > FEW) {
		for (size_t i = 0; i < count; i++)
			ret[i] = w->codes[rows[i]];
		return;
	}
	for (size_t i = 0; i < w->used; i++) /* the first may stand for others, which are 0 too */
		codes[i] = (uint8_t)i;
	map_few(w->dictionary, codes, w->used, rows, count, ret);
}

static size_t count_others(const struct plane_writer *w, const uint8_t *rows, size_t count)
{
	uint8_t codes[PLANES_RUN];
	size_t others = 0;

	if (w->bits == 0)
		return count - count_octet(w->dictionary[0], rows, count);
	for (size_t from = 0; from < count; from += PLANES_RUN) {
		size_t some = MIN(count - from, PLANES_RUN);

		to_codes(w, rows + from, some, codes);
		others += count_octet(0, codes, some);
	}
	return others;
}

void plane_choose(struct plane_writer *w, const uint8_t *rows, size_t count)
{
	uint64_t ranked[256];
	size_t found, first;

	w->bits = PLANE_RAW;
	w->has_others = false;
	if (is_noise(rows, count))
		return;
	found = rank(rows, count, ranked);
	w->bits = (uint8_t)best_bits(ranked, found, has_more(ranked, found, rows, count), count,
	                             &w->has_others);
	if (w->bits == PLANE_RAW)
		return;
	memset(w->dictionary, 0, sizeof(w->dictionary));
	memset(w->codes, 0, sizeof(w->codes));
	first = w->has_others && w->bits > 0;
	w->used = (uint8_t)MIN(first + found, (size_t)1 << w->bits);
	for (size_t i = 0; first + i < w->used; i++) {
		uint8_t octet = (uint8_t)ranked[i];

		w->dictionary[first + i] = octet;
		w->codes[octet] = (uint8_t)(first + i);
	}
}

void plane_settle(struct plane_writer *w, const uint8_t *rows, size_t count)
{
	if (!w->has_others ||
	    len_of(w->bits, true, count_others(w, rows, count), count) < 8 * count)
		return;
	w->bits = PLANE_RAW;
	w->has_others = false;
}

void plane_put_head(const struct plane_writer *w, struct octets *out)
{
	octets_uint(out, w->bits | (w->has_others ? OTHERS_FLAG : 0), 1);
	if (w->bits < PLANE_RAW)
		octets_put(out, w->dictionary, (size_t)1 << w->bits);
}

bool plane_find_head(struct bytes *in, struct plane *ret)
{
	uint64_t form = bytes_uint(in, 1);

	ret->bits = (uint8_t)(form & ~(uint64_t)OTHERS_FLAG);
	ret->has_others = (form & OTHERS_FLAG) != 0;
	if (ret->bits > PLANE_RAW || (ret->bits == PLANE_RAW && ret->has_others))
		return false;
	if (ret->bits < PLANE_RAW)
		ret->dictionary = bytes_cut(in, (size_t)1 << ret->bits).at;
	return !in->is_short;
}

/* --- codes of a few bits, eight of them in as many octets --- */

/* Pulls eight codes apart, each into an octet: first the halves, then their halves, and theirs. */
static inline __attribute__((always_inline)) uint64_t spread(uint64_t word, unsigned bits)
{
	uint64_t one = (UINT64_C(1) << bits) - 1;
	uint64_t two = (UINT64_C(1) << 2 * bits) - 1;
	uint64_t four = (UINT64_C(1) << 4 * bits) - 1;

	word = (word & four) | (word & four << 4 * bits) << (32 - 4 * bits);
	word = (word & two * UINT64_C(0x100000001)) |
	       (word & (two << 2 * bits) * UINT64_C(0x100000001)) << (16 - 2 * bits);
	return (word & one * UINT64_C(0x1000100010001)) |
	       (word & (one << bits) * UINT64_C(0x1000100010001)) << (8 - bits);
}

static inline __attribute__((always_inline)) uint64_t gather(uint64_t word, unsigned bits)
{
	uint64_t one = (UINT64_C(1) << bits) - 1;
	uint64_t two = (UINT64_C(1) << 2 * bits) - 1;
	uint64_t four = (UINT64_C(1) << 4 * bits) - 1;

	word = (word & one * UINT64_C(0x1000100010001)) |
	       (word & one * UINT64_C(0x100010001000100)) >> (8 - bits);
	word = (word & two * UINT64_C(0x100000001)) |
	       (word & two * UINT64_C(0x1000000010000)) >> (16 - 2 * bits);
	return (word & four) | (word & four << 32) >> (32 - 4 * bits);
}

static inline __attribute__((always_inline)) void unpack_bits(unsigned bits, const uint8_t *at,
                                                              size_t count, uint8_t *ret)
{
	size_t i = 0;

	for (; i + 8 <= count; i += 8, at += bits) {
		uint64_t word = spread(word_at(at, bits), bits);

		memcpy(ret + i, &word, 8);
	}
	if (i < count) {
		uint64_t word = spread(word_at(at, codes_len(bits, count - i)), bits);

		memcpy(ret + i, &word, 8);
	}
}

static inline __attribute__((always_inline)) uint8_t *pack_bits(unsigned bits, const uint8_t *codes,
                                                                size_t count, uint8_t *at)
{
	size_t i = 0;

	for (; i + 8 <= count; i += 8, at += bits) {
		uint64_t word = gather(word_at(codes + i, 8), bits);

		memcpy(at, &word, bits);
	}
	if (i < count) {
		uint64_t word = gather(word_at(codes + i, count - i), bits);
		size_t len = codes_len(bits, count - i);

		memcpy(at, &word, len);
		at += len;
	}
	return at;
}

/* One width at a time, so that the compiler sees a number. `ret` has room for whole eights. */
WIDE static void unpack(unsigned bits, const uint8_t *at, size_t count, uint8_t *ret)
{
	switch (bits) {
	case 1:
		unpack_bits(1, at, count, ret);
		break;
	case 2:
		unpack_bits(2, at, count, ret);
		break;
	case 3:
		unpack_bits(3, at, count, ret);
		break;
	case 4:
		unpack_bits(4, at, count, ret);
		break;
	case 5:
		unpack_bits(5, at, count, ret);
		break;
	case 6:
		unpack_bits(6, at, count, ret);
		break;
	default:
		unpack_bits(7, at, count, ret);
		break;
	}
}

WIDE static uint8_t *pack(unsigned bits, const uint8_t *codes, size_t count, uint8_t *at)
{
	switch (bits) {
	case 1:
		return pack_bits(1, codes, count, at);
	case 2:
		return pack_bits(2, codes, count, at);
	case 3:
		return pack_bits(3, codes, count, at);
	case 4:
		return pack_bits(4, codes, count, at);
	case 5:
		return pack_bits(5, codes, count, at);
	case 6:
		return pack_bits(6, codes, count, at);
	default:
		return pack_bits(7, codes, count, at);
	}
}

static uint8_t code_at(unsigned bits, const uint8_t *codes, size_t row)
{
	size_t at = row * bits;
	unsigned word = codes[at / 8];

	if (at % 8 + bits > 8)
		word |= (unsigned)codes[at / 8 + 1] << 8;
	return (uint8_t)(word >> at % 8 & ((1u << bits) - 1));
}

/* --- a run --- */

static uint8_t *put_lone(const struct plane_writer *w, const uint8_t *rows, size_t count,
                         uint8_t *at)
{
	uint8_t octets[PLANES_RUN];
	struct octets places = octets_of(at, COUNT_LEN + count * PLACE_LEN);
	uint64_t usual = w->dictionary[0] * UINT64_C(0x101010101010101);
	size_t found = 0;

	if (!w->has_others)
		return at;
	places.at += COUNT_LEN;
	for (size_t i = 0; i < count; i++) {
		if (i % 8 == 0 && i + 8 <= count && word_at(rows + i, 8) == usual)
			i += 7;
		if (rows[i] == w->dictionary[0])
			continue;
		octets_uint(&places, i, PLACE_LEN);
		octets[found++] = rows[i];
	}
	memcpy(places.at, octets, found);
	places.at += found;
	at[0] = (uint8_t)(found >> 8);
	at[1] = (uint8_t)found;
	return places.at;
}

uint8_t *plane_put(const struct plane_writer *w, const uint8_t *rows, size_t count, uint8_t *at)
{
	uint8_t codes[PLANES_RUN], others[PLANES_RUN + 1];
	uint8_t *head = at;
	size_t found = 0;

	if (w->bits == PLANE_RAW) {
		memcpy(at, rows, count);
		return at + count;
	}
	if (w->bits == 0)
		return put_lone(w, rows, count, at);
	to_codes(w, rows, count, codes);
	if (!w->has_others)
		return pack(w->bits, codes, count, at);
	for (size_t i = 0; i < count; i++) {
		others[found] = rows[i];
		found += codes[i] == 0;
	}
	at = pack(w->bits, codes, count, at + COUNT_LEN);
	memcpy(at, others, found);
	head[0] = (uint8_t)(found >> 8);
	head[1] = (uint8_t)found;
	return at + found;
}

bool plane_find(const struct plane *p, struct bytes *in, size_t count, struct plane_run *ret)
{
	uint64_t others = p->has_others ? bytes_uint(in, COUNT_LEN) : 0;
	size_t len = p->bits == PLANE_RAW ? count : codes_len(p->bits, count);

	if (others > count)
		return false;
	ret->other_count = (uint16_t)others;
	ret->codes = bytes_cut(in, p->bits == 0 ? others * PLACE_LEN : len).at;
	ret->others = bytes_cut(in, others).at;
	return !in->is_short;
}

static size_t place_of(const struct plane_run *r, size_t i)
{
	return (size_t)r->codes[i * PLACE_LEN] << 8 | r->codes[i * PLACE_LEN + 1];
}

WIDE static void add_octets(const uint8_t *octets, size_t count, unsigned shift, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] += (uint64_t)octets[i] << shift;
}

WIDE static void add_same(uint64_t value, size_t count, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] += value;
}

WIDE void planes_fill(uint64_t base, size_t count, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++)
		ret[i] = base;
}

static bool add_lone(const struct plane *p, const struct plane_run *r, size_t count, unsigned shift,
                     uint64_t *ret)
{
	uint64_t usual = p->dictionary[0];

	if (usual != 0)
		add_same(usual << shift, count, ret);
	for (size_t i = 0; i < r->other_count; i++) {
		size_t row = place_of(r, i);

		if (row >= count)
			return false;
		ret[row] += ((uint64_t)r->others[i] - usual) << shift;
	}
	return true;
}

static void from_codes(const struct plane *p, const uint8_t *codes, size_t count, uint8_t *ret)
{
	static const uint8_t keys[FEW] = {0, 1, 2, 3, 4, 5, 6, 7};
	size_t few = (size_t)1 << p->bits;

	if (few <= FEW) {
		map_few(keys, p->dictionary, few, codes, count, ret);
		return;
	}
	for (size_t i = 0; i < count; i++)
		ret[i] = p->dictionary[codes[i]];
}

/* The highest bit of each octet that is 0, of eight. */
static uint64_t zeros_of(const uint8_t *octets)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t word;

	memcpy(&word, octets, sizeof(word)); /* little-endian: see block_code.h */
	return ~(((word & low) + low) | word | low);
}

/* Where the code is 0, the next other. False: there are more of these, or fewer. */
static bool put_others(const struct plane_run *r, const uint8_t *codes, size_t count, uint8_t *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i += 8) {
		uint64_t zeros = zeros_of(codes + i);

		if (count - i < 8)
			zeros &= (UINT64_C(1) << 8 * (count - i)) - 1;
		if (found + (size_t)__builtin_popcountll(zeros) > r->other_count)
			return false;
		for (; zeros != 0; zeros &= zeros - 1)
			ret[i + (size_t)__builtin_ctzll(zeros) / 8] = r->others[found++];
	}
	return found == r->other_count;
}

bool plane_add(const struct plane *p, const struct plane_run *r, size_t count, unsigned which,
               uint64_t *ret)
{
	uint8_t codes[PLANES_RUN + 8], octets[PLANES_RUN];
	bool is_good = true;

	if (p->bits == PLANE_RAW) {
		add_octets(r->codes, count, 8 * which, ret);
		return true;
	}
	if (p->bits == 0)
		return add_lone(p, r, count, 8 * which, ret);
	unpack(p->bits, r->codes, count, codes);
	from_codes(p, codes, count, octets);
	if (p->has_others)
		is_good = put_others(r, codes, count, octets);
	add_octets(octets, count, 8 * which, ret);
	return is_good;
}

bool plane_one(const struct plane *p, const struct plane_run *r, size_t row, uint8_t *ret)
{
	uint8_t codes[PLANES_RUN + 8];
	size_t before = 0;

	if (p->bits == PLANE_RAW) {
		*ret = r->codes[row];
		return true;
	}
	if (p->bits == 0) {
		*ret = p->dictionary[0];
		for (size_t i = 0; i < r->other_count; i++) {
			if (place_of(r, i) == row)
				*ret = r->others[i];
		}
		return true;
	}
	codes[0] = code_at(p->bits, r->codes, row);
	*ret = p->dictionary[codes[0]];
	if (!p->has_others || codes[0] != 0)
		return true;
	unpack(p->bits, r->codes, row, codes);
	for (size_t i = 0; i < row; i++)
		before += codes[i] == 0;
	if (before >= r->other_count)
		return false;
	*ret = r->others[before];
	return true;
}

/* --- numbers --- */

static unsigned width_of(uint64_t most)
{
	unsigned width = 0;

	while (most != 0) {
		width++;
		most >>= 8;
	}
	return width;
}

/* As differences to the first, so that what wrapped around zero lies together again. */
WIDE unsigned planes_range(const uint64_t *values, size_t count, uint64_t *ret_base)
{
	uint64_t first = values[0];
	int64_t low = 0, high = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t step = (int64_t)(values[i] - first);

		low = MIN(low, step);
		high = MAX(high, step);
	}
	*ret_base = first + (uint64_t)low;
	return width_of((uint64_t)high - (uint64_t)low);
}

WIDE void planes_split(const uint64_t *values, size_t count, uint64_t base, unsigned width,
                       uint8_t *ret)
{
	for (unsigned p = 0; p < width; p++) {
		uint8_t *plane = ret + p * count;
		unsigned shift = 8 * p;

		for (size_t i = 0; i < count; i++)
			plane[i] = (uint8_t)((values[i] - base) >> shift);
	}
}
