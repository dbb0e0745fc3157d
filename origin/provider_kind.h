/* provider_kind - what stands behind the provider interface: one row of calls for each kind. */
#ifndef SPOOR_ORIGIN_PROVIDER_KIND_H
#define SPOOR_ORIGIN_PROVIDER_KIND_H

#include "origin/provider.h"

struct provider { /* the first member of every kind's own */
	const struct provider_kind *kind;
};

struct provider_kind {
	const char *name;
	const char *prefix; /* of the names that it opens, if they go on: "file:" */

	/* `argument` is the name behind the prefix. On failure `why` is set. */
	enum err (*open)(const struct provider_kind *kind, const char *argument,
	                 struct provider **ret, char why[PROVIDER_WHY_MAX]);
	void (*close)(struct provider *p);
	int (*fd)(const struct provider *p);
	enum err (*next)(struct provider *p, struct origin_record *ret);
	enum err (*getorigin)(struct provider *p, pid_t pid, struct origin_record *ret);
	enum err (*portpid)(struct provider *p, const struct origin_flow *flow,
	                    struct origin_record *ret);
	enum err (*dump)(struct provider *p, provider_visit *visit, void *arg);
	enum err (*setorigin)(struct provider *p, const struct origin_record *r); /* NULL: cannot */
	enum err (*rules_get)(struct provider *p, struct origin_rules *ret);
	enum err (*rules_set)(struct provider *p, const struct origin_rules *rules);
	/* `stats` and `build`; the rest is the same for all. */
	enum err (*health)(struct provider *p, struct provider_health *ret);
};

extern const struct provider_kind provider_device_kind;
extern const struct provider_kind provider_file_kind;
extern const struct provider_kind provider_bpf_kind;
extern const struct provider_kind provider_bpf_minimal_kind;

/* Opens the first of `kinds` that can be; else `why` has the reason of each. */
MUST_USE enum err provider_first(const struct provider_kind *const *kinds, size_t count,
                                 struct provider **ret, char why[PROVIDER_WHY_MAX]);

/* Are these rules that a provider can follow? ERR_RANGE */
MUST_USE enum err provider_rules_check(const struct origin_rules *rules);

#endif
