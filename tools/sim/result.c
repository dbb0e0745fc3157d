#include "tools/sim/result.h"

#include "base/util.h"
#include "tools/sim/story.h"

#include <inttypes.h>

static void print_share(FILE *out, const char *name, double share, const char *note)
{
	if (!isnan(share))
		fprintf(out, "%-12s %9.2f %%  %s\n", name, 100 * share, note);
}

static void print_count(FILE *out, const char *name, uint64_t count, const char *note)
{
	fprintf(out, "%-12s %9" PRIu64 "    %s\n", name, count, note);
}

static void print_claims(FILE *out, const struct result *r)
{
	for (size_t i = 0; i < r->claim_count; i++)
		fprintf(out, "%-12s %s: %g\n", r->claims[i].is_kept ? "kept" : "BROKEN",
		        r->claims[i].text, r->claims[i].measured);
}

void result_print(FILE *out, const struct story *story, const struct result *r)
{
	if (story->scenario != NULL)
		fprintf(out, "%s: %s\n", story->scenario->name, story->scenario->shows);
	fprintf(out,
	        "%" PRIu64 " nodes, seed %" PRIu64 ", rule %s, %" PRIu64 " s of virtual time\n",
	        story->nodes, story->seed, story->rule, r->ran_ms / 1000);
	print_share(out, "coverage", r->coverage_mean, "of the reachable heard a query, mean");
	print_share(out, "", r->coverage_min, "least");
	print_share(out, "", r->coverage_3s, "within 3 s");
	print_share(out, "", r->coverage_6s, "within 6 s");
	print_share(out, "receipts", r->receipts_mean, "of the reachable sent a receipt");
	print_share(out, "answered", r->answered_mean, "of the answers arrived, verified");
	print_share(out, "recall", r->recall, "of the planted connections were found");
	print_count(out, "false", r->false_matches, "matches that were not planted");
	print_count(out, "delay", r->delay_p50_ms, "ms from asking to being heard, median");
	print_count(out, "", r->delay_p99_ms, "ms, 99th percentile");
	print_count(out, "", r->delay_max_ms, "ms, longest");
	print_count(out, "hops", r->hops_p99, "from node to node, 99th percentile");
	fprintf(out, "%-12s %9.2f    %s\n", "copies", r->copies_per_node,
	        "of a query to each honest node");
	print_count(out, "datagrams", r->datagrams, "sent in all");
	fprintf(out, "%-12s %9.1f    %s\n", "processor", r->cpu_s, "s");
	print_count(out, "memory", r->peak_rss_kb / 1024, "MiB at most");
	fprintf(out, "%-12s %016" PRIx64 "\n", "trace", r->trace_hash);
	print_count(out, "violations", r->violations, "");
	for (uint64_t i = 0; i < MIN(r->violations, SIM_VIOLATIONS_KEPT); i++)
		fprintf(out, "  %s\n", r->texts[i]);
	print_claims(out, r);
}

void result_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void json_double(FILE *out, const char *name, double value)
{
	fprintf(out, ",\"%s\":", name);
	if (!isfinite(value))
		fputs("null", out);
	else
		fprintf(out, "%.6f", value);
}

static void json_count(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, ",\"%s\":%" PRIu64, name, value);
}

static void json_options(FILE *out, const struct story *story)
{
	fprintf(out, "{\"nodes\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"rule\":\"%s\"", story->nodes,
	        story->seed, story->rule);
	fprintf(out, ",\"commit\":\"%s\"", SPOOR_COMMIT);
	json_count(out, "queries", story->queries);
	json_double(out, "loss", story->loss);
	json_double(out, "dead", story->dead);
	json_double(out, "byzantine", story->byzantine);
	json_double(out, "nat", story->nat);
	fprintf(out, ",\"liar\":\"%s\",\"start\":\"%s\",\"urgent\":%s,\"direct\":%s", story->liar,
	        story_is_warm(story) ? "warm" : "cold", story->is_urgent ? "true" : "false",
	        story->is_direct ? "true" : "false");
	if (story->scenario != NULL) {
		fputs(",\"scenario\":", out);
		result_text(out, story->scenario->name);
	}
}

static void json_measured(FILE *out, const struct result *r)
{
	json_double(out, "coverage_mean", r->coverage_mean);
	json_double(out, "coverage_min", r->coverage_min);
	json_double(out, "coverage_1s", r->coverage_1s);
	json_double(out, "coverage_3s", r->coverage_3s);
	json_double(out, "coverage_6s", r->coverage_6s);
	json_double(out, "victims_coverage", r->victims_coverage);
	json_double(out, "copies_per_node", r->copies_per_node);
	json_count(out, "delay_p50_ms", r->delay_p50_ms);
	json_count(out, "delay_p99_ms", r->delay_p99_ms);
	json_count(out, "delay_max_ms", r->delay_max_ms);
	json_count(out, "hops_p99", r->hops_p99);
	json_double(out, "receipts_mean", r->receipts_mean);
	json_double(out, "answered_mean", r->answered_mean);
	json_double(out, "recall", r->recall);
	json_count(out, "false_matches", r->false_matches);
	json_count(out, "datagrams", r->datagrams);
	json_count(out, "duration_ms", r->ran_ms);
	json_double(out, "cpu_s", r->cpu_s);
	json_count(out, "peak_rss_kb", r->peak_rss_kb);
	fprintf(out, ",\"trace_hash\":\"%016" PRIx64 "\"", r->trace_hash);
}

static void json_claims(FILE *out, const struct result *r)
{
	fputs(",\"expectations\":[", out);
	for (size_t i = 0; i < r->claim_count; i++) {
		fprintf(out, "%s{\"text\":", i > 0 ? "," : "");
		result_text(out, r->claims[i].text);
		json_double(out, "measured", r->claims[i].measured);
		fprintf(out, ",\"kept\":%s}", r->claims[i].is_kept ? "true" : "false");
	}
	fputc(']', out);
}

void result_json(FILE *out, const struct story *story, const struct result *r, bool has_cdf)
{
	json_options(out, story);
	json_measured(out, r);
	if (has_cdf) {
		fputs(",\"delay_cdf_ms\":[", out);
		for (size_t i = 0; i < RESULT_CDF; i++)
			fprintf(out, i > 0 ? ",%" PRId32 : "%" PRId32, r->cdf_ms[i]);
		fputc(']', out);
	}
	if (story->scenario != NULL)
		json_claims(out, r);
	json_count(out, "violations", r->violations);
	fputs(",\"violation_texts\":[", out);
	for (uint64_t i = 0; i < MIN(r->violations, SIM_VIOLATIONS_KEPT); i++) {
		fputs(i > 0 ? "," : "", out);
		result_text(out, r->texts[i]);
	}
	fputs("]}\n", out);
}
