#include "base/prng.h"
#include "proto/overlay/overlay.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1760000000000)
#define DAY_MS INT64_C(86400000)
#define PARTIES 3
#define PARCELS_MAX 512

struct party {
	struct overlay *overlay;
	struct overlay_self self;
	struct overlay_limits limits;
	struct prng random;
	struct endpoint at;
	int64_t skew_ms;
	unsigned served, answered, finished, noted; /* acts seen */
	uint32_t ticket;                            /* of the last ACT_SERVE */
	struct answer answer;                       /* of the last ACT_ANSWER */
	enum target_state outcomes[PARTIES];
	size_t outcome_count;
};

struct parcel { /* a datagram on its way */
	size_t from;
	struct endpoint to;
	size_t len;
	uint8_t data[MESSAGE_MAX];
};

/* A few overlays wired by hand: every act lands here, and nothing moves unless a test says so. */
struct world {
	struct key_pair root;
	struct party parties[PARTIES];
	uint64_t now_ms;
	struct query query; /* the last one asked */
	struct parcel parcels[PARCELS_MAX];
	size_t parcel_count;
};

static const struct overlay_limits small = {
	.members_max = 8, .asks_max = 2, .answers_max = 4, .serves_max = 2, .outbox_max = 64};

static void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

static struct now now_of(const struct world *w, size_t i)
{
	return (struct now){.mono = {1000000 + w->now_ms},
	                    .wall = {WALL_MS + (int64_t)w->now_ms + w->parties[i].skew_ms}};
}

static struct endpoint place(uint8_t net)
{
	const uint8_t octets[4] = {10, 0, net, 1};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = 7667};
}

static void issue(struct overlay_self *self, const struct key_pair *root, const char *name,
                  const char *org, struct wall not_after)
{
	self->cert.member = self->pair.public;
	self->cert.not_before.ms = WALL_MS - DAY_MS;
	self->cert.not_after = not_after;
	snprintf(self->cert.name, CERT_NAME_MAX, "%s", name);
	snprintf(self->cert.org, CERT_ORG_MAX, "%s", org);
	assert_ok(cert_issue(root, &self->cert, &self->blob));
}

static void party_start(struct world *w, size_t i)
{
	struct party *p = &w->parties[i];
	struct overlay_random random = {.fill = fill, .ctx = &p->random};

	overlay_free(p->overlay);
	p->overlay = overlay_new(&p->limits, &p->self, random);
	assert_non_null(p->overlay);
}

static int setup(void **state)
{
	static const char *const names[PARTIES] = {"a", "b", "c"};
	struct world *w = calloc(1, sizeof(*w));
	struct seed seed = {.octets = {7}};

	assert_non_null(w);
	assert_ok(sign_start());
	w->root = key_pair_of(&seed);
	for (size_t i = 0; i < PARTIES; i++) {
		struct party *p = &w->parties[i];

		seed.octets[1] = (uint8_t)(i + 1);
		p->random.state = i + 1;
		p->limits = small;
		p->at = place((uint8_t)(i + 1));
		p->self.pair = key_pair_of(&seed);
		p->self.roots.keys[p->self.roots.count++] = w->root.public;
		issue(&p->self, &w->root, names[i], names[i], (struct wall){WALL_MS + DAY_MS});
		party_start(w, i);
	}
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < PARTIES; i++)
		overlay_free(w->parties[i].overlay);
	free(w);
	return 0;
}

