/*
 * fuzz_flow - export datagrams of several processes into one decoder, and what they say of
 * translations into a table.
 *
 * The input is datagrams end to end, each behind two octets: the high five bits say which process
 * sent it, the low eleven how long it is.
 */
#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/datagram.h"
#include "proto/flow/translation_table.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static void check_flow(const struct flow *f, const struct flow_origin *origin)
{
	must(f->start_ms <= f->end_ms);
	must(f->sampling > 0);
	must(f->version == 5 || f->version == 9 || f->version == 10 || f->version == FLOW_SFLOW);
	must(f->received_ms <= origin->received_ms); /* it may have waited for its template */
	must(addr_equal(&f->exporter, &origin->from.addr));
}

static void check_event(const struct translation *e, const struct flow_origin *origin)
{
	must(e->event >= TRANSLATION_CREATE && e->event <= TRANSLATION_RELEASE);
	must(e->first <= e->last);
	must(e->since_ms <= e->at_ms);
	must(e->received_ms <= origin->received_ms);
}

static void check_stream(void *ctx, const struct stream *s)
{
	uint64_t *flows = ctx, open = 0;

	for (size_t i = 0; i < STREAM_GAPS; i++)
		open += s->gaps[i].end - s->gaps[i].start;
	must(open <= s->lost); /* what may still come late is missing now */
	must(s->late + s->duplicates + s->restarts <= s->datagrams);
	*flows += s->flows;
}

static void check_counters(const struct flow_decoder *d, uint64_t datagrams, uint64_t taken)
{
	const struct flow_counters *c = &d->counters;
	uint64_t dropped = 0, flows = 0;

	for (size_t i = 0; i < DROP_COUNT_OF; i++)
		dropped += i >= DROP_PARTS ? 0 : c->dropped[i];
	must(c->dropped[DROP_NONE] == 0);
	must(c->datagrams == datagrams);
	must(dropped + taken == datagrams);
	must(c->clamped <= c->flows);
	stream_each(d->streams, check_stream, &flows);
	must(flows <= c->flows); /* less where a stream made way for another */
}

/* What was said, and taken in. */
static void check_batch(struct flow_batch *batch, const struct flow_origin *origin,
                        struct translation_table *t)
{
	for (size_t i = 0; i < batch->count; i++) {
		check_flow(&batch->flows[i], origin);
		translation_table_flow(t, &batch->flows[i]);
	}
	for (size_t i = 0; i < batch->event_count; i++) {
		check_event(&batch->events[i], origin);
		translation_table_event(t, &batch->events[i]);
	}
	for (size_t i = 0; i < batch->said_count; i++) {
		const struct flow_said *said = &batch->said[i];

		must(said->flow < batch->count);
		must(i == 0 || said->flow > batch->said[i - 1].flow);
		must(said->nat_event != 0 || said->firewall_event != 0 || said->is_block);
		must(said->port_first <= said->port_last);
	}
	must(translation_table_count(t) <= 16);
}

/* Of an options record each octet is there. */
static void on_options(void *ctx, const struct flow_origin *origin, const struct stream *s,
                       const struct template *t, struct bytes record)
{
	uint64_t *octets = ctx;

	must(origin != NULL && s->serial != 0 && t->is_options);
	must(bytes_left(&record) >= t->min_len);
	while (bytes_left(&record) > 0)
		*octets += bytes_uint(&record, 1);
}

/* And of a sample. */
static void on_sample(void *ctx, const struct flow_origin *origin, const struct stream *s,
                      uint32_t type, struct bytes sample)
{
	uint64_t *octets = ctx;

	must(origin != NULL && s->key.version == FLOW_SFLOW && type != 1 && type != 3);
	while (bytes_left(&sample) > 0)
		*octets += bytes_uint(&sample, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct translation_table *translations = translation_table_new(16, 1);
	struct flow_decoder *d = flow_decoder_new(8, 0);
	struct bytes in = bytes_of(data, size);
	struct flow_origin origin = {.received_ms = INT64_C(1795309531943)};
	struct flow_batch batch = {.flows = NULL};
	uint64_t datagrams = 0, taken = 0, flows = 0, octets = 0;

	must(d != NULL && translations != NULL);
	d->is_verbatim = size % 2 == 1;
	d->options = on_options;
	d->samples = on_sample;
	d->options_ctx = &octets;
	while (bytes_left(&in) >= 2) {
		uint64_t head = bytes_uint(&in, 2);
		size_t len = MIN((size_t)(head & 0x7ff), bytes_left(&in));
		uint8_t *copy = malloc(len + 1); /* its own, so that its end is guarded */
		enum drop drop;

		must(copy != NULL);
		bytes_copy(&in, copy, len);
		origin.from.port = (uint16_t)(head >> 11);
		origin.received_ms++;
		batch.count = batch.event_count = batch.said_count = 0;
		drop = flow_decode(d, &origin, copy, len, &batch);
		free(copy);
		must(drop == DROP_NONE || batch.count + batch.event_count == 0);
		must(d->is_verbatim || batch.said_count == 0);
		check_batch(&batch, &origin, translations);
		datagrams++;
		taken += drop == DROP_NONE ? 1 : 0;
		flows += batch.count;
		must(d->counters.flows == flows);
	}
	check_counters(d, datagrams, taken);
	must(d->budget.octets <= d->budget.octets_max);
	translation_table_free(translations);
	flow_decoder_free(d);
	flow_batch_free(&batch);
	return 0;
}
