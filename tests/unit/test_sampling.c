/* Of how many packets an exporter looks at one: who says so, and of what it holds. */
#include "tests/unit/message_fixture.h"

static const uint16_t plain[] = {8, 4, 12, 4, 10, 4, 14, 4, 48, 4, 0};

/* A flow by these interfaces and this sampler; its sampling. */
static uint32_t sampling_of(struct fixture *f, uint32_t in_if, uint32_t out_if, uint32_t sampler)
{
	begin(f, f->version == 0 ? 9 : f->version);
	set(f, template_set(f));
	template(f, 256, plain);
	set(f, 256);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	put(f, in_if, 4), put(f, out_if, 4), put(f, sampler, 4);
	assert_string_equal(decode(f), "none");
	f->sequence++;
	assert_int_equal(f->count, 1);
	return f->flows[0].sampling;
}

/* One record of an options template of two fields, the first of which is its scope. */
static void tell(struct fixture *f, uint16_t version, const uint16_t fields[4],
                 const uint64_t values[2])
{
	begin(f, version);
	set(f, options_set(f));
	put(f, 300, 2);
	put(f, version == 9 ? 4 : 2, 2), put(f, version == 9 ? 4 : 1, 2);
	for (size_t i = 0; i < 4; i++)
		put(f, fields[i], 2);
	set(f, 300);
	put(f, values[0], fields[1]), put(f, values[1], fields[3]);
	assert_string_equal(decode(f), "none");
	f->sequence++;
}

/* Of the exporter, of its interfaces, of its samplers, each in its own right. */
static void an_interface_has_its_own(void **state)
{
	static const uint16_t of_all[] = {1, 4, 34, 4}, of_interface[] = {2, 4, 34, 4},
			      of_sampler[] = {48, 4, 34, 4};
	struct fixture *f = *state;

	tell(f, 9, of_all, (const uint64_t[]){0, 10});
	tell(f, 9, of_interface, (const uint64_t[]){1, 100});
	tell(f, 9, of_interface, (const uint64_t[]){2, 1000});
	tell(f, 9, of_sampler, (const uint64_t[]){1, 5000});
	assert_int_equal(sampling_of(f, 1, 3, 0), 100);
	assert_int_equal(sampling_of(f, 2, 1, 0), 1000); /* by the one it came in by */
	assert_int_equal(sampling_of(f, 3, 2, 0), 1000);
	assert_int_equal(sampling_of(f, 3, 4, 0), 10);
	assert_int_equal(sampling_of(f, 1, 3, 1), 5000);
	tell(f, 9, of_interface, (const uint64_t[]){1, 200}); /* it was set anew */
	assert_int_equal(sampling_of(f, 1, 3, 0), 200);
	assert_int_equal(f->decoder->counters.unknown_samplers, 0);
}

static void in_ipfix_the_scope_is_an_element(void **state)
{
	static const uint16_t of_interface[] = {10, 4, 34, 4};
	struct fixture *f = *state;

	tell(f, 10, of_interface, (const uint64_t[]){1, 100});
	tell(f, 10, of_interface, (const uint64_t[]){2, 1000});
	assert_int_equal(sampling_of(f, 1, 3, 0), 100);
	assert_int_equal(sampling_of(f, 2, 3, 0), 1000);
	assert_int_equal(sampling_of(f, 3, 3, 0), 1);
}

static uint64_t bits_of(double p)
{
	uint64_t ret;

	memcpy(&ret, &p, sizeof(ret));
	return ret;
}

static uint64_t bits_of_single(float p)
{
	uint32_t ret;

	memcpy(&ret, &p, sizeof(ret));
	return ret;
}

static void a_probability_says_it_too(void **state)
{
	const struct {
		uint16_t len;
		uint64_t bits;
		uint32_t sampling;
	} rows[] = {
		{8, bits_of(0.01), 100},
		{8, bits_of(1.0 / 4096), 4096},
		{4, bits_of_single(0.001F), 1000},
		{8, bits_of(1), 1},
		{8, bits_of(0), 1},
		{8, bits_of(-0.5), 1},
		{8, bits_of(2), 1},
		{8, UINT64_C(0x7ff8000000000000), 1}, /* none */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint16_t fields[] = {143, 4, 311, rows[i].len};

		f->domain = (uint32_t)i;
		tell(f, 10, fields, (const uint64_t[]){9, rows[i].bits});
		assert_int_equal(sampling_of(f, 1, 2, 0), rows[i].sampling);
	}
}

static void a_size_of_a_population_says_it_too(void **state)
{
	static const uint16_t fields[] = {309, 4, 310, 4};
	struct fixture *f = *state;

	tell(f, 10, fields, (const uint64_t[]){2, 256});
	assert_int_equal(sampling_of(f, 1, 2, 0), 128);
}

/* As many as a router of line cards has; and of whom there is no telling that is counted. */
static void of_a_sampler_that_is_not_known_the_flows_are_counted(void **state)
{
	static const uint16_t of_sampler[] = {48, 4, 34, 4};
	struct fixture *f = *state;

	assert_int_equal(sampling_of(f, 1, 2, 7), 1);
	assert_int_equal(f->decoder->counters.unknown_samplers, 1);
	assert_int_equal(sampling_of(f, 1, 2, 0), 1); /* 0: not sampled */
	assert_int_equal(f->decoder->counters.unknown_samplers, 1);
	for (uint32_t i = 1; i <= STREAM_SAMPLERS + 1; i++)
		tell(f, 9, of_sampler, (const uint64_t[]){i, 100 + i});
	for (uint32_t i = 1; i <= STREAM_SAMPLERS; i++)
		assert_int_equal(sampling_of(f, 1, 2, i), 100 + i);
	assert_int_equal(f->decoder->counters.unknown_samplers, 1);
	assert_int_equal(sampling_of(f, 1, 2, STREAM_SAMPLERS + 2), 1);
	assert_int_equal(f->decoder->counters.unknown_samplers, 2);
}

