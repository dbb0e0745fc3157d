#include "node/report.h"

#include "base/util.h"
#include "correlate/path.h"
#include "correlate/score.h"
#include "node/node.h"
#include "node/row.h"

#include <stdlib.h>
#include <string.h>

#define SLACK_MS 2000 /* clocks and record edges, when views are put in order */
#define SELF 0        /* index of this node; replies follow */

/* One finding of one node; `match` is its part in the path. */
struct line {
	const struct finding *finding;
	uint32_t node;
	size_t match; /* SIZE_MAX when it is no match */
};

struct sheet {
	const struct node *node;
	const struct trace *trace;
	struct line *lines;
	size_t line_count;
	struct match matches[PATH_MATCHES_MAX];
	size_t match_count;
	struct path path;
};

static const struct cert *cert_of(const struct sheet *s, uint32_t node)
{
	return node == SELF ? &s->node->keys.self.card.cert : &s->trace->replies[node - 1].cert;
}

static const struct answer *answer_of(const struct sheet *s, uint32_t node)
{
	return node == SELF ? &s->trace->search.answer : &s->trace->replies[node - 1].answer;
}

static struct view view_of(const struct finding *f)
{
	return (struct view){f->exporter, f->if_low, f->if_high};
}

static bool is_target(const struct sheet *s, uint32_t node, const struct finding *f)
{
	const struct connection *target = &s->trace->lookup.best;
	struct view view = view_of(f);

	return node == SELF && view_cmp(&view, &target->view) == 0 && f->proto == target->proto &&
	       endpoint_equal(&f->src, &target->src) && endpoint_equal(&f->dst, &target->dst);
}

static void add_match(struct sheet *s, uint32_t node, const struct finding *f)
{
	s->matches[s->match_count++] = (struct match){
		.node = node,
		.view = view_of(f),
		.src = f->src,
		.dst = f->dst,
		.life = f->life,
		.score = f->score,
		.proto = f->proto,
	};
}

/* The target is on the path by itself: found or not, it is the last hop. */
static void add_target(struct sheet *s)
{
	const struct connection *c = &s->trace->lookup.best;

	s->matches[s->match_count++] = (struct match){
		.node = SELF,
		.view = c->view,
		.src = c->src,
		.dst = c->dst,
		.life = connection_life(c),
		.score = 1,
		.proto = c->proto,
		.is_target = true,
	};
}

static void add_findings(struct sheet *s, uint32_t node)
{
	const struct answer *a = answer_of(s, node);

	for (size_t i = 0; i < a->finding_count; i++) {
		const struct finding *f = &a->findings[i];

		if (!is_target(s, node, f))
			s->lines[s->line_count++] = (struct line){f, node, SIZE_MAX};
	}
}

/* The best of them, whoever sent them: `lines` is in order. */
static void add_matches(struct sheet *s)
{
	for (size_t i = 0; i < s->line_count && s->match_count < PATH_MATCHES_MAX; i++) {
		struct line *line = &s->lines[i];

		if (line->finding->verdict != VERDICT_MATCH)
			return;
		line->match = s->match_count;
		add_match(s, line->node, line->finding);
	}
}

static int best_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	bool is_match_x = x->finding->verdict == VERDICT_MATCH;
	bool is_match_y = y->finding->verdict == VERDICT_MATCH;

	if (is_match_x != is_match_y)
		return is_match_x ? -1 : 1;
	if (x->finding->score != y->finding->score)
		return x->finding->score > y->finding->score ? -1 : 1;
	if (x->finding->life.start_ms != y->finding->life.start_ms)
		return x->finding->life.start_ms < y->finding->life.start_ms ? -1 : 1;
	return x->node < y->node ? -1 : x->node > y->node;
}

static void put_target(struct pack *p, const struct sheet *s)
{
	const struct lookup *l = &s->trace->lookup;
	const struct connection *c = &l->best;
	const struct cert *cert = cert_of(s, SELF);

	pack_str(p, "target");
	pack_map(p, 12);
	row_endpoint(p, "src", &c->src);
	row_endpoint(p, "dst", &c->dst);
	row_uint(p, "proto", c->proto);
	row_time(p, "start", connection_life(c).start_ms);
	row_time(p, "end", connection_life(c).end_ms);
	row_bool(p, "is_open", connection_is_open(c));
	row_str(p, "node", cert->name);
	row_str(p, "org", cert->org);
	row_view(p, "view", &c->view);
	row_int(p, "gap_ms", s->trace->is_asked ? s->trace->query.question.gap_ms : c->gap_ms);
	row_uint(p, "silences", c->on_count - 1);
	row_uint(p, "others", l->others);
}

