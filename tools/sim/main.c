/* spoor-sim: the command. See spoor-sim(1). */
#include "base/timestamp.h"
#include "base/util.h"
#include "tools/sim/baseline.h"
#include "tools/sim/report.h"
#include "tools/sim/seeds.h"
#include "tools/sim/story.h"

#include <getopt.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define EXIT_VIOLATION 64
#define QUERIES_MAX 10000
#define DURATION_MAX_MS (24 * UINT64_C(3600000))
#define SET(name) (UINT64_C(1) << OPTION_##name)

/* clang-format off */
#define OPTION_MAP(X) \
	X(nodes)   X(seed)      X(seeds)    X(loss)    X(byzantine) X(liar)   X(dead)   X(nat)      \
	X(queries) X(urgent)    X(direct)   X(cold)    X(warm)      X(crypto) X(partition)          \
	X(duration) X(rule)     X(scenario) X(report)  X(quick)     X(narrate) X(json)  X(help)     \
	X(version)
/* clang-format on */

enum option_index {
#define X(name) OPTION_##name,
	OPTION_MAP(X)
#undef X
};

struct run {
	struct story story;
	uint64_t first_seed, last_seed;
	const char *dir;
	uint64_t set; /* bits of enum option_index */
};

static bool take_nodes(struct run *r, const char *text)
{
	return number_parse(text, SIM_NODES_MAX, &r->story.nodes) == ERR_OK && r->story.nodes > 0;
}

static bool take_seed(struct run *r, const char *text)
{
	return number_parse(text, UINT64_MAX, &r->story.seed) == ERR_OK;
}

static bool take_seeds(struct run *r, const char *text)
{
	const char *dots = strstr(text, "..");
	char first[32];

	if (dots == NULL || (size_t)(dots - text) >= sizeof(first))
		return false;
	snprintf(first, sizeof(first), "%.*s", (int)(dots - text), text);
	return number_parse(first, UINT64_MAX, &r->first_seed) == ERR_OK &&
	       number_parse(dots + 2, UINT64_MAX, &r->last_seed) == ERR_OK &&
	       r->first_seed <= r->last_seed && r->last_seed - r->first_seed < SEEDS_MAX;
}

static bool take_queries(struct run *r, const char *text)
{
	return number_parse(text, QUERIES_MAX, &r->story.queries) == ERR_OK;
}

static bool take_duration(struct run *r, const char *text)
{
	return number_parse(text, DURATION_MAX_MS, &r->story.duration_ms) == ERR_OK &&
	       r->story.duration_ms > 0;
}

static bool share_parse(const char *text, double *ret)
{
	char *end;
	double share = strtod(text, &end);

	if (end == text || *end != '\0' || !(share >= 0 && share < 1))
		return false;
	*ret = share;
	return true;
}

static bool take_loss(struct run *r, const char *text)
{
	return share_parse(text, &r->story.loss);
}

static bool take_byzantine(struct run *r, const char *text)
{
	return share_parse(text, &r->story.byzantine);
}

static bool take_dead(struct run *r, const char *text)
{
	return share_parse(text, &r->story.dead);
}

static bool take_nat(struct run *r, const char *text)
{
	return share_parse(text, &r->story.nat);
}

static bool take_liar(struct run *r, const char *text)
{
	r->story.liar = text;
	return liar_by_name(text) != NULL;
}

static bool take_rule(struct run *r, const char *text)
{
	r->story.rule = text;
	return strcmp(text, STORY_RULE) == 0 || baseline_find(text) != NULL;
}

static bool take_crypto(struct run *r, const char *text)
{
	bool is_real = strcmp(text, "real") == 0;

	r->story.crypto = is_real ? SIM_CRYPTO_REAL : SIM_CRYPTO_FAKE;
	return is_real || strcmp(text, "fake") == 0;
}

