#include "base/util.h"
#include "store/internal.h"
#include "store/large.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block stays below this part of the budget, so that retention has something to choose from. */
#define BUDGET_PART 8
#define MARK_NOTES_MAX 65536
#define FLOW_LEN_MAX 184 /* octets of a block for a flow that shares nothing with any other */

static size_t memory_octets(const struct store *s)
{
	return CHUNKS * s->block_flows * sizeof(struct flow);
}

static void memory_free(struct store *s)
{
	for (size_t i = 0; i < CHUNKS; i++)
		free(s->chunks[i].mark.notes);
	large_free(s->memory, memory_octets(s));
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->writing);
	index_free(s);
	free(s->edges.words);
	free(s->group);
	free(s->partitions);
	block_codec_free(s->codec);
	free(s);
}

/* Of the next `some`, which are not counted yet. */
static void note_flows(struct chunk *c, const struct flow *flows, size_t some)
{
	struct interval span = c->count == 0 ? (struct interval){INT64_MAX, INT64_MIN} : c->span;

	if (c->count == 0 && some > 0) {
		c->from_ms = blocks_hour_start(blocks_hour(flows[0].received_ms));
		c->until_ms = blocks_hour_start(blocks_hour(flows[0].received_ms) + 1);
		c->is_mixed = false;
	}
	for (size_t i = 0; i < some; i++) {
		const struct flow *f = &flows[i];

		c->is_mixed |= f->received_ms < c->from_ms || f->received_ms >= c->until_ms;
		span.start_ms = MIN(span.start_ms, f->start_ms);
		span.end_ms = MAX(span.end_ms, f->end_ms);
	}
	c->span = span;
	if (c->count == 0)
		c->pure = 0;
	if (!c->is_mixed)
		c->pure = c->count + some;
}

/* Everything a node's whole life of appending needs; the chunks hold what is there already. */
static enum err memory_new(struct store *s)
{
	size_t young;
	enum err err = young_read(s, NULL, 0, &young);

	while (err == ERR_OK && young > BLOCK_FLOWS_MAX) {
		err = young_promote(s);
		if (err == ERR_OK)
			err = young_read(s, NULL, 0, &young);
	}
	if (err)
		return err;
	s->block_flows = MAX(s->block_flows, young);
	s->group = calloc(s->block_flows, sizeof(*s->group));
	if (s->group == NULL)
		return ERR_NOMEM;
	s->memory = large_new(memory_octets(s));
	if (s->memory == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < CHUNKS; i++)
		s->chunks[i].flows = s->memory + i * s->block_flows;
	err = young_read(s, s->chunks[0].flows, s->block_flows, &young);
	note_flows(&s->chunks[0], s->chunks[0].flows, young);
	s->chunks[0].count = s->chunks[0].durable = young;
	s->held = young;
	return err;
}

static enum err load(struct store *s)
{
	enum err err = meta_sequence(&s->env, &s->sequence);

	if (err == ERR_OK)
		err = memory_new(s);
	if (err == ERR_OK)
		err = blocks_load(s);
	if (err == ERR_OK)
		err = index_load(s);
	if (err == ERR_OK)
		err = log_load(s);
	return err == ERR_NOENT ? ERR_CORRUPT : err;
}

static struct store *store_new(const struct store_options *options, const struct env *env)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->env = *env;
	s->block_flows = options->block_flows > 0 ? options->block_flows : STORE_BLOCK_FLOWS;
	s->block_flows = MIN(s->block_flows, env->budget / BUDGET_PART / FLOW_LEN_MAX);
	s->age_max_ms = options->age_max_ms;
	s->size_max = MIN(options->size_max, env->budget);
	s->codec = block_codec_new(env->seed);
	if (s->codec == NULL) {
		free(s);
		return NULL;
	}
	CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
	CHECK(pthread_mutex_init(&s->writing, NULL) == 0);
	return s;
}

