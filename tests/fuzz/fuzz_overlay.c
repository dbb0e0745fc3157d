/*
 * fuzz_overlay - a script of datagrams, time and commands, played to an overlay that knows two
 * members.
 *
 * Each step is an octet that chooses what, one that chooses who (bit 0: which member; bit 1: it
 * speaks from an address that is not its own), two of length, and so many octets of argument:
 *
 *	0 raw      the argument is a datagram
 *	1 wrapped  its first octet is a kind, the rest a body, signed by the member
 *	2 time     big-endian ms pass, at most ten minutes at a time
 *	3 ask      we ask; the argument is ignored
 *	4 query    a member asks: gap, then lengths and silences of a fingerprint, signed properly
 *	5 receipt  status and part, for our last query
 *	6 part     part, parts and a chunk of an answer to our last query
 *	7 answer   a true answer to our last query; octets: xor at an offset, parts left out
 *	8 command  answer, refuse, call busy or cancel: by the first octet
 *
 * Behind the signatures of 1 and 4 to 7 lie the decoders and tables that mutation alone would never
 * reach. Whatever comes, the overlay must keep what its header says.
 */
#include "base/prng.h"
#include "base/util.h"
#include "proto/overlay/overlay.h"

#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1760000000000)
#define DAY_MS INT64_C(86400000)
#define MEMBERS 2
#define STEPS_MAX 64
#define JUMP_MAX_MS 600000
#define TICKETS_MAX 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct overlay_limits small = {
	.members_max = 4, .asks_max = 2, .answers_max = 2, .serves_max = 2, .outbox_max = 32};

static struct key_pair root;
static struct overlay_self selves[1 + MEMBERS]; /* ours, and theirs */
static struct id ids[1 + MEMBERS];

struct play {
	struct overlay *overlay;
	struct prng random;
	struct now now;
	struct query query; /* our last */
	bool has_query;
	uint32_t serve;     /* ticket of the last ACT_SERVE */
	struct nonce proof; /* of the last WELCOME */
	bool asked[TICKETS_MAX], finished[TICKETS_MAX];
	uint8_t answered[TICKETS_MAX];
};

static void must(bool claim)
{
	if (!claim)
		abort();
}

static void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

static struct endpoint place(unsigned net)
{
	const uint8_t octets[4] = {10, 0, (uint8_t)net, 1};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = 7667};
}

static void make_selves(void)
{
	struct seed seed = {.octets = {1}};

	must(sign_start() == ERR_OK);
	root = key_pair_of(&seed);
	for (unsigned i = 0; i <= MEMBERS; i++) {
		struct overlay_self *self = &selves[i];
		struct endpoint at = place(i);

		seed.octets[1] = (uint8_t)(i + 1);
		self->pair = key_pair_of(&seed);
		self->cert = (struct cert){.member = self->pair.public,
		                           .serial = i,
		                           .name = "n",
		                           .org = "o",
		                           .not_before = {WALL_MS - DAY_MS},
		                           .not_after = {WALL_MS + DAY_MS}};
		self->cert.prefixes[0] = prefix_of(&at.addr);
		self->cert.prefix_count = 1;
		self->cert.roles = CERT_ROLES_ALL;
		self->cert.name[1] = (char)('0' + i);
		self->roots.keys[self->roots.count++] = root.public;
		must(cert_issue(&root, &self->cert, &self->blob) == ERR_OK);
		ids[i] = cert_id(&self->cert);
	}
}

static void see_send(struct play *p, const struct act *act)
{
	struct message m;

	must(act->len <= MESSAGE_MAX);
	must(message_open(act->data, act->len, &m) == ERR_OK);
	if (m.kind == MESSAGE_WELCOME)
		p->proof = m.body.nonce;
}

static void see_answer(struct play *p, const struct act *act)
{
	struct answer answer;
	struct cert cert;
	struct id id;

	must(act->ticket < TICKETS_MAX && p->asked[act->ticket] && !p->finished[act->ticket]);
	must(++p->answered[act->ticket] <= MEMBERS);
	must(act->reply.member != NULL);
	if (p->has_query && answer_check(act->reply.evidence, &p->query, &selves[0].roots,
	                                 p->now.wall, &cert, &answer) == ERR_OK) {
		id = cert_id(&cert);
		must(id_equal(&id, &act->reply.member->id));
	}
}

