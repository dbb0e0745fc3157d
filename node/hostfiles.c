#include "node/hostfiles.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/origins.h"
#include "origin/files/match.h"
#include "origin/files/starts.h"
#include "origin/files/writes.h"
#include "origin/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ONCE_MAX 256 /* events at one go: others have the loop, too */
#define LOOK_MS 60000
#define PROC "/proc"

static bool is_elsewhere(const struct origin_source *s)
{
	return s->type >= ORIGIN_REMOTE;
}

/* `r`, a TASK record, as of a process that the writer's file has started. */
static void inherit(struct origin_record *r, const struct origin_record *writer, bool is_likely)
{
	bool has_origin = is_elsewhere(&writer->origin);

	r->head.kind = ORIGIN_KIND_FILE;
	r->origin = has_origin ? writer->origin : writer->last;
	r->origin.type = ORIGIN_FILE;
	r->origin.flags |= is_likely ? ORIGIN_SOURCE_AMBIGUOUS : 0;
	r->root = writer->root;
	r->user.origin_loginuid = has_origin ? writer->user.origin_loginuid : ORIGIN_NOBODY;
	r->user.origin_session = has_origin ? writer->user.origin_session : ORIGIN_NOBODY;
}

static void tell(struct hostfiles *f, const struct origin_record *r, const struct tag *tag)
{
	struct endpoint from = record_sender(&r->origin.flow);
	char text[ENDPOINT_TEXT_MAX];

	f->started++;
	log_line("origin", "process %u is there by way of %s, which was written from %s",
	         r->process.pid, tag->path, endpoint_print(&from, text));
	hostlog_take(&f->host->log, r);
	origins_seen(f->host, r);
}

/* --- starts --- */

static void on_started(struct hostfiles *f, pid_t pid)
{
	bool is_likely = false;
	const struct tag *tag = match_started(&f->tags, PROC, pid, &is_likely);
	struct origin_record r;

	if (tag == NULL || provider_getorigin(f->host->provider, pid, &r) != ERR_OK ||
	    is_elsewhere(&r.origin))
		return;
	inherit(&r, &tag->writer, is_likely);
	if (provider_setorigin(f->host->provider, &r) == ERR_OK)
		tell(f, &r, tag);
}

static void on_start(uv_poll_t *poll, int status, int events)
{
	struct hostfiles *f = poll->data;
	enum err err = ERR_OK;
	pid_t pid;

	(void)events;
	for (int i = 0; i < ONCE_MAX && status == 0 && (err == ERR_OK || err == ERR_LIMIT); i++) {
		err = starts_next(f->starts, &pid);
		f->lost += err == ERR_LIMIT;
		if (err == ERR_OK && f->host->provider != NULL)
			on_started(f, pid);
	}
}

/* Every exec of the host wakes us then: only while there is something that could start one. */
static void listen_if_needed(struct hostfiles *f)
{
	if (f->tags.count == 0 || f->starts >= 0)
		return;
	f->starts = starts_open();
	if (f->starts < 0 || uv_poll_init(&f->host->node->loop, &f->on_start, f->starts) != 0) {
		log_line("origin", "the kernel does not tell who starts: what tagged files start "
		                   "is not seen");
		return;
	}
	f->has_starts = true;
	f->on_start.data = f;
	uv_poll_start(&f->on_start, UV_READABLE, on_start);
}

static void read_tags(struct hostfiles *f)
{
	if (tags_read(&f->tags) == ERR_OK)
		listen_if_needed(f);
}

/* --- keys --- */

/* Somebody has logged in: by keys that came from elsewhere? */
static void by_keys(struct hostfiles *f, const struct origin_record *login)
{
	const struct tag *tag = match_keys(&f->tags, login->user.uid);
	struct origin_record r = *login;

	if (tag == NULL && login->user.loginuid != ORIGIN_NOBODY)
		tag = match_keys(&f->tags, login->user.loginuid);
	if (tag == NULL)
		return;
	r.head.seq = 0;
	inherit(&r, &tag->writer, true);
	tell(f, &r, tag);
}

