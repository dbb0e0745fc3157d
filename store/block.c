#include "base/bytes.h"
#include "base/util.h"
#include "store/block_code.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC 0x53505242 /* "SPRB" */
#define CHECKSUM_AT 40   /* the last member of the header; everything before it is covered */

#define MEMBER(member) sizeof(((struct flow *)0)->member), offsetof(struct flow, member)

/* clang-format off */
const struct column block_columns[BLOCK_COLUMNS] = {
	/* id  transform  width, offset         from */
	{  9,  STEP,   MEMBER(received_ms),  0 },
	{ 10,  SPAN,   MEMBER(end_ms),       offsetof(struct flow, received_ms) },
	{ 11,  SPAN,   MEMBER(start_ms),     offsetof(struct flow, end_ms) },
	{ 12,  PLAIN,  MEMBER(octets),       0 },
	{ 13,  PLAIN,  MEMBER(packets),      0 },
	{ 14,  PLAIN,  MEMBER(in_if),        0 },
	{ 15,  PLAIN,  MEMBER(out_if),       0 },
	{ 16,  PLAIN,  MEMBER(domain),       0 },
	{ 17,  PLAIN,  MEMBER(sampling),     0 },
	{ 18,  PLAIN,  MEMBER(tcp_flags),    0 },
	{ 19,  PLAIN,  MEMBER(tos),          0 },
	{ 20,  PLAIN,  MEMBER(version),      0 },
	{ 21,  WORD,   MEMBER(exporter),     0 },
	{ 22,  WORD,   MEMBER(nat_src),      0 },
	{ 23,  WORD,   MEMBER(nat_dst),      0 },
	{ 24,  PLAIN,  MEMBER(nat_src_port), 0 },
	{ 25,  PLAIN,  MEMBER(nat_dst_port), 0 },
	{ 26,  PLAIN,  MEMBER(vlan_in),      0 },
	{ 27,  PLAIN,  MEMBER(vlan_out),     0 },
	{ 28,  PLAIN,  MEMBER(vlan_inner),   0 },
	{ 29,  PLAIN,  MEMBER(mpls),         0 },
};
/* clang-format on */

bool block_room(struct room *r, size_t len)
{
	void *at;

	if (len <= r->len)
		return true;
	at = calloc(1, len); /* the holes between members of flows, too */
	if (at == NULL)
		return false;
	free(r->at);
	r->at = at;
	r->len = len;
	return true;
}

uint64_t wish_member(size_t offset)
{
	for (size_t i = TIMES; i < BLOCK_COLUMNS; i++) {
		if (block_columns[i].offset == offset)
			return UINT64_C(1) << i;
	}
	return 0;
}

struct block_codec *block_codec_new(uint64_t seed)
{
	struct block_codec *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->tuples.seed = seed;
	c->packer = planes_packer();
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
	tuples_free(&c->tuples);
	free(c->values.at);
	free(c->block.at);
	free(c->planes.at);
	free(c->addrs.at);
	free(c->connections.at);
	free(c->wanted.at);
	free(c->flows.at);
	free(c);
}

void block_header_put(uint8_t *block, const struct header *h)
{
	struct octets o = octets_of(block, CHECKSUM_AT);

	octets_uint(&o, MAGIC, 4);
	octets_uint(&o, BLOCK_VERSION, 2);
	octets_uint(&o, BLOCK_ALL, 2);
	octets_uint(&o, h->flows, 4);
	octets_uint(&o, h->connections, 4);
	octets_uint(&o, h->addrs, 4);
	octets_uint(&o, h->len, 4);
	octets_uint(&o, (uint64_t)h->span.start_ms, 8);
	octets_uint(&o, (uint64_t)h->span.end_ms, 8);
	CHECK(!o.is_full);
	o = octets_of(block + CHECKSUM_AT, 8);
	octets_uint(&o, block_checksum(block, BLOCK_HEADER_LEN + h->len), 8);
}

/* Every number of the header is checked here, before anything is allocated for its sake. */
static enum err header_get(const uint8_t *data, size_t len, struct header *ret)
{
	struct bytes in = bytes_of(data, len);
	uint64_t magic = bytes_uint(&in, 4);
	uint64_t version = bytes_uint(&in, 2);
	uint64_t column_count = bytes_uint(&in, 2);
	struct header h = {
		.flows = (uint32_t)bytes_uint(&in, 4),
		.connections = (uint32_t)bytes_uint(&in, 4),
		.addrs = (uint32_t)bytes_uint(&in, 4),
		.len = (uint32_t)bytes_uint(&in, 4),
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
	if (bytes_left(&in) < h.len)
		return ERR_SHORT;
	if (bytes_left(&in) > h.len)
		return ERR_FORMAT;
	if (h.checksum != block_checksum(data, len))
		return ERR_CORRUPT;
	if (h.flows == 0 || h.flows > BLOCK_FLOWS_MAX || h.connections > h.flows ||
	    h.addrs > ADDRS_A_FLOW * h.flows || column_count != BLOCK_ALL)
		return ERR_FORMAT;
	*ret = h;
	return ERR_OK;
}

static size_t rows_of(const struct header *h, size_t i)
{
	return i <= ADDR_LOW ? h->addrs : i <= PROTO ? h->connections : h->flows;
}

/* Octets that the packed planes of a column take when they are not. */
static size_t packed_room(const struct planes *p)
{
	size_t room = 0;

	for (unsigned i = 0; i < p->width; i++)
		room += p->len[i] == p->rows ? 0 : p->rows;
	return room;
}

enum err block_open(struct block_codec *c, const uint8_t *data, size_t len)
{
	struct bytes in = bytes_of(data, len);
	size_t room = 0;
	enum err err = header_get(data, len, &c->header);

	if (err)
		return err;
	bytes_cut(&in, BLOCK_HEADER_LEN);
	for (size_t i = 0; i < BLOCK_ALL; i++) {
		uint8_t id =
			i < HEAD_COLUMNS ? (uint8_t)(i + 1) : block_columns[i - HEAD_COLUMNS].id;

		if (!planes_find(&in, id, rows_of(&c->header, i), &c->found[i]))
			return ERR_FORMAT;
		room += packed_room(&c->found[i]);
	}
	if (bytes_left(&in) > 0)
		return ERR_FORMAT;
	c->planes_used = 0;
	c->received = 0;
	c->fresh = 0;
	c->has_tables = false;
	return block_room(&c->planes, MAX(room, 1)) ? ERR_OK : ERR_NOMEM;
}

const struct planes *block_column(struct block_codec *c, size_t i)
{
	struct planes *p = &c->found[i];

	if (p->is_open)
		return p;
	if (!planes_unpack(c->unpacker, p, (uint8_t *)c->planes.at + c->planes_used))
		return NULL;
	c->planes_used += packed_room(p);
	return p;
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
