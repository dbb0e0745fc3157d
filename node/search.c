#include "node/search.h"

#include "base/util.h"
#include "correlate/score.h"
#include "node/candidates.h"
#include "node/follow.h"
#include "node/gather.h"
#include "node/node.h"
#include "node/testify.h"
#include "node/translated.h"

#include <stdlib.h>
#include <string.h>

#define COMPARABLE 4.0            /* times the question's octets, or one in so many: by volume */
#define VOLUMES_COMPARED_MAX 1024 /* each takes from 1 to 50 ms */
#define SCORING_SHARE 4           /* of a search's time one in so many is for comparing */
#define WINDOW_SLACK_MS 4000      /* records that end a little outside, beside the asker's clock */
#define LOOKUP_AROUND_MS 600000   /* flows are read this far around the time asked for */
#define LOOKUP_WIDER_MS 86400000  /* a connection is read this far around the moment asked for */

/* The best findings so far. */
struct scoring {
	const struct question *question;
	const struct volume_side *carried; /* of the question; NULL where silences tell */
	const struct losses *losses;
	struct answer *answer;
	const struct deadline *deadline;
	size_t to_compare; /* by volume */
	bool is_counting, is_cut;
};

/* Matches before all else, then by score. */
static bool is_better(const struct finding *a, const struct finding *b)
{
	bool is_match = verdict_is_match((enum verdict)a->verdict);

	if (is_match != verdict_is_match((enum verdict)b->verdict))
		return is_match;
	return a->score > b->score;
}

static void keep(struct answer *answer, const struct finding *finding)
{
	size_t at = answer->finding_count;

	if (at == ANSWER_FINDINGS_MAX) {
		if (!is_better(finding, &answer->findings[at - 1]))
			return;
		at--;
	} else {
		answer->finding_count++;
	}
	for (; at > 0 && is_better(finding, &answer->findings[at - 1]); at--)
		answer->findings[at] = answer->findings[at - 1];
	answer->findings[at] = *finding;
}

/* False: there is nothing to be found. */
static bool by_silences(const struct scoring *s, const struct connection *c,
                        const struct score_limits *limits, struct agreement *ret)
{
	const struct question *q = s->question;
	struct fingerprint target = {q->on, q->on_count, q->gap_ms};
	struct fingerprint candidate = {c->on, c->on_count, c->gap_ms};

	if (!score_is_worthwhile(&target, &candidate, limits))
		return false;
	*ret = score_pair(&target, &candidate, limits);
	return true;
}

/* Did it carry about as much, one way or the other? Records may be lost, and it may carry more. */
static bool is_comparable(const struct volume_side *asked, const struct volume_side *candidate)
{
	double octets = volume_octets(&asked->way[volume_heavier(asked)]);

	for (size_t way = 0; way < VOLUME_WAYS; way++) {
		double theirs = volume_octets(&candidate->way[way]);

		if (theirs * COMPARABLE >= octets && theirs <= octets * COMPARABLE)
			return true;
	}
	return false;
}

static bool is_to_compare(const struct scoring *s, const struct connection *c,
                          struct volume_side *ret)
{
	const struct question *q = s->question;
	struct interval when = {q->volumes[0].on.start_ms,
	                        q->volumes[q->volume_count - 1].on.end_ms};

	volume_side_of(c, when, ret);
	return c->records >= VOLUME_RECORDS_MIN && is_comparable(s->carried, ret);
}

static bool by_volume(const struct scoring *s, const struct connection *c,
                      const struct score_limits *limits, struct agreement *ret)
{
	struct volume_side candidate;

	if (!is_to_compare(s, c, &candidate))
		return false;
	*ret = score_volumes(s->carried, &candidate, limits);
	return true;
}

static void count_one(void *ctx, const struct connection *c)
{
	struct scoring *s = ctx;
	struct volume_side unused;

	s->to_compare += is_to_compare(s, c, &unused);
}

/* Each side as it is known to whose it is: the other's by what the question says. */
static struct score_limits limits_of(const struct scoring *s, const struct connection *c)
{
	struct score_limits limits = score_defaults;

