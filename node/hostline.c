#include "node/hostline.h"

#include "base/util.h"
#include "node/node.h"
#include "node/socket.h"

#include <stdlib.h>
#include <string.h>

#define GREETING_MS 5000 /* for all of the greeting */

struct written {
	uv_write_t write; /* first */
	uint8_t data[];
};

static void on_closed(uv_handle_t *handle)
{
	struct hostline *line = handle->data;

	if (--line->open_handles > 0)
		return;
	wipe(&line->talk, sizeof(line->talk));
	line->calls->gone(line);
}

void hostline_end(struct hostline *line, enum err err)
{
	if (line->is_ending)
		return;
	line->is_ending = true;
	line->is_open = false;
	uv_close((uv_handle_t *)&line->tcp, on_closed);
	uv_close((uv_handle_t *)&line->timer, on_closed);
	line->calls->ended(line, err);
}

static void on_silence(uv_timer_t *timer)
{
	hostline_end(timer->data, ERR_STALE);
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	free(container_of(write, struct written, write));
}

static void put(struct hostline *line, const void *data, size_t len)
{
	struct written *w = malloc(sizeof(*w) + len);
	uv_buf_t buf;

	if (w == NULL) {
		hostline_end(line, ERR_NOMEM); /* a record left out breaks the channel anyway */
		return;
	}
	memcpy(w->data, data, len);
	buf = uv_buf_init((char *)w->data, (unsigned)len);
	if (uv_write(&w->write, (uv_stream_t *)&line->tcp, &buf, 1, on_written) != 0) {
		free(w);
		hostline_end(line, ERR_IO);
	}
}

void hostline_say(struct hostline *line, const struct inquiry *q)
{
	uint8_t plain[INQUIRY_MAX], sealed[INQUIRY_MAX + CHANNEL_OVERHEAD];
	struct pack p = pack_into(plain, sizeof(plain));

	inquiry_pack(&p, q);
	CHECK(!p.out.is_full && line->is_open);
	put(line, sealed, talk_seal(&line->talk, plain, pack_len(&p), sealed));
}

static struct talk_self self_of(const struct hostline *line)
{
	const struct overlay_self *self = &line->node->keys.self;

	return (struct talk_self){
		.card = &self->card,
		.operational = &self->operational,
		.kx_secret = &self->kx_secret,
		.roots = line->roots,
		.wanted = line->wanted,
		.random = node_random,
		.now = node_now().wall,
	};
}

/* What has come may be a greeting, a record, or several; any of them may end the line. */
static enum err take(struct hostline *line, struct bytes *in)
{
	uint8_t room[TALK_GREETING_MAX];
	struct octets out = octets_of(room, sizeof(room));
	struct talk_self self = self_of(line);
	struct bytes record;
	struct inquiry q;
	enum err err = talk_feed(&line->talk, &self, in, &out, &record);

	if (octets_len(&out) > 0)
		put(line, room, octets_len(&out));
	if (!line->is_ending && !line->is_open && line->talk.state == TALK_OPEN) {
		line->is_open = true;
		line->calls->opened(line);
	}
	if (err == ERR_SHORT)
		return ERR_OK;
	if (err == ERR_OK)
		err = inquiry_open(record, &q);
	if (err == ERR_OK && !line->is_ending) {
		uv_timer_start(&line->timer, on_silence, HOSTLINE_SILENCE_MS, 0);
		line->calls->heard(line, &q);
	}
	return err;
}

static void on_read(uv_stream_t *tcp, ssize_t len, const uv_buf_t *buf)
{
	struct hostline *line = tcp->data;
	struct bytes in = bytes_of(buf->base, len > 0 ? (size_t)len : 0);
	enum err err = len < 0 ? ERR_IO : ERR_OK;

	while (err == ERR_OK && !line->is_ending && bytes_left(&in) > 0)
		err = take(line, &in);
	if (err != ERR_OK)
		hostline_end(line, err);
}

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct hostline *line = handle->data;

	(void)suggested;
	*ret = uv_buf_init(line->buffer, sizeof(line->buffer));
}

static void begin(struct hostline *line)
{
	line->open_handles = 2;
	uv_tcp_init(&line->node->loop, &line->tcp);
	uv_timer_init(&line->node->loop, &line->timer);
	line->tcp.data = line->timer.data = line;
	uv_timer_start(&line->timer, on_silence, GREETING_MS, 0);
}

static enum err knock(struct hostline *line)
{
	uint8_t room[TALK_GREETING_MAX];
	struct octets out = octets_of(room, sizeof(room));
	struct talk_self self = self_of(line);
	enum err err = talk_knock(&line->talk, &self, &out);

	if (err == ERR_OK)
		put(line, room, octets_len(&out));
	return err;
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct hostline *line = connect->handle->data;

	if (status == UV_ECANCELED || line->is_ending)
		return;
	if (status != 0 || uv_read_start((uv_stream_t *)&line->tcp, give_buffer, on_read) != 0 ||
	    knock(line) != ERR_OK)
		hostline_end(line, ERR_IO);
}

void hostline_connect(struct hostline *line, const struct endpoint *to)
{
	union socket_addr a = socket_addr_of(to, false);

	begin(line);
	if (uv_tcp_connect(&line->connect, &line->tcp, &a.any, on_connected) != 0)
		uv_timer_start(&line->timer, on_silence, 0, 0); /* told from the loop */
}

void hostline_accept(struct hostline *line, uv_stream_t *listener)
{
	begin(line);
	talk_listen(&line->talk);
	if (uv_accept(listener, (uv_stream_t *)&line->tcp) != 0 ||
	    uv_read_start((uv_stream_t *)&line->tcp, give_buffer, on_read) != 0)
		hostline_end(line, ERR_IO);
}
