#include "proto/wire/envelope.h"
#include "tests/unit/overlay_fixture.h"

enum { A, B, C, D, E };

/* Ids that begin with 00, 01, 10, 11; everybody keeps one of each distance: not all know all. */
static struct world *quarters(void)
{
	struct world *w = world_new(4);

	for (size_t i = 0; i < 4; i++) {
		settle_at(w, i, (uint8_t)(i << 6), 2);
		w->parties[i].options.limits.bucket_max = 1;
	}
	all_meet(w);
	run(w, 30000);
	return w;
}

/* The one of the far half that is in a's table, and the other. */
static size_t near_one(const struct world *w)
{
	assert_true(is_live(w, A, C) != is_live(w, A, D));
	return is_live(w, A, C) ? C : D;
}

static unsigned queries(const struct world *w, size_t from, size_t to)
{
	return w->frames[from][to][FRAME_QUERY];
}

static unsigned served(const struct world *w, size_t i)
{
	return w->parties[i].acts[ACT_SERVE];
}

/* a shares no bit with c: c passes it on into all its buckets deeper than the first. */
static void a_question_is_passed_on_by_the_bits_shared_with_who_brought_it(void **state)
{
	struct world *w = quarters();
	size_t near = near_one(w), far = C + D - near;
	(void)state;

	assert_ok(ask(w, A, 20000));
	run(w, 300);
	assert_int_equal(queries(w, A, near), 1);
	assert_int_equal(queries(w, A, B), 1);
	assert_int_equal(queries(w, A, far), 0);
	assert_int_equal(queries(w, near, far), 1);
	assert_int_equal(queries(w, near, B), 0); /* not its part */
	assert_int_equal(queries(w, B, near) + queries(w, B, far), 0);
	assert_int_equal(w->parties[near].hops, 0);
	assert_int_equal(w->parties[far].hops, 1);
	assert_true(overlay_holds(w->parties[far].overlay, &w->parties[A].query.id));
	for (size_t i = B; i <= D; i++)
		assert_int_equal(served(w, i), 1);
	world_free(w);
}

static void every_copy_is_acknowledged(void **state)
{
	struct world *w = quarters();
	size_t near = near_one(w), far = C + D - near;
	(void)state;

	assert_ok(ask(w, A, 20000));
	run(w, 300);
	assert_int_equal(w->frames[near][A][FRAME_QACK], 1);
	assert_int_equal(w->frames[B][A][FRAME_QACK], 1);
	assert_int_equal(w->frames[far][near][FRAME_QACK], 1);
	run(w, 3000);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(counters(w, i)->copies_lost, 0);
	world_free(w);
}

/* a | b c d in the other half: c and d stand in one bucket of b. */
static struct world *half_a_party(void)
{
	struct world *w = world_new(4);

	settle_at(w, A, 0x00, 1);
	settle_at(w, B, 0x80, 2);
	settle_at(w, C, 0xc0, 2);
	settle_at(w, D, 0xc0, 2);
	all_meet(w);
	run(w, 30000);
	return w;
}

/* Liars that rush copies from nearby cannot cut short what the true copy asks for (Kadcast's). */
static void a_later_copy_from_farther_away_widens_what_was_passed_on(void **state)
{
	struct world *w = half_a_party();
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	say_query(w, C, B, &blob, 0); /* b's neighbour: there is nothing deeper */
	run(w, 100);
	assert_int_equal(queries(w, B, A) + queries(w, B, C) + queries(w, B, D), 0);
	assert_int_equal(counters(w, B)->widened, 0);
	say_query(w, A, B, &blob, 0);
	run(w, 100);
	assert_int_equal(queries(w, B, D), 1);
	assert_int_equal(queries(w, B, C), 0); /* it has it: it brought it */
	assert_int_equal(counters(w, B)->widened, 1);
	say_query(w, A, B, &blob, 0); /* each depth once */
	say_query(w, C, B, &blob, 0);
	run(w, 100);
	assert_int_equal(queries(w, B, D), 1);
	assert_int_equal(counters(w, B)->widened, 1);
	assert_int_equal(served(w, B), 1);
	world_free(w);
}

static size_t swallower;

