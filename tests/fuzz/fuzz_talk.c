/*
 * fuzz_talk - both ends of the talk between a host and its gateway's node.
 *
 * The first octet chooses who reads, and after how many turns of a true greeting; the second the
 * size of pieces; the rest is laid over what he would have read, from where the third and fourth
 * say, or, with the first's high bit, comes instead of it. Nothing that is bent may become a
 * record.
 */
#include "base/util.h"
#include "proto/wire/talk.h"

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define INBOX 4096
#define RECORD_LEN (7 + CHANNEL_OVERHEAD) /* of the only record that is said */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct party {
	struct key_pair identity, operational;
	struct box_key kx_secret;
	struct card card;
};

struct end {
	struct talk talk;
	struct talk_self self;
	uint32_t drawn;
	uint8_t inbox[INBOX];
	size_t len, records;
	bool is_over;
};

static struct party host_party, node_party;
static struct roots for_hosts, for_nodes;

static void must(int claim)
{
	if (!claim)
		abort();
}

static void draw(void *ctx, void *room, size_t len)
{
	struct end *end = ctx;
	uint8_t *at = room;

	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)((end->drawn = end->drawn * 1664525u + 1013904223u) >> 24);
}

static void make_party(struct party *p, uint8_t first, uint32_t roles, struct roots *ret_roots)
{
	struct seed root_seed = {{first}}, identity_seed = {{first, 1}}, seed = {{first, 2}};
	struct key_pair root = key_pair_of(&root_seed);
	struct record record = {.seq = 1, .not_before = {NOON - DAY}, .not_after = {NOON + DAY}};

	p->identity = key_pair_of(&identity_seed);
	p->card.cert = (struct cert){
		.member = p->identity.public,
		.name = "one",
		.org = "Example",
		.not_before = {NOON - DAY},
		.not_after = {NOON + DAY},
		.prefix_count = 1,
		.roles = roles,
	};
	must(prefix_parse("10.0.0.0/8", &p->card.cert.prefixes[0]) == ERR_OK);
	must(cert_issue(&root, &p->card.cert, &p->card.cert_blob) == ERR_OK);
	record_keys(&seed, &p->operational, &record.kx, &p->kx_secret);
	record.sign = p->operational.public;
	must(record_issue(&p->identity, &record, &p->card.record_blob) == ERR_OK);
	p->card.record = record;
	p->card.id = cert_id(&p->card.cert);
	*ret_roots = (struct roots){.keys = {root.public}, .count = 1};
}

static void end_init(struct end *end, const struct party *p, const struct roots *roots)
{
	memset(end, 0, sizeof(*end));
	end->drawn = p == &host_party ? 1 : 2;
	end->self = (struct talk_self){
		.card = &p->card,
		.operational = &p->operational,
		.kx_secret = &p->kx_secret,
		.roots = roots,
		.wanted = &node_party.identity.public,
		.random = draw,
		.random_ctx = end,
		.now = {NOON},
	};
}

static void deliver(struct end *to, const void *data, size_t len)
{
	len = MIN(len, sizeof(to->inbox) - to->len);
	memcpy(to->inbox + to->len, data, len);
	to->len += len;
}

static void run(struct end *end, struct end *other, size_t step)
{
	for (size_t at = 0; at < end->len && !end->is_over; at += step) {
		struct bytes in = bytes_of(end->inbox + at, MIN(step, end->len - at)), record;

		while (bytes_left(&in) > 0 && !end->is_over) {
			uint8_t room[TALK_GREETING_MAX];
			struct octets out = octets_of(room, sizeof(room));
			size_t before = bytes_left(&in);
			enum err err = talk_feed(&end->talk, &end->self, &in, &out, &record);

			must(!out.is_full);
			must(err != ERR_SHORT || bytes_left(&in) < before);
			deliver(other, room, octets_len(&out));
			end->records += err == ERR_OK;
			end->is_over = err != ERR_OK && err != ERR_SHORT;
		}
	}
	end->len = 0;
}

static void start(void)
{
	if (for_hosts.count > 0)
		return;
	must(sign_start() == ERR_OK);
	make_party(&host_party, 1, CERT_ROLE_HOST, &for_hosts);
	make_party(&node_party, 9, CERT_ROLES_MEMBER, &for_nodes);
}

/* The greeting, and a record of each, as far as `turns`. Whose turn it then is. */
static struct end *play(struct end *host, struct end *gateway, unsigned turns)
{
	uint8_t room[TALK_GREETING_MAX];
	struct octets out = octets_of(room, sizeof(room));

	talk_listen(&gateway->talk);
	must(talk_knock(&host->talk, &host->self, &out) == ERR_OK);
	deliver(gateway, room, octets_len(&out));
	for (unsigned i = 0; i < turns; i++) {
		struct end *reader = i % 2 == 0 ? gateway : host;

		run(reader, reader == host ? gateway : host, INBOX);
		must(!reader->is_over);
		if (i == 3)
			deliver(gateway, room, talk_seal(&host->talk, "record", 7, room));
	}
	return turns % 2 == 0 ? gateway : host;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct end host, gateway;
	static uint8_t sound[INBOX];
	struct bytes in = bytes_of(data, size);
	uint8_t choice = (uint8_t)bytes_uint(&in, 1);
	size_t step = (size_t)bytes_uint(&in, 1) + 1, at = (size_t)bytes_uint(&in, 2);
	struct end *reader;
	bool is_bent;

	start();
	end_init(&host, &host_party, &for_nodes);
	end_init(&gateway, &node_party, &for_hosts);
	reader = play(&host, &gateway, choice % 5);
	memcpy(sound, reader->inbox, sizeof(sound));
	if ((choice & 0x80) != 0) {
		reader->len = 0;
		deliver(reader, in.at, bytes_left(&in));
	} else {
		while (!in.is_short && bytes_left(&in) > 0 && reader->len > 0)
			reader->inbox[at++ % reader->len] ^= (uint8_t)bytes_uint(&in, 1);
	}
	/* The fuzzer may learn what is true, and say it: that is no forgery. */
	is_bent = memcmp(sound, reader->inbox, reader->len) != 0;
	run(reader, reader == &host ? &gateway : &host, step);
	must(!is_bent || reader->records <= 1);
	must(!is_bent || reader->records == 0 || memcmp(sound, reader->inbox, RECORD_LEN) == 0);
	return 0;
}
