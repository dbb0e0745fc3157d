/*
 * bulk - pairs of connections that are never silent: such as have nothing to do with each other,
 * and relays, of which one is the other, passed on.
 */
#ifndef SPOOR_TOOLS_EVAL_BULK_H
#define SPOOR_TOOLS_EVAL_BULK_H

#include "base/prng.h"
#include "tools/eval/carry.h"
#include "tools/eval/exporter.h"

#include <stdbool.h>
#include <stddef.h>

enum bulk_kind {
	BULK_UNRELATED,
	BULK_COUPLED, /* by a common cause that no volume tells from a relay */
	BULK_RELAY,
};

struct bulk_class {
	const char *name;
	const char *what;
	enum bulk_kind kind;
	void (*pair)(struct prng *p, struct load *one, struct load *other);
	double one_active_s, other_active_s, loss;
	double step_s;     /* the second one's clock jumps by this in the middle */
	unsigned sampling; /* of the second one */
	bool is_lost_together;
};

extern const struct bulk_class bulk_classes[];
extern const size_t bulk_class_count;

#endif
