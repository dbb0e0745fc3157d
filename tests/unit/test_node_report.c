#include "correlate/score.h"
#include "node/node.h"
#include "node/report.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>

#define NODES 20
#define CROWD 1000
#define T0 INT64_C(1795309500000)

static const struct interval on[] = {
	{T0, T0 + 5000}, {T0 + 30000, T0 + 40000}, {T0 + 60000, T0 + 90000}};

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

static struct finding finding_of(const char *src, const char *dst, enum verdict verdict,
                                 double score)
{
	return (struct finding){
		.exporter = at("10.255.0.9").addr,
		.src = at(src),
		.dst = at(dst),
		.proto = 6,
		.verdict = (uint8_t)verdict,
		.life = {T0 - 1000, T0 + 91000},
		.score = score,
	};
}

struct fixture {
	struct node *node;
	struct pursuit *pursuit;
	struct round *round; /* its only one */
	uint8_t *room;
	struct pack p;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct connection *target;

	f->node = calloc(1, sizeof(*f->node));
	f->pursuit = calloc(1, sizeof(*f->pursuit));
	f->room = malloc(REPORT_MAX);
	strcpy(f->node->keys.self.card.cert.name, "R4");
	target = &f->pursuit->target.best;
	*target = (struct connection){.src = at("192.0.2.9:4000"),
	                              .dst = at("10.4.0.10:22"),
	                              .proto = 6,
	                              .on = on,
	                              .on_count = ARRAY_LEN(on)};
	f->round = calloc(1, sizeof(*f->round));
	f->round->pursuit = f->pursuit;
	f->pursuit->rounds[0] = f->round;
	f->pursuit->round_count = 1;
	f->round->replies = calloc(CROWD, sizeof(*f->round->replies));
	f->round->outcomes = calloc(CROWD, sizeof(*f->round->outcomes));
	f->round->reply_count = f->round->outcome_count = NODES;
	for (int i = 0; i < NODES; i++) {
		snprintf(f->round->replies[i].cert.name, CERT_NAME_MAX, "N%02d", i);
		f->round->replies[i].cert.member.octets[0] = (uint8_t)(i + 1);
		f->round->outcomes[i].card.cert = f->round->replies[i].cert;
		f->round->outcomes[i].state = TARGET_ANSWERED;
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	free(f->round->replies);
	free(f->round->outcomes);
	free(f->round);
	free(f->pursuit);
	free(f->node);
	free(f->room);
	free(f);
	return 0;
}

static enum ctl_code report(struct fixture *f)
{
	struct sheet *sheet = sheet_make(f->node, f->pursuit);
	enum ctl_code code;

	assert_non_null(sheet);
	f->p = pack_into(f->room, REPORT_MAX);
	code = report_pack(&f->p, sheet, "", true);
	sheet_free(sheet);
	return code;
}

static bool says(const struct fixture *f, const char *text)
{
	return memmem(f->room, pack_len(&f->p), text, strlen(text)) != NULL;
}

/* Twenty gateways with sixty-four strangers each; the one match comes from the last to answer. */
static void a_match_is_found_however_many_strangers_came_before(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < NODES; i++) {
		struct answer *a = &f->round->replies[i].answer;

		for (int j = 0; j < ANSWER_FINDINGS_MAX; j++)
			a->findings[j] = finding_of("10.1.0.77:5000", "198.51.100.7:22",
			                            VERDICT_DIFFERENT, 0.5);
		a->finding_count = ANSWER_FINDINGS_MAX;
	}
	f->round->replies[NODES - 1].answer.findings[0] =
		finding_of("10.9.0.5:6000", "192.0.2.9:22", VERDICT_MATCH, 1);
	assert_int_equal(CTL_FOUND, report(f));
	assert_true(says(f, "10.9.0.5:6000"));
	assert_false(f->p.out.is_full);
}

/* A target that polls every 61.3 s, and another of that period, 40 ms later. */
static void of_one_that_polls_alike_the_phase_is_told_with_its_chance(void **state)
{
	struct fixture *f = *state;
	struct connection *target = &f->pursuit->target.best;
	struct finding *found = &f->round->replies[0].answer.findings[0];
	struct interval polls[20];

	for (int i = 0; i < 20; i++)
		polls[i] = (struct interval){61300 * i, 61300 * i + 20};
	assert_int_not_equal(CTL_INTERNAL, report(f));
	assert_true(says(f, "polling"));
	assert_false(says(f, "period_s"));
	target->on = polls;
	target->on_count = ARRAY_LEN(polls);
	target->gap_ms = 15000;
	*found = finding_of("10.9.0.5:6000", "192.0.2.9:22", VERDICT_PERIODIC, 1);
	found->lag_ms = -40;
	f->round->replies[0].answer.finding_count = 1;
	assert_int_not_equal(CTL_INTERNAL, report(f));
	assert_true(says(f, "period_s"));
	assert_true(says(
		f, "one period of 61.3 s, in phase to 0.041 s, as by chance 1 in 748: a change "
		   "of its rhythm, or what a host reports of its processes"));
	for (int i = 0; i < 20; i++)
		polls[i] = (struct interval){60000 * i, 60000 * i + 20};
	assert_int_not_equal(CTL_INTERNAL, report(f));
	assert_true(says(f, "scheduled every 60.0 s, which others may be too: a change"));
}

