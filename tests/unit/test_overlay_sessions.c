#include "tests/unit/overlay_fixture.h"

/* Two of them; a knows b, who knows nobody. */
static struct world *couple(void)
{
	struct world *w = world_new(2);

	start_all(w);
	remember(w, 0, 1);
	return w;
}

/* An INIT to `to` with the keys of `from`, which says that it is `claimed`. */
static void make_init_as(const struct world *w, size_t from, size_t claimed, size_t to,
                         uint8_t draw, struct hand *ret)
{
	const struct overlay_self *own = &w->parties[from].options.self;
	struct hand_self self = {.kx = {.public = own->card.record.kx, .secret = own->kx_secret},
	                         .id = own->card.id};
	struct seed ephemeral = {.octets = {99, draw}};
	uint8_t payload[CARD_MAX];
	struct octets out = octets_of(payload, sizeof(payload));

	card_pack(&out, card_of(w, claimed));
	assert_ok(hand_start(ret, &self, &card_of(w, to)->record.kx, id_of(w, to), draw, &ephemeral,
	                     bytes_of(payload, octets_len(&out))));
}

static void make_init(const struct world *w, size_t from, size_t to, uint8_t draw, struct hand *ret)
{
	make_init_as(w, from, from, to, draw, ret);
}

static enum err feed_init(struct world *w, size_t to, const struct hand *h,
                          const struct endpoint *from)
{
	return feed(w, to, from, h->packet, sizeof(h->packet));
}

static void two_members_shake_hands_and_each_finds_the_other_alive(void **state)
{
	struct world *w = couple();
	(void)state;

	run(w, 1000);
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 1, 0)); /* the INIT brought a's card */
	assert_int_equal(counters(w, 0)->handshakes, 1);
	assert_int_equal(counters(w, 1)->handshakes, 1);
	assert_int_equal(w->packets[0][PACKET_INIT], 1);
	assert_int_equal(w->packets[1][PACKET_RESPONSE], 1);
	assert_int_equal(w->packets[0][PACKET_KNOCK] + w->packets[1][PACKET_KNOCK], 0);
	assert_int_equal(overlay_sum(w->parties[0].overlay), overlay_sum(w->parties[1].overlay));
	world_free(w);
}

static void an_address_is_enough_to_join(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	start_all(w);
	assert_ok(overlay_bootstrap(w->parties[0].overlay, now_of(w, 0), &w->parties[1].at));
	run(w, 2000);
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 1, 0));
	assert_int_equal(w->packets[0][PACKET_KNOCK], 1);
	assert_int_equal(w->packets[1][PACKET_WELCOME], 1);
	world_free(w);
}

static void nobody_answers_at_a_bootstrap_address_and_it_is_tried_ever_more_rarely(void **state)
{
	struct world *w = world_new(1);
	struct endpoint nowhere = place(77, 1);
	(void)state;

	start_all(w);
	assert_ok(overlay_bootstrap(w->parties[0].overlay, now_of(w, 0), &nowhere));
	run(w, 10000);
	assert_in_range(w->packets[0][PACKET_KNOCK], 3, 4);
	run(w, 100000);
	assert_in_range(w->packets[0][PACKET_KNOCK], 8, 11);
	for (int i = 1; i < 16; i++)
		assert_ok(overlay_bootstrap(w->parties[0].overlay, now_of(w, 0), &nowhere));
	assert_err(ERR_LIMIT, overlay_bootstrap(w->parties[0].overlay, now_of(w, 0), &nowhere));
	world_free(w);
}

/* One datagram of each kind, of good length and of somebody who knows neither ids nor roots. */
static void who_knows_nobody_hears_nothing(void **state)
{
	static const size_t lengths[] = {
		TRANSPORT_OVERHEAD, 60, HAND_INIT_LEN, HAND_RESPONSE_MIN, 64, KNOCK_LEN, 1000, 1232,
	};
	struct world *w = couple();
	struct endpoint stranger = place(66, 6);
	struct prng random = {5};
	unsigned sent;
	(void)state;

	run(w, 1000);
	sent = w->parties[1].acts[ACT_SEND];
	for (unsigned kind = 0; kind < 256; kind += kind < 8 ? 1 : 31) {
		for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
			uint8_t data[PACKET_MAX];

			prng_fill(&random, data, sizeof(data));
			data[0] = (uint8_t)kind;
			data[1] = PACKET_VERSION;
			data[2] = data[3] = 0;
			assert_true(feed(w, 1, &stranger, data, lengths[i]) != ERR_OK);
		}
	}
	assert_int_equal(w->parties[1].acts[ACT_SEND], sent);
	world_free(w);
}

