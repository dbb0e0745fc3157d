#include "proto/flow/group.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MAX 32
#define BITS6_OF_NET 64 /* of IPv6, where people say those of IPv4 alone */
#define KEY_MAX (GROUP_PARTS_MAX * 16)
#define CAPACITY_MIN 16

/* ---- what people say ---- */

static const enum field groupable[] = {
	FIELD_SRC,       FIELD_DST,        FIELD_EXPORTER,     FIELD_NAT_SRC,      FIELD_NAT_DST,
	FIELD_SRC_PORT,  FIELD_DST_PORT,   FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT, FIELD_PROTO,
	FIELD_TCP_FLAGS, FIELD_TOS,        FIELD_IN_IF,        FIELD_OUT_IF,       FIELD_VLAN_IN,
	FIELD_VLAN_OUT,  FIELD_VLAN_INNER, FIELD_MPLS,         FIELD_DOMAIN,       FIELD_VERSION,
	FIELD_SAMPLING,
};

static const struct {
	const char *name;
	enum group_merge merge;
	enum field fields[5];
	size_t count;
} merged[] = {
	{"pair", GROUP_PAIRS, {FIELD_SRC, FIELD_DST}, 2},
	{"connection",
         GROUP_CONNECTIONS,
         {FIELD_SRC, FIELD_SRC_PORT, FIELD_DST, FIELD_DST_PORT, FIELD_PROTO},
         5},
};

static enum err refuse(char *reterr, const char *what, const char *word)
{
	snprintf(reterr, GROUP_REASON_MAX, "%s: \"%.40s\"", what, word);
	return ERR_FORMAT;
}

static enum err add_part(struct group_by *by, struct group_part part, const char *word,
                         char *reterr)
{
	for (size_t i = 0; i < by->count; i++) {
		if (by->parts[i].field == part.field)
			return refuse(reterr, "flows are grouped by this already", word);
	}
	if (by->count == GROUP_PARTS_MAX)
		return refuse(reterr, "flows are grouped by too many things", word);
	by->key_len += field_rows[part.field].size;
	by->parts[by->count++] = part;
	return ERR_OK;
}

static enum err add_merged(struct group_by *by, size_t which, char *reterr)
{
	enum err err = ERR_OK;

	if (by->merge != GROUP_DIRECTED)
		return refuse(reterr, "only one of pair and connection", merged[which].name);
	by->merge = merged[which].merge;
	for (size_t i = 0; i < merged[which].count && err == ERR_OK; i++)
		err = add_part(by, (struct group_part){(uint8_t)merged[which].fields[i], 32, 128},
		               merged[which].name, reterr);
	return err;
}

/* "/24" or "/24/64" */
static enum err parse_bits(char *slash, struct group_part *part)
{
	char *second = strchr(slash + 1, '/');
	uint64_t bits4, bits6 = BITS6_OF_NET;
	enum err err;

	if (second != NULL)
		*second = '\0';
	err = number_parse(slash + 1, 32, &bits4);
	if (err == ERR_OK && second != NULL)
		err = number_parse(second + 1, 128, &bits6);
	part->bits4 = (uint8_t)bits4;
	part->bits6 = (uint8_t)bits6;
	return err;
}

static enum err add_word(struct group_by *by, char *word, char *reterr)
{
	struct group_part part = {.bits4 = 32, .bits6 = 128};
	char *slash = strchr(word, '/'), said[WORD_MAX];
	bool is_found = false;

	memcpy(said, word, sizeof(said));

	for (size_t i = 0; i < ARRAY_LEN(merged); i++) {
		if (strcmp(merged[i].name, word) == 0)
			return add_merged(by, i, reterr);
	}
	if (slash != NULL)
		*slash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(groupable) && !is_found; i++) {
		is_found = strcmp(field_rows[groupable[i]].name, word) == 0;
		part.field = (uint8_t)groupable[i];
	}
	if (!is_found)
		return refuse(reterr, "flows cannot be grouped by this", said);
	if (slash != NULL && (!field_is_addr(part.field) || parse_bits(slash, &part) != ERR_OK))
		return refuse(reterr, "bits of a net are expected as src/24 or src/24/64", said);
	return add_part(by, part, said, reterr);
}

enum err group_parse(const char *text, struct group_by *ret, char reterr[GROUP_REASON_MAX])
{
	struct group_by by = {.count = 0};
	enum err err = ERR_OK;

	for (;;) {
		size_t len = strcspn(text, ",");
		char word[WORD_MAX] = "";

		if (len == 0 || len >= sizeof(word))
			return refuse(reterr, "fields are expected as src,dst_port", text);
		memcpy(word, text, len);
		word[len] = '\0';
		err = add_word(&by, word, reterr);
		if (err != ERR_OK)
			return err;
		if (text[len] == '\0')
			break;
		text += len + 1;
	}
	*ret = by;
	return ERR_OK;
}

/* ---- keys ---- */

