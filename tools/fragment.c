#include "tools/fragment.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define PACKET_MAX 65535
#define UNIT 8
#define UNITS (PACKET_MAX / UNIT + 1)

struct open { /* a packet that is coming together */
	struct addr src, dst;
	uint32_t id;
	uint64_t age;       /* 0: free */
	uint64_t fragments; /* taken for it */
	size_t len;         /* 0: the last one has not come */
	size_t units;       /* that have come */
	bool is_broken;
	uint8_t has[UNITS / 8 + 1];
	uint8_t octets[PACKET_MAX + UNIT];
};

struct fragments {
	struct open *rows[FRAGMENTS_OPEN_MAX]; /* NULL: never needed yet */
	struct open *done;                     /* given to the caller; free at the next call */
	uint64_t age, lost;
};

struct fragments *fragments_new(void)
{
	return calloc(1, sizeof(struct fragments));
}

void fragments_free(struct fragments *f)
{
	for (size_t i = 0; f != NULL && i < FRAGMENTS_OPEN_MAX; i++)
		free(f->rows[i]);
	free(f);
}

static bool is_of(const struct open *o, const struct fragment *f)
{
	return o->age != 0 && o->id == f->id && addr_equal(&o->src, &f->src) &&
	       addr_equal(&o->dst, &f->dst);
}

static uint64_t age_of(const struct open *o)
{
	return o == NULL ? 0 : o->age;
}

/* The packet of a fragment; a new one takes a free place, or that of the oldest. NULL: no memory.
 */
static struct open *open_of(struct fragments *f, const struct fragment *fragment)
{
	size_t oldest = 0;
	struct open *o;

	for (size_t i = 0; i < FRAGMENTS_OPEN_MAX; i++) {
		if (f->rows[i] != NULL && is_of(f->rows[i], fragment))
			return f->rows[i];
		if (age_of(f->rows[i]) < age_of(f->rows[oldest]))
			oldest = i;
	}
	if (f->rows[oldest] == NULL)
		f->rows[oldest] = malloc(sizeof(*o));
	else if (f->rows[oldest]->age != 0)
		f->lost += f->rows[oldest]->fragments;
	o = f->rows[oldest];
	if (o == NULL)
		return NULL;
	o->src = fragment->src;
	o->dst = fragment->dst;
	o->id = fragment->id;
	o->age = ++f->age;
	o->fragments = o->len = o->units = 0;
	o->is_broken = false;
	memset(o->has, 0, sizeof(o->has));
	return o;
}

/* Two fragments of the same octets that differ, two ends, octets behind the end. */
static bool fits(const struct open *o, const struct fragment *f, size_t len)
{
	size_t end = f->offset + len;

	if (f->offset % UNIT != 0 || end > PACKET_MAX || (f->has_more && len % UNIT != 0))
		return false;
	return o->len == 0 ? true : f->has_more ? end <= o->len : end == o->len;
}

static bool put(struct open *o, const struct fragment *f, size_t len)
{
	for (size_t at = 0; at < len; at += UNIT) {
		size_t unit = (f->offset + at) / UNIT, part = MIN(len - at, (size_t)UNIT);
		uint8_t bit = (uint8_t)(1u << unit % 8);

		if ((o->has[unit / 8] & bit) != 0) {
			if (memcmp(o->octets + unit * UNIT, f->data.at + at, part) != 0)
				return false;
			continue;
		}
		memcpy(o->octets + unit * UNIT, f->data.at + at, part);
		o->has[unit / 8] |= bit;
		o->units++;
	}
	return true;
}

bool fragments_add(struct fragments *f, const struct fragment *fragment, struct bytes *ret)
{
	size_t len = bytes_left(&fragment->data);
	struct open *o;

	if (f->done != NULL)
		f->done->age = 0;
	f->done = NULL;
	o = open_of(f, fragment);
	if (o == NULL) {
		f->lost++;
		return false;
	}
	o->fragments++;
	if (o->is_broken || !fits(o, fragment, len) || !put(o, fragment, len)) {
		o->is_broken = true;
		return false;
	}
	if (!fragment->has_more)
		o->len = fragment->offset + len;
	if (o->len == 0 || o->units != (o->len + UNIT - 1) / UNIT)
		return false;
	f->done = o;
	*ret = bytes_of(o->octets, o->len);
	return true;
}

uint64_t fragments_lost(const struct fragments *f)
{
	uint64_t lost = f->lost;

	for (size_t i = 0; i < FRAGMENTS_OPEN_MAX; i++) {
		if (age_of(f->rows[i]) != 0 && f->rows[i] != f->done)
			lost += f->rows[i]->fragments;
	}
	return lost;
}
