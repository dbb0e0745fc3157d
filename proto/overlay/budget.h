/*
 * budget - how much of something somebody may have: token buckets, and tables of them.
 *
 * A table has no entry for each prefix or organisation that there is, but a fixed number of buckets
 * chosen by a keyed hash: strangers can fill them all and none grows. Who shares a bucket with a
 * flooder shares its fate; the key, our own, keeps a flooder from choosing with whom.
 */
#ifndef SPOOR_PROTO_OVERLAY_BUDGET_H
#define SPOOR_PROTO_OVERLAY_BUDGET_H

#include "base/addr.h"
#include "base/clock.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget { /* `tokens` as of `at`; ms 0: full */
	struct mono at;
	uint32_t tokens;
};

struct budget_rate {
	uint32_t per_minute, burst;
};

#define BUDGETS 512

struct budgets {
	struct id key;
	struct budget of[BUDGETS];
};

/* Are there `count` tokens? Then they are spent. */
bool budget_take(struct budget *b, struct mono now, struct budget_rate rate, uint32_t count);

/* `count` were spent, whether they were there or not: what is owed has to grow back first. */
void budget_charge(struct budget *b, struct mono now, struct budget_rate rate, uint32_t count);

/* The bucket of the /24 or /48 that `a` lies in. */
struct budget *budget_of_prefix(struct budgets *t, const struct addr *a);
/* The bucket of a member. */
struct budget *budget_of_id(struct budgets *t, const struct id *id);
/* The bucket of a name. */
struct budget *budget_of_name(struct budgets *t, const char *name);

#endif
