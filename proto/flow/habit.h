/*
 * habit - what an exporter's sequence counts.
 *
 * Standards say: the flows before (NetFlow v5), the datagrams (v9, sFlow), the records of data
 * before (IPFIX, RFC 7011). Exporters do otherwise: they count those of the message itself, too
 * (softflowd; Open vSwitch's v5), leave out what options templates lay out, take in templates
 * (cento), count flows in v9 or messages in IPFIX, or never count. Each is a row of a table; a row
 * is believed when it was right again and again where the one before was wrong.
 */
#ifndef SPOOR_PROTO_FLOW_HABIT_H
#define SPOOR_PROTO_FLOW_HABIT_H

#include "proto/flow/sequence.h"

struct habit_message {
	uint32_t sequence;
	uint32_t records;   /* of data */
	uint32_t options;   /* records among them that are no flows */
	uint32_t templates; /* of both kinds, withdrawals too */
	bool is_whole;      /* all of that could be counted */
	int64_t boot_ms;    /* as of sequence_account() */
};

enum sequence habit_account(struct stream *s, const struct habit_message *m);

/* Is the number one that none of those before can have? False: it is not known. */
bool habit_is_next(const struct stream *s, uint32_t sequence);

size_t habit_count(uint16_t version); /* that there are for it; habit.is is less */

/* Flows that are missing: what is lost, or where datagrams are counted, as many as those that came
 * had. Of sFlow what is lost. */
uint64_t habit_lost_flows(const struct stream *s);

#endif
