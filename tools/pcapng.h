/*
 * pcapng - captured packets out of a pcapng file (draft-ietf-opsawg-pcapng), of whichever byte
 * order, with any number of interfaces, each with its own link and clock.
 *
 * Blocks of kinds that are not packets or interfaces are passed over.
 */
#ifndef SPOOR_TOOLS_PCAPNG_H
#define SPOOR_TOOLS_PCAPNG_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCAPNG_INTERFACES_MAX 1024 /* of a section */
#define PCAPNG_BLOCK_MAX (16u << 20)

struct pcapng_packet {
	uint32_t linktype; /* LINKTYPE_..., as files have it */
	bool has_time;     /* a Simple Packet Block has none */
	int64_t time_ms;
	struct bytes data; /* borrowed until the next one is asked for */
};

struct pcapng;

/* As many of `len` octets as there are. */
typedef size_t pcapng_read_fn(void *ctx, uint8_t *room, size_t len);

struct pcapng *pcapng_new(pcapng_read_fn *read, void *ctx); /* NULL without memory */
void pcapng_free(struct pcapng *p);                         /* NULL is fine */

/*
 * The next packet.
 *
 * ERR_NOENT    the end of the file
 * ERR_TORN     it ends inside a block
 * ERR_FORMAT   what comes is no block, or one that contradicts itself
 * ERR_LIMIT    a block above PCAPNG_BLOCK_MAX, or more interfaces than PCAPNG_INTERFACES_MAX
 * ERR_NOMEM
 */
MUST_USE enum err pcapng_next(struct pcapng *p, struct pcapng_packet *ret);

#endif
