#include "base/prng.h"
#include "proto/flow/repeat.h"
#include "proto/flow/sequence.h"
#include "tests/unit/test.h"

#include <string.h>

#define BOOT_MS INT64_C(1795309531943)

#define SEQUENCE_DUPLICATE ((enum sequence)(SEQUENCE_TWIN + 1))

/* As a decoder does: equal arguments are equal octets. */
static enum sequence account(struct stream *s, uint32_t seq, uint32_t count, int64_t boot_ms)
{
	uint64_t octets[] = {seq, count, (uint64_t)boot_ms};

	if (repeat_check(s, bytes_of(octets, sizeof(octets)),
	                 s->datagrams > 0 && seq == s->run.next))
		return SEQUENCE_DUPLICATE;
	return sequence_account(s, seq, count, boot_ms);
}

struct step {
	uint32_t seq, count;
	int64_t boot_later_ms;
	enum sequence expected;
	uint64_t lost; /* after it */
};

static const char *sequence_text(enum sequence s)
{
	static const char *const texts[] = {"next", "gap", "late", "restart", "twin", "duplicate"};

	return texts[s];
}

static struct stream run(const struct step *steps, size_t count)
{
	struct stream s = {.datagrams = 0};

	for (size_t i = 0; i < count; i++) {
		enum sequence got =
			account(&s, steps[i].seq, steps[i].count, BOOT_MS + steps[i].boot_later_ms);

		print_message("step %zu: seq %u count %u\n", i, steps[i].seq, steps[i].count);
		assert_string_equal(sequence_text(got), sequence_text(steps[i].expected));
		assert_int_equal(s.lost, steps[i].lost);
	}
	assert_int_equal(s.datagrams, count);
	return s;
}

static void in_order_nothing_is_lost_wherever_it_begins(void **state)
{
	static const struct step steps[] = {
		{4000000000, 30, 0, SEQUENCE_NEXT, 0},
		{4000000030, 1, 0, SEQUENCE_NEXT, 0},
		{4000000031, 7, 0, SEQUENCE_NEXT, 0},
	};
	struct stream s;
	(void)state;

	s = run(steps, ARRAY_LEN(steps));
	assert_int_equal(s.run.next, 4000000038);
	assert_int_equal(s.late + s.duplicates + s.restarts, 0);
}

static void a_gap_is_lost_in_its_own_unit(void **state)
{
	static const struct step steps[] = {
		{0, 30, 0, SEQUENCE_NEXT, 0},
		{240690, 30, 0, SEQUENCE_GAP, 240660},
		{240720, 30, 0, SEQUENCE_NEXT, 240660},
		{240751, 30, 0, SEQUENCE_GAP, 240661},
	};
	(void)state;

	run(steps, ARRAY_LEN(steps));
}

static void a_late_datagram_takes_its_loss_back(void **state)
{
	static const struct step whole[] = {
		{0, 10, 0, SEQUENCE_NEXT, 0},       {20, 10, 0, SEQUENCE_GAP, 10},
		{10, 10, 0, SEQUENCE_LATE, 0},      {30, 10, 0, SEQUENCE_NEXT, 0},
		{10, 10, 0, SEQUENCE_DUPLICATE, 0},
	};
	static const struct step head[] = {
		{0, 10, 0, SEQUENCE_NEXT, 0},   {40, 10, 0, SEQUENCE_GAP, 30},
		{10, 10, 0, SEQUENCE_LATE, 20}, {10, 10, 0, SEQUENCE_DUPLICATE, 20},
		{20, 20, 0, SEQUENCE_LATE, 0},
	};
	static const struct step tail[] = {
		{0, 10, 0, SEQUENCE_NEXT, 0},   {40, 10, 0, SEQUENCE_GAP, 30},
		{30, 10, 0, SEQUENCE_LATE, 20}, {30, 10, 0, SEQUENCE_DUPLICATE, 20},
		{10, 20, 0, SEQUENCE_LATE, 0},
	};
	static const struct step middle[] = {
		{0, 10, 0, SEQUENCE_NEXT, 0},   {40, 10, 0, SEQUENCE_GAP, 30},
		{20, 10, 0, SEQUENCE_LATE, 20}, {20, 10, 0, SEQUENCE_DUPLICATE, 20},
		{30, 10, 0, SEQUENCE_LATE, 10}, {10, 10, 0, SEQUENCE_LATE, 0},
	};
	static const struct step overlapping[] = {
		{0, 10, 0, SEQUENCE_NEXT, 0},
		{40, 10, 0, SEQUENCE_GAP, 30},
		{35, 10, 0, SEQUENCE_LATE, 30}, /* half of it was seen: believe none */
		{5, 10, 0, SEQUENCE_LATE, 30},
	};
	(void)state;

	assert_int_equal(run(whole, ARRAY_LEN(whole)).late, 1);
	assert_int_equal(run(head, ARRAY_LEN(head)).late, 2);
	assert_int_equal(run(tail, ARRAY_LEN(tail)).late, 2);
	assert_int_equal(run(middle, ARRAY_LEN(middle)).late, 3);
	assert_int_equal(run(overlapping, ARRAY_LEN(overlapping)).late, 2);
}

