#include "proto/wire/receipt.h"

#include "base/util.h"
#include "proto/wire/envelope.h"
#include "proto/wire/pack.h"

#define VERSION 1
#define FIELDS 11
#define DOMAIN "spoor receipt 1"

void receipt_sign(const struct receipt *receipt, const struct key_pair *operational,
                  struct receipt_blob *ret)
{
	uint8_t body[RECEIPT_MAX];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, FIELDS);
	pack_uint(&p, VERSION);
	pack_bin(&p, receipt->query_id.octets, sizeof(receipt->query_id.octets));
	pack_bin(&p, receipt->responder.octets, sizeof(receipt->responder.octets));
	pack_uint(&p, receipt->kind);
	pack_int(&p, receipt->at.ms);
	pack_int(&p, receipt->window.start_ms);
	pack_int(&p, receipt->window.end_ms);
	pack_uint(&p, receipt->flows);
	pack_uint(&p, receipt->lost);
	pack_uint(&p, receipt->connections);
	pack_uint(&p, receipt->retry_after_ms);
	ret->len = envelope_pack(operational, DOMAIN, &p, ret->octets, sizeof(ret->octets));
	CHECK(ret->len > 0);
}

static enum err read_body(struct bytes body, struct receipt *ret)
{
	struct unpack u = {.in = body};
	struct receipt r;
	uint64_t kind, retry_after_ms;
	enum err err = unpack_version(&u, VERSION, FIELDS);

	if (err != ERR_OK)
		return err;
	unpack_fixed(&u, r.query_id.octets, sizeof(r.query_id.octets));
	unpack_fixed(&u, r.responder.octets, sizeof(r.responder.octets));
	kind = unpack_uint(&u, RECEIPT_KIND_END - 1);
	r.kind = (enum verdict_kind)kind;
	r.at.ms = unpack_int(&u);
	r.window.start_ms = unpack_int(&u);
	r.window.end_ms = unpack_int(&u);
	r.flows = unpack_uint(&u, UINT64_MAX);
	r.lost = unpack_uint(&u, UINT64_MAX);
	r.connections = unpack_uint(&u, UINT64_MAX);
	retry_after_ms = unpack_uint(&u, UINT32_MAX);
	r.retry_after_ms = (uint32_t)retry_after_ms;
	if (!unpack_done(&u))
		return ERR_FORMAT;
	*ret = r;
	return ERR_OK;
}

enum err receipt_open(const void *data, size_t len, const struct public_key *operational,
                      struct receipt *ret)
{
	struct signature signature;
	struct bytes body;
	enum err err = envelope_cut(data, len, RECEIPT_MAX, &body, &signature);

	if (err == ERR_OK)
		err = read_body(body, ret);
	if (err == ERR_OK)
		err = verify(operational, DOMAIN, body.at, bytes_left(&body), &signature);
	return err;
}

const char *receipt_kind_text(enum verdict_kind kind)
{
	static const char *const texts[] = {"none", "match", "refused", "busy"};

	return (size_t)kind < ARRAY_LEN(texts) ? texts[kind] : "unknown";
}
