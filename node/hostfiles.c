#include "node/hostfiles.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/origins.h"
#include "origin/files/match.h"
#include "origin/files/starts.h"
#include "origin/files/writes.h"
#include "origin/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ONCE_MAX 256 /* events at one go: others have the loop, too */
#define LOOK_MS 60000
#define PROC "/proc"
#define PATH_TEXT_MAX 256

/* `r`, a TASK record, as of a process that the writer's file has started. */
static void inherit(struct origin_record *r, const struct origin_record *writer, bool is_likely)
{
	bool has_origin = record_is_elsewhere(&writer->origin);

	r->head.kind = ORIGIN_KIND_FILE;
	r->origin = has_origin ? writer->origin : writer->last;
	r->origin.type = ORIGIN_FILE;
	r->origin.flags |= is_likely ? ORIGIN_SOURCE_AMBIGUOUS : 0;
	r->root = writer->root;
	r->user.origin_loginuid = has_origin ? writer->user.origin_loginuid : ORIGIN_NOBODY;
	r->user.origin_session = has_origin ? writer->user.origin_session : ORIGIN_NOBODY;
}

/* What a name has that a terminal or a line would act upon is not passed on. */
static const char *print_path(const char *path, char room[PATH_TEXT_MAX])
{
	size_t i = 0;

	for (; path[i] != '\0' && i < PATH_TEXT_MAX - 1; i++)
		room[i] = path[i] > 0x20 && path[i] < 0x7f ? path[i] : '?';
	room[i] = '\0';
	return room;
}

static void tell(struct hostfiles *f, const struct origin_record *r, const struct tag *tag)
{
	struct endpoint from = record_sender(&r->origin.flow);
	char text[ENDPOINT_TEXT_MAX], path[PATH_TEXT_MAX];

	f->started++;
	log_line("origin", "process %u is there by way of a file written from %s: %s",
	         r->process.pid, endpoint_print(&from, text), print_path(tag->path, path));
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
	    record_is_elsewhere(&r.origin))
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
	for (int i = 0; i < ONCE_MAX && err != ERR_NOENT && err != ERR_IO; i++) {
		err = starts_next(f->starts, &pid);
		f->lost += err == ERR_LIMIT;
		if (err == ERR_OK && f->host->provider != NULL)
			on_started(f, pid);
	}
	if (status != 0) /* the kernel had no room: that ends the poll, and is over once read */
		uv_poll_start(poll, UV_READABLE, on_start);
}

static void close_starts(uv_handle_t *handle)
{
	struct hostfiles *f = handle->data;

	close(f->starts);
	f->starts = -1;
}

/* Every exec of the host wakes us then: only while there is something that could start one. */
static void listen_if_needed(struct hostfiles *f)
{
	if (f->tags.count == 0 && f->has_starts) {
		f->has_starts = false;
		uv_close((uv_handle_t *)&f->on_start, close_starts);
	}
	if (f->tags.count == 0 || f->starts >= 0)
		return;
	f->starts = starts_open();
	if (f->starts >= 0 && uv_poll_init(&f->host->node->loop, &f->on_start, f->starts) == 0) {
		f->has_starts = true;
		f->on_start.data = f;
		uv_poll_start(&f->on_start, UV_READABLE, on_start);
		return;
	}
	if (f->starts >= 0)
		close(f->starts);
	f->starts = -1;
	if (!f->is_start_refused)
		log_line("origin", "the kernel does not tell who starts: what tagged files start "
		                   "is not seen");
	f->is_start_refused = true;
}

static void read_tags(struct hostfiles *f)
{
	uint64_t unread = f->tags.unread;

	f->is_stale = false;
	if (tags_read(&f->tags) != ERR_OK && unread == 0)
		log_line("origin",
		         "%llu tagged files have no room in memory: what they start is "
		         "not seen",
		         (unsigned long long)f->tags.unread);
	listen_if_needed(f);
}

/* --- keys --- */