static void take_act(struct world *w, size_t i, const struct act *act)
{
	struct party *p = &w->parties[i];
	struct parcel *parcel = &w->parcels[w->parcel_count];

	switch (act->kind) {
	case ACT_SEND:
		assert_true(w->parcel_count < PARCELS_MAX);
		assert_true(act->len <= MESSAGE_MAX);
		w->parcel_count++;
		*parcel = (struct parcel){.from = i, .to = act->to, .len = act->len};
		memcpy(parcel->data, act->data, act->len);
		return;
	case ACT_SERVE:
		p->served++;
		p->ticket = act->ticket;
		return;
	case ACT_ANSWER:
		p->answered++;
		p->answer = *act->reply.answer;
		return;
	case ACT_FINISH:
		p->finished++;
		p->outcome_count = act->outcome_count;
		for (size_t j = 0; j < act->outcome_count; j++)
			p->outcomes[j] = act->outcomes[j].state;
		return;
	case ACT_REMEMBER:
		return;
	case ACT_NOTE:
		p->noted++;
		return;
	}
}

static void drain(struct world *w, size_t i)
{
	struct act act;

	while (overlay_next(w->parties[i].overlay, &act))
		take_act(w, i, &act);
}

static enum message_kind kind_of(const struct parcel *p)
{
	return (enum message_kind)p->data[3];
}

/* Takes the oldest datagram off the wire. */
static bool take_parcel(struct world *w, struct parcel *ret)
{
	if (w->parcel_count == 0)
		return false;
	*ret = w->parcels[0];
	memmove(w->parcels, w->parcels + 1, --w->parcel_count * sizeof(w->parcels[0]));
	return true;
}

/* The oldest one, which must be of that kind. */
static struct parcel expect(struct world *w, enum message_kind kind)
{
	struct parcel p = {0};

	assert_true(take_parcel(w, &p));
	assert_string_equal(message_kind_text(kind), message_kind_text(kind_of(&p)));
	return p;
}

static enum err feed(struct world *w, size_t to, const struct endpoint *from, const void *data,
                     size_t len)
{
	enum err err = overlay_datagram(w->parties[to].overlay, now_of(w, to), from, data, len);

	drain(w, to);
	return err;
}

static enum err hand_over(struct world *w, size_t to, const struct parcel *p)
{
	return feed(w, to, &w->parties[p->from].at, p->data, p->len);
}

/* Delivers all that is on the wire, and what follows from it, but for the kinds in `lost`. */
static void settle_without(struct world *w, unsigned lost)
{
	struct parcel p;

	while (take_parcel(w, &p)) {
		for (size_t i = 0; i < PARTIES; i++) {
			if ((lost & 1U << kind_of(&p)) == 0 &&
			    endpoint_equal(&w->parties[i].at, &p.to))
				(void)hand_over(w, i, &p);
		}
	}
}

static void settle(struct world *w)
{
	settle_without(w, 0);
}

static void expire(struct world *w, size_t i)
{
	overlay_expire(w->parties[i].overlay, now_of(w, i));
	drain(w, i);
}

/* Time passes in small steps for everybody. */
static void pass(struct world *w, uint64_t ms)
{
	for (uint64_t end_ms = w->now_ms + ms; w->now_ms < end_ms;) {
		w->now_ms = MIN(w->now_ms + 50, end_ms);
		for (size_t i = 0; i < PARTIES; i++)
			expire(w, i);
		settle(w);
	}
}

static const struct overlay_counters *counters(const struct world *w, size_t i)
{
	return overlay_counters(w->parties[i].overlay);
}

static void greet(struct world *w, size_t from, size_t to)
{
	assert_ok(overlay_bootstrap(w->parties[from].overlay, now_of(w, from), &w->parties[to].at));
	expire(w, from);
}

static void meet(struct world *w, size_t a, size_t b)
{
	greet(w, a, b);
	settle(w);
}

static enum member_state state_of(const struct world *w, size_t at, size_t about)
{
	const struct overlay *o = w->parties[at].overlay;
	struct id id = cert_id(&w->parties[about].self.cert);

	for (size_t i = 0; i < overlay_member_count(o); i++) {
		if (id_equal(&overlay_member(o, i)->id, &id))
			return overlay_member(o, i)->state;
	}
	return MEMBER_HEARD;
}

