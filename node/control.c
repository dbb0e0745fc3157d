#include "node/control.h"

#include "base/bytes.h"
#include "node/log.h"
#include "node/node.h"
#include "node/requests.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_HEADER 4
#define READ_AT_ONCE 65536

struct client {
	struct control *control;
	struct client *next;
	uv_pipe_t pipe;
	uint32_t serial;
	unsigned holds;  /* the open handle is one */
	bool is_gone;    /* closing or closed */
	bool is_asking;  /* a request is under way */
	bool is_stopped; /* and no more of it is wanted */
	bool is_taking;  /* take_requests() is on the stack */
	uint8_t *in;     /* what has come, not yet a whole request */
	size_t in_len, in_space;
};

struct outgoing {
	uv_write_t write;
	struct client *client;
	void (*sent)(void *ctx);
	void *ctx;
	uint8_t frame[];
};

struct client *client_hold(struct client *client)
{
	client->holds++;
	return client;
}

void client_put(struct client *client)
{
	if (--client->holds > 0)
		return;
	free(client->in);
	free(client);
}

bool client_is_gone(const struct client *client)
{
	return client->is_gone;
}

bool client_is_stopped(const struct client *client)
{
	return client->is_stopped;
}

uint32_t client_serial(const struct client *client)
{
	return client->serial;
}

struct node *client_node(const struct client *client)
{
	return client->control->node;
}

static void on_closed(uv_handle_t *handle)
{
	client_put(handle->data);
}

static void drop(struct client *client)
{
	struct client **link = &client->control->clients;

	if (client->is_gone)
		return;
	client->is_gone = true;
	while (*link != client)
		link = &(*link)->next;
	*link = client->next;
	client->control->count--;
	uv_close((uv_handle_t *)&client->pipe, on_closed);
}

static void on_sent(uv_write_t *write, int status)
{
	struct outgoing *out = container_of(write, struct outgoing, write);
	struct client *client = out->client;

	if (status != 0)
		drop(client);
	if (out->sent != NULL)
		out->sent(out->ctx);
	client_put(client);
	free(out);
}

static struct outgoing *outgoing_new(struct client *client, size_t space)
{
	return client->is_gone ? NULL : malloc(sizeof(struct outgoing) + space);
}

/* Sends out->frame[0..len); without `out`, the client has gone or goes. */
static void outgoing_send(struct outgoing *out, struct client *client, size_t len,
                          void (*sent)(void *ctx), void *ctx)
{
	uv_buf_t buf;

	if (out == NULL) {
		drop(client);
		if (sent != NULL)
			sent(ctx);
		return;
	}
	out->client = client_hold(client);
	out->sent = sent;
	out->ctx = ctx;
	buf = uv_buf_init((char *)out->frame, (unsigned)len);
	if (uv_write(&out->write, (uv_stream_t *)&client->pipe, &buf, 1, on_sent) != 0)
		on_sent(&out->write, UV_EPIPE);
}

size_t client_frame_begin(struct pack *p, const char *key)
{
	size_t begun = pack_len(p);

	octets_uint(&p->out, 0, FRAME_HEADER);
	pack_map(p, 1);
	pack_str(p, key);
	return begun;
}

void client_frame_end(struct pack *p, size_t begun)
{
	struct octets header = octets_of(p->out.start + begun, FRAME_HEADER);

	if (!p->out.is_full)
		octets_uint(&header, pack_len(p) - begun - FRAME_HEADER, FRAME_HEADER);
}

void client_send(struct client *client, const char *key, const void *data, size_t len,
                 void (*sent)(void *ctx), void *ctx)
{
	size_t space = FRAME_HEADER + 16 + strlen(key) + len;
	struct outgoing *out = outgoing_new(client, space);
	struct pack p;

	if (out != NULL) {
		p = pack_into(out->frame, space);
		client_frame_begin(&p, key);
		octets_put(&p.out, data, len);
		client_frame_end(&p, 0);
		len = pack_len(&p);
	}
	outgoing_send(out, client, len, sent, ctx);
}

void client_send_frames(struct client *client, const void *data, size_t len,
                        void (*sent)(void *ctx), void *ctx)
{
	struct outgoing *out = outgoing_new(client, len);

	if (out != NULL)
		memcpy(out->frame, data, len);
	outgoing_send(out, client, len, sent, ctx);
}

static void take_requests(struct client *client);

/* The next request waits until this one's answer is on its way: nobody's backlog grows here. */
static void on_end_sent(void *ctx)
{
	struct client *client = ctx;

	client->is_asking = client->is_stopped = false;
	take_requests(client);
}

static void end(struct client *client, const struct pack *p)
{
	client_send(client, "end", p->out.start, pack_len(p), on_end_sent, client);
}

void client_end(struct client *client, enum ctl_code code, const char *format, ...)
{
	uint8_t room[1024];
	char text[768];
	struct pack p = pack_into(room, sizeof(room));
	va_list args;

	pack_map(&p, 2);
	pack_str(&p, "code");
	pack_uint(&p, code);
	pack_str(&p, "error");
	if (format == NULL) {
		pack_nil(&p);
	} else {
		va_start(args, format);
		vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		pack_str(&p, text);
	}
	end(client, &p);
}

