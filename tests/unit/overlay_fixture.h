/* overlay_fixture - a few overlays wired by hand: nothing moves unless a test says so. */
#ifndef SPOOR_TESTS_UNIT_OVERLAY_FIXTURE_H
#define SPOOR_TESTS_UNIT_OVERLAY_FIXTURE_H

#include "base/prng.h"
#include "proto/overlay/overlay.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALL_MS INT64_C(1760000000000)
#define DAY_MS INT64_C(86400000)
#define PARTIES 3
#define PARCELS_MAX 512

struct party {
	struct overlay *overlay;
	struct overlay_self self;
	struct overlay_limits limits;
	struct prng random;
	struct endpoint at;
	int64_t skew_ms;
	unsigned served, answered, finished, noted, remembered; /* acts seen */
	uint32_t ticket;                                        /* of the last ACT_SERVE */
	struct answer answer;                                   /* of the last ACT_ANSWER */
	enum target_state outcomes[PARTIES];
	size_t outcome_count;
};

struct parcel { /* a datagram on its way */
	size_t from;
	struct endpoint to;
	size_t len;
	uint8_t data[MESSAGE_MAX];
};

/* Every act of every party lands here. */
struct world {
	struct key_pair root;
	struct party parties[PARTIES];
	uint64_t now_ms;
	struct query query; /* the last one asked */
	struct parcel parcels[PARCELS_MAX];
	size_t parcel_count;
};

static const struct overlay_limits small = {
	.members_max = 8, .asks_max = 2, .answers_max = 4, .serves_max = 2, .outbox_max = 64};

static inline void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

static inline struct now now_of(const struct world *w, size_t i)
{
	return (struct now){.mono = {1000000 + w->now_ms},
	                    .wall = {WALL_MS + (int64_t)w->now_ms + w->parties[i].skew_ms}};
}

static inline struct endpoint place(uint8_t net)
{
	const uint8_t octets[4] = {10, 0, net, 1};

	return (struct endpoint){.addr = addr_from_v4(octets), .port = 7667};
}

static inline void issue(struct overlay_self *self, const struct key_pair *root, const char *name,
                         const char *org, struct wall not_after)
{
	self->cert.member = self->pair.public;
	self->cert.not_before.ms = WALL_MS - DAY_MS;
	self->cert.not_after = not_after;
	assert_ok(prefix_parse("10.0.0.0/8", &self->cert.prefixes[0]));
	self->cert.prefix_count = 1;
	self->cert.roles = CERT_ROLES_ALL;
	snprintf(self->cert.name, CERT_NAME_MAX, "%s", name);
	snprintf(self->cert.org, CERT_ORG_MAX, "%s", org);
	assert_ok(cert_issue(root, &self->cert, &self->blob));
}

static inline void party_start(struct world *w, size_t i)
{
	struct party *p = &w->parties[i];
	struct overlay_random random = {.fill = fill, .ctx = &p->random};

	overlay_free(p->overlay);
	p->overlay = overlay_new(&p->limits, &p->self, random);
	assert_non_null(p->overlay);
}

/* It starts anew, with a certificate of another address or role. */
static inline void reissue(struct world *w, size_t i, const char *prefix, uint32_t roles)
{
	struct overlay_self *self = &w->parties[i].self;

	assert_ok(prefix_parse(prefix, &self->cert.prefixes[0]));
	self->cert.roles = roles;
	self->cert.not_after.ms++; /* of two certificates the later one counts */
	assert_ok(cert_issue(&w->root, &self->cert, &self->blob));
	party_start(w, i);
}

static inline int setup(void **state)
{
	static const char *const names[PARTIES] = {"a", "b", "c"};
	struct world *w = calloc(1, sizeof(*w));
	struct seed seed = {.octets = {7}};

	assert_non_null(w);
	assert_ok(sign_start());
	w->root = key_pair_of(&seed);
	for (size_t i = 0; i < PARTIES; i++) {
		struct party *p = &w->parties[i];

		seed.octets[1] = (uint8_t)(i + 1);
		p->random.state = i + 1;
		p->limits = small;
		p->at = place((uint8_t)(i + 1));
		p->self.pair = key_pair_of(&seed);
		p->self.roots.keys[p->self.roots.count++] = w->root.public;
		issue(&p->self, &w->root, names[i], names[i], (struct wall){WALL_MS + DAY_MS});
		party_start(w, i);
	}
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < PARTIES; i++)
		overlay_free(w->parties[i].overlay);
	free(w);
	return 0;
}

static inline void take_act(struct world *w, size_t i, const struct act *act)
{
	struct party *p = &w->parties[i];
	struct parcel *parcel = &w->parcels[w->parcel_count];

	switch (act->kind) {
	case ACT_SEND:
		assert_true(w->parcel_count < PARCELS_MAX);
		assert_true(act->len <= MESSAGE_MAX);
		w->parcel_count++;
		*parcel = (struct parcel){.from = i, .to = act->to, .len = act->len};
		memcpy(parcel->data, act->data, act->len);
		return;
	case ACT_SERVE:
		p->served++;
		p->ticket = act->ticket;
		return;
	case ACT_ANSWER:
		p->answered++;
		p->answer = *act->reply.answer;
		return;
	case ACT_FINISH:
		p->finished++;
		p->outcome_count = act->outcome_count;
		for (size_t j = 0; j < act->outcome_count; j++)
			p->outcomes[j] = act->outcomes[j].state;
		return;
	case ACT_REMEMBER:
		p->remembered++;
		return;
	case ACT_NOTE:
		p->noted++;
		return;
	}
}

