/*
 * timestamp - times and spans as people write them.
 *
 * Times are milliseconds since 1970, UTC. In: RFC 3339, "@epoch", "-15m" (before now), "now". Out:
 * RFC 3339 with milliseconds, "2026-11-22T01:05:31.943Z".
 */
#ifndef SPOOR_BASE_TIMESTAMP_H
#define SPOOR_BASE_TIMESTAMP_H

#include "base/clock.h"
#include "base/err.h"

#include <stdint.h>

#define TIMESTAMP_TEXT_MAX 64 /* with its NUL; 24 are used, the rest calms the compiler */
#define DURATION_TEXT_MAX 48

/*
 * ERR_FORMAT   not a time
 * ERR_RANGE    a date that does not exist, or a year outside 1970..9999
 */
MUST_USE enum err timestamp_parse(const char *text, struct wall now, int64_t *ret_ms);

const char *timestamp_print(int64_t ms, char room[TIMESTAMP_TEXT_MAX]);

/* "250ms", "15s", "2m", "6h", "30d", "4w". ERR_FORMAT, or ERR_RANGE above 1000 years. */
MUST_USE enum err duration_parse(const char *text, int64_t *ret_ms);

/* The two largest units: "10m 28s", "3d 4h", "0.250s". */
const char *duration_print(int64_t ms, char room[DURATION_TEXT_MAX]);

/* "4096", "64KiB", "16MiB", "4GiB", "1TiB". ERR_FORMAT, or ERR_RANGE above 2^63-1. */
MUST_USE enum err size_parse(const char *text, uint64_t *ret_octets);

/* A whole decimal number, nothing else. ERR_FORMAT, or ERR_RANGE above `max`. */
MUST_USE enum err number_parse(const char *text, uint64_t max, uint64_t *ret);

#endif
