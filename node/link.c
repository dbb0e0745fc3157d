#include "node/link.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/serving.h"
#include "node/streams.h"

#include <time.h>

#define CARDS_SPARE 1024 /* beside the directory's: of questions, sessions, and old ones in use */
#define SLEEP_MS 5000    /* suspended for longer: nobody who knew us may know us still */

static void send_datagram(struct link *l, const struct act *act)
{
	ports_send(&l->ports, &act->to, act->data, act->len);
}

static void serve(struct link *l, const struct act *act)
{
	serving_begin(l->node, act);
}

static void receipt(struct link *l, const struct act *act)
{
	pursuits_receipt(&l->node->pursuits, act);
}

static void reply(struct link *l, const struct act *act)
{
	pursuits_reply(&l->node->pursuits, act);
}

static void finish(struct link *l, const struct act *act)
{
	pursuits_finish(&l->node->pursuits, act);
}

static void keep(struct link *l, const struct act *act)
{
	keeper_act(&l->node->keeper, act);
	if (act->kind == ACT_REMEMBER)
		peers_back(&l->node->peers, &act->card->id);
}

static void keep_number(struct link *l, const struct act *act)
{
	keeper_number_put(&l->node->keeper, act->number);
}

/* Its card stays on disk: the next start finds that it counts no longer, and shows it so. */
static void forget(struct link *l, const struct act *act)
{
	peers_gone(&l->node->peers, act->card);
}

static void connect_stream(struct link *l, const struct act *act)
{
	streams_connect(&l->ports, act->stream, &act->to);
}

static void write_stream(struct link *l, const struct act *act)
{
	streams_write(&l->ports, act->stream, act->data, act->len);
}

static void close_stream(struct link *l, const struct act *act)
{
	streams_close(&l->ports, act->stream);
}

static void tell(struct link *l, const struct act *act)
{
	(void)l;
	if (act->card == NULL)
		log_detail("overlay", "%s", act->text);
	else
		log_detail("overlay", "%s: %s (%s)", act->text, act->card->cert.name,
		           act->card->cert.org);
}

/* clang-format off */
static void (*const carry_out[])(struct link *l, const struct act *act) = {
	[ACT_SEND]     = send_datagram,
	[ACT_SERVE]    = serve,
	[ACT_RECEIPT]  = receipt,
	[ACT_ANSWER]   = reply,
	[ACT_FINISH]   = finish,
	[ACT_REMEMBER] = keep,
	[ACT_FORGET]   = forget,
	[ACT_NOTICE]   = keep,
	[ACT_SEQUENCE] = keep_number,
	[ACT_WINDOW]   = keep,
	[ACT_CONNECT]  = connect_stream,
	[ACT_WRITE]    = write_stream,
	[ACT_CLOSE]    = close_stream,
	[ACT_TELL]     = tell,
};
/* clang-format on */

/* CLOCK_BOOTTIME goes on while the machine sleeps, CLOCK_MONOTONIC does not. */
static uint64_t slept_ms(void)
{
	struct timespec boot, mono;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (uint64_t)((boot.tv_sec - mono.tv_sec) * 1000 +
	                  (boot.tv_nsec - mono.tv_nsec) / 1000000);
}

static void on_timer(uv_timer_t *timer)
{
	struct link *l = timer->data;
	uint64_t slept = slept_ms();

	if (slept >= l->slept_ms + SLEEP_MS) {
		log_line("overlay", "the machine slept for %llu s",
		         (unsigned long long)(slept - l->slept_ms) / 1000);
		overlay_resume(l->overlay, node_now());
	}
	l->slept_ms = slept;
	overlay_expire(l->overlay, node_now());
	link_drive(l);
}

static void arm(struct link *l)
{
	struct mono deadline = overlay_deadline(l->overlay), now = node_now().mono;

	uv_update_time(&l->node->loop);
	if (deadline.ms == MONO_NEVER.ms)
		uv_timer_stop(&l->timer);
	else
		uv_timer_start(&l->timer, on_timer, deadline.ms > now.ms ? deadline.ms - now.ms : 0,
		               0);
}

static void drain(struct link *l)
{
	struct act act;

	if (l->is_driving || l->node->is_stopping)
		return;
	l->is_driving = true;
	while (overlay_next(l->overlay, &act))
		carry_out[act.kind](l, &act);
	l->is_driving = false;
}

void link_datagram(struct link *l, const struct endpoint *from, const void *data, size_t len)
{
	overlay_datagram(l->overlay, node_now(), from, data, len);
	drain(l);
}

void link_drive(struct link *l)
{
	if (l->overlay == NULL || l->node->is_stopping)
		return;
	drain(l);
	arm(l);
}

static struct overlay *make_overlay(struct link *l, uint64_t number)
{
	const struct conf *conf = &l->node->conf;
	struct overlay_options options = {
		.limits = overlay_limits_default,
		.self = l->node->keys.self,
		.roots = conf->roots,
		.random = {.fill = node_random},
		.mode = conf->mode,
		.sequence = number,
	};
	struct overlay *overlay;

	l->cards = cards_new(options.limits.members_max + CARDS_SPARE);
	options.cards = l->cards;
	overlay = l->cards != NULL ? overlay_new(&options) : NULL;
	wipe(&options.self, sizeof(options.self));
	return overlay;
}

enum err link_start(struct link *l, struct node *node)
{
	const struct conf *conf = &node->conf;
	uint64_t number;
	enum err err = keeper_number(&node->keeper, &number);

	l->node = node;
	l->slept_ms = slept_ms();
	if (err != ERR_OK)
		return err;
	l->overlay = make_overlay(l, number);
	if (l->overlay == NULL)
		return ERR_NOMEM;
	uv_timer_init(&node->loop, &l->timer);
	l->timer.data = l;
	l->is_open = true;
	err = ports_start(&l->ports, node);
	if (err == ERR_OK)
		err = keeper_recall(&node->keeper, l->overlay);
	for (size_t i = 0; i < conf->bootstrap_count && err == ERR_OK; i++)
		err = overlay_bootstrap(l->overlay, node_now(), &conf->bootstrap[i]);
	if (err == ERR_OK)
		link_drive(l);
	return err;
}

void link_stop(struct link *l)
{
	if (!l->is_open)
		return;
	ports_stop(&l->ports);
	uv_close((uv_handle_t *)&l->timer, NULL);
}

void link_free(struct link *l)
{
	overlay_free(l->overlay);
	cards_free(l->cards);
	ports_free(&l->ports);
}
