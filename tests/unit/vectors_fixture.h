/*
 * vectors_fixture - the vectors of docs/PROTOCOL.md, made of fixed seeds: seed_of(n) of the fixture
 * below is the octets n, n + 1, ... n + 31.
 */
#ifndef SPOOR_TESTS_UNIT_VECTORS_FIXTURE_H
#define SPOOR_TESTS_UNIT_VECTORS_FIXTURE_H

#include "proto/wire/answer.h"
#include "proto/wire/channel.h"
#include "proto/wire/cookie.h"
#include "proto/wire/knock.h"
#include "proto/wire/notice.h"
#include "proto/wire/receipt.h"
#include "tests/unit/hand_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS_MAX 96
#define NAME_MAX 32

struct vector {
	char name[NAME_MAX];
	size_t len;
	uint8_t octets[PACKET_MAX];
};

struct vectors {
	struct vector of[VECTORS_MAX];
	size_t count;
};

static struct vectors made;
static struct key_pair root, other_root;
static struct holder a, b; /* a asks, calls and knocks; b answers */
static struct query query;
static struct query_blob query_blob;
static struct box_key reply_secret;
static struct answer answer;
static struct transport at_a, at_b;

static inline void add(const char *name, const void *octets, size_t len)
{
	struct vector *v = &made.of[made.count++];

	assert_true(made.count < VECTORS_MAX && len <= sizeof(v->octets));
	snprintf(v->name, sizeof(v->name), "%s", name);
	v->len = len;
	memcpy(v->octets, octets, len);
}

/* --- who they are --- */

static inline void make_keys(void)
{
	struct seed root_seed = seed_of(0), a_seed = seed_of(100), b_seed = seed_of(50);
	struct seed a_short = seed_of(101), b_short = seed_of(51);

	root = pair_of(0);
	other_root = pair_of(10);
	a = holder_of(&root, 100, "R4", "Example Four");
	b = holder_of(&root, 50, "R5", "Example Five");
	add("root-seed", &root_seed, sizeof(root_seed));
	add("root-key", &root.public, sizeof(root.public));
	add("a-identity-seed", &a_seed, sizeof(a_seed));
	add("a-operational-seed", &a_short, sizeof(a_short));
	add("a-identity-key", &a.identity.public, sizeof(a.identity.public));
	add("a-sign-key", &a.card.record.sign, sizeof(a.card.record.sign));
	add("a-kx-key", &a.card.record.kx, sizeof(a.card.record.kx));
	add("a-id", &a.card.id, sizeof(a.card.id));
	add("a-certificate", a.card.cert_blob.octets, a.card.cert_blob.len);
	add("a-record", a.card.record_blob.octets, a.card.record_blob.len);
	add("b-identity-seed", &b_seed, sizeof(b_seed));
	add("b-operational-seed", &b_short, sizeof(b_short));
	add("b-id", &b.card.id, sizeof(b.card.id));
	add("b-certificate", b.card.cert_blob.octets, b.card.cert_blob.len);
	add("b-record", b.card.record_blob.octets, b.card.record_blob.len);
}

static inline void make_card(void)
{
	uint8_t room[CARD_MAX];
	struct octets out = octets_of(room, sizeof(room));

	card_pack(&out, &a.card);
	add("a-card", room, octets_len(&out));
}

static inline void make_notices(void)
{
	struct notice n = {
		.head = {.number = 3, .page = 0, .pages = 2, .issued = {NOON}},
		.entries = {{NOTICE_REVOKE, a.identity.public, 7, {0}},
	                    {NOTICE_RETIRE, root.public, 0, {0}}},
		.entry_count = 2,
	};
	struct notice_blob blob;

	assert_ok(notice_issue(&root, &n, &blob));
	add("notice-page-0", blob.octets, blob.len);
	n.head.page = 1;
	n.entries[0] = (struct notice_entry){NOTICE_ENDORSE, other_root.public, 0, {NOON + DAY}};
	n.entry_count = 1;
	assert_ok(notice_issue(&root, &n, &blob));
	add("notice-page-1", blob.octets, blob.len);
}

/* --- question and answer --- */

/* The same by volume, of a connection that was never silent. */
static inline void make_query_of_volumes(void)
{
	struct query of_volumes = query;
	struct question *q = &of_volumes.question;
	struct query_blob blob;

	of_volumes.number = 8;
	q->on[0] = (struct interval){NOON - 180000, NOON};
	q->on_count = 1;
	q->volumes[0] = (struct volume){{NOON - 180000, NOON - 120010}, 61440000};
	q->volumes[1] = (struct volume){{NOON - 120000, NOON - 60005}, 31457280};
	q->volumes[2] = (struct volume){{NOON - 60000, NOON}, 700};
	q->volume_count = 3;
	q->way = 1;
	assert_ok(query_pack(&of_volumes, &a.card, &a.operational, &blob));
	add("query-of-volumes", blob.octets, blob.len);
}

