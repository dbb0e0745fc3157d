#include "tests/unit/overlay_fixture.h"

static bool are_equal(const struct world *w)
{
	for (size_t i = 1; i < w->count; i++) {
		if (overlay_sum(w->parties[i].overlay) != overlay_sum(w->parties[0].overlay))
			return false;
	}
	return true;
}

/* Each knows the next, and nobody else. */
static struct world *chain(size_t count)
{
	struct world *w = world_new(count);

	start_all(w);
	for (size_t i = 1; i < count; i++)
		remember(w, i - 1, i);
	return w;
}

static void directories_become_equal(void **state)
{
	struct world *w = chain(6);
	(void)state;

	assert_false(are_equal(w));
	run(w, 60000);
	assert_true(are_equal(w));
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(overlay_member_count(w->parties[i].overlay), 5);
		assert_true(w->parties[i].acts[ACT_REMEMBER] >= 4);
	}
	world_free(w);
}

static struct prng dice = {7};

static bool lose_a_third(struct world *w, struct parcel *p)
{
	(void)w;
	(void)p;
	return prng_below(&dice, 3) != 0;
}

static void they_do_so_although_a_third_of_all_datagrams_is_lost(void **state)
{
	struct world *w = chain(6);
	(void)state;

	w->pass = lose_a_third;
	run(w, 300000);
	assert_true(are_equal(w));
	world_free(w);
}

static void members_stand_in_the_order_of_their_ids(void **state)
{
	struct world *w = chain(6);
	struct member m;
	struct id last = {.octets = {0}};
	(void)state;

	run(w, 60000);
	for (size_t i = 0; i < overlay_member_count(w->parties[0].overlay); i++) {
		overlay_member(w->parties[0].overlay, i, &m);
		assert_true(memcmp(&last, &m.card->id, sizeof(last)) < 0);
		last = m.card->id;
	}
	world_free(w);
}

static uint64_t seq_at(const struct world *w, size_t i, size_t other)
{
	struct member m;

	assert_true(knows(w, i, other, &m));
	return m.card->record.seq;
}

static void a_newer_record_wins_everywhere(void **state)
{
	struct world *w = chain(4);
	(void)state;

	run(w, 60000);
	assert_int_equal(seq_at(w, 0, 3), 1);
	reissue(w, 3);
	overlay_renew(w->parties[3].overlay, now_of(w, 3), &w->parties[3].options.self);
	run(w, 60000);
	assert_true(are_equal(w));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(seq_at(w, i, 3), 2);
	world_free(w);
}

static void say_card(struct world *w, size_t from, size_t to, const struct card *card)
{
	static struct frame f;

	f.kind = FRAME_CARDS;
	f.card_count = 1;
	f.cards[0][0] = bytes_of(card->cert_blob.octets, card->cert_blob.len);
	f.cards[0][1] = bytes_of(card->record_blob.octets, card->record_blob.len);
	say_frame(w, from, to, &f);
}

/* Each would be news to everybody, and cost everybody two signatures. */
static void one_that_renews_without_end_is_its_own_limit(void **state)
{
	struct world *w = chain(3);
	unsigned before;
	(void)state;

	run(w, 60000);
	before = w->parties[0].acts[ACT_REMEMBER];
	for (int i = 0; i < 200; i++) {
		reissue(w, 2);
		overlay_renew(w->parties[2].overlay, now_of(w, 2), &w->parties[2].options.self);
		run(w, 50);
	}
	assert_in_range(w->parties[0].acts[ACT_REMEMBER] - before, 60, 80);
	assert_true(counters(w, 1)->over_budget > 100);
	run(w, 120000); /* the last of them in the end */
	assert_int_equal(seq_at(w, 0, 2), 201);
	assert_true(are_equal(w));
	world_free(w);
}

static void an_older_record_does_not_come_back(void **state)
{
	struct world *w = chain(3);
	struct card old = *card_of(w, 2);
	(void)state;

	reissue(w, 2);
	start_party(w, 2);
	run(w, 60000);
	assert_int_equal(seq_at(w, 1, 2), 2);
	say_card(w, 0, 1, &old);
	run(w, 15);
	assert_int_equal(seq_at(w, 1, 2), 2);
	run(w, 60000);
	assert_int_equal(seq_at(w, 0, 2), 2);
	assert_int_equal(seq_at(w, 1, 2), 2);
	assert_true(are_equal(w));
	world_free(w);
}

