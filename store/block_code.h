/*
 * block_code - what block.c and the two files behind it share, and no one else sees.
 *
 *	block.c         the columns, the header, working memory
 *	block_write.c   flows to columns
 *	block_read.c    columns to the flows that are wanted
 */
#ifndef SPOOR_STORE_BLOCK_CODE_H
#define SPOOR_STORE_BLOCK_CODE_H

#include "store/block.h"
#include "store/planes.h"
#include "store/tuples.h"

#include <zstd.h>

/* How a member's values become numbers. */
enum transform {
	PLAIN, /* the value */
	STEP,  /* what it is more than in the row before */
	SPAN,  /* what it is more than another member of the row */
	WORD,  /* index of an address */
};

struct column {
	uint8_t id; /* on disk; never reused */
	uint8_t transform;
	uint8_t width;
	uint16_t offset;
	uint16_t from; /* SPAN: the member it is counted from, in an earlier column */
};

/* The columns of addresses and connections, and what ties flows to them; on disk one more. */
enum { ADDR_HIGH, ADDR_LOW, SRC, DST, SRC_PORT, DST_PORT, PROTO, REFERENCE, HEAD_COLUMNS };

#define BLOCK_COLUMNS 21 /* of flows, behind those */
#define BLOCK_ALL (HEAD_COLUMNS + BLOCK_COLUMNS)
#define TIMES 3 /* the first of them are read always */

extern const struct column block_columns[BLOCK_COLUMNS];

#define ADDRS_A_FLOW 5

/* Values go into members, and out of them, as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "members are cut from words");

struct header {
	uint32_t flows, connections, addrs;
	uint32_t len; /* of what follows */
	struct interval span;
	uint64_t checksum;
};

struct room {
	void *at;
	size_t len;
};

/* Some rows of the block that is being read, of which some are kept. */
struct rows {
	size_t from, count;
	uint32_t kept[PLANES_RUN]; /* rows, counted from `from`; ascending */
	size_t kept_count;
	uint32_t connections[PLANES_RUN];
	bool is_reverse[PLANES_RUN];
	uint64_t values[PLANES_RUN];
	int64_t received[PLANES_RUN], start[PLANES_RUN], end[PLANES_RUN];
	struct flow *flows; /* a place for each that is kept */
};

struct block_codec {
	ZSTD_CCtx *packer;
	ZSTD_DCtx *unpacker;
	struct tuples tuples;
	struct room values; /* encode: columns of numbers, and the planes of one */
	struct room block;  /* what encode returns */

	/* Of the block that is being read. */
	struct header header;
	struct planes found[BLOCK_ALL];
	struct room planes; /* unpacked ones */
	size_t planes_used;
	struct room addrs, connections; /* struct addr, struct tuple; once they have all */
	bool has_tables;
	struct room wanted; /* a flag for each connection */
	struct room flows;  /* what decode returns */
	struct rows rows;
	uint64_t received; /* of the row before */
	uint64_t fresh;    /* connections met so far */
};

/* Grows only: after the first blocks of a size nothing is allocated any more. Contents are lost. */
bool block_room(struct room *r, size_t len);

void block_header_put(uint8_t *block, const struct header *h);

/* Finds the columns of data[0..len), and makes room to unpack them. Errors as block_decode(). */
MUST_USE enum err block_open(struct block_codec *c, const uint8_t *data, size_t len);

/* A column of the block that is open, unpacked; NULL when it does not unpack. */
const struct planes *block_column(struct block_codec *c, size_t i);

#endif
