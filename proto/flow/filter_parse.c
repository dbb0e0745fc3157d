/* The grammar of filters, by recursive descent into a tree, whose tests are then linked. */
#include "base/util.h"
#include "proto/flow/field.h"
#include "proto/flow/filter_value.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16
#define WORD_MAX 64
#define FIELDS_MAX 3 /* that one word may mean */

struct parser {
	const char *text, *at;
	char word[WORD_MAX]; /* the token ahead, in small letters; "" at the end */
	size_t word_at, word_len;
	struct filter *filter;
	enum err err;
	char *reterr;
	int depth;
	bool is_denied; /* `not` stands right before */
};

struct primitive { /* WORD [comparison] value */
	const char *word;
	int after; /* which side words it may stand after */
	enum field fields[FIELDS_MAX];
	size_t field_count;
	const struct filter_value *value;
	uint8_t protos[2]; /* the flow must have one of these; 0: any */
};

/* The ranges of one comparison. */
struct operand {
	uint16_t first, count;
	bool is_denied; /* != */
};

static uint16_t expression(struct parser *p);

static uint16_t fail(struct parser *p, enum err err, const char *expected)
{
	if (p->err == ERR_OK) {
		int len = (int)MIN(p->word_len, 40);

		p->err = err;
		snprintf(p->reterr, FILTER_REASON_MAX, "filter: expected %s at column %zu%s%.*s%s",
		         expected, p->word_at + 1, len > 0 ? ", not \"" : ", where it ends", len,
		         p->text + p->word_at, len > 0 ? "\"" : "");
	}
	return 0;
}

static const char *skip_space(const char *at)
{
	for (;;) {
		at += strspn(at, " \t\r\n");
		if (*at != '#')
			return at;
		at += strcspn(at, "\n");
	}
}

static size_t token_len(const char *at)
{
	static const char *const doubles[] = {"<=", ">=", "==", "!=", "&&", "||"};

	for (size_t i = 0; i < ARRAY_LEN(doubles); i++) {
		if (strncmp(at, doubles[i], 2) == 0)
			return 2;
	}
	if (*at != '\0' && strchr("()[]<>=!,&|", *at) != NULL)
		return 1;
	return strcspn(at, " \t\r\n()[]<>=!,&|#");
}

static void advance(struct parser *p)
{
	size_t len;

	p->at = skip_space(p->at);
	p->word_at = (size_t)(p->at - p->text);
	p->word_len = token_len(p->at);
	len = MIN(p->word_len, WORD_MAX - 1);
	for (size_t i = 0; i < len; i++)
		p->word[i] =
			(char)(p->at[i] >= 'A' && p->at[i] <= 'Z' ? p->at[i] | 0x20 : p->at[i]);
	p->word[len] = '\0';
	p->at += p->word_len;
	if (p->word_len >= WORD_MAX)
		fail(p, ERR_FORMAT, "a shorter word");
}

static bool take(struct parser *p, const char *word)
{
	if (p->err != ERR_OK || strcmp(p->word, word) != 0)
		return false;
	advance(p);
	return true;
}

static uint16_t add(struct parser *p, struct filter_node node)
{
	struct filter *f = p->filter;

	if (p->err != ERR_OK)
		return 0;
	if (f->count == FILTER_NODES_MAX)
		return fail(p, ERR_LIMIT, "a filter of fewer parts");
	f->nodes[f->count] = node;
	return f->count++;
}

static uint16_t join(struct parser *p, enum filter_kind kind, uint16_t left, uint16_t right)
{
	return add(p, (struct filter_node){.kind = (uint8_t)kind, .left = left, .right = right});
}

static uint16_t test(struct parser *p, enum field field, uint8_t mask, struct operand o)
{
	return add(p, (struct filter_node){
			      .kind = FILTER_TEST,
			      .field = (uint8_t)field,
			      .mask = mask,
			      .first = o.first,
			      .count = o.count,
		      });
}

static bool is_before(const uint64_t a[2], const uint64_t b[2])
{
	return a[0] != b[0] ? a[0] < b[0] : a[1] < b[1];
}

