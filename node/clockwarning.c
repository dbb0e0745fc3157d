#include "node/clockwarning.h"

#include "base/util.h"
#include "proto/flow/clock_model.h"
#include "proto/flow/flow.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_HEADERS 4 /* of a capture, which may be short */
#define SECOND_MS 1000
#define EXPORTERS_MAX 64 /* are told apart; of more, streams are counted */

struct looking {
	struct clockwarning *ret;
	int64_t now_ms, bound_ms;
	uint32_t session;
	struct addr exporters[EXPORTERS_MAX]; /* that are off */
};

/* 0: it may be right. */
static int64_t ahead_by_header(const struct stream *s, int64_t bound_ms)
{
	struct clock_estimate e;

	if (s->model.doubts > 0 || clock_model_now(&s->model, s->seen_ms, &e) != ERR_OK ||
	    llabs(e.offset_ms) - e.bound_ms <= bound_ms)
		return 0;
	return -e.offset_ms;
}

static int64_t ahead_by_flows(const struct stream *s, int64_t bound_ms)
{
	bool is_off = s->lag.known_ms > CLOCKWARNING_LAG_MS || s->lag.known_ms < -bound_ms;

	return s->lag.is_known && is_off ? -s->lag.known_ms : 0;
}

static bool is_counted(const struct looking *l, const struct addr *exporter)
{
	for (size_t i = 0; i < MIN(l->ret->count, (size_t)EXPORTERS_MAX); i++) {
		if (addr_equal(&l->exporters[i], exporter))
			return true;
	}
	return false;
}

/* What its headers tell goes before what its flows do. */
static void take(struct looking *l, const struct stream *s, int64_t by_header_ms)
{
	bool is_by_flows = by_header_ms == 0;
	int64_t ahead_ms = is_by_flows ? ahead_by_flows(s, l->bound_ms) : by_header_ms;
	struct clockwarning *w = l->ret;

	if (ahead_ms == 0)
		return;
	if (!is_counted(l, &s->key.from.addr)) {
		if (w->count < EXPORTERS_MAX)
			l->exporters[w->count] = s->key.from.addr;
		w->count++;
	}
	if (llabs(ahead_ms) <= llabs(w->ahead_ms))
		return;
	w->exporter = s->key.from.addr;
	w->ahead_ms = ahead_ms;
	w->is_by_flows = is_by_flows;
}

static bool is_of_file(const struct stream *s)
{
	return s->key.session != 0 && !s->is_connected;
}

static void look(void *ctx, const struct stream *s)
{
	struct looking *l = ctx;

	if (s->leader != NULL || is_of_file(s) || s->key.version == FLOW_SFLOW ||
	    !stream_is_proven(s) || l->now_ms - s->seen_ms > CLOCKWARNING_HEARD_MS)
		return;
	take(l, s, ahead_by_header(s, l->bound_ms));
}

/* A header of whole seconds is less than that too early. */
static int64_t ahead_in_file(const struct stream *s, int64_t bound_ms)
{
	bool is_behind = s->lag.header_ms > bound_ms + SECOND_MS;

	if (s->lag.headers < FILE_HEADERS || (!is_behind && s->lag.header_ms >= -bound_ms))
		return 0;
	return -s->lag.header_ms;
}

static void look_into_files(void *ctx, const struct stream *s)
{
	static const struct addr in_no_capture; /* nor is it known when that came */
	struct looking *l = ctx;

	if (s->leader != NULL || !is_of_file(s) || s->key.version == FLOW_SFLOW ||
	    addr_equal(&s->key.from.addr, &in_no_capture) ||
	    (l->session != 0 && s->key.session != l->session))
		return;
	take(l, s, ahead_in_file(s, l->bound_ms));
}

struct clockwarning clockwarning_of_files(const struct stream_table *streams, uint32_t session,
                                          int64_t bound_ms)
{
	struct clockwarning ret = {.count = 0};
	struct looking looking = {.ret = &ret, .bound_ms = bound_ms, .session = session};

	stream_each(streams, look_into_files, &looking);
	return ret;
}

struct clockwarning clockwarning_of(const struct stream_table *streams, int64_t now_ms,
                                    int64_t bound_ms)
{
	struct clockwarning ret = {.count = 0};
	struct looking looking = {.ret = &ret, .now_ms = now_ms, .bound_ms = bound_ms};

	stream_each(streams, look, &looking);
	return ret;
}

bool clockwarning_text(const struct clockwarning *w, char ret[CLOCKWARNING_TEXT_MAX])
{
	char addr[ADDR_TEXT_MAX], others[40] = "";

	if (w->count == 0)
		return false;
	if (w->count > 1)
		snprintf(others, sizeof(others), ", and %zu more %s off", w->count - 1,
		         w->count == 2 ? "is" : "are");
	snprintf(ret, CLOCKWARNING_TEXT_MAX, "the clock of exporter %s is %lld s %s%s%s",
	         addr_print(&w->exporter, addr), (long long)llabs(w->ahead_ms) / 1000,
	         w->ahead_ms > 0 ? "ahead" : "behind", w->is_by_flows ? ", by its flows" : "",
	         others);
	return true;
}
