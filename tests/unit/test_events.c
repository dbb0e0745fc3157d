/* Translations: what exporters say of addresses that they change. */
#include "tests/unit/message_fixture.h"

/* Decodes what was written, and forgets the events before. */
static const char *decode_events(struct fixture *f)
{
	const char *drop;

	f->batch.event_count = f->batch.said_count = 0;
	drop = decode(f);
	f->sequence++;
	return drop;
}

static void define(struct fixture *f, uint16_t version, uint16_t id, const uint16_t *fields)
{
	begin(f, version);
	set(f, template_set(f));
	template(f, id, fields);
	set(f, id);
}

static void assert_end(const struct endpoint *e, const char *expected)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_string_equal(endpoint_print(e, text), expected);
}

/* NEL of a CGN: sessions of a source, with no destination told. */
static void a_session_is_made_and_ended(void **state)
{
	static const uint16_t nel[] = {8, 4, 225, 4, 7, 2, 227, 2, 4, 1, 230, 1, 323, 8, 0};
	struct fixture *f = *state;
	const struct translation *e;

	define(f, 9, 256, nel);
	for (uint64_t event = 4; event <= 5; event++) {
		put(f, 0x64400007, 4), put(f, 0xc6336401, 4);
		put(f, 45126, 2), put(f, 40000, 2);
		put(f, 6, 1), put(f, event, 1);
		put(f, (uint64_t)EXPORT_MS - 900 + event, 8);
	}
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->count, 0); /* nobody is told with whom */
	assert_int_equal(f->batch.event_count, 2);
	assert_int_equal(f->decoder->counters.events, 2);
	e = &f->batch.events[0];
	assert_int_equal(e->event, TRANSLATION_CREATE);
	assert_end(&e->src, "100.64.0.7:45126");
	assert_end(&e->nat_src, "198.51.100.1:40000");
	assert_int_equal(e->proto, 6);
	assert_int_equal(e->at_ms, EXPORT_MS - 896);
	assert_int_equal(e->received_ms, RECEIVED_MS);
	assert_addr(&e->exporter, "192.0.2.9");
	assert_int_equal(f->batch.events[1].event, TRANSLATION_DELETE);
	assert_int_equal(f->batch.events[1].at_ms, EXPORT_MS - 895);
}

/* They see a flow of no traffic, with nobody at the other end. */
static void people_are_shown_events_of_one_end(void **state)
{
	static const uint16_t nel[] = {8, 4, 225, 4, 7, 2, 227, 2, 4, 1, 230, 1, 0};
	struct fixture *f = *state;

	f->decoder->is_verbatim = true;
	define(f, 9, 256, nel);
	put(f, 0x64400007, 4), put(f, 0xc6336401, 4);
	put(f, 45126, 2), put(f, 40000, 2), put(f, 6, 1), put(f, 4, 1);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->count, 1);
	assert_addr(&f->flows[0].src, "100.64.0.7");
	assert_addr(&f->flows[0].dst, "0.0.0.0");
	assert_addr(&f->flows[0].nat_src, "198.51.100.1");
	assert_int_equal(f->flows[0].nat_src_port, 40000);
	assert_int_equal(f->flows[0].packets, 0);
}

static void assert_said(const struct fixture *f, size_t index, size_t flow, int nat_event,
                        int firewall_event)
{
	assert_in_range(index + 1, 1, f->batch.said_count);
	assert_int_equal(f->batch.said[index].flow, flow);
	assert_int_equal(f->batch.said[index].nat_event, nat_event);
	assert_int_equal(f->batch.said[index].firewall_event, firewall_event);
}

