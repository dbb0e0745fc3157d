#include "node/translated.h"

#include "base/util.h"
#include "node/skews.h"

#define MAPPINGS_MAX 16
#define SLACK_MS 5000 /* an exporter stamps a translation apart from the flow */

static const struct endpoint none;

static int64_t ahead_ms(const struct clocks *clocks, struct clock_key key, int64_t received_ms)
{
	return skew_at(clocks_find(clocks, &key), received_ms).ahead_ms;
}

void translated_event(struct translation_table *table, const struct clocks *clocks,
                      struct translation told)
{
	const struct clock_key key = {told.exporter, told.domain, told.version};
	int64_t by_ms = ahead_ms(clocks, key, told.received_ms);

	told.at_ms -= by_ms;
	told.since_ms -= told.since_ms != 0 ? by_ms : 0;
	translation_table_event(table, &told);
}

void translated_flow(struct translation_table *table, const struct clocks *clocks,
                     struct flow shown)
{
	const struct clock_key key = {shown.exporter, shown.domain, shown.version};
	int64_t by_ms = ahead_ms(clocks, key, shown.received_ms);

	shown.start_ms -= by_ms;
	shown.end_ms -= by_ms;
	translation_table_flow(table, &shown);
}

/* The one end that all of them have, `is_block` or not; false: there is none, or several. */
static bool agreed(const struct mapping *of, size_t count, bool is_outside, bool is_block,
                   struct endpoint *ret)
{
	bool is_found = false;

	for (size_t i = 0; i < count; i++) {
		const struct endpoint *e = is_outside ? &of[i].outside : &of[i].inside;

		if ((of[i].first != of[i].last || e->port == 0) != is_block)
			continue;
		if (is_found && !endpoint_equal(e, ret))
			return false;
		*ret = *e;
		is_found = true;
	}
	return is_found;
}

/* A session's mapping names the port, too; a block's the address alone. */
static bool translate_at(const struct translation_table *table, const struct translation_query *q,
                         struct endpoint *ret)
{
	struct mapping found[MAPPINGS_MAX];

	for (int is_outside = 0; is_outside <= 1; is_outside++) {
		size_t count = (is_outside ? translation_table_outside : translation_table_inside)(
			table, q, found, ARRAY_LEN(found));

		if (agreed(found, count, is_outside, false, ret) ||
		    agreed(found, count, is_outside, true, ret))
			return true;
	}
	return false;
}

/* In the middle of its life clocks matter least; but a translation may be told of late. */
static bool translate(const struct translation_table *table, const struct endpoint *end,
                      const struct endpoint *peer, uint8_t proto, struct interval life,
                      struct endpoint *ret)
{
	const int64_t times_ms[] = {life.start_ms / 2 + life.end_ms / 2, life.start_ms,
	                            life.end_ms};

	for (size_t i = 0; i < ARRAY_LEN(times_ms); i++) {
		struct translation_query q = {
			.end = *end, .peer = *peer, .at_ms = times_ms[i], .proto = proto};

		if (translate_at(table, &q, ret))
			return true;
	}
	return false;
}

bool translated_ends(const struct translation_table *table, const struct endpoint *src,
                     const struct endpoint *dst, uint8_t proto, struct interval life,
                     struct endpoint *ret_src, struct endpoint *ret_dst)
{
	bool has_src, has_dst;

	*ret_src = *ret_dst = none;
	if (table == NULL)
		return false;
	has_dst = translate(table, dst, src, proto, life, ret_dst);
	has_src = translate(table, src, dst, proto, life, ret_src);
	/* Where both are rewritten, the peer of each is the other's end on that side. */
	if (has_dst && !has_src)
		has_src = translate(table, src, ret_dst, proto, life, ret_src);
	else if (has_src && !has_dst)
		has_dst = translate(table, dst, ret_src, proto, life, ret_dst);
	return has_src || has_dst;
}

void translated_finding(const struct translation_table *table, struct finding *f)
{
	(void)translated_ends(table, &f->src, &f->dst, f->proto, f->life, &f->nat_src, &f->nat_dst);
}

/* Puts the inside end in the place of `end`; `when` becomes the time in which it held. */
static bool go_inside(const struct translation_table *table, struct endpoint *end,
                      const struct endpoint *peer, uint8_t proto, int64_t now_ms,
                      struct interval *when)
{
	int64_t from_ms = MAX(when->start_ms, 0), to_ms = MIN(when->end_ms, now_ms);
	struct translation_query q = {.end = *end,
	                              .peer = peer->port == 0 ? none : *peer,
	                              .at_ms = from_ms,
	                              .span_ms = MAX(to_ms - from_ms, 0),
	                              .proto = proto};
	struct mapping found[MAPPINGS_MAX];
	struct interval held = {INT64_MAX, INT64_MIN};
	size_t count =
		end->port == 0 ? 0 : translation_table_inside(table, &q, found, ARRAY_LEN(found));

	if (count == 0)
		return false;
	*end = found[0].inside; /* the latest */
	for (size_t i = 0; i < count; i++) {
		if (!endpoint_equal(&found[i].inside, end))
			continue;
		held.start_ms = MIN(held.start_ms, MAX(found[i].start_ms, 0) - SLACK_MS);
		held.end_ms =
			MAX(held.end_ms,
		            found[i].is_open ? INT64_MAX : MIN(found[i].end_ms, now_ms) + SLACK_MS);
	}
	when->start_ms = MAX(when->start_ms, held.start_ms);
	when->end_ms = MIN(when->end_ms, held.end_ms);
	return true;
}

bool translated_request(const struct translation_table *table, int64_t now_ms,
                        struct ctl_request *r)
{
	struct interval when = {r->since_ms, r->until_ms};

	if (table == NULL ||
	    (!go_inside(table, &r->target, &r->peer, (uint8_t)r->proto, now_ms, &when) &&
	     !go_inside(table, &r->peer, &r->target, (uint8_t)r->proto, now_ms, &when)))
		return false;
	r->since_ms = when.start_ms;
	r->until_ms = when.end_ms;
	return true;
}
