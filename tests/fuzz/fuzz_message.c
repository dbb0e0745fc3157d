/*
 * fuzz_message - everything that comes over the overlay, before and behind its signatures.
 *
 * The first octet chooses what the rest is: a whole datagram, certificate, query, answer or
 * request; or only the part that is signed, to which the harness adds what no mutation would find:
 * the fixed fields before it and a signature that verifies. What is taken must, packed again, be
 * taken again.
 */
#include "base/util.h"
#include "proto/wire/answer.h"
#include "proto/wire/cert.h"
#include "proto/wire/message.h"
#include "proto/wire/pack.h"
#include "proto/wire/query.h"

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define ROOM 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wall noon = {NOON};
static struct key_pair root, member;
static struct roots roots;
static struct cert cert;
static struct cert_blob cert_blob;
static struct id responder;
static struct box_key reply_secret;
static struct query question; /* whose answers are read */

static void must(int claim)
{
	if (!claim)
		abort();
}

static void sign_onto(struct octets *o, const struct key_pair *pair, const char *domain,
                      const void *data, size_t len)
{
	struct signature s = sign(pair, domain, data, len);

	octets_put(o, s.octets, sizeof(s.octets));
}

/* Length, then the body, then a signature over it: how certificates and queries travel. */
static size_t wrap(struct octets body, const struct key_pair *pair, const char *domain,
                   uint8_t room[ROOM])
{
	struct octets o = octets_of(room, ROOM);

	octets_uint(&o, octets_len(&body), 2);
	octets_put(&o, body.start, octets_len(&body));
	sign_onto(&o, pair, domain, body.start, octets_len(&body));
	return o.is_full ? 0 : octets_len(&o);
}

static size_t wrap_cert(struct bytes rest, uint8_t room[ROOM])
{
	uint8_t body[ROOM];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, 11);
	pack_uint(&p, 2);
	pack_bin(&p, root.public.octets, sizeof(root.public));
	octets_put(&p.out, rest.at, bytes_left(&rest));
	return wrap(p.out, &root, "spoor certificate 2", room);
}

static size_t wrap_query(struct bytes rest, uint8_t room[ROOM])
{
	uint8_t body[ROOM];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, 9);
	pack_uint(&p, 1);
	pack_bin(&p, cert_blob.octets, cert_blob.len);
	octets_put(&p.out, rest.at, bytes_left(&rest));
	return wrap(p.out, &member, "spoor query 1", room);
}

static size_t wrap_answer(struct bytes body, uint8_t room[ROOM])
{
	struct octets o = octets_of(room, ROOM);
	struct id of_body = digest("spoor answer body 1", body.at, bytes_left(&body)), said;
	uint8_t head[112];
	struct octets h = octets_of(head, sizeof(head));

	octets_put(&h, question.id.octets, sizeof(question.id));
	octets_put(&h, question.reply_to.octets, sizeof(question.reply_to));
	octets_put(&h, responder.octets, sizeof(responder));
	octets_put(&h, of_body.octets, sizeof(of_body));
	must(!h.is_full);
	said = digest("spoor answer statement 1", head, sizeof(head));
	octets_uint(&o, bytes_left(&body), 4);
	octets_put(&o, body.at, bytes_left(&body));
	octets_uint(&o, cert_blob.len, 2);
	octets_put(&o, cert_blob.octets, cert_blob.len);
	sign_onto(&o, &member, "spoor answer 1", said.octets, sizeof(said));
	return o.is_full ? 0 : octets_len(&o);
}

static size_t wrap_request(struct bytes rest, uint8_t room[ROOM])
{
	struct pack p = pack_into(room, ROOM);

	pack_array(&p, 5);
	pack_uint(&p, 2);
	pack_bin(&p, member.public.octets, sizeof(member.public));
	octets_put(&p.out, rest.at, bytes_left(&rest));
	sign_onto(&p.out, &member, "spoor request 2", room, pack_len(&p));
	return p.out.is_full ? 0 : pack_len(&p);
}

static size_t wrap_message(struct bytes rest, uint8_t room[ROOM])
{
	uint64_t kind = 1 + bytes_uint(&rest, 1) % (MESSAGE_KIND_END - 1);
	struct octets o = octets_of(room, ROOM);

	octets_put(&o, "sp\1", 3);
	octets_uint(&o, kind, 1);
	octets_put(&o, responder.octets, sizeof(responder));
	octets_put(&o, rest.at, bytes_left(&rest));
	sign_onto(&o, &member, "spoor datagram 1", room, octets_len(&o));
	return o.is_full ? 0 : octets_len(&o);
}

