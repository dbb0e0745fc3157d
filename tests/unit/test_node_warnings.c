#include "node/node.h"
#include "node/warnings.h"
#include "tests/unit/overlay_fixture.h"

enum { A, B };

/* What `i` says of itself now, after another look. */
static const char *text_of(struct world *w, size_t i, struct warnings *warnings)
{
	static char room[WARNINGS_MAX];
	static struct node node;

	node.link.overlay = w->parties[i].overlay;
	node.keys.node = &node;
	node.keys.self.card = *card_of(w, i);
	warnings->node = &node;
	warnings_look(warnings, now_of(w, i));
	return warnings_text(warnings, now_of(w, i), room);
}

static struct world *pair(int64_t skew_ms)
{
	struct world *w = world_new(2);

	for (size_t i = 0; i < 2; i++) {
		w->parties[i].options.self.card.cert.not_after.ms = WALL_MS + 60 * DAY_MS;
		w->parties[i].options.self.card.record.not_after.ms = WALL_MS + 6 * DAY_MS;
		reissue(w, i);
	}
	w->parties[A].skew_ms = skew_ms;
	all_meet(w);
	run(w, 60000);
	assert_true(is_live(w, A, B));
	return w;
}

static void a_clock_that_is_off_is_told_until_it_is_right(void **state)
{
	struct warnings a = {0}, b = {0};
	struct world *w = pair(12900);
	(void)state;

	assert_string_equal(text_of(w, A, &a), "the clock is 12 s ahead of that of 1 peer");
	assert_string_equal(text_of(w, B, &b), "the clock is 12 s behind that of 1 peer");
	w->parties[A].skew_ms = 9000; /* between the two bounds: neither begins nor ends */
	run(w, 60000);
	assert_string_equal(text_of(w, A, &a), "the clock is 9 s ahead of that of 1 peer");
	a.is_on[WARNING_CLOCK] = false;
	assert_null(text_of(w, A, &a));
	w->parties[A].skew_ms = 0;
	run(w, 60000);
	assert_null(text_of(w, B, &b));
	world_free(w);
}

static void a_list_that_is_old_is_told_until_there_is_a_newer_one(void **state)
{
	struct warnings a = {0};
	struct world *w = pair(0);
	struct notice_blob blob = revocation(w, 1, B);
	struct notice n = {.head = {.number = 2, .pages = 1}};
	(void)state;

	assert_null(text_of(w, A, &a)); /* a root without a list has revoked nobody */
	assert_ok(overlay_notice(w->parties[A].overlay, now_of(w, A), blob.octets, blob.len));
	assert_null(text_of(w, A, &a));
	w->parties[A].skew_ms = 73 * 3600 * INT64_C(1000); /* three days later */
	assert_non_null(strstr(text_of(w, A, &a), " is 73 hours old"));
	n.head.issued = now_of(w, A).wall;
	assert_ok(notice_issue(&w->root, &n, &blob));
	assert_ok(overlay_notice(w->parties[A].overlay, now_of(w, A), blob.octets, blob.len));
	assert_null(text_of(w, A, &a));
	world_free(w);
}

static void all_that_is_wrong_is_in_one_line(void **state)
{
	struct warnings a = {0};
	struct world *w = pair(12900);
	(void)state;

	w->parties[A].options.self.card.cert.not_after.ms = now_of(w, A).wall.ms + 5 * DAY_MS + 1;
	assert_non_null(strstr(text_of(w, A, &a), "the certificate ends in 5 days"));
	assert_non_null(strstr(text_of(w, A, &a), "; the clock is 12 s ahead"));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clock_that_is_off_is_told_until_it_is_right),
		cmocka_unit_test(a_list_that_is_old_is_told_until_there_is_a_newer_one),
		cmocka_unit_test(all_that_is_wrong_is_in_one_line),
	};

	return cmocka_run_group_tests_name("node/warnings", tests, NULL, NULL);
}
