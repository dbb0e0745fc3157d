/* sFlow: what is lost, by the numbers of datagrams and samples, over restarts of both sides. */
#include "tests/unit/sflow_fixture.h"

/* Sends one datagram of one sample. */
static const char *send_one(struct fixture *f, uint32_t sequence, uint32_t source, uint32_t number,
                            uint32_t drops)
{
	f->sequence = sequence;
	begin_sflow(f, 1);
	begin_sample(f, source, number, drops, 1, 2, 1);
	raw_header(f, 0);
	return decode_sflow(f);
}

static void lost_datagrams_and_samples_are_counted_exactly(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	send_one(f, 10, 1, 100, 5);
	send_one(f, 11, 2, 7, 0);
	send_one(f, 12, 1, 101, 5);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
	send_one(f, 15, 1, 104, 12); /* two datagrams, and of source 1 two samples */
	assert_int_equal(s->lost, 2);
	assert_int_equal(s->samples_lost, 2);
	assert_int_equal(s->drops, 7);
	send_one(f, 14, 1, 103, 12); /* late: it takes its loss back */
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 1);
	assert_int_equal(s->late, 1);
	assert_string_equal(send_one(f, 14, 1, 103, 12), "duplicate");
	assert_int_equal(s->samples_lost, 1);
	send_one(f, 16, 2, 9, 3); /* a sample that no datagram brought */
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 2);
	assert_int_equal(s->drops, 10);
}

/* Or never goes on. The agent was not started anew, its process was. */
static void a_sequence_that_begins_again_loses_no_sample(void **state)
{
	struct fixture *f = *state;

	for (uint32_t step = 0; step < 2; step++) {
		f->origin.from.port = (uint16_t)(1000 + step);
		for (uint32_t i = 0; i < 65; i++) {
			f->origin.received_ms += 1000;
			uptime_ms += 1000;
			assert_string_equal(send_one(f, (i < 5 ? 3000 : 0) + step * i, 1,
			                             (i < 5 ? 700 : 0) + i, 0),
			                    "none");
			assert_int_equal(f->count, 1);
		}
	}
	assert_int_equal(stream_at(f, 0)->lost + stream_at(f, 0)->samples_lost, 0);
	assert_int_equal(stream_at(f, 1)->lost + stream_at(f, 1)->late, 0);
	assert_int_equal(stream_at(f, 0)->restarts, 1);
}

static void a_long_gap_is_counted_whole_and_numbers_wrap(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	send_one(f, 1, 1, UINT32_MAX - 1, UINT32_MAX);
	send_one(f, 2, 1, 998, 4);
	assert_int_equal(s->samples_lost, 999);
	assert_int_equal(s->drops, 5);
	send_one(f, 3, 1, 935, 4); /* the furthest back that is still told apart */
	assert_int_equal(s->samples_lost, 998);
	send_one(f, 4, 1, 935, 4);
	assert_int_equal(s->samples_lost, 998);
}

static void an_agent_that_starts_again_has_lost_nothing(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	uptime_ms = 3600000;
	send_one(f, 5000, 1, 900, 50);
	f->origin.received_ms += 200000;
	uptime_ms = 1000;
	send_one(f, 1, 1, 1, 0);
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
	send_one(f, 2, 1, 2, 0);
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
}

/* A datagram that was under way for long, and an uptime that wraps, are no restarts. */
static void delay_and_a_wrapped_uptime_are_no_restart(void **state)
{
	struct fixture *f = *state;
	const struct stream *s = stream_at(f, 0);

	uptime_ms = UINT32_MAX - 100;
	send_one(f, 1, 1, 1, 0);
	uptime_ms = 900;
	f->origin.received_ms += 1001 + 3000;
	send_one(f, 3, 1, 3, 0);
	assert_int_equal(s->restarts, 0);
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 1);
}

static void send_as_another_agent(struct fixture *f)
{
	f->sequence = 900;
	begin_sflow(f, 1);
	f->wire[11] = 10;
	begin_sample(f, 1, 70, 0, 1, 2, 1);
	raw_header(f, 0);
	assert_string_equal(decode_sflow(f), "none");
}

/* Their sequences are their own, though they share an address and a port. */
static void agents_and_sub_agents_are_streams_of_their_own(void **state)
{
	struct fixture *f = *state;

	send_one(f, 10, 1, 100, 0);
	f->domain = 1;
	send_one(f, 500, 1, 40, 0);
	f->domain = 0;
	send_as_another_agent(f);
	send_one(f, 11, 1, 101, 0);
	assert_int_equal(stream_at(f, 0)->datagrams, 2);
	assert_int_equal(stream_at(f, 0)->lost + stream_at(f, 0)->samples_lost, 0);
	assert_int_equal(stream_at(f, 1)->datagrams, 1);
}

/* Forged senders put out each other, and nobody who has been here for a while. */
static void a_flood_of_agents_leaves_the_others_sources_alone(void **state)
{
	struct fixture *f = *state;
	uint16_t port = f->origin.from.port;
	uint32_t sequence = 0, sample = 0;

	for (int i = 0; i < 20; i++, sequence++, sample++) {
		f->origin.received_ms += 1000;
		uptime_ms += 1000;
		send_one(f, sequence, 1, sample, 0);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		f->origin.from.port = (uint16_t)(i % 1000 + 1);
		f->domain = i;
		send_one(f, 0, i, 0, 0);
	}
	f->origin.from.port = port;
	f->domain = 0;
	send_one(f, sequence + 1, 1, sample + 1, 3);
	assert_int_equal(stream_at(f, 0)->datagrams, 21);
	assert_int_equal(stream_at(f, 0)->lost, 1);
	assert_int_equal(stream_at(f, 0)->samples_lost, 1);
	assert_int_equal(stream_at(f, 0)->drops, 3);
}

