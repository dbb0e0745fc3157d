#include "node/clockwarning.h"
#include "node/node.h"
#include "node/warnings.h"
#include "proto/flow/lag.h"
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

/* A stream that has sent for five minutes; its headers' clock, and its flows', are ahead. */
static void hear(struct stream_table *t, const char *exporter, int64_t header_ms, int64_t flows_ms)
{
	struct stream_key key = {.version = 10};
	struct stream *s;

	assert_ok(addr_parse(exporter, &key.from.addr));
	s = stream_of(t, &key);
	for (int64_t at = WALL_MS - 300000; at <= WALL_MS; at += 1000) {
		struct flow f = {.received_ms = at, .end_ms = at + flows_ms};

		stream_arrive(s, s->arrived + 1, at);
		clock_model_add(&s->model, at + header_ms, 1, at + 3);
		(void)lag_take(&s->lag, &f, 1);
	}
}

static void assert_told(const struct stream_table *t, int64_t later_ms, const char *expected)
{
	struct clockwarning w = clockwarning_of(t, WALL_MS + later_ms, 10000);
	char room[CLOCKWARNING_TEXT_MAX] = "";

	assert_int_equal(clockwarning_text(&w, room), *expected != '\0');
	assert_string_equal(room, expected);
}

static void an_exporters_clock_that_is_off_is_told(void **state)
{
	struct stream_table *t = stream_table_new(16, 0, NULL, NULL);
	(void)state;

	hear(t, "192.0.2.1", 0, -15000);
	hear(t, "192.0.2.2", 9000, 9000);
	assert_told(t, 0, "");
	hear(t, "192.0.2.3", 20500, 20000);
	assert_told(t, 0, "the clock of exporter 192.0.2.3 is 20 s ahead");
	hear(t, "192.0.2.4", 0, -3600000); /* of local time */
	assert_told(t, 0,
	            "the clock of exporter 192.0.2.4 is 3600 s behind, by its flows, and 1 more is "
	            "off");
	assert_told(t, 700000, ""); /* long silent */
	stream_table_free(t);
}

/* By the times of their capture, which are not ours. */
static void of_files_the_clock_is_told_by_their_capture(void **state)
{
	static const int64_t ahead_ms[] = {20000, 0, -3600000, -600};
	struct stream_table *t = stream_table_new(16, 0, NULL, NULL);
	char room[CLOCKWARNING_TEXT_MAX];
	struct clockwarning w;
	(void)state;

	for (uint32_t i = 0; i < ARRAY_LEN(ahead_ms); i++) {
		struct stream_key key = {.version = 10, .session = 1 + i};
		struct stream *s;

		assert_ok(addr_parse("192.0.2.1", &key.from.addr));
		s = stream_of(t, &key);
		for (int n = 0; n < 5; n++)
			lag_header(&s->lag, 700 + n - ahead_ms[i]);
		w = clockwarning_of_files(t, 1 + i, CLOCKWARNING_BOUND_MS);
		assert_int_equal(w.count, i % 2 == 0);
	}
	w = clockwarning_of_files(t, 1, CLOCKWARNING_BOUND_MS);
	assert_true(clockwarning_text(&w, room));
	assert_string_equal(room, "the clock of exporter 192.0.2.1 is 19 s ahead");
	w = clockwarning_of_files(t, 0, CLOCKWARNING_BOUND_MS);
	assert_int_equal(w.count, 1); /* exporter; two of its files */
	assert_int_equal(w.ahead_ms, -3600700);
	w = clockwarning_of(t, WALL_MS, CLOCKWARNING_BOUND_MS);
	assert_int_equal(w.count, 0);
	stream_table_free(t);
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
		cmocka_unit_test(an_exporters_clock_that_is_off_is_told),
		cmocka_unit_test(of_files_the_clock_is_told_by_their_capture),
		cmocka_unit_test(all_that_is_wrong_is_in_one_line),
	};

	return cmocka_run_group_tests_name("node/warnings", tests, NULL, NULL);
}
