#include "tools/report.h"

#include "base/addr.h"
#include "base/timestamp.h"
#include "base/util.h"
#include "tools/json.h"
#include "tools/paper.h"
#include "tools/report_beside.h"
#include "tools/report_origin.h"
#include "tools/report_parts.h"

#include <string.h>

#define STOPS_MAX 65 /* PATH_HOPS_MAX hops, none of them joined, and some */
#define HOST_COLUMN 4
#define ENDS_COLUMNS 95 /* narrower: a hop's ends on the wire have a line of their own */
#define PLACE_MAX 160
#define MARGIN_MAX 16
#define HOST_MAX 128
#define GOOD_DECADES 6.0 /* a score that needs no second look */

/* The drawing's characters. */
struct glyphs {
	const char *host, *stone, *target, *line, *unseen, *arrow, *here;
};

static const struct glyphs ascii = {"*", "o", "@", "|", ":", "->", "<<"};
static const struct glyphs utf8 = {"●", "○", "◉", "│", "┊", "→", "◀"};

enum stop_kind { STOP_HOST, STOP_STONE, STOP_TARGET };

struct stop { /* a host on the path */
	enum stop_kind kind;
	char addr[ADDR_TEXT_MAX], host[HOST_MAX], place[PLACE_MAX];
	const char *name, *remark; /* or NULL */
	const json_t *hop;         /* that begins here */
	bool is_unseen;            /* what follows is seen by nobody */
};

struct route {
	struct stop stops[STOPS_MAX];
	size_t count, hops, gaps;
	size_t chances; /* hops that may be none */
	bool is_asked;  /* somebody was, what led to the target */
};

static const struct glyphs *glyphs_of(const struct report_view *view)
{
	return view->style.is_utf8 ? &utf8 : &ascii;
}

static struct stop *add_stop(struct route *r, const struct report_view *view, const char *end,
                             const char *node, const char *org)
{
	struct stop *s = &r->stops[r->count++];
	char addr[ADDR_TEXT_MAX];

	*s = (struct stop){.kind = *node == '\0' ? STOP_STONE : STOP_HOST};
	snprintf(s->addr, sizeof(s->addr), "%s", report_addr(end, addr));
	s->name = names_find(view->names, end);
	snprintf(s->host, sizeof(s->host), "%s%s%.60s", addr, s->name == NULL ? "" : "  ",
	         s->name == NULL ? "" : s->name);
	if (*node == '\0')
		snprintf(s->place, sizeof(s->place), "no node sees behind it");
	else
		snprintf(s->place, sizeof(s->place), "behind %.31s%s%.63s%s", node,
		         *org == '\0' ? "" : " (", org, *org == '\0' ? "" : ")");
	return s;
}

/* The host that `hop` ends at. */
static void add_end(struct route *r, const json_t *hop, const json_t *next,
                    const struct report_view *view)
{
	const char *link = json_text(hop, "link"), *node = json_text(hop, "dst_node");
	const char *org = json_text(hop, "dst_org");
	struct stop *s;

	if (strcmp(link, "host") == 0 && *node == '\0') {
		node = json_text(next, "src_node");
		org = json_text(next, "src_org");
	}
	s = add_stop(r, view, json_text(hop, "dst"), node, org);
	if (next == NULL) {
		s->kind = STOP_TARGET;
		s->remark = "the target";
	} else if (strcmp(link, "address") == 0) {
		s->kind = STOP_STONE;
		snprintf(s->place, sizeof(s->place),
		         "NO NODE HERE: ends one hop and begins the next");
		r->gaps++;
	} else if (strcmp(link, "time") == 0) {
		s->is_unseen = true;
		r->gaps++;
	}
}

static void find_route(struct route *r, const json_t *report, const struct report_view *view)
{
	const json_t *path = json_object_get(report, "path"), *hop;
	size_t i;

	*r = (struct route){.hops = json_array_size(path), .is_asked = report_is_asked(report)};
	json_array_foreach(path, i, hop)
	{
		if (r->count + 2 > STOPS_MAX)
			break;
		if (r->count == 0 || r->stops[r->count - 1].is_unseen)
			add_stop(r, view, json_text(hop, "src"), json_text(hop, "src_node"),
			         json_text(hop, "src_org"));
		r->stops[r->count - 1].hop = hop;
		r->chances += report_may_be_chance(hop);
		add_end(r, hop, json_array_get(path, i + 1), view);
	}
	if (r->count > 0 && r->is_asked)
		r->stops[0].remark = "origin, as far as nodes can see";
}

