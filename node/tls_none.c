/* In place of tls.c where spoor is built without TLS. */
#include "node/tls.h"

#include <stdio.h>

enum err tls_server_new(const struct tls_files *files, struct tls_server **ret,
                        char reterr[TLS_REASON_MAX])
{
	(void)files, (void)ret;
	snprintf(reterr, TLS_REASON_MAX, "this spoord is built without TLS");
	return ERR_VERSION;
}

void tls_server_free(struct tls_server *t)
{
	(void)t;
}

struct tls_session *tls_session_new(struct tls_server *t)
{
	(void)t;
	return NULL;
}

void tls_session_free(struct tls_session *s)
{
	(void)s;
}

enum err tls_session_give(struct tls_session *s, const void *data, size_t len)
{
	(void)s, (void)data, (void)len;
	return ERR_VERSION;
}

enum err tls_session_read(struct tls_session *s, void *room, size_t len, size_t *ret_len)
{
	(void)s, (void)room, (void)len;
	*ret_len = 0;
	return ERR_VERSION;
}

size_t tls_session_take(struct tls_session *s, void *room, size_t len)
{
	(void)s, (void)room, (void)len;
	return 0;
}

bool tls_session_is_open(const struct tls_session *s)
{
	(void)s;
	return false;
}
