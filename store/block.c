#include "store/block.h"

#include "base/bytes.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#define MAGIC 0x53505242 /* "SPRB" */
#define CHECKSUM_AT 36   /* the last member of the header; everything before it is covered */
#define ZSTD_LEVEL 1
#define VARINT_MAX 10     /* octets of a 64-bit varint */
#define COLUMN_HEAD_LEN 6 /* id, transform, length */

enum packing { PACKING_NONE, PACKING_ZSTD };

/* How a member's values become octets. The numbers are on disk. */
enum transform {
	TRANSFORM_PLAIN = 1, /* varint of the value */
	TRANSFORM_STEP = 2,  /* zigzag varint of the difference to the row before */
	TRANSFORM_SPAN = 3,  /* zigzag varint of the difference to another member of the row */
	TRANSFORM_DICT = 4,  /* varint into a list of distinct addresses */
};

struct column {
	uint8_t id; /* on disk; never reused */
	uint8_t transform;
	uint8_t width;
	uint16_t offset;
	uint16_t from; /* TRANSFORM_SPAN: the member it is counted from, in an earlier column */
};

#define MEMBER(member) sizeof(((struct flow *)0)->member), offsetof(struct flow, member)

/* clang-format off */
static const struct column columns[] = {
	/* id  transform         width, offset         from */
	{  1,  TRANSFORM_DICT,   MEMBER(src),          0 },
	{  2,  TRANSFORM_DICT,   MEMBER(dst),          0 },
	{  3,  TRANSFORM_DICT,   MEMBER(exporter),     0 },
	{  4,  TRANSFORM_STEP,   MEMBER(received_ms),  0 },
	{  5,  TRANSFORM_SPAN,   MEMBER(end_ms),       offsetof(struct flow, received_ms) },
	{  6,  TRANSFORM_SPAN,   MEMBER(start_ms),     offsetof(struct flow, end_ms) },
	{  7,  TRANSFORM_PLAIN,  MEMBER(octets),       0 },
	{  8,  TRANSFORM_PLAIN,  MEMBER(packets),      0 },
	{  9,  TRANSFORM_PLAIN,  MEMBER(in_if),        0 },
	{ 10,  TRANSFORM_PLAIN,  MEMBER(out_if),       0 },
	{ 11,  TRANSFORM_PLAIN,  MEMBER(domain),       0 },
	{ 12,  TRANSFORM_PLAIN,  MEMBER(sampling),     0 },
	{ 13,  TRANSFORM_PLAIN,  MEMBER(src_port),     0 },
	{ 14,  TRANSFORM_PLAIN,  MEMBER(dst_port),     0 },
	{ 15,  TRANSFORM_PLAIN,  MEMBER(proto),        0 },
	{ 16,  TRANSFORM_PLAIN,  MEMBER(tcp_flags),    0 },
	{ 17,  TRANSFORM_PLAIN,  MEMBER(tos),          0 },
	{ 18,  TRANSFORM_PLAIN,  MEMBER(version),      0 },
	{ 19,  TRANSFORM_DICT,   MEMBER(nat_src),      0 },
	{ 20,  TRANSFORM_DICT,   MEMBER(nat_dst),      0 },
	{ 21,  TRANSFORM_PLAIN,  MEMBER(nat_src_port), 0 },
	{ 22,  TRANSFORM_PLAIN,  MEMBER(nat_dst_port), 0 },
	{ 23,  TRANSFORM_PLAIN,  MEMBER(vlan_in),      0 },
	{ 24,  TRANSFORM_PLAIN,  MEMBER(vlan_out),     0 },
	{ 25,  TRANSFORM_PLAIN,  MEMBER(vlan_inner),   0 },
	{ 26,  TRANSFORM_PLAIN,  MEMBER(mpls),         0 },
};
/* clang-format on */

struct header {
	uint32_t count;
	uint32_t raw_len;    /* of the columns */
	uint32_t packed_len; /* of the columns as they follow the header */
	enum packing packing;
	struct interval span;
	uint64_t checksum;
};

struct room {
	void *at;
	size_t len;
};

struct block_codec {
	ZSTD_CCtx *packer;
	ZSTD_DCtx *unpacker;
	struct room raw;   /* columns */
	struct room block; /* what encode returns */
	struct room flows; /* what decode returns */
	struct room slots; /* encode: the dictionary's hash table */
	struct room
		words; /* encode: a dictionary index per flow, then the first row of each word */
};

/* Grows only: after the first blocks of a size nothing is allocated any more. */
static bool room_for(struct room *r, size_t len)
{
	void *at;

	if (len <= r->len)
		return true;
	at = realloc(r->at, len);
	if (at == NULL)
		return false;
	r->at = at;
	r->len = len;
	return true;
}

