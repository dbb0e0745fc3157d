/*
 * The vectors of docs/PROTOCOL.md: what is made of fixed seeds is, octet for octet, what stands in
 * tests/data/vectors.txt, and what stands there is taken. The document's table is held to it too.
 *
 *   test_vectors --print     what is made, as that file has it
 *   test_vectors --table     the document's table
 */
#include "tests/unit/vectors_fixture.h"

#include <sodium.h>

#define ROW_MAX (2 * PACKET_MAX + NAME_MAX + 2)
#define EXCERPT 12 /* octets of each in the document */

static struct vectors stored;
static char documented[VECTORS_MAX][2 * NAME_MAX + 2 * EXCERPT + 16];
static size_t documented_count;

static const struct wall noon = {NOON};
static struct roots roots;

/* Of the file; its octets are what is opened. */
static struct vector *of_file(const char *name)
{
	size_t i = 0;

	while (i < stored.count && strcmp(stored.of[i].name, name) != 0)
		i++;
	if (i == stored.count)
		fail_msg("tests/data/vectors.txt has no %s", name);
	return &stored.of[i];
}

static struct bytes bytes_of_file(const char *name)
{
	const struct vector *v = of_file(name);

	return bytes_of(v->octets, v->len);
}

static const char *hex(const void *octets, size_t len, char *room)
{
	return sodium_bin2hex(room, 2 * len + 1, octets, len);
}

/* A row of the document's table. */
static void print_row(const struct vector *v, char *room, size_t len)
{
	char text[2 * EXCERPT + 1];

	snprintf(room, len, "| `%s` | %zu | `%s%s` |", v->name, v->len,
	         hex(v->octets, MIN(v->len, EXCERPT), text), v->len > EXCERPT ? "..." : "");
}

static void read_file(void)
{
	FILE *f = fopen(SPOOR_DATA "/vectors.txt", "r");
	static char line[ROW_MAX];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		struct vector *v = &stored.of[stored.count];
		char *space = strchr(line, ' ');

		if (line[0] == '#')
			continue;
		assert_true(stored.count < VECTORS_MAX && space != NULL &&
		            (size_t)(space - line) < NAME_MAX);
		memcpy(v->name, line, (size_t)(space - line));
		assert_int_equal(sodium_hex2bin(v->octets, sizeof(v->octets), space + 1,
		                                strcspn(space + 1, "\n"), NULL, &v->len, NULL),
		                 0);
		stored.count++;
	}
	fclose(f);
}

static void read_document(void)
{
	FILE *f = fopen(SPOOR_DATA "/../../docs/PROTOCOL.md", "r");
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t len = strcspn(line, "\n");
		int end = 0;

		/* Rows of a name, a length and octets: no other table has them. */
		(void)sscanf(line, "| `%*[a-z0-9-]` | %*u | `%*[0-9a-f]%n", &end);
		if (end == 0)
			continue;
		assert_true(documented_count < VECTORS_MAX && len < sizeof(documented[0]));
		memcpy(documented[documented_count++], line, len);
	}
	fclose(f);
}

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	make_all();
	read_file();
	read_document();
	roots = (struct roots){.keys = {root.public}, .count = 1};
	return 0;
}

static void what_is_made_is_what_stands_in_the_file(void **state)
{
	(void)state;

	for (size_t i = 0; i < made.count; i++) {
		const struct vector *v = of_file(made.of[i].name);

		if (v->len != made.of[i].len || memcmp(v->octets, made.of[i].octets, v->len) != 0)
			fail_msg("%s has changed", v->name);
	}
	assert_int_equal(stored.count, made.count);
}

static void the_document_says_the_same(void **state)
{
	(void)state;

	assert_int_equal(documented_count, stored.count);
	for (size_t i = 0; i < stored.count; i++) {
		char row[sizeof(documented[0])];

		print_row(&stored.of[i], row, sizeof(row));
		assert_string_equal(documented[i], row);
	}
}

