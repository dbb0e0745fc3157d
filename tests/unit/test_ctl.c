#include "proto/wire/ctl.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

static uint8_t room[8192];
static char reason[CTL_REASON_MAX];

static enum err parse(const struct pack *p, struct ctl_request *ret)
{
	assert_false(p->out.is_full);
	reason[0] = '\0';
	return ctl_parse(p->out.start, pack_len(p), ret, reason);
}

static struct ctl_request exchange(const struct ctl_request *r)
{
	struct pack p = pack_into(room, sizeof(room));
	struct ctl_request back;

	ctl_pack(&p, r);
	assert_ok(parse(&p, &back));
	return back;
}

static void assert_request(const struct ctl_request *a, const struct ctl_request *b)
{
	assert_int_equal(a->command, b->command);
	assert_true(endpoint_equal(&a->target, &b->target));
	assert_true(endpoint_equal(&a->peer, &b->peer));
	assert_int_equal(a->since_ms, b->since_ms);
	assert_int_equal(a->until_ms, b->until_ms);
	assert_string_equal(a->filter, b->filter);
	assert_string_equal(a->severity, b->severity);
	assert_string_equal(a->by, b->by);
	assert_string_equal(a->sort, b->sort);
	assert_int_equal(a->limit, b->limit);
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->timeout_ms, b->timeout_ms);
	assert_int_equal(a->gap_ms, b->gap_ms);
	assert_int_equal(a->every_ms, b->every_ms);
	assert_int_equal(a->for_ms, b->for_ms);
	assert_int_equal(bytes_left(&a->batch), bytes_left(&b->batch));
	if (bytes_left(&a->batch) > 0)
		assert_memory_equal(a->batch.at, b->batch.at, bytes_left(&a->batch));
}

static struct ctl_request full_request(void)
{
	struct ctl_request r = ctl_request_of(CTL_TRACE);

	assert_ok(endpoint_parse("192.0.2.1:22", &r.target));
	assert_ok(endpoint_parse("[2001:db8::1]:45126", &r.peer));
	r.since_ms = -1;
	r.until_ms = INT64_C(1795309531943);
	memset(r.filter, 'f', sizeof(r.filter) - 1);
	memset(r.severity, 's', sizeof(r.severity) - 1);
	memset(r.by, 'b', sizeof(r.by) - 1);
	memset(r.sort, 'o', sizeof(r.sort) - 1);
	r.limit = UINT64_MAX;
	r.proto = 6;
	r.timeout_ms = 30000;
	r.gap_ms = INT64_MAX / 4;
	r.every_ms = 20000;
	r.for_ms = 3600000;
	r.batch = bytes_of("batch", 5);
	return r;
}

static void every_command_comes_back(void **state)
{
	static const enum ctl_command commands[] = {CTL_STATUS, CTL_PEERS,       CTL_FLOWS,
	                                            CTL_TRACE,  CTL_IMPORT,      CTL_SEAL,
	                                            CTL_STOP,   CTL_TRANSLATIONS};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		struct ctl_request r = ctl_request_of(commands[i]);
		struct ctl_request back = exchange(&r);

		assert_request(&back, &r);
	}
}

static void all_arguments_come_back(void **state)
{
	struct ctl_request r = full_request(), back = exchange(&r);
	(void)state;

	assert_request(&back, &r);
}

static void neutral_arguments_are_not_sent(void **state)
{
	struct ctl_request r = ctl_request_of(CTL_SEAL);
	struct pack p = pack_into(room, sizeof(room));
	(void)state;

	memset(&r.batch, 0xa5, sizeof(r.batch)); /* whatever lies between its members */
	r.batch.at = r.batch.end = NULL;
	r.batch.is_short = false;
	ctl_pack(&p, &r);
	assert_int_equal(pack_len(&p), 13);
	assert_memory_equal(room,
	                    "\x82\xa1v\x01\xa3"
	                    "cmd"
	                    "\xa4seal",
	                    13);
}

