#include "proto/flow/sets.h"

#include "base/util.h"
#include "proto/flow/event.h"
#include "proto/flow/kin.h"
#include "proto/flow/nsel.h"
#include "proto/flow/pending.h"

#include <string.h>

#define SET_HEADER 4
#define DOUBT_MS 60000

struct work { /* on one message */
	struct flow_decoder *d;
	const struct record_context *c;
	const struct sets_format *format;
	struct flow_batch *out;
	struct sets_sum sum;
	const struct template *waited; /* the one for which sets have waited */
	bool is_cut;                   /* the set at hand is longer than what is there of it */
};

static void count_part(struct flow_decoder *d, enum drop drop)
{
	d->counters.dropped[drop]++;
}

/* --- records --- */

/* The octets without the zeros at their end: some fill up with them. Looked for once. */
static struct bytes trimmed(struct bytes b)
{
	while (b.end > b.at && b.end[-1] == 0)
		b.end--;
	return b;
}

static bool is_zero(struct bytes b)
{
	b = trimmed(b);
	return b.at == b.end;
}

/* To a multiple of four octets, whatever they are: a set's header has four itself. */
static bool fills_up(struct bytes rest, size_t set_len)
{
	return bytes_left(&rest) < 4 && set_len % 4 == 0;
}

/* Is what no record has room for padding? */
static bool fits(const struct template *t, struct bytes set)
{
	size_t len = bytes_left(&set);

	if (t->is_variable)
		return true; /* only reading tells */
	set.at += len - len % t->min_len;
	return is_zero(set) || fills_up(set, len);
}

/* Most records say nothing of translations. False: no memory. */
static bool take_event(const struct record_context *c, const struct values *v,
                       struct flow_batch *out)
{
	struct translation *event;

	if (v->nat_event == 0 && v->firewall_event == 0 && v->has_start == v->has_end)
		return true;
	event = flow_batch_event_room(out);
	if (event != NULL)
		out->event_count += event_read(c, v, event);
	return event != NULL;
}

/* What the record of these flows says beside them, of each; false: no memory. */
static bool say(const struct values *v, size_t first, size_t count, struct flow_batch *out)
{
	struct flow_said said = {.nat_event = v->nat_event, .firewall_event = v->firewall_event};

	said.is_block = event_block(v, &said.port_first, &said.port_last);
	if (said.nat_event == 0 && said.firewall_event == 0 && !said.is_block)
		return true;
	for (said.flow = first; said.flow < first + count; said.flow++) {
		struct flow_said *room = flow_batch_said_room(out);

		if (room == NULL)
			return false;
		*room = said;
		out->said_count++;
	}
	return true;
}

/* False: there is no memory for what it says. */
static bool take_record(struct flow_decoder *d, const struct record_context *c,
                        const struct template *t, struct values *v, struct bytes record,
                        bool is_padding, struct flow_batch *out)
{
	size_t events = out->event_count;
	struct flow *room;
	enum drop drop;
	size_t count;

	if (t->is_options) {
		record_options(c, v, d);
		if (d->options != NULL && !is_padding)
			d->options(d->options_ctx, c->origin, c->stream, t, record);
		return true;
	}
	if (is_padding)
		return true; /* it says nothing */
	room = flow_batch_room(out, 2);
	if (room == NULL || !take_event(c, v, out))
		return false;
	if (v->firewall_event != 0 && !d->is_verbatim)
		nsel_correct(d->nsel, c->stream, v);
	drop = record_flows(c, v, room, &count, d);
	if (drop == DROP_ENDS && out->event_count > events)
		drop = DROP_NONE; /* what was said is taken */
	if (drop != DROP_NONE)
		count_part(d, drop);
	if (d->is_verbatim && !say(v, out->count, count, out))
		return false;
	out->count += count;
	return true;
}

/* How many records the set has; `ret_is_whole`: to its end. Of one that is cut off, the whole ones.
 */
static uint32_t read_records(struct flow_decoder *d, const struct record_context *c,
                             const struct template *t, struct bytes in, bool is_cut,
                             struct flow_batch *out, bool *ret_is_whole)
{
	const uint8_t *last = trimmed(in).end;
	size_t set_len = bytes_left(&in);
	uint32_t records = 0;
	struct values v, back;

