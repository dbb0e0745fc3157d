/*
 * report - a trace report as people read it.
 *
 * First what was asked, then the path from the origin down to the target: hosts are points, hops
 * the line between them. Where no node stands the report says so rather than drawing on.
 */
#ifndef SPOOR_TOOLS_REPORT_H
#define SPOOR_TOOLS_REPORT_H

#include "base/clock.h"
#include "tools/names.h"
#include "tools/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct report_view {
	const struct names *names; /* may be NULL */
	struct text_style style;
	bool explains; /* every candidate and its numbers */
};

void report_print(const json_t *report, const struct report_view *view, FILE *out);

/* What of it is not on the path; or nothing. */
void report_print_beside(const json_t *report, const struct report_view *view, FILE *out);

/* Adds src_name, dst_name to hops and name (from_name, to_name) to gaps, where there is one. */
void report_add_names(json_t *report, const struct names *names);

#endif
