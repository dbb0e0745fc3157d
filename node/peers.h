/* peers - the members, as `spoor peers` shows them; those too that count no longer. */
#ifndef SPOOR_NODE_PEERS_H
#define SPOOR_NODE_PEERS_H

#include "proto/wire/card.h"

#include <stddef.h>

#define PEERS_GONE_MAX 256

struct peers { /* revoked, expired, or of a root that has gone: the overlay forgot them */
	struct card *gone;
	size_t count;
};

/* `card` counts no longer. Of more than PEERS_GONE_MAX the first are kept. */
void peers_gone(struct peers *p, const struct card *card);
void peers_back(struct peers *p, const struct id *id); /* a new certificate of it has come */
void peers_free(struct peers *p);

#endif