/* The wide gap's slot is the next in turn when its middle arrives: nothing of it may go. */
static void a_split_gap_keeps_both_ends_while_there_is_room(void **state)
{
	struct stream s = {.datagrams = 0};
	uint32_t seq = 100;
	(void)state;

	account(&s, 0, 10, BOOT_MS);
	assert_int_equal(account(&s, seq, 10, BOOT_MS), SEQUENCE_GAP); /* 10..100 */
	for (int i = 0; i < STREAM_GAPS - 1; i++) {
		seq += 20;
		assert_int_equal(account(&s, seq, 10, BOOT_MS), SEQUENCE_GAP);
		assert_int_equal(account(&s, seq - 10, 10, BOOT_MS), SEQUENCE_LATE);
	}
	assert_int_equal(s.lost, 90);
	assert_int_equal(account(&s, 50, 10, BOOT_MS), SEQUENCE_LATE);
	assert_int_equal(account(&s, 60, 40, BOOT_MS), SEQUENCE_LATE);
	assert_int_equal(account(&s, 10, 40, BOOT_MS), SEQUENCE_LATE);
	assert_int_equal(s.lost, 0);
}

static void the_oldest_of_too_many_gaps_is_forgotten(void **state)
{
	struct stream s = {.datagrams = 0};
	(void)state;

	account(&s, 0, 10, BOOT_MS);
	for (uint32_t i = 1; i <= STREAM_GAPS + 1; i++)
		account(&s, 20 * i, 10, BOOT_MS);
	assert_int_equal(s.lost, 10 * (STREAM_GAPS + 1));
	assert_int_equal(account(&s, 10, 10, BOOT_MS), SEQUENCE_LATE);
	assert_int_equal(s.lost, 10 * (STREAM_GAPS + 1));
	for (uint32_t i = 1; i <= STREAM_GAPS; i++)
		assert_int_equal(account(&s, 20 * i + 10, 10, BOOT_MS), SEQUENCE_LATE);
	assert_int_equal(s.lost, 10);
}

static void duplicates_are_told_from_loss_and_restart(void **state)
{
	static const struct step steps[] = {
		{70000, 30, 0, SEQUENCE_NEXT, 0},
		{70000, 30, 0, SEQUENCE_DUPLICATE, 0},
		{70030, 30, 0, SEQUENCE_NEXT, 0},
		{70000, 30, 0, SEQUENCE_DUPLICATE, 0},
		{70060, 30, 0, SEQUENCE_NEXT, 0},
		{4554, 30, 0, SEQUENCE_LATE, 0}, /* 65536 behind: not a restart yet */
	};
	struct stream s;
	(void)state;

	s = run(steps, ARRAY_LEN(steps));
	assert_int_equal(s.duplicates, 2);
	assert_int_equal(s.late, 1);
	assert_int_equal(s.restarts, 0);
}

