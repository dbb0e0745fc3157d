#include "proto/wire/trust.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define ROOTS 3

static const struct wall noon = {NOON};
static const struct hash_key hash = {{1, 2, 3}};
static const struct trust_limits limits = {.revoked_max = 40, .pages_max = 6};

static struct key_pair roots[ROOTS], newcomer, member;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	for (uint8_t i = 0; i < ROOTS; i++)
		roots[i] = pair_of((uint8_t)(10 * i));
	newcomer = pair_of(150);
	member = pair_of(100);
	return 0;
}

static struct trust *trust_in(size_t count, const struct trust_limits *l)
{
	struct roots pinned = {.count = count};
	struct trust *t;

	for (size_t i = 0; i < count; i++)
		pinned.keys[i] = roots[i].public;
	t = trust_new(&pinned, l, &hash);
	assert_non_null(t);
	return t;
}

static struct notice_blob page_of(const struct key_pair *root, uint64_t number, uint16_t page,
                                  uint16_t pages, const struct notice_entry *entries, size_t count)
{
	struct notice n = {
		.head = {.number = number,
	                 .page = page,
	                 .pages = pages,
	                 .issued = {NOON + (int64_t)number}},
		.entry_count = count,
	};
	struct notice_blob blob;

	if (count > 0)
		memcpy(n.entries, entries, count * sizeof(entries[0]));
	assert_ok(notice_issue(root, &n, &blob));
	return blob;
}

static enum err apply(struct trust *t, const struct notice_blob *blob)
{
	return trust_apply(t, noon, blob->octets, blob->len);
}

/* A list of one page with one entry. */
static enum err say(struct trust *t, const struct key_pair *root, uint64_t number,
                    struct notice_entry entry)
{
	struct notice_blob blob = page_of(root, number, 0, 1, &entry, 1);

	return apply(t, &blob);
}

static enum err say_nothing(struct trust *t, const struct key_pair *root, uint64_t number)
{
	struct notice_blob blob = page_of(root, number, 0, 1, NULL, 0);

	return apply(t, &blob);
}

static struct notice_entry revoke(const struct key_pair *who, uint64_t serial)
{
	return (struct notice_entry){NOTICE_REVOKE, who->public, serial, {0}};
}

static struct notice_entry endorse(const struct key_pair *who, int64_t until)
{
	return (struct notice_entry){NOTICE_ENDORSE, who->public, 0, {until}};
}

static struct notice_entry retire(const struct key_pair *who)
{
	return (struct notice_entry){NOTICE_RETIRE, who->public, 0, {0}};
}

static bool is_accepted(struct trust *t, const struct key_pair *root, int64_t now)
{
	return roots_have(trust_roots(t, (struct wall){now}), &root->public);
}

static bool is_revoked(const struct trust *t, const struct key_pair *root,
                       const struct key_pair *who, uint64_t serial)
{
	struct cert cert = {.root = root->public, .member = who->public, .serial = serial};

	return trust_is_revoked(t, &cert);
}

static void a_new_root_needs_two_of_three(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_err(ERR_ROOT, say_nothing(t, &newcomer, 1));
	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	assert_false(is_accepted(t, &newcomer, NOON));
	assert_ok(say(t, &roots[1], 1, endorse(&newcomer, NOON + 2 * DAY)));
	assert_true(is_accepted(t, &newcomer, NOON));
	assert_int_equal(trust_roots(t, noon)->count, 4);
	assert_ok(say_nothing(t, &newcomer, 1));
	trust_free(t);
}

