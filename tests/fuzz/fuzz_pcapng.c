#include "tools/fragment.h"
#include "tools/frame.h"
#include "tools/pcapng.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static size_t on_read(void *ctx, uint8_t *room, size_t len)
{
	struct bytes *in = ctx;
	size_t left = bytes_left(in);

	len = len < left ? len : left;
	if (len > 0)
		memcpy(room, in->at, len);
	in->at += len;
	return len;
}

/* Every octet that is given can be read. */
static void touch(struct bytes data)
{
	volatile uint8_t sum = 0;

	for (const uint8_t *at = data.at; at < data.end; at++)
		sum = (uint8_t)(sum + *at);
}

static void open_packet(const struct pcapng_packet *packet, struct fragments *fragments)
{
	int link = frame_link_of(packet->linktype);
	struct fragment fragment;
	struct endpoint from;
	struct bytes data, whole;
	enum frame_skip skip = frame_open(link, packet->data, &from, &data, &fragment);

	touch(packet->data);
	must(link >= 0 || skip == FRAME_LINK);
	if (skip == FRAME_FRAGMENT) {
		touch(fragment.data);
		if (!fragments_add(fragments, &fragment, &whole))
			return;
		touch(whole);
		skip = frame_open_udp(whole, &fragment.src, &from, &data);
	}
	if (skip == FRAME_TAKEN)
		touch(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct pcapng *p = pcapng_new(on_read, &in);
	struct fragments *fragments = fragments_new();
	struct pcapng_packet packet;
	enum err err;

	must(p != NULL && fragments != NULL);
	while ((err = pcapng_next(p, &packet)) == ERR_OK)
		open_packet(&packet, fragments);
	must(err == ERR_NOENT || err == ERR_TORN || err == ERR_FORMAT || err == ERR_LIMIT);
	must(fragments_lost(fragments) <= size);
	pcapng_free(p);
	fragments_free(fragments);
	return 0;
}
