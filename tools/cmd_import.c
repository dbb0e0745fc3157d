#include "base/util.h"
#include "proto/flow/datagram.h"
#include "proto/wire/ctl.h"
#include "tools/capture.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/interrupt.h"
#include "tools/json.h"
#include "tools/overlap.h"

#include <stdio.h>
#include <unistd.h>

#define BATCH_MAX (512 << 10)

struct import {
	struct client client;
	json_t *result;  /* files, datagrams, flows, dropped */
	bool is_watched; /* somebody reads progress */
	struct octets batch;
	struct overlap *overlap;
	uint8_t room[BATCH_MAX];
};

static void add_count(json_t *sum, const char *key, int64_t count)
{
	json_object_set_new(sum, key, json_integer(json_count(sum, key, 0) + count));
}

/* Adds what "end" says of one batch. */
static void add_totals(json_t *sum, const json_t *end)
{
	json_t *dropped = json_object_get(sum, "dropped"), *count;
	const char *reason;

	add_count(sum, "datagrams", json_count(end, "datagrams", 0));
	add_count(sum, "flows", json_count(end, "flows", 0));
	json_object_foreach(json_object_get(end, "dropped"), reason, count)
		add_count(dropped, reason, json_integer_value(count));
	if (json_is_string(json_object_get(end, "clock")))
		json_object_set(sum, "clock", json_object_get(end, "clock"));
}

static int ask(struct import *m, const struct ctl_request *request)
{
	char reason[CLIENT_REASON_MAX];
	struct client_end end;

	if (client_ask(&m->client, request, NULL, &end, reason) != ERR_OK)
		return print_failure(CTL_INTERNAL, "%s", reason);
	if (end.totals != NULL)
		add_totals(m->result, end.totals);
	json_decref(end.totals);
	if (end.error[0] != '\0')
		return print_failure(end.code == CTL_FOUND ? CTL_INTERNAL : end.code, "%s",
		                     end.error);
	return end.code == CTL_NOTHING ? CTL_FOUND : end.code;
}

static int send_batch(struct import *m)
{
	struct ctl_request request = ctl_request_of(CTL_IMPORT);
	int code;

	if (octets_len(&m->batch) == 0)
		return CTL_FOUND;
	request.batch = bytes_of(m->batch.start, octets_len(&m->batch));
	code = ask(m, &request);
	m->batch = octets_of(m->room, sizeof(m->room));
	if (m->is_watched)
		fprintf(stderr, "\r%lld datagrams, %lld flows",
		        (long long)json_count(m->result, "datagrams", 0),
		        (long long)json_count(m->result, "flows", 0));
	return code;
}

static int put(struct import *m, const struct capture_datagram *in)
{
	struct ctl_datagram d = {
		.received_ms = in->received_ms, .from = in->from, .data = in->data};
	int code;

	if (overlap_check(m->overlap, &in->from, in->data)) {
		add_count(m->result, "datagrams", 1);
		add_count(json_object_get(m->result, "dropped"), drop_key(DROP_DUPLICATE), 1);
		return CTL_FOUND;
	}
	if (ctl_batch_put(&m->batch, &d))
		return CTL_FOUND;
	code = send_batch(m);
	if (code == CTL_FOUND)
		CHECK(ctl_batch_put(&m->batch, &d));
	return code;
}

/* All of one file; a file that breaks off has given what was whole in it. */
static int send_file(struct import *m, const char *path, int *code)
{
	char reason[CAPTURE_REASON_MAX], skips[CAPTURE_SKIPPED_MAX];
	struct capture_datagram in;
	enum err err = ERR_OK;
	struct capture *c;
	int sent = CTL_FOUND;
	uint64_t skipped;

	if (capture_open(path, &c, reason) != ERR_OK) {
		*code = print_failure(CTL_INTERNAL, "%s: %s", path, reason);
		return CTL_FOUND;
	}
	add_count(m->result, "files", 1);
	overlap_file(m->overlap);
	while (sent == CTL_FOUND && (err = capture_next(c, &in)) == ERR_OK)
		sent = interrupt_seen() ? INTERRUPT_CODE : put(m, &in);
	skipped = capture_skipped(c, skips);
	capture_close(c);
	if (skipped > 0)
		print_failure(0, "%s: skipped %llu frames: %s", path, (unsigned long long)skipped,
		              skips);
	if (err != ERR_OK && err != ERR_NOENT)
		*code = print_failure(CTL_INTERNAL, "%s: %s", path, capture_failure(err));
	return sent;
}

static int64_t untold(const struct import *m)
{
	return json_count(json_object_get(m->result, "dropped"), drop_key(DROP_UNTOLD), 0);
}

static int send_all(struct import *m, const struct call *call)
{
	struct ctl_request seal = ctl_request_of(CTL_SEAL);
	int code = CTL_FOUND, sent = CTL_FOUND;

	for (size_t i = 0; i < call->operand_count && sent == CTL_FOUND; i++)
		sent = send_file(m, call->operands[i], &code);
	if (sent == CTL_FOUND)
		sent = send_batch(m);
	if (sent == CTL_FOUND) {
		int64_t before = untold(m);

		sent = ask(m, &seal);
		if (untold(m) > before)
			print_failure(0,
			              "%lld sets of records are not decoded: their template is in "
			              "no file",
			              (long long)(untold(m) - before));
	}
	if (m->is_watched)
		fputs("\r\033[K", stderr);
	if (json_is_string(json_object_get(m->result, "clock")))
		print_failure(0, "%s: its flows are found by its own time",
		              json_string_value(json_object_get(m->result, "clock")));
	return sent == CTL_FOUND ? code : sent;
}

static int run(const struct call *call)
{
	static struct import m; /* too large for the stack */
	char reason[CLIENT_REASON_MAX];
	int code;

	if (client_open(call->globals->socket, &m.client, reason) != ERR_OK)
		return print_failure(CTL_INTERNAL, "%s", reason);
	interrupt_start();
	m.result = json_pack("{s:i, s:i, s:i, s:{}}", "files", 0, "datagrams", 0, "flows", 0,
	                     "dropped");
	m.is_watched = isatty(STDERR_FILENO) == 1;
	m.batch = octets_of(m.room, sizeof(m.room));
	m.overlap = overlap_new();
	code = m.overlap != NULL ? send_all(&m, call)
	                         : print_failure(CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
	overlap_free(m.overlap);
	if (call->form == PRINT_JSON)
		print_object(m.result, stdout);
	else
		print_sections(m.result, stdout);
	if (code == CTL_FOUND && json_count(m.result, "flows", 0) == 0)
		code = CTL_NOTHING;
	json_decref(m.result);
	client_close(&m.client);
	return code;
}

const struct command cmd_import = {
	.name = "import",
	.operands = "FILE...",
	.summary = "the same files into the node, as if their datagrams had come in",
	.notes = "When it returns, everything in the files can be found by the node.\n",
	.operands_min = 1,
	.operands_max = SIZE_MAX,
	.run = run,
};
