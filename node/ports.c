#include "node/ports.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/socket.h"
#include "node/streams.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#define SEND_BUFFER (4 << 20) /* a question goes to hundreds at once */
#define BACKLOG 16

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct port *port = handle->data;

	(void)suggested;
	*ret = uv_buf_init(port->ports->buffer, SOCKET_BUFFER_LEN);
}

static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
	struct port *port = udp->data;
	struct link *link = &port->ports->node->link;
	struct endpoint peer;

	if (len > 0 && (flags & UV_UDP_PARTIAL) == 0 && endpoint_of(from, &peer))
		link_datagram(link, &peer, buf->base, (size_t)len);
	else if (len <= 0)
		link_drive(link); /* all that had come is fed */
}

/* Nothing of ours is ever cut in pieces on its way: 1232 octets pass everywhere. */
static void forbid_fragments(const struct port *port)
{
	int v4 = IP_PMTUDISC_PROBE, v6 = IPV6_PMTUDISC_PROBE;
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&port->udp, &fd) != 0)
		return;
	if (port->is_v6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6));
	/* On :: alone it speaks IPv4, too. */
	(void)setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4));
}

static enum err open_udp(struct port *port, const struct endpoint *e, unsigned flags)
{
	int size = SEND_BUFFER;

	if (socket_bind(&port->udp, e, flags, "overlay") != ERR_OK)
		return ERR_IO;
	uv_send_buffer_size((uv_handle_t *)&port->udp, &size);
	forbid_fragments(port);
	return uv_udp_recv_start(&port->udp, give_buffer, on_datagram) == 0 ? ERR_OK : ERR_IO;
}

static enum err open_tcp(struct port *port, const struct endpoint *e, unsigned flags)
{
	union socket_addr a = socket_addr_of(e, false);
	char text[ENDPOINT_TEXT_MAX];
	int rc = uv_tcp_bind(&port->tcp, &a.any, flags);

	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&port->tcp, BACKLOG, streams_on_connection);
	if (rc == 0)
		return ERR_OK;
	log_line("overlay", "cannot listen on %s (TCP): %s", endpoint_print(e, text),
	         uv_strerror(rc));
	return ERR_IO;
}

/* With an address of each family, the one of IPv6 is for IPv6 alone. */
static enum err open_port(struct ports *p, const struct endpoint *e, bool is_one_of_two)
{
	struct port *port = &p->of[p->count++];
	enum err err;

	port->ports = p;
	port->is_v6 = !addr_is_v4(&e->addr);
	uv_udp_init_ex(&p->node->loop, &port->udp, AF_UNSPEC | UV_UDP_RECVMMSG);
	uv_tcp_init(&p->node->loop, &port->tcp);
	port->udp.data = port->tcp.data = port;
	err = open_udp(port, e, port->is_v6 && is_one_of_two ? UV_UDP_IPV6ONLY : 0);
	if (err == ERR_OK)
		err = open_tcp(port, e, port->is_v6 && is_one_of_two ? UV_TCP_IPV6ONLY : 0);
	return err;
}

enum err ports_start(struct ports *p, struct node *node)
{
	const struct conf *conf = &node->conf;
	enum err err = ERR_OK;

	p->node = node;
	p->buffer = malloc(SOCKET_BUFFER_LEN);
	if (p->buffer == NULL)
		return ERR_NOMEM;
	for (size_t i = 0; i < conf->overlay_listen_count && err == ERR_OK; i++)
		err = open_port(p, &conf->overlay_listen[i], conf->overlay_listen_count > 1);
	return err;
}

void ports_stop(struct ports *p)
{
	for (size_t i = 0; i < p->count; i++) {
		uv_close((uv_handle_t *)&p->of[i].udp, NULL);
		uv_close((uv_handle_t *)&p->of[i].tcp, NULL);
	}
	streams_stop(p);
	impair_stop(p->late);
}

void ports_free(struct ports *p)
{
	free(p->buffer);
}

/* The one of the address's family; else the only one, if its family can name the address. */
static const struct port *port_for(const struct ports *p, const struct endpoint *to)
{
	bool is_v6 = !addr_is_v4(&to->addr);

	for (size_t i = 0; i < p->count; i++) {
		if (p->of[i].is_v6 == is_v6)
			return &p->of[i];
	}
	return !is_v6 && p->count == 1 ? &p->of[0] : NULL;
}

static void send_now(void *ctx, const struct endpoint *to, const void *data, size_t len)
{
	struct ports *p = ctx;
	const struct port *port = port_for(p, to);
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
	union socket_addr a;

	if (port == NULL)
		return;
	a = socket_addr_of(to, port->is_v6);
	(void)uv_udp_try_send((uv_udp_t *)(uintptr_t)&port->udp, &buf, 1, &a.any);
}

void ports_send(struct ports *p, const struct endpoint *to, const void *data, size_t len)
{
	const struct impair *impair = &p->node->conf.impair;

	if (impair_is_on(impair))
		impair_send(impair, &p->late, &p->node->loop, send_now, p, to, data, len);
	else
		send_now(p, to, data, len);
}