static void cards_are_taken(void **state)
{
	struct bytes packed = bytes_of_file("a-card"), cert, record;
	struct card card;
	(void)state;

	assert_ok(card_cut(&packed, &cert, &record));
	assert_int_equal(bytes_left(&packed), 0);
	assert_ok(card_open(cert, record, &roots, noon, &card));
	assert_memory_equal(&card.id, of_file("a-id")->octets, sizeof(card.id));
	assert_memory_equal(&card.record.sign, of_file("a-sign-key")->octets, 32);
	assert_memory_equal(&card.record.kx, of_file("a-kx-key")->octets, 32);
	assert_memory_equal(&card.cert.member, of_file("a-identity-key")->octets, 32);
	assert_ok(card_open(bytes_of_file("b-certificate"), bytes_of_file("b-record"), &roots, noon,
	                    &card));
	assert_memory_equal(&card.id, of_file("b-id")->octets, sizeof(card.id));
}

static void pages_of_a_list_are_taken(void **state)
{
	const struct vector *pages[] = {of_file("notice-page-0"), of_file("notice-page-1")};
	struct notice n;
	(void)state;

	for (uint16_t i = 0; i < 2; i++) {
		assert_ok(notice_open(pages[i]->octets, pages[i]->len, &n));
		assert_memory_equal(&n.head.root, of_file("root-key")->octets, 32);
		assert_int_equal(n.head.page, i);
		assert_int_equal(n.head.pages, 2);
	}
	assert_int_equal(n.entries[0].kind, NOTICE_ENDORSE);
}

static void the_question_and_what_is_said_to_it_are_taken(void **state)
{
	const struct vector *q = of_file("query"), *busy = of_file("receipt-busy");
	struct vector sealed = *of_file("answer-sealed");
	struct answer read;
	struct query opened;
	struct receipt r;
	struct bytes plain;
	(void)state;

	assert_ok(query_open(q->octets, q->len, &opened));
	assert_ok(query_verify(q->octets, q->len, &a.card.record.sign));
	assert_memory_equal(&opened.id, of_file("query-id")->octets, sizeof(opened.id));
	assert_int_equal(opened.number, 7);
	assert_ok(receipt_open(busy->octets, busy->len, &b.card.record.sign, &r));
	assert_int_equal(r.kind, RECEIPT_BUSY);
	assert_int_equal(r.retry_after_ms, 2000);
	assert_ok(answer_open(sealed.octets, sealed.len, &opened, &reply_secret, &b.card.id,
	                      &b.card.record.sign, &read, &plain));
	assert_int_equal(bytes_left(&plain), of_file("answer")->len);
	assert_memory_equal(plain.at, of_file("answer")->octets, bytes_left(&plain));
	assert_int_equal(read.findings[0].silences, 12);
}

static void every_kind_of_frame_is_taken(void **state)
{
	static struct frame f;
	uint8_t room[FRAME_MAX];
	(void)state;

	for (enum frame_kind kind = FRAME_PING; kind < FRAME_KIND_END; kind++) {
		char name[NAME_MAX];
		const struct vector *v;

		snprintf(name, sizeof(name), "frame-%s", frame_kind_text(kind));
		v = of_file(name);
		assert_ok(frame_open(v->octets, v->len, &f));
		assert_int_equal(f.kind, kind);
		assert_int_equal(frame_pack(&f, room), v->len);
		assert_memory_equal(room, v->octets, v->len);
	}
}

