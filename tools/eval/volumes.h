/* volumes - how often the evidence by volume is reached, by class of pairs (bulk.h). */
#ifndef SPOOR_TOOLS_EVAL_VOLUMES_H
#define SPOOR_TOOLS_EVAL_VOLUMES_H

#include "tools/eval/bulk.h"

#include <jansson.h>
#include <stdint.h>

/* `pairs` of a class, over `minutes` each, as a row. */
json_t *volumes_row(const struct bulk_class *of, uint64_t seed, size_t pairs, double minutes,
                    double idle_s);

#endif
