/* edge - the moment at which a connection fell silent, or came back: an end of a silence. */
#ifndef SPOOR_BASE_EDGE_H
#define SPOOR_BASE_EDGE_H

#include <stdbool.h>
#include <stdint.h>

struct edge {
	int64_t at_ms;       /* of the packet: the last before the silence, or the first after it */
	uint32_t connection; /* the high half of its hash, or less of it with the rest 0 */
	bool is_back;        /* the silence's end; else its beginning */
};

#endif
