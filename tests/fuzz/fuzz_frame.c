/*
 * fuzz_frame - everything that is said inside a session or shown to others, before and behind its
 * signatures.
 *
 * The first octet chooses what the rest is: a whole frame, receipt, query, answer, certificate or
 * request; or only the part that is signed, to which the harness adds what no mutation would find:
 * the fixed fields before it and a signature that verifies. A frame that is taken packs to the very
 * same octets; of what MessagePack writes in several ways, what is taken must, packed again, be
 * taken again and mean the same.
 */
#include "base/util.h"
#include "proto/wire/answer.h"
#include "proto/wire/envelope.h"
#include "proto/wire/frame.h"
#include "proto/wire/query.h"
#include "proto/wire/receipt.h"

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define ROOM 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct wall noon = {NOON};
static struct key_pair root, member, operational;
static struct roots roots;
static struct card card;
static struct box_key reply_secret;
static struct query question; /* whose answers are read */

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void must_be_inside(struct bytes part, const uint8_t *whole, size_t len)
{
	must(part.at == NULL ||
	     (part.at >= whole && part.end <= whole + len && part.at <= part.end));
}

static void try_frame(struct bytes in)
{
	static struct frame f;
	uint8_t room[FRAME_MAX];
	size_t len = bytes_left(&in);

	if (frame_open(in.at, len, &f) != ERR_OK)
		return;
	must(len <= FRAME_MAX && f.kind > 0 && f.kind < FRAME_KIND_END);
	must(frame_pack(&f, room) == len);
	must(memcmp(room, in.at, len) == 0);
	if (f.kind == FRAME_CARDS) {
		must(f.card_count > 0 && f.card_count <= FRAME_CARDS_MAX);
		for (size_t i = 0; i < 2 * f.card_count; i++)
			must_be_inside(f.cards[i / 2][i % 2], in.at, len);
	}
	if (f.kind == FRAME_QUERY || f.kind == FRAME_PART || f.kind == FRAME_REPLY)
		must_be_inside(f.blob, in.at, len);
}

/* Length, the body, and a signature over it. */
static struct bytes wrap(const struct pack *body, const struct key_pair *pair, const char *domain,
                         uint8_t room[ROOM])
{
	return bytes_of(room, envelope_pack(pair, domain, body, room, ROOM));
}

static struct bytes wrap_cert(struct bytes rest, uint8_t room[ROOM])
{
	uint8_t body[ROOM];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, 11);
	pack_uint(&p, 2);
	pack_bin(&p, root.public.octets, sizeof(root.public));
	octets_put(&p.out, rest.at, bytes_left(&rest));
	return wrap(&p, &root, "spoor certificate 2", room);
}

static struct bytes wrap_query(struct bytes rest, uint8_t room[ROOM])
{
	uint8_t body[ROOM];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, 15);
	pack_uint(&p, 4);
	pack_bin(&p, card.cert_blob.octets, card.cert_blob.len);
	pack_bin(&p, card.record_blob.octets, card.record_blob.len);
	octets_put(&p.out, rest.at, bytes_left(&rest));
	return wrap(&p, &operational, "spoor query 4", room);
}

static struct bytes wrap_receipt(struct bytes rest, uint8_t room[ROOM])
{
	uint8_t body[ROOM];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, 11);
	pack_uint(&p, 1);
	pack_bin(&p, question.id.octets, sizeof(question.id.octets));
	pack_bin(&p, card.id.octets, sizeof(card.id.octets));
	octets_put(&p.out, rest.at, bytes_left(&rest));
	return wrap(&p, &operational, "spoor receipt 1", room);
}

static struct bytes wrap_answer(struct bytes body, uint8_t room[ROOM])
{
	struct octets o = octets_of(room, ROOM);
	struct id of_body = digest("spoor answer body 6", body.at, bytes_left(&body)), said;
	struct signature signature;
	uint8_t head[112];
	struct octets h = octets_of(head, sizeof(head));

