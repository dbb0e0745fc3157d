#include "node/translated.h"

#include "base/util.h"

#define MAPPINGS_MAX 16
#define SLACK_MS 5000               /* an exporter stamps a translation apart from the flow */
#define TIME_MAX_MS (INT64_MAX / 2) /* exporters tell any; sums of such do not run over */

static const struct endpoint none;

/*
 * Mappings have their exporters' times, whatever becomes known of those meanwhile, so that what
 * ends one meets what began it. What is asked is in ours, and is brought to theirs.
 */
struct clocks_then {
	const struct skews *skews;
	struct interval when;
	bool is_most; /* `exact` takes the clock that is ahead most, else the one that is least */
	bool is_asked;
	struct addr last; /* who was asked about: most mappings of an end are one exporter's */
	struct interval ahead;
};

static struct interval spread(void *ctx, const struct addr *exporter)
{
	struct clocks_then *c = ctx;

	if (!c->is_asked || !addr_equal(&c->last, exporter)) {
		c->ahead = skews_ahead(c->skews, exporter, c->when);
		c->last = *exporter;
		c->is_asked = true;
	}
	return c->ahead;
}

static struct interval exact(void *ctx, const struct addr *exporter)
{
	const struct clocks_then *c = ctx;
	struct interval ahead = spread(ctx, exporter);

	return c->is_most ? (struct interval){ahead.end_ms, ahead.end_ms}
	                  : (struct interval){ahead.start_ms, ahead.start_ms};
}

enum named { NOBODY, SOMEBODY, DISPUTED };

/* The one end that all of them have, `is_block` or not. */
static enum named agreed(const struct mapping *of, size_t count, bool is_outside, bool is_block,
                         struct endpoint *ret)
{
	enum named named = NOBODY;

	for (size_t i = 0; i < count; i++) {
		const struct endpoint *e = is_outside ? &of[i].outside : &of[i].inside;

		if ((of[i].first != of[i].last || e->port == 0) != is_block)
			continue;
		if (named == SOMEBODY && !endpoint_equal(e, ret))
			return DISPUTED;
		*ret = *e;
		named = SOMEBODY;
	}
	return named;
}

/* A session's mapping names the port, too; a block's the address alone. */
static enum named translate_by(const struct translation_table *table,
                               const struct translation_query *q, struct endpoint *ret)
{
	struct mapping found[MAPPINGS_MAX];
	enum named named = NOBODY;

	for (int is_outside = 0; is_outside <= 1 && named == NOBODY; is_outside++) {
		size_t count = (is_outside ? translation_table_outside : translation_table_inside)(
			table, q, found, ARRAY_LEN(found));

		named = agreed(found, count, is_outside, false, ret);
		if (named == NOBODY)
			named = agreed(found, count, is_outside, true, ret);
	}
	return named;
}

/* Where an exporter has several clocks, it may have told by any of them: all have to agree. */
static enum named translate_at(const struct translation_table *table, const struct skews *skews,
                               struct translation_query q, struct endpoint *ret)
{
	struct clocks_then clocks = {.skews = skews, .when = {q.at_ms, q.at_ms}};
	struct endpoint by_most = none;
	enum named least, most;

	q.later = exact;
	q.ctx = &clocks;
	least = translate_by(table, &q, ret);
	clocks.is_most = true;
	most = translate_by(table, &q, &by_most);
	if (least != most || (least == SOMEBODY && !endpoint_equal(ret, &by_most)))
		return DISPUTED;
	return least;
}

struct lived { /* a connection */
	uint8_t proto;
	struct interval life;
};

/* In the middle of its life clocks matter least; but a translation may be told of late. */
static bool translate(const struct translation_table *table, const struct skews *skews,
                      const struct endpoint *end, const struct endpoint *peer, struct lived of,
                      struct endpoint *ret)
{
	const int64_t times_ms[] = {of.life.start_ms / 2 + of.life.end_ms / 2, of.life.start_ms,
	                            of.life.end_ms};

	enum named named = NOBODY;

	for (size_t i = 0; i < ARRAY_LEN(times_ms) && named == NOBODY; i++) {
		struct translation_query q = {
			.end = *end, .peer = *peer, .at_ms = times_ms[i], .proto = of.proto};

		named = translate_at(table, skews, q, ret);
	}
	if (named != SOMEBODY)
		*ret = none;
	return named == SOMEBODY;
}

bool translated_ends(const struct translation_table *table, const struct skews *skews,
                     const struct endpoint *src, const struct endpoint *dst, uint8_t proto,
                     struct interval life, struct endpoint *ret_src, struct endpoint *ret_dst)
{
	const struct lived of = {proto, life};
	bool has_src, has_dst;