static void put_match(struct pack *p, const struct sheet *s, const struct line *line)
{
	const struct finding *f = line->finding;
	const struct cert *cert = cert_of(s, line->node);
	struct view view = view_of(f);
	uint32_t hop = line->match == SIZE_MAX ? PATH_NOWHERE : s->matches[line->match].hop;

	pack_map(p, 19);
	row_str(p, "node", cert->name);
	row_str(p, "org", cert->org);
	row_view(p, "view", &view);
	row_endpoint(p, "src", &f->src);
	row_endpoint(p, "dst", &f->dst);
	row_uint(p, "proto", f->proto);
	row_time(p, "start", f->life.start_ms);
	row_time(p, "end", f->life.end_ms);
	row_bool(p, "is_open", f->is_open);
	row_real(p, "score", f->score);
	row_nil(p, "p_value"); /* overlap has no calibrated error: none is claimed */
	row_real(p, "cpf", f->cpf);
	row_int(p, "lag_ms", f->lag_ms);
	row_uint(p, "silences", f->silences);
	row_int(p, "common_ms", f->common_ms);
	row_str(p, "verdict", verdict_text((enum verdict)f->verdict));
	row_str(p, "evidence", "E1"); /* a flow record; clocks and loss are not vouched for */
	row_nil(p, "origin");
	if (hop == PATH_NOWHERE)
		row_nil(p, "hop");
	else
		row_uint(p, "hop", hop + 1);
}

static void put_node(struct pack *p, const char *key, const struct sheet *s, uint32_t node)
{
	if (node == PATH_NOWHERE)
		row_nil(p, key);
	else
		row_str(p, key, cert_of(s, node)->name);
}

static void put_org(struct pack *p, const char *key, const struct sheet *s, uint32_t node)
{
	if (node == PATH_NOWHERE)
		row_nil(p, key);
	else
		row_str(p, key, cert_of(s, node)->org);
}

/* The names of those who saw a hop, each once, this node first. */
static void put_seen_by(struct pack *p, const struct sheet *s, uint32_t hop)
{
	size_t nodes = 1 + s->trace->reply_count, count = 0;

	for (int is_packing = 0; is_packing <= 1; is_packing++) {
		if (is_packing)
			pack_array(p, count);
		for (uint32_t node = 0; node < nodes; node++) {
			bool has_seen = false;

			for (size_t i = 0; i < s->match_count; i++)
				has_seen |= s->matches[i].hop == hop && s->matches[i].node == node;
			count += has_seen && !is_packing;
			if (has_seen && is_packing)
				pack_str(p, cert_of(s, node)->name);
		}
	}
}

/* A view beside the path: `match` is its index, or PATH_NOWHERE. */
static void put_beside(struct pack *p, const char *key, const struct sheet *s, uint32_t match)
{
	const struct match *m = &s->matches[match == PATH_NOWHERE ? 0 : match];

	if (match == PATH_NOWHERE) {
		row_nil(p, key);
		return;
	}
	pack_str(p, key);
	pack_map(p, 6);
	put_node(p, "node", s, m->node);
	row_endpoint(p, "src", &m->src);
	row_endpoint(p, "dst", &m->dst);
	row_time(p, "start", m->life.start_ms);
	row_time(p, "end", m->life.end_ms);
	if (m->is_told)
		row_nil(p, "score");
	else
		row_real(p, "score", m->score);
}

/* What ties a hop to the next, and what speaks for and against it. */
static void put_link(struct pack *p, const struct sheet *s, const struct hop *hop)
{
	const char *silent = hop->rival == PATH_NOWHERE ? "silent" : "contradicts";

	row_str(p, "link", path_link_text(hop->link));
	if (hop->link == PATH_END)
		row_nil(p, "timing");
	else
		row_str(p, "timing", hop->is_timed ? "agrees" : silent);
	put_beside(p, "rival", s, hop->rival);
	put_beside(p, "other", s, hop->other);
	put_beside(p, "refused", s, hop->refused);
}