/* The most octets that the columns of `count` flows can take, in any encoding we read. */
static size_t raw_max(size_t count)
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		len += COLUMN_HEAD_LEN + count * VARINT_MAX;
		if (columns[i].transform == TRANSFORM_DICT)
			len += VARINT_MAX + count * sizeof(struct addr);
	}
	return len;
}

static uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0);
}

static uint64_t unzigzag(uint64_t value)
{
	return value >> 1 ^ (value & 1 ? UINT64_MAX : 0);
}

/* The room was made for the worst case, so that writing cannot run out. */
static uint8_t *varint_put(uint8_t *at, uint64_t value)
{
	while (value >= 0x80) {
		*at++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*at++ = (uint8_t)value;
	return at;
}

static uint64_t varint_get(struct bytes *in)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
		uint8_t octet = *in->at++;

		value |= (uint64_t)(octet & 0x7f) << shift;
		if (octet < 0x80)
			return value;
	}
	in->is_short = true; /* ended early, or never ends */
	return 0;
}

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

/* Does the value fit the member? */
static bool member_put(struct flow *flow, size_t offset, size_t width, uint64_t value)
{
	uint8_t *at = (uint8_t *)flow + offset;
	uint32_t u32 = (uint32_t)value;
	uint16_t u16 = (uint16_t)value;

	switch (width) {
	case 1:
		*at = (uint8_t)value;
		return value <= UINT8_MAX;
	case 2:
		memcpy(at, &u16, sizeof(u16));
		return value <= UINT16_MAX;
	case 4:
		memcpy(at, &u32, sizeof(u32));
		return value <= UINT32_MAX;
	default:
		memcpy(at, &value, sizeof(value));
		return true;
	}
}

static const struct addr *addr_at(const struct flow *flow, size_t offset)
{
	return (const struct addr *)((const uint8_t *)flow + offset);
}

/* Numbers every distinct address by first appearance; then the list, then a number per flow. */
static uint8_t *dict_put(struct block_codec *c, const struct column *col, const struct flow *flows,
                         size_t count, uint8_t *at)
{
	uint32_t *slots = c->slots.at; /* word + 1; 0 is free */
	uint32_t *index = c->words.at;
	uint32_t *first = index + count;
	size_t mask = c->slots.len / sizeof(*slots) - 1;
	uint32_t words = 0;

	memset(slots, 0, c->slots.len);
	for (size_t i = 0; i < count; i++) {
		const struct addr *a = addr_at(&flows[i], col->offset);
		size_t slot = XXH3_64bits(a->octets, sizeof(a->octets)) & mask;

		while (slots[slot] != 0 &&
		       !addr_equal(addr_at(&flows[first[slots[slot] - 1]], col->offset), a))
			slot = (slot + 1) & mask;
		if (slots[slot] == 0) {
			first[words] = (uint32_t)i;
			slots[slot] = ++words;
		}
		index[i] = slots[slot] - 1;
	}
	at = varint_put(at, words);
	for (uint32_t w = 0; w < words; w++) {
		memcpy(at, addr_at(&flows[first[w]], col->offset), sizeof(struct addr));
		at += sizeof(struct addr);
	}
	for (size_t i = 0; i < count; i++)
		at = varint_put(at, index[i]);
	return at;
}

static bool dict_get(const struct column *col, struct bytes *in, struct flow *flows, size_t count)
{
	uint64_t words = varint_get(in);
	struct bytes list;

	if (words > count)
		return false;
	list = bytes_cut(in, (size_t)words * sizeof(struct addr));
	for (size_t i = 0; i < count; i++) {
		uint64_t word = varint_get(in);

		if (in->is_short || word >= words)
			return false;
		memcpy((uint8_t *)&flows[i] + col->offset, list.at + word * sizeof(struct addr),
		       sizeof(struct addr));
	}
	return true;
}

/* What the value of row `i` is counted from. Differences wrap, so that every value has one. */
static uint64_t base_of(const struct column *col, const struct flow *flows, size_t i)
{
	if (col->transform == TRANSFORM_SPAN)
		return member_get(&flows[i], col->from, col->width);
	return i == 0 ? 0 : member_get(&flows[i - 1], col->offset, col->width);
}

static uint8_t *numbers_put(const struct column *col, const struct flow *flows, size_t count,
                            uint8_t *at)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = member_get(&flows[i], col->offset, col->width);

		if (col->transform != TRANSFORM_PLAIN)
			value = zigzag(value - base_of(col, flows, i));
		at = varint_put(at, value);
	}
	return at;
}

