#include "tools/eval/recording.h"

#include "base/util.h"
#include "correlate/connection.h"
#include "correlate/score.h"
#include "proto/flow/datagram.h"
#include "tools/capture.h"
#include "tools/eval/compare.h"
#include "tools/eval/times.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STREAMS_MAX 256
#define PATH_ROOM 4096

struct seen {                           /* a connection at a view */
	const struct truth_view *truth; /* NULL: none of the sessions */
	struct interval *on;            /* owned */
	size_t count;
	int64_t gap_ms;
};

struct recording {
	struct truth truth;
	struct seen *seen; /* owned */
	size_t count, space;
	const char *gateway; /* that is being read */
	int64_t gap_ms;
};

static void take_connection(void *ctx, const struct connection *c)
{
	struct recording *r = ctx;
	struct seen *s;

	if (r->count == r->space) {
		struct seen *more = must_alloc(2 * r->space + 64, sizeof(*more));

		if (r->count > 0)
			memcpy(more, r->seen, r->count * sizeof(*more));
		free(r->seen);
		r->seen = more;
		r->space = 2 * r->space + 64;
	}
	s = &r->seen[r->count++];
	s->truth = truth_find(&r->truth, r->gateway, &c->src, &c->dst, c->proto);
	s->count = c->on_count;
	s->gap_ms = c->gap_ms;
	s->on = must_alloc(c->on_count, sizeof(*s->on));
	memcpy(s->on, c->on, c->on_count * sizeof(*s->on));
}

static bool read_capture(const char *path, struct flow_batch *batch, char *reterr)
{
	struct flow_decoder *d = flow_decoder_new(STREAMS_MAX, 0);
	struct capture_datagram in;
	struct capture *c;
	enum err err = d == NULL ? ERR_NOMEM : capture_open(path, &c, reterr);

	if (err != ERR_OK) {
		flow_decoder_free(d);
		return false;
	}
	while (capture_next(c, &in) == ERR_OK) {
		struct flow_origin origin = {.from = in.from, .received_ms = in.received_ms};

		flow_decode(d, &origin, in.data.at, bytes_left(&in.data), batch);
	}
	capture_close(c);
	flow_decoder_free(d);
	return true;
}

static void join_flows(struct recording *r, const struct flow_batch *batch)
{
	struct sighting *rows = must_alloc(batch->count, sizeof(*rows));
	struct interval *room = must_alloc(batch->count, sizeof(*room));

	for (size_t i = 0; i < batch->count; i++)
		rows[i] = sighting_of(&batch->flows[i]);
	connection_each(rows, batch->count, r->gap_ms, room, take_connection, r);
	free(rows);
	free(room);
}

/* True when there was such a capture. */
static bool read_gateway(struct recording *r, const char *dir, const char *format, char *reterr)
{
	static const char *const endings[] = {"pcap.gz", "pcap"};

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		char path[PATH_ROOM];
		struct flow_batch batch = {.flows = NULL};
		bool is_read;

		snprintf(path, sizeof(path), "%s/%s_%s.%s", dir, r->gateway, format, endings[i]);
		if (access(path, R_OK) != 0)
			continue;
		is_read = read_capture(path, &batch, reterr);
		if (is_read)
			join_flows(r, &batch);
		flow_batch_free(&batch);
		return is_read;
	}
	return false;
}

static void recording_free(struct recording *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->seen[i].on);
	free(r->seen);
	truth_free(&r->truth);
}

static struct fingerprint print_of(const struct seen *s)
{
	return (struct fingerprint){s->on, s->count, s->gap_ms};
}

static double score_by(size_t method, const struct seen *a, const struct seen *b,
                       enum verdict *verdict)
{
	struct fingerprint target = print_of(a), other = print_of(b);
	struct agreement got = score_pair(&target, &other, &score_defaults);

	*verdict = got.verdict;
	return method < METHODS ? methods[method].score(&target, &other) : got.score;
}

static bool is_decidable(enum verdict verdict)
{
	return verdict != VERDICT_TOO_SHORT && verdict != VERDICT_UNDECIDABLE;
}

/* The view of the chain's last connection that is nearest to the victim. */
static const struct seen *target_of(const struct recording *r, size_t chain)
{
	const struct seen *best = NULL;

	for (size_t i = 0; i < r->count; i++) {
		const struct seen *s = &r->seen[i];

		if (s->truth != NULL && s->truth->session == chain &&
		    (best == NULL || s->truth->edge > best->truth->edge ||
		     (s->truth->edge == best->truth->edge && s->truth > best->truth)))
			best = s;
	}
	return best;
}

