/* How members meet, and what keeps a node within its bounds. */
#include "tests/unit/overlay_fixture.h"

static void three_datagrams_make_two_members(void **state)
{
	struct world *w = *state;
	struct parcel p;

	greet(w, 0, 1);
	p = expect(w, MESSAGE_HELLO);
	assert_ok(hand_over(w, 1, &p));
	assert_int_equal(state_of(w, 1, 0), MEMBER_HEARD); /* it may be a lie */
	p = expect(w, MESSAGE_WELCOME);
	assert_ok(hand_over(w, 0, &p));
	assert_int_equal(state_of(w, 0, 1), MEMBER_LIVE);
	p = expect(w, MESSAGE_CONFIRM);
	assert_ok(hand_over(w, 1, &p));
	assert_int_equal(state_of(w, 1, 0), MEMBER_LIVE);
	settle(w);
	assert_int_equal(counters(w, 0)->unknown + counters(w, 1)->unknown, 0);
}

static void a_third_is_met_through_the_second(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	meet(w, 2, 1);
	pass(w, 1000);
	assert_int_equal(state_of(w, 0, 2), MEMBER_LIVE);
	assert_int_equal(state_of(w, 2, 0), MEMBER_LIVE);
}

/* It restarts with another certificate: the next start of ours must know that one. */
static void a_renewed_certificate_is_remembered(void **state)
{
	struct world *w = *state;
	struct party *b = &w->parties[1];

	meet(w, 0, 1);
	w->parties[0].remembered = 0;
	b->self.roots.count = 1;
	issue(&b->self, &w->root, "b", "b", (struct wall){WALL_MS + 2 * DAY_MS});
	party_start(w, 1);
	greet(w, 1, 0);
	settle(w);
	assert_int_equal(w->parties[0].remembered, 1);
	assert_true(overlay_member(w->parties[0].overlay, 0)->cert.not_after.ms ==
	            WALL_MS + 2 * DAY_MS);
}

static void a_forged_welcome_is_refused(void **state)
{
	struct world *w = *state;
	struct parcel p;
	struct body body = {
		.cert = bytes_of(w->parties[1].self.blob.octets, w->parties[1].self.blob.len)};

	greet(w, 0, 1);
	p = expect(w, MESSAGE_HELLO);
	assert_ok(hand_over(w, 1, &p));
	p = expect(w, MESSAGE_WELCOME);
	p.data[p.len - 1] ^= 1; /* of the signature */
	assert_err(ERR_AUTH, hand_over(w, 0, &p));
	assert_int_equal(counters(w, 0)->forged, 1);

	p = forge(w, 1, MESSAGE_WELCOME, &body); /* signed, but it echoes nothing of ours */
	assert_err(ERR_STALE, hand_over(w, 0, &p));
	assert_int_equal(counters(w, 0)->unasked, 1);
	assert_int_equal(state_of(w, 0, 1), MEMBER_HEARD);
	assert_int_equal(w->parcel_count, 0);
}

/* Else whoever can read our HELLO could send all our queries to an address of his choice. */
static void a_welcome_from_elsewhere_proves_nothing(void **state)
{
	struct world *w = *state;
	struct endpoint elsewhere = place(99);
	struct parcel p;

	meet(w, 0, 1);
	w->now_ms += 40000;
	expire(w, 0);
	p = expect(w, MESSAGE_HELLO);
	assert_ok(hand_over(w, 1, &p));
	p = expect(w, MESSAGE_WELCOME);
	assert_err(ERR_STALE, feed(w, 0, &elsewhere, p.data, p.len));
	assert_int_equal(w->parcel_count, 0);
	assert_ok(hand_over(w, 0, &p));
}

/* A member that has moved away is not brought back by what it sent from its old address. */
static void an_old_proof_of_an_address_is_worth_nothing(void **state)
{
	struct world *w = *state;
	struct parcel old;

	greet(w, 0, 1);
	old = expect(w, MESSAGE_HELLO);
	assert_ok(hand_over(w, 1, &old));
	old = expect(w, MESSAGE_WELCOME);
	assert_ok(hand_over(w, 0, &old));
	old = expect(w, MESSAGE_CONFIRM);
	assert_ok(hand_over(w, 1, &old));
	settle(w);
	w->now_ms += 600000;
	assert_err(ERR_STALE, hand_over(w, 1, &old));
}

