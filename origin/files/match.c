#include "origin/files/match.h"

#include "base/util.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANCESTORS_MAX 32
#define ARGUMENTS 3 /* an interpreter, an option, a script */
#define TEXT_MAX 4096
#define COMM_LEN 15  /* octets of a name that the kernel keeps */
#define LINE_LEN 256 /* and reads of a script's first line */

enum daemon { DAEMON_NONE, DAEMON_CRON, DAEMON_AT };

/* What a process shows of itself, read once. */
struct shown {
	uint32_t uid;
	char user[64];            /* "": it has no name */
	char unit[TAGS_PATH_MAX]; /* "": none */
	char comm[COMM_LEN + 1];
	char arguments[TEXT_MAX];
	size_t arguments_len;
	char exe[TAGS_PATH_MAX];
	enum daemon above; /* that it descends from */
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* --- reading --- */

/* What stands in a file, if it is one: NUL-terminated; its length. Never waits. */
static size_t read_file(const char *path, char *room, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t len = -1;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		len = read(fd, room, size - 1);
	if (fd >= 0)
		close(fd);
	room[MAX(len, 0)] = '\0';
	return (size_t)MAX(len, 0);
}

static size_t read_text(const char *proc, pid_t pid, const char *name, char *room, size_t size)
{
	char path[TAGS_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/%s", proc, (int)pid, name);
	return read_file(path, room, size);
}

static enum daemon daemon_of(const char *comm)
{
	static const struct {
		const char *comm;
		enum daemon is;
	} rows[] = {{"cron", DAEMON_CRON}, {"crond", DAEMON_CRON}, {"atd", DAEMON_AT}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(comm, rows[i].comm) == 0)
			return rows[i].is;
	}
	return DAEMON_NONE;
}

/* Of proc/PID/stat: the name, which may have any character, and the parent behind it. */
static pid_t read_stat(const char *proc, pid_t pid, char ret_comm[COMM_LEN + 1])
{
	char text[TEXT_MAX], *open, *close;

	ret_comm[0] = '\0';
	read_text(proc, pid, "stat", text, sizeof(text));
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (open == NULL || close == NULL || close < open)
		return 0;
	*close = '\0';
	snprintf(ret_comm, COMM_LEN + 1, "%s", open + 1);
	/* ") S PPID" */
	return strlen(close + 1) > 3 ? (pid_t)strtol(close + 4, NULL, 10) : 0;
}

static enum daemon daemon_above(const char *proc, pid_t parent)
{
	char comm[COMM_LEN + 1];

	for (int i = 0; i < ANCESTORS_MAX && parent > 1; i++) {
		parent = read_stat(proc, parent, comm);
		if (daemon_of(comm) != DAEMON_NONE)
			return daemon_of(comm);
	}
	return DAEMON_NONE;
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/*
 * The unit of a control group: "/system.slice/a.service/sub" is a.service's. What stands in a
 * user's manager is that user's; what stands in anything else (a container) is its own.
 */
static void find_unit(const char *cgroup, char *ret, size_t size)
{
	const char *at = strstr(cgroup, "0::");
	char path[TEXT_MAX], *rest = NULL;

	ret[0] = '\0';
	if (at == NULL || (at != cgroup && at[-1] != '\n'))
		return;
	snprintf(path, sizeof(path), "%.*s", (int)strcspn(at + 3, "\n"), at + 3);
	for (char *part = strtok_r(path, "/", &rest); part != NULL;
	     part = strtok_r(NULL, "/", &rest)) {
		if (ends_in(part, ".slice"))
			continue;
		snprintf(ret, size, "%s", part);
		if (strncmp(part, "user@", 5) != 0)
			return;
	}
}

static bool read_shown(const char *proc, pid_t pid, struct shown *ret)
{
	char path[TAGS_PATH_MAX], cgroup[TEXT_MAX];
	const struct passwd *user;
	struct stat st;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%d", proc, (int)pid);
	if (stat(path, &st) != 0)
		return false;
	ret->uid = st.st_uid;
	user = getpwuid(st.st_uid);
	snprintf(ret->user, sizeof(ret->user), "%s", user != NULL ? user->pw_name : "");
	read_text(proc, pid, "cgroup", cgroup, sizeof(cgroup));
	find_unit(cgroup, ret->unit, sizeof(ret->unit));
	ret->arguments_len =
		read_text(proc, pid, "cmdline", ret->arguments, sizeof(ret->arguments));
	snprintf(path, sizeof(path), "%s/%d/exe", proc, (int)pid);
	len = readlink(path, ret->exe, sizeof(ret->exe) - 1);
	ret->exe[MAX(len, 0)] = '\0';
	ret->above = daemon_above(proc, read_stat(proc, pid, ret->comm));
	return true;
}

/* --- units --- */

/* "a@.service" for "a@b.service", which is an instance of it. */
static bool is_instance(const char *name, const char *unit)
{
	const char *at = strchr(name, '@');
	size_t len = at != NULL ? (size_t)(at - name) + 1 : 0;
	const char *dot = strrchr(unit, '.');

	return len > 0 && dot != NULL && strncmp(name, unit, len) == 0 &&
	       strcmp(name + len, dot) == 0;
}

/* A timer, a path and a socket start the service of the same name. */
static bool is_starter(const char *name, const char *unit)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot != NULL ? (size_t)(dot - name) : 0;

