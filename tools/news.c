#include "tools/news.h"

#include "base/util.h"
#include "tools/json.h"
#include "tools/paper.h"
#include "tools/report_parts.h"

#include <math.h>
#include <string.h>

#define NO_SCORE INFINITY
#define SHOWN_STEP 0.05 /* decades; what differs by less reads the same */

static bool is_same_hop(const json_t *a, const json_t *b)
{
	static const char *const keys[] = {"src", "dst", "src_node", "dst_node", "link"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(json_text(a, keys[i]), json_text(b, keys[i])) != 0)
			return false;
	}
	return true;
}

static bool is_same_path(const json_t *a, const json_t *b)
{
	size_t i;
	json_t *hop;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach(a, i, hop)
	{
		if (!is_same_hop(hop, json_array_get(b, i)))
			return false;
	}
	return true;
}

/* A path is as good as its weakest hop. */
static double weakest_of(const json_t *path)
{
	double weakest = NO_SCORE;
	size_t i;
	json_t *hop;

	json_array_foreach(path, i, hop)
	{
		json_t *score = json_object_get(hop, "score");

		if (json_is_number(score))
			weakest = MIN(weakest, json_number_value(score));
	}
	return weakest;
}

static size_t beside_count(const json_t *report)
{
	return json_array_size(json_object_get(report, "branches")) +
	       json_array_size(json_object_get(report, "unplaced"));
}

static void put_path_news(struct paper *p, const json_t *report_before, const json_t *report)
{
	const json_t *before = json_object_get(report_before, "path");
	const json_t *now = json_object_get(report, "path");
	size_t beside = beside_count(report), beside_before = beside_count(report_before);
	size_t hops = json_array_size(now), hops_before = json_array_size(before);
	double weakest = weakest_of(now), weakest_before = weakest_of(before);
	char addr[ADDR_TEXT_MAX];

	if (!is_same_path(before, now)) {
		paper_words(p, PAPER_STRONG, "the path begins at %s, %zu hop%s back (%zu before);",
		            report_addr(json_text(json_array_get(now, 0), "src"), addr), hops,
		            hops == 1 ? "" : "s", hops_before);
		return;
	}
	paper_words(p, PAPER_PLAIN, "the same path;");
	if (isfinite(weakest) && isfinite(weakest_before) &&
	    fabs(weakest - weakest_before) >= SHOWN_STEP)
		paper_words(p, PAPER_PLAIN, "its weakest hop has %.1f (%.1f before);", weakest,
		            weakest_before);
	if (beside > beside_before)
		paper_words(p, PAPER_STRONG, "%zu more beside it;", beside - beside_before);
}

bool news_print(const json_t *before, const json_t *report, const struct report_view *view,
                FILE *out)
{
	struct paper p = {.out = out, .style = view->style, .margin = ""};
	const json_t *target = json_object_get(report, "target");
	const json_t *path = json_object_get(report, "path");
	const json_t *path_before = json_object_get(before, "path");
	const json_t *coverage = json_object_get(report, "coverage");
	int64_t silences = json_count(target, "silences", 0);
	bool is_asked = json_is_object(json_object_get(report, "query"));
	bool is_other = !is_same_path(path_before, path);
	const char *end = json_text(target, "end");

	if (json_is_true(json_object_get(report, "is_final")))
		paper_words(&p, PAPER_STRONG,
		            "Last report, as of %.8s:", strlen(end) > 19 ? end + 11 : end);
	else
		paper_words(&p, PAPER_STRONG,
		            "Report %lld, as of %.8s:", (long long)json_count(report, "round", 0),
		            strlen(end) > 19 ? end + 11 : end);
	if (is_asked)
		put_path_news(&p, before, report);
	else
		paper_words(&p, PAPER_PLAIN, "not decidable by timing yet;");
	paper_words(&p, PAPER_PLAIN, "%lld silence%s", (long long)silences,
	            silences == 1 ? "" : "s");
	if (is_asked)
		paper_words(&p, PAPER_FAINT, "(asked %lld, answered %lld)",
		            (long long)json_count(coverage, "asked", 0),
		            (long long)json_count(coverage, "answered", 0));
	paper_end(&p);
	if (is_other)
		paper_end(&p);
	else if (beside_count(report) > beside_count(before))
		report_print_beside(report, view, out);
	return is_other;
}
