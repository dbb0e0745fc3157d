#include "node/sheet.h"

#include "base/util.h"
#include "correlate/score.h"
#include "node/asking.h"
#include "node/node.h"
#include "node/translated.h"

#include <stdlib.h>
#include <string.h>

#define SLACK_MS 2000        /* clocks and record edges, when views are put in order */
#define FALSE_SHARE_MAX 0.01 /* of the matches that are called significant */

/*
 * Who speaks.
 */

static uint32_t node_of(struct sheet *s, const struct cert *cert)
{
	for (uint32_t i = 0; i < s->node_count; i++) {
		if (memcmp(&s->certs[i]->member, &cert->member, sizeof(cert->member)) == 0)
			return i;
	}
	s->certs[s->node_count] = cert;
	return (uint32_t)s->node_count++;
}

static struct view view_of(const struct finding *f)
{
	return (struct view){f->exporter, f->if_low, f->if_high};
}

static bool is_same_ends(const struct endpoint *src, const struct endpoint *dst, uint8_t proto,
                         const struct finding *f)
{
	return f->proto == proto && endpoint_equal(src, &f->src) && endpoint_equal(dst, &f->dst);
}

static bool is_target(const struct sheet *s, uint32_t node, const struct finding *f)
{
	const struct connection *target = &s->pursuit->target.best;
	struct view view = view_of(f);

	return node == SHEET_SELF && view_cmp(&view, &target->view) == 0 &&
	       is_same_ends(&target->src, &target->dst, target->proto, f);
}

/*
 * Claims.
 */

static void read_claims(struct sheet *s, const struct answer *answer)
{
	if (s->claim_count + TESTIMONY_STATEMENTS_MAX > SHEET_CLAIMS_MAX)
		return;
	s->claim_count += claims_read(answer, &s->claims[s->claim_count]);
}

/* Of a finding the claim of who opened it counts; else of who took it. */
static size_t claim_of(const struct sheet *s, size_t first, size_t finding)
{
	size_t taken = SHEET_NONE;

	for (size_t i = first; i < s->claim_count; i++) {
		const struct claim *c = &s->claims[i];

		if (c->finding == finding && !c->is_incoming)
			return i;
		if (c->finding == finding)
			taken = i;
	}
	return taken;
}

static void add_answer(struct sheet *s, uint32_t node, size_t question, unsigned age,
                       const struct answer *answer)
{
	size_t first = s->claim_count;

	read_claims(s, answer);
	for (size_t i = first; i < s->claim_count; i++)
		s->forged += s->claims[i].err != ERR_OK;
	for (size_t i = 0; i < answer->finding_count; i++) {
		const struct finding *f = &answer->findings[i];
		size_t claim = claim_of(s, first, i);

		if (!is_target(s, node, f))
			s->lines[s->line_count++] =
				(struct line){f, node, question, age, SHEET_NONE, claim};
		else if (claim != SHEET_NONE)
			s->target_claim = claim;
	}
}

static void add_answers(struct sheet *s)
{
	const struct pursuit *p = s->pursuit;

	for (size_t q = 0; q < p->round_count; q++) {
		const struct round *r = p->rounds[q];

		add_answer(s, SHEET_SELF, q, 0, &r->search.answer);
		for (size_t i = 0; i < r->reply_count; i++)
			add_answer(s, node_of(s, &r->replies[i].cert), q, r->replies[i].age,
			           &r->replies[i].answer);
	}
}

/*
 * Lines: each connection once for each view that has it, whatever question it was found by.
 */

bool line_is_match(const struct line *l)
{
	return verdict_is_match((enum verdict)l->finding->verdict);
}

