#include "node/testify.h"

#include "base/util.h"
#include "correlate/score.h"
#include "node/asking.h"
#include "node/node.h"
#include "origin/record.h"

#include <stdlib.h>
#include <string.h>

#define AROUND_MS 60000     /* the accept's clock is the host's, the flows' the routers' */
#define RHYTHM_INTERVALS 96 /* fit a statement */
#define FINDINGS_BESIDE 30  /* that a full testimony leaves room for */

struct testify {
	struct search *search;
	size_t waiting; /* hosts and lookups; one is our own hold */
	size_t count;
	struct one *list[TESTIMONY_STATEMENTS_MAX];
};

struct one { /* statement under way */
	struct lookup lookup;
	struct testify *testify;
	struct statement statement;
	uint8_t evidence[EVIDENCE_MAX];
	size_t evidence_len; /* 0: the host had nothing to say */
};

static void free_all(struct testify *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->list[i]);
	free(t);
}

/* As many as fit, in the order of the findings. */
static size_t pack_all(const struct testify *t, uint8_t room[TESTIMONY_MAX])
{
	struct pack p = pack_into(room, TESTIMONY_MAX);
	size_t count = 0;

	for (size_t i = 0; i < t->count; i++)
		count += t->list[i]->evidence_len > 0;
	if (count == 0)
		return 0;
	for (; count > 0; count--) {
		size_t left = count;

		p = pack_into(room, TESTIMONY_MAX);
		testimony_begin(&p, count);
		for (size_t i = 0; i < t->count && left > 0; i++) {
			if (t->list[i]->evidence_len == 0)
				continue;
			testimony_put(&p, &t->list[i]->statement);
			left--;
		}
		if (!p.out.is_full)
			return pack_len(&p);
	}
	return 0;
}

/* What has a statement stays: those come first. */
static void make_room(struct answer *answer)
{
	answer->finding_count = MIN(answer->finding_count, (size_t)FINDINGS_BESIDE);
}

static void let_go(struct testify *t)
{
	struct search *search = t->search;
	size_t len;

	if (--t->waiting > 0)
		return;
	len = pack_all(t, search->testimony);
	search->answer.testimony = bytes_of(search->testimony, len);
	if (len > 0)
		make_room(&search->answer);
	free_all(t);
	search->done(search);
}

static void on_looked_up(struct lookup *lookup)
{
	struct one *one = container_of(lookup, struct one, lookup);
	struct upstream *up = &one->statement.upstream;
	const struct connection *c = &lookup->best;
	struct fingerprint rhythm = {c->on, c->on_count, c->gap_ms};

	if (lookup->err == ERR_OK) {
		*up = (struct upstream){
			.exporter = c->view.exporter,
			.if_low = c->view.if_low,
			.if_high = c->view.if_high,
			.src = c->src,
			.dst = c->dst,
			.is_open = connection_is_open(c),
			.life = connection_life_by_middle(c),
		};
		up->rhythm = asking_rhythm(&rhythm, c->proto, RHYTHM_INTERVALS);
		asking_move(&(struct score_clock){.offset_ms = connection_late_ms(c)}, &up->rhythm);
		one->statement.has_upstream = true;
	}
	lookup_fini(lookup);
	let_go(one->testify);
}

/* The connection that the process came in by, as our routers saw it. */
static void look_for_upstream(struct one *one, const struct origin_source *origin)
{
	struct node *node = one->testify->search->node;
	int64_t at_ms = (int64_t)(origin->time_ns / 1000000);
	struct ctl_request r = ctl_request_of(CTL_TRACE);

	memcpy(r.peer.addr.octets, origin->flow.saddr, sizeof(r.peer.addr.octets));
	memcpy(r.target.addr.octets, origin->flow.daddr, sizeof(r.target.addr.octets));
	r.peer.port = origin->flow.sport;
	r.target.port = origin->flow.dport;
	r.proto = origin->flow.proto;
	r.since_ms = at_ms - AROUND_MS;
	r.until_ms = at_ms + AROUND_MS;
	one->testify->waiting++;
	lookup_start(&one->lookup, node, &r, node->conf.idle_timeout_ms, (struct mono){0},
	             on_looked_up);
}

static void on_told(void *ctx, enum inquiry_state state, const struct evidence *evidence,
                    struct bytes octets)
{
	struct one *one = ctx;
	uint8_t record[RECORD_OCTETS];
	struct octets out = octets_of(record, sizeof(record));
	struct origin_record r;

	if (state == INQUIRY_FOUND) {
		for (size_t i = 0; i < evidence->shown; i++)
			octets_put(&out, evidence->parts[i].at, bytes_left(&evidence->parts[i]));
		memcpy(one->evidence, octets.at, bytes_left(&octets));
		one->evidence_len = bytes_left(&octets);
		one->statement.evidence = bytes_of(one->evidence, one->evidence_len);
		one->statement.root = evidence->card.cert.root;
		if (!one->statement.is_incoming && !out.is_full &&
		    record_unpack_shown(record, octets_len(&out), &r) == ERR_OK &&
		    r.origin.flow.proto + r.last.flow.proto != 0)
			look_for_upstream(one, r.origin.flow.proto != 0 ? &r.origin : &r.last);
	}
	let_go(one->testify);
}

static void ask(struct testify *t, uint32_t i, bool is_incoming)
{
	struct search *search = t->search;
	const struct finding *f = &search->answer.findings[i];
	struct inquiry q = {
		.kind = INQUIRY_ASK,
		.src = f->src,
		.dst = f->dst,
		.proto = f->proto,
		.is_incoming = is_incoming,
		.life = f->life,
		.shown = search->shown,
	};
	struct one *one = calloc(1, sizeof(*one));

	if (one == NULL)
		return;
	t->list[t->count++] = one;
	one->testify = t;
	one->statement.finding = i;
	one->statement.is_incoming = is_incoming;
	t->waiting++;
	hosts_ask(&search->node->hosts, is_incoming ? &f->dst.addr : &f->src.addr, &q, on_told,
	          one);
}

/* Who opened a connection matters more than who took it: it leads upstream. */
static void ask_about(struct testify *t, bool is_incoming)
{
	const struct answer *a = &t->search->answer;
	const struct hosts *hosts = &t->search->node->hosts;
	size_t count = MIN(a->finding_count, (size_t)FINDINGS_BESIDE);

	for (uint32_t i = 0; i < count && t->count < TESTIMONY_STATEMENTS_MAX; i++) {
		const struct finding *f = &a->findings[i];
		const struct endpoint *e = is_incoming ? &f->dst : &f->src;

		if (verdict_is_match((enum verdict)f->verdict) && hosts_has(hosts, &e->addr))
			ask(t, i, is_incoming);
	}
}

void testify_start(struct search *search)
{
	struct testify *t = NULL;

	if (search->err == ERR_OK && search->shown > 0 && search->node->hosts.count > 0 &&
	    !search->node->is_stopping)
		t = calloc(1, sizeof(*t));
	if (t == NULL) {
		search->done(search);
		return;
	}
	t->search = search;
	t->waiting = 1;
	ask_about(t, false);
	ask_about(t, true);
	let_go(t);
}
