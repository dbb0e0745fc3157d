#include "tests/unit/test.h"
#include "tools/overlap.h"

#include <string.h>

static bool check(struct overlap *o, uint16_t port, uint32_t what)
{
	const struct endpoint from = {.port = port};

	return overlap_check(o, &from, bytes_of(&what, sizeof(what)));
}

static void what_an_earlier_file_held_is_known(void **state)
{
	struct overlap *o = overlap_new();
	(void)state;

	assert_non_null(o);
	overlap_file(o);
	for (uint32_t i = 0; i < 20000; i++)
		assert_false(check(o, 1, i));
	assert_false(check(o, 1, 7)); /* this file's own: the decoder's to tell */
	overlap_file(o);
	assert_false(check(o, 2, 7)); /* another's */
	for (uint32_t i = 10000; i < 30000; i++)
		assert_int_equal(check(o, 1, i), i < 20000);
	assert_true(check(o, 1, 7));
	assert_false(check(o, 1, 25000));
	overlap_file(o);
	assert_true(check(o, 1, 25000));
	assert_true(check(o, 2, 7));
	overlap_free(o);
	overlap_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_an_earlier_file_held_is_known),
	};

	return cmocka_run_group_tests_name("tools/overlap", tests, NULL, NULL);
}
