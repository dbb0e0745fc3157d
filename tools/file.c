#include "tools/file.h"

#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, FILE_REASON_MAX, format, args);
	va_end(args);
	return err;
}

static enum err refuse_errno(char *reterr, const char *path)
{
	int code = errno;

	if (code == EEXIST)
		return refuse(reterr, ERR_LOCKED, "%s is there already; nothing is overwritten",
		              path);
	return refuse(reterr, ERR_IO, "%s: %s", path, strerror(code));
}

enum err file_path(const char *dir, const char *name, char room[FILE_PATH_MAX],
                   char reterr[FILE_REASON_MAX])
{
	int len = snprintf(room, FILE_PATH_MAX, "%s/%s", dir, name);

	if (len < 0 || len >= FILE_PATH_MAX)
		return refuse(reterr, ERR_LIMIT, "the path of %s is too long", name);
	return ERR_OK;
}

enum err file_make_dir(const char *dir, char reterr[FILE_REASON_MAX])
{
	struct stat status;

	if (mkdir(dir, 0700) == 0)
		return ERR_OK;
	if (errno == EEXIST && stat(dir, &status) == 0 && S_ISDIR(status.st_mode))
		return ERR_OK;
	return refuse_errno(reterr, dir);
}

bool file_exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static bool write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return false;
		text += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	return fsync(fd) == 0;
}

enum err file_write(const char *path, enum file_mode mode, const char *text,
                    char reterr[FILE_REASON_MAX])
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
	bool is_written;

	if (fd < 0)
		return refuse_errno(reterr, path);
	is_written = write_all(fd, text, strlen(text));
	if (close(fd) == 0 && is_written)
		return ERR_OK;
	refuse_errno(reterr, path);
	unlink(path);
	return ERR_IO;
}

enum err file_replace(const char *path, enum file_mode mode, const char *text,
                      char reterr[FILE_REASON_MAX])
{
	char fresh[FILE_PATH_MAX];
	int len = snprintf(fresh, sizeof(fresh), "%s.new", path);
	enum err err;

	if (len < 0 || len >= FILE_PATH_MAX)
		return refuse(reterr, ERR_LIMIT, "the path of %s is too long", path);
	err = file_write(fresh, mode, text, reterr);
	if (err != ERR_OK || rename(fresh, path) == 0)
		return err;
	refuse_errno(reterr, path);
	unlink(fresh);
	return ERR_IO;
}

/* A small text file, NUL-terminated. */
static enum err read_text(const char *path, char *room, size_t size, char *reterr)
{
	int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n = 0;

	if (fd < 0)
		return refuse_errno(reterr, path);
	while (len < size && (n = read(fd, room + len, size - len)) > 0)
		len += (size_t)n;
	if (n < 0)
		refuse_errno(reterr, path);
	close(fd);
	if (n < 0)
		return ERR_IO;
	if (len == size || memchr(room, '\0', len) != NULL)
		return refuse(reterr, ERR_FORMAT, "%s is no key file", path);
	room[len] = '\0';
	return ERR_OK;
}

enum err file_read_any(const char *path, const char *const *kinds, size_t count, void *room,
                       size_t *len, const char **ret_kind, char reterr[FILE_REASON_MAX])
{
	char text[KEY_FILE_MAX];
	enum err err = read_text(path, text, sizeof(text), reterr);
	size_t kind = 0;

	if (err != ERR_OK)
		return err;
	while (kind < count && key_file_parse(text, kinds[kind], room, len) != ERR_OK)
		kind++;
	wipe(text, sizeof(text));
	if (kind < count) {
		*ret_kind = kinds[kind];
		return ERR_OK;
	}
	refuse(reterr, ERR_FORMAT, "%s is no file of kind %s", path, kinds[0]);
	for (kind = 1; kind < count; kind++) {
		size_t used = strlen(reterr);

		snprintf(reterr + used, FILE_REASON_MAX - used, "%s%s",
		         kind + 1 < count ? ", " : " or ", kinds[kind]);
	}
	return ERR_FORMAT;
}

enum err file_read_key(const char *path, const char *kind, void *room, size_t *len,
                       char reterr[FILE_REASON_MAX])
{
	char text[KEY_FILE_MAX];
	enum err err = read_text(path, text, sizeof(text), reterr);

	if (err != ERR_OK)
		return err;
	err = key_file_parse(text, kind, room, len);
	wipe(text, sizeof(text));
	if (err != ERR_OK)
		return refuse(reterr, err, "%s is no file of kind %s", path, kind);
	return ERR_OK;
}

enum err file_write_key(const char *path, enum file_mode mode, const char *kind, const void *data,
                        size_t len, char reterr[FILE_REASON_MAX])
{
	char text[KEY_FILE_MAX];
	enum err err;

	key_file_print(kind, data, len, text);
	err = file_write(path, mode, text, reterr);
	wipe(text, sizeof(text));
	return err;
}

enum err file_read_root(const char *path, struct public_key *ret, char reterr[FILE_REASON_MAX])
{
	struct public_key key;
	size_t len = sizeof(key.octets);
	enum err err = file_read_key(path, "spoor-root", key.octets, &len, reterr);

	if (err == ERR_OK && len != sizeof(key.octets))
		err = refuse(reterr, ERR_FORMAT, "%s is too short for a key", path);
	if (err == ERR_OK)
		*ret = key;
	return err;
}

enum err file_read_pair(const char *path, const char *kind, struct key_pair *ret,
                        char reterr[FILE_REASON_MAX])
{
	struct seed seed;
	size_t len = sizeof(seed.octets);
	enum err err = file_read_key(path, kind, seed.octets, &len, reterr);

	if (err == ERR_OK && len != sizeof(seed.octets))
		err = refuse(reterr, ERR_FORMAT, "%s is too short for a key", path);
	if (err == ERR_OK)
		*ret = key_pair_of(&seed);
	wipe(&seed, sizeof(seed));
	return err;
}

enum err file_random(void *room, size_t len, char reterr[FILE_REASON_MAX])
{
	if (getrandom(room, len, 0) == (ssize_t)len)
		return ERR_OK;
	return refuse(reterr, ERR_IO, "the system gives no random octets: %s", strerror(errno));
}