/* Into the sorted ranges from `o->first` on; those that overlap become one. */
static void insert(struct parser *p, struct operand *o, struct filter_range r)
{
	struct filter *f = p->filter;
	struct filter_range *ranges = f->ranges + o->first;
	size_t at = 0, end;

	if (f->range_count == FILTER_RANGES_MAX) {
		fail(p, ERR_LIMIT, "a filter of fewer values");
		return;
	}
	while (at < o->count && is_before(ranges[at].high, r.low))
		at++;
	for (end = at; end < o->count && !is_before(r.high, ranges[end].low); end++) {
		if (is_before(ranges[end].low, r.low))
			memcpy(r.low, ranges[end].low, sizeof(r.low));
		if (is_before(r.high, ranges[end].high))
			memcpy(r.high, ranges[end].high, sizeof(r.high));
	}
	memmove(ranges + at + 1, ranges + end, (o->count - end) * sizeof(r));
	ranges[at] = r;
	o->count = (uint16_t)(o->count + 1 - (end - at));
	f->range_count = (uint16_t)(o->first + o->count);
}

static struct operand operand_begin(const struct parser *p)
{
	return (struct operand){.first = p->filter->range_count};
}

static struct operand operand_of(struct parser *p, uint64_t low, uint64_t high)
{
	struct operand o = operand_begin(p);

	insert(p, &o, (struct filter_range){.low = {0, low}, .high = {0, high}});
	return o;
}

/* IPv4 is held inside of ::/80, and yet no part of it to people: such a net goes around it. */
static void insert_addr(struct parser *p, struct operand *o, struct filter_range r)
{
	static const struct filter_range v4 = {{0, UINT64_C(0xffff) << 32},
	                                       {0, (UINT64_C(0x10000) << 32) - 1}};
	struct filter_range below = r, above = r;

	if (!is_before(r.low, v4.low) || !is_before(v4.high, r.high)) {
		insert(p, o, r);
		return;
	}
	below.high[0] = v4.low[0];
	below.high[1] = v4.low[1] - 1;
	above.low[0] = v4.high[0];
	above.low[1] = v4.high[1] + 1;
	insert(p, o, below);
	insert(p, o, above);
}

/* One value, a word or an address and its netmask. */
static struct filter_range read_value(struct parser *p, const struct filter_value *v)
{
	struct filter_range r = {{0}, {0}};
	char addr[WORD_MAX];

	if (v->read(v, p->word, &r)) {
		advance(p);
	} else if (v == &filter_value_net && filter_value_masked(p->word, "0.0.0.0", &r)) {
		memcpy(addr, p->word, sizeof(addr));
		advance(p);
		if (!filter_value_masked(addr, p->word, &r))
			fail(p, ERR_FORMAT, "/BITS right behind the address, or a netmask");
		advance(p);
	} else {
		fail(p, ERR_FORMAT, v->expected);
	}
	return r;
}

static void insert_value(struct parser *p, const struct filter_value *v, struct operand *o,
                         struct filter_range r)
{
	if (p->err != ERR_OK)
		return;
	if (v->is_addr)
		insert_addr(p, o, r);
	else
		insert(p, o, r);
}

static void read_list(struct parser *p, const struct filter_value *v, struct operand *o)
{
	if (!take(p, "["))
		fail(p, ERR_FORMAT, "[");
	while (p->err == ERR_OK && (o->count == 0 || !take(p, "]"))) {
		insert_value(p, v, o, read_value(p, v));
		take(p, ",");
	}
}

static const struct comparison {
	const char *words[2];
	bool has_below, has_equal, has_above;
} comparisons[] = {
	{{"=", "eq"}, false, true, false}, {{"==", NULL}, false, true, false},
	{{"!=", "ne"}, true, false, true}, {{"<", "lt"}, true, false, false},
	{{"<=", "le"}, true, true, false}, {{">", "gt"}, false, false, true},
	{{">=", "ge"}, false, true, true},
};

static const struct comparison *comparison(struct parser *p)
{
	for (size_t i = 0; i < ARRAY_LEN(comparisons); i++) {
		for (size_t k = 0; k < 2 && comparisons[i].words[k] != NULL; k++) {
			if (take(p, comparisons[i].words[k]))
				return &comparisons[i];
		}
	}
	return &comparisons[0];
}

static bool is_order(const struct comparison *c)
{
	return c->has_below != c->has_above;
}

/* Numbers below or above those of `r`; a range that ends before it begins holds none. */
static struct filter_range open_range(const struct comparison *c, struct filter_range r)
{
	struct filter_range none = {{0, 1}, {0, 0}};
	uint64_t low = r.low[1], high = r.high[1];