static uint32_t ask(struct world *w, size_t from)
{
	struct question question = {
		.on = {{WALL_MS - 60000, WALL_MS - 50000}, {WALL_MS - 20000, WALL_MS - 10000}},
		.on_count = 2,
		.gap_ms = 5000,
		.severity = SEVERITY_HIGH,
	};
	struct query_blob blob;
	uint32_t ticket;

	assert_ok(overlay_ask(w->parties[from].overlay, now_of(w, from), &question, 10000, &ticket,
	                      &w->query, &blob));
	drain(w, from);
	return ticket;
}

static enum err reply(struct world *w, size_t from, size_t findings)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	enum err err;

	assert_non_null(answer);
	answer->connections = 77;
	answer->finding_count = findings;
	for (size_t i = 0; i < findings; i++)
		answer->findings[i] = (struct finding){
			.exporter = place(9).addr, .score = 0.5, .common_ms = 1 << 20};
	err = overlay_answer(w->parties[from].overlay, now_of(w, from), w->parties[from].ticket,
	                     answer);
	free(answer);
	drain(w, from);
	return err;
}

/* Makes a datagram as party `from` would. */
static struct parcel forge(const struct world *w, size_t from, enum message_kind kind,
                           const struct body *body)
{
	struct parcel p = {.from = from};
	struct id id = cert_id(&w->parties[from].self.cert);

	p.len = message_pack(kind, body, &id, &w->parties[from].self.pair, p.data);
	assert_int_not_equal(p.len, 0);
	return p;
}

static struct message opened(const struct parcel *p)
{
	struct message m;

	assert_ok(message_open(p->data, p->len, &m));
	return m;
}

/* ------------------------------------------------------------------ meeting */

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

/* ------------------------------------------------------------------ asking */

static void an_answer_in_parts_arrives_whole_though_parts_are_lost(void **state)
{
	struct world *w = *state;
	unsigned parts = 0;
	struct parcel p;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 1);
	assert_ok(reply(w, 1, 40));
	while (take_parcel(w, &p)) { /* every other part is lost */
		assert_int_equal(kind_of(&p), MESSAGE_ANSWER);
		if (parts++ % 2 == 0)
			assert_ok(hand_over(w, 0, &p));
		while (w->parcel_count > 0 && kind_of(&w->parcels[0]) == MESSAGE_RECEIPT) {
			p = expect(w, MESSAGE_RECEIPT);
			assert_ok(hand_over(w, 1, &p));
		}
		if (parts == 8)
			break;
	}
	assert_true(parts >= 4);
	assert_int_equal(w->parties[0].answered, 0);
	w->parcel_count = 0;
	pass(w, 3000);
	assert_int_equal(w->parties[0].answered, 1);
	assert_int_equal(w->parties[0].answer.finding_count, 40);
	assert_int_equal(w->parties[0].answer.connections, 77);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_ANSWERED);
	assert_int_equal(w->parties[1].served, 1);
}

/* Signed anew by its sender, so that only the seal and the signature inside can tell. */
static void an_answer_with_one_bit_changed_is_false(void **state)
{
	struct world *w = *state;
	uint8_t chunk[MESSAGE_CHUNK_MAX];
	struct parcel p;
	struct body body;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	assert_ok(reply(w, 1, 1));
	p = expect(w, MESSAGE_ANSWER);
	body = opened(&p).body;
	memcpy(chunk, body.chunk.at, bytes_left(&body.chunk));
	chunk[100] ^= 4;
	body.chunk = bytes_of(chunk, bytes_left(&body.chunk));
	p = forge(w, 1, MESSAGE_ANSWER, &body);
	assert_ok(hand_over(w, 0, &p));
	assert_int_equal(counters(w, 0)->forged, 1);
	assert_int_equal(w->parties[0].answered, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_FALSE);
}

