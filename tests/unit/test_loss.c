/* What a node reports as lost, late and twice is what the generator did; in all three formats. */
#include "base/prng.h"
#include "proto/flow/habit.h"
#include "tests/unit/message_fixture.h"

#include <stdlib.h>

#define MESSAGES 4000
#define APART 6 /* places by which a message comes late, and its double behind it, at most */

struct sent {
	uint32_t sequence, count;
	uint64_t arrives;
};

struct generator {
	struct prng prng;
	uint16_t version;
	double loss, late, twice;
	uint64_t lost, lost_flows, sent_twice, flows; /* the generator's own account */
	struct sent rows[2 * MESSAGES];
	size_t row_count;
};

static bool chance(struct generator *g, double share)
{
	return prng_unit(&g->prng) < share;
}

static void add(struct generator *g, struct sent sent, uint64_t arrives)
{
	sent.arrives = arrives;
	g->rows[g->row_count++] = sent;
}

/* The first and the last always come, in their places: what they frame must be exact. */
static void generate(struct generator *g)
{
	uint32_t sequence = (uint32_t)prng_next(&g->prng);

	g->row_count = 0;
	g->lost = g->lost_flows = g->sent_twice = g->flows = 0;
	for (uint64_t i = 0; i < MESSAGES; i++) {
		bool is_inner = i > 0 && i + 1 < MESSAGES;
		uint64_t at = 1000 * i, most = MIN(APART, MESSAGES - 2 - i);
		struct sent sent = {.sequence = sequence,
		                    .count = 1 + (uint32_t)prng_below(&g->prng, 20)};

		sequence += g->version == 9 ? 1 : sent.count;
		if (is_inner && chance(g, g->loss)) {
			g->lost += g->version == 9 ? 1 : sent.count;
			g->lost_flows += sent.count;
			continue;
		}
		if (is_inner && most > 0 && chance(g, g->late))
			at += 1000 * prng_below(&g->prng, most) + 1;
		add(g, sent, at);
		g->flows += sent.count;
		if (is_inner && most > 0 && chance(g, g->twice)) {
			add(g, sent, at + 1 + prng_below(&g->prng, 1000));
			g->sent_twice++;
		}
	}
}

static int by_arrival(const void *a, const void *b)
{
	const struct sent *left = a, *right = b;

	return (left->arrives > right->arrives) - (left->arrives < right->arrives);
}

static void write_v5(struct fixture *f, const struct sent *sent)
{
	f->version = 5;
	f->out = octets_of(f->wire, sizeof(f->wire));
	f->set = NULL;
	put(f, 5, 2);
	put(f, sent->count, 2);
	put(f, UPTIME_MS, 4);
	put(f, EXPORT_S, 4);
	put(f, 0, 4);
	put(f, sent->sequence, 4);
	put(f, 0, 4);
	for (uint32_t i = 0; i < sent->count * 48; i++)
		put(f, i % 48 >= 24 && i % 48 < 32 && i % 4 == 1 ? 9 : 0, 1); /* uptimes */
}

static void send(struct fixture *f, const struct sent *sent)
{
	if (f->version == 5) {
		write_v5(f, sent);
	} else {
		f->sequence = sent->sequence;
		begin(f, f->version);
		set(f, 256);
		for (uint32_t i = 0; i < sent->count; i++)
			usual_record(f, UPTIME_MS - 2000, UPTIME_MS - 100 - i);
	}
	decode(f);
}

static void keep_stream(void *ctx, const struct stream *s)
{
	*(const struct stream **)ctx = s;
}

static void assert_account(struct fixture *f, struct generator *g, uint64_t seed)
{
	const struct stream *s = NULL;
	uint64_t estimate;

	stream_each(f->decoder->streams, keep_stream, &s);
	if (s->lost != g->lost || s->duplicates != g->sent_twice ||
	    f->decoder->counters.flows != g->flows || s->restarts != 0)
		fail_msg("version %d, seed %d: lost %d of %d, twice %d of %d, flows %d of %d, "
		         "restarts %d",
		         g->version, (int)seed, (int)s->lost, (int)g->lost, (int)s->duplicates,
		         (int)g->sent_twice, (int)f->decoder->counters.flows, (int)g->flows,
		         (int)s->restarts);
	/* Of v9 it is an estimate: as many as those that came had, a tenth more or less. */
	estimate = habit_lost_flows(s);
	if (g->version != 9)
		assert_int_equal(estimate, g->lost_flows);
	else if (g->lost > 200)
		assert_in_range(estimate, g->lost_flows * 9 / 10, g->lost_flows * 11 / 10);
}

/* The template goes before, in a sequence that leads to the first message. */
static void tell_template(struct fixture *f, uint16_t version, const struct generator *g)
{
	f->version = version;
	if (version == 5)
		return;
	f->sequence = version == 9 ? g->rows[0].sequence - 1 : g->rows[0].sequence;
	begin(f, version);
	set(f, template_set(f));
	template(f, 256, usual);
	decode(f);
}

static void account(struct fixture *f, uint16_t version, double loss, double twice)
{
	static struct generator g;

	for (uint64_t seed = 0; seed < 8; seed++) {
		flow_decoder_free(f->decoder);
		f->decoder = flow_decoder_new(8, 0);
		g = (struct generator){.prng = {seed},
		                       .version = version,
		                       .loss = loss,
		                       .late = 0.05,
		                       .twice = twice};
		generate(&g);
		qsort(g.rows, g.row_count, sizeof(g.rows[0]), by_arrival);
		tell_template(f, version, &g);
		for (size_t i = 0; i < g.row_count; i++)
			send(f, &g.rows[i]);
		assert_account(f, &g, seed);
	}
}

static const double losses[] = {0, 0.001, 0.01, 0.2};

static void of_version_5_flows_are_accounted_for_exactly(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		account(*state, 5, losses[i], 0.02);
}

static void of_version_9_datagrams_are_and_flows_estimated(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		account(*state, 9, losses[i], 0.02);
}

/* As where two routers send the same to one address. */
static void of_a_stream_that_comes_twice_the_flows_count_once(void **state)
{
	account(*state, 9, 0.2, 1);
}

static void of_ipfix_records_are_accounted_for_exactly(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(losses); i++)
		account(*state, 10, losses[i], 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_version_5_flows_are_accounted_for_exactly),
		TEST(of_version_9_datagrams_are_and_flows_estimated),
		TEST(of_a_stream_that_comes_twice_the_flows_count_once),
		TEST(of_ipfix_records_are_accounted_for_exactly),
	};

	return cmocka_run_group_tests_name("flow/loss", tests, NULL, NULL);
}
