/*
 * fuzz_record - records and cards, before and behind their signatures.
 *
 * The first octet chooses what the rest is: a whole record, the signed part of one, or cards. What
 * is taken must, issued or packed again, be taken again.
 */
#include "base/util.h"
#include "proto/wire/card.h"
#include "proto/wire/pack.h"

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define ROOM 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wall noon = {NOON};
static struct key_pair root, identity;
static struct roots roots;
static struct cert cert;
static struct cert_blob cert_blob;
static struct record_blob record_blob;

static void must(int claim)
{
	if (!claim)
		abort();
}

/* Array and version are given: what stands behind them is the input's. */
static size_t wrap(struct bytes rest, uint8_t room[ROOM])
{
	uint8_t body[ROOM];
	struct pack p = pack_into(body, sizeof(body));
	struct octets o = octets_of(room, ROOM);
	struct signature s;

	pack_array(&p, 7);
	pack_uint(&p, 1);
	octets_put(&p.out, rest.at, bytes_left(&rest));
	s = sign(&identity, "spoor record 1", body, pack_len(&p));
	octets_uint(&o, pack_len(&p), 2);
	octets_put(&o, body, pack_len(&p));
	octets_put(&o, s.octets, sizeof(s.octets));
	return p.out.is_full || o.is_full ? 0 : octets_len(&o);
}

static void check_record(const struct record *r)
{
	must(r->not_before.ms < r->not_after.ms);
	must((uint64_t)r->not_after.ms - (uint64_t)r->not_before.ms <= RECORD_LIFE_MAX_MS);
	must(r->endpoint_count <= RECORD_ENDPOINTS_MAX);
	for (size_t i = 0; i < r->endpoint_count; i++) {
		must(r->endpoints[i].port != 0 && addr_is_unicast(&r->endpoints[i].addr));
		must(cert_allows(&cert, &r->endpoints[i].addr));
	}
}

static void try_record(const uint8_t *data, size_t len, bool is_ours)
{
	struct record read, again;
	struct record_blob blob;
	enum err err = record_open(data, len, &cert, noon, &read);

	must(!is_ours || err != ERR_AUTH);
	if (err != ERR_OK && err != ERR_EXPIRED)
		return;
	check_record(&read);
	must(record_issue(&identity, &read, &blob) == ERR_OK);
	must(record_open(blob.octets, blob.len, &cert, noon, &again) == err);
	must(again.seq == read.seq && again.endpoint_count == read.endpoint_count);
}

static void try_cards(struct bytes in)
{
	struct bytes c, r;
	struct card card;

	while (card_cut(&in, &c, &r) == ERR_OK) {
		uint8_t room[CARD_MAX];
		struct octets out = octets_of(room, sizeof(room));
		enum err err = card_open(c, r, &roots, noon, &card);

		if (err != ERR_OK && err != ERR_EXPIRED)
			continue;
		card_pack(&out, &card);
		must(!out.is_full);
		must(octets_len(&out) == 4 + bytes_left(&c) + bytes_left(&r));
		must(memcmp(room + 2, c.at, bytes_left(&c)) == 0);
	}
}

/* Cards whose parts verify: ours, with octets of the input laid over them. */
static void try_own_card(struct bytes rest)
{
	uint8_t room[CARD_MAX];
	struct octets out = octets_of(room, sizeof(room));
	struct card card = {.cert_blob = cert_blob, .record_blob = record_blob};

	card_pack(&out, &card);
	while (bytes_left(&rest) >= 3) {
		size_t at = (size_t)bytes_uint(&rest, 2) % octets_len(&out);

		room[at] ^= (uint8_t)bytes_uint(&rest, 1);
	}
	try_cards(bytes_of(room, octets_len(&out)));
}

static void start(void)
{
	static const struct seed root_seed = {{1}}, identity_seed = {{2}};
	struct record record = {
		.seq = 1,
		.not_before = {NOON - 1000},
		.not_after = {NOON + DAY},
		.endpoint_count = 1,
	};
	uint8_t room[ROOM];

	must(sign_start() == ERR_OK);
	root = key_pair_of(&root_seed);
	identity = key_pair_of(&identity_seed);
	roots = (struct roots){.keys = {root.public}, .count = 1};
	cert = (struct cert){
		.member = identity.public,
		.name = "R4",
		.org = "Example Four",
		.not_before = {NOON - DAY},
		.not_after = {NOON + DAY},
		.prefix_count = 2,
		.roles = CERT_ROLES_MEMBER,
	};
	must(prefix_parse("10.0.0.0/8", &cert.prefixes[0]) == ERR_OK);
	must(prefix_parse("2001:db8::/32", &cert.prefixes[1]) == ERR_OK);
	must(endpoint_parse("10.0.0.4:7667", &record.endpoints[0]) == ERR_OK);
	must(cert_issue(&root, &cert, &cert_blob) == ERR_OK);
	must(record_issue(&identity, &record, &record_blob) == ERR_OK);
	/* The harness signs as the product does; were it not so, it would fuzz only refusals. */
	must(wrap(bytes_of(record_blob.octets + 4, record_blob.len - 4 - 64), room) ==
	     record_blob.len);
	must(memcmp(room, record_blob.octets, record_blob.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_started;
	uint8_t room[ROOM];
	struct bytes rest;

	if (!has_started)
		start();
	has_started = true;
	if (size == 0 || size > 4096)
		return 0;
	rest = bytes_of(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		try_record(rest.at, size - 1, false);
		break;
	case 1:
		try_record(room, wrap(rest, room), true);
		break;
	case 2:
		try_cards(rest);
		break;
	default:
		try_own_card(rest);
	}
	return 0;
}
