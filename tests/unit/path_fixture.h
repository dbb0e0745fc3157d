/* path_fixture - views as a person would write them, and a path as a person would read it. */
#ifndef SPOOR_TESTS_UNIT_PATH_FIXTURE_H
#define SPOOR_TESTS_UNIT_PATH_FIXTURE_H

#include "correlate/path.h"
#include "tests/unit/test.h"

#include <stdio.h>

#define SLACK_MS 2000
#define ROWS_MAX 16

/* A view as a person would write it: node N has exporter 10.255.0.N. Times in milliseconds. */
struct row {
	uint32_t node, interface;
	const char *src, *dst;
	int64_t start_ms, end_ms;
	double score;
	bool is_target, is_told;
};

static inline size_t match_rows(const struct row *rows, size_t max, struct match *ret)
{
	size_t count = 0;

	for (; count < max && rows[count].src != NULL; count++) {
		const struct row *r = &rows[count];
		const uint8_t exporter[4] = {10, 255, 0, (uint8_t)r->node};
		struct match *m = &ret[count];

		*m = (struct match){
			.node = r->node,
			.view = {addr_from_v4(exporter), r->interface, r->interface},
			.life = {r->start_ms, r->end_ms},
			.score = r->score > 0 ? r->score : 0.99,
			.proto = 6,
			.is_target = r->is_target,
			.is_told = r->is_told,
			.hop = 77,
		};
		assert_ok(endpoint_parse(r->src, &m->src));
		assert_ok(endpoint_parse(r->dst, &m->dst));
	}
	return count;
}

static inline size_t print_end(char *at, size_t room, const struct endpoint *inner,
                               const struct endpoint *outer, uint32_t node)
{
	char text[ENDPOINT_TEXT_MAX];
	int len = snprintf(at, room, "%s", endpoint_print(inner, text));

	if (!endpoint_equal(inner, outer))
		len += snprintf(at + len, room - (size_t)len, "=%s", endpoint_print(outer, text));
	if (node != PATH_NOWHERE)
		len += snprintf(at + len, room - (size_t)len, "@%u", node);
	return (size_t)len;
}

/* "src=public@node > dst=public@node (views) -link- ..." */
static inline const char *print_path(const struct path *p)
{
	static char text[4096];
	size_t at = 0;

	for (size_t i = 0; i < p->hop_count; i++) {
		const struct hop *h = &p->hops[i];

		at += print_end(text + at, sizeof(text) - at, &h->src, &h->public_src, h->src_node);
		at += (size_t)snprintf(text + at, sizeof(text) - at, " > ");
		at += print_end(text + at, sizeof(text) - at, &h->dst, &h->public_dst, h->dst_node);
		at += (size_t)snprintf(text + at, sizeof(text) - at, " (%u) -%s-\n", h->views,
		                       path_link_text(h->link));
	}
	for (size_t i = 0; i < p->gap_count; i++) {
		char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "gap after %u: %s %s %s\n",
		                       p->gaps[i].after, addr_print(&p->gaps[i].from, from),
		                       addr_print(&p->gaps[i].to, to),
		                       path_link_text(p->gaps[i].link));
	}
	return text;
}

#endif