/* Nor are there digests: by one the other of the bucket would have it before. */
static bool swallow_acks(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)to;
	return f->kind != FRAME_DIGEST && !(f->kind == FRAME_QACK && from == swallower);
}

static void a_copy_that_is_not_acknowledged_goes_to_another_of_that_bucket(void **state)
{
	struct world *w = half_a_party();
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	w->bend = swallow_acks;
	swallower = PARTIES;
	say_query(w, A, B, &blob, 0);
	run(w, 15); /* it is there, and on its way to one of them */
	swallower = queries(w, B, C) == 1 ? C : D;
	assert_int_equal(queries(w, B, C) + queries(w, B, D), 1);
	run(w, 300);
	assert_int_equal(queries(w, B, C + D - swallower), 0);
	run(w, 100);
	assert_int_equal(queries(w, B, C + D - swallower), 1);
	assert_int_equal(counters(w, B)->copies_lost, 1);
	assert_int_equal(served(w, C), 1);
	assert_int_equal(served(w, D), 1);
	world_free(w);
}

static bool lose_first_copies(struct world *w, size_t from, size_t to, struct frame *f)
{
	return f->kind != FRAME_QUERY || w->frames[to][from][FRAME_WANT] > 0;
}

static void what_got_lost_is_pulled(void **state)
{
	struct world *w = quarters();
	uint64_t pulled = 0;
	(void)state;

	w->bend = lose_first_copies;
	assert_ok(ask(w, A, 20000));
	run(w, 250);
	for (size_t i = B; i <= D; i++)
		assert_int_equal(served(w, i), 0);
	run(w, 15000);
	for (size_t i = B; i <= D; i++) {
		assert_int_equal(served(w, i), 1);
		pulled += counters(w, i)->pulled;
	}
	assert_true(pulled >= 3);
	world_free(w);
}

static void a_question_that_has_gone_too_far_goes_no_farther(void **state)
{
	struct world *w = quarters();
	struct query q = {.reply_to = {{1}}}, other = q;
	struct query_blob blob;
	size_t near = near_one(w), far = C + D - near;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	say_query(w, A, near, &blob, 13);
	run(w, 100);
	assert_int_equal(counters(w, near)->far, 1);
	assert_int_equal(served(w, near), 0);
	assert_false(overlay_holds(w->parties[near].overlay, &q.id));
	forge_query(w, A, 2, &other, &blob);
	say_query(w, A, near, &blob, 12);
	run(w, 100);
	assert_int_equal(served(w, near), 1);
	assert_int_equal(queries(w, near, far), 0);
	world_free(w);
}

static void say_number(struct world *w, uint64_t number)
{
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;

	forge_query(w, A, number, &q, &blob);
	say_query(w, A, B, &blob, 0);
	run(w, 6000); /* no more are alive, nor asked in a minute, than one member may */
}

static void a_number_is_good_for_one_question(void **state)
{
	static const struct {
		uint64_t number;
		bool is_new;
	} rows[] = {
		{100, true},  {100, false},  {101, true},        {99, true},
		{99, false},  {37, true},    {36, false},        {100, false},
		{1000, true}, {100, false},  {936, true},        {935, false},
		{1064, true}, {1000, false}, {UINT64_MAX, true}, {1065, false},
	};
	struct world *w = quarters();
	unsigned taken = 0;
	uint64_t refused = 0;
	(void)state;

	w->parties[B].policy = POLICY_REFUSE;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		say_number(w, rows[i].number);
		taken += rows[i].is_new;
		refused += !rows[i].is_new;
		assert_int_equal(w->parties[B].acts[ACT_WINDOW], taken);
		assert_int_equal(counters(w, B)->equivocated, refused);
	}
	assert_int_equal(w->parties[B].window.highest, UINT64_MAX);
	world_free(w);
}

static void windows_are_kept_across_restarts(void **state)
{
	struct world *w = quarters();
	struct window window;
	(void)state;

	say_number(w, 7);
	say_number(w, 5);
	window = w->parties[B].window;
	assert_true(id_equal(&window.origin, id_of(w, A)));
	assert_int_equal(window.highest, 7);
	assert_int_equal(window.before, 1 << 1);
	start_party(w, B);
	remember(w, B, A);
	assert_ok(overlay_remember_window(w->parties[B].overlay, &window));
	run(w, 40000);
	say_number(w, 7);
	say_number(w, 5);
	/* And the first two, which others hold, once each. */
	assert_int_equal(counters(w, B)->equivocated, 4);
	say_number(w, 6);
	assert_int_equal(counters(w, B)->equivocated, 4);
	assert_int_equal(w->parties[B].window.before, 3);
	world_free(w);
}

