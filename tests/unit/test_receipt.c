#include "proto/wire/envelope.h"
#include "proto/wire/receipt.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

static struct key_pair operational;

static int start(void **state)
{
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	operational = pair_of(100);
	return 0;
}

static struct receipt plain_receipt(enum verdict_kind kind)
{
	return (struct receipt){
		.query_id = {{1, 2, 3}},
		.responder = {{4, 5, 6}},
		.kind = kind,
		.at = {NOON},
		.window = {NOON - DAY, NOON},
		.flows = 1000,
		.lost = 3,
		.connections = 17,
		.retry_after_ms = 2000,
	};
}

static struct receipt_blob sign_it(const struct receipt *r)
{
	struct receipt_blob blob;

	receipt_sign(r, &operational, &blob);
	return blob;
}

static enum err open(const struct receipt_blob *blob, struct receipt *ret)
{
	return receipt_open(blob->octets, blob->len, &operational.public, ret);
}

static void assert_same(const struct receipt *a, const struct receipt *b)
{
	assert_memory_equal(&a->query_id, &b->query_id, sizeof(a->query_id));
	assert_true(id_equal(&a->responder, &b->responder));
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->at.ms, b->at.ms);
	assert_int_equal(a->window.start_ms, b->window.start_ms);
	assert_int_equal(a->window.end_ms, b->window.end_ms);
	assert_int_equal(a->flows, b->flows);
	assert_int_equal(a->lost, b->lost);
	assert_int_equal(a->connections, b->connections);
	assert_int_equal(a->retry_after_ms, b->retry_after_ms);
}

static void every_kind_opens_as_it_was_signed(void **state)
{
	(void)state;

	for (int kind = 0; kind < RECEIPT_KIND_END; kind++) {
		struct receipt r = plain_receipt((enum verdict_kind)kind), back;
		struct receipt_blob blob = sign_it(&r);

		assert_ok(open(&blob, &back));
		assert_same(&r, &back);
	}
}

static void the_largest_numbers_fit(void **state)
{
	struct receipt r = plain_receipt(RECEIPT_BUSY), back;
	struct receipt_blob blob;
	(void)state;

	memset(&r.query_id, 0xff, sizeof(r.query_id));
	memset(&r.responder, 0xff, sizeof(r.responder));
	r.at.ms = INT64_MIN;
	r.window = (struct interval){INT64_MAX, INT64_MIN};
	r.flows = r.lost = r.connections = UINT64_MAX;
	r.retry_after_ms = UINT32_MAX;
	blob = sign_it(&r);
	assert_true(blob.len <= RECEIPT_MAX);
	assert_ok(open(&blob, &back));
	assert_same(&r, &back);
}

static void nobody_else_signs_it(void **state)
{
	struct receipt r = plain_receipt(RECEIPT_NONE), back;
	struct key_pair stranger = pair_of(50);
	struct receipt_blob blob;
	(void)state;

	receipt_sign(&r, &stranger, &blob);
	assert_err(ERR_AUTH, open(&blob, &back));
	assert_same(&r, &back); /* what it says it is, for who may know another key of its sender */
}

static void every_flipped_bit_is_refused(void **state)
{
	struct receipt r = plain_receipt(RECEIPT_MATCH), back;
	struct receipt_blob blob = sign_it(&r);
	(void)state;

	for (size_t bit = 0; bit < 8 * blob.len; bit++) {
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (open(&blob, &back) == ERR_OK)
			fail_msg("bit %zu may be flipped", bit);
		blob.octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void every_truncation_and_addition_is_refused(void **state)
{
	struct receipt r = plain_receipt(RECEIPT_MATCH), back;
	struct receipt_blob blob = sign_it(&r);
	size_t whole = blob.len;
	(void)state;

	for (blob.len = 0; blob.len < whole; blob.len++)
		assert_err(ERR_FORMAT, open(&blob, &back));
	blob.octets[whole] = 0;
	blob.len = whole + 1;
	assert_err(ERR_FORMAT, open(&blob, &back));
	assert_err(ERR_FORMAT,
	           receipt_open(blob.octets, RECEIPT_MAX + 1, &operational.public, &back));
}

/* Eleven fields of which the first and the fourth are as given. */
static struct receipt_blob odd_receipt(const char *domain, uint64_t version, uint64_t kind)
{
	uint8_t body[RECEIPT_MAX];
	struct pack p = pack_into(body, sizeof(body));
	struct receipt r = plain_receipt(RECEIPT_NONE);
	struct receipt_blob blob;

	pack_array(&p, 11);
	pack_uint(&p, version);
	pack_bin(&p, r.query_id.octets, sizeof(r.query_id.octets));
	pack_bin(&p, r.responder.octets, sizeof(r.responder.octets));
	pack_uint(&p, kind);
	for (int i = 0; i < 7; i++)
		pack_uint(&p, 0);
	blob.len = envelope_pack(&operational, domain, &p, blob.octets, sizeof(blob.octets));
	return blob;
}

static void a_kind_or_version_that_nobody_knows_is_refused(void **state)
{
	static const struct {
		const char *domain;
		uint64_t version, kind;
		enum err err;
	} rows[] = {
		{"spoor receipt 1", 1, RECEIPT_BUSY, ERR_OK},
		{"spoor receipt 1", 1, RECEIPT_KIND_END, ERR_FORMAT},
		{"spoor receipt 1", 1, UINT64_MAX, ERR_FORMAT},
		{"spoor receipt 1", 0, RECEIPT_BUSY, ERR_VERSION},
		{"spoor receipt 1", 2, RECEIPT_BUSY, ERR_VERSION},
		{"spoor query 4", 1, RECEIPT_BUSY, ERR_AUTH},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct receipt_blob blob =
			odd_receipt(rows[i].domain, rows[i].version, rows[i].kind);
		struct receipt back;

		assert_err(rows[i].err, open(&blob, &back));
	}
}

static void kinds_have_names(void **state)
{
	(void)state;

	assert_string_equal(receipt_kind_text(RECEIPT_NONE), "none");
	assert_string_equal(receipt_kind_text(RECEIPT_MATCH), "match");
	assert_string_equal(receipt_kind_text(RECEIPT_REFUSED), "refused");
	assert_string_equal(receipt_kind_text(RECEIPT_BUSY), "busy");
	assert_string_equal(receipt_kind_text(RECEIPT_KIND_END), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_opens_as_it_was_signed),
		cmocka_unit_test(the_largest_numbers_fit),
		cmocka_unit_test(nobody_else_signs_it),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(a_kind_or_version_that_nobody_knows_is_refused),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests_name("wire/receipt", tests, start, NULL);
}
