#include "tools/plot.h"

#include "base/util.h"

#include <math.h>

#define WIDTH 820.0
#define HEIGHT 440.0
#define LEFT 78.0
#define RIGHT 640.0 /* the names stand beyond it */
#define TOP 72.0
#define BOTTOM 378.0
#define MARK 3.6
#define WIDER 0.7 /* than the series after it, which is drawn over it */
#define LEGEND_STEP 24.0

/* Okabe and Ito 2008: the eight that everybody tells apart, yellow and black left to the end. */
static const char *const colours[PLOT_SERIES_MAX] = {
	"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444", "#b8a000",
};

struct scale { /* of one axis, in use */
	const struct plot_axis *axis;
	double low, high; /* of the values; their logarithms where it is_log */
	double from, to;  /* on the paper */
	double ticks[PLOT_TICKS_MAX];
	size_t tick_count;
};

static void text(FILE *out, const char *from)
{
	for (; *from != '\0'; from++) {
		switch (*from) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			if ((unsigned char)*from >= 0x20)
				fputc(*from, out);
		}
	}
}

static void label(FILE *out, double x, double y, const char *style, const char *words)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, style);
	text(out, words);
	fputs("</text>\n", out);
}

static double place(const struct scale *s, double value)
{
	double v = s->axis->is_log ? log10(value) : value;

	return s->from + (v - s->low) / (s->high - s->low) * (s->to - s->from);
}

static bool is_drawn(const struct plot *plot, const struct plot_point *p)
{
	return isfinite(p->x) && isfinite(p->y) && (!plot->x.is_log || p->x > 0) &&
	       (!plot->y.is_log || p->y > 0);
}

static void find_range(const struct plot *plot, bool is_x, struct scale *s)
{
	double low = s->axis->min, high = s->axis->max;

	if (!(low < high)) {
		low = HUGE_VAL;
		high = -HUGE_VAL;
		for (size_t i = 0; i < plot->series_count; i++) {
			for (size_t j = 0; j < plot->series[i].count; j++) {
				const struct plot_point *p = &plot->series[i].points[j];
				double value = is_x ? p->x : p->y;

				low = is_drawn(plot, p) ? MIN(low, value) : low;
				high = is_drawn(plot, p) ? MAX(high, value) : high;
			}
		}
		low = MIN(low, s->axis->is_log ? low : 0);
		high = is_x || s->axis->is_log ? high : high * 1.08;
	}
	if (!(low < high)) { /* one value, or none */
		low = isfinite(low) && low > 0 ? low / 2 : 1;
		high = 2 * low + 1;
	}
	s->low = s->axis->is_log ? log10(low) : low;
	s->high = s->axis->is_log ? log10(high) : high;
}

static void add_tick(struct scale *s, double value)
{
	double v = s->axis->is_log ? log10(value) : value;
	double slack = 1e-9 * (s->high - s->low);

	if (v >= s->low - slack && v <= s->high + slack && s->tick_count < PLOT_TICKS_MAX)
		s->ticks[s->tick_count++] = value;
}

/* Steps of 1, 2 or 5 times a power of ten, about six of them; on a logarithmic axis, 1 and 10. */
static void find_ticks(struct scale *s)
{
	double span = s->high - s->low, step;

	if (s->axis->names != NULL) {
		for (size_t i = 0; i < s->axis->name_count; i++)
			add_tick(s, (double)i);
		return;
	}
	if (s->axis->ticks != NULL) {
		for (size_t i = 0; i < s->axis->tick_count; i++)
			add_tick(s, s->axis->ticks[i]);
		return;
	}
	if (s->axis->is_log) {
		bool is_short = span < 3;

		for (double power = floor(s->low); power <= s->high; power++) {
			add_tick(s, pow(10, power));
			add_tick(s, is_short ? 2 * pow(10, power) : 0);
			add_tick(s, is_short ? 5 * pow(10, power) : 0);
		}
		return;
	}
	step = pow(10, floor(log10(span / 5)));
	if (span / step > 12)
		step *= span / step > 25 ? 5 : 2;
	for (double value = ceil(s->low / step) * step; value <= s->high + step / 1e6;
	     value += step)
		add_tick(s, fabs(value) < step / 1e6 ? 0 : value);
}

static struct scale scale_of(const struct plot *plot, bool is_x)
{
	struct scale s = {
		.axis = is_x ? &plot->x : &plot->y,
		.from = is_x ? LEFT : BOTTOM,
		.to = is_x ? RIGHT : TOP,
	};

	find_range(plot, is_x, &s);
	if (s.axis->names != NULL) { /* room on both sides of the first and the last */
		s.low = -0.3;
		s.high = (double)s.axis->name_count - 0.7;
	}
	find_ticks(&s);
	return s;
}

/* "10,000", "0.25", "40". */
static void tick_text(const struct plot_axis *axis, double value, char *room, size_t len)
{
	if (axis->names != NULL)
		snprintf(room, len, "%s", axis->names[(size_t)(value + 0.5)]);
	else if (value >= 10000)
		snprintf(room, len, "%.0f,%03.0f", floor(value / 1000), fmod(value, 1000));
	else
		snprintf(room, len, "%g", value);
}