/* No octet of a query, and none of its envelope, can be changed unnoticed. */
static void a_query_changed_anywhere_is_not_served(void **state)
{
	struct world *w = *state;
	struct parcel whole;

	meet(w, 0, 1);
	ask(w, 0);
	whole = expect(w, MESSAGE_QUERY);
	for (size_t i = 0; i < whole.len; i++) {
		struct parcel p = whole;

		p.data[i] ^= 0x10;
		(void)hand_over(w, 1, &p);
	}
	assert_int_equal(w->parties[1].served, 0);
	assert_ok(hand_over(w, 1, &whole));
	assert_int_equal(w->parties[1].served, 1);
}

static void a_query_that_comes_again_is_served_once(void **state)
{
	struct world *w = *state;
	struct parcel p;

	meet(w, 0, 1);
	ask(w, 0);
	p = expect(w, MESSAGE_QUERY);
	for (int i = 0; i < 3; i++)
		assert_ok(hand_over(w, 1, &p));
	settle(w);
	assert_ok(reply(w, 1, 1));
	settle(w);
	w->now_ms += 60000;
	assert_err(ERR_STALE, hand_over(w, 1, &p));
	w->now_ms += 600000;
	(void)hand_over(w, 1, &p);
	assert_int_equal(w->parties[1].served, 1);
	assert_int_equal(w->parties[0].answered, 1);
}

static void a_refusal_is_an_outcome(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	overlay_refuse(w->parties[1].overlay, now_of(w, 1), w->parties[1].ticket, RECEIPT_REFUSED);
	drain(w, 1);
	settle(w);
	assert_int_equal(counters(w, 1)->refused, 1);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_REFUSED);
}

static void a_refusal_that_was_lost_is_said_again(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	overlay_refuse(w->parties[1].overlay, now_of(w, 1), w->parties[1].ticket, RECEIPT_REFUSED);
	drain(w, 1);
	settle_without(w, 1U << MESSAGE_RECEIPT);
	pass(w, 9000);
	assert_int_equal(w->parties[1].served, 1);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_REFUSED);
}

/* "Ask later" means that later is another chance. */
static void who_was_busy_is_asked_again_and_serves(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	settle(w);
	overlay_refuse(w->parties[1].overlay, now_of(w, 1), w->parties[1].ticket, RECEIPT_BUSY);
	drain(w, 1);
	settle(w);
	assert_int_equal(counters(w, 1)->busy, 1);
	assert_int_equal(w->parties[0].finished, 0);
	pass(w, 2000);
	assert_int_equal(w->parties[1].served, 2);
	assert_ok(reply(w, 1, 1));
	settle(w);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_ANSWERED);
}

static void who_stays_busy_is_busy_in_the_end(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	meet(w, 2, 1);
	for (int i = 0; i < 2; i++) /* as many as party 1 serves at once */
		ask(w, 2);
	settle(w);
	ask(w, 0);
	settle(w);
	assert_true(counters(w, 1)->busy >= 1);
	pass(w, 11000);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_BUSY);
}

/* Party 1's clock is ahead: to it, the query has expired. */
static void a_stale_query_is_unwanted(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	w->parties[1].skew_ms = 600000;
	ask(w, 0);
	settle(w);
	assert_int_equal(counters(w, 1)->stale, 1);
	assert_int_equal(w->parties[1].served, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_UNWANTED);
}

static void who_was_never_met_is_silent_at_once(void **state)
{
	struct world *w = *state;
	const struct overlay_self *b = &w->parties[1].self;

	assert_ok(overlay_remember(w->parties[0].overlay, now_of(w, 0), &w->parties[1].at,
	                           b->blob.octets, b->blob.len));
	ask(w, 0);
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_SILENT);
}

