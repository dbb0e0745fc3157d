#include "base/prng.h"
#include "proto/wire/talk.h"
#include "tests/unit/wire_fixture.h"

#include <string.h>

static struct key_pair community, hosts;
static struct holder stone, node;
static struct roots for_hosts, for_nodes;

struct end {
	struct talk talk;
	struct talk_self self;
	uint32_t drawn; /* so that every run is the same */
	uint8_t inbox[8192];
	size_t inbox_len, records;
	uint8_t last[64];
	enum err err;
};

static void draw(void *ctx, void *room, size_t len)
{
	struct end *end = ctx;
	uint8_t *at = room;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)((end->drawn = end->drawn * 1664525u + 1013904223u) >> 24);
}

static int start(void **state)
{
	(void)state;
	if (sign_start() != ERR_OK)
		return -1;
	community = pair_of(90);
	hosts = pair_of(91);
	stone = host_of(&hosts, 30, "stone");
	node = holder_of(&community, 40, "R2", "Example");
	for_hosts = (struct roots){.keys = {hosts.public}, .count = 1};
	for_nodes = (struct roots){.keys = {community.public}, .count = 1};
	return 0;
}

static void end_init(struct end *end, const struct holder *who, const struct roots *roots,
                     const struct public_key *wanted, uint32_t drawn)
{
	memset(end, 0, sizeof(*end));
	end->drawn = drawn;
	end->self = (struct talk_self){
		.card = &who->card,
		.operational = &who->operational,
		.kx_secret = &who->kx_secret,
		.roots = roots,
		.wanted = wanted,
		.random = draw,
		.random_ctx = end,
		.now = {NOON},
	};
}

static void deliver(struct end *to, const void *data, size_t len)
{
	assert_true(to->inbox_len + len <= sizeof(to->inbox));
	memcpy(to->inbox + to->inbox_len, data, len);
	to->inbox_len += len;
}

/* Takes what has come, `step` octets at a time; what it says goes to `other`. */
static void run(struct end *end, struct end *other, size_t step)
{
	size_t at = 0;

	while (at < end->inbox_len && end->err == ERR_OK) {
		struct bytes in = bytes_of(end->inbox + at, MIN(step, end->inbox_len - at)), record;
		size_t len = bytes_left(&in);

		while (bytes_left(&in) > 0 && end->err == ERR_OK) {
			uint8_t room[TALK_GREETING_MAX];
			struct octets out = octets_of(room, sizeof(room));
			enum err err = talk_feed(&end->talk, &end->self, &in, &out, &record);

			assert_false(out.is_full);
			deliver(other, room, octets_len(&out));
			if (err == ERR_OK) {
				end->records++;
				memcpy(end->last, record.at, MIN(bytes_left(&record), 64));
			} else if (err != ERR_SHORT) {
				end->err = err;
			}
		}
		at += len;
	}
	end->inbox_len = 0;
}

static void say(struct end *from, struct end *to, const char *text)
{
	uint8_t room[256];
	size_t len = talk_seal(&from->talk, text, strlen(text) + 1, room);

	deliver(to, room, len);
}

static void knock(struct end *host, struct end *gateway)
{
	uint8_t room[TALK_GREETING_MAX];
	struct octets out = octets_of(room, sizeof(room));

	talk_listen(&gateway->talk);
	assert_ok(talk_knock(&host->talk, &host->self, &out));
	deliver(gateway, room, octets_len(&out));
}

/* Until nobody has anything to say. */
static void greet(struct end *host, struct end *gateway, size_t step)
{
	knock(host, gateway);
	for (int i = 0; i < 4; i++) {
		run(gateway, host, step);
		run(host, gateway, step);
	}
}

static void ends(struct end *host, struct end *gateway)
{
	end_init(host, &stone, &for_nodes, &node.identity.public, 1);
	end_init(gateway, &node, &for_hosts, NULL, 2);
}

