#include "store/edgepage.h"

#include "base/bytes.h"
#include "base/util.h"

#include <string.h>
#include <xxhash.h>

#define MAGIC 0x53505245 /* "SPRE" */
#define VERSION 1
#define COUNTS_AT 6
#define HEADER_LEN 22
#define ROW_LEN 11 /* of the directory: first unit, bits of a step, check, where its octets end */
#define HASH_LEN 3
#define BITS_MAX EDGEPAGE_TIME_BITS

static uint32_t buckets_of(uint32_t count)
{
	return (count + EDGEPAGE_BUCKET - 1) / EDGEPAGE_BUCKET;
}

static size_t bucket_len(size_t count, unsigned bits)
{
	return (count * bits + 7) / 8 + count * HASH_LEN;
}

size_t edgepage_bound(size_t count)
{
	return HEADER_LEN + (count / EDGEPAGE_BUCKET + 2) * (ROW_LEN + 1) +
	       bucket_len(count, BITS_MAX);
}

/* --- writing --- */

static unsigned bits_for(const uint64_t *rows, size_t count)
{
	uint32_t most = 0;
	unsigned bits = 0;

	for (size_t i = 1; i < count; i++)
		most |= edgepage_unit(rows[i]) - edgepage_unit(rows[i - 1]);
	while (most >> bits != 0)
		bits++;
	return bits;
}

static uint8_t *put_steps(const uint64_t *rows, size_t count, unsigned bits, uint8_t *at)
{
	uint64_t held = 0; /* bits that are no whole octet yet */
	unsigned holds = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t step = i == 0 ? 0 : edgepage_unit(rows[i]) - edgepage_unit(rows[i - 1]);

		held |= (uint64_t)step << holds;
		for (holds += bits; holds >= 8; holds -= 8) {
			*at++ = (uint8_t)held;
			held >>= 8;
		}
	}
	if (holds > 0)
		*at++ = (uint8_t)held;
	return at;
}

static uint8_t *put_hashes(const uint64_t *rows, size_t count, uint8_t *at)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t hash = edgepage_hash(rows[i]);

		*at++ = (uint8_t)hash;
		*at++ = (uint8_t)(hash >> 8);
		*at++ = (uint8_t)(hash >> 16);
	}
	return at;
}

static uint32_t check_of(const uint8_t *at, size_t len, bool is_back, uint32_t i)
{
	return (uint32_t)XXH3_64bits_withSeed(at, len, (uint64_t)is_back << 32 | i);
}

static uint8_t *put_kind(const uint64_t *rows, size_t count, bool is_back, struct octets *directory,
                         const uint8_t *data, uint8_t *at)
{
	for (size_t from = 0; from < count; from += EDGEPAGE_BUCKET) {
		size_t some = MIN(count - from, EDGEPAGE_BUCKET);
		unsigned bits = bits_for(rows + from, some);
		uint8_t *start = at;

		at = put_steps(rows + from, some, bits, at);
		at = put_hashes(rows + from, some, at);
		octets_uint(directory, edgepage_unit(rows[from]), 2);
		octets_uint(directory, bits, 1);
		octets_uint(directory,
		            check_of(start, (size_t)(at - start), is_back,
		                     (uint32_t)(from / EDGEPAGE_BUCKET)),
		            4);
		octets_uint(directory, (uint64_t)(at - data), 4);
	}
	return at;
}

/* Of the directory, seeded with that of what is before. */
uint64_t edgepage_checksum(const uint8_t *data, size_t len)
{
	struct bytes in = bytes_of(data + COUNTS_AT, 8);
	uint32_t leaves = (uint32_t)bytes_uint(&in, 4), backs = (uint32_t)bytes_uint(&in, 4);
	size_t directory = ((size_t)buckets_of(leaves) + buckets_of(backs)) * ROW_LEN;

	return XXH3_64bits_withSeed(data + HEADER_LEN, MIN(directory, len - HEADER_LEN),
	                            XXH3_64bits(data, EDGEPAGE_CHECKSUM_AT));
}

size_t edgepage_encode(const uint64_t *rows, size_t count, uint8_t *room)
{
	uint32_t leaves = 0, backs;
	struct octets header = octets_of(room, HEADER_LEN), directory;
	uint8_t *data, *at;

	CHECK(count > 0);
	CHECK(count <= EDGEPAGE_EDGES_MAX);
	while (leaves < count && rows[leaves] < edgepage_row(true, 0, 0))
		leaves++;
	backs = (uint32_t)count - leaves;
	directory = octets_of(room + HEADER_LEN,
	                      ((size_t)buckets_of(leaves) + buckets_of(backs)) * ROW_LEN);
	data = directory.end;
	at = put_kind(rows, leaves, false, &directory, data, data);
	at = put_kind(rows + leaves, backs, true, &directory, data, at);
	octets_uint(&header, MAGIC, 4);
	octets_uint(&header, VERSION, 2);
	octets_uint(&header, leaves, 4);
	octets_uint(&header, backs, 4);
	octets_uint(&header, edgepage_checksum(room, (size_t)(at - room)), 8);
	return (size_t)(at - room);
}