static void see(struct play *p, const struct act *act)
{
	switch (act->kind) {
	case ACT_SEND:
		see_send(p, act);
		return;
	case ACT_SERVE:
		must(act->member != NULL && act->query->question.on_count > 0);
		p->serve = act->ticket;
		return;
	case ACT_ANSWER:
		see_answer(p, act);
		return;
	case ACT_FINISH:
		must(act->ticket < TICKETS_MAX && p->asked[act->ticket]);
		must(!p->finished[act->ticket]);
		must(act->outcome_count <= small.members_max);
		p->finished[act->ticket] = true;
		for (size_t i = 0; i < act->outcome_count; i++)
			must(act->outcomes[i].state != TARGET_WAITING &&
			     act->outcomes[i].state != TARGET_WORKING);
		return;
	case ACT_REMEMBER:
		must(act->member != NULL);
		return;
	case ACT_NOTE:
		must(act->text != NULL && *act->text != '\0');
		return;
	}
}

static void drain(struct play *p)
{
	struct act act;

	while (overlay_next(p->overlay, &act))
		see(p, &act);
	must(overlay_member_count(p->overlay) <= small.members_max);
}

static void hand_over(struct play *p, unsigned who, const void *data, size_t len)
{
	struct endpoint from = place(1 + (who & 1) + ((who & 2) != 0 ? 10 : 0));

	(void)overlay_datagram(p->overlay, p->now, &from, data, len);
}

static void say(struct play *p, unsigned who, enum message_kind kind, const struct body *body)
{
	unsigned member = 1 + (who & 1);
	uint8_t data[MESSAGE_MAX];
	size_t len = message_pack(kind, body, &ids[member], &selves[member].pair, data);

	if (len > 0)
		hand_over(p, who, data, len);
}

/* Both members prove where they are. */
static void meet(struct play *p)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		const struct cert_blob *blob = &selves[1 + i].blob;
		struct body body = {.cert = bytes_of(blob->octets, blob->len)};

		say(p, i, MESSAGE_HELLO, &body);
		drain(p);
		body.echo = p->proof;
		say(p, i, MESSAGE_CONFIRM, &body);
		drain(p);
	}
	must(overlay_member_count(p->overlay) == MEMBERS);
	must(overlay_member(p->overlay, 0)->state == MEMBER_LIVE);
	must(overlay_member(p->overlay, 1)->state == MEMBER_LIVE);
}

static void step_raw(struct play *p, unsigned who, struct bytes in)
{
	hand_over(p, who, in.at, bytes_left(&in));
}

static void step_wrapped(struct play *p, unsigned who, struct bytes in)
{
	unsigned member = 1 + (who & 1);
	uint8_t data[MESSAGE_MAX];
	struct octets out = octets_of(data, sizeof(data));
	struct signature signature;

	octets_put(&out, "sp\1", 3);
	octets_uint(&out, bytes_uint(&in, 1), 1);
	octets_put(&out, ids[member].octets, sizeof(ids[member].octets));
	octets_put(&out, in.at, bytes_left(&in));
	signature = sign(&selves[member].pair, "spoor datagram 1", data, octets_len(&out));
	octets_put(&out, signature.octets, sizeof(signature.octets));
	if (!out.is_full)
		hand_over(p, who, data, octets_len(&out));
}

static void step_time(struct play *p, unsigned who, struct bytes in)
{
	uint64_t ms = MIN(bytes_uint(&in, MIN(4, bytes_left(&in))), JUMP_MAX_MS);

	(void)who;
	p->now.mono.ms += ms;
	p->now.wall.ms += (int64_t)ms;
	overlay_expire(p->overlay, p->now);
}

static void step_ask(struct play *p, unsigned who, struct bytes in)
{
	struct question question = {.on = {{1000, 2000}, {9000, 9500}}, .on_count = 2};
	struct query_blob blob;
	struct query query;
	uint32_t ticket;

	(void)who;
	(void)in;
	if (overlay_ask(p->overlay, p->now, &question, 30000, &ticket, &query, &blob) != ERR_OK)
		return;
	must(ticket < TICKETS_MAX && !p->asked[ticket]);
	p->asked[ticket] = true;
	p->query = query;
	p->has_query = true;
}

static void step_query(struct play *p, unsigned who, struct bytes in)
{
	unsigned member = 1 + (who & 1);
	struct query q = {.origin = selves[member].cert,
	                  .issued = p->now.wall,
	                  .expires = {p->now.wall.ms + 30000}};
	struct query_blob blob;
	struct body body = {0};
	int64_t at = 1000000;

	q.question.gap_ms = (int64_t)bytes_uint(&in, 1);
	q.question.on[0] = (struct interval){at, at + 1};
	q.question.on_count = 1;
	while (bytes_left(&in) >= 4 && q.question.on_count < QUERY_INTERVALS_MAX) {
		struct interval *on = &q.question.on[q.question.on_count++];

		at = on[-1].end_ms;
		on->start_ms = at + (int64_t)bytes_uint(&in, 2);
		on->end_ms = on->start_ms + (int64_t)bytes_uint(&in, 2);
	}
	if (query_pack(&q, &selves[member].blob, &selves[member].pair, &blob) != ERR_OK)
		return;
	body.query = bytes_of(blob.octets, blob.len);
	say(p, who, MESSAGE_QUERY, &body);
	say(p, who, MESSAGE_QUERY, &body);
}

