/*
 * provider - what says which process opened a connection, and from where that process came.
 *
 * One interface over the kernel module's device, the BPF programs, and a file of records. All are
 * read from one thread; nothing blocks.
 */
#ifndef SPOOR_ORIGIN_PROVIDER_H
#define SPOOR_ORIGIN_PROVIDER_H

#include "base/err.h"
#include "origin/uapi/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct provider;

struct provider_identity {
	char kind[8];     /* "kmod", "bpf" or "file" */
	char version[32]; /* of spoor's own */
	char build[41]; /* srcversion of the module, tag of the BPF programs; "" where there is none
	                 */
	char boot_id[37];   /* /proc/sys/kernel/random/boot_id */
	char kernel[65];    /* release */
	char lockdown[16];  /* "none", "integrity", "confidentiality", "unknown" */
	uint64_t taint;     /* /proc/sys/kernel/tainted */
	bool is_ftrace_off; /* kernel.ftrace_enabled is 0 */
};

struct provider_error {
	char text[256]; /* one line: what failed, where, why, and what would help */
};

/*
 * Opens `name`: "auto" (the module's device if it is there, else BPF), "kmod", "bpf",
 * "bpf-minimal" (no trampolines, as if the kernel had none), or "file:PATH" (records in the log's
 * order, followed as the file grows). ERR_UNSUPPORTED when the kernel does not have or allow it,
 * ERR_FORMAT for a name or file that is none, ERR_IO; then `error` says more, *ret is NULL.
 */
MUST_USE enum err provider_open(const char *name, struct provider **ret,
                                struct provider_error *error);
void provider_close(struct provider *p);

/* Becomes readable when provider_next() may have something; -1: ask every second. */
int provider_descriptor(const struct provider *p);

/* The next record, in the host's order. ERR_NOENT when there is none now. */
MUST_USE enum err provider_next(struct provider *p, struct origin_record *ret);

/* Process `pid` as it is now (paper, 3.5: getorigin). ERR_NOENT. */
MUST_USE enum err provider_getorigin(struct provider *p, uint32_t pid, struct origin_record *ret);

/* Process that has the flow open now (paper, 3.5: portpid). ERR_NOENT; ERR_UNSUPPORTED. */
MUST_USE enum err provider_portpid(struct provider *p, const struct origin_flow *flow,
                                   struct origin_record *ret);

/* Calls `each` for every process that carries an origin or a last accept (paper, property 9). */
MUST_USE enum err provider_dump(struct provider *p,
                                void (*each)(const struct origin_record *record, void *user),
                                void *user);

/* Numbers, capabilities and what it is blind to. */
MUST_USE enum err provider_stats(struct provider *p, struct origin_stats *ret);
void provider_identify(struct provider *p, struct provider_identity *ret);

MUST_USE enum err provider_rules(struct provider *p, const struct origin_rules *rules);

#endif
