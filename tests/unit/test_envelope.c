#include "proto/wire/envelope.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

#define DOMAIN "test 1"

static struct key_pair pair;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	pair = pair_of(0);
	return 0;
}

/* A body of `len` octets, packed into room[0..room_len). */
static size_t pack_of(size_t len, uint8_t *room, size_t room_len)
{
	static uint8_t body[512];
	struct pack p = pack_into(body, sizeof(body));

	for (size_t i = 0; i < len; i++)
		pack_nil(&p);
	return envelope_pack(&pair, DOMAIN, &p, room, room_len);
}

static void what_was_packed_is_cut_and_its_signature_holds(void **state)
{
	uint8_t room[128];
	struct signature signature;
	struct bytes body;
	size_t len = pack_of(5, room, sizeof(room));
	(void)state;

	assert_int_equal(len, 2 + 5 + 64);
	assert_ok(envelope_cut(room, len, sizeof(room), &body, &signature));
	assert_int_equal(bytes_left(&body), 5);
	assert_ptr_equal(body.at, room + 2);
	assert_ok(verify(&pair.public, DOMAIN, body.at, 5, &signature));
	assert_err(ERR_AUTH, verify(&pair.public, "test 2", body.at, 5, &signature));
}

static void it_is_cut_at_no_length_but_its_own(void **state)
{
	uint8_t room[128];
	struct signature signature;
	struct bytes body;
	size_t whole = pack_of(5, room, sizeof(room));
	(void)state;

	for (size_t len = 0; len <= sizeof(room); len++)
		assert_err(len == whole ? ERR_OK : ERR_FORMAT,
		           envelope_cut(room, len, sizeof(room), &body, &signature));
}

static void one_longer_than_its_reader_takes_is_refused(void **state)
{
	uint8_t room[128];
	struct signature signature;
	struct bytes body;
	size_t len = pack_of(5, room, sizeof(room));
	(void)state;

	assert_ok(envelope_cut(room, len, len, &body, &signature));
	assert_err(ERR_FORMAT, envelope_cut(room, len, len - 1, &body, &signature));
}

static void what_does_not_fit_is_not_packed(void **state)
{
	uint8_t room[600], body[4];
	struct pack full = pack_into(body, sizeof(body));
	(void)state;

	assert_int_equal(pack_of(5, room, 2 + 5 + 64), 2 + 5 + 64);
	assert_int_equal(pack_of(5, room, 2 + 5 + 63), 0);
	pack_uint(&full, UINT64_MAX);
	assert_int_equal(envelope_pack(&pair, DOMAIN, &full, room, sizeof(room)), 0);
}

static void an_empty_body_is_a_body(void **state)
{
	uint8_t room[66];
	struct signature signature;
	struct bytes body;
	(void)state;

	assert_int_equal(pack_of(0, room, sizeof(room)), 66);
	assert_ok(envelope_cut(room, sizeof(room), sizeof(room), &body, &signature));
	assert_int_equal(bytes_left(&body), 0);
	assert_ok(verify(&pair.public, DOMAIN, body.at, 0, &signature));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_cut_and_its_signature_holds),
		cmocka_unit_test(it_is_cut_at_no_length_but_its_own),
		cmocka_unit_test(one_longer_than_its_reader_takes_is_refused),
		cmocka_unit_test(what_does_not_fit_is_not_packed),
		cmocka_unit_test(an_empty_body_is_a_body),
	};

	return cmocka_run_group_tests_name("wire/envelope", tests, start, NULL);
}
