#include "tools/eval/compare.h"

#include "base/util.h"
#include "correlate/combine.h"
#include "correlate/score.h"
#include "correlate/sieve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void prepare(const struct trace *t, int64_t gap_ms, double loss, struct prepared *ret)
{
	ret->on = must_alloc(t->count, sizeof(*ret->on));
	memcpy(ret->on, t->on, t->count * sizeof(*ret->on));
	ret->print = (struct fingerprint){
		.on = ret->on,
		.count = fingerprint_close(ret->on, t->count, gap_ms),
		.gap_ms = gap_ms,
	};
	ret->side.loss = loss;
	edges_of(&ret->print, gap_ms, EPOCH_MS, 0, &ret->side.edges);
	ret->is_predicted = false;
}

void prepared_free(struct prepared *p)
{
	free(p->on);
	p->on = NULL;
}

static void predict_once(struct prepared *p)
{
	if (!p->is_predicted)
		side_predict(&p->side);
	p->is_predicted = true;
}

/*
 * The others have no verdict of their own: they are spared what a node would not decide on either,
 * or a pair with one second in common would outrank all.
 */
static bool is_decidable(const struct edges *target, const struct edges *other)
{
	double from_s = MAX(target->first_s, other->first_s);
	double to_s = MIN(target->last_s, other->last_s);
	size_t silences[2] = {0, 0};

	for (size_t k = 0; k < target->count; k++)
		silences[0] += target->leave_s[k] >= from_s && target->back_s[k] <= to_s;
	for (size_t k = 0; k < other->count; k++)
		silences[1] += other->leave_s[k] >= from_s && other->back_s[k] <= to_s;
	return silences[0] >= score_defaults.silences_min &&
	       silences[1] >= score_defaults.silences_min &&
	       to_s - from_s >= score_defaults.share_min * (target->last_s - target->first_s);
}

void compare(struct prepared *target, struct prepared *other, double lag_s, bool has_all,
             struct comparison *ret)
{
	struct combined combined;
	size_t votes = sieve_votes(&target->side.edges, &other->side.edges, lag_s);

	has_all = has_all && is_decidable(&target->side.edges, &other->side.edges);
	for (size_t i = 0; i < METHODS; i++)
		ret->scores[i] = has_all ? methods[i].score(&target->print, &other->print) : 0;
	ret->scores[BY_EVIDENCE] = -INFINITY;
	if (votes < sieve_least(target->side.edges.count))
		return;
	predict_once(target);
	predict_once(other);
	combine(&target->side, &other->side, lag_s, &combined);
	ret->evidence = combined.silences;
	ret->scores[BY_EVIDENCE] = combined.decades;
}

const char *compare_name(size_t method)
{
	return method < METHODS ? methods[method].name : "evidence";
}

struct roc compare_roc(size_t method)
{
	return method < METHODS ? roc_new(0, 1.0001) : roc_new(-100, 500);
}
