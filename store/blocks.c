#include "base/bytes.h"
#include "base/util.h"
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUMMARY_LEN 24
#define HOUR_MS 3600000

uint64_t blocks_hour(int64_t received_ms)
{
	return received_ms < 0 ? 0 : (uint64_t)received_ms / HOUR_MS;
}

int64_t blocks_hour_start(uint64_t hour)
{
	return hour == 0                    ? INT64_MIN
	       : hour > INT64_MAX / HOUR_MS ? INT64_MAX
	                                    : (int64_t)hour * HOUR_MS;
}

struct block_key blocks_key_read(const uint8_t wire[BLOCK_KEY_LEN])
{
	struct bytes in = bytes_of(wire, BLOCK_KEY_LEN);
	uint64_t hour = bytes_uint(&in, 8);

	return (struct block_key){.hour = hour, .sequence = bytes_uint(&in, 8)};
}

void blocks_key_write(struct block_key key, uint8_t ret[BLOCK_KEY_LEN])
{
	struct octets out = octets_of(ret, BLOCK_KEY_LEN);

	octets_uint(&out, key.hour, 8);
	octets_uint(&out, key.sequence, 8);
}

bool blocks_summary_read(const MDB_val *value, struct summary *ret)
{
	struct bytes in = bytes_of(value->mv_data, value->mv_size);

	if (value->mv_size != SUMMARY_LEN)
		return false;
	ret->span.start_ms = (int64_t)bytes_uint(&in, 8);
	ret->span.end_ms = (int64_t)bytes_uint(&in, 8);
	ret->count = (uint32_t)bytes_uint(&in, 4);
	ret->len = (uint32_t)bytes_uint(&in, 4);
	return true;
}

static void summary_write(const struct summary *summary, uint8_t ret[SUMMARY_LEN])
{
	struct octets out = octets_of(ret, SUMMARY_LEN);

	octets_uint(&out, (uint64_t)summary->span.start_ms, 8);
	octets_uint(&out, (uint64_t)summary->span.end_ms, 8);
	octets_uint(&out, summary->count, 4);
	octets_uint(&out, summary->len, 4);
}

int blocks_summary_put(struct store *s, MDB_txn *txn, struct block_key key,
                       const struct summary *summary)
{
	uint8_t key_wire[BLOCK_KEY_LEN], wire[SUMMARY_LEN];
	MDB_val k = env_val(key_wire, sizeof(key_wire));
	MDB_val v = env_val(wire, sizeof(wire));

	blocks_key_write(key, key_wire);
	summary_write(summary, wire);
	return mdb_put(txn, s->env.summaries, &k, &v, 0);
}

static struct partition partition_empty(uint64_t hour)
{
	return (struct partition){.hour = hour, .span = {INT64_MAX, INT64_MIN}};
}

static void partition_add(const struct env *env, struct partition *p, const struct summary *summary)
{
	p->blocks++;
	p->flows += summary->count;
	p->octets += env_rounded(env, summary->len);
	p->span.start_ms = MIN(p->span.start_ms, summary->span.start_ms);
	p->span.end_ms = MAX(p->span.end_ms, summary->span.end_ms);
}