enum err store_open(const struct store_options *options, struct store **ret,
                    char reterr[STORE_REASON_MAX])
{
	struct env env = {0};
	struct store *s;
	enum err err = env_open(&env, options, reterr);

	if (err)
		return err;
	s = store_new(options, &env);
	err = s == NULL ? ERR_NOMEM : load(s);
	if (err) {
		snprintf(reterr, STORE_REASON_MAX, "%.160s: the list of blocks: %s", options->path,
		         err_text(err));
		env_close(&env);
		if (s != NULL)
			memory_free(s);
		return err;
	}
	*ret = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->hour_now = UINT64_MAX;
	pthread_mutex_unlock(&s->lock);
	/* No one is left to hear about it. */
	(void)(store_seal(s) == ERR_OK && index_flush(s) == ERR_OK);
	env_close(&s->env);
	memory_free(s);
}

static size_t room_in(const struct store *s, const struct chunk *c)
{
	return c->is_turned ? 0 : s->block_flows - c->count;
}

enum err store_append(struct store *s, const struct flow *flows, size_t count)
{
	size_t room = 0;

	if (count > CHUNKS * s->block_flows)
		return ERR_RANGE;
	pthread_mutex_lock(&s->lock);
	for (size_t i = s->closed_chunks; i < CHUNKS; i++)
		room += room_in(s, &s->chunks[i]);
	if (count > room) {
		pthread_mutex_unlock(&s->lock);
		return s->is_full ? ERR_FULL : ERR_BUSY;
	}
	s->held += count;
	for (size_t i = s->closed_chunks; count > 0; i++) {
		struct chunk *c = &s->chunks[i];
		size_t some = MIN(count, room_in(s, c));

		memcpy(&c->flows[c->count], flows, some * sizeof(*flows));
		note_flows(c, flows, some);
		c->count += some;
		flows += some;
		count -= some;
		s->room_left = room_in(s, c);
	}
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

static bool is_hour_over(const struct store *s, const struct chunk *c)
{
	return c->count > 0 && (c->is_mixed || blocks_hour(c->flows[0].received_ms) < s->hour_now);
}

/* The chunk that takes the next flow; NULL: none has room. With `lock` held. */
static struct chunk *chunk_at_hand(struct store *s)
{
	for (size_t i = s->closed_chunks; i < CHUNKS; i++) {
		if (room_in(s, &s->chunks[i]) > 0)
			return &s->chunks[i];
	}
	return NULL;
}

size_t store_room(struct store *s)
{
	const struct chunk *c;

	if (s->room_left > 0)
		return s->room_left;
	pthread_mutex_lock(&s->lock);
	c = chunk_at_hand(s);
	s->room_left = c == NULL ? 0 : room_in(s, c);
	pthread_mutex_unlock(&s->lock);
	return s->room_left;
}

/*
 * The later mark of the two stays; of what it does not speak of, the earlier one holds. Without
 * memory, or when nothing has been sealed for that long, the earlier one goes: it holds for less
 * than is durable then.
 */
static void take_mark(struct chunk *c, struct mark *earlier, struct mark *later)
{
	if (earlier->count + later->count > MARK_NOTES_MAX || !notes_join(earlier, later))
		free(earlier->notes);
	c->mark = *later;
}

enum err store_mark(struct store *s, const struct store_note *notes, size_t count, bool is_turn)
{
	struct mark mark, earlier;
	struct chunk *c;

