/* Which file a process was started by; what it shows of itself stands in a /proc of our own. */
#include "origin/files/match.h"
#include "origin/record.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

struct fixture {
	char proc[64];
	char path[512];
	struct tag rows[4];
	struct tags tags;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->proc, sizeof(f->proc), "%.40s/spoor-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->proc));
	f->tags.rows = f->rows;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", f->proc);
	assert_int_equal(0, system(command));
	free(f);
	return 0;
}

static void put(struct fixture *f, int pid, const char *name, const char *text, size_t len)
{
	FILE *file;

	snprintf(f->path, sizeof(f->path), "%s/%d", f->proc, pid);
	assert_true(mkdir(f->path, 0700) == 0 || errno == EEXIST);
	snprintf(f->path, sizeof(f->path), "%s/%d/%s", f->proc, pid, name);
	file = fopen(f->path, "w");
	assert_non_null(file);
	assert_int_equal(len, fwrite(text, 1, len, file));
	fclose(file);
}

/* A process of ours, below `parent`. */
static void process(struct fixture *f, int pid, const char *comm, int parent)
{
	char text[128];

	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0", pid, comm, parent);
	put(f, pid, "stat", text, strlen(text));
}

static void tag(struct fixture *f, enum places_use use, const char *path)
{
	struct tag *t = &f->rows[f->tags.count++];

	t->use = use;
	t->uid = getuid();
	snprintf(t->path, sizeof(t->path), "%s", path);
}

static const char *started(struct fixture *f, int pid)
{
	bool is_likely = false;
	const struct tag *t = match_started(&f->tags, f->proc, pid, &is_likely);

	return t == NULL ? "nothing" : is_likely ? "likely" : t->path;
}

static void a_unit_is_known_by_its_control_group(void **state)
{
	static const struct {
		const char *file, *cgroup;
		bool is_it;
	} rows[] = {
		{"/etc/systemd/system/a.service", "0::/system.slice/a.service\n", true},
		{"/etc/systemd/system/a.service", "0::/system.slice/a.service/sub\n", true},
		{"/etc/systemd/system/a.service", "0::/system.slice/aa.service\n", false},
		{"/etc/systemd/system/a.service", "0::/system.slice/a.service.d\n", false},
		{"/etc/systemd/system/a@.service", "0::/system.slice/a@b.service\n", true},
		{"/etc/systemd/system/a@.service", "0::/system.slice/a.service\n", false},
		{"/etc/systemd/system/a.timer", "0::/system.slice/a.service\n", true},
		{"/etc/systemd/system/a.socket", "0::/system.slice/a.service\n", true},
		{"/etc/systemd/system/a.timer", "0::/system.slice/b.service\n", false},
		{"/etc/systemd/system/a.service.d/x.conf", "0::/system.slice/a.service\n", true},
		{"/etc/systemd/system/a.service.d/x.conf", "0::/system.slice/b.service\n", false},
		{"/etc/systemd/system/a@.service.d/x.conf", "0::/system.slice/a@b.service\n", true},
		{"/etc/systemd/system/a.timer.d/x.conf", "0::/system.slice/a.service\n", true},
		{"/etc/systemd/system/service.d/x.conf", "0::/system.slice/a.service\n", true},
		{"/etc/systemd/system/service.d/x.conf", "0::/system.slice/a.scope\n", false},
		{"/etc/systemd/system/a-.service.d/x.conf", "0::/system.slice/a-b.service\n", true},
		{"/etc/systemd/system/a-.service.d/x.conf", "0::/system.slice/ab.service\n", false},
		/* a container has units of its own */
		{"/etc/systemd/system/a.service",
	         "0::/system.slice/docker-1.scope/system.slice/a.service\n", false},
		{"/etc/systemd/user/a.service",
	         "0::/user.slice/user-1.slice/user@1.service/app.slice/a.service\n", true},
		{"/etc/systemd/system/a.service",
	         "1:name=systemd:/system.slice/a.service\n0::/b.service\n", false},
		{"/etc/systemd/system/a.service", "1:name=systemd:/\n0::/system.slice/a.service\n",
	         true},
		{"/etc/systemd/system/a", "0::/\n", false},
		{"/etc/systemd/system/a", "", false},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		f->tags.count = 0;
		tag(f, PLACES_UNIT, rows[i].file);
		process(f, 10, "sh", 1);
		put(f, 10, "cgroup", rows[i].cgroup, strlen(rows[i].cgroup));
		assert_string_equal(rows[i].is_it ? rows[i].file : "nothing", started(f, 10));
	}
}

