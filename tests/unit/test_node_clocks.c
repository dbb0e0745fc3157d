/* A clock that is known to be wrong: what a search and a lookup find is by ours, and so is a path.
 */
#include "correlate/path.h"
#include "node/asking.h"
#include "node/node.h"
#include "node/search.h"
#include "node/sheet.h"
#include "tests/unit/rhythm_fixture.h"
#include "tests/unit/store_fixture.h"

#define SILENCES 14
#define BOUND_MS 25
#define DAY_MS (24 * HOUR_MS)

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

struct world {
	struct fixture *f;
	struct node *node;
	struct rhythm up, target; /* of whom is upstream: it begins earlier, and ends later */
};

static int setup_world(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct collector *c;
	void *fixture;

	assert_non_null(w);
	assert_int_equal(0, setup(&fixture));
	w->f = fixture;
	w->f->options.block_flows = 1000;
	open_it(w->f);
	w->node = calloc(1, sizeof(*w->node));
	assert_non_null(w->node);
	w->node->store = w->f->store;
	assert_int_equal(0, uv_loop_init(&w->node->loop));
	c = &w->node->collector;
	c->decoder = calloc(1, sizeof(*c->decoder));
	assert_non_null(c->decoder);
	c->decoder->clocks = clocks_new();
	c->decoder->streams = stream_table_new(16, 0, NULL, NULL);
	w->target = rhythm_of_person(3, SILENCES + 1);
	w->up = w->target;
	w->up.on[0].start_ms -= 2000;
	w->up.on[SILENCES].end_ms += 2000;
	*state = w;
	return 0;
}

static int teardown_world(void **state)
{
	struct world *w = *state;
	struct collector *c = &w->node->collector;
	void *fixture = w->f;

	assert_int_equal(0, uv_loop_close(&w->node->loop));
	clocks_free(c->decoder->clocks);
	stream_table_free(c->decoder->streams);
	free(c->decoder);
	free(w->node);
	free(w);
	return teardown(&fixture);
}

/* As an exporter tells it whose clock is ahead by so much. */
static void export(struct world *w, const char *exporter, const char *src, const char *dst,
                   const struct rhythm *r, int64_t ahead_ms)
{
	for (size_t i = 0; i < r->count; i++) {
		struct flow f = {
			.exporter = at(exporter).addr,
			.src = at(src).addr,
			.src_port = at(src).port,
			.dst = at(dst).addr,
			.dst_port = at(dst).port,
			.proto = 6,
			.version = 9,
			.in_if = 1,
			.out_if = 2,
			.start_ms = r->on[i].start_ms + ahead_ms,
			.end_ms = r->on[i].end_ms + ahead_ms,
			.received_ms = r->on[i].end_ms + RHYTHM_GAP_MS,
			.octets = 1000,
			.packets = 10,
		};

		assert_ok(store_append(w->f->store, &f, 1));
	}
}

/* It was so around that time, and is right since. */
static void know_to(struct world *w, const char *exporter, int64_t ahead_ms, int64_t bound_ms)
{
	const struct clock_key key = {.exporter = at(exporter).addr, .version = 9};
	const struct clock_history h = {
		.count = 2,
		.segments = {{RHYTHM_T0 - DAY_MS, RHYTHM_T0 + DAY_MS, -ahead_ms, bound_ms, 0, 1},
	                     {RHYTHM_T0 + DAY_MS + 1, RHYTHM_T0 + 2 * DAY_MS, 0, bound_ms, 0, 1}},
	};
	uint8_t packed[CLOCKS_KEY], room[CLOCK_HISTORY_MAX];

	clocks_key_pack(&key, packed);
	assert_ok(clocks_recall(w->node->collector.decoder->clocks, packed,
	                        bytes_of(room, clock_history_pack(&h, room))));
}

static void know(struct world *w, const char *exporter, int64_t ahead_ms)
{
	know_to(w, exporter, ahead_ms, BOUND_MS);
}

/* Of so many flows that it sent. */
static void lose(struct world *w, const char *exporter, uint64_t sent, uint64_t lost)
{
	struct stream_key key = {.from = at(exporter), .version = 5};
	struct stream *s = stream_of(w->node->collector.decoder->streams, &key);

	s->datagrams = sent / 30;
	s->flows = sent - lost;
	s->lost = lost;
	for (int64_t i = 0; i < 20; i++)
		stream_arrive(s, (uint64_t)i, RHYTHM_T0 + i * 1000);
	assert_true(stream_is_proven(s));
}