static void a_member_of_another_root_is_refused_and_counted(void **state)
{
	struct world *w = *state;
	struct party *c = &w->parties[2];
	struct seed seed = {.octets = {8}};
	struct key_pair other = key_pair_of(&seed);
	struct parcel p;

	issue(&c->self, &other, "c", "c", (struct wall){WALL_MS + DAY_MS});
	c->self.roots.keys[c->self.roots.count++] = other.public;
	party_start(w, 2);
	greet(w, 2, 1);
	p = expect(w, MESSAGE_HELLO);
	assert_err(ERR_ROOT, hand_over(w, 1, &p));
	assert_int_equal(counters(w, 1)->untrusted, 1);
	assert_int_equal(overlay_member_count(w->parties[1].overlay), 0);
	assert_int_equal(w->parcel_count, 0);
}

/* Party 2 has the longest name there can be, party 0 the shortest. */
static void a_welcome_is_never_longer_than_its_hello(void **state)
{
	struct world *w = *state;
	struct parcel hello, welcome;

	issue(&w->parties[2].self, &w->root, "a name of thirty-one characters",
	      "an organisation whose name is as long as a certificate can hold",
	      (struct wall){WALL_MS + DAY_MS});
	party_start(w, 2);
	greet(w, 0, 2);
	hello = expect(w, MESSAGE_HELLO);
	assert_ok(hand_over(w, 2, &hello));
	welcome = expect(w, MESSAGE_WELCOME);
	assert_true(welcome.len <= hello.len);
}

/* What it pads with is its own; how much is not. */
static void a_hello_without_its_padding_is_no_message(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct id id = cert_id(&a->self.cert);
	uint8_t data[MESSAGE_MAX] = {'s', 'p', 1, MESSAGE_HELLO};
	struct octets out = octets_of(data, sizeof(data));
	struct signature signature;

	out.at += 4;
	octets_put(&out, id.octets, sizeof(id.octets));
	octets_uint(&out, 0x93c410, 3); /* an array of three; a nonce */
	out.at += MESSAGE_NONCE;
	octets_uint(&out, 0xc5, 1);
	octets_uint(&out, a->self.blob.len, 2);
	octets_put(&out, a->self.blob.octets, a->self.blob.len);
	octets_uint(&out, 0xc400, 2); /* no padding */
	signature = sign(&a->self.pair, "spoor datagram 1", data, octets_len(&out));
	octets_put(&out, signature.octets, sizeof(signature.octets));
	assert_err(ERR_FORMAT, feed(w, 1, &a->at, data, octets_len(&out)));
	assert_int_equal(counters(w, 1)->malformed, 1);
	assert_int_equal(w->parcel_count, 0);
}

static void acts_that_find_no_room_are_counted(void **state)
{
	struct world *w = *state;
	struct party *b = &w->parties[1];
	struct parcel p;

	b->limits.outbox_max = 2;
	party_start(w, 1);
	greet(w, 0, 1);
	p = expect(w, MESSAGE_HELLO);
	for (int i = 0; i < 5; i++)
		assert_ok(overlay_datagram(b->overlay, now_of(w, 1), &w->parties[0].at, p.data,
		                           p.len));
	assert_int_equal(counters(w, 1)->outbox_full, 3);
	drain(w, 1);
	assert_int_equal(w->parcel_count, 2);
	settle(w);
	pass(w, 5000);
	assert_int_equal(state_of(w, 0, 1), MEMBER_LIVE);
	assert_int_equal(state_of(w, 1, 0), MEMBER_LIVE);
}

