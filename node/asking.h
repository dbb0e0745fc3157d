/* asking - a connection as a question about it, as finely as a datagram allows. */
#ifndef SPOOR_NODE_ASKING_H
#define SPOOR_NODE_ASKING_H

#include "correlate/fingerprint.h"
#include "correlate/score.h"
#include "correlate/volume.h"
#include "node/round.h"
#include "proto/flow/datagram.h"
#include "proto/wire/query.h"

#define ASKING_STEPS 6

struct asking {
	struct fingerprint rhythm;
	struct score_clock clock;          /* of the exporter that told of it */
	const struct volume_side *carried; /* since the rhythm's start; NULL: it is not asked by */
	size_t way;                        /* of that: the one that others are told */
	uint8_t proto;
	enum severity severity;
	struct ends about;
};

/* A rhythm as a question, in `max` (at most QUERY_INTERVALS_MAX) intervals, and nothing else. */
struct question asking_rhythm(const struct fingerprint *rhythm, uint8_t proto, size_t max);

/* What is known now of an exporter that has told of a life, its times being moved already. */
struct score_clock asking_clock(const struct flow_decoder *decoder, const struct addr *exporter,
                                struct interval life);

/* By the middle of what its exporter's clock leaves open, as whoever searches has it of his own. */
void asking_move(const struct score_clock *clock, struct question *q);

/* Each of ASKING_STEPS steps, from 0 on, is coarser than the one before. */
struct question asking_question(const struct asking *a, size_t step);

#endif