static void step_receipt(struct play *p, unsigned who, struct bytes in)
{
	struct body body = {.query_id = p->query.id};

	body.status = (enum receipt_status)(bytes_uint(&in, 1) % RECEIPT_STATUS_END);
	body.part = (uint32_t)bytes_uint(&in, 1);
	say(p, who, MESSAGE_RECEIPT, &body);
}

static void step_part(struct play *p, unsigned who, struct bytes in)
{
	struct body body = {.query_id = p->query.id};

	body.part = (uint32_t)bytes_uint(&in, 1);
	body.parts = (uint32_t)bytes_uint(&in, 1);
	body.chunk = in;
	say(p, who, MESSAGE_ANSWER, &body);
}

static void step_answer(struct play *p, unsigned who, struct bytes in)
{
	unsigned member = 1 + (who & 1);
	uint64_t at = bytes_uint(&in, 1) << 2, flip = bytes_uint(&in, 1);
	uint64_t left_out = bytes_uint(&in, 1);
	struct answer answer = {.connections = 3, .finding_count = 12};
	struct seed seed = {.octets = {9}};
	uint8_t sealed[ANSWER_MAX];
	size_t len = sizeof(sealed);
	struct body body = {.query_id = p->query.id};

	if (!p->has_query || answer_pack(&answer, &p->query, &selves[member].blob, &ids[member],
	                                 &selves[member].pair, &seed, sealed, &len) != ERR_OK)
		return;
	sealed[at % len] ^= (uint8_t)flip;
	body.parts = (uint32_t)((len + MESSAGE_CHUNK_MAX - 1) / MESSAGE_CHUNK_MAX);
	for (body.part = 0; body.part < body.parts; body.part++) {
		size_t from = (size_t)body.part * MESSAGE_CHUNK_MAX;

		body.chunk = bytes_of(sealed + from, MIN(MESSAGE_CHUNK_MAX, len - from));
		if ((left_out >> body.part & 1) == 0)
			say(p, who, MESSAGE_ANSWER, &body);
	}
}

static void step_command(struct play *p, unsigned who, struct bytes in)
{
	static const struct answer nothing;
	uint64_t which = bytes_uint(&in, 1), ticket = bytes_uint(&in, 1);
	enum err err;

	(void)who;
	switch (which % 4) {
	case 0:
		err = overlay_answer(p->overlay, p->now, p->serve, &nothing);
		must(err == ERR_OK || err == ERR_NOENT);
		return;
	case 1:
		overlay_refuse(p->overlay, p->now, p->serve, RECEIPT_REFUSED);
		return;
	case 2:
		overlay_refuse(p->overlay, p->now, p->serve, RECEIPT_BUSY);
		return;
	default:
		overlay_cancel(p->overlay, (uint32_t)ticket);
		if (p->asked[ticket])
			p->finished[ticket] = true; /* nothing may name it any more */
		return;
	}
}

static void (*const steps[])(struct play *p, unsigned who, struct bytes in) = {
	step_raw,     step_wrapped, step_time,   step_ask,     step_query,
	step_receipt, step_part,    step_answer, step_command,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;
	struct bytes in = bytes_of(data, size);

	if (root.secret[0] == 0 && root.secret[1] == 0)
		make_selves();
	p = (struct play){.random = {1}, .now = {{1000000}, {WALL_MS}}};
	p.overlay = overlay_new(&small, &selves[0],
	                        (struct overlay_random){.fill = fill, .ctx = &p.random});
	must(p.overlay != NULL);
	meet(&p);
	for (int i = 0; i < STEPS_MAX && bytes_left(&in) > 0; i++) {
		unsigned what = (unsigned)bytes_uint(&in, 1), who = (unsigned)bytes_uint(&in, 1);
		size_t len = (size_t)bytes_uint(&in, 2);

		steps[what % ARRAY_LEN(steps)](&p, who, bytes_cut(&in, MIN(len, bytes_left(&in))));
		if ((who & 4) == 0) /* else the acts of several steps wait together */
			drain(&p);
	}
	drain(&p);
	overlay_free(p.overlay);
	return 0;
}
