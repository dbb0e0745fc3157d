#include "base/bytes.h"
#include "store/edgepage.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *data, size_t size)
{
	uint64_t rows[EDGEPAGE_BUCKET];
	struct edgepage page;
	size_t count;

	if (edgepage_open(data, size, &page) != ERR_OK)
		return;
	for (int kind = 0; kind < 2; kind++) {
		for (uint32_t i = 0; i < page.buckets[kind]; i++) {
			if (edgepage_read(&page, kind == 1, i, rows, &count) == ERR_OK &&
			    count > EDGEPAGE_BUCKET)
				abort();
		}
		for (uint32_t unit = 0; unit <= UINT16_MAX; unit += 4095) {
			if (edgepage_find(&page, kind == 1, unit) > page.buckets[kind])
				abort();
		}
	}
}

/* Once as it came, and once with a checksum that fits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct octets sum;
	uint8_t *copy;

	look(data, size);
	if (size < EDGEPAGE_CHECKSUM_AT + 8)
		return 0;
	copy = malloc(size);
	if (copy == NULL)
		abort();
	memcpy(copy, data, size);
	sum = octets_of(copy + EDGEPAGE_CHECKSUM_AT, 8);
	octets_uint(&sum, edgepage_checksum(copy, size), 8);
	look(copy, size);
	free(copy);
	return 0;
}
