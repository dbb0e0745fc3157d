#include "tools/eval/scenes.h"

#include <math.h>
#include <stdio.h>

static void put_recalls(json_t *row, const struct roc *roc)
{
	for (int k = 1; k <= SCENES_RATES; k++) {
		double rate = pow(10, -k), recall;
		char key[32];

		snprintf(key, sizeof(key), "recall_1e-%d", k);
		recall = roc_recall(roc, roc_threshold(roc, rate));
		if (rate * (double)roc->other_count < 1 || !isfinite(recall))
			json_object_set_new(row, key, json_null());
		else
			json_object_set_new(row, key, json_real(recall));
	}
}

static json_t *real_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* What the score itself promises. */
static void put_evidence(json_t *row, const struct roc *roc)
{
	json_object_set_new(row, "recall_E3", real_or_null(roc_recall(roc, 3)));
	json_object_set_new(row, "recall_E6", real_or_null(roc_recall(roc, 6)));
	for (int k = 1; k <= 4; k++) {
		char key[32];

		snprintf(key, sizeof(key), "false_E%d", k);
		json_object_set_new(row, key, real_or_null(roc_false(roc, k)));
	}
}

json_t *scenes_rows(const struct scene_result *r)
{
	json_t *rows = json_array();

	for (size_t m = 0; m < COMPARED; m++) {
		json_t *row;

		if (m != BY_EVIDENCE && !r->has_all)
			continue;
		row = json_object();
		json_object_set_new(row, "scene", json_string(r->scene->name));
		json_object_set_new(row, "method", json_string(compare_name(m)));
		put_recalls(row, &r->roc[m]);
		if (m == BY_EVIDENCE)
			put_evidence(row, &r->roc[m]);
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *scenes_cycles(const struct scene_result *r)
{
	json_t *rows = json_array();

	for (size_t c = 0; c < CYCLES; c++) {
		const struct roc *roc = &r->by_cycles[c];
		json_t *row = json_object();

		json_object_set_new(row, "scene", json_string(r->scene->name));
		json_object_set_new(row, "cycles", json_string(study_cycles[c].name));
		json_object_set_new(row, "targets", json_integer((json_int_t)roc->same_count));
		json_object_set_new(row, "pairs", json_integer((json_int_t)roc->other_count));
		put_recalls(row, roc);
		put_evidence(row, roc);
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *scenes_summary(const struct scene_result *r)
{
	const struct roc *roc = &r->roc[BY_EVIDENCE];
	json_t *row = json_object();

	json_object_set_new(row, "scene", json_string(r->scene->name));
	json_object_set_new(row, "what", json_string(r->scene->what));
	json_object_set_new(row, "targets", json_integer((json_int_t)roc->same_count));
	json_object_set_new(row, "pairs", json_integer((json_int_t)roc->other_count));
	json_object_set_new(row, "cycles", json_real(r->median_cycles));
	json_object_set_new(row, "threshold_1e-6", json_real(roc_threshold(roc, 1e-6)));
	json_object_set_new(row, "scored", json_real((double)r->scored / (double)roc->other_count));
	json_object_set_new(row, "ns_per_pair",
	                    json_real(r->spent_s * 1e9 / (double)roc->other_count));
	return row;
}
