/* Who was behind an outside address and port, and when. */
#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/translation_table.h"
#include "proto/flow/ways.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define T0 INT64_C(1795309531000)
#define ROOM 8

static struct translation_table *table;

static int setup(void **state)
{
	(void)state;
	table = translation_table_new(16, 1);
	return table == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	(void)state;
	translation_table_free(table);
	return 0;
}

static struct endpoint end_of(const char *text)
{
	struct endpoint e = {.port = 0};

	if (text[0] != '\0')
		assert_int_equal(endpoint_parse(text, &e), ERR_OK);
	return e;
}

static void tell(enum translation_event event, int64_t at_ms, const char *src, const char *nat_src,
                 const char *dst)
{
	struct translation t = {
		.src = end_of(src),
		.nat_src = end_of(nat_src),
		.dst = end_of(dst),
		.at_ms = at_ms,
		.proto = 6,
		.event = (uint8_t)event,
	};

	translation_table_event(table, &t);
}

static void tell_block(enum translation_event event, int64_t at_ms, const char *inside,
                       const char *outside, uint16_t first, uint16_t last)
{
	struct translation t = {
		.src = end_of(inside),
		.nat_src = end_of(outside),
		.at_ms = at_ms,
		.first = first,
		.last = last,
		.event = (uint8_t)event,
	};

	translation_table_event(table, &t);
}

static void show(int64_t start_ms, int64_t end_ms, const char *src, const char *nat_src,
                 const char *dst)
{
	struct endpoint s = end_of(src), n = end_of(nat_src), d = end_of(dst);
	struct flow f = {
		.src = s.addr,
		.nat_src = n.addr,
		.dst = d.addr,
		.src_port = s.port,
		.nat_src_port = n.port,
		.dst_port = d.port,
		.start_ms = start_ms,
		.end_ms = end_ms,
		.proto = 6,
	};

	translation_table_flow(table, &f);
}

/* Everybody who was behind `outside` then, the latest first; "" nobody. */
static const char *inside_of(const char *outside, const char *peer, int64_t at_ms)
{
	static char text[ROOM * (ENDPOINT_TEXT_MAX + 1)];
	struct translation_query q = {
		.end = end_of(outside), .peer = end_of(peer), .at_ms = at_ms, .proto = 6};
	struct mapping found[ROOM];
	size_t count = translation_table_inside(table, &q, found, ROOM);
	char one[ENDPOINT_TEXT_MAX];

	text[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			strcat(text, " ");
		strcat(text, endpoint_print(&found[i].inside, one));
	}
	return text;
}

#define PUBLIC "198.51.100.1:40000"
#define SERVER "203.0.113.121:22"
#define ALICE "10.0.0.1:45126"
#define BOB "10.0.0.2:33000"

static void an_interval_is_opened_and_closed(void **state)
{
	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 - 1), "");
	assert_string_equal(inside_of(PUBLIC, "", T0), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 86400000), ALICE); /* as far as is known */
	tell(TRANSLATION_DELETE, T0 + 5000, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 5000), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 5001), "");
	assert_string_equal(inside_of("198.51.100.1:40001", "", T0), "");
	assert_int_equal(translation_table_counters(table)->opened, 1);
	assert_int_equal(translation_table_counters(table)->closed, 1);
	assert_int_equal(translation_table_count(table), 1);
}

static void the_other_way_is_answered_too(void **state)
{
	struct translation_query q = {.end = end_of(ALICE), .at_ms = T0 + 1};
	struct mapping found[ROOM];
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	assert_int_equal(translation_table_outside(table, &q, found, ROOM), 1);
	assert_string_equal(endpoint_print(&found[0].outside, text), PUBLIC);
	assert_string_equal(endpoint_print(&found[0].peer, text), SERVER);
	q.proto = 17;
	assert_int_equal(translation_table_outside(table, &q, found, ROOM), 0);
}

static void who_comes_after_closes_who_was_before(void **state)
{
	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER); /* its end is lost */
	tell(TRANSLATION_CREATE, T0 + 9000, BOB, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 8999), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 9000), BOB);
	assert_int_equal(translation_table_counters(table)->reused, 1);
	tell(TRANSLATION_CREATE, T0 + 4000, "10.0.0.3:1", PUBLIC, SERVER); /* it comes late */
	assert_string_equal(inside_of(PUBLIC, "", T0 + 3999), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 9000), BOB);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 20000), BOB);
}

