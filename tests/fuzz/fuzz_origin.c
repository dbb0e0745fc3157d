#include "origin/record.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record that passes is the same after packing, and names its kind and its type. */
static void read_one(const uint8_t *data, size_t size)
{
	uint8_t again[RECORD_OCTETS];
	struct origin_record r;

	if (record_unpack(data, size, &r) != ERR_OK)
		return;
	record_pack(&r, again);
	if (memcmp(again, data, RECORD_OCTETS) != 0 ||
	    strcmp(record_kind_name(r.head.kind), "unknown") == 0 ||
	    r.origin.type >= ORIGIN_TYPE_COUNT || r.last.type >= ORIGIN_TYPE_COUNT)
		abort();
}

/* Once as it came, and once with a head and a tail that let the parts between be met. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t head[] = {RECORD_OCTETS & 0xff, RECORD_OCTETS >> 8, ORIGIN_ABI_MAJOR};
	uint8_t octets[RECORD_OCTETS] = {0};

	read_one(data, size);
	memcpy(octets, data, size < sizeof(octets) ? size : sizeof(octets));
	memcpy(octets, head, sizeof(head));
	memset(octets + offsetof(struct origin_record, reserved), 0,
	       sizeof(((struct origin_record *)0)->reserved));
	read_one(octets, sizeof(octets));
	return 0;
}