static int by_connection(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	const struct finding *f = x->finding, *g = y->finding;
	struct view view_f = view_of(f), view_g = view_of(g);
	int cmp = (x->node > y->node) - (x->node < y->node);

	if (cmp == 0)
		cmp = view_cmp(&view_f, &view_g);
	if (cmp == 0)
		cmp = addr_cmp(&f->src.addr, &g->src.addr);
	if (cmp == 0)
		cmp = addr_cmp(&f->dst.addr, &g->dst.addr);
	if (cmp == 0)
		cmp = (f->src.port > g->src.port) - (f->src.port < g->src.port);
	if (cmp == 0)
		cmp = (f->dst.port > g->dst.port) - (f->dst.port < g->dst.port);
	return cmp != 0 ? cmp : (int)f->proto - (int)g->proto;
}

static int by_connection_best_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int cmp = by_connection(a, b);

	if (cmp == 0 && line_is_match(x) != line_is_match(y))
		return line_is_match(x) ? -1 : 1;
	if (cmp == 0)
		cmp = (x->age > y->age) - (x->age < y->age);
	return cmp != 0 ? cmp : (x->question > y->question) - (x->question < y->question);
}

static void join(struct line *kept, const struct line *other)
{
	if (kept->claim == SHEET_NONE)
		kept->claim = other->claim;
}

static void unite_lines(struct sheet *s)
{
	size_t count = 0;

	if (s->line_count == 0)
		return;
	qsort(s->lines, s->line_count, sizeof(s->lines[0]), by_connection_best_first);
	for (size_t i = 1; i < s->line_count; i++) {
		if (by_connection(&s->lines[count], &s->lines[i]) == 0)
			join(&s->lines[count], &s->lines[i]);
		else
			s->lines[++count] = s->lines[i];
	}
	s->line_count = count + 1;
}

static int best_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (line_is_match(x) != line_is_match(y))
		return line_is_match(x) ? -1 : 1;
	if (x->finding->score != y->finding->score)
		return x->finding->score > y->finding->score ? -1 : 1;
	if (x->finding->life.start_ms != y->finding->life.start_ms)
		return x->finding->life.start_ms < y->finding->life.start_ms ? -1 : 1;
	return by_connection(a, b);
}

/*
 * The path.
 */

static struct match *add_match(struct sheet *s, struct match match)
{
	s->matches[s->match_count] = match;
	return &s->matches[s->match_count++];
}

/* What the gateway's translations say of the last match: its ends on the other side. */
static void add_translation(struct sheet *s, const struct endpoint *src, const struct endpoint *dst)
{
	static const struct endpoint none;
	struct match other = s->matches[s->match_count - 1];

	if (s->match_count == PATH_MATCHES_MAX ||
	    (endpoint_equal(src, &none) && endpoint_equal(dst, &none)))
		return;
	if (!endpoint_equal(src, &none))
		other.src = *src;
	if (!endpoint_equal(dst, &none))
		other.dst = *dst;
	other.is_translation = true;
	other.is_target = false;
	other.twin = (uint32_t)(s->match_count - 1);
	add_match(s, other);
}

/* What this node's exporters tell of the target, by their clocks as they are known now. */
static void add_target_translation(struct sheet *s, const struct connection *c)
{
	const struct collector *from = &s->node->collector;
	struct endpoint src, dst;
	struct skews skews;

	if (from->translations == NULL)
		return;
	skews_take(&skews, from->decoder->clocks, from->decoder->streams);
	if (translated_ends(from->translations, &skews, &c->src, &c->dst, c->proto,
	                    connection_life(c), &src, &dst))
		add_translation(s, &src, &dst);
	skews_free(&skews);
}

/* The target is on the path by itself: found or not, it is the last hop. */
static void add_target(struct sheet *s)
{
	const struct connection *c = &s->pursuit->target.best;

	add_match(s, (struct match){
			     .node = SHEET_SELF,
			     .view = c->view,
			     .src = c->src,
			     .dst = c->dst,
			     .life = connection_life_by_middle(c),
			     .score = 1,
			     .proto = c->proto,
			     .is_target = true,
		     });
	add_target_translation(s, c);
}

static enum path_by by_of(enum verdict verdict)
{
	if (verdict == VERDICT_VOLUME)
		return PATH_BY_VOLUME;
	return verdict == VERDICT_POLLING ? PATH_BY_POLLING : PATH_BY_TIMING;
}

