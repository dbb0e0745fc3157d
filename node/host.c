#include "node/host.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/origins.h"

#include <stdio.h>
#include <string.h>

#define ONCE_MAX 1024 /* records at one go: others have the loop, too */
#define READ_MS 50
#define AGAIN_MS 5000

static void on_timer(uv_timer_t *timer);

static void copy_text(char *to, size_t room, const char *from)
{
	snprintf(to, room, "%s", from);
}

#define TEXT(field) copy_text(ret->field, sizeof(ret->field), from.field)

void host_health(struct node *node, struct health *ret)
{
	struct host *h = &node->host;
	struct provider_health from = {0};

	memset(ret, 0, sizeof(*ret));
	canary_health(&h->canary, ret);
	if (h->provider == NULL || provider_health(h->provider, &from) != ERR_OK) {
		copy_text(ret->kind, sizeof(ret->kind), "none");
		return;
	}
	TEXT(kind);
	TEXT(version);
	TEXT(build);
	TEXT(kernel);
	TEXT(boot_id);
	TEXT(lockdown);
	ret->taint = from.taint;
	ret->is_ftrace_off = from.is_ftrace_off;
	ret->hooks = from.stats.hooks;
	ret->blind = from.stats.blind;
	ret->lost = from.stats.lost;
	ret->lost_tasks = from.stats.lost_tasks;
	ret->lost_flows = from.stats.lost_flows;
}

static void take(struct host *h, const struct origin_record *r)
{
	if (canary_is(&h->canary, r))
		return;
	if (!hostfiles_see(&h->files, r))
		return;
	h->records++;
	hostlog_take(&h->log, r);
	origins_seen(h, r);
}

static void give_up(struct host *h, enum err err)
{
	log_line("origin", "the provider is broken: %s; it is opened again", err_text(err));
	if (h->has_poll)
		uv_poll_stop(&h->poll);
	provider_close(h->provider);
	h->provider = NULL;
	h->canary.is_armed = false;
	uv_timer_start(&h->timer, on_timer, AGAIN_MS, AGAIN_MS);
}

static void read_some(struct host *h)
{
	struct origin_record r;
	enum err err = ERR_OK;

	for (size_t i = 0; i < ONCE_MAX && (err == ERR_OK || err == ERR_FORMAT); i++) {
		err = provider_next(h->provider, &r);
		if (err == ERR_OK)
			take(h, &r);
		h->malformed += err == ERR_FORMAT;
	}
	if (err != ERR_OK && err != ERR_FORMAT && err != ERR_NOENT)
		give_up(h, err);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct host *h = poll->data;

	(void)events;
	if (status == 0 && h->provider != NULL)
		read_some(h);
}

/* A poll handle is of one descriptor for good: after a break the timer reads instead. */
static void begin_to_read(struct host *h)
{
	int fd = provider_fd(h->provider);

	canary_arm(&h->canary, h->provider, h->node->conf.records_all);
	hostfiles_arm(h->provider);
	if (fd >= 0 && !h->has_poll && uv_poll_init(&h->node->loop, &h->poll, fd) == 0) {
		h->poll.data = h;
		h->has_poll = true;
		uv_poll_start(&h->poll, UV_READABLE, on_readable);
		uv_timer_stop(&h->timer);
		return;
	}
	uv_timer_start(&h->timer, on_timer, READ_MS, READ_MS);
}

static void on_timer(uv_timer_t *timer)
{
	struct host *h = timer->data;
	char why[PROVIDER_WHY_MAX] = "";

	if (h->provider != NULL)
		read_some(h);
	else if (provider_open(h->node->conf.provider, &h->provider, why) == ERR_OK)
		begin_to_read(h);
}

static enum err open_provider(struct host *h)
{
	char why[PROVIDER_WHY_MAX] = "";
	enum err err = provider_open(h->node->conf.provider, &h->provider, why);
	struct origin_stats stats;
	struct provider_health health;

	if (err != ERR_OK) {
		log_line("origin", "provider %s: %s", h->node->conf.provider, why);
		return err;
	}
	err = provider_health(h->provider, &health);
	if (err != ERR_OK)
		return err;
	stats = health.stats;
	log_line("origin", "provider %s %s on %s", health.kind, health.version, health.kernel);
	for (size_t i = 0; provider_blindness(&stats, i) != NULL; i++)
		log_detail("origin", "it does not see all: %s", provider_blindness(&stats, i));
	return ERR_OK;
}

enum err host_start(struct host *h, struct node *node)
{
	enum err err;

	h->node = node;
	err = open_provider(h);
	if (err == ERR_OK)
		err = hostlog_start(&h->log, node, host_health);
	if (err != ERR_OK)
		return err;
	uv_timer_init(&node->loop, &h->timer);
	h->timer.data = h;
	h->has_timer = true;
	(void)canary_start(&h->canary, node); /* without it the evidence says that there is none */
	begin_to_read(h);
	gateway_start(&h->gateway, node);
	hostfiles_start(&h->files, h);
	return ERR_OK;
}

void host_stop(struct host *h)
{
	if (h->has_poll)
		uv_close((uv_handle_t *)&h->poll, NULL);
	if (h->has_timer)
		uv_close((uv_handle_t *)&h->timer, NULL);
	canary_stop(&h->canary);
	gateway_stop(&h->gateway);
	hostfiles_stop(&h->files);
	hostlog_stop(&h->log);
	audience_dismiss(&h->audience);
}

void host_free(struct host *h)
{
	hostlog_free(&h->log);
	hostfiles_free(&h->files);
	provider_close(h->provider);
}
