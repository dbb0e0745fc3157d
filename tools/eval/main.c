/* spoor-eval: the command. See spoor-eval(1). */
#include "base/util.h"
#include "tools/eval/classes.h"
#include "tools/eval/figure.h"
#include "tools/eval/polls.h"
#include "tools/eval/recording.h"
#include "tools/eval/scenes.h"
#include "tools/eval/sequence.h"
#include "tools/eval/volumes.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/print.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define EXIT_FAULT 64
#define COUNT_MAX 100000000
#define MINUTES_MAX 1440
#define IDLE_MAX 3600
#define LOST_MAX 99
#define SEED_MAX INT64_MAX /* as much as JSON tells */
#define BOUND_MAX 15       /* seconds; nothing is known of a clock that is known less well */

struct run {
	uint64_t seed, targets, strangers, pairs, minutes, idle;
	uint64_t bound, lost;
	bool is_json, is_alone, is_told, is_help, is_version;
	const char *plots;
	char **names;
	size_t name_count;
};

#define MEMBER(name) .offset = offsetof(struct run, name)
#define RANGE(member, from, to) OPTION_RANGE, MEMBER(member), .least = (from), .most = (to)
/* clang-format off */
static const struct option_row option_rows[] = {
	{"seed", 0, "N", "the same for the same (1)", RANGE(seed, 0, SEED_MAX)},
	{"targets", 0, "N", "chains per scene, and per row of order (300)", RANGE(targets, 1, COUNT_MAX)},
	{"strangers", 0, "N", "unrelated connections, each against every target (3000)", RANGE(strangers, 1, COUNT_MAX)},
	{"pairs", 0, "N", "pairs per class (10000)", RANGE(pairs, 1, COUNT_MAX)},
	{"minutes", 0, "N", "length of the pairs of classes (30), or what a class needs", RANGE(minutes, 1, MINUTES_MAX)},
	{"idle", 0, "N", "idle timeout of classes and recordings, in seconds (15)", RANGE(idle, 1, IDLE_MAX)},
	{"told", 0, NULL, "of scenes: each side's clock and loss are known", OPTION_FLAG, MEMBER(is_told)},
	{"bound", 0, "N", "of classes: either clock is said to be right to N s (1)", RANGE(bound, 0, BOUND_MAX)},
	{"lost", 0, "N", "and so many percent of the records lost (5)", RANGE(lost, 0, LOST_MAX)},
	{"evidence", 0, NULL, "of scenes: without the other methods", OPTION_FLAG, MEMBER(is_alone)},
	{"plot", 0, "DIR", "SVG plots there as well", OPTION_TEXT, MEMBER(plots)},
	{"json", 0, NULL, "one JSON object", OPTION_FLAG, MEMBER(is_json)},
	{"help", 0, NULL, "this text", OPTION_FLAG, MEMBER(is_help)},
	{"version", 0, NULL, "the version", OPTION_FLAG, MEMBER(is_version)},
};
/* clang-format on */

static int usage(FILE *out, int code)
{
	fputs("usage: spoor-eval [OPTION...] COMMAND [NAME...]\n"
	      "  scene NAME...|all      recall at false rates, by every method\n"
	      "  classes [NAME...]      how often unrelated pairs reach E >= 10^k\n"
	      "  volumes [NAME...]      the same by volume, and how often a relay does\n"
	      "  polls [NAME...]        the same of connections that poll\n"
	      "  order                  how often the order of two hops is told right\n"
	      "  recording DIR [v5|v9|ipfix]   real exporters, with their ground truth\n"
	      "  list                   the scenes, the classes, the methods\n"
	      "\n",
	      out);
	options_print(out, option_rows, ARRAY_LEN(option_rows));
	return code;
}

/*
 * Tables.
 */

static void real_cell(const json_t *row, const char *key, char *room)
{
	const json_t *value = json_object_get(row, key);
	double real = json_number_value(value);

	if (!json_is_number(value))
		snprintf(room, PRINT_CELL_MAX, "-");
	else if (!(real > 0 || real < 0))
		snprintf(room, PRINT_CELL_MAX, "0");
	else if (real < 0.001 && real > 0)
		snprintf(room, PRINT_CELL_MAX, "%.1e", real);
	else
		snprintf(room, PRINT_CELL_MAX, "%.3f", real);
}