static bool take_partition(struct run *r, const char *text)
{
	char from[32], to[32];
	int used = 0;

	if (sscanf(text, "%31[0-9]:%31[0-9]%n", from, to, &used) != 2)
		return false;
	r->story.is_one_way = strcmp(text + used, ":one-way") == 0;
	r->story.is_cut = r->story.is_one_way || text[used] == '\0';
	return r->story.is_cut &&
	       number_parse(from, DURATION_MAX_MS, &r->story.cut_from_ms) == ERR_OK &&
	       number_parse(to, DURATION_MAX_MS, &r->story.cut_to_ms) == ERR_OK &&
	       r->story.cut_from_ms < r->story.cut_to_ms;
}

static bool take_scenario(struct run *r, const char *text)
{
	r->story.scenario_path = text;
	return *text != '\0';
}

static bool take_report(struct run *r, const char *text)
{
	r->dir = text;
	return *text != '\0';
}

static bool take_cold(struct run *r, const char *text)
{
	(void)text;
	r->story.start = STORY_COLD;
	return true;
}

static bool take_warm(struct run *r, const char *text)
{
	(void)text;
	r->story.start = STORY_WARM;
	return true;
}

static bool take_urgent(struct run *r, const char *text)
{
	(void)text;
	return r->story.is_urgent = true;
}

static bool take_direct(struct run *r, const char *text)
{
	(void)text;
	return r->story.is_direct = true;
}

/* clang-format off */
#define ONE_RUN (SET(seed) | SET(json) | SET(narrate) | SET(rule))
#define FAULTS (SET(loss) | SET(byzantine) | SET(liar) | SET(dead) | SET(nat) | SET(partition))
#define MANNER (SET(urgent) | SET(direct) | SET(crypto))

static const struct row {
	const char *name, *arg, *help;
	bool (*take)(struct run *r, const char *text); /* NULL: that it is there says all */
	uint64_t against; /* options that it does not go with */
} rows[] = {
	[OPTION_nodes]     = {"nodes",     "N", "members of the community, at most 20000 (10)", take_nodes, 0},
	[OPTION_seed]      = {"seed",      "S", "of everything that is drawn (1)", take_seed, 0},
	[OPTION_seeds]     = {"seeds",     "A..B", "a run for each, its faults drawn from its seed", take_seeds,
	                      ONE_RUN | SET(scenario) | SET(report)},
	[OPTION_loss]      = {"loss",      "F", "share of datagrams that are lost (0)", take_loss, 0},
	[OPTION_byzantine] = {"byzantine", "F", "share of nodes that lie (0)", take_byzantine, 0},
	[OPTION_liar]      = {"liar",      "KIND", "how they do (drop); see below", take_liar, 0},
	[OPTION_dead]      = {"dead",      "F", "share of nodes that die before the queries (0)", take_dead, 0},
	[OPTION_nat]       = {"nat",       "F", "share of nodes that nobody can reach first (0)", take_nat, 0},
	[OPTION_queries]   = {"queries",   "Q", "asked by members drawn at random (10)", take_queries, 0},
	[OPTION_urgent]    = {"urgent",    NULL, "they are of high severity", take_urgent, 0},
	[OPTION_direct]    = {"direct",    NULL, "members ask each other without relays", take_direct, 0},
	[OPTION_cold]      = {"cold",      NULL, "nodes know one address at first (up to 128 nodes)", take_cold,
	                      SET(warm)},
	[OPTION_warm]      = {"warm",      NULL, "nodes know all cards at first (above)", take_warm, SET(cold)},
	[OPTION_crypto]    = {"crypto",    "real|fake", "(real up to 64 nodes)", take_crypto, 0},
	[OPTION_partition] = {"partition", "FROM_MS:TO_MS[:one-way]", "two halves lose each other", take_partition, 0},
	[OPTION_duration]  = {"duration",  "MS", "of the part with faults (as the queries need)", take_duration, 0},
	[OPTION_rule]      = {"rule",      "NAME", "how queries spread (spoor); see below", take_rule, 0},
	[OPTION_scenario]  = {"scenario",  "FILE", "play what it says", take_scenario,
	                      FAULTS | SET(nodes) | SET(queries) | SET(duration) | SET(cold) | SET(warm) |
	                      SET(rule) | SET(report)},
	[OPTION_report]    = {"report",    "DIR", "compare sizes, faults and rules; table and plots", take_report,
	                      FAULTS | MANNER | SET(nodes) | SET(json) | SET(narrate) | SET(rule)},
	[OPTION_quick]     = {"quick",     NULL, "with --report: small communities alone", NULL, 0},
	[OPTION_narrate]   = {"narrate",   NULL, "tell what happens, on standard error", NULL, 0},
	[OPTION_json]      = {"json",      NULL, "one object instead of text", NULL, 0},
	[OPTION_help]      = {"help",      NULL, "print this", NULL, 0},
	[OPTION_version]   = {"version",   NULL, "print the version", NULL, 0},
};
/* clang-format on */

