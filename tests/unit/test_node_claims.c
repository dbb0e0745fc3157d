/* What hosts are said to say: believed where it holds, and refused where it does not. */
#include "correlate/score.h"
#include "node/hostentry.h"
#include "node/node.h"
#include "node/report.h"
#include "tests/unit/wire_fixture.h"

#include <stdlib.h>
#include <string.h>

static struct key_pair root;
static struct holder stone;

static int start(void **state)
{
	(void)state;
	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(90);
	stone = host_of(&root, 30, "stone");
	return 0;
}

static struct origin_flow flow_of(const char *src, const char *dst, uint8_t direction)
{
	struct origin_flow f = {.proto = 6, .direction = direction, .netns = 1};
	struct endpoint s, d;

	assert_ok(endpoint_parse(src, &s));
	assert_ok(endpoint_parse(dst, &d));
	memcpy(f.saddr, s.addr.octets, sizeof(f.saddr));
	memcpy(f.daddr, d.addr.octets, sizeof(f.daddr));
	f.sport = s.port;
	f.dport = d.port;
	return f;
}

/* ssh of the stone, which came in from 198.51.100.1, opened a connection to 198.51.100.4. */
static struct origin_record connect_record(void)
{
	struct origin_record r = {
		.head = {.length = RECORD_OCTETS,
	                 .major = ORIGIN_ABI_MAJOR,
	                 .kind = ORIGIN_KIND_CONNECT,
	                 .seq = 1,
	                 .time_ns = (uint64_t)NOON * 1000000},
		.flow = flow_of("10.2.0.5:2000", "198.51.100.4:22", ORIGIN_OUT),
		.origin = {.type = ORIGIN_REMOTE, .time_ns = (uint64_t)(NOON - 60000) * 1000000},
		.process = {.pid = 72, .comm = "ssh"},
		.user = {.uid = 1000},
	};

	r.origin.flow = r.root = flow_of("198.51.100.1:7000", "10.2.0.5:22", ORIGIN_IN);
	return r;
}

/* A log of this one entry, and the evidence of it. */
static size_t prove(const struct holder *host, const struct origin_record *r, size_t shown,
                    uint8_t room[EVIDENCE_MAX])
{
	struct id before = chain_begin(&host->card.id);
	struct checkpoint c = {.host = host->card.id, .count = 1, .at = {NOON}};
	struct checkpoint_blob blob;
	struct hostentry e;
	struct bytes in;
	struct leaf leaf;
	struct showing s = {.card = &host->card,
	                    .checkpoint = &blob,
	                    .number = 1,
	                    .before = before,
	                    .leaf = &leaf,
	                    .shown = shown};
	size_t len = EVIDENCE_MAX;

	hostentry_make(&e, r, &before);
	c.head = chain_next(&before, &e.leaf);
	checkpoint_sign(&c, &host->operational, &blob);
	in = bytes_of(e.octets, e.len);
	leaf.parts[0] = bytes_cut(&in, RECORD_HOP);
	leaf.parts[1] = bytes_cut(&in, RECORD_PROCESS);
	leaf.parts[2] = bytes_cut(&in, RECORD_USER);
	bytes_copy(&in, leaf.salts, sizeof(leaf.salts));
	assert_ok(evidence_pack(&s, room, &len));
	return len;
}

struct scene {
	struct answer answer;
	struct statement statement;
	uint8_t evidence[EVIDENCE_MAX], testimony[TESTIMONY_MAX];
};

static void scene_make(struct scene *s, const struct holder *host, const struct origin_record *r,
                       size_t shown)
{
	struct upstream *up = &s->statement.upstream;
	size_t len = prove(host, r, shown, s->evidence);

	memset(&s->answer, 0, sizeof(s->answer));
	s->answer.finding_count = 1;
	s->answer.findings[0] = (struct finding){
		.proto = 6, .verdict = VERDICT_MATCH, .life = {NOON, NOON + 60000}, .score = 0.9};
	assert_ok(endpoint_parse("10.2.0.5:2000", &s->answer.findings[0].src));
	assert_ok(endpoint_parse("198.51.100.4:22", &s->answer.findings[0].dst));
	memset(&s->statement, 0, sizeof(s->statement));
	s->statement.root = root.public;
	s->statement.evidence = bytes_of(s->evidence, len);
	s->statement.has_upstream = true;
	assert_ok(endpoint_parse("198.51.100.1:7000", &up->src));
	assert_ok(endpoint_parse("10.2.0.5:22", &up->dst));
	up->life = (struct interval){NOON - 60000, NOON - 1000};
	up->rhythm.proto = 6;
	up->rhythm.on_count = 1;
	up->rhythm.on[0] = up->life;
}

static size_t read_claims(struct scene *s, struct claim *ret)
{
	struct pack p = pack_into(s->testimony, sizeof(s->testimony));

	testimony_begin(&p, 1);
	testimony_put(&p, &s->statement);
	s->answer.testimony = bytes_of(s->testimony, pack_len(&p));
	return claims_read(&s->answer, ret);
}

static void what_holds_is_believed_as_far_as_it_is_shown(void **state)
{
	static struct claim claims[TESTIMONY_STATEMENTS_MAX];
	struct origin_record r = connect_record();
	static struct scene s;
	(void)state;

	for (size_t shown = 1; shown <= EVIDENCE_PARTS; shown++) {
		scene_make(&s, &stone, &r, shown);
		assert_int_equal(1, read_claims(&s, claims));
		assert_ok(claims[0].err);
		assert_int_equal(shown, claims[0].shown);
		assert_int_equal(shown > 1 ? 72 : 0, claims[0].record.process.pid);
		assert_int_equal(shown > 2 ? 1000 : 0, claims[0].record.user.uid);
		assert_true(claims[0].has_upstream);
		assert_int_equal(7000, claims_source(&claims[0])->flow.sport);
	}
}