static bool numbers_get(const struct column *col, struct bytes *in, struct flow *flows,
                        size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = varint_get(in);

		if (col->transform != TRANSFORM_PLAIN)
			value = unzigzag(value) + base_of(col, flows, i);
		if (!member_put(&flows[i], col->offset, col->width, value))
			return false;
	}
	return !in->is_short;
}

static size_t columns_put(struct block_codec *c, const struct flow *flows, size_t count)
{
	uint8_t *at = c->raw.at;

	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		const struct column *col = &columns[i];
		struct octets head = octets_of(at, COLUMN_HEAD_LEN);
		uint8_t *body = at + COLUMN_HEAD_LEN;

		at = col->transform == TRANSFORM_DICT ? dict_put(c, col, flows, count, body)
		                                      : numbers_put(col, flows, count, body);
		octets_uint(&head, col->id, 1);
		octets_uint(&head, col->transform, 1);
		octets_uint(&head, (uint64_t)(at - body), 4);
	}
	return (size_t)(at - (uint8_t *)c->raw.at);
}

static bool columns_get(struct bytes *in, struct flow *flows, size_t count)
{
	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		const struct column *col = &columns[i];
		uint64_t id = bytes_uint(in, 1);
		uint64_t transform = bytes_uint(in, 1);
		struct bytes body = bytes_cut(in, (size_t)bytes_uint(in, 4));
		bool is_good;

		if (id != col->id || transform != col->transform)
			return false;
		is_good = transform == TRANSFORM_DICT ? dict_get(col, &body, flows, count)
		                                      : numbers_get(col, &body, flows, count);
		if (!is_good || bytes_left(&body) > 0)
			return false;
	}
	return !in->is_short && bytes_left(in) == 0;
}

static void header_put(uint8_t *block, const struct header *h)
{
	struct octets o = octets_of(block, CHECKSUM_AT);

	octets_uint(&o, MAGIC, 4);
	octets_uint(&o, BLOCK_VERSION, 2);
	octets_uint(&o, h->packing, 1);
	octets_uint(&o, ARRAY_LEN(columns), 1);
	octets_uint(&o, h->count, 4);
	octets_uint(&o, h->raw_len, 4);
	octets_uint(&o, h->packed_len, 4);
	octets_uint(&o, (uint64_t)h->span.start_ms, 8);
	octets_uint(&o, (uint64_t)h->span.end_ms, 8);
	CHECK(!o.is_full);
}

/* Every number of the header is checked here, before anything is allocated for its sake. */
static enum err header_get(const uint8_t *data, size_t len, struct header *ret)
{
	struct bytes in = bytes_of(data, len);
	uint64_t magic = bytes_uint(&in, 4);
	uint64_t version = bytes_uint(&in, 2);
	uint64_t packing = bytes_uint(&in, 1);
	uint64_t column_count = bytes_uint(&in, 1);
	struct header h = {
		.count = (uint32_t)bytes_uint(&in, 4),
		.raw_len = (uint32_t)bytes_uint(&in, 4),
		.packed_len = (uint32_t)bytes_uint(&in, 4),
	};

	h.span.start_ms = (int64_t)bytes_uint(&in, 8);
	h.span.end_ms = (int64_t)bytes_uint(&in, 8);
	h.checksum = bytes_uint(&in, 8);
	if (in.is_short)
		return ERR_SHORT;
	if (magic != MAGIC)
		return ERR_FORMAT;
	if (version != BLOCK_VERSION)
		return ERR_VERSION;
	if (bytes_left(&in) < h.packed_len)
		return ERR_SHORT;
	if (bytes_left(&in) > h.packed_len)
		return ERR_FORMAT;
	if (h.checksum != block_checksum(data, len))
		return ERR_CORRUPT;
	if (h.count == 0 || h.count > BLOCK_FLOWS_MAX || h.raw_len > raw_max(h.count))
		return ERR_FORMAT;
	if (packing > PACKING_ZSTD || column_count != ARRAY_LEN(columns))
		return ERR_FORMAT;
	if (packing == PACKING_NONE && h.raw_len != h.packed_len)
		return ERR_FORMAT;
	h.packing = packing == PACKING_ZSTD ? PACKING_ZSTD : PACKING_NONE;
	*ret = h;
	return ERR_OK;
}

struct block_codec *block_codec_new(void)
{
	struct block_codec *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->packer = ZSTD_createCCtx();
	c->unpacker = ZSTD_createDCtx();
	if (c->packer == NULL || c->unpacker == NULL) {
		block_codec_free(c);
		return NULL;
	}
	return c;
}