static void a_member_of_another_community_hears_nothing(void **state)
{
	struct world *w = couple();
	struct seed seed = {.octets = {66}};
	struct hand h;
	unsigned sent;
	(void)state;

	run(w, 1000);
	sent = w->parties[1].acts[ACT_SEND];
	w->root = key_pair_of(&seed); /* theirs: a's card is signed by it from now on */
	reissue(w, 0);
	make_init(w, 0, 1, 1, &h);
	assert_err(ERR_ROOT, feed_init(w, 1, &h, &w->parties[0].at));
	assert_int_equal(counters(w, 1)->untrusted, 1);
	assert_int_equal(w->parties[1].acts[ACT_SEND], sent);
	world_free(w);
}

/* A member that brings another's card cannot have made the handshake with the key in it. */
static void nobody_calls_in_anothers_name(void **state)
{
	struct world *w = world_new(3);
	struct hand h;
	(void)state;

	start_all(w);
	make_init_as(w, 0, 2, 1, 1, &h);
	assert_err(ERR_AUTH, feed_init(w, 1, &h, &w->parties[0].at));
	assert_int_equal(counters(w, 1)->forged, 1);
	assert_int_equal(w->parties[1].acts[ACT_SEND], 0);
	world_free(w);
}

/* Who knows b's id can make a mac1, and what it brings is nonsense to b. */
static void under_load_a_cookie_comes_before_anything_else(void **state)
{
	struct world *w = couple();
	struct endpoint stranger = place(66, 6);
	struct hand h;
	unsigned done = 0;
	(void)state;

	run(w, 105);
	assert_int_equal(w->parcel_count, 1); /* a's INIT, on its way */
	for (uint8_t i = 0; i < 60; i++) {
		make_init(w, 0, 1, i, &h);
		h.packet[HAND_INIT_HEAD + 5] ^= 1; /* its key is good for nothing */
		hand_mac(h.mac1_key, sizeof(h.mac1_key), h.packet, HAND_INIT_MAC1,
		         h.packet + HAND_INIT_MAC1);
		done += feed_init(w, 1, &h, &stranger) == ERR_AUTH;
	}
	assert_int_equal(done, 32);
	assert_int_equal(counters(w, 1)->cookies, 28);
	assert_int_equal(w->packets[1][PACKET_COOKIE], 28);
	assert_int_equal(w->packets[1][PACKET_RESPONSE], 0);
	run(w, 5);
	assert_int_equal(w->packets[1][PACKET_COOKIE], 29);
	run(w, 1000); /* a proves its address */
	assert_int_equal(w->packets[0][PACKET_INIT], 2);
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

static void nothing_that_answers_a_handshake_is_longer_than_what_began_it(void **state)
{
	struct world *w = couple();
	size_t init_len = 0, response_len = 0;
	(void)state;

	drain(w, 0);
	run(w, 0);
	while (w->parcel_count > 0 && response_len == 0) {
		if (w->parcels[0].from == 0)
			init_len = w->parcels[0].len;
		else
			response_len = w->parcels[0].len;
		deliver_first(w);
	}
	assert_int_equal(init_len, 0); /* nothing goes before the table looks around */
	run(w, 105);
	assert_int_equal(w->parcels[0].data[0], PACKET_INIT);
	init_len = w->parcels[0].len;
	deliver_first(w);
	assert_int_equal(w->parcels[0].data[0], PACKET_RESPONSE);
	assert_true(w->parcels[0].len < init_len);
	world_free(w);
}

/* Lost answers and impatient callers: two different answers to one INIT would break it. */
static void the_same_call_gets_the_same_answer(void **state)
{
	struct world *w = couple();
	struct parcel init, first;
	(void)state;

	run(w, 105);
	init = w->parcels[0];
	deliver_first(w);
	first = w->parcels[0];
	w->parcel_count = 0;
	deliver(w, &init);
	assert_int_equal(w->parcels[0].len, first.len);
	assert_memory_equal(w->parcels[0].data, first.data, first.len);
	w->parcel_count = 0;
	assert_ok(deliver(w, &first));
	run(w, 1000);
	assert_true(is_live(w, 0, 1));
	assert_int_equal(counters(w, 1)->handshakes, 1);
	world_free(w);
}

static bool is_kind(const struct parcel *p, enum packet_kind kind)
{
	return p->thing == THING_DATAGRAM && packet_kind(p->data, p->len) == kind;
}

static struct parcel kept;

static bool keep_init(struct world *w, struct parcel *p)
{
	(void)w;
	if (is_kind(p, PACKET_INIT))
		kept = *p;
	return true;
}

static bool keep_data(struct world *w, struct parcel *p)
{
	(void)w;
	if (is_kind(p, PACKET_DATA) && p->from == 0)
		kept = *p;
	return true;
}

static void a_call_that_is_replayed_costs_no_session(void **state)
{
	struct world *w = couple();
	struct endpoint elsewhere = place(66, 6);
	(void)state;

	w->pass = keep_init;
	run(w, 1000);
	feed(w, 1, &elsewhere, kept.data, kept.len);
	assert_int_equal(w->packets[1][PACKET_RESPONSE], 2);
	run(w, 30000); /* its place has long been free again */
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 1, 0));
	assert_int_equal(counters(w, 0)->handshakes, 1);
	assert_int_equal(counters(w, 0)->unknown + counters(w, 1)->unknown, 0);
	world_free(w);
}