static void the_handshake_is_taken(void **state)
{
	const struct vector *init = of_file("init-with-cookie"), *response = of_file("response");
	struct hand_self self_a = hand_of(&a), self_b = hand_of(&b);
	struct bytes card = bytes_of_file("a-card");
	struct cookie_jar jar = {.count = 0};
	struct seed secret, ephemeral;
	uint8_t key[32], payload[HAND_PAYLOAD_MAX];
	struct transport t;
	struct hand_in in;
	struct hand h;
	size_t len;
	(void)state;

	hand_mac1_key(&self_b.id, key);
	memcpy(&secret, of_file("cookie-secret")->octets, sizeof(secret));
	memcpy(&ephemeral, of_file("a-ephemeral-seed")->octets, sizeof(ephemeral));
	cookie_jar_turn(&jar, (struct mono){1}, &secret);
	assert_ok(hand_check_mac1(key, init->octets, init->len));
	assert_true(cookie_holds(&jar, &a.card.record.endpoints[0], init->octets, init->len));
	assert_ok(hand_read(&self_b, init->octets, init->len, &in));
	assert_memory_equal(&in.from, of_file("a-kx-key")->octets, 32);
	assert_memory_equal(in.payload, card.at, in.payload_len);
	assert_ok(
		hand_start(&h, &self_a, &b.card.record.kx, &b.card.id, A_INDEX, &ephemeral, card));
	assert_ok(hand_finish(&h, response->octets, response->len, &t, payload, &len));
	assert_memory_equal(t.send_key, of_file("session-key-to-b")->octets, 32);
	assert_memory_equal(t.receive_key, of_file("session-key-to-a")->octets, 32);
	assert_memory_equal(t.export_key, of_file("session-export-key")->octets, 32);
}

static void what_travels_in_the_session_is_taken(void **state)
{
	static const char *const names[][2] = {{"data-to-b", "frame-ping"},
	                                       {"data-to-b-next", "frame-pong"}};
	const struct vector *hello = of_file("channel-hello");
	struct bytes rest = bytes_of_file("channel-record"), record;
	struct channel channel;
	uint8_t plain[PACKET_MAX];
	struct transport t = at_b;
	size_t len;
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		const struct vector *v = of_file(names[i][0]), *frame = of_file(names[i][1]);

		assert_ok(transport_open(&t, v->octets, v->len, plain, &len));
		assert_int_equal(len, frame->len);
		assert_memory_equal(plain, frame->octets, len);
	}
	t = at_a;
	assert_ok(transport_open(&t, of_file("data-to-a")->octets, of_file("data-to-a")->len, plain,
	                         &len));
	channel_start(&channel, &at_a, hello->octets + 4, true);
	assert_ok(channel_feed(&channel, &rest, &record));
	assert_memory_equal(record.at, "an answer", 9);
}

static void the_knock_and_the_welcome_are_taken(void **state)
{
	const struct vector *v = of_file("knock"), *w = of_file("welcome");
	struct knock_key key = knock_key_of(&root.public);
	uint8_t room[WELCOME_MAX];
	struct welcome welcome;
	struct knock k;
	size_t which;
	(void)state;

	assert_ok(knock_check(&key, 1, v->octets, v->len, &which));
	assert_ok(knock_open(v->octets, v->len, &k));
	assert_ok(knock_verify(&k, &a.card.record.sign));
	assert_int_equal(k.sent.ms, NOON);
	assert_ok(welcome_open(&a.card.record.kx, &a.kx_secret, &k.nonce, w->octets, w->len, room,
	                       &welcome));
	assert_int_equal(bytes_left(&welcome.cert), of_file("b-certificate")->len);
	assert_memory_equal(welcome.cert.at, of_file("b-certificate")->octets,
	                    of_file("b-certificate")->len);
}

static int print(const char *how)
{
	static char text[ROW_MAX];

	CHECK(sign_start() == ERR_OK);
	make_all();
	for (size_t i = 0; i < made.count; i++) {
		const struct vector *v = &made.of[i];

		if (strcmp(how, "--print") == 0) {
			printf("%s %s\n", v->name, hex(v->octets, v->len, text));
			continue;
		}
		print_row(v, text, sizeof(text));
		puts(text);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_what_stands_in_the_file),
		cmocka_unit_test(the_document_says_the_same),
		cmocka_unit_test(cards_are_taken),
		cmocka_unit_test(pages_of_a_list_are_taken),
		cmocka_unit_test(the_question_and_what_is_said_to_it_are_taken),
		cmocka_unit_test(every_kind_of_frame_is_taken),
		cmocka_unit_test(the_handshake_is_taken),
		cmocka_unit_test(what_travels_in_the_session_is_taken),
		cmocka_unit_test(the_knock_and_the_welcome_are_taken),
	};

	if (argc > 1)
		return print(argv[1]);
	return cmocka_run_group_tests_name("vectors", tests, start, NULL);
}
