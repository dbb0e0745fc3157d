#include "base/addr.h"
#include "origin/health.h"
#include "origin/provider_kind.h"
#include "origin/record.h"
#include "origin/seen.h"
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[256];
	char name[300]; /* "file:" and the path */
	const char *path;
	int fd; /* the file, to be written to */
	struct provider *p;
	char why[PROVIDER_WHY_MAX];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "%s/spoor-test-XXXXXX", tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->name, sizeof(f->name), "file:%s/records", f->dir);
	f->path = f->name + strlen("file:");
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(f->fd >= 0);
	assert_ok(provider_open(f->name, &f->p, f->why));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	provider_close(f->p);
	close(f->fd);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

static struct origin_flow flow_of(const char *from, uint16_t sport, const char *to, uint16_t dport,
                                  enum origin_direction direction)
{
	struct origin_flow f = {.sport = sport, .dport = dport, .proto = 6, .netns = 7};
	struct addr a;

	f.direction = (uint8_t)direction;
	assert_ok(addr_parse(from, &a));
	memcpy(f.saddr, a.octets, sizeof(f.saddr));
	assert_ok(addr_parse(to, &a));
	memcpy(f.daddr, a.octets, sizeof(f.daddr));
	return f;
}

/* Process `pid`, whose origin is evil, connects to final from `sport`. */
static struct origin_record connect_of(uint32_t pid, uint64_t start_ns, uint16_t sport)
{
	struct origin_record r = {
		.head = {.length = RECORD_OCTETS,
	                 .major = ORIGIN_ABI_MAJOR,
	                 .kind = ORIGIN_KIND_CONNECT},
		.origin = {.type = ORIGIN_REMOTE, .acceptor_pid = 1},
		.process = {.start_ns = start_ns, .pid = pid, .tid = pid, .comm = "ssh"},
	};

	r.flow = flow_of("10.2.0.2", sport, "10.2.0.3", 22, ORIGIN_OUT);
	r.origin.flow = flow_of("10.1.0.1", 54346, "10.1.0.2", 22, ORIGIN_IN);
	r.root = r.origin.flow;
	return r;
}

static struct origin_record kind_of(struct origin_record r, enum origin_kind kind)
{
	r.head.kind = (uint8_t)kind;
	r.flow = (struct origin_flow){0};
	return r;
}

static void put(struct fixture *f, const struct origin_record *r, size_t from, size_t to)
{
	uint8_t room[RECORD_OCTETS];

	record_pack(r, room);
	assert_int_equal(write(f->fd, room + from, to - from), to - from);
}

static void put_whole(struct fixture *f, struct origin_record r)
{
	put(f, &r, 0, RECORD_OCTETS);
}

/* Reads all there is, and expects no error in it. */
static size_t drain(struct fixture *f)
{
	struct origin_record r;
	size_t count = 0;
	enum err err;

	while ((err = provider_next(f->p, &r)) == ERR_OK)
		count++;
	assert_err(ERR_NOENT, err);
	return count;
}

static void records_come_as_they_were_written_and_go_on_as_the_file_grows(void **state)
{
	struct fixture *f = *state;
	struct origin_record r;

	assert_int_equal(provider_fd(f->p), -1);
	assert_err(ERR_NOENT, provider_next(f->p, &r));
	for (uint32_t pid = 1; pid <= 200; pid++) { /* several batches */
		struct origin_record written = connect_of(pid, 5, 1000);

		put_whole(f, written);
		if (pid % 3 == 0) /* some one by one, some together */
			continue;
		do
			assert_ok(provider_next(f->p, &r));
		while (r.process.pid != pid);
		assert_memory_equal(&r, &written, sizeof(r));
	}
}

static void half_a_record_waits_for_its_other_half(void **state)
{
	struct fixture *f = *state;
	struct origin_record whole = connect_of(9, 5, 1000), r;

	for (size_t cut = 1; cut < RECORD_OCTETS; cut += 89) {
		put(f, &whole, 0, cut);
		assert_err(ERR_NOENT, provider_next(f->p, &r));
		assert_err(ERR_NOENT, provider_next(f->p, &r));
		put(f, &whole, cut, RECORD_OCTETS);
		assert_ok(provider_next(f->p, &r));
		assert_memory_equal(&r, &whole, sizeof(r));
	}
}