static void print_help(FILE *out)
{
	fprintf(out, "usage: spoor-sim [OPTIONS]\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char left[48];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
		         rows[i].arg != NULL ? rows[i].arg : "");
		fprintf(out, "  %-36s %s\n", left, rows[i].help);
	}
	fprintf(out, "rules:\n  %-12s the overlay itself\n", STORY_RULE);
	for (size_t i = 0; i < baseline_rule_count; i++)
		fprintf(out, "  %-12s %s\n", baseline_rules[i].name, baseline_rules[i].help);
	fprintf(out, "liars:\n");
	for (const struct liar_kind *kind = liar_kinds; kind->name != NULL; kind++)
		fprintf(out, "  %-12s %s\n", kind->name, kind->help);
}

static bool parse(int argc, char **argv, struct run *r)
{
	struct option options[ARRAY_LEN(rows) + 1] = {{0}};
	int at, row;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		options[i].name = rows[i].name;
		options[i].has_arg = rows[i].arg != NULL ? required_argument : no_argument;
		options[i].val = (int)i;
	}
	while ((row = getopt_long(argc, argv, "", options, &at)) != -1) {
		if (row == '?')
			return false;
		if (rows[row].take != NULL && !rows[row].take(r, optarg)) {
			fprintf(stderr, "spoor-sim: --%s does not take \"%s\"\n", rows[row].name,
			        optarg);
			return false;
		}
		r->set |= UINT64_C(1) << row;
	}
	if (optind < argc)
		fprintf(stderr, "spoor-sim: what is \"%s\"?\n", argv[optind]);
	return optind == argc;
}

static bool agrees(const struct run *r)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (size_t j = 0; j < ARRAY_LEN(rows); j++) {
			if (r->set >> i & r->set >> j & rows[i].against >> j & 1) {
				fprintf(stderr, "spoor-sim: --%s does not go with --%s\n",
				        rows[i].name, rows[j].name);
				return false;
			}
		}
	}
	if (r->set & SET(quick) && !(r->set & SET(report))) {
		fprintf(stderr, "spoor-sim: --quick is for --report\n");
		return false;
	}
	return true;
}

/* Liars are the engine's to know: the scenario's reader takes any word for one. */
static bool has_known_liars(const struct scenario *s, const char *path)
{
	if (s->liar[0] != '\0' && liar_by_name(s->liar) == NULL) {
		fprintf(stderr, "spoor-sim: %s: no such liar: %s\n", path, s->liar);
		return false;
	}
	for (size_t i = 0; i < s->event_count; i++) {
		const struct scenario_event *event = &s->events[i];

		if (event->verb == SCENARIO_LIAR && liar_by_name(event->liar) == NULL) {
			fprintf(stderr, "spoor-sim: %s: no such liar: %s\n", path, event->liar);
			return false;
		}
	}
	return true;
}