	*ret_src = *ret_dst = none;
	if (table == NULL)
		return false;
	has_dst = translate(table, skews, dst, src, of, ret_dst);
	has_src = translate(table, skews, src, dst, of, ret_src);
	/* Where both are rewritten, the peer of each is the other's end on that side. */
	if (has_dst && !has_src)
		has_src = translate(table, skews, src, ret_dst, of, ret_src);
	else if (has_src && !has_dst)
		has_dst = translate(table, skews, dst, ret_src, of, ret_dst);
	return has_src || has_dst;
}

void translated_finding(const struct translation_table *table, const struct skews *skews,
                        struct finding *f)
{
	(void)translated_ends(table, skews, &f->src, &f->dst, f->proto, f->life, &f->nat_src,
	                      &f->nat_dst);
}

/* When the mapping held, by our clock: by what theirs was then, as far as we know. */
static struct interval held_by_ours(struct clocks_then *c, const struct mapping *m)
{
	struct interval ahead = spread(c, &m->exporter);
	int64_t start_ms = MIN(MAX(m->start_ms, 0), TIME_MAX_MS);
	int64_t end_ms = MIN(MAX(m->end_ms, 0), TIME_MAX_MS);
	struct clocks_then then = {.skews = c->skews, .when = c->when};

	then.when.start_ms = MAX(c->when.start_ms, start_ms - ahead.end_ms);
	if (!m->is_open)
		then.when.end_ms = MIN(c->when.end_ms, end_ms - ahead.start_ms);
	ahead = spread(&then, &m->exporter);
	return (struct interval){
		start_ms - ahead.end_ms - SLACK_MS,
		m->is_open ? INT64_MAX : end_ms - ahead.start_ms + SLACK_MS,
	};
}

/* The latest of those who were behind it, and the time in which they were. */
static struct interval latest(struct clocks_then *c, const struct mapping *found, size_t count,
                              struct endpoint *ret)
{
	struct interval all = {INT64_MAX, INT64_MIN};
	int64_t latest_ms = INT64_MIN;

	for (size_t i = 0; i < count; i++) {
		struct interval held = held_by_ours(c, &found[i]);

		if (held.start_ms <= latest_ms)
			continue;
		latest_ms = held.start_ms;
		*ret = found[i].inside;
	}
	for (size_t i = 0; i < count; i++) {
		struct interval held = held_by_ours(c, &found[i]);

		if (!endpoint_equal(&found[i].inside, ret))
			continue;
		all.start_ms = MIN(all.start_ms, held.start_ms);
		all.end_ms = MAX(all.end_ms, held.end_ms);
	}
	return all;
}

/* Puts the inside end in the place of `end`; `when` becomes the time in which it held. */
static bool go_inside(const struct translation_table *table, struct endpoint *end,
                      const struct endpoint *peer, uint8_t proto, struct clocks_then *clocks,
                      struct interval *when)
{
	struct translation_query q = {.end = *end,
	                              .peer = peer->port == 0 ? none : *peer,
	                              .at_ms = clocks->when.start_ms,
	                              .span_ms = clocks->when.end_ms - clocks->when.start_ms,
	                              .proto = proto,
	                              .later = spread,
	                              .ctx = clocks};
	struct mapping found[MAPPINGS_MAX];
	struct interval held;
	size_t count =
		end->port == 0 ? 0 : translation_table_inside(table, &q, found, ARRAY_LEN(found));

	if (count == 0)
		return false;
	held = latest(clocks, found, count, end);
	when->start_ms = MAX(when->start_ms, held.start_ms);
	when->end_ms = MIN(when->end_ms, held.end_ms);
	return true;
}

bool translated_request(const struct translation_table *table, const struct skews *skews,
                        int64_t now_ms, struct ctl_request *r)
{
	struct interval when = {r->since_ms, r->until_ms};
	int64_t from_ms = MAX(when.start_ms, 0), to_ms = MIN(when.end_ms, now_ms);
	struct clocks_then clocks = {.skews = skews, .when = {from_ms, MAX(from_ms, to_ms)}};

	if (table == NULL ||
	    (!go_inside(table, &r->target, &r->peer, (uint8_t)r->proto, &clocks, &when) &&
	     !go_inside(table, &r->peer, &r->target, (uint8_t)r->proto, &clocks, &when)))
		return false;
	r->since_ms = when.start_ms;
	r->until_ms = when.end_ms;
	return true;
}
