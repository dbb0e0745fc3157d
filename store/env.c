#include "base/util.h"
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define RESERVE_MIN (256u << 10)
#define GROWTH (1u << 20) /* the file grows in steps of this many octets */
#define PATH_ROOM 4096

/* Of LMDB's first page: a page header, then this in the machine's order. */
#define PAGE_HEAD_LEN 16
#define LMDB_MAGIC_AT PAGE_HEAD_LEN
#define LMDB_MAGIC 0xbeefc0deu
#define LMDB_META_PAGES 2
#define LMDB_COMMIT_AT 144 /* 8 octets: which commit it tells of; 0: of none */

static const char data_name[] = "data.mdb";

enum err env_err(int code)
{
	switch (code) {
	case MDB_SUCCESS:
		return ERR_OK;
	case MDB_NOTFOUND:
		return ERR_NOENT;
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE:
		return ERR_CORRUPT;
	case MDB_VERSION_MISMATCH:
		return ERR_VERSION;
	case MDB_READERS_FULL:
		return ERR_BUSY;
	case MDB_BAD_VALSIZE:
		return ERR_RANGE;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

uint64_t env_rounded(const struct env *env, uint64_t len)
{
	return (PAGE_HEAD_LEN + len + env->page_len - 1) / env->page_len * env->page_len;
}

static enum err why(char reterr[STORE_REASON_MAX], enum err err, const char *path, const char *name,
                    const char *reason)
{
	snprintf(reterr, STORE_REASON_MAX, "%.160s%s%s: %s", path, name[0] ? "/" : "", name,
	         reason);
	return err;
}

static enum err why_errno(char reterr[STORE_REASON_MAX], const char *path, const char *name)
{
	int code = errno;

	return why(reterr, code == ENOMEM ? ERR_NOMEM : ERR_IO, path, name, strerror(code));
}

static enum err why_mdb(char reterr[STORE_REASON_MAX], int code, const char *path)
{
	return why(reterr, env_err(code), path, data_name, mdb_strerror(code));
}

static bool path_join(char room[PATH_ROOM], const char *path, const char *name)
{
	return snprintf(room, PATH_ROOM, "%s/%s", path, name) < PATH_ROOM;
}

/* Another process, or another store of this one, that holds the lock keeps it until it ends. */
static enum err lock_take(const char *path, int *ret_fd, char reterr[STORE_REASON_MAX])
{
	char file[PATH_ROOM];
	int fd;

	if (!path_join(file, path, "lock")) {
		errno = ENAMETOOLONG;
		return why_errno(reterr, path, "");
	}
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return why_errno(reterr, path, "lock");
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		enum err err = errno == EWOULDBLOCK ? why(reterr, ERR_LOCKED, path, "lock",
		                                          "another process has this store open")
		                                    : why_errno(reterr, path, "lock");

		close(fd);
		return err;
	}
	*ret_fd = fd;
	return ERR_OK;
}

/* Killed while it wrote the first two pages, LMDB leaves one, which tells of no commit. */
static bool was_never_made(const uint8_t head[], ssize_t len)
{
	uint64_t commit;

	if (len < LMDB_COMMIT_AT + (ssize_t)sizeof(commit))
		return false;
	memcpy(&commit, head + LMDB_COMMIT_AT, sizeof(commit));
	return commit == 0;
}

/* LMDB maps the file; what is not there must be known before anything reaches for it. */
static enum err file_check(const char *path, char reterr[STORE_REASON_MAX])
{
	uint8_t head[LMDB_COMMIT_AT + 8];
	char file[PATH_ROOM];
	enum err err = ERR_OK;
	struct stat st;
	uint32_t magic = LMDB_MAGIC;
	ssize_t len;
	int fd;

	if (!path_join(file, path, data_name))
		return ERR_IO;
	fd = open(file, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ERR_OK : why_errno(reterr, path, data_name);
	len = pread(fd, head, sizeof(head), 0);
	if (len < 0 || fstat(fd, &st) != 0) {
		err = why_errno(reterr, path, data_name);
		close(fd);
		return err;
	}
	if (len >= LMDB_MAGIC_AT + (ssize_t)sizeof(magic))
		memcpy(&magic, head + LMDB_MAGIC_AT, sizeof(magic));
	if (magic != LMDB_MAGIC)
		err = why(reterr, ERR_CORRUPT, path, data_name, "is no store");
	else if (st.st_size == 0 || st.st_size >= LMDB_META_PAGES * sysconf(_SC_PAGESIZE))
		err = ERR_OK;
	else if (!was_never_made(head, len))
		err = why(reterr, ERR_TORN, path, data_name,
		          "is cut off within its first two pages");
	else if (ftruncate(fd, 0) != 0)
		err = why_errno(reterr, path, data_name);
	close(fd);
	return err;
}

/* The last page that the newest commit uses must be in the file. */
static enum err torn_check(struct env *env, const char *path, char reterr[STORE_REASON_MAX])
{
	char reason[80];
	MDB_envinfo info;
	MDB_stat stat;
	struct stat st;
	uint64_t said;
	int fd;
	int code;