static bool read_scenario(struct run *r, struct scenario *scenario)
{
	char reason[SCENARIO_REASON_MAX];
	struct story *story = &r->story;

	if (scenario_read(story->scenario_path, scenario, reason) != ERR_OK) {
		fprintf(stderr, "spoor-sim: %s\n", reason);
		return false;
	}
	story->scenario = scenario;
	story->nodes = scenario->nodes;
	story->loss = scenario->loss;
	story->byzantine = scenario->byzantine;
	story->dead = scenario->dead;
	story->nat = scenario->nat;
	story->liar = scenario->liar[0] != '\0' ? scenario->liar : story->liar;
	return has_known_liars(scenario, story->scenario_path);
}

static int run_seeds(const struct run *r)
{
	struct seeds_fixed fixed = {
		.nodes = r->set & SET(nodes),
		.queries = r->set & SET(queries),
		.loss = r->set & SET(loss),
		.dead = r->set & SET(dead),
		.byzantine = r->set & SET(byzantine),
		.liar = r->set & SET(liar),
		.nat = r->set & SET(nat),
		.urgent = r->set & SET(urgent),
		.partition = r->set & SET(partition),
	};
	uint64_t failures = seeds_run(&r->story, &fixed, r->first_seed, r->last_seed);

	if (failures == UINT64_MAX)
		fprintf(stderr, "spoor-sim: no memory or no processes\n");
	return failures == 0 ? EXIT_SUCCESS : EXIT_VIOLATION;
}

static int run_report(const struct run *r)
{
	char reason[REPORT_REASON_MAX];

	if (report_run(&r->story, r->dir, r->set & SET(quick), reason))
		return EXIT_SUCCESS;
	fprintf(stderr, "spoor-sim: %s\n", reason);
	return EXIT_FAILURE;
}

static bool is_kept(const struct result *result)
{
	bool is_kept = result->violations == 0;

	for (size_t i = 0; i < result->claim_count; i++)
		is_kept = is_kept && result->claims[i].is_kept;
	return is_kept;
}

static int run_one(struct run *r)
{
	struct result result;

	r->story.narrative = r->set & SET(narrate) ? stderr : NULL;
	if (!story_run(&r->story, &result)) {
		fprintf(stderr, "spoor-sim: out of memory\n");
		return EXIT_VIOLATION;
	}
	if (r->set & SET(json))
		result_json(stdout, &r->story, &result, false);
	else
		result_print(stdout, &r->story, &result);
	if (is_kept(&result))
		return EXIT_SUCCESS;
	fprintf(stderr, "spoor-sim: %" PRIu64 " violations; to repeat: ", result.violations);
	story_command(stderr, &r->story);
	fprintf(stderr, " (commit %s)\n", SPOOR_COMMIT);
	return EXIT_VIOLATION;
}

int main(int argc, char **argv)
{
	struct run r = {.story = story_usual()};
	struct scenario scenario;

	/* The tables of thousands of nodes are mostly empty: memory straight from the system is
	 * zero already, and costs nothing until it is used. */
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_TOP_PAD, 0);
	if (!parse(argc, argv, &r)) {
		fprintf(stderr, "spoor-sim: --help lists the options\n");
		return EXIT_USAGE;
	}
	if (r.set & (SET(help) | SET(version))) {
		if (r.set & SET(help))
			print_help(stdout);
		else
			printf("spoor-sim %s (%s)\n", SPOOR_VERSION, SPOOR_COMMIT);
		return EXIT_SUCCESS;
	}
	if (!agrees(&r))
		return EXIT_USAGE;
	if (r.set & SET(scenario) && !read_scenario(&r, &scenario))
		return EXIT_USAGE;
	if (r.set & SET(seeds))
		return run_seeds(&r);
	if (r.set & SET(report))
		return run_report(&r);
	return run_one(&r);
}
