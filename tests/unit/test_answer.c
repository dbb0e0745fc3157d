#include "proto/wire/answer.h"
#include "tests/unit/wire_fixture.h"

#include <math.h>
#include <string.h>

static struct key_pair root;
static struct holder responder;
static struct box_key secret;
static struct query query;
static const struct seed once = {{42}};

static struct answer answer, back; /* large: kept off the stack */
static uint8_t room[ANSWER_MAX];

static int start(void **state)
{
	struct seed seed = seed_of(200);
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	responder = holder_of(&root, 100, "R4", "Example Four");
	query = (struct query){.id = {{1, 2, 3}}};
	box_keys(&seed, &query.reply_to, &secret);
	return 0;
}

static struct finding plain_finding(unsigned i)
{
	struct finding f = {
		.if_low = i,
		.if_high = UINT32_MAX,
		.src = {.port = (uint16_t)(40000 + i)},
		.dst = {.port = 22},
		.proto = 6,
		.verdict = (uint8_t)(i % 4),
		.is_open = i % 2 == 0,
		.life = {NOON - 60000 - i, NOON - i},
		.score = 1.0 / (1 + i),
		.cpf = i / 64.0,
		.silences = UINT32_MAX - i,
		.common_ms = 60000,
		.lag_ms = -(int64_t)i,
		.lag_error_ms = i,
		.stretch_ms = 300 - (int64_t)i,
		.stretches = i,
	};

	f.exporter = addr_from_v4((const uint8_t[]){192, 0, 2, (uint8_t)i});
	f.src.addr = addr_from_v4((const uint8_t[]){10, 4, 0, (uint8_t)i});
	memset(f.dst.addr.octets, 0xfe, sizeof(f.dst.addr.octets));
	if (i % 3 != 0)
		f.nat_src = (struct endpoint){f.exporter, (uint16_t)(60000 + i)};
	if (i % 4 == 3)
		f.nat_dst = (struct endpoint){.addr = f.src.addr};
	return f;
}

static void make_answer(size_t findings)
{
	memset(&answer, 0, sizeof(answer));
	memset(&back, 0, sizeof(back));
	answer.window = (struct interval){NOON - DAY, NOON};
	answer.flows = UINT64_MAX;
	answer.lost = 3;
	answer.connections = 1234;
	answer.finding_count = findings;
	for (size_t i = 0; i < findings; i++)
		answer.findings[i] = plain_finding((unsigned)i);
}

static enum err sign_into(void *into, size_t *len)
{
	return answer_sign(&answer, &query, &responder.card.id, &responder.operational, into, len);
}

static size_t pack(void)
{
	size_t len = sizeof(room);

	assert_ok(answer_pack(&answer, &query, &responder.card.id, &responder.operational, &once,
	                      room, &len));
	return len;
}

static enum err open(size_t len, struct bytes *ret_plain)
{
	return answer_open(room, len, &query, &secret, &responder.card.id,
	                   &responder.card.record.sign, &back, ret_plain);
}

static enum err check(struct bytes plain)
{
	return answer_check(plain, &query, &responder.card.id, &responder.card.record.sign, &back);
}

static void assert_finding(const struct finding *a, const struct finding *b)
{
	assert_true(addr_equal(&a->exporter, &b->exporter));
	assert_int_equal(a->if_low, b->if_low);
	assert_int_equal(a->if_high, b->if_high);
	assert_true(endpoint_equal(&a->src, &b->src));
	assert_true(endpoint_equal(&a->dst, &b->dst));
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->verdict, b->verdict);
	assert_int_equal(a->stretch_ms, b->stretch_ms);
	assert_int_equal(a->stretches, b->stretches);
	assert_int_equal(a->is_open, b->is_open);
	assert_int_equal(a->life.start_ms, b->life.start_ms);
	assert_int_equal(a->life.end_ms, b->life.end_ms);
	assert_memory_equal(&a->score, &b->score, sizeof(a->score));
	assert_memory_equal(&a->cpf, &b->cpf, sizeof(a->cpf));
	assert_int_equal(a->silences, b->silences);
	assert_int_equal(a->common_ms, b->common_ms);
	assert_int_equal(a->lag_ms, b->lag_ms);
	assert_int_equal(a->lag_error_ms, b->lag_error_ms);
	assert_true(endpoint_equal(&a->nat_src, &b->nat_src));
	assert_true(endpoint_equal(&a->nat_dst, &b->nat_dst));
}