#define CELL(name, key)                                                                        \
	static void name##_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX]) \
	{                                                                                      \
		(void)now;                                                                     \
		real_cell(row, key, room);                                                     \
	}
CELL(r2, "recall_1e-2")
CELL(r3, "recall_1e-3")
CELL(r4, "recall_1e-4")
CELL(r5, "recall_1e-5")
CELL(r6, "recall_1e-6")
CELL(r7, "recall_1e-7")
CELL(e3, "recall_E3")
CELL(e6, "recall_E6")
CELL(f1, "false_E1")
CELL(f2, "false_E2")
CELL(f3, "false_E3")
CELL(f4, "false_E4")
CELL(p1, "plain_E1")
CELL(p2, "plain_E2")
CELL(p3, "plain_E3")
CELL(p4, "plain_E4")
CELL(cpf, "cpf_0.8")
CELL(mms, "mms_0.8")
CELL(phi, "phi_0.8")
CELL(start, "by_start")
CELL(stretch, "by_stretch")
CELL(both, "by_both")
CELL(sure, "sure_share")
CELL(right, "sure_right")
CELL(path_start, "path_start")
CELL(path, "path")
CELL(whole, "whole")
CELL(lowest, "lowest_true")
CELL(best, "best_false")
CELL(clock, "clock_s")
CELL(minutes, "minutes")
CELL(records, "records")
CELL(telling, "telling")
CELL(decades, "decades")
CELL(v1, "reach_E1")
CELL(v2, "reach_E2")
CELL(v3, "reach_E3")
CELL(v4, "reach_E4")
CELL(v6, "reach_E6")
CELL(undecided, "undecided")
CELL(polls, "polls")
CELL(told, "told")
CELL(s1, "silences_E1")
CELL(s3, "silences_E3")
CELL(s6, "silences_E6")

