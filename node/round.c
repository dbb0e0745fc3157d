#include "node/round.h"

#include "base/addr.h"
#include "base/util.h"
#include "correlate/score.h"

#include <stdlib.h>
#include <string.h>

void round_free(struct round *r)
{
	for (size_t i = 0; i < r->reply_count; i++)
		free(r->replies[i].evidence);
	free(r->replies);
	free(r->outcomes);
	free(r->by_id);
	free(r);
}

static int reply_by_name(const void *a, const void *b)
{
	const struct trace_reply *x = a, *y = b;
	int cmp = strcmp(x->cert.name, y->cert.name);

	return cmp != 0 ? cmp : (x->age > y->age) - (x->age < y->age);
}

static int outcome_by_name(const void *a, const void *b)
{
	const struct trace_outcome *x = a, *y = b;

	return strcmp(x->card.cert.name, y->card.cert.name);
}

void round_sort(struct round *r)
{
	if (r->reply_count > 0)
		qsort(r->replies, r->reply_count, sizeof(r->replies[0]), reply_by_name);
	if (r->outcome_count > 0)
		qsort(r->outcomes, r->outcome_count, sizeof(r->outcomes[0]), outcome_by_name);
}

/* The first whose id is not below. */
static size_t place_of(const struct round *r, const struct id *id)
{
	size_t low = 0, high = r->outcome_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(&r->outcomes[r->by_id[mid]].card.id, id, sizeof(*id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_space(struct round *r)
{
	size_t space = MAX(2 * r->outcome_space, (size_t)16);
	struct trace_outcome *outcomes;
	uint32_t *by_id;

	if (r->outcome_count < r->outcome_space)
		return true;
	outcomes = realloc(r->outcomes, space * sizeof(*outcomes));
	if (outcomes == NULL)
		return false;
	r->outcomes = outcomes;
	by_id = realloc(r->by_id, space * sizeof(*by_id));
	if (by_id == NULL)
		return false;
	r->by_id = by_id;
	r->outcome_space = space;
	return true;
}

struct trace_outcome *round_outcome(struct round *r, const struct card *card)
{
	size_t at = place_of(r, &card->id);

	if (at < r->outcome_count && id_equal(&r->outcomes[r->by_id[at]].card.id, &card->id))
		return &r->outcomes[r->by_id[at]];
	if (!has_space(r))
		return NULL;
	memmove(&r->by_id[at + 1], &r->by_id[at], (r->outcome_count - at) * sizeof(r->by_id[0]));
	r->by_id[at] = (uint32_t)r->outcome_count;
	r->outcomes[r->outcome_count] = (struct trace_outcome){.card = *card};
	return &r->outcomes[r->outcome_count++];
}

/* What the answer borrows, it borrows from the copy of its evidence. */
static void quote(struct round *r, const struct trace_reply *from)
{
	struct trace_reply *replies = realloc(r->replies, (r->reply_count + 1) * sizeof(*replies));
	struct trace_reply *kept;
	struct bytes *testimony;

	if (replies == NULL)
		return;
	r->replies = replies;
	kept = &replies[r->reply_count];
	*kept = *from;
	kept->evidence = malloc(from->evidence_len);
	if (kept->evidence == NULL)
		return;
	memcpy(kept->evidence, from->evidence, from->evidence_len);
	testimony = &kept->answer.testimony;
	if (bytes_left(testimony) > 0)
		*testimony = bytes_of(kept->evidence + (testimony->at - from->evidence),
		                      bytes_left(testimony));
	r->reply_count++;
}

void round_add_reply(struct round *r, const struct overlay_reply *reply)
{
	/* Only read from. */
	struct trace_reply from = {
		.cert = reply->card->cert,
		.answer = *reply->answer,
		.evidence = (uint8_t *)(uintptr_t)reply->evidence.at,
		.evidence_len = bytes_left(&reply->evidence),
	};

	quote(r, &from);
}

static bool is_same_member(const struct cert *a, const struct cert *b)
{
	return memcmp(&a->member, &b->member, sizeof(a->member)) == 0;
}

static bool is_same_match(const struct finding *a, const struct finding *b)
{
	return verdict_is_match((enum verdict)b->verdict) && a->proto == b->proto &&
	       a->if_low == b->if_low && a->if_high == b->if_high &&
	       addr_equal(&a->exporter, &b->exporter) && endpoint_equal(&a->src, &b->src) &&
	       endpoint_equal(&a->dst, &b->dst);
}

static bool has_match(const struct answer *a, const struct finding *f)
{
	for (size_t i = 0; i < a->finding_count; i++) {
		if (is_same_match(f, &a->findings[i]))
			return true;
	}
	return false;
}

static bool is_found_again(const struct round *r, const struct cert *by, const struct cert *self,
                           const struct finding *f)
{
	if (is_same_member(by, self) && has_match(&r->search.answer, f))
		return true;
	for (size_t i = 0; i < r->reply_count; i++) {
		if (is_same_member(by, &r->replies[i].cert) && has_match(&r->replies[i].answer, f))
			return true;
	}
	return false;
}

/* Only where something would be lost: there is never more kept than was ever found. */
static void keep(struct round *r, struct trace_reply reply, const struct cert *self)
{
	reply.age++;
	for (size_t i = 0; i < reply.answer.finding_count; i++) {
		const struct finding *f = &reply.answer.findings[i];

		if (verdict_is_match((enum verdict)f->verdict) &&
		    !is_found_again(r, &reply.cert, self, f)) {
			quote(r, &reply);
			return;
		}
	}
}

/* What our own store said then, as if another had said it. */
static struct trace_reply own_reply(const struct round *r, const struct cert *self)
{
	return (struct trace_reply){
		.cert = *self,
		.answer = r->search.answer,
		.evidence = (uint8_t *)(uintptr_t)r->search.testimony,
		.evidence_len = sizeof(r->search.testimony),
	};
}

void round_keep(struct round *r, const struct round *before, const struct cert *self)
{
	keep(r, own_reply(before, self), self);
	for (size_t i = 0; i < before->reply_count; i++)
		keep(r, before->replies[i], self);
}

static struct share share_of(const struct answer *a)
{
	return (struct share){a->window, a->flows, a->lost, a->connections};
}

struct share round_own_share(const struct round *r)
{
	return share_of(&r->search.answer);
}

static const struct answer *reply_of(const struct round *r, const struct cert *cert)
{
	for (size_t i = 0; i < r->reply_count; i++) {
		if (r->replies[i].age == 0 && is_same_member(&r->replies[i].cert, cert))
			return &r->replies[i].answer;
	}
	return NULL;
}

struct share round_share(const struct round *r, const struct trace_outcome *o)
{
	const struct answer *answer = reply_of(r, &o->card.cert);
	const struct receipt *said = &o->receipt;

	if (answer != NULL)
		return share_of(answer);
	if (o->has_receipt)
		return (struct share){said->window, said->flows, said->lost, said->connections};
	return (struct share){.window = {0, -1}};
}

size_t round_count_state(const struct round *r, enum target_state state)
{
	size_t count = 0;

	for (size_t i = 0; i < r->outcome_count; i++)
		count += r->outcomes[i].state == state;
	return count;
}

size_t round_answered(const struct round *r)
{
	return round_count_state(r, TARGET_ANSWERED) + round_count_state(r, TARGET_NONE);
}
