/* Options records as JSON: whatever they hold, what they are about apart from what they say. */
#include "tests/unit/message_fixture.h"
#include "tools/told.h"

#include <stdlib.h>

static char *lines[4];
static size_t line_count;

static void on_options(void *ctx, const struct flow_origin *origin, const struct stream *s,
                       const struct template *t, struct bytes record)
{
	json_t *line = told_of(origin, s, t, record);

	(void)ctx;
	assert_non_null(line);
	assert_true(line_count < ARRAY_LEN(lines));
	lines[line_count++] = json_dumps(line, JSON_COMPACT);
	json_decref(line);
}

static void listen_to(struct fixture *f)
{
	f->decoder->options = on_options;
	line_count = 0;
}

static void assert_line(size_t i, const char *begin)
{
	assert_true(i < line_count);
	assert_memory_equal(lines[i], begin, strlen(begin));
	free(lines[i]);
}

static void a_v9_scope_has_names_of_its_own(void **state)
{
	struct fixture *f = *state;

	listen_to(f);
	f->domain = 7;
	begin(f, 9);
	set(f, 1);
	put(f, 300, 2), put(f, 8, 2), put(f, 8, 2);
	put(f, 1, 2), put(f, 4, 2), put(f, 2, 2), put(f, 2, 2);
	put(f, 34, 2), put(f, 4, 2), put(f, 83, 2), put(f, 6, 2);
	set(f, 300);
	put(f, 9, 4), put(f, 3, 2), put(f, 1000, 4), put(f, 0x476930000000, 6);
	assert_string_equal(decode(f), "none");
	assert_int_equal(line_count, 1);
	assert_line(0, "{\"options\":{\"samplingInterval\":1000,\"interfaceDescription\":\"Gi0\"},"
	               "\"scope\":{\"system\":9,\"interface\":3},\"exporter\":\"192.0.2.9\","
	               "\"domain\":7,\"version\":9,\"received\":\"2026-");
}

static void values_that_have_no_name_or_no_form_are_octets(void **state)
{
	struct fixture *f = *state;

	listen_to(f);
	begin(f, 10);
	set(f, 3);
	put(f, 300, 2), put(f, 5, 2), put(f, 1, 2);
	put(f, 130, 2), put(f, 4, 2);                           /* an address */
	put(f, 0x8000 | 100, 2), put(f, 4, 2), put(f, 6871, 4); /* another's */
	put(f, 96, 2), put(f, 65535, 2);                        /* a text */
	put(f, 160, 2), put(f, 8, 2);                           /* a number */
	put(f, 34, 2), put(f, 9, 2);                            /* longer than a number can be */
	set(f, 300);
	for (int i = 0; i < 2; i++) {
		put(f, 0xc0a87764, 4), put(f, 0xa1b2, 4);
		if (i == 0)
			put(f, 3, 1), put(f, 0x337063, 3);
		else
			put(f, 255, 1), put(f, 2, 2), put(f, 0xfffe, 2); /* which is no UTF-8 */
		put(f, UINT64_MAX, 8), put(f, 0, 1), put(f, 1, 8);
	}
	put(f, 0, 3);
	assert_string_equal(decode(f), "none");
	assert_int_equal(line_count, 2);
	assert_line(0, "{\"options\":{\"6871:100\":\"0x0000a1b2\",\"applicationName\":\"3pc\","
	               "\"systemInitTimeMilliseconds\":9223372036854775807,"
	               "\"samplingInterval\":\"0x000000000000000001\"},"
	               "\"scope\":{\"exporterIPv4Address\":\"192.168.119.100\"},");
	assert_line(1, "{\"options\":{\"6871:100\":\"0x0000a1b2\",\"applicationName\":\"0xfffe\",");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_v9_scope_has_names_of_its_own),
		TEST(values_that_have_no_name_or_no_form_are_octets),
	};

	return cmocka_run_group_tests_name("tools/told", tests, NULL, NULL);
}
