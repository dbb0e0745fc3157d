#include "tests/unit/test.h"
#include "tools/metrics.h"

#include <stdlib.h>
#include <string.h>

static void assert_metrics(const char *json, const char *expected)
{
	json_t *object = json_loads(json, 0, NULL);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(object);
	assert_non_null(out);
	metrics_put("n", object, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	json_decref(object);
}

static void numbers_are_named_by_their_path(void **state)
{
	(void)state;
	assert_metrics("{\"a\":1,\"b\":{\"c\":2.5,\"d\":true},\"e\":\"text\",\"f\":null}",
	               "n_a 1\nn_b_c 2.5\nn_b_d 1\n");
}

static void samples_of_one_metric_stand_together_and_are_told_apart(void **state)
{
	(void)state;
	assert_metrics("{\"s\":[{\"who\":\"x\",\"domain\":7,\"a\":1,\"t\":{\"o\":-1}},"
	               "{\"who\":\"y\",\"domain\":8,\"a\":2,\"b\":3,\"t\":null}]}",
	               "n_s_a{who=\"x\",domain=\"7\"} 1\nn_s_a{who=\"y\",domain=\"8\"} 2\n"
	               "n_s_t_o{who=\"x\",domain=\"7\"} -1\nn_s_b{who=\"y\",domain=\"8\"} 3\n");
}

static void a_text_does_not_end_its_label(void **state)
{
	(void)state;
	assert_metrics("{\"s\":[{\"who\":\"a\\\"b\\\\c\\nd\",\"a\":1}]}",
	               "n_s_a{who=\"a\\\"b\\\\c\\nd\"} 1\n");
}

static void times_are_neither_numbers_nor_labels(void **state)
{
	(void)state;
	assert_metrics("{\"s\":[{\"who\":\"x\",\"seen\":\"2026-11-29T09:30:45.653Z\",\"a\":1}]}",
	               "n_s_a{who=\"x\"} 1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_named_by_their_path),
		cmocka_unit_test(samples_of_one_metric_stand_together_and_are_told_apart),
		cmocka_unit_test(a_text_does_not_end_its_label),
		cmocka_unit_test(times_are_neither_numbers_nor_labels),
	};

	return cmocka_run_group_tests_name("tools/metrics", tests, NULL, NULL);
}
