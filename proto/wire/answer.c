#include "proto/wire/answer.h"

#include "base/util.h"
#include "proto/wire/pack.h"
#include "proto/wire/testimony.h"

#include <string.h>

#define ANSWER_VERSION 6
#define ANSWER_FIELDS 8
#define FINDING_FIELDS 20
#define DOMAIN "spoor answer 6"
#define PLAIN_MAX (ANSWER_MAX - SEAL_OVERHEAD)

/* Empty where there is none. */
static void pack_other_end(struct pack *p, const struct endpoint *e)
{
	static const struct endpoint none;

	if (endpoint_equal(e, &none))
		pack_bin(p, NULL, 0);
	else
		pack_endpoint(p, e);
}

static void pack_finding(struct pack *p, const struct finding *f)
{
	pack_array(p, FINDING_FIELDS);
	pack_bin(p, f->exporter.octets, sizeof(f->exporter.octets));
	pack_uint(p, f->if_low);
	pack_uint(p, f->if_high);
	pack_endpoint(p, &f->src);
	pack_endpoint(p, &f->dst);
	pack_uint(p, f->proto);
	pack_uint(p, f->verdict);
	pack_bool(p, f->is_open);
	pack_int(p, f->life.start_ms);
	pack_int(p, f->life.end_ms);
	pack_real(p, f->score);
	pack_real(p, f->cpf);
	pack_uint(p, f->silences);
	pack_int(p, f->common_ms);
	pack_int(p, f->lag_ms);
	pack_int(p, f->lag_error_ms);
	pack_int(p, f->stretch_ms);
	pack_uint(p, f->stretches);
	pack_other_end(p, &f->nat_src);
	pack_other_end(p, &f->nat_dst);
}

static double unpack_share(struct unpack *u)
{
	double share = unpack_real(u);

	u->is_wrong |= share < 0 || share > 1;
	return share;
}

static double unpack_decades(struct unpack *u)
{
	double decades = unpack_real(u);

	u->is_wrong |= decades < -ANSWER_DECADES_MAX || decades > ANSWER_DECADES_MAX;
	return decades;
}

static struct endpoint unpack_other_end(struct unpack *u)
{
	struct endpoint ret = {0};
	struct bytes in = unpack_bin(u);

	if (bytes_left(&in) == 0)
		return ret;
	bytes_copy(&in, ret.addr.octets, sizeof(ret.addr.octets));
	ret.port = (uint16_t)bytes_uint(&in, 2);
	u->is_wrong |= in.is_short || bytes_left(&in) > 0;
	return ret;
}

static void unpack_finding(struct unpack *u, struct finding *f)
{
	u->is_wrong |= unpack_array(u) != FINDING_FIELDS;
	unpack_fixed(u, f->exporter.octets, sizeof(f->exporter.octets));
	f->if_low = (uint32_t)unpack_uint(u, UINT32_MAX);
	f->if_high = (uint32_t)unpack_uint(u, UINT32_MAX);
	f->src = unpack_endpoint(u);
	f->dst = unpack_endpoint(u);
	f->proto = (uint8_t)unpack_uint(u, UINT8_MAX);
	f->verdict = (uint8_t)unpack_uint(u, UINT8_MAX);
	f->is_open = unpack_bool(u);
	f->life.start_ms = unpack_int(u);
	f->life.end_ms = unpack_int(u);
	u->is_wrong |= f->life.start_ms > f->life.end_ms;
	f->score = unpack_decades(u);
	f->cpf = unpack_share(u);
	f->silences = (uint32_t)unpack_uint(u, UINT32_MAX);
	f->common_ms = unpack_int(u);
	f->lag_ms = unpack_int(u);
	f->lag_error_ms = unpack_int(u);
	u->is_wrong |= f->lag_error_ms < 0;
	f->stretch_ms = unpack_int(u);
	f->stretches = (uint32_t)unpack_uint(u, UINT32_MAX);
	f->nat_src = unpack_other_end(u);
	f->nat_dst = unpack_other_end(u);
}

static void pack_body(struct pack *p, const struct answer *a)
{
	pack_array(p, ANSWER_FIELDS);
	pack_uint(p, ANSWER_VERSION);
	pack_int(p, a->window.start_ms);
	pack_int(p, a->window.end_ms);
	pack_uint(p, a->flows);
	pack_uint(p, a->lost);
	pack_uint(p, a->connections);
	pack_array(p, a->finding_count);
	for (size_t i = 0; i < a->finding_count; i++)
		pack_finding(p, &a->findings[i]);
	pack_bin(p, a->testimony.at, bytes_left(&a->testimony));
}

static enum err unpack_body(struct bytes body, struct answer *ret)
{
	struct unpack u = {.in = body};
	size_t count;
	enum err err = unpack_version(&u, ANSWER_VERSION, ANSWER_FIELDS);