static void both_ends_open_whatever_pieces_arrive(void **state)
{
	static const size_t steps[] = {1, 2, 7, 1000, 8192};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		static struct end host, gateway;

		ends(&host, &gateway);
		greet(&host, &gateway, steps[i]);
		assert_ok(host.err);
		assert_ok(gateway.err);
		assert_int_equal(TALK_OPEN, host.talk.state);
		assert_int_equal(TALK_ANSWERED, gateway.talk.state); /* an INIT may be a replay */
		say(&host, &gateway, "first");
		say(&host, &gateway, "second");
		run(&gateway, &host, steps[i]);
		assert_int_equal(TALK_OPEN, gateway.talk.state);
		assert_int_equal(2, gateway.records);
		assert_string_equal("second", (char *)gateway.last);
		say(&gateway, &host, "heard");
		run(&host, &gateway, steps[i]);
		assert_string_equal("heard", (char *)host.last);
		assert_string_equal("stone", gateway.talk.peer.cert.name);
		assert_string_equal("R2", host.talk.peer.cert.name);
	}
}

static void a_stranger_to_the_root_hears_nothing(void **state)
{
	struct key_pair other = pair_of(95);
	struct holder stranger = host_of(&other, 31, "stranger");
	static struct end host, gateway;
	(void)state;

	ends(&host, &gateway);
	end_init(&host, &stranger, &for_nodes, &node.identity.public, 1);
	greet(&host, &gateway, 8192);
	assert_err(ERR_ROOT, gateway.err);
	assert_int_equal(0, host.inbox_len);
	assert_int_equal(TALK_KNOCKED, host.talk.state);
}

static void a_member_is_no_host(void **state)
{
	struct holder member = holder_of(&hosts, 32, "member", "Example");
	static struct end host, gateway;
	(void)state;

	ends(&host, &gateway);
	end_init(&host, &member, &for_nodes, &node.identity.public, 1);
	greet(&host, &gateway, 8192);
	assert_err(ERR_DENIED, gateway.err);
}

static void a_host_talks_to_the_node_it_was_told_of_alone(void **state)
{
	struct holder other = holder_of(&community, 41, "R3", "Example");
	static struct end host, gateway;
	(void)state;

	ends(&host, &gateway);
	end_init(&gateway, &other, &for_hosts, NULL, 2);
	greet(&host, &gateway, 8192);
	assert_err(ERR_DENIED, host.err);

	ends(&host, &gateway);
	host.self.roots = &for_hosts;
	greet(&host, &gateway, 8192);
	assert_err(ERR_ROOT, host.err);
}

static void certificates_have_their_time(void **state)
{
	static const int64_t times[] = {NOON - 2 * DAY, NOON + 2 * DAY};
	struct holder other = node;
	static struct end host, gateway;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		ends(&host, &gateway);
		host.self.now.ms = gateway.self.now.ms = times[i];
		greet(&host, &gateway, 8192);
		assert_err(ERR_EXPIRED, gateway.err);

		other.card.cert.not_before.ms = times[i];
		other.card.cert.not_after.ms = times[i] + DAY;
		assert_ok(cert_issue(&community, &other.card.cert, &other.card.cert_blob));
		ends(&host, &gateway);
		end_init(&gateway, &other, &for_hosts, NULL, 2);
		greet(&host, &gateway, 8192);
		assert_ok(gateway.err);
		assert_err(ERR_EXPIRED, host.err);
	}
}

/* Somebody who has recorded a whole greeting says it again: he cannot make one record. */
static void a_replayed_greeting_opens_nothing(void **state)
{
	static struct end host, gateway, again;
	static uint8_t recorded[8192];
	size_t len;
	(void)state;

	ends(&host, &gateway);
	knock(&host, &gateway);
	memcpy(recorded, gateway.inbox, gateway.inbox_len);
	len = gateway.inbox_len;
	run(&gateway, &host, 8192);
	run(&host, &gateway, 8192);
	memcpy(recorded + len, gateway.inbox, gateway.inbox_len);
	len += gateway.inbox_len;
	run(&gateway, &host, 8192);
	run(&host, &gateway, 8192);
	say(&host, &gateway, "first");
	memcpy(recorded + len, gateway.inbox, gateway.inbox_len);
	len += gateway.inbox_len;

	end_init(&again, &node, &for_hosts, NULL, 3);
	talk_listen(&again.talk);
	deliver(&again, recorded, len);
	run(&again, &host, 8192);
	assert_err(ERR_AUTH, again.err);
	assert_int_equal(0, again.records);
}

