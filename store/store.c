#include "base/util.h"
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A block stays below this part of the budget, so that retention has something to choose from. */
#define BUDGET_PART 8

static void memory_free(struct store *s)
{
	for (size_t i = 0; i < CHUNKS; i++)
		free(s->chunks[i].flows);
	free(s->group);
	free(s->partitions);
	block_codec_free(s->codec);
	free(s);
}

/* Everything a node's whole life of appending needs. */
static struct store *memory_new(const struct store_options *options, struct env env)
{
	struct store *s = calloc(1, sizeof(*s));
	bool is_whole;

	if (s == NULL)
		return NULL;
	s->env = env;
	s->block_flows = options->block_flows > 0 ? options->block_flows : STORE_BLOCK_FLOWS;
	s->age_max_ms = options->age_max_ms;
	s->codec = block_codec_new(s->env.seed);
	s->group = calloc(s->block_flows, sizeof(*s->group));
	is_whole = s->codec != NULL && s->group != NULL;
	for (size_t i = 0; i < CHUNKS; i++) {
		s->chunks[i].flows = calloc(s->block_flows, sizeof(struct flow));
		is_whole = is_whole && s->chunks[i].flows != NULL;
	}
	if (!is_whole) {
		memory_free(s);
		return NULL;
	}
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
	s = memory_new(options, env);
	if (s == NULL) {
		env_close(&env);
		snprintf(reterr, STORE_REASON_MAX, "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	s->size_max = MIN(options->size_max, env.budget);
	err = meta_sequence(&s->env, &s->sequence);
	if (err == ERR_OK)
		err = blocks_load(s);
	if (err == ERR_OK)
		err = log_load(s);
	if (err) {
		snprintf(reterr, STORE_REASON_MAX, "%.160s: the list of blocks: %s", options->path,
		         err_text(err));
		env_close(&s->env);
		memory_free(s);
		return err == ERR_NOENT ? ERR_CORRUPT : err;
	}
	CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
	CHECK(pthread_mutex_init(&s->writing, NULL) == 0);
	*ret = s;
	return ERR_OK;
}

void store_close(struct store *s)
{
	if (s == NULL)
		return;
	(void)(store_seal(s) == ERR_OK); /* no one is left to hear about it */
	env_close(&s->env);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->writing);
	memory_free(s);
}

enum err store_append(struct store *s, const struct flow *flows, size_t count)
{
	size_t room = 0;

	if (count > CHUNKS * s->block_flows)
		return ERR_RANGE;
	pthread_mutex_lock(&s->lock);
	for (size_t i = s->closed_chunks; i < CHUNKS; i++)
		room += s->block_flows - s->chunks[i].count;
	if (count > room) {
		pthread_mutex_unlock(&s->lock);
		return s->is_full ? ERR_FULL : ERR_BUSY;
	}
	s->unsealed += count;
	for (size_t i = s->closed_chunks; count > 0; i++) {
		struct chunk *c = &s->chunks[i];
		size_t some = MIN(count, s->block_flows - c->count);

		memcpy(&c->flows[c->count], flows, some * sizeof(*flows));
		c->count += some;
		flows += some;
		count -= some;
	}
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

bool store_is_ready(const struct store *s)
{
	return s->unsealed >= s->block_flows && !s->is_full;
}

/* Copies the oldest chunk's first flows of one hour. A closed chunk is read without `lock`. */
static size_t group_take(struct store *s, uint64_t hour)
{
	const struct chunk *c = &s->chunks[0];
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++) {
		if (blocks_hour(c->flows[i].received_ms) == hour)
			s->group[count++] = c->flows[i];
	}
	return count;
}

/* Takes the oldest chunk's first `count` flows of one hour out of memory. With `lock` held. */
static void group_remove(struct store *s, uint64_t hour, size_t count)
{
	struct chunk *c = &s->chunks[0];
	size_t kept = 0;

	s->unsealed -= count;
	for (size_t i = 0; i < c->count; i++) {
		if (count > 0 && blocks_hour(c->flows[i].received_ms) == hour)
			count--;
		else
			c->flows[kept++] = c->flows[i];
	}
	c->count = kept;
	if (kept == 0) {
		struct chunk empty = *c;

		memmove(&s->chunks[0], &s->chunks[1], (CHUNKS - 1) * sizeof(empty));
		s->chunks[CHUNKS - 1] = empty;
		s->closed_chunks--;
	}
}

/* Seals one block out of the oldest chunk. */
static enum err seal_group(struct store *s)
{
	struct block_key key = {
		.hour = blocks_hour(s->chunks[0].flows[0].received_ms),
		.sequence = s->sequence,
	};
	size_t count = group_take(s, key.hour);
	struct summary summary;
	struct block block;
	enum err err;

	err = block_encode(s->codec, s->group, count, &block);
	while (err == ERR_OK && count > 1 && block.len > s->env.budget / BUDGET_PART) {
		count /= 2;
		err = block_encode(s->codec, s->group, count, &block);
	}
	if (err)
		return err;
	summary = (struct summary){.span = block_span(s->group, count),
	                           .count = (uint32_t)count,
	                           .len = (uint32_t)block.len};
	err = blocks_put(s, key, &summary, block.data);
	if (err)
		return err;
	pthread_mutex_lock(&s->lock);
	s->sequence++;
	blocks_note(s, key.hour, &summary);
	group_remove(s, key.hour, count);
	pthread_mutex_unlock(&s->lock);
	return ERR_OK;
}

enum err store_seal(struct store *s)
{
	enum err err = ERR_OK;

	pthread_mutex_lock(&s->writing);
	pthread_mutex_lock(&s->lock);
	while (s->closed_chunks < CHUNKS && s->chunks[s->closed_chunks].count > 0)
		s->closed_chunks++;
	pthread_mutex_unlock(&s->lock);
	while (err == ERR_OK && s->closed_chunks > 0)
		err = seal_group(s);
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
	                            .is_full = s->is_full};
	struct interval span = {INT64_MAX, INT64_MIN};
	MDB_envinfo info;

	if (mdb_env_info(s->env.mdb, &info) == 0)
		stats.map_size = info.me_mapsize;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->partition_count; i++) {
		const struct partition *p = &s->partitions[i];

		stats.flows += p->flows;
		stats.blocks += p->blocks;
		stats.octets += p->octets;
		span.start_ms = MIN(span.start_ms, p->span.start_ms);
		span.end_ms = MAX(span.end_ms, p->span.end_ms);
	}
	for (size_t i = 0; i < CHUNKS; i++) {
		struct interval held = block_span(s->chunks[i].flows, s->chunks[i].count);

		span.start_ms = MIN(span.start_ms, held.start_ms);
		span.end_ms = MAX(span.end_ms, held.end_ms);
	}
	stats.partitions = s->partition_count;
	stats.unsealed = s->unsealed;
	stats.expired_flows = s->expired_flows;
	pthread_mutex_unlock(&s->lock);
	if (stats.flows + stats.unsealed > 0) {
		stats.oldest_ms = span.start_ms;
		stats.newest_ms = span.end_ms;
	}
	*ret = stats;
}
