#include "correlate/score.h"
#include "node/round.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

static struct cert member(uint8_t number)
{
	struct cert cert = {.name = "R1"};

	cert.member.octets[0] = number;
	cert.name[1] = (char)('0' + number);
	return cert;
}

static struct round *new_round(void)
{
	struct round *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	return r;
}

static void add_finding(struct answer *a, const char *src, enum verdict verdict)
{
	a->findings[a->finding_count++] = (struct finding){
		.src = at(src), .dst = at("192.0.2.1:22"), .proto = 6, .verdict = (uint8_t)verdict};
}

/* `number` has found `src`. */
static void says(struct round *r, uint8_t number, const char *src, enum verdict verdict)
{
	static const uint8_t signed_octets[] = "statement";
	struct card card = {.cert = member(number)};
	struct answer answer = {0};
	struct overlay_reply reply = {
		.card = &card,
		.answer = &answer,
		.evidence = bytes_of(signed_octets, sizeof(signed_octets)),
	};

	answer.testimony = bytes_of(signed_octets + 5, 4);
	add_finding(&answer, src, verdict);
	round_add_reply(r, &reply);
}

static void what_is_not_found_again_is_kept(void **state)
{
	struct round *before = new_round(), *r = new_round();
	struct cert self = member(9);

	(void)state;
	says(before, 1, "10.0.0.1:1000", VERDICT_MATCH);
	says(r, 2, "10.0.0.1:1000", VERDICT_MATCH); /* another's view is another finding */
	round_keep(r, before, &self);
	assert_int_equal(r->reply_count, 2);
	assert_int_equal(r->replies[1].cert.member.octets[0], 1);
	assert_int_equal(r->replies[1].age, 1);
	/* In its own right: what came before is let go. */
	round_free(before);
	assert_memory_equal(r->replies[1].answer.testimony.at, "ment", 4);
	round_free(r);
}

static void what_is_found_again_is_counted_once(void **state)
{
	struct round *before = new_round(), *r = new_round();
	struct cert self = member(9);

	(void)state;
	says(before, 1, "10.0.0.1:1000", VERDICT_MATCH);
	says(r, 1, "10.0.0.1:1000", VERDICT_MATCH);
	round_keep(r, before, &self);
	assert_int_equal(r->reply_count, 1);
	assert_int_equal(r->replies[0].age, 0);
	round_free(before);
	round_free(r);
}

static void what_was_no_match_is_not_kept(void **state)
{
	struct round *before = new_round(), *r = new_round();
	struct cert self = member(9);

	(void)state;
	says(before, 1, "10.0.0.1:1000", VERDICT_DIFFERENT);
	round_keep(r, before, &self);
	assert_int_equal(r->reply_count, 0);
	round_free(before);
	round_free(r);
}

static void a_kept_answer_ages_and_does_not_multiply(void **state)
{
	struct round *before = new_round(), *r;
	struct cert self = member(9);

	(void)state;
	says(before, 1, "10.0.0.1:1000", VERDICT_MATCH);
	for (unsigned age = 1; age <= 3; age++) {
		r = new_round();
		round_keep(r, before, &self);
		round_free(before);
		assert_int_equal(r->reply_count, 1);
		assert_int_equal(r->replies[0].age, age);
		before = r;
	}
	r = new_round();
	says(r, 1, "10.0.0.1:1000", VERDICT_MATCH); /* found again: back to one, of now */
	round_keep(r, before, &self);
	assert_int_equal(r->reply_count, 1);
	assert_int_equal(r->replies[0].age, 0);
	round_free(before);
	round_free(r);
}

static void our_own_findings_are_kept_like_others(void **state)
{
	struct round *before = new_round(), *r = new_round(), *again = new_round();
	struct cert self = member(9);

	(void)state;
	add_finding(&before->search.answer, "10.0.0.1:1000", VERDICT_MATCH);
	add_finding(&again->search.answer, "10.0.0.1:1000", VERDICT_MATCH);
	round_keep(r, before, &self);
	assert_int_equal(r->reply_count, 1);
	assert_int_equal(r->replies[0].cert.member.octets[0], 9);
	round_keep(again, before, &self);
	assert_int_equal(again->reply_count, 0);
	round_free(before);
	round_free(r);
	round_free(again);
}

static void a_kept_answer_stands_behind_a_newer_one(void **state)
{
	struct round *before = new_round(), *r = new_round();
	struct cert self = member(9);

	(void)state;
	says(before, 1, "10.0.0.1:1000", VERDICT_MATCH);
	says(r, 2, "10.0.0.3:1000", VERDICT_MATCH);
	round_keep(r, before, &self);
	says(r, 1, "10.0.0.2:1000", VERDICT_MATCH);
	round_sort(r);
	assert_int_equal(r->reply_count, 3);
	assert_string_equal(r->replies[0].cert.name, "R1");
	assert_int_equal(r->replies[0].age, 0);
	assert_string_equal(r->replies[1].cert.name, "R1");
	assert_int_equal(r->replies[1].age, 1);
	assert_string_equal(r->replies[2].cert.name, "R2");
	round_free(before);
	round_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_found_again_is_kept),
		cmocka_unit_test(what_is_found_again_is_counted_once),
		cmocka_unit_test(what_was_no_match_is_not_kept),
		cmocka_unit_test(a_kept_answer_ages_and_does_not_multiply),
		cmocka_unit_test(our_own_findings_are_kept_like_others),
		cmocka_unit_test(a_kept_answer_stands_behind_a_newer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