/* So far that `turns` greetings have been read; the next lies before who is returned. */
static struct end *play(struct end *host, struct end *gateway, size_t turns)
{
	ends(host, gateway);
	knock(host, gateway);
	for (size_t i = 0; i < turns; i++) {
		struct end *reader = i % 2 == 0 ? gateway : host;

		run(reader, reader == host ? gateway : host, sizeof(host->inbox));
		assert_ok(reader->err);
	}
	return turns % 2 == 0 ? gateway : host;
}

#define GREETINGS 4 /* KNOCK, WELCOME, INIT, RESPONSE */

/* One bit of what is said is turned: whoever reads it ends the talk, and nothing is believed. */
static void a_bent_greeting_ends_it(void **state)
{
	static struct end host, gateway, bent;
	(void)state;

	for (size_t turn = 0; turn < GREETINGS; turn++) {
		const struct end *reader = play(&host, &gateway, turn);

		for (size_t at = 0; at < reader->inbox_len; at++) {
			bent = *reader;
			bent.self.random_ctx = &bent;
			bent.inbox[at] ^= (uint8_t)(1u << at % 8);
			run(&bent, &host, sizeof(bent.inbox));
			if (bent.err == ERR_OK && bent.talk.have == 0)
				fail_msg("octet %zu of greeting %zu may be bent", at, turn);
			assert_int_equal(0, bent.records);
			assert_int_equal(reader->talk.state, bent.talk.state);
		}
	}
}

/* It waits for the rest, and has said nothing. */
static void a_greeting_that_is_cut_short_is_waited_for(void **state)
{
	static struct end host, gateway, cut, other;
	(void)state;

	for (size_t turn = 0; turn < GREETINGS; turn++) {
		const struct end *reader = play(&host, &gateway, turn);

		for (size_t len = 0; len < reader->inbox_len; len += 7) {
			cut = *reader;
			cut.inbox_len = len;
			other.inbox_len = 0;
			run(&cut, &other, sizeof(cut.inbox));
			assert_ok(cut.err);
			assert_int_equal(0, other.inbox_len);
			assert_int_equal(reader->talk.state, cut.talk.state);
		}
	}
}

static void a_greeting_said_twice_ends_it(void **state)
{
	/* From TALK_ANSWERED on whatever comes is a record. */
	static const enum err errors[GREETINGS] = {ERR_FORMAT, ERR_FORMAT, ERR_AUTH, ERR_AUTH};
	static struct end host, gateway, other;
	(void)state;

	for (size_t turn = 0; turn < GREETINGS; turn++) {
		struct end *reader = play(&host, &gateway, turn);

		deliver(reader, reader->inbox, reader->inbox_len);
		other.inbox_len = 0;
		run(reader, &other, sizeof(reader->inbox));
		assert_err(errors[turn], reader->err);
		assert_int_equal(0, reader->records);
	}
}

/* Whatever is not due, though somebody said it truly, ends the talk. */
static void greetings_in_another_order_end_it(void **state)
{
	static struct end host, gateway, late, other;
	static uint8_t said[GREETINGS][TALK_GREETING_MAX];
	size_t len[GREETINGS];
	(void)state;

	for (size_t turn = 0; turn < GREETINGS; turn++) {
		const struct end *reader = play(&host, &gateway, turn);

		len[turn] = reader->inbox_len;
		memcpy(said[turn], reader->inbox, len[turn]);
	}
	for (size_t turn = 0; turn < GREETINGS; turn++) {
		for (size_t i = 0; i < GREETINGS; i++) {
			struct end *reader = play(&late, &gateway, turn);

			if (i == turn)
				continue;
			reader->inbox_len = 0;
			other.inbox_len = 0;
			deliver(reader, said[i], len[i]);
			run(reader, &other, sizeof(reader->inbox));
			assert_err(ERR_FORMAT, reader->err);
			assert_int_equal(0, other.inbox_len);
		}
	}
}