/* Else notes of everybody who ever asked would be on disk for ever. */
static void a_window_that_makes_room_is_kept_no_longer(void **state)
{
	struct world *w = world_new(3);
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	struct act act;
	uint32_t ticket = 0;
	unsigned windows = 0;
	(void)state;

	w->parties[B].options.limits.origins_max = 1;
	all_meet(w);
	run(w, 5000);
	forge_query(w, A, 1, &q, &blob);
	say_query(w, A, B, &blob, 0);
	run(w, 400000); /* no question of it can be alive */
	q = (struct query){.reply_to = {{1}}};
	forge_query(w, C, 1, &q, &blob);
	w->parties[B].is_deaf = true;
	say_query(w, C, B, &blob, 0);
	run(w, 20);
	while (overlay_next(w->parties[B].overlay, &act)) {
		if (act.kind == ACT_SERVE)
			ticket = act.ticket;
		if (act.kind != ACT_WINDOW)
			continue;
		assert_memory_equal(&act.window.origin, id_of(w, A), sizeof(act.window.origin));
		assert_int_equal(act.window.highest, 0);
		windows++;
	}
	assert_int_equal(windows, 1);
	w->parties[B].is_deaf = false;
	give_answer(w, B, ticket, POLICY_NONE);
	run(w, 100);
	assert_memory_equal(&w->parties[B].window.origin, id_of(w, C), sizeof(struct id));
	assert_int_equal(w->parties[B].window.highest, 1);
	world_free(w);
}

/* The second of two under one number is not served, held or passed on, by whomever it comes. */
static void two_questions_under_one_number_are_noticed(void **state)
{
	struct world *w = quarters();
	struct query q[2] = {{.reply_to = {{1}}}, {.reply_to = {{2}}}};
	struct query_blob blob;
	(void)state;

	for (int i = 0; i < 2; i++) {
		forge_query(w, A, 9, &q[i], &blob);
		say_query(w, A, B, &blob, 0);
		run(w, 50);
	}
	assert_int_equal(counters(w, B)->equivocated, 1);
	assert_int_equal(served(w, B), 1);
	assert_true(overlay_holds(w->parties[B].overlay, &q[0].id));
	say_query(w, A, B, &blob, 0); /* it is known now for what it is */
	run(w, 50);
	assert_int_equal(counters(w, B)->equivocated, 1);
	assert_int_equal(served(w, B), 1);
	assert_int_equal(w->frames[B][C][FRAME_QUERY] + w->frames[B][D][FRAME_QUERY], 0);
	world_free(w);
}

/* Times relative to b's clock; INT64_MIN and _MAX stand for themselves. */
static void a_question_is_of_the_present_whatever_it_says(void **state)
{
	static const struct {
		int64_t issued, expires;
		bool is_fresh;
	} rows[] = {
		{0, 30000, true},
		{0, -1, false},
		{-90000, -59000, true},
		{-120000, -61000, false},
		{61000, 90000, false},
		{0, 130000, false},
		{INT64_MIN, INT64_MIN, false},
		{INT64_MAX, INT64_MAX, false},
		{0, INT64_MIN, false},
		{0, INT64_MAX, false},
		{INT64_MIN, INT64_MAX, false},
	};
	struct world *w = quarters();
	unsigned fresh = 0;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t now_ms = now_of(w, B).wall.ms;
		struct query q = {.reply_to = {{1}}};
		struct query_blob blob;

		q.issued.ms = rows[i].issued;
		q.expires.ms = rows[i].expires;
		if (q.issued.ms > -1000000 && q.issued.ms < 1000000)
			q.issued.ms += now_ms;
		if (q.expires.ms > -1000000 && q.expires.ms < 1000000)
			q.expires.ms += now_ms;
		forge_query(w, A, i + 1, &q, &blob);
		say_query(w, A, B, &blob, 0);
		fresh += rows[i].is_fresh;
		run(w, 50);
		assert_true(overlay_holds(w->parties[B].overlay, &q.id) == rows[i].is_fresh);
		assert_int_equal(counters(w, B)->expired, i + 1 - fresh);
	}
	world_free(w);
}

