#include "proto/wire/message.h"
#include "proto/wire/notice.h"
#include "tests/unit/test.h"

#include <string.h>

static struct key_pair member;
static struct id sender;
static uint8_t octets[2048]; /* what bodies borrow */
static uint8_t room[MESSAGE_MAX];

static int start(void **state)
{
	struct seed seed = {{1, 2, 3}};
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	member = key_pair_of(&seed);
	sender = digest("test", "sender", 6);
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	return 0;
}

static struct endpoint endpoint_of(uint8_t last, uint16_t port)
{
	return (struct endpoint){addr_from_v4((const uint8_t[]){192, 0, 2, last}), port};
}

/* Everything that any kind has, each part unlike the others. */
static struct body full_body(void)
{
	struct body b = {
		.nonce = {{1, 2}},
		.echo = {{3, 4}},
		.cert = bytes_of(octets, 300),
		.observed = endpoint_of(1, 7667),
		.after = {{5, 6}},
		.has_more = true,
		.card_count = 3,
		.query = bytes_of(octets + 300, 1100),
		.query_id = {{7, 8}},
		.status = RECEIPT_BUSY,
		.part = 4,
		.parts = 5,
		.chunk = bytes_of(octets + 100, MESSAGE_CHUNK_MAX),
		.page = bytes_of(octets + 100, MESSAGE_CHUNK_MAX),
	};

	for (uint8_t i = 0; i < b.card_count; i++)
		b.cards[i] = (struct card){endpoint_of(i, i), bytes_of(octets + i, 280u + i)};
	return b;
}

static void assert_bytes(struct bytes a, struct bytes b)
{
	assert_int_equal(bytes_left(&a), bytes_left(&b));
	if (bytes_left(&a) > 0)
		assert_memory_equal(a.at, b.at, bytes_left(&a));
}

static struct message exchange(enum message_kind kind, const struct body *body)
{
	size_t len = message_pack(kind, body, &sender, &member, room);
	struct message m;

	assert_true(len > MESSAGE_OVERHEAD);
	assert_ok(message_open(room, len, &m));
	assert_int_equal(m.kind, kind);
	assert_true(id_equal(&m.sender, &sender));
	assert_ok(message_verify(&m, &member.public));
	return m;
}

static void greetings_come_back(void **state)
{
	struct body b = full_body();
	struct message m;
	(void)state;

	m = exchange(MESSAGE_HELLO, &b);
	assert_memory_equal(&m.body.nonce, &b.nonce, sizeof(b.nonce));
	assert_bytes(m.body.cert, b.cert);
	m = exchange(MESSAGE_WELCOME, &b);
	assert_memory_equal(&m.body.nonce, &b.nonce, sizeof(b.nonce));
	assert_memory_equal(&m.body.echo, &b.echo, sizeof(b.echo));
	assert_bytes(m.body.cert, b.cert);
	assert_true(endpoint_equal(&m.body.observed, &b.observed));
	m = exchange(MESSAGE_CONFIRM, &b);
	assert_memory_equal(&m.body.echo, &b.echo, sizeof(b.echo));
}

static void members_come_back(void **state)
{
	struct body b = full_body();
	struct message m;
	(void)state;

	m = exchange(MESSAGE_ASK, &b);
	assert_true(id_equal(&m.body.after, &b.after));
	m = exchange(MESSAGE_MEMBERS, &b);
	assert_true(id_equal(&m.body.after, &b.after));
	assert_true(m.body.has_more);
	assert_int_equal(m.body.card_count, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(endpoint_equal(&m.body.cards[i].endpoint, &b.cards[i].endpoint));
		assert_bytes(m.body.cards[i].cert, b.cards[i].cert);
	}
	b.card_count = 0;
	b.has_more = false;
	m = exchange(MESSAGE_MEMBERS, &b);
	assert_int_equal(m.body.card_count, 0);
	assert_false(m.body.has_more);
}

static void questions_and_answers_come_back(void **state)
{
	struct body b = full_body();
	struct message m;
	(void)state;

	m = exchange(MESSAGE_QUERY, &b);
	assert_bytes(m.body.query, b.query);
	for (int s = 0; s < RECEIPT_STATUS_END; s++) {
		b.status = (enum receipt_status)s;
		m = exchange(MESSAGE_RECEIPT, &b);
		assert_memory_equal(&m.body.query_id, &b.query_id, sizeof(b.query_id));
		assert_int_equal(m.body.status, s);
		assert_int_equal(m.body.part, 4);
	}
	m = exchange(MESSAGE_ANSWER, &b);
	assert_memory_equal(&m.body.query_id, &b.query_id, sizeof(b.query_id));
	assert_int_equal(m.body.part, 4);
	assert_int_equal(m.body.parts, 5);
	assert_bytes(m.body.chunk, b.chunk);
}

