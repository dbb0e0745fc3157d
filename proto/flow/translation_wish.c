#include "proto/flow/translation_wish.h"

static const struct addr anybody;

static bool is_wanted(const struct addr *a, const struct endpoint *wanted)
{
	return addr_equal(a, &wanted->addr);
}

static bool is_inside(const struct mapping *m, const struct endpoint *wanted)
{
	return is_wanted(&m->inside.addr, wanted) &&
	       (wanted->port == 0 || m->inside.port == wanted->port || mapping_is_block(m));
}

static bool is_outside(const struct mapping *m, const struct endpoint *wanted)
{
	return is_wanted(&m->outside.addr, wanted) &&
	       (wanted->port == 0 || (m->first <= wanted->port && wanted->port <= m->last));
}

static bool is_with(const struct mapping *m, const struct endpoint *wanted)
{
	return addr_equal(&m->peer.addr, &anybody) ||
	       (is_wanted(&m->peer.addr, wanted) &&
	        (wanted->port == 0 || m->peer.port == 0 || m->peer.port == wanted->port));
}

static struct interval life_of(const struct mapping *m)
{
	return (struct interval){m->start_ms, m->is_open ? INT64_MAX : m->end_ms};
}

bool translation_wish_is_met(const struct translation_wish *w, const struct mapping *m)
{
	bool is_any = addr_equal(&w->end.addr, &anybody);
	bool is_any_peer = addr_equal(&w->peer.addr, &anybody);

	return (is_any || is_inside(m, &w->end) || is_outside(m, &w->end)) &&
	       (is_any_peer || is_with(m, &w->peer)) &&
	       (w->proto == 0 || m->proto == 0 || m->proto == w->proto) &&
	       interval_overlaps(w->when, life_of(m));
}
