#include "node/asking.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/test.h"

static void it_is_asked_by_the_way_that_tells(void **state)
{
	static const struct interval on = {RHYTHM_T0, RHYTHM_T0 + 60000};
	struct volume_side carried = {.is_sampled = false};
	struct asking a = {.rhythm = {&on, 1, RHYTHM_GAP_MS}, .carried = &carried};
	struct question q;
	(void)state;

	carried.way[VOLUME_SENT] = (struct volume_way){{{0, 60, 9e9}}, 1};
	carried.way[VOLUME_ANSWERED] = (struct volume_way){{{1, 60, 1e6}}, 1};
	a.way = VOLUME_ANSWERED;
	q = asking_question(&a, 0);
	assert_int_equal(q.way, VOLUME_ANSWERED);
	assert_int_equal(q.volume_count, 1);
	assert_int_equal(q.volumes[0].octets, 1000000);
	assert_int_equal(q.volumes[0].on.start_ms, RHYTHM_T0 + 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_by_the_way_that_tells),
	};

	return cmocka_run_group_tests_name("node/asking", tests, NULL, NULL);
}
