/*
 * fuzz_keyfile - every small text that people write: key files, endpoints, prefixes, times, spans,
 * sizes.
 */
#include "base/addr.h"
#include "base/timestamp.h"
#include "base/util.h"
#include "proto/wire/cert.h"
#include "proto/wire/notice.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int claim)
{
	if (!claim)
		abort();
}

static void check_key_file(const char *text)
{
	static const char *const kinds[] = {"spoor-root-key",     "spoor-root",
	                                    "spoor-identity-key", "spoor-request",
	                                    "spoor-certificate",  "spoor-operational-key",
	                                    "spoor-notices"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		uint8_t data[NOTICE_MAX], again[NOTICE_MAX];
		size_t len = sizeof(data), again_len = sizeof(again);
		char printed[KEY_FILE_MAX];

		if (key_file_parse(text, kinds[i], data, &len) != ERR_OK)
			continue;
		must(len <= sizeof(data));
		key_file_print(kinds[i], data, len, printed);
		must(strncmp(printed, text, strlen(printed) - 1) == 0);
		must(key_file_parse(printed, kinds[i], again, &again_len) == ERR_OK);
		must(again_len == len && memcmp(again, data, len) == 0);
	}
}

static void check_endpoint(const char *text)
{
	char printed[ENDPOINT_TEXT_MAX], printed_addr[ADDR_TEXT_MAX];
	struct endpoint e, again;
	struct addr a, same;

	if (endpoint_parse(text, &e) == ERR_OK) {
		must(endpoint_parse(endpoint_print(&e, printed), &again) == ERR_OK);
		must(endpoint_equal(&e, &again));
	}
	if (addr_parse(text, &a) == ERR_OK) {
		must(addr_parse(addr_print(&a, printed_addr), &same) == ERR_OK);
		must(addr_equal(&a, &same));
		addr_is_private(&a);
	}
}

static void check_prefix(const char *text)
{
	char printed[PREFIX_TEXT_MAX];
	struct prefix p, again;

	if (prefix_parse(text, &p) != ERR_OK)
		return;
	must(prefix_is_sound(&p) && prefix_has(&p, &p.net));
	must(prefix_parse(prefix_print(&p, printed), &again) == ERR_OK);
	must(p.bits == again.bits && addr_equal(&p.net, &again.net));
}

static void check_time(const char *text)
{
	static const struct wall now = {INT64_C(1795309531943)};
	const int64_t day_ms = 86400000, last_ms = INT64_C(253402300799999);
	char printed[TIMESTAMP_TEXT_MAX];
	int64_t ms, again;

	if (timestamp_parse(text, now, &ms) != ERR_OK)
		return;
	must(ms >= now.ms - 365243 * day_ms && ms <= last_ms + 2 * day_ms);
	timestamp_print(ms, printed);
	if (ms < 0 || ms > last_ms)
		return;
	must(timestamp_parse(printed, now, &again) == ERR_OK);
	must(again == ms);
}

static void check_numbers(const char *text)
{
	char printed[DURATION_TEXT_MAX];
	uint64_t number, size;
	int64_t ms;

	if (duration_parse(text, &ms) == ERR_OK) {
		must(ms >= 0);
		duration_print(ms, printed);
	}
	if (number_parse(text, 1000, &number) == ERR_OK)
		must(number <= 1000);
	if (number_parse(text, UINT64_MAX, &number) == ERR_OK && size_parse(text, &size) == ERR_OK)
		must(number == size);
	if (size_parse(text, &size) == ERR_OK)
		must(size <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	check_key_file(text);
	check_endpoint(text);
	check_prefix(text);
	check_time(text);
	check_numbers(text);
	free(text);
	return 0;
}