/* What a member is called seen from the other end. */
static enum field mirrored(enum field field)
{
	static const enum field pairs[][2] = {
		{FIELD_SRC, FIELD_DST},         {FIELD_SRC_PORT, FIELD_DST_PORT},
		{FIELD_NAT_SRC, FIELD_NAT_DST}, {FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT},
		{FIELD_IN_IF, FIELD_OUT_IF},    {FIELD_VLAN_IN, FIELD_VLAN_OUT},
	};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (pairs[i][0] == field)
			return pairs[i][1];
		if (pairs[i][1] == field)
			return pairs[i][0];
	}
	return field;
}

/* ICMP's type and code are no ports: the answer's would not meet the question's. */
static bool has_ports(const struct flow *f)
{
	return f->proto != 1 && f->proto != 58;
}

static bool is_backward(enum group_merge merge, const struct flow *f)
{
	if (merge == GROUP_DIRECTED)
		return false;
	if (merge == GROUP_CONNECTIONS && has_ports(f) && f->src_port != f->dst_port)
		return f->src_port < f->dst_port;
	return addr_cmp(&f->src, &f->dst) > 0;
}

static struct addr net_of(const struct addr *a, const struct group_part *part)
{
	unsigned bits = addr_is_v4(a) ? 96u + part->bits4 : part->bits6;
	struct addr net = *a;

	for (unsigned i = 0; i < sizeof(net.octets); i++) {
		unsigned kept = bits > 8 * i ? MIN(bits - 8 * i, 8u) : 0;

		net.octets[i] &= (uint8_t)(0xff00u >> kept);
	}
	return net;
}

static void put_key(const struct group_by *by, const struct flow *flow, uint8_t *key)
{
	bool is_back = is_backward(by->merge, flow);
	bool is_portless = by->merge == GROUP_CONNECTIONS && !has_ports(flow);

	for (size_t i = 0; i < by->count; i++) {
		const struct group_part *part = &by->parts[i];
		enum field field = is_back ? mirrored(part->field) : part->field;
		size_t size = field_rows[field].size;
		const uint8_t *member = (const uint8_t *)flow + field_rows[field].offset;
		struct addr net;

		if (field_is_addr(field) && (part->bits4 < 32 || part->bits6 < 128)) {
			net = net_of(field_addr(field, flow), part);
			memcpy(key, net.octets, size);
		} else if (is_portless && (field == FIELD_SRC_PORT || field == FIELD_DST_PORT)) {
			memset(key, 0, size);
		} else {
			memcpy(key, member, size);
		}
		key += size;
	}
}

/* ---- the table ---- */

struct group_table {
	struct group_by by;
	enum group_order order;
	uint64_t seed;
	uint8_t *entries; /* a sum and a key each */
	size_t stride, count, capacity;
	uint32_t *index; /* of entries, by hash: a power of two of them, half at most in use */
	size_t slots;
	uint64_t *ranks; /* for give_up() */
	uint64_t given_up;
	struct group_sum total, other;
};

static struct group_sum *sum_of(const struct group_table *t, size_t at)
{
	return (struct group_sum *)(void *)(t->entries + at * t->stride);
}

static uint8_t *key_of(const struct group_table *t, size_t at)
{
	return t->entries + at * t->stride + sizeof(struct group_sum);
}

struct group_table *group_new(const struct group_by *by, enum group_order order, size_t memory,
                              uint64_t seed)
{
	struct group_table *t = calloc(1, sizeof(*t));
	size_t key = (by->key_len + 7) / 8 * 8;

	if (t == NULL)
		return NULL;
	t->by = *by;
	t->order = order;
	t->seed = seed;
	t->stride = sizeof(struct group_sum) + key;
	/* An entry has its rank beside it, and two to four places in the index. */
	t->capacity = MAX(memory / (t->stride + sizeof(uint64_t) + 4 * sizeof(uint32_t)),
	                  (size_t)CAPACITY_MIN);
	for (t->slots = 1; t->slots < 2 * t->capacity; t->slots *= 2)
		;
	t->entries = calloc(t->capacity, t->stride);
	t->ranks = calloc(t->capacity, sizeof(*t->ranks));
	t->index = calloc(t->slots, sizeof(*t->index));
	if (t->entries == NULL || t->ranks == NULL || t->index == NULL) {
		group_free(t);
		return NULL;
	}
	return t;
}

void group_free(struct group_table *t)
{
	if (t == NULL)
		return;
	free(t->entries);
	free(t->ranks);
	free(t->index);
	free(t);
}