/* The best of them, whoever sent them: `lines` is in order. */
static void add_matches(struct sheet *s)
{
	for (size_t i = 0; i < s->line_count && s->match_count < PATH_MATCHES_MAX; i++) {
		struct line *line = &s->lines[i];
		const struct finding *f = line->finding;

		if (!line_is_match(line))
			return;
		line->match = s->match_count;
		add_match(s, (struct match){
				     .node = line->node,
				     .view = view_of(f),
				     .src = f->src,
				     .dst = f->dst,
				     .life = f->life,
				     .score = f->score,
				     .by = by_of((enum verdict)f->verdict),
				     .is_significant = i < s->significant,
				     .proto = f->proto,
				     .lag_ms = f->lag_ms,
				     .lag_error_ms = f->lag_error_ms,
				     .stretch_ms = f->stretch_ms,
				     .stretches = f->stretches,
			     });
		add_translation(s, &f->nat_src, &f->nat_dst);
	}
}

/* What a claim names as upstream, as a match: from the routers if they saw it, else the record. */
static struct match told_of(const struct claim *c, const struct match *down)
{
	const struct origin_source *source = claims_source(c);
	const struct upstream *up = &c->upstream;
	int64_t at_ms = (int64_t)(source->time_ns / 1000000);

	if (c->has_upstream)
		return (struct match){
			.node = down->node,
			.view = {up->exporter, up->if_low, up->if_high},
			.src = up->src,
			.dst = up->dst,
			.life = up->life,
			.proto = up->rhythm.proto,
			.is_told = true,
		};
	return (struct match){
		.node = down->node,
		.src = record_sender(&source->flow),
		.dst = record_receiver(&source->flow),
		.life = {at_ms, MAX(at_ms, down->life.start_ms)},
		.proto = source->flow.proto,
		.is_told = true,
	};
}

static size_t same_match(const struct sheet *s, const struct match *m)
{
	for (size_t i = 0; i < s->match_count; i++) {
		const struct match *other = &s->matches[i];

		if (other->proto == m->proto && endpoint_equal(&other->src, &m->src) &&
		    endpoint_equal(&other->dst, &m->dst) && interval_overlaps(other->life, m->life))
			return i;
	}
	return SHEET_NONE;
}

static void tie(struct sheet *s, const struct claim *c, size_t down)
{
	struct match up;
	size_t at;

	if (claims_source(c) == NULL || s->tie_count == PATH_MATCHES_MAX)
		return;
	up = told_of(c, &s->matches[down]);
	at = same_match(s, &up);
	if (at == SHEET_NONE) {
		if (s->match_count == PATH_MATCHES_MAX)
			return;
		at = s->match_count;
		add_match(s, up);
	}
	s->tied[s->tie_count] = c;
	s->ties[s->tie_count++] = (struct tie){(uint32_t)at, (uint32_t)down};
}

static void add_ties(struct sheet *s)
{
	if (s->target_claim != SHEET_NONE)
		tie(s, &s->claims[s->target_claim], 0);
	for (size_t i = 0; i < s->line_count; i++) {
		const struct line *line = &s->lines[i];

		if (line->claim != SHEET_NONE && line->match != SHEET_NONE)
			tie(s, &s->claims[line->claim], line->match);
	}
}

/*
 * What chance would do.
 */