static void a_datagram_is_taken_once(void **state)
{
	struct world *w = couple();
	(void)state;

	w->pass = keep_data;
	run(w, 1000);
	assert_true(kept.len > 0);
	assert_err(ERR_STALE, feed(w, 1, &w->parties[0].at, kept.data, kept.len));
	assert_int_equal(counters(w, 1)->replayed, 1);
	kept.data[kept.len - 1] ^= 1;
	assert_err(ERR_AUTH, feed(w, 1, &w->parties[0].at, kept.data, kept.len));
	assert_int_equal(counters(w, 1)->forged, 1);
	world_free(w);
}

static bool redirect_data(struct world *w, struct parcel *p)
{
	(void)w;
	if (is_kind(p, PACKET_DATA) && p->from == 0)
		p->source = place(66, 6);
	return true;
}

/* Who copies datagrams and sends them on from elsewhere must not become where they lead. */
static void a_session_stays_at_the_address_that_it_was_made_with(void **state)
{
	struct world *w = couple();
	struct member m;
	(void)state;

	run(w, 1000);
	w->pass = redirect_data;
	run(w, 30000);
	assert_true(counters(w, 1)->moved > 0);
	assert_true(knows(w, 1, 0, &m));
	assert_true(endpoint_equal(&m.endpoint, &w->parties[0].at));
	world_free(w);
}

static void a_session_is_renewed_while_it_is_used(void **state)
{
	struct world *w = couple();
	(void)state;

	run(w, 600000);
	assert_in_range(counters(w, 0)->rekeys, 4, 6);
	assert_int_equal(w->packets[1][PACKET_INIT], 0); /* by who began it */
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 1, 0));
	assert_int_equal(w->parties[0].acts[ACT_TELL], 1); /* that b is live: once */
	assert_int_equal(counters(w, 0)->unknown + counters(w, 1)->unknown, 0);
	world_free(w);
}

static void two_that_call_at_once_end_up_with_one_session(void **state)
{
	struct world *w = world_new(2);
	(void)state;

	all_meet(w);
	run(w, 105);
	assert_int_equal(w->packets[0][PACKET_INIT], 1);
	assert_int_equal(w->packets[1][PACKET_INIT], 1);
	run(w, 60000);
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 1, 0));
	assert_int_equal(counters(w, 0)->handshakes, 2);
	assert_int_equal(counters(w, 0)->unknown + counters(w, 1)->unknown, 0);
	world_free(w);
}

static bool lose_all(struct world *w, struct parcel *p)
{
	(void)w;
	(void)p;
	return false;
}

