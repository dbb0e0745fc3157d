/*
 * provider - whoever sees processes for us: the kernel module, the BPF programs, or a file of
 * records for tests and replays. One interface over all, and a statement of what each cannot see.
 *
 * A provider is opened by its name:
 *
 *	auto          the module if it is loaded, else the BPF programs
 *	kmod          the module's device
 *	bpf           BPF programs on trampolines: the module's hooks
 *	bpf-minimal   BPF programs on tracepoints and cgroup hooks alone
 *	file:PATH     records as record_pack() writes them, one behind the other, as it grows
 *
 * Not for several threads. Records are in the host's order, and checked (record_check()).
 */
#ifndef SPOOR_ORIGIN_PROVIDER_H
#define SPOOR_ORIGIN_PROVIDER_H

#include "base/err.h"
#include "origin/uapi/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROVIDER_WHY_MAX 512

struct provider;

struct provider_health {    /* part of every evidence; texts are NUL-terminated, empty if unknown */
	char kind[16];      /* "kmod", "bpf", "bpf-minimal", "file" */
	char version[24];   /* of the provider: spoor's */
	char build[48];     /* the module's srcversion, or the BPF programs' tags, digested */
	char kernel[64];    /* release */
	char boot_id[37];   /* /proc/sys/kernel/random/boot_id */
	char lockdown[16];  /* "none", "integrity", "confidentiality"; empty: not in this kernel */
	uint64_t taint;     /* /proc/sys/kernel/tainted */
	bool is_ftrace_off; /* kernel.ftrace_enabled is 0 */
	struct origin_stats stats;
};

/*
 * Opens `name`. On failure `why` says what is missing in words that an operator can act on.
 *
 * ERR_NOENT     no such provider by name; or the device or file is not there
 * ERR_DENIED    the kernel, or its lockdown, refuses
 * ERR_VERSION   another ABI than ours
 * ERR_IO, ERR_NOMEM
 */
MUST_USE enum err provider_open(const char *name, struct provider **ret,
                                char why[PROVIDER_WHY_MAX]);
void provider_close(struct provider *p); /* NULL is let be */

/* Readable when provider_next() may have something; -1: there is none, ask 20 times a second. */
int provider_fd(const struct provider *p);

/* ERR_NOENT: none now. ERR_FORMAT: one that record_check() refuses, passed over. ERR_IO: broken. */
MUST_USE enum err provider_next(struct provider *p, struct origin_record *ret);

/* What the provider knows of the process `pid`, as a TASK record. ERR_NOENT: no such process. */
MUST_USE enum err provider_getorigin(struct provider *p, pid_t pid, struct origin_record *ret);

/*
 * Which process holds the end of the connection `flow` that its direction says, as a TASK record:
 * OUT is the sender's end, IN the receiver's, NONE either of them, the sender's first. A netns of 0
 * matches any. ERR_NOENT: nobody, or nobody any more.
 */
MUST_USE enum err provider_portpid(struct provider *p, const struct origin_flow *flow,
                                   struct origin_record *ret);

/* Every process that carries an origin or a last accept, each as a TASK record. */
typedef void provider_visit(void *arg, const struct origin_record *r);
MUST_USE enum err provider_dump(struct provider *p, provider_visit *visit, void *arg);

/*
 * The process r->process (pid, start_ns) was started by way of a file: r->origin, of type FILE, is
 * its origin, and its children inherit it. ERR_STALE: it has one from elsewhere, which stays.
 * ERR_NOENT: it has ended. ERR_DENIED: this provider cannot. ERR_RANGE: no such origin.
 */
MUST_USE enum err provider_setorigin(struct provider *p, const struct origin_record *r);

/* ERR_DENIED: this provider has no rules. ERR_RANGE: malformed, nothing was changed. */
MUST_USE enum err provider_rules_get(struct provider *p, struct origin_rules *ret);
MUST_USE enum err provider_rules_set(struct provider *p, const struct origin_rules *rules);

MUST_USE enum err provider_health(struct provider *p, struct provider_health *ret);

/* What `stats` says it cannot see, one sentence after the other: NULL behind the last. */
const char *provider_blindness(const struct origin_stats *stats, size_t i);

#endif