/* As somebody asks who was 198.51.100.1:40112 at one instant. */
static void a_question_for_translations_is_so_many_octets(void **state)
{
	static const uint8_t expected[] = "\x85\xa1v\x01\xa3"
					  "cmd\xactranslations\xa6target\xc4\x12"
					  "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc6\x33\x64\x01\x9c\xb0"
					  "\xa5since\xcf\0\0\1\xa2\0\0\0\0"
					  "\xa5until\xcf\0\0\1\xa2\0\0\0\0";
	struct ctl_request r = ctl_request_of(CTL_TRANSLATIONS), back;
	struct pack p = pack_into(room, sizeof(room));

	(void)state;
	assert_ok(endpoint_parse("198.51.100.1:40112", &r.target));
	r.since_ms = r.until_ms = INT64_C(0x1a200000000);
	ctl_pack(&p, &r);
	assert_int_equal(pack_len(&p), sizeof(expected) - 1);
	assert_memory_equal(room, expected, sizeof(expected) - 1);
	assert_ok(parse(&p, &back));
	assert_request(&back, &r);
}

static void every_truncation_is_refused(void **state)
{
	struct ctl_request r = full_request(), back = ctl_request_of(CTL_SEAL);
	struct pack p = pack_into(room, sizeof(room));
	size_t len;
	(void)state;

	ctl_pack(&p, &r);
	len = pack_len(&p);
	for (size_t cut = 0; cut < len; cut++) {
		reason[0] = '\0';
		assert_err(ERR_FORMAT, ctl_parse(room, cut, &back, reason));
		assert_string_not_equal(reason, "");
		assert_int_equal(back.command, CTL_SEAL);
	}
}

static void what_is_refused_is_named(void **state)
{
	/* clang-format off */
	static const struct {
		const char *octets;
		size_t len;
		enum err err;
		const char *reason;
	} rows[] = {
#define ROW(octets, err, reason) {octets, sizeof(octets) - 1, err, reason}
		ROW("", ERR_FORMAT, "request is not a map with a command"),
		ROW("\x80", ERR_FORMAT, "request is not a map with a command"),
		ROW("\x90", ERR_FORMAT, "request is not a map with a command"),
		ROW("\x81\xa1v\x01", ERR_FORMAT, "request is not a map with a command"),
		ROW("\x82\xa1v\x01\xa3" "cmd" "\xa4seal\xc0", ERR_FORMAT,
		    "request is not a map with a command"),
		ROW("\x81\xa3" "cmd" "\xa4seal", ERR_VERSION,
		    "the command line speaks control protocol 0, this node 1"),
		ROW("\x82\xa1v\x02\xa3" "cmd" "\xa4seal", ERR_VERSION,
		    "the command line speaks control protocol 2, this node 1"),
		ROW("\x82\xa1v\x01\xa3" "cmd" "\xa4" "halt", ERR_NOENT, "no such command: halt"),
		ROW("\x82\xa1v\x01\xa3" "cmd\x05", ERR_FORMAT, "argument cmd has no valid value"),
		ROW("\x81\xa3why\x01", ERR_FORMAT, "unknown argument: why"),
		ROW("\x81\xb4" "a_long_argument_name\x01", ERR_FORMAT,
		    "unknown argument: a_long_argument_name"),
		ROW("\x81\xa5limit\xa1x", ERR_FORMAT, "argument limit has no valid value"),
		ROW("\x81\xa5limit\xff", ERR_FORMAT, "argument limit has no valid value"),
		ROW("\x81\xa7timeout\xff", ERR_FORMAT, "argument timeout has no valid value"),
		ROW("\x81\xa3gap\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", ERR_FORMAT,
		    "argument gap has no valid value"),
		ROW("\x81\xa5since\xa1x", ERR_FORMAT, "argument since has no valid value"),
		ROW("\x81\xa6target\xc4\x04\x01\x02\x03\x04", ERR_FORMAT,
		    "argument target has no valid value"),
		ROW("\x81\xa8severity\xb0" "0123456789abcdef", ERR_FORMAT,
		    "argument severity has no valid value"),
		ROW("\x81\xa6" "filter\xa2" "a\0", ERR_FORMAT, "argument filter has no valid value"),
		ROW("\x81\xa5" "batch\xa1x", ERR_FORMAT, "argument batch has no valid value"),
		ROW("\x81\xa1v\xa1" "1", ERR_FORMAT, "argument v has no valid value"),
		ROW("\x81\x05\x05", ERR_FORMAT, "the name of an argument is no short text"),
#undef ROW
	};
	/* clang-format on */
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ctl_request back = ctl_request_of(CTL_SEAL);

		reason[0] = '\0';
		assert_err(rows[i].err, ctl_parse(rows[i].octets, rows[i].len, &back, reason));
		assert_string_equal(reason, rows[i].reason);
		assert_int_equal(back.command, CTL_SEAL);
	}
}