	*ret_is_whole = is_cut || fits(t, in) || (d->is_verbatim && t->has_empty);
	if (!*ret_is_whole) {
		count_part(d, DROP_STALE);
		return 0;
	}
	while (bytes_left(&in) >= t->min_len && !(t->is_variable && in.at >= last)) {
		bool is_padding = in.at >= last;
		struct bytes record = in;

		if (record_read(t, &in, &v, &back) != ERR_OK)
			break;
		records++;
		record.end = in.at;
		if (bytes_left(&v.list) > 0)
			record_lists(c, &v, &back);
		if (!take_record(d, c, t, &v, record, is_padding, out)) {
			count_part(d, DROP_MEMORY);
			return records;
		}
	}
	if (is_cut || in.is_short || (in.at < last && !fills_up(in, set_len))) {
		*ret_is_whole = false;
		count_part(d, DROP_SET);
	}
	return records;
}

static void read_waiting(void *ctx, const struct record_context *c, struct bytes set)
{
	struct work *w = ctx;
	size_t before = w->out->count;
	bool is_whole;

	(void)read_records(w->d, c, w->waited, set, false, w->out, &is_whole);
	if (w->c == NULL || c->stream != w->c->stream)
		c->stream->flows += w->out->count - before; /* else with the message's */
}

/* --- templates in doubt --- */

void sets_doubt(struct stream *s, int64_t now_ms)
{
	for (size_t i = 0; i < template_count(s->templates); i++)
		template_at(s->templates, i)->is_doubted = true;
	s->doubted_ms = now_ms;
}

/* May its records be read by now? One in doubt is believed when nobody has told it for long. */
static bool is_sound(const struct stream *s, struct template *t, int64_t now_ms)
{
	if (t->is_doubted &&
	    (now_ms - s->doubted_ms >= DOUBT_MS || now_ms < s->doubted_ms - DOUBT_MS))
		t->is_doubted = false;
	return !t->is_doubted;
}

void sets_release(struct flow_decoder *d, uint32_t session, struct flow_batch *out)
{
	struct work w = {.d = d, .out = out};
	struct stream *s;
	struct template *t;
	uint16_t id;

	for (size_t i = 0; pending_at(d->pending, i, &s, &id);) {
		t = s->key.session == session ? template_of(s->templates, id) : NULL;
		w.waited = t;
		if (t != NULL)
			pending_take(d->pending, s, id, read_waiting, &w);
		else
			i++;
		if (t != NULL)
			t->is_doubted = false;
	}
}

void sets_settle(struct flow_decoder *d, int64_t now_ms, struct flow_batch *out)
{
	struct template *t;
	struct work w = {.d = d, .out = out};
	struct stream *s;
	uint16_t id;

	for (size_t i = 0; pending_at(d->pending, i, &s, &id);) {
		/* The time of a capture that is imported is not ours. */
		bool is_ours = s->key.session == 0;

		t = template_of(s->templates, id);
		w.waited = NULL;
		if (is_ours && t != NULL && is_sound(s, t, now_ms))
			w.waited = t;
		else if (is_ours && t == NULL)
			w.waited = kin_template(d, s, id, now_ms);
		if (w.waited != NULL)
			pending_take(d->pending, s, id, read_waiting, &w);
		else
			i++;
	}
}

/* The one that a set with this id is to be read by, as what has waited for it is. NULL: it waits.
 */
static const struct template *find(struct work *w, uint16_t id, size_t len)
{
	struct stream *s = w->c->stream;
	struct template *t = template_of(s->templates, id);
	int64_t now_ms = w->c->origin->received_ms;

	if (t != NULL && !t->is_doubted)
		return t;
	if (t != NULL && !is_sound(s, t, now_ms)) {
		if (pending_has_room(w->d->pending, s, len))
			return NULL;
		t->is_doubted = false;
	}
	w->waited = t != NULL ? t : kin_template(w->d, s, id, now_ms);
	if (w->waited != NULL)
		pending_take(w->d->pending, s, id, read_waiting, w);
	return w->waited;
}