static void cards_that_do_not_hold_are_not_taken(void **state)
{
	struct world *w = chain(3);
	struct seed seed = {.octets = {66}};
	struct card card = *card_of(w, 2);
	(void)state;

	start_party(w, 0);
	start_party(w, 1);
	stop_party(w, 2);
	remember(w, 0, 1);
	run(w, 2000);
	card.record_blob.octets[card.record_blob.len - 1] ^= 1;
	say_card(w, 0, 1, &card);
	w->root = key_pair_of(&seed);
	reissue(w, 2);
	say_card(w, 0, 1, card_of(w, 2));
	run(w, 2000);
	assert_int_equal(counters(w, 1)->forged, 1);
	assert_int_equal(counters(w, 1)->untrusted, 1);
	assert_int_equal(overlay_member_count(w->parties[1].overlay), 1);
	world_free(w);
}

static void a_card_out_of_its_time_is_not_taken(void **state)
{
	struct world *w = chain(3);
	struct record *record = &w->parties[2].options.self.card.record;
	(void)state;

	stop_party(w, 2);
	start_party(w, 1);
	record->not_after.ms = WALL_MS - 61000; /* longer ago than clocks may be off */
	reissue(w, 2);
	run(w, 2000);
	say_card(w, 0, 1, card_of(w, 2));
	run(w, 2000);
	assert_int_equal(counters(w, 1)->expired, 1);
	assert_int_equal(overlay_member_count(w->parties[1].overlay), 1);
	world_free(w);
}

/* Each is answered with cards: only to whom we have asked to compare. */
static void a_list_that_nobody_asked_for_is_not_answered(void **state)
{
	static struct frame f;
	struct world *w = chain(3);
	uint64_t unasked;
	unsigned brought;
	(void)state;

	run(w, 60000);
	brought = w->frames[1][0][FRAME_CARDS];
	unasked = counters(w, 1)->unasked;
	f.kind = FRAME_HAVE;
	f.range = id_of(w, 2)->octets[0] >> 1;
	f.has_more = false;
	f.print_count = 0;
	say_frame(w, 0, 1, &f);
	run(w, 100);
	assert_int_equal(counters(w, 1)->unasked, unasked + 1);
	assert_int_equal(w->frames[1][0][FRAME_CARDS], brought);
	world_free(w);
}

static void say_sums(struct world *w, size_t from, size_t to)
{
	static struct frame f;

	f.kind = FRAME_SUMS;
	memset(f.sums, 0xff, sizeof(f.sums));
	say_frame(w, from, to, &f);
}

/* Each comparison is work: who wants many must not take others' share. */
static void one_that_compares_without_end_keeps_nobody_else_from_it(void **state)
{
	struct world *w = chain(3);
	unsigned said;
	(void)state;

	run(w, 60000);
	for (int i = 0; i < 100; i++)
		say_sums(w, 0, 1);
	run(w, 50);
	assert_true(counters(w, 1)->over_budget > 80);
	said = w->frames[1][2][FRAME_HAVE];
	say_sums(w, 2, 1);
	run(w, 50);
	assert_true(w->frames[1][2][FRAME_HAVE] > said);
	world_free(w);
}

static void a_full_directory_counts_whom_it_does_not_keep(void **state)
{
	struct world *w = world_new(6);
	(void)state;

	w->parties[0].options.limits.members_max = 3;
	start_all(w);
	for (size_t i = 1; i < 6; i++)
		remember(w, i, i % 5 + 1);
	for (size_t i = 1; i < 4; i++)
		remember(w, 0, i);
	assert_err(ERR_LIMIT, overlay_remember(w->parties[0].overlay, now_of(w, 0),
	                                       cert_bytes(w, 4), record_bytes(w, 4)));
	run(w, 60000);
	assert_int_equal(overlay_member_count(w->parties[0].overlay), 3);
	assert_true(counters(w, 0)->members_full > 0);
	assert_int_equal(overlay_member_count(w->parties[1].overlay), 5);
	world_free(w);
}