static void lengths_that_no_greeting_has_end_it_at_once(void **state)
{
	static const uint8_t lengths[][2] = {{0, 0}, {0, 3}, {0x04, 0x41}, {0xff, 0xff}};
	static struct end host, gateway;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		ends(&host, &gateway);
		talk_listen(&gateway.talk);
		deliver(&gateway, lengths[i], 2);
		deliver(&gateway, "xyz", i == 1 ? 3 : 0);
		run(&gateway, &host, 1);
		assert_err(ERR_FORMAT, gateway.err);
	}
}

/* Not only where all begins: in each state, to both ends. */
static void garbage_ends_it(void **state)
{
	static struct end host, gateway, lost;
	struct prng random = {.state = 7};
	(void)state;

	for (size_t turn = 0; turn <= GREETINGS + 1; turn++) {
		const struct end *reader = play(&host, &gateway, turn);

		for (int i = 0; i < 200; i++) {
			lost = *reader;
			lost.self.random_ctx = &lost;
			lost.inbox_len = sizeof(lost.inbox);
			prng_fill(&random, lost.inbox, sizeof(lost.inbox));
			lost.inbox[0] = (uint8_t)(i % 5); /* a length that may be one */
			run(&lost, &host, 1000);
			assert_int_not_equal(ERR_OK, lost.err);
			assert_int_equal(0, lost.records);
		}
	}
}

/* What opens: both, with a record of the host read. */
static void open_both(struct end *host, struct end *gateway)
{
	ends(host, gateway);
	greet(host, gateway, sizeof(host->inbox));
	say(host, gateway, "first");
	run(gateway, host, sizeof(host->inbox));
	assert_int_equal(TALK_OPEN, gateway->talk.state);
	assert_int_equal(1, gateway->records);
}

static void records_are_read_once_and_in_their_order(void **state)
{
	static struct end host, gateway;
	static uint8_t second[64], third[64];
	size_t len;
	(void)state;

	open_both(&host, &gateway);
	len = talk_seal(&host.talk, "second", 7, second);
	deliver(&gateway, second, len);
	deliver(&gateway, second, len);
	run(&gateway, &host, 1);
	assert_err(ERR_AUTH, gateway.err);
	assert_int_equal(2, gateway.records);

	open_both(&host, &gateway);
	len = talk_seal(&host.talk, "second", 7, second);
	deliver(&gateway, third, talk_seal(&host.talk, "third", 6, third));
	deliver(&gateway, second, len);
	run(&gateway, &host, 1);
	assert_err(ERR_AUTH, gateway.err);
	assert_int_equal(1, gateway.records);

	open_both(&host, &gateway); /* what the host said, back to the host */
	deliver(&host, second, talk_seal(&host.talk, "second", 7, second));
	run(&host, &gateway, 1);
	assert_err(ERR_AUTH, host.err);
	assert_int_equal(0, host.records);
}

static void a_gateway_may_know_several_roots(void **state)
{
	struct key_pair other = pair_of(95);
	struct holder second = host_of(&other, 31, "second");
	struct roots both = {.keys = {hosts.public, other.public}, .count = 2};
	static struct end host, gateway;
	(void)state;

	ends(&host, &gateway);
	gateway.self.roots = &both;
	end_init(&host, &second, &for_nodes, &node.identity.public, 1);
	greet(&host, &gateway, 8192);
	assert_ok(gateway.err);
	assert_ok(host.err);
	assert_int_equal(TALK_OPEN, host.talk.state);
	assert_string_equal("second", gateway.talk.peer.cert.name);

	ends(&host, &gateway);
	both.count = 0; /* nobody */
	gateway.self.roots = &both;
	greet(&host, &gateway, 8192);
	assert_err(ERR_ROOT, gateway.err);
}

/* A recorded KNOCK must not tell for ever who listens here. */
static void a_knock_has_its_time(void **state)
{
	static const struct {
		int64_t late_ms;
		enum err err;
	} rows[] = {
		{-60001, ERR_STALE}, {-60000, ERR_OK},     {60000, ERR_OK},
		{60001, ERR_STALE},  {DAY / 2, ERR_STALE},
	};
	static struct end host, gateway;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ends(&host, &gateway);
		gateway.self.now.ms = NOON + rows[i].late_ms;
		knock(&host, &gateway);
		run(&gateway, &host, 8192);
		assert_err(rows[i].err, gateway.err);
		assert_int_equal(rows[i].err == ERR_OK, host.inbox_len > 0);
	}
}