static void read_data(struct work *w, uint16_t id, struct bytes in)
{
	const struct template *t = find(w, id, bytes_left(&in));
	bool is_whole = false;
	size_t lost;

	if (t != NULL) {
		uint32_t records = read_records(w->d, w->c, t, in, w->is_cut, w->out, &is_whole);

		w->sum.records += records;
		w->sum.options += t->is_options ? records : 0;
		w->sum.is_whole = w->sum.is_whole && is_whole;
		return;
	}
	w->sum.is_whole = false;
	if (w->is_cut) {
		count_part(w->d, DROP_SET);
		return;
	}
	lost = pending_put(w->d->pending, w->c, id, in);
	w->d->counters.dropped[DROP_UNTOLD] += lost;
}

/* --- templates --- */

static void forget(struct flow_decoder *d, const struct stream *s, const struct template *t)
{
	if (t != NULL && t->kept_ms != 0 && d->keep != NULL)
		d->keep(d->keep_ctx, s, t->id, NULL);
}

void sets_forget(struct flow_decoder *d, struct stream *s)
{
	for (size_t i = 0; i < template_count(s->templates); i++)
		forget(d, s, template_at(s->templates, i));
	template_set_free(s->templates);
	s->templates = NULL;
}

static enum err try_define(struct work *w, const struct template_shape *shape, struct bytes *in)
{
	struct stream *s = w->c->stream;

	if (s->templates == NULL)
		s->templates = template_set_new(&w->d->budget);
	if (s->templates == NULL)
		return ERR_LIMIT;
	if (template_of(s->templates, shape->id) == NULL)
		forget(w->d, s, template_oldest(s->templates));
	return template_define(s->templates, shape, in, w->c->origin->received_ms);
}

static void define(struct work *w, const struct template_shape *shape, struct bytes *in)
{
	struct stream *s = w->c->stream, *spare;
	struct bytes again = *in;
	enum err err = try_define(w, shape, in);

	/* All together are at the bound: another's go, whom we can spare first. */
	spare = err == ERR_LIMIT ? stream_spare(w->d->streams, s) : NULL;
	if (spare != NULL) {
		sets_forget(w->d, spare);
		*in = again;
		err = try_define(w, shape, in);
	}
	if (err != ERR_OK) {
		count_part(w->d,
		           err == ERR_NOMEM || err == ERR_LIMIT ? DROP_MEMORY : DROP_TEMPLATE);
		if (err == ERR_SHORT)
			in->at = in->end; /* where the next would begin is not known */
		return;
	}
	w->waited = template_of(s->templates, shape->id);
	pending_take(w->d->pending, s, shape->id, read_waiting, w);
}

/*
 * An IPFIX template of no field: this id's is withdrawn, if it is of the set's kind; the set's own
 * id means all of its kind (RFC 7011, section 8.1).
 */
static void withdraw(struct work *w, uint16_t id, bool is_options)
{
	struct template_set *set = w->c->stream->templates;
	bool is_all = id == (is_options ? w->format->options_id : w->format->template_id);

	for (size_t i = template_count(set); i-- > 0;) {
		const struct template *t = template_at(set, i);

		if (t->is_options != is_options || (t->id != id && !is_all))
			continue;
		forget(w->d, w->c->stream, t);
		template_withdraw(set, t->id);
	}
}

static void read_templates(struct work *w, struct bytes in)
{
	const uint8_t *last = trimmed(in).end;

	while (bytes_left(&in) >= SET_HEADER && in.at < last) {
		struct template_shape shape = {.has_enterprise = w->format->has_enterprise};

		w->sum.templates++;
		shape.id = (uint16_t)bytes_uint(&in, 2);
		shape.count = (uint16_t)bytes_uint(&in, 2);
		if (shape.count == 0 && w->format->has_enterprise)
			withdraw(w, shape.id, false);
		else
			define(w, &shape, &in);
	}
}

static void read_options_templates(struct work *w, struct bytes in)
{
	const uint8_t *last = trimmed(in).end;

	while (bytes_left(&in) >= SET_HEADER && in.at < last) {
		struct template_shape shape = {.has_enterprise = w->format->has_enterprise,
		                               .is_options = true};
		unsigned first, second;

		w->sum.templates++;
		shape.id = (uint16_t)bytes_uint(&in, 2);
		first = (unsigned)bytes_uint(&in, 2);
		if (first == 0 && w->format->has_enterprise) {
			withdraw(w, shape.id, true);
			continue;
		}
		second = (unsigned)bytes_uint(&in, 2);
		shape.scope_count = (uint16_t)(w->format->has_scope_octets ? first / 4 : second);
		/* IPFIX: fields, and how many of them are the scope. v9: octets of each part. */
		shape.count =
			(uint16_t)(w->format->has_scope_octets ? (first + second) / 4 : first);
		define(w, &shape, &in);
	}
}

