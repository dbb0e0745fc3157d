#include "proto/flow/admission.h"

#include "base/util.h"
#include "proto/flow/ways.h"

#include <stdlib.h>

#define TOKEN 1000 /* so that a millisecond of the lowest rate counts */

#define PROVEN_DATAGRAMS 16
#define PROVEN_MS 10000

struct bucket {
	struct addr addr;
	int64_t first_ms, seen_ms;
	uint64_t tokens; /* thousandths */
	uint64_t datagrams;
	bool is_used;
};

struct admission {
	struct admission_rules rules;
	struct ways ways;
	struct bucket buckets[];
};

struct admission *admission_new(const struct admission_rules *rules, size_t addrs_max,
                                uint64_t seed)
{
	struct ways ways = ways_for(rules->rate > 0 ? addrs_max : 0, seed);
	struct admission *a = calloc(1, sizeof(*a) + ways_places(&ways) * sizeof(a->buckets[0]));

	if (a == NULL)
		return NULL;
	a->rules = *rules;
	a->ways = ways;
	return a;
}

void admission_free(struct admission *a)
{
	free(a);
}

bool admission_allows(const struct admission *a, const struct addr *from)
{
	const struct admission_rules *rules = &a->rules;

	if (rules->allow_count == 0)
		return true;
	for (size_t i = 0; i < rules->allow_count; i++) {
		if (prefix_has(&rules->allow[i], from))
			return true;
	}
	return false;
}

static bool is_proven(const struct bucket *b)
{
	return b->datagrams >= PROVEN_DATAGRAMS && b->seen_ms - b->first_ms >= PROVEN_MS;
}

static bool goes_before(const struct bucket *a, const struct bucket *b)
{
	if (!a->is_used || !b->is_used)
		return b->is_used;
	if (is_proven(a) != is_proven(b))
		return is_proven(b);
	return a->seen_ms < b->seen_ms;
}

static struct bucket *bucket_of(struct admission *a, const struct addr *from, int64_t now_ms)
{
	struct bucket *set = a->buckets + ways_set(&a->ways, ways_mix_addr(a->ways.seed, from));
	struct bucket *oldest = set;

	for (struct bucket *b = set; b < set + WAYS; b++) {
		if (b->is_used && addr_equal(&b->addr, from))
			return b;
		if (goes_before(b, oldest))
			oldest = b;
	}
	*oldest = (struct bucket){
		.addr = *from,
		.first_ms = now_ms,
		.seen_ms = now_ms,
		.tokens = (uint64_t)a->rules.burst * TOKEN,
		.is_used = true,
	};
	return oldest;
}

/* A clock that is set back gives none; one set forward gives a burst at most. */
static void fill(const struct admission_rules *rules, struct bucket *b, int64_t now_ms)
{
	uint64_t room = (uint64_t)rules->burst * TOKEN - b->tokens;
	int64_t passed_ms = now_ms - b->seen_ms;

	b->seen_ms = now_ms;
	if (passed_ms <= 0)
		return;
	if ((uint64_t)passed_ms >= room / rules->rate + 1)
		b->tokens += room;
	else
		b->tokens += (uint64_t)passed_ms * rules->rate;
}

enum drop admission_ask(struct admission *a, const struct addr *from, int64_t now_ms)
{
	struct bucket *b;

	if (!admission_allows(a, from))
		return DROP_NOT_ALLOWED;
	if (a->rules.rate == 0)
		return DROP_NONE;
	b = bucket_of(a, from, now_ms);
	b->datagrams++;
	fill(&a->rules, b, now_ms);
	if (b->tokens < TOKEN)
		return DROP_RATE;
	b->tokens -= TOKEN;
	return DROP_NONE;
}
