#include "tools/sim/baseline.h"

#include "base/util.h"
#include "tools/sim/cast.h"
#include "tools/sim/link.h"

#include <stdlib.h>
#include <string.h>

#define BUCKET 20 /* members known at each distance */
#define ID_BITS 64
#define BEAT_MS 1000
#define LIFE_MS 30000                           /* of a query */
#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a */
#define HASH_PRIME UINT64_C(0x100000001b3)

/* clang-format off */
const struct baseline_rule baseline_rules[] = {
	{"el-ansary", "one delegate for each distance, nothing repeated (El-Ansary et al. 2003)", 1, 0, 0, 0},
	{"kadcast",   "three delegates for each distance, height carried, passed on once (eprint 2019/876)", 3, 0, 0, 0},
	{"gossip",    "six random nodes, then announced to six more in each of three rounds (as GossipSub)", 0, 6, 6, 3},
};
/* clang-format on */
const size_t baseline_rule_count = ARRAY_LEN(baseline_rules);

enum letter_kind {
	LETTER_QUERY, /* `height`: the receiver serves distances from here on */
	LETTER_HAVE,  /* "I have it" */
	LETTER_WANT,  /* "send it to me" */
	LETTER_BEAT,  /* not a letter: the node's own timer; `height` rounds are left */
};

struct letter {
	uint64_t at_ms, number; /* unique: messages of one time keep their order */
	uint32_t from, to;
	uint8_t kind, height, hops;
};

struct place { /* of a node on the ring of ids */
	uint64_t id;
	uint32_t node;
};

struct model {
	const struct baseline_rule *rule;
	struct cast cast;
	struct prng prng;
	uint64_t link_seed, table_seed;
	double loss;
	uint64_t *ids;       /* of each node */
	struct place *ring;  /* the same, by id */
	uint8_t *heard_hops; /* of the query under way; 0: not heard */
	struct letter *heap;
	size_t count, room;
	uint64_t last_number, now_ms, sent, copies, hash;
	bool is_starved; /* of memory */
};

const struct baseline_rule *baseline_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(baseline_rules); i++) {
		if (strcmp(baseline_rules[i].name, name) == 0)
			return &baseline_rules[i];
	}
	return NULL;
}