static void where_one_root_is_pinned_its_word_is_enough(void **state)
{
	struct trust *t = trust_in(1, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	assert_true(is_accepted(t, &newcomer, NOON));
	assert_ok(say(t, &roots[0], 2, retire(&newcomer)));
	assert_false(is_accepted(t, &newcomer, NOON));
	trust_free(t);
}

static void a_newcomer_cannot_bring_in_others(void **state)
{
	struct key_pair third = pair_of(200);
	struct trust *t = trust_in(1, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	assert_ok(say(t, &newcomer, 1, endorse(&third, NOON + DAY)));
	assert_false(is_accepted(t, &third, NOON));
	assert_ok(say(t, &newcomer, 2, retire(&roots[0])));
	assert_true(is_accepted(t, &roots[0], NOON));
	trust_free(t);
}

static void an_endorsement_runs_out(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	assert_ok(say(t, &roots[1], 1, endorse(&newcomer, NOON + 2 * DAY)));
	assert_true(is_accepted(t, &newcomer, NOON + DAY));
	assert_false(is_accepted(t, &newcomer, NOON + DAY + 1));
	assert_true(is_accepted(t, &newcomer, NOON)); /* a clock that was set back */
	assert_ok(say(t, &roots[2], 1, endorse(&newcomer, NOON + 3 * DAY)));
	assert_true(is_accepted(t, &newcomer, NOON + 2 * DAY));
	assert_false(is_accepted(t, &newcomer, NOON + 2 * DAY + 1));
	trust_free(t);
}

static void an_endorsement_is_withdrawn_by_a_whole_list_without_it(void **state)
{
	struct notice_blob halves[2];
	struct trust *t = trust_in(1, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	for (uint16_t i = 0; i < 2; i++)
		halves[i] = page_of(&roots[0], 2, i, 2, NULL, 0);
	assert_ok(apply(t, &halves[1]));
	assert_true(is_accepted(t, &newcomer, NOON)); /* it may be on the other page */
	assert_ok(apply(t, &halves[0]));
	assert_false(is_accepted(t, &newcomer, NOON));
	trust_free(t);
}

static void a_root_retires_itself_for_ever(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_false(is_revoked(t, &roots[0], &member, 7));
	assert_ok(say(t, &roots[0], 1, retire(&roots[0])));
	assert_false(is_accepted(t, &roots[0], NOON));
	assert_true(is_revoked(t, &roots[0], &member, 7)); /* with all it has signed */
	assert_err(ERR_ROOT, say_nothing(t, &roots[0], 2));
	assert_non_null(trust_page(t, &roots[0].public, 0)); /* for those who do not know */
	trust_free(t);
}

static void others_retire_a_root_together(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, retire(&roots[2])));
	assert_true(is_accepted(t, &roots[2], NOON));
	assert_ok(say(t, &roots[1], 1, retire(&roots[2])));
	assert_false(is_accepted(t, &roots[2], NOON));
	assert_true(is_revoked(t, &roots[2], &member, 7));
	assert_ok(say_nothing(t, &roots[1], 2));
	assert_false(is_accepted(t, &roots[2], NOON)); /* for ever */
	trust_free(t);
}

static void what_a_retired_root_endorses_does_not_count(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	assert_ok(say(t, &roots[1], 1, endorse(&newcomer, NOON + DAY)));
	assert_ok(say(t, &roots[1], 2, retire(&roots[1])));
	assert_false(is_accepted(t, &newcomer, NOON));
	trust_free(t);
}

static void the_rest_of_the_list_that_retires_a_root_is_taken(void **state)
{
	struct notice_entry last_words = retire(&roots[0]), other = retire(&roots[1]);
	struct notice_blob first = page_of(&roots[0], 5, 0, 2, &last_words, 1);
	struct notice_blob second = page_of(&roots[0], 5, 1, 2, &other, 1);
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(apply(t, &first));
	assert_ok(apply(t, &second));
	assert_ok(say(t, &roots[2], 1, retire(&roots[1])));
	assert_false(is_accepted(t, &roots[1], NOON));
	trust_free(t);
}

static void a_leaf_is_revoked_by_serial_or_whole(void **state)
{
	struct key_pair other = pair_of(120);
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, revoke(&member, 7)));
	assert_true(is_revoked(t, &roots[0], &member, 7));
	assert_false(is_revoked(t, &roots[0], &member, 8));
	assert_false(is_revoked(t, &roots[0], &other, 7));
	assert_ok(say(t, &roots[0], 2, revoke(&other, 0)));
	assert_true(is_revoked(t, &roots[0], &other, 8));
	trust_free(t);
}