static struct answer answer_to(struct world *w, const struct question *q)
{
	const struct flow_decoder *d = w->node->collector.decoder;
	struct answer answer = {.lost = 0};
	struct skews skews;
	struct losses losses;
	struct search_side side = {RHYTHM_GAP_MS, &skews, &losses};
	struct search_effort effort = {false, GATHERED_MAX, &deadline_never};
	enum search_extent extent;

	skews_take(&skews, d->clocks, d->streams);
	losses_take(&losses, d->streams);
	assert_ok(search_store(w->f->store, q, &side, &effort, &answer, &extent));
	skews_free(&skews);
	losses_free(&losses);
	return answer;
}

static struct match match_of(const struct finding *f)
{
	return (struct match){
		.node = 1,
		.view = {f->exporter, f->if_low, f->if_high},
		.src = f->src,
		.dst = f->dst,
		.life = f->life,
		.score = f->score,
		.proto = f->proto,
		.lag_ms = f->lag_ms,
	};
}

/* By its exporter's own time the hop begins after the one that it carries. */
static void a_hop_whose_clock_is_ahead_is_on_the_path(void **state)
{
	struct world *w = *state;
	struct interval life = {w->target.on[0].start_ms, w->target.on[SILENCES].end_ms};
	struct asking asking = {
		.rhythm = rhythm_print(&w->target), .clock = score_defaults.target, .proto = 6};
	struct question q = asking_question(&asking, 0);
	struct match matches[2];
	static struct path path;
	struct answer got;

	know(w, "10.255.0.1:0", 5000);
	export(w, "10.255.0.1:0", "10.0.0.5:40000", "203.0.113.2:22", &w->up, 5000);
	got = answer_to(w, &q);
	assert_int_equal(1, got.finding_count);
	assert_int_equal(life.start_ms - 2000, got.findings[0].life.start_ms);
	assert_int_equal(life.end_ms + 2000, got.findings[0].life.end_ms);
	assert_in_range(got.findings[0].lag_ms + 300, 0, 600);
	matches[0] = (struct match){
		.view = {at("10.255.0.4:0").addr, 1, 2},
		.src = at("203.0.113.2:50000"),
		.dst = at("198.51.100.4:22"),
		.life = life,
		.proto = 6,
		.is_target = true,
	};
	matches[1] = match_of(&got.findings[0]);
	path_assemble(matches, 2, NULL, 0, 2000, &path);
	assert_int_equal(2, path.hop_count);
	assert_int_equal(0, matches[1].hop);
}

static void count_lookup(struct lookup *l)
{
	l->others += 1000;
}

/* The target of a question: by our clock others find it. */
static void a_target_is_asked_about_by_our_clock(void **state)
{
	static const int64_t ahead_ms[] = {0, 12000, -12000, HOUR_MS, -HOUR_MS};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_LEN(ahead_ms); i++) {
		struct ctl_request r = ctl_request_of(CTL_TRACE);
		char exporter[32], dst[32];
		struct lookup l;

		snprintf(exporter, sizeof(exporter), "10.255.0.%zu:0", i);
		snprintf(dst, sizeof(dst), "198.51.100.%zu:22", i);
		know(w, exporter, ahead_ms[i]);
		export(w, exporter, "203.0.113.2:50000", dst, &w->target, ahead_ms[i]);
		r.target = at(dst);
		r.since_ms = r.until_ms = w->target.on[5].start_ms;
		lookup_start(&l, w->node, &r, RHYTHM_GAP_MS, (struct mono){0}, count_lookup);
		uv_run(&w->node->loop, UV_RUN_DEFAULT);
		assert_ok(l.err);
		assert_int_equal(1000, l.others);
		assert_int_equal(SILENCES + 1, l.best.on_count);
		for (size_t n = 0; n < l.best.on_count; n++)
			assert_in_range(l.on[n].start_ms - w->target.on[n].start_ms + BOUND_MS, 0,
			                2 * BOUND_MS);
		assert_null(l.skews.of);
		lookup_fini(&l);
	}
}