static void a_bad_record_is_passed_over(void **state)
{
	struct fixture *f = *state;
	struct origin_record bad = connect_of(9, 5, 1000), r;

	bad.head.kind = ORIGIN_KIND_COUNT;
	put_whole(f, bad);
	put_whole(f, connect_of(10, 5, 1000));
	assert_err(ERR_FORMAT, provider_next(f->p, &r));
	assert_ok(provider_next(f->p, &r));
	assert_int_equal(r.process.pid, 10);
	assert_err(ERR_NOENT, provider_getorigin(f->p, 9, &r)); /* and not believed */
}

static void a_file_that_shrank_is_broken(void **state)
{
	struct fixture *f = *state;
	struct origin_record r;

	put_whole(f, connect_of(9, 5, 1000));
	assert_int_equal(drain(f), 1);
	assert_int_equal(ftruncate(f->fd, 100), 0);
	assert_err(ERR_IO, provider_next(f->p, &r));
}

static void questions_are_answered_from_the_records_read(void **state)
{
	struct fixture *f = *state;
	struct origin_record r, sent = connect_of(9, 5, 1000);

	put_whole(f, sent);
	assert_err(ERR_NOENT, provider_getorigin(f->p, 9, &r)); /* not read yet */
	assert_int_equal(drain(f), 1);
	assert_ok(provider_getorigin(f->p, 9, &r));
	assert_ok(record_check(&r));
	assert_int_equal(r.head.kind, ORIGIN_KIND_TASK);
	assert_memory_equal(&r.origin, &sent.origin, sizeof(r.origin));
	assert_ok(provider_portpid(f->p, &sent.flow, &r));
	assert_int_equal(r.process.pid, 9);
	assert_err(ERR_NOENT, provider_getorigin(f->p, 8, &r));
	assert_err(ERR_NOENT, provider_getorigin(f->p, 0, &r));
	assert_err(ERR_NOENT, provider_getorigin(f->p, -9, &r));
}

static void the_end_of_a_process_is_the_end_of_what_is_known_of_it(void **state)
{
	struct fixture *f = *state;
	struct origin_record r, sent = connect_of(9, 5, 1000);

	put_whole(f, sent);
	put_whole(f, kind_of(connect_of(9, 4, 0), ORIGIN_KIND_EXIT)); /* of its pid's last owner */
	assert_int_equal(drain(f), 2);
	assert_ok(provider_getorigin(f->p, 9, &r));
	put_whole(f, kind_of(sent, ORIGIN_KIND_EXIT));
	assert_int_equal(drain(f), 1);
	assert_err(ERR_NOENT, provider_getorigin(f->p, 9, &r));
	assert_err(ERR_NOENT, provider_portpid(f->p, &sent.flow, &r));
}

static void a_pid_that_comes_again_is_another_process(void **state)
{
	struct fixture *f = *state;
	struct origin_record r, first = connect_of(9, 5, 1000);

	put_whole(f, first);
	put_whole(f, kind_of(connect_of(9, 6, 0), ORIGIN_KIND_EXEC));
	put_whole(f, kind_of(first, ORIGIN_KIND_EXEC)); /* late */
	assert_int_equal(drain(f), 3);
	assert_ok(provider_getorigin(f->p, 9, &r));
	assert_int_equal(r.process.start_ns, 6);
	assert_err(ERR_NOENT, provider_portpid(f->p, &first.flow, &r)); /* not of this one */
}

static void each_end_of_a_connection_within_one_host_has_its_holder(void **state)
{
	struct fixture *f = *state;
	struct origin_record r, client = connect_of(9, 5, 1000), server = connect_of(10, 5, 1000);
	struct origin_flow asked = client.flow, back;

	server.head.kind = ORIGIN_KIND_ACCEPT;
	server.flow.direction = ORIGIN_IN;
	put_whole(f, client);
	put_whole(f, server);
	assert_int_equal(drain(f), 2);
	assert_ok(provider_portpid(f->p, &server.flow, &r));
	assert_int_equal(r.process.pid, 10);
	asked.direction = ORIGIN_DIRECTION_NONE;
	assert_ok(provider_portpid(f->p, &asked, &r));
	assert_int_equal(r.process.pid, 9);
	/* The answering packets: what is sent there is held by who accepted. */
	back = flow_of("10.2.0.3", 22, "10.2.0.2", 1000, ORIGIN_OUT);
	assert_ok(provider_portpid(f->p, &back, &r));
	assert_int_equal(r.process.pid, 10);
	back.netns = 0; /* any */
	assert_ok(provider_portpid(f->p, &back, &r));
	back.netns = 8;
	assert_err(ERR_NOENT, provider_portpid(f->p, &back, &r));
	back.netns = 7;
	back.proto = 17;
	assert_err(ERR_NOENT, provider_portpid(f->p, &back, &r));
}