static void one_that_is_to_be_direct_is_not_passed_on(void **state)
{
	struct world *w = quarters();
	struct query q = {.reply_to = {{1}}, .is_direct = true};
	struct query_blob blob;
	size_t near = near_one(w), far = C + D - near;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	say_query(w, A, near, &blob, 0);
	run(w, 20000);
	assert_int_equal(served(w, near), 1);
	assert_int_equal(served(w, far), 0);
	assert_int_equal(queries(w, near, far), 0);
	world_free(w);
}

static void who_brings_a_forged_one_is_not_thanked(void **state)
{
	struct world *w = quarters();
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	blob.octets[blob.len - 1] ^= 1;
	say_query(w, A, B, &blob, 0);
	run(w, 100);
	assert_int_equal(counters(w, B)->forged, 1);
	assert_int_equal(w->frames[B][A][FRAME_QACK], 0);
	assert_int_equal(served(w, B), 0);
	blob.octets[blob.len - 1] ^= 1; /* and the true one is not held up by it */
	say_query(w, A, B, &blob, 0);
	run(w, 100);
	assert_int_equal(served(w, B), 1);
	world_free(w);
}

/* An array of so many, signed by a; what is in it, nobody of this version can know. */
static struct query_blob later_query(struct world *w, uint64_t version, size_t fields)
{
	uint8_t body[256];
	struct pack p = pack_into(body, sizeof(body));
	struct query_blob blob;

	pack_array(&p, fields);
	pack_uint(&p, version);
	for (size_t i = 1; i < fields; i++)
		pack_nil(&p);
	blob.len = envelope_pack(&w->parties[A].options.self.operational, "spoor query 9", &p,
	                         blob.octets, sizeof(blob.octets));
	return blob;
}

static void one_of_another_version_is_counted_apart(void **state)
{
	struct world *w = quarters();
	struct query_blob later = later_query(w, 5, 16), earlier = later_query(w, 3, 13);
	struct query_blob none = later_query(w, 4, 13);
	(void)state;

	say_query(w, A, B, &later, 0);
	say_query(w, A, B, &earlier, 0);
	run(w, 100);
	assert_int_equal(counters(w, B)->other_version, 2);
	assert_int_equal(counters(w, B)->malformed, 0);
	say_query(w, A, B, &none, 0);
	run(w, 100);
	assert_int_equal(counters(w, B)->other_version, 2);
	assert_int_equal(counters(w, B)->malformed, 1);
	world_free(w);
}

static void one_that_says_what_cannot_be_is_malformed(void **state)
{
	struct world *w = quarters();
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	q.question.bound_ms = QUERY_BOUND_MAX_MS + 1;
	assert_ok(query_pack(&q, card_of(w, A), &w->parties[A].options.self.operational, &blob));
	say_query(w, A, B, &blob, 0);
	run(w, 100);
	assert_int_equal(counters(w, B)->malformed, 1);
	assert_int_equal(served(w, B), 0);
	world_free(w);
}

static void who_may_not_ask_is_not_served(void **state)
{
	struct world *w = world_new(2);
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	w->parties[A].options.self.card.cert.roles = CERT_ROLE_ANSWER;
	reissue(w, A);
	all_meet(w);
	run(w, 2000);
	forge_query(w, A, 1, &q, &blob);
	say_query(w, A, B, &blob, 0);
	run(w, 100);
	assert_int_equal(counters(w, B)->refused, 1);
	assert_int_equal(served(w, B), 0);
	assert_false(overlay_holds(w->parties[B].overlay, &q.id));
	world_free(w);
}

