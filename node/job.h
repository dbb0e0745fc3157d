/*
 * job - a piece of work on a worker thread, and what follows on the loop.
 *
 * Embed struct job first in what the work needs; `done` owns it from then on.
 */
#ifndef SPOOR_NODE_JOB_H
#define SPOOR_NODE_JOB_H

#include <uv.h>

struct job;
typedef void job_fn(struct job *job);

struct job {
	uv_work_t work;
	job_fn *run;  /* on a worker: touches nothing of the loop's */
	job_fn *done; /* on the loop */
};

void job_start(uv_loop_t *loop, struct job *job, job_fn *run, job_fn *done);

#endif
