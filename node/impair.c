#include "node/impair.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/node.h"

#include <stdlib.h>
#include <string.h>

struct impaired {
	uv_timer_t timer; /* first */
	struct impaired *next, **link;
	impair_send_fn *send;
	void *ctx;
	struct endpoint to;
	size_t len;
	uint8_t data[];
};

static bool parse_share(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return end != text && *end == '\0' && *ret >= 0 && *ret <= 1;
}

static bool parse_part(const char *part, struct impair *ret)
{
	if (strncmp(part, "delay=", 6) == 0)
		return duration_parse(part + 6, &ret->delay_ms) == ERR_OK;
	if (strncmp(part, "jitter=", 7) == 0)
		return duration_parse(part + 7, &ret->jitter_ms) == ERR_OK;
	return strncmp(part, "loss=", 5) == 0 && parse_share(part + 5, &ret->loss);
}

enum err impair_parse(const char *text, struct impair *ret)
{
	struct impair impair = {0};
	char room[128], *rest = room, *part;

	if (strlen(text) >= sizeof(room))
		return ERR_FORMAT;
	strcpy(room, text);
	while ((part = strsep(&rest, ",")) != NULL) {
		if (!parse_part(part, &impair))
			return ERR_FORMAT;
	}
	*ret = impair;
	return ERR_OK;
}

bool impair_is_on(const struct impair *impair)
{
	return impair->delay_ms > 0 || impair->jitter_ms > 0 || impair->loss > 0;
}

static double draw(void)
{
	uint32_t word;

	node_random(NULL, &word, sizeof(word));
	return word / 4294967296.0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void drop(struct impaired *i)
{
	*i->link = i->next;
	if (i->next != NULL)
		i->next->link = i->link;
	uv_close((uv_handle_t *)&i->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct impaired *i = container_of(timer, struct impaired, timer);

	i->send(i->ctx, &i->to, i->data, i->len);
	drop(i);
}

void impair_send(const struct impair *impair, struct impaired **list, uv_loop_t *loop,
                 impair_send_fn *send, void *ctx, const struct endpoint *to, const void *data,
                 size_t len)
{
	double wait_ms = (double)impair->delay_ms + draw() * (double)impair->jitter_ms;
	struct impaired *i = draw() < impair->loss ? NULL : malloc(sizeof(*i) + len);

	if (i == NULL)
		return;
	*i = (struct impaired){.next = *list, .link = list, .send = send, .ctx = ctx, .to = *to};
	i->len = len;
	memcpy(i->data, data, len);
	if (i->next != NULL)
		i->next->link = &i->next;
	*list = i;
	uv_timer_init(loop, &i->timer);
	uv_timer_start(&i->timer, on_timer, (uint64_t)wait_ms, 0);
}

void impair_stop(struct impaired *list)
{
	while (list != NULL) {
		struct impaired *next = list->next;

		drop(list);
		list = next;
	}
}
