/*
 * bench_score - how fast fingerprints are compared and connections are joined. One JSON object per
 * line.
 *
 *   bench_score [SIGHTINGS]     1 million unless told
 */
#include "base/prng.h"
#include "base/util.h"
#include "correlate/connection.h"
#include "correlate/edges.h"
#include "correlate/evidence.h"
#include "correlate/path.h"
#include "correlate/score.h"
#include "correlate/sieve.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GAP_MS 15000
#define PRINTS 1000
#define INTERVALS_MAX 100
#define SILENCES 18
#define STRANGERS 4096 /* that are told apart; the million repeats them */
#define ROUNDS 3
#define LAG_S 3.5
#define RECORDS 12 /* of one connection: both directions of six */
#define T0 INT64_C(1448150400000)

static void talk(struct prng *p, struct interval *on, size_t count)
{
	int64_t at_ms = T0 + (int64_t)prng_below(p, 60000);

	for (size_t i = 0; i < count; i++) {
		on[i].start_ms = at_ms;
		on[i].end_ms = at_ms + (int64_t)prng_below(p, 40000);
		at_ms = on[i].end_ms + GAP_MS + 1 + (int64_t)prng_below(p, 60000);
	}
}

/* Every print against every other for about two seconds. */
static void bench_pairs(size_t intervals)
{
	static struct interval on[PRINTS][INTERVALS_MAX];
	struct prng p = {1};
	uint64_t pairs = 0, matches = 0;
	double start_s, spent_s = 0;
	char what[64];

	for (size_t i = 0; i < PRINTS; i++)
		talk(&p, on[i], intervals);
	start_s = now_s();
	for (size_t i = 0; i < PRINTS && spent_s < 2; i++) {
		struct fingerprint target = {on[i], intervals, GAP_MS};

		for (size_t j = 0; j < PRINTS; j++) {
			struct fingerprint candidate = {on[j], intervals, GAP_MS};
			struct agreement a = score_pair(&target, &candidate, &score_defaults);

			matches += a.verdict == VERDICT_MATCH;
		}
		pairs += PRINTS;
		spent_s = now_s() - start_s;
	}
	CHECK(matches > 0);
	snprintf(what, sizeof(what), "pairs of %zu intervals", intervals);
	report("score", what, (double)pairs / spent_s, "pairs/s");
}

/* One target against `count` strangers of 18 silences, from the coarse sieve to the evidence. */
static void bench_brute_force(size_t count)
{
	static struct sieve sieve;
	static struct side target, other;
	struct sieve_silence *silences = malloc(count * SILENCES * sizeof(*silences));
	struct edges *edges = malloc(STRANGERS * sizeof(*edges));
	uint32_t *first = malloc((count + 1) * sizeof(*first)),
		 *picked = malloc(count * sizeof(*picked));
	struct interval on[SILENCES + 1];
	struct fingerprint print = {on, SILENCES + 1, GAP_MS};
	struct prng p = {7};
	size_t left = 0, voted = 0;
	double start_s, sieve_s = 0, votes_s = 0, all_s = 0;

	CHECK(silences != NULL && edges != NULL && first != NULL && picked != NULL);
	talk(&p, on, SILENCES + 1);
	edges_of(&print, GAP_MS, T0, 0, &target.edges);
	side_predict(&target);
	sieve_of(&target.edges, LAG_S, &sieve);
	for (size_t i = 0; i <= count; i++)
		first[i] = (uint32_t)(i * SILENCES);
	for (size_t i = 0; i < count; i++) {
		struct edges *e = &edges[i % STRANGERS];

		if (i < STRANGERS) {
			talk(&p, on, SILENCES + 1);
			edges_of(&print, GAP_MS, T0, 0, e);
		}
		for (size_t k = 0; k < SILENCES; k++)
			silences[i * SILENCES + k] =
				(struct sieve_silence){sieve_second(&target.edges, e->leave_s[k]),
			                               sieve_second(&target.edges, e->back_s[k])};
	}
	for (int round = 0; round < ROUNDS; round++) {
		size_t worthy = 0;

		start_s = now_s();
		left = sieve_pick(&sieve, silences, first, count, picked);
		sieve_s += now_s() - start_s;
		for (size_t i = 0; i < left; i++) {
			const struct edges *e = &edges[picked[i] % STRANGERS];

			if (sieve_votes(&target.edges, e, LAG_S) >= sieve.least)
				picked[worthy++] = picked[i];
		}
		votes_s += now_s() - start_s;
		for (size_t i = 0; i < worthy; i++) {
			struct evidence evidence;

			other.edges = edges[picked[i] % STRANGERS];
			side_predict(&other);
			evidence_of(&target, &other, LAG_S, &evidence);
			CHECK(evidence.decades < 12);
		}
		all_s += now_s() - start_s;
		voted = worthy;
	}
	report("score", "coarse sieve", sieve_s / ROUNDS / (double)count * 1e9, "ns/candidate");
	report("score", "it leaves", (double)left / (double)count, "share");
	report("score", "with votes", votes_s / ROUNDS / (double)count * 1e9, "ns/candidate");
	report("score", "they leave", (double)voted / (double)count, "share");
	report("score", "with evidence", all_s / ROUNDS / (double)count * 1e9, "ns/candidate");
	free(silences);
	free(edges);
	free(first);
	free(picked);
}

