/* spoord - the node. man/spoord.8 */
#include "node/conf.h"
#include "node/log.h"
#include "node/node.h"
#include "node/storecheck.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
	"usage: spoord --config FILE [--check | --check-store | --repair-store] [--verbose]\n"
	"              [--dev-impair SPEC]\n"
	"\n"
	"  -c, --config FILE  configuration, see spoord.yaml(5)\n"
	"      --check        read the configuration and the keys, say what is wrong, and exit\n"
	"      --check-store  read all of the store, say what is damaged, and exit; no node may "
	"run\n"
	"      --repair-store likewise, delete what cannot be read, and write anew what follows\n"
	"                     from the rest\n"
	"  -v, --verbose      tell which members come and go\n"
	"      --dev-impair SPEC  for laboratories: delay=30ms,jitter=10ms,loss=0.05 of what is "
	"sent\n"
	"      --version      print the version\n"
	"  -h, --help         print this\n";

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, 'k'},
	{"check-store", no_argument, NULL, 's'},
	{"repair-store", no_argument, NULL, 'r'},
	{"verbose", no_argument, NULL, 'v'},
	{"dev-impair", required_argument, NULL, 'i'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

enum task { TASK_RUN, TASK_CHECK, TASK_CHECK_STORE, TASK_REPAIR_STORE };

/* False: another was asked for. */
static bool set_task(enum task *task, enum task asked)
{
	bool is_first = *task == TASK_RUN || *task == asked;

	if (!is_first)
		log_line("spoord", "one of --check, --check-store and --repair-store");
	*task = asked;
	return is_first;
}

/*
 * A seal runs on any of libuv's threads, and takes and gives back buffers of megabytes. By default
 * each thread would gather some of its own, and have the kernel clear them anew for every block.
 */
static void keep_buffers(void)
{
	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_MMAP_THRESHOLD, 4 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

static int do_task(enum task task, const struct conf *conf)
{
	if (task == TASK_RUN)
		return node_run(conf);
	return task == TASK_CHECK ? 0 : storecheck_run(conf, task == TASK_REPAIR_STORE);
}

static int run(const char *path, enum task task, const struct impair *impair)
{
	char reterr[CONF_REASON_MAX] = "";
	static struct conf conf; /* it holds a key: wiped below */
	int code;

	if (sign_start() != ERR_OK) {
		log_line("spoord", "libsodium cannot start");
		return CTL_INTERNAL;
	}
	if (conf_read(path, &conf, reterr) != ERR_OK) {
		log_line("spoord", "%s", reterr);
		return CTL_USAGE;
	}
	conf.impair = *impair;
	code = do_task(task, &conf);
	wipe(&conf, sizeof(conf));
	return code;
}

int main(int argc, char **argv)
{
	struct impair impair = {0};
	const char *path = NULL;
	enum task task = TASK_RUN;
	int c;

	keep_buffers();
	while ((c = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'k':
		case 's':
		case 'r':
			if (!set_task(&task, c == 'k'   ? TASK_CHECK
			                     : c == 's' ? TASK_CHECK_STORE
			                                : TASK_REPAIR_STORE))
				return CTL_USAGE;
			break;
		case 'v':
			log_set_verbose(true);
			break;
		case 'i':
			if (impair_parse(optarg, &impair) != ERR_OK) {
				log_line("spoord", "--dev-impair does not take \"%s\"", optarg);
				return CTL_USAGE;
			}
			break;
		case 'V':
			puts("spoord " SPOOR_VERSION);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return CTL_USAGE;
		}
	}
	if (path == NULL || optind != argc) {
		fputs(usage, stderr);
		return CTL_USAGE;
	}
	return run(path, task, &impair);
}