static void put_path(struct pack *p, const struct sheet *s)
{
	const struct path *path = &s->path;

	pack_str(p, "path");
	pack_array(p, path->hop_count);
	for (uint32_t i = 0; i < path->hop_count; i++) {
		const struct hop *hop = &path->hops[i];

		pack_map(p, 20);
		row_uint(p, "hop", i + 1);
		row_endpoint(p, "src", &hop->src);
		row_endpoint(p, "dst", &hop->dst);
		row_endpoint(p, "public_src", &hop->public_src);
		row_endpoint(p, "public_dst", &hop->public_dst);
		put_node(p, "src_node", s, hop->src_node);
		put_org(p, "src_org", s, hop->src_node);
		put_node(p, "dst_node", s, hop->dst_node);
		put_org(p, "dst_org", s, hop->dst_node);
		row_time(p, "start", hop->life.start_ms);
		row_time(p, "end", hop->life.end_ms);
		if (hop->is_told)
			row_nil(p, "score");
		else
			row_real(p, "score", hop->score);
		row_bool(p, "is_told", hop->is_told);
		row_uint(p, "views", hop->views);
		pack_str(p, "seen_by");
		put_seen_by(p, s, i);
		put_link(p, s, hop);
	}
	pack_str(p, "gaps");
	pack_array(p, path->gap_count);
	for (size_t i = 0; i < path->gap_count; i++) {
		const struct gap *gap = &path->gaps[i];

		pack_map(p, 4);
		row_uint(p, "after", gap->after + 1);
		row_addr(p, "from", &gap->from);
		row_addr(p, "to", &gap->to);
		row_str(p, "link", path_link_text(gap->link));
	}
}

struct share { /* of the coverage: what one node looked at */
	struct interval window;
	uint64_t flows, lost, connections;
};

static struct share share_of_answer(const struct answer *a)
{
	return (struct share){a->window, a->flows, a->lost, a->connections};
}

static const struct answer *reply_of(const struct trace *t, const struct cert *cert)
{
	for (size_t i = 0; i < t->reply_count; i++) {
		if (memcmp(&t->replies[i].cert.member, &cert->member, sizeof(cert->member)) == 0)
			return &t->replies[i].answer;
	}
	return NULL;
}

/* Its signed receipt says it; its answer, too, should that have come alone. */
static struct share share_of(const struct trace *t, const struct trace_outcome *o)
{
	const struct answer *answer = reply_of(t, &o->card.cert);
	const struct receipt *r = &o->receipt;

	if (answer != NULL)
		return share_of_answer(answer);
	if (o->has_receipt)
		return (struct share){r->window, r->flows, r->lost, r->connections};
	return (struct share){.window = {0, -1}};
}

/* `receipt` is what the node has signed, NULL if nothing. */
static void put_coverage_node(struct pack *p, const struct cert *cert, const char *state,
                              const char *receipt, const struct share *share)
{
	pack_map(p, 9);
	row_str(p, "node", cert->name);
	row_str(p, "org", cert->org);
	row_str(p, "state", state);
	if (receipt != NULL)
		row_str(p, "receipt", receipt);
	else
		row_nil(p, "receipt");
	if (share->window.start_ms <= share->window.end_ms) {
		row_time(p, "window_from", share->window.start_ms);
		row_time(p, "window_to", share->window.end_ms);
	} else {
		row_nil(p, "window_from");
		row_nil(p, "window_to");
	}
	row_uint(p, "flows", share->flows);
	row_uint(p, "lost", share->lost);
	row_uint(p, "connections", share->connections);
}

static size_t count_state(const struct trace *t, enum target_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < t->outcome_count; i++)
		count += t->outcomes[i].state == state;
	return count;
}

/* Those who searched: with a match, or without. */
static size_t count_answered(const struct trace *t)
{
	return count_state(t, TARGET_ANSWERED) + count_state(t, TARGET_NONE);
}

/* In a report both have answered: the receipt tells them apart. */
static const char *state_text(enum target_state state)
{
	return target_state_text(state == TARGET_NONE ? TARGET_ANSWERED : state);
}

/* asked = answered + refused + busy + false + broken + silent */
static void put_coverage_totals(struct pack *p, const struct trace *t)
{
	static const struct {
		const char *key;
		enum target_state state;
	} rows[] = {
		{"refused", TARGET_REFUSED}, {"busy", TARGET_BUSY},     {"false", TARGET_FALSE},
		{"broken", TARGET_BROKEN},   {"silent", TARGET_SILENT},
	};

	row_uint(p, "asked", t->outcome_count);
	row_uint(p, "answered", count_answered(t));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		row_uint(p, rows[i].key, count_state(t, rows[i].state));
}