/* A node may have kept its own card among the others'. */
static void ones_own_card_is_nothing_to_remember(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	start_all(w);
	for (int i = 0; i < 3; i++) {
		remember(w, 0, 0);
		remember(w, 0, 1);
	}
	assert_int_equal(overlay_member_count(w->parties[0].overlay), 1);
	run(w, 5000);
	assert_true(is_live(w, 0, 1));
	stop_party(w, 0);
	stop_party(w, 1);
	/* Nobody holds either any more. */
	assert_null(cards_find(w->cards, cert_bytes(w, 0), record_bytes(w, 0)));
	assert_null(cards_find(w->cards, cert_bytes(w, 1), record_bytes(w, 1)));
	world_free(w);
}

static void who_is_asked_whom_it_knows_names_those_it_has_proved(void **state)
{
	static struct frame f;
	struct world *w = chain(3);
	(void)state;

	run(w, 60000);
	f.kind = FRAME_FIND;
	f.target = *id_of(w, 2);
	say_frame(w, 0, 1, &f);
	run(w, 100);
	assert_true(w->frames[1][0][FRAME_NODES] > 0);
	assert_true(w->frames[0][1][FRAME_FIND] > 0);
	world_free(w);
}

/* A certificate that ends takes its member along, without anybody saying so. */
static void an_expired_member_is_dropped(void **state)
{
	struct world *w = world_new(3);
	(void)state;

	w->parties[2].options.self.card.cert.not_after.ms = WALL_MS + 120000;
	reissue(w, 2);
	all_meet(w);
	run(w, 60000);
	assert_true(is_live(w, 0, 2));
	run(w, 300000);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(overlay_member_count(w->parties[i].overlay), 1);
		assert_int_equal(w->parties[i].acts[ACT_FORGET], 1);
	}
	world_free(w);
}

/* 0 and 1 meet, and 2 whose keys will have run out. */
static struct world *two_and_one_that_runs_out(int64_t left_ms)
{
	struct world *w = world_new(3);

	w->parties[2].options.self.card.record.not_after.ms = WALL_MS + left_ms;
	reissue(w, 2);
	all_meet(w);
	run(w, 60000);
	return w;
}

/* Who never heard of it must not find a difference for as long as its certificate holds. */
static void whose_keys_have_run_out_makes_no_difference(void **state)
{
	struct world *w = two_and_one_that_runs_out(120000);
	unsigned compared;
	struct member m;
	(void)state;

	stop_party(w, 2);
	run(w, 300000);
	assert_true(knows(w, 0, 2, &m));
	assert_int_equal(m.state, MEMBER_EXPIRED);
	start_party(w, 1);
	remember(w, 1, 0);
	run(w, 10000);
	compared = w->frames[0][1][FRAME_SUMS] + w->frames[1][0][FRAME_SUMS];
	run(w, 120000);
	assert_int_equal(w->frames[0][1][FRAME_SUMS] + w->frames[1][0][FRAME_SUMS], compared);
	assert_int_equal(overlay_sum(w->parties[0].overlay), overlay_sum(w->parties[1].overlay));
	world_free(w);
}

/* Cut off, or down, for longer than keys hold: nobody knows the other's new ones. */
static void who_was_away_for_longer_than_its_keys_hold_comes_back(void **state)
{
	struct world *w = two_and_one_that_runs_out(120000);
	struct member m;
	(void)state;

	for (size_t i = 0; i < 2; i++)
		w->is_cut[i][2] = w->is_cut[2][i] = true;
	run(w, 300000);
	w->parties[2].options.self.card.record.not_after.ms = WALL_MS + DAY_MS;
	reissue(w, 2);
	overlay_renew(w->parties[2].overlay, now_of(w, 2), &w->parties[2].options.self);
	for (size_t i = 0; i < 2; i++)
		w->is_cut[i][2] = w->is_cut[2][i] = false;
	run(w, 1800000);
	assert_true(is_live(w, 0, 2));
	assert_true(is_live(w, 1, 2));
	/* And one that starts with nothing but what it kept. */
	w->parties[0].options.self.card.record.not_after.ms = WALL_MS + 2 * DAY_MS;
	reissue(w, 0);
	stop_party(w, 2);
	run(w, DAY_MS);
	stop_party(w, 1);
	start_party(w, 1);
	remember(w, 1, 2);
	assert_true(knows(w, 1, 2, &m));
	assert_int_equal(m.state, MEMBER_EXPIRED);
	w->parties[2].options.self.card.record.not_after.ms = WALL_MS + 3 * DAY_MS;
	reissue(w, 2);
	start_party(w, 2);
	run(w, 60000);
	assert_true(is_live(w, 1, 2));
	world_free(w);
}

