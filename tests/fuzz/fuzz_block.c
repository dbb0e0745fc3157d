#include "store/block.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

/* What decodes must survive being written and read again. */
static void decode(const uint8_t *data, size_t size)
{
	struct block_codec *first = block_codec_new(1);
	struct block_codec *second = block_codec_new(1);
	struct flow *flows, *again;
	size_t count, again_count;
	struct block block;

	must(first != NULL && second != NULL);
	if (block_decode(first, data, size, NULL, &flows, &count) == ERR_OK) {
		must(block_encode(second, flows, count, &block) == ERR_OK);
		must(block_decode(second, block.data, block.len, NULL, &again, &again_count) ==
		     ERR_OK);
		must(again_count == count);
		must(memcmp(again, flows, count * sizeof(*flows)) == 0);
	}
	block_codec_free(first);
	block_codec_free(second);
}

/* Once as it came, and once with a checksum that matches, so that what it guards is met too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	decode(data, size);
	if (size < BLOCK_HEADER_LEN)
		return 0;
	copy = malloc(size);
	must(copy != NULL);
	memcpy(copy, data, size);
	for (size_t i = 0; i < 4; i++) /* the length that is there, big-endian at octet 20 */
		copy[20 + i] = (uint8_t)((size - BLOCK_HEADER_LEN) >> (24 - 8 * i));
	for (size_t i = 0, sum = block_checksum(copy, size); i < 8; i++)
		copy[BLOCK_HEADER_LEN - 8 + i] = (uint8_t)(sum >> (56 - 8 * i));
	decode(copy, size);
	free(copy);
	return 0;
}
