/*
 * seen - what the records said last of each process, and of each connection.
 *
 * For a provider that cannot ask the kernel. Both tables are bounded; when one is full, what was
 * heard of longest ago gives way. EXIT forgets a process and what it held, START forgets all.
 */
#ifndef SPOOR_ORIGIN_SEEN_H
#define SPOOR_ORIGIN_SEEN_H

#include "base/err.h"
#include "origin/uapi/origin.h"

#include <stddef.h>
#include <sys/types.h>

struct seen;

/* At most `max` processes, and as many connections; 1 at least. ERR_NOMEM */
MUST_USE enum err seen_new(size_t max, struct seen **ret);
void seen_free(struct seen *s); /* NULL is let be */

/* `r` is copied; it has been checked. */
void seen_put(struct seen *s, const struct origin_record *r);

/* The newest process of this pid, as a TASK record. ERR_NOENT */
MUST_USE enum err seen_getorigin(const struct seen *s, pid_t pid, struct origin_record *ret);

/*
 * Who holds the end of `flow` that its direction says (NONE: either, the sender's first), as a TASK
 * record. A netns of 0 matches any. ERR_NOENT: nobody, or nobody any more.
 */
MUST_USE enum err seen_portpid(const struct seen *s, const struct origin_flow *flow,
                               struct origin_record *ret);

/* Visits each process that carries an origin or a last accept, newest first. */
void seen_dump(const struct seen *s, void (*visit)(void *arg, const struct origin_record *r),
               void *arg);

size_t seen_tasks(const struct seen *s);

/* A TASK record of what `r` says of its process: without flow, tally and number. */
void seen_answer(const struct origin_record *r, struct origin_record *ret);

#endif