/* --- writers --- */

static const struct origin_record *writer_of(const struct hostfiles *f, pid_t pid)
{
	size_t count = MIN(f->writer_count, HOSTFILES_WRITERS_MAX);

	for (size_t i = 1; i <= count; i++) {
		const struct origin_record *r =
			&f->writers[(f->writer_count - i) % HOSTFILES_WRITERS_MAX];

		if (r->process.pid == (uint32_t)pid)
			return r;
	}
	return NULL;
}

static const struct origin_record *keep_writer(struct hostfiles *f, const struct origin_record *r)
{
	struct origin_record *to = &f->writers[f->writer_count % HOSTFILES_WRITERS_MAX];
	const struct origin_record *known = writer_of(f, (pid_t)r->process.pid);

	if (known != NULL && known->process.start_ns == r->process.start_ns)
		return known;
	f->writer_count++;
	*to = *r;
	to->head.kind = ORIGIN_KIND_TASK;
	to->head.seq = 0;
	return to;
}

void hostfiles_arm(struct provider *provider)
{
	struct origin_rules rules;
	enum err err = provider_rules_get(provider, &rules);

	if (err == ERR_OK) {
		rules.flags |= ORIGIN_RULES_EXEC;
		err = provider_rules_set(provider, &rules);
	}
	if (err != ERR_OK)
		log_detail("origin", "writers that end at once will not be known: %s",
		           err_text(err));
}

bool hostfiles_see(struct hostfiles *f, const struct origin_record *r)
{
	bool is_life = r->head.kind == ORIGIN_KIND_EXEC || r->head.kind == ORIGIN_KIND_EXIT;

	if (f->writers == NULL)
		return !is_life;
	if (is_life && r->root.proto != 0)
		keep_writer(f, r);
	if (r->head.kind == ORIGIN_KIND_LOGIN)
		by_keys(f, r);
	return !is_life;
}

/* --- writes --- */

#define WAIT_MS 100
#define TRIES_MAX 10

struct waiting {
	pid_t pid;
	unsigned tries;
	char path[WRITES_PATH_MAX];
};

/* ERR_OK, and NULL: it is from nowhere else. ERR_NOENT: it has ended, and is not known. */
static enum err ask_writer(struct hostfiles *f, pid_t pid, const struct origin_record **ret)
{
	struct origin_record r;
	enum err err = provider_getorigin(f->host->provider, pid, &r);

	*ret = writer_of(f, pid);
	if (err != ERR_OK)
		return *ret != NULL ? ERR_OK : ERR_NOENT;
	*ret = r.root.proto != 0 ? keep_writer(f, &r) : NULL;
	return ERR_OK;
}

static bool is_tagged_by(const char *path, const struct origin_record *writer)
{
	struct origin_record is;

	return tags_get(path, &is) == ERR_OK && is.process.pid == writer->process.pid &&
	       is.process.start_ns == writer->process.start_ns;
}

/* One write is several events: the first leaves the tag. True: there is a new one. */
static bool put_tag(struct hostfiles *f, const struct origin_record *writer, const char *path)
{
	struct endpoint from = record_sender(&writer->root);
	char text[ENDPOINT_TEXT_MAX];

	if (is_tagged_by(path, writer))
		return false;
	if (tags_put(path, writer) != ERR_OK) {
		log_detail("origin", "%s cannot be tagged", path);
		return false;
	}
	f->tagged++;
	log_line("origin", "%s was written by process %u, of a person at %s", path,
	         writer->process.pid, endpoint_print(&from, text));
	return true;
}

