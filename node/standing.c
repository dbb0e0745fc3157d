#include "node/standing.h"

#include "base/util.h"
#include "correlate/fingerprint.h"
#include "correlate/score.h"
#include "node/skews.h"
#include "proto/wire/intervals.h"
#include "proto/wire/pack.h"

#include <string.h>

#define WATCH_VERSION 3
#define WATCH_FIELDS 24
#define FOUND_VERSION 1
#define FOUND_FIELDS 20
#define SPAN_MAX_MS INTERVALS_SPAN_MAX_MS

/* Of a watch, the newest last. */
static const struct form {
	uint64_t version;
	size_t fields;
	bool is_by_exporter; /* its target's times are */
	bool has_side;
} forms[] = {
	{1, 22, true, false}, {2, 21, false, false}, {WATCH_VERSION, WATCH_FIELDS, false, true}};

static void put_view(struct pack *p, const struct addr *exporter, uint32_t low, uint32_t high)
{
	pack_bin(p, exporter->octets, sizeof(exporter->octets));
	pack_uint(p, low);
	pack_uint(p, high);
}

static void read_view(struct unpack *u, struct addr *exporter, uint32_t *low, uint32_t *high)
{
	unpack_fixed(u, exporter->octets, sizeof(exporter->octets));
	*low = (uint32_t)unpack_uint(u, UINT32_MAX);
	*high = (uint32_t)unpack_uint(u, UINT32_MAX);
}

static void put_ends(struct pack *p, const struct endpoint *src, const struct endpoint *dst,
                     uint8_t proto, bool is_open)
{
	pack_endpoint(p, src);
	pack_endpoint(p, dst);
	pack_uint(p, proto);
	pack_bool(p, is_open);
}

static void read_ends(struct unpack *u, struct endpoint *src, struct endpoint *dst, uint8_t *proto,
                      bool *is_open)
{
	*src = unpack_endpoint(u);
	*dst = unpack_endpoint(u);
	*proto = (uint8_t)unpack_uint(u, UINT8_MAX);
	*is_open = unpack_bool(u);
}

static void put_target(struct pack *p, const struct connection *c, unsigned lost)
{
	const struct fingerprint rhythm = {c->on, c->on_count, c->gap_ms};
	struct interval on[QUERY_INTERVALS_MAX];
	uint8_t octets[STANDING_MAX / 8 * 7];
	struct octets out = octets_of(octets, sizeof(octets));
	int64_t closed_ms;
	size_t count = fingerprint_coarsen(&rhythm, QUERY_INTERVALS_MAX, on, &closed_ms);

	intervals_put(&out, on, count);
	put_view(p, &c->view.exporter, c->view.if_low, c->view.if_high);
	put_ends(p, &c->src, &c->dst, c->proto, connection_is_open(c));
	pack_int(p, c->low_ms);
	pack_int(p, c->high_ms);
	pack_uint(p, lost);
	pack_uint(p, (uint64_t)closed_ms);
	pack_bin(p, octets, octets_len(&out));
	p->out.is_full = p->out.is_full || out.is_full;
}

size_t standing_pack(const struct standing *s, const struct connection *target,
                     uint8_t room[STANDING_MAX])
{
	struct pack p = pack_into(room, STANDING_MAX);

	pack_array(&p, WATCH_FIELDS);
	pack_uint(&p, WATCH_VERSION);
	pack_int(&p, s->begun_ms);
	pack_int(&p, s->until_ms);
	pack_uint(&p, (uint64_t)s->every_ms);
	pack_uint(&p, (uint64_t)s->timeout_ms);
	pack_uint(&p, (uint64_t)s->gap_ms);
	pack_uint(&p, s->severity);
	pack_bool(&p, s->is_over);
	pack_uint(&p, s->passes);
	pack_int(&p, s->asked_ms);
	pack_uint(&p, s->asked);
	pack_uint(&p, s->answered);
	put_target(&p, target, s->lost);
	return p.out.is_full ? 0 : pack_len(&p);
}