static void try_cert(const uint8_t *data, size_t len, bool is_ours)
{
	struct cert read, again;
	struct cert_blob blob;
	enum err err = cert_open(data, len, &roots, noon, &read);

	must(!is_ours || (err != ERR_ROOT && err != ERR_AUTH));
	if (err != ERR_OK && err != ERR_EXPIRED)
		return;
	must(cert_issue(&root, &read, &blob) == ERR_OK);
	must(cert_open(blob.octets, blob.len, &roots, noon, &again) == err);
	must(strcmp(read.name, again.name) == 0 && strcmp(read.org, again.org) == 0);
	must(read.serial == again.serial && read.roles == again.roles);
	must(read.prefix_count > 0 && read.prefix_count == again.prefix_count);
}

static void try_query(const uint8_t *data, size_t len, bool is_ours)
{
	static struct query read, again;
	struct query_blob blob;
	enum err err = query_open(data, len, &roots, noon, 5000, &read);
	const struct question *q = &read.question;

	must(!is_ours || (err != ERR_ROOT && err != ERR_AUTH));
	if (err != ERR_OK && err != ERR_STALE && err != ERR_EXPIRED)
		return;
	must(q->on_count > 0 && q->on_count <= QUERY_INTERVALS_MAX);
	must(q->severity < SEVERITY_END);
	for (size_t i = 0; i < q->on_count; i++) {
		must(q->on[i].start_ms <= q->on[i].end_ms);
		must(i == 0 || q->on[i].start_ms - q->on[i - 1].end_ms > q->gap_ms);
	}
	if (query_pack(&read, &cert_blob, &member, &blob) != ERR_OK)
		return;
	must(query_open(blob.octets, blob.len, &roots, noon, 5000, &again) == err);
	must(again.question.on_count == q->on_count);
	must(memcmp(again.question.on, q->on, q->on_count * sizeof(q->on[0])) == 0);
}

static void try_answer(struct bytes plain, bool is_ours)
{
	static struct answer read, again;
	static uint8_t room[ANSWER_MAX];
	size_t len = sizeof(room);
	struct cert by;
	enum err err = answer_check(plain, &question, &roots, noon, &by, &read);

	must(!is_ours || (err != ERR_ROOT && err != ERR_AUTH));
	if (err != ERR_OK)
		return;
	for (size_t i = 0; i < read.finding_count; i++) {
		const struct finding *f = &read.findings[i];

		must(f->score >= 0 && f->score <= 1 && f->cpf >= 0 && f->cpf <= 1);
		must(f->life.start_ms <= f->life.end_ms);
	}
	must(answer_sign(&read, &question, &cert_blob, &responder, &member, room, &len) == ERR_OK);
	must(answer_check(bytes_of(room, len), &question, &roots, noon, &by, &again) == ERR_OK);
	must(again.finding_count == read.finding_count && again.lost == read.lost);
}

static void try_request(const uint8_t *data, size_t len, bool is_ours)
{
	struct request read;
	enum err err = request_open(data, len, &read);

	must(!is_ours || err != ERR_AUTH);
	must(err != ERR_OK || (read.name[0] != '\0' && read.org[0] != '\0'));
	must(err != ERR_OK || (read.prefix_count > 0 && prefix_is_sound(&read.prefixes[0])));
}

static void try_message(const uint8_t *data, size_t len, bool is_ours)
{
	uint8_t room[MESSAGE_MAX];
	struct message read, again;
	size_t packed;

	if (message_open(data, len, &read) != ERR_OK)
		return;
	must(message_verify(&read, &member.public) == ERR_OK || !is_ours);
	packed = message_pack(read.kind, &read.body, &read.sender, &member, room);
	if (packed == 0)
		return; /* a HELLO that was not padded, and leaves no room for it */
	must(message_open(room, packed, &again) == ERR_OK);
	must(message_verify(&again, &member.public) == ERR_OK);
	must(again.kind == read.kind && again.body.card_count == read.body.card_count);
	must(bytes_left(&again.body.cert) == bytes_left(&read.body.cert));
}

static void try_sealed(struct bytes plain)
{
	static const struct seed once = {{42}};
	static uint8_t room[ANSWER_MAX];
	static struct answer read;
	size_t len = bytes_left(&plain);
	struct bytes opened;
	struct cert by;

	if (len > sizeof(room) - SEAL_OVERHEAD)
		return;
	seal(&question.reply_to, &once, plain.at, len, room);
	(void)!answer_open(room, len + SEAL_OVERHEAD, &question, &reply_secret, &roots, noon, &by,
	                   &read, &opened);
	must(bytes_left(&opened) == len && (len == 0 || memcmp(opened.at, plain.at, len) == 0));
}

