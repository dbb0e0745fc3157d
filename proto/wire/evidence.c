#include "proto/wire/evidence.h"

#include "base/util.h"
#include "proto/wire/envelope.h"
#include "proto/wire/pack.h"

#include <string.h>

#define VERSION 1
#define EVIDENCE_FIELDS 8
#define CHECKPOINT_VERSION 1
#define CHECKPOINT_FIELDS 21
#define CHECKPOINT_DOMAIN "spoor checkpoint 1"
#define DIGEST_LEN sizeof(struct id)

struct id chain_begin(const struct id *host)
{
	return digest("spoor log 1", host->octets, sizeof(host->octets));
}

struct id chain_next(const struct id *head, const struct id *leaf)
{
	uint8_t both[2 * DIGEST_LEN];

	memcpy(both, head->octets, DIGEST_LEN);
	memcpy(both + DIGEST_LEN, leaf->octets, DIGEST_LEN);
	return digest("spoor log head 1", both, sizeof(both));
}

static struct id commit(const uint8_t salt[EVIDENCE_SALT], struct bytes part)
{
	uint8_t both[EVIDENCE_SALT + EVIDENCE_PART_MAX];
	size_t len = MIN(bytes_left(&part), (size_t)EVIDENCE_PART_MAX);

	memcpy(both, salt, EVIDENCE_SALT);
	if (len > 0)
		memcpy(both + EVIDENCE_SALT, part.at, len);
	return digest("spoor log part 1", both, EVIDENCE_SALT + len);
}

static struct id leaf_of(const struct id commitments[EVIDENCE_PARTS])
{
	return digest("spoor log leaf 1", commitments, EVIDENCE_PARTS * DIGEST_LEN);
}

struct id leaf_digest(const struct leaf *leaf)
{
	struct id commitments[EVIDENCE_PARTS];

	for (size_t i = 0; i < EVIDENCE_PARTS; i++)
		commitments[i] = commit(leaf->salts[i], leaf->parts[i]);
	return leaf_of(commitments);
}

/*
 * Checkpoints.
 */

struct text_row {
	size_t offset, room;
};

#define TEXT(field)                                                                 \
	{                                                                           \
		offsetof(struct health, field), sizeof(((struct health *)0)->field) \
	}
static const struct text_row texts[] = {TEXT(kind),   TEXT(version), TEXT(build),
                                        TEXT(kernel), TEXT(boot_id), TEXT(lockdown)};

#define NUMBER(field) offsetof(struct health, field)
static const size_t numbers[] = {NUMBER(taint),    NUMBER(hooks),        NUMBER(blind),
                                 NUMBER(lost),     NUMBER(lost_tasks),   NUMBER(lost_flows),
                                 NUMBER(canaries), NUMBER(canaries_seen)};

_Static_assert(5 + ARRAY_LEN(texts) + 1 + ARRAY_LEN(numbers) + 1 == CHECKPOINT_FIELDS, "each once");

/* People read these in terminals. */
static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return false;
	}
	return true;
}

static void pack_health(struct pack *p, const struct health *h)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *text = (const char *)h + texts[i].offset;

		pack_str(p, is_printable(text) ? text : "");
	}
	pack_bool(p, h->is_ftrace_off);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t number;

		memcpy(&number, (const char *)h + numbers[i], sizeof(number));
		pack_uint(p, number);
	}
}

static void unpack_health(struct unpack *u, struct health *h)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *text = (char *)h + texts[i].offset;

		unpack_str(u, text, texts[i].room);
		u->is_wrong = u->is_wrong || !is_printable(text);
	}
	h->is_ftrace_off = unpack_bool(u);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		uint64_t number = unpack_uint(u, UINT64_MAX);

		memcpy((char *)h + numbers[i], &number, sizeof(number));
	}
}

void checkpoint_sign(const struct checkpoint *c, const struct key_pair *operational,
                     struct checkpoint_blob *ret)
{
	uint8_t body[CHECKPOINT_MAX];
	struct pack p = pack_into(body, sizeof(body));