static inline void make_query(void)
{
	struct seed seed = seed_of(200);

	query = (struct query){
		.number = 7,
		.nonce = {{9, 8, 7, 6, 5, 4, 3, 2, 1}},
		.issued = {NOON},
		.expires = {NOON + 30000},
		.question = {.on = {{NOON - 60000, NOON - 58000}, {NOON - 50000, NOON - 20000}},
	                     .on_count = 2,
	                     .gap_ms = 500,
	                     .bound_ms = 26,
	                     .lost = 7,
	                     .proto = 6,
	                     .severity = SEVERITY_HIGH},
	};
	box_keys(&seed, &query.reply_to, &reply_secret);
	assert_ok(query_pack(&query, &a.card, &a.operational, &query_blob));
	add("reply-seed", &seed, sizeof(seed));
	add("query", query_blob.octets, query_blob.len);
	add("query-id", &query.id, sizeof(query.id));
	make_query_of_volumes();
}

static inline void make_receipts(void)
{
	for (int kind = 0; kind < RECEIPT_KIND_END; kind++) {
		struct receipt r = {
			.query_id = query.id,
			.responder = b.card.id,
			.kind = (enum verdict_kind)kind,
			.at = {NOON + 1000},
			.window = {NOON - DAY, NOON},
			.flows = 1000,
			.lost = 3,
			.connections = 17,
			.retry_after_ms = kind == RECEIPT_BUSY ? 2000 : 0,
		};
		struct receipt_blob blob;
		char name[NAME_MAX];

		receipt_sign(&r, &b.operational, &blob);
		snprintf(name, sizeof(name), "receipt-%s", receipt_kind_text(r.kind));
		add(name, blob.octets, blob.len);
	}
}

static inline void make_answer(void)
{
	struct seed seed = seed_of(210);
	struct addr here = b.card.record.endpoints[0].addr;
	uint8_t room[PACKET_MAX];
	size_t len = sizeof(room);

	answer = (struct answer){
		.window = {NOON - DAY, NOON},
		.flows = 1000,
		.lost = 3,
		.connections = 17,
		.findings = {{.exporter = here,
	                      .if_low = 1,
	                      .if_high = 2,
	                      .src = {here, 40000},
	                      .dst = {here, 22},
	                      .proto = 6,
	                      .verdict = 3,
	                      .life = {NOON - 60000, NOON},
	                      .score = 0.75,
	                      .cpf = 0.125,
	                      .silences = 12,
	                      .common_ms = 30000,
	                      .lag_ms = -40,
	                      .lag_error_ms = 25,
	                      .stretch_ms = 310,
	                      .stretches = 9,
	                      .nat_dst = {here, 2222}}},
		.finding_count = 1,
	};
	assert_ok(answer_sign(&answer, &query, &b.card.id, &b.operational, room, &len));
	add("answer", room, len);
	add("answer-seed", &seed, sizeof(seed));
	len = sizeof(room);
	assert_ok(answer_pack(&answer, &query, &b.card.id, &b.operational, &seed, room, &len));
	add("answer-sealed", room, len);
}

/* --- frames --- */

/* Every member of a frame that its kind may need. */
static inline void fill_frame(struct frame *f)
{
	const struct vector *sealed = &made.of[made.count - 1];

	f->state = (struct frame_state){
		.nonce = UINT64_C(0x0102030405060708),
		.wall = {NOON},
		.sum = UINT64_C(0x1122334455667788),
		.heads = {{short_id_of(root.public.octets), 3}},
		.head_count = 1,
	};
	f->target = b.card.id;
	f->nodes[0] = (struct frame_node){b.card.id, b.card.record.endpoints[0]};
	f->node_count = 1;
	for (size_t i = 0; i < FRAME_RANGES; i++)
		f->sums[i] = i * UINT64_C(0x0101010101010101);
	f->range = b.card.id.octets[0] >> 1;
	f->has_more = true;
	f->prints[0] = (struct frame_print){short_id_of(&b.card.id), 0xa1b2c3d4};
	f->print_count = 1;
	f->ids[0] = short_id_of(&query.id);
	f->id_count = 1;
	f->cards[0][0] = bytes_of(a.card.cert_blob.octets, a.card.cert_blob.len);
	f->cards[0][1] = bytes_of(a.card.record_blob.octets, a.card.record_blob.len);
	f->card_count = 1;
	f->root = root.public;
	f->number = 3;
	f->page = 1;
	f->hops = 2;
	f->query_id = query.id;
	f->about = FRAME_RECEIPT;
	f->len = 5000;
	f->digest = digest("spoor sealed answer 1", sealed->octets, sealed->len);
	f->token = (struct nonce){{4, 4, 4}};
	f->offset = 1024;
}

static const char *blob_of(enum frame_kind kind)
{
	return kind == FRAME_NOTICE    ? "notice-page-0"
	       : kind == FRAME_QUERY   ? "query"
	       : kind == FRAME_RECEIPT ? "receipt-match"
	                               : "answer-sealed";
}

static const struct vector *of_made(const char *name)
{
	size_t i = 0;

	while (i < made.count && strcmp(made.of[i].name, name) != 0)
		i++;
	assert_true(i < made.count);
	return &made.of[i];
}