	limits.target = (struct score_clock){.bound_ms = s->question->bound_ms,
	                                     .loss = s->question->lost / 1e3};
	limits.candidate = losses_clock(c, losses_of(s->losses, &c->view.exporter));
	return limits;
}

static void score_one(void *ctx, const struct connection *c)
{
	struct scoring *s = ctx;
	struct score_limits limits = limits_of(s, c);
	struct agreement a;
	struct finding finding;

	s->is_cut = s->is_cut || deadline_is_over(s->deadline);
	if (s->is_cut)
		return;
	s->answer->connections += s->is_counting;
	if (s->carried != NULL ? !by_volume(s, c, &limits, &a) : !by_silences(s, c, &limits, &a))
		return;
	if (a.verdict == VERDICT_TOO_SHORT || a.score < SEARCH_SCORE_MIN)
		return;
	finding = (struct finding){
		.exporter = c->view.exporter,
		.if_low = c->view.if_low,
		.if_high = c->view.if_high,
		.src = c->src,
		.dst = c->dst,
		.proto = c->proto,
		.verdict = (uint8_t)a.verdict,
		.is_open = connection_is_open(c),
		.life = connection_life_by_middle(c),
		.score = a.score,
		.cpf = a.cpf,
		.silences = a.silences,
		.common_ms = a.common_ms,
		.lag_ms = a.lag_ms,
		.lag_error_ms = a.lag_error_ms,
		.stretch_ms = a.stretch_ms,
		.stretches = a.stretches,
	};
	keep(s->answer, &finding);
}

static bool is_of_protocol(const void *ctx, const struct flow *flow)
{
	const struct question *q = ctx;

	return q->proto == 0 || flow->proto == q->proto;
}

/* Of a question by volume, records that could be compared. */
static bool is_bulk(const void *ctx, const struct flow *flow)
{
	return flow->octets >= VOLUME_OCTETS_MIN && is_of_protocol(ctx, flow);
}

/* For the store's index. Of ICMP the ports of a connection are not those of its flows. */
static struct whom whom_of(const struct endpoint *a, const struct endpoint *b, uint8_t proto)
{
	return (struct whom){
		.a = a->addr,
		.b = b->addr,
		.a_port = a->port,
		.b_port = b->port,
		.proto = proto,
		.is_connection = proto != 1 && proto != 58,
	};
}

static bool is_of_finding(const struct finding *f, const struct flow *flow)
{
	struct sighting s =
		sighting_of(flow); /* of ICMP it has no ports, as the finding has none */

	if (flow->proto != f->proto || !addr_equal(&flow->exporter, &f->exporter))
		return false;
	return (endpoint_equal(&s.low, &f->src) && endpoint_equal(&s.high, &f->dst)) ||
	       (endpoint_equal(&s.low, &f->dst) && endpoint_equal(&s.high, &f->src));
}

static bool is_found(const void *ctx, const struct flow *flow)
{
	const struct answer *answer = ctx;

	for (size_t i = 0; i < answer->finding_count; i++) {
		if (is_of_finding(&answer->findings[i], flow))
			return true;
	}
	return false;
}

/* What a search has at hand. */
struct hunt {
	struct store *store;
	const struct question *question;
	const struct volume_side *carried;
	const struct search_side *side;
	int64_t gap_ms;        /* at which it compares */
	struct interval core;  /* what is compared lies in it */
	struct interval life;  /* of the question's connection */
	struct answer *answer; /* being filled in */
	struct deadline reading, scoring;
	uint64_t flows_max;
	bool is_cut;     /* one of them came first */
	bool is_lacking; /* there may be candidates that the log does not name */
};

/* ERR_LIMIT: there are more to be compared by volume than a search may; then none is. */
static enum err score_all(struct hunt *h, struct gathered *g, bool is_counting)
{
	struct scoring scoring = {
		.question = h->question,
		.carried = h->carried,
		.losses = h->side->losses,
		.answer = h->answer,
		.deadline = &h->scoring,
		.is_counting = is_counting,
		.is_cut = false,
	};

