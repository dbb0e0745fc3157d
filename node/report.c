#include "node/report.h"

#include "base/util.h"
#include "correlate/path.h"
#include "correlate/score.h"
#include "node/node.h"
#include "node/recordrow.h"
#include "node/row.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NEED_MAX 256
#define ORIGINS_MAX 1024 /* that are listed, with the best matches */

static const struct cert *cert_of(const struct sheet *s, uint32_t node)
{
	return s->certs[node];
}

/* The question about the target itself; NULL when nobody was asked. */
static const struct round *first_round(const struct pursuit *pursuit)
{
	return pursuit->round_count > 0 ? pursuit->rounds[0] : NULL;
}

static void put_chain(struct pack *p, const struct claim *c)
{
	const struct checkpoint *k = &c->checkpoint;

	pack_str(p, "chain");
	pack_map(p, 4);
	row_uint(p, "entry", c->number);
	row_uint(p, "entries", k->count);
	row_hex(p, "head", k->head.octets, sizeof(k->head.octets));
	row_time(p, "signed", k->at.ms);
}

static void put_upstream(struct pack *p, const struct claim *c)
{
	const struct origin_source *source = claims_source(c);
	struct endpoint src, dst;

	if (source == NULL) {
		row_nil(p, "upstream");
		return;
	}
	src = record_sender(&source->flow);
	dst = record_receiver(&source->flow);
	pack_str(p, "upstream");
	pack_map(p, 4);
	row_endpoint(p, "src", &src);
	row_endpoint(p, "dst", &dst);
	row_uint(p, "proto", source->flow.proto);
	row_bool(p, "is_seen", c->has_upstream);
}

/* What a host says of a connection: its record, and what vouches for it. */
static void put_claim(struct pack *p, const char *key, const struct sheet *s, size_t claim)
{
	const struct claim *c = claim == SHEET_NONE ? NULL : &s->claims[claim];

	if (c == NULL) {
		row_nil(p, key);
		return;
	}
	pack_str(p, key);
	if (c->err != ERR_OK) {
		pack_map(p, 2);
		row_bool(p, "verified", false);
		row_str(p, "error", err_text(c->err));
		return;
	}
	pack_map(p, 8);
	row_bool(p, "verified", true);
	row_str(p, "host", c->host.cert.name);
	row_str(p, "org", c->host.cert.org);
	row_str(p, "end", c->is_incoming ? "dst" : "src");
	pack_str(p, "record");
	recordrow_put(p, &c->record, c->shown);
	put_upstream(p, c);
	put_chain(p, c);
	pack_str(p, "health");
	recordrow_health(p, &c->checkpoint.health, c->checkpoint.at.ms);
}

/* A flow record tells of a connection; a host's kernel, signed, of who was behind it. */
static const char *level_of(const struct sheet *s, const struct line *line)
{
	return line->claim != SHEET_NONE && s->claims[line->claim].err == ERR_OK ? "E4" : "E1";
}

static void put_polling(struct pack *p, const struct polling *polling)
{
	if (polling->kind == POLLING_NONE) {
		row_nil(p, "polling");
		return;
	}
	pack_str(p, "polling");
	pack_map(p, 6);
	row_str(p, "kind", polling_text(polling->kind));
	row_uint(p, "polls", polling->polls);
	row_real(p, "period_s", polling->period_s);
	row_real(p, "error_s", polling->error_s);
	row_real(p, "drift_s", polling->drift_s);
	row_real(p, "jitter_s", polling->jitter_s);
}

static void put_target(struct pack *p, const struct sheet *s, const struct polling *polling)
{
	const struct lookup *l = &s->pursuit->target;
	const struct round *r = first_round(s->pursuit);
	const struct connection *c = &l->best;
	const struct cert *cert = cert_of(s, SHEET_SELF);

	pack_str(p, "target");
	pack_map(p, 15);
	row_endpoint(p, "src", &c->src);
	row_endpoint(p, "dst", &c->dst);
	row_uint(p, "proto", c->proto);
	row_time(p, "start", connection_life_by_middle(c).start_ms);
	row_time(p, "end", connection_life_by_middle(c).end_ms);
	row_bool(p, "is_open", connection_is_open(c));
	row_str(p, "node", cert->name);
	row_str(p, "org", cert->org);
	row_view(p, "view", &c->view);
	row_int(p, "gap_ms", r != NULL ? r->query.question.gap_ms : c->gap_ms);
	row_uint(p, "silences", c->on_count - 1);
	put_polling(p, polling);
	row_uint(p, "others", l->others);
	row_bool(p, "is_translated", l->is_translated);
	put_claim(p, "origin", s, s->target_claim);
}

