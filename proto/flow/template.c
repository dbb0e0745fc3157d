#include "proto/flow/template.h"

#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define ENTERPRISE 0x8000u

struct template_set {
	struct template_budget *budget;
	struct template *rows[TEMPLATES_MAX]; /* by id */
	size_t count, octets;
};

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
	s->budget->octets -= s->rows[at]->octets;
	s->octets -= s->rows[at]->octets;
	free(s->rows[at]);
	s->count--;
	memmove(&s->rows[at], &s->rows[at + 1], (s->count - at) * sizeof(s->rows[0]));
}

void template_set_free(struct template_set *s)
{
	if (s == NULL)
		return;
	while (s->count > 0)
		drop(s, s->count - 1);
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

struct template *template_of(const struct template_set *s, uint16_t id)
{
	size_t at = s != NULL ? place_of(s, id) : 0;

	return s != NULL && at < s->count && s->rows[at]->id == id ? s->rows[at] : NULL;
}

bool template_equal(const struct template *a, const struct template *b)
{
	return a->is_options == b->is_options && a->has_enterprise == b->has_enterprise &&
	       a->raw_count == b->raw_count && a->raw_len == b->raw_len &&
	       memcmp(a->raw, b->raw, a->raw_len) == 0;
}

size_t template_count(const struct template_set *s)
{
	return s != NULL ? s->count : 0;
}

struct template *template_at(struct template_set *s, size_t i)
{
	return s->rows[i];
}

static size_t oldest(const struct template_set *s)
{
	size_t ret = 0;

	for (size_t i = 1; i < s->count; i++) {
		if (s->rows[i]->received_ms < s->rows[ret]->received_ms)
			ret = i;
	}
	return ret;
}

const struct template *template_oldest(const struct template_set *s)
{
	return s != NULL && s->count == TEMPLATES_MAX ? s->rows[oldest(s)] : NULL;
}

void template_withdraw(struct template_set *s, uint16_t id)
{
	size_t at = place_of(s, id);

	if (at < s->count && s->rows[at]->id == id)
		drop(s, at);
}

/*
 * NetFlow v9 numbers what options are about by itself (RFC 3954, section 6.1): the whole exporter,
 * an interface, a line card, a cache, a template. Further numbers are elements, with some.
 */
static const struct element *scope_of(uint16_t id)
{
	enum { SCOPE_INTERFACE = 2, SCOPE_LAST = 5 };

	if (id == SCOPE_INTERFACE)
		return element_of(ELEMENT_IANA, ELEMENT_IN_IF);
	return id <= SCOPE_LAST ? NULL : element_of(ELEMENT_IANA, id);
}

/* Whose element is it, and of which direction? */
static void find_element(struct template *t, struct template_field *field, uint32_t enterprise,
                         uint16_t id)
{
	if (enterprise == ELEMENT_REVERSE) {
		field->is_back = true;
		enterprise = ELEMENT_IANA;
	} else if (enterprise == ELEMENT_YAF && (id & ELEMENT_YAF_REVERSE) != 0) {
		field->is_back = true;
		id &= (uint16_t)~ELEMENT_YAF_REVERSE;
	}
	field->element = element_of(enterprise, id);
	t->is_ntop |= enterprise == ELEMENT_NTOP;
	t->has_back |= field->is_back && field->element != NULL;
}

/* In v9 a number of its own may be one of a maker's. */
static uint32_t maker_of(const struct template_shape *shape, uint32_t enterprise, uint16_t id)
{
	bool is_ntop =
		!shape->has_enterprise && id >= ELEMENT_NTOP_V9 && id <= ELEMENT_NTOP_V9_LAST;

	return is_ntop ? ELEMENT_NTOP : enterprise;
}

static void read_field(struct template *t, const struct template_shape *shape,
                       unsigned field_number, struct bytes *in)
{
	struct template_field *field = &t->fields[t->field_count++];
	uint16_t id = (uint16_t)bytes_uint(in, 2);
	uint32_t enterprise = ELEMENT_IANA;
	unsigned min_len;
	bool is_variable;

	*field = (struct template_field){.offset = t->min_len};
	field->len = (uint16_t)bytes_uint(in, 2);
	if (shape->has_enterprise && (id & ENTERPRISE) != 0)
		enterprise = (uint32_t)bytes_uint(in, 4);
	id &= shape->has_enterprise ? (uint16_t)~ENTERPRISE : UINT16_MAX;
	if (!shape->has_enterprise && field_number < shape->scope_count)
		field->element = scope_of(id);
	else
		find_element(t, field, maker_of(shape, enterprise, id), id);
	is_variable = field->len == TEMPLATE_VARIABLE; /* some send it in v9, too */
	t->is_variable |= is_variable;
	min_len = t->min_len + (is_variable ? 1u : field->len);
	t->min_len = (uint16_t)MIN(min_len, UINT16_MAX);
	if (field->len == 0) {
		t->field_count--; /* it says nothing, and would take its time in each record */
		t->has_empty = true;
	}
}

static bool has_forward(const struct template *t, const struct element *counter)
{
	for (uint16_t i = 0; i < t->field_count; i++) {
		if (t->fields[i].element == counter && !t->fields[i].is_back)
			return true;
	}
	return false;
}

/*
 * What goes out is with nProbe what comes back, where it counts both: its flows are then of both
 * directions (ntop/nProbe#268).
 */
static void turn_ntops(struct template *t)
{
	static const uint16_t pairs[][2] = {{ELEMENT_POST_OCTETS, ELEMENT_OCTETS},
	                                    {ELEMENT_POST_PACKETS, ELEMENT_PACKETS}};

	for (size_t p = 0; p < ARRAY_LEN(pairs); p++) {
		const struct element *post = element_of(ELEMENT_IANA, pairs[p][0]);
		const struct element *counter = element_of(ELEMENT_IANA, pairs[p][1]);

		for (uint16_t i = 0; has_forward(t, counter) && i < t->field_count; i++) {
			struct template_field *field = &t->fields[i];

			if (field->element != post || field->is_back)
				continue;
			field->element = counter;
			field->is_back = t->has_back = true;
		}
	}
}

/*
 * Where fields lie at the same place in all records, those that say nothing need not be met, and
 * the first that is written to its place finds nothing there.
 */
static void settle(struct template *t)
{
	bool is_met[sizeof(struct values)] = {false};
	uint16_t count = t->field_count;

	t->field_count = 0;
	for (uint16_t i = 0; i < count; i++) {
		struct template_field field = t->fields[i];
		const struct element *e = field.element;

		if (e == NULL)
			continue;
		field.copy =
			(uint8_t)(is_met[e->offset] ? ELEMENT_READ : element_copy(e, field.len));
		is_met[e->offset] |= e->width != 0;
		t->fields[t->field_count++] = field;
	}
}

static void put(struct template_set *s, struct template *t)
{
	size_t at;

	if (s->count == TEMPLATES_MAX)
		drop(s, oldest(s));
	at = place_of(s, t->id);
	memmove(&s->rows[at + 1], &s->rows[at], (s->count - at) * sizeof(s->rows[0]));
	s->rows[at] = t;
	s->count++;
}

/* Those of an enterprise are longer. */
bool template_cut(const struct template_shape *shape, struct bytes *in, struct bytes *ret)
{
	const uint8_t *from = in->at;

	for (unsigned i = 0; i < shape->count && !in->is_short; i++) {
		uint16_t id = (uint16_t)bytes_uint(in, 2);

		bytes_uint(in, shape->has_enterprise && (id & ENTERPRISE) != 0 ? 6 : 2);
	}
	*ret = bytes_of(from, (size_t)(in->at - from));
	return !in->is_short;
}

/* Most come again and again, and are what they were. */
static bool is_same(const struct template *was, const struct template_shape *shape,
                    const uint8_t *raw, size_t raw_len)
{
	return was->is_options == shape->is_options && was->scope_count == shape->scope_count &&
	       was->has_enterprise == shape->has_enterprise && was->raw_count == shape->count &&
	       was->raw_len == raw_len && memcmp(was->raw, raw, raw_len) == 0;
}

enum err template_define(struct template_set *s, const struct template_shape *shape,
                         struct bytes *in, int64_t received_ms)
{
	size_t raw_len, octets;
	struct template *was, *t;
	struct bytes fields;
	uint8_t *raw;

	if (!template_cut(shape, in, &fields))
		return ERR_SHORT;
	if (shape->id < TEMPLATE_ID_MIN || shape->count == 0 || shape->count > TEMPLATE_FIELDS_MAX)
		return ERR_RANGE;
	raw_len = bytes_left(&fields);
	was = template_of(s, shape->id);
	if (was != NULL && is_same(was, shape, fields.at, raw_len)) {
		was->received_ms = received_ms;
		was->is_doubted = false;
		return ERR_OK;
	}
	octets = sizeof(*t) + shape->count * sizeof(t->fields[0]) + raw_len;
	if (was != NULL)
		template_withdraw(s, shape->id);
	if (s->octets + octets > TEMPLATE_SET_MAX || !take(s->budget, octets))
		return ERR_LIMIT;
	t = calloc(1, octets);
	if (t == NULL) {
		s->budget->octets -= octets;
		return ERR_NOMEM;
	}
	s->octets += octets;
	t->octets = (uint32_t)octets;
	t->id = shape->id;
	t->is_options = shape->is_options;
	t->scope_count = shape->scope_count;
	t->has_enterprise = shape->has_enterprise;
	t->received_ms = received_ms;
	raw = (uint8_t *)&t->fields[shape->count];
	memcpy(raw, fields.at, raw_len);
	t->raw = raw;
	t->raw_len = (uint16_t)raw_len;
	t->raw_count = shape->count;
	for (unsigned i = 0; i < shape->count; i++)
		read_field(t, shape, i, &fields);
	if (t->is_ntop)
		turn_ntops(t);
	if (!t->is_variable)
		settle(t);
	if (t->min_len == 0) {
		s->budget->octets -= octets;
		s->octets -= octets;
		free(t);
		return ERR_RANGE;
	}
	put(s, t);
	return ERR_OK;
}