	if (err != ERR_OK)
		return err;
	ret->window.start_ms = unpack_int(&u);
	ret->window.end_ms = unpack_int(&u);
	ret->flows = unpack_uint(&u, UINT64_MAX);
	ret->lost = unpack_uint(&u, UINT64_MAX);
	ret->connections = unpack_uint(&u, UINT64_MAX);
	ret->finding_count = 0;
	count = unpack_array(&u);
	if (count > ANSWER_FINDINGS_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < count && !u.is_wrong; i++)
		unpack_finding(&u, &ret->findings[i]);
	ret->testimony = unpack_bin(&u);
	if (!unpack_done(&u) || bytes_left(&ret->testimony) > TESTIMONY_MAX)
		return ERR_FORMAT;
	ret->finding_count = count;
	return ERR_OK;
}

/* What is signed: the question, who answers, the answer. */
static struct id statement(const struct query *query, const struct id *responder, struct bytes body)
{
	uint8_t head[sizeof(struct query_id) + sizeof(struct box_key) + 2 * sizeof(struct id)];
	struct octets out = octets_of(head, sizeof(head));
	struct id of_body = digest("spoor answer body 6", body.at, bytes_left(&body));

	octets_put(&out, query->id.octets, sizeof(query->id.octets));
	octets_put(&out, query->reply_to.octets, sizeof(query->reply_to.octets));
	octets_put(&out, responder->octets, sizeof(responder->octets));
	octets_put(&out, of_body.octets, sizeof(of_body.octets));
	return digest("spoor answer statement 6", head, octets_len(&out));
}

enum err answer_sign(const struct answer *answer, const struct query *query,
                     const struct id *responder, const struct key_pair *operational, void *room,
                     size_t *len)
{
	uint8_t body[PLAIN_MAX];
	struct pack p = pack_into(body, sizeof(body));
	struct octets out = octets_of(room, *len);
	struct signature signature;
	struct id said;

	pack_body(&p, answer);
	said = statement(query, responder, bytes_of(body, pack_len(&p)));
	signature = sign(operational, DOMAIN, said.octets, sizeof(said.octets));
	octets_uint(&out, pack_len(&p), 4);
	octets_put(&out, body, pack_len(&p));
	octets_put(&out, signature.octets, sizeof(signature.octets));
	*len = octets_len(&out);
	return p.out.is_full || out.is_full ? ERR_LIMIT : ERR_OK;
}

enum err answer_pack(const struct answer *answer, const struct query *query,
                     const struct id *responder, const struct key_pair *operational,
                     const struct seed *seed, void *room, size_t *len)
{
	uint8_t plain[PLAIN_MAX];
	size_t plain_len = sizeof(plain);
	enum err err = answer_sign(answer, query, responder, operational, plain, &plain_len);

	if (err != ERR_OK || *len < plain_len + SEAL_OVERHEAD)
		return ERR_LIMIT;
	seal(&query->reply_to, seed, plain, plain_len, room);
	*len = plain_len + SEAL_OVERHEAD;
	return ERR_OK;
}

/* Of one that is, not even the signature is what it is of ours. */
static bool is_of_another_version(struct bytes body)
{
	struct unpack u = {.in = body};

	return unpack_version(&u, ANSWER_VERSION, ANSWER_FIELDS) == ERR_VERSION;
}

enum err answer_check(struct bytes plain, const struct query *query, const struct id *responder,
                      const struct public_key *operational, struct answer *ret)
{
	struct bytes body = bytes_cut(&plain, (size_t)bytes_uint(&plain, 4));
	struct signature signature;
	struct id said;
	enum err err;

	bytes_copy(&plain, signature.octets, sizeof(signature.octets));
	if (plain.is_short || bytes_left(&plain) != 0)
		return ERR_FORMAT;
	if (is_of_another_version(body))
		return ERR_VERSION;
	said = statement(query, responder, body);
	err = verify(operational, DOMAIN, said.octets, sizeof(said.octets), &signature);
	return err == ERR_OK ? unpack_body(body, ret) : err;
}

enum err answer_open(uint8_t *sealed, size_t len, const struct query *query,
                     const struct box_key *secret, const struct id *responder,
                     const struct public_key *operational, struct answer *ret,
                     struct bytes *ret_plain)
{
	uint8_t plain[PLAIN_MAX];
	enum err err;

	if (len > ANSWER_MAX)
		return ERR_FORMAT;
	err = seal_open(&query->reply_to, secret, sealed, len, plain);
	if (err != ERR_OK)
		return err;
	memcpy(sealed, plain, len - SEAL_OVERHEAD);
	*ret_plain = bytes_of(sealed, len - SEAL_OVERHEAD);
	return answer_check(*ret_plain, query, responder, operational, ret);
}