/* However much the others say, all at once: the best of it is told, and the end of the report. */
static void a_crowd_cannot_talk_a_report_to_death(void **state)
{
	struct fixture *f = *state;
	struct finding line = finding_of("10.9.9.9:1", "10.9.9.8:2", VERDICT_MATCH, 0.5);

	f->round->reply_count = f->round->outcome_count = CROWD;
	for (int i = 0; i < CROWD; i++) {
		struct trace_reply *r = &f->round->replies[i];

		memcpy(r->cert.member.octets, &i, sizeof(i));
		r->cert.member.octets[31] = 1;
		memset(r->cert.name, 'x', CERT_NAME_MAX - 1);
		memset(r->cert.org, 'y', CERT_NAME_MAX - 1);
		f->round->outcomes[i].card.cert = r->cert;
		f->round->outcomes[i].state = TARGET_ANSWERED;
		for (int k = 0; k < ANSWER_FINDINGS_MAX; k++)
			r->answer.findings[k] = line, r->answer.findings[k].src.port = (uint16_t)k;
		r->answer.finding_count = ANSWER_FINDINGS_MAX;
	}
	f->round->replies[CROWD - 1].answer.findings[0].src = at("192.0.2.77:7");
	f->round->replies[CROWD - 1].answer.findings[0].score = 0.9;
	assert_int_not_equal(CTL_INTERNAL, report(f));
	assert_false(f->p.out.is_full);
	assert_true(says(f, "192.0.2.77:7"));
	assert_true(says(f, "coverage"));
}

static void exit_codes_tell_the_gravest_outcome(void **state)
{
	static const struct {
		enum target_state first, rest;
		enum ctl_code code;
	} rows[] = {
		{TARGET_ANSWERED, TARGET_ANSWERED, CTL_NOTHING},
		{TARGET_SILENT, TARGET_ANSWERED, CTL_PARTIAL},
		{TARGET_BUSY, TARGET_ANSWERED, CTL_PARTIAL},
		{TARGET_REFUSED, TARGET_ANSWERED, CTL_DENIED},
		{TARGET_REFUSED, TARGET_REFUSED, CTL_DENIED},
		{TARGET_REFUSED, TARGET_SILENT, CTL_PARTIAL},
		{TARGET_NONE, TARGET_NONE, CTL_NOTHING},
		{TARGET_BROKEN, TARGET_NONE, CTL_PARTIAL},
		{TARGET_FALSE, TARGET_SILENT, CTL_UNVERIFIED},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (int j = 0; j < NODES; j++)
			f->round->outcomes[j].state = j == 0 ? rows[i].first : rows[i].rest;
		assert_int_equal(rows[i].code, report(f));
	}
}

/* What others say is shown; that nothing else is known of here is not. */
static void a_search_of_ones_own_that_failed_makes_it_partial(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(CTL_NOTHING, report(f));
	f->round->search.err = ERR_CORRUPT;
	assert_int_equal(CTL_PARTIAL, report(f));
	assert_true(says(f, err_text(ERR_CORRUPT)));
	f->round->search.err = ERR_OK;
	f->round->search.extent = SEARCH_LACKING;
	assert_int_equal(CTL_PARTIAL, report(f));
	assert_true(says(f, "log of silences"));
	f->round->search.extent = SEARCH_CUT;
	f->round->replies[1].answer.findings[0] =
		finding_of("10.9.0.5:6000", "192.0.2.9:22", VERDICT_MATCH, 1);
	f->round->replies[1].answer.finding_count = 1;
	assert_int_equal(CTL_PARTIAL, report(f));
	assert_true(says(f, "10.9.0.5:6000"));
}

/* A liar may not turn what others have shown into nothing. */
static void one_false_answer_beside_a_path_makes_it_partial(void **state)
{
	struct fixture *f = *state;

	f->round->replies[1].answer.findings[0] =
		finding_of("10.9.0.5:6000", "192.0.2.9:22", VERDICT_MATCH, 1);
	f->round->replies[1].answer.finding_count = 1;
	f->round->outcomes[0].state = TARGET_FALSE;
	assert_int_equal(CTL_PARTIAL, report(f));
}

