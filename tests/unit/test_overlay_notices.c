#include "tests/unit/overlay_fixture.h"

enum { A, B, C, D };

static struct world *circle(size_t count)
{
	struct world *w = world_new(count);

	all_meet(w);
	run(w, 5000);
	return w;
}

static enum err tell_page(struct world *w, size_t i, const struct notice_blob *blob)
{
	enum err err = overlay_notice(w->parties[i].overlay, now_of(w, i), blob->octets, blob->len);

	drain(w, i);
	return err;
}

static void say_page(struct world *w, size_t from, size_t to, const struct notice_blob *blob)
{
	static struct frame f;

	f.kind = FRAME_NOTICE;
	f.blob = bytes_of(blob->octets, blob->len);
	say_frame(w, from, to, &f);
	run(w, 50);
}

static void a_revoked_member_is_gone_at_once_and_everywhere(void **state)
{
	struct world *w = circle(4);
	struct notice_blob page = revocation(w, 1, D);
	struct member m;
	(void)state;

	assert_true(is_live(w, A, D));
	assert_ok(tell_page(w, A, &page));
	assert_false(knows(w, A, D, &m));
	assert_int_equal(w->parties[A].acts[ACT_FORGET], 1);
	assert_int_equal(w->parties[A].acts[ACT_NOTICE], 1);
	run(w, 1000);
	for (size_t i = A; i <= C; i++) {
		assert_false(knows(w, i, D, &m));
		assert_int_equal(overlay_table_count(w->parties[i].overlay), 2);
		assert_int_equal(w->parties[i].acts[ACT_NOTICE], 1);
	}
	assert_ok(tell_page(w, D, &page)); /* from its operator: nobody speaks to it any more */
	assert_string_equal(w->parties[D].told, "our own certificate was revoked");
	world_free(w);
}

static bool lose_notices(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)from;
	(void)to;
	return f->kind != FRAME_NOTICE;
}

static void a_revoked_member_is_not_answered_whatever_it_says(void **state)
{
	struct world *w = circle(2);
	struct notice_blob page = revocation(w, 1, B);
	unsigned sent;
	(void)state;

	w->bend = lose_notices; /* b does not know */
	assert_ok(tell_page(w, A, &page));
	run(w, 20);
	sent = w->parties[A].acts[ACT_SEND];
	run(w, 200000); /* it PINGs, calls, and calls again */
	assert_true(w->packets[B][PACKET_INIT] > 3);
	assert_int_equal(w->parties[A].acts[ACT_SEND], sent);
	assert_true(counters(w, A)->revoked > 0);
	assert_int_equal(overlay_member_count(w->parties[A].overlay), 0);
	world_free(w);
}

static bool lose_copies;

static bool lose_notices_and_copies(struct world *w, size_t from, size_t to, struct frame *f)
{
	return lose_notices(w, from, to, f) && !(lose_copies && f->kind == FRAME_QUERY && to == B);
}

static void its_questions_die_with_it(void **state)
{
	struct world *w = circle(3);
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	struct notice_blob page = revocation(w, 1, C);
	(void)state;

	w->bend = lose_notices_and_copies;
	lose_copies = true;
	w->parties[A].policy = w->parties[B].policy = POLICY_LATER;
	forge_query(w, C, 1, &q, &blob);
	say_query(w, C, A, &blob, 0);
	run(w, 100);
	assert_int_equal(w->parties[A].acts[ACT_SERVE], 1);
	assert_ok(tell_page(w, A, &page));
	lose_copies = false;
	run(w, 10000); /* b would take it: it has not heard */
	assert_int_equal(w->frames[A][B][FRAME_QUERY], 0);
	q = (struct query){.reply_to = {{1}}};
	forge_query(w, C, 2, &q, &blob);
	say_query(w, B, A, &blob, 0);
	run(w, 100);
	assert_int_equal(w->parties[A].acts[ACT_SERVE], 1);
	assert_true(counters(w, A)->revoked > 0);
	world_free(w);
}

static void who_was_away_asks_for_what_it_lacks(void **state)
{
	struct world *w = circle(3);
	struct notice_blob page = revocation(w, 1, C);
	struct member m;
	(void)state;

	w->is_cut[A][B] = w->is_cut[B][A] = true;
	assert_ok(tell_page(w, A, &page));
	run(w, 1000);
	assert_true(knows(w, B, C, &m));
	w->is_cut[A][B] = w->is_cut[B][A] = false;
	run(w, 60000);
	assert_false(knows(w, B, C, &m));
	assert_true(w->frames[B][A][FRAME_LACK] > 0);
	world_free(w);
}