static void a_whole_page_of_a_list_fits_and_comes_back(void **state)
{
	struct body b = full_body();
	struct message m;
	(void)state;

	b.page = bytes_of(octets, NOTICE_MAX);
	m = exchange(MESSAGE_NOTICE, &b);
	assert_bytes(m.body.page, b.page);
}

/* Who is not yet known to be where it says must not be sent more than it sent. */
static void no_welcome_is_longer_than_a_hello(void **state)
{
	struct body b = full_body();
	size_t longest;
	(void)state;

	b.cert = bytes_of(octets, CERT_MAX);
	longest = message_pack(MESSAGE_WELCOME, &b, &sender, &member, room);
	assert_true(longest > 0);
	for (size_t len = 0; len <= CERT_MAX; len += 16) {
		b.cert = bytes_of(octets, len);
		assert_true(message_pack(MESSAGE_HELLO, &b, &sender, &member, room) >= longest);
	}
}

static void the_longest_parts_fit_and_longer_ones_do_not(void **state)
{
	struct body b = full_body();
	(void)state;

	b.chunk = bytes_of(octets, MESSAGE_CHUNK_MAX);
	b.part = UINT32_MAX - 1;
	b.parts = UINT32_MAX;
	exchange(MESSAGE_ANSWER, &b);
	b.query = bytes_of(octets, MESSAGE_MAX - MESSAGE_OVERHEAD - 4);
	exchange(MESSAGE_QUERY, &b);
	assert_int_equal(message_pack(MESSAGE_QUERY, &b, &sender, &member, room), MESSAGE_MAX);
	b.query = bytes_of(octets, MESSAGE_MAX - MESSAGE_OVERHEAD - 3);
	assert_int_equal(message_pack(MESSAGE_QUERY, &b, &sender, &member, room), 0);
	b.query = bytes_of(octets, sizeof(octets));
	assert_int_equal(message_pack(MESSAGE_QUERY, &b, &sender, &member, room), 0);
}

static void the_wire_format_must_not_change(void **state)
{
	static const char *const expected[] = {
		"hello faa3f970cd181306",   "welcome 0f404ae7067cf2a2", "confirm db8462344dc20351",
		"ask e5e59d10528988a4",     "members 17e11702c2e6b515", "query 15f32adc18668e9e",
		"receipt 1286285255239028", "answer 4a64f8d0d3c33b49",  "notice a33bd530c8db3fa2",
	};
	struct body b = full_body();
	(void)state;

	for (int kind = MESSAGE_HELLO; kind < MESSAGE_KIND_END; kind++) {
		enum message_kind k = (enum message_kind)kind;
		size_t len = message_pack(k, &b, &sender, &member, room);
		struct id id = digest("test", room, len);
		char text[KEY_FILE_MAX];

		key_file_print(message_kind_text(k), id.octets, 8, text);
		text[strlen(text) - 1] = '\0'; /* its newline */
		assert_string_equal(text, expected[kind - 1]);
	}
}

static void every_flipped_bit_is_refused(void **state)
{
	struct body b = full_body();
	(void)state;

	for (int kind = MESSAGE_HELLO; kind < MESSAGE_KIND_END; kind++) {
		size_t len = message_pack((enum message_kind)kind, &b, &sender, &member, room);
		struct message m;

		for (size_t bit = 0; bit < 8 * len; bit += 41) {
			room[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (message_open(room, len, &m) == ERR_OK)
				assert_err(ERR_AUTH, message_verify(&m, &member.public));
			room[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_ok(message_open(room, len, &m));
		assert_ok(message_verify(&m, &member.public));
	}
}

static void every_truncation_is_refused(void **state)
{
	struct body b = full_body();
	(void)state;

	for (int kind = MESSAGE_HELLO; kind < MESSAGE_KIND_END; kind++) {
		size_t len = message_pack((enum message_kind)kind, &b, &sender, &member, room);
		struct message m;

		for (size_t cut = 0; cut < len; cut++)
			assert_err(ERR_FORMAT, message_open(room, cut, &m));
	}
}

static void another_key_did_not_sign_it(void **state)
{
	struct seed seed = {{9}};
	struct key_pair other = key_pair_of(&seed);
	struct body b = full_body();
	struct message m = exchange(MESSAGE_ASK, &b);
	(void)state;

	assert_err(ERR_AUTH, message_verify(&m, &other.public));
}

static void headers_of_others_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t octet;
		enum err err;
	} rows[] = {
		{0, 'S', ERR_FORMAT},
		{1, 'q', ERR_FORMAT},
		{2, 0, ERR_VERSION},
		{2, 2, ERR_VERSION},
		{3, 0, ERR_FORMAT},
		{3, 255, ERR_FORMAT},
		{3, MESSAGE_KIND_END, ERR_FORMAT},
	};
	static const uint8_t longer[MESSAGE_MAX + 1] = {'s', 'p', 1, 1};
	struct body b = full_body();
	size_t len = message_pack(MESSAGE_CONFIRM, &b, &sender, &member, room);
	struct message m;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t copy[MESSAGE_MAX];

		memcpy(copy, room, len);
		copy[rows[i].at] = rows[i].octet;
		assert_err(rows[i].err, message_open(copy, len, &m));
	}
	assert_err(ERR_FORMAT, message_open(longer, sizeof(longer), &m));
}