static void a_program_is_known_by_its_arguments_or_by_itself(void **state)
{
	static const struct {
		const char *comm;
		bool is_it;
	} rows[] = {{"a-long-name-for", true}, {"python3", true}, {"env", true}, {"cat", false},
	            {"python", false},         {"", false}};
	struct fixture *f = *state;
	char script[512], text[640];

	put(f, 1, "a-long-name-for-a-script", "#!/usr/bin/env python3\nimport os\n", 33);
	snprintf(script, sizeof(script), "%s", f->path);
	tag(f, PLACES_PROGRAM, script);
	process(f, 10, "x", 1);
	snprintf(text, sizeof(text), "python3%c-s%c%s", 0, 0, script);
	put(f, 10, "cmdline", text, strlen(script) + 12);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		process(f, 10, rows[i].comm, 1);
		assert_string_equal(rows[i].is_it ? script : "nothing", started(f, 10));
	}
	snprintf(text, sizeof(text), "%s/10/exe", f->proc);
	assert_int_equal(0, symlink(script, text));
	assert_string_equal(script, started(f, 10));
}

static void cron_starts_for_its_user_and_at_for_the_owner(void **state)
{
	const struct passwd *me = getpwuid(getuid());
	struct fixture *f = *state;
	char own[128];

	if (me == NULL)
		skip();
	snprintf(own, sizeof(own), "/var/spool/cron/crontabs/%s", me->pw_name);
	process(f, 5, "cron", 1);
	process(f, 6, "cron", 5);
	process(f, 7, "sh) (x", 6); /* a name may be anything */
	process(f, 8, "python3", 7);
	process(f, 9, "atd", 1);
	process(f, 10, "sh", 9);
	tag(f, PLACES_CRONTAB, "/var/spool/cron/crontabs/somebody");
	assert_string_equal("nothing", started(f, 8));
	tag(f, PLACES_CRONTAB, own);
	assert_string_equal("likely", started(f, 8));  /* it may be a line of another table */
	assert_string_equal("nothing", started(f, 5)); /* the daemon itself is nobody's */
	assert_string_equal("nothing", started(f, 10));
	tag(f, PLACES_AT, "/var/spool/cron/atjobs/a1");
	assert_string_equal("likely", started(f, 10));
	f->rows[2].uid++;
	assert_string_equal("nothing", started(f, 10));
}

static void of_a_table_for_all_it_is_only_likely(void **state)
{
	struct fixture *f = *state;

	process(f, 5, "crond", 1);
	process(f, 6, "sh", 5);
	process(f, 7, "sh", 4);
	process(f, 4, "sshd", 1);
	tag(f, PLACES_CRON_D, "/etc/cron.d/x");
	assert_string_equal("likely", started(f, 6));
	assert_string_equal("nothing", started(f, 7));
}

static void parents_in_a_circle_and_who_is_gone_end(void **state)
{
	struct fixture *f = *state;

	process(f, 5, "a", 6);
	process(f, 6, "b", 5);
	put(f, 7, "stat", "7 sh S 5", 8);
	put(f, 8, "stat", ") ( 5", 5);
	put(f, 9, "stat", "9 (sh)", 6);
	tag(f, PLACES_CRON_D, "/etc/cron.d/x");
	for (int pid = 5; pid <= 10; pid++)
		assert_string_equal("nothing", started(f, pid));
}