	octets_put(&h, question.id.octets, sizeof(question.id));
	octets_put(&h, question.reply_to.octets, sizeof(question.reply_to));
	octets_put(&h, card.id.octets, sizeof(card.id));
	octets_put(&h, of_body.octets, sizeof(of_body));
	must(!h.is_full);
	said = digest("spoor answer statement 6", head, sizeof(head));
	signature = sign(&operational, "spoor answer 6", said.octets, sizeof(said));
	octets_uint(&o, bytes_left(&body), 4);
	octets_put(&o, body.at, bytes_left(&body));
	octets_put(&o, signature.octets, sizeof(signature.octets));
	return bytes_of(room, o.is_full ? 0 : octets_len(&o));
}

static struct bytes wrap_request(struct bytes rest, uint8_t room[ROOM])
{
	struct pack p = pack_into(room, ROOM);
	struct signature signature;

	pack_array(&p, 5);
	pack_uint(&p, 2);
	pack_bin(&p, member.public.octets, sizeof(member.public));
	octets_put(&p.out, rest.at, bytes_left(&rest));
	signature = sign(&member, "spoor request 2", room, pack_len(&p));
	octets_put(&p.out, signature.octets, sizeof(signature.octets));
	return bytes_of(room, p.out.is_full ? 0 : pack_len(&p));
}

static void try_cert(struct bytes in, bool is_ours)
{
	struct cert read, again;
	struct cert_blob blob;
	enum err err = cert_open(in.at, bytes_left(&in), &roots, noon, &read);

	must(!is_ours || (err != ERR_ROOT && err != ERR_AUTH));
	if (err != ERR_OK && err != ERR_EXPIRED)
		return;
	must(cert_issue(&root, &read, &blob) == ERR_OK);
	must(cert_open(blob.octets, blob.len, &roots, noon, &again) == err);
	must(strcmp(read.name, again.name) == 0 && strcmp(read.org, again.org) == 0);
	must(read.serial == again.serial && read.roles == again.roles);
	must(read.prefix_count > 0 && read.prefix_count == again.prefix_count);
}

static void must_be_sound(const struct question *q)
{
	must(q->on_count > 0 && q->on_count <= QUERY_INTERVALS_MAX);
	must(q->severity < SEVERITY_END);
	must(q->bound_ms >= 0 && q->bound_ms <= QUERY_BOUND_MAX_MS && q->lost <= QUERY_LOST_MAX);
	for (size_t i = 0; i < q->on_count; i++) {
		must(q->on[i].start_ms <= q->on[i].end_ms);
		must(i == 0 || q->on[i].start_ms - q->on[i - 1].end_ms > q->gap_ms);
	}
	must(q->volume_count <= QUERY_VOLUMES_MAX && q->way <= 1);
	for (size_t i = 0; i < q->volume_count; i++) {
		const struct volume *v = &q->volumes[i];

		must(v->octets > 0 && v->on.start_ms <= v->on.end_ms);
		must(i == 0 || v->on.start_ms >= q->volumes[i - 1].on.start_ms);
	}
}

static void try_query(struct bytes in, bool is_ours)
{
	static struct query read, again;
	struct query_blob blob;
	size_t len = bytes_left(&in);

	if (query_open(in.at, len, &read) != ERR_OK)
		return;
	must(!is_ours || query_verify(in.at, len, &operational.public) == ERR_OK);
	must_be_sound(&read.question);
	must(read.number > 0);
	must_be_inside(read.cert, in.at, len);
	must_be_inside(read.record, in.at, len);
	(void)!query_check_time(&read, noon, 60000);
	if (query_pack(&read, &card, &operational, &blob) != ERR_OK)
		return; /* its own card was shorter than ours */
	must(query_open(blob.octets, blob.len, &again) == ERR_OK);
	must(again.number == read.number && again.is_direct == read.is_direct);
	must(again.issued.ms == read.issued.ms && again.expires.ms == read.expires.ms);
	must(again.question.bound_ms == read.question.bound_ms);
	must(again.question.lost == read.question.lost);
	must(again.question.on_count == read.question.on_count);
	must(memcmp(again.question.on, read.question.on,
	            read.question.on_count * sizeof(read.question.on[0])) == 0);
	must(again.question.volume_count == read.question.volume_count);
	must(again.question.way == read.question.way);
	for (size_t i = 0; i < read.question.volume_count; i++)
		must(again.question.volumes[i].octets == read.question.volumes[i].octets);
}

