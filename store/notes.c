#include "base/util.h"
#include "store/internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEY_LEN (1 + STORE_NOTE_KEY) /* kind, key */

static void key_write(uint8_t kind, const uint8_t key[STORE_NOTE_KEY], uint8_t ret[KEY_LEN])
{
	ret[0] = kind;
	memcpy(ret + 1, key, STORE_NOTE_KEY);
}

static int put(struct store *s, MDB_txn *txn, const struct store_note *note)
{
	uint8_t wire[KEY_LEN];
	MDB_val key = {.mv_size = KEY_LEN, .mv_data = wire};
	MDB_val value = {.mv_size = note->len, .mv_data = (void *)(uintptr_t)note->value};
	int code;

	key_write(note->kind, note->key, wire);
	if (note->len > 0)
		return mdb_put(txn, s->env.notes, &key, &value, 0);
	code = mdb_del(txn, s->env.notes, &key, NULL);
	return code == MDB_NOTFOUND ? 0 : code;
}

enum err notes_put(struct store *s, MDB_txn *txn, const struct store_note *notes, size_t count,
                   size_t pages)
{
	int code = 0;

	for (size_t i = 0; i < count && code == 0; i++)
		code = put(s, txn, &notes[i]);
	return code ? env_err(code) : env_leaves(&s->env, txn, 2 * pages + PAGES_ANY, PAGES_ANY);
}

size_t notes_pages(struct store *s, const struct store_note *notes, size_t count)
{
	size_t pages = 0;

	for (size_t i = 0; i < count; i++)
		pages += env_rounded(&s->env, notes[i].len) / s->env.page_len;
	return pages;
}

bool notes_copy(const struct store_note *notes, size_t count, struct mark *ret)
{
	size_t len = count * sizeof(*notes);
	struct store_note *copy;
	uint8_t *at;

	for (size_t i = 0; i < count; i++)
		len += notes[i].len;
	copy = malloc(MAX(len, 1));
	if (copy == NULL)
		return false;
	at = (uint8_t *)(copy + count);
	for (size_t i = 0; i < count; i++) {
		copy[i] = notes[i];
		copy[i].value = at;
		if (notes[i].len > 0)
			memcpy(at, notes[i].value, notes[i].len);
		at += notes[i].len;
	}
	*ret = (struct mark){.notes = copy, .count = count};
	return true;
}

bool notes_join(struct mark *older, struct mark *ret)
{
	size_t count = older->count + ret->count;
	struct store_note *all = malloc(MAX(count, 1) * sizeof(*all));
	struct mark joined;
	bool is_good;

	if (all == NULL)
		return false;
	if (older->count > 0)
		memcpy(all, older->notes, older->count * sizeof(*all));
	if (ret->count > 0)
		memcpy(all + older->count, ret->notes, ret->count * sizeof(*all));
	is_good = notes_copy(all, count, &joined);
	free(all);
	if (!is_good)
		return false;
	joined.rows = ret->rows;
	free(older->notes);
	free(ret->notes);
	*older = (struct mark){.notes = NULL};
	*ret = joined;
	return true;
}

enum err store_note_put(struct store *s, const struct store_note *notes, size_t count)
{
	size_t pages = notes_pages(s, notes, count);
	AUTO_TXN txn = NULL;
	enum err err = ERR_OK;

	if (count > 0)
		err = env_write(&s->env, pages, PAGES_TO_SPARE, &txn);
	if (err || count == 0)
		return err;
	err = notes_put(s, txn, notes, count, pages);
	return err ? err : env_commit(&txn);
}

enum err store_note_each(struct store *s, uint8_t kind, store_note_fn *fn, void *ctx)
{
	static const uint8_t first[STORE_NOTE_KEY];
	uint8_t wire[KEY_LEN];
	MDB_val key = {.mv_size = KEY_LEN, .mv_data = wire}, value;
	AUTO_WALK walk;
	enum err err = env_walk(&s->env, s->env.notes, &walk);
	int code;

	if (err)
		return err;
	key_write(kind, first, wire);
	for (code = mdb_cursor_get(walk.cursor, &key, &value, MDB_SET_RANGE); code == 0;
	     code = mdb_cursor_get(walk.cursor, &key, &value, MDB_NEXT)) {
		const uint8_t *at = key.mv_data;

		if (key.mv_size == KEY_LEN && at[0] == kind)
			fn(ctx, at + 1, value.mv_data, value.mv_size);
		else if (at[0] > kind)
			break; /* an earlier version's keys are of another length: passed over */
	}
	return code == 0 || code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}
