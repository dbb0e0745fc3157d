/* path_fixture - views as a table of rows. */
#ifndef SPOOR_TESTS_UNIT_PATH_FIXTURE_H
#define SPOOR_TESTS_UNIT_PATH_FIXTURE_H

#include "correlate/path.h"
#include "tests/unit/test.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLACK_MS 2000
#define SIGNIFICANT 5

/* A view as a person would write it: node N has exporter 10.255.0.N. Times in milliseconds. */
struct row {
	uint32_t node, interface;
	const char *src, *dst;
	int64_t start_ms, end_ms;
	double score;
	bool is_target;
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
			.is_significant = r->score >= SIGNIFICANT,
			.is_target = r->is_target,
			.hop = 77,
		};
		assert_ok(endpoint_parse(r->src, &m->src));
		assert_ok(endpoint_parse(r->dst, &m->dst));
	}
	return count;
}

#endif
