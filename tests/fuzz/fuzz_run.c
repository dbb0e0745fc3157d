#include "base/bytes.h"
#include "store/run.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_up(const uint8_t *data, size_t size)
{
	struct run run;
	uint16_t which;

	if (run_open(data, size, &run) != ERR_OK)
		return;
	if (run.block_count > RUN_BLOCKS)
		abort();
	for (uint64_t hash = 0; hash <= UINT32_MAX; hash += UINT32_MAX / 64)
		(void)(run_find(&run, data, size, (uint32_t)hash, 32, &which) == ERR_OK);
}

/* Once as it came, and once with a header's checksum that fits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head = size > 6 ? 52 + (size_t)data[6] * 16 : SIZE_MAX;
	struct octets sum;
	uint8_t *copy;

	look_up(data, size);
	if (size < 8 || head > size - 8)
		return 0;
	copy = malloc(size);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	sum = octets_of(copy + head, 8);
	octets_uint(&sum, XXH3_64bits(copy, head), 8);
	look_up(copy, size);
	free(copy);
	return 0;
}