/* What can be reckoned with. */
static bool is_time(int64_t ms)
{
	return ms >= -INT64_MAX / 4 && ms <= INT64_MAX / 4;
}

static void move(struct interval *on, size_t count, int64_t by_ms)
{
	for (size_t i = 0; i < count; i++) {
		on[i].start_ms += by_ms;
		on[i].end_ms += by_ms;
	}
}

/* What its exporter is known for. Before that was kept, as if nothing were known. */
static void read_side(struct unpack *u, const struct form *form, struct connection *c,
                      unsigned *ret_lost)
{
	const struct score_clock *unknown = &score_defaults.target;
	int64_t low_ms = -unknown->bound_ms, high_ms = unknown->bound_ms;

	*ret_lost = (unsigned)(unknown->loss * 1e3 + 0.5);
	if (form->has_side) {
		low_ms = unpack_int(u);
		high_ms = unpack_int(u);
		*ret_lost = (unsigned)unpack_uint(u, QUERY_LOST_MAX);
	}
	if (low_ms > 0 || low_ms < -2 * SKEWS_BOUND_MAX_MS || high_ms < 0 ||
	    high_ms > 2 * SKEWS_BOUND_MAX_MS) {
		u->is_wrong = true;
		return;
	}
	c->low_ms = (int16_t)low_ms;
	c->high_ms = (int16_t)high_ms;
}

static void read_target(struct unpack *u, struct connection *c, const struct form *form,
                        unsigned *ret_lost, struct interval room[QUERY_INTERVALS_MAX])
{
	int64_t ahead_ms = 0;
	bool is_open;
	struct bytes on;

	read_view(u, &c->view.exporter, &c->view.if_low, &c->view.if_high);
	read_ends(u, &c->src, &c->dst, &c->proto, &is_open);
	c->tcp_flags = is_open ? 0 : FLOW_TCP_FIN;
	read_side(u, form, c, ret_lost);
	if (form->is_by_exporter)
		ahead_ms = unpack_int(u);
	c->gap_ms = (int64_t)unpack_uint(u, SPAN_MAX_MS);
	on = unpack_bin(u);
	if (u->is_wrong || ahead_ms < -(int64_t)SPAN_MAX_MS || ahead_ms > (int64_t)SPAN_MAX_MS ||
	    intervals_get(on, c->gap_ms, room, QUERY_INTERVALS_MAX, &c->on_count) != ERR_OK ||
	    !is_time(room[0].start_ms) || room[0].start_ms < ahead_ms) {
		u->is_wrong = true;
		return;
	}
	move(room, c->on_count, -ahead_ms);
	c->on = room;
}

/* Up to and with the version; the newest form says what is wrong with one of none. */
static enum err begin_watch(struct unpack *u, const struct form **ret)
{
	const struct unpack before = *u;
	enum err err = ERR_VERSION;

	for (size_t i = 0; i < ARRAY_LEN(forms) && err != ERR_OK; i++) {
		*u = before;
		*ret = &forms[i];
		err = unpack_version(u, forms[i].version, forms[i].fields);
	}
	return err;
}

enum err standing_read(struct bytes in, struct standing *ret, struct connection *ret_target,
                       struct interval room[QUERY_INTERVALS_MAX])
{
	struct unpack u = {.in = in};
	struct connection target = {0};
	struct standing s;
	uint64_t severity;
	const struct form *form;
	enum err err = begin_watch(&u, &form);