/* Whoever answers another node has no time for a remark. */
static void what_is_nearest_is_looked_for_where_somebody_is_told(void **state)
{
	const struct mono until[] = {{0}, MONO_NEVER};
	struct world *w = *state;

	export(w, "10.255.0.1:0", "203.0.113.2:50000", "198.51.100.1:22", &w->target, 0);
	for (size_t i = 0; i < ARRAY_LEN(until); i++) {
		struct ctl_request r = ctl_request_of(CTL_TRACE);
		struct lookup l;

		r.target = at("198.51.100.1:22");
		r.since_ms = r.until_ms = w->target.on[SILENCES].end_ms + 6 * HOUR_MS;
		lookup_start(&l, w->node, &r, RHYTHM_GAP_MS, until[i], count_lookup);
		uv_run(&w->node->loop, UV_RUN_DEFAULT);
		assert_err(ERR_NOENT, l.err);
		assert_int_equal(i == 1, l.nearest.is_some);
		lookup_fini(&l);
	}
}

/* As the node would ask about it. */
static struct question question_about(struct world *w, const char *dst)
{
	struct ctl_request r = ctl_request_of(CTL_TRACE);
	struct question q;
	struct lookup l;

	r.target = at(dst);
	lookup_start(&l, w->node, &r, RHYTHM_GAP_MS, (struct mono){0}, count_lookup);
	uv_run(&w->node->loop, UV_RUN_DEFAULT);
	assert_ok(l.err);
	q = asking_question(&(struct asking){.rhythm = {l.on, l.best.on_count, RHYTHM_GAP_MS},
	                                     .clock = losses_clock(&l.best, l.lost),
	                                     .proto = 6},
	                    0);
	lookup_fini(&l);
	return q;
}

/* What the answer says of the connection that is upstream; NULL: nothing. */
static const struct finding *upstream_in(const struct answer *a)
{
	for (size_t i = 0; i < a->finding_count; i++) {
		if (a->findings[i].dst.port == 2222)
			return &a->findings[i];
	}
	return NULL;
}

static struct question as_if_nothing_were_known(struct question q)
{
	q.bound_ms = score_defaults.target.bound_ms;
	q.lost = 50;
	return q;
}

static void export_both(struct world *w, int64_t target_ahead_ms)
{
	export(w, "10.255.0.1:0", "10.0.0.5:40000", "203.0.113.2:2222", &w->up, 0);
	export(w, "10.255.0.4:0", "203.0.113.2:50000", "198.51.100.4:22", &w->target,
	       target_ahead_ms);
}

/* Its exporter's clock is right to within ten seconds, as far as is known, and nine ahead. */
static void a_target_whose_clock_is_hardly_known_is_found(void **state)
{
	struct world *w = *state;
	struct question q, less;
	const struct finding *f;
	struct answer got;

	know(w, "10.255.0.1:0", 0);
	know_to(w, "10.255.0.4:0", 0, 10000);
	export_both(w, 9000);
	q = question_about(w, "198.51.100.4:22");
	assert_int_equal(q.bound_ms, 10000);
	less = as_if_nothing_were_known(q);
	got = answer_to(w, &less);
	f = upstream_in(&got);
	assert_true(f == NULL || f->verdict != VERDICT_MATCH);
	got = answer_to(w, &q);
	f = upstream_in(&got);
	assert_non_null(f);
	assert_int_equal(f->verdict, VERDICT_MATCH);
	assert_in_range(f->lag_ms + 9300, 0, 600);
}

/* It is the middle of what the clock leaves open that is told, as of a candidate. */
static void a_question_is_by_the_middle_of_what_is_open(void **state)
{
	struct world *w = *state;
	struct question q;

	know_to(w, "10.255.0.4:0", 5000, 500);
	export_both(w, 5000);
	q = question_about(w, "198.51.100.4:22");
	assert_int_equal(q.bound_ms, 500);
	for (size_t i = 0; i < q.on_count; i++)
		assert_int_equal(q.on[i].start_ms, w->target.on[i].start_ms);
}

