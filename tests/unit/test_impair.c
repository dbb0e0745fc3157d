#include "node/impair.h"
#include "tests/unit/test.h"

static void a_shim_is_said_in_parts(void **state)
{
	struct impair impair;
	(void)state;

	assert_ok(impair_parse("delay=30ms,jitter=10ms,loss=0.05", &impair));
	assert_int_equal(impair.delay_ms, 30);
	assert_int_equal(impair.jitter_ms, 10);
	assert_true(impair.loss > 0.049 && impair.loss < 0.051);
	assert_true(impair_is_on(&impair));
	assert_ok(impair_parse("loss=0", &impair));
	assert_false(impair_is_on(&impair));
}

static void what_is_no_shim_is_refused(void **state)
{
	static const char *const texts[] = {
		"",         "loss",     "loss=",  "loss=1.1",    "loss=-1",   "loss=0.1x",
		"loss=nan", "delay=30", "delay=", "jitter=1ms,", "speed=1ms", "delay=30ms;loss=0"};
	struct impair impair = {.loss = 0.5};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_err(ERR_FORMAT, impair_parse(texts[i], &impair));
	assert_true(impair.loss > 0.49); /* untouched */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_shim_is_said_in_parts),
		cmocka_unit_test(what_is_no_shim_is_refused),
	};

	return cmocka_run_group_tests_name("node/impair", tests, NULL, NULL);
}
