/* Sequences that begin again, are two, count what they like or nothing: no flow is lost to them. */
#include "base/prng.h"
#include "proto/flow/habit.h"
#include "proto/flow/position.h"
#include "tests/unit/message_fixture.h"
#include "tests/unit/stream_sum.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS 4096
#define APART 6 /* places by which a message comes late, and its double behind it, at most */

static const uint16_t versions[] = {5, 9, 10};

struct message {
	uint32_t sequence, count, templates, serial;
	int64_t boot_later_ms;
	uint64_t arrives;
	uint16_t port;
};

enum counts { COUNTS_STANDARD, COUNTS_FLOWS, COUNTS_TOLD, COUNTS_MESSAGES, COUNTS_NOTHING };

struct generator {
	struct prng prng;
	uint16_t version, port;
	enum counts counts;
	bool is_after;   /* a message's own are counted */
	bool is_telling; /* the template in each */
	double loss, late, twice;
	int64_t boot_later_ms;
	uint32_t sequence, serial;
	uint64_t lost, doubled, flows; /* its own account */
	struct message rows[ROWS];
	size_t count;
};

static uint32_t amount(const struct generator *g, const struct message *m)
{
	const uint32_t amounts[] = {
		[COUNTS_STANDARD] = g->version == 9 ? 1 : m->count,
		[COUNTS_FLOWS] = m->count,
		[COUNTS_TOLD] = m->count + m->templates,
		[COUNTS_MESSAGES] = 1,
		[COUNTS_NOTHING] = 0,
	};

	return amounts[g->counts];
}

static bool chance(struct generator *g, double share)
{
	return prng_unit(&g->prng) < share;
}

static void add(struct generator *g, struct message m, uint64_t arrives)
{
	m.arrives = arrives;
	assert_true(g->count < ROWS);
	g->rows[g->count++] = m;
}

/* One message that arrives at `place`; unless it is one of the edges it may be lost, late, twice.
 */
static void emit(struct generator *g, uint64_t place, bool is_edge)
{
	uint64_t at = 1000 * place;
	struct message m = {.count = 1 + (uint32_t)prng_below(&g->prng, 9),
	                    .templates = g->version != 5 && (g->is_telling || chance(g, 0.2)),
	                    .serial = g->serial++,
	                    .boot_later_ms = g->boot_later_ms,
	                    .port = g->port};
	uint32_t units = amount(g, &m);

	m.sequence = g->is_after ? g->sequence + units : g->sequence;
	g->sequence += units;
	if (!is_edge && chance(g, g->loss)) {
		g->lost += units;
		return;
	}
	if (!is_edge && chance(g, g->late))
		at += 1000 * prng_below(&g->prng, APART) + 1;
	add(g, m, at);
	g->flows += m.count;
	if (!is_edge && chance(g, g->twice)) {
		add(g, m, at + 1 + prng_below(&g->prng, 1000));
		g->doubled++;
	}
}

static void emit_run(struct generator *g, uint64_t from, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		emit(g, from + i, i < APART + 2 || i + APART + 2 >= count);
}

static int by_arrival(const void *a, const void *b)
{
	const struct message *left = a, *right = b;

	return (left->arrives > right->arrives) - (left->arrives < right->arrives);
}

static void write_v5(struct fixture *f, const struct message *m)
{
	f->version = 5;
	f->out = octets_of(f->wire, sizeof(f->wire));
	f->set = NULL;
	put(f, 5, 2);
	put(f, m->count, 2);
	put(f, (uint64_t)(UPTIME_MS - m->boot_later_ms), 4);
	put(f, EXPORT_S, 4);
	put(f, 0, 4);
	put(f, m->sequence, 4);
	put(f, 0, 4);
	for (uint32_t i = 0; i < m->count; i++) {
		put(f, 0, 8);
		put(f, m->serial, 8);
		put(f, 0, 8);
		put(f, (uint64_t)(UPTIME_MS - m->boot_later_ms - 60000 - m->serial), 4);
		put(f, (uint64_t)(UPTIME_MS - m->boot_later_ms - 100), 4);
		put(f, 0, 8);
		put(f, 0, 8);
	}
}

static void write_sets(struct fixture *f, uint16_t version, const struct message *m)
{
	uint32_t uptime = (uint32_t)(UPTIME_MS - m->boot_later_ms);
	struct octets o = octets_of(f->wire + 4, 4);

	f->sequence = m->sequence;
	begin(f, version);
	if (version == 9)
		octets_uint(&o, uptime, 4);
	for (uint32_t i = 0; i < m->templates; i++) {
		set(f, template_set(f));
		template(f, 256, usual);
	}
	set(f, 256);
	for (uint32_t i = 0; i < m->count; i++)
		usual_record(f, uptime - 60000 - m->serial, uptime - 100);
}

