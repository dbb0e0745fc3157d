#include "tools/pcapng.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_SECTION 0x0a0d0d0au /* alike in either byte order */
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 2u /* obsolete, and still about */
#define BLOCK_SIMPLE 3u
#define BLOCK_ENHANCED 6u

#define ORDER_MAGIC 0x1a2b3c4du
#define HEADER_LEN 8  /* type and length */
#define TRAILER_LEN 4 /* the length again */
#define SECTION_MIN 28

#define OPTION_END 0
#define OPTION_RESOLUTION 9
#define OPTION_OFFSET 14

struct interface {
	uint32_t linktype, snaplen;
	uint64_t ticks; /* in a second */
	int64_t offset_s;
};

struct pcapng {
	pcapng_read_fn *read;
	void *ctx;
	bool is_big; /* big-endian section */
	bool has_section;
	struct interface *interfaces;
	size_t count;
	uint8_t *block; /* all of a block but its header */
	size_t space;
};

struct pcapng *pcapng_new(pcapng_read_fn *read, void *ctx)
{
	struct pcapng *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->read = read;
	p->ctx = ctx;
	p->interfaces = calloc(PCAPNG_INTERFACES_MAX, sizeof(*p->interfaces));
	if (p->interfaces == NULL) {
		free(p);
		return NULL;
	}
	return p;
}

void pcapng_free(struct pcapng *p)
{
	if (p == NULL)
		return;
	free(p->interfaces);
	free(p->block);
	free(p);
}

/* The next `len` octets, as the section orders them. */
static uint64_t number(const struct pcapng *p, struct bytes *in, size_t len)
{
	uint8_t octets[8] = {0};
	uint64_t value = 0;

	bytes_copy(in, octets, len);
	for (size_t i = 0; i < len; i++)
		value = value << 8 | octets[p->is_big ? i : len - 1 - i];
	return value;
}

static enum err make_room(struct pcapng *p, size_t len)
{
	uint8_t *block;

	if (len <= p->space)
		return ERR_OK;
	if (len > PCAPNG_BLOCK_MAX)
		return ERR_LIMIT;
	block = realloc(p->block, len);
	if (block == NULL)
		return ERR_NOMEM;
	p->block = block;
	p->space = len;
	return ERR_OK;
}

/* A section's header says in its body how numbers are written, its own length among them. */
static enum err begin_section(struct pcapng *p)
{
	static const uint8_t big[4] = {0x1a, 0x2b, 0x3c, 0x4d},
			     little[4] = {0x4d, 0x3c, 0x2b, 0x1a};
	enum err err = make_room(p, SECTION_MIN);

	if (err != ERR_OK)
		return err;
	if (p->read(p->ctx, p->block, sizeof(big)) != sizeof(big))
		return ERR_TORN;
	p->is_big = memcmp(p->block, big, sizeof(big)) == 0;
	if (!p->is_big && memcmp(p->block, little, sizeof(little)) != 0)
		return ERR_FORMAT;
	p->has_section = true;
	p->count = 0;
	return ERR_OK;
}

/* Reads a block; `*ret` is its body. */
static enum err next_block(struct pcapng *p, uint32_t *ret_type, struct bytes *ret)
{
	uint8_t header[HEADER_LEN];
	size_t got = p->read(p->ctx, header, sizeof(header)), had = 0, len;
	struct bytes in = bytes_of(header, sizeof(header)), trailer;
	enum err err = ERR_OK;
	uint32_t type;

	if (got < sizeof(header))
		return got == 0 ? ERR_NOENT : ERR_TORN;
	type = (uint32_t)number(p, &in, 4);
	if (type == BLOCK_SECTION) {
		err = begin_section(p);
		had = 4;
	}
	if (err != ERR_OK || !p->has_section)
		return err != ERR_OK ? err : ERR_FORMAT;
	len = (size_t)number(p, &in, 4);
	if (len < HEADER_LEN + TRAILER_LEN + had || len % 4 != 0)
		return ERR_FORMAT;
	len -= HEADER_LEN;
	err = make_room(p, len);
	if (err != ERR_OK)
		return err;
	if (p->read(p->ctx, p->block + had, len - had) != len - had)
		return ERR_TORN;
	trailer = bytes_of(p->block + len - TRAILER_LEN, TRAILER_LEN);
	if (number(p, &trailer, 4) != len + HEADER_LEN)
		return ERR_FORMAT;
	*ret_type = type;
	*ret = bytes_of(p->block, len - TRAILER_LEN);
	return ERR_OK;
}