/* On the other side of the gateway, if its translations tell it. */
static void put_other_end(struct pack *p, const char *key, const struct endpoint *e)
{
	static const struct endpoint none;

	if (endpoint_equal(e, &none))
		row_nil(p, key);
	else
		row_endpoint(p, key, e);
}

/* What would decide it; of two that poll alike with how often chance has them in phase as well. */
static const char *need_of(const struct finding *f, const struct polling *polling,
                           char ret[NEED_MAX])
{
	const char *need = verdict_need((enum verdict)f->verdict);
	double apart_s = (fabs((double)f->lag_ms) + 1) / 1e3;

	if (f->verdict != VERDICT_PERIODIC || polling->kind == POLLING_NONE)
		return need;
	if (polling->kind == POLLING_SCHEDULED)
		snprintf(ret, NEED_MAX, "scheduled every %.1f s, which others may be too: %s",
		         polling->period_s, need);
	else
		snprintf(ret, NEED_MAX,
		         "one period of %.1f s, in phase to %.3f s, as by chance 1 in %.0f: %s",
		         polling->period_s, apart_s, MAX(1, polling->period_s / (2 * apart_s)),
		         need);
	return ret;
}

static void put_match(struct pack *p, const struct sheet *s, const struct line *line,
                      const struct polling *polling, uint64_t searched, bool is_significant,
                      bool has_origin)
{
	const struct finding *f = line->finding;
	const struct cert *cert = cert_of(s, line->node);
	uint32_t hop = line->match == SHEET_NONE ? PATH_NOWHERE : s->matches[line->match].hop;
	char room[NEED_MAX];
	const char *need = need_of(f, polling, room);

	pack_map(p, 17 + ROW_FINDING_KEYS);
	row_str(p, "node", cert->name);
	row_str(p, "org", cert->org);
	row_finding(p, f);
	row_real(p, "p_value", score_p_value(f->score, searched));
	row_bool(p, "is_significant", is_significant);
	row_real(p, "cpf", f->cpf);
	row_int(p, "lag_ms", f->lag_ms);
	row_int(p, "lag_error_ms", f->lag_error_ms);
	put_other_end(p, "nat_src", &f->nat_src);
	put_other_end(p, "nat_dst", &f->nat_dst);
	row_uint(p, "silences", f->silences);
	row_int(p, "common_ms", f->common_ms);
	row_str(p, "verdict", verdict_text((enum verdict)f->verdict));
	if (need != NULL)
		row_str(p, "needs", need);
	else
		row_nil(p, "needs");
	row_str(p, "evidence", level_of(s, line));
	put_claim(p, "origin", s, has_origin ? line->claim : SHEET_NONE);
	row_uint(p, "question", line->question + 1);
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
	size_t count = 0;

	for (int is_packing = 0; is_packing <= 1; is_packing++) {
		if (is_packing)
			pack_array(p, count);
		for (uint32_t node = 0; node < s->node_count; node++) {
			bool has_seen = false;

			for (size_t i = 0; i < s->match_count; i++)
				has_seen |= s->matches[i].hop == hop && s->matches[i].node == node;
			count += has_seen && !is_packing;
			if (has_seen && is_packing)
				pack_str(p, cert_of(s, node)->name);
		}
	}
}

/* Where timing alone speaks for another upstream than the host has named. */
static void put_rival(struct pack *p, const struct sheet *s, const struct hop *hop)
{
	const struct match *rival;

	if (hop->link != PATH_ORIGIN || hop->timing != PATH_AGAINST) {
		row_nil(p, "rival");
		return;
	}
	rival = &s->matches[hop->rival];
	pack_str(p, "rival");
	pack_map(p, 3);
	row_str(p, "node", cert_of(s, rival->node)->name);
	row_endpoint(p, "src", &rival->src);
	row_endpoint(p, "dst", &rival->dst);
}