static void send(struct fixture *f, uint16_t version, const struct message *m)
{
	f->origin.from.port = m->port;
	f->origin.received_ms++;
	if (version == 5)
		write_v5(f, m);
	else
		write_sets(f, version, m);
	decode(f);
}

static void again(struct fixture *f)
{
	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(8, 0);
	f->origin.received_ms = RECEIVED_MS;
}

/* Its first tells the template. */
static void send_all(struct fixture *f, struct generator *g)
{
	qsort(g->rows, g->count, sizeof(g->rows[0]), by_arrival);
	for (size_t i = 0; i < g->count; i++) {
		struct message m = g->rows[i];

		send(f, g->version, &m);
	}
}

static void assert_sum(const struct fixture *f, const struct generator *g, const char *what,
                       uint64_t lost_more, uint64_t restarts_max)
{
	struct sum sum = sum_of(f->decoder);

	if (sum.flows != g->flows || sum.lost < g->lost || sum.lost > g->lost + lost_more ||
	    sum.duplicates != g->doubled || sum.restarts > restarts_max)
		fail_msg("version %d, %s: flows %d of %d, lost %d of %d, late %d, twice %d of %d, "
		         "restarts %d",
		         g->version, what, (int)sum.flows, (int)g->flows, (int)sum.lost,
		         (int)g->lost, (int)sum.late, (int)sum.duplicates, (int)g->doubled,
		         (int)sum.restarts);
}

/* Messages of a template alone would be numbers of their own: it stands in the first. */
static struct generator generator_of(uint16_t version, uint64_t seed, double loss)
{
	struct generator g = {.prng = {seed},
	                      .version = version,
	                      .port = 2055,
	                      .loss = loss,
	                      .late = loss > 0 ? 0.05 : 0,
	                      .twice = loss > 0 ? 0.02 : 0};

	return g;
}

static void tell(struct fixture *f, struct generator *g)
{
	if (g->version == 5)
		return;
	f->origin.from.port = g->port;
	f->sequence = g->sequence;
	g->sequence += g->version == 9 && g->counts == COUNTS_STANDARD;
	begin(f, g->version);
	set(f, template_set(f));
	template(f, 256, usual);
	decode(f);
}

static const double losses[] = {0, 0.01, 0.2};
static struct generator g;

static void where_a_sequence_begins_again_no_flow_is_lost(void **state)
{
	static const uint32_t back[] = {900, 1000, 60000, 70000, 1u << 30};
	struct fixture *f = *state;

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		for (size_t i = 0; i < ARRAY_LEN(back) * ARRAY_LEN(losses); i++) {
			again(f);
			g = generator_of(versions[v], i, losses[i % ARRAY_LEN(losses)]);
			g.sequence = (1u << 31) + 5;
			tell(f, &g);
			emit_run(&g, 0, 200);
			g.sequence -= back[i / ARRAY_LEN(losses)];
			emit_run(&g, 200 + 2 * APART, 300);
			send_all(f, &g);
			assert_sum(f, &g, "begun again", 0, 1);
			assert_int_equal(sum_of(f->decoder).restarts, 1);
		}
	}
}

static void numbers_that_never_change_lose_nothing(void **state)
{
	struct fixture *f = *state;

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		again(f);
		g = generator_of(versions[v], v, 0);
		g.counts = COUNTS_NOTHING;
		g.twice = 0.05;
		tell(f, &g);
		g.sequence = 0;
		emit_run(&g, 0, 200);
		send_all(f, &g);
		assert_sum(f, &g, "constant", 0, 0);
		assert_true(sum_of(f->decoder).late <= 1);
	}
}

/* Then nothing but its octets tells a datagram from another, wherever they differ. */
static void of_numbers_that_never_change_every_octet_counts(void **state)
{
	const struct message m = {.count = 30, .serial = 7};
	struct fixture *f = *state;

	again(f);
	write_v5(f, &m);
	assert_string_equal(decode(f), "none");
	for (uint64_t i = 0; i < 200; i++) {
		uint8_t *at = f->wire + 24 + (i / 8 + 2) * 48 + i % 8; /* within an address */

		write_v5(f, &m);
		*at = (uint8_t)(i + 1);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 30);
	}
	assert_string_equal(decode(f), "duplicate");
}

