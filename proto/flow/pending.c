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

/* The oldest of the stream, if it has its share already; else of all. */
static size_t victim(const struct pending *p, const struct stream *s)
{
	size_t own = 0, first = 0;

	for (size_t i = p->count; i-- > 0;) {
		if (p->rows[i]->context.stream == s) {
			own++;
			first = i;
		}
	}
	return own >= PENDING_STREAM_MAX ? first : p->count;
}

size_t pending_put(struct pending *p, const struct record_context *c, uint16_t id, struct bytes set)
{
	size_t len = bytes_left(&set), lost = 0, own = victim(p, c->stream);
	struct waiting *w = malloc(sizeof(*w) + len);

	if (w == NULL)
		return 1;
	w->origin = *c->origin;
	w->context = *c;
	w->id = id;
	w->len = len;
	memcpy(w->octets, set.at, len);
	if (own < p->count) {
		drop(p, own);
		lost++;
	}
	while (p->count == PENDING_SETS_MAX ||
	       (p->count > 0 && p->octets + len > PENDING_OCTETS_MAX)) {
		drop(p, 0);
		lost++;
	}
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
