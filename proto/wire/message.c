#include "proto/wire/message.h"

#include "base/util.h"
#include "proto/wire/pack.h"

#define VERSION 1
#define HEADER_LEN 36
#define SIGNATURE_LEN sizeof(struct signature)
#define DOMAIN "spoor datagram 1"

/*
 * A WELCOME carries what a HELLO does and an echo, an endpoint and their markers: 46 octets. The
 * two certificates may differ in length, so a HELLO is as long as the longest of them makes it.
 */
#define HELLO_FILL (CERT_MAX + 48) /* octets of certificate and padding together */

static void pack_nonce(struct pack *p, const struct nonce *n)
{
	pack_bin(p, n->octets, sizeof(n->octets));
}

static void pack_bytes(struct pack *p, struct bytes b)
{
	pack_bin(p, b.at, bytes_left(&b));
}

static void pack_hello(struct pack *p, const struct body *b)
{
	static const uint8_t pad[HELLO_FILL];
	size_t len = MIN(bytes_left(&b->cert), HELLO_FILL);

	pack_array(p, 3);
	pack_nonce(p, &b->nonce);
	pack_bytes(p, b->cert);
	pack_bin(p, pad, HELLO_FILL - len);
}

static void unpack_hello(struct unpack *u, struct body *b)
{
	struct bytes pad;

	u->is_wrong |= unpack_array(u) != 3;
	unpack_fixed(u, b->nonce.octets, sizeof(b->nonce.octets));
	b->cert = unpack_bin(u);
	pad = unpack_bin(u);
	u->is_wrong |= bytes_left(&b->cert) + bytes_left(&pad) < HELLO_FILL;
}

static void pack_welcome(struct pack *p, const struct body *b)
{
	pack_array(p, 4);
	pack_nonce(p, &b->echo);
	pack_nonce(p, &b->nonce);
	pack_bytes(p, b->cert);
	pack_endpoint(p, &b->observed);
}

static void unpack_welcome(struct unpack *u, struct body *b)
{
	u->is_wrong |= unpack_array(u) != 4;
	unpack_fixed(u, b->echo.octets, sizeof(b->echo.octets));
	unpack_fixed(u, b->nonce.octets, sizeof(b->nonce.octets));
	b->cert = unpack_bin(u);
	b->observed = unpack_endpoint(u);
}

static void pack_confirm(struct pack *p, const struct body *b)
{
	pack_array(p, 1);
	pack_nonce(p, &b->echo);
}

static void unpack_confirm(struct unpack *u, struct body *b)
{
	u->is_wrong |= unpack_array(u) != 1;
	unpack_fixed(u, b->echo.octets, sizeof(b->echo.octets));
}

static void pack_ask(struct pack *p, const struct body *b)
{
	pack_array(p, 1);
	pack_bin(p, b->after.octets, sizeof(b->after.octets));
}

static void unpack_ask(struct unpack *u, struct body *b)
{
	u->is_wrong |= unpack_array(u) != 1;
	unpack_fixed(u, b->after.octets, sizeof(b->after.octets));
}

static void pack_members(struct pack *p, const struct body *b)
{
	pack_array(p, 3);
	pack_bin(p, b->after.octets, sizeof(b->after.octets));
	pack_bool(p, b->has_more);
	pack_array(p, 2 * b->card_count);
	for (size_t i = 0; i < b->card_count; i++) {
		pack_endpoint(p, &b->cards[i].endpoint);
		pack_bytes(p, b->cards[i].cert);
	}
}

static void unpack_members(struct unpack *u, struct body *b)
{
	size_t count;

	u->is_wrong |= unpack_array(u) != 3;
	unpack_fixed(u, b->after.octets, sizeof(b->after.octets));
	b->has_more = unpack_bool(u);
	count = unpack_array(u);
	u->is_wrong |= count % 2 != 0 || count / 2 > MESSAGE_CARDS_MAX;
	for (size_t i = 0; i < count / 2 && !u->is_wrong; i++) {
		b->cards[i].endpoint = unpack_endpoint(u);
		b->cards[i].cert = unpack_bin(u);
		b->card_count = i + 1;
	}
}

static void pack_query(struct pack *p, const struct body *b)
{
	pack_array(p, 1);
	pack_bytes(p, b->query);
}

static void unpack_query(struct unpack *u, struct body *b)
{
	u->is_wrong |= unpack_array(u) != 1;
	b->query = unpack_bin(u);
}

static void pack_receipt(struct pack *p, const struct body *b)
{
	pack_array(p, 3);
	pack_bin(p, b->query_id.octets, sizeof(b->query_id.octets));
	pack_uint(p, b->status);
	pack_uint(p, b->part);
}

