/* SPDX-License-Identifier: GPL-2.0 */
/* rules - which flows are recorded. What is inherited does not depend on them. */
#ifndef SPOOR_ORIGIN_KMOD_RULES_H
#define SPOOR_ORIGIN_KMOD_RULES_H

#include "origin/uapi/origin.h"

#include <linux/types.h>

int rules_init(void);
void rules_free(void);

void rules_get(struct origin_rules *ret);
int rules_set(const struct origin_rules *from); /* -EINVAL: malformed, nothing was changed */

/* Is a flow of current to be recorded? A refusal is counted. */
bool rules_want(const struct origin_flow *f, bool is_remote);

/* No rule can want a flow of a process that is not remote: it need not even be looked at. */
bool rules_want_locals(void);

u32 rules_flags(void);
u32 rules_udp_idle_ms(void);

#endif