/* Linux gives one outside port to several, if they speak with different peers. */
static void one_port_may_lead_to_several_for_different_peers(void **state)
{
	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	tell(TRANSLATION_CREATE, T0 + 10, BOB, PUBLIC, "203.0.113.99:443");
	assert_string_equal(inside_of(PUBLIC, SERVER, T0 + 10), ALICE);
	assert_string_equal(inside_of(PUBLIC, "203.0.113.99:443", T0 + 10), BOB);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 10), BOB " " ALICE);
	tell(TRANSLATION_DELETE, T0 + 20, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 21), BOB);
}

static void events_in_the_wrong_order_come_to_the_same(void **state)
{
	(void)state;
	tell(TRANSLATION_DELETE, T0 + 5000, ALICE, PUBLIC, SERVER);
	assert_int_equal(translation_table_counters(table)->unopened, 1);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 5000), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 4999), "");
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER); /* and once more */
	tell(TRANSLATION_DELETE, T0 + 5000, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 5001), "");
	assert_int_equal(translation_table_count(table), 1);
}

static void flows_show_what_held_while_they_lasted(void **state)
{
	(void)state;
	show(T0, T0 + 1000, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 1000), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 1001), "");
	show(T0 + 60000, T0 + 90000, ALICE, PUBLIC, SERVER); /* nobody else was there meanwhile */
	assert_string_equal(inside_of(PUBLIC, "", T0 + 30000), ALICE);
	show(T0 - 5000, T0 - 4000, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 - 5000), ALICE);
	assert_int_equal(translation_table_count(table), 1);
	show(T0 + 900000, T0 + 901000, ALICE, PUBLIC,
	     SERVER); /* after longer silence than any keeps */
	assert_string_equal(inside_of(PUBLIC, "", T0 + 600000), "");
	assert_int_equal(translation_table_count(table), 2);
}

/* An event of one end, or of a block, whose record has zeros in the place of the other end. */
static void a_flow_to_nowhere_shows_nothing(void **state)
{
	(void)state;
	show(T0, T0, "10.0.0.1:0", "198.51.100.1:0", "0.0.0.0:0");
	show(T0, T0, "[fd00::1]:5", "[2001:db8::1]:6", "[::]:0");
	assert_int_equal(translation_table_count(table), 0);
}

static void a_flow_of_another_closes_what_is_open(void **state)
{
	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	show(T0 + 100000, T0 + 101000, BOB, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 99999), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 100000), BOB);
	show(T0 + 1000, T0 + 2000, ALICE, PUBLIC, SERVER); /* exported late */
	assert_string_equal(inside_of(PUBLIC, "", T0 + 100000), BOB);
}

/* What comes back, and what comes in to a forwarded port, tell of the same outside end. */
static void both_directions_are_one_mapping(void **state)
{
	struct endpoint server = end_of(SERVER), outside = end_of(PUBLIC), inside = end_of(ALICE);
	struct flow back = {
		.src = server.addr,
		.src_port = server.port,
		.dst = outside.addr,
		.dst_port = outside.port,
		.nat_dst = inside.addr,
		.nat_dst_port = inside.port,
		.start_ms = T0 + 10,
		.end_ms = T0 + 2000,
		.proto = 6,
	};

	(void)state;
	show(T0, T0 + 1000, ALICE, PUBLIC, SERVER);
	translation_table_flow(table, &back);
	assert_int_equal(translation_table_count(table), 1);
	assert_string_equal(inside_of(PUBLIC, SERVER, T0 + 2000), ALICE);
}

static void what_is_not_changed_is_no_translation(void **state)
{
	(void)state;
	show(T0, T0 + 1, ALICE, ALICE, SERVER);
	tell(TRANSLATION_CREATE, T0, ALICE, ALICE, SERVER);
	show(T0, T0 + 1, ALICE, "", SERVER);
	assert_int_equal(translation_table_count(table), 0);
	show(T0, T0 + 1, ALICE, "10.0.0.1:45127", SERVER); /* a port alone */
	assert_int_equal(translation_table_count(table), 1);
}