	if (h->carried != NULL)
		connection_each(g->rows, g->count, h->gap_ms, g->room, count_one, &scoring);
	if (scoring.to_compare > VOLUMES_COMPARED_MAX)
		return ERR_LIMIT;
	connection_each(g->rows, g->count, h->gap_ms, g->room, score_one, &scoring);
	h->is_cut |= scoring.is_cut;
	return ERR_OK;
}

/* Every connection of that time. */
static enum err look_at_all(struct hunt *h)
{
	struct wish wish = {.when = h->core};
	struct gathered g;
	enum err err =
		gather(h->store, h->side->skews, &wish,
	               h->carried != NULL ? is_bulk : is_of_protocol, h->question, &h->reading, &g);

	if (err != ERR_OK)
		return err;
	h->is_cut |= g.is_cut;
	h->answer->flows = g.flows;
	h->answer->window = g.window;
	err = score_all(h, &g, true);
	gather_free(&g);
	return err;
}

/* Those that fell silent and came back with it. */
static enum err look_at_candidates(struct hunt *h, const struct candidates *c)
{
	struct wish wish = {
		.when = h->core,
		.connections = c->connections,
		.connection_count = c->count,
	};
	struct gathered g;
	enum err err;

	h->answer->flows = c->held.flows;
	h->answer->connections = c->held.connections;
	h->answer->window = c->held.span;
	if (c->count == 0)
		return ERR_OK;
	err = gather(h->store, h->side->skews, &wish, is_of_protocol, h->question, &h->reading, &g);
	if (err != ERR_OK)
		return err;
	if (g.is_cut) { /* of the rest the log alone was looked at: it has judged them, too */
		h->is_cut = true;
		h->answer->window = g.window;
	}
	err = score_all(h, &g, false);
	gather_free(&g);
	return err;
}

/* Where many edges were missed, all is looked at, unless that is too much: then what there is. */
static enum err look_by_log(struct hunt *h, const struct candidates *c)
{
	if (c->held.is_lacking && c->held.flows <= h->flows_max)
		return look_at_all(h);
	h->is_lacking = c->held.is_lacking;
	return look_at_candidates(h, c);
}

static enum err first_pass(struct hunt *h, bool is_exhaustive)
{
	struct candidates c;
	bool is_all = is_exhaustive || h->carried != NULL; /* the log knows silences alone */
	enum err err = is_all ? ERR_NOENT
	                      : candidates_find(h->store, h->question, h->gap_ms, h->core,
	                                        h->side->skews, &c);

	if (err == ERR_NOENT)
		return look_at_all(h);
	if (err != ERR_OK)
		return err;
	err = look_by_log(h, &c);
	candidates_free(&c);
	return err;
}

/*
 * The same connections again, whole: their findings take the place of the first pass's, unless
 * there is not the time for all of them.
 */
static enum err second_pass(struct hunt *h)
{
	struct answer *answer = h->answer, first = *answer;
	struct whom whom[ANSWER_FINDINGS_MAX];
	struct wish wish = {
		.when = {h->life.start_ms - SEARCH_BEFORE_MS, h->life.end_ms + SEARCH_AFTER_MS},
		.whom = whom,
		.whom_count = answer->finding_count,
	};
	struct gathered g;
	enum err err;

	for (size_t i = 0; i < answer->finding_count; i++) {
		const struct finding *f = &answer->findings[i];

		whom[i] = whom_of(&f->src, &f->dst, f->proto);
	}
	err = gather(h->store, h->side->skews, &wish, is_found, answer, &h->reading, &g);
	if (err != ERR_OK)
		return err;
	h->is_cut |= g.is_cut;
	answer->finding_count = 0;
	if (!h->is_cut)
		err = score_all(h, &g, false);
	if (h->is_cut)
		*answer = first;
	gather_free(&g);
	return err;
}

