/*
 * sets - the body of a NetFlow v9 or IPFIX message: sets of templates, of options templates, and of
 * records that are laid out as one of those says, in any order and applied in that order.
 *
 * Records whose template has not come wait for it, within bounds (pending.h). Records that cannot
 * be of their template, because what is left of the set is not padding, are not taken: the exporter
 * has given its id to another meanwhile.
 */
#ifndef SPOOR_PROTO_FLOW_SETS_H
#define SPOOR_PROTO_FLOW_SETS_H

#include "proto/flow/record.h"

struct sets_format {
	uint16_t template_id, options_id; /* of sets that define */
	bool has_enterprise;              /* and withdrawals, and values of variable length */
	bool has_scope_octets; /* an options template says its parts' lengths, not counts */
	/* Of one that does not tell its length: does another begin there? NULL: it tells. */
	bool (*begins_another)(const struct record_context *c, struct bytes in);
};

struct sets_sum {
	uint32_t records;   /* of data, as an IPFIX sequence counts them */
	uint32_t options;   /* among them */
	uint32_t templates; /* of both kinds, withdrawals too */
	bool is_whole;      /* all of them could be counted */
	const uint8_t *end; /* where another message begins, or what was given ends */
};

/* Lets go of the stream's templates, and of what was kept of them. */
void sets_forget(struct flow_decoder *d, struct stream *s);

/*
 * The exporter has started anew: its templates may be others by now. Records wait for them to be
 * told again, for a minute and as many as pending.h has room for; then they are what they were.
 */
void sets_doubt(struct stream *s, int64_t now_ms);

/* Nothing more will come in this session: what waits only for templates in doubt is read. */
void sets_release(struct flow_decoder *d, uint32_t session, struct flow_batch *out);

/* Does the message define a template in another way than `set` does? */
bool sets_contradict(const struct sets_format *format, struct bytes in, struct template_set *set);

/* See flow_settle(). */
void sets_settle(struct flow_decoder *d, int64_t now_ms, struct flow_batch *out);

struct sets_sum sets_decode(struct flow_decoder *d, const struct record_context *c,
                            const struct sets_format *format, struct bytes in,
                            struct flow_batch *out);

#endif
