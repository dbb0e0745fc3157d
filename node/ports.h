/*
 * ports - where the overlay meets the network: for each address listened on, a UDP socket for
 * datagrams and a TCP one for the streams of long answers.
 */
#ifndef SPOOR_NODE_PORTS_H
#define SPOOR_NODE_PORTS_H

#include "base/addr.h"
#include "base/err.h"
#include "node/conf.h"
#include "node/impair.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct node;
struct tcp_stream;

struct port {
	struct ports *ports;
	uv_udp_t udp;
	uv_tcp_t tcp;
	uv_tcp_t refused; /* a stream for which there is no memory, until it is closed */
	bool is_refusing, has_waiting; /* one more came meanwhile */
	bool is_v6;                    /* its sockets' family; on :: alone it is that of IPv4 too */
};

struct ports {
	struct node *node;
	struct port of[CONF_FAMILIES];
	size_t count;
	char *buffer;               /* for recvmmsg(2) */
	struct tcp_stream *streams; /* list */
	size_t stream_count;
	struct impaired *late; /* sent by and by */
};

/* Errors are logged. */
MUST_USE enum err ports_start(struct ports *p, struct node *node);
void ports_stop(struct ports *p);
void ports_free(struct ports *p);

/* A datagram that cannot leave is lost: what matters is sent again until it is acknowledged. */
void ports_send(struct ports *p, const struct endpoint *to, const void *data, size_t len);

#endif