static void blocks_of_ports_are_found_by_each_of_theirs(void **state)
{
	(void)state;
	tell_block(TRANSLATION_ALLOCATE, T0, "100.64.0.7", "198.51.100.1", 1024, 1535);
	tell_block(TRANSLATION_ALLOCATE, T0, "100.64.0.8", "198.51.100.1", 1536, 2047);
	assert_string_equal(inside_of("198.51.100.1:1023", "", T0), "");
	assert_string_equal(inside_of("198.51.100.1:1024", "", T0), "100.64.0.7:0");
	assert_string_equal(inside_of("198.51.100.1:1535", SERVER, T0), "100.64.0.7:0");
	assert_string_equal(inside_of("198.51.100.1:1536", "", T0), "100.64.0.8:0");
	tell_block(TRANSLATION_RELEASE, T0 + 10, "100.64.0.7", "198.51.100.1", 1024, 1535);
	assert_string_equal(inside_of("198.51.100.1:1100", "", T0 + 11), "");
	tell_block(TRANSLATION_ALLOCATE, T0 + 20, "100.64.0.9", "198.51.100.1", 1800, 2100);
	assert_string_equal(inside_of("198.51.100.1:1900", "", T0 + 20), "100.64.0.9:0");
	assert_string_equal(inside_of("198.51.100.1:1900", "", T0 + 19), "100.64.0.8:0");
}

static void the_bound_holds_and_the_closed_go_first(void **state)
{
	char src[ENDPOINT_TEXT_MAX], nat[ENDPOINT_TEXT_MAX];
	const struct translation_counters *c = translation_table_counters(table);

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(src, sizeof(src), "10.0.0.1:%d", 1000 + i);
		snprintf(nat, sizeof(nat), "198.51.100.1:%d", 1000 + i);
		tell(TRANSLATION_CREATE, T0 + i, src, nat, SERVER);
		if (i == 8 || i == 5) /* closed in this order */
			tell(TRANSLATION_DELETE, T0 + i, src, nat, SERVER);
	}
	assert_int_equal(translation_table_count(table), 16);
	assert_int_equal(c->evicted, 2);
	assert_int_equal(c->evicted_open, 2);
	assert_string_equal(inside_of("198.51.100.1:1005", "", T0 + 5), "");
	assert_string_equal(inside_of("198.51.100.1:1008", "", T0 + 8), "");
	assert_string_equal(inside_of("198.51.100.1:1001", "", T0 + 9), "");
	assert_string_equal(inside_of("198.51.100.1:1002", "", T0 + 9), "10.0.0.1:1002");
	assert_string_equal(inside_of("198.51.100.1:1019", "", T0 + 19), "10.0.0.1:1019");
}

/* A binding holds for anybody; sessions through it do not end it. */
static void sessions_of_one_inside_do_not_contradict_each_other(void **state)
{
	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, "");
	tell(TRANSLATION_CREATE, T0 + 10, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "203.0.113.99:443", T0 + 10), ALICE);
	assert_int_equal(translation_table_counters(table)->reused, 0);
	tell(TRANSLATION_DELETE, T0 + 20, ALICE, PUBLIC, SERVER);
	assert_string_equal(inside_of(PUBLIC, "203.0.113.99:443", T0 + 21), ALICE);
}

static void an_end_may_tell_when_it_began(void **state)
{
	struct translation t = {
		.src = end_of(ALICE),
		.nat_src = end_of(PUBLIC),
		.at_ms = T0 + 5000,
		.since_ms = T0,
		.proto = 6,
		.event = TRANSLATION_DELETE,
	};

	(void)state;
	translation_table_event(table, &t);
	assert_string_equal(inside_of(PUBLIC, "", T0 - 1), "");
	assert_string_equal(inside_of(PUBLIC, "", T0), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 5000), ALICE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 5001), "");
}

/* Who tells of one outside end again and again makes nobody search for long. */
static void one_end_takes_no_more_than_its_share(void **state)
{
	char peer[ENDPOINT_TEXT_MAX];

	(void)state;
	translation_table_free(table);
	table = translation_table_new(4096, 1);
	for (int i = 0; i < 2000; i++) {
		snprintf(peer, sizeof(peer), "203.0.113.1:%d", 1000 + i);
		tell(TRANSLATION_CREATE, T0 + i, ALICE, PUBLIC, peer);
	}
	assert_int_equal(translation_table_count(table), 1024);
	assert_int_equal(translation_table_counters(table)->evicted_open, 2000 - 1024);
	assert_string_equal(inside_of(PUBLIC, "203.0.113.1:2999", T0 + 2000), ALICE);
	assert_string_equal(inside_of(PUBLIC, "203.0.113.1:1000", T0 + 2000), "");
}