static void a_root_revokes_only_what_it_has_signed(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 1, revoke(&member, 0)));
	assert_true(is_revoked(t, &roots[0], &member, 7));
	assert_false(is_revoked(t, &roots[1], &member, 7));
	assert_false(is_revoked(t, &newcomer, &member, 7));
	trust_free(t);
}

static void a_revocation_is_never_forgotten(void **state)
{
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(say(t, &roots[0], 4, revoke(&member, 7)));
	assert_err(ERR_STALE, say_nothing(t, &roots[0], 3));
	assert_err(ERR_STALE, say(t, &roots[0], 3, revoke(&member, 8)));
	assert_true(is_revoked(t, &roots[0], &member, 7));
	assert_false(is_revoked(t, &roots[0], &member, 8));
	assert_ok(say_nothing(t, &roots[0], 5));
	assert_true(is_revoked(t, &roots[0], &member, 7));
	assert_int_equal(trust_count(t).revoked, 1);
	trust_free(t);
}

static void what_is_known_or_contradicts_is_stale(void **state)
{
	struct notice_entry entry = revoke(&member, 7);
	struct notice_blob first = page_of(&roots[0], 4, 0, 3, &entry, 1);
	struct notice_blob other_count = page_of(&roots[0], 4, 1, 2, NULL, 0);
	struct trust *t = trust_in(3, &limits);
	(void)state;

	assert_ok(apply(t, &first));
	assert_err(ERR_STALE, apply(t, &first));
	assert_err(ERR_STALE, apply(t, &other_count));
	assert_int_equal(trust_count(t).pages, 1);
	trust_free(t);
}

static void pages_come_in_any_order_and_take_effect_at_once(void **state)
{
	static const uint16_t order[] = {2, 0, 1};
	struct trust_head theirs = {.root = roots[0].public, .number = 9};
	struct notice_blob pages[3];
	struct trust *t = trust_in(3, &limits);
	uint16_t page = 77;
	(void)state;

	for (uint16_t i = 0; i < 3; i++) {
		struct notice_entry entry = revoke(&member, 1 + i);

		pages[i] = page_of(&roots[0], 9, i, 3, &entry, 1);
	}
	assert_true(trust_next_missing(t, noon, &theirs, 0, &page));
	assert_int_equal(page, 0); /* how many there are is not known yet */
	assert_false(trust_next_missing(t, noon, &theirs, 1, &page));
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		assert_ok(apply(t, &pages[order[i]]));
		assert_true(is_revoked(t, &roots[0], &member, 1 + order[i]));
		if (i == 0) {
			assert_true(trust_next_missing(t, noon, &theirs, 0, &page));
			assert_int_equal(page, 0);
			assert_true(trust_next_missing(t, noon, &theirs, 1, &page));
			assert_int_equal(page, 1);
		}
	}
	assert_false(trust_next_missing(t, noon, &theirs, 0, &page));
	for (uint16_t i = 0; i < 3; i++) {
		const struct notice_blob *kept = trust_page(t, &roots[0].public, i);

		assert_int_equal(kept->len, pages[i].len);
		assert_memory_equal(kept->octets, pages[i].octets, kept->len);
	}
	trust_free(t);
}

