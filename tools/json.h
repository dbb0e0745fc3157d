/* json - what a node sends, as JSON. */
#ifndef SPOOR_TOOLS_JSON_H
#define SPOOR_TOOLS_JSON_H

#include "proto/wire/pack.h"

#include <jansson.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 16

/*
 * The next value of `u`, whatever it is; NULL when it is malformed, nested more than JSON_DEPTH_MAX
 * deep, or memory is out. The caller owns the reference.
 *
 * Members keep their order. Octets become hexadecimal text, numbers that JSON cannot hold (above
 * 2^63, infinite) the nearest thing it can, bytes that are not UTF-8 become '?'.
 */
json_t *json_of(struct unpack *u);

/*
 * Writes the next value of `u` as json_of() and json_write() would, without making it one: for rows
 * of which there are millions. Numbers above 2^63 are exact, too. False when it is malformed, or
 * could not be written.
 */
bool json_transcribe(struct unpack *u, FILE *out);

/* "0x..."; NULL: no memory. */
json_t *json_hex(const uint8_t *octets, size_t len);

/* The member's text, or "" where it is none; borrowed. */
const char *json_text(const json_t *object, const char *key);

/* The member as a number, INT64_MAX where it is larger, or `otherwise`. */
int64_t json_count(const json_t *object, const char *key, int64_t otherwise);

/* A time in RFC 3339 as ms since 1970; INT64_MIN where there is none. */
int64_t json_time(const json_t *object, const char *key);

/* Writes `value` on one line, with six digits of every real number. False when it failed. */
bool json_write(const json_t *value, FILE *out);

#endif