/* What a member may well sign, and no message has: each body is put between header and signature.
 */
static void bodies_out_of_bounds_are_refused(void **state)
{
	static const struct {
		const char *label;
		enum message_kind kind;
		const char *body;
		size_t len;
	} rows[] = {
		{"no body", MESSAGE_CONFIRM, "", 0},
		{"a greeting without its padding", MESSAGE_HELLO,
	         "\x93\xc4\x10"
	         "0123456789abcdef"
	         "\xc4\x00\xc4\x00",
	         23},
		{"a map", MESSAGE_CONFIRM, "\x80", 1},
		{"an array too long", MESSAGE_ASK, "\x92\xc0\xc0", 3},
		{"an id too short", MESSAGE_ASK, "\x91\xc4\x01\x00", 4},
		{"a receipt of no known status", MESSAGE_RECEIPT,
	         "\x93\xc4\x10"
	         "0123456789abcdef"
	         "\x05\x00",
	         21},
		{"a part outside its whole", MESSAGE_ANSWER,
	         "\x94\xc4\x10"
	         "0123456789abcdef"
	         "\x05\x05\xc4\x00",
	         23},
		{"no parts at all", MESSAGE_ANSWER,
	         "\x94\xc4\x10"
	         "0123456789abcdef"
	         "\x00\x00\xc4\x00",
	         23},
		{"an odd number of card parts", MESSAGE_MEMBERS,
	         "\x93\xc4\x20"
	         "0123456789abcdef0123456789abcdef"
	         "\xc2\x91\xc0",
	         38},
		{"octets behind the body", MESSAGE_QUERY, "\x91\xc4\x00\xc0", 4},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct octets o = octets_of(room, sizeof(room));
		struct message m;

		octets_put(&o, "sp\1", 3);
		octets_uint(&o, rows[i].kind, 1);
		octets_put(&o, sender.octets, sizeof(sender.octets));
		octets_put(&o, rows[i].body, rows[i].len);
		octets_put(&o, octets, 64);
		print_message("%s\n", rows[i].label);
		assert_err(ERR_FORMAT, message_open(room, octets_len(&o), &m));
	}
}

static void nine_cards_are_too_many(void **state)
{
	struct body b = full_body();
	struct octets o = octets_of(room, sizeof(room));
	struct message m;
	(void)state;

	b.card_count = MESSAGE_CARDS_MAX;
	for (size_t i = 0; i < MESSAGE_CARDS_MAX; i++)
		b.cards[i] = (struct card){endpoint_of(1, 1), bytes_of(octets, 20)};
	m = exchange(MESSAGE_MEMBERS, &b);
	assert_int_equal(m.body.card_count, MESSAGE_CARDS_MAX);

	octets_put(&o, "sp\1\5", 4);
	octets_put(&o, sender.octets, sizeof(sender.octets));
	octets_put(&o, "\x93\xc4\x20", 3);
	octets_put(&o, sender.octets, sizeof(sender.octets));
	octets_put(&o, "\xc2\xdc\x00\x12", 4);
	for (size_t i = 0; i <= MESSAGE_CARDS_MAX; i++)
		octets_put(&o,
		           "\xc4\x12"
		           "0123456789abcdefgh"
		           "\xc4\x00",
		           22);
	octets_put(&o, octets, 64);
	assert_false(o.is_full);
	assert_err(ERR_FORMAT, message_open(room, octets_len(&o), &m));
}

static void kinds_have_names(void **state)
{
	(void)state;

	assert_string_equal(message_kind_text(MESSAGE_HELLO), "hello");
	assert_string_equal(message_kind_text(MESSAGE_ANSWER), "answer");
	assert_string_equal(message_kind_text(MESSAGE_KIND_END), "unknown");
	assert_string_equal(message_kind_text((enum message_kind)0), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greetings_come_back),
		cmocka_unit_test(members_come_back),
		cmocka_unit_test(questions_and_answers_come_back),
		cmocka_unit_test(a_whole_page_of_a_list_fits_and_comes_back),
		cmocka_unit_test(no_welcome_is_longer_than_a_hello),
		cmocka_unit_test(the_longest_parts_fit_and_longer_ones_do_not),
		cmocka_unit_test(the_wire_format_must_not_change),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(another_key_did_not_sign_it),
		cmocka_unit_test(headers_of_others_are_refused),
		cmocka_unit_test(bodies_out_of_bounds_are_refused),
		cmocka_unit_test(nine_cards_are_too_many),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests_name("wire/message", tests, start, NULL);
}