/* Thirty seconds lie between the clocks, and both are known, one to within three seconds. */
static void a_start_and_its_lag_are_by_the_same_clock(void **state)
{
	struct world *w = *state;
	struct question q;
	const struct finding *f;
	struct answer got;

	know_to(w, "10.255.0.1:0", 30000, 3000);
	know_to(w, "10.255.0.4:0", 0, 25);
	export(w, "10.255.0.1:0", "10.0.0.5:40000", "203.0.113.2:2222", &w->up, 30000);
	export(w, "10.255.0.4:0", "203.0.113.2:50000", "198.51.100.4:22", &w->target, 0);
	q = question_about(w, "198.51.100.4:22");
	got = answer_to(w, &q);
	f = upstream_in(&got);
	assert_non_null(f);
	assert_in_range(f->lag_ms + 300, 0, 600);
	assert_int_equal(f->life.start_ms, w->up.on[0].start_ms);
	assert_int_equal(f->life.end_ms, w->up.on[SILENCES].end_ms);
}

/* Of what a host has named the times are moved already: what is left open goes with the question.
 */
static void what_is_known_of_an_exporter_goes_with_a_question(void **state)
{
	struct world *w = *state;
	const struct flow_decoder *d = w->node->collector.decoder;
	struct interval life = {w->target.on[0].start_ms, w->target.on[SILENCES].end_ms};
	const struct endpoint good = at("10.255.0.1:0");
	const struct endpoint bad[] = {at("10.255.0.2:0"), at("10.255.0.3:0")};
	struct score_clock known, unknown;

	know_to(w, "10.255.0.1:0", 20000, 400);
	lose(w, "10.255.0.1:9001", 100000, 20000);
	known = asking_clock(d, &good.addr, life);
	assert_int_equal(0, known.offset_ms);
	assert_int_equal(400, known.bound_ms);
	assert_float_equal(known.loss, 0.2, 0.01);
	know_to(w, "10.255.0.2:0", 0, 20000); /* that is not known at all */
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		unknown = asking_clock(d, &bad[i].addr, life);
		assert_int_equal(score_defaults.target.bound_ms, unknown.bound_ms);
		assert_float_equal(score_defaults.target.loss, unknown.loss, 0.001);
	}
}

/* A connection that a host has named: who asks knows its own exporters, and no other member's. */
static void what_a_host_has_named_is_asked_about_by_what_is_known(void **state)
{
	struct world *w = *state;
	static struct claim claim = {.has_upstream = true};
	static struct sheet s;
	struct pursuit p = {.round_count = 0};
	struct upstream *up = &claim.upstream;
	struct score_clock clock = {.offset_ms = 77};

	know_to(w, "10.255.0.1:0", 20000, 400);
	*up = (struct upstream){.exporter = at("10.255.0.1:0").addr,
	                        .life = {w->up.on[0].start_ms, w->up.on[SILENCES].end_ms},
	                        .rhythm = {.on_count = SILENCES + 1}};
	s = (struct sheet){.node = w->node, .pursuit = &p, .match_count = 2, .tie_count = 1};
	s.matches[0] = (struct match){.node = SHEET_SELF, .is_target = true, .hop = 1};
	s.matches[1] = (struct match){.node = SHEET_SELF, .is_told = true, .hop = 0};
	s.ties[0] = (struct tie){1, 0};
	s.tied[0] = &claim;
	assert_ptr_equal(up, sheet_next(&s, &clock));
	assert_int_equal(0, clock.offset_ms);
	assert_int_equal(400, clock.bound_ms);
	s.matches[0].node = 1;
	assert_ptr_equal(up, sheet_next(&s, &clock));
	assert_int_equal(score_defaults.target.bound_ms, clock.bound_ms);
}

static double score_of(struct world *w, const struct question *q)
{
	struct answer got = answer_to(w, q);
	const struct finding *f = upstream_in(&got);

	assert_non_null(f);
	return f->score;
}

static void two_sides_that_are_known_well_are_sharper(void **state)
{
	struct world *w = *state;
	struct question q, less;

	know(w, "10.255.0.1:0", 0);
	know(w, "10.255.0.4:0", 0);
	lose(w, "10.255.0.4:9001", 3000000, 0);
	export_both(w, 0);
	q = question_about(w, "198.51.100.4:22");
	assert_int_equal(q.bound_ms, BOUND_MS);
	assert_int_equal(q.lost, 0);
	less = as_if_nothing_were_known(q);
	assert_true(score_of(w, &q) > score_of(w, &less) + 0.2);
}

static struct rhythm torn(struct rhythm r)
{
	for (size_t i = 1; i < r.count; i++)
		r = rhythm_without(r, i);
	return r;
}

/*
 * Half of the target's records are missing. What is left of it is all at the candidate's side,
 * which has lost nothing: that is as good as it was.
 */
