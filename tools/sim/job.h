/*
 * job - many runs, each in a process of its own, as many at once as there are processors.
 *
 * Runs share nothing and so lose nothing by it; one that breaks its own rules so badly that it is
 * aborted is a failure among others, and each one's memory is its own to measure.
 */
#ifndef SPOOR_TOOLS_SIM_JOB_H
#define SPOOR_TOOLS_SIM_JOB_H

#include "tools/sim/result.h"
#include "tools/sim/story.h"

#include <stdbool.h>
#include <stddef.h>

struct job {
	struct story story;
	struct result result;
	bool is_done; /* it ended by itself, and `result` says how */
};

/*
 * Runs jobs[0..count); `done` hears of each as it ends, in any order. False when processes could
 * not be had; what is not done then stays so.
 */
typedef void job_done_fn(void *ctx, const struct job *job);
bool job_run(struct job *jobs, size_t count, job_done_fn *done, void *ctx);

#endif
