/*
 * fuzz_overlay - three members and the network between them, which the input directs.
 *
 * The first octet chooses how roomy the members' tables are. Then each step is an octet that says
 * what, one that says who or which, and what the step itself reads: time passes; a datagram under
 * way arrives, once or more, changed, cut, swapped, from elsewhere; a member asks, answers,
 *cancels, says any frame at all, restarts, sleeps, drains nothing for a while; its root revokes and
 * endorses; strangers send what they like. Whatever happens:
 *
 *	- nothing is longer than a datagram or of an unknown kind, and no drained outbox is full
 *	- an address that has not proved itself is sent no more octets than came from there, but for
 *	  INITs and KNOCKs; it proves itself by naming an index that went to it
 *	- what is told as an answer verifies; a question is over once, and not after it was
 *cancelled
 *	- numbers and windows only grow; tables keep their order; no deadline stays in the past
 *
 * With the simulator's suite: this is about the order of things.
 */
#include "proto/overlay/tap.h"
#include "proto/wire/knock.h"
#include "tests/fuzz/overlay_play.h"
#include "tools/sim/suite_fake.h"

#define STEPS_MAX 120

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void arrive_stream(struct play *p, const struct flying *f)
{
	const struct pipe *pipe = &p->pipes[f->pipe];
	size_t to = pipe->who[f->end];
	struct overlay *o = to < MEMBERS ? p->members[to].overlay : NULL;

	if (o == NULL)
		return;
	if (f->thing == THING_OPENED)
		overlay_opened(o, now_of(p), pipe->stream[f->end]);
	else if (f->thing == THING_OCTETS)
		overlay_octets(o, now_of(p), pipe->stream[f->end], f->data, f->len);
	else
		overlay_closed(o, now_of(p), pipe->stream[f->end]);
	drain(p, to);
}

static void account_in(struct account *a, const uint8_t *data, size_t len)
{
	enum packet_kind kind = packet_kind(data, len);

	a->in += len;
	if (kind != PACKET_DATA && kind != PACKET_RESPONSE)
		return;
	for (size_t i = 0; i < MIN(a->index_count, INDICES); i++)
		a->is_proven |= a->indices[i] == packet_receiver(data);
}

static void arrive(struct play *p, const struct flying *f)
{
	struct endpoint from = place(f->from);

	if (f->thing != THING_DATAGRAM) {
		arrive_stream(p, f);
		return;
	}
	if (f->to >= MEMBERS)
		return;
	account_in(&p->members[f->to].accounts[f->from], f->data, f->len);
	overlay_datagram(p->members[f->to].overlay, now_of(p), &from, f->data, f->len);
	drain(p, f->to);
}

static void lose(struct play *p, size_t i)
{
	memmove(&p->flying[i], &p->flying[i + 1], (p->flying_count - i - 1) * sizeof(p->flying[0]));
	p->flying_count--;
}

/* The way of the network when nobody interferes. */
static void flow(struct play *p, size_t most)
{
	for (; most > 0 && p->flying_count > 0; most--) {
		struct flying f = p->flying[0];

		lose(p, 0);
		arrive(p, &f);
	}
}

static void step_flow(struct play *p, unsigned arg)
{
	flow(p, arg);
}

static void step_time(struct play *p, unsigned arg)
{
	p->ms += 1 + arg * UINT64_C(10);
	expire(p);
}

/* Seconds, in each of which everything arrives. */
static void step_live(struct play *p, unsigned arg)
{
	for (unsigned i = 0; i < arg % 40; i++) {
		p->ms += 250;
		expire(p);
		flow(p, 64);
	}
}

static void step_sleep(struct play *p, unsigned arg)
{
	p->ms += arg * UINT64_C(2000);
	expire(p);
}

static void step_arrive(struct play *p, unsigned arg)
{
	struct flying f;

	if (p->flying_count == 0)
		return;
	f = p->flying[arg % p->flying_count];
	if ((arg & 0x80) == 0)
		lose(p, arg % p->flying_count);
	arrive(p, &f);
}

static void step_lose(struct play *p, unsigned arg)
{
	if (p->flying_count > 0)
		lose(p, arg % p->flying_count);
}

/* What it changes is read from the input: where, and by what. */
static void step_bend(struct play *p, unsigned arg)
{
	struct flying *f;
	size_t at;

	if (p->flying_count == 0)
		return;
	f = &p->flying[arg % p->flying_count];
	at = (size_t)bytes_uint(&p->in, 2);
	if (f->len > 0)
		f->data[at % f->len] ^= (uint8_t)bytes_uint(&p->in, 1);
}

static void step_cut(struct play *p, unsigned arg)
{
	struct flying *f;

	if (p->flying_count == 0)
		return;
	f = &p->flying[arg % p->flying_count];
	f->len = (size_t)bytes_uint(&p->in, 2) % (f->len + 1);
}

