#include "proto/flow/datagram.h"
#include "proto/flow/pending.h"
#include "proto/wire/ctl.h"
#include "tools/capture.h"
#include "tools/cmd.h"
#include "tools/counted.h"
#include "tools/interrupt.h"
#include "tools/json.h"
#include "tools/line.h"
#include "tools/overlap.h"
#include "tools/told.h"

#include <string.h>
#include <unistd.h>

#define STREAMS_MAX 4096
#define BUFFER_LEN (256 << 10)

struct decode_options {
	bool has_options;
};

static const struct decode_options defaults = {.has_options = false};

static const struct option_row options[] = {
	{"options", 0, NULL, "also what exporters tell of themselves, a line each", OPTION_FLAG,
         .offset = offsetof(struct decode_options, has_options)},
};

struct output {
	bool is_object; /* --json */
	uint64_t flows;
	json_t *told, *counted; /* for the object */
	struct line_clock clock;
	size_t used;
	char buffer[BUFFER_LEN];
};

static void drain(struct output *o)
{
	fwrite(o->buffer, 1, o->used, stdout);
	o->used = 0;
}

static void put_flow(struct output *o, const struct flow *flow, const struct flow_said *said)
{
	if (o->used + LINE_MAX_LEN + 2 > sizeof(o->buffer))
		drain(o);
	if (o->is_object && o->flows > 0)
		o->buffer[o->used++] = ',';
	if (o->is_object)
		o->buffer[o->used++] = '\n';
	o->used += line_of(flow, said, &o->clock, o->buffer + o->used);
	if (!o->is_object)
		o->buffer[o->used++] = '\n';
	o->flows++;
}

/* Where it stands among the flows; in the object behind them. */
static void put_other(struct output *o, json_t *line, json_t *rows)
{
	if (line == NULL)
		return;
	if (o->is_object) {
		json_array_append_new(rows, line);
		return;
	}
	drain(o);
	json_write(line, stdout);
	fputc('\n', stdout);
	json_decref(line);
}

static void on_options(void *ctx, const struct flow_origin *origin, const struct stream *s,
                       const struct template *t, struct bytes record)
{
	struct output *o = ctx;

	put_other(o, told_of(origin, s, t, record), o->told);
}

static void on_sample(void *ctx, const struct flow_origin *origin, const struct stream *s,
                      uint32_t type, struct bytes sample)
{
	struct output *o = ctx;

	put_other(o, counted_of(origin, s, type, sample), o->counted);
}

static void put_count(uint64_t count, const char *of)
{
	if (count > 0)
		fprintf(stderr, "; %llu %s", (unsigned long long)count, of);
}

/* What one file gave; silent where nothing was left out and nobody watches. */
static void summarise(const char *path, const struct capture *c, const struct flow_counters *before,
                      const struct flow_counters *after)
{
	char drops[DROP_COUNT_OF * 36] = "", skips[CAPTURE_SKIPPED_MAX];
	uint64_t dropped = 0, skipped = capture_skipped(c, skips);
	uint64_t samples = after->skipped - before->skipped;
	uint64_t clamped = after->clamped - before->clamped;
	uint64_t unknown = after->unknown_samplers - before->unknown_samplers;
	size_t used = 0;

	for (int i = DROP_NONE + 1; i < DROP_COUNT_OF; i++) {
		uint64_t count = after->dropped[i] - before->dropped[i];

		dropped += count;
		if (count > 0)
			used += (size_t)snprintf(drops + used, sizeof(drops) - used, "%s%s %llu",
			                         used == 0 ? "" : ", ", drop_key((enum drop)i),
			                         (unsigned long long)count);
	}
	if (dropped + skipped + samples + unknown == 0 && isatty(STDERR_FILENO) != 1)
		return;
	fprintf(stderr, "spoor: %s: %llu flows in %llu datagrams", path,
	        (unsigned long long)(after->flows - before->flows),
	        (unsigned long long)(after->datagrams - before->datagrams));
	if (dropped > 0)
		fprintf(stderr, "; dropped %llu: %s", (unsigned long long)dropped, drops);
	if (skipped > 0)
		fprintf(stderr, "; skipped %llu frames: %s", (unsigned long long)skipped, skips);
	put_count(samples, "samples of sFlow are of no IP packet");
	put_count(clamped, "flows were told to begin after their end");
	put_count(unknown, "flows are of samplers that nothing tells of");
	fputc('\n', stderr);
}

/* What is said of flows stands in their order. */
static void put_batch(struct output *o, const struct flow_batch *b)
{
	const struct flow_said *said = b->said, *end = said + b->said_count;

	for (size_t i = 0; i < b->count; i++) {
		bool is_said = said < end && said->flow == i;

		put_flow(o, &b->flows[i], is_said ? said : NULL);
		said += is_said;
	}
}

