#include "tools/sim/job.h"

#include "base/util.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS_MAX 64

struct worker {
	pid_t pid;
	FILE *out; /* what it leaves behind: a file without a name, as long as it likes */
	struct job *job;
};

/* In the child: everything is left to the end of the process, as nothing else shares its memory. */
static _Noreturn void work(const struct job *job, FILE *out)
{
	struct result result;
	bool is_fine = story_run(&job->story, &result) &&
	               fwrite(&result, sizeof(result), 1, out) == 1 && fflush(out) == 0;

	_exit(is_fine ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool start(struct worker *worker, struct job *job)
{
	*worker = (struct worker){.job = job, .out = tmpfile()};
	if (worker->out == NULL)
		return false;
	fflush(NULL); /* else the child would say it again */
	worker->pid = fork();
	if (worker->pid == 0)
		work(job, worker->out);
	if (worker->pid < 0)
		fclose(worker->out);
	return worker->pid > 0;
}

static void finish(struct worker *worker, int status)
{
	struct job *job = worker->job;

	rewind(worker->out);
	job->is_done = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS &&
	               fread(&job->result, sizeof(job->result), 1, worker->out) == 1;
	fclose(worker->out);
}

static size_t processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 ? 1 : MIN((size_t)count, WORKERS_MAX);
}

bool job_run(struct job *jobs, size_t count, job_done_fn *done, void *ctx)
{
	struct worker workers[WORKERS_MAX];
	size_t most = processors(), running = 0, next = 0;
	bool is_fine = true;

	while (running > 0 || (is_fine && next < count)) {
		int status;
		pid_t pid;

		if (is_fine && next < count && running < most) {
			is_fine = start(&workers[running], &jobs[next]);
			running += is_fine;
			next += is_fine;
			continue;
		}
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno != EINTR)
			return false;
		for (size_t i = 0; i < running; i++) {
			if (workers[i].pid != pid)
				continue;
			finish(&workers[i], status);
			done(ctx, workers[i].job);
			workers[i] = workers[--running];
			break;
		}
	}
	return is_fine;
}
