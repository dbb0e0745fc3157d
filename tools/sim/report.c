/* What a run has shown, for people and for programs. */
#include "base/util.h"
#include "tools/sim/story.h"

#include <inttypes.h>

static void print_share(FILE *out, const char *name, double share, const char *note)
{
	fprintf(out, "%-12s %9.2f %%  %s\n", name, 100 * share, note);
}

static void print_count(FILE *out, const char *name, uint64_t count, const char *note)
{
	fprintf(out, "%-12s %9" PRIu64 "    %s\n", name, count, note);
}

void story_print(FILE *out, const struct story *story, const struct story_result *r)
{
	fprintf(out, "%" PRIu64 " nodes, seed %" PRIu64 ", %" PRIu64 " s of virtual time\n",
	        story->nodes, story->seed, r->ran_ms / 1000);
	print_share(out, "coverage", r->coverage_mean, "of the reachable heard a query, mean");
	print_share(out, "", r->coverage_min, "least");
	print_share(out, "answered", r->answered_mean, "of the reachable answered, verified");
	print_share(out, "recall", r->recall, "of the planted connections were found");
	print_count(out, "false", r->false_matches, "matches that were not planted");
	print_count(out, "delay", r->delay_p50_ms, "ms from asking to being heard, median");
	print_count(out, "", r->delay_p99_ms, "ms, 99th percentile");
	fprintf(out, "%-12s %9.2f    %s\n", "copies", r->copies_per_node,
	        "of a query to each reachable node");
	print_count(out, "datagrams", r->datagrams, "sent in all");
	fprintf(out, "%-12s %016" PRIx64 "\n", "trace", r->trace_hash);
	print_count(out, "violations", r->violations, "");
	for (uint64_t i = 0; i < MIN(r->violations, SIM_VIOLATIONS_KEPT); i++)
		fprintf(out, "  %s\n", r->texts[i]);
}

/* The texts are the simulator's own: nothing in them needs escaping. */
void story_json(FILE *out, const struct story *story, const struct story_result *r)
{
	fprintf(out, "{\"nodes\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"queries\":%" PRIu64,
	        story->nodes, story->seed, story->queries);
	fprintf(out, ",\"loss\":%.6f,\"dead\":%.6f", story->loss, story->dead);
	fprintf(out, ",\"coverage_mean\":%.6f,\"coverage_min\":%.6f", r->coverage_mean,
	        r->coverage_min);
	fprintf(out, ",\"copies_per_node\":%.6f", r->copies_per_node);
	fprintf(out, ",\"delay_p50_ms\":%" PRIu64 ",\"delay_p99_ms\":%" PRIu64, r->delay_p50_ms,
	        r->delay_p99_ms);
	fprintf(out, ",\"answered_mean\":%.6f,\"recall\":%.6f", r->answered_mean, r->recall);
	fprintf(out, ",\"false_matches\":%" PRIu64 ",\"hops_p99\":%" PRIu64, r->false_matches,
	        r->hops_p99);
	fprintf(out, ",\"datagrams\":%" PRIu64 ",\"duration_ms\":%" PRIu64, r->datagrams,
	        r->ran_ms);
	fprintf(out, ",\"trace_hash\":\"%016" PRIx64 "\"", r->trace_hash);
	fprintf(out, ",\"violations\":%" PRIu64 ",\"violation_texts\":[", r->violations);
	for (uint64_t i = 0; i < MIN(r->violations, SIM_VIOLATIONS_KEPT); i++)
		fprintf(out, "%s\"%s\"", i > 0 ? "," : "", r->texts[i]);
	fprintf(out, "]}\n");
}