static void a_call_that_is_lost_is_made_again_and_then_given_up(void **state)
{
	struct world *w = couple();
	struct member m;
	(void)state;

	w->pass = lose_all;
	run(w, 4000);
	assert_int_equal(w->packets[0][PACKET_INIT], 3);
	assert_true(knows(w, 0, 1, &m));
	assert_int_equal(m.state, MEMBER_SILENT);
	run(w, 3600000);
	assert_in_range(w->packets[0][PACKET_INIT], 30, 60); /* an hour: ever more rarely */
	w->pass = NULL;
	run(w, 330000);
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

static void answers_that_nobody_waits_for_are_counted_and_not_taken(void **state)
{
	struct world *w = couple();
	struct endpoint elsewhere = place(66, 6);
	struct parcel response;
	(void)state;

	run(w, 105);
	deliver_first(w);
	response = w->parcels[0];
	w->parcel_count = 0;
	assert_true(is_kind(&response, PACKET_RESPONSE));
	assert_err(ERR_STALE, feed(w, 0, &elsewhere, response.data, response.len));
	assert_int_equal(counters(w, 0)->unasked, 1);
	assert_ok(feed(w, 0, &w->parties[1].at, response.data, response.len));
	assert_err(ERR_STALE, feed(w, 0, &w->parties[1].at, response.data, response.len));
	assert_int_equal(counters(w, 0)->unasked, 2);
	world_free(w);
}

/* A member signs what it likes into its record; its root did not allow it that address. */
static void nothing_is_ever_sent_to_an_address_outside_its_members_certificate(void **state)
{
	static struct frame f;
	struct world *w = world_new(3);
	struct endpoint victim = place(88, 8);
	(void)state;

	w->parties[2].options.self.card.record.endpoints[0] = victim;
	reissue(w, 2);
	start_party(w, 0);
	start_party(w, 1);
	assert_err(ERR_DENIED, overlay_remember(w->parties[0].overlay, now_of(w, 0),
	                                        cert_bytes(w, 2), record_bytes(w, 2)));
	remember(w, 0, 1);
	run(w, 1000);
	f.kind = FRAME_CARDS;
	f.card_count = 1;
	f.cards[0][0] = cert_bytes(w, 2);
	f.cards[0][1] = record_bytes(w, 2);
	say_frame(w, 0, 1, &f);
	w->parties[2].at = victim; /* nobody is up there, and what comes is counted */
	for (uint64_t end_ms = w->now_ms + 60000; w->now_ms < end_ms; run(w, 5)) {
		for (size_t i = 0; i < w->parcel_count; i++)
			assert_false(endpoint_equal(&w->parcels[i].to, &victim));
	}
	assert_int_equal(counters(w, 1)->misplaced, 1);
	assert_int_equal(overlay_member_count(w->parties[1].overlay), 1);
	world_free(w);
}

static void who_starts_anew_is_met_anew(void **state)
{
	struct world *w = couple();
	(void)state;

	run(w, 5000);
	start_party(w, 1);
	remember(w, 1, 0);
	run(w, 40000);
	assert_true(is_live(w, 0, 1));
	assert_true(is_live(w, 1, 0));
	world_free(w);
}

static void a_machine_that_slept_asks_everybody_anew(void **state)
{
	struct world *w = couple();
	(void)state;

	run(w, 5000);
	overlay_resume(w->parties[0].overlay, now_of(w, 0));
	drain(w, 0);
	assert_string_equal(w->parties[0].told, "awake again: everybody is asked anew");
	run(w, 3000);
	assert_int_equal(counters(w, 0)->handshakes, 2);
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

/*
 * a has two places for sessions and one in its table, for b. c's session may go when another is
 * wanted: it has said all it was asked for. But not while something that came in it is handled, for
 * which b's session, just grown old, is to be renewed.
 */
static void a_session_is_not_given_up_while_it_is_listened_to(void **state)
{
	struct world *w = world_new(3);
	(void)state;

	settle_at(w, 0, 0x00, 2);
	settle_at(w, 1, 0x40, 2);
	settle_at(w, 2, 0x80, 1);
	w->parties[0].options.limits.sessions_max = 2;
	w->parties[0].options.limits.table_max = 1;
	start_all(w);
	remember(w, 0, 1);
	run(w, 5000);
	remember(w, 2, 0);
	run(w, 5000);
	assert_ok(ask(w, 0, 20000));
	run(w, 110080);
	assert_int_equal(w->parties[0].receipts[2], RECEIPT_NONE);
	for (uint64_t i = 1; i <= 8; i++) {
		struct query q = {.reply_to = {{1}}};
		struct query_blob blob;

		forge_query(w, 2, i, &q, &blob);
		(void)!overlay_say(w->parties[2].overlay, now_of(w, 2), id_of(w, 0),
		                   &(struct frame){.kind = FRAME_QUERY,
		                                   .blob = bytes_of(blob.octets, blob.len)});
		drain(w, 2);
		run(w, 20);
	}
	assert_true(counters(w, 0)->copies >= 1 + 8);
	run(w, 40000);
	assert_in_range(counters(w, 0)->rekeys, 1, 3);
	assert_true(is_live(w, 0, 1));
	world_free(w);
}

/* Anybody who knows a root's public key may write what it likes into a KNOCK. */
static void a_knock_is_of_the_present_whatever_its_clock_says(void **state)
{
	static const struct {
		int64_t sent_ms;
		enum err err;
	} rows[] = {
		{WALL_MS, ERR_OK},
		{WALL_MS - 60000, ERR_OK},
		{WALL_MS + 60000, ERR_OK},
		{WALL_MS - 60001, ERR_STALE},
		{WALL_MS + 60001, ERR_STALE},
		{INT64_MIN, ERR_STALE},
		{INT64_MAX, ERR_STALE},
		{-1, ERR_STALE},
	};
	struct world *w = world_new(2);
	struct knock_key key = knock_key_of(&w->root.public);
	(void)state;

	start_party(w, 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct knock k = {
			.sent = {rows[i].sent_ms},
			.cert = cert_bytes(w, 0),
			.record = record_bytes(w, 0),
		};
		uint8_t room[KNOCK_LEN];

		assert_ok(knock_pack(&k, &w->parties[0].options.self.operational, &key, room));
		assert_err(rows[i].err, feed(w, 1, &w->parties[0].at, room, sizeof(room)));
	}
	assert_int_equal(w->packets[1][PACKET_WELCOME], 3);
	assert_true(w->parcels[0].len <= KNOCK_LEN);
	assert_int_equal(counters(w, 1)->expired, 5);
	world_free(w);
}

static void only_who_signed_it_is_welcome(void **state)
{
	struct world *w = world_new(3);
	struct knock_key key = knock_key_of(&w->root.public);
	struct knock k = {
		.sent = {WALL_MS}, .cert = cert_bytes(w, 0), .record = record_bytes(w, 0)};
	uint8_t room[KNOCK_LEN];
	(void)state;

	start_party(w, 1);
	assert_ok(knock_pack(&k, &w->parties[2].options.self.operational, &key, room));
	assert_err(ERR_AUTH, feed(w, 1, &w->parties[0].at, room, sizeof(room)));
	assert_int_equal(w->packets[1][PACKET_WELCOME], 0);
	assert_int_equal(counters(w, 1)->forged, 1);
	world_free(w);
}

/* Two signatures are checked for each: who sends many, from wherever in its network, waits. */
static void knocks_of_one_network_are_budgeted(void **state)
{
	struct world *w = world_new(2);
	struct knock_key key = knock_key_of(&w->root.public);
	struct knock k = {
		.sent = {WALL_MS}, .cert = cert_bytes(w, 0), .record = record_bytes(w, 0)};
	struct endpoint from = place(66, 0), other = place(67, 1);
	uint8_t room[KNOCK_LEN];
	(void)state;

	start_party(w, 1);
	assert_ok(knock_pack(&k, &w->parties[0].options.self.operational, &key, room));
	for (uint8_t i = 0; i < 30; i++) {
		from.addr.octets[15] = i;
		feed(w, 1, &from, room, sizeof(room));
	}
	assert_int_equal(w->packets[1][PACKET_WELCOME], 20);
	assert_int_equal(counters(w, 1)->over_budget, 10);
	assert_ok(feed(w, 1, &other, room, sizeof(room)));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_members_shake_hands_and_each_finds_the_other_alive),
		cmocka_unit_test(an_address_is_enough_to_join),
		cmocka_unit_test(
			nobody_answers_at_a_bootstrap_address_and_it_is_tried_ever_more_rarely),
		cmocka_unit_test(who_knows_nobody_hears_nothing),
		cmocka_unit_test(a_member_of_another_community_hears_nothing),
		cmocka_unit_test(nobody_calls_in_anothers_name),
		cmocka_unit_test(under_load_a_cookie_comes_before_anything_else),
		cmocka_unit_test(nothing_that_answers_a_handshake_is_longer_than_what_began_it),
		cmocka_unit_test(the_same_call_gets_the_same_answer),
		cmocka_unit_test(a_call_that_is_replayed_costs_no_session),
		cmocka_unit_test(a_datagram_is_taken_once),
		cmocka_unit_test(a_session_stays_at_the_address_that_it_was_made_with),
		cmocka_unit_test(a_session_is_renewed_while_it_is_used),
		cmocka_unit_test(two_that_call_at_once_end_up_with_one_session),
		cmocka_unit_test(a_call_that_is_lost_is_made_again_and_then_given_up),
		cmocka_unit_test(answers_that_nobody_waits_for_are_counted_and_not_taken),
		cmocka_unit_test(
			nothing_is_ever_sent_to_an_address_outside_its_members_certificate),
		cmocka_unit_test(who_starts_anew_is_met_anew),
		cmocka_unit_test(a_machine_that_slept_asks_everybody_anew),
		cmocka_unit_test(a_session_is_not_given_up_while_it_is_listened_to),
		cmocka_unit_test(a_knock_is_of_the_present_whatever_its_clock_says),
		cmocka_unit_test(only_who_signed_it_is_welcome),
		cmocka_unit_test(knocks_of_one_network_are_budgeted),
	};

	return cmocka_run_group_tests_name("overlay/sessions", tests, NULL, NULL);
}