void block_codec_free(struct block_codec *c)
{
	if (c == NULL)
		return;
	ZSTD_freeCCtx(c->packer);
	ZSTD_freeDCtx(c->unpacker);
	free(c->raw.at);
	free(c->block.at);
	free(c->flows.at);
	free(c->slots.at);
	free(c->words.at);
	free(c);
}

static bool encode_room(struct block_codec *c, size_t count)
{
	size_t slots = 16;

	while (slots < 2 * count)
		slots *= 2;
	return room_for(&c->slots, slots * sizeof(uint32_t)) &&
	       room_for(&c->words, 2 * count * sizeof(uint32_t)) &&
	       room_for(&c->raw, raw_max(count)) &&
	       room_for(&c->block, BLOCK_HEADER_LEN + ZSTD_compressBound(raw_max(count)));
}

enum err block_encode(struct block_codec *c, const struct flow *flows, size_t count,
                      const uint8_t **ret, size_t *ret_len)
{
	struct header h;
	struct octets tail;
	uint8_t *block;
	size_t raw_len;
	size_t packed_len;
	size_t len;

	if (count == 0 || count > BLOCK_FLOWS_MAX)
		return ERR_RANGE;
	if (!encode_room(c, count))
		return ERR_NOMEM;
	block = c->block.at;
	raw_len = columns_put(c, flows, count);
	packed_len =
		ZSTD_compressCCtx(c->packer, block + BLOCK_HEADER_LEN,
	                          c->block.len - BLOCK_HEADER_LEN, c->raw.at, raw_len, ZSTD_LEVEL);
	h = (struct header){.count = (uint32_t)count,
	                    .raw_len = (uint32_t)raw_len,
	                    .packed_len = (uint32_t)packed_len,
	                    .packing = PACKING_ZSTD,
	                    .span = block_span(flows, count)};
	if (ZSTD_isError(packed_len) || packed_len >= raw_len) {
		memcpy(block + BLOCK_HEADER_LEN, c->raw.at, raw_len);
		h.packed_len = h.raw_len;
		h.packing = PACKING_NONE;
	}
	header_put(block, &h);
	len = BLOCK_HEADER_LEN + h.packed_len;
	tail = octets_of(block + CHECKSUM_AT, BLOCK_HEADER_LEN - CHECKSUM_AT);
	octets_uint(&tail, block_checksum(block, len), 8);
	*ret = block;
	*ret_len = len;
	return ERR_OK;
}

/* The columns of a block whose header was found good. */
static enum err unpack(struct block_codec *c, const struct header *h, const uint8_t *packed,
                       struct bytes *ret)
{
	size_t len;

	if (h->packing == PACKING_NONE) {
		*ret = bytes_of(packed, h->packed_len);
		return ERR_OK;
	}
	if (!room_for(&c->raw, h->raw_len))
		return ERR_NOMEM;
	len = ZSTD_decompressDCtx(c->unpacker, c->raw.at, h->raw_len, packed, h->packed_len);
	if (ZSTD_isError(len) || len != h->raw_len)
		return ERR_FORMAT;
	*ret = bytes_of(c->raw.at, h->raw_len);
	return ERR_OK;
}

enum err block_decode(struct block_codec *c, const void *data, size_t len, struct flow **ret,
                      size_t *ret_count)
{
	const uint8_t *block = data;
	struct flow *flows;
	struct interval span;
	struct bytes raw;
	struct header h;
	enum err err;

	err = header_get(block, len, &h);
	if (err)
		return err;
	err = unpack(c, &h, block + BLOCK_HEADER_LEN, &raw);
	if (err)
		return err;
	if (!room_for(&c->flows, h.count * sizeof(*flows)))
		return ERR_NOMEM;
	flows = c->flows.at;
	memset(flows, 0, h.count * sizeof(*flows));
	if (!columns_get(&raw, flows, h.count))
		return ERR_FORMAT;
	span = block_span(flows, h.count);
	if (span.start_ms != h.span.start_ms || span.end_ms != h.span.end_ms)
		return ERR_FORMAT;
	*ret = flows;
	*ret_count = h.count;
	return ERR_OK;
}

struct interval block_span(const struct flow *flows, size_t count)
{
	struct interval span = {INT64_MAX, INT64_MIN};

	for (size_t i = 0; i < count; i++) {
		span.start_ms = MIN(span.start_ms, flows[i].start_ms);
		span.end_ms = MAX(span.end_ms, flows[i].end_ms);
	}
	return span;
}

uint64_t block_checksum(const uint8_t *data, size_t len)
{
	/* The header is hashed into the seed: one value covers both sides of the checksum's place.
	 */
	return XXH3_64bits_withSeed(data + BLOCK_HEADER_LEN, len - BLOCK_HEADER_LEN,
	                            XXH3_64bits(data, CHECKSUM_AT));
}
