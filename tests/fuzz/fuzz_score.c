/*
 * fuzz_score - two fingerprints of any shape, and as many volumes: whatever they say, the score is
 * finite and in range.
 *
 * Input: 14 octets of clocks and 6 of gaps, then intervals of 7 octets: which side, how far from
 * the one before, how long. Sizes are scaled by an octet, so that years are as near as
 * milliseconds.
 */
#include "base/bytes.h"
#include "correlate/order.h"
#include "correlate/score.h"
#include "correlate/sieve.h"

#include <math.h>
#include <stdlib.h>

#define INTERVALS 600
#define GAP_MS 15000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct interval on[2][INTERVALS];
static struct edges edges[2];
static struct sieve sieve;
static struct sieve_silence silences[EDGES_MAX];

static void must(int claim)
{
	if (!claim)
		abort();
}

static int64_t scaled(struct bytes *in)
{
	unsigned shift = (unsigned)bytes_uint(in, 1) % 60;
	uint64_t value = bytes_uint(in, 2);

	return (int64_t)(value << shift) - ((value & 1) != 0 ? 1 : 0);
}

static struct score_clock clock_of(struct bytes *in)
{
	struct score_clock ret = {.offset_ms = scaled(in), .bound_ms = scaled(in)};
	uint64_t loss = bytes_uint(in, 1);

	ret.loss = (double)loss / 255;
	return ret;
}

static int64_t plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void read_prints(struct bytes *in, struct fingerprint prints[2])
{
	int64_t at_ms[2] = {INT64_C(1700000040000), INT64_C(1700000040000)};

	prints[0] = (struct fingerprint){on[0], 0, scaled(in)};
	prints[1] = (struct fingerprint){on[1], 0, scaled(in)};
	while (bytes_left(in) >= 7) {
		size_t side = bytes_uint(in, 1) % 2;
		struct interval *next = &on[side][prints[side].count];

		if (prints[side].count == INTERVALS)
			break;
		next->start_ms = plus(at_ms[side], scaled(in));
		next->end_ms = plus(next->start_ms, scaled(in));
		at_ms[side] = next->end_ms;
		prints[side].count++;
	}
}

static void check_sieves(const struct fingerprint prints[2])
{
	uint32_t first[2] = {0}, picked;
	size_t votes;

	for (int i = 0; i < 2; i++)
		edges_of(&prints[i], GAP_MS, prints[0].on[0].start_ms, 0, &edges[i]);
	sieve_of(&edges[0], SIEVE_LAG_MAX_S, &sieve);
	votes = sieve_votes(&edges[0], &edges[1], SIEVE_LAG_MAX_S);
	must(votes <= 4 * EDGES_MAX * EDGES_MAX);
	first[1] = (uint32_t)edges[1].count;
	for (size_t k = 0; k < edges[1].count; k++)
		silences[k] = (struct sieve_silence){sieve_second(&edges[0], edges[1].leave_s[k]),
		                                     sieve_second(&edges[0], edges[1].back_s[k])};
	must(sieve_pick(&sieve, silences, first, 1, &picked) <= 1);
	must(isfinite(order_of(&edges[0], &edges[1], 0.2, 2).log_odds));
}

/* The longer, the more; of an instant none. One way first, then both. */
static void volumes_of(const struct fingerprint *print, int64_t origin_ms, struct volume_side *ret)
{
	static struct volume records[INTERVALS];

	ret->is_sampled = false;
	for (size_t way = 0; way < VOLUME_WAYS; way++) {
		for (size_t i = 0; i < print->count; i++) {
			uint64_t ms =
				(uint64_t)print->on[i].end_ms - (uint64_t)print->on[i].start_ms;

			records[i] = (struct volume){print->on[i], ms * (1009 + (ms & 511) * way)};
		}
		volume_way_of(records, print->count, origin_ms, &ret->way[way]);
	}
}

static void check_volumes(const struct fingerprint prints[2], const struct score_limits *limits)
{
	static struct volume_side sides[2];
	int64_t origin_ms = prints[0].on[0].start_ms;
	struct agreement there, back;

	volumes_of(&prints[0], origin_ms, &sides[0]);
	volumes_of(&prints[1], origin_ms, &sides[1]);
	there = score_volumes(&sides[0], &sides[1], limits);
	back = score_volumes(&sides[1], &sides[0], limits);
	must(isfinite(there.score) && fabs(there.score) <= SCORE_MAX);
	must(there.common_ms == back.common_ms);
	must(there.verdict == VERDICT_TOO_SHORT || back.verdict == VERDICT_TOO_SHORT ||
	     fabs(there.score - back.score) < 1e-6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct score_limits limits = score_defaults, turned;
	struct fingerprint prints[2];
	struct agreement there, back;

	limits.target = clock_of(&in);
	limits.candidate = clock_of(&in);
	turned = limits;
	turned.target = limits.candidate;
	turned.candidate = limits.target;
	read_prints(&in, prints);
	if (prints[0].count == 0 || prints[1].count == 0)
		return 0;
	there = score_pair(&prints[0], &prints[1], &limits);
	back = score_pair(&prints[1], &prints[0], &turned);
	must(isfinite(there.score) && fabs(there.score) <= SCORE_MAX);
	must(isfinite(back.score) && fabs(back.score) <= SCORE_MAX);
	must(there.cpf >= 0 && there.cpf <= 1);
	must(there.common_ms >= 0);
	must(verdict_text(there.verdict) != NULL);
	(void)score_is_worthwhile(&prints[0], &prints[1], &limits);
	must(score_p_value(there.score, 1000) >= 0 && score_p_value(there.score, 1000) <= 1);
	check_sieves(prints);
	check_volumes(prints, &limits);
	return 0;
}