	pack_array(&p, CHECKPOINT_FIELDS);
	pack_uint(&p, CHECKPOINT_VERSION);
	pack_bin(&p, c->host.octets, DIGEST_LEN);
	pack_uint(&p, c->count);
	pack_bin(&p, c->head.octets, DIGEST_LEN);
	pack_int(&p, c->at.ms);
	pack_health(&p, &c->health);
	pack_int(&p, c->health.canary_ms);
	ret->len =
		envelope_pack(operational, CHECKPOINT_DOMAIN, &p, ret->octets, sizeof(ret->octets));
	CHECK(ret->len > 0);
}

static enum err read_checkpoint(struct bytes body, struct checkpoint *ret)
{
	struct unpack u = {.in = body};
	enum err err = unpack_version(&u, CHECKPOINT_VERSION, CHECKPOINT_FIELDS);

	memset(ret, 0, sizeof(*ret));
	if (err != ERR_OK)
		return err;
	unpack_fixed(&u, ret->host.octets, DIGEST_LEN);
	ret->count = unpack_uint(&u, UINT64_MAX);
	unpack_fixed(&u, ret->head.octets, DIGEST_LEN);
	ret->at.ms = unpack_int(&u);
	unpack_health(&u, &ret->health);
	ret->health.canary_ms = unpack_int(&u);
	return unpack_done(&u) ? ERR_OK : ERR_FORMAT;
}

enum err checkpoint_open(const void *data, size_t len, const struct public_key *operational,
                         struct checkpoint *ret)
{
	struct signature signature;
	struct bytes body;
	enum err err = envelope_cut(data, len, CHECKPOINT_MAX, &body, &signature);

	if (err == ERR_OK)
		err = read_checkpoint(body, ret);
	if (err == ERR_OK)
		err = verify(operational, CHECKPOINT_DOMAIN, body.at, bytes_left(&body),
		             &signature);
	return err;
}

/*
 * Evidence.
 */

static void pack_part(struct pack *p, const struct leaf *leaf, size_t i, bool is_shown)
{
	struct id commitment;

	if (is_shown) {
		pack_array(p, 2);
		pack_bin(p, leaf->salts[i], EVIDENCE_SALT);
		pack_bin(p, leaf->parts[i].at, bytes_left(&leaf->parts[i]));
		return;
	}
	commitment = commit(leaf->salts[i], leaf->parts[i]);
	pack_bin(p, commitment.octets, DIGEST_LEN);
}

enum err evidence_pack(const struct showing *s, void *room, size_t *len)
{
	struct pack p = pack_into(room, MIN(*len, (size_t)EVIDENCE_MAX));

	if (s->after_count >= EVIDENCE_SPAN)
		return ERR_LIMIT;
	pack_array(&p, EVIDENCE_FIELDS);
	pack_uint(&p, VERSION);
	pack_bin(&p, s->card->cert_blob.octets, s->card->cert_blob.len);
	pack_bin(&p, s->card->record_blob.octets, s->card->record_blob.len);
	pack_bin(&p, s->checkpoint->octets, s->checkpoint->len);
	pack_uint(&p, s->number);
	pack_bin(&p, s->before.octets, DIGEST_LEN);
	pack_array(&p, EVIDENCE_PARTS);
	for (size_t i = 0; i < EVIDENCE_PARTS; i++)
		pack_part(&p, s->leaf, i, i < s->shown);
	pack_bin(&p, s->after, s->after_count * DIGEST_LEN);
	*len = pack_len(&p);
	return p.out.is_full ? ERR_LIMIT : ERR_OK;
}

/* Either form; those shown come before those withheld. */
static struct id unpack_part(struct unpack *u, struct evidence *e, size_t i)
{
	struct id commitment = {{0}};
	struct token t;

