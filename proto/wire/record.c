#include "proto/wire/record.h"

#include "base/bytes.h"
#include "base/util.h"
#include "proto/wire/envelope.h"
#include "proto/wire/pack.h"

#include <string.h>

#define RECORD_VERSION 1
#define RECORD_FIELDS 7
#define RECORD_DOMAIN "spoor record 1"

void record_keys(const struct seed *seed, struct key_pair *ret_sign, struct box_key *ret_kx,
                 struct box_key *ret_kx_secret)
{
	struct id of_sign = digest("spoor operational sign 1", seed, sizeof(*seed));
	struct id of_kx = digest("spoor operational kx 1", seed, sizeof(*seed));
	struct seed one;

	memcpy(one.octets, of_sign.octets, sizeof(one.octets));
	*ret_sign = key_pair_of(&one);
	memcpy(one.octets, of_kx.octets, sizeof(one.octets));
	box_keys(&one, ret_kx, ret_kx_secret);
	wipe(&one, sizeof(one));
	wipe(&of_sign, sizeof(of_sign));
	wipe(&of_kx, sizeof(of_kx));
}

static bool are_reachable(const struct endpoint *endpoints, size_t count)
{
	bool has_family[2] = {false, false};

	if (count > RECORD_ENDPOINTS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		bool *has = &has_family[addr_is_v4(&endpoints[i].addr) ? 1 : 0];

		if (*has || endpoints[i].port == 0 || !addr_is_unicast(&endpoints[i].addr))
			return false;
		*has = true;
	}
	return true;
}

static bool is_sound(const struct record *r)
{
	/* As unsigned numbers their difference always fits. */
	uint64_t life_ms = (uint64_t)r->not_after.ms - (uint64_t)r->not_before.ms;

	return r->not_before.ms < r->not_after.ms && life_ms <= RECORD_LIFE_MAX_MS &&
	       are_reachable(r->endpoints, r->endpoint_count);
}

static void pack_record(struct pack *p, const struct record *r)
{
	pack_array(p, RECORD_FIELDS);
	pack_uint(p, RECORD_VERSION);
	pack_bin(p, r->sign.octets, sizeof(r->sign.octets));
	pack_bin(p, r->kx.octets, sizeof(r->kx.octets));
	pack_uint(p, r->seq);
	pack_int(p, r->not_before.ms);
	pack_int(p, r->not_after.ms);
	pack_array(p, r->endpoint_count);
	for (size_t i = 0; i < r->endpoint_count; i++)
		pack_endpoint(p, &r->endpoints[i]);
}

static enum err unpack_record(struct bytes body, struct record *ret)
{
	struct unpack u = {.in = body};
	struct record r = {.endpoint_count = 0};
	size_t fields = unpack_array(&u);

	if (unpack_uint(&u, UINT64_MAX) != RECORD_VERSION)
		return u.is_wrong ? ERR_FORMAT : ERR_VERSION;
	unpack_fixed(&u, r.sign.octets, sizeof(r.sign.octets));
	unpack_fixed(&u, r.kx.octets, sizeof(r.kx.octets));
	r.seq = unpack_uint(&u, UINT64_MAX);
	r.not_before.ms = unpack_int(&u);
	r.not_after.ms = unpack_int(&u);
	r.endpoint_count = unpack_array(&u);
	if (r.endpoint_count > RECORD_ENDPOINTS_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < r.endpoint_count; i++)
		r.endpoints[i] = unpack_endpoint(&u);
	if (!unpack_done(&u) || fields != RECORD_FIELDS || !is_sound(&r))
		return ERR_FORMAT;
	*ret = r;
	return ERR_OK;
}

enum err record_issue(const struct key_pair *identity, const struct record *record,
                      struct record_blob *ret)
{
	uint8_t body[RECORD_MAX];
	struct pack p = pack_into(body, sizeof(body));

	if (!is_sound(record))
		return ERR_RANGE;
	pack_record(&p, record);
	ret->len = envelope_pack(identity, RECORD_DOMAIN, &p, ret->octets, sizeof(ret->octets));
	CHECK(ret->len > 0);
	return ERR_OK;
}

enum err record_open(const void *data, size_t len, const struct cert *cert, struct wall now,
                     struct record *ret)
{
	struct signature signature;
	struct bytes body;
	struct record record;
	enum err err = envelope_cut(data, len, RECORD_MAX, &body, &signature);

	if (err == ERR_OK)
		err = unpack_record(body, &record);
	if (err != ERR_OK)
		return err;
	err = verify(&cert->member, RECORD_DOMAIN, body.at, bytes_left(&body), &signature);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < record.endpoint_count; i++) {
		if (!cert_allows(cert, &record.endpoints[i].addr))
			return ERR_DENIED;
	}
	*ret = record;
	if (now.ms != INT64_MIN && (now.ms < record.not_before.ms || now.ms > record.not_after.ms))
		return ERR_EXPIRED;
	return ERR_OK;
}
