#include "proto/flow/field.h"
#include "proto/flow/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static const struct flow flows[] = {
	{
		.src = {{[10] = 0xff, [11] = 0xff, 10, 4, 0, 10}},
		.dst = {{[10] = 0xff, [11] = 0xff, 203, 0, 113, 121}},
		.exporter = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 9}},
		.octets = 865,
		.packets = 15,
		.in_if = 1,
		.out_if = 2,
		.src_port = 45126,
		.dst_port = 22,
		.proto = 6,
		.tcp_flags = 0x1b,
	},
	{
		.src = {{0x20, 0x01, 0x0d, 0xb8}},
		.dst = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
		.octets = UINT64_MAX,
		.src_port = 53,
		.proto = 17,
	},
};

/*
 * A tree whose branches all lie before their joint, and tests that lead forward: both end, within
 * their arrays.
 */
static void check_tree(const struct filter *f)
{
	must(f->count > 0 && f->count <= FILTER_NODES_MAX);
	must(f->root < f->count && f->range_count <= FILTER_RANGES_MAX);
	for (uint16_t i = 0; i < f->count; i++) {
		const struct filter_node *n = &f->nodes[i];

		if (n->kind == FILTER_AND || n->kind == FILTER_OR)
			must(n->left < i && n->right < i);
		if (n->kind == FILTER_NOT)
			must(n->left < i);
		if (n->kind != FILTER_TEST)
			continue;
		must(n->field < FIELD_COUNT_OF && n->count > 0);
		must(n->first + n->count <= f->range_count);
		for (size_t k = 0; k < 2; k++)
			must(n->next[k] > i &&
			     (n->next[k] >= FILTER_NODES_MAX || n->next[k] < f->count));
	}
}

static void check_keys(const struct filter *f)
{
	struct filter_key keys[FILTER_KEYS_MAX];
	size_t count = filter_keys(f, keys);

	must(count <= FILTER_KEYS_MAX);
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]) && count > 0; i++) {
		bool has_key = false;

		for (size_t k = 0; k < count; k++)
			has_key = has_key || filter_key_fits(&keys[k], &flows[i]);
		must(has_key || !filter_matches(f, &flows[i]));
	}
}

/* "not (X)" must say the opposite of X wherever it still is a filter. */
static void check_opposite(const char *text, const struct filter *f)
{
	size_t len = strlen(text) + sizeof("not ()");
	char *opposite = malloc(len), reason[FILTER_REASON_MAX];
	struct filter g;

	must(opposite != NULL);
	snprintf(opposite, len, "not (%s)", text);
	if (filter_parse(opposite, &g, reason) == ERR_OK) {
		for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
			must(filter_matches(f, &flows[i]) != filter_matches(&g, &flows[i]));
	}
	free(opposite);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), reason[FILTER_REASON_MAX];
	struct filter f;

	must(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	memset(reason, 'x', sizeof(reason));
	if (filter_parse(text, &f, reason) == ERR_OK) {
		check_tree(&f);
		check_keys(&f);
		check_opposite(text, &f);
	} else {
		must(memchr(reason, '\0', sizeof(reason)) != NULL);
		must(strstr(reason, " at column ") != NULL);
	}
	free(text);
	return 0;
}
