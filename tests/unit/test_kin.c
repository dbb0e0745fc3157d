/* Streams of one exporter that differ in the source port alone. */
#include "base/prng.h"
#include "tests/unit/message_fixture.h"

/* The same length as `usual`, source and destination exchanged: nothing but the ids tells them. */
static const uint16_t exchanged[] = {12, 4, 8,  4, 11, 2, 7, 2, 4,  1, 6,  1, 5, 1,
                                     10, 4, 14, 4, 2,  4, 1, 8, 22, 4, 21, 4, 0};

static void swapped_record(struct fixture *f)
{
	put(f, 0xcb007179, 4);
	put(f, 0x0a04000a, 4);
	put(f, 22, 2);
	put(f, 45126, 2);
	put(f, 6, 1);
	put(f, 0x1b, 1);
	put(f, 0x10, 1);
	put(f, 1, 4);
	put(f, 70000, 4);
	put(f, 15, 4);
	put(f, UINT64_C(5000000000), 8);
	put(f, UPTIME_MS - 2000, 4);
	put(f, UPTIME_MS - 100, 4);
}

struct process { /* of an exporter: a port, a sequence, a layout */
	uint16_t port, version;
	uint32_t sequence;
	bool is_swapped;
};

/* One message with one record, behind its template or not. All flows are from 10.4.0.10. */
static size_t export(struct fixture *f, struct process *p, bool has_template)
{
	f->origin.from.port = p->port;
	f->sequence = p->sequence++;
	begin(f, p->version);
	if (has_template) {
		set(f, template_set(f));
		template(f, 256, p->is_swapped ? exchanged : usual);
	}
	set(f, 256);
	if (p->is_swapped)
		swapped_record(f);
	else
		usual_record(f, UPTIME_MS - 2000, UPTIME_MS - 100);
	assert_string_equal(decode(f), "none");
	for (size_t i = 0; i < f->count; i++)
		assert_addr(&f->flows[i].src, "10.4.0.10");
	return f->count;
}

static size_t settle(struct fixture *f, int64_t later_ms)
{
	f->origin.received_ms += later_ms;
	f->batch.count = 0;
	flow_settle(f->decoder, f->origin.received_ms, &f->batch);
	for (size_t i = 0; i < f->batch.count; i++)
		assert_addr(&f->batch.flows[i].src, "10.4.0.10");
	return f->batch.count;
}

struct sum {
	uint64_t streams, lost, datagrams, flows;
};

static void add(void *ctx, const struct stream *s)
{
	struct sum *sum = ctx;

	if (s->leader != NULL)
		return;
	sum->streams++;
	sum->lost += s->lost;
	sum->datagrams += s->datagrams;
	sum->flows += s->flows;
}

static struct sum sum_of(const struct fixture *f)
{
	struct sum sum = {.streams = 0};

	stream_each(f->decoder->streams, add, &sum);
	return sum;
}

static void a_nat_that_gives_another_port_changes_nothing(void **state)
{
	static const uint16_t versions[] = {9, 10};
	struct fixture *f = *state;

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct process p = {2000, versions[v], 70000, false};

		for (int i = 0; i < 20; i++)
			assert_int_equal(export(f, &p, i == 0), 1);
		p.port = 2001;
		p.sequence += 3; /* three were lost meanwhile */
		for (int i = 0; i < 20; i++)
			assert_int_equal(export(f, &p, false), 1);
		assert_int_equal(sum_of(f).streams, v + 1);
		assert_int_equal(sum_of(f).lost, 3 * (v + 1));
		assert_int_equal(sum_of(f).datagrams, 40 * (v + 1));
	}
}

static void a_port_for_every_datagram_is_one_sequence(void **state)
{
	struct fixture *f = *state;
	struct prng prng = {11};
	struct process p = {40000, 9, 5, false};
	uint64_t lost = 0, sent = 0;

	assert_int_equal(export(f, &p, true), 1);
	for (int i = 0; i < 5000; i++) {
		bool is_last = i == 4999;

		if (!is_last && prng_below(&prng, 10) == 0) {
			p.sequence++;
			lost++;
			continue;
		}
		p.port = (uint16_t)(1024 + prng_below(&prng, 60000));
		assert_int_equal(export(f, &p, prng_below(&prng, 50) == 0), 1);
		sent++;
	}
	assert_int_equal(sum_of(f).streams, 1);
	assert_int_equal(sum_of(f).lost, lost);
	assert_int_equal(sum_of(f).datagrams, sent + 1);
	assert_int_equal(f->decoder->counters.flows, sent + 1);
}

