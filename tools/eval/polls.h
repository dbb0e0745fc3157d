/* polls - how often the score of connections that poll is reached, by class of pairs (poller.h). */
#ifndef SPOOR_TOOLS_EVAL_POLLS_H
#define SPOOR_TOOLS_EVAL_POLLS_H

#include "tools/eval/poller.h"

#include <jansson.h>

/* `pairs` of a class, over `minutes` each, as a row. */
json_t *polls_row(const struct poller_class *of, uint64_t seed, size_t pairs, double minutes,
                  double idle_s);

#endif