static void an_answer_opens_as_it_was_given(void **state)
{
	(void)state;

	for (size_t count = 0; count <= ANSWER_FINDINGS_MAX; count += 16) {
		struct bytes plain;
		size_t len;

		make_answer(count);
		len = pack();
		assert_ok(open(len, &plain));
		assert_int_equal(back.window.start_ms, NOON - DAY);
		assert_int_equal(back.window.end_ms, NOON);
		assert_int_equal(back.flows, UINT64_MAX);
		assert_int_equal(back.lost, 3);
		assert_int_equal(back.connections, 1234);
		assert_int_equal(back.finding_count, count);
		for (size_t i = 0; i < count; i++)
			assert_finding(&back.findings[i], &answer.findings[i]);
		assert_int_equal(bytes_left(&plain), len - SEAL_OVERHEAD);
	}
}

static void what_was_opened_is_evidence_that_can_be_shown_again(void **state)
{
	struct bytes plain;
	(void)state;

	make_answer(3);
	assert_ok(open(pack(), &plain));
	memset(&back, 0, sizeof(back));
	assert_ok(check(plain));
	assert_int_equal(back.finding_count, 3);
}

static void the_same_answer_signed_but_not_sealed_checks_too(void **state)
{
	size_t len = sizeof(room);
	(void)state;

	make_answer(3);
	assert_ok(sign_into(room, &len));
	assert_ok(check(bytes_of(room, len)));
	assert_int_equal(back.finding_count, 3);
}

static void the_longest_answer_fits_and_a_shorter_room_is_refused(void **state)
{
	struct bytes plain;
	size_t whole, len;
	(void)state;

	make_answer(ANSWER_FINDINGS_MAX);
	whole = pack();
	assert_true(whole <= ANSWER_MAX);
	len = whole - 1;
	assert_err(ERR_LIMIT, answer_pack(&answer, &query, &responder.card.id,
	                                  &responder.operational, &once, room, &len));
	assert_int_equal(len, whole - 1);
	len = whole - SEAL_OVERHEAD - 1;
	assert_err(ERR_LIMIT, sign_into(room, &len));
	len = whole;
	assert_ok(answer_pack(&answer, &query, &responder.card.id, &responder.operational, &once,
	                      room, &len));
	assert_ok(open(len, &plain));
}

static void an_answer_belongs_to_its_question(void **state)
{
	struct query asked = query;
	struct bytes plain;
	(void)state;

	make_answer(1);
	assert_ok(open(pack(), &plain));
	query.id.octets[0] ^= 1;
	assert_err(ERR_AUTH, check(plain));
	query = asked;
	query.reply_to.octets[0] ^= 1;
	assert_err(ERR_AUTH, check(plain));
	query = asked;
	assert_ok(check(plain));
}

static void only_the_asker_can_open_it(void **state)
{
	struct box_key own = secret, public;
	struct seed seed = seed_of(201);
	struct bytes plain;
	size_t len;
	(void)state;

	make_answer(1);
	len = pack();
	box_keys(&seed, &public, &secret);
	assert_err(ERR_AUTH, open(len, &plain));
	secret = own;
	assert_ok(open(len, &plain));
}

static void who_answers_must_be_itself(void **state)
{
	struct holder stranger = holder_of(&root, 50, "R5", "Example Five");
	struct bytes plain;
	size_t len = sizeof(room);
	(void)state;

	make_answer(1);
	assert_ok(answer_pack(&answer, &query, &responder.card.id, &stranger.operational, &once,
	                      room, &len));
	assert_err(ERR_AUTH, open(len, &plain)); /* another signed it */
	len = sizeof(room);
	assert_ok(answer_pack(&answer, &query, &stranger.card.id, &responder.operational, &once,
	                      room, &len));
	assert_err(ERR_AUTH, open(len, &plain)); /* it signed in another's name */
	len = sizeof(room);
	assert_ok(answer_pack(&answer, &query, &responder.card.id, &responder.identity, &once, room,
	                      &len));
	assert_err(ERR_AUTH, open(len, &plain)); /* with a key that is not for that */
}