	if (!unpack_token(u, &t)) {
		u->is_wrong = true;
		return commitment;
	}
	if (t.kind == TOKEN_ARRAY && t.len == 2 && e->shown == i) {
		uint8_t salt[EVIDENCE_SALT];

		unpack_fixed(u, salt, sizeof(salt));
		e->parts[i] = unpack_bin(u);
		u->is_wrong = u->is_wrong || bytes_left(&e->parts[i]) > EVIDENCE_PART_MAX;
		if (u->is_wrong)
			return commitment;
		e->shown++;
		return commit(salt, e->parts[i]);
	}
	u->is_wrong = u->is_wrong || t.kind != TOKEN_BIN || t.len != DIGEST_LEN;
	if (!u->is_wrong)
		memcpy(commitment.octets, t.data, DIGEST_LEN);
	return commitment;
}

/* Follows the chain from the head before the entry to the checkpoint's. */
static enum err follow(const struct evidence *e, struct id head, const struct id *leaf,
                       struct bytes after)
{
	size_t count = bytes_left(&after) / DIGEST_LEN;

	if (bytes_left(&after) % DIGEST_LEN != 0 || count >= EVIDENCE_SPAN || e->number == 0 ||
	    e->checkpoint.count < e->number || e->checkpoint.count - e->number != count)
		return ERR_FORMAT;
	head = chain_next(&head, leaf);
	while (bytes_left(&after) > 0) {
		struct id next;

		bytes_copy(&after, next.octets, DIGEST_LEN);
		head = chain_next(&head, &next);
	}
	return id_equal(&head, &e->checkpoint.head) ? ERR_OK : ERR_AUTH;
}

/* Valid when the checkpoint was made: evidence does not grow old. */
static enum err check_time(const struct evidence *e)
{
	const struct cert *cert = &e->card.cert;
	const struct record *record = &e->card.record;
	int64_t at_ms = e->checkpoint.at.ms;

	return at_ms < cert->not_before.ms || at_ms > cert->not_after.ms ||
	                       at_ms < record->not_before.ms || at_ms > record->not_after.ms
	               ? ERR_EXPIRED
	               : ERR_OK;
}

static enum err check_card(struct bytes cert, struct bytes record, const struct public_key *root,
                           struct evidence *ret)
{
	struct roots roots = {.keys = {*root}, .count = 1};
	struct wall any = {INT64_MIN};
	enum err err = card_open(cert, record, &roots, any, &ret->card);

	if (err != ERR_OK)
		return err;
	return ret->card.cert.roles == CERT_ROLE_HOST ? ERR_OK : ERR_DENIED;
}

enum err evidence_open(const void *data, size_t len, const struct public_key *root,
                       struct evidence *ret)
{
	struct unpack u = unpack_of(data, len);
	struct id before, commitments[EVIDENCE_PARTS], leaf;
	struct bytes cert, record, checkpoint, after;
	enum err err;

	memset(ret, 0, sizeof(*ret));
	if (len > EVIDENCE_MAX)
		return ERR_FORMAT;
	err = unpack_version(&u, VERSION, EVIDENCE_FIELDS);
	if (err != ERR_OK)
		return err;
	cert = unpack_bin(&u);
	record = unpack_bin(&u);
	checkpoint = unpack_bin(&u);
	ret->number = unpack_uint(&u, UINT64_MAX);
	unpack_fixed(&u, before.octets, DIGEST_LEN);
	if (unpack_array(&u) != EVIDENCE_PARTS)
		return ERR_FORMAT;
	for (size_t i = 0; i < EVIDENCE_PARTS; i++)
		commitments[i] = unpack_part(&u, ret, i);
	after = unpack_bin(&u);
	if (!unpack_done(&u))
		return ERR_FORMAT;
	err = check_card(cert, record, root, ret);
	if (err == ERR_OK)
		err = checkpoint_open(checkpoint.at, bytes_left(&checkpoint),
		                      &ret->card.record.sign, &ret->checkpoint);
	if (err == ERR_OK && !id_equal(&ret->checkpoint.host, &ret->card.id))
		err = ERR_AUTH;
	leaf = leaf_of(commitments);
	if (err == ERR_OK)
		err = follow(ret, before, &leaf, after);
	return err == ERR_OK ? check_time(ret) : err;
}
