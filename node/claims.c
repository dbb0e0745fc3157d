#include "node/claims.h"

#include "base/util.h"
#include "origin/record.h"

#include <string.h>

const struct origin_source *claims_source(const struct claim *c)
{
	const struct origin_record *r = &c->record;

	if (c->err != ERR_OK || c->is_incoming)
		return NULL;
	if (r->origin.flow.proto != 0)
		return &r->origin;
	return r->last.flow.proto != 0 ? &r->last : NULL;
}

static bool is_flow(const struct origin_flow *f, const struct endpoint *src,
                    const struct endpoint *dst, uint8_t proto)
{
	struct endpoint sender = record_sender(f), receiver = record_receiver(f);

	return f->proto == proto && endpoint_equal(&sender, src) && endpoint_equal(&receiver, dst);
}

/* Is the record about this finding, and of a host that answers for that end of it? */
static enum err check_place(const struct claim *c, const struct finding *f)
{
	const struct origin_record *r = &c->record;
	const struct origin_flow *flow =
		r->head.kind == ORIGIN_KIND_LOGIN ? &r->origin.flow : &r->flow;
	uint8_t direction = c->is_incoming ? ORIGIN_IN : ORIGIN_OUT;

	if (!is_flow(flow, &f->src, &f->dst, f->proto) || flow->direction != direction)
		return ERR_AUTH;
	return cert_allows(&c->host.cert, c->is_incoming ? &f->dst.addr : &f->src.addr)
	               ? ERR_OK
	               : ERR_DENIED;
}

static enum err read_record(const struct evidence *e, struct claim *c)
{
	uint8_t octets[RECORD_OCTETS];
	struct octets out = octets_of(octets, sizeof(octets));

	for (size_t i = 0; i < e->shown; i++)
		octets_put(&out, e->parts[i].at, bytes_left(&e->parts[i]));
	return out.is_full ? ERR_FORMAT : record_unpack_shown(octets, octets_len(&out), &c->record);
}

/* A member that says a connection is upstream which the host did not name is not followed. */
static void take_upstream(const struct statement *s, struct claim *c)
{
	const struct origin_source *source = claims_source(c);
	const struct upstream *up = &s->upstream;

	if (s->has_upstream && source != NULL &&
	    is_flow(&source->flow, &up->src, &up->dst, up->rhythm.proto)) {
		c->has_upstream = true;
		c->upstream = *up;
	}
}

static void read_one(const struct statement *s, const struct answer *answer, struct claim *c)
{
	struct evidence e;

	*c = (struct claim){.finding = s->finding, .is_incoming = s->is_incoming};
	c->err = s->finding < answer->finding_count
	                 ? evidence_open(s->evidence.at, bytes_left(&s->evidence), &s->root, &e)
	                 : ERR_FORMAT;
	if (c->err != ERR_OK)
		return;
	c->host = e.card;
	c->checkpoint = e.checkpoint;
	c->number = e.number;
	c->shown = e.shown;
	c->err = read_record(&e, c);
	if (c->err == ERR_OK)
		c->err = check_place(c, &answer->findings[s->finding]);
	take_upstream(s, c);
}

size_t claims_read(const struct answer *answer, struct claim ret[TESTIMONY_STATEMENTS_MAX])
{
	struct testimony t;
	struct statement s;
	size_t count = 0;
	enum err err = testimony_open(answer->testimony, &t);

	while (err == ERR_OK && count < TESTIMONY_STATEMENTS_MAX) {
		err = testimony_next(&t, &s);
		if (err == ERR_OK)
			read_one(&s, answer, &ret[count++]);
	}
	if (err != ERR_OK && err != ERR_NOENT && count < TESTIMONY_STATEMENTS_MAX)
		ret[count++] = (struct claim){.finding = UINT32_MAX, .err = err};
	return count;
}
