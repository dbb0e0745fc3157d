/* filter_value - what a filter compares with: words that are numbers, names, spans or addresses. */
#ifndef SPOOR_PROTO_FLOW_FILTER_VALUE_H
#define SPOOR_PROTO_FLOW_FILTER_VALUE_H

#include "proto/flow/filter.h"

struct filter_name {
	const char *name; /* NULL behind the last */
	uint64_t number;
};

struct filter_value {         /* a kind of them */
	const char *expected; /* how people are told of it */
	/* The values that `word`, in small letters, means; false when it is none of this kind. */
	bool (*read)(const struct filter_value *v, const char *word, struct filter_range *ret);
	uint64_t max;
	bool is_scaled; /* "10k" */
	bool is_addr;
	const struct filter_name *names; /* that stand for numbers, or NULL */
};

extern const struct filter_value filter_value_addr, filter_value_net, filter_value_port,
	filter_value_octet, filter_value_proto, filter_value_version, filter_value_vlan,
	filter_value_label, filter_value_index, filter_value_count, filter_value_span;

/* The net of an IPv4 address and a netmask that stands apart from it. */
bool filter_value_masked(const char *addr, const char *mask, struct filter_range *ret);

#endif