static void what_the_target_s_side_lost_asks_nothing_of_the_other(void **state)
{
	struct world *w = *state;
	struct question q, whole;
	double sharp;

	w->target = torn(w->target);
	know(w, "10.255.0.1:0", 0);
	know(w, "10.255.0.4:0", 0);
	lose(w, "10.255.0.1:9001", 3000000, 0);
	lose(w, "10.255.0.4:9001", 1000000, 500000);
	lose(w, "10.255.0.4:9002", 1000000, 500000);
	export_both(w, 0);
	q = question_about(w, "198.51.100.4:22");
	assert_in_range(q.lost, 495, 500);
	whole = q;
	whole.lost = 0;
	sharp = score_of(w, &q);
	assert_true(sharp > score_of(w, &whole) - 0.1);
	lose(w, "10.255.0.1:9001", 3000000, 1500000);
	assert_true(sharp > score_of(w, &q) + 1);
}

/* The same the other way round: what the asking side lost is the asking side's to say. */
static void what_the_candidate_s_side_lost_asks_nothing_of_the_target(void **state)
{
	struct world *w = *state;
	struct question q, torn_as_well;
	double sharp;

	w->up = torn(w->up);
	know(w, "10.255.0.1:0", 0);
	know(w, "10.255.0.4:0", 0);
	lose(w, "10.255.0.1:9001", 1000000, 500000);
	lose(w, "10.255.0.4:9001", 3000000, 0);
	export_both(w, 0);
	q = question_about(w, "198.51.100.4:22");
	assert_int_equal(q.lost, 0);
	torn_as_well = q;
	torn_as_well.lost = 500;
	sharp = score_of(w, &q);
	assert_true(sharp > score_of(w, &torn_as_well) + 1);
	lose(w, "10.255.0.1:9001", 3000000, 0);
	assert_true(sharp > score_of(w, &q) - 0.1);
}

static void ignore(struct pursuit *p)
{
	(void)p;
}

/* Looked at again, it is as it is known to be now, though it begins later than was thought. */
static void a_target_moves_with_what_is_known(void **state)
{
	static const struct pursuit_owner owner = {.found = ignore, .looked = ignore};
	struct world *w = *state;
	struct ctl_request r = ctl_request_of(CTL_TRACE);
	struct pursuit p = {.owner = &owner};
	int64_t start_ms = w->target.on[0].start_ms;

	export(w, "10.255.0.1:0", "203.0.113.2:50000", "198.51.100.4:22", &w->target, -12000);
	r.target = at("198.51.100.4:22");
	pursuit_start(&p, w->node, &r, RHYTHM_GAP_MS);
	uv_run(&w->node->loop, UV_RUN_DEFAULT);
	assert_ok(p.target.err);
	assert_int_equal(start_ms - 12000, p.target.on[0].start_ms);
	know(w, "10.255.0.1:0", -12000);
	pursuit_look(&p);
	uv_run(&w->node->loop, UV_RUN_DEFAULT);
	assert_int_equal(start_ms - BOUND_MS, p.target.on[0].start_ms);
	pursuit_end(&p);
}

int main(void)
{
#define IN_WORLD(name) cmocka_unit_test_setup_teardown(name, setup_world, teardown_world)
	const struct CMUnitTest tests[] = {
		IN_WORLD(a_hop_whose_clock_is_ahead_is_on_the_path),
		IN_WORLD(a_target_is_asked_about_by_our_clock),
		IN_WORLD(what_is_nearest_is_looked_for_where_somebody_is_told),
		IN_WORLD(a_target_moves_with_what_is_known),
		IN_WORLD(a_target_whose_clock_is_hardly_known_is_found),
		IN_WORLD(a_question_is_by_the_middle_of_what_is_open),
		IN_WORLD(a_start_and_its_lag_are_by_the_same_clock),
		IN_WORLD(what_is_known_of_an_exporter_goes_with_a_question),
		IN_WORLD(what_a_host_has_named_is_asked_about_by_what_is_known),
		IN_WORLD(two_sides_that_are_known_well_are_sharper),
		IN_WORLD(what_the_target_s_side_lost_asks_nothing_of_the_other),
		IN_WORLD(what_the_candidate_s_side_lost_asks_nothing_of_the_target),
	};

	return cmocka_run_group_tests_name("node/clocks", tests, NULL, NULL);
}
