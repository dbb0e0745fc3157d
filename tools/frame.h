/*
 * frame - a captured frame, down to what UDP carries.
 *
 *	link header, VLAN tags | IPv4, or IPv6 and its extensions | UDP | data
 */
#ifndef SPOOR_TOOLS_FRAME_H
#define SPOOR_TOOLS_FRAME_H

#include "base/addr.h"
#include "base/bytes.h"
#include "tools/fragment.h"

#include <stdbool.h>

enum frame_skip { /* why a frame gave nothing */
	          FRAME_TAKEN,
	          FRAME_NOT_UDP,
	          FRAME_TCP,
	          FRAME_FRAGMENT, /* of an IP packet */
	          FRAME_CUT,      /* the capture does not hold all of it */
	          FRAME_LINK,     /* captured on a link of a type that is not read */
	          FRAME_SKIPS
};

/* Is the link type (libpcap's DLT_*) one of those read here? */
bool frame_is_link(int link);

/* That of a LINKTYPE_* as files have it; -1 where it is not read here. */
int frame_link_of(uint32_t linktype);

/*
 * Who sent the datagram in `frame`, and what it carries: borrowed from the frame. With
 * FRAME_FRAGMENT it is part of one, `ret_fragment`, and *ret_from has no port.
 */
enum frame_skip frame_open(int link, struct bytes frame, struct endpoint *ret_from,
                           struct bytes *ret_data, struct fragment *ret_fragment);

/* What fragments came to: `packet` begins with the UDP header. */
enum frame_skip frame_open_udp(struct bytes packet, const struct addr *src,
                               struct endpoint *ret_from, struct bytes *ret_data);

const char *frame_skip_text(enum frame_skip skip); /* "not UDP"; static */

#endif