/* --- over a restart of ours --- */

struct kept {
	size_t count;
	struct {
		uint8_t key[MEMORY_KEY], value[POSITION_MAX];
		size_t len;
	} entries[4];
};

static void keep_position(void *ctx, const struct stream *s)
{
	struct kept *k = ctx;

	assert_true(k->count < ARRAY_LEN(k->entries));
	assert_true(position_is_kept(s));
	memory_key(s, 0, k->entries[k->count].key);
	k->entries[k->count].len = position_pack(s, k->entries[k->count].value);
	k->count++;
}

/* Another decoder, which has only what was kept. */
static void restart(struct fixture *f)
{
	static struct kept k;

	k.count = 0;
	stream_each(f->decoder->streams, keep_position, &k);
	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(64, 1);
	for (size_t i = 0; i < k.count; i++)
		assert_ok(position_recall(f->decoder, k.entries[i].key,
		                          bytes_of(k.entries[i].value, k.entries[i].len),
		                          RECEIVED_MS));
}

static void what_is_missing_over_a_restart_of_ours_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct stream *s;

	uptime_ms = 3600000;
	send_one(f, 10, 1, 100, 5);
	send_one(f, 11, 2, 7, 0);
	send_one(f, 13, 1, 102, 6);
	restart(f);
	s = stream_at(f, 0);
	assert_int_equal(s->datagrams, 3);
	assert_int_equal(s->lost, 1);
	assert_int_equal(s->samples_lost, 1);
	assert_int_equal(s->drops, 1);
	f->origin.received_ms += 5000;
	uptime_ms += 5000;
	send_one(f, 16, 1, 105, 9); /* three datagrams since, and of each source two samples */
	send_one(f, 17, 2, 10, 1);
	assert_int_equal(s->datagrams, 5);
	assert_int_equal(s->lost, 3);
	assert_int_equal(s->samples_lost, 1 + 2 + 2);
	assert_int_equal(s->drops, 1 + 3 + 1);
	assert_int_equal(s->restarts, 0);
}

static void an_agent_that_starts_again_meanwhile_has_lost_nothing(void **state)
{
	struct fixture *f = *state;
	const struct stream *s;

	uptime_ms = 3600000;
	send_one(f, 5000, 1, 900, 50);
	restart(f);
	s = stream_at(f, 0);
	f->origin.received_ms += 200000;
	uptime_ms = 1000;
	send_one(f, 1, 1, 1, 0);
	assert_int_equal(s->restarts, 1);
	assert_int_equal(s->lost + s->samples_lost + s->drops, 0);
	restart(f); /* whose sources have not all begun anew yet */
	s = stream_at(f, 0);
	send_one(f, 2, 1, 3, 0);
	assert_int_equal(s->samples_lost, 1);
}

static void agents_behind_one_address_are_kept_apart(void **state)
{
	struct fixture *f = *state;

	send_one(f, 10, 1, 100, 0);
	send_as_another_agent(f);
	restart(f);
	send_one(f, 12, 1, 103, 0);
	assert_int_equal(stream_at(f, 0)->datagrams, 2);
	assert_int_equal(stream_at(f, 0)->lost, 1);
	assert_int_equal(stream_at(f, 0)->samples_lost, 2);
}

/* More than are kept, and than the table holds: some are forgotten, nothing else is harmed. */
static void of_an_agent_with_many_sources_some_are_kept(void **state)
{
	struct fixture *f = *state;
	struct source_sample sources[200];
	const struct stream *s;

	for (uint32_t i = 0; i < 5000; i++)
		send_one(f, i, i, 1, 0);
	s = stream_at(f, 0);
	assert_in_range(source_latest(s, sources, ARRAY_LEN(sources)), 100, 128);
	restart(f);
	s = stream_at(f, 0);
	assert_int_equal(source_latest(s, sources, ARRAY_LEN(sources)), POSITION_SOURCES);
	send_one(f, 5000, 4999, 3, 0);
	assert_int_equal(s->samples_lost, 1);
}

static void an_entry_that_is_cut_is_refused(void **state)
{
	struct fixture *f = *state;
	static struct kept k;

	send_one(f, 10, 1, 100, 5);
	k.count = 0;
	stream_each(f->decoder->streams, keep_position, &k);
	for (size_t len = 0; len < k.entries[0].len; len++) {
		if (len != k.entries[0].len - 16) /* one without sources */
			assert_err(ERR_FORMAT,
			           position_recall(f->decoder, k.entries[0].key,
			                           bytes_of(k.entries[0].value, len), RECEIVED_MS));
	}
	assert_err(ERR_STALE, position_recall(f->decoder, k.entries[0].key,
	                                      bytes_of(k.entries[0].value, k.entries[0].len),
	                                      RECEIVED_MS + MEMORY_AGE_MS + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SFLOW(lost_datagrams_and_samples_are_counted_exactly),
		SFLOW(a_sequence_that_begins_again_loses_no_sample),
		SFLOW(a_long_gap_is_counted_whole_and_numbers_wrap),
		SFLOW(an_agent_that_starts_again_has_lost_nothing),
		SFLOW(delay_and_a_wrapped_uptime_are_no_restart),
		SFLOW(a_flood_of_agents_leaves_the_others_sources_alone),
		SFLOW(agents_and_sub_agents_are_streams_of_their_own),
		SFLOW(what_is_missing_over_a_restart_of_ours_is_counted),
		SFLOW(an_agent_that_starts_again_meanwhile_has_lost_nothing),
		SFLOW(agents_behind_one_address_are_kept_apart),
		SFLOW(of_an_agent_with_many_sources_some_are_kept),
		SFLOW(an_entry_that_is_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
