/*
 * hostfiles - processes started by way of a file that a process of remote origin wrote.
 *
 *	fanotify -> who wrote it? -> tag on the file         cron tables, units, scripts, keys
 *	exec -> was it started by a tagged file? -> its origin is FILE, the writer's (origin/files)
 *
 * Both are seen just after they happened. A writer may have ended when we ask: the provider tells
 *of those of remote origin as they begin and end, and a write waits a second for that. A process
 *that opened a connection before we looked has no origin in the record of that.
 */
#ifndef SPOOR_NODE_HOSTFILES_H
#define SPOOR_NODE_HOSTFILES_H

#include "origin/files/tags.h"
#include "origin/provider.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct host;

#define HOSTFILES_WRITERS_MAX 512
#define HOSTFILES_WAITING_MAX 64

struct waiting; /* a write of whom we do not know yet */

struct hostfiles {
	struct host *host;
	struct writes *writes; /* NULL: not watched */
	struct tags tags;
	struct origin_record *writers; /* HOSTFILES_WRITERS_MAX: of remote origin, lately */
	size_t writer_count;           /* ever */
	struct waiting *waiting;       /* HOSTFILES_WAITING_MAX */
	size_t waiting_count;
	uv_poll_t on_write, on_start;
	uv_timer_t timer; /* folders that come later; tags that are gone */
	uv_timer_t again; /* while writes wait */
	int starts;       /* descriptor; -1: not asked for, or refused */
	bool has_starts, has_write, has_timer;
	bool is_stale;         /* tags were written since they were read */
	bool is_start_refused; /* said once */
	uint64_t tagged, started;
	uint64_t unknown; /* written by who had ended, and from nowhere else as far as is known */
	uint64_t lost;    /* times that the kernel had no room for who starts */
};

/* Why it cannot is logged; the host goes on without. */
void hostfiles_start(struct hostfiles *f, struct host *host);
void hostfiles_stop(struct hostfiles *f);
void hostfiles_free(struct hostfiles *f); /* when the loop has ended */

/* Has `provider` tell of processes of remote origin as they begin and end. */
void hostfiles_arm(struct provider *provider);

/* Every record. False: it is for us alone. */
bool hostfiles_see(struct hostfiles *f, const struct origin_record *r);

#endif