static uint64_t sum_of(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* As a member says it: of each connection at least one flow was read, and nobody has so many. */
static uint64_t compared_by(struct share share)
{
	return MIN(MIN(share.connections, share.flows), (uint64_t)SHEET_COMPARED_MAX);
}

static uint64_t searched_of(const struct pursuit *p)
{
	uint64_t sum = 0, passes = MAX(p->pass, (size_t)1);

	for (size_t i = 0; i < p->round_count; i++) {
		const struct round *r = p->rounds[i];

		sum = sum_of(sum, compared_by(round_own_share(r)));
		for (size_t k = 0; k < r->outcome_count; k++)
			sum = sum_of(sum, compared_by(round_share(r, &r->outcomes[k])));
	}
	return sum > UINT64_MAX / passes ? UINT64_MAX : sum * passes;
}

/* The lines have the matches first, by score. */
static size_t significant_of(const struct sheet *s)
{
	double *decades = malloc((s->line_count + 1) * sizeof(*decades));
	size_t count = 0, ret;

	if (decades == NULL)
		return 0;
	while (count < s->line_count && line_is_match(&s->lines[count])) {
		decades[count] = s->lines[count].finding->score;
		count++;
	}
	ret = score_discoveries(decades, count, s->searched, FALSE_SHARE_MAX);
	free(decades);
	return ret;
}

static void assemble(struct sheet *s)
{
	s->node_count = 1;
	s->certs[SHEET_SELF] = &s->node->keys.self.card.cert;
	s->target_claim = SHEET_NONE;
	add_answers(s);
	unite_lines(s);
	if (s->line_count > 0)
		qsort(s->lines, s->line_count, sizeof(s->lines[0]), best_first);
	s->searched = searched_of(s->pursuit);
	s->significant = significant_of(s);
	add_target(s);
	add_matches(s);
	add_ties(s);
	path_assemble(s->matches, s->match_count, s->ties, s->tie_count, SLACK_MS, &s->path);
}

struct sheet *sheet_make(const struct node *node, const struct pursuit *pursuit)
{
	struct sheet *s = calloc(1, sizeof(*s));
	size_t answers = 1;

	if (s == NULL)
		return NULL;
	for (size_t i = 0; i < pursuit->round_count; i++)
		answers += 1 + pursuit->rounds[i]->reply_count;
	s->node = node;
	s->pursuit = pursuit;
	s->certs = calloc(answers, sizeof(*s->certs));
	s->lines = calloc(answers * ANSWER_FINDINGS_MAX, sizeof(*s->lines));
	s->claims = calloc(SHEET_CLAIMS_MAX, sizeof(*s->claims));
	if (s->certs == NULL || s->lines == NULL || s->claims == NULL) {
		sheet_free(s);
		return NULL;
	}
	assemble(s);
	return s;
}

void sheet_free(struct sheet *s)
{
	if (s == NULL)
		return;
	free(s->certs);
	free(s->lines);
	free(s->claims);
	free(s);
}

/* Nobody's timing has found it. */
static bool is_only_told(const struct sheet *s, uint32_t hop)
{
	for (size_t i = 0; i < s->match_count; i++) {
		if (s->matches[i].hop == hop && !s->matches[i].is_told)
			return false;
	}
	return true;
}

static bool was_asked(const struct pursuit *p, const struct upstream *up)
{
	for (size_t i = 1; i < p->round_count; i++) {
		if (endpoint_equal(&p->rounds[i]->about.src, &up->src) &&
		    endpoint_equal(&p->rounds[i]->about.dst, &up->dst))
			return true;
	}
	return false;
}

static struct score_clock clock_of(const struct sheet *s, const struct tie *tie,
                                   const struct upstream *up)
{
	if (s->matches[tie->down].node != SHEET_SELF)
		return score_defaults.target;
	return asking_clock(s->node->collector.decoder, &up->exporter, up->life);
}

const struct upstream *sheet_next(const struct sheet *s, struct score_clock *ret_clock)
{
	if (!is_only_told(s, 0))
		return NULL;
	for (size_t i = 0; i < s->tie_count; i++) {
		const struct upstream *up = &s->tied[i]->upstream;

		if (s->matches[s->ties[i].up].hop == 0 && s->tied[i]->has_upstream &&
		    up->rhythm.on_count > PURSUIT_SILENCES_MIN && !was_asked(s->pursuit, up)) {
			*ret_clock = clock_of(s, &s->ties[i], up);
			return up;
		}
	}
	return NULL;
}
