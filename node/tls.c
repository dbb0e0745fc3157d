#include "node/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tls_server {
	SSL_CTX *context;
};

struct tls_session {
	SSL *ssl;
	BIO *in, *out; /* its own */
};

static enum err refuse(char reterr[TLS_REASON_MAX], const char *what, const char *file)
{
	unsigned long code = ERR_peek_error(); /* the first; others only say who passed it on */
	const char *text = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
	                                          : ERR_reason_error_string(code);

	snprintf(reterr, TLS_REASON_MAX, "%s: %.120s: %.80s", what, file,
	         text == NULL ? "not usable" : text);
	ERR_clear_error();
	return ERR_FORMAT;
}

/* A key behind a password is refused: nobody is there to type it. */
static int no_password(char *room, int len, int is_writing, void *ctx)
{
	(void)room, (void)len, (void)is_writing, (void)ctx;
	return -1;
}

static enum err load(SSL_CTX *context, const struct tls_files *files, char reterr[TLS_REASON_MAX])
{
	SSL_CTX_set_default_passwd_cb(context, no_password);
	if (SSL_CTX_use_certificate_chain_file(context, files->certificate) != 1)
		return refuse(reterr, "certificate", files->certificate);
	if (SSL_CTX_use_PrivateKey_file(context, files->key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(context) != 1)
		return refuse(reterr, "key", files->key);
	if (files->clients_ca == NULL)
		return ERR_OK;
	if (SSL_CTX_load_verify_file(context, files->clients_ca) != 1)
		return refuse(reterr, "clients_ca", files->clients_ca);
	SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(files->clients_ca));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ERR_OK;
}

enum err tls_server_new(const struct tls_files *files, struct tls_server **ret,
                        char reterr[TLS_REASON_MAX])
{
	struct tls_server *t = calloc(1, sizeof(*t));
	enum err err = ERR_NOMEM;

	if (t != NULL)
		t->context = SSL_CTX_new(TLS_server_method());
	if (t == NULL || t->context == NULL) {
		snprintf(reterr, TLS_REASON_MAX, "%s", err_text(err));
		tls_server_free(t);
		return err;
	}
	SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
	/* A session is one long connection: nothing is to be resumed, nor negotiated twice. */
	SSL_CTX_set_options(t->context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	                                        SSL_OP_NO_COMPRESSION |
	                                        SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(t->context, 0);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->context, SSL_MODE_RELEASE_BUFFERS);
	err = load(t->context, files, reterr);
	if (err != ERR_OK) {
		tls_server_free(t);
		return err;
	}
	*ret = t;
	return ERR_OK;
}

void tls_server_free(struct tls_server *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->context);
	free(t);
}

struct tls_session *tls_session_new(struct tls_server *t)
{
	struct tls_session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ssl = SSL_new(t->context);
	s->in = BIO_new(BIO_s_mem());
	s->out = BIO_new(BIO_s_mem());
	if (s->ssl == NULL || s->in == NULL || s->out == NULL) {
		BIO_free(s->in);
		BIO_free(s->out);
		SSL_free(s->ssl);
		free(s);
		return NULL;
	}
	SSL_set_bio(s->ssl, s->in, s->out);
	SSL_set_accept_state(s->ssl);
	return s;
}

void tls_session_free(struct tls_session *s)
{
	if (s == NULL)
		return;
	SSL_free(s->ssl);
	free(s);
}

enum err tls_session_give(struct tls_session *s, const void *data, size_t len)
{
	size_t written = 0;

	if (len == 0)
		return ERR_OK;
	return BIO_write_ex(s->in, data, len, &written) == 1 && written == len ? ERR_OK : ERR_NOMEM;
}

enum err tls_session_read(struct tls_session *s, void *room, size_t len, size_t *ret_len)
{
	int code;

	*ret_len = 0;
	ERR_clear_error(); /* its queue is the thread's, not the session's */
	if (SSL_read_ex(s->ssl, room, len, ret_len) == 1)
		return ERR_OK;
	code = SSL_get_error(s->ssl, 0);
	ERR_clear_error();
	if (code == SSL_ERROR_WANT_READ)
		return ERR_OK;
	if (code != SSL_ERROR_ZERO_RETURN)
		return ERR_AUTH;
	(void)SSL_shutdown(s->ssl); /* the end is answered */
	ERR_clear_error();
	return ERR_NOENT;
}

size_t tls_session_take(struct tls_session *s, void *room, size_t len)
{
	size_t taken = 0;

	return BIO_read_ex(s->out, room, len, &taken) == 1 ? taken : 0;
}

bool tls_session_is_open(const struct tls_session *s)
{
	return SSL_is_init_finished(s->ssl) == 1;
}
