#include "node/job.h"

#include "base/util.h"

static void on_work(uv_work_t *work)
{
	struct job *job = container_of(work, struct job, work);

	job->run(job);
}

static void on_done(uv_work_t *work, int status)
{
	struct job *job = container_of(work, struct job, work);

	(void)status; /* nothing here is ever cancelled */
	job->done(job);
}

void job_start(uv_loop_t *loop, struct job *job, job_fn *run, job_fn *done)
{
	int rc;

	job->run = run;
	job->done = done;
	rc = uv_queue_work(loop, &job->work, on_work, on_done);
	CHECK(rc == 0);
}
