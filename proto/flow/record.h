/*
 * record - one record of a template, read as a flow; or, of an options template, what it says of
 * the exporter.
 */
#ifndef SPOOR_PROTO_FLOW_RECORD_H
#define SPOOR_PROTO_FLOW_RECORD_H

#include "proto/flow/datagram.h"
#include "proto/flow/template.h"

struct record_context { /* of a datagram */
	const struct flow_origin *origin;
	struct stream *stream;
	int64_t export_ms;
	uint32_t uptime; /* at the export, in ms or seconds; of NetFlow v9 alone: */
	bool has_uptime;
};

/*
 * The fields of the next record, of which `in` has at least t->min_len octets; moves behind it.
 * `back` is room for those of the other direction, which `ret` then refers to. ERR_SHORT: one of
 * variable length does not fit.
 */
MUST_USE enum err record_read(const struct template *t, struct bytes *in, struct values *ret,
                              struct values *back);

/*
 * Takes TCP's flags out of the records in `v->list`, a subTemplateMultiList (RFC 6313, section
 * 4.5.3), as YAF has them; everything else in there is of the flow's content. Lists in lists are
 * not looked into.
 */
void record_lists(const struct record_context *c, struct values *v, struct values *back);

/*
 * The flows that a record says: none, one, or with its reverse (RFC 5103; NSEL's responder) two.
 * DROP_ENDS: it does not tell both ends' addresses; DROP_RECORD_TIME: its times cannot be true. For
 * people (d->is_verbatim) neither: who is not told is nobody, and its times are as told.
 * What was put right is counted. Where `v` has a packet's first octets and no addresses, they are
 * taken from those.
 */
enum drop record_flows(const struct record_context *c, struct values *v, struct flow ret[2],
                       size_t *ret_count, struct flow_decoder *d);

/* Are times of the message at hand by its header, as coarse as one of whole seconds is? */
bool record_is_coarse(const struct stream *s);

/* An options record: sampling, and when the exporter started. */
void record_options(const struct record_context *c, const struct values *v, struct flow_decoder *d);

#endif
