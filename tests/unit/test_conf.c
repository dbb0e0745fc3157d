#include "node/conf.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

/* The reason has a bound; paths have none. */
static void a_path_of_any_length_gets_a_reason(void **state)
{
	static const size_t lengths[] = {10, 511, 512, 1000, 1024, 1030, 2000, 3500, 5000};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		char *path = malloc(lengths[i] + 1), *reterr = calloc(1, CONF_REASON_MAX);
		struct conf *conf = calloc(1, sizeof(*conf));

		memset(path, 'x', lengths[i]);
		path[0] = '/';
		path[lengths[i]] = '\0';
		assert_err(ERR_IO, conf_read(path, conf, reterr));
		assert_non_null(strstr(reterr, "cannot open"));
		free(path);
		free(reterr);
		free(conf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_of_any_length_gets_a_reason),
	};

	return cmocka_run_group_tests_name("node/conf", tests, NULL, NULL);
}