static void put_coverage(struct pack *p, const struct sheet *s)
{
	const struct trace *t = s->trace;
	struct share own = {.window = {0, -1}};

	if (t->is_asked)
		own = share_of_answer(answer_of(s, SELF));
	pack_str(p, "coverage");
	pack_map(p, 8);
	put_coverage_totals(p, t);
	pack_str(p, "nodes");
	pack_array(p, 1 + t->outcome_count);
	put_coverage_node(p, cert_of(s, SELF), "self", NULL, &own);
	for (size_t i = 0; i < t->outcome_count; i++) {
		const struct trace_outcome *o = &t->outcomes[i];
		struct share share = share_of(t, o);

		put_coverage_node(p, &o->card.cert, state_text(o->state),
		                  o->has_receipt ? receipt_kind_text(o->receipt.kind) : NULL,
		                  &share);
	}
}

static void put_query(struct pack *p, const struct trace *t, const char *bundle)
{
	pack_str(p, "query");
	if (!t->is_asked) {
		pack_nil(p);
	} else {
		pack_map(p, 3);
		row_hex(p, "id", t->query.id.octets, sizeof(t->query.id.octets));
		row_time(p, "issued", t->query.issued.ms);
		row_time(p, "expires", t->query.expires.ms);
	}
	if (bundle[0] == '\0')
		row_nil(p, "bundle");
	else
		row_str(p, "bundle", bundle);
}

/* A hop before the target's; or its own client, seen by another node behind its NAT. */
static bool is_origin_found(const struct sheet *s)
{
	const struct path *path = &s->path;

	return path->hop_count > 1 || (path->hop_count == 1 && path->hops[0].src_node != SELF &&
	                               path->hops[0].src_node != PATH_NOWHERE);
}

/* The exit codes of design.md, the gravest first. */
static enum ctl_code code_of(const struct sheet *s)
{
	const struct trace *t = s->trace;
	size_t answered = count_answered(t), refused = count_state(t, TARGET_REFUSED);
	bool is_found = is_origin_found(s);
	bool is_alone = t->is_asked && t->outcome_count == 0 && s->node->conf.bootstrap_count > 0;

	if (count_state(t, TARGET_FALSE) > 0 && !is_found)
		return CTL_UNVERIFIED; /* one liar does not hide what others have shown */
	if (answered + refused < t->outcome_count || (is_alone && !is_found))
		return CTL_PARTIAL; /* some did not answer; or nobody has been met yet */
	if (!is_found && refused > 0)
		return CTL_DENIED;
	return is_found ? CTL_FOUND : CTL_NOTHING;
}

enum ctl_code report_pack(struct pack *p, const struct node *node, const struct trace *trace,
                          const char *bundle)
{
	size_t lines_max = (trace->reply_count + 1) * ANSWER_FINDINGS_MAX, listed;
	struct sheet *s = calloc(1, sizeof(*s));
	enum ctl_code code;

	if (s != NULL)
		s->lines = calloc(lines_max, sizeof(*s->lines));
	if (s == NULL || s->lines == NULL) {
		free(s);
		pack_map(p, 0);
		return CTL_INTERNAL;
	}
	s->node = node;
	s->trace = trace;
	for (uint32_t i = 0; i <= trace->reply_count; i++)
		add_findings(s, i);
	qsort(s->lines, s->line_count, sizeof(s->lines[0]), best_first);
	add_target(s);
	add_matches(s);
	path_assemble(s->matches, s->match_count, NULL, 0, SLACK_MS, &s->path);
	listed = MIN(s->line_count, REPORT_MATCHES_MAX);
	pack_map(p, 7);
	put_target(p, s);
	pack_str(p, "matches");
	pack_array(p, listed);
	for (size_t i = 0; i < listed; i++)
		put_match(p, s, &s->lines[i]);
	put_path(p, s); /* and its gaps */
	put_coverage(p, s);
	put_query(p, trace, bundle); /* and the bundle */
	code = p->out.is_full ? CTL_INTERNAL : code_of(s);
	free(s->lines);
	free(s);
	return code;
}
