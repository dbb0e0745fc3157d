/* fuzz_memory - what a decoder finds on disk of its exporters: keys and values, whatever they are.
 */
#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/memory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

/* What was taken packs into what is taken again. */
static void check_stream(void *ctx, const struct stream *s)
{
	struct flow_decoder *again = ctx;
	uint8_t key[MEMORY_KEY], room[MEMORY_MAX];

	for (size_t i = 0; i < template_count(s->templates); i++) {
		const struct template *t = template_at(s->templates, i);
		size_t len = memory_pack(s, t->id, t, room);

		memory_key(s, t->id, key);
		must(len > 0);
		must(memory_recall(again, key, bytes_of(room, len), t->received_ms) == ERR_OK);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flow_decoder *d = flow_decoder_new(8), *again = flow_decoder_new(8);
	struct bytes in = bytes_of(data, size);

	must(d != NULL && again != NULL);
	while (bytes_left(&in) >= MEMORY_KEY + 2 && !in.is_short) {
		uint8_t key[MEMORY_KEY];
		struct bytes value;

		bytes_copy(&in, key, sizeof(key));
		value = bytes_cut(&in, (size_t)bytes_uint(&in, 2));
		if (memory_recall(d, key, value, INT64_C(1795309531943)) != ERR_OK)
			continue;
	}
	must(d->budget.octets <= d->budget.octets_max);
	stream_each(d->streams, check_stream, again);
	flow_decoder_free(d);
	flow_decoder_free(again);
	return 0;
}
