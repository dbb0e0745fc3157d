/* figure - the measurements as plots. */
#ifndef SPOOR_TOOLS_EVAL_FIGURE_H
#define SPOOR_TOOLS_EVAL_FIGURE_H

#include "tools/eval/study.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * DIR/NAME-recall.svg: recall at each false rate, a line for each method; DIR/NAME-cycles.svg:
 * recall by how many silences the target has. DIR/classes.svg: how often unrelated pairs reach E >=
 * 10^k, against what that promises. False when a file cannot be written.
 */
bool figure_scene(const char *dir, const struct scene_result *r);
bool figure_classes(const char *dir, const struct class_result *results, size_t count);

#endif
