/* study - the measurements: recall at false rates in a scene, calibration on classes of pairs. */
#ifndef SPOOR_TOOLS_EVAL_STUDY_H
#define SPOOR_TOOLS_EVAL_STUDY_H

#include "tools/eval/compare.h"
#include "tools/eval/scene.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

struct study {
	size_t targets, strangers; /* chains, each against so many unrelated connections */
	bool has_all;              /* by the other methods, too */
	bool is_told; /* what is known of either side; else what is assumed of one of which nothing
	                 is */
};

struct scene_result study_scene(const struct scene *scene, uint64_t seed,
                                const struct study *study);
void scene_result_free(struct scene_result *r);

struct class_result {
	const struct stranger_class *of;
	struct roc plain; /* before the decoys */
	struct roc roc[COMPARED];
	uint64_t pairs;
	double minutes; /* of each */
};

struct class_study {
	size_t pairs;
	double minutes; /* of each, or what the class needs at least */
	double idle_s;
	struct scene_side said; /* of both sides, whatever is true of them */
};

struct class_result study_class(const struct stranger_class *of, uint64_t seed,
                                const struct class_study *study);
void class_result_free(struct class_result *r);

#endif
