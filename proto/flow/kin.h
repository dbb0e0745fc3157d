/*
 * kin - streams of one exporter address, version and domain, which differ in the source port alone.
 *
 * Two processes of one router differ so, and have nothing in common. But one process may change its
 * port: at a restart, behind a NAT, or with every datagram. A new port whose sequence goes on from
 * another's is that one's process: both are one stream. A port that has no template of its own may
 * be read by those of another where something speaks for it: what templates both have are the same,
 * or the other has fallen silent, or several others agree. It is never read so while two streams
 * live at the same time whose templates contradict each other; its records wait (pending.h).
 */
#ifndef SPOOR_PROTO_FLOW_KIN_H
#define SPOOR_PROTO_FLOW_KIN_H

#include "proto/flow/sets.h"

struct kin_message {
	uint16_t version;
	uint32_t domain, sequence;
	int64_t boot_ms;                  /* by its header; 0: not told */
	const struct sets_format *format; /* NULL: it has no templates */
	struct bytes sets;
};

/* As flow_stream(), the stream whose sequence the message goes on. */
struct stream *kin_stream(struct flow_decoder *d, const struct flow_origin *origin,
                          const struct kin_message *m);

/* Two sequences go on in the stream: whose port was taken for its own has one of them. */
void kin_part(struct flow_decoder *d, struct stream *leader);

/* Another's template by which a record of `s` may be read; NULL: there is none. Sampling follows.
 */
const struct template *kin_template(struct flow_decoder *d, struct stream *s, uint16_t id,
                                    int64_t now_ms);

#endif
