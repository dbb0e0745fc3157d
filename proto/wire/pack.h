/*
 * pack - MessagePack, written by msgpack-c into a fixed buffer and read by a strict cursor.
 *
 * Both are sticky: after the first thing that does not fit or is not what was asked for, nothing
 * more happens, and one check at the end is enough. The reader never allocates and believes no
 * declared size that the remaining octets cannot hold.
 */
#ifndef SPOOR_PROTO_WIRE_PACK_H
#define SPOOR_PROTO_WIRE_PACK_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack {
	struct octets out; /* out.is_full: it did not fit */
};

struct pack pack_into(void *room, size_t len);
static inline size_t pack_len(const struct pack *p)
{
	return octets_len(&p->out);
}

void pack_array(struct pack *p, size_t count);
void pack_map(struct pack *p, size_t count);
void pack_nil(struct pack *p);
void pack_bool(struct pack *p, bool value);
void pack_uint(struct pack *p, uint64_t value);
void pack_int(struct pack *p, int64_t value);
void pack_real(struct pack *p, double value);
void pack_str(struct pack *p, const char *text);
void pack_bin(struct pack *p, const void *data, size_t len);
void pack_endpoint(struct pack *p, const struct endpoint *e); /* bin of 18 octets */

enum token_kind {
	TOKEN_NIL,
	TOKEN_BOOL,
	TOKEN_UINT, /* 0 and above, however it was written */
	TOKEN_INT,  /* below 0 */
	TOKEN_REAL,
	TOKEN_STR,
	TOKEN_BIN,
	TOKEN_ARRAY,
	TOKEN_MAP,
};

struct token {
	enum token_kind kind;
	bool is_true;
	uint64_t number; /* TOKEN_UINT */
	int64_t integer; /* TOKEN_INT */
	double real;
	const uint8_t *data; /* TOKEN_STR, TOKEN_BIN: borrowed; not NUL-terminated */
	size_t len;          /* octets of data; members of an array; pairs of a map */
};

struct unpack {
	struct bytes in;
	bool is_wrong; /* something was not what it had to be; never cleared */
};

static inline struct unpack unpack_of(const void *data, size_t len)
{
	return (struct unpack){.in = bytes_of(data, len)};
}

/* The next token, whatever it is; false at the end, on malformed input and after is_wrong. */
bool unpack_token(struct unpack *u, struct token *ret);

/* Each of these demands its kind and range; else it sets is_wrong and returns 0 or nothing. */
size_t unpack_array(struct unpack *u);
size_t unpack_map(struct unpack *u);
uint64_t unpack_uint(struct unpack *u, uint64_t max);
int64_t unpack_int(struct unpack *u); /* either sign */
double unpack_real(struct unpack *u); /* finite; integers are taken too */
bool unpack_bool(struct unpack *u);
struct bytes unpack_bin(struct unpack *u);
void unpack_fixed(struct unpack *u, void *ret, size_t len); /* bin of exactly `len` */
struct endpoint unpack_endpoint(struct unpack *u);

/* A string without NULs that fits `room` with its terminator. */
void unpack_str(struct unpack *u, char *room, size_t len);

/*
 * The head of what has a version: an array of `fields`, whose first is `version`. That is looked at
 * first, for another one may have more fields, or fewer. ERR_VERSION: another; ERR_FORMAT
 */
MUST_USE enum err unpack_version(struct unpack *u, uint64_t version, size_t fields);

/* Skips one whole value, nested at most 16 deep. */
void unpack_skip(struct unpack *u);

/* Everything was read, and nothing was wrong. */
static inline bool unpack_done(const struct unpack *u)
{
	return !u->is_wrong && bytes_left(&u->in) == 0;
}

#endif
