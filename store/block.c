#include "base/bytes.h"
#include "base/util.h"
#include "store/block_code.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define MAGIC 0x53505242 /* "SPRB" */
#define CHECKSUM_AT 44   /* the last member of the header; everything before it is covered */

#define MEMBER(member) sizeof(((struct flow *)0)->member), offsetof(struct flow, member)

/* clang-format off */
const struct column block_columns[BLOCK_MEMBERS] = {
	/* transform  width, offset         from */
	{ PLAIN, MEMBER(received_ms),   0 },
	{ SPAN,  MEMBER(end_ms),        offsetof(struct flow, received_ms) },
	{ SPAN,  MEMBER(start_ms),      offsetof(struct flow, end_ms) },
	{ PLAIN, MEMBER(octets),        0 },
	{ PLAIN, MEMBER(packets),       0 },
	{ PLAIN, MEMBER(in_if),         0 },
	{ PLAIN, MEMBER(out_if),        0 },
	{ PLAIN, MEMBER(domain),        0 },
	{ PLAIN, MEMBER(sampling),      0 },
	{ PLAIN, MEMBER(tcp_flags),     0 },
	{ PLAIN, MEMBER(tos),           0 },
	{ PLAIN, MEMBER(version),       0 },
	{ WORD,  MEMBER(exporter),      0 },
	{ WORD,  MEMBER(nat_src),       0 },
	{ WORD,  MEMBER(nat_dst),       0 },
	{ PLAIN, MEMBER(nat_src_port),  0 },
	{ PLAIN, MEMBER(nat_dst_port),  0 },
	{ PLAIN, MEMBER(vlan_in),       0 },
	{ PLAIN, MEMBER(vlan_out),      0 },
	{ PLAIN, MEMBER(vlan_inner),    0 },
	{ PLAIN, MEMBER(mpls),          0 },
};

/* Numbers of columns on disk are never reused. */
const struct table_shape block_tables[TABLES] = {
	[ADDRS]       = {  4, 33, 1u << ADDR_HIGH | 1u << ADDR_LOW },
	[ENDS]        = {  2,  3, 0 },
	[CONNECTIONS] = {  3,  5, 0 },
	[LINKS]       = {  2,  8, 0 },
	[FLOWS]       = { FLOW_COLUMNS, 10, 1u << BEGUN | 1u << LINKED | 1u << RECEIVED },
};
/* clang-format on */

const struct table_shape block_addrs_old = {2, 1, 0};

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
	for (size_t i = TIMES; i < BLOCK_MEMBERS; i++) {
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
	return c;
}

void block_codec_free(struct block_codec *c)
{
	if (c == NULL)
		return;
	tuples_free(&c->tuples);
	free(c->values.at);
	free(c->block.at);
	free(c->heads.at);
	free(c->runs.at);
	free(c->placed.at);
	free(c->links.at);
	free(c->kept.at);
	free(c->addrs.at);
	free(c->connections.at);
	free(c->wanted.at);
	free(c->flows.at);
	free(c);
}

size_t block_rows(const struct header *h, size_t table)
{
	const size_t rows[TABLES] = {
		[ADDRS] = h->addrs,
		[ENDS] = h->connections,
		[CONNECTIONS] = h->connections,
		[LINKS] = h->flows - h->connections,
		[FLOWS] = h->flows,
	};

	return rows[table];
}

/* --- the header, and what is found by it --- */

static void header_put(uint8_t *block, const struct header *h)
{
	struct octets o = octets_of(block, CHECKSUM_AT);

	octets_uint(&o, MAGIC, 4);
	octets_uint(&o, h->version, 2);
	octets_uint(&o, BLOCK_ALL, 2);
	octets_uint(&o, h->flows, 4);
	octets_uint(&o, h->connections, 4);
	octets_uint(&o, h->addrs, 4);
	octets_uint(&o, h->len, 4);
	octets_uint(&o, h->head_len, 4);
	octets_uint(&o, (uint64_t)h->span.start_ms, 8);
	octets_uint(&o, (uint64_t)h->span.end_ms, 8);
	CHECK(!o.is_full);
}

/* The header is hashed into the seed: one value covers both sides of the checksum's place. */
static uint64_t checksum_of(const uint8_t *block, size_t head_len)
{
	return XXH3_64bits_withSeed(block + BLOCK_HEADER_LEN, head_len,
	                            XXH3_64bits(block, CHECKSUM_AT));
}