/*
 * Somebody has logged in: by keys that came from elsewhere? The record is of who writes the login
 * uid, root; whose it is, that uid says.
 */
static void by_keys(struct hostfiles *f, const struct origin_record *login)
{
	uint32_t uid =
		login->user.loginuid != ORIGIN_NOBODY ? login->user.loginuid : login->user.uid;
	const struct tag *tag =
		record_is_elsewhere(&login->origin) ? match_keys(&f->tags, uid) : NULL;
	struct origin_record r = *login;

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

/* The newest of what is known of a process: it may have logged in since it was first seen. */
static const struct origin_record *keep_writer(struct hostfiles *f, const struct origin_record *r)
{
	struct origin_record *to = &f->writers[f->writer_count % HOSTFILES_WRITERS_MAX];

	for (size_t i = 0; i < MIN(f->writer_count, HOSTFILES_WRITERS_MAX); i++) {
		if (f->writers[i].process.pid == r->process.pid &&
		    f->writers[i].process.start_ns == r->process.start_ns)
			to = &f->writers[i];
	}
	f->writer_count += to == &f->writers[f->writer_count % HOSTFILES_WRITERS_MAX];
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
	struct write write;
	unsigned tries;
};

/* ERR_OK, and NULL: it is from nowhere else. ERR_NOENT: it has ended, and is not known. */
static enum err ask_writer(struct hostfiles *f, pid_t pid, const struct origin_record **ret)
{
	struct origin_record r;
	enum err err = f->host->provider != NULL ? provider_getorigin(f->host->provider, pid, &r)
	                                         : ERR_NOENT;

	*ret = writer_of(f, pid);
	if (err != ERR_OK)
		return *ret != NULL ? ERR_OK : ERR_NOENT;
	*ret = r.root.proto != 0 ? keep_writer(f, &r) : NULL;
	return ERR_OK;
}

static bool is_tagged_by(const struct write *w, const struct origin_record *writer)
{
	struct origin_record is;

	return tags_get(w->folder, w->name, &is) == ERR_OK &&
	       is.process.pid == writer->process.pid &&
	       is.process.start_ns == writer->process.start_ns;
}

/* One write is several events: the first leaves the tag. */
static void put_tag(struct hostfiles *f, const struct origin_record *writer, const struct write *w)
{
	struct endpoint from = record_sender(&writer->root);
	char text[ENDPOINT_TEXT_MAX], path[PATH_TEXT_MAX];

	if (is_tagged_by(w, writer))
		return;
	if (tags_put(w->folder, w->name, writer) != ERR_OK) {
		log_detail("origin", "cannot be tagged: %s", print_path(w->path, path));
		return;
	}
	f->tagged++;
	f->is_stale = true;
	log_line("origin", "process %u, of a person at %s, wrote %s", writer->process.pid,
	         endpoint_print(&from, text), print_path(w->path, path));
}

/* Until the provider has told of it. */
static void wait_for(struct hostfiles *f, struct write *w)
{
	struct waiting *to = &f->waiting[f->waiting_count];

	for (size_t i = 0; i < f->waiting_count; i++) {
		const struct write *other = &f->waiting[i].write;

		if (other->pid == w->pid && strcmp(other->path, w->path) == 0)
			return;
	}
	if (f->waiting_count == HOSTFILES_WAITING_MAX) {
		f->unknown++;
		return;
	}
	f->waiting_count++;
	to->write = *w;
	to->tries = 0;
	w->folder = -1; /* it is in there now */
}

static void on_written(struct hostfiles *f, struct write *w)
{
	const struct origin_record *writer;

	if (ask_writer(f, w->pid, &writer) != ERR_OK)
		wait_for(f, w);
	else if (writer != NULL)
		put_tag(f, writer, w);
}

struct arrival { /* of a folder, and who made it or brought it here */
	struct hostfiles *files;
	const struct write *made;
};

/* What stands in it came before it was watched. */
static void on_arrival(void *arg, const char *path, const struct place *place)
{
	struct arrival *a = arg;
	struct write w = {.pid = a->made->pid};
	DIR *dir;

	if (strcmp(path, a->made->path) != 0 || place->use == PLACES_FOLDER)
		return;
	w.folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = w.folder >= 0 ? fdopendir(w.folder) : NULL;
	for (int i = 0; dir != NULL && i < ONCE_MAX; i++) {
		const struct dirent *e = readdir(dir);
		struct write one = w;

		if (e == NULL)
			break;
		if (!places_has(place, e->d_name))
			continue;
		one.folder = fcntl(w.folder, F_DUPFD_CLOEXEC, 0);
		snprintf(one.name, sizeof(one.name), "%s", e->d_name);
		snprintf(one.path, sizeof(one.path), "%.700s/%.255s", path, e->d_name);
		on_written(a->files, &one);
		if (one.folder >= 0)
			close(one.folder);
	}
	if (dir != NULL)
		closedir(dir);
	else if (w.folder >= 0)
		close(w.folder);
}

static void on_folder(struct hostfiles *f, const struct write *w)
{
	struct arrival a = {f, w};

	writes_watch(f->writes);
	places_each(on_arrival, &a);
}

static void look_again(uv_timer_t *timer)
{
	struct hostfiles *f = timer->data;
	size_t kept = 0;

	for (size_t i = 0; i < f->waiting_count; i++) {
		struct waiting *w = &f->waiting[i];
		const struct origin_record *writer = writer_of(f, w->write.pid);

		if (writer == NULL && ++w->tries < TRIES_MAX) {
			f->waiting[kept++] = *w;
			continue;
		}
		if (writer != NULL)
			put_tag(f, writer, &w->write);
		else
			f->unknown++;
		close(w->write.folder);
	}
	f->waiting_count = kept;
	if (f->is_stale)
		read_tags(f);
	if (kept == 0)
		uv_timer_stop(timer);
}

static void on_write(uv_poll_t *poll, int status, int events)
{
	struct hostfiles *f = poll->data;
	struct write w;
	enum err err = status == 0 ? ERR_OK : ERR_IO;

	(void)events;
	for (int i = 0; i < ONCE_MAX && (err == ERR_OK || err == ERR_STALE); i++) {
		err = writes_next(f->writes, &w);
		if (err != ERR_OK)
			continue;
		if (w.is_folder)
			on_folder(f, &w);
		else
			on_written(f, &w);
		if (w.folder >= 0)
			close(w.folder);
	}
	if (err == ERR_IO) {
		log_line("origin", "who writes cron tables, units and keys is seen no longer: "
		                   "fanotify is broken");
		uv_poll_stop(poll);
	}
	/* Not at each write: to read all tags takes as long as there are files. */
	if ((f->is_stale || f->waiting_count > 0) && !uv_is_active((uv_handle_t *)&f->again))
		uv_timer_start(&f->again, look_again, WAIT_MS, WAIT_MS);
}

static void look(uv_timer_t *timer)
{
	struct hostfiles *f = timer->data;

	writes_watch(f->writes);
	read_tags(f);
}

static void look_first(uv_timer_t *timer)
{
	struct hostfiles *f = timer->data;
	struct writes_counts counts;

	look(timer);
	writes_counts(f->writes, &counts);
	if (counts.refused > 0)
		log_line("origin", "%zu folders cannot be watched: who writes there is not seen",
		         counts.refused);
	uv_timer_start(timer, look, LOOK_MS, LOOK_MS);
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
	uv_timer_start(&f->timer, look_first, 0, 0);
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
		uv_close((uv_handle_t *)&f->on_start, close_starts);
	if (f->has_timer) {
		uv_close((uv_handle_t *)&f->timer, NULL);
		uv_close((uv_handle_t *)&f->again, NULL);
	}
}

void hostfiles_free(struct hostfiles *f)
{
	writes_close(f->writes);
	for (size_t i = 0; i < f->waiting_count; i++)
		close(f->waiting[i].write.folder);
	tags_free(&f->tags);
	free(f->writers);
	free(f->waiting);
}
