#include "proto/flow/repeat.h"

#include "proto/flow/ways.h"

#include <string.h>

#define WORD sizeof(uint64_t)
#define LANES 4
#define STEP (LANES * WORD)
#define EDGE STEP /* at each end: sequence and time stand in there */
#define ODD UINT64_C(0x9e3779b97f4a7c15)

struct lanes {
	uint64_t a, b, c, d;
};

static inline uint64_t mix(uint64_t lane, const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, WORD);
	word = (lane ^ word) * ODD;
	return word ^ word >> 32;
}

static inline struct lanes take(struct lanes l, const uint8_t *at)
{
	return (struct lanes){mix(l.a, at), mix(l.b, at + WORD), mix(l.c, at + 2 * WORD),
	                      mix(l.d, at + 3 * WORD)};
}

static inline struct lanes take_all(struct lanes l, const uint8_t *at, size_t len)
{
	for (; len >= STEP; at += STEP, len -= STEP)
		l = take(l, at);
	if (len > 0) {
		uint8_t tail[STEP] = {0};

		memcpy(tail, at, len);
		l = take(l, tail);
	}
	return l;
}

uint64_t repeat_digest(struct bytes message, bool is_whole)
{
	size_t len = bytes_left(&message);
	struct lanes l = {len, 1, 2, 3};

	if (is_whole || len <= 2 * EDGE)
		l = take_all(l, message.at, len);
	else
		l = take(take(l, message.at), message.end - EDGE);
	return ways_mix(l.a * ODD ^ l.b, l.c * ODD ^ l.d);
}

bool repeat_check(struct stream *s, struct bytes message, bool is_next)
{
	uint64_t digest = repeat_digest(message, false);
	uint64_t whole = is_next ? 0 : repeat_digest(message, true);

	for (size_t i = 0; i < STREAM_REPEATS && !is_next; i++) {
		if (s->repeats[i].digest != digest ||
		    (s->repeats[i].whole != 0 && s->repeats[i].whole != whole))
			continue;
		s->repeats[i].whole = whole;
		s->datagrams++;
		s->duplicates++;
		return true;
	}
	s->repeats[s->repeat_at++ % STREAM_REPEATS] = (struct stream_repeat){digest, whole};
	return false;
}