static void step_misdirect(struct play *p, unsigned arg)
{
	struct flying *f;
	unsigned where = (unsigned)bytes_uint(&p->in, 1);

	if (p->flying_count == 0)
		return;
	f = &p->flying[arg % p->flying_count];
	if ((where & 0x80) != 0)
		f->from = where % PLACES;
	else
		f->to = where % MEMBERS;
}

static struct question question_of(struct bytes *in)
{
	struct question q = {.on_count = 1 + (size_t)bytes_uint(in, 1) % 4, .gap_ms = 500};

	q.severity = (enum severity)(bytes_uint(in, 1) % SEVERITY_END);
	for (size_t i = 0; i < q.on_count; i++) {
		int64_t at = WALL_MS + (int64_t)i * 10000;

		q.on[i] = (struct interval){at, at + 2000};
	}
	return q;
}

static void step_ask(struct play *p, unsigned arg)
{
	struct member_of_play *m = &p->members[arg % MEMBERS];
	struct question q = question_of(&p->in);
	struct query_blob blob;
	struct query query;
	uint32_t ticket;

	if (overlay_ask(m->overlay, now_of(p), &q, 1 + arg * INT64_C(300), &ticket, &query,
	                &blob) == ERR_OK) {
		m->ticket = ticket;
		m->query = query;
		m->is_over = false;
	}
	drain(p, arg % MEMBERS);
}

static void step_cancel(struct play *p, unsigned arg)
{
	struct member_of_play *m = &p->members[arg % MEMBERS];

	overlay_cancel(m->overlay, m->ticket);
	m->is_over = true;
	drain(p, arg % MEMBERS);
}

static void step_policy(struct play *p, unsigned arg)
{
	p->members[arg % MEMBERS].policy = (int)(arg / MEMBERS % 6);
}

static void step_answer(struct play *p, unsigned arg)
{
	struct member_of_play *m = &p->members[arg % MEMBERS];

	give_answer(p, arg % MEMBERS, m->serves[arg / MEMBERS % SERVES],
	            (int)(arg / MEMBERS / SERVES % 6));
	drain(p, arg % MEMBERS);
}

/* Any frame at all, said inside the session of a member. */
static void step_say(struct play *p, unsigned arg)
{
	static struct frame f;
	struct bytes said = bytes_cut(&p->in, (size_t)bytes_uint(&p->in, 1));
	size_t from = arg % MEMBERS, to = (from + 1 + arg / MEMBERS % 2) % MEMBERS;

	if (frame_open(said.at, bytes_left(&said), &f) == ERR_OK)
		(void)!overlay_say(p->members[from].overlay, now_of(p),
		                   &p->members[to].options.self.card.id, &f);
	drain(p, from);
}

/* Of the last question asked, with any octets of receipt, answer or part behind its id. */
static void step_reply(struct play *p, unsigned arg)
{
	static struct frame f;
	size_t from = arg % MEMBERS, to = (from + 1 + arg / MEMBERS % 2) % MEMBERS;
	struct receipt r = {.query_id = p->members[to].query.id,
	                    .responder = p->members[from].options.self.card.id};
	struct receipt_blob blob;

	r.kind = (enum verdict_kind)(bytes_uint(&p->in, 1) % RECEIPT_KIND_END);
	r.retry_after_ms = (uint32_t)bytes_uint(&p->in, 4);
	receipt_sign(&r, &p->members[from].options.self.operational, &blob);
	f.kind = (enum frame_kind)(FRAME_RECEIPT + bytes_uint(&p->in, 1) % 6);
	f.query_id = r.query_id;
	f.blob = bytes_of(blob.octets, blob.len);
	f.about = FRAME_REPLY;
	f.len = (uint32_t)bytes_uint(&p->in, 2);
	f.offset = (uint32_t)bytes_uint(&p->in, 2);
	(void)!overlay_say(p->members[from].overlay, now_of(p),
	                   &p->members[to].options.self.card.id, &f);
	drain(p, from);
}

/* A question that its member signed, and that no overlay would make. */
static void step_question(struct play *p, unsigned arg)
{
	static struct frame f;
	size_t origin = arg % MEMBERS, from = arg / 3 % MEMBERS, to = (from + 1 + arg / 9 % 2) % 3;
	const struct overlay_self *self = &p->members[origin].options.self;
	struct query q = {.number = bytes_uint(&p->in, 1), .is_direct = (arg & 0x80) != 0};
	struct query_blob blob;

	f.kind = FRAME_QUERY;
	f.hops = (uint8_t)bytes_uint(&p->in, 1);
	q.issued.ms = now_of(p).wall.ms + (int8_t)bytes_uint(&p->in, 1) * INT64_C(1000);
	q.expires.ms = q.issued.ms + (int64_t)bytes_uint(&p->in, 1) * 1000;
	if (q.number == 255)
		q.expires.ms = (int64_t)bytes_uint(&p->in, 8);
	q.question = question_of(&p->in);
	if (query_pack(&q, &self->card, &self->operational, &blob) != ERR_OK)
		return;
	f.blob = bytes_of(blob.octets, blob.len);
	(void)!overlay_say(p->members[from].overlay, now_of(p),
	                   &p->members[to].options.self.card.id, &f);
	drain(p, from);
}