static void try_receipt(struct bytes in, bool is_ours)
{
	struct receipt read, again;
	struct receipt_blob blob;
	enum err err = receipt_open(in.at, bytes_left(&in), &operational.public, &read);

	must(!is_ours || err != ERR_AUTH);
	if (err != ERR_OK)
		return;
	must(read.kind < RECEIPT_KIND_END);
	receipt_sign(&read, &operational, &blob);
	must(receipt_open(blob.octets, blob.len, &operational.public, &again) == ERR_OK);
	must(again.kind == read.kind && again.flows == read.flows && again.at.ms == read.at.ms);
	must(again.retry_after_ms == read.retry_after_ms);
}

static void try_answer(struct bytes plain, bool is_ours)
{
	static struct answer read, again;
	static uint8_t room[ANSWER_MAX];
	size_t len = sizeof(room);
	enum err err = answer_check(plain, &question, &card.id, &operational.public, &read);

	must(!is_ours || err != ERR_AUTH);
	if (err != ERR_OK)
		return;
	for (size_t i = 0; i < read.finding_count; i++) {
		const struct finding *f = &read.findings[i];

		must(f->score >= -ANSWER_DECADES_MAX && f->score <= ANSWER_DECADES_MAX);
		must(f->cpf >= 0 && f->cpf <= 1);
		must(f->life.start_ms <= f->life.end_ms);
		must(f->lag_error_ms >= 0);
	}
	must(answer_sign(&read, &question, &card.id, &operational, room, &len) == ERR_OK);
	must(answer_check(bytes_of(room, len), &question, &card.id, &operational.public, &again) ==
	     ERR_OK);
	must(again.finding_count == read.finding_count && again.lost == read.lost);
}

static void try_request(struct bytes in, bool is_ours)
{
	struct request read;
	enum err err = request_open(in.at, bytes_left(&in), &read);

	must(!is_ours || err != ERR_AUTH);
	must(err != ERR_OK || (read.name[0] != '\0' && read.org[0] != '\0'));
	must(err != ERR_OK || (read.prefix_count > 0 && prefix_is_sound(&read.prefixes[0])));
}

static void try_sealed(struct bytes plain)
{
	static const struct seed once = {{42}};
	static uint8_t room[ANSWER_MAX];
	static struct answer read;
	size_t len = bytes_left(&plain);
	struct bytes opened;

	if (len > sizeof(room) - SEAL_OVERHEAD)
		return;
	seal(&question.reply_to, &once, plain.at, len, room);
	(void)!answer_open(room, len + SEAL_OVERHEAD, &question, &reply_secret, &card.id,
	                   &operational.public, &read, &opened);
	must(bytes_left(&opened) == len && (len == 0 || memcmp(opened.at, plain.at, len) == 0));
}

static void must_equal(struct bytes a, const uint8_t *octets, size_t len)
{
	must(bytes_left(&a) == len && memcmp(a.at, octets, len) == 0);
}