static void count(void *arg, const struct origin_record *r)
{
	assert_ok(record_check(r));
	assert_int_equal(r->head.kind, ORIGIN_KIND_TASK);
	++*(size_t *)arg;
}

static void a_dump_names_every_process_of_remote_origin_and_no_other(void **state)
{
	struct fixture *f = *state;
	struct origin_record local = connect_of(11, 5, 1001);
	size_t counted = 0;

	local.origin = (struct origin_source){.type = ORIGIN_LOCAL};
	local.root = (struct origin_flow){0};
	put_whole(f, connect_of(9, 5, 1000));
	put_whole(f, connect_of(9, 5, 1002));
	put_whole(f, connect_of(10, 5, 1003));
	put_whole(f, local);
	assert_int_equal(drain(f), 4);
	assert_ok(provider_dump(f->p, count, &counted));
	assert_int_equal(counted, 2);
}

static void a_new_start_forgets_everything(void **state)
{
	struct fixture *f = *state;
	struct origin_record r, start = {.head = {.length = RECORD_OCTETS,
	                                          .major = ORIGIN_ABI_MAJOR,
	                                          .kind = ORIGIN_KIND_START}};

	put_whole(f, connect_of(9, 5, 1000));
	put_whole(f, start);
	assert_int_equal(drain(f), 2);
	assert_err(ERR_NOENT, provider_getorigin(f->p, 9, &r));
}

static void its_health_counts_and_its_rules_are_none(void **state)
{
	struct fixture *f = *state;
	struct origin_record lost = {.head = {.length = RECORD_OCTETS,
	                                      .major = ORIGIN_ABI_MAJOR,
	                                      .kind = ORIGIN_KIND_LOST,
	                                      .seq = 41},
	                             .tally = {.packets = 7}};
	struct origin_rules rules = {0};
	struct provider_health health;

	put_whole(f, connect_of(9, 5, 1000));
	put_whole(f, lost);
	assert_int_equal(drain(f), 2);
	assert_ok(provider_health(f->p, &health));
	assert_string_equal(health.kind, "file");
	assert_int_equal(strlen(health.boot_id), 36);
	assert_int_equal(health.stats.seq, 42);
	assert_int_equal(health.stats.lost, 7);
	assert_int_equal(health.stats.tasks, 1);
	assert_err(ERR_DENIED, provider_rules_get(f->p, &rules));
	assert_err(ERR_DENIED, provider_rules_set(f->p, &rules));
	rules.count = ORIGIN_RULES_MAX + 1;
	assert_err(ERR_RANGE, provider_rules_set(f->p, &rules));
}

static void rules_that_contradict_themselves_are_refused(void **state)
{
	static const struct origin_rule bad[] = {
		{.bits = 129},
		{.action = ORIGIN_ACTION_COUNT},
		{.reserved = 1},
		{.port_low = 2, .port_high = 1},
		{.uid_low = 2, .uid_high = 1},
	};
	struct origin_rules rules = {.count = 1};
	(void)state;

	assert_ok(provider_rules_check(&rules));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		rules.rows[0] = bad[i];
		assert_err(ERR_RANGE, provider_rules_check(&rules));
	}
	rules = (struct origin_rules){.fallback = ORIGIN_ACTION_COUNT};
	assert_err(ERR_RANGE, provider_rules_check(&rules));
	rules = (struct origin_rules){.flags = 4};
	assert_err(ERR_RANGE, provider_rules_check(&rules));
}

static void a_name_that_is_no_provider_is_said_to_be_none(void **state)
{
	static const struct {
		const char *name, *why;
		enum err err;
	} rows[] = {
		{"", "no provider \"\"", ERR_NOENT},
		{"file", "no provider \"file\"", ERR_NOENT},
		{"kmodx", "auto, kmod, bpf, bpf-minimal or file:PATH", ERR_NOENT},
		{"file:/nowhere/at/all", "No such file", ERR_NOENT},
		{"file:/tmp", "not a regular file", ERR_IO},
		{"file:/dev/null", "not a regular file", ERR_IO},
	};
	char why[PROVIDER_WHY_MAX];
	struct provider *p = NULL;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_err(rows[i].err, provider_open(rows[i].name, &p, why));
		assert_non_null(strstr(why, rows[i].why));
	}
	assert_null(p);
	provider_close(NULL);
}

