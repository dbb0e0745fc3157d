/*
 * bytes - bounds-checked reading and writing of borrowed buffers.
 *
 * Both cursors are sticky: the first access that does not fit marks the cursor, moves nothing, and
 * every later access does nothing (reads yield zero). A codec therefore runs straight down and
 * asks once, at its end. Numbers are big-endian, the order of every protocol read here.
 */
#ifndef SPOOR_BASE_BYTES_H
#define SPOOR_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *at;  /* next octet; borrowed */
	const uint8_t *end; /* one past the last octet */
	bool is_short;      /* a read did not fit; never cleared */
};

struct octets { /* the writer */
	uint8_t *start;
	uint8_t *at;  /* next octet to write */
	uint8_t *end; /* one past the room */
	bool is_full; /* a write did not fit; never cleared */
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
	const uint8_t *at = data;

	return (struct bytes){.at = at, .end = at == NULL ? at : at + len};
}

static inline size_t bytes_left(const struct bytes *b)
{
	return (size_t)(b->end - b->at);
}

/* The next `len` octets as a cursor of their own; an empty, short cursor when there are fewer. */
static inline struct bytes bytes_cut(struct bytes *b, size_t len)
{
	struct bytes cut = {.at = b->at, .end = b->at, .is_short = true};

	if (b->is_short || len > bytes_left(b)) {
		b->is_short = true;
		return cut;
	}
	cut.is_short = false;
	if (len > 0) /* or `at` may be NULL, to which not even 0 may be added */
		cut.end = b->at += len;
	return cut;
}

/* As bytes_uint(), for all lengths and any end. */
uint64_t bytes_uint_near_end(struct bytes *b, size_t len);

/* The next `len` (at most 8) octets as an unsigned number. */
static inline uint64_t bytes_uint(struct bytes *b, size_t len)
{
	uint64_t word;

	if (b->is_short || len - 1 >= sizeof(word) || bytes_left(b) < sizeof(word))
		return bytes_uint_near_end(b, len);
	memcpy(&word, b->at, sizeof(word)); /* of which the first `len` are wanted */
	b->at += len;
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
		word = __builtin_bswap64(word);
	return word >> (64 - 8 * len);
}

/* Copies the next `len` octets to `ret`; zeroes it when there are fewer. */
void bytes_copy(struct bytes *b, void *ret, size_t len);

static inline struct octets octets_of(void *room, size_t len)
{
	uint8_t *at = room;

	return (struct octets){.start = at, .at = at, .end = at + len};
}

static inline size_t octets_len(const struct octets *o)
{
	return (size_t)(o->at - o->start);
}

static inline size_t octets_room(const struct octets *o)
{
	return (size_t)(o->end - o->at);
}

void octets_put(struct octets *o, const void *data, size_t len);

/* The low `len` (at most 8) octets of `value`. */
void octets_uint(struct octets *o, uint64_t value, size_t len);

#endif