static void count_connection(void *ctx, const struct connection *c)
{
	size_t *count = ctx;

	CHECK(c->on_count > 0);
	(*count)++;
}

static void bench_connections(size_t count)
{
	struct sighting *rows = calloc(count, sizeof(*rows));
	struct interval *room = calloc(count, sizeof(*room));
	struct prng p = {2};
	size_t connections = 0;
	double start_s, spent_s;

	CHECK(rows != NULL);
	CHECK(room != NULL);
	for (size_t i = 0; i < count; i++) { /* as they come: by time, not by connection */
		uint32_t which = (uint32_t)prng_below(&p, count / RECORDS + 1);
		struct flow flow = {
			.start_ms = T0 + (int64_t)(i * 3600000 / count),
			.in_if = 1,
			.out_if = 2,
			.proto = FLOW_TCP,
			.src_port = (uint16_t)(1024 + which % 60000),
			.dst_port = 22,
			.packets = 1,
		};
		uint8_t src[4] = {10, (uint8_t)(which >> 16), (uint8_t)(which >> 8),
		                  (uint8_t)which};
		uint8_t dst[4] = {192, 0, 2, (uint8_t)which};

		flow.src = addr_from_v4(src);
		flow.dst = addr_from_v4(dst);
		flow.end_ms = flow.start_ms + (int64_t)prng_below(&p, 30000);
		rows[i] = sighting_of(&flow);
	}
	start_s = now_s();
	connection_each(rows, count, GAP_MS, room, count_connection, &connections);
	spent_s = now_s() - start_s;
	report("score", "connections joined", (double)connections / spent_s, "connections/s");
	report("score", "from sightings", (double)count / spent_s, "sightings/s");
	free(room);
	free(rows);
}

/* As many matches as a path takes, on a chain of private hosts behind one node. */
static void bench_path(void)
{
	static struct match matches[PATH_MATCHES_MAX];
	struct path path;
	double start_s = now_s();
	int rounds = 0;

	for (; now_s() - start_s < 1; rounds++) {
		for (size_t i = 0; i < PATH_MATCHES_MAX; i++) {
			uint8_t from[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
			uint8_t to[4] = {10, 0, (uint8_t)((i + 1) >> 8), (uint8_t)(i + 1)};

			matches[i] = (struct match){
				.src = {addr_from_v4(from), 50000},
				.dst = {addr_from_v4(to), 22},
				.life = {T0 + (int64_t)i * 10000, T0 + 100000000},
				.is_target = i + 1 == PATH_MATCHES_MAX,
			};
		}
		path_assemble(matches, PATH_MATCHES_MAX, NULL, 0, 2000, &path);
		CHECK(path.hop_count == PATH_HOPS_MAX);
	}
	report("score", "path of 512 matches", (now_s() - start_s) / rounds * 1e3, "ms");
}

int main(int argc, char **argv)
{
	size_t sightings = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;

	bench_brute_force(1000000);
	bench_pairs(18);
	bench_pairs(INTERVALS_MAX);
	bench_connections(sightings);
	bench_path();
	return 0;
}