/* Elsewhere, and over before the target began: no origin, but not nothing either. */
static void a_significant_match_without_a_place_is_not_nothing(void **state)
{
	struct fixture *f = *state;
	struct finding *finding = &f->round->replies[1].answer.findings[0];

	*finding = finding_of("203.0.113.5:6000", "203.0.113.6:22", VERDICT_MATCH, 12);
	finding->life = (struct interval){T0 - 90000, T0 - 30000};
	f->round->replies[1].answer.finding_count = 1;
	f->round->replies[1].answer.flows = f->round->replies[1].answer.connections = 1000;
	f->round->outcomes[1].has_receipt = false;
	assert_int_equal(CTL_FOUND, report(f));
	assert_true(says(f, "unplaced"));
	assert_true(says(f, "over"));
	/* nor does it hide that others did not answer, or were not allowed to */
	f->round->outcomes[0].state = TARGET_SILENT;
	assert_int_equal(CTL_PARTIAL, report(f));
	f->round->outcomes[0].state = TARGET_REFUSED;
	assert_int_equal(CTL_DENIED, report(f));
	f->round->outcomes[0].state = TARGET_ANSWERED;
	finding->score = 4; /* one of a thousand may reach that */
	assert_int_equal(CTL_NOTHING, report(f));
	/* another view of the target itself is none of another connection */
	*finding = finding_of("192.0.2.9:4000", "10.4.0.10:22", VERDICT_MATCH, 12);
	assert_int_equal(CTL_NOTHING, report(f));
}

/* Neither to make a coincidence certain, by a sum that wraps, nor beyond what a node can hold. */
static void what_members_say_they_compared_is_bounded(void **state)
{
	static const struct {
		uint64_t flows, connections;
		uint64_t counted;
	} cases[] = {
		{1000, 400, 400},
		{100, 400, 100}, /* a connection has a flow at least */
		{UINT64_MAX, UINT64_MAX, SHEET_COMPARED_MAX},
		{UINT64_MAX, UINT64_MAX - 399, SHEET_COMPARED_MAX},
	};
	struct fixture *f = *state;
	struct sheet *sheet;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct answer *a = &f->round->replies[1].answer;

		f->round->replies[0].answer.flows = f->round->replies[0].answer.connections = 400;
		a->flows = cases[i].flows;
		a->connections = cases[i].connections;
		f->pursuit->pass = 3;
		sheet = sheet_make(f->node, f->pursuit);
		assert_non_null(sheet);
		assert_int_equal(3 * (400 + cases[i].counted), sheet->searched);
		sheet_free(sheet);
	}
	f->pursuit->pass = SIZE_MAX / 2;
	sheet = sheet_make(f->node, f->pursuit);
	assert_non_null(sheet);
	assert_true(sheet->searched == UINT64_MAX);
	sheet_free(sheet);
}

/* They have answered, and their receipts say what they read. */
static void a_receipt_without_a_match_counts_as_an_answer(void **state)
{
	struct fixture *f = *state;
	struct trace_outcome *o = &f->round->outcomes[3];

	f->round->reply_count = 0;
	for (int i = 0; i < NODES; i++)
		f->round->outcomes[i].state = TARGET_NONE;
	o->has_receipt = true;
	o->receipt = (struct receipt){.kind = RECEIPT_NONE, .window = {T0, T0 + 1000}, .flows = 7};
	assert_int_equal(CTL_NOTHING, report(f));
	assert_true(says(f, "2026-11-22T"));
	assert_true(says(f, "none"));
}

static void nobody_met_is_no_answer_but_alone_is(void **state)
{
	struct fixture *f = *state;

	f->round->reply_count = f->round->outcome_count = 0;
	assert_int_equal(CTL_NOTHING, report(f)); /* it was told of nobody */
	f->node->conf.bootstrap_count = 1;
	assert_int_equal(CTL_PARTIAL, report(f));
}

static void a_report_of_what_was_not_asked_claims_no_window(void **state)
{
	struct fixture *f = *state;

	f->pursuit->round_count = 0;
	f->round->reply_count = f->round->outcome_count = 0;
	assert_int_equal(CTL_NOTHING, report(f));
	assert_false(says(f, "1970-"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_match_is_found_however_many_strangers_came_before),
		CASE(of_one_that_polls_alike_the_phase_is_told_with_its_chance),
		CASE(a_crowd_cannot_talk_a_report_to_death),
		CASE(exit_codes_tell_the_gravest_outcome),
		CASE(a_search_of_ones_own_that_failed_makes_it_partial),
		CASE(one_false_answer_beside_a_path_makes_it_partial),
		CASE(a_significant_match_without_a_place_is_not_nothing),
		CASE(what_members_say_they_compared_is_bounded),
		CASE(a_receipt_without_a_match_counts_as_an_answer),
		CASE(nobody_met_is_no_answer_but_alone_is),
		CASE(a_report_of_what_was_not_asked_claims_no_window),
	};

	return cmocka_run_group_tests_name("node/report", tests, NULL, NULL);
}
