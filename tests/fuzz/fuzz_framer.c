/*
 * fuzz_framer - a stream of octets, given in pieces: the first octet says how long they are.
 * However it is cut, the same messages come out of it.
 */
#include "base/util.h"
#include "proto/flow/framer.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

struct outcome {
	uint64_t messages, octets, digest;
	enum err err;
};

static void note(struct outcome *o, struct bytes message)
{
	must(bytes_left(&message) >= 16);
	o->messages++;
	o->octets += bytes_left(&message);
	for (; message.at < message.end; message.at++)
		o->digest = (o->digest ^ *message.at) * UINT64_C(0x100000001b3);
}

static struct outcome run(const uint8_t *data, size_t size, size_t piece)
{
	static struct framer f;
	struct outcome o = {.err = ERR_SHORT};
	struct bytes message;

	f.len = f.complete = 0;
	for (size_t at = 0; at < size && o.err == ERR_SHORT; at += piece) {
		struct bytes in = bytes_of(data + at, MIN(piece, size - at));

		while ((o.err = framer_take(&f, &in, &message)) == ERR_OK)
			note(&o, message);
		if (o.err == ERR_SHORT)
			must(bytes_left(&in) == 0);
	}
	must(o.octets <= size);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 2)
		return 0;
	whole = run(data + 1, size - 1, size - 1);
	pieces = run(data + 1, size - 1, 1 + (size_t)data[0]);
	must(whole.messages == pieces.messages);
	must(whole.octets == pieces.octets);
	must(whole.digest == pieces.digest);
	must(whole.err == pieces.err);
	return 0;
}
