/*
 * fuzz_evidence - what hosts and their gateways say: evidence, checkpoints, inquiries, testimony.
 *
 * The first octet chooses. Evidence that is ours, bent by the input, must never be believed; what
 * is taken must, written again, be taken again.
 */
#include "base/util.h"
#include "proto/wire/inquiry.h"
#include "proto/wire/testimony.h"

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define LOG_LEN 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct key_pair root, identity, operational;
static struct card card;
static uint8_t sound[EVIDENCE_MAX];
static size_t sound_len;

static void must(int claim)
{
	if (!claim)
		abort();
}

static void make_card(void)
{
	static const struct seed root_seed = {{1}}, identity_seed = {{2}}, seed = {{3}};
	struct record record = {.seq = 1, .not_before = {NOON - DAY}, .not_after = {NOON + DAY}};
	struct box_key secret;

	root = key_pair_of(&root_seed);
	identity = key_pair_of(&identity_seed);
	card.cert = (struct cert){
		.member = identity.public,
		.name = "stone",
		.org = "Example",
		.not_before = {NOON - DAY},
		.not_after = {NOON + DAY},
		.prefix_count = 1,
		.roles = CERT_ROLE_HOST,
	};
	must(prefix_parse("10.0.0.0/8", &card.cert.prefixes[0]) == ERR_OK);
	must(cert_issue(&root, &card.cert, &card.cert_blob) == ERR_OK);
	record_keys(&seed, &operational, &record.kx, &secret);
	record.sign = operational.public;
	must(record_issue(&identity, &record, &card.record_blob) == ERR_OK);
	card.id = cert_id(&card.cert);
}

static void make_sound(void)
{
	static const uint8_t part[64];
	struct leaf leaf = {.parts = {bytes_of(part, 64), bytes_of(part, 32), bytes_of(part, 16)}};
	struct id digest = leaf_digest(&leaf), after[LOG_LEN];
	struct id head = chain_begin(&card.id);
	struct showing s = {.card = &card, .number = 1, .before = head, .leaf = &leaf, .shown = 2};
	struct checkpoint c = {.host = card.id, .count = LOG_LEN, .at = {NOON}};
	struct checkpoint_blob blob;

	for (size_t i = 0; i < LOG_LEN; i++) {
		head = chain_next(&head, &digest);
		after[i] = digest;
	}
	c.head = head;
	checkpoint_sign(&c, &operational, &blob);
	s.checkpoint = &blob;
	s.after = after;
	s.after_count = LOG_LEN - 1;
	sound_len = sizeof(sound);
	must(evidence_pack(&s, sound, &sound_len) == ERR_OK);
}

static void start(void)
{
	if (sound_len > 0)
		return;
	must(sign_start() == ERR_OK);
	make_card();
	make_sound();
}

static void try_evidence(struct bytes in)
{
	struct evidence e;

	/* The one that is ours is the only one that anybody can make. */
	must(evidence_open(in.at, bytes_left(&in), &root.public, &e) != ERR_OK ||
	     (bytes_left(&in) == sound_len && memcmp(in.at, sound, sound_len) == 0));
}

/* Pairs of place and mask are laid over ours: any that changes a bit must be seen. */
static void try_bent(struct bytes in)
{
	uint8_t room[EVIDENCE_MAX];
	struct evidence e;
	bool is_same;

	memcpy(room, sound, sound_len);
	while (bytes_left(&in) >= 3) {
		size_t at = (size_t)bytes_uint(&in, 2) % sound_len;

		room[at] ^= (uint8_t)bytes_uint(&in, 1);
	}
	is_same = memcmp(room, sound, sound_len) == 0;
	must((evidence_open(room, sound_len, &root.public, &e) == ERR_OK) == is_same);
}

static void try_checkpoint(struct bytes in)
{
	struct checkpoint c, again;
	struct checkpoint_blob blob;

	if (checkpoint_open(in.at, bytes_left(&in), &operational.public, &c) != ERR_OK)
		return;
	checkpoint_sign(&c, &operational, &blob);
	must(checkpoint_open(blob.octets, blob.len, &operational.public, &again) == ERR_OK);
	must(again.count == c.count && again.health.lost == c.health.lost);
}

static void try_inquiry(struct bytes in)
{
	uint8_t room[INQUIRY_MAX];
	struct pack p = pack_into(room, sizeof(room));
	struct inquiry q, again;

	if (inquiry_open(in, &q) != ERR_OK)
		return;
	inquiry_pack(&p, &q);
	must(!p.out.is_full);
	must(inquiry_open(bytes_of(room, pack_len(&p)), &again) == ERR_OK);
	must(again.kind == q.kind && again.number == q.number && again.shown == q.shown);
}

static void check_upstream(const struct upstream *up)
{
	const struct question *q = &up->rhythm;

	must(q->on_count > 0 && q->on_count <= QUERY_INTERVALS_MAX);
	must(up->life.start_ms <= up->life.end_ms);
	for (size_t i = 0; i < q->on_count; i++) {
		must(q->on[i].start_ms <= q->on[i].end_ms);
		must(i == 0 || q->on[i].start_ms - q->on[i - 1].end_ms > q->gap_ms);
	}
}

static void try_testimony(struct bytes in)
{
	struct testimony t;
	struct statement s;
	size_t count = 0;

	if (testimony_open(in, &t) != ERR_OK)
		return;
	while (testimony_next(&t, &s) == ERR_OK) {
		uint8_t room[2 * TESTIMONY_MAX];
		struct pack p = pack_into(room, sizeof(room));

		must(++count <= TESTIMONY_STATEMENTS_MAX);
		if (s.has_upstream)
			check_upstream(&s.upstream);
		testimony_begin(&p, 1);
		testimony_put(&p, &s);
		must(!p.out.is_full);
	}
}

static void (*const tries[])(struct bytes in) = {try_evidence, try_bent, try_checkpoint,
                                                 try_inquiry, try_testimony};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);

	start();
	tries[bytes_uint(&in, 1) % ARRAY_LEN(tries)](in);
	return 0;
}