static void a_later_boot_with_a_sequence_that_does_not_follow_is_a_restart(void **state)
{
	static const struct step steps[] = {
		{5000, 30, 0, SEQUENCE_NEXT, 0},
		{0, 30, 60000, SEQUENCE_RESTART, 0},
		{30, 30, 60000, SEQUENCE_NEXT, 0},
		{90, 30, 60000, SEQUENCE_GAP, 30},
		{7, 30, 120000, SEQUENCE_RESTART, 30}, /* what was lost stays lost */
		{60, 30, 120000, SEQUENCE_GAP, 53},    /* and its gaps are of another sequence */
		{90, 30, 121000, SEQUENCE_NEXT, 53},   /* a clock that was set, not a boot */
		{130, 30, 121900, SEQUENCE_GAP, 63},   /* jitter of less than a second */
		{999999, 30, 240000, SEQUENCE_RESTART, 63},
	};
	(void)state;

	assert_int_equal(run(steps, ARRAY_LEN(steps)).restarts, 3);
}

static void a_sequence_far_behind_is_a_restart_even_without_a_boot_time(void **state)
{
	static const struct step steps[] = {
		{70000, 30, 0, SEQUENCE_NEXT, 0},    {70130, 30, 0, SEQUENCE_GAP, 100},
		{0, 30, 0, SEQUENCE_RESTART, 100},   {30, 30, 0, SEQUENCE_NEXT, 100},
		{70030, 30, 0, SEQUENCE_GAP, 70070}, /* no longer the old gap's */
	};
	(void)state;

	assert_int_equal(run(steps, ARRAY_LEN(steps)).restarts, 1);
}

static void the_sequence_wraps_at_two_to_the_thirty_second(void **state)
{
	static const struct step steps[] = {
		{UINT32_MAX - 39, 30, 0, SEQUENCE_NEXT, 0},
		{UINT32_MAX - 9, 30, 0, SEQUENCE_NEXT, 0}, /* ends at 20 */
		{20, 30, 0, SEQUENCE_NEXT, 0},
		{UINT32_MAX - 9, 30, 0, SEQUENCE_DUPLICATE, 0},
	};
	static const struct step gap_across[] = {
		{UINT32_MAX - 39, 10, 0, SEQUENCE_NEXT, 0}, /* ends at -30 */
		{30, 10, 0, SEQUENCE_GAP, 60},
		{UINT32_MAX - 9, 20, 0, SEQUENCE_LATE, 40}, /* -10..10, the middle */
		{10, 20, 0, SEQUENCE_LATE, 20},
		{UINT32_MAX - 29, 20, 0, SEQUENCE_LATE, 0},
	};
	(void)state;

	run(steps, ARRAY_LEN(steps));
	run(gap_across, ARRAY_LEN(gap_across));
}

#define DATAGRAMS 400

struct sent {
	uint32_t seq, count;
	uint64_t arrives; /* its place in the order of arrival */
	bool is_dropped;
};

/* The first comes first and the last comes last, both always: what they frame must be exact. */
static uint64_t send(struct prng *p, uint64_t window, struct sent sent[DATAGRAMS])
{
	uint32_t seq = (uint32_t)prng_next(p);
	uint64_t missing = 0;

	for (size_t i = 0; i < DATAGRAMS; i++) {
		bool is_inner = i > 0 && i + 1 < DATAGRAMS;
		uint32_t count = 1 + (uint32_t)prng_below(p, 30);

		sent[i] = (struct sent){.seq = seq, .count = count, .arrives = DATAGRAMS * i};
		if (i + 1 == DATAGRAMS)
			sent[i].arrives = UINT64_MAX;
		else if (is_inner)
			sent[i].arrives += DATAGRAMS * prng_below(p, window) + 1;
		sent[i].is_dropped = is_inner && prng_below(p, 10) == 0;
		missing += sent[i].is_dropped ? count : 0;
		seq += count;
	}
	return missing;
}

/* Insertion sort: stable, and nearly all is in order. */
static void order(struct sent sent[DATAGRAMS])
{
	for (size_t i = 1; i < DATAGRAMS; i++) {
		struct sent moved = sent[i];
		size_t at = i;

		for (; at > 0 && sent[at - 1].arrives > moved.arrives; at--)
			sent[at] = sent[at - 1];
		sent[at] = moved;
	}
}

