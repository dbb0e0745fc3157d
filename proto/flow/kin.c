#include "proto/flow/kin.h"

#include "base/util.h"
#include "proto/flow/sequence.h"

#include <string.h>

#define KIN_MAX 8

/* How far ahead of what is expected a datagram on another port may be: eight of the largest. */
#define AHEAD_DATAGRAMS 8
#define AHEAD_UNITS 256
#define BOOT_SLACK_MS 2000 /* a boot time read from whole seconds */
#define STRIKES 2          /* datagrams in a row that do not fit: it was another process */

#define SILENT_MS 2000
#define SILENT_GAPS 4 /* mean intervals of the one that may have fallen silent */
#define SILENT_MAX_MS 60000
#define LIVES_MS 600000
#define REFUSED_MS 500 /* until it is looked at again */

struct kin {
	struct stream *rows[KIN_MAX];
	size_t count;
};

/* The others, the latest in the table first; aliases have nothing of their own. */
static struct kin kin_of(const struct flow_decoder *d, const struct stream *s)
{
	struct kin kin = {.count = 0};

	for (struct stream *r = stream_kin(d->streams, &s->key); r != NULL && kin.count < KIN_MAX;
	     r = r->next_kin) {
		if (r != s && r->leader == NULL && stream_is_kin(r, s))
			kin.rows[kin.count++] = r;
	}
	return kin;
}

/* --- one process on many ports --- */

/* By their headers; one of them may not tell. */
static bool started_together(const struct stream *s, const struct kin_message *m)
{
	return m->boot_ms == 0 || s->run.boot_ms == 0 ||
	       (m->boot_ms <= s->run.boot_ms + BOOT_SLACK_MS &&
	        m->boot_ms >= s->run.boot_ms - BOOT_SLACK_MS);
}

static bool is_expected(const struct stream *s, const struct kin_message *m)
{
	uint32_t most = m->version == 9 ? AHEAD_DATAGRAMS : AHEAD_UNITS;

	if (!started_together(s, m))
		return false;
	return m->sequence - s->run.next <= most || sequence_is_missing(s, m->sequence);
}

static bool contradicts(const struct stream *s, const struct kin_message *m)
{
	return m->format != NULL && sets_contradict(m->format, m->sets, s->templates);
}

/* The only one whose sequence goes on with the message. */
static struct stream *find_leader(const struct flow_decoder *d, const struct stream *s,
                                  const struct kin_message *m)
{
	const struct kin kin = kin_of(d, s);
	struct stream *found = NULL;

	for (size_t i = 0; i < kin.count; i++) {
		struct stream *r = kin.rows[i];

		if (r->datagrams == 0 || !is_expected(r, m) || contradicts(r, m))
			continue;
		if (found != NULL)
			return NULL;
		found = r;
	}
	return found;
}

/* Is the alias still of its leader? A datagram that came again proves nothing. */
static bool still_follows(struct stream *s, const struct kin_message *m)
{
	bool is_restart = !started_together(s->leader, m) && m->boot_ms > s->leader->run.boot_ms;

	if (contradicts(s->leader, m))
		return false;
	if (is_restart || is_expected(s->leader, m)) {
		s->strikes = 0;
		return true;
	}
	return m->sequence == s->run.next || ++s->strikes < STRIKES;
}

/* Two processes, whose numbers came together by chance: each has its own from now on. */
void kin_part(struct flow_decoder *d, struct stream *leader)
{
	for (struct stream *s = stream_kin(d->streams, &leader->key); s != NULL; s = s->next_kin) {
		if (s->leader != leader)
			continue;
		s->leader = NULL;
		s->is_parted = true;
		s->is_alike = true;
	}
}

struct stream *kin_stream(struct flow_decoder *d, const struct flow_origin *origin,
                          const struct kin_message *m)
{
	struct stream *s = flow_stream(d, origin, m->version, m->domain);
	bool is_new = s->datagrams == 0 && s->templates == NULL && !s->is_recalled;

	if (origin->is_connected || (s->leader == NULL && (!is_new || s->is_parted)))
		return s;
	if (s->leader == NULL)
		s->leader = find_leader(d, s, m);
	else if (!still_follows(s, m)) {
		s->leader = NULL;
		s->is_parted = true;
	}
	if (s->leader == NULL)
		return s;
	s->run.next = m->sequence;
	stream_arrive(s->leader, d->counters.datagrams, origin->received_ms);
	flow_moved(d, s->leader);
	return s->leader;
}

