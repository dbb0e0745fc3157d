#include "tools/client.h"

#include "base/util.h"
#include "tools/interrupt.h"
#include "tools/json.h"
#include "tools/print.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEADER_LEN 4
#define FRAME_FIRST (64 << 10)

static PRINTF_LIKE(3, 4) enum err refuse(char *reterr, enum err err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reterr, CLIENT_REASON_MAX, format, args);
	va_end(args);
	return err;
}

enum err client_open(const char *path, struct client *ret, char reterr[CLIENT_REASON_MAX])
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct client c = {.fd = -1};

	if (strlen(path) >= sizeof(name.sun_path))
		return refuse(reterr, ERR_IO, "the socket's path is longer than %zu: %.100s...",
		              sizeof(name.sun_path) - 1, path);
	memcpy(name.sun_path, path, strlen(path));
	c.input = malloc(CLIENT_INPUT);
	if (c.input == NULL)
		return refuse(reterr, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
	c.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c.fd < 0 || connect(c.fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
		refuse(reterr, ERR_IO, "no node answers at %s: %s", path, strerror(errno));
		client_close(&c);
		return ERR_IO;
	}
	*ret = c;
	return ERR_OK;
}

void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->frame);
	free(c->input);
	*c = (struct client){.fd = -1};
}

static enum err make_room(struct client *c, size_t len)
{
	uint8_t *frame;

	if (len <= c->frame_max)
		return ERR_OK;
	len = MAX(len, (size_t)FRAME_FIRST);
	frame = realloc(c->frame, len);
	if (frame == NULL)
		return ERR_NOMEM;
	c->frame = frame;
	c->frame_max = len;
	return ERR_OK;
}

/* ERR_STALE: interrupted. */
static enum err send_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return ERR_IO;
		if (n < 0 && interrupt_seen())
			return ERR_STALE;
		data += n < 0 ? 0 : n;
		len -= n < 0 ? 0 : (size_t)n;
	}
	return ERR_OK;
}

/* The node ends the request under way with what it has: it is still read. */
static enum err send_stop(struct client *c)
{
	uint8_t frame[64];
	struct octets header = octets_of(frame, HEADER_LEN);
	struct pack p = pack_into(frame + HEADER_LEN, sizeof(frame) - HEADER_LEN);
	struct ctl_request stop = ctl_request_of(CTL_STOP);

	ctl_pack(&p, &stop);
	octets_uint(&header, pack_len(&p), HEADER_LEN);
	c->is_stopped = true;
	return send_all(c->fd, frame, HEADER_LEN + pack_len(&p));
}

/* Waits for more from the node, and reads it. ERR_STALE: interrupted. */
static enum err refill(struct client *c)
{
	struct pollfd wait = {.fd = c->fd, .events = POLLIN};
	ssize_t n;

