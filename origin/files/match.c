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
#define COMM_LEN 15
#define LINE_MAX_LEN 256 /* as much as the kernel reads of a script's first */

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* What stands in proc/PID/NAME, NUL-terminated; its length. */
static size_t read_text(const char *proc, pid_t pid, const char *name, char room[TEXT_MAX])
{
	char path[TAGS_PATH_MAX];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%d/%s", proc, (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, room, TEXT_MAX - 1);
		close(fd);
	}
	room[MAX(len, 0)] = '\0';
	return (size_t)MAX(len, 0);
}

/* --- units --- */

/* "a@.service" for "a@b.service", which is an instance of it. */
static bool is_instance(const char *file, const char *unit)
{
	const char *at = strchr(file, '@');
	size_t len = at != NULL ? (size_t)(at - file) + 1 : 0;
	const char *dot = strrchr(unit, '.');

	return len > 0 && dot != NULL && strncmp(file, unit, len) == 0 &&
	       strcmp(file + len, dot) == 0;
}

/* A timer, a path and a socket start the service of the same name. */
static bool is_starter(const char *file, const char *unit)
{
	const char *dot = strrchr(file, '.');
	size_t len = dot != NULL ? (size_t)(dot - file) : 0;

	return len > 0 && strncmp(file, unit, len) == 0 && strcmp(unit + len, ".service") == 0 &&
	       (strcmp(dot, ".timer") == 0 || strcmp(dot, ".path") == 0 ||
	        strcmp(dot, ".socket") == 0);
}

static bool is_of_unit(const struct tag *tag, const char *unit)
{
	char folder[TAGS_PATH_MAX];
	const char *file = base_of(tag->path);
	size_t len;

	if (strcmp(file, unit) == 0 || is_instance(file, unit) || is_starter(file, unit))
		return true;
	/* .../NAME.d/part.conf */
	snprintf(folder, sizeof(folder), "%.*s", (int)(MAX(file - tag->path, 1) - 1), tag->path);
	len = strlen(base_of(folder));
	return len > 2 && strcmp(base_of(folder) + len - 2, ".d") == 0 && strlen(unit) == len - 2 &&
	       strncmp(base_of(folder), unit, len - 2) == 0;
}

/* Each part of the group's path may be a unit: a user's stand in those of the user. */
static bool has_unit(const struct tag *tag, char *cgroup)
{
	char *rest = NULL;

	for (char *part = strtok_r(cgroup, "/\n", &rest); part != NULL;
	     part = strtok_r(NULL, "/\n", &rest)) {
		if (is_of_unit(tag, part))
			return true;
	}
	return false;
}

static bool by_unit(const struct tag *tag, const char *proc, pid_t pid)
{
	char cgroup[TEXT_MAX];

	return read_text(proc, pid, "cgroup", cgroup) > 0 && has_unit(tag, cgroup);
}

/* --- programs --- */

/* The kernel keeps 15 octets of a name. */
static bool is_named(const char *comm, const char *program)
{
	return strncmp(comm, program, COMM_LEN) == 0;
}

/* Is the process called as one of the words in the first line of the script: "#!/usr/bin/env sh"?
 */
static bool is_interpreter(const char *comm, const char *script)
{
	char line[LINE_MAX_LEN], *rest = NULL;
	FILE *file = fopen(script, "re");
	bool has_line = file != NULL && fgets(line, sizeof(line), file) != NULL;

	if (file != NULL)
		fclose(file);
	if (!has_line || strncmp(line, "#!", 2) != 0)
		return false;
	for (char *word = strtok_r(line + 2, " \t\n", &rest); word != NULL;
	     word = strtok_r(NULL, " \t\n", &rest)) {
		if (is_named(comm, base_of(word)))
			return true;
	}
	return false;
}

/*
 * A script that is run gives its interpreter its name, until that runs another, as env does: then
 * it is called as the script says. Who but reads the script is called otherwise.
 */
static bool runs_script(const char *proc, pid_t pid, const char *script)
{
	char comm[TEXT_MAX];
	size_t len = read_text(proc, pid, "comm", comm);

	comm[len > 0 ? len - 1 : 0] = '\0'; /* the end of its line */
	return is_named(comm, base_of(script)) || is_interpreter(comm, script);
}

static bool has_argument(const char *proc, pid_t pid, const char *path)
{
	char text[TEXT_MAX];
	size_t len = read_text(proc, pid, "cmdline", text), at = 0;

	for (int i = 0; i < ARGUMENTS && at < len; i++, at += strlen(text + at) + 1) {
		if (strcmp(text + at, path) == 0)
			return true;
	}
	return false;
}