static void a_device_that_is_absent_or_another_is_told_apart(void **state)
{
	const struct provider_kind *kind = &provider_device_kind;
	char why[PROVIDER_WHY_MAX];
	struct provider *p = NULL;
	(void)state;

	assert_err(ERR_NOENT, kind->open(kind, "/dev/spoor_nowhere", &p, why));
	assert_non_null(strstr(why, "modprobe spoor_origin"));
	assert_err(ERR_VERSION, kind->open(kind, "/dev/null", &p, why));
	assert_non_null(strstr(why, "ABI"));
	assert_null(p);
}

static enum err open_absent(const struct provider_kind *kind, const char *argument,
                            struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	(void)kind, (void)argument, (void)ret;
	memset(why, 'a', PROVIDER_WHY_MAX - 1); /* more than there is room for */
	why[PROVIDER_WHY_MAX - 1] = '\0';
	return ERR_NOENT;
}

static enum err open_denied(const struct provider_kind *kind, const char *argument,
                            struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	(void)kind, (void)argument, (void)ret;
	snprintf(why, PROVIDER_WHY_MAX, "lockdown");
	return ERR_DENIED;
}

static struct provider opened;

static enum err open_well(const struct provider_kind *kind, const char *argument,
                          struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	(void)argument, (void)why;
	opened.kind = kind;
	*ret = &opened;
	return ERR_OK;
}

static void auto_takes_the_first_that_opens_else_tells_each_ones_reason(void **state)
{
	static const struct provider_kind absent = {.name = "one", .open = open_absent},
					  denied = {.name = "two", .open = open_denied},
					  well = {.name = "three", .open = open_well};
	const struct provider_kind *const some[] = {&absent, &denied, &well};
	char why[PROVIDER_WHY_MAX] = "";
	struct provider *p = NULL;
	(void)state;

	assert_ok(provider_first(some, 3, &p, why));
	assert_string_equal(p->kind->name, "three");
	why[0] = '\0';
	assert_err(ERR_DENIED, provider_first(some, 2, &p, why));
	assert_non_null(strstr(why, "one: aaa"));
	assert_non_null(strstr(why, "; two: lockdown"));
}

static void a_full_table_lets_the_longest_silent_go(void **state)
{
	struct origin_record r;
	struct seen *s;
	size_t counted = 0;
	(void)state;

	assert_ok(seen_new(64, &s));
	for (uint32_t pid = 1; pid <= 1000; pid++) {
		r = connect_of(pid, 5, (uint16_t)pid);
		seen_put(s, &r);
		r = connect_of(1, 5, (uint16_t)(2000 + pid)); /* never silent */
		seen_put(s, &r);
	}
	assert_int_equal(seen_tasks(s), 64);
	seen_dump(s, count, &counted);
	assert_int_equal(counted, 64);
	assert_ok(seen_getorigin(s, 1, &r));
	assert_ok(seen_getorigin(s, 1000, &r));
	assert_ok(seen_getorigin(s, 938, &r));
	assert_err(ERR_NOENT, seen_getorigin(s, 937, &r));
	seen_free(s);
	seen_free(NULL);
}

static void an_idle_flow_is_forgotten_and_its_process_is_not(void **state)
{
	struct origin_record r, end = connect_of(9, 5, 1000);
	struct seen *s;
	(void)state;

	assert_ok(seen_new(4, &s));
	seen_put(s, &end);
	end.head.kind = ORIGIN_KIND_FLOW_END;
	seen_put(s, &end);
	assert_err(ERR_NOENT, seen_portpid(s, &end.flow, &r));
	assert_ok(seen_getorigin(s, 9, &r));
	seen_free(s);
}