	if (!notes_copy(notes, count, &mark))
		return ERR_NOMEM;
	pthread_mutex_lock(&s->lock);
	c = chunk_at_hand(s);
	if (c == NULL) {
		pthread_mutex_unlock(&s->lock);
		free(mark.notes);
		return ERR_BUSY;
	}
	earlier = c->mark;
	mark.rows = c->count;
	take_mark(c, &earlier, &mark);
	c->is_turned = c->count > 0 && (is_turn || is_hour_over(s, c));
	s->room_left = room_in(s, c);
	s->is_marked = true;
	s->has_turned = s->has_turned || c->is_turned;
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

bool store_is_ready(const struct store *s)
{
	return (s->held >= s->block_flows || s->has_turned) && !s->is_full;
}

/*
 * The oldest chunk's flows of one hour: as they lie there, unless others lie between. A closed
 * chunk is read without `lock`.
 */
static const struct flow *group_of(struct store *s, uint64_t hour, size_t *ret_count)
{
	const struct chunk *c = &s->chunks[0];
	size_t count = 0;

	*ret_count = c->count;
	if (!c->is_mixed)
		return c->flows;
	for (size_t i = 0; i < c->count; i++) {
		if (blocks_hour(c->flows[i].received_ms) == hour)
			s->group[count++] = c->flows[i];
	}
	*ret_count = count;
	return s->group;
}

/*
 * The emptied chunk, of which the last place was, is the next to be filled: while seals keep up,
 * two are used in turn, near in memory, and the others are never touched.
 */
static void give_back(struct store *s, const struct chunk *empty)
{
	size_t at = 0;

	while (at < CHUNKS - 1 && (s->chunks[at].count > 0 || s->chunks[at].is_turned ||
	                           s->chunks[at].mark.notes != NULL))
		at++;
	memmove(&s->chunks[at + 1], &s->chunks[at], (CHUNKS - 1 - at) * sizeof(*empty));
	s->chunks[at] = *empty;
}

/* Takes the oldest chunk's `count` flows of one hour out of memory. With `lock` held. */
static void group_remove(struct store *s, uint64_t hour, size_t count)
{
	struct chunk *c = &s->chunks[0];
	size_t kept = 0, durable = 0, marked = 0;

	for (size_t i = 0; i < c->count && count < c->count; i++) {
		if (blocks_hour(c->flows[i].received_ms) == hour)
			continue;
		durable += i < c->durable;
		marked += i < c->mark.rows;
		c->flows[kept++] = c->flows[i];
	}
	s->held -= c->count - kept;
	c->mark.rows = marked;
	c->count = 0;
	note_flows(c, c->flows, kept);
	c->count = kept;
	c->durable = durable;
	c->is_turned = true; /* what came later lies in the next chunks already */
	if (kept == 0) {
		struct chunk empty = *c;

		free(c->mark.notes);
		empty.mark = (struct mark){.notes = NULL};
		empty.is_turned = false;
		memmove(&s->chunks[0], &s->chunks[1], (CHUNKS - 1) * sizeof(empty));
		give_back(s, &empty);
		s->closed_chunks--;
	}
}

/* Of a closed chunk; when it got full since, its mark still says more than the one before. */
static const struct mark *mark_of(const struct chunk *c)
{
	return c->mark.notes != NULL ? &c->mark : NULL;
}

/* Seals one block out of the oldest chunk. The last of the chunk takes its mark along. */
static enum err seal_group(struct store *s)
{
	struct block_key key = {
		.hour = blocks_hour(s->chunks[0].flows[0].received_ms),
		.sequence = s->sequence,
	};
	size_t count;
	const struct flow *flows = group_of(s, key.hour, &count);
	struct summary summary;
	struct block block;
	enum err err;

	err = s->pending_count == RUN_BLOCKS || index_is_apart(s, key.hour) ? index_flush(s)
	                                                                    : ERR_OK;
	if (err == ERR_OK)
		err = block_encode(s->codec, flows, count, &block);
	if (err)
		return err;
	if (!index_take(s, &block))
		return ERR_NOMEM;
	summary = (struct summary){
		.span = block.span, .count = (uint32_t)count, .len = (uint32_t)block.len};
	err = blocks_put(s, key, &summary, block.data,
	                 count == s->chunks[0].count ? mark_of(&s->chunks[0]) : NULL);
	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	s->sequence++;
	blocks_note(s, key.hour, &summary);
	index_note(s, key, &summary);
	group_remove(s, key.hour, count);
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

/*
 * Full, of several hours, or of one that is over: it gets no denser. Where marks are made, the
 * latter two wait for one. With `lock` held.
 */
static bool is_ripe(const struct store *s, const struct chunk *c)
{
	bool is_over = !s->is_marked && is_hour_over(s, c);

	return c->count > 0 &&
	       (c->count == s->block_flows || c->is_turned || is_over || s->hour_now == UINT64_MAX);
}

static void close_ripe(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->closed_chunks < CHUNKS && is_ripe(s, &s->chunks[s->closed_chunks]))
		s->closed_chunks++;
	pthread_mutex_unlock(&s->lock);
}

/*
 * What is left stays in memory, and on disk in a young block: up to the mark, if there is one. It
 * is taken out of the chunk, which may get another meanwhile. Nobody else removes flows. A young
 * block goes with the block of its hour: flows of another, which came since, wait for the next
 * seal.
 */
static enum err seal_young(struct store *s)
{
	struct chunk *c = &s->chunks[0];
	struct mark mark;
	struct block block;
	size_t count;
	enum err err;

