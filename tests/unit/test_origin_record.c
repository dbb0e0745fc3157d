#include "base/addr.h"
#include "origin/record.h"
#include "tests/unit/test.h"

#include <stddef.h>
#include <string.h>

static void put_addr(uint8_t room[16], const char *text)
{
	struct addr a;

	assert_ok(addr_parse(text, &a));
	memcpy(room, a.octets, sizeof(a.octets));
}

static struct origin_flow flow_of(const char *from, uint16_t sport, const char *to, uint16_t dport,
                                  enum origin_direction direction)
{
	struct origin_flow f = {.sport = sport, .dport = dport, .proto = 6};

	f.direction = (uint8_t)direction;
	f.netns = 4026531840;
	put_addr(f.saddr, from);
	put_addr(f.daddr, to);
	return f;
}

/* The paper's bliss: an ssh whose ancestor logged in from evil connects to final. */
static struct origin_record connect_of_bliss(void)
{
	struct origin_record r = {
		.head = {.length = RECORD_OCTETS,
	                 .major = ORIGIN_ABI_MAJOR,
	                 .kind = ORIGIN_KIND_CONNECT,
	                 .seq = 7,
	                 .time_ns = 0x0102030405060708,
	                 .boot_ns = 99},
		.origin = {.type = ORIGIN_REMOTE, .acceptor_pid = 119, .time_ns = 5},
		.process = {.start_ns = 1, .pid = 131, .tid = 131, .ppid = 130, .comm = "ssh"},
		.user = {.uid = 1000, .gid = 1000, .loginuid = 1000, .session = 1},
	};

	r.flow = flow_of("10.2.0.2", 43540, "10.2.0.3", 22, ORIGIN_OUT);
	r.origin.flow = flow_of("10.1.0.1", 54346, "10.1.0.2", 22, ORIGIN_IN);
	r.root = r.origin.flow;
	return r;
}

static void a_record_comes_back_as_it_was_packed(void **state)
{
	struct origin_record r = connect_of_bliss(), again;
	uint8_t room[RECORD_OCTETS];
	(void)state;

	record_pack(&r, room);
	assert_ok(record_unpack(room, sizeof(room), &again));
	assert_memory_equal(&again, &r, sizeof(r));
}

/* Offsets as docs/ORIGIN.md has them, octets in little-endian whatever the host. */
static void numbers_travel_in_little_endian_at_their_places(void **state)
{
	static const struct {
		size_t at;
		uint8_t octets[8];
		size_t len;
	} rows[] = {
		{0, {0xc0, 0x01}, 2},               /* length */
		{2, {1, ORIGIN_KIND_CONNECT}, 2},   /* major, kind */
		{8, {7}, 8},                        /* seq */
		{16, {8, 7, 6, 5, 4, 3, 2, 1}, 8},  /* time_ns */
		{32 + 12, {10, 2, 0, 2}, 4},        /* flow.saddr */
		{32 + 32, {0x14, 0xaa, 22, 0}, 4},  /* flow.sport, flow.dport */
		{80, {ORIGIN_REMOTE}, 4},           /* origin.type, depth, flags */
		{84, {119}, 4},                     /* origin.acceptor_pid */
		{224 + 12, {10, 1, 0, 1}, 4},       /* root.saddr */
		{296 + 28, {131}, 4},               /* process.pid */
		{368, {0xe8, 0x03, 0, 0, 0xe8}, 5}, /* user.uid, gid */
	};
	struct origin_record r = connect_of_bliss();
	uint8_t room[RECORD_OCTETS];
	(void)state;

	record_pack(&r, room);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_memory_equal(room + rows[i].at, rows[i].octets, rows[i].len);
}

static void no_octet_of_a_record_is_lost_on_its_way(void **state)
{
	uint8_t room[RECORD_OCTETS], again[RECORD_OCTETS];
	struct origin_record r;
	(void)state;

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (uint8_t)(i * 7 + 1);
	/* Nonsense, and said to be; yet every octet stands where it stood. */
	assert_int_not_equal(record_unpack(room, sizeof(room), &r), ERR_OK);
	record_pack(&r, again);
	assert_memory_equal(again, room, sizeof(room));
}

static void a_length_that_is_not_the_formats_is_refused(void **state)
{
	struct origin_record r = connect_of_bliss(), again;
	uint8_t room[RECORD_OCTETS + 1] = {0};
	(void)state;

	record_pack(&r, room);
	for (size_t len = 0; len < RECORD_OCTETS; len++)
		assert_int_equal(record_unpack(room, len, &again), ERR_SHORT);
	assert_int_equal(record_unpack(room, RECORD_OCTETS + 1, &again), ERR_SHORT);
	r.head.length--;
	assert_int_equal(record_check(&r), ERR_SHORT);
}

#define AT(field) offsetof(struct origin_record, field)