static void who_does_not_speak_is_silent_in_the_end(void **state)
{
	struct world *w = *state;

	meet(w, 0, 1);
	ask(w, 0);
	for (int i = 0; i < 220; i++) {
		w->parcel_count = 0; /* nothing arrives */
		w->now_ms += 50;
		expire(w, 0);
	}
	assert_int_equal(w->parties[0].finished, 1);
	assert_int_equal(w->parties[0].outcomes[0], TARGET_SILENT);
	assert_int_equal(state_of(w, 0, 1), MEMBER_LIVE); /* until its HELLOs are missed */
	for (int i = 0; i < 800; i++) {
		w->parcel_count = 0;
		w->now_ms += 50;
		expire(w, 0);
	}
	assert_int_equal(state_of(w, 0, 1), MEMBER_SILENT);
}

static void an_expired_certificate_cannot_ask(void **state)
{
	struct world *w = *state;
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	meet(w, 0, 1);
	w->now_ms += (uint64_t)DAY_MS + 1;
	assert_err(ERR_EXPIRED, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question, 1000,
	                                    &ticket, &query, &blob));
	drain(w, 0);
	assert_int_equal(w->parcel_count, 0);
}

static void a_fingerprint_too_long_for_a_datagram_is_refused(void **state)
{
	struct world *w = *state;
	struct question question = {.on_count = QUERY_INTERVALS_MAX};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	for (size_t i = 0; i < question.on_count; i++) {
		question.on[i].start_ms = WALL_MS + (int64_t)i * 100000000;
		question.on[i].end_ms = question.on[i].start_ms + 50000000;
	}
	for (int i = 0; i < 5; i++) /* and nothing is used up by trying */
		assert_err(ERR_LIMIT, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question,
		                                  1000, &ticket, &query, &blob));
	ask(w, 0);
	assert_int_equal(w->parties[0].finished, 1); /* there is nobody to ask */
	assert_int_equal(w->parties[0].outcome_count, 0);
}

static void no_more_queries_than_its_limit_are_under_way(void **state)
{
	struct world *w = *state;
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query query;
	struct query_blob blob;
	uint32_t ticket;

	meet(w, 0, 1);
	for (uint16_t i = 0; i < small.asks_max; i++)
		ask(w, 0);
	assert_err(ERR_LIMIT, overlay_ask(w->parties[0].overlay, now_of(w, 0), &question, 1000,
	                                  &ticket, &query, &blob));
}

/* ------------------------------------------------------------------ cancelling */

static void a_cancelled_query_is_never_heard_of_again(void **state)
{
	struct world *w = *state;
	uint32_t ticket;

	meet(w, 0, 1);
	ticket = ask(w, 0);
	settle(w);
	overlay_cancel(w->parties[0].overlay, ticket);
	assert_ok(reply(w, 1, 40));
	settle(w);
	pass(w, 30000);
	assert_int_equal(w->parties[0].answered, 0);
	assert_int_equal(w->parties[0].finished, 0);
	assert_true(counters(w, 0)->unasked > 0);
}

/* Feeds without draining: the answer and the end of the query wait in the outbox. */
static void acts_that_wait_are_cancelled_with_their_query(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct parcel p;
	uint32_t first;

	meet(w, 0, 1);
	first = ask(w, 0);
	settle(w);
	assert_ok(reply(w, 1, 1));
	p = expect(w, MESSAGE_ANSWER);
	assert_ok(overlay_datagram(a->overlay, now_of(w, 0), &w->parties[1].at, p.data, p.len));
	overlay_cancel(a->overlay, first);
	ask(w, 0); /* takes the room of the first, and must not inherit its end */
	assert_int_equal(a->answered, 0);
	assert_int_equal(a->finished, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 2);
	assert_ok(reply(w, 1, 1));
	settle(w);
	assert_int_equal(a->answered, 1);
	assert_int_equal(a->finished, 1);
}

