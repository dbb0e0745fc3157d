/* fuzz_ctl - what comes over the control socket: requests, batches, and any MessagePack at all. */
#include "proto/wire/ctl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

/* A batch that was read whole is, written again, the same octets. */
static void check_batch(struct bytes batch)
{
	struct bytes in = batch;
	size_t room = bytes_left(&batch) + 1;
	uint8_t *again = malloc(room);
	struct octets out = octets_of(again, room);
	struct ctl_datagram d;

	must(again != NULL);
	while (ctl_batch_next(&in, &d))
		must(ctl_batch_put(&out, &d));
	must(in.is_short || bytes_left(&in) == 0);
	must(octets_len(&out) <= bytes_left(&batch));
	if (!in.is_short)
		must(octets_len(&out) == bytes_left(&batch));
	if (octets_len(&out) > 0)
		must(memcmp(again, batch.at, octets_len(&out)) == 0);
	free(again);
}

/* What was understood is, written and read again, understood alike. */
static void check_request(const struct ctl_request *r, size_t size)
{
	size_t room = size + 4096;
	uint8_t *first = malloc(room), *second = malloc(room);
	struct pack p = pack_into(first, room), q = pack_into(second, room);
	char reason[CTL_REASON_MAX];
	struct ctl_request again;

	must(first != NULL && second != NULL);
	ctl_pack(&p, r);
	must(!p.out.is_full);
	must(ctl_parse(first, pack_len(&p), &again, reason) == ERR_OK);
	ctl_pack(&q, &again);
	must(pack_len(&p) == pack_len(&q));
	must(memcmp(first, second, pack_len(&p)) == 0);
	check_batch(r->batch);
	free(first);
	free(second);
}

/* Skipping a value and reading it token by token end at the same octet. */
static void check_tokens(const uint8_t *data, size_t size)
{
	struct unpack skipped = unpack_of(data, size), read = unpack_of(data, size);
	struct token t;
	uint64_t due = 1;

	unpack_skip(&skipped);
	if (skipped.is_wrong)
		return;
	for (; due > 0; due--) {
		must(unpack_token(&read, &t));
		if (t.kind == TOKEN_ARRAY)
			due += t.len;
		else if (t.kind == TOKEN_MAP)
			due += 2 * (uint64_t)t.len;
	}
	must(bytes_left(&read.in) == bytes_left(&skipped.in));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[CTL_REASON_MAX];
	struct ctl_request r;

	memset(reason, 'x', sizeof(reason));
	if (ctl_parse(data, size, &r, reason) == ERR_OK)
		check_request(&r, size);
	else
		must(memchr(reason, '\0', sizeof(reason)) != NULL);
	check_batch(bytes_of(data, size));
	check_tokens(data, size);
	return 0;
}