static void what_no_provider_can_mean_is_refused_by_its_reason(void **state)
{
	static const struct {
		size_t at; /* of an octet that is changed in a sound record */
		uint8_t value;
		enum err err;
	} rows[] = {
		{AT(head.major), ORIGIN_ABI_MAJOR + 1, ERR_VERSION},
		{AT(head.kind), ORIGIN_KIND_NONE, ERR_VERSION},
		{AT(head.kind), ORIGIN_KIND_COUNT, ERR_VERSION},
		{AT(head.kind), ORIGIN_KIND_START, ERR_FORMAT},  /* with a flow */
		{AT(head.kind), ORIGIN_KIND_LOGIN, ERR_FORMAT},  /* with a flow */
		{AT(head.kind), ORIGIN_KIND_ACCEPT, ERR_RANGE},  /* of what goes out */
		{AT(head.kind), ORIGIN_KIND_RECEIVE, ERR_RANGE}, /* nor is it UDP */
		{AT(flow.direction), 3, ERR_RANGE},
		{AT(flow.direction), ORIGIN_IN, ERR_RANGE},
		{AT(flow.direction), ORIGIN_DIRECTION_NONE, ERR_RANGE},
		{AT(flow.proto), 17, ERR_RANGE}, /* of a CONNECT */
		{AT(flow.proto), 0, ERR_FORMAT}, /* no flow, but ports */
		{AT(flow.reserved), 1, ERR_FORMAT},
		{AT(origin.type), ORIGIN_TYPE_COUNT, ERR_RANGE},
		{AT(origin.type), ORIGIN_LOCAL, ERR_FORMAT}, /* from elsewhere all the same */
		{AT(origin.flow.direction), ORIGIN_OUT, ERR_FORMAT},
		{AT(origin.flow.proto), 0, ERR_FORMAT},
		{AT(last.depth), 1, ERR_FORMAT}, /* of no last accept */
		{AT(root.proto), 0, ERR_FORMAT},
		{AT(root.reserved), 1, ERR_FORMAT},
		{AT(process.comm) + 15, 'x', ERR_FORMAT},
		{AT(process.pid), 0, ERR_FORMAT},
		{AT(tally.packets), 1, ERR_FORMAT}, /* a CONNECT counts nothing */
		{AT(reserved), 1, ERR_FORMAT},
		{AT(reserved) + 55, 1, ERR_FORMAT},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct origin_record r = connect_of_bliss();

		assert_ok(record_check(&r));
		((uint8_t *)&r)[rows[i].at] = rows[i].value;
		assert_int_equal(record_check(&r), rows[i].err);
	}
}

static void each_kind_has_a_sound_form(void **state)
{
	(void)state;

	for (uint8_t kind = ORIGIN_KIND_START; kind < ORIGIN_KIND_COUNT; kind++) {
		struct origin_record r = connect_of_bliss();

		r.head.kind = kind;
		if (kind == ORIGIN_KIND_ACCEPT || kind == ORIGIN_KIND_RECEIVE)
			r.flow.direction = ORIGIN_IN;
		if (kind == ORIGIN_KIND_RECEIVE || kind == ORIGIN_KIND_SEND)
			r.flow.proto = 17;
		if (kind == ORIGIN_KIND_LOST || kind == ORIGIN_KIND_FLOW_END)
			r.tally.packets = 3;
		if (kind <= ORIGIN_KIND_LOST) {
			memset(&r.origin, 0, sizeof(r.origin));
			memset(&r.process, 0, sizeof(r.process));
			memset(&r.root, 0, sizeof(r.root));
		}
		if (kind <= ORIGIN_KIND_LOST || kind == ORIGIN_KIND_LOGIN ||
		    (kind >= ORIGIN_KIND_EXEC && kind <= ORIGIN_KIND_FILE))
			memset(&r.flow, 0, sizeof(r.flow));
		assert_ok(record_check(&r));
		assert_string_not_equal(record_kind_name(kind), "unknown");
	}
	assert_string_equal(record_kind_name(ORIGIN_KIND_NONE), "unknown");
	assert_string_equal(record_kind_name(ORIGIN_KIND_COUNT), "unknown");
	assert_string_equal(record_type_name(ORIGIN_IMPLIED), "implied");
	assert_string_equal(record_type_name(ORIGIN_TYPE_COUNT), "unknown");
}

/* A local process that connects is no secret, and says so with zeroes. */
static void a_local_origin_holds_nothing_else(void **state)
{
	struct origin_record r = connect_of_bliss();
	(void)state;

	memset(&r.origin, 0, sizeof(r.origin));
	r.origin.type = ORIGIN_LOCAL;
	assert_int_equal(record_check(&r), ERR_FORMAT); /* a root without an origin */
	memset(&r.root, 0, sizeof(r.root));
	assert_ok(record_check(&r));
	r.head.kind = ORIGIN_KIND_EXEC;
	memset(&r.flow, 0, sizeof(r.flow));
	assert_int_equal(record_check(&r), ERR_FORMAT); /* that is recorded of the remote alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_comes_back_as_it_was_packed),
		cmocka_unit_test(numbers_travel_in_little_endian_at_their_places),
		cmocka_unit_test(no_octet_of_a_record_is_lost_on_its_way),
		cmocka_unit_test(a_length_that_is_not_the_formats_is_refused),
		cmocka_unit_test(what_no_provider_can_mean_is_refused_by_its_reason),
		cmocka_unit_test(each_kind_has_a_sound_form),
		cmocka_unit_test(a_local_origin_holds_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
