/*
 * uptime - when a flow began whose first and last packet are told as the exporter's uptime, in 32
 * bits of milliseconds, which begin anew every 49.7 days.
 *
 * The last packet's is near its export, and tied to the wall clock by that (netflow5.h). The first
 * was before the last, by less than the 49.7 days that two such numbers can be apart; a flow that
 * was open for more than 24.8 days is out of reach of the export. Where the first seems the later
 * one by no more than a day, exporters round, or write the two the wrong way round: then the flow
 * is an instant, at its end.
 */
#ifndef SPOOR_PROTO_FLOW_UPTIME_H
#define SPOOR_PROTO_FLOW_UPTIME_H

#include <stdbool.h>
#include <stdint.h>

#define UPTIME_LATER_MS 86400000

/* How long it lasted; `*ret_is_clamped`: its first packet was told as the later one. */
static inline uint32_t uptime_lasted(uint32_t first, uint32_t last, bool *ret_is_clamped)
{
	uint32_t lasted = last - first;

	*ret_is_clamped = lasted > UINT32_MAX - UPTIME_LATER_MS;
	return *ret_is_clamped ? 0 : lasted;
}

#endif
