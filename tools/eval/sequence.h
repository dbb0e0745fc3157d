/* sequence - how often the order of two hops of a chain is told right. */
#ifndef SPOOR_TOOLS_EVAL_SEQUENCE_H
#define SPOOR_TOOLS_EVAL_SEQUENCE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* A row for each way of logging in and each clock: an array the caller owns. */
json_t *sequence_study(uint64_t seed, size_t chains);

#endif