/* NULL where the question has no volumes. */
static const struct volume_side *carried_by(const struct question *q, struct volume_side *ret)
{
	struct volume sorted[QUERY_VOLUMES_MAX];

	if (q->volume_count == 0)
		return NULL;
	memcpy(sorted, q->volumes, q->volume_count * sizeof(sorted[0]));
	*ret = (struct volume_side){.is_sampled = false};
	volume_way_of(sorted, q->volume_count, q->volumes[0].on.start_ms, &ret->way[q->way]);
	return ret;
}

/* Where flows are read that may be compared with what lies there. */
static struct interval around(const struct question *q, struct interval when)
{
	int64_t slack_ms = WINDOW_SLACK_MS + q->bound_ms;

	return interval_moved(when, -slack_ms, slack_ms);
}

static struct interval life_of(const struct question *q)
{
	return around(q, (struct interval){q->on[0].start_ms, q->on[q->on_count - 1].end_ms});
}

/* Of a question by volume nothing tells outside its records. */
static struct interval core_of(const struct question *q)
{
	struct interval core;

	if (q->volume_count == 0)
		return life_of(q);
	core = q->volumes[0].on;
	for (size_t i = 1; i < q->volume_count; i++)
		core.end_ms = MAX(core.end_ms, q->volumes[i].on.end_ms);
	return around(q, core);
}

/* Part of the time is for comparing what was read. */
static struct deadline reading_of(const struct deadline *d)
{
	struct mono now = d->now();
	uint64_t left_ms = mono_reached(now, d->at) ? 0 : d->at.ms - now.ms;

	return (struct deadline){{d->at.ms - left_ms / SCORING_SHARE}, d->now};
}

enum err search_store(struct store *store, const struct question *q, const struct search_side *side,
                      const struct search_effort *effort, struct answer *ret,
                      enum search_extent *ret_extent)
{
	struct volume_side carried;
	struct hunt hunt = {
		.store = store,
		.question = q,
		.carried = carried_by(q, &carried),
		.side = side,
		.gap_ms = MAX(side->gap_ms, q->gap_ms),
		.core = core_of(q),
		.life = life_of(q),
		.answer = ret,
		.reading = reading_of(effort->deadline),
		.scoring = *effort->deadline,
		.flows_max = effort->flows_max,
	};
	enum err err = first_pass(&hunt, effort->is_exhaustive);

	if (err == ERR_OK && !hunt.is_cut && ret->finding_count > 0)
		err = second_pass(&hunt);
	*ret_extent = hunt.is_cut ? SEARCH_CUT : hunt.is_lacking ? SEARCH_LACKING : SEARCH_WHOLE;
	return err;
}

const char *search_extent_text(enum search_extent extent)
{
	static const char *const texts[] = {
		[SEARCH_CUT] = "there was no time for all of it",
		[SEARCH_LACKING] = "its log of silences lacks many, and there are more flows of "
				   "that time than a search may hold",
	};

	return (size_t)extent < ARRAY_LEN(texts) ? texts[extent] : NULL;
}

static struct mono mono_now(void)
{
	return node_now().mono;
}

static void run_search(struct job *job)
{
	struct search *search = container_of(job, struct search, job);
	struct mono began = mono_now();
	struct deadline deadline = {search->until, mono_now};
	struct search_effort effort = {.flows_max = GATHERED_MAX, .deadline = &deadline};
	struct search_side side = {search->own_gap_ms, &search->skews, &search->losses};

	search->err = search_store(search->node->store, &search->question, &side, &effort,
	                           &search->answer, &search->extent);
	search->spent_ms = mono_now().ms - began.ms;
	if (search->err != ERR_OK) /* half of what was there is none */
		search->answer = (struct answer){.window = {0, -1}};
}

static void add_lost(void *ctx, const struct stream *s)
{
	*(uint64_t *)ctx += s->lost;
}

static void done_search(struct job *job)
{
	struct search *search = container_of(job, struct search, job);
	struct node *node = search->node;

	node->searches--;
	search->answer.lost += node->collector.decoder->ended.lost;
	stream_each(node->collector.decoder->streams, add_lost, &search->answer.lost);
	for (size_t i = 0; i < search->answer.finding_count; i++)
		translated_finding(node->collector.translations, &search->skews,
		                   &search->answer.findings[i]);
	skews_free(&search->skews);
	losses_free(&search->losses);
	testify_start(search);
}