/* Also which one it was, of those that make or end nothing, too. */
static void people_are_told_which_event_it_was(void **state)
{
	static const uint16_t nel[] = {8, 4,   225, 4,  7, 2,   227, 2, 361,
	                               2, 362, 2,   12, 4, 230, 1,   0};
	static const struct {
		uint64_t event, first, last;
	} rows[] = {{4, 0, 0}, {0, 0, 0}, {13, 0, 0}, {16, 1024, 1535}, {17, 1024, 1535}};
	struct fixture *f = *state;

	for (int is_verbatim = 0; is_verbatim <= 1; is_verbatim++) {
		f->decoder->is_verbatim = is_verbatim != 0;
		define(f, 9, 256, nel);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			put(f, 0x64400007, 4), put(f, 0xc6336401, 4);
			put(f, 45126, 2), put(f, 40000, 2);
			put(f, rows[i].first, 2), put(f, rows[i].last, 2);
			put(f, 0xcb007179, 4), put(f, rows[i].event, 1);
		}
		assert_string_equal(decode_events(f), "none");
		assert_int_equal(f->count, ARRAY_LEN(rows));
		assert_int_equal(f->batch.said_count, is_verbatim ? 4 : 0);
	}
	assert_said(f, 0, 0, 4, 0);
	assert_said(f, 1, 2, 13, 0);
	assert_said(f, 2, 3, 16, 0);
	assert_said(f, 3, 4, 17, 0);
	assert_false(f->batch.said[0].is_block);
	assert_true(f->batch.said[3].is_block);
	assert_int_equal(f->batch.said[3].port_first, 1024);
	assert_int_equal(f->batch.said[3].port_last, 1535);
}

static void every_nat_event_is_one_of_four_or_none(void **state)
{
	static const uint16_t nel[] = {8, 4, 225, 4, 7, 2, 227, 2, 4, 1, 230, 1, 0};
	static const uint8_t expected[] = {0, 1, 2, 0, 1, 2, 1, 2, 1, 2,
	                                   1, 2, 0, 0, 1, 2, 3, 4, 0, 0};
	struct fixture *f = *state;

	for (uint64_t event = 0; event < ARRAY_LEN(expected); event++) {
		define(f, 9, 256, nel);
		put(f, 0x64400007, 4), put(f, 0xc6336401, 4);
		put(f, 45126, 2), put(f, 40000, 2);
		put(f, 6, 1), put(f, event, 1);
		assert_string_equal(decode_events(f), "none");
		assert_int_equal(f->batch.event_count, expected[event] != 0);
		if (expected[event] != 0)
			assert_int_equal(f->batch.events[0].event, expected[event]);
	}
}

/* Ports from 1024 on: to a last one, or so many, or one in so many. */
static void blocks_of_ports_are_told_in_several_ways(void **state)
{
	static const uint16_t pba[] = {8, 4, 225, 4, 361, 2, 362, 2, 363, 2, 364, 2, 230, 1, 0};
	static const struct {
		uint16_t first, last, step, count, event, is_last;
	} rows[] = {
		{1024, 1535, 0, 0, 16, 1535},   {1024, 0, 1, 512, 16, 1535},
		{1024, 0, 4, 512, 17, 3068},    {1024, 0, 0, 0, 16, 1024},
		{65000, 0, 1, 5000, 16, 65535}, {0, 0, 0, 0, 14, 65535}, /* a whole address */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		define(f, 10, 256, pba);
		put(f, 0x64400007, 4), put(f, 0xc6336401, 4);
		put(f, rows[i].first, 2), put(f, rows[i].last, 2);
		put(f, rows[i].step, 2), put(f, rows[i].count, 2);
		put(f, rows[i].event, 1);
		assert_string_equal(decode_events(f), "none");
		assert_int_equal(f->batch.event_count, 1);
		assert_int_equal(f->batch.events[0].event,
		                 rows[i].event == 17 ? TRANSLATION_RELEASE : TRANSLATION_ALLOCATE);
		assert_int_equal(f->batch.events[0].first, rows[i].first);
		assert_int_equal(f->batch.events[0].last, rows[i].is_last);
		assert_int_equal(f->batch.events[0].nat_src.port, 0);
	}
}

/* JunOS gives the same element twice: when the block is given up, and when it was given. */
static void of_two_instants_the_first_is_the_event(void **state)
{
	static const uint16_t pba[] = {323, 8, 8, 4, 225, 4, 361, 2, 362, 2, 230, 1, 323, 8, 0};
	struct fixture *f = *state;

	define(f, 9, 256, pba);
	put(f, (uint64_t)EXPORT_MS - 100, 8);
	put(f, 0x64400007, 4), put(f, 0xc6336401, 4);
	put(f, 1024, 2), put(f, 1535, 2), put(f, 17, 1);
	put(f, (uint64_t)EXPORT_MS - 60000, 8);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->batch.event_count, 1);
	assert_int_equal(f->batch.events[0].event, TRANSLATION_RELEASE);
	assert_int_equal(f->batch.events[0].at_ms, EXPORT_MS - 100);
	assert_int_equal(f->batch.events[0].since_ms, EXPORT_MS - 60000);
}