/* A list of three pages, each of which tells of another's revocation. */
static void pages_are_fetched_one_by_one_until_the_list_is_whole(void **state)
{
	struct world *w = circle(2);
	(void)state;

	w->is_cut[A][B] = w->is_cut[B][A] = true;
	for (uint16_t page = 0; page < 3; page++) {
		struct notice n = {
			.head = {.number = 4, .page = page, .pages = 3, .issued = {WALL_MS}},
			.entries = {{NOTICE_REVOKE, {{(uint8_t)page, 1}}, 0, {0}}},
			.entry_count = 1,
		};
		struct notice_blob blob;

		assert_ok(notice_issue(&w->root, &n, &blob));
		assert_ok(tell_page(w, A, &blob));
	}
	run(w, 1000);
	w->is_cut[A][B] = w->is_cut[B][A] = false;
	run(w, 60000);
	assert_int_equal(w->parties[B].acts[ACT_NOTICE], 3);
	assert_int_equal(trust_count(overlay_trust(w->parties[B].overlay)).revoked, 3);
	assert_in_range(w->frames[B][A][FRAME_LACK], 3, 6);
	world_free(w);
}

static bool lose_only_pages(struct world *w, size_t from, size_t to, struct frame *f)
{
	return f->kind != FRAME_NOTICE || w->frames[to][from][FRAME_LACK] > 0;
}

static void a_page_that_got_lost_is_missed_within_seconds(void **state)
{
	struct world *w = circle(3);
	struct notice_blob page = revocation(w, 1, C);
	struct member m;
	(void)state;

	w->bend = lose_only_pages;
	assert_ok(tell_page(w, A, &page));
	run(w, 100);
	assert_true(knows(w, B, C, &m));
	run(w, 2100);
	assert_false(knows(w, B, C, &m));
	world_free(w);
}

/* A PING has room for eight heads: none of more is left out for ever. */
static void lists_of_many_roots_are_all_heard_of(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct roots *roots = &w->parties[i].options.roots;

		w->parties[i].options.limits.trust.pages_max = 32;
		for (; roots->count < 12; roots->count++) {
			struct seed seed = {.octets = {(uint8_t)(100 + roots->count)}};

			roots->keys[roots->count] = key_pair_of(&seed).public;
		}
	}
	all_meet(w);
	run(w, 5000);
	w->bend = lose_only_pages;
	for (uint8_t i = 1; i < 12; i++) {
		struct seed seed = {.octets = {(uint8_t)(100 + i)}};
		struct key_pair root = key_pair_of(&seed);
		struct notice n = {
			.head = {.number = 1, .pages = 1, .issued = {WALL_MS}},
			.entries = {{NOTICE_REVOKE, {{i}}, 0, {0}}},
			.entry_count = 1,
		};
		struct notice_blob page;

		assert_ok(notice_issue(&root, &n, &page));
		assert_ok(tell_page(w, A, &page));
	}
	run(w, 300000);
	assert_int_equal(trust_count(overlay_trust(w->parties[B].overlay)).pages, 11);
	world_free(w);
}

static void a_page_is_passed_on_once(void **state)
{
	struct world *w = circle(3);
	struct notice_blob page = revocation(w, 1, C);
	unsigned said;
	(void)state;

	assert_ok(tell_page(w, A, &page));
	run(w, 5000);
	said = w->frames[A][B][FRAME_NOTICE] + w->frames[B][A][FRAME_NOTICE];
	assert_err(ERR_STALE, tell_page(w, A, &page));
	say_page(w, B, A, &page);
	run(w, 5000);
	assert_int_equal(w->frames[A][B][FRAME_NOTICE] + w->frames[B][A][FRAME_NOTICE], said + 1);
	assert_int_equal(w->parties[A].acts[ACT_NOTICE], 1);
	world_free(w);
}

static void pages_that_nobody_need_believe_go_no_farther(void **state)
{
	struct world *w = circle(3);
	struct notice_blob page = revocation(w, 1, C);
	struct key_pair root = w->root;
	struct seed seed = {.octets = {66}};
	unsigned said = w->frames[A][C][FRAME_NOTICE];
	(void)state;

	page.octets[page.len - 1] ^= 1;
	say_page(w, B, A, &page);
	assert_int_equal(counters(w, A)->forged, 1);
	w->root = key_pair_of(&seed);
	page = revocation(w, 1, C);
	w->root = root;
	say_page(w, B, A, &page);
	assert_int_equal(counters(w, A)->untrusted, 1);
	assert_int_equal(w->frames[A][C][FRAME_NOTICE], said);
	assert_true(is_live(w, A, C));
	world_free(w);
}