static void an_upstream_that_the_host_did_not_name_is_left_out(void **state)
{
	static struct claim claims[TESTIMONY_STATEMENTS_MAX];
	struct origin_record r = connect_record();
	static struct scene s;
	(void)state;

	scene_make(&s, &stone, &r, 1);
	s.statement.upstream.src.port++;
	assert_int_equal(1, read_claims(&s, claims));
	assert_ok(claims[0].err);
	assert_false(claims[0].has_upstream);
}

static void what_is_about_something_else_is_refused(void **state)
{
	static struct claim claims[TESTIMONY_STATEMENTS_MAX];
	struct holder far = host_of(&root, 33, "far");
	struct origin_record r = connect_record();
	static struct scene s;
	(void)state;

	scene_make(&s, &stone, &r, 1);
	s.answer.findings[0].dst.port = 23;
	read_claims(&s, claims);
	assert_err(ERR_AUTH, claims[0].err);

	scene_make(&s, &stone, &r, 1);
	s.statement.finding = 1;
	read_claims(&s, claims);
	assert_err(ERR_FORMAT, claims[0].err);

	scene_make(&s, &stone, &r, 1);
	s.statement.is_incoming = true;
	read_claims(&s, claims);
	assert_err(ERR_AUTH, claims[0].err);

	scene_make(&s, &stone, &r, 1);
	s.statement.root.octets[0] ^= 1;
	read_claims(&s, claims);
	assert_err(ERR_ROOT, claims[0].err);

	assert_ok(prefix_parse("192.168.0.0/16", &far.card.cert.prefixes[0]));
	assert_ok(cert_issue(&root, &far.card.cert, &far.card.cert_blob));
	scene_make(&s, &far, &r, 1);
	read_claims(&s, claims);
	assert_err(ERR_DENIED, claims[0].err); /* it does not answer for that address */
}

static void a_record_that_nothing_makes_is_refused(void **state)
{
	static struct claim claims[TESTIMONY_STATEMENTS_MAX];
	struct origin_record r = connect_record();
	static struct scene s;
	(void)state;

	r.origin.type = 99;
	scene_make(&s, &stone, &r, 3);
	read_claims(&s, claims);
	assert_err(ERR_RANGE, claims[0].err);
}

static void a_testimony_that_breaks_its_format_is_one_false_claim(void **state)
{
	static struct claim claims[TESTIMONY_STATEMENTS_MAX];
	struct origin_record r = connect_record();
	static struct scene s;
	(void)state;

	scene_make(&s, &stone, &r, 1);
	read_claims(&s, claims);
	s.answer.testimony.end--;
	assert_int_equal(1, claims_read(&s.answer, claims));
	assert_err(ERR_FORMAT, claims[0].err);
}

/*
 * In a report.
 */

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

static enum ctl_code report(struct scene *s, bool has_path)
{
	static const struct interval on[] = {{NOON, NOON + 5000}, {NOON + 30000, NOON + 60000}};
	struct node *node = calloc(1, sizeof(*node));
	struct pursuit *t = calloc(1, sizeof(*t));
	struct round *round = calloc(1, sizeof(*round));
	uint8_t *room = malloc(REPORT_MAX);
	struct pack p = pack_into(room, REPORT_MAX);
	struct sheet *sheet;
	enum ctl_code code;

	t->rounds[0] = round;
	t->round_count = 1;
	t->target.best = (struct connection){.src = at("203.0.113.2:8000"),
	                                     .dst = at("10.4.0.5:22"),
	                                     .proto = 6,
	                                     .on = on,
	                                     .on_count = 2};
	round->replies = calloc(1, sizeof(*round->replies));
	round->outcomes = calloc(1, sizeof(*round->outcomes));
	round->reply_count = round->outcome_count = 1;
	round->replies[0].cert.member.octets[0] = 1;
	round->outcomes[0].state = TARGET_ANSWERED;
	if (!has_path)
		s->answer.findings[0].verdict = VERDICT_DIFFERENT;
	round->replies[0].answer = s->answer;
	sheet = sheet_make(node, t);
	assert_non_null(sheet);
	code = report_pack(&p, sheet, "", true);
	assert_false(p.out.is_full);
	sheet_free(sheet);
	free(round->replies);
	free(round->outcomes);
	free(round);
	free(t);
	free(node);
	free(room);
	return code;
}

static void forged_evidence_is_told_by_the_exit_code(void **state)
{
	static struct claim claims[TESTIMONY_STATEMENTS_MAX];
	struct origin_record r = connect_record();
	static struct scene s;
	(void)state;

	scene_make(&s, &stone, &r, 1);
	read_claims(&s, claims);
	assert_int_equal(CTL_NOTHING, report(&s, false));
	scene_make(&s, &stone, &r, 1);
	s.evidence[40] ^= 1;
	read_claims(&s, claims);
	assert_int_equal(CTL_UNVERIFIED, report(&s, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_holds_is_believed_as_far_as_it_is_shown),
		cmocka_unit_test(an_upstream_that_the_host_did_not_name_is_left_out),
		cmocka_unit_test(what_is_about_something_else_is_refused),
		cmocka_unit_test(a_record_that_nothing_makes_is_refused),
		cmocka_unit_test(a_testimony_that_breaks_its_format_is_one_false_claim),
		cmocka_unit_test(forged_evidence_is_told_by_the_exit_code),
	};

	return cmocka_run_group_tests_name("node/claims", tests, start, NULL);
}
