#include "proto/flow/filter.h"

#include "base/timestamp.h"
#include "base/util.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 16
#define WORD_MAX 64

struct parser {
	const char *text, *at;
	char word[WORD_MAX]; /* the token ahead; "" at the end */
	size_t word_at;
	struct filter *filter;
	enum err err;
	char *reterr;
	int depth;
};

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"icmp", 1}, {"igmp", 2}, {"tcp", 6},    {"udp", 17},
	{"gre", 47}, {"esp", 50}, {"icmp6", 58}, {"sctp", 132},
};

static const struct {
	char letter;
	uint8_t bit;
} flag_letters[] = {{'F', 1}, {'S', 2}, {'R', 4}, {'P', 8}, {'A', 16}, {'U', 32}};

static uint8_t expression(struct parser *p);

static uint8_t fail(struct parser *p, enum err err, const char *expected)
{
	if (p->err == ERR_OK) {
		p->err = err;
		snprintf(p->reterr, FILTER_REASON_MAX, "filter: expected %s at column %zu%s%.40s%s",
		         expected, p->word_at + 1, p->word[0] ? ", not \"" : ", where it ends",
		         p->word, p->word[0] ? "\"" : "");
	}
	return 0;
}

static void advance(struct parser *p)
{
	bool is_long;
	size_t len;

	p->at += strspn(p->at, " \t\r\n");
	p->word_at = (size_t)(p->at - p->text);
	len = strchr("()<>=!", *p->at) != NULL ? (*p->at != '\0') : strcspn(p->at, " \t\r\n()<>=!");
	is_long = len >= WORD_MAX;
	len = MIN(len, WORD_MAX - 1);
	memcpy(p->word, p->at, len);
	p->word[len] = '\0';
	p->at += len;
	if (is_long)
		fail(p, ERR_FORMAT, "a shorter word");
}

static bool take(struct parser *p, const char *word)
{
	if (p->err != ERR_OK || strcmp(p->word, word) != 0)
		return false;
	advance(p);
	return true;
}

static uint8_t add(struct parser *p, struct filter_node node)
{
	struct filter *f = p->filter;

	if (p->err != ERR_OK)
		return 0;
	if (f->count == FILTER_NODES_MAX)
		return fail(p, ERR_LIMIT, "a filter of fewer parts");
	f->nodes[f->count] = node;
	return f->count++;
}

static uint64_t number(struct parser *p, uint64_t max)
{
	uint64_t value = 0;

	if (number_parse(p->word, max, &value) != ERR_OK)
		fail(p, ERR_FORMAT, "a number in range");
	else
		advance(p);
	return value;
}

static struct addr address(struct parser *p)
{
	struct addr a = {{0}};

	if (addr_parse(p->word, &a) != ERR_OK)
		fail(p, ERR_FORMAT, "an IP address");
	else
		advance(p);
	return a;
}

static char comparison(struct parser *p)
{
	if (take(p, "<"))
		return '<';
	if (take(p, ">"))
		return '>';
	take(p, "=");
	return '=';
}

static uint8_t parse_ip(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_IP;
	node.bits = 128;
	node.addr = address(p);
	return add(p, node);
}

static uint8_t parse_net(struct parser *p, struct filter_node node)
{
	char base[WORD_MAX];
	const char *slash = strchr(p->word, '/');
	uint64_t bits = 0;
	bool is_v4;

	node.kind = FILTER_IP;
	snprintf(base, sizeof(base), "%.*s", slash == NULL ? 0 : (int)(slash - p->word), p->word);
	if (slash == NULL || addr_parse(base, &node.addr) != ERR_OK)
		return fail(p, ERR_FORMAT, "a net as 192.0.2.0/24");
	is_v4 = addr_is_v4(&node.addr);
	if (number_parse(slash + 1, is_v4 ? 32 : 128, &bits) != ERR_OK)
		return fail(p, ERR_FORMAT, "a prefix length");
	node.bits = (uint8_t)(bits + (is_v4 ? 96 : 0));
	advance(p);
	return add(p, node);
}