static void one_that_asks_without_end_is_its_own_limit(void **state)
{
	struct world *w = quarters();
	struct query q;
	struct query_blob blob;
	struct query_id ids[40];
	unsigned taken = 0;
	(void)state;

	for (size_t i = 0; i < 4; i++) {
		w->parties[i].options.limits.held_max = 64;
		w->parties[i].options.limits.seen_max = 128;
		start_party(w, i);
	}
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 4; j++) {
			if (i != j)
				remember(w, i, j);
		}
	}
	run(w, 30000);
	for (uint64_t i = 1; i <= ARRAY_LEN(ids); i++) {
		q = (struct query){.reply_to = {{1}}};
		forge_query(w, A, i, &q, &blob);
		say_query(w, A, B, &blob, 0);
		ids[i - 1] = q.id;
	}
	run(w, 50);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		taken += overlay_holds(w->parties[B].overlay, &ids[i]);
	assert_int_equal(taken, 8); /* alive at once */
	assert_int_equal(counters(w, B)->over_budget, 32);
	q = (struct query){.reply_to = {{1}}};
	forge_query(w, C, 1, &q, &blob);
	say_query(w, A, B, &blob, 0); /* another's, whoever brings it */
	run(w, 50);
	assert_true(overlay_holds(w->parties[B].overlay, &q.id));
	world_free(w);
}

/* Each pull would cost a signature check, and be in vain. */
static void one_over_budget_is_not_pulled_again_at_every_digest(void **state)
{
	struct world *w = quarters();
	struct query q;
	struct query_blob blob;
	unsigned receipts;
	(void)state;

	for (uint64_t i = 1; i <= 8; i++) { /* all that A may have alive, at B alone */
		q = (struct query){.reply_to = {{1}}, .is_direct = true};
		q.issued = now_of(w, A).wall;
		q.expires.ms = q.issued.ms + 12000;
		forge_query(w, A, i, &q, &blob);
		say_query(w, A, B, &blob, 0);
	}
	run(w, 50);
	q = (struct query){.reply_to = {{1}}};
	forge_query(w, A, 9, &q, &blob);
	say_query(w, A, C, &blob, 0);
	run(w, 4000);
	assert_in_range(w->frames[C][B][FRAME_DIGEST] + w->frames[D][B][FRAME_DIGEST], 3, 100);
	assert_in_range(counters(w, B)->pulled, 0, 1);
	assert_in_range(counters(w, B)->over_budget, 1, 2);
	assert_false(overlay_holds(w->parties[B].overlay, &q.id));

	receipts = w->frames[B][A][FRAME_RECEIPT];
	say_query(w, A, B, &blob, 0); /* its origin itself hears that there is no room */
	run(w, 50);
	assert_int_equal(w->frames[B][A][FRAME_RECEIPT], receipts + 1);

	run(w, 20000); /* and what has room again is pulled */
	assert_true(overlay_holds(w->parties[B].overlay, &q.id));
	world_free(w);
}