	if (c->has_below)
		low = 0;
	else
		high = UINT64_MAX;
	if (!c->has_equal && c->has_below && r.low[1] == 0)
		return none;
	if (!c->has_equal && c->has_above && r.high[1] == UINT64_MAX)
		return none;
	if (!c->has_equal && c->has_below)
		high = r.low[1] - 1;
	if (!c->has_equal && c->has_above)
		low = r.high[1] + 1;
	return (struct filter_range){{0, low}, {0, high}};
}

/* What a member is compared with, and how. */
static struct operand read_operand(struct parser *p, const struct filter_value *v)
{
	struct operand o = operand_begin(p);
	size_t at = p->word_at, len = p->word_len;
	const struct comparison *c;
	struct filter_range r;

	if (take(p, "in")) {
		read_list(p, v, &o);
		return o;
	}
	c = comparison(p);
	if (v->is_addr && is_order(c)) {
		p->word_at = at;
		p->word_len = len;
		fail(p, ERR_FORMAT, "=, != or in: addresses have no order");
	}
	r = read_value(p, v);
	insert_value(p, v, &o, is_order(c) ? open_range(c, r) : r);
	o.is_denied = c->has_below && c->has_above;
	return o;
}

enum { FIRST = 1, SECOND = 2, THIRD = 4, ANY_SIDE = FIRST | SECOND | THIRD };

struct sides {
	unsigned mask; /* of a primitive's fields */
	bool is_all;   /* each of them, not one of them */
};

/* The tests of all fields that are meant. */
static uint16_t test_sides(struct parser *p, const struct primitive *of, struct sides sides,
                           struct operand o)
{
	bool is_first = true;
	uint16_t node = 0;

	for (size_t i = 0; i < of->field_count; i++) {
		uint16_t one;

		if ((sides.mask & 1u << i) == 0)
			continue;
		one = test(p, of->fields[i], UINT8_MAX, o);
		node = is_first ? one : join(p, sides.is_all ? FILTER_AND : FILTER_OR, node, one);
		is_first = false;
	}
	return o.is_denied ? join(p, FILTER_NOT, node, 0) : node;
}

static uint16_t require_proto(struct parser *p, const uint8_t protos[2], uint16_t node)
{
	struct operand o;

	if (protos[0] == 0)
		return node;
	o = operand_of(p, protos[0], protos[0]);
	if (protos[1] != 0)
		insert(p, &o, (struct filter_range){{0, protos[1]}, {0, protos[1]}});
	return join(p, FILTER_AND, node, test(p, FIELD_PROTO, UINT8_MAX, o));
}

/* As nfdump has it: `flags SA` has both, `not flags SA` has neither; with "=", and no others. */
static uint16_t parse_flags(struct parser *p)
{
	static const char letters[] = "fsrpauec"; /* from the lowest bit */
	static const uint8_t tcp[2] = {FLOW_TCP};
	bool is_denied = p->is_denied, is_exact = take(p, "=") || take(p, "==");
	struct operand o;
	unsigned bits = 0;

	if (strcmp(p->word, "x") == 0) {
		bits = 0x3f;
	} else {
		for (const char *c = p->word; *c != '\0'; c++) {
			const char *letter = strchr(letters, *c);

			if (letter == NULL || (bits & 1u << (letter - letters)) != 0)
				return fail(p, ERR_FORMAT, "letters of FSRPAUEC, each once");
			bits |= 1u << (letter - letters);
		}
	}
	if (bits == 0)
		return fail(p, ERR_FORMAT, "letters of FSRPAUEC");
	advance(p);
	o = operand_of(p, is_denied && !is_exact ? 1 : bits, bits);
	return require_proto(p, tcp,
	                     test(p, FIELD_TCP_FLAGS, (uint8_t)(is_exact ? UINT8_MAX : bits), o));
}

enum { BARE = 1, ENDS = 2, WAYS = 4, TAGS = 8, NATS = 16 };

