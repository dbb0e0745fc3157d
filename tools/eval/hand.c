#include "tools/eval/hand.h"

#include "base/util.h"
#include "tools/eval/draw.h"

#include <stdlib.h>

#define REST_MIN_S 0.5
#define REST_MAX_S 120.0
#define AWAY_MIN_S 30.0
#define AWAY_MAX_S 900.0
#define OUTPUT_MAX_S 120.0
#define OUTPUT_EVERY_S 0.4
#define RETRANSMITTED 0.004

struct hand hand_draw(struct prng *p)
{
	return (struct hand){
		.key_s = draw_lognormal(p, 0.17, 0.25),
		.rest_share = draw_lognormal(p, 0.26, 0.15),
		.rest_alpha = draw_lognormal(p, 0.9, 0.12),
		.away_share = draw_is(p, 0.4) ? 0.004 : 0,
		.enter_share = draw_between(p, 0.05, 0.2),
		.output_s = draw_lognormal(p, 0.2, 0.5),
	};
}

static void strokes_add(struct strokes *s, struct stroke stroke)
{
	if (s->count == s->space) {
		struct stroke *of;

		s->space = s->space == 0 ? 1024 : 2 * s->space;
		of = must_alloc(s->space, sizeof(*of));
		for (size_t i = 0; i < s->count; i++)
			of[i] = s->of[i];
		free(s->of);
		s->of = of;
	}
	s->of[s->count++] = stroke;
}

void strokes_free(struct strokes *s)
{
	free(s->of);
	*s = (struct strokes){0};
}

static double rest(struct prng *p, const struct hand *hand)
{
	if (draw_is(p, hand->away_share))
		return draw_pareto(p, AWAY_MIN_S, 1.1, AWAY_MAX_S);
	return draw_pareto(p, REST_MIN_S, hand->rest_alpha, REST_MAX_S);
}

void hand_play(struct prng *p, const struct hand *hand, double from_s, double to_s,
               struct strokes *ret)
{
	double at_s = from_s;

	ret->count = 0;
	while (at_s < to_s) {
		struct stroke stroke = {.at_s = at_s};

		if (draw_is(p, hand->enter_share)) {
			stroke.output_s = draw_lognormal(p, hand->output_s, 1.5);
			stroke.output_s = MIN(stroke.output_s, OUTPUT_MAX_S);
		}
		strokes_add(ret, stroke);
		at_s += draw_is(p, hand->rest_share) ? rest(p, hand)
		                                     : draw_lognormal(p, hand->key_s, 0.5);
	}
}

struct chain chain_draw(struct prng *p, double duration_s, int is_proxied)
{
	static const double acks_s[] = {0.001, 0.04, 0.2};
	struct chain c = {.jitter_s = draw_between(p, 0.001, 0.02)};
	double start_s = 0;

	for (size_t h = CHAIN_HOPS; h-- > 0;) {
		c.start_s[h] = start_s;
		start_s -= is_proxied ? draw_between(p, 0.1, 1) : draw_between(p, 5, 90);
		c.link_s[h] = draw_between(p, 0.01, 0.4);
		c.ack_s[h] = draw_one_of(p, acks_s, ARRAY_LEN(acks_s));
	}
	c.end_s[CHAIN_HOPS - 1] = duration_s;
	for (size_t h = CHAIN_HOPS - 1; h-- > 0;)
		c.end_s[h] = c.end_s[h + 1] +
		             (is_proxied ? draw_between(p, 0, 0.3) : draw_between(p, 0.5, 60));
	return c;
}

double *chain_hold(struct prng *p, const struct chain *chain, const struct strokes *strokes)
{
	double *held_s = must_alloc(strokes->count, sizeof(*held_s)), last_s = -INFINITY;

	for (size_t i = 0; i < strokes->count; i++) {
		held_s[i] = strokes->of[i].at_s + draw_between(p, 0, chain->delay_s);
		held_s[i] = last_s = MAX(held_s[i], last_s);
	}
	return held_s;
}

static double jitter(struct prng *p, const struct chain *c)
{
	return draw_exponential(p, c->jitter_s) +
	       (draw_is(p, RETRANSMITTED) ? draw_between(p, 0.2, 1.2) : 0);
}

void chain_packets(struct prng *p, const struct chain *c, const struct strokes *strokes, size_t hop,
                   const double *held_s, struct times *ret)
{
	double there_s = 0,
	       beyond_s = 0; /* from the keyboard to the hop; from it to the last host */

	for (size_t h = 0; h < CHAIN_HOPS; h++) {
		there_s += h < hop ? c->link_s[h] : h == hop ? c->link_s[h] / 2 : 0;
		beyond_s += h > hop ? c->link_s[h] : h == hop ? c->link_s[h] / 2 : 0;
	}
	times_clear(ret);
	for (size_t i = 0; i < strokes->count; i++) {
		const struct stroke *s = &strokes->of[i];
		bool is_last = hop == CHAIN_HOPS - 1;
		double held = held_s[i] - s->at_s;
		double at_s = s->at_s + there_s + (is_last ? held : 0) + jitter(p, c);
		double echo_s = at_s + 2 * beyond_s + (is_last ? 0 : held) + jitter(p, c);

		if (s->at_s < c->start_s[hop] || s->at_s > c->end_s[hop])
			continue;
		/* What is typed before the next login is echoed by this hop's own host. */
		if (!is_last && (s->at_s < c->start_s[hop + 1] || s->at_s > c->end_s[hop + 1]))
			echo_s = at_s + c->link_s[hop] + jitter(p, c);
		times_add(ret, at_s);
		times_add(ret, echo_s);
		for (double o = OUTPUT_EVERY_S; o < s->output_s; o += OUTPUT_EVERY_S)
			times_add(ret, echo_s + o);
		times_add(ret, echo_s + s->output_s + c->ack_s[hop]);
	}
	/* Logging in and out farther on is typed and echoed here as well. */
	for (size_t h = hop; h < CHAIN_HOPS; h++) {
		times_add(ret, c->start_s[h] + there_s);
		times_add(ret, c->start_s[h] + there_s + 2 * beyond_s);
		times_add(ret, c->end_s[h] + there_s);
		times_add(ret, c->end_s[h] + there_s + 2 * beyond_s);
	}
	times_sort(ret);
}