/* Else whoever fills it could replay what it had pushed out. */
static void what_is_alive_is_not_forgotten_for_what_is_new(void **state)
{
	struct world *w = world_new(2);
	struct query q[5];
	struct query_blob blobs[5];
	(void)state;

	w->parties[B].options.limits.seen_max = 4;
	all_meet(w);
	run(w, 2000);
	for (uint64_t i = 0; i < 5; i++) {
		q[i] = (struct query){.reply_to = {{1}}};
		forge_query(w, A, i + 1, &q[i], &blobs[i]);
		say_query(w, A, B, &blobs[i], 0);
	}
	run(w, 50);
	assert_int_equal(counters(w, B)->busy, 1);
	assert_int_equal(counters(w, B)->tables_full, 1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(overlay_holds(w->parties[B].overlay, &q[i].id), i < 4);
	say_query(w, A, B, &blobs[0], 0);
	run(w, 50);
	assert_int_equal(served(w, B), 4);
	world_free(w);
}

static void one_that_is_over_is_remembered_and_not_served_again(void **state)
{
	struct world *w = quarters();
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	(void)state;

	forge_query(w, A, 1, &q, &blob);
	say_query(w, A, B, &blob, 0);
	run(w, 60000); /* it has expired, and clocks may be off as much */
	say_query(w, A, B, &blob, 0);
	run(w, 50);
	assert_int_equal(counters(w, B)->replayed, 1);
	assert_int_equal(served(w, B), 1);
	assert_int_equal(w->frames[B][A][FRAME_QACK], 2);
	world_free(w);
}

static void an_urgent_one_goes_to_two_of_each_bucket(void **state)
{
	struct world *w = world_new(5);
	struct query q = {.reply_to = {{1}}};
	struct query_blob blob;
	struct question question = question_of(2);
	(void)state;

	settle_at(w, A, 0x00, 1);
	settle_at(w, B, 0x80, 2);
	for (size_t i = C; i <= E; i++)
		settle_at(w, i, 0xc0, 2);
	all_meet(w);
	run(w, 30000);
	question.severity = SEVERITY_CRITICAL;
	q.number = 1;
	q.question = question;
	q.issued = now_of(w, A).wall;
	q.expires.ms = q.issued.ms + 30000;
	assert_ok(query_pack(&q, card_of(w, A), &w->parties[A].options.self.operational, &blob));
	say_query(w, A, B, &blob, 0);
	run(w, 15);
	assert_int_equal(queries(w, B, C) + queries(w, B, D) + queries(w, B, E), 2);
	world_free(w);
}

static struct id named[200]; /* the first 8 octets count */
static size_t named_count;

static bool note_digests(struct world *w, size_t from, size_t to, struct frame *f)
{
	(void)w;
	(void)to;
	for (size_t i = 0; from == A && f->kind == FRAME_DIGEST && i < f->id_count; i++) {
		size_t at = 0;

		while (at < named_count && memcmp(&named[at], &f->ids[i], sizeof(f->ids[i])) != 0)
			at++;
		assert_true(at < ARRAY_LEN(named));
		memcpy(&named[at], &f->ids[i], sizeof(f->ids[i]));
		named_count = MAX(named_count, at + 1);
	}
	return f->kind != FRAME_QUERY;
}

/* A DIGEST has room for 128 questions: none of more is left out for ever. */
static void of_many_questions_all_are_named(void **state)
{
	enum { MANY = FRAME_IDS_MAX + 12 };
	struct world *w = world_new(2);
	(void)state;

	w->parties[A].options.limits.held_max = ARRAY_LEN(named);
	w->parties[A].options.limits.seen_max = 2 * ARRAY_LEN(named);
	w->parties[A].options.limits.asks_max = MANY;
	all_meet(w);
	run(w, 5000);
	w->bend = note_digests;
	named_count = 0;
	for (size_t i = 0; i < MANY; i++)
		assert_ok(ask(w, A, 120000));
	run(w, 60000);
	assert_int_equal(named_count, MANY);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_passed_on_by_the_bits_shared_with_who_brought_it),
		cmocka_unit_test(every_copy_is_acknowledged),
		cmocka_unit_test(a_later_copy_from_farther_away_widens_what_was_passed_on),
		cmocka_unit_test(a_copy_that_is_not_acknowledged_goes_to_another_of_that_bucket),
		cmocka_unit_test(what_got_lost_is_pulled),
		cmocka_unit_test(a_question_that_has_gone_too_far_goes_no_farther),
		cmocka_unit_test(a_number_is_good_for_one_question),
		cmocka_unit_test(windows_are_kept_across_restarts),
		cmocka_unit_test(a_window_that_makes_room_is_kept_no_longer),
		cmocka_unit_test(two_questions_under_one_number_are_noticed),
		cmocka_unit_test(a_question_is_of_the_present_whatever_it_says),
		cmocka_unit_test(one_that_is_to_be_direct_is_not_passed_on),
		cmocka_unit_test(who_brings_a_forged_one_is_not_thanked),
		cmocka_unit_test(one_of_another_version_is_counted_apart),
		cmocka_unit_test(one_that_says_what_cannot_be_is_malformed),
		cmocka_unit_test(who_may_not_ask_is_not_served),
		cmocka_unit_test(one_that_asks_without_end_is_its_own_limit),
		cmocka_unit_test(one_over_budget_is_not_pulled_again_at_every_digest),
		cmocka_unit_test(what_is_alive_is_not_forgotten_for_what_is_new),
		cmocka_unit_test(one_that_is_over_is_remembered_and_not_served_again),
		cmocka_unit_test(an_urgent_one_goes_to_two_of_each_bucket),
		cmocka_unit_test(of_many_questions_all_are_named),
	};

	return cmocka_run_group_tests_name("overlay/spread", tests, NULL, NULL);
}
