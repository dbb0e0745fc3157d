#include "proto/wire/query.h"

#include "base/util.h"
#include "proto/wire/envelope.h"
#include "proto/wire/intervals.h"
#include "proto/wire/pack.h"
#include "proto/wire/volumes.h"

#include <string.h>

#define QUERY_VERSION 4
#define QUERY_FIELDS 15
#define QUERY_DOMAIN "spoor query 4"
#define FINGERPRINT_MAX 700 /* octets; 6 an interval as a rule */
#define VOLUMES_MAX 800     /* 7 a record as a rule */

struct query_id query_id_of(const void *data, size_t len)
{
	struct id whole = digest("spoor query id 4", data, len);
	struct query_id id;

	memcpy(id.octets, whole.octets, sizeof(id.octets));
	return id;
}

enum err query_pack(struct query *query, const struct card *card,
                    const struct key_pair *operational, struct query_blob *ret)
{
	const struct question *q = &query->question;
	uint8_t body[QUERY_MAX], on[FINGERPRINT_MAX], carried[VOLUMES_MAX];
	struct pack p = pack_into(body, sizeof(body));
	struct octets fingerprint = octets_of(on, sizeof(on));
	struct octets volumes = octets_of(carried, sizeof(carried));
	size_t len;

	CHECK(q->on_count > 0);
	intervals_put(&fingerprint, q->on, q->on_count);
	if (q->volume_count > 0)
		volumes_put(&volumes, q->way, q->volumes, q->volume_count);
	pack_array(&p, QUERY_FIELDS);
	pack_uint(&p, QUERY_VERSION);
	pack_bin(&p, card->cert_blob.octets, card->cert_blob.len);
	pack_bin(&p, card->record_blob.octets, card->record_blob.len);
	pack_uint(&p, query->number);
	pack_bin(&p, query->nonce.octets, sizeof(query->nonce.octets));
	pack_int(&p, query->issued.ms);
	pack_int(&p, query->expires.ms);
	pack_bin(&p, query->reply_to.octets, sizeof(query->reply_to.octets));
	pack_bool(&p, query->is_direct);
	pack_uint(&p, (uint64_t)q->proto << 8 | q->severity);
	pack_uint(&p, (uint64_t)q->gap_ms);
	pack_uint(&p, (uint64_t)q->bound_ms);
	pack_uint(&p, q->lost);
	pack_bin(&p, on, octets_len(&fingerprint));
	pack_bin(&p, carried, octets_len(&volumes));
	if (fingerprint.is_full || volumes.is_full)
		return ERR_LIMIT;
	len = envelope_pack(operational, QUERY_DOMAIN, &p, ret->octets, sizeof(ret->octets));
	if (len == 0)
		return ERR_LIMIT;
	ret->len = len;
	query->id = query_id_of(ret->octets, ret->len);
	query->cert = bytes_of(card->cert_blob.octets, card->cert_blob.len);
	query->record = bytes_of(card->record_blob.octets, card->record_blob.len);
	return ERR_OK;
}

static enum err read_question(struct bytes fingerprint, struct bytes volumes, struct question *ret)
{
	enum err err = intervals_get(fingerprint, ret->gap_ms, ret->on, QUERY_INTERVALS_MAX,
	                             &ret->on_count);

	ret->volume_count = 0;
	ret->way = 0;
	if (err != ERR_OK || bytes_left(&volumes) == 0)
		return err;
	return volumes_get(volumes, &ret->way, ret->volumes, QUERY_VOLUMES_MAX, &ret->volume_count);
}

static enum err read_body(struct bytes body, struct query *ret)
{
	struct unpack u = {.in = body};
	struct bytes volumes;
	uint64_t kind;
	enum err err = unpack_version(&u, QUERY_VERSION, QUERY_FIELDS);

	if (err != ERR_OK)
		return err;
	ret->cert = unpack_bin(&u);
	ret->record = unpack_bin(&u);
	ret->number = unpack_uint(&u, UINT64_MAX);
	unpack_fixed(&u, ret->nonce.octets, sizeof(ret->nonce.octets));
	ret->issued.ms = unpack_int(&u);
	ret->expires.ms = unpack_int(&u);
	unpack_fixed(&u, ret->reply_to.octets, sizeof(ret->reply_to.octets));
	ret->is_direct = unpack_bool(&u);
	kind = unpack_uint(&u, UINT16_MAX);
	ret->question.proto = (uint8_t)(kind >> 8);
	ret->question.severity = (enum severity)(kind & 0xff);
	ret->question.gap_ms = (int64_t)unpack_uint(&u, INTERVALS_SPAN_MAX_MS);
	ret->question.bound_ms = (int64_t)unpack_uint(&u, QUERY_BOUND_MAX_MS);
	ret->question.lost = (unsigned)unpack_uint(&u, QUERY_LOST_MAX);
	ret->question.on_count = 0;
	body = unpack_bin(&u);
	volumes = unpack_bin(&u);
	if (!unpack_done(&u) || ret->number == 0 || (kind & 0xff) >= SEVERITY_END)
		return ERR_FORMAT;
	return read_question(body, volumes, &ret->question);
}

enum err query_open(const void *data, size_t len, struct query *ret)
{
	struct signature signature;
	struct bytes body;
	enum err err = envelope_cut(data, len, QUERY_MAX, &body, &signature);

	if (err == ERR_OK)
		err = read_body(body, ret);
	if (err == ERR_OK)
		ret->id = query_id_of(data, len);
	return err;
}

enum err query_verify(const void *data, size_t len, const struct public_key *operational)
{
	struct signature signature;
	struct bytes body;
	enum err err = envelope_cut(data, len, QUERY_MAX, &body, &signature);

	if (err != ERR_OK)
		return err;
	return verify(operational, QUERY_DOMAIN, body.at, bytes_left(&body), &signature);
}

enum err query_check_time(const struct query *q, struct wall now, int64_t skew_ms)
{
	/* In unsigned arithmetic: the times are a stranger's, and may be any number. */
	uint64_t life = (uint64_t)q->expires.ms - (uint64_t)q->issued.ms;

	if (q->issued.ms >= 0 && life <= QUERY_LIFE_MAX_MS && q->issued.ms <= now.ms + skew_ms &&
	    q->expires.ms >= now.ms - skew_ms)
		return ERR_OK;
	return ERR_STALE;
}

static const char *const names[] = {"low", "medium", "high", "critical"};

const char *severity_text(enum severity severity)
{
	return (size_t)severity < ARRAY_LEN(names) ? names[severity] : "unknown";
}

enum severity severity_of(const char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], text) == 0)
			return (enum severity)i;
	}
	return SEVERITY_END;
}