/* Neighbours exchanged, some lost, each by one of four ports in turn. */
static void a_few_ports_in_turn_are_one_sequence_though_some_come_late(void **state)
{
	struct fixture *f = *state;
	struct prng prng = {12};
	struct process p = {2000, 9, 0, false};
	uint64_t lost = 0;

	assert_int_equal(export(f, &p, true), 1);
	for (uint32_t i = 1; i < 4000; i += 2) {
		uint32_t first = prng_below(&prng, 4) == 0;

		for (uint32_t j = 0; j < 2; j++) {
			uint32_t sequence = i + (j ^ first);

			if (i + 2 < 4000 && prng_below(&prng, 20) == 0) {
				lost++;
				continue;
			}
			p.port = (uint16_t)(2000 + sequence % 4);
			p.sequence = sequence;
			assert_int_equal(export(f, &p, false), 1);
		}
	}
	assert_int_equal(sum_of(f).streams, 1);
	assert_int_equal(sum_of(f).lost, lost);
}

/* Two processes with one id for two layouts: whatever comes first, each is read by its own. */
static void no_record_is_read_by_another_processes_template(void **state)
{
	struct fixture *f = *state;
	uint64_t read = 0, sent = 0;

	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(4096, 0); /* so that no exporter makes way */
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct prng prng = {seed};
		struct process p[2] = {
			{2000, prng_below(&prng, 2) == 0 ? 9 : 10, (uint32_t)prng_next(&prng),
		         false},
			{2001, 0, (uint32_t)prng_next(&prng), true},
		};
		int64_t until_template[2];

		p[1].version = p[0].version;
		f->origin.from.addr.octets[14] = (uint8_t)seed; /* another exporter */
		until_template[0] = (int64_t)prng_below(&prng, 40);
		until_template[1] = (int64_t)prng_below(&prng, 40);
		for (int i = 0; i < 200; i++) {
			size_t which = prng_below(&prng, 2);

			f->origin.received_ms += (int64_t)prng_below(&prng, 200);
			read += export(f, &p[which], until_template[which]-- == 0);
			read += settle(f, 0);
			sent++;
		}
	}
	/* Nothing was lost either: what waited for its template was read by it. */
	assert_int_equal(read, sent);
}

static void after_a_restart_the_templates_of_the_port_before_serve(void **state)
{
	static const uint16_t versions[] = {9, 10};
	struct fixture *f = *state;

	for (size_t v = 0; v < ARRAY_LEN(versions); v++) {
		struct process before = {2000, versions[v], 500000, false};
		struct process after = {2001, versions[v], 0, false};

		for (int i = 0; i < 20; i++) {
			assert_int_equal(export(f, &before, i == 0), 1);
			f->origin.received_ms += 100;
		}
		assert_int_equal(export(f, &after, false), 0); /* is the other still there? */
		assert_int_equal(settle(f, 1000), 0);
		assert_int_equal(settle(f, 1500), 1); /* it is not */
		assert_int_equal(export(f, &after, false), 1);
		/* Until it has its own. */
		after.is_swapped = true;
		assert_int_equal(export(f, &after, true), 1);
		assert_int_equal(export(f, &after, false), 1);
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_UNTOLD], 0);
}

static void what_waits_for_one_that_is_not_silent_goes_on_waiting(void **state)
{
	struct fixture *f = *state;
	struct process a = {2000, 9, 500000, true}, b = {2001, 9, 0, false};

	export(f, &a, true);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(export(f, &a, false), 1);
		assert_int_equal(export(f, &b, false), 0);
		assert_int_equal(settle(f, 1000), 0);
	}
	assert_int_equal(export(f, &b, true), 51);
}

static void of_a_cluster_whose_members_agree_another_is_read_at_once(void **state)
{
	struct fixture *f = *state;
	struct process unit[3] = {
		{2000, 9, 1u << 20, false}, {2001, 9, 1u << 24, false}, {2002, 9, 1u << 28, false}};

	assert_int_equal(export(f, &unit[0], true), 1);
	assert_int_equal(export(f, &unit[1], true), 1);
	assert_int_equal(export(f, &unit[2], false), 1);
	assert_int_equal(sum_of(f).streams, 3); /* each has its own sequence */
}

static void while_two_contradict_each_other_no_third_is_read_by_either(void **state)
{
	struct fixture *f = *state;
	struct process p[4] = {{2000, 9, 1u << 20, false},
	                       {2001, 9, 1u << 24, true},
	                       {2002, 9, 1u << 28, false},
	                       {2003, 9, 1u << 29, false}};

	assert_int_equal(export(f, &p[0], true), 1);
	assert_int_equal(export(f, &p[1], true), 1);
	assert_int_equal(export(f, &p[3], true), 1); /* two agree, one does not */
	assert_int_equal(export(f, &p[0], false), 1);
	assert_int_equal(export(f, &p[2], false), 0);
	assert_int_equal(settle(f, 100000), 0);
	assert_int_equal(export(f, &p[2], false), 0);
}