	pthread_mutex_lock(&s->lock);
	count = MIN(s->is_marked ? c->mark.rows : c->count, c->pure);
	count = MAX(c->durable, count);
	mark = (struct mark){.notes = NULL};
	if (c->mark.rows <= c->pure) {
		mark = c->mark;
		c->mark = (struct mark){.notes = NULL};
	}
	pthread_mutex_unlock(&s->lock);
	if (count == c->durable) {
		err = store_note_put(s, mark.notes, mark.rows == count ? mark.count : 0);
	} else {
		err = block_encode(s->codec, c->flows + c->durable, count - c->durable, &block);
		if (err == ERR_OK)
			err = young_put(s, blocks_hour(c->flows[0].received_ms), &block,
			                count == mark.rows ? &mark : NULL);
	}
	pthread_mutex_lock(&s->lock);
	if (err == ERR_OK) {
		c->durable = count;
		free(mark.notes);
	} else if (c->mark.notes == NULL) {
		c->mark = mark;
	} else {
		struct mark later = c->mark;

		take_mark(c, &mark, &later);
	}
	pthread_mutex_unlock(&s->lock);
	return err;
}

enum err store_seal(struct store *s)
{
	enum err err = ERR_OK;

	pthread_mutex_lock(&s->writing);
	s->has_turned = false;
	/* Twice: what was not full at first may be now, with flows from before this call. */
	for (int i = 0; i < 2; i++) {
		close_ripe(s);
		while (err == ERR_OK && s->closed_chunks > 0)
			err = seal_group(s);
	}
	if (err == ERR_OK && s->pending_count == RUN_BLOCKS)
		err = index_flush(s);
	if (err == ERR_OK)
		err = seal_young(s);
	pthread_mutex_lock(&s->lock);
	s->closed_chunks = 0;
	if (err != ERR_FULL)
		s->wanted = 0;
	pthread_mutex_unlock(&s->lock);
	s->is_full = err == ERR_FULL;
	pthread_mutex_unlock(&s->writing);
	return err;
}

void store_stats(struct store *s, struct store_stats *ret)
{
	struct store_stats stats = {.log_octets = s->log_octets,
	                            .damaged_blocks = s->damaged_blocks,
	                            .damaged_runs = s->damaged_runs,
	                            .damaged_edges = s->damaged_edges,
	                            .stray_edges = s->stray_edges,
	                            .is_full = s->is_full};
	struct interval span = {INT64_MAX, INT64_MIN};
	size_t durable = 0;
	MDB_envinfo info;

	if (mdb_env_info(s->env.mdb, &info) == 0)
		stats.map_size = info.me_mapsize;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->partition_count; i++) {
		const struct partition *p = &s->partitions[i];

		stats.flows += p->flows;
		stats.blocks += p->blocks;
		stats.octets += p->octets;
		stats.index_octets += p->index_octets;
		span.start_ms = MIN(span.start_ms, p->span.start_ms);
		span.end_ms = MAX(span.end_ms, p->span.end_ms);
	}
	for (size_t i = 0; i < CHUNKS; i++) {
		if (s->chunks[i].count == 0)
			continue;
		span.start_ms = MIN(span.start_ms, s->chunks[i].span.start_ms);
		span.end_ms = MAX(span.end_ms, s->chunks[i].span.end_ms);
	}
	stats.partitions = s->partition_count;
	for (size_t i = 0; i < CHUNKS; i++)
		durable += s->chunks[i].durable;
	stats.flows += durable;
	stats.octets += s->young_octets;
	stats.unsealed = s->held - durable;
	stats.edge_octets = s->edges.octets;
	stats.edge_gap_ms = s->edges.holes > 0 ? 0 : s->edges.gap_ms;
	stats.expired_flows = s->expired_flows;
	pthread_mutex_unlock(&s->lock);
	if (stats.flows + stats.unsealed > 0) {
		stats.oldest_ms = span.start_ms;
		stats.newest_ms = span.end_ms;
	}
	*ret = stats;
}