static inline void make_frames(void)
{
	static struct frame f;
	uint8_t room[FRAME_MAX];

	fill_frame(&f);
	for (f.kind = FRAME_PING; f.kind < FRAME_KIND_END; f.kind++) {
		const struct vector *blob = of_made(blob_of(f.kind));
		char name[NAME_MAX];
		size_t len;

		if (f.kind == FRAME_PONG)
			f.state.observed = a.card.record.endpoints[0];
		f.blob = bytes_of(blob->octets, blob->len);
		len = frame_pack(&f, room);
		assert_true(len > 0);
		snprintf(name, sizeof(name), "frame-%s", frame_kind_text(f.kind));
		add(name, room, len);
	}
}

/* --- datagrams --- */

static inline struct hand_self hand_of(const struct holder *h)
{
	return (struct hand_self){{h->card.record.kx, h->kx_secret}, h->card.id};
}

static inline void make_cookie(const struct hand *h)
{
	static const uint8_t cookie_nonce[COOKIE_NONCE] = {7, 7, 7};
	struct seed secret = seed_of(230);
	struct cookie_jar jar = {.count = 0};
	struct hand answered = *h;
	uint8_t room[COOKIE_LEN];
	size_t len;

	cookie_jar_turn(&jar, (struct mono){1}, &secret);
	len = cookie_make(&jar, &b.card.id, &a.card.record.endpoints[0], h->packet, cookie_nonce,
	                  room);
	add("cookie-secret", &secret, sizeof(secret));
	add("cookie", room, len);
	assert_ok(hand_take_cookie(&answered, room, len));
	add("init-with-cookie", answered.packet, sizeof(answered.packet));
}

static inline void make_hand(void)
{
	struct hand_self self_a = hand_of(&a), self_b = hand_of(&b);
	struct seed seed_a = seed_of(220), seed_b = seed_of(225);
	const struct vector *card = of_made("a-card");
	uint8_t room[PACKET_MAX], payload[HAND_PAYLOAD_MAX];
	struct hand_in in;
	struct hand h;
	size_t len;

	assert_ok(hand_start(&h, &self_a, &b.card.record.kx, &b.card.id, A_INDEX, &seed_a,
	                     bytes_of(card->octets, card->len)));
	add("a-ephemeral-seed", &seed_a, sizeof(seed_a));
	add("b-ephemeral-seed", &seed_b, sizeof(seed_b));
	add("init", h.packet, sizeof(h.packet));
	make_cookie(&h);
	assert_ok(hand_read(&self_b, h.packet, sizeof(h.packet), &in));
	len = hand_answer(&in, &self_b, &seed_b, B_INDEX, bytes_of(NULL, 0), room, &at_b);
	add("response", room, len);
	assert_ok(hand_finish(&h, room, len, &at_a, payload, &len));
	add("session-key-to-b", at_a.send_key, sizeof(at_a.send_key));
	add("session-key-to-a", at_a.receive_key, sizeof(at_a.receive_key));
	add("session-export-key", at_a.export_key, sizeof(at_a.export_key));
}

static inline void make_data(void)
{
	static const uint8_t salt[CHANNEL_SALT] = {5, 5, 5}, token[CHANNEL_TOKEN] = {4, 4, 4};
	const struct vector *ping = of_made("frame-ping"), *pong = of_made("frame-pong");
	struct transport t = at_a;
	struct channel channel;
	uint8_t room[PACKET_MAX];

	add("data-to-b", room, transport_seal(&t, ping->octets, ping->len, room));
	add("data-to-b-next", room, transport_seal(&t, pong->octets, pong->len, room));
	t = at_b;
	add("data-to-a", room, transport_seal(&t, pong->octets, pong->len, room));
	channel_start(&channel, &at_a, salt, true);
	channel_hello(&channel, &at_a, salt, token, room);
	add("channel-hello", room, CHANNEL_HELLO_LEN);
	channel_start(&channel, &at_b, salt, false);
	add("channel-record", room, channel_seal(&channel, "an answer", 9, room));
}

static inline void make_knock(void)
{
	struct seed seed = seed_of(240);
	struct knock_key key = knock_key_of(&root.public);
	struct knock k = {
		.nonce = {{6, 6, 6}},
		.sent = {NOON},
		.cert = bytes_of(a.card.cert_blob.octets, a.card.cert_blob.len),
		.record = bytes_of(a.card.record_blob.octets, a.card.record_blob.len),
	};
	struct welcome w = {
		.cert = bytes_of(b.card.cert_blob.octets, b.card.cert_blob.len),
		.record = bytes_of(b.card.record_blob.octets, b.card.record_blob.len),
	};
	uint8_t room[PACKET_MAX];

	assert_ok(knock_pack(&k, &a.operational, &key, room));
	add("knock", room, KNOCK_LEN);
	add("welcome-seed", &seed, sizeof(seed));
	add("welcome", room, welcome_pack(&w, &k.nonce, &a.card.record.kx, &seed, room));
}

static inline void make_all(void)
{
	make_keys();
	make_card();
	make_notices();
	make_query();
	make_receipts();
	make_answer();
	make_frames();
	make_hand();
	make_data();
	make_knock();
}

#endif
