/* NetFlow v9 and IPFIX: templates, and sequences of messages. */
#include "tests/unit/message_fixture.h"

static void records_wait_for_their_template(void **state)
{
	struct fixture *f = *state;

	for (f->sequence = 0; f->sequence < 3; f->sequence++) {
		begin(f, 9);
		set(f, 256);
		usual_record(f, UPTIME_MS - 2000, UPTIME_MS - 100 + f->sequence);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 0);
		f->origin.received_ms += 1000;
	}
	begin(f, 9);
	set(f, 0);
	template(f, 256, usual);
	set(f, 256);
	usual_record(f, UPTIME_MS - 2000, UPTIME_MS - 97);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 4);
	for (size_t i = 0; i < 4; i++) { /* in their order, each as it came */
		assert_int_equal(f->flows[i].end_ms, EXPORT_MS - 100 + (int64_t)i);
		assert_int_equal(f->flows[i].received_ms, RECEIVED_MS + 1000 * (int64_t)i);
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_UNTOLD], 0);
}

static void what_waits_is_bounded_and_its_loss_counted(void **state)
{
	struct fixture *f = *state;

	for (f->sequence = 0; f->sequence < 70; f->sequence++) {
		begin(f, 9);
		set(f, 256);
		usual_record(f, UPTIME_MS - 2000, UPTIME_MS);
		assert_string_equal(decode(f), "none");
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_UNTOLD], 6);
	begin(f, 9);
	set(f, 0);
	template(f, 256, usual);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 64);
}

static void another_domain_and_another_port_have_their_own(void **state)
{
	struct fixture *f = *state;

	begin(f, 9);
	set(f, 0);
	template(f, 256, usual);
	assert_string_equal(decode(f), "none");
	f->domain = 1;
	begin(f, 9);
	set(f, 256);
	usual_record(f, UPTIME_MS, UPTIME_MS);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 0);
	f->domain = 0;
	f->origin.from.port++;
	begin(f, 9);
	set(f, 256);
	usual_record(f, UPTIME_MS, UPTIME_MS);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 0);
}

static void a_template_is_replaced_and_withdrawn_in_the_order_of_the_wire(void **state)
{
	static const uint16_t short_one[] = {8, 4, 12, 4, 0};
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 256, usual);
	set(f, 256);
	usual_record(f, 1, 2);
	set(f, 2);
	template(f, 256, short_one);
	set(f, 256);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	set(f, 2);
	put(f, 256, 2), put(f, 0, 2); /* withdrawn */
	set(f, 256);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 2);
	f->sequence = 3;
	begin(f, 10);
	set(f, 2);
	template(f, 256, short_one);
	template(f, 257, short_one);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1); /* which waited */
	begin(f, 10);
	set(f, 2);
	put(f, 2, 2), put(f, 0, 2); /* all of them */
	set(f, 257);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 0);
}

/* The ids are of one space, and a withdrawal is of one kind: what is of the other kind stays. */
static void a_withdrawal_is_of_its_own_kind(void **state)
{
	static const uint16_t two[] = {8, 4, 12, 4, 0};
	static const uint16_t ids[] = {256, 3, 2};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		begin(f, 10);
		set(f, 2);
		template(f, 256, two);
		set(f, ids[i] == 2 ? 2 : 3);
		put(f, ids[i], 2), put(f, 0, 2);
		set(f, 256);
		put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, ids[i] != 2);
		f->sequence += (uint32_t)f->count;
	}
}

/* A router that restarted may give an id to another template, and send records before that. */
static void records_of_another_template_are_not_taken(void **state)
{
	struct fixture *f = *state;

	begin(f, 9);
	set(f, 0);
	template(f, 256, usual);
	set(f, 256);
	for (int i = 0; i < 13; i++)
		put(f, UINT64_C(0x1111111111111111), 8);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 0);
	assert_int_equal(f->decoder->counters.dropped[DROP_STALE], 1);
}

