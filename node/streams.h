/* streams - the overlay's TCP connections, by the names that it gave them. */
#ifndef SPOOR_NODE_STREAMS_H
#define SPOOR_NODE_STREAMS_H

#include "node/ports.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

void streams_connect(struct ports *p, uint32_t name, const struct endpoint *to);
void streams_write(struct ports *p, uint32_t name, const void *data, size_t len);
void streams_close(struct ports *p, uint32_t name); /* what is written goes out first */

void streams_on_connection(uv_stream_t *listener, int status); /* its data: a struct port */
void streams_stop(struct ports *p);

#endif
