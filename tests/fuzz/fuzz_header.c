/* fuzz_header - the first octets of a packet, behind one that says which layer they begin with. */
#include "base/bytes.h"
#include "proto/flow/packet_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet_header h;
	uint8_t *copy;

	if (size == 0)
		return 0;
	copy = malloc(size); /* its own, so that its end is guarded */
	must(copy != NULL);
	memcpy(copy, data, size);
	if (!packet_header_read(copy[0], bytes_of(copy + 1, size - 1), &h))
		must(h.src_port == 0 && h.dst_port == 0 && h.tcp_flags == 0);
	else
		must(addr_is_v4(&h.src) == addr_is_v4(&h.dst) || !addr_is_v4(&h.src) ||
		     !addr_is_v4(&h.dst));
	must(h.vlan <= 4095 && h.vlan_inner <= 4095 && h.mpls < 1u << 20);
	free(copy);
	return 0;
}
