#include "proto/flow/sets.h"

#include "base/util.h"
#include "proto/flow/pending.h"

#include <string.h>

#define SET_HEADER 4

struct work { /* on one message */
	struct flow_decoder *d;
	const struct record_context *c;
	const struct sets_format *format;
	struct flow_batch *out;
	struct sets_sum sum;
	uint16_t defined; /* the template for which sets may wait */
};

static void count_part(struct flow_decoder *d, enum drop drop)
{
	d->counters.dropped[drop]++;
}

/* --- records --- */

static bool is_zero(struct bytes b)
{
	while (b.at < b.end) {
		if (*b.at++ != 0)
			return false;
	}
	return true;
}

/* Is what no record has room for padding? */
static bool fits(const struct template *t, struct bytes set)
{
	size_t len = bytes_left(&set);

	if (t->is_variable)
		return true; /* only reading tells */
	set.at += len - len % t->min_len;
	return is_zero(set);
}

/* False: there is no memory for its flows. */
static bool take_record(struct flow_decoder *d, const struct record_context *c,
                        const struct template *t, const struct values *v, struct flow_batch *out)
{
	struct flow flows[2];
	enum drop drop;
	size_t count;

	if (t->is_options) {
		record_options(c, v);
		return true;
	}
	drop = record_flows(c, v, flows, &count, &d->counters.clamped);
	if (drop != DROP_NONE)
		count_part(d, drop);
	return flow_batch_add(out, flows, count);
}

/* How many records the set has; `ret_is_whole`: to its end. */
static uint32_t read_records(struct flow_decoder *d, const struct record_context *c,
                             const struct template *t, struct bytes in, struct flow_batch *out,
                             bool *ret_is_whole)
{
	uint32_t records = 0;
	struct values v;

	*ret_is_whole = fits(t, in);
	if (!*ret_is_whole) {
		count_part(d, DROP_STALE);
		return 0;
	}
	while (bytes_left(&in) >= t->min_len && !(t->is_variable && is_zero(in))) {
		if (record_read(t, &in, &v) != ERR_OK)
			break;
		records++;
		if (!take_record(d, c, t, &v, out)) {
			count_part(d, DROP_MEMORY);
			return records;
		}
	}
	if (in.is_short || !is_zero(in)) {
		*ret_is_whole = false;
		count_part(d, DROP_SET);
	}
	return records;
}

static void read_data(struct work *w, uint16_t id, struct bytes in)
{
	const struct template *t = template_of(w->c->stream->templates, id);
	bool is_whole = false;
	size_t lost;

	if (t != NULL) {
		uint32_t records = read_records(w->d, w->c, t, in, w->out, &is_whole);

		w->sum.records += records;
		w->sum.options += t->is_options ? records : 0;
		w->sum.is_whole = w->sum.is_whole && is_whole;
		return;
	}
	w->sum.is_whole = false;
	lost = pending_put(w->d->pending, w->c, id, in);
	w->c->stream->untold += lost;
	w->d->counters.dropped[DROP_UNTOLD] += lost;
}

/* --- templates --- */

static void read_waiting(void *ctx, const struct record_context *c, struct bytes set)
{
	struct work *w = ctx;
	const struct template *t = template_of(c->stream->templates, w->defined);
	bool is_whole;

	if (t != NULL)
		(void)read_records(w->d, c, t, set, w->out, &is_whole);
}

static void keep(struct flow_decoder *d, const struct stream *s, uint16_t id,
                 const struct template *t)
{
	if (d->keep != NULL && s->key.session == 0 && s->datagrams >= STREAM_PROVEN)
		d->keep(d->keep_ctx, s, id, t);
}

void sets_keep(struct flow_decoder *d, struct stream *s)
{
	if (s->datagrams == STREAM_PROVEN) {
		for (size_t i = 0; i < template_count(s->templates); i++) {
			const struct template *t = template_at(s->templates, i);

			keep(d, s, t->id, t);
		}
	}
	if (s->is_options_new && s->datagrams >= STREAM_PROVEN) {
		keep(d, s, 0, NULL);
		s->is_options_new = false;
	}
}

