/* classes - what study_class() measures, as rows: how often unrelated pairs reach E >= 10^k. */
#ifndef SPOOR_TOOLS_EVAL_CLASSES_H
#define SPOOR_TOOLS_EVAL_CLASSES_H

#include "tools/eval/study.h"

#include <jansson.h>

json_t *classes_row(const struct class_result *r);

#endif
