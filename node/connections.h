/*
 * connections - IPFIX over TCP and TLS (RFC 7011, sections 10.4 and 11): a connection is a session,
 * whose templates end with it; messages follow each other, each as long as its header says.
 *
 * Bounds: so many connections of one address and in all; a handshake, a message that has begun, and
 * silence each have their time.
 */
#ifndef SPOOR_NODE_CONNECTIONS_H
#define SPOOR_NODE_CONNECTIONS_H

#include "base/addr.h"
#include "base/err.h"
#include "node/conf.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#define CONNECTIONS_MAX 256
#define CONNECTIONS_OF_ADDRESS 16

struct collector;
struct ipfix_session;
struct tls_server;

/* clang-format off */
#define CONNECTIONS_COUNTER_MAP(X)                                                  \
	X(accepted)                                                                 \
	X(messages)                                                                 \
	X(octets)        /* of messages */                                          \
	X(not_allowed)   /* closed at once: the address is not on the list */       \
	X(too_many)      /* closed at once: of this address, or in all */           \
	X(malformed)     /* closed: not a message of IPFIX, or of a length that none has */ \
	X(torn)          /* ended within a message */                               \
	X(slow)          /* closed: a message, or the handshake, took too long */   \
	X(idle)          /* closed: silent for too long */                          \
	X(untrusted)     /* closed: no TLS that is taken, or no certificate */
/* clang-format on */

struct connections_counters {
#define X(name) uint64_t name;
	CONNECTIONS_COUNTER_MAP(X)
#undef X
};

struct connections_port {
	uv_tcp_t tcp;
	struct connections *owner;
	struct endpoint at;
	bool is_tls;
};

struct connections {
	struct collector *collector;
	struct connections_port ports[2 * CONF_LISTEN_MAX];
	size_t port_count;
	struct tls_server *tls;
	struct ipfix_session *list;
	size_t count;
	uint32_t serial;
	int64_t idle_ms;
	bool is_paused;
	struct connections_counters counters;
	char room[65536]; /* for what one read gives */
	uint8_t plain[16384];
};

/* ERR_IO, ERR_FORMAT: logged. */
MUST_USE enum err connections_start(struct connections *c, struct collector *collector);
/* While they are paused nothing is read of them. */
void connections_pause(struct connections *c, bool is_paused);
void connections_stop(struct connections *c); /* closes its handles */
void connections_free(struct connections *c); /* when the loop has ended */

#endif