static inline void drain(struct world *w, size_t i)
{
	struct act act;

	while (overlay_next(w->parties[i].overlay, &act))
		take_act(w, i, &act);
}

static inline enum message_kind kind_of(const struct parcel *p)
{
	return (enum message_kind)p->data[3];
}

/* Takes the oldest datagram off the wire. */
static inline bool take_parcel(struct world *w, struct parcel *ret)
{
	if (w->parcel_count == 0)
		return false;
	*ret = w->parcels[0];
	memmove(w->parcels, w->parcels + 1, --w->parcel_count * sizeof(w->parcels[0]));
	return true;
}

/* The oldest one, which must be of that kind. */
static inline struct parcel expect(struct world *w, enum message_kind kind)
{
	struct parcel p = {0};

	assert_true(take_parcel(w, &p));
	assert_string_equal(message_kind_text(kind), message_kind_text(kind_of(&p)));
	return p;
}

static inline enum err feed(struct world *w, size_t to, const struct endpoint *from,
                            const void *data, size_t len)
{
	enum err err = overlay_datagram(w->parties[to].overlay, now_of(w, to), from, data, len);

	drain(w, to);
	return err;
}

static inline enum err hand_over(struct world *w, size_t to, const struct parcel *p)
{
	return feed(w, to, &w->parties[p->from].at, p->data, p->len);
}

/* Delivers all that is on the wire, and what follows from it, but for the kinds in `lost`. */
static inline void settle_without(struct world *w, unsigned lost)
{
	struct parcel p;

	while (take_parcel(w, &p)) {
		for (size_t i = 0; i < PARTIES; i++) {
			if ((lost & 1U << kind_of(&p)) == 0 &&
			    endpoint_equal(&w->parties[i].at, &p.to))
				(void)hand_over(w, i, &p);
		}
	}
}

static inline void settle(struct world *w)
{
	settle_without(w, 0);
}

static inline void expire(struct world *w, size_t i)
{
	overlay_expire(w->parties[i].overlay, now_of(w, i));
	drain(w, i);
}

/* Time passes in small steps for everybody. */
static inline void pass(struct world *w, uint64_t ms)
{
	for (uint64_t end_ms = w->now_ms + ms; w->now_ms < end_ms;) {
		w->now_ms = MIN(w->now_ms + 50, end_ms);
		for (size_t i = 0; i < PARTIES; i++)
			expire(w, i);
		settle(w);
	}
}

static inline const struct overlay_counters *counters(const struct world *w, size_t i)
{
	return overlay_counters(w->parties[i].overlay);
}

static inline void greet(struct world *w, size_t from, size_t to)
{
	assert_ok(overlay_bootstrap(w->parties[from].overlay, now_of(w, from), &w->parties[to].at));
	expire(w, from);
}

static inline void meet(struct world *w, size_t a, size_t b)
{
	greet(w, a, b);
	settle(w);
}

static inline enum member_state state_of(const struct world *w, size_t at, size_t about)
{
	const struct overlay *o = w->parties[at].overlay;
	struct id id = cert_id(&w->parties[about].self.cert);

	for (size_t i = 0; i < overlay_member_count(o); i++) {
		if (id_equal(&overlay_member(o, i)->id, &id))
			return overlay_member(o, i)->state;
	}
	return MEMBER_HEARD;
}

static inline uint32_t ask(struct world *w, size_t from)
{
	struct question question = {
		.on = {{WALL_MS - 60000, WALL_MS - 50000}, {WALL_MS - 20000, WALL_MS - 10000}},
		.on_count = 2,
		.gap_ms = 5000,
		.severity = SEVERITY_HIGH,
	};
	struct query_blob blob;
	uint32_t ticket;

	assert_ok(overlay_ask(w->parties[from].overlay, now_of(w, from), &question, 10000, &ticket,
	                      &w->query, &blob));
	drain(w, from);
	return ticket;
}

static inline enum err reply(struct world *w, size_t from, size_t findings)
{
	struct answer *answer = calloc(1, sizeof(*answer));
	enum err err;

	assert_non_null(answer);
	answer->connections = 77;
	answer->finding_count = findings;
	for (size_t i = 0; i < findings; i++)
		answer->findings[i] = (struct finding){
			.exporter = place(9).addr, .score = 0.5, .common_ms = 1 << 20};
	err = overlay_answer(w->parties[from].overlay, now_of(w, from), w->parties[from].ticket,
	                     answer);
	free(answer);
	drain(w, from);
	return err;
}

/* Makes a datagram as party `from` would. */
static inline struct parcel forge(const struct world *w, size_t from, enum message_kind kind,
                                  const struct body *body)
{
	struct parcel p = {.from = from};
	struct id id = cert_id(&w->parties[from].self.cert);

	p.len = message_pack(kind, body, &id, &w->parties[from].self.pair, p.data);
	assert_int_not_equal(p.len, 0);
	return p;
}

static inline struct message opened(const struct parcel *p)
{
	struct message m;

	assert_ok(message_open(p->data, p->len, &m));
	return m;
}

#define overlay_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