static void what_never_came_is_lost_and_nothing_else(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 300; seed++) {
		struct prng p = {seed};
		struct sent sent[DATAGRAMS];
		uint64_t missing = send(&p, 1 + seed % (STREAM_GAPS + 4), sent);
		struct stream s = {.datagrams = 0};

		order(sent);
		for (size_t i = 0; i < DATAGRAMS; i++) {
			enum sequence got;

			if (sent[i].is_dropped)
				continue;
			got = account(&s, sent[i].seq, sent[i].count, BOOT_MS);
			if (got == SEQUENCE_DUPLICATE || got == SEQUENCE_RESTART)
				fail_msg("seed %d: datagram %zu is a %s", (int)seed, i,
				         sequence_text(got));
		}
		assert_int_equal(s.lost, missing);
	}
}

static void a_datagram_that_comes_twice_changes_no_loss(void **state)
{
	(void)state;

	for (uint64_t seed = 0; seed < 50; seed++) {
		struct prng p = {seed};
		struct sent sent[DATAGRAMS];
		uint64_t missing = send(&p, 4, sent), twice = 0;
		struct stream s = {.datagrams = 0};

		order(sent);
		for (size_t i = 0; i < DATAGRAMS; i++) {
			if (sent[i].is_dropped)
				continue;
			account(&s, sent[i].seq, sent[i].count, BOOT_MS);
			if (prng_below(&p, 3) != 0)
				continue;
			twice++;
			assert_int_equal(account(&s, sent[i].seq, sent[i].count, BOOT_MS),
			                 SEQUENCE_DUPLICATE);
		}
		assert_int_equal(s.lost, missing);
		assert_int_equal(s.duplicates, twice);
	}
}

/* Where numbers tell nothing every octet does; else those of the head and the tail. */
static void datagrams_that_differ_are_no_repeats(void **state)
{
	static uint8_t wire[1464];
	const struct bytes all = bytes_of(wire, sizeof(wire));
	uint64_t whole, sampled;
	struct prng p = {3};
	(void)state;

	prng_fill(&p, wire, sizeof(wire));
	whole = repeat_digest(all, true);
	sampled = repeat_digest(all, false);
	for (size_t i = 0; i < sizeof(wire); i++) {
		wire[i] ^= 1;
		assert_true(repeat_digest(all, true) != whole);
		if (i < 32 || i >= sizeof(wire) - 32)
			assert_true(repeat_digest(all, false) != sampled);
		wire[i] ^= 1;
	}
	assert_true(repeat_digest(all, true) == whole);
	for (size_t len = 1; len < sizeof(wire); len++)
		assert_true(repeat_digest(bytes_of(wire, len), true) !=
		            repeat_digest(bytes_of(wire, len - 1), true));
}

static struct stream_key key_of(uint16_t port, uint32_t domain, uint16_t version)
{
	return (struct stream_key){
		.from = {.addr = addr_from_v4((const uint8_t[]){192, 0, 2, 1}), .port = port},
		.domain = domain,
		.version = version,
	};
}

static void count_stream(void *ctx, const struct stream *s)
{
	size_t *count = ctx;

	assert_int_not_equal(s->serial, 0);
	++*count;
}

static void every_part_of_the_key_makes_a_stream(void **state)
{
	const struct stream_key keys[] = {
		key_of(2000, 1, 5), key_of(2001, 1, 5),       key_of(2000, 2, 5),
		key_of(2000, 1, 9), key_of(2000, 0x10000, 5),
	};
	struct stream_table *t = stream_table_new(64, 0, NULL, NULL);
	struct stream_key elsewhere = keys[0];
	size_t count = 0;
	(void)state;

	elsewhere.from.addr.octets[15] = 2;
	assert_non_null(t);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		struct stream *s = stream_of(t, &keys[i]);

		assert_int_equal(s->flows, 0);
		s->flows = i + 1;
	}
	stream_of(t, &elsewhere)->flows = 99;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		assert_int_equal(stream_of(t, &keys[i])->flows, i + 1);
	stream_each(t, count_stream, &count);
	assert_int_equal(count, ARRAY_LEN(keys) + 1);
	stream_table_free(t);
}