static void look_again(uv_timer_t *timer)
{
	struct hostfiles *f = timer->data;
	bool is_changed = false;
	size_t kept = 0;

	for (size_t i = 0; i < f->waiting_count; i++) {
		struct waiting *w = &f->waiting[i];
		const struct origin_record *writer = writer_of(f, w->pid);

		if (writer != NULL)
			is_changed |= put_tag(f, writer, w->path);
		else if (++w->tries < TRIES_MAX)
			f->waiting[kept++] = *w;
		else
			f->unknown++;
	}
	f->waiting_count = kept;
	if (kept == 0)
		uv_timer_stop(&f->again);
	if (is_changed)
		read_tags(f);
}

/* Until the provider has told of it. */
static void wait_for(struct hostfiles *f, pid_t pid, const char *path)
{
	struct waiting *w = &f->waiting[f->waiting_count];

	for (size_t i = 0; i < f->waiting_count; i++) {
		if (f->waiting[i].pid == pid && strcmp(f->waiting[i].path, path) == 0)
			return;
	}
	if (f->waiting_count == HOSTFILES_WAITING_MAX) {
		f->unknown++;
		return;
	}
	f->waiting_count++;
	w->pid = pid;
	w->tries = 0;
	snprintf(w->path, sizeof(w->path), "%s", path);
	if (!uv_is_active((uv_handle_t *)&f->again))
		uv_timer_start(&f->again, look_again, WAIT_MS, WAIT_MS);
}

static bool on_written(struct hostfiles *f, pid_t pid, const char *path)
{
	const struct origin_record *writer;

	if (ask_writer(f, pid, &writer) != ERR_OK)
		wait_for(f, pid, path);
	else if (writer != NULL)
		return put_tag(f, writer, path);
	return false;
}

static void on_write(uv_poll_t *poll, int status, int events)
{
	struct hostfiles *f = poll->data;
	char path[WRITES_PATH_MAX];
	bool is_changed = false;
	pid_t pid;

	(void)events;
	for (int i = 0; i < ONCE_MAX && status == 0; i++) {
		if (writes_next(f->writes, &pid, path) != ERR_OK)
			break;
		if (f->host->provider != NULL)
			is_changed |= on_written(f, pid, path);
	}
	if (is_changed)
		read_tags(f);
}

static void look(uv_timer_t *timer)
{
	struct hostfiles *f = timer->data;

	f->folders = writes_watch(f->writes);
	read_tags(f);
}

/* --- begin and end --- */

void hostfiles_start(struct hostfiles *f, struct host *host)
{
	char why[WRITES_WHY_MAX] = "";

	f->host = host;
	f->starts = -1;
	if (writes_open(&f->writes, why) != ERR_OK) {
		log_line("origin", "who writes cron tables, units and keys is not seen: %s", why);
		return;
	}
	f->writers = calloc(HOSTFILES_WRITERS_MAX, sizeof(*f->writers));
	f->waiting = calloc(HOSTFILES_WAITING_MAX, sizeof(*f->waiting));
	if (f->writers == NULL || f->waiting == NULL)
		return;
	uv_timer_init(&host->node->loop, &f->timer);
	uv_timer_init(&host->node->loop, &f->again);
	f->timer.data = f->again.data = f;
	f->has_timer = true;
	uv_timer_start(&f->timer, look, 0, LOOK_MS);
	if (uv_poll_init(&host->node->loop, &f->on_write, writes_fd(f->writes)) != 0)
		return;
	f->has_write = true;
	f->on_write.data = f;
	uv_poll_start(&f->on_write, UV_READABLE, on_write);
}

void hostfiles_stop(struct hostfiles *f)
{
	if (f->has_write)
		uv_close((uv_handle_t *)&f->on_write, NULL);
	if (f->has_starts)
		uv_close((uv_handle_t *)&f->on_start, NULL);
	if (f->has_timer) {
		uv_close((uv_handle_t *)&f->timer, NULL);
		uv_close((uv_handle_t *)&f->again, NULL);
	}
}

void hostfiles_free(struct hostfiles *f)
{
	writes_close(f->writes);
	if (f->has_starts)
		close(f->starts);
	tags_free(&f->tags);
	free(f->writers);
	free(f->waiting);
}
