#include "store/run.h"

#include "base/util.h"

#include <string.h>
#include <xxhash.h>

#define MAGIC 0x53505249 /* "SPRI" */
#define VERSION 2
#define FIXED_LEN 52 /* of the header, before its blocks */
#define BLOCK_LEN 16
#define CHECKSUM_LEN 8
#define BUCKET_LEN 6 /* where it ends, as a count of entries; its check */
#define ENTRY_LEN 2
#define REST_BITS 12 /* of a hash, in an entry */
#define BUCKET_ENTRIES_BITS 6
#define IS_LACKING (UINT32_C(1) << 31) /* beside the gap */

/* Buckets of 32 to 64 entries. */
static uint8_t bits_for(uint32_t entries)
{
	uint8_t bits = 0;

	while (bits < RUN_BITS_MIN && entries >> bits > 1u << BUCKET_ENTRIES_BITS)
		bits++;
	return bits;
}

static size_t header_len(uint8_t block_count)
{
	return FIXED_LEN + (size_t)block_count * BLOCK_LEN + CHECKSUM_LEN;
}

static size_t len_of(uint8_t block_count, uint8_t bucket_bits, uint32_t entries)
{
	return header_len(block_count) + ((size_t)1 << bucket_bits) * BUCKET_LEN +
	       (size_t)entries * ENTRY_LEN;
}

size_t run_len(uint8_t block_count, uint32_t entries)
{
	return len_of(block_count, bits_for(entries), entries);
}

size_t run_scratch(uint32_t entries)
{
	return ((size_t)1 << bits_for(entries)) * sizeof(uint32_t) + entries * sizeof(uint16_t);
}

static uint32_t bucket_of(uint32_t hash, uint8_t bucket_bits)
{
	return bucket_bits == 0 ? 0 : hash >> (32 - bucket_bits);
}

static uint32_t rest_of(uint32_t hash, uint8_t bucket_bits)
{
	return hash << bucket_bits >> (32 - REST_BITS);
}

static uint16_t check_of(const uint8_t *entries, size_t len, uint32_t bucket)
{
	return (uint16_t)XXH3_64bits_withSeed(entries, len, bucket);
}

static void header_put(const struct run *run, uint8_t *room)
{
	size_t len = header_len(run->block_count);
	struct octets o = octets_of(room, len);

	octets_uint(&o, MAGIC, 4);
	octets_uint(&o, VERSION, 2);
	octets_uint(&o, run->block_count, 1);
	octets_uint(&o, run->bucket_bits, 1);
	octets_uint(&o, run->entries, 4);
	octets_uint(&o, (uint64_t)run->span.start_ms, 8);
	octets_uint(&o, (uint64_t)run->span.end_ms, 8);
	octets_uint(&o, run->flows, 4);
	octets_uint(&o, run->connections, 4);
	octets_uint(&o, run->edges.gap_ms | (run->edges.is_lacking ? IS_LACKING : 0), 4);
	octets_uint(&o, run->edges.octets, 4);
	octets_uint(&o, run->edges.hours, 8);
	for (size_t i = 0; i < run->block_count; i++) {
		octets_uint(&o, run->blocks[i].hour, 8);
		octets_uint(&o, run->blocks[i].sequence, 8);
	}
	octets_uint(&o, XXH3_64bits(room, len - CHECKSUM_LEN), CHECKSUM_LEN);
	CHECK(!o.is_full);
}

/* `ends` become where each bucket ends in `entries`. */
static void scatter(const struct run *run, const struct run_source sources[RUN_BLOCKS],
                    uint32_t *ends, uint16_t *entries)
{
	size_t buckets = (size_t)1 << run->bucket_bits;
	uint32_t before = 0;

	memset(ends, 0, buckets * sizeof(*ends));
	for (size_t i = 0; i < run->block_count; i++) {
		for (size_t j = 0; j < sources[i].count; j++)
			ends[bucket_of(sources[i].hashes[j], run->bucket_bits)]++;
	}
	for (size_t i = 0; i < buckets; i++) { /* where each begins, which moves to its end */
		uint32_t count = ends[i];

		ends[i] = before;
		before += count;
	}
	for (size_t i = 0; i < run->block_count; i++) {
		for (size_t j = 0; j < sources[i].count; j++) {
			uint32_t hash = sources[i].hashes[j];
			uint32_t *at = &ends[bucket_of(hash, run->bucket_bits)];

			entries[(*at)++] = (uint16_t)(rest_of(hash, run->bucket_bits) << 4 | i);
		}
	}
}

void run_encode(struct run *run, const struct run_source sources[RUN_BLOCKS], void *scratch,
                uint8_t *room)
{
	uint32_t *ends = scratch;
	uint16_t *entries;
	struct octets table, out;
	uint32_t from = 0;

	run->entries = 0;
	for (size_t i = 0; i < run->block_count; i++)
		run->entries += (uint32_t)sources[i].count;
	run->bucket_bits = bits_for(run->entries);
	entries = (uint16_t *)(ends + ((size_t)1 << run->bucket_bits));
	header_put(run, room);
	table = octets_of(room + header_len(run->block_count),
	                  ((size_t)1 << run->bucket_bits) * BUCKET_LEN);
	out = octets_of(table.end, (size_t)run->entries * ENTRY_LEN);
	scatter(run, sources, ends, entries);
	for (uint32_t i = 0; i < 1u << run->bucket_bits; i++) {
		uint8_t *start = out.at;

		for (uint32_t j = from; j < ends[i]; j++) {
			*out.at++ = (uint8_t)(entries[j] >> 8);
			*out.at++ = (uint8_t)entries[j];
		}
		from = ends[i];
		octets_uint(&table, from, 4);
		octets_uint(&table, check_of(start, (size_t)(out.at - start), i), 2);
	}
	CHECK(out.at == out.end);
}