/* The harness signs as the product does; were it not so, it would fuzz only refusals. */
static void check_wrapping(void)
{
	static struct answer empty;
	struct request request = {
		.name = "R4", .org = "Example Four", .prefixes = {{.bits = 3}}, .prefix_count = 1};
	struct body body = {.has_more = false};
	struct query_blob blob;
	struct bytes rest;
	uint8_t made[ROOM], room[ROOM];
	size_t len = sizeof(made), prefix = 2 + 1 + 1 + 34;

	rest = bytes_of(cert_blob.octets + prefix, cert_blob.len - prefix - 64);
	must(wrap_cert(rest, room) == cert_blob.len);
	must(memcmp(room, cert_blob.octets, cert_blob.len) == 0);

	must(query_pack(&question, &cert_blob, &member, &blob) == ERR_OK);
	must(cert_blob.len <= UINT8_MAX);
	prefix = 2 + 1 + 1 + 2 + cert_blob.len;
	must(wrap_query(bytes_of(blob.octets + prefix, blob.len - prefix - 64), room) == blob.len);
	must(memcmp(room, blob.octets, blob.len) == 0);

	must(answer_sign(&empty, &question, &cert_blob, &responder, &member, made, &len) == ERR_OK);
	rest = bytes_of(made + 4, len - 4 - 2 - cert_blob.len - 64);
	must(wrap_answer(rest, room) == len && memcmp(room, made, len) == 0);

	len = sizeof(made);
	must(request_pack(&member, &request, made, &len) == ERR_OK);
	prefix = 1 + 1 + 34;
	must(wrap_request(bytes_of(made + prefix, len - prefix - 64), room) == len);
	must(memcmp(room, made, len) == 0);

	len = message_pack(MESSAGE_CONFIRM, &body, &responder, &member, made);
	made[35] = MESSAGE_CONFIRM - 1; /* where wrap_message() reads the kind: before the body */
	must(wrap_message(bytes_of(made + 35, len - 35 - 64), room) == len);
	must(memcmp(room + 36, made + 36, len - 36) == 0);
}

static void start(void)
{
	static const struct seed root_seed = {{1}}, member_seed = {{2}}, box_seed = {{3}};

	must(sign_start() == ERR_OK);
	root = key_pair_of(&root_seed);
	member = key_pair_of(&member_seed);
	roots = (struct roots){.keys = {root.public}, .count = 1};
	cert = (struct cert){
		.member = member.public,
		.name = "R4",
		.org = "Example Four",
		.not_before = {NOON - DAY},
		.not_after = {NOON + DAY},
		.prefixes = {{.bits = 3}},
		.prefix_count = 1,
		.roles = CERT_ROLES_ALL,
	};
	must(cert_issue(&root, &cert, &cert_blob) == ERR_OK);
	responder = cert_id(&cert);
	question.issued.ms = NOON;
	question.expires.ms = NOON + 1000;
	question.question.on[0] = (struct interval){NOON - 2000, NOON - 1000};
	question.question.on_count = 1;
	box_keys(&box_seed, &question.reply_to, &reply_secret);
	check_wrapping();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_started;
	static uint8_t room[ROOM];
	struct bytes rest;

	if (!has_started)
		start();
	has_started = true;
	if (size == 0 || size > 4096)
		return 0;
	rest = bytes_of(data + 1, size - 1);
	switch (data[0] % 11) {
	case 0:
		try_message(rest.at, size - 1, false);
		break;
	case 1:
		try_message(room, wrap_message(rest, room), true);
		break;
	case 2:
		try_cert(rest.at, size - 1, false);
		break;
	case 3:
		try_cert(room, wrap_cert(rest, room), true);
		break;
	case 4:
		try_query(rest.at, size - 1, false);
		break;
	case 5:
		try_query(room, wrap_query(rest, room), true);
		break;
	case 6:
		try_answer(rest, false);
		break;
	case 7:
		try_answer(bytes_of(room, wrap_answer(rest, room)), true);
		break;
	case 8:
		try_request(rest.at, size - 1, false);
		break;
	case 9:
		try_request(room, wrap_request(rest, room), true);
		break;
	default:
		try_sealed(rest);
	}
	return 0;
}
