#include "node/credentials.h"

#include "base/bytes.h"
#include "base/util.h"
#include "node/plain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, CREDENTIALS_REASON_MAX, format, args);
	va_end(args);
	return err;
}

/* What stands behind `kind` in the one line of a key file. */
static enum err read_key(const char *path, const char *kind, void *room, size_t *len, char *reterr)
{
	char line[KEY_FILE_MAX] = "";
	FILE *f = plain_open(path);
	enum err err = ERR_FORMAT;

	if (f == NULL)
		return refuse(reterr, ERR_IO, "cannot open %s: %s", path, strerror(errno));
	if (fgets(line, sizeof(line), f) != NULL)
		err = key_file_parse(line, kind, room, len);
	fclose(f);
	wipe(line, sizeof(line));
	if (err != ERR_OK)
		return refuse(reterr, ERR_FORMAT, "%s is not a file of kind %s", path, kind);
	return ERR_OK;
}

/* One of which the length is known. */
static enum err read_whole(const char *path, const char *kind, void *room, size_t len, char *reterr)
{
	size_t have = len;
	enum err err = read_key(path, kind, room, &have, reterr);

	if (err == ERR_OK && have != len)
		return refuse(reterr, ERR_FORMAT, "%s is not a file of kind %s", path, kind);
	return err;
}

enum err credentials_root(const char *path, struct public_key *ret,
                          char reterr[CREDENTIALS_REASON_MAX])
{
	return read_whole(path, "spoor-root", ret, sizeof(*ret), reterr);
}

enum err credentials_identity(const char *path, struct key_pair *ret,
                              char reterr[CREDENTIALS_REASON_MAX])
{
	struct seed seed;
	enum err err = read_whole(path, "spoor-identity-key", &seed, sizeof(seed), reterr);

	if (err == ERR_OK)
		*ret = key_pair_of(&seed);
	wipe(&seed, sizeof(seed));
	return err;
}

enum err credentials_cert(const char *path, const struct roots *roots,
                          const struct public_key *identity, struct cert *ret,
                          struct cert_blob *ret_blob, char reterr[CREDENTIALS_REASON_MAX])
{
	struct wall any = {INT64_MIN};
	enum err err;

	ret_blob->len = sizeof(ret_blob->octets);
	err = read_key(path, "spoor-certificate", ret_blob->octets, &ret_blob->len, reterr);
	if (err != ERR_OK)
		return err;
	err = cert_open(ret_blob->octets, ret_blob->len, roots, any, ret);
	if (err != ERR_OK)
		return refuse(reterr, err, "%s: %s", path, err_text(err));
	if (identity != NULL && memcmp(&ret->member, identity, sizeof(*identity)) != 0)
		return refuse(reterr, ERR_AUTH, "%s is of another identity than this node's", path);
	return ERR_OK;
}

enum err credentials_operational(const char *path, struct seed *ret, struct record_blob *ret_blob,
                                 char reterr[CREDENTIALS_REASON_MAX])
{
	uint8_t data[RECORD_FILE_MAX];
	size_t len = sizeof(data);
	struct bytes in;
	enum err err = read_key(path, "spoor-operational-key", data, &len, reterr);

	if (err == ERR_OK) {
		in = bytes_of(data, len);
		bytes_copy(&in, ret->octets, sizeof(ret->octets));
		ret_blob->len = bytes_left(&in);
		if (in.is_short || ret_blob->len == 0)
			err = refuse(reterr, ERR_FORMAT, "%s is cut short", path);
		else
			bytes_copy(&in, ret_blob->octets, ret_blob->len);
	}
	wipe(data, sizeof(data));
	return err;
}