/* Another process begins by chance where this one goes on: it parts when that shows. */
static void what_was_taken_for_another_port_of_it_parts(void **state)
{
	struct fixture *f = *state;
	struct process a = {2000, 9, 1000, false}, b = {2001, 9, 1005, false};

	for (int i = 0; i < 5; i++)
		export(f, &a, i == 0);
	export(f, &b, false); /* 1005: as if it were the first's next */
	assert_int_equal(sum_of(f).streams, 1);
	b.is_swapped = true; /* but its template says otherwise */
	assert_int_equal(export(f, &b, true), 1);
	assert_int_equal(sum_of(f).streams, 2);
	for (int i = 0; i < 20; i++)
		assert_int_equal(export(f, &b, false), 1);
}

static void a_set_longer_than_its_message_is_no_end_of_it(void **state)
{
	struct fixture *f = *state;
	struct process a = {2000, 9, 1000, false};

	export(f, &a, true);
	f->origin.from.port = 2001;
	f->sequence = a.sequence;
	begin(f, 9);
	put(f, 0, 2); /* templates, of many octets, of which none is there */
	put(f, 4096, 2);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->decoder->counters.dropped[DROP_SET], 1);
}

static void sampling_follows_the_templates(void **state)
{
	static const uint8_t sampled_template[] = {1, 1, 0, 4, 0, 4, 0, 1, 0, 4, 0, 34, 0, 4};
	struct fixture *f = *state;
	struct process before = {2000, 9, 500000, false}, after = {2001, 9, 0, false};

	export(f, &before, true);
	f->sequence = before.sequence++;
	begin(f, 9);
	set(f, options_set(f));
	for (size_t i = 0; i < sizeof(sampled_template); i++)
		put(f, sampled_template[i], 1);
	set(f, 257);
	put(f, 0, 4);
	put(f, 64, 4);
	assert_string_equal(decode(f), "none");
	export(f, &before, false);
	assert_int_equal(f->flows[0].sampling, 64);
	f->origin.received_ms++;
	export(f, &after, false);
	assert_int_equal(settle(f, 5000), 1);
	assert_int_equal(f->batch.flows[0].sampling, 64);
}

/* A million strangers, each with a template of its own, among fifty who have been here before. */
static void a_million_forged_exporters_disturb_no_honest_one(void **state)
{
	struct fixture *f = *state;
	struct process honest[50];
	struct prng prng = {13};
	uint64_t datagrams = 0;

	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(4096, 0);
	for (size_t round = 0; round < 20; round++) {
		for (uint8_t i = 0; i < ARRAY_LEN(honest); i++) {
			if (round == 0)
				honest[i] = (struct process){2055, 9, 1000, false};
			f->origin.from.addr = addr_from_v4((const uint8_t[]){10, 0, 0, i});
			assert_int_equal(export(f, &honest[i], round == 0), 1);
			datagrams++;
		}
		f->origin.received_ms += 1000;
	}
	for (uint32_t i = 0; i < 1000000; i++) {
		struct process forged = {(uint16_t)prng_next(&prng), 9, i, false};
		uint8_t octets[4];

		prng_fill(&prng, octets, 4);
		octets[0] |= 0x80;
		f->origin.from.addr = addr_from_v4(octets);
		export(f, &forged, i % 2 == 0);
		f->origin.received_ms += i % 10 == 0;
		datagrams++;
		assert_true(f->decoder->budget.octets <= f->decoder->budget.octets_max);
		if (i % 1000 != 0)
			continue;
		for (uint8_t j = 0; j < ARRAY_LEN(honest); j++) {
			f->origin.from.addr = addr_from_v4((const uint8_t[]){10, 0, 0, j});
			assert_int_equal(export(f, &honest[j], false), 1);
			datagrams++;
		}
	}
	assert_int_equal(f->decoder->counters.datagrams, datagrams);
	assert_in_range(sum_of(f).streams, 50, 4096);
	assert_int_equal(sum_of(f).lost, 0);
	/* Of those without a template each set was read, waits, or is counted. */
	assert_true(f->decoder->counters.flows + f->decoder->counters.dropped[DROP_UNTOLD] + 512 >=
	            datagrams);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_nat_that_gives_another_port_changes_nothing),
		TEST(a_port_for_every_datagram_is_one_sequence),
		TEST(a_few_ports_in_turn_are_one_sequence_though_some_come_late),
		TEST(no_record_is_read_by_another_processes_template),
		TEST(after_a_restart_the_templates_of_the_port_before_serve),
		TEST(what_waits_for_one_that_is_not_silent_goes_on_waiting),
		TEST(of_a_cluster_whose_members_agree_another_is_read_at_once),
		TEST(while_two_contradict_each_other_no_third_is_read_by_either),
		TEST(what_was_taken_for_another_port_of_it_parts),
		TEST(a_set_longer_than_its_message_is_no_end_of_it),
		TEST(sampling_follows_the_templates),
		TEST(a_million_forged_exporters_disturb_no_honest_one),
	};

	return cmocka_run_group_tests_name("flow/kin", tests, NULL, NULL);
}