void search_start(struct search *search, struct node *node, const struct question *question,
                  size_t shown, struct mono until, void (*done)(struct search *search))
{
	memset(search, 0, sizeof(*search));
	search->node = node;
	search->question = *question;
	skews_take(&search->skews, node->collector.decoder->clocks,
	           node->collector.decoder->streams);
	losses_take(&search->losses, node->collector.decoder->streams);
	search->own_gap_ms = node->conf.idle_timeout_ms;
	search->shown = shown;
	search->until = until;
	search->done = done;
	silences_flush(&node->silences);
	node->searches++;
	job_start(&node->loop, &search->job, run_search, done_search);
}

static bool is_any(const struct addr *a)
{
	static const struct addr none;

	return addr_equal(a, &none);
}

static bool fits(const struct endpoint *wanted, const struct addr *addr, uint16_t port)
{
	return (is_any(&wanted->addr) || addr_equal(&wanted->addr, addr)) &&
	       (wanted->port == 0 || wanted->port == port);
}

static bool is_meant(const void *ctx, const struct flow *flow)
{
	const struct ctl_request *r = ctx;

	if (r->proto != 0 && flow->proto != r->proto)
		return false;
	return (fits(&r->target, &flow->dst, flow->dst_port) &&
	        fits(&r->peer, &flow->src, flow->src_port)) ||
	       (fits(&r->target, &flow->src, flow->src_port) &&
	        fits(&r->peer, &flow->dst, flow->dst_port));
}

/*
 * Of several that fit: where the victim was called rather than calling; then the one with the most
 * silences, which timing can tell best; then the latest.
 */
static bool is_likelier(const struct lookup *l, const struct connection *a,
                        const struct connection *b)
{
	bool is_called_a = fits(&l->request.target, &a->dst.addr, a->dst.port);
	bool is_called_b = fits(&l->request.target, &b->dst.addr, b->dst.port);

	if (is_called_a != is_called_b)
		return is_called_a;
	if (a->on_count != b->on_count)
		return a->on_count > b->on_count;
	return connection_life(a).end_ms > connection_life(b).end_ms;
}

static bool is_same_tuple(const struct connection *a, const struct connection *b)
{
	return a->proto == b->proto && endpoint_equal(&a->src, &b->src) &&
	       endpoint_equal(&a->dst, &b->dst);
}

static void take_whole(void *ctx, const struct connection *c)
{
	struct lookup *l = ctx;
	struct interval *on = realloc(l->on, c->on_count * sizeof(*on));

	l->err = on == NULL ? ERR_NOMEM : ERR_OK;
	if (on == NULL)
		return;
	memcpy(on, c->on, c->on_count * sizeof(*on));
	l->on = on;
	volume_side_of(c, connection_life(c), &l->carried);
	l->best = *c;
	l->best.rows = NULL;
	l->best.on = on;
}

static struct interval asked_for(const struct lookup *l)
{
	return (struct interval){l->request.since_ms, l->request.until_ms};
}

static void look_at(void *ctx, const struct connection *c)
{
	struct lookup *l = ctx;

	if (!interval_overlaps(connection_life(c), asked_for(l)))
		return;
	if (l->err == ERR_OK) {
		l->others += !is_same_tuple(c, &l->best);
		if (!is_likelier(l, c, &l->best))
			return;
	}
	take_whole(l, c);
}

static bool is_best(const void *ctx, const struct flow *flow)
{
	const struct lookup *l = ctx;
	struct sighting s = sighting_of(flow);

	return view_cmp(&s.view, &l->best.view) == 0 && is_meant(&l->best_only, flow);
}

/* The moment asked for may show a part of it only: the whole connection is what is traced. */
static enum err complete(struct lookup *l, struct store *store)
{
	struct interval life = connection_life(&l->best);
	struct interval wide = {life.start_ms - LOOKUP_WIDER_MS, life.end_ms + LOOKUP_WIDER_MS};
	struct whom whom;
	struct gathered g;
	enum err err;

