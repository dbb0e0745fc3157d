#include "node/link.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/search.h"
#include "node/socket.h"

#include <stdlib.h>
#include <string.h>

/* More at once would only make each slower; the asker is told and comes again. */
#define SEARCHES_MAX 4

struct served {               /* somebody's query on its way through a worker */
	struct search search; /* first */
	uint32_t ticket;
};

static void on_searched(struct search *search)
{
	struct served *served = container_of(search, struct served, search);
	struct node *node = search->node;
	struct overlay *overlay = node->link.overlay;
	enum err err = search->err;

	if (!node->is_stopping) {
		if (err == ERR_OK)
			err = overlay_answer(overlay, node_now(), served->ticket, &search->answer);
		if (err != ERR_OK && err != ERR_NOENT) {
			log_line("link", "a query could not be answered: %s", err_text(err));
			overlay_refuse(overlay, node_now(), served->ticket,
			               err == ERR_LIMIT ? RECEIPT_REFUSED : RECEIPT_BUSY);
		}
		link_drive(&node->link);
	}
	free(served);
}

static void serve(struct link *l, const struct act *act)
{
	struct served *served;

	if (!l->node->conf.is_answering) {
		overlay_refuse(l->overlay, node_now(), act->ticket, RECEIPT_REFUSED);
		return;
	}
	served = l->node->searches < SEARCHES_MAX ? calloc(1, sizeof(*served)) : NULL;
	if (served == NULL) {
		overlay_refuse(l->overlay, node_now(), act->ticket, RECEIPT_BUSY);
		return;
	}
	served->ticket = act->ticket;
	search_start(&served->search, l->node, &act->query->question, on_searched);
}

static void send_datagram(struct link *l, const struct act *act)
{
	union socket_addr to = socket_addr_of(&act->to, l->is_v6);
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)act->data, (unsigned)act->len);

	/* Lost is lost: everything that matters is sent again until acknowledged. */
	(void)uv_udp_try_send(&l->udp, &buf, 1, &to.any);
}

struct remembered {
	struct job job; /* first */
	struct store *store;
	struct id id;
	uint8_t record[18 + CERT_MAX];
	size_t len;
};

static void run_remember(struct job *job)
{
	struct remembered *r = container_of(job, struct remembered, job);

	if (store_member_put(r->store, r->id.octets, r->record, r->len) != ERR_OK)
		r->len = 0;
}

static void done_remember(struct job *job)
{
	struct remembered *r = container_of(job, struct remembered, job);

	if (r->len == 0)
		log_line("link", "a member could not be kept for the next start");
	free(r);
}

/* Record: address 16, port 2, certificate. */
static void remember(struct link *l, const struct act *act)
{
	const struct member *m = act->member;
	struct remembered *r = m != NULL ? calloc(1, sizeof(*r)) : NULL;
	struct octets out;

	if (r == NULL)
		return;
	out = octets_of(r->record, sizeof(r->record));
	octets_put(&out, m->endpoint.addr.octets, sizeof(m->endpoint.addr.octets));
	octets_uint(&out, m->endpoint.port, 2);
	octets_put(&out, m->blob.octets, m->blob.len);
	r->store = l->node->store;
	r->id = m->id;
	r->len = octets_len(&out);
	job_start(&l->node->loop, &r->job, run_remember, done_remember);
}

static void reply(struct link *l, const struct act *act)
{
	trace_reply(&l->node->traces, act->ticket, &act->reply);
}

static void finish(struct link *l, const struct act *act)
{
	trace_finish(&l->node->traces, act->ticket, act->outcomes, act->outcome_count);
}

static void tell(struct link *l, const struct act *act)
{
	char text[ENDPOINT_TEXT_MAX];

	(void)l;
	if (act->member == NULL)
		log_detail("link", "%s", act->text);
	else
		log_detail("link", "%s: %s at %s", act->text, act->member->cert.name,
		           endpoint_print(&act->member->endpoint, text));
}

static void (*const carry_out[])(struct link *l, const struct act *act) = {
	[ACT_SEND] = send_datagram, [ACT_SERVE] = serve,       [ACT_ANSWER] = reply,
	[ACT_FINISH] = finish,      [ACT_REMEMBER] = remember, [ACT_NOTE] = tell,
};

static void on_timer(uv_timer_t *timer)
{
	struct link *l = timer->data;

	overlay_expire(l->overlay, node_now());
	link_drive(l);
}

static void arm(struct link *l)
{
	struct mono deadline = overlay_deadline(l->overlay), now = node_now().mono;

	if (deadline.ms == MONO_NEVER.ms)
		uv_timer_stop(&l->timer);
	else
		uv_timer_start(&l->timer, on_timer, deadline.ms > now.ms ? deadline.ms - now.ms : 0,
		               0);
}

void link_drive(struct link *l)
{
	struct act act;

	if (l->is_driving || l->node->is_stopping)
		return;
	l->is_driving = true;
	while (overlay_next(l->overlay, &act))
		carry_out[act.kind](l, &act);
	l->is_driving = false;
	uv_update_time(&l->node->loop);
	arm(l);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct link *l = handle->data;

	(void)suggested;
	*ret = uv_buf_init(l->buffer, sizeof(l->buffer));
}

static void on_datagram(uv_udp_t *udp, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
	struct link *l = udp->data;
	struct endpoint peer;

	(void)flags;
	if (len <= 0 || !endpoint_of(from, &peer))
		return;
	overlay_datagram(l->overlay, node_now(), &peer, buf->base, (size_t)len);
	link_drive(l);
}

/* A member of an earlier run; one that no longer verifies is left out, and stays on disk. */
static void recall(void *ctx, const uint8_t id[32], const void *record, size_t len)
{
	struct bytes in = bytes_of(record, len);
	struct endpoint endpoint;
	struct link *l = ctx;
	enum err err;

	(void)id;
	bytes_copy(&in, endpoint.addr.octets, sizeof(endpoint.addr.octets));
	endpoint.port = (uint16_t)bytes_uint(&in, 2);
	err = overlay_remember(l->overlay, node_now(), &endpoint, in.at, bytes_left(&in));
	if (err != ERR_OK)
		log_detail("link", "a remembered member is left out: %s", err_text(err));
}

enum err link_start(struct link *l, struct node *node)
{
	const struct conf *conf = &node->conf;
	struct overlay_random random = {.fill = node_random};
	enum err err = ERR_OK;

	l->node = node;
	l->is_v6 = !addr_is_v4(&conf->overlay_listen.addr);
	l->overlay = overlay_new(&overlay_limits_default, &conf->self, random);
	if (l->overlay == NULL)
		return ERR_NOMEM;
	uv_udp_init(&node->loop, &l->udp);
	uv_timer_init(&node->loop, &l->timer);
	l->udp.data = l->timer.data = l;
	l->is_open = true;
	if (socket_bind(&l->udp, &conf->overlay_listen, "link") != ERR_OK ||
	    uv_udp_recv_start(&l->udp, give_buffer, on_datagram) != 0)
		return ERR_IO;
	for (size_t i = 0; i < conf->bootstrap_count && err == ERR_OK; i++)
		err = overlay_bootstrap(l->overlay, node_now(), &conf->bootstrap[i]);
	if (err == ERR_OK)
		err = store_member_each(node->store, recall, l);
	if (err == ERR_OK)
		arm(l);
	return err;
}

void link_stop(struct link *l)
{
	if (!l->is_open)
		return;
	uv_close((uv_handle_t *)&l->udp, NULL);
	uv_close((uv_handle_t *)&l->timer, NULL);
}

void link_free(struct link *l)
{
	overlay_free(l->overlay);
}
