/*
 * frame - a captured frame, down to what UDP carries.
 *
 *	link header, VLAN tags | IPv4, or IPv6 and its extensions | UDP | data
 */
#ifndef SPOOR_TOOLS_FRAME_H
#define SPOOR_TOOLS_FRAME_H

#include "base/addr.h"
#include "base/bytes.h"

#include <stdbool.h>

enum frame_skip { /* why a frame gave nothing */
	          FRAME_TAKEN,
	          FRAME_NOT_UDP,
	          FRAME_FRAGMENT, /* of an IP packet */
	          FRAME_CUT,      /* the capture does not hold all of it */
	          FRAME_SKIPS
};

/* Is the link type (libpcap's DLT_*) one of those read here? */
bool frame_is_link(int link);

/* Who sent the datagram in `frame`, and what it carries: borrowed from the frame. */
enum frame_skip frame_open(int link, struct bytes frame, struct endpoint *ret_from,
                           struct bytes *ret_data);

const char *frame_skip_text(enum frame_skip skip); /* "not UDP"; static */

#endif
