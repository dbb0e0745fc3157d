#include "store/internal.h"

#include <stdint.h>

#define ID_LEN 32

enum err store_member_put(struct store *s, const uint8_t id[32], const void *record, size_t len)
{
	MDB_val key = {.mv_size = ID_LEN, .mv_data = (void *)(uintptr_t)id};
	MDB_val value = {.mv_size = len, .mv_data = (void *)(uintptr_t)record};
	AUTO_TXN txn = NULL;
	enum err err;
	int code;

	err = env_write(&s->env, env_rounded(&s->env, len) / s->env.page_len, PAGES_TO_SPARE, &txn);
	if (err)
		return err;
	code = mdb_put(txn, s->env.members, &key, &value, 0);
	return code ? env_err(code) : env_commit(&txn);
}

enum err store_member_each(struct store *s, store_member_fn *fn, void *ctx)
{
	AUTO_TXN txn = NULL;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	enum err err;
	int code;

	err = env_read(&s->env, &txn);
	if (err)
		return err;
	code = mdb_cursor_open(txn, s->env.members, &cursor);
	if (code)
		return env_err(code);
	while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		if (key.mv_size == ID_LEN)
			fn(ctx, key.mv_data, value.mv_data, value.mv_size);
	}
	mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}
