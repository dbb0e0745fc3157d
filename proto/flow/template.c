#include "proto/flow/template.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define ENTERPRISE 0x8000u

struct template_set {
	struct template_budget *budget;
	struct template *rows[TEMPLATES_MAX]; /* by id */
	size_t count;
};

static size_t size_with(size_t fields, size_t raw_len)
{
	return sizeof(struct template) + fields * sizeof(struct template_field) + raw_len;
}

static size_t size_of(const struct template *t)
{
	return size_with(t->field_count, t->raw_len);
}

static bool take(struct template_budget *b, size_t octets)
{
	if (octets > b->octets_max - b->octets)
		return false;
	b->octets += octets;
	return true;
}

struct template_set *template_set_new(struct template_budget *budget)
{
	struct template_set *s = take(budget, sizeof(*s)) ? calloc(1, sizeof(*s)) : NULL;

	if (s != NULL)
		s->budget = budget;
	return s;
}

static void drop(struct template_set *s, size_t at)
{
	s->budget->octets -= size_of(s->rows[at]);
	free(s->rows[at]);
	s->count--;
	memmove(&s->rows[at], &s->rows[at + 1], (s->count - at) * sizeof(s->rows[0]));
}

void template_set_free(struct template_set *s)
{
	if (s == NULL)
		return;
	template_withdraw_all(s, false);
	template_withdraw_all(s, true);
	s->budget->octets -= sizeof(*s);
	free(s);
}

/* Where `id` stands, or would. */
static size_t place_of(const struct template_set *s, uint16_t id)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->rows[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct template *template_of(const struct template_set *s, uint16_t id)
{
	size_t at = s != NULL ? place_of(s, id) : 0;

	return s != NULL && at < s->count && s->rows[at]->id == id ? s->rows[at] : NULL;
}

size_t template_count(const struct template_set *s)
{
	return s != NULL ? s->count : 0;
}

const struct template *template_at(const struct template_set *s, size_t i)
{
	return s->rows[i];
}

void template_withdraw(struct template_set *s, uint16_t id)
{
	size_t at = place_of(s, id);

	if (at < s->count && s->rows[at]->id == id)
		drop(s, at);
}

void template_withdraw_all(struct template_set *s, bool is_options)
{
	for (size_t i = s->count; i-- > 0;) {
		if (s->rows[i]->is_options == is_options)
			drop(s, i);
	}
}

static void drop_oldest(struct template_set *s)
{
	size_t oldest = 0;

	for (size_t i = 1; i < s->count; i++) {
		if (s->rows[i]->received_ms < s->rows[oldest]->received_ms)
			oldest = i;
	}
	drop(s, oldest);
}

static void read_field(struct template *t, const struct template_shape *shape, struct bytes *in)
{
	struct template_field *field = &t->fields[t->field_count++];
	uint16_t id = (uint16_t)bytes_uint(in, 2);
	uint32_t enterprise = ELEMENT_IANA;
	unsigned min_len;
	bool is_variable;

	field->len = (uint16_t)bytes_uint(in, 2);
	if (shape->has_enterprise && (id & ENTERPRISE) != 0)
		enterprise = (uint32_t)bytes_uint(in, 4);
	id &= shape->has_enterprise ? (uint16_t)~ENTERPRISE : UINT16_MAX;
	field->element = element_of(enterprise, id);
	is_variable = shape->has_enterprise && field->len == TEMPLATE_VARIABLE;
	t->is_variable |= is_variable;
	t->is_flow |= enterprise == ELEMENT_IANA && (id == 8 || id == 12 || id == 27 || id == 28);
	min_len = t->min_len + (is_variable ? 1u : field->len);
	t->min_len = (uint16_t)MIN(min_len, UINT16_MAX);
}

/* Over its predecessor's place, or a new one. */
static void put(struct template_set *s, struct template *t)
{
	size_t at = place_of(s, t->id);

	if (at < s->count && s->rows[at]->id == t->id)
		drop(s, at);
	if (s->count == TEMPLATES_MAX)
		drop_oldest(s);
	at = place_of(s, t->id);
	memmove(&s->rows[at + 1], &s->rows[at], (s->count - at) * sizeof(s->rows[0]));
	s->rows[at] = t;
	s->count++;
}

/* How many octets `count` fields take: those of an enterprise are longer. 0: it ends before. */
static size_t fields_len(const struct template_shape *shape, struct bytes in)
{
	const uint8_t *from = in.at;

	for (unsigned i = 0; i < shape->count; i++) {
		uint16_t id = (uint16_t)bytes_uint(&in, 2);

		bytes_uint(&in, shape->has_enterprise && (id & ENTERPRISE) != 0 ? 6 : 2);
	}
	return in.is_short ? 0 : (size_t)(in.at - from);
}

enum err template_define(struct template_set *s, const struct template_shape *shape,
                         struct bytes *in, int64_t received_ms)
{
	size_t raw_len, octets;
	struct template *t;
	uint8_t *raw;

	if (shape->id < TEMPLATE_ID_MIN || shape->count == 0 || shape->count > TEMPLATE_FIELDS_MAX)
		return ERR_RANGE;
	raw_len = fields_len(shape, *in);
	if (raw_len == 0)
		return ERR_SHORT;
	octets = size_with(shape->count, raw_len);
	if (!take(s->budget, octets))
		return ERR_LIMIT;
	t = calloc(1, octets);
	if (t == NULL) {
		s->budget->octets -= octets;
		return ERR_NOMEM;
	}
	t->id = shape->id;
	t->is_options = shape->is_options;
	t->has_enterprise = shape->has_enterprise;
	t->received_ms = received_ms;
	raw = (uint8_t *)&t->fields[shape->count];
	memcpy(raw, in->at, raw_len);
	t->raw = raw;
	t->raw_len = (uint16_t)raw_len;
	for (unsigned i = 0; i < shape->count; i++)
		read_field(t, shape, in);
	if (t->min_len == 0) {
		s->budget->octets -= octets;
		free(t);
		return ERR_RANGE;
	}
	put(s, t);
	return ERR_OK;
}
