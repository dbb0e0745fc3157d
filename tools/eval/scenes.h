/* scenes - what study_scene() measures, as rows: recall at false rates, by method and by cycles. */
#ifndef SPOOR_TOOLS_EVAL_SCENES_H
#define SPOOR_TOOLS_EVAL_SCENES_H

#include "tools/eval/study.h"

#include <jansson.h>

#define SCENES_RATES 7 /* 1e-1 ... 1e-7 */

/* One row for each method; `rates` 1e-1, 1e-2, ... as "recall_1e-3"; null where too few were tried.
 */
json_t *scenes_rows(const struct scene_result *r);

/* One row for each range of cycles. */
json_t *scenes_cycles(const struct scene_result *r);

/* "scene", "targets", "pairs", ... : what was measured. */
json_t *scenes_summary(const struct scene_result *r);

#endif