static void put_link(struct pack *p, const struct sheet *s, const struct hop *hop)
{
	row_str(p, "link", path_link_text(hop->link));
	if (hop->link == PATH_ORIGIN)
		row_str(p, "timing", path_timing_text(hop->timing));
	else
		row_nil(p, "timing");
	put_rival(p, s, hop);
	row_bool(p, "is_refused", hop->is_refused);
}

/* What has joined the views of a hop; nothing of a single one. */
static void put_joins(struct pack *p, unsigned joined_by)
{
	static const struct {
		enum path_join bit;
		const char *text;
	} rows[] = {
		{PATH_JOIN_TUPLE, "tuple"}, {PATH_JOIN_NAT, "nat"}, {PATH_JOIN_TIMING, "timing"}};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		count += (joined_by & rows[i].bit) != 0;
	pack_str(p, "joined_by");
	pack_array(p, count);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (joined_by & rows[i].bit)
			pack_str(p, rows[i].text);
	}
}

static void put_doubts(struct pack *p, unsigned doubts)
{
	static const struct {
		enum path_doubt bit;
		const char *text;
	} rows[] = {
		{PATH_ENDS_FIRST, "ends first"},
		{PATH_STARTS_LATER, "starts later"},
		{PATH_BEGINS_TOGETHER, "begins together"},
		{PATH_LAGS, "lags"},
		{PATH_REFUSED, "refused"},
		{PATH_RIVALLED, "timing"},
		{PATH_UNDECIDED, "undecided"},
		{PATH_ELSEWHERE, "elsewhere"},
		{PATH_CHANCE, "chance"},
	};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		count += (doubts & rows[i].bit) != 0;
	pack_str(p, "contradictions");
	pack_array(p, count);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (doubts & rows[i].bit)
			pack_str(p, rows[i].text);
	}
}

static void put_score(struct pack *p, const struct hop *hop, uint64_t searched)
{
	if (hop->is_told || !isfinite(hop->score)) {
		/* a host has named it, or it is the target: no timing has found it */
		row_nil(p, "score");
		row_nil(p, "by");
		row_nil(p, "p_value");
		row_nil(p, "lag_ms");
		row_nil(p, "lag_error_ms");
		row_nil(p, "stretch_ms");
		return;
	}
	row_real(p, "score", hop->score);
	row_str(p, "by", path_by_text(hop->by));
	row_real(p, "p_value", score_p_value(hop->score, searched));
	row_int(p, "lag_ms", hop->lag_ms);
	row_int(p, "lag_error_ms", hop->lag_error_ms);
	if (hop->stretches >= PATH_STRETCHES_MIN)
		row_int(p, "stretch_ms", hop->stretch_ms);
	else
		row_nil(p, "stretch_ms");
}

/* What might stand in place of hop `at`. */
static void put_alternatives(struct pack *p, const struct sheet *s, uint32_t at, uint64_t searched)
{
	const struct path *path = &s->path;
	size_t count = 0;

	for (size_t i = 0; i < path->alternative_count; i++)
		count += path->alternatives[i].instead_of == at;
	pack_str(p, "alternatives");
	pack_array(p, count);
	for (size_t i = 0; i < path->alternative_count; i++) {
		const struct hop *hop = &path->alternatives[i].hop;

		if (path->alternatives[i].instead_of != at)
			continue;
		pack_map(p, 12);
		row_endpoint(p, "src", &hop->src);
		row_endpoint(p, "dst", &hop->dst);
		row_real(p, "weight", hop->weight);
		row_uint(p, "views", hop->views);
		row_time(p, "start", hop->life.start_ms);
		row_time(p, "end", hop->life.end_ms);
		put_score(p, hop, searched);
	}
}

