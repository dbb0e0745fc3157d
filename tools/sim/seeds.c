#include "tools/sim/seeds.h"

#include "base/prng.h"
#include "base/util.h"
#include "tools/sim/job.h"

#include <inttypes.h>
#include <stdlib.h>

#define NODES 64
#define QUERIES 4
#define LOSS_MAX \
	20 /* in hundredths, as what follows: it can be written as an option and read back */
#define DEAD_MAX 20
#define BYZANTINE_MAX 30
#define NAT_MAX 20
#define CUT_FROM_MS (STORY_JOIN_MS - 10000)
#define CUT_MIN_MS 1000
#define CUT_MAX_MS 40000
#define SALT UINT64_C(0x5eed5eed5eed5eed)

static double hundredths(struct prng *p, uint64_t most)
{
	uint64_t count = prng_below(p, most + 1);

	return (double)count / 100;
}

static const char *draw_liar(struct prng *p)
{
	size_t count = 0;

	while (liar_kinds[count].name != NULL)
		count++;
	return liar_kinds[prng_below(p, count)].name;
}

static void draw_cut(struct prng *p, struct story *story)
{
	uint64_t kind = prng_below(p, 4); /* none twice as often as each of the others */

	story->cut_from_ms = CUT_FROM_MS + prng_below(p, CUT_MAX_MS);
	story->cut_to_ms = story->cut_from_ms + CUT_MIN_MS + prng_below(p, CUT_MAX_MS - CUT_MIN_MS);
	story->is_cut = kind >= 2;
	story->is_one_way = kind == 3;
}

/* Everything is drawn in any case, so that what is fixed does not change the rest. */
struct story seeds_draw(const struct story *base, const struct seeds_fixed *fixed, uint64_t seed)
{
	struct prng p = {.state = seed ^ SALT};
	struct story drawn = *base;

	drawn.seed = seed;
	drawn.nodes = NODES;
	drawn.queries = QUERIES;
	drawn.loss = hundredths(&p, LOSS_MAX);
	drawn.dead = hundredths(&p, DEAD_MAX);
	drawn.byzantine = hundredths(&p, BYZANTINE_MAX);
	drawn.liar = draw_liar(&p);
	drawn.nat = hundredths(&p, NAT_MAX);
	drawn.is_urgent = prng_below(&p, 2) == 1;
	draw_cut(&p, &drawn);
	drawn.nodes = fixed->nodes ? base->nodes : drawn.nodes;
	drawn.queries = fixed->queries ? base->queries : drawn.queries;
	drawn.loss = fixed->loss ? base->loss : drawn.loss;
	drawn.dead = fixed->dead ? base->dead : drawn.dead;
	drawn.byzantine = fixed->byzantine ? base->byzantine : drawn.byzantine;
	drawn.liar = fixed->liar ? base->liar : drawn.liar;
	drawn.nat = fixed->nat ? base->nat : drawn.nat;
	drawn.is_urgent = fixed->urgent ? base->is_urgent : drawn.is_urgent;
	if (fixed->partition) {
		drawn.is_cut = base->is_cut;
		drawn.is_one_way = base->is_one_way;
		drawn.cut_from_ms = base->cut_from_ms;
		drawn.cut_to_ms = base->cut_to_ms;
	}
	return drawn;
}

static void tell(void *ctx, const struct job *job)
{
	uint64_t *failures = ctx;

	if (job->is_done && job->result.violations == 0)
		return;
	++*failures;
	printf("seed %" PRIu64 ": %s; to repeat: ", job->story.seed,
	       job->is_done ? job->result.texts[0] : "aborted");
	story_command(stdout, &job->story);
	printf(" (commit %s)\n", SPOOR_COMMIT);
	fflush(stdout);
}

uint64_t seeds_run(const struct story *base, const struct seeds_fixed *fixed, uint64_t first,
                   uint64_t last)
{
	size_t count = (size_t)(last - first + 1);
	struct job *jobs = calloc(count, sizeof(*jobs));
	uint64_t failures = 0;
	bool is_fine = jobs != NULL;

	for (size_t i = 0; i < count && is_fine; i++)
		jobs[i].story = seeds_draw(base, fixed, first + i);
	is_fine = is_fine && job_run(jobs, count, tell, &failures);
	free(jobs);
	if (!is_fine)
		return UINT64_MAX;
	printf("%zu seeds, %" PRIu64 " failed (commit %s)\n", count, failures, SPOOR_COMMIT);
	return failures;
}