/* clang-format off */
static const struct primitive primitives[] = {
	{"ip", BARE | ENDS, {FIELD_SRC, FIELD_DST}, 2, &filter_value_addr, {0}},
	{"host", BARE | ENDS, {FIELD_SRC, FIELD_DST}, 2, &filter_value_addr, {0}},
	{"net", BARE | ENDS, {FIELD_SRC, FIELD_DST}, 2, &filter_value_net, {0}},
	{"port", BARE | ENDS, {FIELD_SRC_PORT, FIELD_DST_PORT}, 2, &filter_value_port, {0}},
	{"ip", NATS, {FIELD_NAT_SRC, FIELD_NAT_DST}, 2, &filter_value_addr, {0}},
	{"host", NATS, {FIELD_NAT_SRC, FIELD_NAT_DST}, 2, &filter_value_addr, {0}},
	{"net", NATS, {FIELD_NAT_SRC, FIELD_NAT_DST}, 2, &filter_value_net, {0}},
	{"port", NATS, {FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT}, 2, &filter_value_port, {0}},
	{"xip", BARE | ENDS, {FIELD_NAT_SRC, FIELD_NAT_DST}, 2, &filter_value_addr, {0}},
	{"nip", BARE | ENDS, {FIELD_NAT_SRC, FIELD_NAT_DST}, 2, &filter_value_addr, {0}},
	{"xport", BARE | ENDS, {FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT}, 2, &filter_value_port, {0}},
	{"nport", BARE | ENDS, {FIELD_NAT_SRC_PORT, FIELD_NAT_DST_PORT}, 2, &filter_value_port, {0}},
	{"if", BARE | WAYS, {FIELD_IN_IF, FIELD_OUT_IF}, 2, &filter_value_index, {0}},
	{"vlan", BARE | ENDS | WAYS | TAGS, {FIELD_VLAN_IN, FIELD_VLAN_OUT, FIELD_VLAN_INNER}, 3, &filter_value_vlan, {0}},
	{"tos", BARE, {FIELD_TOS}, 1, &filter_value_octet, {0}},
	{"exporter", BARE, {FIELD_EXPORTER}, 1, &filter_value_addr, {0}},
	{"router", BARE, {FIELD_EXPORTER}, 1, &filter_value_addr, {0}},
	{"proto", BARE, {FIELD_PROTO}, 1, &filter_value_proto, {0}},
	{"bytes", BARE, {FIELD_BYTES}, 1, &filter_value_count, {0}},
	{"packets", BARE, {FIELD_PACKETS}, 1, &filter_value_count, {0}},
	{"pps", BARE, {FIELD_PPS}, 1, &filter_value_count, {0}},
	{"bps", BARE, {FIELD_BPS}, 1, &filter_value_count, {0}},
	{"bpp", BARE, {FIELD_BPP}, 1, &filter_value_count, {0}},
	{"duration", BARE, {FIELD_DURATION}, 1, &filter_value_span, {0}},
	{"mpls", BARE, {FIELD_MPLS}, 1, &filter_value_label, {0}},
	{"domain", BARE, {FIELD_DOMAIN}, 1, &filter_value_index, {0}},
	{"version", BARE, {FIELD_VERSION}, 1, &filter_value_version, {0}},
	{"sampling", BARE, {FIELD_SAMPLING}, 1, &filter_value_index, {0}},
	{"icmp-type", BARE, {FIELD_ICMP_TYPE}, 1, &filter_value_octet, {1, 58}},
	{"icmp-code", BARE, {FIELD_ICMP_CODE}, 1, &filter_value_octet, {1, 58}},
};
/* clang-format on */

/* Words that are a whole test. */
static const struct {
	const char *word;
	enum field field;
	uint64_t value;
} facts[] = {
	{"ipv4", FIELD_FAMILY, 4},  {"inet", FIELD_FAMILY, 4},     {"ipv6", FIELD_FAMILY, 6},
	{"inet6", FIELD_FAMILY, 6}, {"sampled", FIELD_SAMPLED, 1},
};

static const struct side_word {
	const char *word, *other; /* src: dst */
	int after;
	unsigned mask;
	const char *expected; /* behind it */
} side_words[] = {
	{"src", "dst", ENDS, FIRST, "ip, net, port, vlan or nat"},
	{"dst", "src", ENDS, SECOND, "ip, net, port, vlan or nat"},
	{"in", "out", WAYS, FIRST, "if or vlan"},
	{"out", "in", WAYS, SECOND, "if or vlan"},
	{"inner", NULL, TAGS, THIRD, "vlan"},
};

/* "src", "src or dst", "src and dst", ..., or nothing. */
static const struct side_word *read_sides(struct parser *p, struct sides *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(side_words); i++) {
		const struct side_word *w = &side_words[i];

		if (!take(p, w->word))
			continue;
		*ret = (struct sides){.mask = w->mask};
		if (w->other == NULL || (strcmp(p->word, "or") != 0 && strcmp(p->word, "and") != 0))
			return w;
		ret->is_all = p->word[0] == 'a';
		ret->mask = FIRST | SECOND;
		advance(p);
		if (!take(p, w->other))
			fail(p, ERR_FORMAT, w->other);
		return w;
	}
	return NULL;
}