static uint64_t hash(const struct group_table *t, const uint8_t *key)
{
	uint64_t h = t->seed;

	for (size_t at = 0; at < t->stride - sizeof(struct group_sum); at += 8) {
		uint64_t word;

		memcpy(&word, key + at, sizeof(word));
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	return h * UINT64_C(0xd6e8feb86659fd93) >> 16;
}

/* Its place in the index: of the entry with this key, or a free one. */
static uint32_t *place_of(const struct group_table *t, const uint8_t *key)
{
	size_t at = (size_t)hash(t, key) & (t->slots - 1);

	while (t->index[at] != 0 && memcmp(key_of(t, t->index[at] - 1), key, t->by.key_len) != 0)
		at = (at + 1) & (t->slots - 1);
	return &t->index[at]; /* 0: free; else the entry's number and one */
}

static void sum_flow(struct group_sum *s, const struct flow *f)
{
	s->start_ms = s->flows == 0 ? f->start_ms : MIN(s->start_ms, f->start_ms);
	s->end_ms = s->flows == 0 ? f->end_ms : MAX(s->end_ms, f->end_ms);
	s->flows++;
	s->packets += f->packets;
	s->octets += f->octets;
	s->sampled += flow_is_sampled(f);
}

static void sum_sum(struct group_sum *s, const struct group_sum *add)
{
	s->start_ms = s->flows == 0 ? add->start_ms : MIN(s->start_ms, add->start_ms);
	s->end_ms = s->flows == 0 ? add->end_ms : MAX(s->end_ms, add->end_ms);
	s->flows += add->flows;
	s->packets += add->packets;
	s->octets += add->octets;
	s->sampled += add->sampled;
}

uint64_t group_rank_at(const struct group_table *t, size_t index)
{
	const struct group_sum *s = sum_of(t, index);

	switch (t->order) {
	case GROUP_BY_BYTES:
		return s->octets;
	case GROUP_BY_PACKETS:
		return s->packets;
	case GROUP_BY_FLOWS:
		return s->flows;
	case GROUP_BY_DURATION:
		return (uint64_t)s->end_ms - (uint64_t)s->start_ms;
	}
	return 0;
}

/* The value of values[0..count) below which `nth` of them are, once sorted (Hoare's selection). */
static uint64_t select_nth(uint64_t *values, size_t count, size_t nth)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		uint64_t pivot = values[low + (high - low) / 2];
		size_t i = low, k = high;

		for (;;) {
			uint64_t kept;

			while (values[i] < pivot)
				i++;
			while (values[k] > pivot)
				k--;
			if (i >= k)
				break;
			kept = values[i];
			values[i++] = values[k];
			values[k--] = kept;
		}
		if (nth <= k)
			high = k;
		else
			low = k + 1;
	}
	return values[nth];
}

/* Half of the groups go, those that rank lowest; the others move up. */
static void give_up(struct group_table *t)
{
	size_t kept = 0, left = t->count / 2;
	uint64_t limit;

	for (size_t i = 0; i < t->count; i++)
		t->ranks[i] = group_rank_at(t, i);
	limit = select_nth(t->ranks, t->count, left);
	memset(t->index, 0, t->slots * sizeof(*t->index));
	for (size_t i = 0; i < t->count; i++) {
		if (left > 0 && group_rank_at(t, i) <= limit) {
			sum_sum(&t->other, sum_of(t, i));
			left--;
			continue;
		}
		if (kept != i)
			memcpy(sum_of(t, kept), sum_of(t, i), t->stride);
		*place_of(t, key_of(t, kept)) = (uint32_t)(kept + 1);
		kept++;
	}
	t->count = kept;
	t->given_up += MAX(limit, UINT64_C(1)); /* so that whoever comes again is marked */
}

void group_add(struct group_table *t, const struct flow *flow)
{
	uint8_t key[KEY_MAX + 8] = {0};
	struct group_sum *sum;
	uint32_t *place;

	put_key(&t->by, flow, key);
	sum_flow(&t->total, flow);
	place = place_of(t, key);
	if (*place == 0) {
		if (t->count == t->capacity) {
			give_up(t);
			place = place_of(t, key);
		}
		sum = sum_of(t, t->count);
		*sum = (struct group_sum){.missed =
		                                  t->order == GROUP_BY_DURATION ? 0 : t->given_up};
		memcpy(key_of(t, t->count), key, t->stride - sizeof(*sum));
		*place = (uint32_t)++t->count;
	}
	sum_flow(sum_of(t, *place - 1), flow);
}

size_t group_count(const struct group_table *t)
{
	return t->count;
}

const struct group_sum *group_sum_at(const struct group_table *t, size_t index)
{
	return sum_of(t, index);
}

void group_part_at(const struct group_table *t, size_t index, size_t part, struct addr *ret_addr,
                   uint64_t *ret_number)
{
	const uint8_t *key = key_of(t, index);
	struct flow flow = {.octets = 0};
	enum field field = t->by.parts[part].field;

	for (size_t i = 0; i < part; i++)
		key += field_rows[t->by.parts[i].field].size;
	memcpy((uint8_t *)&flow + field_rows[field].offset, key, field_rows[field].size);
	if (field_is_addr(field))
		*ret_addr = *field_addr(field, &flow);
	else
		*ret_number = field_number(field, &flow);
}

const struct group_sum *group_total(const struct group_table *t)
{
	return &t->total;
}

const struct group_sum *group_other(const struct group_table *t)
{
	return &t->other;
}
