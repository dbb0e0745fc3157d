/* SPDX-License-Identifier: GPL-2.0 */
/*
 * link - the connections that this host opened lately, and for whom: when one of them comes in
 * again at this very host, what the opener carries goes on to who accepts. The paper's inheritance
 * ends here: an accepting server is a local process.
 */
#ifndef SPOOR_ORIGIN_KMOD_LINK_H
#define SPOOR_ORIGIN_KMOD_LINK_H

#include "origin/kmod/source.h"

int link_init(void);
void link_free(void);

struct link_peer {
	struct source *via; /* what it carried when it connected; NULL: nothing */
	bool is_local;	    /* nothing, and it is known to have come from nowhere else */
};

/* current opens `f`. The oldest of a set makes room. Takes a reference of its own. */
void link_add(const struct origin_flow *f, const struct link_peer *peer);

/*
 * Was `f`, as the acceptor sees it, opened here? Then `peer` is who did, with a reference to what
 * it carried. In another network namespace only if `is_any_netns`.
 */
bool link_find(const struct origin_flow *f, bool is_any_netns, struct link_peer *peer);

#endif