static void templates_that_make_no_sense_are_refused(void **state)
{
	static const uint16_t empty[] = {8, 0, 12, 0, 0}, one[] = {8, 4, 12, 4, 0};
	struct fixture *f = *state;
	uint64_t *refused = &f->decoder->counters.dropped[DROP_TEMPLATE];

	begin(f, 9);
	set(f, 0);
	template(f, 255, one); /* an id of sets */
	assert_string_equal(decode(f), "none");
	assert_int_equal(*refused, 1);
	f->sequence++;
	begin(f, 9);
	set(f, 0);
	template(f, 256, empty); /* records of no octet */
	assert_string_equal(decode(f), "none");
	assert_int_equal(*refused, 2);
	f->sequence++;
	begin(f, 9);
	set(f, 0);
	put(f, 256, 2), put(f, 9, 2), put(f, 8, 2), put(f, 4, 2); /* ends too early */
	assert_string_equal(decode(f), "none");
	assert_int_equal(*refused, 3);
	f->sequence++;
	begin(f, 9);
	set(f, 0);
	put(f, 256, 2), put(f, 600, 2);
	for (int i = 0; i < 600; i++)
		put(f, 0x00080004, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(*refused, 4);
}

static void templates_are_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t refused;

	for (uint32_t i = 0; i < 40000; i++) {
		f->origin.from.port = (uint16_t)(1 + i / 300);
		f->sequence = i;
		begin(f, 9);
		set(f, 0);
		template(f, (uint16_t)(256 + i % 300), usual);
		assert_string_equal(decode(f), "none");
	}
	refused = f->decoder->counters.dropped[DROP_MEMORY];
	assert_true(f->decoder->budget.octets <= f->decoder->budget.octets_max);
	assert_int_equal(refused, 0); /* 64 streams have room */
}

static void zeros_behind_the_last_set_are_no_set(void **state)
{
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		begin(f, version);
		set(f, template_set(f));
		template(f, 256, usual);
		set(f, 256);
		usual_record(f, 1, 2);
		end_set(f);
		for (int i = 0; i < 100; i++)
			put(f, 0, 1);
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->count, 1);
		assert_int_equal(f->decoder->counters.dropped[DROP_SET], 0);
	}
}

/* --- sampling --- */

static void sampling_comes_in_options_and_multiplies_nothing(void **state)
{
	static const uint16_t with_sampler[] = {8, 4, 12, 4, 1, 4, 48, 1, 0};
	struct fixture *f = *state;

	begin(f, 9);
	set(f, options_set(f));
	put(f, 300, 2), put(f, 4, 2), put(f, 8, 2); /* octets of scope, of options */
	put(f, 1, 2), put(f, 4, 2);                 /* scope: the system */
	put(f, 48, 2), put(f, 1, 2), put(f, 50, 2), put(f, 4, 2);
	set(f, 300);
	put(f, 9, 4), put(f, 3, 1), put(f, 1000, 4);
	put(f, 9, 4), put(f, 4, 1), put(f, 200, 4);
	set(f, 0);
	template(f, 256, with_sampler);
	set(f, 256);
	for (uint8_t sampler = 3; sampler <= 5; sampler++)
		put(f, 1, 4), put(f, 2, 4), put(f, 77, 4), put(f, sampler, 1);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 3);
	assert_int_equal(f->flows[0].sampling, 1000);
	assert_int_equal(f->flows[1].sampling, 200);
	assert_int_equal(f->flows[2].sampling, 1);
	assert_int_equal(f->flows[0].octets, 77);
}

/* --- sequences --- */

static const struct stream *only_stream(struct fixture *f);

static void keep_stream(void *ctx, const struct stream *s)
{
	*(const struct stream **)ctx = s;
}

static const struct stream *only_stream(struct fixture *f)
{
	const struct stream *s = NULL;

	stream_each(f->decoder->streams, keep_stream, &s);
	return s;
}

static void ipfix_counts_the_records_that_are_lost(void **state)
{
	struct fixture *f = *state;

	f->sequence = 5000000; /* it has been running for a while */
	begin(f, 10);
	set(f, 2);
	template(f, 300, v6);
	assert_string_equal(decode(f), "none");
	for (int i = 0; i < 10; i++) {
		begin(f, 10);
		set(f, 300);
		for (int k = 0; k < 3; k++)
			v6_record(f, (uint64_t)EXPORT_MS - 5000, (uint64_t)EXPORT_MS);
		if (i != 4 && i != 5)
			assert_string_equal(decode(f), "none");
		if (i == 7)
			assert_string_equal(decode(f), "duplicate");
		f->sequence += 3;
	}
	assert_int_equal(only_stream(f)->lost, 6);
	assert_int_equal(only_stream(f)->duplicates, 1);
	assert_int_equal(only_stream(f)->flows, 24);
}

/* softflowd counts those of the message itself, and not what options templates lay out. */
static void what_a_sequence_counts_is_learned(void **state)
{
	static const unsigned records[] = {2, 2, 4, 2, 2, 6, 2, 4, 4, 2};
	struct fixture *f = *state;

	begin(f, 10);
	set(f, 2);
	template(f, 300, v6);
	assert_string_equal(decode(f), "none");
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		f->sequence += records[i];
		begin(f, 10);
		set(f, 300);
		for (unsigned k = 0; k < records[i]; k++)
			v6_record(f, (uint64_t)EXPORT_MS - 5000, (uint64_t)EXPORT_MS);
		if (i != 8) /* which is lost */
			assert_string_equal(decode(f), "none");
		if (i != 8)
			assert_int_equal(f->count, records[i]);
	}
	assert_int_equal(only_stream(f)->lost, 4);
	assert_int_equal(only_stream(f)->duplicates, 0);
}

