#include "proto/overlay/budget.h"

#include "base/util.h"

#include <string.h>

bool budget_take(struct budget *b, struct mono now, struct budget_rate rate, uint32_t count)
{
	uint64_t passed_ms = now.ms > b->at.ms ? now.ms - b->at.ms : 0;
	uint64_t grown = b->at.ms == 0 ? rate.burst : passed_ms * rate.per_minute / 60000;

	if (grown > 0) {
		bool is_full = b->at.ms == 0 || b->tokens + grown >= rate.burst;

		b->tokens = is_full ? rate.burst : b->tokens + (uint32_t)grown;
		/* What is not a whole token yet counts on, unless there is no room for it. */
		b->at.ms = is_full ? MAX(now.ms, 1) : b->at.ms + grown * 60000 / rate.per_minute;
	}
	if (b->tokens < count)
		return false;
	b->tokens -= count;
	return true;
}

void budget_charge(struct budget *b, struct mono now, struct budget_rate rate, uint32_t count)
{
	uint64_t owed;

	(void)budget_take(b, now, rate, 0);
	owed = count - MIN(b->tokens, count);
	b->tokens -= MIN(b->tokens, count);
	if (owed > 0) /* nothing grows before then */
		b->at.ms = MAX(b->at.ms, now.ms) + owed * 60000 / rate.per_minute;
}

/* FNV-1a that begins with the key: enough where a guess gains no more than one bucket. */
static struct budget *pick(struct budgets *t, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < sizeof(t->key.octets); i++)
		h = (h ^ t->key.octets[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < len; i++)
		h = (h ^ at[i]) * UINT64_C(0x100000001b3);
	return &t->of[(h ^ h >> 29) % BUDGETS];
}

struct budget *budget_of_prefix(struct budgets *t, const struct addr *a)
{
	return pick(t, a->octets, addr_network_bits(a) / 8);
}

struct budget *budget_of_id(struct budgets *t, const struct id *id)
{
	return pick(t, id->octets, sizeof(id->octets));
}

struct budget *budget_of_name(struct budgets *t, const char *name)
{
	return pick(t, name, strlen(name));
}