/* The place of `hour`, where it is or belongs. */
static size_t partition_place(const struct store *s, uint64_t hour)
{
	size_t low = 0;
	size_t high = s->partition_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (s->partitions[middle].hour < hour)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool partition_room(struct store *s)
{
	struct partition *grown;
	size_t room = s->partition_room == 0 ? 64 : 2 * s->partition_room;

	if (s->partition_count < s->partition_room)
		return true;
	grown = realloc(s->partitions, room * sizeof(*grown));
	if (grown == NULL)
		return false;
	s->partitions = grown;
	s->partition_room = room;
	return true;
}

void blocks_note(struct store *s, uint64_t hour, const struct summary *summary)
{
	size_t i = partition_place(s, hour);

	if (i == s->partition_count || s->partitions[i].hour != hour) {
		CHECK(s->partition_count < s->partition_room);
		memmove(&s->partitions[i + 1], &s->partitions[i],
		        (s->partition_count - i) * sizeof(s->partitions[0]));
		s->partitions[i] = partition_empty(hour);
		s->partition_count++;
	}
	partition_add(&s->env, &s->partitions[i], summary);
}

bool blocks_next(struct store *s, struct interval when, struct block_key *at)
{
	size_t i;

	pthread_mutex_lock(&s->lock);
	i = partition_place(s, at->hour);
	while (i < s->partition_count && !interval_overlaps(s->partitions[i].span, when))
		i++;
	if (i < s->partition_count && s->partitions[i].hour != at->hour)
		*at = (struct block_key){.hour = s->partitions[i].hour};
	pthread_mutex_unlock(&s->lock);
	return i < s->partition_count;
}

uint64_t blocks_octets(const struct store *s)
{
	uint64_t octets = 0;

	for (size_t i = 0; i < s->partition_count; i++)
		octets += s->partitions[i].octets + s->partitions[i].index_octets;
	return octets;
}

uint64_t blocks_taken(const struct store *s)
{
	return blocks_octets(s) + s->young_octets + s->log_octets;
}

void blocks_note_index(struct store *s, uint64_t hour, uint64_t octets)
{
	size_t i = partition_place(s, hour);

	if (i < s->partition_count && s->partitions[i].hour == hour)
		s->partitions[i].index_octets += octets;
}

enum err blocks_load(struct store *s)
{
	AUTO_WALK walk;
	MDB_val key;
	MDB_val value;
	struct summary summary;
	enum err err = env_walk(&s->env, s->env.summaries, &walk);
	int code;

	if (err)
		return err;
	while ((code = mdb_cursor_get(walk.cursor, &key, &value, MDB_NEXT)) == 0) {
		if (!partition_room(s)) {
			code = ENOMEM;
			break;
		}
		if (key.mv_size == BLOCK_KEY_LEN && blocks_summary_read(&value, &summary))
			blocks_note(s, blocks_key_read(key.mv_data).hour, &summary);
	}
	return code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

static enum err block_write(struct store *s, struct block_key key, const struct summary *summary,
                            const uint8_t *block, const struct mark *mark)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val k = env_val(wire, sizeof(wire));
	MDB_val v = env_val(NULL, summary->len);
	AUTO_TXN txn = NULL;
	size_t pages = env_rounded(&s->env, summary->len) / s->env.page_len;
	uint64_t young;
	enum err err;
	int code;

	if (mark != NULL)
		pages += notes_pages(s, mark->notes, mark->count);
	blocks_key_write(key, wire);
	err = env_write(&s->env, pages, PAGES_TO_SPARE, &txn);
	if (err)
		return err;
	code = mdb_put(txn, s->env.blocks, &k, &v, MDB_NOOVERWRITE | MDB_RESERVE);
	if (code)
		return env_err(code);
	memcpy(v.mv_data, block, summary->len);
	code = blocks_summary_put(s, txn, key, summary);
	if (code == 0)
		code = young_delete(s, txn, key.hour, &young);
	if (code)
		return env_err(code);
	err = meta_sequence_put(&s->env, txn, key.sequence + 1);
	if (err == ERR_OK && mark != NULL)
		err = notes_put(s, txn, mark->notes, mark->count, pages);
	if (err == ERR_OK)
		err = env_commit(&txn);
	if (err == ERR_OK)
		s->young_octets -= young;
	return err;
}

enum err blocks_want(struct store *s, enum err err, uint64_t octets)
{
	if (err == ERR_FULL) {
		pthread_mutex_lock(&s->lock);
		s->wanted = octets + PAGES_ANY * s->env.page_len;
		pthread_mutex_unlock(&s->lock);
	}
	return err;
}

enum err blocks_put(struct store *s, struct block_key key, const struct summary *summary,
                    const uint8_t *block, const struct mark *mark)
{
	uint64_t octets = env_rounded(&s->env, summary->len);
	enum err err = ERR_OK;

	pthread_mutex_lock(&s->lock);
	if (blocks_taken(s) + octets > s->env.budget)
		err = ERR_FULL;
	else if (!partition_room(s))
		err = ERR_NOMEM;
	pthread_mutex_unlock(&s->lock);
	if (err == ERR_OK)
		err = block_write(s, key, summary, block, mark);
	return blocks_want(s, err, octets);
}

/* The first summary of `hour`. */
static int first_of(MDB_cursor *cursor, uint64_t hour, struct block_key *ret_key,
                    struct summary *ret_summary)
{
	uint8_t wire[BLOCK_KEY_LEN];
	MDB_val key = env_val(wire, sizeof(wire));
	MDB_val value;
	int code;

	blocks_key_write((struct block_key){.hour = hour}, wire);
	code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
	if (code)
		return code;
	if (key.mv_size != BLOCK_KEY_LEN)
		return MDB_CORRUPTED;
	*ret_key = blocks_key_read(key.mv_data);
	if (!blocks_summary_read(&value, ret_summary))
		*ret_summary = (struct summary){.len = 0};
	return ret_key->hour == hour ? 0 : MDB_NOTFOUND;
}

/* Deletes within a transaction; `ret_gone` sums up what went. */
static int delete_some(struct store *s, MDB_txn *txn, MDB_cursor *cursor, size_t max,
                       uint64_t octets, struct partition *ret_gone, struct block_key *ret_upto)
{
	struct partition gone = partition_empty(ret_gone->hour);
	int code = 0;

	while (gone.blocks < max && gone.octets < octets) {
		uint8_t wire[BLOCK_KEY_LEN];
		MDB_val key = env_val(wire, sizeof(wire));
		struct summary summary;
		struct block_key found;

		code = first_of(cursor, gone.hour, &found, &summary);
		if (code)
			break;
		blocks_key_write(found, wire);
		code = mdb_del(txn, s->env.blocks, &key, NULL);
		if (code == 0 || code == MDB_NOTFOUND)
			code = mdb_cursor_del(cursor, 0);
		if (code)
			break;
		partition_add(&s->env, &gone, &summary);
		*ret_upto = found;
	}
	*ret_gone = gone;
	return code == MDB_NOTFOUND ? 0 : code;
}

/* Sums up what the transaction leaves of the partition. */
static int sum_rest(struct store *s, MDB_cursor *cursor, struct partition *ret_rest)
{
	struct partition rest = partition_empty(ret_rest->hour);
	struct block_key found;
	struct summary summary;
	MDB_val key;
	MDB_val value;
	int code = first_of(cursor, rest.hour, &found, &summary);

	while (code == 0) {
		partition_add(&s->env, &rest, &summary);
		code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
		if (code == 0 && blocks_key_read(key.mv_data).hour != rest.hour)
			break;
		if (code == 0 && !blocks_summary_read(&value, &summary))
			summary = (struct summary){.len = 0};
	}
	*ret_rest = rest;
	return code == MDB_NOTFOUND ? 0 : code;
}

static void partition_replace(struct store *s, const struct partition *rest,
                              const struct partition *gone, struct block_key upto)
{
	size_t i;

	pthread_mutex_lock(&s->lock);
	i = partition_place(s, rest->hour);
	CHECK(i < s->partition_count);
	s->partitions[i] = *rest;
	if (rest->blocks == 0) {
		s->partition_count--;
		memmove(&s->partitions[i], &s->partitions[i + 1],
		        (s->partition_count - i) * sizeof(s->partitions[0]));
	}
	s->expired_flows += gone->flows;
	index_forget(s, upto);
	pthread_mutex_unlock(&s->lock);
}

/* What the index takes of an hour once `gone` of it went. */
static uint64_t index_left(struct store *s, uint64_t hour, uint64_t gone)
{
	uint64_t octets;

	pthread_mutex_lock(&s->lock);
	octets = s->partitions[partition_place(s, hour)].index_octets;
	pthread_mutex_unlock(&s->lock);
	return octets - MIN(octets, gone);
}

static enum err drop_once(struct store *s, uint64_t hour, size_t max, uint64_t octets)
{
	struct partition gone = {.hour = hour};
	struct partition rest = {.hour = hour};
	struct block_key upto = {0};
	AUTO_TXN txn = NULL;
	MDB_cursor *cursor;
	enum err err;
	int code;

	err = env_write(&s->env, 0, PAGES_ANY, &txn);
	if (err)
		return err;
	code = mdb_cursor_open(txn, s->env.summaries, &cursor);
	if (code)
		return env_err(code);
	code = delete_some(s, txn, cursor, max, octets, &gone, &upto);
	if (code == 0)
		code = sum_rest(s, cursor, &rest);
	mdb_cursor_close(cursor);
	if (rest.blocks == 0)
		upto = (struct block_key){.hour = hour, .sequence = UINT64_MAX};
	if (code == 0)
		code = index_delete(s, txn, upto, &gone.index_octets);
	if (code)
		return env_err(code);
	err = env_commit(&txn);
	if (err)
		return err;
	rest.index_octets = index_left(s, hour, gone.index_octets);
	partition_replace(s, &rest, &gone, upto);
	return ERR_OK;
}

enum err blocks_drop(struct store *s, uint64_t hour, size_t max, uint64_t octets)
{
	enum err err = drop_once(s, hour, max, octets);

	while (err == ERR_FULL && max > 1) {
		max /= 2;
		err = drop_once(s, hour, max, octets);
	}
	return err;
}