static void put_branches(struct pack *p, const struct sheet *s, uint64_t searched)
{
	const struct path *path = &s->path;

	pack_str(p, "branches");
	pack_array(p, path->branch_count);
	for (size_t i = 0; i < path->branch_count; i++) {
		const struct branch *b = &path->branches[i];

		pack_map(p, 14);
		row_str(p, "kind", path_branch_text(b->kind));
		row_uint(p, "hop", b->at + 1);
		row_endpoint(p, "src", &b->hop.src);
		row_endpoint(p, "dst", &b->hop.dst);
		row_time(p, "start", b->hop.life.start_ms);
		row_time(p, "end", b->hop.life.end_ms);
		row_uint(p, "views", b->hop.views);
		put_score(p, &b->hop, searched);
		put_doubts(p, b->hop.doubts);
	}
}

static void put_unplaced(struct pack *p, const struct sheet *s, uint64_t searched)
{
	const struct path *path = &s->path;

	pack_str(p, "unplaced");
	pack_array(p, path->unplaced_count);
	for (size_t i = 0; i < path->unplaced_count; i++) {
		const struct unplaced *u = &path->unplaced[i];

		pack_map(p, 13);
		row_str(p, "why", path_why_text(u->why));
		row_endpoint(p, "src", &u->hop.src);
		row_endpoint(p, "dst", &u->hop.dst);
		row_time(p, "start", u->hop.life.start_ms);
		row_time(p, "end", u->hop.life.end_ms);
		row_uint(p, "views", u->hop.views);
		put_score(p, &u->hop, searched);
		put_doubts(p, u->hop.doubts);
	}
}

