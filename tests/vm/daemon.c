/*
 * DOC: The daemon with each provider: spoord in the role of a host, asked by spoor as people ask
 * it. What it needs (keys, certificate, configuration) tools/vm has made.
 */
#include "origin/provider.h"
#include "tests/vm/actor.h"
#include "tests/vm/deed.h"
#include "tests/vm/guest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VISITOR, TARGET, SERVER, SESSION };

#define HOME "/host/web"
#define LOG HOME "/log"

static const struct place here = {HERE, 2222}, beyond = {EVIL, 8080};
static char said[65536];

/* `spoor ARGUMENTS`: its exit code; what it says is in `said`. */
static int spoor(const char *arguments)
{
	char command[256];
	size_t len;
	FILE *pipe;
	int status;

	snprintf(command, sizeof(command), "/bin/spoor --socket " HOME "/spoord.sock %s 2>&1",
	         arguments);
	pipe = popen(command, "re");
	if (pipe == NULL)
		die("popen");
	len = fread(said, 1, sizeof(said) - 1, pipe);
	said[len] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool says(const char *arguments, const char *text)
{
	return spoor(arguments) == 0 && strstr(said, text) != NULL;
}

static bool is_soon(const char *arguments, const char *text)
{
	for (int tries = 0; tries < 100; tries++) {
		if (says(arguments, text))
			return true;
		usleep(100000);
	}
	note("spoor %s does not say %s, but %s", arguments, text, said);
	return false;
}

static pid_t start(void)
{
	pid_t pid = fork();
	int log;

	if (pid != 0)
		return pid;
	log = open(LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(log, STDERR_FILENO);
	execl("/bin/spoord", "spoord", "--config", HOME "/spoord.yaml", "--verbose", (char *)NULL);
	_exit(127);
}

static void scene(void)
{
	actor_new(VISITOR);
	actor_do(VISITOR, deed_enter, 0);
	actor_new(TARGET);
	actor_do(TARGET, deed_enter, 0);
	actor_do(TARGET, deed_serve, (long)&beyond);
	actor_new(SERVER);
	actor_do(SERVER, deed_serve, (long)&here);
	actor_do(VISITOR, deed_dial, (long)&here);
	actor_do(SERVER, deed_take, 0);
	actor_fork(SERVER, SESSION);
	actor_do(SESSION, deed_login, 1000);
	actor_do(SESSION, deed_dial, (long)&beyond);
}

static void ask(void)
{
	char text[64];

	snprintf(text, sizeof(text), "origin %d --json", (int)actor_pid(SESSION));
	ok(says(text, "\"type\":\"remote\""), "a process that logged in is remote");
	snprintf(text, sizeof(text), "\"pid\":%d,", (int)actor_pid(SESSION));
	ok(says("origin list --ndjson", text), "it is in the list of those that are");
	ok(is_soon("origin " EVIL ":8080 --json", text),
	   "its connection is in the log, by its far end");
	ok(is_soon("origin status --json", "\"canaries_seen\":2"), "two canaries come back");
	ok(strstr(said, "\"lost\":0,\"lost_tasks\":0,") != NULL, "nothing is lost");
}

static void try_provider(const char *name)
{
	char text[64];
	int status;
	pid_t pid = start();

	snprintf(text, sizeof(text), "\"provider\":\"%s\"", name);
	if (is_soon("origin status --json", text)) {
		scene();
		ask();
		for (size_t i = SESSION + 1; i-- > 0;)
			actor_end(i);
	} else {
		ok(false, "the daemon finds the provider %s", name);
	}
	kill(pid, SIGTERM);
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "it ends when told to");
}

static bool has_bpf(void)
{
	char why[PROVIDER_WHY_MAX];
	struct provider *p;
	enum err err = provider_open("bpf", &p, why);

	if (err == ERR_OK)
		provider_close(p);
	else
		note("skipped: %s", why); /* built without libbpf, perhaps */
	return err == ERR_OK;
}

/* It takes the module if that is there, else the BPF programs. */
void suite_daemon(void)
{
	make_evil();
	ok(load("early=1") == 0, "the module loads");
	try_provider("kmod");
	ok(unload() == 0, "the module unloads");
	if (has_bpf())
		try_provider("bpf");
}