static void heads_name_the_newest_lists(void **state)
{
	struct trust_head heads[TRUST_ROOTS_MAX], unknown = {.root = newcomer.public, .number = 1};
	struct trust *t = trust_in(3, &limits);
	uint16_t page;
	(void)state;

	assert_int_equal(trust_heads(t, heads), 0);
	assert_ok(say_nothing(t, &roots[1], 3));
	assert_ok(say_nothing(t, &roots[1], 5));
	assert_int_equal(trust_heads(t, heads), 1);
	assert_memory_equal(&heads[0].root, &roots[1].public, sizeof(heads[0].root));
	assert_int_equal(heads[0].number, 5);
	assert_int_equal(heads[0].issued.ms, NOON + 5);
	assert_false(trust_next_missing(t, noon, &heads[0], 0, &page));
	heads[0].number = 4;
	assert_false(trust_next_missing(t, noon, &heads[0], 0, &page));
	assert_false(trust_next_missing(t, noon, &unknown, 0, &page));
	assert_null(trust_page(t, &roots[1].public, 1));
	assert_null(trust_page(t, &newcomer.public, 0));
	trust_free(t);
}

static void a_newer_list_takes_the_place_of_the_older(void **state)
{
	struct trust *t = trust_in(1, &limits);
	(void)state;

	for (uint16_t i = 0; i < 6; i++) {
		struct notice_blob blob = page_of(&roots[0], 1, i, 6, NULL, 0);

		assert_ok(apply(t, &blob));
	}
	assert_int_equal(trust_count(t).pages, 6);
	assert_ok(say_nothing(t, &roots[0], 2));
	assert_int_equal(trust_count(t).pages, 1);
	trust_free(t);
}

static void forged_pages_are_refused(void **state)
{
	struct notice_entry entry = revoke(&member, 7);
	struct notice_blob blob = page_of(&roots[0], 1, 0, 1, &entry, 1);
	struct trust *t = trust_in(3, &limits);
	(void)state;

	blob.octets[blob.len - 1] ^= 1;
	assert_err(ERR_AUTH, apply(t, &blob));
	assert_err(ERR_FORMAT, trust_apply(t, noon, blob.octets, blob.len - 1));
	assert_false(is_revoked(t, &roots[0], &member, 7));
	assert_int_equal(trust_count(t).pages, 0);
	trust_free(t);
}

static void a_full_table_refuses_the_whole_page(void **state)
{
	struct notice_entry entries[NOTICE_ENTRIES_MAX];
	struct trust *t = trust_in(3, &limits);
	struct notice_blob blob;
	uint64_t serial = 1;
	(void)state;

	for (uint16_t page = 0; page < 3; page++) {
		for (size_t i = 0; i < NOTICE_ENTRIES_MAX; i++)
			entries[i] = revoke(&member, serial++);
		blob = page_of(&roots[0], 1, page, 3, entries, NOTICE_ENTRIES_MAX);
		assert_err(page < 2 ? ERR_OK : ERR_LIMIT, apply(t, &blob)); /* 19, 38, 57 */
	}
	assert_int_equal(trust_count(t).revoked, 2 * NOTICE_ENTRIES_MAX);
	assert_false(is_revoked(t, &roots[0], &member, serial - 1));
	blob = page_of(&roots[0], 1, 2, 3, entries, 2);
	assert_ok(apply(t, &blob));
	assert_true(is_revoked(t, &roots[0], &member, 1));
	trust_free(t);
}

static void there_is_room_for_so_many_pages_and_no_more(void **state)
{
	struct trust *t = trust_in(3, &limits);
	struct notice_blob blob = page_of(&roots[0], 1, 0, 7, NULL, 0);
	(void)state;

	assert_err(ERR_LIMIT, apply(t, &blob));
	for (uint16_t page = 0; page < 6; page++) {
		blob = page_of(&roots[0], 1, page, 6, NULL, 0);
		assert_ok(apply(t, &blob));
	}
	assert_err(ERR_LIMIT, say_nothing(t, &roots[1], 1));
	trust_free(t);
}