static void keys_are_those_of_who_may_log_in_by_them(void **state)
{
	const struct passwd *me = getpwuid(getuid());
	struct fixture *f = *state;
	char own[256];

	if (me == NULL)
		skip();
	snprintf(own, sizeof(own), "%sx/.ssh/authorized_keys", me->pw_dir);
	tag(f, PLACES_KEYS, own);
	assert_null(match_keys(&f->tags, getuid()));
	snprintf(own, sizeof(own), "%s/.ssh/authorized_keys", me->pw_dir);
	tag(f, PLACES_KEYS, own);
	assert_ptr_equal(&f->rows[1], match_keys(&f->tags, getuid()));
	assert_null(match_keys(&f->tags, ORIGIN_NOBODY));
}

static struct origin_record a_writer(void)
{
	struct origin_flow flow = {.sport = 7, .dport = 22, .proto = 6, .direction = ORIGIN_IN};
	struct origin_record r = {.root = flow, .process = {.pid = 9}};

	r.head.length = RECORD_OCTETS;
	r.head.major = ORIGIN_ABI_MAJOR;
	r.head.kind = ORIGIN_KIND_TASK;
	r.last.type = ORIGIN_IMPLIED;
	r.last.flow = flow;
	return r;
}

static void a_tag_is_the_record_and_nothing_else_is_one(void **state)
{
	struct fixture *f = *state;
	struct origin_record writer = a_writer(), is;
	int folder = open(f->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	put(f, 1, "file", "x", 1);
	assert_int_equal(ERR_NOENT, tags_get(folder, "1/file", &is));
	if (tags_put(folder, "1/file", &writer) != ERR_OK) {
		close(folder);
		skip(); /* not root, or a file system without attributes */
	}
	assert_ok(tags_get(folder, "1/file", &is));
	assert_memory_equal(&writer, &is, sizeof(is));
	writer.last.type = ORIGIN_LOCAL; /* and yet it has a flow */
	assert_ok(tags_put(folder, "1/file", &writer));
	assert_int_equal(ERR_FORMAT, tags_get(folder, "1/file", &is));
	assert_int_equal(0, lsetxattr(f->path, TAGS_ATTRIBUTE, "short", 5, 0));
	assert_int_equal(ERR_FORMAT, tags_get(folder, "1/file", &is));
	assert_int_equal(0, lsetxattr(f->path, TAGS_ATTRIBUTE, &is, sizeof(is), 0));
	assert_int_equal(ERR_FORMAT, tags_get(folder, "1/file", &is));
	assert_int_equal(ERR_NOENT, tags_get(folder, "1/none", &is));
	close(folder);
}

/* Somebody's link in place of a file would have another's file tagged, or read. */
static void a_link_is_tagged_itself(void **state)
{
	struct fixture *f = *state;
	struct origin_record writer = a_writer(), is;
	int folder = open(f->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char link[512];

	put(f, 1, "file", "x", 1);
	snprintf(link, sizeof(link), "%s/1/link", f->proc);
	assert_int_equal(0, symlink("file", link));
	if (tags_put(folder, "1/link", &writer) != ERR_OK) {
		close(folder);
		skip();
	}
	assert_int_equal(ERR_NOENT, tags_get(folder, "1/file", &is));
	close(folder);
}

/* Whoever can write there may put one there: to open it would wait for ever. */
static void a_pipe_in_place_of_a_script_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	char script[512], text[640];

	put(f, 1, "x", "", 0);
	snprintf(script, sizeof(script), "%s/1/pipe", f->proc);
	assert_int_equal(0, mkfifo(script, 0600));
	tag(f, PLACES_PROGRAM, script);
	process(f, 10, "cat", 1);
	snprintf(text, sizeof(text), "cat%c%s", 0, script);
	put(f, 10, "cmdline", text, strlen(script) + 5);
	assert_string_equal("nothing", started(f, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_unit_is_known_by_its_control_group, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_program_is_known_by_its_arguments_or_by_itself,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(cron_starts_for_its_user_and_at_for_the_owner,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(of_a_table_for_all_it_is_only_likely, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(parents_in_a_circle_and_who_is_gone_end, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(keys_are_those_of_who_may_log_in_by_them, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(a_link_is_tagged_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(a_pipe_in_place_of_a_script_is_not_waited_for,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(a_tag_is_the_record_and_nothing_else_is_one, setup,
	                                        teardown),
	};

	return cmocka_run_group_tests_name("origin/files", tests, NULL, NULL);
}