static void draw_axes(FILE *out, const struct scale *x, const struct scale *y)
{
	char words[64];

	for (size_t i = 0; i < y->tick_count; i++) {
		double at = place(y, y->ticks[i]);

		fprintf(out, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, at, RIGHT);
		tick_text(y->axis, y->ticks[i], words, sizeof(words));
		label(out, LEFT - 8, at + 4, "right", words);
	}
	for (size_t i = 0; i < x->tick_count; i++) {
		double at = place(x, x->ticks[i]);

		fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fv5\"/>\n", at, BOTTOM);
		tick_text(x->axis, x->ticks[i], words, sizeof(words));
		label(out, at, BOTTOM + 20, "middle", words);
	}
	fprintf(out, "<path class=\"axis\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, BOTTOM, RIGHT);
	label(out, (LEFT + RIGHT) / 2, BOTTOM + 46, "middle", x->axis->label);
	fprintf(out, "<g transform=\"rotate(-90 22 %.1f)\">", (TOP + BOTTOM) / 2);
	label(out, 22, (TOP + BOTTOM) / 2, "middle", y->axis->label);
	fputs("</g>\n", out);
}

static double wider(const struct plot *plot, size_t series)
{
	return WIDER * (double)(plot->series_count - 1 - series);
}

/* Four shapes, then again: whoever prints without colour still tells the series apart. */
static void draw_mark(FILE *out, const struct plot *plot, size_t series, double x, double y)
{
	const char *colour = colours[series];
	double m = MARK + wider(plot, series) / 2;

	switch (series % 4) {
	case 0:
		fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"/>\n", x, y, m,
		        colour);
		return;
	case 1:
		fprintf(out,
		        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		        "fill=\"%s\"/>\n",
		        x - m, y - m, 2 * m, 2 * m, colour);
		return;
	case 2:
		fprintf(out, "<path d=\"M%.1f %.1fl%.1f %.1fh%.1fz\" fill=\"%s\"/>\n", x, y - m - 1,
		        m + 1, 2 * m, -2 * (m + 1), colour);
		return;
	default:
		fprintf(out,
		        "<path d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1fl%.1f %.1fz\" fill=\"%s\"/>\n", x,
		        y - m - 1, m + 1, m + 1, -m - 1, m + 1, -m - 1, -m - 1, colour);
	}
}

static void draw_series(FILE *out, const struct plot *plot, size_t series, const struct scale *x,
                        const struct scale *y)
{
	const struct plot_series *s = &plot->series[series];
	bool is_open = false;

	fprintf(out,
	        "<path class=\"line\" clip-path=\"url(#area)\" stroke=\"%s\" "
	        "stroke-width=\"%.1f\" d=\"",
	        colours[series], 1.8 + wider(plot, series));
	for (size_t i = 0; i < s->count; i++) {
		const struct plot_point *p = &s->points[i];

		if (is_drawn(plot, p))
			fprintf(out, "%c%.1f %.1f", is_open ? 'L' : 'M', place(x, p->x),
			        place(y, p->y));
		is_open = is_drawn(plot, p);
	}
	fputs(s->count > 0 ? "\"/>\n" : "M0 0\"/>\n", out);
	for (size_t i = 0; s->has_marks && i < s->count; i++) {
		if (is_drawn(plot, &s->points[i]))
			draw_mark(out, plot, series, place(x, s->points[i].x),
			          place(y, s->points[i].y));
	}
}

static void draw_legend(FILE *out, const struct plot *plot)
{
	for (size_t i = 0; i < MIN(plot->series_count, PLOT_SERIES_MAX); i++) {
		double y = TOP + 12 + (double)i * LEGEND_STEP;

		fprintf(out,
		        "<path class=\"line\" stroke=\"%s\" stroke-width=\"2.2\" "
		        "d=\"M%.1f %.1fh26\"/>\n",
		        colours[i], RIGHT + 20, y);
		if (plot->series[i].has_marks)
			draw_mark(out, plot, i, RIGHT + 33, y);
		label(out, RIGHT + 54, y + 4, "left", plot->series[i].name);
	}
}

void plot_write(FILE *out, const struct plot *plot)
{
	struct scale x = scale_of(plot, true), y = scale_of(plot, false);

	fprintf(out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
	        "width=\"%.0f\" "
	        "height=\"%.0f\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n",
	        WIDTH, HEIGHT, WIDTH, HEIGHT);
	fputs("<style>.grid{stroke:#e3e6ea;fill:none}.axis{stroke:#5b6570;fill:none}"
	      ".line{fill:none;stroke-linejoin:round}text{fill:#2b3138}"
	      ".middle{text-anchor:middle}.right{text-anchor:end}.left{text-anchor:start}"
	      ".title{font-size:17px;font-weight:bold}.note{fill:#5b6570}</style>\n",
	      out);
	fprintf(out, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n", WIDTH, HEIGHT);
	fprintf(out,
	        "<clipPath id=\"area\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
	        "height=\"%.1f\"/></clipPath>\n",
	        LEFT - 2, TOP - 2, RIGHT - LEFT + 4, BOTTOM - TOP + 4);
	label(out, LEFT - 50, 30, "title", plot->title);
	if (plot->note != NULL)
		label(out, LEFT - 50, 51, "note", plot->note);
	draw_axes(out, &x, &y);
	for (size_t i = 0; i < MIN(plot->series_count, PLOT_SERIES_MAX); i++)
		draw_series(out, plot, i, &x, &y);
	draw_legend(out, plot);
	fputs("</svg>\n", out);
}