/* clang-format off */
static const struct print_column method_columns[] = {
	{"scene", "SCENE", 0, false, NULL}, {"method", "METHOD", 0, false, NULL},
	{"recall_1e-2", "@1e-2", 0, true, r2_cell}, {"recall_1e-3", "@1e-3", 0, true, r3_cell},
	{"recall_1e-4", "@1e-4", 0, true, r4_cell}, {"recall_1e-5", "@1e-5", 0, true, r5_cell},
	{"recall_1e-6", "@1e-6", 0, true, r6_cell}, {"recall_1e-7", "@1e-7", 0, true, r7_cell},
	{"recall_E3", "E>=1e3", 0, true, e3_cell}, {"false_E3", "FALSE", 0, true, f3_cell},
	{"recall_E6", "E>=1e6", 0, true, e6_cell},
};
static const struct print_column cycle_columns[] = {
	{"scene", "SCENE", 0, false, NULL}, {"cycles", "SILENCES", 0, true, NULL},
	{"targets", "TARGETS", 0, true, NULL}, {"pairs", "PAIRS", 0, true, NULL},
	{"recall_1e-3", "@1e-3", 0, true, r3_cell}, {"recall_1e-4", "@1e-4", 0, true, r4_cell},
	{"recall_1e-5", "@1e-5", 0, true, r5_cell}, {"recall_1e-6", "@1e-6", 0, true, r6_cell},
	{"recall_E3", "E>=1e3", 0, true, e3_cell}, {"false_E3", "FALSE", 0, true, f3_cell},
	{"recall_E6", "E>=1e6", 0, true, e6_cell},
};
static const struct print_column class_columns[] = {
	{"class", "CLASS", 0, false, NULL}, {"is_coupled", "COUPLED", 0, false, NULL},
	{"minutes", "MINUTES", 0, true, minutes_cell}, {"pairs", "PAIRS", 0, true, NULL},
	{"false_E1", "E>=10", 0, true, f1_cell}, {"false_E2", "E>=1e2", 0, true, f2_cell},
	{"false_E3", "E>=1e3", 0, true, f3_cell}, {"false_E4", "E>=1e4", 0, true, f4_cell},
	{"plain_E1", "PLAIN 10", 0, true, p1_cell}, {"plain_E2", "1e2", 0, true, p2_cell},
	{"plain_E3", "1e3", 0, true, p3_cell}, {"plain_E4", "1e4", 0, true, p4_cell},
	{"cpf_0.8", "CPF>=.8", 0, true, cpf_cell}, {"mms_0.8", "MMS>=.8", 0, true, mms_cell},
	{"phi_0.8", "PHI>=.8", 0, true, phi_cell},
};
static const struct print_column volume_columns[] = {
	{"class", "CLASS", 0, false, NULL}, {"kind", "KIND", 0, false, NULL},
	{"pairs", "PAIRS", 0, true, NULL}, {"records", "RECORDS", 0, true, records_cell},
	{"telling", "TELLING", 0, true, telling_cell}, {"decades", "DECADES", 0, true, decades_cell},
	{"reach_E1", "E>=10", 0, true, v1_cell}, {"reach_E2", "E>=1e2", 0, true, v2_cell},
	{"reach_E3", "E>=1e3", 0, true, v3_cell}, {"reach_E4", "E>=1e4", 0, true, v4_cell},
	{"reach_E6", "E>=1e6", 0, true, v6_cell}, {"undecided", "UNDECIDED", 0, true, undecided_cell},
};
static const struct print_column poll_columns[] = {
	{"class", "CLASS", 0, false, NULL}, {"kind", "KIND", 0, false, NULL},
	{"minutes", "MINUTES", 0, true, minutes_cell}, {"pairs", "PAIRS", 0, true, NULL},
	{"polls", "POLLS", 0, true, polls_cell}, {"told", "TOLD", 0, true, told_cell},
	{"decades", "DECADES", 0, true, decades_cell},
	{"reach_E1", "E>=10", 0, true, v1_cell}, {"reach_E2", "E>=1e2", 0, true, v2_cell},
	{"reach_E3", "E>=1e3", 0, true, v3_cell}, {"reach_E4", "E>=1e4", 0, true, v4_cell},
	{"reach_E6", "E>=1e6", 0, true, v6_cell}, {"silences_E1", "SILENCES 10", 0, true, s1_cell},
	{"silences_E3", "1e3", 0, true, s3_cell}, {"silences_E6", "1e6", 0, true, s6_cell},
};
static const struct print_column order_columns[] = {
	{"chain", "CHAIN", 0, false, NULL}, {"minutes", "MINUTES", 0, true, NULL},
	{"clock_s", "CLOCKS +-S", 0, true, clock_cell}, {"pairs", "PAIRS", 0, true, NULL},
	{"by_start", "START", 0, true, start_cell}, {"by_stretch", "STRETCH", 0, true, stretch_cell},
	{"by_both", "BOTH", 0, true, both_cell}, {"sure_share", ">250 MS", 0, true, sure_cell},
	{"sure_right", "OF THEM", 0, true, right_cell},
	{"path_start", "PATH BY START", 0, true, path_start_cell}, {"path", "AS IT IS", 0, true, path_cell},
	{"whole", "WHOLE", 0, true, whole_cell},
};
static const struct print_column chain_columns[] = {
	{"chain", "CHAIN", 0, false, NULL}, {"method", "METHOD", 0, false, NULL},
	{"views", "VIEWS", 0, true, NULL}, {"lowest_true", "LOWEST TRUE", 0, true, lowest_cell},
	{"best_false", "BEST FALSE", 0, true, best_cell},
	{"false_above", "FALSE ABOVE", 0, true, NULL}, {"matches", "MATCHES", 0, true, NULL},
	{"false_matches", "FALSE MATCHES", 0, true, NULL},
};
/* clang-format on */

static void table(const json_t *rows, const struct print_column *columns, size_t count)
{
	print_table(rows, columns, count, (struct wall){0}, stdout);
	fputc('\n', stdout);
}

#define TABLE(rows, columns) table(rows, columns, ARRAY_LEN(columns))

/*
 * Commands: each fills an object, and prints tables of it unless JSON is asked for.
 */

static bool is_named(const struct run *r, const char *name)
{
	if (r->name_count == 0)
		return true;
	for (size_t i = 0; i < r->name_count; i++) {
		if (strcmp(r->names[i], name) == 0 || strcmp(r->names[i], "all") == 0)
			return true;
	}
	return false;
}

static int unknown(const char *what, const char *name)
{
	return print_failure(EXIT_USAGE, "there is no %s \"%s\"; see spoor-eval list", what, name);
}