/* Nokia says no event: what begins has a start, what ends an end; and the inside in a text. */
static void events_may_be_implied(void **state)
{
	struct fixture *f = *state;

	for (int is_end = 0; is_end <= 1; is_end++) {
		begin(f, 10);
		set(f, 2);
		put(f, 256, 2), put(f, 5, 2);
		put(f, 0x8000 | 93, 2), put(f, 65535, 2), put(f, 637, 4);
		put(f, 8, 2), put(f, 4, 2);
		put(f, 361, 2), put(f, 2, 2);
		put(f, 362, 2), put(f, 2, 2);
		put(f, is_end ? 153 : 152, 2), put(f, 8, 2);
		set(f, 256);
		put(f, 19, 1);
		for (const char *c = "LSN-Host@100.64.0.7"; *c != '\0'; c++)
			put(f, (uint8_t)*c, 1);
		put(f, 0xc6336401, 4), put(f, 1024, 2), put(f, 1535, 2);
		put(f, (uint64_t)EXPORT_MS - 5, 8);
		assert_string_equal(decode_events(f), "none");
		assert_int_equal(f->batch.event_count, 1);
		assert_int_equal(f->batch.events[0].event,
		                 is_end ? TRANSLATION_RELEASE : TRANSLATION_ALLOCATE);
		assert_int_equal(f->decoder->counters.dropped[DROP_ENDS], 0); /* it is taken */
		assert_addr(&f->batch.events[0].src.addr, "100.64.0.7");
		assert_addr(&f->batch.events[0].nat_src.addr, "198.51.100.1");
		assert_int_equal(f->batch.events[0].at_ms, EXPORT_MS - 5);
	}
}

static const uint16_t nsel[] = {148, 4, 8,   4, 7,   2, 12,  4, 11,  2, 4,   1,
                                225, 4, 226, 4, 227, 2, 228, 2, 233, 1, 152, 8,
                                323, 8, 231, 4, 232, 4, 298, 4, 299, 4, 0};

/* An ASA's: of flow 77, which began 10 s before the export. */
static void nsel_record(struct fixture *f, unsigned event, uint64_t at_ms, uint64_t octets,
                        uint64_t back)
{
	put(f, 77, 4);
	put(f, 0x0a000001, 4), put(f, 45126, 2), put(f, 0xcb007179, 4), put(f, 22, 2);
	put(f, 6, 1);
	put(f, 0xc6336401, 4), put(f, 0xcb007179, 4), put(f, 40000, 2), put(f, 22, 2);
	put(f, event, 1);
	put(f, (uint64_t)EXPORT_MS - 10000, 8), put(f, at_ms, 8);
	put(f, octets, 4), put(f, back, 4), put(f, octets / 100, 4), put(f, back / 100, 4);
}

static void an_asas_flows_are_translations_too(void **state)
{
	struct fixture *f = *state;

	define(f, 9, 256, nsel);
	nsel_record(f, 1, (uint64_t)EXPORT_MS - 10000, 0, 0);
	nsel_record(f, 3, (uint64_t)EXPORT_MS - 10000, 0, 0); /* denied: it has come to nothing */
	nsel_record(f, 2, (uint64_t)EXPORT_MS - 20, 2500, 700);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->batch.event_count, 2);
	assert_int_equal(f->batch.events[0].event, TRANSLATION_CREATE);
	assert_end(&f->batch.events[0].nat_src, "198.51.100.1:40000");
	assert_end(&f->batch.events[0].nat_dst, "203.0.113.121:22");
	assert_int_equal(f->batch.events[1].event, TRANSLATION_DELETE);
	assert_int_equal(f->batch.events[1].at_ms, EXPORT_MS - 20);
	assert_int_equal(f->batch.events[1].since_ms, EXPORT_MS - 10000);
	assert_int_equal(f->count, 4); /* the last with what came back */
	assert_int_equal(f->flows[0].octets, 0);
	assert_int_equal(f->flows[2].octets, 2500);
	assert_int_equal(f->flows[2].packets, 25);
	assert_addr(&f->flows[2].nat_src, "198.51.100.1");
	assert_int_equal(f->flows[2].nat_src_port, 40000);
	assert_int_equal(f->flows[2].start_ms, EXPORT_MS - 10000);
	assert_int_equal(f->flows[2].end_ms, EXPORT_MS - 20);
	assert_int_equal(f->flows[3].octets, 700);
	assert_addr(&f->flows[3].src, "203.0.113.121");
	assert_addr(&f->flows[3].nat_dst, "198.51.100.1");
	assert_int_equal(f->flows[3].nat_dst_port, 40000);
}