/* What it says, which need not be so. ERR_SHORT, ERR_FORMAT, ERR_VERSION. */
static enum err header_read(const uint8_t *data, size_t len, struct header *ret)
{
	struct bytes in = bytes_of(data, len);
	uint64_t magic = bytes_uint(&in, 4);
	uint64_t column_count;

	ret->version = (uint16_t)bytes_uint(&in, 2);
	column_count = bytes_uint(&in, 2);
	ret->flows = (uint32_t)bytes_uint(&in, 4);
	ret->connections = (uint32_t)bytes_uint(&in, 4);
	ret->addrs = (uint32_t)bytes_uint(&in, 4);
	ret->len = (uint32_t)bytes_uint(&in, 4);
	ret->head_len = (uint32_t)bytes_uint(&in, 4);
	ret->span.start_ms = (int64_t)bytes_uint(&in, 8);
	ret->span.end_ms = (int64_t)bytes_uint(&in, 8);
	ret->checksum = bytes_uint(&in, 8);
	if (in.is_short)
		return ERR_SHORT;
	if (magic != MAGIC)
		return ERR_FORMAT;
	if (ret->version != BLOCK_VERSION && ret->version != BLOCK_VERSION_OLD)
		return ERR_VERSION;
	if (bytes_left(&in) < ret->len)
		return ERR_SHORT;
	if (bytes_left(&in) > ret->len || ret->head_len > ret->len ||
	    column_count != (ret->version == BLOCK_VERSION ? BLOCK_ALL : BLOCK_ALL_OLD))
		return ERR_FORMAT;
	ret->seed = XXH3_64bits(data, CHECKSUM_AT);
	return ERR_OK;
}

/* Every number of the header is checked here, before anything is allocated for its sake. */
static bool is_possible(const struct header *h)
{
	return h->flows > 0 && h->flows <= BLOCK_FLOWS_MAX && h->connections > 0 &&
	       h->connections <= h->flows && h->addrs > 0 && h->addrs <= ADDRS_A_FLOW * h->flows;
}

/* The tables of a block whose header is `h`, whatever its checks say. */
static bool find_tables(const uint8_t *data, const struct header *h, struct table tables[TABLES])
{
	struct bytes runs = bytes_of(data + BLOCK_HEADER_LEN, h->len);
	struct bytes head = bytes_cut(&runs, h->head_len);
	bool is_old = h->version == BLOCK_VERSION_OLD;
	uint64_t number = 0;
	size_t taken = 0;

	for (size_t i = 0; i < TABLES; i++) {
		const struct table_shape *shape =
			is_old && i == ADDRS ? &block_addrs_old : &block_tables[i];

		if (!table_find_head(&head, shape, (uint32_t)block_rows(h, i), &tables[i]))
			return false;
	}
	for (size_t i = 0; i < TABLES; i++) {
		if (!table_find_runs(&head, runs, is_old, &taken, &number, &tables[i]))
			return false;
		tables[i].seed = h->seed;
	}
	return bytes_left(&head) == 0 && taken == bytes_left(&runs);
}

enum err block_open(struct block_codec *c, const uint8_t *data, size_t len)
{
	struct header *h = &c->header;
	enum err err = header_read(data, len, h);

	memset(c->addr_runs, 0, sizeof(c->addr_runs));
	c->has_connections = false;
	if (err)
		return err;
	if (h->checksum != checksum_of(data, h->head_len))
		return ERR_CORRUPT;
	return is_possible(h) && find_tables(data, h, c->tables) ? ERR_OK : ERR_FORMAT;
}

/* All checks, as far as there is something to check. */
static void seal(uint8_t *block, const struct header *h, struct table tables[TABLES])
{
	struct octets out = octets_of(block + CHECKSUM_AT, BLOCK_HEADER_LEN - CHECKSUM_AT);

	if (is_possible(h) && find_tables(block, h, tables)) {
		for (size_t i = 0; i < TABLES; i++)
			table_seal(&tables[i], block + (tables[i].directory - block), h->seed);
	}
	octets_uint(&out, checksum_of(block, h->head_len), 8);
}

void block_seal(struct block_codec *c, uint8_t *block, const struct header *h)
{
	struct header sealed = *h;

	header_put(block, h);
	sealed.seed = XXH3_64bits(block, CHECKSUM_AT);
	seal(block, &sealed, c->tables);
}

void block_mend(struct block_codec *c, uint8_t *data, size_t len)
{
	struct header h;

	if (header_read(data, len, &h) == ERR_OK)
		seal(data, &h, c->tables);
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