/* Most come again and again, and are what they were. */
static bool is_news(const struct template *was, const struct template_shape *shape, struct bytes in)
{
	return was == NULL || was->is_options != shape->is_options ||
	       was->field_count != shape->count || was->raw_len > bytes_left(&in) ||
	       memcmp(was->raw, in.at, was->raw_len) != 0;
}

static void define(struct work *w, const struct template_shape *shape, struct bytes *in)
{
	struct stream *s = w->c->stream;
	bool is_new = is_news(template_of(s->templates, shape->id), shape, *in);
	enum err err = ERR_NOMEM;

	if (s->templates == NULL)
		s->templates = template_set_new(&w->d->budget);
	if (s->templates != NULL)
		err = template_define(s->templates, shape, in, w->c->origin->received_ms);
	if (err != ERR_OK) {
		count_part(w->d,
		           err == ERR_NOMEM || err == ERR_LIMIT ? DROP_MEMORY : DROP_TEMPLATE);
		in->at = in->end; /* where the next would begin is not known */
		return;
	}
	if (is_new)
		keep(w->d, s, shape->id, template_of(s->templates, shape->id));
	w->defined = shape->id;
	pending_take(w->d->pending, s, shape->id, read_waiting, w);
}

/* An IPFIX template of no field: this id's is withdrawn; a set's own id means all of its kind. */
static void withdraw(struct work *w, uint16_t id)
{
	struct template_set *set = w->c->stream->templates;
	bool is_options = id == w->format->options_id;

	for (size_t i = template_count(set); i-- > 0;) {
		const struct template *t = template_at(set, i);

		if (t->id != id && (id >= TEMPLATE_ID_MIN || t->is_options != is_options))
			continue;
		keep(w->d, w->c->stream, t->id, NULL);
		template_withdraw(set, t->id);
	}
}

static void read_templates(struct work *w, struct bytes in)
{
	while (bytes_left(&in) >= SET_HEADER && !is_zero(in)) {
		struct template_shape shape = {.has_enterprise = w->format->has_enterprise};

		shape.id = (uint16_t)bytes_uint(&in, 2);
		shape.count = (uint16_t)bytes_uint(&in, 2);
		if (shape.count == 0 && w->format->has_enterprise)
			withdraw(w, shape.id);
		else
			define(w, &shape, &in);
	}
}

static void read_options_templates(struct work *w, struct bytes in)
{
	while (bytes_left(&in) >= SET_HEADER && !is_zero(in)) {
		struct template_shape shape = {.has_enterprise = w->format->has_enterprise,
		                               .is_options = true};
		unsigned first, second;

		shape.id = (uint16_t)bytes_uint(&in, 2);
		first = (unsigned)bytes_uint(&in, 2);
		if (first == 0 && w->format->has_enterprise) {
			withdraw(w, shape.id);
			continue;
		}
		second = (unsigned)bytes_uint(&in, 2);
		/* IPFIX: fields, and how many of them are the scope. v9: octets of each part. */
		shape.count =
			(uint16_t)(w->format->has_scope_octets ? (first + second) / 4 : first);
		define(w, &shape, &in);
	}
}

/* --- all of it --- */

struct sets_sum sets_decode(struct flow_decoder *d, const struct record_context *c,
                            const struct sets_format *format, struct bytes in,
                            struct flow_batch *out)
{
	struct work w = {.d = d, .c = c, .format = format, .out = out, .sum = {.is_whole = true}};

	while (bytes_left(&in) >= SET_HEADER && !is_zero(in)) { /* some fill up with zeros */
		uint16_t id = (uint16_t)bytes_uint(&in, 2);
		size_t len = (size_t)bytes_uint(&in, 2);
		struct bytes set = bytes_cut(&in, len < SET_HEADER ? SIZE_MAX : len - SET_HEADER);

		if (in.is_short) {
			count_part(d, DROP_SET);
			w.sum.is_whole = false;
			break;
		}
		if (id == format->template_id)
			read_templates(&w, set);
		else if (id == format->options_id)
			read_options_templates(&w, set);
		else if (id >= TEMPLATE_ID_MIN)
			read_data(&w, id, set);
	}
	return w.sum;
}