/* Outside ends that share a chain by the seed 1. */
static void flood(uint32_t ends)
{
	const uint64_t chain = 77, chains = 4096;
	struct translation t = {.src = end_of(ALICE), .dst = end_of(SERVER), .proto = 6};

	t.event = TRANSLATION_CREATE;
	t.nat_src = end_of(PUBLIC);
	for (uint32_t i = 0; ends > 0; i++) {
		memcpy(t.nat_src.addr.octets + 12, &i, sizeof(i));
		if ((ways_mix(ways_mix_addr(1, &t.nat_src.addr), t.nat_src.port) & (chains - 1)) !=
		    chain)
			continue;
		t.src.port = (uint16_t)ends--; /* nor do they share one inside */
		t.at_ms = T0;
		translation_table_event(table, &t);
	}
}

static void nobody_knows_which_ends_share_a_chain(void **state)
{
	(void)state;

	for (uint64_t seed = 1; seed <= 2; seed++) {
		translation_table_free(table);
		table = translation_table_new(4096, seed);
		flood(1100);
		assert_int_equal(translation_table_counters(table)->evicted_open,
		                 seed == 1 ? 1100 - 1024 : 0);
	}
}

static uint8_t kept[16][TRANSLATION_PACKED_MAX];
static size_t kept_len[16], kept_calls;

static void keep(void *ctx, uint32_t slot, const struct mapping *m)
{
	(void)ctx;
	kept_len[slot] = translation_pack(m, kept[slot]);
	kept_calls++;
}

static void what_is_kept_is_known_again(void **state)
{
	struct mapping m;

	(void)state;
	kept_calls = 0;
	memset(kept_len, 0, sizeof(kept_len));
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	tell(TRANSLATION_CREATE, T0, BOB, "198.51.100.1:40001", SERVER);
	tell_block(TRANSLATION_ALLOCATE, T0, "100.64.0.7", "198.51.100.1", 1024, 1535);
	translation_table_keep(table, 2, keep, NULL);
	assert_int_equal(kept_calls, 2);
	translation_table_keep(table, 16, keep, NULL);
	assert_int_equal(kept_calls, 3);
	tell(TRANSLATION_DELETE, T0 + 7, BOB, "198.51.100.1:40001", SERVER);
	translation_table_keep(table, 16, keep, NULL);
	translation_table_keep(table, 16, keep, NULL);
	assert_int_equal(kept_calls, 4);
	translation_table_free(table);
	table = translation_table_new(16, 1);
	for (uint32_t i = 0; i < 16; i++) {
		if (kept_len[i] == 0)
			continue;
		assert_int_equal(translation_unpack(bytes_of(kept[i], kept_len[i]), &m), ERR_OK);
		assert_int_equal(translation_table_recall(table, i, &m), ERR_OK);
		assert_int_equal(translation_table_recall(table, i, &m), ERR_RANGE);
	}
	assert_int_equal(translation_table_recall(table, 16, &m), ERR_RANGE);
	assert_string_equal(inside_of(PUBLIC, "", T0 + 1000), ALICE);
	assert_string_equal(inside_of("198.51.100.1:40001", "", T0 + 7), BOB);
	assert_string_equal(inside_of("198.51.100.1:40001", "", T0 + 8), "");
	assert_string_equal(inside_of("198.51.100.1:1100", "", T0 + 8), "100.64.0.7:0");
	tell(TRANSLATION_DELETE, T0 + 2000, ALICE, PUBLIC, SERVER); /* it goes on where it was */
	assert_string_equal(inside_of(PUBLIC, "", T0 + 2001), "");
	assert_int_equal(translation_table_count(table), 3);
}

static void count_one(void *ctx, const struct mapping *m)
{
	size_t *counts = ctx;

	counts[m->is_open]++;
}

static void all_of_them_are_told_once(void **state)
{
	size_t counts[2] = {0};

	(void)state;
	translation_table_each(table, count_one, counts);
	assert_int_equal(counts[0] + counts[1], 0);
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	tell(TRANSLATION_CREATE, T0, BOB, "198.51.100.1:40001", SERVER);
	tell(TRANSLATION_DELETE, T0 + 9, ALICE, PUBLIC, SERVER);
	tell_block(TRANSLATION_ALLOCATE, T0, "100.64.0.7", "198.51.100.1", 1024, 1535);
	translation_table_each(table, count_one, counts);
	assert_int_equal(counts[0], 1);
	assert_int_equal(counts[1], 2);
}

/* `count` sessions, one after the other, each of 10 ms. */
static void tell_many(int count, bool is_ended)
{
	char inside[ENDPOINT_TEXT_MAX], outside[ENDPOINT_TEXT_MAX];

	for (int i = 0; i < count; i++) {
		snprintf(inside, sizeof(inside), "10.0.0.9:%d", 1000 + i);
		snprintf(outside, sizeof(outside), "198.51.100.1:%d", 1000 + i);
		tell(TRANSLATION_CREATE, T0 + 1000 * i, inside, outside, SERVER);
		if (is_ended)
			tell(TRANSLATION_DELETE, T0 + 1000 * i + 10, inside, outside, SERVER);
	}
}

