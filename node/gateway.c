#include "node/gateway.h"

#include "base/util.h"
#include "node/hostline.h"
#include "node/log.h"
#include "node/node.h"

#include <stdlib.h>

#define TRY_MS 1000
#define TRY_MAX_SHIFT 5 /* 32 s between two tries */

static void on_timer(uv_timer_t *timer);

static struct gateway *gateway_of(struct hostline *line)
{
	return &line->node->host.gateway;
}

static void say_alive(struct gateway *g)
{
	struct checkpoint_blob blob;
	struct inquiry q = {.kind = INQUIRY_ALIVE};

	hostlog_checkpoint(&g->node->host.log, &blob);
	q.octets = bytes_of(blob.octets, blob.len);
	hostline_say(g->line, &q);
}

static void on_opened(struct hostline *line)
{
	struct gateway *g = gateway_of(line);
	const struct cert *cert = &line->talk.peer.cert;

	log_line("gateway", "connected to %s (%s)", cert->name, cert->org);
	g->tries = 0;
	g->err = ERR_OK;
	say_alive(g); /* a first record is this host's proof */
	uv_timer_start(&g->timer, on_timer, HOSTLINE_ALIVE_MS, HOSTLINE_ALIVE_MS);
}

/* The log takes its time: the line may be another by then, or none. */
struct asking {
	struct gateway *gateway;
	struct hostline *line;
};

static void on_told(void *ctx, const struct inquiry *told)
{
	struct asking *asking = ctx;
	struct gateway *g = asking->gateway;

	if (g->line != NULL && g->line == asking->line && g->line->is_open) {
		g->told += told->state == INQUIRY_FOUND;
		hostline_say(g->line, told);
	}
	free(asking);
}

static void on_asked(struct gateway *g, const struct inquiry *q)
{
	struct inquiry narrowed = *q;
	struct inquiry refused = {
		.kind = INQUIRY_TOLD, .number = q->number, .state = INQUIRY_REFUSED};
	struct asking *asking;

	g->asked++;
	narrowed.shown = MIN(q->shown, g->node->conf.shown);
	asking = narrowed.shown > 0 ? malloc(sizeof(*asking)) : NULL;
	if (asking == NULL) {
		hostline_say(g->line, &refused);
		return;
	}
	*asking = (struct asking){g, g->line};
	hostlog_ask(&g->node->host.log, &narrowed, on_told, asking);
}

static void on_heard(struct hostline *line, const struct inquiry *q)
{
	if (q->kind == INQUIRY_ASK)
		on_asked(gateway_of(line), q);
	else if (q->kind != INQUIRY_ALIVE)
		hostline_end(line, ERR_FORMAT);
}

static void on_ended(struct hostline *line, enum err err)
{
	struct gateway *g = gateway_of(line);
	char text[ENDPOINT_TEXT_MAX];

	g->line = NULL;
	if (line->node->is_stopping)
		return;
	if (err != g->err)
		log_line("gateway", "no connection to the node at %s: %s",
		         endpoint_print(&line->node->conf.gateway, text), err_text(err));
	g->err = err;
	uv_timer_start(&g->timer, on_timer, (uint64_t)TRY_MS << MIN(g->tries, TRY_MAX_SHIFT), 0);
	g->tries++;
}

static void on_gone(struct hostline *line)
{
	free(line);
}

static const struct hostline_calls calls = {on_opened, on_heard, on_ended, on_gone};

static void on_timer(uv_timer_t *timer)
{
	struct gateway *g = timer->data;
	struct hostline *line;

	if (g->line != NULL) {
		if (g->line->is_open)
			say_alive(g);
		return;
	}
	line = calloc(1, sizeof(*line));
	if (line == NULL) {
		uv_timer_start(timer, on_timer, TRY_MS, 0);
		return;
	}
	line->node = g->node;
	line->calls = &calls;
	line->roots = &g->node->conf.roots;
	line->wanted = &g->node->conf.gateway_id;
	g->line = line;
	hostline_connect(line, &g->node->conf.gateway);
}

void gateway_start(struct gateway *g, struct node *node)
{
	g->node = node;
	uv_timer_init(&node->loop, &g->timer);
	g->timer.data = g;
	g->is_open = true;
	uv_timer_start(&g->timer, on_timer, 0, 0);
}

void gateway_stop(struct gateway *g)
{
	if (!g->is_open)
		return;
	uv_close((uv_handle_t *)&g->timer, NULL);
	if (g->line != NULL)
		hostline_end(g->line, ERR_OK);
}

void gateway_again(struct gateway *g)
{
	if (g->line != NULL)
		hostline_end(g->line, ERR_STALE);
}

bool gateway_is_connected(const struct gateway *g)
{
	return g->line != NULL && g->line->is_open;
}