static void a_welcome_to_another_knock_ends_it(void **state)
{
	static struct end host, gateway, before;
	(void)state;

	ends(&before, &gateway);
	knock(&before, &gateway);
	run(&gateway, &before, 8192);
	end_init(&host, &stone, &for_nodes, &node.identity.public, 5);
	knock(&host, &gateway);
	deliver(&host, before.inbox, before.inbox_len);
	run(&host, &gateway, 8192);
	assert_err(ERR_STALE, host.err);
}

/* Its record names the other's key, which anybody may know; it stands between him and the node. */
static void a_host_cannot_pass_another_off_as_itself(void **state)
{
	struct holder liar = host_of(&hosts, 33, "liar");
	struct knock_key key = knock_key_of(&hosts.public);
	static struct end host, gateway;
	uint8_t room[TALK_GREETING_MAX] = {KNOCK_LEN >> 8, KNOCK_LEN & 0xff};
	struct knock k;
	(void)state;

	liar.card.record.kx = stone.card.record.kx;
	assert_ok(record_issue(&liar.identity, &liar.card.record, &liar.card.record_blob));
	ends(&host, &gateway);
	knock(&host, &gateway);
	k = (struct knock){
		.nonce = host.talk.nonce,
		.sent = {NOON},
		.cert = bytes_of(liar.card.cert_blob.octets, liar.card.cert_blob.len),
		.record = bytes_of(liar.card.record_blob.octets, liar.card.record_blob.len),
	};
	assert_ok(knock_pack(&k, &liar.operational, &key, room + 2));
	gateway.inbox_len = 0;
	deliver(&gateway, room, sizeof(room));
	run(&gateway, &host, 8192);
	assert_ok(gateway.err);
	run(&host, &gateway, 8192);
	assert_int_equal(TALK_CALLED, host.talk.state);
	run(&gateway, &host, 8192);
	assert_err(ERR_AUTH, gateway.err);
	assert_int_equal(TALK_WELCOMED, gateway.talk.state);
}

static void records_of_hosts_have_their_time_too(void **state)
{
	static const int64_t starts[] = {NOON - 3 * 3600000, NOON + 3600000};
	struct holder old = stone;
	static struct end host, gateway;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		old.card.record.not_before.ms = starts[i];
		old.card.record.not_after.ms = starts[i] + 3600000;
		assert_ok(record_issue(&old.identity, &old.card.record, &old.card.record_blob));
		ends(&host, &gateway);
		end_init(&host, &old, &for_nodes, &node.identity.public, 1);
		greet(&host, &gateway, 8192);
		assert_err(ERR_EXPIRED, gateway.err);
		assert_int_equal(0, host.inbox_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_open_whatever_pieces_arrive),
		cmocka_unit_test(a_stranger_to_the_root_hears_nothing),
		cmocka_unit_test(a_member_is_no_host),
		cmocka_unit_test(a_host_talks_to_the_node_it_was_told_of_alone),
		cmocka_unit_test(certificates_have_their_time),
		cmocka_unit_test(a_replayed_greeting_opens_nothing),
		cmocka_unit_test(records_of_hosts_have_their_time_too),
		cmocka_unit_test(a_knock_has_its_time),
		cmocka_unit_test(a_welcome_to_another_knock_ends_it),
		cmocka_unit_test(a_host_cannot_pass_another_off_as_itself),
		cmocka_unit_test(a_gateway_may_know_several_roots),
		cmocka_unit_test(a_bent_greeting_ends_it),
		cmocka_unit_test(a_greeting_that_is_cut_short_is_waited_for),
		cmocka_unit_test(a_greeting_said_twice_ends_it),
		cmocka_unit_test(greetings_in_another_order_end_it),
		cmocka_unit_test(lengths_that_no_greeting_has_end_it_at_once),
		cmocka_unit_test(garbage_ends_it),
		cmocka_unit_test(records_are_read_once_and_in_their_order),
	};

	return cmocka_run_group_tests_name("wire/talk", tests, start, NULL);
}
