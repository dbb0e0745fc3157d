#include "tools/report_beside.h"

#include "base/util.h"
#include "tools/json.h"

#include <string.h>

#define MARGIN "      " /* of what is beside the path, where a line is too long */

struct phrase {
	const char *key, *words;
};

static const char *words_of(const struct phrase *rows, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(rows[i].key, key) == 0)
			return rows[i].words;
	}
	return NULL;
}

static void begin(struct paper *p)
{
	paper_put(p, PAPER_WARNING, "%s", p->margin);
}

static void put_alternatives(struct paper *p, const json_t *hop, const char *arrow)
{
	const json_t *others = json_object_get(hop, "alternatives"), *other;
	size_t i;

	if (json_array_size(others) == 0)
		return;
	begin(p);
	paper_put(p, PAPER_WARNING, "not decided:");
	paper_words(p, PAPER_WARNING, "%.0f %% this,",
	            100 * json_number_value(json_object_get(hop, "weight")));
	json_array_foreach(others, i, other) paper_words(
		p, PAPER_WARNING, "%.0f %% %s %s %s%s",
		100 * json_number_value(json_object_get(other, "weight")), json_text(other, "src"),
		arrow, json_text(other, "dst"), i + 1 < json_array_size(others) ? "," : "");
	paper_end(p);
}

/* What has lines of its own, by origin or as an alternative, is not told twice. */
static void put_contradictions(struct paper *p, const json_t *hop)
{
	static const struct phrase rows[] = {
		{"chance", "of so many that were compared, one may agree as well by chance"},
		{"ends first", "it ends before what it carries"},
		{"starts later", "it starts after what it carries, though within what clocks err"},
		{"begins together", "it begins with what it carries: one script may drive both"},
		{"lags", "its packets come later than those of what it carries"},
		{"elsewhere",
	         "who sees the next hop's client has not seen it come in: by another way, "
	         "or not at all"},
	};
	const json_t *list = json_object_get(hop, "contradictions"), *key;
	const char *words = NULL; /* not yet told: what follows decides how they end */
	size_t i;

	json_array_foreach(list, i, key)
	{
		const char *next = words_of(rows, ARRAY_LEN(rows), json_string_value(key));

		if (next == NULL)
			continue;
		if (words == NULL) {
			begin(p);
			paper_put(p, PAPER_WARNING, "against it:");
		} else {
			paper_words(p, PAPER_WARNING, "%s;", words);
		}
		words = next;
	}
	if (words != NULL) {
		paper_words(p, PAPER_WARNING, "%s", words);
		paper_end(p);
	}
}

static void put_join(struct paper *p, const json_t *hop)
{
	const json_t *list = json_object_get(hop, "joined_by"), *how;
	size_t i;

	json_array_foreach(list, i, how)
	{
		if (strcmp(json_string_value(how), "nat") != 0)
			continue;
		paper_put(p, PAPER_FAINT, "%s", p->margin);
		paper_put(p, PAPER_FAINT, "joined by");
		paper_words(p, PAPER_FAINT, "its gateway's own translations");
		paper_end(p);
	}
}

bool report_may_be_chance(const json_t *hop)
{
	const json_t *list = json_object_get(hop, "contradictions"), *key;
	size_t i;

	json_array_foreach(list, i, key)
	{
		if (strcmp(json_string_value(key), "chance") == 0)
			return true;
	}
	return false;
}

void report_beside(struct paper *p, const json_t *hop, const char *arrow)
{
	put_join(p, hop);
	put_alternatives(p, hop, arrow);
	put_contradictions(p, hop);
}

/* Beside the path a match has no lines of its own for it. */
static void put_chance(struct paper *p, const json_t *row)
{
	if (report_may_be_chance(row))
		paper_piece(p, PAPER_WARNING, "may be chance");
}

void report_branches(struct paper *p, const json_t *report, const char *arrow)
{
	static const struct phrase rows[] = {
		{"sibling", "started within a second at the beginning of"},
		{"fork", "also from the beginning of"},
		{"merge", "also into the end of"},
		{"onward", "from the target's host, at the end of"},
		{"resumed", "before or after it, the same session as"},
		{"reverse", "may drive, as by a reverse shell,"},
	};
	const json_t *list = json_object_get(report, "branches"), *branch;
	const char *outer = p->margin;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	paper_words(p, PAPER_STRONG, "Beside the path, with the same rhythm:");
	paper_end(p);
	p->margin = MARGIN;
	json_array_foreach(list, i, branch)
	{
		const char *kind = json_text(branch, "kind");
		const char *words = words_of(rows, ARRAY_LEN(rows), kind);

		paper_put(p, PAPER_PLAIN, "  ");
		paper_put(p, PAPER_WARNING, "%s", kind);
		paper_piece(p, PAPER_PLAIN, "%s %s %s", json_text(branch, "src"), arrow,
		            json_text(branch, "dst"));
		if (words != NULL)
			paper_piece(p, PAPER_FAINT, "%s hop %lld", words,
			            (long long)json_count(branch, "hop", 0));
		put_chance(p, branch);
		paper_end(p);
	}
	p->margin = outer;
	paper_end(p);
}

void report_unplaced(struct paper *p, const json_t *report, const char *arrow)
{
	static const struct phrase rows[] = {
		{"later", "begins after what it would have to carry"},
		{"over", "over before what it would have to carry begins"},
		{"short", "ends before what it would have to carry"},
		{"host", "has a host of the path, but is not beside it"},
		{"branch", "goes on from what is beside the path"},
		{"nearer", "its times put it behind the target rather than before it"},
		{"unseen", "who sees the first hop's client has not seen it come in"},
		{"together",
	         "begins with the first hop, not seen to come in there: one script may drive both"},
		{"full", "no room"},
	};
	const json_t *list = json_object_get(report, "unplaced"), *row;
	const char *outer = p->margin;
	size_t i;

	if (json_array_size(list) == 0)
		return;
	paper_words(p, PAPER_STRONG, "Without a place, though with the same rhythm:");
	paper_end(p);
	p->margin = MARGIN;
	json_array_foreach(list, i, row)
	{
		const char *words = words_of(rows, ARRAY_LEN(rows), json_text(row, "why"));

		paper_put(p, PAPER_PLAIN, "  ");
		paper_put(p, PAPER_PLAIN, "%.1f", json_number_value(json_object_get(row, "score")));
		paper_piece(p, PAPER_PLAIN, "%s %s %s", json_text(row, "src"), arrow,
		            json_text(row, "dst"));
		if (words != NULL)
			paper_piece(p, PAPER_FAINT, "%s", words);
		put_chance(p, row);
		paper_end(p);
	}
	p->margin = outer;
	paper_end(p);
}

int64_t report_beside_views(const json_t *report)
{
	const json_t *hop, *row;
	int64_t sum = 0;
	size_t i, k;

	json_array_foreach(json_object_get(report, "branches"), i, row) sum +=
		json_count(row, "views", 0);
	json_array_foreach(json_object_get(report, "unplaced"), i, row) sum +=
		json_count(row, "views", 0);
	json_array_foreach(json_object_get(report, "path"), i, hop)
	{
		json_array_foreach(json_object_get(hop, "alternatives"), k, row) sum +=
			json_count(row, "views", 0);
	}
	return sum;
}