/* Eight streams fill the smallest table; a ninth takes the place of the longest unseen. */
static void a_full_table_forgets_the_longest_unseen(void **state)
{
	static const int64_t seen[] = {50, 20, 80, 10, 70, 30, 60, 40};
	struct stream_table *t = stream_table_new(1, 0, NULL, NULL);
	struct stream_key key;
	size_t count = 0;
	struct stream *s;
	(void)state;

	assert_non_null(t);
	for (uint16_t i = 0; i < ARRAY_LEN(seen); i++) {
		key = key_of(i, 0, 5);
		s = stream_of(t, &key);
		s->seen_ms = seen[i];
		s->lost = 7;
	}
	key = key_of(100, 0, 5);
	s = stream_of(t, &key);
	assert_int_equal(s->key.from.port, 100);
	assert_int_equal(s->lost, 0); /* nothing of whom it replaced */
	s->seen_ms = 90;
	stream_each(t, count_stream, &count);
	assert_int_equal(count, ARRAY_LEN(seen));
	for (uint16_t i = 0; i < ARRAY_LEN(seen); i++) {
		key = key_of(i, 0, 5);
		if (seen[i] > 20) /* 10 went; asking for it would push out 20 */
			assert_int_equal(stream_of(t, &key)->lost, 7);
	}
	stream_table_free(t);
}

static void note_port(void *ctx, const struct stream *s)
{
	uint64_t *bits = ctx;

	*bits |= UINT64_C(1) << s->key.from.port;
}

/* Of 40 streams for whom there is room for 32: bit i, the i-th is held. */
static uint64_t held(uint64_t seed)
{
	struct stream_table *t = stream_table_new(32, seed, NULL, NULL);
	uint64_t bits = 0;

	for (uint16_t i = 0; i < 40; i++) {
		struct stream_key key = key_of(i, 0, 5);

		stream_of(t, &key)->seen_ms = i;
	}
	stream_each(t, note_port, &bits);
	stream_table_free(t);
	return bits;
}

static void nobody_outside_can_know_whom_he_puts_out(void **state)
{
	uint64_t first = held(0), differ = 0;
	(void)state;

	for (uint64_t seed = 0; seed < 20; seed++) {
		assert_int_equal(held(seed), held(seed));
		differ += held(seed) != first;
	}
	assert_true(differ > 15);
}

static void a_flood_of_keys_stays_within_the_table(void **state)
{
	struct stream_table *t = stream_table_new(100, 0, NULL, NULL);
	size_t count = 0;
	(void)state;

	assert_non_null(t);
	for (uint32_t i = 0; i < 20000; i++) {
		struct stream_key key = key_of((uint16_t)i, i / 7, 5);

		stream_of(t, &key)->seen_ms = i;
	}
	stream_each(t, count_stream, &count);
	assert_int_equal(count, 128);
	stream_table_free(t);
	stream_table_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_nothing_is_lost_wherever_it_begins),
		cmocka_unit_test(a_gap_is_lost_in_its_own_unit),
		cmocka_unit_test(a_late_datagram_takes_its_loss_back),
		cmocka_unit_test(a_split_gap_keeps_both_ends_while_there_is_room),
		cmocka_unit_test(the_oldest_of_too_many_gaps_is_forgotten),
		cmocka_unit_test(duplicates_are_told_from_loss_and_restart),
		cmocka_unit_test(a_later_boot_with_a_sequence_that_does_not_follow_is_a_restart),
		cmocka_unit_test(a_sequence_far_behind_is_a_restart_even_without_a_boot_time),
		cmocka_unit_test(the_sequence_wraps_at_two_to_the_thirty_second),
		cmocka_unit_test(what_never_came_is_lost_and_nothing_else),
		cmocka_unit_test(a_datagram_that_comes_twice_changes_no_loss),
		cmocka_unit_test(datagrams_that_differ_are_no_repeats),
		cmocka_unit_test(every_part_of_the_key_makes_a_stream),
		cmocka_unit_test(a_full_table_forgets_the_longest_unseen),
		cmocka_unit_test(a_flood_of_keys_stays_within_the_table),
		cmocka_unit_test(nobody_outside_can_know_whom_he_puts_out),
	};

	return cmocka_run_group_tests_name("flow/stream", tests, NULL, NULL);
}