static int run_scenes(const struct run *r, json_t *out)
{
	const struct study study = {r->targets, r->strangers, !r->is_alone, r->is_told};
	json_t *measured, *methods_rows, *cycles;
	bool is_drawn = true;

	if (r->name_count == 0)
		return usage(stderr, EXIT_USAGE);
	for (size_t i = 0; i < r->name_count; i++) {
		if (strcmp(r->names[i], "all") != 0 && scene_find(r->names[i]) == NULL)
			return unknown("scene", r->names[i]);
	}
	measured = json_array();
	methods_rows = json_array();
	cycles = json_array();
	for (size_t i = 0; i < scene_count; i++) {
		struct scene_result result;
		json_t *rows;

		if (!is_named(r, scenes[i].name))
			continue;
		result = study_scene(&scenes[i], r->seed, &study);
		rows = scenes_rows(&result);
		json_array_append_new(measured, scenes_summary(&result));
		json_array_extend(methods_rows, rows);
		json_decref(rows);
		rows = scenes_cycles(&result);
		json_array_extend(cycles, rows);
		json_decref(rows);
		is_drawn = is_drawn && (r->plots == NULL || figure_scene(r->plots, &result));
		scene_result_free(&result);
	}
	json_object_set_new(out, "scenes", measured);
	json_object_set_new(out, "methods", methods_rows);
	json_object_set_new(out, "cycles", cycles);
	if (!r->is_json) {
		print_sections(out, stdout);
		fputc('\n', stdout);
		TABLE(methods_rows, method_columns);
		TABLE(cycles, cycle_columns);
	}
	return is_drawn ? 0 : print_failure(EXIT_FAULT, "%s: cannot write plots", r->plots);
}

static int run_classes(const struct run *r, json_t *out)
{
	const struct class_study study = {
		.pairs = r->pairs,
		.minutes = (double)r->minutes,
		.idle_s = (double)r->idle,
		.said = {(double)r->bound, (double)r->lost / 100},
	};
	struct class_result *results = calloc(stranger_class_count, sizeof(*results));
	json_t *rows = json_array();
	size_t count = 0;
	bool is_drawn = true;

	if (results == NULL)
		return print_failure(EXIT_FAULT, "out of memory");
	for (size_t i = 0; i < stranger_class_count; i++) {
		if (!is_named(r, stranger_classes[i].name))
			continue;
		results[count] = study_class(&stranger_classes[i], r->seed, &study);
		json_array_append_new(rows, classes_row(&results[count++]));
	}
	json_object_set_new(out, "classes", rows);
	if (r->plots != NULL)
		is_drawn = figure_classes(r->plots, results, count);
	for (size_t i = 0; i < count; i++)
		class_result_free(&results[i]);
	free(results);
	if (count == 0)
		return unknown("class", r->names[0]);
	if (!r->is_json)
		TABLE(rows, class_columns);
	return is_drawn ? 0 : print_failure(EXIT_FAULT, "%s: cannot write plots", r->plots);
}

static int run_volumes(const struct run *r, json_t *out)
{
	json_t *rows = json_array();

	json_object_set_new(out, "volumes", rows);
	for (size_t i = 0; i < bulk_class_count; i++) {
		if (is_named(r, bulk_classes[i].name))
			json_array_append_new(rows,
			                      volumes_row(&bulk_classes[i], r->seed, r->pairs,
			                                  (double)r->minutes, (double)r->idle));
	}
	if (json_array_size(rows) == 0)
		return unknown("class", r->names[0]);
	if (!r->is_json)
		TABLE(rows, volume_columns);
	return 0;
}

static int run_polls(const struct run *r, json_t *out)
{
	json_t *rows = json_array();

	json_object_set_new(out, "polls", rows);
	for (size_t i = 0; i < poller_class_count; i++) {
		if (is_named(r, poller_classes[i].name))
			json_array_append_new(rows, polls_row(&poller_classes[i], r->seed, r->pairs,
			                                      (double)r->minutes, (double)r->idle));
	}
	if (json_array_size(rows) == 0)
		return unknown("class", r->names[0]);
	if (!r->is_json)
		TABLE(rows, poll_columns);
	return 0;
}

static int run_order(const struct run *r, json_t *out)
{
	json_t *rows = sequence_study(r->seed, r->targets);

	json_object_set_new(out, "order", rows);
	if (!r->is_json)
		TABLE(rows, order_columns);
	return 0;
}

