#include "proto/flow/pending.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

struct waiting {
	struct flow_origin origin;
	struct record_context context; /* its origin is the one above */
	uint16_t id;
	size_t len;
	uint8_t octets[];
};

struct pending {
	struct waiting *rows[PENDING_SETS_MAX]; /* oldest first */
	size_t count, octets;
};

struct pending *pending_new(void)
{
	return calloc(1, sizeof(struct pending));
}

static void drop(struct pending *p, size_t at)
{
	p->octets -= p->rows[at]->len;
	free(p->rows[at]);
	p->count--;
	memmove(&p->rows[at], &p->rows[at + 1], (p->count - at) * sizeof(p->rows[0]));
}

void pending_free(struct pending *p)
{
	while (p != NULL && p->count > 0)
		drop(p, p->count - 1);
	free(p);
}

struct share { /* of a stream */
	size_t sets, octets, first;
};

static struct share share_of(const struct pending *p, const struct stream *s)
{
	struct share share = {.first = p->count};

	for (size_t i = p->count; i-- > 0;) {
		if (p->rows[i]->context.stream != s)
			continue;
		share.sets++;
		share.octets += p->rows[i]->len;
		share.first = i;
	}
	return share;
}

bool pending_has_room(const struct pending *p, const struct stream *s, size_t len)
{
	struct share share = share_of(p, s);

	return share.sets < PENDING_STREAM_MAX && share.octets + len <= PENDING_STREAM_OCTETS &&
	       p->count < PENDING_SETS_MAX && p->octets + len <= PENDING_OCTETS_MAX;
}

static void lose(struct pending *p, size_t at, size_t *lost)
{
	p->rows[at]->context.stream->untold++;
	drop(p, at);
	++*lost;
}

size_t pending_put(struct pending *p, const struct record_context *c, uint16_t id, struct bytes set)
{
	size_t len = bytes_left(&set), lost = 0;
	struct share share = share_of(p, c->stream);
	struct waiting *w =
		len > 0 && len <= PENDING_STREAM_OCTETS ? malloc(sizeof(*w) + len) : NULL;

	if (w == NULL) {
		c->stream->untold += len > 0;
		return len > 0;
	}
	w->origin = *c->origin;
	w->context = *c;
	w->id = id;
	w->len = len;
	memcpy(w->octets, set.at, len);
	while (share.sets >= PENDING_STREAM_MAX || share.octets + len > PENDING_STREAM_OCTETS) {
		lose(p, share.first, &lost); /* its own, before anybody else's */
		share = share_of(p, c->stream);
	}
	while (p->count == PENDING_SETS_MAX ||
	       (p->count > 0 && p->octets + len > PENDING_OCTETS_MAX))
		lose(p, 0, &lost);
	p->rows[p->count++] = w;
	p->octets += len;
	return lost;
}

void pending_take(struct pending *p, struct stream *s, uint16_t id, pending_fn *fn, void *ctx)
{
	for (size_t i = 0; i < p->count;) {
		struct waiting *w = p->rows[i];

		if (w->context.stream != s || w->id != id) {
			i++;
			continue;
		}
		w->context.origin = &w->origin;
		fn(ctx, &w->context, bytes_of(w->octets, w->len));
		drop(p, i);
	}
}

size_t pending_of_session(const struct pending *p, uint32_t session)
{
	size_t count = 0;

	for (size_t i = 0; i < p->count; i++)
		count += p->rows[i]->origin.session == session;
	return count;
}

bool pending_at(const struct pending *p, size_t i, struct stream **ret_stream, uint16_t *ret_id)
{
	if (i >= p->count)
		return false;
	*ret_stream = p->rows[i]->context.stream;
	*ret_id = p->rows[i]->id;
	return true;
}

size_t pending_count(const struct pending *p, const struct stream *s)
{
	return share_of(p, s).sets;
}

size_t pending_forget(struct pending *p, const struct stream *s)
{
	size_t lost = 0;

	for (size_t i = p->count; i-- > 0;) {
		if (p->rows[i]->context.stream == s) {
			drop(p, i);
			lost++;
		}
	}
	return lost;
}
