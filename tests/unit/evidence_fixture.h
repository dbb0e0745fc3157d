/* evidence_fixture - a host's log of forty entries, a checkpoint every EVIDENCE_SPAN of them. */
#ifndef SPOOR_TESTS_UNIT_EVIDENCE_FIXTURE_H
#define SPOOR_TESTS_UNIT_EVIDENCE_FIXTURE_H

#include "proto/wire/evidence.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define LOG_LEN 40
#define PART_LEN 96 /* of each part */

struct host_log {
	struct holder host;
	uint8_t parts[LOG_LEN + 1][EVIDENCE_PARTS][PART_LEN]; /* by number, from 1 */
	struct leaf leaves[LOG_LEN + 1];
	struct id digests[LOG_LEN + 1];
	struct id heads[LOG_LEN + 1]; /* after the entry; [0]: before any */
	struct checkpoint_blob checkpoints[LOG_LEN + 1];
};

static inline struct checkpoint checkpoint_at(const struct host_log *l, uint64_t count)
{
	return (struct checkpoint){
		.host = l->host.card.id,
		.count = count,
		.head = l->heads[count],
		.at = {NOON},
		.health = {.kind = "kmod", .kernel = "6.1", .lost = 3, .canaries = 9},
	};
}

static inline bool has_checkpoint(size_t number)
{
	return number % EVIDENCE_SPAN == 0 || number == LOG_LEN;
}

static inline void log_make(struct host_log *l, const struct key_pair *root)
{
	l->host = host_of(root, 30, "stone");
	l->heads[0] = chain_begin(&l->host.card.id);
	for (size_t i = 1; i <= LOG_LEN; i++) {
		struct leaf *leaf = &l->leaves[i];
		struct checkpoint c;

		for (size_t k = 0; k < EVIDENCE_PARTS; k++) {
			memset(l->parts[i][k], (int)(10 * i + k), PART_LEN);
			memset(leaf->salts[k], (int)(i + 7 * k), EVIDENCE_SALT);
			leaf->parts[k] = bytes_of(l->parts[i][k], PART_LEN);
		}
		l->digests[i] = leaf_digest(leaf);
		l->heads[i] = chain_next(&l->heads[i - 1], &l->digests[i]);
		c = checkpoint_at(l, i);
		checkpoint_sign(&c, &l->host.operational, &l->checkpoints[i]);
	}
}

/* What shows entry `number` up to the next checkpoint. */
static inline struct showing show_entry(const struct host_log *l, size_t number, size_t shown)
{
	size_t end = number;

	while (!has_checkpoint(end))
		end++;
	return (struct showing){
		.card = &l->host.card,
		.checkpoint = &l->checkpoints[end],
		.number = number,
		.before = l->heads[number - 1],
		.leaf = &l->leaves[number],
		.shown = shown,
		.after = &l->digests[number + 1],
		.after_count = end - number,
	};
}

#endif