void client_end_with(struct client *client, enum ctl_code code, const void *data, size_t len,
                     size_t pairs)
{
	uint8_t room[4096];
	struct pack p = pack_into(room, sizeof(room));

	pack_map(&p, 2 + pairs);
	pack_str(&p, "code");
	pack_uint(&p, code);
	pack_str(&p, "error");
	pack_nil(&p);
	octets_put(&p.out, data, len);
	CHECK(!p.out.is_full);
	end(client, &p);
}

/*
 * Carries out a whole request at the start of client->in; false when there is none yet, or it has
 * to wait.
 */
static bool take_request(struct client *client)
{
	struct bytes in = bytes_of(client->in, client->in_len);
	char reterr[CTL_REASON_MAX];
	struct ctl_request request;
	struct bytes frame;
	size_t len = (size_t)bytes_uint(&in, FRAME_HEADER);
	enum err err;

	if (in.is_short)
		return false;
	if (len > CTL_REQUEST_MAX && client->is_asking)
		return false; /* on_read() drops who sends more of it */
	if (len > CTL_REQUEST_MAX) {
		client_end(client, CTL_USAGE, "request of %zu octets, more than %d", len,
		           CTL_REQUEST_MAX);
		drop(client);
		return false;
	}
	frame = bytes_cut(&in, len);
	if (frame.is_short)
		return false;
	err = ctl_parse(frame.at, len, &request, reterr);
	if (err == ERR_OK && request.command == CTL_STOP) {
		client->is_stopped = client->is_asking; /* of what has ended there is no more */
	} else if (client->is_asking) {
		return false;
	} else {
		client->is_asking = true;
		if (err != ERR_OK)
			client_end(client, CTL_USAGE, "%s", reterr);
		else
			request_run(client, &request);
	}
	if (client->is_gone)
		return false;
	/* What outlives request_run() has copied what it borrowed. */
	client->in_len -= FRAME_HEADER + len;
	memmove(client->in, client->in + FRAME_HEADER + len, client->in_len);
	return true;
}

/* A request may end while it is being taken: the loop goes on, it does not nest. */
static void take_requests(struct client *client)
{
	if (client->is_taking)
		return;
	client->is_taking = true;
	client_hold(client);
	while (!client->is_gone && take_request(client))
		;
	client->is_taking = false;
	client_put(client);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct client *client = handle->data;
	size_t need = client->in_len + READ_AT_ONCE;
	uint8_t *in;

	(void)suggested;
	*ret = uv_buf_init(NULL, 0);
	if (need > client->in_space) {
		in = realloc(client->in, 2 * need);
		if (in == NULL)
			return;
		client->in = in;
		client->in_space = 2 * need;
	}
	*ret = uv_buf_init((char *)client->in + client->in_len, READ_AT_ONCE);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct client *client = stream->data;

	(void)buf;
	if (len < 0) {
		drop(client);
		return;
	}
	client->in_len += (size_t)len;
	if (client->in_len > FRAME_HEADER + CTL_REQUEST_MAX + READ_AT_ONCE)
		drop(client); /* it does not wait for its answers */
	else
		take_requests(client);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct control *control = listener->data;
	struct client *client;

	if (status != 0)
		return;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return;
	client->control = control;
	client->holds = 1;
	client->serial = ++control->last_serial;
	uv_pipe_init(&control->node->loop, &client->pipe, 0);
	client->pipe.data = client;
	client->next = control->clients;
	control->clients = client;
	control->count++;
	if (uv_accept(listener, (uv_stream_t *)&client->pipe) != 0 ||
	    control->count > CONTROL_CLIENTS_MAX ||
	    uv_read_start((uv_stream_t *)&client->pipe, give_buffer, on_read) != 0)
		drop(client);
}

/* A socket left by a node that was killed is removed; one that somebody listens on is not. */
static enum err clear_path(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc;

	_Static_assert(CONTROL_PATH_MAX < sizeof(addr.sun_path), "a path has room");
	CHECK(strlen(path) <= CONTROL_PATH_MAX); /* the configuration was read */
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	rc = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	close(fd);
	if (rc == 0) {
		log_line("control", "another node listens on %s", path);
		return ERR_LOCKED;
	}
	if (errno == ECONNREFUSED)
		unlink(path);
	return ERR_OK;
}

enum err control_start(struct control *c, struct node *node)
{
	const char *path = node->conf.control;
	enum err err = clear_path(path);
	mode_t before;
	int rc;

	if (err != ERR_OK)
		return err;
	c->node = node;
	uv_pipe_init(&node->loop, &c->listener, 0);
	c->listener.data = c;
	c->is_open = true;
	before = umask(0077); /* who may open the socket may ask everything */
	rc = uv_pipe_bind(&c->listener, path);
	umask(before);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&c->listener, 16, on_connection);
	if (rc != 0)
		log_line("control", "cannot listen on %s: %s", path, uv_strerror(rc));
	return rc == 0 ? ERR_OK : ERR_IO;
}

void control_stop(struct control *c)
{
	if (!c->is_open)
		return;
	uv_close((uv_handle_t *)&c->listener, NULL);
	while (c->clients != NULL)
		drop(c->clients);
}
