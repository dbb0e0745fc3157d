#include "correlate/score.h"
#include "node/node.h"
#include "node/sheet.h"
#include "node/watchfound.h"
#include "node/watchrow.h"
#include "tests/unit/store_fixture.h"

#define NOON INT64_C(1795348800000)

static const struct interval on[] = {
	{NOON, NOON + 5000}, {NOON + 40000, NOON + 41000}, {NOON + 90000, NOON + 95000}};

static const struct standing standing = {
	.begun_ms = NOON,
	.until_ms = NOON + 604800000,
	.every_ms = 3600000,
	.timeout_ms = 30000,
	.gap_ms = 15000,
	.asked_ms = STANDING_NEVER,
	.lost = 7,
};

static struct node *node_new(struct fixture *f)
{
	struct node *node = calloc(1, sizeof(*node));

	assert_non_null(node);
	assert_int_equal(uv_loop_init(&node->loop), 0);
	open_it(f);
	node->store = f->store;
	keeper_start(&node->keeper, node);
	assert_ok(watches_start(&node->watches, node));
	return node;
}

static void node_end(struct node *node)
{
	watches_stop(&node->watches);
	uv_run(&node->loop, UV_RUN_DEFAULT);
	watches_fini(&node->watches);
	keeper_free(&node->keeper);
	assert_int_equal(uv_loop_close(&node->loop), 0);
	free(node);
}

static struct endpoint at(const char *text)
{
	struct endpoint e;

	assert_ok(endpoint_parse(text, &e));
	return e;
}

static struct finding finding_of(uint16_t port)
{
	struct finding f = {
		.exporter = at("10.255.0.1").addr,
		.src = at("10.1.0.10:54160"),
		.dst = at("10.2.0.10:22"),
		.proto = 6,
		.verdict = VERDICT_MATCH,
		.life = {NOON, NOON + 95000},
		.score = 8.6,
	};

	f.src.port = port;
	return f;
}

static void put(struct store *store, enum keeper_kind kind, const struct id *key, const void *value,
                size_t len)
{
	struct store_note note = {.kind = (uint8_t)kind, .value = value, .len = len};

	memcpy(note.key, key->octets, sizeof(note.key));
	assert_ok(store_note_put(store, &note, 1));
}

/* `spoilt`: an octet of it that is another then; 0: none. */
static void put_watch(struct store *store, uint8_t number, size_t spoilt)
{
	struct connection target = {.src = at("192.0.2.3:32967"),
	                            .dst = at("10.4.0.10:22"),
	                            .proto = 6,
	                            .low_ms = -20,
	                            .high_ms = 32,
	                            .gap_ms = 15000,
	                            .on = on,
	                            .on_count = ARRAY_LEN(on)};
	struct id key = {{0, 0, 0, number}};
	uint8_t room[STANDING_MAX];
	size_t len = standing_pack(&standing, &target, room);

	room[spoilt] ^= spoilt != 0;
	put(store, KEEPER_WATCH, &key, room, len);
}

static void put_found(struct store *store, uint8_t number)
{
	struct discovery found = {.at_ms = NOON, .node = "R1", .org = "Organisation of R1"};
	uint8_t room[STANDING_MAX];
	struct id key;
	size_t len;

	found.finding = finding_of(number);
	key = standing_found_id(number, &found.member, &found.finding);
	len = standing_pack_found(number, &found, room);
	put(store, KEEPER_FOUND, &key, room, len);
}

static void count(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	size_t *counted = ctx;

	(void)key;
	(void)data;
	(void)len;
	++*counted;
}

static size_t kept(const struct node *node, enum keeper_kind kind)
{
	size_t counted = 0;

	assert_ok(store_note_each(node->store, (uint8_t)kind, count, &counted));
	return counted;
}

enum { VERSION_AT = 3, BEGUN_AT = 4 }; /* octets of a watch's note */

/* Starts and ends a node twice, with a watch that is sound and one that is not; what is left. */
static void restart(struct fixture *f, size_t spoilt, size_t *ret_watches, size_t *ret_found)
{
	struct id nonsense = {{9}};
	struct node *node;

	open_it(f);
	put_watch(f->store, 1, 0);
	put_found(f->store, 1);
	put_watch(f->store, 2, spoilt);
	put_found(f->store, 2);
	put(f->store, KEEPER_FOUND, &nonsense, "nonsense", 8);
	store_close(f->store);
	f->store = NULL;
	node = node_new(f);
	assert_int_equal(node->watches.list->found_count, 1);
	assert_null(node->watches.list->next);
	assert_int_equal(node->watches.list->pursuit.target.lost, 7);
	assert_int_equal(node->watches.list->pursuit.target.best.high_ms, 32);
	assert_int_equal(node->watches.strays, 2);
	watches_stop(&node->watches);
	uv_run(&node->loop, UV_RUN_DEFAULT);
	*ret_watches = kept(node, KEEPER_WATCH);
	*ret_found = kept(node, KEEPER_FOUND);
	node->watches.is_open = false;
	node_end(node);
}

static void what_cannot_be_read_goes_with_all_that_it_had_found(void **state)
{
	size_t watches, found;

	restart(*state, BEGUN_AT, &watches, &found);
	assert_int_equal(watches, 1);
	assert_int_equal(found, 1);
}

static void what_another_version_has_kept_stays(void **state)
{
	size_t watches, found;

	restart(*state, VERSION_AT, &watches, &found);
	assert_int_equal(watches, 2);
	assert_int_equal(found, 2);
}

