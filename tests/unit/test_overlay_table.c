#include "tests/unit/overlay_fixture.h"

static size_t live_count(const struct world *w, size_t i)
{
	return overlay_table_count(w->parties[i].overlay);
}

static bool lose_pongs(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	return !(f->kind == FRAME_PONG && to == 0);
}

/* It may call, ask and say what it likes: a place is given for the answer to our own PING. */
static void a_place_is_given_for_nothing_but_an_answer_to_our_own_ping(void **state)
{
	struct world *w = world_new(2);
	struct member m;
	(void)state;

	start_all(w);
	remember(w, 1, 0);
	w->bend = lose_pongs;
	run(w, 5000);
	assert_true(w->frames[1][0][FRAME_PING] > 0);
	assert_true(w->frames[0][1][FRAME_PING] > 0);
	assert_true(is_live(w, 1, 0));
	assert_false(is_live(w, 0, 1));
	assert_int_equal(live_count(w, 0), 0);
	assert_true(knows(w, 0, 1, &m));
	w->bend = NULL;
	run(w, 60000);
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

static bool twist_nonces(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	(void)to;
	if (f->kind == FRAME_PONG)
		f->state.nonce ^= 1;
	return true;
}

static void an_answer_to_another_ping_is_none(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	all_meet(w);
	w->bend = twist_nonces;
	run(w, 5000);
	assert_int_equal(live_count(w, 0), 0);
	assert_true(counters(w, 0)->unasked > 0);
	world_free(w);
}

static void a_pong_says_where_the_ping_came_from(void **state)
{
	struct world *w = world_new(2);
	struct member m;
	(void)state;

	all_meet(w);
	run(w, 1000);
	assert_true(knows(w, 0, 1, &m));
	assert_true(endpoint_equal(&m.endpoint, &w->parties[1].at));
	assert_in_range(m.rtt_ms, 2 * LATENCY_MS, 4 * LATENCY_MS);
	assert_true(m.seen.ms > 1000000);
	world_free(w);
}

static void a_dead_one_is_out_within_a_minute(void **state)
{
	struct world *w = world_new(3);
	struct member m;
	(void)state;

	all_meet(w);
	run(w, 10000);
	assert_int_equal(live_count(w, 0), 2);
	stop_party(w, 2);
	run(w, 60000);
	assert_false(is_live(w, 0, 2));
	assert_int_equal(live_count(w, 0), 1);
	assert_true(knows(w, 0, 2, &m)); /* the directory keeps it */
	assert_int_equal(m.state, MEMBER_SILENT);
	assert_string_equal(w->parties[0].told, "member is silent");
	world_free(w);
}

static void one_that_comes_back_is_in_again(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	all_meet(w);
	run(w, 10000);
	stop_party(w, 1);
	run(w, 120000);
	assert_int_equal(live_count(w, 0), 0);
	start_party(w, 1);
	remember(w, 1, 0);
	run(w, 5000);
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

static void one_lost_datagram_is_no_death(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	all_meet(w);
	run(w, 10000);
	for (int i = 0; i < 20; i++) {
		run(w, 25000);
		w->is_cut[0][1] = true; /* for as long as one PING or two */
		run(w, 1500);
		w->is_cut[0][1] = false;
	}
	assert_int_equal(w->parties[0].acts[ACT_TELL], 1); /* live, and never silent */
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

/*
 * Five in one bucket of three places, four of them alike in what `alike` makes them. Who is tried
 * first is drawn: however the dice fall, no more than two of a kind stay.
 */
static void assert_variety(void (*alike)(struct world *w, size_t i))
{
	for (uint64_t draw = 1; draw <= 12; draw++) {
		struct world *w = world_new(6);
		size_t count = 0;

		settle_at(w, 0, 0x00, 1);
		w->parties[0].random.state = draw << 32;
		w->parties[0].options.limits.bucket_max = 3;
		for (size_t i = 1; i < 6; i++) {
			settle_at(w, i, 0x80, 1);
			if (i <= 4)
				alike(w, i);
		}
		all_meet(w);
		run(w, 200000);
		assert_int_equal(live_count(w, 0), 3);
		for (size_t i = 1; i <= 4; i++)
			count += is_live(w, 0, i);
		assert_int_equal(count, 2);
		world_free(w);
	}
}

static void of_one_org(struct world *w, size_t i)
{
	struct cert *cert = &w->parties[i].options.self.card.cert;

	snprintf(cert->org, sizeof(cert->org), "All The Same");
	reissue(w, i);
}

static void of_one_network(struct world *w, size_t i)
{
	struct card *card = &w->parties[i].options.self.card;

	w->parties[i].at = card->record.endpoints[0] = place(50, (uint8_t)i);
	card->cert.prefixes[0].net = place(50, 0).addr;
	reissue(w, i);
}

static void no_bucket_is_all_of_one_organisation(void **state)
{
	(void)state;

	assert_variety(of_one_org);
}

static void no_bucket_is_all_of_one_network(void **state)
{
	(void)state;

	assert_variety(of_one_network);
}

/* Variety is a preference: a community of one organisation has tables all the same. */
static void who_has_nobody_else_takes_more_of_a_kind(void **state)
{
	struct world *w = world_new(4);
	(void)state;

	settle_at(w, 0, 0x00, 1);
	for (size_t i = 1; i < 4; i++) {
		settle_at(w, i, 0x80, 1);
		of_one_org(w, i);
	}
	all_meet(w);
	run(w, 30000);
	assert_int_equal(live_count(w, 0), 3);
	world_free(w);
}

static void a_full_bucket_has_another_when_one_dies(void **state)
{
	struct world *w = world_new(3);
	size_t first;
	(void)state;

	settle_at(w, 0, 0x00, 1);
	settle_at(w, 1, 0x80, 1);
	settle_at(w, 2, 0x80, 1);
	w->parties[0].options.limits.bucket_max = 1;
	all_meet(w);
	run(w, 30000);
	assert_int_equal(live_count(w, 0), 1);
	first = is_live(w, 0, 1) ? 1 : 2;
	stop_party(w, first);
	run(w, 60000);
	assert_true(is_live(w, 0, 3 - first));
	world_free(w);
}

/* Of a directory of many dead the table does not make a flood. */
static void the_dead_are_tried_ever_more_rarely(void **state)
{
	struct world *w = world_new(5);
	unsigned first_hour, second_hour;
	(void)state;

	start_party(w, 0);
	for (size_t i = 1; i < 5; i++)
		remember(w, 0, i);
	run(w, 3600000);
	first_hour = w->packets[0][PACKET_INIT];
	run(w, 3600000);
	second_hour = w->packets[0][PACKET_INIT] - first_hour;
	assert_in_range(first_hour, 4 * 3, 4 * 60);
	assert_in_range(second_hour, 4 * 3, 4 * 45);
	world_free(w);
}

static void five_clocks_say_what_time_it_is(void **state)
{
	struct world *w = world_new(6);
	(void)state;

	settle_at(w, 0, 0x00, 1);
	w->parties[0].options.limits.bucket_max = 8;
	w->parties[0].skew_ms = 45000;
	all_meet(w);
	run(w, 30000);
	assert_int_equal(live_count(w, 0), 5);
	assert_in_range(overlay_skew_ms(w->parties[0].overlay) + 45100, 0, 200);
	assert_in_range(overlay_skew_ms(w->parties[1].overlay) + 100, 0, 200);
	world_free(w);
}

static int64_t claimed_ms;

static bool lie_about_time(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)to;
	if (from != 0 && f->kind == FRAME_PONG)
		f->state.wall.ms = claimed_ms;
	return true;
}

/* Even if all of them lie: a number that no clock shows must not break arithmetic. */
static void clocks_that_show_no_time_at_all_break_nothing(void **state)
{
	static const int64_t claims[] = {INT64_MIN, INT64_MAX, 0, -1};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
		struct world *w = world_new(6);
		int64_t skew_ms;

		w->parties[0].options.limits.bucket_max = 8;
		claimed_ms = claims[i];
		w->bend = lie_about_time;
		all_meet(w);
		run(w, 90000);
		skew_ms = overlay_skew_ms(w->parties[0].overlay);
		assert_true(skew_ms > -200 * 366 * DAY_MS && skew_ms < 200 * 366 * DAY_MS);
		assert_true(ask(w, 0, 10000) == ERR_OK);
		run(w, 1000);
		world_free(w);
	}
}

/* Whoever is out of the table is known by minutes after our start, of which there are many. */
static void after_months_it_is_known_when_somebody_was_last_there(void **state)
{
	struct world *w = world_new(2);
	struct member m;
	(void)state;

	start_party(w, 0);
	w->now_ms += (uint64_t)(400 * DAY_MS);
	for (size_t i = 0; i < 2; i++)
		w->parties[i].skew_ms = -400 * DAY_MS; /* their certificates are valid still */
	overlay_expire(w->parties[0].overlay, now_of(w, 0));
	start_party(w, 1);
	remember(w, 0, 1);
	remember(w, 1, 0);
	run(w, 5000);
	assert_true(is_live(w, 0, 1));
	stop_party(w, 1);
	run(w, 120000);
	assert_true(knows(w, 0, 1, &m));
	assert_false(m.is_in_table);
	assert_in_range(now_of(w, 0).mono.ms - m.seen.ms, 60000, 240000);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_given_for_nothing_but_an_answer_to_our_own_ping),
		cmocka_unit_test(an_answer_to_another_ping_is_none),
		cmocka_unit_test(a_pong_says_where_the_ping_came_from),
		cmocka_unit_test(a_dead_one_is_out_within_a_minute),
		cmocka_unit_test(one_that_comes_back_is_in_again),
		cmocka_unit_test(one_lost_datagram_is_no_death),
		cmocka_unit_test(no_bucket_is_all_of_one_organisation),
		cmocka_unit_test(no_bucket_is_all_of_one_network),
		cmocka_unit_test(who_has_nobody_else_takes_more_of_a_kind),
		cmocka_unit_test(a_full_bucket_has_another_when_one_dies),
		cmocka_unit_test(the_dead_are_tried_ever_more_rarely),
		cmocka_unit_test(five_clocks_say_what_time_it_is),
		cmocka_unit_test(clocks_that_show_no_time_at_all_break_nothing),
		cmocka_unit_test(after_months_it_is_known_when_somebody_was_last_there),
	};

	return cmocka_run_group_tests_name("overlay/table", tests, NULL, NULL);
}