static uint8_t parse_port(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_PORT;
	node.compare = comparison(p);
	node.number = number(p, 65535);
	return add(p, node);
}

static uint8_t parse_proto(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_PROTO;
	for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
		if (take(p, protocols[i].name)) {
			node.number = protocols[i].number;
			return add(p, node);
		}
	}
	node.number = number(p, 255);
	return add(p, node);
}

static uint8_t parse_if(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_IF;
	node.number = number(p, UINT32_MAX);
	return add(p, node);
}

static uint8_t parse_exporter(struct parser *p, struct filter_node node)
{
	take(p, "ip");
	node.kind = FILTER_EXPORTER;
	node.addr = address(p);
	return add(p, node);
}

static uint8_t parse_bytes(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_BYTES;
	node.compare = comparison(p);
	node.number = number(p, UINT64_MAX);
	return add(p, node);
}

static uint8_t parse_packets(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_PACKETS;
	node.compare = comparison(p);
	node.number = number(p, UINT64_MAX);
	return add(p, node);
}

static uint8_t parse_flags(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_FLAGS;
	for (const char *c = p->word; *c != '\0'; c++) {
		uint64_t before = node.number;

		for (size_t i = 0; i < ARRAY_LEN(flag_letters); i++) {
			if (flag_letters[i].letter == *c)
				node.number |= flag_letters[i].bit;
		}
		if (node.number == before)
			return fail(p, ERR_FORMAT, "letters of FSRPAU, each once");
	}
	if (node.number == 0)
		return fail(p, ERR_FORMAT, "letters of FSRPAU");
	advance(p);
	return add(p, node);
}

static uint8_t parse_ipv4(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_FAMILY;
	node.number = 4;
	return add(p, node);
}

static uint8_t parse_ipv6(struct parser *p, struct filter_node node)
{
	node.kind = FILTER_FAMILY;
	node.number = 6;
	return add(p, node);
}

static uint8_t parse_any(struct parser *p, struct filter_node node)
{
	return add(p, node);
}

/* What may stand after which side words. */
enum { BARE = 1, ENDS = 2, WAYS = 4 };

static const struct {
	const char *word;
	int after;
	uint8_t (*parse)(struct parser *p, struct filter_node node);
} primitives[] = {
	{"ip", BARE | ENDS, parse_ip},      {"host", BARE | ENDS, parse_ip},
	{"net", BARE | ENDS, parse_net},    {"port", BARE | ENDS, parse_port},
	{"if", BARE | WAYS, parse_if},      {"proto", BARE, parse_proto},
	{"exporter", BARE, parse_exporter}, {"bytes", BARE, parse_bytes},
	{"packets", BARE, parse_packets},   {"flags", BARE, parse_flags},
	{"ipv4", BARE, parse_ipv4},         {"ipv6", BARE, parse_ipv6},
	{"any", BARE, parse_any},
};

static const struct {
	const char *word;
	int kind;
	uint8_t sides;
	const char *expected; /* behind it */
} side_words[] = {
	{"src", ENDS, 1, "ip, net or port"},
	{"dst", ENDS, 2, "ip, net or port"},
	{"in", WAYS, 1, "if"},
	{"out", WAYS, 2, "if"},
};