static int run_recording(const struct run *r, json_t *out)
{
	static const char *const formats[] = {"v5", "v9", "ipfix"};
	char reason[TRUTH_REASON_MAX];
	size_t found = 0;

	if (r->name_count == 0 || r->name_count > 2)
		return usage(stderr, EXIT_USAGE);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		json_t *one;

		if (r->name_count == 2 && strcmp(r->names[1], formats[i]) != 0)
			continue;
		one = recording_study(r->names[0], formats[i], 1000 * (int64_t)r->idle, reason);
		if (one == NULL)
			continue;
		found++;
		if (!r->is_json) {
			printf("%s, %s\n\n", r->names[0], formats[i]);
			TABLE(json_object_get(one, "chains"), chain_columns);
			printf("strangers: ");
			print_object(json_object_get(one, "strangers"), stdout);
			printf("traps: ");
			print_object(json_object_get(one, "traps"), stdout);
		}
		json_object_set_new(out, formats[i], one);
	}
	return found > 0 ? 0 : print_failure(EXIT_FAULT, "%s", reason);
}

static int run_list(const struct run *r, json_t *out)
{
	json_t *of_scenes = json_object(), *of_classes = json_object(), *of_methods = json_object();
	json_t *of_volumes = json_object(), *of_polls = json_object();

	for (size_t i = 0; i < scene_count; i++)
		json_object_set_new(of_scenes, scenes[i].name, json_string(scenes[i].what));
	for (size_t i = 0; i < stranger_class_count; i++)
		json_object_set_new(of_classes, stranger_classes[i].name,
		                    json_string(stranger_classes[i].what));
	for (size_t i = 0; i < bulk_class_count; i++)
		json_object_set_new(of_volumes, bulk_classes[i].name,
		                    json_string(bulk_classes[i].what));
	for (size_t i = 0; i < poller_class_count; i++)
		json_object_set_new(of_polls, poller_classes[i].name,
		                    json_string(poller_classes[i].what));
	for (size_t i = 0; i < METHODS; i++)
		json_object_set_new(of_methods, methods[i].name, json_string(methods[i].what));
	json_object_set_new(out, "scenes", of_scenes);
	json_object_set_new(out, "classes", of_classes);
	json_object_set_new(out, "volumes", of_volumes);
	json_object_set_new(out, "polls", of_polls);
	json_object_set_new(out, "methods", of_methods);
	if (!r->is_json)
		print_sections(out, stdout);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(const struct run *r, json_t *out);
} commands[] = {
	{"scene", run_scenes},        {"classes", run_classes}, {"order", run_order},
	{"volumes", run_volumes},     {"polls", run_polls},     {"list", run_list},
	{"recording", run_recording},
};

static int run_command(struct run *r, const char *name)
{
	json_t *out = json_object();
	int code = EXIT_USAGE;

	json_object_set_new(out, "seed", json_integer((json_int_t)r->seed));
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		code = commands[i].run(r, out);
		if (code == 0 && r->is_json)
			print_object(out, stdout);
		json_decref(out);
		return print_done(code);
	}
	json_decref(out);
	return print_failure(EXIT_USAGE, "there is no command \"%s\"; see spoor-eval --help", name);
}

int main(int argc, char **argv)
{
	struct run r = {.seed = 1,
	                .targets = 300,
	                .strangers = 3000,
	                .pairs = 10000,
	                .minutes = 30,
	                .idle = 15,
	                .bound = 1,
	                .lost = 5};
	struct option_tables t = {.tables = {{option_rows, ARRAY_LEN(option_rows), &r}}};
	char reason[OPTIONS_REASON_MAX];
	int first;

	print_as("spoor-eval");
	if (options_parse(&t, argc, argv, &first, reason) != ERR_OK)
		return print_failure(EXIT_USAGE, "%s; see spoor-eval --help", reason);
	if (r.is_help)
		return print_done(usage(stdout, 0));
	if (r.is_version)
		return printf("spoor-eval %s\n", SPOOR_VERSION) > 0 ? 0 : EXIT_FAULT;
	if (first == argc)
		return usage(stderr, EXIT_USAGE);
	r.names = argv + first + 1;
	r.name_count = (size_t)(argc - first - 1);
	return run_command(&r, argv[first]);
}