/* 10 or 2 to the power of what the option says; 0 when no clock is so fine. */
static uint64_t ticks_of(uint8_t resolution)
{
	uint64_t ticks = 1, base = (resolution & 0x80) != 0 ? 2 : 10;

	for (int i = 0; i < (resolution & 0x7f); i++) {
		if (ticks > UINT64_MAX / base)
			return 0;
		ticks *= base;
	}
	return ticks;
}

static enum err take_options(const struct pcapng *p, struct interface *i, struct bytes in)
{
	while (bytes_left(&in) >= 4) {
		uint64_t code = number(p, &in, 2);
		size_t len = (size_t)number(p, &in, 2);
		struct bytes value = bytes_cut(&in, len);

		if (code == OPTION_END)
			break;
		if (code == OPTION_RESOLUTION && len == 1)
			i->ticks = ticks_of((uint8_t)number(p, &value, 1));
		if (code == OPTION_OFFSET && len == 8)
			i->offset_s = (int64_t)number(p, &value, 8);
		bytes_cut(&in, (4 - len % 4) % 4);
	}
	/* Seconds beyond those of any calendar would not fit in ms. */
	if (in.is_short || i->ticks == 0 || i->offset_s > INT64_MAX / 4000 ||
	    i->offset_s < INT64_MIN / 4000)
		return ERR_FORMAT;
	return ERR_OK;
}

static enum err take_interface(struct pcapng *p, struct bytes in)
{
	struct interface i = {.ticks = 1000000};
	enum err err;

	if (p->count == PCAPNG_INTERFACES_MAX)
		return ERR_LIMIT;
	i.linktype = (uint32_t)number(p, &in, 2);
	number(p, &in, 2);
	i.snaplen = (uint32_t)number(p, &in, 4);
	err = take_options(p, &i, in);
	if (err == ERR_OK)
		p->interfaces[p->count++] = i;
	return err;
}

static int64_t time_of(const struct interface *i, uint64_t ticks)
{
	uint64_t seconds = ticks / i->ticks, rest = ticks % i->ticks;
	/* Of a very fine clock the ticks of a second may be too many to be multiplied. */
	uint64_t ms = rest <= UINT64_MAX / 1000 ? rest * 1000 / i->ticks : rest / (i->ticks / 1000);

	seconds = MIN(seconds, (uint64_t)INT64_MAX / 4000);
	return ((int64_t)seconds + i->offset_s) * 1000 + (int64_t)MIN(ms, 999u);
}

/* Enhanced, and those before them; they differ in how they name their interface. */
static enum err take_packet(const struct pcapng *p, struct bytes in, size_t interface_len,
                            struct pcapng_packet *ret)
{
	size_t at = (size_t)number(p, &in, interface_len), len;
	uint64_t ticks;

	number(p, &in, 4 - interface_len);
	ticks = number(p, &in, 4) << 32;
	ticks |= number(p, &in, 4);
	len = (size_t)number(p, &in, 4);
	number(p, &in, 4); /* its length on the wire */
	ret->data = bytes_cut(&in, len);
	if (in.is_short || at >= p->count)
		return ERR_FORMAT;
	ret->linktype = p->interfaces[at].linktype;
	ret->has_time = true;
	ret->time_ms = time_of(&p->interfaces[at], ticks);
	return ERR_OK;
}

/* It is of the first interface, and as long as that keeps: the rest is padding. */
static enum err take_simple(const struct pcapng *p, struct bytes in, struct pcapng_packet *ret)
{
	size_t len = (size_t)number(p, &in, 4);
	uint32_t snaplen = p->count == 0 ? 0 : p->interfaces[0].snaplen;

	if (in.is_short || p->count == 0)
		return ERR_FORMAT;
	if (snaplen != 0)
		len = MIN(len, (size_t)snaplen);
	if (len > bytes_left(&in))
		return ERR_FORMAT;
	ret->linktype = p->interfaces[0].linktype;
	ret->has_time = false;
	ret->data = bytes_cut(&in, len);
	return ERR_OK;
}

enum err pcapng_next(struct pcapng *p, struct pcapng_packet *ret)
{
	struct bytes body;
	uint32_t type;
	enum err err;

	while ((err = next_block(p, &type, &body)) == ERR_OK) {
		switch (type) {
		case BLOCK_ENHANCED:
			return take_packet(p, body, 4, ret);
		case BLOCK_PACKET:
			return take_packet(p, body, 2, ret);
		case BLOCK_SIMPLE:
			return take_simple(p, body, ret);
		case BLOCK_INTERFACE:
			err = take_interface(p, body);
			if (err != ERR_OK)
				return err;
			break;
		default:
			break;
		}
	}
	return err;
}