static bool by_program(const struct tag *tag, const char *proc, pid_t pid)
{
	char path[TAGS_PATH_MAX], text[TEXT_MAX];
	ssize_t got;

	if (has_argument(proc, pid, tag->path) && runs_script(proc, pid, tag->path))
		return true;
	snprintf(path, sizeof(path), "%s/%d/exe", proc, (int)pid);
	got = readlink(path, text, TEXT_MAX - 1);
	text[MAX(got, 0)] = '\0';
	return strcmp(text, tag->path) == 0;
}

/* --- cron and at --- */

enum daemon { DAEMON_NONE, DAEMON_CRON, DAEMON_AT };

static enum daemon daemon_of(const char *comm)
{
	static const struct {
		const char *comm;
		enum daemon is;
	} rows[] = {{"cron", DAEMON_CRON},
	            {"crond", DAEMON_CRON},
	            {"anacron", DAEMON_CRON},
	            {"atd", DAEMON_AT}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(comm, rows[i].comm) == 0)
			return rows[i].is;
	}
	return DAEMON_NONE;
}

/* Of proc/PID/stat: the name, which may have any character, and the parent behind it. */
static pid_t read_stat(const char *proc, pid_t pid, char ret_comm[32])
{
	char text[TEXT_MAX], *open, *close;

	read_text(proc, pid, "stat", text);
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (open == NULL || close == NULL || close < open)
		return 0;
	snprintf(ret_comm, 32, "%.*s", (int)(close - open - 1), open + 1);
	/* ") S PPID" */
	return strlen(close) > 4 ? (pid_t)strtol(close + 4, NULL, 10) : 0;
}

/* The daemon that the process descends from; not the process itself. */
static enum daemon daemon_above(const char *proc, pid_t pid)
{
	char comm[32];

	pid = read_stat(proc, pid, comm);
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		pid_t parent = read_stat(proc, pid, comm);

		if (daemon_of(comm) != DAEMON_NONE)
			return daemon_of(comm);
		pid = parent;
	}
	return DAEMON_NONE;
}

static bool owner_of(const char *proc, pid_t pid, uint32_t *ret)
{
	char path[TAGS_PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%d", proc, (int)pid);
	if (stat(path, &st) != 0)
		return false;
	*ret = st.st_uid;
	return true;
}

static bool by_crontab(const struct tag *tag, uint32_t uid)
{
	const struct passwd *user = getpwuid(uid);

	return user != NULL && strcmp(base_of(tag->path), user->pw_name) == 0;
}

static bool by_table(const struct tag *tag, uint32_t uid)
{
	(void)tag, (void)uid;
	return true; /* which line of which table, cron alone knows */
}

static bool by_owner(const struct tag *tag, uint32_t uid)
{
	return tag->uid == uid;
}

/* --- all of it --- */

/* In the order in which they count: what is exact comes first. */
static const struct way {
	enum places_use use;
	bool (*shows)(const struct tag *tag, const char *proc, pid_t pid);
	enum daemon daemon; /* and else, below this one: */
	bool (*is_of)(const struct tag *tag, uint32_t uid);
	bool is_likely;
} ways[] = {
	{PLACES_UNIT, by_unit, DAEMON_NONE, NULL, false},
	{PLACES_PROGRAM, by_program, DAEMON_NONE, NULL, false},
	{PLACES_CRONTAB, NULL, DAEMON_CRON, by_crontab, false},
	{PLACES_AT, NULL, DAEMON_AT, by_owner, true},
	{PLACES_CRON_D, NULL, DAEMON_CRON, by_table, true},
};

const struct tag *match_started(const struct tags *t, const char *proc, pid_t pid,
                                bool *ret_is_likely)
{
	enum daemon above = daemon_above(proc, pid);
	uint32_t uid;

	if (!owner_of(proc, pid, &uid))
		return NULL;
	for (size_t w = 0; w < ARRAY_LEN(ways); w++) {
		const struct way *way = &ways[w];

		for (size_t i = 0; i < t->count; i++) {
			const struct tag *tag = &t->rows[i];

			if (tag->use != way->use)
				continue;
			*ret_is_likely = way->is_likely;
			if (way->shows != NULL ? way->shows(tag, proc, pid)
			                       : above == way->daemon && way->is_of(tag, uid))
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
