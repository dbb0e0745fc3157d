/* spoor-sim: the command. See spoor-sim(1). */
#include "base/timestamp.h"
#include "base/util.h"
#include "tools/sim/story.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define EXIT_VIOLATION 64
#define QUERIES_MAX 10000
#define DURATION_MAX_MS (24 * UINT64_C(3600000))

struct run {
	struct story story;
	bool is_json, narrates, wants_help, wants_version;
};

static bool take_nodes(struct run *r, const char *text)
{
	return number_parse(text, SIM_NODES_MAX, &r->story.nodes) == ERR_OK && r->story.nodes > 0;
}

static bool take_seed(struct run *r, const char *text)
{
	return number_parse(text, UINT64_MAX, &r->story.seed) == ERR_OK;
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

static bool take_dead(struct run *r, const char *text)
{
	return share_parse(text, &r->story.dead);
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

static bool take_json(struct run *r, const char *text)
{
	(void)text;
	r->is_json = true;
	return true;
}

static bool take_narrate(struct run *r, const char *text)
{
	(void)text;
	r->narrates = true;
	return true;
}

static bool take_help(struct run *r, const char *text)
{
	(void)text;
	r->wants_help = true;
	return true;
}

static bool take_version(struct run *r, const char *text)
{
	(void)text;
	r->wants_version = true;
	return true;
}

static const struct row {
	const char *name, *arg, *help;
	bool (*take)(struct run *r, const char *text);
} rows[] = {
	/* clang-format off */
	{"nodes",     "N",       "members of the community, at most 500 (10)",       take_nodes},
	{"seed",      "S",       "of everything that is drawn (1)",                  take_seed},
	{"loss",      "F",       "share of datagrams that are lost (0)",             take_loss},
	{"dead",      "F",       "share of nodes that die before the queries (0)",   take_dead},
	{"queries",   "Q",       "asked by members drawn at random (10)",            take_queries},
	{"partition", "FROM_MS:TO_MS[:one-way]", "two halves lose each other",       take_partition},
	{"duration",  "MS",      "of the part with faults (as the queries need)",    take_duration},
	{"narrate",   NULL,      "tell what happens, on standard error",             take_narrate},
	{"json",      NULL,      "one object instead of text",                       take_json},
	{"help",      NULL,      "print this",                                       take_help},
	{"version",   NULL,      "print the version",                                take_version},
	/* clang-format on */
};

static void print_help(FILE *out)
{
	fprintf(out, "usage: spoor-sim [OPTIONS]\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char left[48];

		snprintf(left, sizeof(left), "--%s %s", rows[i].name,
		         rows[i].arg != NULL ? rows[i].arg : "");
		fprintf(out, "  %-36s %s\n", left, rows[i].help);
	}
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
		if (!rows[row].take(r, optarg)) {
			fprintf(stderr, "spoor-sim: --%s does not take \"%s\"\n", rows[row].name,
			        optarg);
			return false;
		}
	}
	if (optind < argc)
		fprintf(stderr, "spoor-sim: what is \"%s\"?\n", argv[optind]);
	return optind == argc;
}

/* A run is its options: that is all somebody else needs. */
static void print_repeat(const struct run *r, int argc, char **argv, uint64_t violations)
{
	fprintf(stderr, "spoor-sim: %llu violations with seed %llu; to repeat: spoor-sim",
	        (unsigned long long)violations, (unsigned long long)r->story.seed);
	for (int i = 1; i < argc; i++)
		fprintf(stderr, " %s", argv[i]);
	fputc('\n', stderr);
}

int main(int argc, char **argv)
{
	struct run r = {.story = {.nodes = 10, .seed = 1, .queries = 10}};
	struct story_result result;

	if (!parse(argc, argv, &r)) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (r.wants_help || r.wants_version) {
		if (r.wants_help)
			print_help(stdout);
		else
			printf("spoor-sim %s\n", SPOOR_VERSION);
		return EXIT_SUCCESS;
	}
	r.story.narrative = r.narrates ? stderr : NULL;
	if (!story_run(&r.story, &result)) {
		fprintf(stderr, "spoor-sim: out of memory\n");
		return EXIT_VIOLATION;
	}
	if (r.is_json)
		story_json(stdout, &r.story, &result);
	else
		story_print(stdout, &r.story, &result);
	if (result.violations == 0)
		return EXIT_SUCCESS;
	print_repeat(&r, argc, argv, result.violations);
	return EXIT_VIOLATION;
}
