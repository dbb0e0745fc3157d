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
	static struct end host, gateway;
	(void)state;

	ends(&host, &gateway);
	gateway.self.now.ms = NOON + 2 * DAY;
	greet(&host, &gateway, 8192);
	assert_err(ERR_EXPIRED, gateway.err);

	ends(&host, &gateway);
	host.self.now.ms = NOON - 2 * DAY;
	greet(&host, &gateway, 8192);
	assert_err(ERR_EXPIRED, host.err);
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

/* One bit of what is said is turned: whoever reads it ends the talk, and nothing is believed. */
static void a_bent_greeting_ends_it(void **state)
{
	(void)state;

	for (size_t turn = 0; turn < 4; turn++) {
		for (size_t at = 0; at < 1090; at += 5) {
			static struct end host, gateway;
			struct end *reader = turn % 2 == 0 ? &gateway : &host;

			ends(&host, &gateway);
			knock(&host, &gateway);
			for (size_t i = 0; i < turn; i++)
				run(i % 2 == 0 ? &gateway : &host, i % 2 == 0 ? &host : &gateway,
				    8192);
			if (at >= reader->inbox_len)
				continue;
			reader->inbox[at] ^= 0x10;
			run(reader, reader == &host ? &gateway : &host, 8192);
			assert_true(reader->err != ERR_OK || reader->talk.have > 0 ||
			            (turn == 2 && reader->talk.state == TALK_ANSWERED));
			assert_int_equal(0, reader->records);
		}
	}
}

static void garbage_ends_it(void **state)
{
	static struct end host, gateway;
	uint32_t x = 7;
	(void)state;

	for (int i = 0; i < 500; i++) {
		ends(&host, &gateway);
		talk_listen(&gateway.talk);
		for (size_t k = 0; k < sizeof(gateway.inbox); k++)
			gateway.inbox[k] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
		gateway.inbox[0] = (uint8_t)(i % 5); /* a length that may be one */
		gateway.inbox_len = sizeof(gateway.inbox);
		run(&gateway, &host, 1000);
		assert_int_not_equal(ERR_OK, gateway.err);
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
		cmocka_unit_test(a_bent_greeting_ends_it),
		cmocka_unit_test(garbage_ends_it),
	};

	return cmocka_run_group_tests_name("wire/talk", tests, start, NULL);
}
