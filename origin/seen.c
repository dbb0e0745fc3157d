/*
 * DOC: Two hash tables of one make, of fixed size: slots that are chained by bucket and by age. A
 * connection is found by the end that its process holds, so that both ends of a connection within
 * one host have their own place. Buckets are drawn by a seed, as peers choose ports.
 */
#include "origin/seen.h"

#include "base/prng.h"
#include "base/util.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define NONE UINT32_MAX

struct slot {
	struct origin_record record;
	uint32_t next; /* in its bucket, or of the free ones */
	uint32_t newer, older;
};

typedef uint64_t hash_of(uint64_t seed, const struct origin_record *r);
typedef bool is_same(const struct origin_record *a, const struct origin_record *b);

struct table {
	struct slot *slots;
	uint32_t *buckets;
	hash_of *hash;
	is_same *same;
	uint64_t seed;
	uint32_t max, count, bucket_count;
	uint32_t free, newest, oldest;
};

struct seen {
	struct table tasks, flows;
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
	struct prng p = {hash ^ word};

	return prng_next(&p);
}

static uint64_t mix_end(uint64_t hash, const uint8_t addr[16], uint16_t port)
{
	uint64_t words[2];

	memcpy(words, addr, sizeof(words));
	return mix(mix(mix(hash, words[0]), words[1]), port);
}

static uint64_t task_hash(uint64_t seed, const struct origin_record *r)
{
	return mix(seed, r->process.pid);
}

static bool task_same(const struct origin_record *a, const struct origin_record *b)
{
	return a->process.pid == b->process.pid;
}

static uint64_t flow_hash(uint64_t seed, const struct origin_record *r)
{
	const struct origin_flow *f = &r->flow;
	uint64_t from = mix_end(seed, f->saddr, f->sport), to = mix_end(seed, f->daddr, f->dport);
	bool is_out = f->direction == ORIGIN_OUT;

	return mix(mix(is_out ? from : to, is_out ? to : from), f->proto);
}

/* The end that the task holds: address and port. */
static const uint8_t *near_addr(const struct origin_flow *f)
{
	return f->direction == ORIGIN_OUT ? f->saddr : f->daddr;
}

static const uint8_t *far_addr(const struct origin_flow *f)
{
	return f->direction == ORIGIN_OUT ? f->daddr : f->saddr;
}

static bool flow_same(const struct origin_record *a, const struct origin_record *b)
{
	const struct origin_flow *f = &a->flow, *g = &b->flow;
	bool is_alike = f->direction == g->direction; /* else what is near in one is far */
	uint16_t gs = is_alike ? g->sport : g->dport, gd = is_alike ? g->dport : g->sport;

	return f->proto == g->proto && f->sport == gs && f->dport == gd &&
	       (f->netns == g->netns || f->netns == 0 || g->netns == 0) &&
	       memcmp(near_addr(f), near_addr(g), 16) == 0 &&
	       memcmp(far_addr(f), far_addr(g), 16) == 0;
}

static void table_clear(struct table *t)
{
	t->count = 0;
	t->free = t->newest = t->oldest = NONE;
	for (uint32_t i = 0; i < t->bucket_count; i++)
		t->buckets[i] = NONE;
	for (uint32_t i = t->max; i-- > 0; t->free = i)
		t->slots[i].next = t->free;
}

static enum err table_init(struct table *t, uint32_t max, hash_of *hash, is_same *same)
{
	*t = (struct table){.hash = hash, .same = same, .max = max, .bucket_count = 2 * max};
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed))
		return ERR_IO;
	t->slots = calloc(max, sizeof(*t->slots));
	t->buckets = calloc(t->bucket_count, sizeof(*t->buckets));
	if (t->slots == NULL || t->buckets == NULL)
		return ERR_NOMEM;
	table_clear(t);
	return ERR_OK;
}

static uint32_t *bucket_of(const struct table *t, const struct origin_record *r)
{
	return &t->buckets[t->hash(t->seed, r) % t->bucket_count];
}

static uint32_t table_find(const struct table *t, const struct origin_record *r)
{
	uint32_t at = *bucket_of(t, r);

	while (at != NONE && !t->same(&t->slots[at].record, r))
		at = t->slots[at].next;
	return at;
}

static void age_take(struct table *t, uint32_t at)
{
	const struct slot *s = &t->slots[at];

	*(s->newer != NONE ? &t->slots[s->newer].older : &t->newest) = s->older;
	*(s->older != NONE ? &t->slots[s->older].newer : &t->oldest) = s->newer;
}

static void age_put(struct table *t, uint32_t at)
{
	struct slot *s = &t->slots[at];

	s->newer = NONE;
	s->older = t->newest;
	*(s->older != NONE ? &t->slots[s->older].newer : &t->oldest) = at;
	t->newest = at;
}