static void every_flipped_bit_is_refused(void **state)
{
	uint8_t plain[1024];
	size_t len = sizeof(plain);
	(void)state;

	make_answer(2);
	assert_ok(sign_into(plain, &len));
	for (size_t bit = 0; bit < 8 * len; bit += 11) {
		plain[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (check(bytes_of(plain, len)) == ERR_OK)
			fail_msg("bit %zu may be flipped", bit);
		plain[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(check(bytes_of(plain, len)));
}

static void every_truncation_and_addition_is_refused(void **state)
{
	uint8_t plain[1024];
	size_t len = sizeof(plain);
	struct bytes opened;
	(void)state;

	make_answer(2);
	assert_ok(sign_into(plain, &len));
	for (size_t cut = 0; cut < len; cut++)
		assert_err(ERR_FORMAT, check(bytes_of(plain, cut)));
	plain[len] = 0;
	assert_err(ERR_FORMAT, check(bytes_of(plain, len + 1)));
	for (size_t cut = 0; cut < SEAL_OVERHEAD; cut++)
		assert_err(ERR_SHORT, open(cut, &opened));
	assert_err(ERR_FORMAT, open(ANSWER_MAX + 1, &opened));
}

/* `body` signed as a version with such a domain would. */
static enum err check_odd(const uint8_t body[9], const char *domain)
{
	uint8_t plain[1024];
	struct octets out = octets_of(plain, sizeof(plain));
	struct signature s = sign(&responder.operational, domain, body, 9);

	octets_uint(&out, 9, 4);
	octets_put(&out, body, 9);
	octets_put(&out, s.octets, sizeof(s.octets));
	return check(bytes_of(plain, octets_len(&out)));
}

/* Each version is signed under a domain of its own. */
static void an_answer_of_another_version_or_domain_is_refused(void **state)
{
	static const uint8_t seven[] = {0x97, 2, 0, 0, 0, 0, 0, 0xc4, 0};
	static const uint8_t eight[] = {0x98, 7, 0, 0, 0, 0, 0, 0x90, 0};
	static const uint8_t ours[] = {0x98, 6, 0, 0, 0, 0, 0, 0x90, 0};
	(void)state;

	assert_err(ERR_VERSION, check_odd(seven, "spoor answer 2"));
	assert_err(ERR_VERSION, check_odd(eight, "spoor answer 7"));
	assert_err(ERR_AUTH, check_odd(ours, "spoor answer 1"));
}

static void signed_nonsense_is_refused(void **state)
{
	static const double shares[] = {-0.001, 1.001, (double)NAN, (double)INFINITY,
	                                -(double)INFINITY};
	static const double decades[] = {-1.1e5, 1.1e5, (double)NAN, (double)INFINITY,
	                                 -(double)INFINITY};
	struct bytes plain;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
		make_answer(1);
		answer.findings[0].cpf = shares[i];
		assert_err(ERR_FORMAT, open(pack(), &plain));
	}
	for (size_t i = 0; i < ARRAY_LEN(decades); i++) {
		make_answer(1);
		answer.findings[0].score = decades[i];
		assert_err(ERR_FORMAT, open(pack(), &plain));
	}
	make_answer(1);
	answer.findings[0].life = (struct interval){2, 1};
	assert_err(ERR_FORMAT, open(pack(), &plain));
	make_answer(1);
	answer.window = (struct interval){1, 0}; /* none held */
	assert_ok(open(pack(), &plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_opens_as_it_was_given),
		cmocka_unit_test(what_was_opened_is_evidence_that_can_be_shown_again),
		cmocka_unit_test(the_same_answer_signed_but_not_sealed_checks_too),
		cmocka_unit_test(the_longest_answer_fits_and_a_shorter_room_is_refused),
		cmocka_unit_test(an_answer_belongs_to_its_question),
		cmocka_unit_test(only_the_asker_can_open_it),
		cmocka_unit_test(who_answers_must_be_itself),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(every_truncation_and_addition_is_refused),
		cmocka_unit_test(an_answer_of_another_version_or_domain_is_refused),
		cmocka_unit_test(signed_nonsense_is_refused),
	};

	return cmocka_run_group_tests_name("wire/answer", tests, start, NULL);
}
