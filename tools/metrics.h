/*
 * metrics - numbers out of JSON, in the text format that Prometheus reads.
 *
 * A member of a member is named by both, joined by "_"; of a list of maps each number is one
 * metric, whose samples are told apart by labels: the texts of their map, and its "version" and
 * "domain".
 */
#ifndef SPOOR_TOOLS_METRICS_H
#define SPOOR_TOOLS_METRICS_H

#include <jansson.h>
#include <stdio.h>

void metrics_put(const char *name, const json_t *object, FILE *out);

#endif