	l->best_only = (struct ctl_request){
		.target = l->best.dst,
		.peer = l->best.src,
		.proto = l->best.proto,
	};
	whom = whom_of(&l->best.src, &l->best.dst, l->best.proto);
	err = gather(store, &l->skews, &(struct wish){.when = wide, .whom = &whom, .whom_count = 1},
	             is_best, l, &deadline_never, &g);
	if (err != ERR_OK)
		return err;
	connection_each(g.rows, g.count, l->gap_ms, g.room, take_whole, l);
	gather_free(&g);
	return l->err;
}

/* A connection may be silent when it is asked for: its flows around that time tell its life. */
static struct interval widened(struct interval when)
{
	if (when.start_ms > INT64_MIN + LOOKUP_AROUND_MS)
		when.start_ms -= LOOKUP_AROUND_MS;
	if (when.end_ms < INT64_MAX - LOOKUP_AROUND_MS)
		when.end_ms += LOOKUP_AROUND_MS;
	return when;
}

static void run_lookup(struct job *job)
{
	struct lookup *l = container_of(job, struct lookup, job);
	struct store *store = l->node->store;
	struct whom whom = {.a = l->request.target.addr};
	struct wish wish = {
		.when = widened(asked_for(l)),
		.whom = &whom,
		.whom_count = !is_any(&l->request.target.addr),
	};
	struct store_stats stats;
	struct gathered g;

	store_stats(store, &stats);
	l->held = (struct interval){stats.oldest_ms, stats.newest_ms};
	if (stats.flows + stats.unsealed == 0)
		l->held = (struct interval){1, 0};
	l->err = gather(store, &l->skews, &wish, is_meant, &l->request, &deadline_never, &g);
	if (l->err != ERR_OK)
		return;
	l->err = ERR_NOENT;
	connection_each(g.rows, g.count, l->gap_ms, g.room, look_at, l);
	gather_free(&g);
	if (l->err == ERR_OK)
		l->err = complete(l, store);
	else if (l->err == ERR_NOENT &&
	         nearest_find(store, &l->skews, wish.whom_count > 0 ? &whom : NULL, asked_for(l),
	                      is_meant, &l->request, &(struct deadline){l->nearest_until, mono_now},
	                      &l->nearest) != ERR_OK)
		l->nearest.is_some = false; /* it is a remark only */
	if (l->err == ERR_OK)
		l->lost = losses_of(&l->losses, &l->best.view.exporter);
	if (l->err == ERR_OK && l->best.on_count <= FOLLOW_SILENCES_MIN)
		l->by_volume = volume_to_ask(&l->carried, &l->way);
}

static void done_lookup(struct job *job)
{
	struct lookup *l = container_of(job, struct lookup, job);
	struct node *node = l->node;

	if (l->err == ERR_NOENT && !l->is_translated &&
	    translated_request(node->collector.translations, &l->skews, node_now().wall.ms,
	                       &l->request)) {
		l->is_translated = true;
		job_start(&node->loop, &l->job, run_lookup, done_lookup);
		return;
	}
	skews_free(&l->skews);
	losses_free(&l->losses);
	l->done(l);
}

void lookup_start(struct lookup *lookup, struct node *node, const struct ctl_request *request,
                  int64_t gap_ms, struct mono nearest_until, void (*done)(struct lookup *lookup))
{
	memset(lookup, 0, sizeof(*lookup));
	lookup->node = node;
	lookup->request = *request;
	lookup->gap_ms = gap_ms;
	lookup->nearest_until = nearest_until;
	lookup->done = done;
	skews_take(&lookup->skews, node->collector.decoder->clocks,
	           node->collector.decoder->streams);
	losses_take(&lookup->losses, node->collector.decoder->streams);
	job_start(&node->loop, &lookup->job, run_lookup, done_lookup);
}

void lookup_fini(struct lookup *lookup)
{
	free(lookup->on);
}