/* While the driver looks at ACT_FINISH the query is cancelled and another one is asked. */
static void a_query_cancelled_at_its_end_takes_no_other_with_it(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct body body = {.status = RECEIPT_REFUSED};
	struct question question = {.on = {{1, 2}}, .on_count = 1};
	struct query_blob blob;
	uint32_t first, second;
	struct parcel p;
	struct act act;

	meet(w, 0, 1);
	first = ask(w, 0);
	settle(w);
	body.query_id = w->query.id;
	p = forge(w, 1, MESSAGE_RECEIPT, &body);
	assert_ok(overlay_datagram(a->overlay, now_of(w, 0), &w->parties[1].at, p.data, p.len));
	assert_true(overlay_next(a->overlay, &act));
	assert_int_equal(act.kind, ACT_FINISH);
	overlay_cancel(a->overlay, first);
	assert_ok(
		overlay_ask(a->overlay, now_of(w, 0), &question, 10000, &second, &w->query, &blob));
	drain(w, 0);
	settle(w);
	assert_int_equal(w->parties[1].served, 2);
	assert_ok(reply(w, 1, 1));
	settle(w);
	assert_int_equal(a->answered, 1);
}

/* A busy member speaks after the time is over, and before anybody has looked. */
static void a_query_ends_once(void **state)
{
	struct world *w = *state;
	struct party *a = &w->parties[0];
	struct body body = {.status = RECEIPT_BUSY};
	struct parcel p;

	meet(w, 0, 1);
	ask(w, 0);
	body.query_id = w->query.id;
	p = forge(w, 1, MESSAGE_RECEIPT, &body);
	assert_ok(hand_over(w, 0, &p));
	w->now_ms += 10000;
	overlay_expire(a->overlay, now_of(w, 0));
	body.status = RECEIPT_REFUSED;
	p = forge(w, 1, MESSAGE_RECEIPT, &body);
	(void)hand_over(w, 0, &p);
	assert_int_equal(a->finished, 1);
	assert_int_equal(a->outcomes[0], TARGET_BUSY);
}

/* ------------------------------------------------------------------ limits */

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

static void states_have_names(void **state)
{
	(void)state;

	assert_string_equal(member_state_text(MEMBER_EXPIRED), "expired");
	assert_string_equal(target_state_text(TARGET_SILENT), "silent");
	assert_string_equal(target_state_text((enum target_state)99), "unknown");
}

#define t(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		t(three_datagrams_make_two_members),
		t(a_third_is_met_through_the_second),
		t(a_forged_welcome_is_refused),
		t(a_welcome_from_elsewhere_proves_nothing),
		t(an_old_proof_of_an_address_is_worth_nothing),
		t(a_member_of_another_root_is_refused_and_counted),
		t(a_welcome_is_never_longer_than_its_hello),
		t(a_hello_without_its_padding_is_no_message),
		t(an_answer_in_parts_arrives_whole_though_parts_are_lost),
		t(an_answer_with_one_bit_changed_is_false),
		t(a_query_changed_anywhere_is_not_served),
		t(a_query_that_comes_again_is_served_once),
		t(a_refusal_is_an_outcome),
		t(a_refusal_that_was_lost_is_said_again),
		t(who_was_busy_is_asked_again_and_serves),
		t(who_stays_busy_is_busy_in_the_end),
		t(a_stale_query_is_unwanted),
		t(who_was_never_met_is_silent_at_once),
		t(who_does_not_speak_is_silent_in_the_end),
		t(an_expired_certificate_cannot_ask),
		t(a_fingerprint_too_long_for_a_datagram_is_refused),
		t(no_more_queries_than_its_limit_are_under_way),
		t(a_cancelled_query_is_never_heard_of_again),
		t(acts_that_wait_are_cancelled_with_their_query),
		t(a_query_cancelled_at_its_end_takes_no_other_with_it),
		t(a_query_ends_once),
		t(acts_that_find_no_room_are_counted),
		t(an_answer_that_meets_a_full_outbox_is_not_lost),
		t(a_full_table_refuses_and_counts),
		t(a_flood_from_one_network_is_over_budget),
		t(states_have_names),
	};

	return cmocka_run_group_tests_name("proto/overlay", tests, NULL, NULL);
}