static void table_drop(struct table *t, uint32_t at)
{
	uint32_t *link = bucket_of(t, &t->slots[at].record);

	while (*link != at)
		link = &t->slots[*link].next;
	*link = t->slots[at].next;
	age_take(t, at);
	t->slots[at].next = t->free;
	t->free = at;
	t->count--;
}

static void table_put(struct table *t, const struct origin_record *r)
{
	uint32_t at = table_find(t, r);

	if (at != NONE)
		table_drop(t, at);
	else if (t->free == NONE)
		table_drop(t, t->oldest);
	at = t->free;
	t->free = t->slots[at].next;
	t->slots[at].record = *r;
	t->slots[at].next = *bucket_of(t, r);
	*bucket_of(t, r) = at;
	age_put(t, at);
	t->count++;
}

enum err seen_new(size_t max, struct seen **ret)
{
	struct seen *s = calloc(1, sizeof(*s));
	enum err err;

	CHECK(max > 0);
	CHECK(max < NONE / 2);
	if (s == NULL)
		return ERR_NOMEM;
	err = table_init(&s->tasks, (uint32_t)max, task_hash, task_same);
	if (err == ERR_OK)
		err = table_init(&s->flows, (uint32_t)max, flow_hash, flow_same);
	if (err != ERR_OK)
		seen_free(s);
	else
		*ret = s;
	return err;
}

void seen_free(struct seen *s)
{
	if (s == NULL)
		return;
	free(s->tasks.slots);
	free(s->tasks.buckets);
	free(s->flows.slots);
	free(s->flows.buckets);
	free(s);
}

static void forget(struct table *t, const struct origin_record *r)
{
	uint32_t at = table_find(t, r);

	if (at != NONE && t->slots[at].record.process.start_ns == r->process.start_ns)
		table_drop(t, at);
}

void seen_put(struct seen *s, const struct origin_record *r)
{
	uint32_t at;

	if (r->head.kind == ORIGIN_KIND_START) {
		table_clear(&s->tasks);
		table_clear(&s->flows);
	}
	if (r->process.pid == 0)
		return;
	if (r->head.kind == ORIGIN_KIND_EXIT) {
		forget(&s->tasks, r);
		return;
	}
	at = table_find(&s->tasks, r);
	/* Records of several processors may overtake each other: the pid may be another's now. */
	if (at != NONE && s->tasks.slots[at].record.process.start_ns > r->process.start_ns)
		return;
	table_put(&s->tasks, r);
	if (r->head.kind == ORIGIN_KIND_FLOW_END)
		forget(&s->flows, r);
	else if (r->flow.proto != 0)
		table_put(&s->flows, r);
}

void seen_answer(const struct origin_record *r, struct origin_record *ret)
{
	*ret = *r;
	ret->head.kind = ORIGIN_KIND_TASK;
	ret->head.seq = 0;
	ret->flow = (struct origin_flow){0};
	ret->tally = (struct origin_tally){0};
}

enum err seen_getorigin(const struct seen *s, pid_t pid, struct origin_record *ret)
{
	struct origin_record key = {.process = {.pid = (uint32_t)pid}};
	uint32_t at = table_find(&s->tasks, &key);

	if (at == NONE)
		return ERR_NOENT;
	seen_answer(&s->tasks.slots[at].record, ret);
	return ERR_OK;
}

static enum err holder(const struct seen *s, const struct origin_flow *flow,
                       enum origin_direction direction, struct origin_record *ret)
{
	struct origin_record key = {.flow = *flow};
	const struct origin_record *held;
	uint32_t at;

	key.flow.direction = (uint8_t)direction;
	at = table_find(&s->flows, &key);
	if (at == NONE)
		return ERR_NOENT;
	held = &s->flows.slots[at].record;
	/* A process that is gone holds nothing; its pid may be another's. */
	if (seen_getorigin(s, (pid_t)held->process.pid, ret) != ERR_OK ||
	    ret->process.start_ns != held->process.start_ns)
		return ERR_NOENT;
	return ERR_OK;
}

enum err seen_portpid(const struct seen *s, const struct origin_flow *flow,
                      struct origin_record *ret)
{
	enum err err;

	if (flow->direction != ORIGIN_DIRECTION_NONE)
		return holder(s, flow, flow->direction, ret);
	err = holder(s, flow, ORIGIN_OUT, ret);
	return err == ERR_OK ? ERR_OK : holder(s, flow, ORIGIN_IN, ret);
}

void seen_dump(const struct seen *s, void (*visit)(void *arg, const struct origin_record *r),
               void *arg)
{
	for (uint32_t at = s->tasks.newest; at != NONE; at = s->tasks.slots[at].older) {
		struct origin_record task;

		if (s->tasks.slots[at].record.root.proto == 0) /* nothing remote */
			continue;
		seen_answer(&s->tasks.slots[at].record, &task);
		visit(arg, &task);
	}
}

size_t seen_tasks(const struct seen *s)
{
	return s->tasks.count;
}