/* A true view ranks by how many false ones are above it. */
static json_t *chain_row(const struct recording *r, size_t chain, size_t method)
{
	const struct seen *target = target_of(r, chain);
	double lowest = INFINITY, best = -INFINITY;
	size_t views = 0, matched = 0, false_matches = 0, above = 0;
	enum verdict verdict;

	for (size_t i = 0; i < r->count && target != NULL; i++) {
		const struct seen *s = &r->seen[i];
		bool is_true = s->truth != NULL && s->truth->session == chain;
		double score;

		if (s == target)
			continue;
		score = score_by(method, target, s, &verdict);
		views += is_true;
		matched += is_true && verdict == VERDICT_MATCH;
		false_matches += !is_true && verdict == VERDICT_MATCH;
		if (is_true)
			lowest = MIN(lowest, score);
		else if (is_decidable(verdict))
			best = MAX(best, score);
	}
	for (size_t i = 0; i < r->count && target != NULL; i++) {
		const struct seen *s = &r->seen[i];
		bool is_true = s->truth != NULL && s->truth->session == chain;

		if (s != target && !is_true && score_by(method, target, s, &verdict) >= lowest)
			above += is_decidable(verdict);
	}
	return json_pack("{s:s, s:s, s:I, s:f, s:f, s:I, s:I, s:I}", "chain", r->truth.names[chain],
	                 "method", compare_name(method), "views", (json_int_t)views, "lowest_true",
	                 isfinite(lowest) ? lowest : 0, "best_false", isfinite(best) ? best : 0,
	                 "false_above", (json_int_t)above, "matches", (json_int_t)matched,
	                 "false_matches", (json_int_t)false_matches);
}

/* Two connections that truth says are of different sessions, of which it knows both. */
static bool is_unrelated(const struct seen *a, const struct seen *b)
{
	return a->truth != NULL && b->truth != NULL && a->truth->session != b->truth->session;
}

static json_t *strangers(const struct recording *r)
{
	size_t pairs = 0, reached[5] = {0}, same = 0, same_matched = 0;
	enum verdict verdict;
	double most = -INFINITY;

	for (size_t i = 0; i < r->count; i++) {
		for (size_t k = i + 1; k < r->count; k++) {
			const struct seen *a = &r->seen[i], *b = &r->seen[k];
			double score;

			if (a->truth == NULL || b->truth == NULL)
				continue;
			score = score_by(BY_EVIDENCE, a, b, &verdict);
			if (!is_unrelated(a, b)) {
				same += is_decidable(verdict);
				same_matched += verdict == VERDICT_MATCH;
				continue;
			}
			pairs++;
			most = MAX(most, score);
			for (size_t e = 0; e < ARRAY_LEN(reached); e++)
				reached[e] += score >= (double)e;
		}
	}
	return json_pack("{s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "pairs",
	                 (json_int_t)pairs, "best", isfinite(most) ? most : 0, "E0",
	                 (json_int_t)reached[0], "E1", (json_int_t)reached[1], "E2",
	                 (json_int_t)reached[2], "E3", (json_int_t)reached[3], "E4",
	                 (json_int_t)reached[4], "same_session", (json_int_t)same, "same_matched",
	                 (json_int_t)same_matched);
}

/* Every pair of views of two different jobs whose names begin with "cron". */
static json_t *traps(const struct recording *r)
{
	double most = -INFINITY, cpf = 0;
	size_t pairs = 0;

	for (size_t i = 0; i < r->count; i++) {
		for (size_t k = 0; k < r->count; k++) {
			const struct seen *a = &r->seen[i], *b = &r->seen[k];
			enum verdict verdict;

			if (!is_unrelated(a, b) ||
			    strncmp(r->truth.names[a->truth->session], "cron", 4) != 0 ||
			    strncmp(r->truth.names[b->truth->session], "cron", 4) != 0)
				continue;
			pairs++;
			most = MAX(most, score_by(BY_EVIDENCE, a, b, &verdict));
			cpf = MAX(cpf, score_by(METHOD_CPF, a, b, &verdict));
		}
	}
	return json_pack("{s:I, s:f, s:f}", "pairs", (json_int_t)pairs, "best",
	                 isfinite(most) ? most : 0, "best_cpf", cpf);
}

json_t *recording_study(const char *dir, const char *format, int64_t gap_ms,
                        char reterr[TRUTH_REASON_MAX])
{
	struct recording r = {.gap_ms = gap_ms};
	char path[PATH_ROOM];
	size_t read = 0;
	json_t *chains, *ret;

	snprintf(path, sizeof(path), "%s/truth.json", dir);
	if (!truth_read(path, &r.truth, reterr))
		return NULL;
	snprintf(reterr, TRUTH_REASON_MAX, "%.200s: no captures NAME_%s.pcap", dir, format);
	for (size_t i = 0; i < r.truth.gateway_count; i++) {
		r.gateway = r.truth.gateways[i];
		read += read_gateway(&r, dir, format, reterr);
	}
	if (read == 0) {
		recording_free(&r);
		return NULL;
	}
	chains = json_array();
	for (size_t c = 0; c < r.truth.chain_count; c++) {
		for (size_t m = 0; m < COMPARED; m++)
			json_array_append_new(chains, chain_row(&r, c, m));
	}
	ret = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "recording", dir, "format", format,
	                "connections", (json_int_t)r.count, "chains", chains, "strangers",
	                strangers(&r), "traps", traps(&r));
	recording_free(&r);
	return ret;
}