	do {
		if (interrupt_seen() && !c->is_stoppable)
			return ERR_STALE;
		if (interrupt_seen() && !c->is_stopped && send_stop(c) != ERR_OK)
			return ERR_IO;
		n = poll(&wait, 1, -1) > 0 ? recv(c->fd, c->input, CLIENT_INPUT, 0) : -1;
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return ERR_IO;
	c->input_at = 0;
	c->input_len = (size_t)n;
	return ERR_OK;
}

/* ERR_STALE: interrupted. */
static enum err receive_all(struct client *c, uint8_t *room, size_t len)
{
	while (len > 0) {
		size_t n = MIN(len, c->input_len - c->input_at);
		enum err err;

		memcpy(room, c->input + c->input_at, n);
		c->input_at += n;
		room += n;
		len -= n;
		err = len > 0 ? refill(c) : ERR_OK;
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

static enum err send_request(struct client *c, const struct ctl_request *request, char *reterr)
{
	struct octets header;
	struct pack p;
	enum err err = make_room(c, HEADER_LEN + CTL_REQUEST_MAX);

	if (err != ERR_OK)
		return refuse(reterr, err, "%s", err_text(err));
	p = pack_into(c->frame + HEADER_LEN, CTL_REQUEST_MAX);
	ctl_pack(&p, request);
	if (p.out.is_full)
		return refuse(reterr, ERR_LIMIT, "the request is too long");
	header = octets_of(c->frame, HEADER_LEN);
	octets_uint(&header, pack_len(&p), HEADER_LEN);
	err = send_all(c->fd, c->frame, HEADER_LEN + pack_len(&p));
	if (err == ERR_IO)
		return refuse(reterr, err, "the node went away: %s", strerror(errno));
	return err;
}

static enum err receive_frame(struct client *c, size_t *ret_len, char *reterr)
{
	uint8_t header[HEADER_LEN];
	struct bytes in = bytes_of(header, sizeof(header));
	enum err err = receive_all(c, header, sizeof(header));
	size_t len;

	if (err == ERR_OK) {
		len = (size_t)bytes_uint(&in, HEADER_LEN);
		if (len > CTL_REPLY_MAX)
			return refuse(reterr, ERR_LIMIT, "the node's reply is too long");
		err = make_room(c, len);
		if (err == ERR_OK)
			err = receive_all(c, c->frame, len);
		if (err == ERR_OK)
			*ret_len = len;
	}
	if (err == ERR_IO)
		return refuse(reterr, err, "the node went away before it had answered");
	if (err == ERR_NOMEM)
		return refuse(reterr, err, "%s", err_text(err));
	return err;
}

static struct client_end end_of(json_t *end)
{
	struct client_end e = {.totals = json_incref(end)};

	e.code = (int)json_count(end, "code", CTL_INTERNAL);
	if (e.code < 0 || e.code > 255)
		e.code = CTL_INTERNAL;
	snprintf(e.error, sizeof(e.error), "%s", json_text(end, "error"));
	return e;
}

/* Is it {"row": ...}? Then `u` is at its value. */
static bool is_row(struct unpack *u)
{
	struct unpack ahead = *u;
	struct token map, key;

	if (!unpack_token(&ahead, &map) || map.kind != TOKEN_MAP || map.len != 1 ||
	    !unpack_token(&ahead, &key) || key.kind != TOKEN_STR || key.len != 3 ||
	    memcmp(key.data, "row", 3) != 0)
		return false;
	*u = ahead;
	return true;
}

/* Reads one frame and passes it on; `*ret_is_end` when it was the last. */
static enum err take(struct client *c, const struct client_listener *listener,
                     struct client_end *ret, bool *ret_is_end, char *reterr)
{
	size_t len = 0;
	enum err err = receive_frame(c, &len, reterr);
	struct unpack u = unpack_of(c->frame, len);
	json_t *reply, *row, *progress, *end;

	if (err != ERR_OK)
		return err;
	if (listener != NULL && listener->packed != NULL && is_row(&u)) {
		listener->packed(listener->ctx, u);
		return ERR_OK;
	}
	reply = json_of(&u);
	row = json_object_get(reply, "row");
	progress = json_object_get(reply, "progress");
	end = json_object_get(reply, "end");
	if (row != NULL && listener != NULL && listener->row != NULL)
		listener->row(listener->ctx, row);
	if (progress != NULL && listener != NULL && listener->progress != NULL)
		listener->progress(listener->ctx, progress);
	if (json_is_object(end)) {
		*ret = end_of(end);
		*ret_is_end = true;
	} else if (row == NULL && progress == NULL) {
		err = refuse(reterr, ERR_FORMAT, "what the node sent is no reply");
	}
	json_decref(reply);
	return err;
}

enum err client_ask(struct client *c, const struct ctl_request *request,
                    const struct client_listener *listener, struct client_end *ret,
                    char reterr[CLIENT_REASON_MAX])
{
	bool is_end = false;
	enum err err = send_request(c, request, reterr);

	c->is_stoppable = listener != NULL && listener->is_stoppable;
	c->is_stopped = false;
	while (err == ERR_OK && !is_end)
		err = take(c, listener, ret, &is_end, reterr);
	if (err != ERR_STALE)
		return err;
	*ret = (struct client_end){.code = INTERRUPT_CODE};
	return ERR_OK;
}

int client_query(const char *path, const struct ctl_request *request,
                 const struct client_listener *listener)
{
	char reason[CLIENT_REASON_MAX];
	struct client_end end;
	struct client client;
	enum err err;

	if (client_open(path, &client, reason) != ERR_OK)
		return print_failure(CTL_INTERNAL, "%s", reason);
	interrupt_start();
	err = client_ask(&client, request, listener, &end, reason);
	if (listener->progress != NULL)
		listener->progress(listener->ctx, NULL);
	client_close(&client);
	if (err != ERR_OK)
		return print_failure(CTL_INTERNAL, "%s", reason);
	if (listener->end != NULL && end.code != INTERRUPT_CODE)
		listener->end(listener->ctx, &end);
	json_decref(end.totals);
	return end.error[0] == '\0' ? end.code : print_failure(end.code, "%s", end.error);
}