/* Two exporters that a NAT gives one address and port, as they come. */
static void two_sequences_in_one_stream_lose_nothing(void **state)
{
	static const uint32_t apart[] = {3, 17, 500, 5000, 91000, 4000000, 1u << 30};
	static const int64_t later_ms[] = {0, 100000, -100000};
	struct fixture *f = *state;

	for (size_t i = 0; i < 3 * 7 * 3; i++) {
		uint32_t away = apart[i / 3 % 7], sequences[2] = {50000000, 50000000};
		char what[64];

		again(f);
		g = generator_of(versions[i % 3], i, 0);
		g.sequence = sequences[0];
		tell(f, &g);
		sequences[0] = g.sequence;
		sequences[1] = g.sequence + (i % 2 == 0 ? away : 0u - away);
		for (uint64_t k = 0; k < 400; k++) {
			size_t which = k < 5 || k >= 396 ? k % 2 : prng_below(&g.prng, 2);

			g.sequence = sequences[which];
			g.boot_later_ms = which == 1 ? later_ms[i / 21] : 0;
			emit(&g, k, true);
			sequences[which] = g.sequence;
		}
		send_all(f, &g);
		snprintf(what, sizeof(what), "two, %d apart, %d ms", (int)away,
		         (int)later_ms[i / 21]);
		assert_sum(f, &g, what, 0, 1);
	}
}

/* Two processes of one exporter, whose numbers are close by: one port is not the other's. */
static void two_ports_whose_numbers_meet_are_two_streams(void **state)
{
	static const int32_t apart[] = {-3, 0, 1, 3, 8, 50, 200};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(apart) * ARRAY_LEN(versions); i++) {
		uint32_t sequences[2] = {1000, 1000 + (uint32_t)apart[i / 3]};
		char what[64];

		again(f);
		g = generator_of(versions[i % 3], i, 0);
		for (uint64_t k = 0; k < 200; k++) {
			size_t which = k < 5 ? k % 2 : prng_below(&g.prng, 2);

			g.sequence = sequences[which];
			g.port = (uint16_t)(2055 + which);
			emit(&g, k, true);
			g.rows[k].templates = k < 2 && g.version != 5;
			sequences[which] = g.sequence;
		}
		send_all(f, &g);
		snprintf(what, sizeof(what), "two ports, %d apart", (int)apart[i / 3]);
		assert_sum(f, &g, what, 9, 0); /* what a datagram straddles */
		assert_int_equal(sum_of(f->decoder).streams, 2);
	}
}

static const struct {
	uint16_t version;
	enum counts counts;
	bool is_after;
} habits[] = {
	{9, COUNTS_FLOWS, false},    {9, COUNTS_FLOWS, true},  {10, COUNTS_TOLD, false},
	{10, COUNTS_TOLD, true},     {10, COUNTS_FLOWS, true}, {10, COUNTS_MESSAGES, false},
	{5, COUNTS_MESSAGES, false}, {5, COUNTS_FLOWS, true},
};

static void what_a_sequence_counts_is_learned(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(habits) * ARRAY_LEN(losses); i++) {
		size_t row = i / ARRAY_LEN(losses);
		char what[64];

		again(f);
		g = generator_of(habits[row].version, i, 0);
		g.sequence = 1000;
		g.counts = habits[row].counts;
		g.is_after = habits[row].is_after;
		tell(f, &g);
		emit_run(&g, 0, 60);
		g.loss = losses[i % ARRAY_LEN(losses)];
		g.late = 0.05;
		g.twice = 0.02;
		emit_run(&g, 60 + APART, 500);
		send_all(f, &g);
		snprintf(what, sizeof(what), "habit %d", (int)row);
		assert_sum(f, &g, what, 0, 0);
	}
}

static void pack_position(void *ctx, const struct stream *s)
{
	struct fixture *f = ctx;
	uint8_t key[MEMORY_KEY], room[POSITION_MAX];
	struct flow_decoder *next = flow_decoder_new(8, 0);

	memory_key(s, 0, key);
	assert_ok(position_recall(next, key, bytes_of(room, position_pack(s, room)), s->seen_ms));
	f->decoder = next;
}

