#include "node/socket.h"

#include "node/log.h"

#include <string.h>

#define RECEIVE_BUFFER (8 << 20)

union socket_addr socket_addr_of(const struct endpoint *e, bool as_v6)
{
	union socket_addr a;

	memset(&a, 0, sizeof(a));
	if (addr_is_v4(&e->addr) && !as_v6) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(e->port);
		memcpy(&a.v4.sin_addr, e->addr.octets + 12, 4);
		return a;
	}
	a.v6.sin6_family = AF_INET6;
	a.v6.sin6_port = htons(e->port);
	memcpy(&a.v6.sin6_addr, e->addr.octets, 16);
	return a;
}

bool endpoint_of(const struct sockaddr *from, struct endpoint *ret)
{
	union socket_addr a;

	if (from == NULL)
		return false;
	if (from->sa_family == AF_INET) {
		uint8_t octets[4];

		memcpy(&a.v4, from, sizeof(a.v4));
		memcpy(octets, &a.v4.sin_addr, sizeof(octets));
		ret->addr = addr_from_v4(octets);
		ret->port = ntohs(a.v4.sin_port);
		return true;
	}
	if (from->sa_family != AF_INET6)
		return false;
	memcpy(&a.v6, from, sizeof(a.v6));
	memcpy(ret->addr.octets, &a.v6.sin6_addr, sizeof(ret->addr.octets));
	ret->port = ntohs(a.v6.sin6_port);
	return true;
}

enum err socket_bind(uv_udp_t *udp, const struct endpoint *e, unsigned flags, const char *what)
{
	union socket_addr a = socket_addr_of(e, false);
	char text[ENDPOINT_TEXT_MAX];
	int size = RECEIVE_BUFFER;
	int rc = uv_udp_bind(udp, &a.any, flags);

	if (rc != 0) {
		log_line(what, "cannot listen on %s: %s", endpoint_print(e, text), uv_strerror(rc));
		return ERR_IO;
	}
	/* The kernel gives what its limit allows; status shows what is lost for want of more. */
	uv_recv_buffer_size((uv_handle_t *)udp, &size);
	return ERR_OK;
}