/* The harness signs as the product does; were it not so, it would fuzz only refusals. */
static void check_wrapping(void)
{
	static struct answer empty;
	struct request request = {
		.name = "R4", .org = "Example Four", .prefixes = {{.bits = 3}}, .prefix_count = 1};
	struct receipt receipt = {.query_id = question.id, .responder = card.id};
	struct receipt_blob receipt_blob;
	struct query_blob blob;
	uint8_t made[ROOM], room[ROOM];
	size_t len = sizeof(made), prefix = 2 + 1 + 1 + 34;

	must_equal(wrap_cert(bytes_of(card.cert_blob.octets + prefix,
	                              card.cert_blob.len - prefix - 64),
	                     room),
	           card.cert_blob.octets, card.cert_blob.len);
	must(query_pack(&question, &card, &operational, &blob) == ERR_OK);
	must(card.cert_blob.len <= UINT8_MAX && card.record_blob.len <= UINT8_MAX);
	prefix = 2 + 1 + 1 + 2 + card.cert_blob.len + 2 + card.record_blob.len;
	must_equal(wrap_query(bytes_of(blob.octets + prefix, blob.len - prefix - 64), room),
	           blob.octets, blob.len);
	receipt.query_id = question.id;
	receipt_sign(&receipt, &operational, &receipt_blob);
	prefix = 2 + 1 + 1 + 18 + 34;
	must_equal(
		wrap_receipt(bytes_of(receipt_blob.octets + prefix, receipt_blob.len - prefix - 64),
	                     room),
		receipt_blob.octets, receipt_blob.len);
	must(answer_sign(&empty, &question, &card.id, &operational, made, &len) == ERR_OK);
	must_equal(wrap_answer(bytes_of(made + 4, len - 4 - 64), room), made, len);
	len = sizeof(made);
	must(request_pack(&member, &request, made, &len) == ERR_OK);
	prefix = 1 + 1 + 34;
	must_equal(wrap_request(bytes_of(made + prefix, len - prefix - 64), room), made, len);
}

static void make_card(void)
{
	static const struct seed member_seed = {{2}}, operational_seed = {{4}};
	struct box_key secret;

	member = key_pair_of(&member_seed);
	record_keys(&operational_seed, &operational, &card.record.kx, &secret);
	card.cert = (struct cert){
		.member = member.public,
		.name = "R4",
		.org = "Example Four",
		.not_before = {NOON - DAY},
		.not_after = {NOON + DAY},
		.prefixes = {{.bits = 3}},
		.prefix_count = 1,
		.roles = CERT_ROLES_MEMBER,
	};
	card.record.sign = operational.public;
	card.record.not_before.ms = NOON - DAY;
	card.record.not_after.ms = NOON + DAY;
	must(cert_issue(&root, &card.cert, &card.cert_blob) == ERR_OK);
	must(record_issue(&member, &card.record, &card.record_blob) == ERR_OK);
	card.id = cert_id(&card.cert);
}

static void start(void)
{
	static const struct seed root_seed = {{1}}, box_seed = {{3}};

	must(sign_start() == ERR_OK);
	root = key_pair_of(&root_seed);
	roots = (struct roots){.keys = {root.public}, .count = 1};
	make_card();
	question.number = 1;
	question.issued.ms = NOON;
	question.expires.ms = NOON + 1000;
	question.question.on[0] = (struct interval){NOON - 2000, NOON - 1000};
	question.question.on_count = 1;
	box_keys(&box_seed, &question.reply_to, &reply_secret);
	check_wrapping();
}

/* What is behind a signature of ours; NULL: the rest is the whole. */
static const struct {
	struct bytes (*wrap)(struct bytes rest, uint8_t room[ROOM]);
	void (*try)(struct bytes in, bool is_ours);
} targets[] = {
	{NULL, NULL}, /* a frame */
	{NULL, try_receipt},
	{NULL, try_cert},
	{wrap_cert, try_cert},
	{NULL, try_query},
	{wrap_query, try_query},
	{NULL, try_answer},
	{wrap_answer, try_answer},
	{NULL, try_request},
	{wrap_request, try_request},
	{NULL, NULL}, /* a sealed answer */
	{wrap_receipt, try_receipt},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_started;
	static uint8_t room[ROOM];
	struct bytes rest;
	size_t which;

	if (!has_started)
		start();
	has_started = true;
	if (size == 0 || size > 4096)
		return 0;
	rest = bytes_of(data + 1, size - 1);
	which = data[0] % ARRAY_LEN(targets);
	if (which == 0)
		try_frame(rest);
	else if (which == 10)
		try_sealed(rest);
	else if (targets[which].wrap != NULL)
		targets[which].try(targets[which].wrap(rest, room), true);
	else
		targets[which].try(rest, false);
	return 0;
}