	return len > 0 && strncmp(name, unit, len) == 0 && strcmp(unit + len, ".service") == 0 &&
	       (strcmp(dot, ".timer") == 0 || strcmp(dot, ".path") == 0 ||
	        strcmp(dot, ".socket") == 0);
}

/* "service" of every service, "a-.service" of all that begin so: of parts alone. */
static bool is_of_many(const char *name, const char *unit)
{
	const char *dot = strrchr(unit, '.'), *dash = strstr(name, "-.");
	size_t len = dash != NULL ? (size_t)(dash - name) + 1 : 0;

	if (dot == NULL)
		return false;
	return strcmp(name, dot + 1) == 0 ||
	       (len > 0 && strncmp(name, unit, len) == 0 && strcmp(name + len, dot) == 0);
}

static bool is_unit(const char *name, const char *unit)
{
	return strcmp(name, unit) == 0 || is_instance(name, unit) || is_starter(name, unit);
}

static bool by_unit(const struct tag *tag, const struct shown *p)
{
	const char *file = base_of(tag->path);
	char folder[TAGS_PATH_MAX];
	const char *name;

	if (p->unit[0] == '\0')
		return false;
	snprintf(folder, sizeof(folder), "%.*s", (int)(MAX(file - tag->path, 1) - 1), tag->path);
	if (!ends_in(folder, ".d"))
		return is_unit(file, p->unit);
	folder[strlen(folder) - 2] = '\0'; /* .../NAME.d/part.conf */
	name = base_of(folder);
	return is_unit(name, p->unit) || is_of_many(name, p->unit);
}

/* --- programs --- */

static bool is_named(const char *comm, const char *program)
{
	return strncmp(comm, program, COMM_LEN) == 0;
}

/* Is the process called as one of the words in the first line of the script: "#!/usr/bin/env sh"?
 */
static bool is_interpreter(const char *comm, const char *script)
{
	char text[LINE_LEN], *rest = NULL;

	if (read_file(script, text, sizeof(text)) < 2 || strncmp(text, "#!", 2) != 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	for (char *word = strtok_r(text + 2, " \t", &rest); word != NULL;
	     word = strtok_r(NULL, " \t", &rest)) {
		if (is_named(comm, base_of(word)))
			return true;
	}
	return false;
}

static bool has_argument(const struct shown *p, const char *path)
{
	size_t at = 0;

	for (int i = 0; i < ARGUMENTS && at < p->arguments_len; i++) {
		if (strcmp(p->arguments + at, path) == 0)
			return true;
		at += strlen(p->arguments + at) + 1;
	}
	return false;
}

/*
 * A script that is run gives its interpreter its name, until that runs another, as env does: then
 * it is called as the script says. Who but reads the script is called otherwise.
 */
static bool by_program(const struct tag *tag, const struct shown *p)
{
	if (strcmp(p->exe, tag->path) == 0)
		return true;
	return has_argument(p, tag->path) &&
	       (is_named(p->comm, base_of(tag->path)) || is_interpreter(p->comm, tag->path));
}

/* --- cron and at: which line of which table, they alone know --- */

static bool by_crontab(const struct tag *tag, const struct shown *p)
{
	return p->above == DAEMON_CRON && strcmp(base_of(tag->path), p->user) == 0;
}

static bool by_table(const struct tag *tag, const struct shown *p)
{
	(void)tag;
	return p->above == DAEMON_CRON;
}

static bool by_owner(const struct tag *tag, const struct shown *p)
{
	return p->above == DAEMON_AT && tag->uid == p->uid;
}

/* --- all of it --- */

/* In the order in which they count: what is exact comes first. */
static const struct way {
	enum places_use use;
	bool (*shows)(const struct tag *tag, const struct shown *p);
	bool is_likely;
} ways[] = {
	{PLACES_UNIT, by_unit, false},      {PLACES_PROGRAM, by_program, false},
	{PLACES_CRONTAB, by_crontab, true}, {PLACES_AT, by_owner, true},
	{PLACES_CRON_D, by_table, true},
};

const struct tag *match_started(const struct tags *t, const char *proc, pid_t pid,
                                bool *ret_is_likely)
{
	struct shown p;

	if (!read_shown(proc, pid, &p))
		return NULL;
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		for (size_t i = 0; i < t->count; i++) {
			const struct tag *tag = &t->rows[i];

			*ret_is_likely = ways[w].is_likely;
			if (tag->use == ways[w].use && ways[w].shows(tag, &p))
				return tag;
		}
	}
	return NULL;
}

const struct tag *match_keys(const struct tags *t, uint32_t uid)
{
	const struct passwd *user = getpwuid(uid);
	size_t len = user != NULL ? strlen(user->pw_dir) : 0;

	for (size_t i = 0; i < t->count; i++) {
		const struct tag *tag = &t->rows[i];

		if (len > 0 && tag->use == PLACES_KEYS &&
		    strncmp(tag->path, user->pw_dir, len) == 0 &&
		    strncmp(tag->path + len, "/.ssh/", 6) == 0)
			return tag;
	}
	return NULL;
}