	if (err != ERR_OK)
		return err;
	s.begun_ms = unpack_int(&u);
	s.until_ms = unpack_int(&u);
	s.every_ms = (int64_t)unpack_uint(&u, SPAN_MAX_MS);
	s.timeout_ms = (int64_t)unpack_uint(&u, SPAN_MAX_MS);
	s.gap_ms = (int64_t)unpack_uint(&u, SPAN_MAX_MS);
	severity = unpack_uint(&u, SEVERITY_END - 1);
	s.severity = (enum severity)severity;
	s.is_over = unpack_bool(&u);
	s.passes = unpack_uint(&u, UINT32_MAX);
	s.asked_ms = unpack_int(&u);
	s.asked = unpack_uint(&u, UINT32_MAX);
	s.answered = unpack_uint(&u, UINT32_MAX);
	read_target(&u, &target, form, &s.lost, room);
	if (!unpack_done(&u) || !is_time(s.begun_ms) || !is_time(s.until_ms) ||
	    (s.asked_ms != STANDING_NEVER && !is_time(s.asked_ms)) || s.every_ms == 0 ||
	    s.timeout_ms == 0)
		return ERR_FORMAT;
	*ret = s;
	*ret_target = target;
	return ERR_OK;
}

size_t standing_pack_found(uint32_t watch, const struct discovery *f, uint8_t room[STANDING_MAX])
{
	const struct finding *finding = &f->finding;
	struct pack p = pack_into(room, STANDING_MAX);

	pack_array(&p, FOUND_FIELDS);
	pack_uint(&p, FOUND_VERSION);
	pack_uint(&p, watch);
	pack_int(&p, f->at_ms);
	pack_bool(&p, f->is_significant);
	pack_real(&p, finding->score);
	pack_real(&p, f->p_value);
	pack_bin(&p, f->query.octets, sizeof(f->query.octets));
	pack_bin(&p, f->member.octets, sizeof(f->member.octets));
	pack_str(&p, f->node);
	pack_str(&p, f->org);
	put_view(&p, &finding->exporter, finding->if_low, finding->if_high);
	put_ends(&p, &finding->src, &finding->dst, finding->proto, finding->is_open);
	pack_int(&p, finding->life.start_ms);
	pack_int(&p, finding->life.end_ms);
	pack_uint(&p, finding->silences);
	CHECK(!p.out.is_full);
	return pack_len(&p);
}

enum err standing_read_found(struct bytes in, uint32_t *ret_watch, struct discovery *ret)
{
	struct unpack u = {.in = in};
	struct discovery f = {0};
	struct finding *finding = &f.finding;
	enum err err = unpack_version(&u, FOUND_VERSION, FOUND_FIELDS);
	uint32_t watch;

	if (err != ERR_OK)
		return err;
	watch = (uint32_t)unpack_uint(&u, UINT32_MAX);
	f.at_ms = unpack_int(&u);
	f.is_significant = unpack_bool(&u);
	finding->score = unpack_real(&u);
	f.p_value = unpack_real(&u);
	unpack_fixed(&u, f.query.octets, sizeof(f.query.octets));
	unpack_fixed(&u, f.member.octets, sizeof(f.member.octets));
	unpack_str(&u, f.node, sizeof(f.node));
	unpack_str(&u, f.org, sizeof(f.org));
	read_view(&u, &finding->exporter, &finding->if_low, &finding->if_high);
	read_ends(&u, &finding->src, &finding->dst, &finding->proto, &finding->is_open);
	finding->life.start_ms = unpack_int(&u);
	finding->life.end_ms = unpack_int(&u);
	finding->silences = (uint32_t)unpack_uint(&u, UINT32_MAX);
	if (!unpack_done(&u) || !is_time(f.at_ms) || finding->life.start_ms > finding->life.end_ms)
		return ERR_FORMAT;
	*ret_watch = watch;
	*ret = f;
	return ERR_OK;
}

struct id standing_found_id(uint32_t watch, const struct public_key *member,
                            const struct finding *f)
{
	uint8_t room[160];
	struct pack p = pack_into(room, sizeof(room));

	pack_uint(&p, watch);
	pack_bin(&p, member->octets, sizeof(member->octets));
	put_view(&p, &f->exporter, f->if_low, f->if_high);
	put_ends(&p, &f->src, &f->dst, f->proto, false);
	CHECK(!p.out.is_full);
	return digest("spoor watch found 1", room, pack_len(&p));
}