static void unpack_receipt(struct unpack *u, struct body *b)
{
	uint64_t status;

	u->is_wrong |= unpack_array(u) != 3;
	unpack_fixed(u, b->query_id.octets, sizeof(b->query_id.octets));
	status = unpack_uint(u, RECEIPT_STATUS_END - 1);
	b->status = (enum receipt_status)status;
	b->part = (uint32_t)unpack_uint(u, UINT32_MAX);
}

static void pack_answer(struct pack *p, const struct body *b)
{
	pack_array(p, 4);
	pack_bin(p, b->query_id.octets, sizeof(b->query_id.octets));
	pack_uint(p, b->part);
	pack_uint(p, b->parts);
	pack_bytes(p, b->chunk);
}

static void unpack_answer(struct unpack *u, struct body *b)
{
	u->is_wrong |= unpack_array(u) != 4;
	unpack_fixed(u, b->query_id.octets, sizeof(b->query_id.octets));
	b->part = (uint32_t)unpack_uint(u, UINT32_MAX);
	b->parts = (uint32_t)unpack_uint(u, UINT32_MAX);
	b->chunk = unpack_bin(u);
	u->is_wrong |= b->part >= b->parts;
}

static void pack_notice(struct pack *p, const struct body *b)
{
	pack_array(p, 1);
	pack_bytes(p, b->page);
}

static void unpack_notice(struct unpack *u, struct body *b)
{
	u->is_wrong |= unpack_array(u) != 1;
	b->page = unpack_bin(u);
}

static const struct kind {
	const char *name;
	void (*pack)(struct pack *p, const struct body *body);
	void (*unpack)(struct unpack *u, struct body *body);
} kinds[] = {
	[MESSAGE_HELLO] = {"hello", pack_hello, unpack_hello},
	[MESSAGE_WELCOME] = {"welcome", pack_welcome, unpack_welcome},
	[MESSAGE_CONFIRM] = {"confirm", pack_confirm, unpack_confirm},
	[MESSAGE_ASK] = {"ask", pack_ask, unpack_ask},
	[MESSAGE_MEMBERS] = {"members", pack_members, unpack_members},
	[MESSAGE_QUERY] = {"query", pack_query, unpack_query},
	[MESSAGE_RECEIPT] = {"receipt", pack_receipt, unpack_receipt},
	[MESSAGE_ANSWER] = {"answer", pack_answer, unpack_answer},
	[MESSAGE_NOTICE] = {"notice", pack_notice, unpack_notice},
};

size_t message_pack(enum message_kind kind, const struct body *body, const struct id *sender,
                    const struct key_pair *pair, uint8_t room[MESSAGE_MAX])
{
	struct pack p = pack_into(room, MESSAGE_MAX);
	struct signature signature;

	octets_put(&p.out, "sp", 2);
	octets_uint(&p.out, VERSION, 1);
	octets_uint(&p.out, kind, 1);
	octets_put(&p.out, sender->octets, sizeof(sender->octets));
	kinds[kind].pack(&p, body);
	if (p.out.is_full)
		return 0;
	signature = sign(pair, DOMAIN, room, pack_len(&p));
	octets_put(&p.out, signature.octets, sizeof(signature.octets));
	return p.out.is_full ? 0 : pack_len(&p);
}

enum err message_open(const void *data, size_t len, struct message *ret)
{
	struct bytes in = bytes_of(data, len);
	struct unpack u;
	uint64_t magic, version, kind;

	if (len < HEADER_LEN + SIGNATURE_LEN || len > MESSAGE_MAX)
		return ERR_FORMAT;
	ret->signed_part = bytes_of(data, len - SIGNATURE_LEN);
	magic = bytes_uint(&in, 2);
	version = bytes_uint(&in, 1);
	kind = bytes_uint(&in, 1);
	bytes_copy(&in, ret->sender.octets, sizeof(ret->sender.octets));
	if (magic != ('s' << 8 | 'p'))
		return ERR_FORMAT;
	if (version != VERSION)
		return ERR_VERSION;
	if (kind == 0 || kind >= MESSAGE_KIND_END)
		return ERR_FORMAT;
	ret->kind = (enum message_kind)kind;
	ret->body = (struct body){.has_more = false};
	u = (struct unpack){.in = bytes_cut(&in, len - HEADER_LEN - SIGNATURE_LEN)};
	bytes_copy(&in, ret->signature.octets, sizeof(ret->signature.octets));
	kinds[kind].unpack(&u, &ret->body);
	return unpack_done(&u) ? ERR_OK : ERR_FORMAT;
}

enum err message_verify(const struct message *m, const struct public_key *key)
{
	return verify(key, DOMAIN, m->signed_part.at, bytes_left(&m->signed_part), &m->signature);
}

const char *message_kind_text(enum message_kind kind)
{
	return (size_t)kind < ARRAY_LEN(kinds) && kind > 0 ? kinds[kind].name : "unknown";
}