static void a_root_makes_so_many_claims_and_no_more(void **state)
{
	struct trust *t = trust_in(1, &limits);
	(void)state;

	for (uint8_t i = 0; i <= TRUST_CLAIMS_MAX; i++) {
		struct key_pair other = pair_of((uint8_t)(60 + i));
		enum err err = say(t, &roots[0], 1 + (uint64_t)i, retire(&other));

		assert_err(i < TRUST_CLAIMS_MAX ? ERR_OK : ERR_LIMIT, err);
	}
	trust_free(t);
}

static void so_many_roots_are_accepted_and_no_more(void **state)
{
	struct trust_limits roomy = {.revoked_max = 1, .pages_max = 2};
	struct notice_entry entries[NOTICE_ENTRIES_MAX];
	struct trust *t = trust_in(1, &roomy);
	struct notice_blob blob;
	const struct roots *accepted;
	(void)state;

	for (uint8_t i = 0; i < NOTICE_ENTRIES_MAX; i++) {
		struct key_pair other = pair_of((uint8_t)(60 + i));

		entries[i] = endorse(&other, NOON + DAY);
	}
	blob = page_of(&roots[0], 1, 0, 1, entries, NOTICE_ENTRIES_MAX);
	assert_ok(apply(t, &blob));
	accepted = trust_roots(t, noon);
	assert_int_equal(accepted->count, CERT_ROOTS_MAX);
	assert_memory_equal(&accepted->keys[0], &roots[0].public, sizeof(accepted->keys[0]));
	for (size_t i = 2; i < accepted->count; i++) /* the same ones at every node */
		assert_true(memcmp(&accepted->keys[i - 1], &accepted->keys[i], 32) < 0);
	trust_free(t);
}

static void a_root_pinned_twice_has_one_voice(void **state)
{
	struct roots pinned = {.keys = {roots[0].public, roots[0].public, roots[1].public},
	                       .count = 3};
	struct trust *t = trust_new(&pinned, &limits, &hash);
	(void)state;

	assert_non_null(t);
	assert_int_equal(trust_roots(t, noon)->count, 2);
	assert_ok(say(t, &roots[0], 1, endorse(&newcomer, NOON + DAY)));
	assert_false(is_accepted(t, &newcomer, NOON));
	trust_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_root_needs_two_of_three),
		cmocka_unit_test(where_one_root_is_pinned_its_word_is_enough),
		cmocka_unit_test(a_newcomer_cannot_bring_in_others),
		cmocka_unit_test(an_endorsement_runs_out),
		cmocka_unit_test(an_endorsement_is_withdrawn_by_a_whole_list_without_it),
		cmocka_unit_test(a_root_retires_itself_for_ever),
		cmocka_unit_test(others_retire_a_root_together),
		cmocka_unit_test(what_a_retired_root_endorses_does_not_count),
		cmocka_unit_test(the_rest_of_the_list_that_retires_a_root_is_taken),
		cmocka_unit_test(a_leaf_is_revoked_by_serial_or_whole),
		cmocka_unit_test(a_root_revokes_only_what_it_has_signed),
		cmocka_unit_test(a_revocation_is_never_forgotten),
		cmocka_unit_test(what_is_known_or_contradicts_is_stale),
		cmocka_unit_test(pages_come_in_any_order_and_take_effect_at_once),
		cmocka_unit_test(heads_name_the_newest_lists),
		cmocka_unit_test(a_newer_list_takes_the_place_of_the_older),
		cmocka_unit_test(forged_pages_are_refused),
		cmocka_unit_test(a_full_table_refuses_the_whole_page),
		cmocka_unit_test(there_is_room_for_so_many_pages_and_no_more),
		cmocka_unit_test(a_root_makes_so_many_claims_and_no_more),
		cmocka_unit_test(so_many_roots_are_accepted_and_no_more),
		cmocka_unit_test(a_root_pinned_twice_has_one_voice),
	};

	return cmocka_run_group_tests_name("wire/trust", tests, start, NULL);
}
