/* study - the measurements: recall at false rates in a scene, calibration on classes of pairs. */
#ifndef SPOOR_TOOLS_EVAL_STUDY_H
#define SPOOR_TOOLS_EVAL_STUDY_H

#include "tools/eval/compare.h"
#include "tools/eval/scene.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAG_S 3.5 /* two clocks that err by 1 s, and 1.5 s of network */

enum { CYCLES = 6 };
extern const struct cycles { /* how many silences a target has */
	size_t from, to;
	const char *name;
} study_cycles[CYCLES];

struct scene_result {
	const struct scene *scene;
	struct roc roc[COMPARED];     /* all targets */
	struct roc by_cycles[CYCLES]; /* by evidence */
	bool has_all;                 /* by the other methods, too */
	double median_cycles;
	double spent_s;
	uint64_t scored; /* unrelated pairs that passed the sieve */
};

/* `targets` chains, each against `strangers` unrelated connections. */
struct scene_result study_scene(const struct scene *scene, uint64_t seed, size_t targets,
                                size_t strangers, bool has_all);
void scene_result_free(struct scene_result *r);

struct class_result {
	const struct stranger_class *of;
	struct roc plain; /* before the decoys */
	struct roc roc[COMPARED];
	uint64_t pairs;
	double minutes; /* of each */
};

/* `pairs` of a class, over `minutes` each, or what the class needs at least. */
struct class_result study_class(const struct stranger_class *of, uint64_t seed, size_t pairs,
                                double minutes, double idle_s);
void class_result_free(struct class_result *r);

#endif