static void step_restart(struct play *p, unsigned arg)
{
	start_member(p, arg % MEMBERS);
	if (!p->is_over)
		drain(p, arg % MEMBERS);
}

static void step_resume(struct play *p, unsigned arg)
{
	overlay_resume(p->members[arg % MEMBERS].overlay, now_of(p));
	drain(p, arg % MEMBERS);
}

static void step_renew(struct play *p, unsigned arg)
{
	struct member_of_play *m = &p->members[arg % MEMBERS];

	make_card(p, arg % MEMBERS);
	overlay_renew(m->overlay, now_of(p), &m->options.self);
	drain(p, arg % MEMBERS);
}

static void step_bootstrap(struct play *p, unsigned arg)
{
	struct endpoint at = place(arg / MEMBERS % PLACES);

	(void)!overlay_bootstrap(p->members[arg % MEMBERS].overlay, now_of(p), &at);
	drain(p, arg % MEMBERS);
}

static void step_deaf(struct play *p, unsigned arg)
{
	p->members[arg % MEMBERS].is_deaf ^= true;
	drain(p, arg % MEMBERS);
}

static void step_notice(struct play *p, unsigned arg)
{
	struct notice n = {
		.head = {.number = p->number += arg & 1,
	                 .pages = (uint16_t)(1 + (arg & 2)),
	                 .page = (uint16_t)(arg >> 2 & 1),
	                 .issued = now_of(p).wall},
		.entry_count = 1,
	};
	struct notice_entry *e = &n.entries[0];
	struct notice_blob blob;

	e->kind = (enum notice_kind)(1 + bytes_uint(&p->in, 1) % 3);
	e->key = p->members[bytes_uint(&p->in, 1) % MEMBERS].identity.public;
	e->key.octets[0] ^= (uint8_t)(arg >> 4 & 7);
	e->not_after.ms = (int64_t)bytes_uint(&p->in, 8);
	if (notice_issue(&p->root, &n, &blob) != ERR_OK)
		return;
	(void)!overlay_notice(p->members[arg % MEMBERS].overlay, now_of(p), blob.octets, blob.len);
	drain(p, arg % MEMBERS);
}

/* A stranger's KNOCK that is right in all but what the input says. */
static void step_knock(struct play *p, unsigned arg)
{
	const struct overlay_self *self = &p->members[arg / MEMBERS % MEMBERS].options.self;
	struct knock_key key = knock_key_of(&p->root.public);
	struct knock k = {
		.cert = bytes_of(self->card.cert_blob.octets, self->card.cert_blob.len),
		.record = bytes_of(self->card.record_blob.octets, self->card.record_blob.len),
	};
	struct flying *f = put(p, THING_DATAGRAM, 3 + arg % 3, arg % MEMBERS);

	k.sent = now_of(p).wall;
	if ((arg & 0x80) != 0)
		k.sent.ms = (int64_t)bytes_uint(&p->in, 8);
	if (f == NULL)
		return;
	must(knock_pack(&k, &self->operational, &key, f->data) == ERR_OK);
	f->len = KNOCK_LEN;
}

static void step_stranger(struct play *p, unsigned arg)
{
	struct flying *f = put(p, THING_DATAGRAM, arg / MEMBERS % PLACES, arg % MEMBERS);
	struct bytes data = bytes_cut(&p->in, (size_t)bytes_uint(&p->in, 1));

	if (f == NULL)
		return;
	f->len = bytes_left(&data);
	if (f->len > 0)
		memcpy(f->data, data.at, f->len);
}

static void (*const steps[])(struct play *p, unsigned arg) = {
	step_flow,   step_time,      step_live,      step_sleep,    step_arrive,  step_lose,
	step_bend,   step_cut,       step_misdirect, step_ask,      step_cancel,  step_policy,
	step_answer, step_say,       step_reply,     step_question, step_restart, step_resume,
	step_renew,  step_bootstrap, step_deaf,      step_notice,   step_knock,   step_stranger,
};

static void end(struct play *p)
{
	for (size_t i = 0; i < MEMBERS && !p->is_over; i++) {
		p->members[i].is_deaf = false;
		drain(p, i);
		must_be_sound(&p->members[i]);
	}
	step_live(p, p->is_over ? 0 : 8);
	for (size_t i = 0; i < MEMBERS; i++)
		overlay_free(p->members[i].overlay);
	cards_free(p->cards);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;

	if (size == 0 || size > 4096)
		return 0;
	suite_use(&suite_fake);
	memset(&p, 0, sizeof(p));
	p.in = bytes_of(data, size);
	begin(&p, (unsigned)bytes_uint(&p.in, 1));
	for (int i = 0; i < STEPS_MAX && bytes_left(&p.in) >= 2 && !p.is_over; i++) {
		unsigned what = (unsigned)bytes_uint(&p.in, 1);

		steps[what % ARRAY_LEN(steps)](&p, (unsigned)bytes_uint(&p.in, 1));
	}
	end(&p);
	return 0;
}
