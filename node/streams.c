#include "node/streams.h"

#include "base/util.h"
#include "node/node.h"
#include "node/socket.h"

#include <stdlib.h>
#include <string.h>

#define LIFE_MS \
	30000 /* whoever reads slowly, or never: longer than anything the overlay waits for */
#define READ_AT_ONCE 4096
#define STREAMS_MAX 64 /* those that are being flushed, too */

struct tcp_stream {
	uv_tcp_t tcp;
	uv_timer_t timer; /* its end */
	struct ports *ports;
	struct tcp_stream *next;
	uint32_t name;
	int open_handles;
	bool is_closing;
	uv_connect_t connect;
	uv_shutdown_t shutdown;
	char buffer[READ_AT_ONCE];
};

static struct link *link_of(const struct tcp_stream *s)
{
	return &s->ports->node->link;
}

static void on_closed(uv_handle_t *handle)
{
	struct tcp_stream *s = handle->data;

	if (--s->open_handles == 0)
		free(s);
}

static void drop(struct tcp_stream *s)
{
	struct tcp_stream **link = &s->ports->streams;

	while (*link != s)
		link = &(*link)->next;
	*link = s->next;
	s->ports->stream_count--;
	uv_close((uv_handle_t *)&s->tcp, on_closed);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}

/* Its end, whoever ended it; the overlay is told unless it wanted it so. */
static void end(struct tcp_stream *s)
{
	struct link *link = link_of(s);
	bool is_news = !s->is_closing && !s->ports->node->is_stopping;
	uint32_t name = s->name;

	drop(s);
	if (!is_news)
		return;
	overlay_closed(link->overlay, node_now(), name);
	link_drive(link);
}

static void on_life(uv_timer_t *timer)
{
	end(timer->data);
}

static struct tcp_stream *begin(struct ports *p)
{
	struct tcp_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->ports = p;
	s->next = p->streams;
	p->streams = s;
	p->stream_count++;
	s->open_handles = 2;
	uv_tcp_init(&p->node->loop, &s->tcp);
	uv_timer_init(&p->node->loop, &s->timer);
	s->tcp.data = s->timer.data = s;
	uv_timer_start(&s->timer, on_life, LIFE_MS, 0);
	return s;
}

static struct tcp_stream *find(const struct ports *p, uint32_t name)
{
	struct tcp_stream *s = p->streams;

	while (s != NULL && (s->name != name || s->is_closing))
		s = s->next;
	return s;
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct tcp_stream *s = handle->data;

	(void)suggested;
	*ret = uv_buf_init(s->buffer, sizeof(s->buffer));
}

static void on_read(uv_stream_t *tcp, ssize_t len, const uv_buf_t *buf)
{
	struct tcp_stream *s = tcp->data;

	if (len < 0) {
		end(s);
	} else if (len > 0 && !s->is_closing) {
		overlay_octets(link_of(s)->overlay, node_now(), s->name, buf->base, (size_t)len);
		link_drive(link_of(s));
	}
}

static enum err accept_one(struct tcp_stream *s, uv_stream_t *listener)
{
	struct sockaddr_storage from;
	struct endpoint peer;
	int len = sizeof(from);

	if (uv_accept(listener, (uv_stream_t *)&s->tcp) != 0 ||
	    uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&from, &len) != 0 ||
	    !endpoint_of((struct sockaddr *)&from, &peer))
		return ERR_IO;
	if (s->ports->stream_count > STREAMS_MAX)
		return ERR_LIMIT;
	return overlay_accept(link_of(s)->overlay, node_now(), &peer, &s->name);
}

static void on_refused(uv_handle_t *handle)
{
	struct port *port = handle->data;

	port->is_refusing = false;
	if (port->has_waiting && !uv_is_closing((uv_handle_t *)&port->tcp))
		streams_on_connection((uv_stream_t *)&port->tcp, 0);
}

/* Until what has come is accepted, libuv listens for no more. */
static void refuse(struct port *port)
{
	port->has_waiting = port->is_refusing;
	if (port->is_refusing)
		return;
	port->is_refusing = true;
	uv_tcp_init(&port->ports->node->loop, &port->refused);
	port->refused.data = port;
	(void)uv_accept((uv_stream_t *)&port->tcp, (uv_stream_t *)&port->refused);
	uv_close((uv_handle_t *)&port->refused, on_refused);
}

void streams_on_connection(uv_stream_t *listener, int status)
{
	struct port *port = listener->data;
	struct tcp_stream *s;

	if (status != 0)
		return;
	s = begin(port->ports);
	if (s == NULL) {
		refuse(port);
		return;
	}
	if (accept_one(s, listener) != ERR_OK) {
		s->is_closing = true; /* it has no name: nobody waits for news of it */
		end(s);
	} else if (uv_read_start((uv_stream_t *)&s->tcp, give_buffer, on_read) != 0) {
		end(s);
	} else {
		link_drive(link_of(s)); /* another may have to make room */
	}
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct tcp_stream *s = connect->handle->data;

	if (status == UV_ECANCELED || s->is_closing)
		return;
	if (status != 0 || uv_read_start((uv_stream_t *)&s->tcp, give_buffer, on_read) != 0) {
		end(s);
		return;
	}
	overlay_opened(link_of(s)->overlay, node_now(), s->name);
	link_drive(link_of(s));
}

void streams_connect(struct ports *p, uint32_t name, const struct endpoint *to)
{
	union socket_addr a = socket_addr_of(to, false);
	struct tcp_stream *s = begin(p);

	if (s == NULL)
		return; /* the overlay gives up waiting by itself */
	s->name = name;
	if (uv_tcp_connect(&s->connect, &s->tcp, &a.any, on_connected) != 0)
		uv_timer_start(&s->timer, on_life, 0, 0); /* told from the loop, not from here */
}

struct written {
	uv_write_t write; /* first */
	uint8_t data[];
};

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	free(container_of(write, struct written, write));
}

void streams_write(struct ports *p, uint32_t name, const void *data, size_t len)
{
	struct tcp_stream *s = find(p, name);
	struct written *w = s != NULL ? malloc(sizeof(*w) + len) : NULL;
	uv_buf_t buf;

	if (w == NULL)
		return;
	memcpy(w->data, data, len);
	buf = uv_buf_init((char *)w->data, (unsigned)len);
	if (uv_write(&w->write, (uv_stream_t *)&s->tcp, &buf, 1, on_written) != 0)
		free(w);
}

static void on_shut(uv_shutdown_t *shutdown, int status)
{
	if (status != UV_ECANCELED)
		end(shutdown->handle->data);
}

/* What is written goes out first. */
void streams_close(struct ports *p, uint32_t name)
{
	struct tcp_stream *s = find(p, name);

	if (s == NULL)
		return;
	s->is_closing = true;
	if (uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, on_shut) != 0)
		end(s);
}

void streams_stop(struct ports *p)
{
	while (p->streams != NULL)
		end(p->streams);
}