/* An answer of that member, all of which matches. */
static void answer(struct watch *w, const struct cert *member, uint16_t first_port)
{
	struct finding findings[ANSWER_FINDINGS_MAX];
	struct line lines[ANSWER_FINDINGS_MAX];
	struct sheet sheet = {.pursuit = &w->pursuit,
	                      .certs = &member,
	                      .node_count = 1,
	                      .lines = lines,
	                      .line_count = ARRAY_LEN(lines),
	                      .searched = 100};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		findings[i] = finding_of((uint16_t)(first_port + i));
		lines[i] = (struct line){.finding = &findings[i]};
	}
	(void)watchfound_take(w, &sheet);
}

static void one_member_does_not_take_the_place_of_all_others(void **state)
{
	struct cert talker = {.name = "talker", .member = {{1}}};
	struct cert other = {.name = "other", .member = {{2}}};
	struct node *node = node_new(*state);
	struct watch *w = watch_new(&node->watches, 7, &standing);
	struct round round = {.pursuit = NULL};

	assert_non_null(w);
	pursuit_resume(&w->pursuit, node);
	w->pursuit.rounds[0] = &round;
	for (uint16_t i = 0; i < 40; i++)
		answer(w, &talker, (uint16_t)(1 + i * ANSWER_FINDINGS_MAX));
	assert_int_equal(w->found_count, WATCH_FOUND_OF_ONE_MAX);
	assert_true(w->is_full);
	answer(w, &other, 1);
	assert_int_equal(w->found_count, WATCH_FOUND_OF_ONE_MAX + ANSWER_FINDINGS_MAX);
	node_end(node);
}

/* Everybody is asked, and has answered; `err` is what came of our own search. */
static void hear(struct watch *w, enum err err)
{
	static const struct card card = {.cert = {.name = "other", .member = {{2}}}};
	static const struct overlay_outcome outcome = {&card, TARGET_ANSWERED};
	static struct answer answer;
	struct act act = {.ticket = 5,
	                  .card = &card,
	                  .reply = {&card, &answer, bytes_of("said", 4)},
	                  .outcomes = &outcome,
	                  .outcome_count = 1};
	struct pursuit *p = &w->pursuit;
	struct round *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	answer.findings[0] = finding_of(1);
	answer.finding_count = 1;
	*r = (struct round){.pursuit = p, .ticket = 5, .is_searched = true};
	r->search.err = err;
	p->pass++;
	p->is_asking = true;
	p->rounds[p->round_count++] = r;
	pursuits_reply(&w->watches->node->pursuits, &act);
	pursuits_finish(&w->watches->node->pursuits, &act);
	assert_false(p->is_asking);
}

static void what_others_answer_counts_though_the_own_store_has_failed(void **state)
{
	static const enum err errs[] = {ERR_OK, ERR_CORRUPT, ERR_LIMIT};

	for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
		struct node *node = node_new(*state);
		struct watch *w = watch_new(&node->watches, (uint32_t)(7 + i), &standing);

		assert_non_null(w);
		pursuit_resume(&w->pursuit, node);
		w->pursuit.target.best = (struct connection){.src = at("192.0.2.3:32967"),
		                                             .dst = at("10.4.0.10:22"),
		                                             .proto = 6,
		                                             .gap_ms = 15000,
		                                             .on = on,
		                                             .on_count = ARRAY_LEN(on)};
		hear(w, errs[i]);
		assert_int_equal(w->found_count, 1);
		assert_string_equal(w->found[0].found.node, "other");
		assert_int_equal(w->kept.asked, 1);
		assert_int_equal(w->kept.answered, 1);
		node_end(node);
		close_it(*state);
	}
}

static uint64_t counted(const struct node *node, const char *key)
{
	uint8_t room[256];
	struct pack p = pack_into(room, sizeof(room));
	struct unpack u;
	struct token t;

	watchrow_counts(&p, &node->watches);
	assert_false(p.out.is_full);
	u = unpack_of(room, pack_len(&p));
	while (unpack_token(&u, &t)) {
		if (t.kind == TOKEN_STR && t.len == strlen(key) && memcmp(t.data, key, t.len) == 0)
			return unpack_uint(&u, UINT64_MAX);
	}
	fail_msg("no %s", key);
	return 0;
}

static void watches_are_counted_by_state(void **state)
{
	struct node *node = node_new(*state);
	struct watch *watches[4];

	assert_int_equal(counted(node, "watching") + counted(node, "waiting"), 0);
	for (uint32_t i = 0; i < 4; i++) {
		watches[i] = watch_new(&node->watches, 1 + i, &standing);
		assert_non_null(watches[i]);
		pursuit_resume(&watches[i]->pursuit, node);
		watches[i]->pursuit.target.best.on_count = i == 0 ? 1 : 5;
	}
	watches[1]->pursuit.is_asking = true;
	watches[2]->kept.is_over = true;
	watches[3]->found_count = 9;
	assert_int_equal(counted(node, "waiting"), 1);
	assert_int_equal(counted(node, "asking"), 1);
	assert_int_equal(counted(node, "ended"), 1);
	assert_int_equal(counted(node, "watching"), 1);
	assert_int_equal(counted(node, "found"), 9);
	watches[3]->found_count = 0;
	node_end(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_cannot_be_read_goes_with_all_that_it_had_found),
		CASE(what_another_version_has_kept_stays),
		CASE(one_member_does_not_take_the_place_of_all_others),
		CASE(watches_are_counted_by_state),
		CASE(what_others_answer_counts_though_the_own_store_has_failed),
	};

	return cmocka_run_group_tests_name("node/watch", tests, NULL, NULL);
}