static void put_stop(struct paper *p, const struct stop *s, const struct glyphs *g,
                     size_t place_column, size_t remark_column)
{
	bool is_stone = s->kind == STOP_STONE;
	const char *point = is_stone ? g->stone : s->kind == STOP_TARGET ? g->target : g->host;

	paper_tab(p, HOST_COLUMN - 2);
	paper_put(p, is_stone ? PAPER_WARNING : PAPER_PLAIN, "%s", point);
	paper_tab(p, HOST_COLUMN);
	paper_put(p, PAPER_STRONG, "%s", s->host);
	paper_tab(p, place_column - 2);
	paper_piece(p, is_stone ? PAPER_WARNING : PAPER_PLAIN, "%s", s->place);
	if (s->remark != NULL) {
		paper_tab(p, remark_column - 2);
		paper_piece(p, PAPER_STRONG, "%s %s", g->here, s->remark);
	}
	paper_end(p);
}

static void put_margin(struct paper *p)
{
	paper_put(p, PAPER_PLAIN, "%s", p->margin);
}

/* The two ends of a hop, and where they differ, as others saw them on the wire. */
static void put_ends(struct paper *p, const json_t *hop, const struct glyphs *g)
{
	const char *src = json_text(hop, "src"), *dst = json_text(hop, "dst");
	const char *public_src = json_text(hop, "public_src");
	const char *public_dst = json_text(hop, "public_dst");

	put_margin(p);
	paper_put(p, PAPER_PLAIN, "%s %s %s", src, g->arrow, dst);
	if (*public_src != '\0' && *public_dst != '\0' &&
	    (strcmp(src, public_src) != 0 || strcmp(dst, public_dst) != 0)) {
		char text[PAPER_PIECE_MAX];

		snprintf(text, sizeof(text), "on the wire %.*s %s %.*s", PLACE_MAX, public_src,
		         g->arrow, PLACE_MAX, public_dst);
		if (text_columns(p->style) >= ENDS_COLUMNS) {
			paper_piece(p, PAPER_FAINT, "%s", text);
		} else {
			paper_break(p);
			paper_put(p, PAPER_FAINT, "%s", text);
		}
	}
	paper_end(p);
}

static void put_hop(struct paper *p, const json_t *report, const json_t *hop,
                    const struct glyphs *g)
{
	double score = json_number_value(json_object_get(hop, "score"));
	char span[REPORT_SPAN_MAX], nodes[PAPER_PIECE_MAX];
	int64_t views = json_count(hop, "views", 0);
	const char *by = json_text(hop, "by");
	bool is_timed = *by == '\0' || strcmp(by, "timing") == 0;

	put_margin(p);
	if (json_is_number(json_object_get(hop, "score")))
		paper_put(p, score >= GOOD_DECADES ? PAPER_GOOD : PAPER_PLAIN, "%.1f%s%s", score,
		          is_timed ? "" : " by ", is_timed ? "" : by);
	else
		paper_put(p, PAPER_PLAIN, "%s",
		          strcmp(json_text(hop, "link"), "end") == 0 ? "asked" : "told");
	paper_piece(p, PAPER_PLAIN, "%s", report_span(report, hop, span));
	paper_piece(p, PAPER_PLAIN, "%lld view%s%s%s", (long long)views, views == 1 ? "" : "s",
	            report_witnesses(hop, nodes) > 0 ? ": " : "", nodes);
	paper_end(p);
	put_ends(p, hop, g);
	report_beside(p, hop, g->arrow);
	report_origin(p, report, hop);
}

static void put_unseen(struct paper *p, const struct glyphs *g)
{
	const char *outer = p->margin;
	char margin[MARGIN_MAX];

	snprintf(margin, sizeof(margin), "  %s   ", g->unseen);
	p->margin = margin;
	paper_put(p, PAPER_WARNING, "  %s  ", g->unseen);
	paper_words(p, PAPER_WARNING, "NO NODE HERE: at least one hop is unseen;");
	paper_words(p, PAPER_WARNING, "timing alone ties what is above to what is below");
	paper_end(p);
	p->margin = outer;
}

static void put_route(struct paper *p, const json_t *report, const struct route *r,
                      const struct glyphs *g)
{
	size_t host_width = 0, place_width = 0;
	char margin[MARGIN_MAX];

	snprintf(margin, sizeof(margin), "  %s   ", g->line);
	for (size_t i = 0; i < r->count; i++) {
		host_width = MAX(host_width, text_width(r->stops[i].host));
		if (r->stops[i].remark != NULL)
			place_width = MAX(place_width, text_width(r->stops[i].place));
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct stop *s = &r->stops[i];

		p->margin = s->hop == NULL ? "      " : margin;
		put_stop(p, s, g, HOST_COLUMN + host_width + 3,
		         HOST_COLUMN + host_width + 3 + place_width + 3);
		if (s->is_unseen)
			put_unseen(p, g);
		else if (s->hop != NULL)
			put_hop(p, report, s->hop, g);
	}
}

static void put_polling(struct paper *p, const json_t *polling)
{
	if (json_is_object(polling))
		paper_words(p, PAPER_FAINT, "polls every %.3f s (%s, +-%.3f s each);",
		            json_number_value(json_object_get(polling, "period_s")),
		            json_text(polling, "kind"),
		            json_number_value(json_object_get(polling, "jitter_s")));
}