static void both_ways_of_an_asas_flow_have_its_event(void **state)
{
	struct fixture *f = *state;

	f->decoder->is_verbatim = true;
	define(f, 9, 256, nsel);
	nsel_record(f, 1, (uint64_t)EXPORT_MS - 10000, 0, 0);
	nsel_record(f, 3, (uint64_t)EXPORT_MS - 10000, 0, 0);
	nsel_record(f, 2, (uint64_t)EXPORT_MS - 20, 2500, 700);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->count, 4);
	assert_int_equal(f->batch.said_count, 4);
	assert_said(f, 0, 0, 0, 1);
	assert_said(f, 1, 1, 0, 3);
	assert_said(f, 2, 2, 0, 2);
	assert_said(f, 3, 3, 0, 2);
}

/* ASAs of before 2011 have elements of their own for it. */
static void the_older_asas_numbers_are_read(void **state)
{
	static const uint16_t old[] = {8,     4, 12,    4, 7,     2, 11,    2, 40001, 4,
	                               40002, 4, 40003, 2, 40004, 2, 40005, 1, 0};
	struct fixture *f = *state;

	define(f, 9, 256, old);
	put(f, 0x0a000001, 4), put(f, 0xcb007179, 4), put(f, 45126, 2), put(f, 22, 2);
	put(f, 0xc6336401, 4), put(f, 0xcb007179, 4), put(f, 40000, 2), put(f, 22, 2);
	put(f, 2, 1);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->batch.event_count, 1);
	assert_int_equal(f->batch.events[0].event, TRANSLATION_DELETE);
	assert_int_equal(f->flows[0].nat_src_port, 40000);
}

static void nat64_has_both_families(void **state)
{
	static const uint16_t nat64[] = {27, 16, 225, 4, 7, 2, 227, 2, 28, 16, 226, 4, 230, 1, 0};
	static const uint16_t nptv6[] = {27, 16, 281, 16, 28, 16, 282, 16, 230, 1, 0};
	struct fixture *f = *state;

	define(f, 10, 256, nat64);
	put(f, UINT64_C(0x20010db800000000), 8), put(f, 1, 8);
	put(f, 0xc6336401, 4), put(f, 45126, 2), put(f, 40000, 2);
	put(f, UINT64_C(0x0064ff9b00000000), 8), put(f, 0xcb007179, 8);
	put(f, 0xcb007179, 4), put(f, 6, 1);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->batch.event_count, 1);
	assert_end(&f->batch.events[0].src, "[2001:db8::1]:45126");
	assert_end(&f->batch.events[0].nat_src, "198.51.100.1:40000");
	define(f, 10, 257, nptv6);
	put(f, UINT64_C(0xfd00000000000000), 8), put(f, 1, 8);
	put(f, UINT64_C(0x20010db800000000), 8), put(f, 1, 8);
	put(f, UINT64_C(0x20010db800000001), 8), put(f, 2, 8);
	put(f, UINT64_C(0x20010db800000001), 8), put(f, 2, 8);
	put(f, 4, 1);
	assert_string_equal(decode_events(f), "none");
	assert_addr(&f->flows[0].nat_src, "2001:db8::1");
	assert_addr(&f->batch.events[0].nat_src.addr, "2001:db8::1");
}

