#include "base/bytes.h"
#include "base/util.h"
#include "store/internal.h"

#include <string.h>
#include <sys/random.h>

#define FORMAT 3 /* of the sub-databases, their keys and values */

static MDB_val text_val(const char *text)
{
	return (MDB_val){.mv_size = strlen(text), .mv_data = (char *)(uintptr_t)text};
}

static enum err number_get(struct env *env, MDB_txn *txn, const char *name, uint64_t *ret)
{
	MDB_val key = text_val(name);
	MDB_val value;
	struct bytes in;
	int code = mdb_get(txn, env->meta, &key, &value);

	if (code)
		return env_err(code);
	in = bytes_of(value.mv_data, value.mv_size);
	*ret = bytes_uint(&in, 8);
	return in.is_short ? ERR_CORRUPT : ERR_OK;
}

static enum err number_put(struct env *env, MDB_txn *txn, const char *name, uint64_t number)
{
	uint8_t wire[8];
	struct octets out = octets_of(wire, sizeof(wire));
	MDB_val key = text_val(name);
	MDB_val value = {.mv_size = sizeof(wire), .mv_data = wire};

	octets_uint(&out, number, sizeof(wire));
	return env_err(mdb_put(txn, env->meta, &key, &value, 0));
}

enum err meta_sequence(struct env *env, uint64_t *ret)
{
	AUTO_TXN txn = NULL;
	enum err err = env_read(env, &txn);

	return err ? err : number_get(env, txn, "sequence", ret);
}

enum err meta_sequence_put(struct env *env, MDB_txn *txn, uint64_t sequence)
{
	return number_put(env, txn, "sequence", sequence);
}

enum err meta_log_next(struct env *env, MDB_txn *txn, uint64_t *ret)
{
	enum err err = number_get(env, txn, "log-next", ret);

	if (err == ERR_NOENT)
		*ret = 1;
	return err == ERR_NOENT ? ERR_OK : err;
}

enum err meta_log_next_put(struct env *env, MDB_txn *txn, uint64_t next)
{
	return number_put(env, txn, "log-next", next);
}

enum err meta_log_state(struct env *env, MDB_txn *txn, MDB_val *ret)
{
	MDB_val key = text_val("log-state");
	int code = mdb_get(txn, env->meta, &key, ret);

	if (code == MDB_NOTFOUND)
		*ret = (MDB_val){0};
	return code == MDB_NOTFOUND ? ERR_OK : env_err(code);
}

enum err meta_log_state_put(struct env *env, MDB_txn *txn, const void *state, size_t len)
{
	MDB_val key = text_val("log-state");
	MDB_val value = {.mv_size = len, .mv_data = (void *)(uintptr_t)state};

	return env_err(mdb_put(txn, env->meta, &key, &value, 0));
}

enum err meta_seed(struct env *env, MDB_txn *txn)
{
	return number_get(env, txn, "seed", &env->seed);
}

static enum err start_new(struct env *env, MDB_txn *txn)
{
	uint64_t seed;
	enum err err;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return ERR_IO;
	err = number_put(env, txn, "format", FORMAT);
	if (err == ERR_OK)
		err = number_put(env, txn, "seed", seed);
	return err ? err : meta_sequence_put(env, txn, 1);
}

enum err meta_open(struct env *env, MDB_txn *txn, const char **ret_reason)
{
	const struct {
		const char *name;
		MDB_dbi *dbi;
		bool is_later; /* a store may have been made before there was such a thing */
	} tables[META_TABLES] = {
		{"meta", &env->meta, false},           {"blocks", &env->blocks, false},
		{"summaries", &env->summaries, false}, {"young", &env->young, true},
		{"index", &env->index, true},          {"edges", &env->edges, true},
		{"members", &env->notes, false},       {"log", &env->log, true},
		{"log-index", &env->log_index, true},
	};
	uint64_t format = FORMAT;
	MDB_stat stat;
	bool is_new;
	enum err err;
	MDB_dbi directory;
	int code = mdb_dbi_open(txn, NULL, 0, &directory);

	if (code == 0)
		code = mdb_stat(txn, directory, &stat);
	is_new = code == 0 && stat.ms_entries == 0;
	for (size_t i = 0; code == 0 && i < ARRAY_LEN(tables); i++)
		code = mdb_dbi_open(txn, tables[i].name,
		                    is_new || tables[i].is_later ? MDB_CREATE : 0, tables[i].dbi);
	*ret_reason = "is no store of spoor";
	if (code == MDB_NOTFOUND)
		return ERR_CORRUPT;
	*ret_reason = mdb_strerror(code);
	if (code)
		return env_err(code);
	*ret_reason = "cannot be started";
	if (is_new) {
		err = start_new(env, txn);
		return err ? err : meta_seed(env, txn);
	}
	*ret_reason = "does not say what format it has";
	err = number_get(env, txn, "format", &format);
	if (err)
		return err == ERR_NOENT ? ERR_CORRUPT : err;
	*ret_reason = "was made by another version of spoor";
	if (format != FORMAT)
		return ERR_VERSION;
	*ret_reason = "does not say how it hashes";
	err = meta_seed(env, txn);
	return err == ERR_NOENT ? ERR_CORRUPT : err;
}