/* What is lost while the node is away is counted as what it counts. */
static void a_habit_outlives_a_restart_of_the_node(void **state)
{
	struct fixture *f = *state;

	for (size_t row = 0; row < ARRAY_LEN(habits); row++) {
		struct flow_decoder *before;
		uint64_t lost, flows;

		again(f);
		g = generator_of(habits[row].version, row, 0);
		g.counts = habits[row].counts;
		g.is_after = habits[row].is_after;
		tell(f, &g);
		emit_run(&g, 0, 60);
		send_all(f, &g);
		before = f->decoder;
		stream_each(before->streams, pack_position, f);
		flow_decoder_free(before);
		lost = g.sequence;
		flows = g.flows;
		g.count = 0;
		g.loss = 1;
		for (uint64_t i = 0; i < 10; i++)
			emit(&g, 60 + i, false);
		g.loss = 0;
		lost = g.sequence - lost;
		g.is_telling = true;
		emit_run(&g, 80, 60);
		send_all(f, &g);
		if (sum_of(f->decoder).lost != lost ||
		    f->decoder->counters.flows != g.flows - flows)
			fail_msg("habit %d: lost %d of %d, flows %d of %d", (int)row,
			         (int)sum_of(f->decoder).lost, (int)lost,
			         (int)f->decoder->counters.flows, (int)(g.flows - flows));
	}
}

/* Whoever forges datagrams of an exporter makes it lose no flow, and little else. */
static void forged_numbers_cost_the_exporter_no_flow(void **state)
{
	struct fixture *f = *state;

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		again(f);
		g = generator_of(versions[v], v, 0);
		g.sequence = 1000;
		tell(f, &g);
		for (uint64_t k = 0; k < 1000; k++) {
			uint32_t honest = g.sequence;

			if (k % 20 == 10) {
				g.sequence = (uint32_t)prng_next(&g.prng);
				g.boot_later_ms = (int64_t)prng_below(&g.prng, 400000) - 200000;
			}
			emit(&g, k, true);
			if (k % 20 == 10)
				g.sequence = honest;
			g.boot_later_ms = 0;
		}
		send_all(f, &g);
		assert_sum(f, &g, "forged", 0, 50);
		assert_true(sum_of(f->decoder).late <= 200);
	}
}

/* Files of one datagram each: nobody says who sent them, nor which was first. */
static void lone_datagrams_are_read_in_any_order(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * 2 * ARRAY_LEN(versions); i++) {
		struct message files[2] = {{.sequence = 5000, .count = 2, .serial = 1},
		                           {.sequence = 4000, .count = 3, .serial = 2}};
		uint16_t version = versions[i / 4];

		again(f);
		f->origin.from = (struct endpoint){.port = 0};
		f->origin.session = i / 2 % 2 == 0 ? 0 : 9;
		files[i % 2].templates = version != 5;
		send(f, version, &files[0]);
		send(f, version, &files[1]);
		assert_int_equal(f->decoder->counters.flows, 5);
		assert_int_equal(f->decoder->counters.dropped[DROP_DUPLICATE], 0);
		send(f, version, &files[0]); /* the same one is */
		assert_int_equal(f->decoder->counters.dropped[DROP_DUPLICATE], 1);
	}
}

static void what_a_connection_has_lost_stays_counted(void **state)
{
	struct fixture *f = *state;
	struct sum sum;

	again(f);
	g = generator_of(10, 1, 0);
	f->origin.session = 7;
	f->origin.is_connected = true;
	tell(f, &g);
	emit_run(&g, 0, 20);
	g.sequence += 33;
	emit_run(&g, 30, 20);
	send_all(f, &g);
	sum = sum_of(f->decoder);
	assert_int_equal(sum.lost, 33);
	flow_end_session(f->decoder, 7);
	assert_int_equal(sum_of(f->decoder).streams, 0);
	assert_int_equal(f->decoder->ended.streams, 1);
	assert_int_equal(f->decoder->ended.lost, 33);
	assert_int_equal(f->decoder->ended.lost_flows, 33);
	assert_int_equal(f->decoder->ended.flows, g.flows);
	/* A file's were lost long ago, and a stranger's perhaps never. */
	f->origin.is_connected = false;
	for (f->origin.session = 8; f->origin.session < 9; f->origin.session++)
		send_all(f, &g);
	flow_end_session(f->decoder, 8);
	assert_int_equal(f->decoder->ended.streams, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(where_a_sequence_begins_again_no_flow_is_lost),
		TEST(numbers_that_never_change_lose_nothing),
		TEST(of_numbers_that_never_change_every_octet_counts),
		TEST(two_sequences_in_one_stream_lose_nothing),
		TEST(two_ports_whose_numbers_meet_are_two_streams),
		TEST(what_a_sequence_counts_is_learned),
		TEST(a_habit_outlives_a_restart_of_the_node),
		TEST(forged_numbers_cost_the_exporter_no_flow),
		TEST(lone_datagrams_are_read_in_any_order),
		TEST(what_a_connection_has_lost_stays_counted),
	};

	return cmocka_run_group_tests_name("flow/sequence", tests, NULL, NULL);
}