/* ipt_NETFLOW's clock of events, on some kernels, is near its beginning; the export's is right. */
static void an_event_of_1970_is_one_of_its_export(void **state)
{
	static const uint16_t nel[] = {323, 8, 8, 4, 12, 4, 225, 4, 7, 2, 227, 2, 4, 1, 230, 1, 0};
	static const uint64_t times[] = {0, 5, 86400000, (uint64_t)EXPORT_MS * 1000};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		define(f, 10, 256, nel);
		put(f, times[i], 8);
		put(f, 0x0a000001, 4), put(f, 0xcb007179, 4), put(f, 0xc6336401, 4);
		put(f, 45126, 2), put(f, 40000, 2), put(f, 6, 1), put(f, 4, 1);
		assert_string_equal(decode_events(f), "none");
		assert_int_equal(f->batch.event_count, 1);
		assert_int_equal(f->batch.events[0].at_ms, EXPORT_MS);
		if (f->count > 0)
			assert_int_equal(f->flows[0].end_ms, EXPORT_MS);
	}
	assert_int_equal(f->decoder->counters.dropped[DROP_RECORD_TIME], 1); /* years ahead */
}

/* Some fill the fields in with zeros, or with what was there, where nothing was translated. */
static void ends_that_are_not_told_are_none(void **state)
{
	static const uint16_t fields[] = {8, 4, 12, 4, 7, 2, 225, 4, 227, 2, 230, 1, 0};
	static const struct addr none;
	struct fixture *f = *state;

	define(f, 9, 256, fields);
	put(f, 0x0a000001, 4), put(f, 0xcb007179, 4), put(f, 45126, 2);
	put(f, 0, 4), put(f, 7, 2), put(f, 4, 1);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->count, 1);
	assert_true(addr_equal(&f->flows[0].nat_src, &none));
	assert_int_equal(f->flows[0].nat_src_port, 0);
	assert_int_equal(f->batch.event_count, 0);
}

/* Who is with nobody is with anybody. */
static void a_peer_of_zeros_is_none(void **state)
{
	static const uint16_t nel[] = {8, 4, 225, 4, 7, 2, 227, 2, 12, 4, 11, 2, 4, 1, 230, 1, 0};
	static const struct endpoint none;
	struct fixture *f = *state;

	define(f, 9, 256, nel);
	put(f, 0x64400007, 4), put(f, 0xc6336401, 4), put(f, 45126, 2), put(f, 40000, 2);
	put(f, 0, 4), put(f, 0, 2), put(f, 6, 1), put(f, 4, 1);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->batch.event_count, 1);
	assert_end(&f->batch.events[0].nat_src, "198.51.100.1:40000");
	assert_true(endpoint_equal(&f->batch.events[0].dst, &none));
}

/* What is denied is of one end, or of none, and makes nothing. */
static void people_are_shown_what_is_denied(void **state)
{
	static const uint16_t denied[] = {323, 8, 230, 1, 8, 4, 0},
			      exhausted[] = {323, 8, 230, 1, 0};
	struct fixture *f = *state;

	f->decoder->is_verbatim = true;
	define(f, 10, 256, denied);
	put(f, (uint64_t)EXPORT_MS - 9, 8), put(f, 13, 1), put(f, 0x0a000001, 4);
	set(f, 2);
	template(f, 257, exhausted);
	set(f, 257);
	put(f, (uint64_t)EXPORT_MS - 9, 8), put(f, 3, 1);
	assert_string_equal(decode_events(f), "none");
	assert_int_equal(f->batch.event_count, 0);
	assert_int_equal(f->count, 2);
	assert_addr(&f->flows[0].src, "10.0.0.1");
	assert_addr(&f->flows[0].dst, "0.0.0.0");
	assert_said(f, 0, 0, 13, 0);
	assert_addr(&f->flows[1].src, "0.0.0.0");
	assert_said(f, 1, 1, 3, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_is_made_and_ended),
		TEST(people_are_shown_events_of_one_end),
		TEST(people_are_shown_what_is_denied),
		TEST(people_are_told_which_event_it_was),
		TEST(both_ways_of_an_asas_flow_have_its_event),
		TEST(every_nat_event_is_one_of_four_or_none),
		TEST(blocks_of_ports_are_told_in_several_ways),
		TEST(of_two_instants_the_first_is_the_event),
		TEST(events_may_be_implied),
		TEST(an_asas_flows_are_translations_too),
		TEST(the_older_asas_numbers_are_read),
		TEST(nat64_has_both_families),
		TEST(an_event_of_1970_is_one_of_its_export),
		TEST(ends_that_are_not_told_are_none),
		TEST(a_peer_of_zeros_is_none),
	};

	return cmocka_run_group_tests_name("flow/events", tests, NULL, NULL);
}
