/*
 * plot - a chart as an SVG file that any browser shows: lines over an axis of numbers.
 *
 * Small on purpose: one kind of chart, light background, a colour and a mark of its own for each
 * series (colours that colour-blind readers tell apart), names beside the chart. Earlier series
 * lie below and are drawn a little wider, so that what coincides still shows.
 */
#ifndef SPOOR_TOOLS_PLOT_H
#define SPOOR_TOOLS_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PLOT_SERIES_MAX 8
#define PLOT_TICKS_MAX 16

struct plot_point {
	double x, y; /* a point that is not finite breaks the line */
};

struct plot_series {
	const char *name;
	const struct plot_point *points; /* borrowed; by x */
	size_t count;
	bool has_marks; /* at each point */
};

struct plot_axis {
	const char *label;
	double min, max;          /* min == max: as the points say */
	bool is_log;              /* base 2 or 10, as the range asks for; all values above 0 */
	const char *const *names; /* instead of numbers: of 0, 1, ..; NULL */
	size_t name_count;
	const double *ticks; /* where to put numbers; NULL: at round ones */
	size_t tick_count;
};

struct plot {
	const char *title, *note; /* the note is one line under the title; NULL: none */
	struct plot_axis x, y;
	const struct plot_series *series; /* at most PLOT_SERIES_MAX */
	size_t series_count;
};

/* Whether all of it was written is for ferror(out) to say. */
void plot_write(FILE *out, const struct plot *plot);

#endif
