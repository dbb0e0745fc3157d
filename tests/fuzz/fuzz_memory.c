/* fuzz_memory - what a decoder finds on disk of its exporters: keys and values, whatever they are.
 */
#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/clocks.h"
#include "proto/flow/memory.h"
#include "proto/flow/position.h"

#include <stdlib.h>
#include <string.h>

#define NOW_MS INT64_C(1795309531943)

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

/* Likewise. */
static void check_position(void *ctx, const struct stream *s)
{
	uint8_t key[MEMORY_KEY], room[POSITION_MAX];
	struct flow_decoder *again = ctx;

	if (!position_is_kept(s))
		return;
	memory_key(s, 0, key);
	must(position_recall(again, key, bytes_of(room, position_pack(s, room)), s->seen_ms) ==
	     ERR_OK);
}

/* Likewise; and what it says of any time is sound. */
static void check_clock(struct clocks *clocks, const uint8_t key[CLOCKS_KEY], struct bytes value)
{
	const struct clock_key of = clocks_key_read(key);
	uint8_t room[CLOCK_HISTORY_MAX];
	const struct clock_history *h;
	struct clock_history again;
	struct clock_estimate e;

	if (clocks_recall(clocks, key, value) != ERR_OK)
		return;
	h = clocks_find(clocks, &of);
	must(h != NULL);
	must(clock_history_unpack(bytes_of(room, clock_history_pack(h, room)), &again) == ERR_OK);
	for (int64_t at = 0; at < INT64_C(1) << 52; at = 2 * at + 1) {
		if (clock_model_at(h, at, &e) == ERR_OK)
			must(e.bound_ms >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct clocks *clocks = clocks_new();
	struct flow_decoder *d = flow_decoder_new(8, 0), *again = flow_decoder_new(8, 0);
	struct bytes in = bytes_of(data, size);

	must(d != NULL && again != NULL && clocks != NULL);
	while (!in.is_short && bytes_left(&in) >= MEMORY_KEY + 2) {
		uint8_t key[MEMORY_KEY];
		struct bytes value;

		bytes_copy(&in, key, sizeof(key));
		value = bytes_cut(&in, (size_t)bytes_uint(&in, 2));
		check_clock(clocks, key, value);
		(void)!memory_recall(d, key, value, NOW_MS);
		(void)!position_recall(d, key, value, NOW_MS);
	}
	must(d->budget.octets <= d->budget.octets_max);
	stream_each(d->streams, check_stream, again);
	stream_each(d->streams, check_position, again);
	flow_decoder_free(d);
	flow_decoder_free(again);
	clocks_free(clocks);
	return 0;
}
