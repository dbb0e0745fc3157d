#include "node/audience.h"

#include "node/row.h"

#include <stdlib.h>

#define WAITING_MAX 4096 /* rows on their way to one who reads slowly */

struct listener {
	struct listener *next;
	struct client *client;
	uint32_t topic;
	size_t waiting;  /* rows on their way, and one hold of our own */
	uint64_t missed; /* rows left out since the last one sent */
};

static void put(void *ctx)
{
	struct listener *l = ctx;

	if (--l->waiting > 0)
		return;
	client_put(l->client);
	free(l);
}

enum err audience_join(struct audience *a, struct client *client, uint32_t topic)
{
	struct listener *l;
	size_t count = 0;

	for (l = a->first; l != NULL; l = l->next)
		count += !client_is_gone(l->client);
	if (count >= AUDIENCE_MAX)
		return ERR_LIMIT;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return ERR_NOMEM;
	l->client = client_hold(client);
	l->topic = topic;
	l->waiting = 1;
	l->next = a->first;
	a->first = l;
	return ERR_OK;
}

void audience_refuse(struct client *client, enum err err)
{
	if (err == ERR_LIMIT)
		client_end(client, CTL_DENIED, "%d listen already, which is the most",
		           AUDIENCE_MAX);
	else
		client_end(client, CTL_INTERNAL, "%s", err_text(err));
}

static void send_row(struct listener *l, const void *row, size_t len)
{
	l->waiting++;
	client_send(l->client, "row", row, len, put, l);
}

static void say_missed(struct listener *l)
{
	uint8_t room[64];
	struct pack p = pack_into(room, sizeof(room));

	pack_map(&p, 2);
	row_str(&p, "kind", "missed");
	row_uint(&p, "records", l->missed);
	l->missed = 0;
	send_row(l, room, pack_len(&p));
}

static void tell(struct listener *l, const void *row, size_t len)
{
	if (l->waiting >= WAITING_MAX) {
		l->missed++;
		return;
	}
	if (l->missed > 0)
		say_missed(l);
	send_row(l, row, len);
}

void audience_tend(struct audience *a,
                   bool (*is_over)(void *ctx, struct client *client, uint32_t topic), void *ctx)
{
	struct listener **link = &a->first;

	while (*link != NULL) {
		struct listener *l = *link;

		if (client_is_gone(l->client) ||
		    (is_over != NULL && is_over(ctx, l->client, l->topic))) {
			*link = l->next;
			put(l);
		} else {
			link = &l->next;
		}
	}
}

void audience_tell(struct audience *a, uint32_t topic, const void *row, size_t len)
{
	audience_tend(a, NULL, NULL);
	for (struct listener *l = a->first; l != NULL; l = l->next) {
		if (l->topic == AUDIENCE_ALL || l->topic == topic)
			tell(l, row, len);
	}
}

static bool always(void *ctx, struct client *client, uint32_t topic)
{
	(void)ctx;
	(void)client;
	(void)topic;
	return true;
}

void audience_dismiss(struct audience *a)
{
	audience_tend(a, always, NULL);
}
