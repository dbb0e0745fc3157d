/* The folder of evidence stays within its bounds. */
#include "node/node.h"
#include "tests/unit/test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MINUTE_MS INT64_C(60000)

static int start(void **state)
{
	struct node *node = calloc(1, sizeof(*node));

	assert_non_null(node);
	strcpy(node->conf.traces, "/tmp/spoor-bundles-XXXXXX");
	assert_non_null(mkdtemp(node->conf.traces));
	node->conf.traces_max = 100;
	*state = node;
	return 0;
}

static DIR *folder(const struct node *node)
{
	DIR *dir = opendir(node->conf.traces);

	assert_non_null(dir);
	return dir;
}

static int stop(void **state)
{
	struct node *node = *state;
	DIR *dir = folder(node);
	const struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	assert_int_equal(rmdir(node->conf.traces), 0);
	free(node);
	return 0;
}

static void path_of(const struct node *node, const char *name, char room[CONF_PATH_MAX])
{
	assert_true(snprintf(room, CONF_PATH_MAX, "%s/%s", node->conf.traces, name) <
	            CONF_PATH_MAX);
}

static void put(const struct node *node, const char *name, int64_t age_ms)
{
	int64_t at_ms = node_now().wall.ms - age_ms;
	struct timespec times[2] = {{at_ms / 1000, 0}, {at_ms / 1000, 0}};
	char path[CONF_PATH_MAX];
	int fd;

	path_of(node, name, path);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* The bundle of question `number`, so many minutes old. */
static void put_bundle(const struct node *node, unsigned number)
{
	char name[64];

	snprintf(name, sizeof(name), "%032x.spoor", number);
	put(node, name, number * MINUTE_MS);
}

static bool is_there(const struct node *node, const char *name)
{
	char path[CONF_PATH_MAX];

	path_of(node, name, path);
	return access(path, F_OK) == 0;
}

static bool has_bundle(const struct node *node, unsigned number)
{
	char name[64];

	snprintf(name, sizeof(name), "%032x.spoor", number);
	return is_there(node, name);
}

static size_t count(const struct node *node)
{
	DIR *dir = folder(node);
	const struct dirent *entry;
	size_t ret = 0;

	while ((entry = readdir(dir)) != NULL)
		ret += entry->d_name[0] != '.';
	closedir(dir);
	return ret;
}

static void of_too_many_the_oldest_go(void **state)
{
	struct node *node = *state;

	for (unsigned i = 1; i <= 100; i++)
		put_bundle(node, i);
	bundles_bound(node);
	assert_int_equal(count(node), 100);
	for (unsigned i = 101; i <= 110; i++)
		put_bundle(node, i);
	bundles_bound(node);
	assert_int_equal(count(node), 94);
	assert_true(has_bundle(node, 94));
	assert_false(has_bundle(node, 95));
}

static void what_is_too_old_goes(void **state)
{
	struct node *node = *state;

	node->conf.traces_age_ms = 30 * MINUTE_MS + 30000;
	for (unsigned i = 1; i <= 60; i++)
		put_bundle(node, i);
	bundles_bound(node);
	assert_int_equal(count(node), 30);
	put_bundle(node, 40);
	bundles_bound(node); /* within the hour nobody looks */
	assert_true(has_bundle(node, 40));
}

static void what_a_watch_names_stays(void **state)
{
	struct node *node = *state;
	struct watch_found found = {.found = {.query = {{0}}}};
	struct watch watch = {.found = &found, .found_count = 1};

	found.found.query.octets[15] = 200;
	node->watches.list = &watch;
	put_bundle(node, 200);
	put_bundle(node, 201);
	node->conf.traces_age_ms = MINUTE_MS;
	bundles_bound(node);
	assert_true(has_bundle(node, 200));
	assert_false(has_bundle(node, 201));
}

static void other_files_are_left_alone(void **state)
{
	static const char *const names[] = {"notes", "0123.spoor",
	                                    "0000000000000000000000000000000A.spoor",
	                                    "00000000000000000000000000000001.spoor.bak"};
	struct node *node = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		put(node, names[i], 99 * MINUTE_MS);
	node->conf.traces_age_ms = MINUTE_MS;
	bundles_bound(node);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_true(is_there(node, names[i]));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(of_too_many_the_oldest_go),
		CASE(what_is_too_old_goes),
		CASE(what_a_watch_names_stays),
		CASE(other_files_are_left_alone),
	};

	return cmocka_run_group_tests_name("node/bundles", tests, NULL, NULL);
}
