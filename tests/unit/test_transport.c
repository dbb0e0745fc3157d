#include "proto/wire/transport.h"
#include "tests/unit/hand_fixture.h"

#include <string.h>

static struct transport a, b;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	make_session(&a, &b);
	return 0;
}

/* The DATA that `from` would send as its `counter`th. */
static size_t seal_as(struct transport from, uint64_t counter, uint8_t *room)
{
	from.counter = counter;
	return transport_seal(&from, "plain", 5, room);
}

static void data_goes_both_ways(void **state)
{
	struct transport x = a, y = b;
	uint8_t data[PACKET_MAX], plain[PACKET_MAX];
	size_t len, got;
	(void)state;

	for (int i = 0; i < 3; i++) {
		len = transport_seal(&x, "to b", 4, data);
		assert_int_equal(len, 4 + TRANSPORT_OVERHEAD);
		assert_int_equal(packet_kind(data, len), PACKET_DATA);
		assert_int_equal(packet_receiver(data), B_INDEX);
		assert_ok(transport_open(&y, data, len, plain, &got));
		assert_int_equal(got, 4);
		assert_memory_equal(plain, "to b", 4);
		len = transport_seal(&y, "to a", 4, data);
		assert_int_equal(packet_receiver(data), A_INDEX);
		assert_ok(transport_open(&x, data, len, plain, &got));
		assert_memory_equal(plain, "to a", 4);
	}
	assert_int_equal(x.counter, 3);
	assert_int_equal(x.received_end, 3);
}

static void nothing_and_the_most_there_can_be_are_carried(void **state)
{
	struct transport x = a, y = b;
	uint8_t data[PACKET_MAX], plain[PACKET_MAX] = {0}, back[PACKET_MAX];
	size_t got = 1;
	(void)state;

	assert_int_equal(transport_seal(&x, NULL, 0, data), TRANSPORT_OVERHEAD);
	assert_ok(transport_open(&y, data, TRANSPORT_OVERHEAD, back, &got));
	assert_int_equal(got, 0);
	memset(plain, 'x', TRANSPORT_PLAIN_MAX);
	assert_int_equal(transport_seal(&x, plain, TRANSPORT_PLAIN_MAX, data), PACKET_MAX);
	assert_ok(transport_open(&y, data, PACKET_MAX, back, &got));
	assert_int_equal(got, TRANSPORT_PLAIN_MAX);
	assert_memory_equal(back, plain, TRANSPORT_PLAIN_MAX);
	assert_int_equal(transport_seal(&x, plain, TRANSPORT_PLAIN_MAX + 1, data), 0);
	assert_int_equal(x.counter, 2);
}

static void every_flipped_bit_and_truncation_is_refused(void **state)
{
	struct transport y = b;
	uint8_t data[PACKET_MAX], plain[PACKET_MAX];
	size_t len = seal_as(a, 0, data), got;
	(void)state;

	for (size_t bit = 0; bit < 8 * len; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(bit < 8 * PACKET_HEAD ? ERR_FORMAT : ERR_AUTH,
		           transport_open(&y, data, len, plain, &got));
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t short_len = 0; short_len < len; short_len++)
		assert_err(short_len < TRANSPORT_OVERHEAD ? ERR_FORMAT : ERR_AUTH,
		           transport_open(&y, data, short_len, plain, &got));
	assert_memory_equal(&y, &b, sizeof(y)); /* none of them left a trace */
	assert_ok(transport_open(&y, data, len, plain, &got));
}

static void our_own_data_does_not_come_back_to_us(void **state)
{
	struct transport x = a;
	uint8_t data[PACKET_MAX], plain[PACKET_MAX];
	size_t len = seal_as(a, 0, data), got;
	(void)state;

	assert_err(ERR_AUTH, transport_open(&x, data, len, plain, &got));
}