static void it_is_known_when_those_held_that_made_way(void **state)
{
	struct interval gone;

	(void)state;
	tell_many(16, true);
	assert_false(translation_table_gone(table, &gone));
	tell_many(19, true); /* the first sixteen come again, as after a duplicate */
	assert_true(translation_table_gone(table, &gone));
	assert_int_equal(gone.start_ms, T0);
	assert_int_equal(gone.end_ms, T0 + 2010);
}

static void what_had_not_ended_may_hold_for_ever(void **state)
{
	struct interval gone;

	(void)state;
	tell_many(17, false);
	assert_true(translation_table_gone(table, &gone));
	assert_int_equal(gone.start_ms, T0);
	assert_int_equal(gone.end_ms, INT64_MAX);
}

static void keep_one(void *ctx, uint32_t slot, const struct mapping *m)
{
	assert_int_equal(slot, 16);
	*(struct mapping *)ctx = *m;
}

/* What says so is kept before all else, however much has changed. */
static void a_restart_does_not_forget_that_some_made_way(void **state)
{
	uint8_t room[TRANSLATION_PACKED_MAX];
	struct mapping m, again;
	struct interval gone;

	(void)state;
	tell_many(18, true);
	translation_table_keep(table, 1, keep_one, &m);
	teardown(state);
	setup(state);
	assert_ok(translation_unpack(bytes_of(room, translation_pack(&m, room)), &again));
	assert_int_equal(translation_table_recall(table, 3, &again), ERR_RANGE);
	assert_false(translation_table_gone(table, &gone));
	assert_int_equal(translation_table_recall(table, 16, &again), ERR_OK);
	assert_true(translation_table_gone(table, &gone));
	assert_int_equal(gone.start_ms, T0);
	assert_int_equal(gone.end_ms, T0 + 1010);
	assert_int_equal(translation_table_count(table), 0);
}

static void what_is_damaged_is_refused(void **state)
{
	struct mapping m;
	size_t len;

	(void)state;
	tell(TRANSLATION_CREATE, T0, ALICE, PUBLIC, SERVER);
	translation_table_keep(table, 16, keep, NULL);
	len = kept_len[0];
	for (size_t i = 0; i < len; i++)
		assert_int_equal(translation_unpack(bytes_of(kept[0], i), &m), ERR_FORMAT);
	kept[0][len] = 0;
	assert_int_equal(translation_unpack(bytes_of(kept[0], len + 1), &m), ERR_FORMAT);
	kept[0][0] = 9; /* another version */
	assert_int_equal(translation_unpack(bytes_of(kept[0], len), &m), ERR_FORMAT);
	kept[0][0] = 1;
	kept[0][len - 8] = 0x80; /* it ends before it begins */
	assert_int_equal(translation_unpack(bytes_of(kept[0], len), &m), ERR_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_interval_is_opened_and_closed),
		TEST(the_other_way_is_answered_too),
		TEST(who_comes_after_closes_who_was_before),
		TEST(one_port_may_lead_to_several_for_different_peers),
		TEST(events_in_the_wrong_order_come_to_the_same),
		TEST(flows_show_what_held_while_they_lasted),
		TEST(a_flow_to_nowhere_shows_nothing),
		TEST(a_flow_of_another_closes_what_is_open),
		TEST(both_directions_are_one_mapping),
		TEST(what_is_not_changed_is_no_translation),
		TEST(blocks_of_ports_are_found_by_each_of_theirs),
		TEST(the_bound_holds_and_the_closed_go_first),
		TEST(sessions_of_one_inside_do_not_contradict_each_other),
		TEST(an_end_may_tell_when_it_began),
		TEST(one_end_takes_no_more_than_its_share),
		TEST(nobody_knows_which_ends_share_a_chain),
		TEST(what_is_kept_is_known_again),
		TEST(all_of_them_are_told_once),
		TEST(it_is_known_when_those_held_that_made_way),
		TEST(what_had_not_ended_may_hold_for_ever),
		TEST(a_restart_does_not_forget_that_some_made_way),
		TEST(what_is_damaged_is_refused),
	};

	return cmocka_run_group_tests_name("flow/translations", tests, NULL, NULL);
}
