#include "proto/wire/card.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

static const struct wall noon = {NOON};

static struct key_pair root, identity;
static struct roots roots;
static struct cert cert;
static struct cert_blob cert_blob;
static struct record_blob record_blob;

static int start(void **state)
{
	struct record record = {
		.seq = 5,
		.not_before = {NOON - 1000},
		.not_after = {NOON + DAY},
		.endpoint_count = 1,
	};
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	identity = pair_of(100);
	roots = (struct roots){.keys = {root.public}, .count = 1};
	cert = (struct cert){
		.member = identity.public,
		.salt = {1, 2, 3},
		.serial = 7,
		.name = "R4",
		.org = "Example Four",
		.not_before = {NOON - 1000},
		.not_after = {NOON + 2 * DAY},
		.prefixes = {ten()},
		.prefix_count = 1,
		.roles = CERT_ROLES_MEMBER,
	};
	assert_ok(endpoint_parse("10.0.0.4:7667", &record.endpoints[0]));
	assert_ok(cert_issue(&root, &cert, &cert_blob));
	assert_ok(record_issue(&identity, &record, &record_blob));
	return 0;
}

static enum err open_card(struct wall now, struct card *ret)
{
	return card_open(bytes_of(cert_blob.octets, cert_blob.len),
	                 bytes_of(record_blob.octets, record_blob.len), &roots, now, ret);
}

static void a_card_is_its_two_parts(void **state)
{
	struct id id = cert_id(&cert);
	struct card card;
	(void)state;

	assert_ok(open_card(noon, &card));
	assert_true(id_equal(&card.id, &id));
	assert_string_equal(card.cert.name, "R4");
	assert_int_equal(card.record.seq, 5);
	assert_int_equal(card.cert_blob.len, cert_blob.len);
	assert_memory_equal(card.cert_blob.octets, cert_blob.octets, cert_blob.len);
	assert_int_equal(card.record_blob.len, record_blob.len);
	assert_memory_equal(card.record_blob.octets, record_blob.octets, record_blob.len);
}

static void either_part_may_have_expired(void **state)
{
	static const struct {
		int64_t now;
		enum err err;
	} rows[] = {
		{NOON - 1001, ERR_EXPIRED},
		{NOON, ERR_OK},
		{NOON + DAY + 1, ERR_EXPIRED},     /* the record */
		{NOON + 2 * DAY + 1, ERR_EXPIRED}, /* both */
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct wall now = {rows[i].now};
		struct card card = {.record = {.seq = 0}};

		assert_err(rows[i].err, open_card(now, &card));
		assert_int_equal(card.record.seq, 5); /* filled all the same */
		assert_int_equal(card.cert.serial, 7);
	}
}

static void a_card_with_a_false_part_is_refused(void **state)
{
	struct key_pair stranger = pair_of(50);
	struct roots strangers = {.keys = {stranger.public}, .count = 1};
	struct bytes c = bytes_of(cert_blob.octets, cert_blob.len);
	struct bytes r = bytes_of(record_blob.octets, record_blob.len);
	struct bytes none = bytes_of(NULL, 0);
	struct card card = {.record = {.seq = 77}};
	struct record_blob theirs;
	struct record record = {.not_before = {NOON}, .not_after = {NOON + 1}};
	(void)state;

	assert_err(ERR_ROOT, card_open(c, r, &strangers, noon, &card));
	assert_err(ERR_FORMAT, card_open(none, r, &roots, noon, &card));
	assert_err(ERR_FORMAT, card_open(c, none, &roots, noon, &card));
	assert_ok(record_issue(&stranger, &record, &theirs));
	r = bytes_of(theirs.octets, theirs.len);
	assert_err(ERR_AUTH, card_open(c, r, &roots, noon, &card));
	assert_int_equal(card.record.seq, 77);
}

static void cards_are_cut_as_they_were_packed(void **state)
{
	uint8_t room[2 * CARD_MAX];
	struct octets out = octets_of(room, sizeof(room));
	struct bytes in, c, r;
	struct card card;
	(void)state;

	assert_ok(open_card(noon, &card));
	card_pack(&out, &card);
	card_pack(&out, &card);
	assert_false(out.is_full);
	in = bytes_of(room, octets_len(&out));
	for (int i = 0; i < 2; i++) {
		assert_ok(card_cut(&in, &c, &r));
		assert_ok(card_open(c, r, &roots, noon, &card));
	}
	assert_int_equal(bytes_left(&in), 0);
	assert_err(ERR_FORMAT, card_cut(&in, &c, &r));
}

static void every_truncated_card_is_refused(void **state)
{
	uint8_t room[CARD_MAX];
	struct octets out = octets_of(room, sizeof(room));
	struct bytes c, r;
	struct card card;
	(void)state;

	assert_ok(open_card(noon, &card));
	card_pack(&out, &card);
	for (size_t len = 0; len < octets_len(&out); len++) {
		struct bytes in = bytes_of(room, len);

		assert_err(ERR_FORMAT, card_cut(&in, &c, &r));
	}
}

static void parts_of_no_length_or_too_long_are_refused(void **state)
{
	static const struct {
		uint16_t cert_len, record_len;
		enum err err;
	} rows[] = {
		{1, 1, ERR_OK},     {CERT_MAX, RECORD_MAX, ERR_OK}, {0, 1, ERR_FORMAT},
		{1, 0, ERR_FORMAT}, {CERT_MAX + 1, 1, ERR_FORMAT},  {1, RECORD_MAX + 1, ERR_FORMAT},
	};
	static const uint8_t zeros[CERT_MAX + 1];
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t room[CARD_MAX + 2];
		struct octets out = octets_of(room, sizeof(room));
		struct bytes in, c, r;

		octets_uint(&out, rows[i].cert_len, 2);
		octets_put(&out, zeros, rows[i].cert_len);
		octets_uint(&out, rows[i].record_len, 2);
		octets_put(&out, zeros, rows[i].record_len);
		assert_false(out.is_full);
		in = bytes_of(room, octets_len(&out));
		assert_err(rows[i].err, card_cut(&in, &c, &r));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_card_is_its_two_parts),
		cmocka_unit_test(either_part_may_have_expired),
		cmocka_unit_test(a_card_with_a_false_part_is_refused),
		cmocka_unit_test(cards_are_cut_as_they_were_packed),
		cmocka_unit_test(every_truncated_card_is_refused),
		cmocka_unit_test(parts_of_no_length_or_too_long_are_refused),
	};

	return cmocka_run_group_tests_name("wire/card", tests, start, NULL);
}