static void put_question(struct paper *p, const json_t *report, const struct glyphs *g)
{
	const json_t *target = json_object_get(report, "target");
	const char *node = json_text(target, "node"), *org = json_text(target, "org");
	char span[REPORT_SPAN_MAX], proto[TEXT_WORD_MAX], gap[32];
	int64_t silences = json_count(target, "silences", -1);

	paper_words(p, PAPER_STRONG, "Who was behind %s %s %s%s", json_text(target, "src"),
	            g->arrow, json_text(target, "dst"), *node == '\0' ? "?" : ",");
	if (*node != '\0')
		paper_words(p, PAPER_STRONG, "seen at %s%s%s%s?", node, *org == '\0' ? "" : " (",
		            org, *org == '\0' ? "" : ")");
	paper_end(p);
	paper_words(p, PAPER_FAINT, "%s, %.10s %s,", report_proto(target, proto),
	            json_text(target, "start"), report_span(report, target, span));
	if (silences >= 0)
		paper_words(p, PAPER_FAINT, "%lld silence%s of more than %s;", (long long)silences,
		            silences == 1 ? "" : "s",
		            report_gap(json_count(target, "gap_ms", 0), gap));
	put_polling(p, json_object_get(target, "polling"));
	paper_words(p, PAPER_FAINT, "all times UTC");
	if (json_is_true(json_object_get(target, "is_translated")))
		paper_words(p, PAPER_FAINT,
		            "(the inside of what was asked for, by this node's translations)");
	paper_end(p);
}

/* Where the path begins, as part of a sentence that ends with `end`. */
static void put_first(struct paper *p, const struct stop *first, const char *end)
{
	if (first->name == NULL)
		paper_words(p, PAPER_STRONG, "%s,", first->addr);
	else
		paper_words(p, PAPER_STRONG, "%s (%.60s),", first->addr, first->name);
	paper_words(p, PAPER_PLAIN, "%s%s", first->place, end);
}

/* In one sentence what the drawing says. */
static void put_answer(struct paper *p, const struct route *r)
{
	const struct stop *first = &r->stops[0];

	if (r->hops < 2) {
		paper_words(p, PAPER_PLAIN, "%s; it came from",
		            r->is_asked ? "No connection that led to this one was found"
		                        : "Nobody was asked what led to this one");
		put_first(p, first, ".");
		paper_end(p);
		return;
	}
	paper_words(p, PAPER_PLAIN, "%zu hops back:", r->hops);
	put_first(p, first, r->gaps == 0 ? "." : ";");
	if (r->gaps > 0)
		paper_words(p, PAPER_WARNING, "%zu gap%s on the way.", r->gaps,
		            r->gaps == 1 ? "" : "s");
	if (r->chances > 0)
		paper_words(p, PAPER_WARNING, "%zu hop%s may be chance.", r->chances,
		            r->chances == 1 ? "" : "s");
	paper_end(p);
}

void report_print_beside(const json_t *report, const struct report_view *view, FILE *out)
{
	struct paper p = {.out = out, .style = view->style, .margin = ""};
	const char *arrow = glyphs_of(view)->arrow;

	report_branches(&p, report, arrow);
	report_unplaced(&p, report, arrow);
}

void report_print(const json_t *report, const struct report_view *view, FILE *out)
{
	const struct glyphs *g = glyphs_of(view);
	struct paper p = {.out = out, .style = view->style, .margin = ""};
	struct route route;

	find_route(&route, report, view);
	put_question(&p, report, g);
	paper_end(&p);
	if (route.count > 0) {
		put_answer(&p, &route);
		paper_end(&p);
		put_route(&p, report, &route, g);
		paper_end(&p);
	}
	p.margin = "";
	report_print_beside(report, view, out);
	report_forged(&p, report);
	report_coverage(&p, report);
	if (view->explains)
		report_table(report, out);
}

static void add_name(json_t *object, const char *key, const char *name_key,
                     const struct names *names)
{
	const char *name = names_find(names, json_text(object, key));

	if (name != NULL)
		json_object_set_new(object, name_key, json_string(name));
}

void report_add_names(json_t *report, const struct names *names)
{
	json_t *hop, *gap;
	size_t i;

	json_array_foreach(json_object_get(report, "path"), i, hop)
	{
		add_name(hop, "src", "src_name", names);
		add_name(hop, "dst", "dst_name", names);
	}
	json_array_foreach(json_object_get(report, "gaps"), i, gap)
	{
		bool is_stone = strcmp(json_text(gap, "from"), json_text(gap, "to")) == 0;

		add_name(gap, "from", is_stone ? "name" : "from_name", names);
		if (!is_stone)
			add_name(gap, "to", "to_name", names);
	}
}