	code = mdb_env_info(env->mdb, &info);
	if (code == 0)
		code = mdb_env_stat(env->mdb, &stat);
	if (code == 0)
		code = mdb_env_get_fd(env->mdb, &fd);
	if (code)
		return why_mdb(reterr, code, path);
	if (fstat(fd, &st) != 0)
		return why_errno(reterr, path, data_name);
	env->page_len = stat.ms_psize;
	said = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
	if ((uint64_t)st.st_size >= said)
		return ERR_OK;
	snprintf(reason, sizeof(reason), "is torn: it has %llu octets and needs %llu",
	         (unsigned long long)st.st_size, (unsigned long long)said);
	return why(reterr, ERR_TORN, path, data_name, reason);
}

/*
 * LMDB's map is map_size, and blocks stop short of it: to delete is to write, and a map without a
 * free page could never be emptied. A file that is already beyond (map_size was lowered) gets its
 * reserve on top.
 */
static enum err map_resize(struct env *env, uint64_t map_size)
{
	uint64_t reserve = MAX(map_size / 16, RESERVE_MIN);
	MDB_envinfo info;
	uint64_t used;
	int code = mdb_env_info(env->mdb, &info);

	env->budget = map_size - reserve;
	used = ((uint64_t)info.me_last_pgno + 1) * env->page_len;
	if (code == 0 && used > map_size)
		code = mdb_env_set_mapsize(env->mdb, used + reserve);
	return env_err(code);
}

/* A crash right after the store was made must not lose the names of its files. */
static void dir_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/*
 * LMDB leaves out pages that a transaction took and gave back, so that its file may end before the
 * page it calls last, and would look torn. Hence it is made longer before that. The octets are
 * taken from the disk at once: a full disk is met here, where nothing has been written.
 */
static int file_grow(MDB_env *mdb, size_t page_len, size_t pages)
{
	MDB_envinfo info;
	struct stat st;
	uint64_t need;
	int fd;
	int code = mdb_env_info(mdb, &info);

	if (code == 0)
		code = mdb_env_get_fd(mdb, &fd);
	if (code)
		return code;
	if (fstat(fd, &st) != 0)
		return errno;
	need = MIN(((uint64_t)info.me_last_pgno + 1 + pages) * page_len, info.me_mapsize);
	if ((uint64_t)st.st_size >= need)
		return 0;
	need = MIN((need + GROWTH - 1) / GROWTH * GROWTH, info.me_mapsize);
	if (fallocate(fd, 0, st.st_size, (off_t)need - st.st_size) == 0)
		return 0;
	if (errno != EOPNOTSUPP || ftruncate(fd, (off_t)need) != 0)
		return errno;
	return 0;
}

/* Pages within the file that hold nothing; LMDB shows its list of them to readers only. */
static size_t free_pages(MDB_env *mdb)
{
	size_t pages = 0;
	MDB_cursor *cursor;
	MDB_txn *txn;
	MDB_val key;
	MDB_val value;

	if (mdb_txn_begin(mdb, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	if (mdb_cursor_open(txn, 0, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
			size_t count; /* the first word of each list */

			memcpy(&count, value.mv_data, sizeof(count));
			pages += count;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return pages;
}

enum err env_write(struct env *env, size_t pages, size_t spare, MDB_txn **ret)
{
	MDB_txn *txn;
	enum err err;

	err = env_err(mdb_txn_begin(env->mdb, NULL, 0, &txn));
	if (err)
		return err;
	err = env_err(file_grow(env->mdb, env->page_len, pages + spare));
	if (err == ERR_FULL && free_pages(env->mdb) >= pages + PAGES_ANY)
		err = ERR_OK;
	if (err) {
		mdb_txn_abort(txn);
		return err;
	}
	*ret = txn;
	return ERR_OK;
}

/* Takes so many pages, one by one: they need not lie together. */
static int pages_take(struct env *env, MDB_txn *txn, size_t pages)
{
	int code = 0;

	for (size_t i = 0; code == 0 && i < pages; i++) {
		MDB_val key = {.mv_size = sizeof(i), .mv_data = &i};
		MDB_val value = {.mv_size = env->page_len - env->page_len / 4};

		code = mdb_put(txn, env->meta, &key, &value, MDB_RESERVE);
	}
	return code;
}

enum err env_leaves(struct env *env, MDB_txn *txn, size_t taken, size_t pages)
{
	MDB_envinfo info;
	MDB_txn *within;
	int code = mdb_env_info(env->mdb, &info);

	if (code)
		return env_err(code);
	if (info.me_last_pgno + 1 + taken + pages <= info.me_mapsize / env->page_len)
		return ERR_OK;
	code = mdb_txn_begin(env->mdb, txn, 0, &within);
	if (code)
		return env_err(code);
	code = pages_take(env, within, pages);
	mdb_txn_abort(within);
	return env_err(code);
}

enum err env_read(struct env *env, MDB_txn **ret)
{
	return env_err(mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, ret));
}

enum err env_walk(struct env *env, MDB_dbi table, struct env_walk *ret)
{
	enum err err;

	*ret = (struct env_walk){.txn = NULL};
	err = env_read(env, &ret->txn);
	if (err == ERR_OK)
		err = env_err(mdb_cursor_open(ret->txn, table, &ret->cursor));
	return err;
}

void env_walk_end(struct env_walk *w)
{
	if (w->cursor != NULL)
		mdb_cursor_close(w->cursor);
	env_abort(&w->txn);
	w->cursor = NULL;
}

/* The pages that data[0..len) lies in. */
static struct iovec pages_of(const void *data, size_t len)
{
	uintptr_t page_len = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)data & ~(page_len - 1);
	uintptr_t to = ((uintptr_t)data + len + page_len - 1) & ~(page_len - 1);

	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the map, rounded */
	return (struct iovec){.iov_base = (void *)from, .iov_len = to - from};
}

void env_fetch(const void *data, size_t len)
{
	struct iovec pages = pages_of(data, len);

	(void)madvise(pages.iov_base, pages.iov_len, MADV_WILLNEED);
}

enum err env_commit(MDB_txn **txn)
{
	int code = mdb_txn_commit(*txn);

	*txn = NULL;
	return env_err(code);
}

void env_abort(MDB_txn **txn)
{
	if (*txn != NULL)
		mdb_txn_abort(*txn);
	*txn = NULL;
}

static enum err map_open(struct env *env, const struct store_options *options,
                         char reterr[STORE_REASON_MAX])
{
	uint64_t map_size = options->map_size & ~(uint64_t)0xffff; /* whole pages of any size */
	const char *reason = NULL;
	AUTO_TXN txn = NULL;
	int stale;
	enum err err;
	int code;

	code = mdb_env_create(&env->mdb);
	if (code == 0)
		code = mdb_env_set_maxdbs(env->mdb, META_TABLES);
	if (code == 0)
		code = mdb_env_set_mapsize(env->mdb, map_size);
	if (code == 0)
		code = mdb_env_open(env->mdb, options->path, MDB_NOTLS | MDB_NORDAHEAD, 0600);
	if (code)
		return why_mdb(reterr, code, options->path);
	err = torn_check(env, options->path, reterr);
	if (err)
		return err;
	code = mdb_reader_check(env->mdb, &stale);
	if (code)
		return why_mdb(reterr, code, options->path);
	err = map_resize(env, map_size);
	if (err == ERR_OK)
		err = env_write(env, 0, PAGES_ANY, &txn);
	if (err)
		return why(reterr, err, options->path, data_name, err_text(err));
	err = meta_open(env, txn, &reason);
	if (err)
		return why(reterr, err, options->path, data_name, reason);
	err = env_commit(&txn);
	if (err)
		return why(reterr, err, options->path, data_name, err_text(err));
	return ERR_OK;
}

enum err env_open(struct env *env, const struct store_options *options,
                  char reterr[STORE_REASON_MAX])
{
	enum err err;

	env->lock_fd = -1;
	if (options->map_size < STORE_MAP_MIN)
		return why(reterr, ERR_RANGE, options->path, "", "map_size is below 1 MiB");
	if (options->size_max > options->map_size)
		return why(reterr, ERR_RANGE, options->path, "", "size_max is above map_size");
	if (options->block_flows > BLOCK_FLOWS_MAX)
		return why(reterr, ERR_RANGE, options->path, "", "block_flows is above 131072");
	if (options->age_max_ms < 0)
		return why(reterr, ERR_RANGE, options->path, "", "age_max_ms is negative");
	if (mkdir(options->path, 0700) != 0 && errno != EEXIST)
		return why_errno(reterr, options->path, "");
	err = lock_take(options->path, &env->lock_fd, reterr);
	if (err == ERR_OK)
		err = file_check(options->path, reterr);
	if (err == ERR_OK)
		err = map_open(env, options, reterr);
	if (err) {
		env_close(env);
		return err;
	}
	dir_sync(options->path);
	return ERR_OK;
}

void env_close(struct env *env)
{
	if (env->mdb != NULL)
		mdb_env_close(env->mdb);
	if (env->lock_fd >= 0)
		close(env->lock_fd);
	env->mdb = NULL;
	env->lock_fd = -1;
}