static void put_file(const char *root, const char *path, const char *text)
{
	char full[600];
	FILE *file;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		mkdir(full, 0700);
		*at = '/';
	}
	file = fopen(full, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void health_is_what_the_kernels_files_say(void **state)
{
	struct fixture *f = *state;
	struct provider_health h = {0};
	char command[600];

	health_read(f->dir, &h); /* nothing there */
	assert_string_equal(h.lockdown, "");
	assert_false(h.is_ftrace_off);
	put_file(f->dir, "/proc/sys/kernel/osrelease", "6.1.0-44-amd64\n");
	put_file(f->dir, "/proc/sys/kernel/random/boot_id",
	         "0e2c3f9a-7ad4-4c2b-9b1e-1d2f3a4b5c6d\n");
	put_file(f->dir, "/proc/sys/kernel/tainted", "4096\n");
	put_file(f->dir, "/proc/sys/kernel/ftrace_enabled", "0\n");
	put_file(f->dir, "/sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
	health_read(f->dir, &h);
	assert_string_equal(h.kernel, "6.1.0-44-amd64");
	assert_string_equal(h.boot_id, "0e2c3f9a-7ad4-4c2b-9b1e-1d2f3a4b5c6d");
	assert_int_equal(h.taint, 4096);
	assert_true(h.is_ftrace_off);
	assert_string_equal(h.lockdown, "integrity");
	put_file(f->dir, "/sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
	put_file(f->dir, "/proc/sys/kernel/random/boot_id",
	         "longer than any boot id, and therefore none of them\n");
	h.boot_id[0] = '\0';
	health_read(f->dir, &h);
	assert_string_equal(h.lockdown, "confidentiality");
	assert_string_equal(h.boot_id, "");
	snprintf(command, sizeof(command), "rm -rf '%s/proc' '%s/sys'", f->dir, f->dir);
	assert_int_equal(system(command), 0);
}

static bool is_said(const struct origin_stats *stats, const char *part)
{
	const char *text;

	for (size_t i = 0; (text = provider_blindness(stats, i)) != NULL; i++) {
		if (strstr(text, part) != NULL)
			return true;
	}
	return false;
}

static void what_a_provider_cannot_see_is_said_in_words_and_once(void **state)
{
	struct origin_stats stats = {.hooks = (1U << ORIGIN_HOOK_COUNT) - 1};
	(void)state;

	assert_null(provider_blindness(&stats, 0));
	stats.blind = ORIGIN_BLIND_URING | ORIGIN_BLIND_LATE;
	assert_true(is_said(&stats, "io_uring"));
	assert_true(is_said(&stats, "It began after"));
	assert_non_null(provider_blindness(&stats, 1));
	assert_null(provider_blindness(&stats, 2));
	stats.hooks &=
		~(1U << ORIGIN_HOOK_ACCEPT); /* then of io_uring nothing more is to be said */
	assert_true(is_said(&stats, "no origin can be known"));
	assert_false(is_said(&stats, "io_uring"));
	stats = (struct origin_stats){.blind = ~0U};
	for (size_t i = 0; i < ORIGIN_HOOK_COUNT + 2; i++)
		assert_non_null(provider_blindness(&stats, i));
	assert_null(provider_blindness(&stats, ORIGIN_HOOK_COUNT + 2));
}

int main(void)
{
#define OF_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		OF_FILE(records_come_as_they_were_written_and_go_on_as_the_file_grows),
		OF_FILE(half_a_record_waits_for_its_other_half),
		OF_FILE(a_bad_record_is_passed_over),
		OF_FILE(a_file_that_shrank_is_broken),
		OF_FILE(questions_are_answered_from_the_records_read),
		OF_FILE(the_end_of_a_process_is_the_end_of_what_is_known_of_it),
		OF_FILE(a_pid_that_comes_again_is_another_process),
		OF_FILE(each_end_of_a_connection_within_one_host_has_its_holder),
		OF_FILE(a_dump_names_every_process_of_remote_origin_and_no_other),
		OF_FILE(a_new_start_forgets_everything),
		OF_FILE(its_health_counts_and_its_rules_are_none),
		OF_FILE(health_is_what_the_kernels_files_say),
		cmocka_unit_test(rules_that_contradict_themselves_are_refused),
		cmocka_unit_test(a_name_that_is_no_provider_is_said_to_be_none),
		cmocka_unit_test(a_device_that_is_absent_or_another_is_told_apart),
		cmocka_unit_test(auto_takes_the_first_that_opens_else_tells_each_ones_reason),
		cmocka_unit_test(a_full_table_lets_the_longest_silent_go),
		cmocka_unit_test(an_idle_flow_is_forgotten_and_its_process_is_not),
		cmocka_unit_test(what_a_provider_cannot_see_is_said_in_words_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