static void v9_counts_the_datagrams_that_are_lost(void **state)
{
	struct fixture *f = *state;

	for (f->sequence = 0; f->sequence < 10; f->sequence++) {
		begin(f, 9);
		set(f, 0);
		template(f, 256, usual);
		set(f, 256);
		usual_record(f, 1, 2);
		usual_record(f, 1, 2);
		if (f->sequence != 4 && f->sequence != 5)
			assert_string_equal(decode(f), "none");
	}
	assert_int_equal(only_stream(f)->lost, 2);
	assert_int_equal(only_stream(f)->flows, 16);
}

static void several_messages_may_stand_in_one_datagram(void **state)
{
	struct fixture *f = *state;
	uint8_t first[512];
	size_t len;

	begin(f, 10);
	set(f, 2);
	template(f, 300, v6);
	set(f, 300);
	v6_record(f, (uint64_t)EXPORT_MS - 5000, (uint64_t)EXPORT_MS);
	assert_string_equal(decode(f), "none");
	f->sequence++;
	begin(f, 10);
	set(f, 300);
	v6_record(f, (uint64_t)EXPORT_MS - 5000, (uint64_t)EXPORT_MS);
	end_set(f);
	put_at(f->wire + 2, octets_len(&f->out));
	len = octets_len(&f->out);
	memcpy(first, f->wire, len);
	f->sequence++;
	begin(f, 10);
	set(f, 300);
	v6_record(f, (uint64_t)EXPORT_MS - 5000, (uint64_t)EXPORT_MS);
	end_set(f);
	put_at(f->wire + 2, octets_len(&f->out));
	memcpy(f->wire + len, first, len);
	f->batch.count = 0;
	/* The later one stands first: what is behind comes late, and both count. */
	assert_string_equal(
		drop_key(flow_decode(f->decoder, &f->origin, f->wire, 2 * len, &f->batch)), "none");
	assert_int_equal(f->batch.count, 2);
	assert_int_equal(only_stream(f)->lost, 0);
	assert_int_equal(only_stream(f)->late, 1);
}

static void headers_that_cannot_be_true_are_refused(void **state)
{
	struct fixture *f = *state;

	for (uint16_t version = 9; version <= 10; version++) {
		size_t header = version == 9 ? 20 : 16;

		begin(f, version);
		set(f, template_set(f));
		template(f, 256, usual);
		end_set(f);
		if (version == 10)
			put_at(f->wire + 2, octets_len(&f->out));
		for (size_t cut = 2; cut < octets_len(&f->out); cut++) {
			enum drop drop =
				flow_decode(f->decoder, &f->origin, f->wire, cut, &f->batch);

			if (version == 10)
				assert_int_equal(drop, cut < header ? DROP_SHORT : DROP_LENGTH);
			else
				assert_int_equal(drop == DROP_SHORT, cut < header);
		}
		memset(f->wire + (version == 9 ? 8 : 4), 0, 4);
		f->origin.received_ms = 0; /* nobody knows when it was */
		assert_int_equal(DROP_CLOCK, flow_decode(f->decoder, &f->origin, f->wire,
		                                         octets_len(&f->out), &f->batch));
	}
	begin(f, 10);
	put_at(f->wire + 2, 15);
	assert_int_equal(DROP_LENGTH, flow_decode(f->decoder, &f->origin, f->wire,
	                                          octets_len(&f->out), &f->batch));
	assert_int_equal(f->batch.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(records_wait_for_their_template),
		TEST(what_waits_is_bounded_and_its_loss_counted),
		TEST(another_domain_and_another_port_have_their_own),
		TEST(a_template_is_replaced_and_withdrawn_in_the_order_of_the_wire),
		TEST(a_withdrawal_is_of_its_own_kind),
		TEST(records_of_another_template_are_not_taken),
		TEST(templates_that_make_no_sense_are_refused),
		TEST(templates_are_bounded),
		TEST(zeros_behind_the_last_set_are_no_set),
		TEST(sampling_comes_in_options_and_multiplies_nothing),
		TEST(ipfix_counts_the_records_that_are_lost),
		TEST(what_a_sequence_counts_is_learned),
		TEST(v9_counts_the_datagrams_that_are_lost),
		TEST(several_messages_may_stand_in_one_datagram),
		TEST(headers_that_cannot_be_true_are_refused),
	};

	return cmocka_run_group_tests_name("flow/templates", tests, NULL, NULL);
}