/* --- another's templates --- */

enum likeness { LIKENESS_NONE, LIKENESS_SAME, LIKENESS_CONTRADICTS };

static enum likeness compare(const struct stream *a, const struct stream *b)
{
	enum likeness likeness = LIKENESS_NONE;

	for (size_t i = 0; i < template_count(a->templates); i++) {
		const struct template *t = template_at(a->templates, i);
		const struct template *other = template_of(b->templates, t->id);

		if (other != NULL && !template_equal(t, other))
			return LIKENESS_CONTRADICTS;
		if (other != NULL)
			likeness = LIKENESS_SAME;
	}
	return likeness;
}

/* Of one known from before a restart it is not known since when it had sent. */
static bool live_together(const struct stream *a, const struct stream *b)
{
	return (a->is_recalled || a->first_ms <= b->seen_ms) &&
	       (b->is_recalled || b->first_ms <= a->seen_ms);
}

/* Do two that live at the same time contradict each other? `s` is one of them. */
static bool are_at_odds(const struct kin *kin, const struct stream *s)
{
	for (size_t i = 0; i < kin->count; i++) {
		const struct stream *a = kin->rows[i];

		if (live_together(a, s) && compare(a, s) == LIKENESS_CONTRADICTS)
			return true;
		for (size_t j = 0; j < i; j++) {
			const struct stream *b = kin->rows[j];

			if (live_together(a, b) && compare(a, b) == LIKENESS_CONTRADICTS)
				return true;
		}
	}
	return false;
}

/* `r` has sent nothing since `s` is here, for longer than it used to. */
static bool is_silent(const struct stream *r, const struct stream *s, int64_t now_ms)
{
	int64_t gap_ms =
		r->arrivals > 1 ? (r->seen_ms - r->first_ms) / (int64_t)(r->arrivals - 1) : 0;
	int64_t wait_ms = MIN(MAX(SILENT_GAPS * gap_ms, SILENT_MS), SILENT_MAX_MS);

	return r->seen_ms < s->first_ms && now_ms - s->first_ms >= SILENT_MS &&
	       now_ms - r->seen_ms >= wait_ms;
}

static void borrow_sampling(struct stream *s, const struct stream *r)
{
	if (s->sampling != 0 || s->samplers[0].interval != 0)
		return;
	s->sampling = r->sampling;
	memcpy(s->samplers, r->samplers, sizeof(s->samplers));
}

/* The latest that has the template and does not contradict; and how many that live have it. */
static struct stream *find_lender(const struct kin *kin, const struct stream *s, uint16_t id,
                                  int64_t now_ms, size_t *ret_agree)
{
	struct stream *lender = NULL;

	*ret_agree = 0;
	for (size_t i = 0; i < kin->count; i++) {
		struct stream *r = kin->rows[i];

		if (template_of(r->templates, id) == NULL || compare(r, s) == LIKENESS_CONTRADICTS)
			continue;
		*ret_agree += now_ms - r->seen_ms < LIVES_MS;
		if (lender == NULL || r->seen_ms > lender->seen_ms)
			lender = r;
	}
	return lender;
}

const struct template *kin_template(struct flow_decoder *d, struct stream *s, uint16_t id,
                                    int64_t now_ms)
{
	struct stream *lender = NULL;
	struct kin kin;
	size_t agree;

	if (s->is_connected ||
	    (s->refused_ms != 0 && now_ms - s->refused_ms < REFUSED_MS && now_ms >= s->refused_ms))
		return NULL;
	kin = kin_of(d, s);
	if (kin.count > 0 && !are_at_odds(&kin, s))
		lender = find_lender(&kin, s, id, now_ms, &agree);
	if (lender == NULL || (agree < 2 && !s->is_alike && compare(lender, s) != LIKENESS_SAME &&
	                       !is_silent(lender, s, now_ms))) {
		s->refused_ms = now_ms;
		return NULL;
	}
	borrow_sampling(s, lender);
	return template_of(lender->templates, id);
}
