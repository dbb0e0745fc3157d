/* ranks - addresses in ascending order. */
#ifndef SPOOR_STORE_RANKS_H
#define SPOOR_STORE_RANKS_H

#include "base/addr.h"

#include <stdint.h>

/*
 * order[i]: which of addrs[0..count) comes as the i-th, by their octets; ranks[i]: as which the
 * i-th comes. Both have room for `count`.
 */
void ranks_of(const struct addr *addrs, uint32_t count, uint32_t *order, uint32_t *ranks);

#endif