static uint16_t parse_fact(struct parser *p, bool *ret_is_one)
{
	*ret_is_one = true;
	if (take(p, "any"))
		return add(p, (struct filter_node){.kind = FILTER_ANY});
	if (take(p, "flags"))
		return parse_flags(p);
	for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
		if (take(p, facts[i].word))
			return test(p, facts[i].field, UINT8_MAX,
			            operand_of(p, facts[i].value, facts[i].value));
	}
	*ret_is_one = false;
	return 0;
}

static uint16_t primitive(struct parser *p)
{
	const char *expected =
		"src, dst, ip, net, port, proto, bytes, ... (see the manual), not or (";
	struct sides sides = {.mask = ANY_SIDE};
	bool is_nat = take(p, "nat"), is_fact = false;
	const struct side_word *side = read_sides(p, &sides);
	uint16_t node;
	int after = side == NULL ? BARE : side->after;

	if (is_nat || (after == ENDS && take(p, "nat")))
		after = NATS;
	node = after == BARE ? parse_fact(p, &is_fact) : 0;
	if (is_fact)
		return node;
	for (size_t i = 0; i < ARRAY_LEN(primitives); i++) {
		const struct primitive *of = &primitives[i];

		if ((of->after & after) == 0 || !take(p, of->word))
			continue;
		if (of->fields[0] == FIELD_EXPORTER)
			take(p, "ip");
		if (of->fields[0] == FIELD_MPLS)
			take(p, "label1");
		return require_proto(p, of->protos,
		                     test_sides(p, of, sides, read_operand(p, of->value)));
	}
	if (after == NATS)
		expected = "ip, net or port";
	return fail(p, ERR_FORMAT, side == NULL || after == NATS ? expected : side->expected);
}

static uint16_t factor(struct parser *p)
{
	uint16_t inner;

	if (++p->depth > DEPTH_MAX)
		return fail(p, ERR_LIMIT, "less nesting");
	if (take(p, "not") || take(p, "!")) {
		p->is_denied = true;
		inner = join(p, FILTER_NOT, factor(p), 0);
	} else if (take(p, "(")) {
		p->is_denied = false;
		inner = expression(p);
		if (!take(p, ")"))
			fail(p, ERR_FORMAT, ")");
	} else {
		inner = primitive(p);
	}
	p->is_denied = false;
	p->depth--;
	return inner;
}

static uint16_t conjunction(struct parser *p)
{
	uint16_t left = factor(p);

	while (take(p, "and") || take(p, "&&"))
		left = join(p, FILTER_AND, left, factor(p));
	return left;
}

static uint16_t expression(struct parser *p)
{
	uint16_t left = conjunction(p);

	while (take(p, "or") || take(p, "||"))
		left = join(p, FILTER_OR, left, conjunction(p));
	return left;
}

/*
 * Says each test under `at` where to go on; returns the first of them. It goes down to the left in
 * a loop and calls itself for the right, which is nested no deeper than the text.
 */
static uint16_t link_tests(struct filter *f, uint16_t at, uint16_t passed, uint16_t failed)
{
	for (;;) {
		struct filter_node *n = &f->nodes[at];
		uint16_t other = passed;

		switch ((enum filter_kind)n->kind) {
		case FILTER_ANY:
			return passed;
		case FILTER_TEST:
			n->next[0] = failed;
			n->next[1] = passed;
			return at;
		case FILTER_NOT:
			passed = failed;
			failed = other;
			break;
		case FILTER_AND:
			passed = link_tests(f, n->right, passed, failed);
			break;
		case FILTER_OR:
			failed = link_tests(f, n->right, passed, failed);
			break;
		}
		at = n->left;
	}
}

enum err filter_parse(const char *text, struct filter *ret, char reterr[FILTER_REASON_MAX])
{
	struct parser p = {.text = text, .at = text, .filter = ret, .reterr = reterr};

	ret->count = ret->range_count = 0;
	advance(&p);
	if (p.word[0] == '\0' && p.err == ERR_OK)
		ret->root = add(&p, (struct filter_node){.kind = FILTER_ANY});
	else
		ret->root = expression(&p);
	if (p.word[0] != '\0')
		fail(&p, ERR_FORMAT, "and, or, or the end");
	if (p.err == ERR_OK)
		ret->start = link_tests(ret, ret->root, FILTER_PASSES, FILTER_FAILS);
	return p.err;
}
