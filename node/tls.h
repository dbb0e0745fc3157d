/*
 * tls - the server's side of TLS 1.2 and 1.3, on octets that somebody else carries: what came is
 * given in, what is to be sent is taken out. Nothing here waits.
 *
 * Built without it (SPOOR_TLS), tls_server_new() says so.
 */
#ifndef SPOOR_NODE_TLS_H
#define SPOOR_NODE_TLS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define TLS_REASON_MAX 256

struct tls_files {               /* PEM */
	const char *certificate; /* its chain behind it */
	const char *key;
	const char *clients_ca; /* NULL: clients need no certificate; else one that these signed */
};

struct tls_server;
struct tls_session;

/* ERR_IO, ERR_FORMAT, ERR_VERSION (built without): `reterr` has one line. */
MUST_USE enum err tls_server_new(const struct tls_files *files, struct tls_server **ret,
                                 char reterr[TLS_REASON_MAX]);
void tls_server_free(struct tls_server *t); /* NULL is fine */

struct tls_session *tls_session_new(struct tls_server *t); /* NULL when out of memory */
void tls_session_free(struct tls_session *s);              /* NULL is fine */

/* Takes what came, all of it. ERR_NOMEM. */
MUST_USE enum err tls_session_give(struct tls_session *s, const void *data, size_t len);

/*
 * Reads what the peer said, up to `len` octets: *ret_len of 0 until more comes.
 *
 * ERR_NOENT   it has ended the session
 * ERR_AUTH    it speaks no TLS that we take, or has no certificate that it needs
 */
MUST_USE enum err tls_session_read(struct tls_session *s, void *room, size_t len, size_t *ret_len);

/* Takes up to `len` octets that are to be sent; 0: there are none. */
size_t tls_session_take(struct tls_session *s, void *room, size_t len);

/* Has the handshake ended well? */
bool tls_session_is_open(const struct tls_session *s);

#endif