static void arguments_may_come_in_any_order(void **state)
{
	static const char octets[] = "\x83\xa5limit\x07\xa3"
				     "cmd\xa5"
				     "flows\xa1v\x01";
	struct ctl_request back;
	(void)state;

	assert_ok(ctl_parse(octets, sizeof(octets) - 1, &back, reason));
	assert_int_equal(back.command, CTL_FLOWS);
	assert_int_equal(back.limit, 7);
	assert_int_equal(back.since_ms, INT64_MIN);
	assert_int_equal(back.until_ms, INT64_MAX);
}

static struct ctl_datagram datagram_of(uint8_t last, const void *data, size_t len)
{
	struct ctl_datagram d = {.received_ms = INT64_C(1795309531943) - last};

	d.from.addr = addr_from_v4((const uint8_t[]){192, 0, 2, last});
	d.from.port = (uint16_t)(2055 + last);
	d.data = bytes_of(data, len);
	return d;
}

static void a_batch_gives_back_its_datagrams_in_order(void **state)
{
	static const char *const datas[] = {"one", "", "a datagram that is the third"};
	struct octets out = octets_of(room, sizeof(room));
	struct ctl_datagram d;
	struct bytes in;
	(void)state;

	for (uint8_t i = 0; i < ARRAY_LEN(datas); i++) {
		d = datagram_of(i, datas[i], strlen(datas[i]));
		assert_true(ctl_batch_put(&out, &d));
	}
	in = bytes_of(room, octets_len(&out));
	for (uint8_t i = 0; i < ARRAY_LEN(datas); i++) {
		struct ctl_datagram expected = datagram_of(i, datas[i], strlen(datas[i]));

		assert_true(ctl_batch_next(&in, &d));
		assert_int_equal(d.received_ms, expected.received_ms);
		assert_true(endpoint_equal(&d.from, &expected.from));
		assert_int_equal(bytes_left(&d.data), strlen(datas[i]));
		if (bytes_left(&d.data) > 0)
			assert_memory_equal(d.data.at, datas[i], strlen(datas[i]));
	}
	assert_false(ctl_batch_next(&in, &d));
	assert_false(in.is_short);
}

static void a_batch_that_ends_inside_a_datagram_says_so(void **state)
{
	struct octets out = octets_of(room, sizeof(room));
	struct ctl_datagram first = datagram_of(1, "first", 5),
			    second = datagram_of(2, "second", 6);
	size_t whole, len;
	(void)state;

	assert_true(ctl_batch_put(&out, &first));
	whole = octets_len(&out);
	assert_true(ctl_batch_put(&out, &second));
	len = octets_len(&out);
	for (size_t cut = 0; cut < len; cut++) {
		struct bytes in = bytes_of(room, cut);
		struct ctl_datagram d;
		size_t count = 0;

		while (ctl_batch_next(&in, &d))
			count++;
		assert_int_equal(count, cut < whole ? 0 : 1);
		assert_int_equal(in.is_short, cut != 0 && cut != whole);
		assert_false(ctl_batch_next(&in, &d));
	}
}

static void a_datagram_that_does_not_fit_is_not_written(void **state)
{
	static uint8_t large[UINT16_MAX + 1], space[UINT16_MAX + 64];
	struct ctl_datagram d = datagram_of(1, "data", 4);
	struct octets out;
	(void)state;

	for (size_t len = 0; len < 28 + 4; len++) {
		out = octets_of(room, len);
		assert_false(ctl_batch_put(&out, &d));
		assert_int_equal(octets_len(&out), 0);
		assert_false(out.is_full);
	}
	out = octets_of(room, 28 + 4);
	assert_true(ctl_batch_put(&out, &d));
	out = octets_of(space, sizeof(space));
	d.data = bytes_of(large, UINT16_MAX + 1);
	assert_false(ctl_batch_put(&out, &d));
	d.data = bytes_of(large, UINT16_MAX);
	assert_true(ctl_batch_put(&out, &d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_command_comes_back),
		cmocka_unit_test(all_arguments_come_back),
		cmocka_unit_test(neutral_arguments_are_not_sent),
		cmocka_unit_test(a_question_for_translations_is_so_many_octets),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(what_is_refused_is_named),
		cmocka_unit_test(arguments_may_come_in_any_order),
		cmocka_unit_test(a_batch_gives_back_its_datagrams_in_order),
		cmocka_unit_test(a_batch_that_ends_inside_a_datagram_says_so),
		cmocka_unit_test(a_datagram_that_does_not_fit_is_not_written),
	};

	return cmocka_run_group_tests_name("wire/ctl", tests, NULL, NULL);
}