/* All but the last part are acknowledged and will not come again. */
static void an_answer_that_meets_a_full_outbox_is_not_lost(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct parcel p, first;

	a->limits.outbox_max = 6;
	party_start(w, 0);
	greet(w, 1, 0);
	first = w->parcels[0];
	settle(w);
	ask(w, 0);
	settle(w);
	assert_ok(reply(w, 1, 12));
	while (kind_of(&w->parcels[1]) == MESSAGE_ANSWER) {
		p = expect(w, MESSAGE_ANSWER);
		assert_ok(hand_over(w, 0, &p));
	}
	p = expect(w, MESSAGE_ANSWER);
	settle(w);
	for (int i = 0; i < 6; i++) /* a HELLO is answered however often it comes */
		assert_ok(overlay_datagram(a->overlay, now_of(w, 0), &w->parties[1].at, first.data,
		                           first.len));
	assert_err(ERR_LIMIT, hand_over(w, 0, &p));
	pass(w, 9000);
	assert_int_equal(a->answered, 1);
	assert_int_equal(a->outcomes[0], TARGET_ANSWERED);
}

static void a_full_table_refuses_and_counts(void **state)
{
	struct world *w = *state;

	w->parties[1].limits.members_max = 1;
	party_start(w, 1);
	meet(w, 0, 1);
	meet(w, 2, 1);
	assert_int_equal(overlay_member_count(w->parties[1].overlay), 1);
	assert_int_equal(state_of(w, 1, 0), MEMBER_LIVE);
	assert_true(counters(w, 1)->members_full > 0);
}

static void a_flood_from_one_network_is_over_budget(void **state)
{
	struct world *w = *state;
	struct endpoint from = place(50);
	struct body body = {.has_more = false};
	struct parcel p = forge(w, 0, MESSAGE_CONFIRM, &body);

	meet(w, 0, 1);
	for (int i = 0; i < 1000; i++)
		(void)feed(w, 1, &from, p.data, p.len);
	assert_true(counters(w, 1)->over_budget >= 700);
	assert_true(counters(w, 1)->unasked <= 300);
	assert_int_equal(w->parcel_count, 0);
	assert_int_equal(state_of(w, 1, 0), MEMBER_LIVE);
	ask(w, 0); /* and others are heard as before */
	settle(w);
	assert_int_equal(w->parties[1].served, 1);
}

/* Proved or not: nothing may be sent where its root does not say that it lives. */
static void a_member_outside_its_prefixes_is_never_live(void **state)
{
	struct world *w = *state;

	reissue(w, 1, "192.0.2.0/24", CERT_ROLES_ALL);
	greet(w, 0, 1);
	settle(w);
	assert_int_equal(state_of(w, 0, 1), MEMBER_HEARD);
	assert_int_equal(counters(w, 0)->misplaced, 1);
	greet(w, 1, 0); /* it proves its address to us, which is still not where it may be */
	settle(w);
	assert_int_equal(state_of(w, 0, 1), MEMBER_HEARD);
	assert_true(counters(w, 0)->misplaced >= 2);
	ask(w, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 0);
}

static void states_have_names(void **state)
{
	(void)state;

	assert_string_equal(member_state_text(MEMBER_EXPIRED), "expired");
	assert_string_equal(target_state_text(TARGET_SILENT), "silent");
	assert_string_equal(target_state_text((enum target_state)99), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		overlay_test(three_datagrams_make_two_members),
		overlay_test(a_third_is_met_through_the_second),
		overlay_test(a_renewed_certificate_is_remembered),
		overlay_test(a_forged_welcome_is_refused),
		overlay_test(a_welcome_from_elsewhere_proves_nothing),
		overlay_test(an_old_proof_of_an_address_is_worth_nothing),
		overlay_test(a_member_of_another_root_is_refused_and_counted),
		overlay_test(a_welcome_is_never_longer_than_its_hello),
		overlay_test(a_hello_without_its_padding_is_no_message),
		overlay_test(acts_that_find_no_room_are_counted),
		overlay_test(an_answer_that_meets_a_full_outbox_is_not_lost),
		overlay_test(a_full_table_refuses_and_counts),
		overlay_test(a_flood_from_one_network_is_over_budget),
		overlay_test(a_member_outside_its_prefixes_is_never_live),
		overlay_test(states_have_names),
	};

	return cmocka_run_group_tests_name("proto/overlay", tests, NULL, NULL);
}
