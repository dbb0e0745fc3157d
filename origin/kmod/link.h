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

/* current opens `f`, and carries `via` (NULL: nothing). The oldest of a set makes room. */
void link_add(const struct origin_flow *f, struct source *via);

/*
 * Was `f`, as the acceptor sees it, opened here? Then `via` is what the opener carried, with a
 * reference, or NULL. In another network namespace only if `is_any_netns`.
 */
bool link_find(const struct origin_flow *f, bool is_any_netns, struct source **via);

#endif