static bool is_before(const struct letter *a, const struct letter *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static void swap(struct letter *a, struct letter *b)
{
	struct letter c = *a;

	*a = *b;
	*b = c;
}

static void put(struct model *m, struct letter letter)
{
	size_t i = m->count;

	if (m->count == m->room) {
		size_t room = MAX(1024, 2 * m->room);
		struct letter *heap = realloc(m->heap, room * sizeof(*heap));

		m->is_starved = heap == NULL;
		if (m->is_starved)
			return;
		m->heap = heap;
		m->room = room;
	}
	letter.number = ++m->last_number;
	m->heap[m->count++] = letter;
	for (; i > 0 && is_before(&m->heap[i], &m->heap[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&m->heap[i], &m->heap[(i - 1) / 2]);
}

static struct letter take(struct model *m)
{
	struct letter first = m->heap[0];

	m->heap[0] = m->heap[--m->count];
	for (size_t i = 0, least = 0;; i = least) {
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < m->count; child++) {
			if (is_before(&m->heap[child], &m->heap[least]))
				least = child;
		}
		if (least == i)
			return first;
		swap(&m->heap[i], &m->heap[least]);
	}
}

static void send(struct model *m, const struct letter *cause, enum letter_kind kind, uint32_t to,
                 uint8_t height)
{
	uint64_t delay_ms = link_delay_ms(m->link_seed, &m->prng, cause->to, to);
	bool is_lost = prng_unit(&m->prng) < m->loss;
	struct letter letter = {
		.at_ms = m->now_ms + delay_ms,
		.from = cause->to,
		.to = to,
		.kind = (uint8_t)kind,
		.height = height,
		.hops = (uint8_t)MIN(cause->hops + 1, RESULT_HOPS_MAX),
	};

	m->sent++;
	if (!is_lost && letter.at_ms < LIFE_MS && m->cast.roles[to] != CAST_DEAD)
		put(m, letter);
}

static uint32_t random_other(struct model *m, uint32_t node)
{
	uint32_t other = (uint32_t)prng_below(&m->prng, m->cast.nodes - 1);

	return other + (other >= node);
}

/* How many ids of the ring are below `id`. */
static size_t ring_below(const struct model *m, uint64_t id)
{
	size_t low = 0, high = m->cast.nodes;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (m->ring[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Whom `node` knows at `distance`, that is with so many leading bits in common: all when they are
 * few, else 20 drawn once and for all. Those are a stretch of the ring.
 */
static size_t bucket(const struct model *m, uint32_t node, unsigned distance, uint32_t ret[BUCKET])
{
	uint64_t bit = UINT64_C(1) << (ID_BITS - 1 - distance);
	uint64_t least = (m->ids[node] ^ bit) & ~(bit - 1);
	size_t from = ring_below(m, least);
	size_t to = least + (bit - 1) == UINT64_MAX ? m->cast.nodes : ring_below(m, least + bit);
	struct prng p = {.state = m->table_seed ^ ((uint64_t)node << 8 | distance)};
	size_t count = 0;

	if (to - from <= BUCKET) {
		for (; from < to; from++)
			ret[count++] = m->ring[from].node;
		return count;
	}
	p.state = prng_next(&p);
	while (count < BUCKET) {
		uint32_t known = m->ring[from + prng_below(&p, to - from)].node;
		bool is_new = true;

		for (size_t i = 0; i < count; i++)
			is_new = is_new && ret[i] != known;
		if (is_new)
			ret[count++] = known;
	}
	return count;
}

static void pass_down_tree(struct model *m, const struct letter *cause)
{
	uint32_t known[BUCKET];

	for (unsigned distance = cause->height; distance < ID_BITS; distance++) {
		size_t count = bucket(m, cause->to, distance, known);

		for (size_t i = 0; i < m->rule->delegates && i < count; i++) {
			size_t j = i + prng_below(&m->prng, count - i);
			uint32_t delegate = known[j];

			known[j] = known[i];
			send(m, cause, LETTER_QUERY, delegate, (uint8_t)(distance + 1));
		}
	}
}

static void beat(struct model *m, const struct letter *cause, uint64_t at_ms, uint8_t rounds)
{
	struct letter letter = *cause;

	letter.at_ms = at_ms;
	letter.kind = LETTER_BEAT;
	letter.height = rounds;
	if (rounds > 0)
		put(m, letter);
}

/* The first copy; the one who asks passes on as everybody does. */
static void pass_on(struct model *m, const struct letter *cause)
{
	if (m->rule->delegates > 0)
		pass_down_tree(m, cause);
	for (unsigned i = 0; i < m->rule->eager; i++)
		send(m, cause, LETTER_QUERY, random_other(m, cause->to), 0);
	beat(m, cause, m->now_ms + 1 + prng_below(&m->prng, BEAT_MS), m->rule->rounds);
}

static void receive(struct model *m, const struct letter *letter, struct measure *measure)
{
	uint8_t *heard = &m->heard_hops[letter->to];

	switch ((enum letter_kind)letter->kind) {
	case LETTER_QUERY:
		m->copies++;
		if (*heard > 0)
			return;
		*heard = letter->hops;
		measure_heard(measure, m->cast.roles[letter->to] == CAST_VICTIM, m->now_ms,
		              letter->hops);
		pass_on(m, letter);
		return;
	case LETTER_HAVE:
		if (*heard == 0)
			send(m, letter, LETTER_WANT, letter->from, 0);
		return;
	case LETTER_WANT:
		send(m, letter, LETTER_QUERY, letter->from, 0);
		return;
	case LETTER_BEAT:
		for (unsigned i = 0; i < m->rule->lazy; i++)
			send(m, letter, LETTER_HAVE, random_other(m, letter->to), 0);
		beat(m, letter, m->now_ms + BEAT_MS, (uint8_t)(letter->height - 1));
		return;
	}
}

static void stir(struct model *m, uint64_t number)
{
	for (unsigned i = 0; i < 8; i++)
		m->hash = (m->hash ^ (number >> (8 * i) & 0xff)) * HASH_PRIME;
}

static void ask(struct model *m, struct measure *measure)
{
	struct letter question = {.to = cast_asker(&m->cast)};

	memset(m->heard_hops, 0, m->cast.nodes);
	m->heard_hops[question.to] = RESULT_HOPS_MAX;
	m->now_ms = 0;
	pass_on(m, &question);
	while (m->count > 0 && !m->is_starved) {
		struct letter next = take(m);

		m->now_ms = next.at_ms;
		stir(m, next.at_ms);
		stir(m, (uint64_t)next.kind << 32 | next.to);
		if (cast_is_honest(&m->cast, next.to))
			receive(m, &next, measure);
	}
	for (uint32_t i = 0; i < m->cast.nodes; i++) {
		if (cast_is_honest(&m->cast, i) && m->heard_hops[i] == 0)
			measure_missed(measure, m->cast.roles[i] == CAST_VICTIM);
	}
	measure_query_end(measure);
}

static int place_cmp(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

static bool init(struct model *m, const struct baseline_rule *rule, const struct story *story)
{
	uint32_t nodes = (uint32_t)story->nodes;
	struct prng p = {.state = story->seed};

	*m = (struct model){.rule = rule, .loss = story->loss, .hash = HASH_START};
	m->link_seed = prng_next(&p); /* as the engine draws it */
	m->table_seed = prng_next(&p);
	m->prng.state = prng_next(&p);
	m->ids = calloc(nodes, sizeof(*m->ids));
	m->ring = calloc(nodes, sizeof(*m->ring));
	m->heard_hops = calloc(nodes, 1);
	if (!cast_init(&m->cast, nodes, story->seed, story->dead, story->byzantine) ||
	    m->ids == NULL || m->ring == NULL || m->heard_hops == NULL)
		return false;
	for (uint32_t i = 0; i < nodes; i++) {
		m->ids[i] = prng_next(&p);
		m->ring[i] = (struct place){m->ids[i], i};
	}
	qsort(m->ring, nodes, sizeof(*m->ring), place_cmp);
	return true;
}

static void fini(struct model *m)
{
	cast_fini(&m->cast);
	free(m->ids);
	free(m->ring);
	free(m->heard_hops);
	free(m->heap);
}

bool baseline_run(const struct baseline_rule *rule, const struct story *story, struct result *ret)
{
	struct measure *measure = measure_new();
	struct model m;
	bool is_fine = init(&m, rule, story) && measure != NULL;

	if (is_fine && story->nodes > 1) {
		for (uint64_t i = 0; i < story->queries && !m.is_starved; i++)
			ask(&m, measure);
		is_fine = !m.is_starved;
	}
	if (is_fine) {
		*ret = (struct result){
			.receipts_mean = RESULT_NONE,
			.answered_mean = RESULT_NONE,
			.recall = RESULT_NONE,
			.datagrams = m.sent,
			.ran_ms = LIFE_MS * story->queries,
			.trace_hash = m.hash,
		};
		measure_end(measure, ret);
		if (measure->reachable > 0)
			ret->copies_per_node = (double)m.copies / (double)measure->reachable;
	}
	fini(&m);
	free(measure);
	return is_fine;
}
