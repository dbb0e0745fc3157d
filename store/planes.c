#include "store/planes.h"

#include "base/util.h"

#include <string.h>

#define HEAD_LEN 10 /* id, width, base */
#define LEN_LEN 4
#define ZSTD_LEVEL (-100) /* few matches: what is to be gained lies in how often an octet comes */
#define PACK_MIN 64       /* octets: fewer are not worth a frame */

size_t planes_bound(size_t rows)
{
	return HEAD_LEN + PLANES_MAX * (LEN_LEN + rows);
}

/*
 * zstd leaves literals as they are at such levels, unless told otherwise by a parameter that it
 * calls experimental. A version that does not know it makes larger blocks, which is all.
 */
#define LITERALS ZSTD_c_experimentalParam5
#define LITERALS_HUFFMAN 1

ZSTD_CCtx *planes_packer(void)
{
	ZSTD_CCtx *packer = ZSTD_createCCtx();

	if (packer == NULL)
		return NULL;
	(void)ZSTD_CCtx_setParameter(packer, ZSTD_c_compressionLevel, ZSTD_LEVEL);
	(void)ZSTD_CCtx_setParameter(packer, LITERALS, LITERALS_HUFFMAN);
	return packer;
}

static unsigned width_of(uint64_t most)
{
	unsigned width = 0;

	while (most != 0) {
		width++;
		most >>= 8;
	}
	return width;
}

/*
 * Loops that gain from wide vectors, in versions of which the processor takes its best. Sanitizers
 * are not there yet when it is asked for.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#	define WIDE __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#	define WIDE
#endif

/* As differences to the first, so that what wrapped around zero lies together again. */
WIDE static void range_of(const uint64_t *values, size_t rows, uint64_t *ret_base,
                          uint64_t *ret_most)
{
	uint64_t first = values[0];
	int64_t low = 0, high = 0;

	for (size_t i = 0; i < rows; i++) {
		int64_t step = (int64_t)(values[i] - first);

		low = MIN(low, step);
		high = MAX(high, step);
	}
	*ret_base = first + (uint64_t)low;
	*ret_most = (uint64_t)high - (uint64_t)low;
}

WIDE static void split(const uint64_t *values, size_t rows, uint64_t base, unsigned width,
                       uint8_t *planes)
{
	for (unsigned p = 0; p < width; p++) {
		uint8_t *plane = planes + p * rows;
		unsigned shift = 8 * p;

		for (size_t i = 0; i < rows; i++)
			plane[i] = (uint8_t)((values[i] - base) >> shift);
	}
}

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

static uint8_t *plane_put(ZSTD_CCtx *packer, const uint8_t *plane, size_t rows, uint8_t *at)
{
	struct octets head = octets_of(at, LEN_LEN);
	size_t len = rows;

	at += LEN_LEN;
	if (rows >= PACK_MIN && !is_noise(plane, rows)) {
		len = ZSTD_compress2(packer, at, rows - 1, plane, rows);
		if (ZSTD_isError(len))
			len = rows;
	}
	if (len == rows)
		memcpy(at, plane, rows);
	octets_uint(&head, len, LEN_LEN);
	return at + len;
}

uint8_t *planes_put(ZSTD_CCtx *packer, uint8_t id, const uint64_t *values, size_t rows,
                    uint8_t *scratch, uint8_t *at)
{
	struct octets head = octets_of(at, HEAD_LEN);
	uint64_t base = 0, most = 0;
	unsigned width;

	if (rows > 0)
		range_of(values, rows, &base, &most);
	width = width_of(most);
	octets_uint(&head, id, 1);
	octets_uint(&head, width, 1);
	octets_uint(&head, base, 8);
	at += HEAD_LEN;
	split(values, rows, base, width, scratch);
	for (unsigned p = 0; p < width; p++)
		at = plane_put(packer, scratch + p * rows, rows, at);
	return at;
}

bool planes_find(struct bytes *in, uint8_t id, size_t rows, struct planes *ret)
{
	bool is_id = bytes_uint(in, 1) == id;
	uint64_t width = bytes_uint(in, 1);

	*ret = (struct planes){.base = bytes_uint(in, 8), .rows = (uint32_t)rows};
	if (in->is_short || !is_id || width > PLANES_MAX)
		return false;
	ret->width = (uint8_t)width;
	for (unsigned p = 0; p < width; p++) {
		uint64_t len = bytes_uint(in, LEN_LEN);

		if (len > rows)
			return false;
		ret->at[p] = in->at;
		ret->len[p] = (uint32_t)len;
		bytes_cut(in, (size_t)len);
	}
	return !in->is_short;
}

bool planes_unpack(ZSTD_DCtx *unpacker, struct planes *p, uint8_t *room)
{
	for (unsigned i = 0; i < p->width && !p->is_open; i++) {
		if (p->len[i] == p->rows)
			continue;
		if (ZSTD_decompressDCtx(unpacker, room, p->rows, p->at[i], p->len[i]) != p->rows)
			return false;
		p->at[i] = room;
		room += p->rows;
	}
	p->is_open = true;
	return true;
}

WIDE void planes_get(const struct planes *p, size_t from, size_t count, uint64_t *ret)
{
	uint64_t base = p->base;

	for (size_t i = 0; i < count; i++)
		ret[i] = base;
	for (unsigned plane = 0; plane < p->width; plane++) {
		const uint8_t *at = p->at[plane] + from;
		unsigned shift = 8 * plane;

		for (size_t i = 0; i < count; i++)
			ret[i] += (uint64_t)at[i] << shift;
	}
}
