/*
 * news - what a report of a trace that is followed says that the one before did not.
 */
#ifndef SPOOR_TOOLS_NEWS_H
#define SPOOR_TOOLS_NEWS_H

#include "tools/report.h"

/* Prints it in a line or two; true when the path is another: it is worth drawing then. */
bool news_print(const json_t *before, const json_t *report, const struct report_view *view,
                FILE *out);

#endif