static void who_brings_the_news_of_its_own_end_is_gone_with_it(void **state)
{
	struct world *w = circle(3);
	struct notice_blob page = revocation(w, 1, B);
	struct member m;
	(void)state;

	say_page(w, B, A, &page);
	assert_false(knows(w, A, B, &m));
	run(w, 1000);
	assert_false(knows(w, C, B, &m));
	world_free(w);
}

static void a_list_that_is_not_here_is_not_answered_for(void **state)
{
	static struct frame f;
	struct world *w = circle(2);
	unsigned said;
	(void)state;

	said = w->frames[A][B][FRAME_NOTICE];
	f.kind = FRAME_LACK;
	f.root = w->root.public;
	f.number = 1;
	f.page = 255;
	say_frame(w, B, A, &f);
	run(w, 100);
	assert_int_equal(w->frames[A][B][FRAME_NOTICE], said);
	world_free(w);
}

/* A page of `by` that endorses the root of `seed` until a moment; of nobody when that is over. */
static struct notice_blob endorsement(const struct key_pair *by, uint64_t number,
                                      const struct public_key *whom, int64_t until_ms)
{
	struct notice n = {
		.head = {.number = number, .pages = 1, .issued = {WALL_MS}},
		.entries = {{NOTICE_ENDORSE, *whom, 0, {until_ms}}},
		.entry_count = until_ms > WALL_MS,
	};
	struct notice_blob page;

	assert_ok(notice_issue(by, &n, &page));
	return page;
}

/* c is of another root, which a learns to believe for so long. */
static struct world *circle_of_two_roots(int64_t until_ms)
{
	struct world *w = circle(3);
	struct seed seed = {.octets = {77}};
	struct key_pair root = w->root, other = key_pair_of(&seed);
	struct notice_blob page = endorsement(&root, 1, &other.public, until_ms);

	stop_party(w, C);
	w->root = other;
	w->parties[C].options.self.card.cert.salt[0] = 99; /* another member */
	reissue(w, C);
	w->root = root;
	assert_err(ERR_ROOT, overlay_remember(w->parties[A].overlay, now_of(w, A), cert_bytes(w, C),
	                                      record_bytes(w, C)));
	assert_ok(tell_page(w, A, &page));
	start_party(w, C);
	remember(w, A, C);
	run(w, 5000);
	return w;
}

/* A root that others endorse is one to believe: its members come in. */
static void members_of_an_endorsed_root_are_let_in(void **state)
{
	struct world *w = circle_of_two_roots(WALL_MS + DAY_MS);
	(void)state;

	assert_true(is_live(w, A, C));
	world_free(w);
}

static void and_are_out_when_its_endorsement_ends(void **state)
{
	struct world *w = circle_of_two_roots(WALL_MS + 60000);
	struct member m;
	(void)state;

	assert_true(is_live(w, A, C));
	run(w, 180000);
	assert_false(knows(w, A, C, &m));
	assert_true(w->parties[A].acts[ACT_FORGET] > 0);
	world_free(w);
}

static void or_is_taken_back(void **state)
{
	struct world *w = circle_of_two_roots(WALL_MS + DAY_MS);
	struct notice_blob page = endorsement(&w->root, 2, &w->root.public, 0);
	struct member m;
	(void)state;

	assert_true(is_live(w, A, C));
	assert_ok(tell_page(w, A, &page));
	assert_false(knows(w, A, C, &m));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoked_member_is_gone_at_once_and_everywhere),
		cmocka_unit_test(a_revoked_member_is_not_answered_whatever_it_says),
		cmocka_unit_test(its_questions_die_with_it),
		cmocka_unit_test(who_was_away_asks_for_what_it_lacks),
		cmocka_unit_test(pages_are_fetched_one_by_one_until_the_list_is_whole),
		cmocka_unit_test(a_page_that_got_lost_is_missed_within_seconds),
		cmocka_unit_test(lists_of_many_roots_are_all_heard_of),
		cmocka_unit_test(a_page_is_passed_on_once),
		cmocka_unit_test(pages_that_nobody_need_believe_go_no_farther),
		cmocka_unit_test(who_brings_the_news_of_its_own_end_is_gone_with_it),
		cmocka_unit_test(a_list_that_is_not_here_is_not_answered_for),
		cmocka_unit_test(members_of_an_endorsed_root_are_let_in),
		cmocka_unit_test(and_are_out_when_its_endorsement_ends),
		cmocka_unit_test(or_is_taken_back),
	};

	return cmocka_run_group_tests_name("overlay/notices", tests, NULL, NULL);
}