/* One template of a set: does it contradict? Moves behind it; false at the end, too. */
static bool contradicts_next(const struct sets_format *format, bool is_options, struct bytes *in,
                             struct template_set *set)
{
	struct template_shape shape = {.has_enterprise = format->has_enterprise};
	unsigned count;
	const struct template *t;
	struct bytes fields;

	shape.id = (uint16_t)bytes_uint(in, 2);
	count = (unsigned)bytes_uint(in, 2);
	if (is_options && count > 0) {
		unsigned second = (unsigned)bytes_uint(in, 2);

		count = format->has_scope_octets ? (count + second) / 4 : count;
	}
	shape.count = (uint16_t)count;
	t = template_of(set, shape.id);
	if (!template_cut(&shape, in, &fields) || count == 0 || t == NULL)
		return false;
	return t->is_options != is_options || t->raw_len != bytes_left(&fields) ||
	       memcmp(t->raw, fields.at, t->raw_len) != 0;
}

bool sets_contradict(const struct sets_format *format, struct bytes in, struct template_set *set)
{
	while (set != NULL && !in.is_short && bytes_left(&in) >= SET_HEADER) {
		uint16_t id = (uint16_t)bytes_uint(&in, 2);
		size_t len = (size_t)bytes_uint(&in, 2);
		struct bytes body = bytes_cut(&in, len < SET_HEADER ? SIZE_MAX : len - SET_HEADER);

		if (id != format->template_id && id != format->options_id)
			continue;
		while (bytes_left(&body) > SET_HEADER && !body.is_short) {
			if (contradicts_next(format, id == format->options_id, &body, set))
				return true;
		}
	}
	return false;
}

/* --- all of it --- */

static bool ends_here(struct work *w, struct bytes rest)
{
	if (w->format->begins_another == NULL || !w->format->begins_another(w->c, rest))
		return false;
	w->sum.end = rest.at;
	return true;
}

/* Could a set begin there? */
static bool begins_set(const struct sets_format *format, struct bytes in)
{
	size_t left = bytes_left(&in);
	uint64_t id = bytes_uint(&in, 2), len = bytes_uint(&in, 2);

	return (id == format->template_id || id == format->options_id || id >= TEMPLATE_ID_MIN) &&
	       len >= SET_HEADER && len <= left;
}

/* Some fill a set up to a multiple of four octets, and do not count those in its length. */
static void pass_filling(const struct sets_format *format, size_t len, struct bytes *in)
{
	struct bytes next = *in, filling;

	if (len % 4 == 0)
		return;
	filling = bytes_cut(&next, 4 - len % 4);
	if (!next.is_short && is_zero(filling) && !begins_set(format, *in) &&
	    begins_set(format, next))
		*in = next;
}

struct sets_sum sets_decode(struct flow_decoder *d, const struct record_context *c,
                            const struct sets_format *format, struct bytes in,
                            struct flow_batch *out)
{
	struct work w = {.d = d, .c = c, .format = format, .out = out, .sum = {.is_whole = true}};
	const uint8_t *last = trimmed(in).end;

	w.sum.end = in.end;
	while (bytes_left(&in) >= SET_HEADER && in.at < last && !ends_here(&w, in)) {
		uint16_t id = (uint16_t)bytes_uint(&in, 2);
		size_t len = (size_t)bytes_uint(&in, 2);
		size_t left = bytes_left(&in);
		struct bytes set;

		w.is_cut = len > SET_HEADER + left;
		if (in.is_short || len < SET_HEADER || (w.is_cut && id < TEMPLATE_ID_MIN)) {
			count_part(d, DROP_SET);
			w.sum.is_whole = false;
			break;
		}
		set = bytes_cut(&in, MIN(len - SET_HEADER, left));
		if (id == format->template_id)
			read_templates(&w, set);
		else if (id == format->options_id)
			read_options_templates(&w, set);
		else if (id >= TEMPLATE_ID_MIN)
			read_data(&w, id, set);
		pass_filling(format, len, &in);
	}
	return w.sum;
}