/* IOS XE tells of its samplers in a domain without flows. */
static void another_domain_may_tell_of_a_sampler(void **state)
{
	static const uint16_t of_sampler[] = {48, 4, 34, 4};
	struct fixture *f = *state;

	f->domain = 6;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 100});
	tell(f, 9, of_sampler, (const uint64_t[]){0, 7}); /* 0 is none, for others */
	f->domain = 256;
	assert_int_equal(sampling_of(f, 1, 2, 1), 100);
	assert_int_equal(sampling_of(f, 1, 2, 0), 1);
	f->domain = 6;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 200}); /* set anew */
	f->domain = 256;
	assert_int_equal(sampling_of(f, 1, 2, 1), 200);
	assert_int_equal(f->decoder->counters.unknown_samplers, 0);
	f->origin.from.addr.octets[15]++; /* another exporter's */
	assert_int_equal(sampling_of(f, 1, 2, 1), 1);
	assert_int_equal(f->decoder->counters.unknown_samplers, 1);
}

static void where_domains_disagree_a_third_is_not_told(void **state)
{
	static const uint16_t of_sampler[] = {48, 4, 34, 4};
	struct fixture *f = *state;

	f->domain = 6;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 100});
	f->domain = 7;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 300});
	assert_int_equal(sampling_of(f, 1, 2, 1), 300); /* each has its own */
	f->domain = 8;
	assert_int_equal(sampling_of(f, 1, 2, 1), 1);
	assert_int_equal(f->decoder->counters.unknown_samplers, 1);
	f->domain = 6;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 300});
	f->domain = 8;
	assert_int_equal(sampling_of(f, 1, 2, 1), 300);
}

/* Sixteen datagrams over ten seconds: whoever has sent them is there. */
static void prove(struct fixture *f)
{
	for (int i = 0; i < 20; i++) {
		f->origin.received_ms += 1000;
		sampling_of(f, 1, 2, 0);
	}
}

/* To forge an address is cheap: options alone that come from it take nothing from who is there. */
static void who_has_not_proved_itself_contradicts_nobody(void **state)
{
	static const uint16_t of_sampler[] = {48, 4, 34, 4};
	struct fixture *f = *state;
	const uint16_t port = f->origin.from.port;

	f->domain = 6;
	prove(f);
	tell(f, 9, of_sampler, (const uint64_t[]){1, 100});
	for (uint32_t domain = 5; domain <= 7; domain++) {
		f->origin.from.port = 666;
		f->sequence += 1000000; /* theirs are not known to who forges */
		f->domain = domain;
		tell(f, 9, of_sampler, (const uint64_t[]){1, 9999});
		f->origin.from.port = port;
		f->sequence -= 1000000;
		f->domain = 256;
		assert_int_equal(sampling_of(f, 1, 2, 1), 100);
	}
	assert_int_equal(f->decoder->counters.unknown_samplers, 0);
}

static unsigned known_of(struct fixture *f, uint32_t samplers)
{
	unsigned known = 0;

	f->domain = 256;
	for (uint32_t i = 1; i <= samplers; i++)
		known += sampling_of(f, 1, 2, i) == 100;
	return known;
}

/* Nor puts it anybody out, whatever it tells of. */
static void who_has_not_proved_itself_puts_nobody_out(void **state)
{
	static const uint16_t of_sampler[] = {48, 4, 34, 4};
	enum { SAMPLERS = 1000 }; /* more than there is room for */
	struct fixture *f = *state;
	const uint16_t port = f->origin.from.port;
	unsigned known;

	f->domain = 6;
	prove(f);
	for (uint32_t i = 1; i <= SAMPLERS; i++)
		tell(f, 9, of_sampler, (const uint64_t[]){i, 100});
	known = known_of(f, SAMPLERS);
	assert_in_range(known, 64, SAMPLERS - 1);
	f->origin.from.port = 666;
	f->domain = 5;
	for (uint32_t i = SAMPLERS + 1; i <= 2 * SAMPLERS; i++)
		tell(f, 9, of_sampler, (const uint64_t[]){i, 9999});
	f->origin.from.port = port;
	assert_int_equal(known_of(f, SAMPLERS), known);
}

/* Nor does it matter who came first. */
static void who_has_proved_itself_is_heard_whoever_was_first(void **state)
{
	static const uint16_t of_sampler[] = {48, 4, 34, 4};
	struct fixture *f = *state;

	f->domain = 5;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 9999});
	f->domain = 6;
	prove(f);
	tell(f, 9, of_sampler, (const uint64_t[]){1, 100});
	f->domain = 7;
	tell(f, 9, of_sampler, (const uint64_t[]){1, 8888});
	f->domain = 256;
	assert_int_equal(sampling_of(f, 1, 2, 1), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_interface_has_its_own),
		TEST(in_ipfix_the_scope_is_an_element),
		TEST(a_probability_says_it_too),
		TEST(a_size_of_a_population_says_it_too),
		TEST(another_domain_may_tell_of_a_sampler),
		TEST(where_domains_disagree_a_third_is_not_told),
		TEST(who_has_not_proved_itself_contradicts_nobody),
		TEST(who_has_not_proved_itself_puts_nobody_out),
		TEST(who_has_proved_itself_is_heard_whoever_was_first),
		TEST(of_a_sampler_that_is_not_known_the_flows_are_counted),
	};

	return cmocka_run_group_tests_name("flow/sampling", tests, NULL, NULL);
}