static void a_counter_is_taken_once_and_within_the_window(void **state)
{
	static const struct {
		uint64_t counter;
		enum err expected;
	} rows[] = {
		{0, ERR_OK},
		{0, ERR_STALE},
		{1, ERR_OK},
		{3, ERR_OK},
		{2, ERR_OK}, /* late, and not replayed */
		{2, ERR_STALE},
		{63, ERR_OK},
		{64, ERR_OK},
		{63, ERR_STALE},
		{1023, ERR_OK},
		{0, ERR_STALE},
		{4, ERR_OK},
		{1030, ERR_OK},
		{6, ERR_STALE}, /* 1024 before: the window ends at 7 */
		{7, ERR_OK},
		{7, ERR_STALE},
		{8, ERR_OK},
		{3000, ERR_OK}, /* farther ahead than the window is long */
		{1030, ERR_STALE},
		{1976, ERR_STALE},
		{1977, ERR_OK}, /* its bit was another counter's before */
		{1977, ERR_STALE},
		{2999, ERR_OK},
		{3000, ERR_STALE},
		{UINT64_C(1) << 40, ERR_OK},
		{3001, ERR_STALE},
		{(UINT64_C(1) << 40) - 1023, ERR_OK},
		{(UINT64_C(1) << 40) - 1024, ERR_STALE},
		{TRANSPORT_COUNTER_END - 1, ERR_OK},
		{TRANSPORT_COUNTER_END - 1, ERR_STALE},
	};
	struct transport y = b;
	uint8_t data[PACKET_MAX], plain[PACKET_MAX];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = seal_as(a, rows[i].counter, data), got;

		assert_err(rows[i].expected, transport_open(&y, data, len, plain, &got));
	}
}

/* Against a list of all that was taken: the simplest window there is. */
static void the_window_agrees_with_a_plain_list(void **state)
{
	enum { COUNTERS = 6000 };
	static bool taken[COUNTERS];
	struct transport y = b;
	uint8_t data[PACKET_MAX], plain[PACKET_MAX];
	uint64_t end = 0, at = 0, step = 12345;
	(void)state;

	for (int i = 0; i < 20000 && end < COUNTERS - 100; i++) {
		size_t len, got;
		bool is_new;

		step = step * UINT64_C(6364136223846793005) + 1442695040888963407;
		/* Mostly about the end, at times as far back as the window reaches, or farther. */
		at = end + (step >> 33) % 8;
		at -= MIN(at, (step >> 40) % ((step >> 60) == 0 ? 1200 : 12));
		is_new = (at >= end || end - at <= TRANSPORT_WINDOW) && !taken[at];
		len = seal_as(a, at, data);
		assert_err(is_new ? ERR_OK : ERR_STALE, transport_open(&y, data, len, plain, &got));
		taken[at] = true;
		end = MAX(end, at + 1);
	}
	assert_true(end > 2 * TRANSPORT_WINDOW);
}

static void a_key_that_has_sealed_its_last_seals_no_more(void **state)
{
	struct transport x = a;
	uint8_t data[PACKET_MAX];
	(void)state;

	x.counter = TRANSPORT_COUNTER_END - 1;
	assert_int_equal(transport_seal(&x, "plain", 5, data), 5 + TRANSPORT_OVERHEAD);
	assert_int_equal(transport_seal(&x, "plain", 5, data), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(data_goes_both_ways),
		cmocka_unit_test(nothing_and_the_most_there_can_be_are_carried),
		cmocka_unit_test(every_flipped_bit_and_truncation_is_refused),
		cmocka_unit_test(our_own_data_does_not_come_back_to_us),
		cmocka_unit_test(a_counter_is_taken_once_and_within_the_window),
		cmocka_unit_test(the_window_agrees_with_a_plain_list),
		cmocka_unit_test(a_key_that_has_sealed_its_last_seals_no_more),
	};

	return cmocka_run_group_tests_name("wire/transport", tests, start, NULL);
}
