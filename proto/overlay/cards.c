#include "proto/overlay/cards.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

struct cards {
	struct held_card *all;
	uint32_t *heads; /* of hash chains, by print */
	size_t max, mask;
	uint32_t unused; /* the first of a chain */
	uint32_t used;   /* none from here on was ever used */
};

static uint64_t print_of(struct bytes cert, struct bytes record)
{
	uint8_t both[CERT_MAX + RECORD_MAX];
	struct octets out = octets_of(both, sizeof(both));
	struct id digest_of;
	struct bytes first;

	octets_put(&out, cert.at, bytes_left(&cert));
	octets_put(&out, record.at, bytes_left(&record));
	digest_of = digest("spoor card 1", both, octets_len(&out));
	first = bytes_of(digest_of.octets, sizeof(uint64_t));
	return bytes_uint(&first, sizeof(uint64_t)); /* the same number on every machine */
}

struct cards *cards_new(size_t max)
{
	struct cards *c = calloc(1, sizeof(*c));
	size_t heads = 16;

	if (c == NULL)
		return NULL;
	while (heads < 2 * max)
		heads *= 2;
	c->max = max;
	c->mask = heads - 1;
	c->unused = NONE;
	c->all = calloc(max, sizeof(*c->all));
	c->heads = malloc(heads * sizeof(*c->heads));
	if (c->all == NULL || c->heads == NULL) {
		cards_free(c);
		return NULL;
	}
	for (size_t i = 0; i < heads; i++)
		c->heads[i] = NONE;
	return c;
}

void cards_free(struct cards *c)
{
	if (c == NULL)
		return;
	free(c->all);
	free(c->heads);
	free(c);
}

static bool is_of(const struct held_card *h, struct bytes cert, struct bytes record)
{
	const struct cert_blob *c = &h->card.cert_blob;
	const struct record_blob *r = &h->card.record_blob;

	return c->len == bytes_left(&cert) && r->len == bytes_left(&record) &&
	       memcmp(c->octets, cert.at, c->len) == 0 && memcmp(r->octets, record.at, r->len) == 0;
}

static struct held_card *find(const struct cards *c, uint64_t print, struct bytes cert,
                              struct bytes record)
{
	uint32_t i = c->heads[print & c->mask];

	for (; i != NONE; i = c->all[i].next) {
		if (c->all[i].print == print && is_of(&c->all[i], cert, record))
			return &c->all[i];
	}
	return NULL;
}

const struct held_card *cards_find(const struct cards *c, struct bytes cert, struct bytes record)
{
	if (bytes_left(&cert) > CERT_MAX || bytes_left(&record) > RECORD_MAX)
		return NULL;
	return find(c, print_of(cert, record), cert, record);
}

const struct held_card *cards_keep(struct cards *c, const struct card *card)
{
	struct bytes cert = bytes_of(card->cert_blob.octets, card->cert_blob.len);
	struct bytes record = bytes_of(card->record_blob.octets, card->record_blob.len);
	uint64_t print = print_of(cert, record);
	struct held_card *h = find(c, print, cert, record);
	uint32_t i;

	if (h != NULL) {
		h->holders++;
		return h;
	}
	if (c->unused != NONE) {
		i = c->unused;
		c->unused = c->all[i].next;
	} else if (c->used < c->max) {
		i = c->used++;
	} else {
		return NULL;
	}
	h = &c->all[i];
	h->card = *card;
	h->print = print;
	h->holders = 1;
	h->next = c->heads[print & c->mask];
	c->heads[print & c->mask] = i;
	return h;
}

const struct held_card *cards_share(const struct held_card *h)
{
	((struct held_card *)(uintptr_t)h)->holders++;
	return h;
}

void cards_drop(struct cards *c, const struct held_card *h)
{
	uint32_t i, *link;

	if (h == NULL)
		return;
	i = (uint32_t)(h - c->all);
	CHECK(i < c->used);
	CHECK(h->holders > 0);
	if (--c->all[i].holders > 0)
		return;
	link = &c->heads[h->print & c->mask];
	while (*link != i)
		link = &c->all[*link].next;
	*link = h->next;
	c->all[i].next = c->unused;
	c->unused = i;
}