/* --- reading --- */

enum err edgepage_open(const void *data, size_t len, struct edgepage *ret)
{
	struct bytes in = bytes_of(data, len);
	uint64_t magic = bytes_uint(&in, 4), version = bytes_uint(&in, 2), sum;
	size_t directory;

	*ret = (struct edgepage){.directory = NULL};
	ret->counts[0] = (uint32_t)bytes_uint(&in, 4);
	ret->counts[1] = (uint32_t)bytes_uint(&in, 4);
	sum = bytes_uint(&in, 8);
	if (in.is_short)
		return ERR_SHORT;
	if (magic != MAGIC || ret->counts[0] > EDGEPAGE_EDGES_MAX ||
	    ret->counts[1] > EDGEPAGE_EDGES_MAX)
		return ERR_FORMAT;
	if (version != VERSION)
		return ERR_VERSION;
	ret->buckets[0] = buckets_of(ret->counts[0]);
	ret->buckets[1] = buckets_of(ret->counts[1]);
	directory = ((size_t)ret->buckets[0] + ret->buckets[1]) * ROW_LEN;
	if (bytes_left(&in) < directory)
		return ERR_SHORT;
	if (edgepage_checksum(data, len) != sum)
		return ERR_CORRUPT;
	ret->directory = in.at;
	ret->data = in.at + directory;
	ret->data_len = len - HEADER_LEN - directory;
	return ERR_OK;
}

static const uint8_t *row_at(const struct edgepage *p, bool is_back, uint32_t i)
{
	return p->directory + ((is_back ? p->buckets[0] : 0) + (size_t)i) * ROW_LEN;
}

uint32_t edgepage_begin(const struct edgepage *p, bool is_back, uint32_t i)
{
	const uint8_t *row = row_at(p, is_back, i);

	return (uint32_t)row[0] << 8 | row[1];
}

uint32_t edgepage_find(const struct edgepage *p, bool is_back, uint32_t unit)
{
	uint32_t low = 0, high = p->buckets[is_back];

	while (low < high) { /* the first that begins at `unit` or after */
		uint32_t middle = low + (high - low) / 2;

		if (edgepage_begin(p, is_back, middle) < unit)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

static void get_times(const uint8_t *at, size_t count, unsigned bits, uint32_t unit, uint64_t *ret)
{
	uint64_t held = 0;
	unsigned holds = 0;

	for (size_t i = 0; i < count; i++) {
		while (holds < bits) {
			held |= (uint64_t)*at++ << holds;
			holds += 8;
		}
		unit += (uint32_t)(held & ((UINT64_C(1) << bits) - 1));
		held >>= bits;
		holds -= bits;
		ret[i] = (uint64_t)(unit & 0xffff) << EDGEPAGE_HASH_BITS;
	}
}

enum err edgepage_read(const struct edgepage *p, bool is_back, uint32_t i,
                       uint64_t ret[EDGEPAGE_BUCKET], size_t *ret_count)
{
	const uint8_t *row = row_at(p, is_back, i), *hashes;
	struct bytes in = bytes_of(row, ROW_LEN), before = bytes_of(row - 4, 4);
	uint32_t unit = (uint32_t)bytes_uint(&in, 2);
	unsigned bits = (unsigned)bytes_uint(&in, 1);
	uint64_t check = bytes_uint(&in, 4), to = bytes_uint(&in, 4);
	uint64_t from = row == p->directory ? 0 : bytes_uint(&before, 4);
	size_t count = MIN(p->counts[is_back] - (size_t)i * EDGEPAGE_BUCKET, EDGEPAGE_BUCKET);

	*ret_count = 0;
	if (bits > BITS_MAX || from > to || to > p->data_len ||
	    to - from != bucket_len(count, bits) ||
	    check_of(p->data + from, (size_t)(to - from), is_back, i) != check)
		return ERR_CORRUPT;
	get_times(p->data + from, count, bits, unit, ret);
	hashes = p->data + to - count * HASH_LEN;
	for (size_t k = 0; k < count; k++, hashes += HASH_LEN)
		ret[k] |= (uint64_t)is_back << (EDGEPAGE_HASH_BITS + EDGEPAGE_TIME_BITS) |
		          hashes[0] | (uint64_t)hashes[1] << 8 | (uint64_t)hashes[2] << 16;
	*ret_count = count;
	return ERR_OK;
}
