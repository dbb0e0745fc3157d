/*
 * reuseport - several sockets at one UDP address; all that comes from one address goes to one of
 * them, whatever its port.
 *
 * By themselves Linux's SO_REUSEPORT sockets share by address and port; but exporters change their
 * port, some with every datagram, and stay one sequence (kin.h), whose order must last. So a
 * short program chooses (SO_ATTACH_REUSEPORT_CBPF, socket(7)).
 */
#ifndef SPOOR_NODE_REUSEPORT_H
#define SPOOR_NODE_REUSEPORT_H

#include "base/err.h"
#include "node/socket.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A socket that hears nothing, whoever sends, until it is opened: what came before all are there
 * would go to the wrong one. False: errno says why.
 */
MUST_USE bool reuseport_mute(int fd);
void reuseport_unmute(int fd);

/*
 * Binds fds[1] to fds[count - 1] to `a` beside fds[0]. That one was bound without SO_REUSEPORT, and
 * so alone: another node, which asks likewise, is refused. A program of the same user that does ask
 * for SO_REUSEPORT may bind the address afterwards; the choice leaves it with nothing.
 * False: errno says why.
 */
MUST_USE bool reuseport_join(const int *fds, size_t count, const union socket_addr *a);

#endif
