/* What is told of a configuration that is wrong. */
#include "base/util.h"
#include "node/confcheck.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const lines[] = {
	"# role: gateway",
	"roots: [root.pub]",
	"overlay:",
	"  listen: 10.0.0.1:7667",
	"exports:",
	"  # listen: nowhere",
	"  listen:",
	"    - 10.0.0.1:2055",
	"    - 10.0.0.1:2056",
	"  ipfix_tls:",
	"    listen: [10.0.0.1:4740]",
	"store: {path: flows, map_size: 1KiB}",
	"hosts:",
	"  listen: 10.0.0.1:7669",
};

static void write_lines(char path[32])
{
	FILE *out;

	strcpy(path, "/tmp/spoor-test-XXXXXX");
	out = fdopen(mkstemp(path), "w");
	assert_non_null(out);
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		fprintf(out, "%s\n", lines[i]);
	fclose(out);
}

static void a_key_is_found_where_it_stands(void **state)
{
	static const struct {
		const char *key;
		unsigned line;
	} rows[] = {
		{"roots", 2},
		{"overlay.listen", 4},
		{"exports.listen", 7},
		{"hosts.listen", 14},
		{"exports.ipfix_tls.listen", 11},
		{"store.map_size", 12},
		{"exports.buffer", 5},
		{"role", 0},
		{"listen", 0},
		{"gateway.address", 0},
	};
	char path[32];
	(void)state;

	write_lines(path);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(confcheck_line(path, rows[i].key), rows[i].line);
	unlink(path);
	assert_int_equal(confcheck_line("/nowhere/at/all", "roots"), 0);
}

static void a_reason_gets_the_line_of_its_key_once(void **state)
{
	char path[32], reason[64] = "overlay.listen: not an address", small[34];
	(void)state;

	write_lines(path);
	memcpy(small, reason, strlen(reason) + 1);
	confcheck_tell_line(path, reason, sizeof(reason));
	assert_string_equal(reason, "overlay.listen: not an address (line: 4)");
	confcheck_tell_line(path, reason, sizeof(reason));
	assert_string_equal(reason, "overlay.listen: not an address (line: 4)");
	confcheck_tell_line(path, small, sizeof(small));
	assert_int_equal(strlen(small), sizeof(small) - 1);
	strcpy(reason, "Cannot be read");
	confcheck_tell_line(path, reason, sizeof(reason));
	assert_string_equal(reason, "Cannot be read");
	unlink(path);
}

static void what_listens_twice_is_found(void **state)
{
	struct endpoint rows[3] = {{.port = 2055}, {.port = 2056}, {.port = 2055}};
	(void)state;

	assert_ptr_equal(confcheck_repeated(rows, 3), &rows[2]);
	assert_null(confcheck_repeated(rows, 2));
	rows[2].addr = addr_from_v4((const uint8_t[]){10, 0, 0, 1});
	assert_null(confcheck_repeated(rows, 3));
	assert_null(confcheck_repeated(rows, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_found_where_it_stands),
		cmocka_unit_test(a_reason_gets_the_line_of_its_key_once),
		cmocka_unit_test(what_listens_twice_is_found),
	};

	return cmocka_run_group_tests_name("node/confcheck", tests, NULL, NULL);
}
