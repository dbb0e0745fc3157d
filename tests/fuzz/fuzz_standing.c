/*
 * fuzz_standing - watches, and what they have found, as they are kept on disk.
 *
 * The first octet chooses which. What is taken must be sound, and packed again be taken again.
 */
#include "base/util.h"
#include "node/standing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static void check_watch(struct bytes in)
{
	struct interval room[QUERY_INTERVALS_MAX], again_room[QUERY_INTERVALS_MAX];
	struct connection target, again_target;
	struct standing s, again;
	uint8_t octets[STANDING_MAX];
	size_t len;

	if (standing_read(in, &s, &target, room) != ERR_OK)
		return;
	must(target.on_count >= 1 && target.on_count <= QUERY_INTERVALS_MAX);
	must(s.severity < SEVERITY_END && s.every_ms > 0 && s.timeout_ms > 0);
	must(target.low_ms <= 0 && target.high_ms >= 0 && s.lost <= QUERY_LOST_MAX);
	for (size_t i = 0; i < target.on_count; i++) {
		must(room[i].start_ms <= room[i].end_ms);
		must(i == 0 || room[i].start_ms - room[i - 1].end_ms > target.gap_ms);
	}
	len = standing_pack(&s, &target, octets);
	must(len == 0 ||
	     standing_read(bytes_of(octets, len), &again, &again_target, again_room) == ERR_OK);
	must(len == 0 || again_target.on_count == target.on_count);
	must(len == 0 || (again_target.low_ms == target.low_ms && again.lost == s.lost));
}

static void check_found(struct bytes in)
{
	struct discovery f, again;
	uint8_t octets[STANDING_MAX];
	uint32_t watch, again_watch;
	size_t len;

	if (standing_read_found(in, &watch, &f) != ERR_OK)
		return;
	must(f.finding.life.start_ms <= f.finding.life.end_ms);
	len = standing_pack_found(watch, &f, octets);
	must(standing_read_found(bytes_of(octets, len), &again_watch, &again) == ERR_OK);
	must(watch == again_watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	if (bytes_uint(&in, 1) % 2 == 0)
		check_watch(in);
	else
		check_found(in);
	return 0;
}
