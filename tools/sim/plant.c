/*
 * What the members' stores hold, and their search. A question is a session of a person at a
 * terminal: ON for seconds, silent for the better part of a minute, ten minutes long. Every node
 * holds a dozen such sessions of its own; one that stands on the path also holds a copy of the one
 * asked for, begun earlier and with every edge moved a little, as the next hop upstream would see
 * it. The search is correlate's own score_pair(), so that what is found is measured end to end.
 *
 * Nothing is kept: a session is drawn again from the numbers of its query, node and place.
 */
#include "correlate/score.h"
#include "tools/sim/parts.h"

#include <string.h>

#define SESSION_MS 600000
#define SESSION_MAX 40 /* intervals */
#define GAP_MS 15000   /* the usual idle timeout of an exporter */
#define LOST 50        /* of 1000 records, as where nothing is known */
#define HELD 12        /* connections in a store */
#define MOVED_MS 400   /* at most, of an edge of the copy */
#define COPY_PORT 4022
#define TCP 6

/* In fd00::/8, and nowhere else in a run: if it is ever on the wire, an answer was readable. */
const uint8_t plant_mark[PLANT_MARK_LEN] = {0xfd, 's', 'p', 'o', 'o', 'r',
                                            ' ',  'm', 'a', 'r', 'k', 0x5a};

static size_t session(struct prng *p, int64_t start_ms, struct interval on[SESSION_MAX])
{
	int64_t at = start_ms;
	size_t count = 0;

	while (count < SESSION_MAX && at < start_ms + SESSION_MS) {
		on[count].start_ms = at;
		on[count].end_ms = at + 1000 + (int64_t)prng_below(p, 14000);
		at = on[count++].end_ms + 20000 + (int64_t)prng_below(p, 40000);
	}
	return count;
}

struct question plant_question(struct prng *p, struct wall now, enum severity severity)
{
	struct question q = {.gap_ms = GAP_MS,
	                     .bound_ms = score_defaults.target.bound_ms,
	                     .lost = LOST,
	                     .proto = TCP,
	                     .severity = severity};

	q.on_count = session(p, now.ms - SESSION_MS - 60000, q.on);
	return q;
}

static struct prng store_of(const struct sim *sim, uint32_t node, size_t query)
{
	struct prng p = {.state = sim->options.seed};

	p.state = prng_next(&p) ^ ((uint64_t)query << 32 | node);
	p.state = prng_next(&p);
	return p;
}

static int64_t moved(struct prng *p, int64_t at_ms)
{
	return at_ms - MOVED_MS + (int64_t)prng_below(p, 2 * MOVED_MS + 1);
}

/* As a node sees it whose clock is `skew_ms` off; logged in for a while before. */
static size_t copy(struct prng *p, const struct question *asked, int64_t skew_ms,
                   struct interval *ret)
{
	size_t count = 0;

	ret[count++] = (struct interval){asked->on[0].start_ms - 45000 + skew_ms,
	                                 asked->on[0].start_ms - 40000 + skew_ms};
	for (size_t i = 0; i < asked->on_count; i++) {
		ret[count].start_ms = moved(p, asked->on[i].start_ms) + skew_ms;
		ret[count].end_ms = moved(p, asked->on[i].end_ms) + skew_ms;
		if (ret[count].end_ms < ret[count].start_ms)
			ret[count].end_ms = ret[count].start_ms;
		count++;
	}
	return count;
}

static struct addr marked(uint32_t node)
{
	struct addr a;

	memcpy(a.octets, plant_mark, PLANT_MARK_LEN);
	for (int i = 0; i < 4; i++)
		a.octets[PLANT_MARK_LEN + i] = (uint8_t)(node >> (24 - 8 * i));
	return a;
}

static struct finding compare(uint32_t node, uint16_t port, const struct question *question,
                              const struct interval *on, size_t count)
{
	struct fingerprint target = {question->on, question->on_count, question->gap_ms};
	struct fingerprint candidate = {on, count, GAP_MS};
	struct agreement a = {.verdict = VERDICT_DIFFERENT};
	struct score_limits limits = score_defaults;

	limits.target.bound_ms = question->bound_ms;
	limits.target.loss = question->lost / 1e3;
	if (score_is_worthwhile(&target, &candidate, &limits))
		a = score_pair(&target, &candidate, &limits);
	return (struct finding){
		.exporter = marked(node),
		.if_low = 1,
		.if_high = 2,
		.src = {.addr = marked(node), .port = port},
		.dst = {.addr = marked(node), .port = 22},
		.proto = TCP,
		.verdict = (uint8_t)a.verdict,
		.life = {on[0].start_ms, on[count - 1].end_ms},
		.score = a.score,
		.cpf = a.cpf,
		.silences = a.silences,
		.common_ms = a.common_ms,
		.lag_ms = a.lag_ms,
	};
}

static void insert(struct answer *answer, struct finding f)
{
	size_t i = answer->finding_count++;

	for (; i > 0 && answer->findings[i - 1].score < f.score; i--)
		answer->findings[i] = answer->findings[i - 1];
	answer->findings[i] = f;
}

bool plant_search(const struct sim *sim, uint32_t node, size_t query,
                  const struct question *question, struct answer *ret)
{
	const struct sim_query *asked = &sim->queries[query];
	const struct question *truth = &asked->query.question;
	struct prng p = store_of(sim, node, query);
	struct interval on[SESSION_MAX + 1];
	size_t count;

	*ret = (struct answer){
		.window = {truth->on[0].start_ms - SESSION_MS,
	                   truth->on[truth->on_count - 1].end_ms},
		.connections = HELD,
	};
	for (uint16_t i = 0; i < HELD; i++) {
		bool is_copy = i == 0 && asked->parts[node].is_planted;
		int64_t early = (int64_t)prng_below(&p, 90000);

		count = is_copy ? copy(&p, truth, sim->nodes[node].skew_ms, on)
		                : session(&p, truth->on[0].start_ms - early, on);
		insert(ret, compare(node, (uint16_t)(COPY_PORT + (is_copy ? 0 : i + 1)), question,
		                    on, count));
		ret->flows += 2 * count;
	}
	return ret->findings[0].verdict == VERDICT_MATCH; /* the best stands first */
}

bool plant_is_copy(const struct finding *f)
{
	return f->src.port == COPY_PORT;
}

/* Field by field: padding is nobody's statement. */
uint64_t plant_digest(const struct answer *answer)
{
	uint64_t hash = answer->finding_count;

	stir(&hash, &answer->window, sizeof(answer->window));
	stir(&hash, &answer->flows, sizeof(answer->flows));
	stir(&hash, &answer->connections, sizeof(answer->connections));
	for (size_t i = 0; i < answer->finding_count; i++) {
		const struct finding *f = &answer->findings[i];

		stir(&hash, &f->exporter, sizeof(f->exporter));
		stir(&hash, &f->src.port, sizeof(f->src.port));
		stir(&hash, &f->verdict, sizeof(f->verdict));
		stir(&hash, &f->life, sizeof(f->life));
		stir(&hash, &f->score, sizeof(f->score));
		stir(&hash, &f->cpf, sizeof(f->cpf));
		stir(&hash, &f->lag_ms, sizeof(f->lag_ms));
	}
	return hash;
}
