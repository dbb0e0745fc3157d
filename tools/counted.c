#include "tools/counted.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "tools/json.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_LEN 40

struct part { /* of a structure, one behind the other */
	uint8_t len;
	const char *name;
};

/* clang-format off */
static const struct part interface_parts[] = {
	{4, "ifIndex"}, {4, "ifType"}, {8, "ifSpeed"}, {4, "ifDirection"}, {4, "ifStatus"},
	{8, "ifInOctets"}, {4, "ifInUcastPkts"}, {4, "ifInMulticastPkts"}, {4, "ifInBroadcastPkts"},
	{4, "ifInDiscards"}, {4, "ifInErrors"}, {4, "ifInUnknownProtos"},
	{8, "ifOutOctets"}, {4, "ifOutUcastPkts"}, {4, "ifOutMulticastPkts"}, {4, "ifOutBroadcastPkts"},
	{4, "ifOutDiscards"}, {4, "ifOutErrors"}, {4, "ifPromiscuousMode"},
};

static const struct part ethernet_parts[] = {
	{4, "dot3StatsAlignmentErrors"}, {4, "dot3StatsFCSErrors"},
	{4, "dot3StatsSingleCollisionFrames"}, {4, "dot3StatsMultipleCollisionFrames"},
	{4, "dot3StatsSQETestErrors"}, {4, "dot3StatsDeferredTransmissions"},
	{4, "dot3StatsLateCollisions"}, {4, "dot3StatsExcessiveCollisions"},
	{4, "dot3StatsInternalMacTransmitErrors"}, {4, "dot3StatsCarrierSenseErrors"},
	{4, "dot3StatsFrameTooLongs"}, {4, "dot3StatsInternalMacReceiveErrors"},
	{4, "dot3StatsSymbolErrors"},
};

static const struct part queue_parts[] = {{4, "queue"}};
static const struct part discard_parts[] = {
	{4, "drops"}, {4, "inputifindex"}, {4, "outputifindex"}, {4, "reason"},
};

static const struct {
	uint32_t type; /* enterprise << 12 | format */
	size_t count;
	const struct part *parts;
} structures[] = {
	{1, ARRAY_LEN(interface_parts), interface_parts},
	{2, ARRAY_LEN(ethernet_parts), ethernet_parts},
	{1036, ARRAY_LEN(queue_parts), queue_parts},
};

static const struct kind {
	uint32_t type; /* of the sample */
	bool is_expanded;
	const char *key;
	size_t count; /* of what stands before its records */
	const struct part *parts;
} kinds[] = {
	{2, false, "counters", 0, NULL},
	{4, true, "counters", 0, NULL},
	{5, true, "discarded", ARRAY_LEN(discard_parts), discard_parts},
};
/* clang-format on */

static void put_parts(json_t *into, const struct part *parts, size_t count, struct bytes *in)
{
	for (size_t i = 0; i < count && bytes_left(in) >= parts[i].len; i++) {
		uint64_t value = bytes_uint(in, parts[i].len);

		json_object_set_new(into, parts[i].name,
		                    json_integer((json_int_t)MIN(value, INT64_MAX)));
	}
}

static void put_octets(json_t *into, uint32_t type, struct bytes in)
{
	char name[NAME_MAX_LEN];

	snprintf(name, sizeof(name), "%u:%u", type >> 12, type & 0xfff);
	json_object_set_new(into, name, json_hex(in.at, bytes_left(&in)));
}

/* XDR's string: its length, and so many octets. */
static json_t *name_of(struct bytes in)
{
	struct bytes text = bytes_cut(&in, (size_t)bytes_uint(&in, 4));

	return in.is_short ? NULL : json_stringn((const char *)text.at, bytes_left(&text));
}

static void put_record(json_t *into, uint32_t type, struct bytes in)
{
	enum { PORT_NAME = 1005 };
	json_t *name = type == PORT_NAME ? name_of(in) : NULL;

	if (name != NULL) {
		json_object_set_new(into, "port_name", name);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(structures); i++) {
		if (structures[i].type == type) {
			put_parts(into, structures[i].parts, structures[i].count, &in);
			return;
		}
	}
	put_octets(into, type, in);
}

static void put_records(json_t *into, struct bytes in)
{
	uint32_t count = (uint32_t)bytes_uint(&in, 4);

	while (count-- > 0 && bytes_left(&in) > 0) {
		uint32_t type = (uint32_t)bytes_uint(&in, 4);
		size_t len = (size_t)bytes_uint(&in, 4);
		struct bytes record = bytes_cut(&in, len);

		if (in.is_short)
			return;
		put_record(into, type, record);
		in.at += MIN(-len & 3, bytes_left(&in));
	}
}

static const struct kind *kind_of(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}

json_t *counted_of(const struct flow_origin *origin, const struct stream *s, uint32_t type,
                   struct bytes sample)
{
	static const struct addr unknown;
	char exporter[ADDR_TEXT_MAX], agent[ADDR_TEXT_MAX], received[TIMESTAMP_TEXT_MAX];
	const struct kind *kind = kind_of(type);
	uint32_t sequence, source_type, source_index;
	bool is_known = !addr_equal(&origin->from.addr, &unknown);
	json_t *members;

	if (kind == NULL)
		return NULL;
	members = json_object();
	sequence = (uint32_t)bytes_uint(&sample, 4);
	source_type = (uint32_t)bytes_uint(&sample, 4);
	source_index =
		kind->is_expanded ? (uint32_t)bytes_uint(&sample, 4) : source_type & 0xffffff;
	put_parts(members, kind->parts, kind->count, &sample);
	put_records(members, sample);
	addr_print(&origin->from.addr, exporter);
	addr_print(&s->key.agent, agent);
	return json_pack("{s:o, s:I, s:I, s:I, s:s?, s:s, s:I, s:i, s:s, s:s}", kind->key, members,
	                 "source_type",
	                 (json_int_t)(kind->is_expanded ? source_type : source_type >> 24),
	                 "source_index", (json_int_t)source_index, "sequence", (json_int_t)sequence,
	                 "exporter", is_known ? exporter : NULL, "agent", agent, "domain",
	                 (json_int_t)s->key.domain, "version", 5, "format", "sflow", "received",
	                 timestamp_print(origin->received_ms, received));
}