static void put_path(struct pack *p, const struct sheet *s, uint64_t searched)
{
	const struct path *path = &s->path;

	pack_str(p, "path");
	pack_array(p, path->hop_count);
	for (uint32_t i = 0; i < path->hop_count; i++) {
		const struct hop *hop = &path->hops[i];

		pack_map(p, 27);
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
		put_score(p, hop, searched);
		row_uint(p, "views", hop->views);
		put_joins(p, hop->joined_by);
		row_real(p, "weight", hop->weight);
		put_alternatives(p, s, i, searched);
		put_doubts(p, hop->doubts);
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

/* In a report both have answered: the receipt tells them apart. */
static const char *state_text(enum target_state state)
{
	return target_state_text(state == TARGET_NONE ? TARGET_ANSWERED : state);
}

/* asked = answered + refused + busy + false + broken + silent */
static void put_coverage_totals(struct pack *p, const struct round *t)
{
	static const struct {
		const char *key;
		enum target_state state;
	} rows[] = {
		{"refused", TARGET_REFUSED}, {"busy", TARGET_BUSY},     {"false", TARGET_FALSE},
		{"broken", TARGET_BROKEN},   {"silent", TARGET_SILENT},
	};

	row_uint(p, "asked", t->outcome_count);
	row_uint(p, "answered", round_answered(t));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		row_uint(p, rows[i].key, round_count_state(t, rows[i].state));
}

static void put_coverage(struct pack *p, const struct sheet *s)
{
	static const struct round none;
	const struct round *first = first_round(s->pursuit);
	const struct round *r = first != NULL ? first : &none;
	struct share own = {.window = {0, -1}};

	if (first != NULL)
		own = round_own_share(first);
	pack_str(p, "coverage");
	pack_map(p, 10);
	row_uint(p, "searched", s->searched);
	if (pursuit_unsearched(s->pursuit) != NULL)
		row_str(p, "own_error", pursuit_unsearched(s->pursuit));
	else
		row_nil(p, "own_error");
	put_coverage_totals(p, r);
	pack_str(p, "nodes");
	pack_array(p, 1 + r->outcome_count);
	put_coverage_node(p, cert_of(s, SHEET_SELF), "self", NULL, &own);
	for (size_t i = 0; i < r->outcome_count; i++) {
		const struct trace_outcome *o = &r->outcomes[i];
		struct share share = round_share(r, o);

		put_coverage_node(p, &o->card.cert, state_text(o->state),
		                  o->has_receipt ? receipt_kind_text(o->receipt.kind) : NULL,
		                  &share);
	}
}

static void put_query(struct pack *p, const struct query *q)
{
	row_hex(p, "id", q->id.octets, sizeof(q->id.octets));
	row_time(p, "issued", q->issued.ms);
	row_time(p, "expires", q->expires.ms);
}

/* The question about the target, and those about what hosts have named. */
static void put_queries(struct pack *p, const struct pursuit *pursuit, const char *bundle)
{
	pack_str(p, "query");
	if (pursuit->round_count == 0) {
		pack_nil(p);
	} else {
		pack_map(p, 3);
		put_query(p, &pursuit->rounds[0]->query);
	}
	pack_str(p, "questions");
	pack_array(p, pursuit->round_count);
	for (size_t i = 0; i < pursuit->round_count; i++) {
		const struct round *r = pursuit->rounds[i];

		pack_map(p, 7);
		put_query(p, &r->query);
		row_endpoint(p, "src", &r->about.src);
		row_endpoint(p, "dst", &r->about.dst);
		row_uint(p, "asked", r->outcome_count);
		row_uint(p, "answered", round_answered(r));
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

	return path->hop_count > 1 ||
	       (path->hop_count == 1 && path->hops[0].src_node != SHEET_SELF &&
	        path->hops[0].src_node != PATH_NOWHERE);
}

/* A connection that has the rhythm and is not on the path: it names no origin, but is not nothing.
 */
static bool has_match_beside(const struct sheet *s)
{
	for (size_t i = 0; i < s->significant; i++) {
		size_t match = s->lines[i].match;

		if (match == SHEET_NONE || s->matches[match].hop == PATH_NOWHERE)
			return true;
	}
	return false;
}

/* The exit codes of design.md, the gravest first. */
static enum ctl_code code_of(const struct sheet *s)
{
	const struct pursuit *pursuit = s->pursuit;
	size_t asked = 0, heard = 0, refused = 0, forged = s->forged;
	bool is_found = is_origin_found(s);

	for (size_t i = 0; i < pursuit->round_count; i++) {
		asked += pursuit->rounds[i]->outcome_count;
		heard += round_answered(pursuit->rounds[i]);
		refused += round_count_state(pursuit->rounds[i], TARGET_REFUSED);
		forged += round_count_state(pursuit->rounds[i], TARGET_FALSE);
	}
	if (forged > 0 && !is_found)
		return CTL_UNVERIFIED; /* one liar does not hide what others have shown */
	if (heard + refused < asked || s->forged > 0 || pursuit_unsearched(pursuit) != NULL)
		return CTL_PARTIAL; /* some did not answer, or not the truth */
	if (pursuit->round_count > 0 && asked == 0 && s->node->conf.bootstrap_count > 0 &&
	    !is_found)
		return CTL_PARTIAL; /* nobody has been met yet */
	if (!is_found && refused > 0)
		return CTL_DENIED;
	return is_found || has_match_beside(s) ? CTL_FOUND : CTL_NOTHING;
}

enum ctl_code report_pack(struct pack *p, const struct sheet *s, const char *bundle, bool is_final)
{
	size_t listed = MIN(s->line_count, REPORT_MATCHES_MAX), origins = 0;
	const struct connection *c = &s->pursuit->target.best;
	uint64_t searched = s->searched;
	struct polling polling;

	score_polling(&(struct fingerprint){c->on, c->on_count, c->gap_ms}, &polling);
	pack_map(p, 12);
	row_uint(p, "round", s->pursuit->pass);
	row_bool(p, "is_final", is_final);
	put_target(p, s, &polling);
	pack_str(p, "matches");
	pack_array(p, listed);
	for (size_t i = 0; i < listed; i++) {
		origins += s->lines[i].claim != SHEET_NONE;
		put_match(p, s, &s->lines[i], &polling, searched, i < s->significant,
		          origins <= ORIGINS_MAX);
	}
	put_path(p, s, searched); /* and its gaps */
	put_branches(p, s, searched);
	put_unplaced(p, s, searched);
	put_coverage(p, s);
	put_queries(p, s->pursuit, bundle); /* and the bundle */
	return p->out.is_full ? CTL_INTERNAL : code_of(s);
}