static uint8_t primitive(struct parser *p)
{
	struct filter_node node = {.kind = FILTER_ANY, .sides = 3, .compare = '='};
	const char *expected = "ip, net, port, proto, if, exporter, not or (";
	int after = BARE;

	for (size_t i = 0; i < ARRAY_LEN(side_words) && after == BARE; i++) {
		if (take(p, side_words[i].word)) {
			after = side_words[i].kind;
			node.sides = side_words[i].sides;
			expected = side_words[i].expected;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(primitives); i++) {
		if ((primitives[i].after & after) != 0 && take(p, primitives[i].word))
			return primitives[i].parse(p, node);
	}
	return fail(p, ERR_FORMAT, expected);
}

static uint8_t factor(struct parser *p)
{
	struct filter_node node = {.kind = FILTER_NOT};
	uint8_t inner;

	if (++p->depth > DEPTH_MAX)
		return fail(p, ERR_LIMIT, "less nesting");
	if (take(p, "not") || take(p, "!")) {
		node.left = factor(p);
		inner = add(p, node);
	} else if (take(p, "(")) {
		inner = expression(p);
		if (!take(p, ")"))
			fail(p, ERR_FORMAT, ")");
	} else {
		inner = primitive(p);
	}
	p->depth--;
	return inner;
}

static uint8_t conjunction(struct parser *p)
{
	uint8_t left = factor(p);

	while (take(p, "and")) {
		struct filter_node node = {.kind = FILTER_AND, .left = left, .right = factor(p)};

		left = add(p, node);
	}
	return left;
}

static uint8_t expression(struct parser *p)
{
	uint8_t left = conjunction(p);

	while (take(p, "or")) {
		struct filter_node node = {
			.kind = FILTER_OR, .left = left, .right = conjunction(p)};

		left = add(p, node);
	}
	return left;
}

enum err filter_parse(const char *text, struct filter *ret, char reterr[FILTER_REASON_MAX])
{
	struct filter filter = {.count = 0};
	struct parser p = {.text = text, .at = text, .filter = &filter, .reterr = reterr};

	advance(&p);
	if (p.word[0] == '\0' && p.err == ERR_OK)
		add(&p, (struct filter_node){.kind = FILTER_ANY});
	else
		filter.root = expression(&p);
	if (p.word[0] != '\0')
		fail(&p, ERR_FORMAT, "and, or, or the end");
	if (p.err == ERR_OK)
		*ret = filter;
	return p.err;
}

static bool compares(const struct filter_node *n, uint64_t value)
{
	return n->compare == '<'   ? value < n->number
	       : n->compare == '>' ? value > n->number
	                           : value == n->number;
}

/* Does either side that `node` means pass? */
static bool sides(const struct filter_node *n, bool first, bool second)
{
	return ((n->sides & 1) != 0 && first) || ((n->sides & 2) != 0 && second);
}

static bool matches(const struct filter *f, uint8_t at, const struct flow *flow)
{
	const struct filter_node *n = &f->nodes[at];

	switch (n->kind) {
	case FILTER_ANY:
		return true;
	case FILTER_AND:
		return matches(f, n->left, flow) && matches(f, n->right, flow);
	case FILTER_OR:
		return matches(f, n->left, flow) || matches(f, n->right, flow);
	case FILTER_NOT:
		return !matches(f, n->left, flow);
	case FILTER_IP:
		return sides(n, addr_in_net(&flow->src, &n->addr, n->bits),
		             addr_in_net(&flow->dst, &n->addr, n->bits));
	case FILTER_PORT:
		return sides(n, compares(n, flow->src_port), compares(n, flow->dst_port));
	case FILTER_PROTO:
		return flow->proto == n->number;
	case FILTER_IF:
		return sides(n, flow->in_if == n->number, flow->out_if == n->number);
	case FILTER_EXPORTER:
		return addr_equal(&flow->exporter, &n->addr);
	case FILTER_BYTES:
		return compares(n, flow->octets);
	case FILTER_PACKETS:
		return compares(n, flow->packets);
	case FILTER_FLAGS:
		return (flow->tcp_flags & n->number) == n->number;
	case FILTER_FAMILY:
		return addr_is_v4(&flow->src) == (n->number == 4);
	}
	return false;
}

bool filter_matches(const struct filter *f, const struct flow *flow)
{
	return matches(f, f->root, flow);
}