enum err run_open(const void *data, size_t len, struct run *ret)
{
	struct bytes in = bytes_of(data, len);
	uint64_t magic = bytes_uint(&in, 4);
	uint64_t version = bytes_uint(&in, 2);
	struct run run = {.entries = 0};

	run.block_count = (uint8_t)bytes_uint(&in, 1);
	run.bucket_bits = (uint8_t)bytes_uint(&in, 1);
	run.entries = (uint32_t)bytes_uint(&in, 4);
	run.span.start_ms = (int64_t)bytes_uint(&in, 8);
	run.span.end_ms = (int64_t)bytes_uint(&in, 8);
	run.flows = (uint32_t)bytes_uint(&in, 4);
	run.connections = (uint32_t)bytes_uint(&in, 4);
	run.edges.gap_ms = (uint32_t)bytes_uint(&in, 4);
	run.edges.is_lacking = (run.edges.gap_ms & IS_LACKING) != 0;
	run.edges.gap_ms &= ~IS_LACKING;
	run.edges.octets = (uint32_t)bytes_uint(&in, 4);
	run.edges.hours = bytes_uint(&in, 8);
	if (in.is_short)
		return ERR_SHORT;
	if (magic != MAGIC || version != VERSION || run.block_count > RUN_BLOCKS ||
	    run.entries > RUN_ENTRIES_MAX || run.bucket_bits != bits_for(run.entries))
		return ERR_FORMAT;
	for (size_t i = 0; i < run.block_count; i++) {
		run.blocks[i].hour = bytes_uint(&in, 8);
		run.blocks[i].sequence = bytes_uint(&in, 8);
	}
	if (in.is_short || len < len_of(run.block_count, run.bucket_bits, run.entries))
		return ERR_SHORT;
	if (len > len_of(run.block_count, run.bucket_bits, run.entries))
		return ERR_FORMAT;
	if (bytes_uint(&in, CHECKSUM_LEN) !=
	    XXH3_64bits(data, header_len(run.block_count) - CHECKSUM_LEN))
		return ERR_CORRUPT;
	*ret = run;
	return ERR_OK;
}

static uint64_t number_at(const uint8_t *at, size_t len)
{
	struct bytes in = bytes_of(at, len);

	return bytes_uint(&in, len);
}

static const uint8_t *table_of(const struct run *run, const void *data)
{
	return (const uint8_t *)data + header_len(run->block_count);
}

/* With the row before it, where there is one: that says where the first entry lies. */
struct bytes run_row(const struct run *run, const void *data, uint32_t hash)
{
	uint32_t bucket = bucket_of(hash, run->bucket_bits);
	size_t rows = bucket == 0 ? 1 : 2;

	return bytes_of(table_of(run, data) + (bucket + 1 - rows) * BUCKET_LEN, rows * BUCKET_LEN);
}

struct bytes run_entries(const struct run *run, const void *data, uint32_t hash)
{
	const uint8_t *entries = table_of(run, data) + ((size_t)1 << run->bucket_bits) * BUCKET_LEN;
	struct bytes row = run_row(run, data, hash);
	uint64_t from = bytes_left(&row) > BUCKET_LEN ? number_at(row.at, 4) : 0;
	uint64_t to = number_at(row.end - BUCKET_LEN, 4);

	if (from > to || to > run->entries)
		return bytes_of(entries, 0);
	return bytes_of(entries + from * ENTRY_LEN, (to - from) * ENTRY_LEN);
}

enum err run_find(const struct run *run, const void *data, size_t len, uint32_t hash, unsigned bits,
                  uint16_t *ret)
{
	/* What of the entries' bits is not known of the hash is not compared. */
	unsigned unknown = MAX((unsigned)run->bucket_bits + REST_BITS, bits) - bits;
	uint32_t rest = rest_of(hash, run->bucket_bits) >> unknown;
	struct bytes row, entries;

	*ret = 0;
	if (len != len_of(run->block_count, run->bucket_bits, run->entries))
		return ERR_CORRUPT;
	row = run_row(run, data, hash);
	entries = run_entries(run, data, hash);
	if (number_at(row.end - 2, 2) !=
	    check_of(entries.at, bytes_left(&entries), bucket_of(hash, run->bucket_bits)))
		return ERR_CORRUPT;
	while (bytes_left(&entries) > 0) {
		uint64_t entry = bytes_uint(&entries, ENTRY_LEN);

		if (entry >> (4 + unknown) == rest)
			*ret |= (uint16_t)(1u << (entry & 0xf));
	}
	return ERR_OK;
}

enum err run_verify(const struct run *run, const void *data, size_t len)
{
	enum err err = ERR_OK;
	uint16_t which;

	for (uint64_t i = 0; i < UINT64_C(1) << run->bucket_bits && err == ERR_OK; i++)
		err = run_find(run, data, len, (uint32_t)(i << (32 - run->bucket_bits)), 32,
		               &which);
	return err;
}
