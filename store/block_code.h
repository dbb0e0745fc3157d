/*
 * block_code - what block.c and the files behind it share, and no one else sees.
 *
 *	block.c         the columns, the header, working memory
 *	block_write.c   flows to columns
 *	block_place.c   which flows are of which connection
 *	block_whom.c    whom a block has, and which of these are wanted
 *	block_read.c    columns to the flows that are wanted
 */
#ifndef SPOOR_STORE_BLOCK_CODE_H
#define SPOOR_STORE_BLOCK_CODE_H

#include "store/block.h"
#include "store/table.h"
#include "store/tuples.h"

/* How a member's values become numbers. */
enum transform {
	PLAIN, /* the value; of the first column, what it is more than in the row before */
	SPAN,  /* what it is more than another member of the row */
	WORD,  /* index of an address */
};

struct column {
	uint8_t transform;
	uint8_t width;
	uint16_t offset;
	uint16_t from; /* SPAN: the member it is counted from, in an earlier column */
};

/* A block's tables, in this order on disk. */
enum { ADDRS, ENDS, CONNECTIONS, LINKS, FLOWS, TABLES };

/* Their columns. */
enum {
	ADDR_HIGH,
	ADDR_LOW,
	FIRST_ENDS, /* the run of ENDS in which it occurs first, */
	MORE_ENDS,  /* and how many more runs until it does last; 0, 0 when in none */
	ADDR_COLUMNS
};
enum { SRC, DST };
enum { SRC_PORT, DST_PORT, PROTO };
/*
 * Of each flow but the last of its connection: in how many rows the next one is, and whether that
 * is in the same direction.
 */
enum { GAP, SAME };
/* Steps: connections, and links, up to this flow; when it was received. Then other members. */
enum { BEGUN, LINKED, RECEIVED, END, START, FLOW_COLUMNS = 23 };

#define BLOCK_ALL (ADDR_COLUMNS + 2 + 3 + 2 + FLOW_COLUMNS)
#define BLOCK_ALL_OLD (BLOCK_ALL - 2)
/* Columns of flows that are one of their members; the first of them are read always. */
#define BLOCK_MEMBERS (FLOW_COLUMNS - RECEIVED)
#define TIMES 3

extern const struct column block_columns[BLOCK_MEMBERS];
extern const struct table_shape block_tables[TABLES];
extern const struct table_shape block_addrs_old; /* ADDRS of BLOCK_VERSION_OLD: two columns */

/* Values go into members, and out of them, as they lie in memory. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "members are cut from words");

struct header {
	uint16_t version;
	uint32_t flows, connections, addrs;
	uint32_t len;      /* of what follows */
	uint32_t head_len; /* of that, heads and directories of the tables */
	struct interval span;
	uint64_t seed;     /* of the checks of runs: of what stands before */
	uint64_t checksum; /* of head and directories */
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
	struct tuples tuples;
	struct room values;      /* encode: columns of numbers, */
	struct room planes;      /* and the planes of those of a table */
	struct room heads, runs; /* the tables' */
	struct room block;       /* what encode returns */
	struct table_writer writer;

	/* Of the block that is being read. */
	struct header header;
	struct table tables[TABLES];
	struct room addrs, connections;          /* struct addr, struct tuple */
	uint64_t addr_runs[TABLE_RUNS_MAX / 64]; /* a bit for each run that `addrs` has */
	bool has_connections;
	struct room wanted; /* a flag for each connection */
	struct room placed; /* of flows whose connection is wanted: 2 * that, + 1 in reverse */
	struct room links;  /* columns GAP and SAME, when many are wanted */
	struct room kept;   /* a bit for each flow: it is one of those */
	size_t kept_count;
	struct room flows; /* what decode returns */
	struct rows rows;
};

/* Grows only: after the first blocks of a size nothing is allocated any more. Contents are lost. */
bool block_room(struct room *r, size_t len);

size_t block_rows(const struct header *h, size_t table);

/* Writes the header, and all checks, of a block that is complete but for those. */
void block_seal(struct block_codec *c, uint8_t *block, const struct header *h);

/* Finds the tables of data[0..len). Errors as block_decode(). */
MUST_USE enum err block_open(struct block_codec *c, const uint8_t *data, size_t len);

/* What was read of the block so far adds up. */
bool block_is_good(const struct block_codec *c);

/*
 * Marks in `wanted` the connections of one of the alternatives; *ret_count: how many. `found`, or
 * NULL: what is known of that. Errors as block_decode().
 */
MUST_USE enum err block_find_whom(struct block_codec *c, const struct wish *wish,
                                  const struct block_found *found, size_t *ret_count);

/* Reads all connections: before many of them are asked for. */
MUST_USE enum err block_open_connections(struct block_codec *c);

/* An address; a connection with both of its own. False: damaged. */
bool block_address(struct block_codec *c, uint32_t row, struct addr *ret);
bool block_ends(struct block_codec *c, uint32_t connection, struct tuple *ret, struct addr *ret_src,
                struct addr *ret_dst);

/* Of one in so many, what all have is read at once. */
#define BLOCK_DENSE 64

/* Which flows are of the connections that are wanted[]; NULL: all are. Errors as block_decode(). */
MUST_USE enum err block_place(struct block_codec *c, const uint8_t *wanted, size_t wanted_count);

/* Fetches the runs in which these are, and what says so. */
void block_place_fetch(struct block_codec *c, const struct block_found *found,
                       block_fetch_fn *fetch);

#endif