static int decode_file(struct flow_decoder *d, struct overlap *overlap, const char *path,
                       struct output *o)
{
	struct flow_counters before = d->counters;
	char reason[CAPTURE_REASON_MAX];
	struct flow_batch batch = {.flows = NULL};
	struct capture_datagram in;
	struct capture *c;
	enum err err;

	if (capture_open(path, &c, reason) != ERR_OK)
		return print_failure(CTL_INTERNAL, "%s: %s", path, reason);
	overlap_file(overlap);
	while (!interrupt_seen() && (err = capture_next(c, &in)) == ERR_OK) {
		struct flow_origin origin = {.from = in.from, .received_ms = in.received_ms};

		if (overlap_check(overlap, &in.from, in.data)) {
			flow_refuse(d, DROP_DUPLICATE);
			continue;
		}
		/* An event with an address is a flow, too. */
		batch.count = batch.event_count = batch.said_count = 0;
		flow_decode(d, &origin, in.data.at, bytes_left(&in.data), &batch);
		put_batch(o, &batch);
	}
	flow_batch_free(&batch);
	drain(o);
	fflush(stdout);
	summarise(path, c, &before, &d->counters);
	capture_close(c);
	if (interrupt_seen())
		return INTERRUPT_CODE;
	if (err != ERR_NOENT)
		return print_failure(CTL_INTERNAL, "%s: %s", path, capture_failure(err));
	return CTL_FOUND;
}

/* Sets whose template was in none of the files: nobody waits for it any more. */
static void end_waiting(struct flow_decoder *d, struct output *o)
{
	struct flow_batch batch = {.flows = NULL};
	size_t waiting;

	flow_end_files(d, 0, &batch);
	put_batch(o, &batch);
	flow_batch_free(&batch);
	drain(o);
	waiting = pending_of_session(d->pending, 0);

	d->counters.dropped[DROP_UNTOLD] += waiting;
	if (waiting > 0)
		print_failure(0,
		              "%zu sets of records are not decoded: their template is in no file",
		              waiting);
}

static void put_told(const struct output *o)
{
	printf("\n]");
	if (o->told == NULL)
		return;
	printf(",\"options\":");
	json_write(o->told, stdout);
	printf(",\"counters\":");
	json_write(o->counted, stdout);
}

static void put_dropped(const struct flow_counters *counters)
{
	printf(",\"dropped\":{");
	for (int i = DROP_NONE + 1; i < DROP_COUNT_OF; i++)
		printf("%s\"%s\":%llu", i == DROP_NONE + 1 ? "" : ",", drop_key((enum drop)i),
		       (unsigned long long)counters->dropped[i]);
	printf("},\"skipped\":%llu,\"clamped\":%llu,\"unknown_samplers\":%llu}\n",
	       (unsigned long long)counters->skipped, (unsigned long long)counters->clamped,
	       (unsigned long long)counters->unknown_samplers);
}

static int run(const struct call *call)
{
	static struct output out; /* too large for the stack */
	const struct decode_options *asked = call->options;
	struct flow_decoder *d = flow_decoder_new(STREAMS_MAX, 0);
	struct overlap *overlap = overlap_new();
	int code = CTL_FOUND;

	if (d == NULL || overlap == NULL)
		return print_failure(CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
	d->is_verbatim = true;
	interrupt_start();
	out.is_object = call->form == PRINT_JSON;
	if (asked->has_options) {
		d->options = on_options;
		d->options_ctx = &out;
		d->samples = on_sample;
		out.told = out.is_object ? json_array() : NULL;
		out.counted = out.is_object ? json_array() : NULL;
	}
	if (out.is_object)
		printf("{\"flows\":[");
	for (size_t i = 0; i < call->operand_count && code != INTERRUPT_CODE; i++) {
		int one = decode_file(d, overlap, call->operands[i], &out);

		code = one == CTL_FOUND ? code : one;
	}
	end_waiting(d, &out);
	if (out.is_object) {
		put_told(&out);
		put_dropped(&d->counters);
	}
	json_decref(out.told);
	json_decref(out.counted);
	if (code == CTL_FOUND && out.flows == 0)
		code = CTL_NOTHING;
	overlap_free(overlap);
	flow_decoder_free(d);
	return code;
}

const struct command cmd_decode = {
	.name = "decode",
	.operands = "FILE...",
	.summary = "flows out of captures and export datagrams, a line of JSON each",
	.notes = "FILE is a capture (pcap, pcapng), one export datagram, or messages of IPFIX one "
		 "behind the\nother, also compressed with gzip; \"-\" is standard input.\n",
	.operands_min = 1,
	.operands_max = SIZE_MAX,
	.is_list = true,
	COMMAND_OPTIONS(options, defaults),
	.run = run,
};