static void renew_keys(struct world *w, size_t i, uint8_t what)
{
	struct overlay_self *self = &w->parties[i].options.self;
	struct seed seed = seed_of_party(i, what);

	record_keys(&seed, &self->operational, &self->card.record.kx, &self->kx_secret);
	self->card.record.sign = self->operational.public;
	reissue(w, i);
	overlay_renew(w->parties[i].overlay, now_of(w, i), self);
}

/* Neither has the other's keys when they could speak again. */
static void two_halves_that_renewed_their_keys_meet_again(void **state)
{
	struct world *w = world_new(4);
	(void)state;

	all_meet(w);
	run(w, 10000);
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++)
			w->is_cut[i][j] = i % 2 != j % 2;
	}
	run(w, 60000);
	for (size_t i = 0; i < 4; i++)
		renew_keys(w, i, 50);
	run(w, 60000);
	assert_false(is_live(w, 0, 1));
	assert_true(is_live(w, 0, 2));
	memset(w->is_cut, 0, sizeof(w->is_cut));
	run(w, 1800000);
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 2, 3));
	world_free(w);
}

/* Its root and its own key may write any time into them. */
static void times_at_the_end_of_time_are_times(void **state)
{
	struct world *w = world_new(2);
	struct card *card = &w->parties[1].options.self.card;
	(void)state;

	start_all(w);
	card->cert.not_before.ms = INT64_MIN;
	card->cert.not_after.ms = INT64_MAX;
	reissue(w, 1);
	remember(w, 0, 1);
	run(w, 120000);
	assert_int_equal(overlay_member_count(w->parties[0].overlay), 1);
	card->record.not_after.ms = INT64_MAX;
	card->record.not_before.ms = INT64_MAX - DAY_MS;
	reissue(w, 1);
	assert_err(ERR_EXPIRED, overlay_remember(w->parties[0].overlay, now_of(w, 0),
	                                         cert_bytes(w, 1), record_bytes(w, 1)));
	card->record.not_before.ms = INT64_MIN;
	card->record.not_after.ms = INT64_MIN + DAY_MS;
	reissue(w, 1);
	assert_err(ERR_EXPIRED, overlay_remember(w->parties[0].overlay, now_of(w, 0),
	                                         cert_bytes(w, 1), record_bytes(w, 1)));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(directories_become_equal),
		cmocka_unit_test(they_do_so_although_a_third_of_all_datagrams_is_lost),
		cmocka_unit_test(members_stand_in_the_order_of_their_ids),
		cmocka_unit_test(a_newer_record_wins_everywhere),
		cmocka_unit_test(one_that_renews_without_end_is_its_own_limit),
		cmocka_unit_test(an_older_record_does_not_come_back),
		cmocka_unit_test(cards_that_do_not_hold_are_not_taken),
		cmocka_unit_test(a_card_out_of_its_time_is_not_taken),
		cmocka_unit_test(a_list_that_nobody_asked_for_is_not_answered),
		cmocka_unit_test(one_that_compares_without_end_keeps_nobody_else_from_it),
		cmocka_unit_test(a_full_directory_counts_whom_it_does_not_keep),
		cmocka_unit_test(ones_own_card_is_nothing_to_remember),
		cmocka_unit_test(who_is_asked_whom_it_knows_names_those_it_has_proved),
		cmocka_unit_test(an_expired_member_is_dropped),
		cmocka_unit_test(two_halves_that_renewed_their_keys_meet_again),
		cmocka_unit_test(whose_keys_have_run_out_makes_no_difference),
		cmocka_unit_test(who_was_away_for_longer_than_its_keys_hold_comes_back),
		cmocka_unit_test(times_at_the_end_of_time_are_times),
	};

	return cmocka_run_group_tests_name("overlay/sync", tests, NULL, NULL);
}
