#include "store/block.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static void fetch(const void *data, size_t len)
{
	must(memcmp(data, data, len) == 0); /* the sanitizer sees whether it is there */
}

/* In three steps it is the same. */
static void find_in_steps(struct block_codec *c, const uint8_t *data, size_t size,
                          const struct wish *wish, enum err expected, size_t expected_count)
{
	struct block_found found;
	struct flow *flows;
	size_t count;

	block_locate(c, data, size, wish, fetch, &found);
	block_prepare(c, data, size, wish, fetch, &found);
	must(block_decode_found(c, data, size, wish, &found, &flows, &count) == expected);
	must(expected != ERR_OK || count == expected_count);
}

/* Whoever asks for the ends of a flow finds it, and else those that have them. */
static void find(struct block_codec *c, const uint8_t *data, size_t size, const struct flow *flow,
                 size_t expected)
{
	const struct whom whom[] = {
		{.a = flow->src},
		{flow->src, flow->dst, flow->src_port, flow->dst_port, flow->proto, true},
	};

	for (size_t i = 0; i < 2; i++) {
		struct wish wish = {.when = INTERVAL_ALWAYS, .whom = &whom[i], .whom_count = 1};
		struct flow *found;
		size_t count;
		enum err err = block_decode(c, data, size, &wish, &found, &count);

		must(err == ERR_OK || expected == 0);
		for (size_t j = 0; err == ERR_OK && j < count; j++)
			must(wish_is_of(&wish, &found[j]));
		must(expected == 0 || count > 0);
		find_in_steps(c, data, size, &wish, err, count);
	}
}

/* Whom it has may not be found in one whose heads or directories lie, but nothing else happens. */
static void find_in_forged(struct block_codec *c, const struct block *block,
                           const struct flow *flow, const uint8_t *lie, size_t lie_len)
{
	uint8_t *copy = malloc(block->len);
	size_t room = block->len - BLOCK_HEADER_LEN, some = lie_len < 8 ? lie_len : 8;

	must(copy != NULL);
	memcpy(copy, block->data, block->len);
	for (size_t i = 0; i < some; i++)
		copy[BLOCK_HEADER_LEN + (lie[0] * 16u + i) % room] = lie[i];
	block_mend(c, copy, block->len);
	find(c, copy, block->len, flow, 0);
	free(copy);
}

/* What decodes must survive being written and read again. */
static void decode(const uint8_t *data, size_t size)
{
	struct block_codec *first = block_codec_new(1);
	struct block_codec *second = block_codec_new(1);
	const struct flow nobody = {.version = 0};
	struct flow *flows, *again, some;
	size_t count, again_count;
	struct block block;

	must(first != NULL && second != NULL);
	if (block_decode(first, data, size, NULL, &flows, &count) == ERR_OK) {
		must(block_encode(second, flows, count, &block) == ERR_OK);
		some = flows[count / 2];
		find(first, block.data, block.len, &some, 1);
		find_in_forged(first, &block, &some, data + size - (size < 8 ? size : 8),
		               size < 8 ? size : 8);
		must(block_decode(first, data, size, NULL, &flows, &count) == ERR_OK);
		must(block_decode(second, block.data, block.len, NULL, &again, &again_count) ==
		     ERR_OK);
		must(again_count == count);
		must(memcmp(again, flows, count * sizeof(*flows)) == 0);
	}
	find(first, data, size, &nobody, 0);
	block_codec_free(first);
	block_codec_free(second);
}

/* Once as it came, and once with checks that match, so that what they guard is met too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct block_codec *codec;
	uint8_t *copy;

	decode(data, size);
	if (size < BLOCK_HEADER_LEN)
		return 0;
	copy = malloc(size);
	codec = block_codec_new(1);
	must(copy != NULL && codec != NULL);
	memcpy(copy, data, size);
	for (size_t i = 0; i < 4; i++) /* the length that is there, big-endian at octet 20 */
		copy[20 + i] = (uint8_t)((size - BLOCK_HEADER_LEN) >> (24 - 8 * i));
	block_mend(codec, copy, size);
	block_codec_free(codec);
	decode(copy, size);
	free(copy);
	return 0;
}
