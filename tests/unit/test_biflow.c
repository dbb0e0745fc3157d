/* Records of both directions (RFC 5103): what comes back is a flow with what is told of it. */
#include "tests/unit/message_fixture.h"

#define IANA_BACK 29305
#define YAF 6871
#define NTOP 35632
#define START_MS ((uint64_t)EXPORT_MS - 10000)
#define END_MS ((uint64_t)EXPORT_MS - 1000)

struct cell { /* a field beside the usual ones, and its value */
	uint32_t enterprise;
	uint16_t id, len;
	uint64_t value;
};

/* One record from 10.0.0.1:1000 to 10.0.0.2:22, of 9 packets in 9 s, and the `count` cells. */
static void send_record(struct fixture *f, uint8_t proto, uint16_t dst_port,
                        const struct cell *cells, size_t count)
{
	static const uint16_t usual_fields[][2] = {{8, 4}, {12, 4}, {7, 2},   {11, 2}, {4, 1},
	                                           {6, 1}, {5, 1},  {58, 2},  {10, 4}, {14, 4},
	                                           {2, 4}, {1, 4},  {152, 8}, {153, 8}};

	begin(f, 10);
	set(f, 2);
	put(f, 256, 2), put(f, ARRAY_LEN(usual_fields) + count, 2);
	for (size_t i = 0; i < ARRAY_LEN(usual_fields); i++)
		put(f, usual_fields[i][0], 2), put(f, usual_fields[i][1], 2);
	for (size_t i = 0; i < count; i++) {
		put(f, cells[i].id | (cells[i].enterprise != 0 ? 0x8000u : 0), 2);
		put(f, cells[i].len, 2);
		if (cells[i].enterprise != 0)
			put(f, cells[i].enterprise, 4);
	}
	set(f, 256);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	put(f, proto == 6 ? 1000 : 0, 2), put(f, dst_port, 2);
	put(f, proto, 1), put(f, 0x12, 1), put(f, 0x10, 1), put(f, 7, 2);
	put(f, 1, 4), put(f, 2, 4), put(f, 9, 4), put(f, 900, 4);
	put(f, START_MS, 8), put(f, END_MS, 8);
	for (size_t i = 0; i < count; i++)
		put(f, cells[i].value, cells[i].len);
	assert_string_equal(decode(f), "none");
	f->sequence++;
}

static void everything_that_is_told_of_the_other_direction_is_of_its_flow(void **state)
{
	static const struct cell cells[] = {
		{IANA_BACK, 1, 4, 800},
		{IANA_BACK, 2, 4, 8},
		{IANA_BACK, 5, 1, 0x20},
		{IANA_BACK, 6, 1, 0x11},
		{IANA_BACK, 10, 4, 77},
		{IANA_BACK, 58, 2, 0xe009},
		{IANA_BACK, 152, 8, START_MS + 2000},
		{IANA_BACK, 153, 8, END_MS - 1000},
	};
	struct fixture *f = *state;
	const struct flow *back;

	send_record(f, 6, 22, cells, ARRAY_LEN(cells));
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[0].tcp_flags, 0x12);
	assert_int_equal(f->flows[0].tos, 0x10);
	assert_int_equal(f->flows[0].start_ms, START_MS);
	assert_int_equal(f->flows[0].end_ms, END_MS);
	back = &f->flows[1];
	assert_addr(&back->src, "10.0.0.2");
	assert_int_equal(back->src_port, 22);
	assert_int_equal(back->dst_port, 1000);
	assert_int_equal(back->octets, 800);
	assert_int_equal(back->packets, 8);
	assert_int_equal(back->tos, 0x20);
	assert_int_equal(back->tcp_flags, 0x11);
	assert_int_equal(back->in_if, 77);
	assert_int_equal(back->out_if, 0);
	assert_int_equal(back->vlan_in, 9); /* without its priority */
	assert_int_equal(back->vlan_out, 0);
	assert_int_equal(back->start_ms, START_MS + 2000);
	assert_int_equal(back->end_ms, END_MS - 1000);
}

/* What is not told turns round where it must, and is not told of the other direction either. */
static void what_is_not_told_of_the_other_direction_is_turned_or_nothing(void **state)
{
	static const struct cell cells[] = {{IANA_BACK, 86, 4, 8}};
	struct fixture *f = *state;

	send_record(f, 6, 22, cells, ARRAY_LEN(cells));
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[1].in_if, 2);
	assert_int_equal(f->flows[1].out_if, 1);
	assert_int_equal(f->flows[1].vlan_out, 7);
	assert_int_equal(f->flows[1].tos, 0);
	assert_int_equal(f->flows[1].tcp_flags, 0);
	assert_int_equal(f->flows[1].start_ms, START_MS);
	assert_int_equal(f->flows[1].end_ms, END_MS);
}

static void any_count_of_the_other_direction_makes_its_flow(void **state)
{
	static const uint16_t ids[] = {1, 2, 23, 24, 85, 86, 171, 172, 352};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct cell cell = {IANA_BACK, ids[i], 4, 8};

		send_record(f, 6, 22, &cell, 1);
		assert_int_equal(f->count, 2);
		assert_int_equal(f->flows[1].octets + f->flows[1].packets, 8);
		cell.value = 0;
		send_record(f, 6, 22, &cell, 1);
		assert_int_equal(f->count, 1);
	}
}

/* Each way to tell the other direction's time, and what comes out: after START, before END. */
static void the_other_direction_has_its_own_times(void **state)
{
	const struct {
		struct cell cells[2];
		int64_t start, end;
	} rows[] = {
		{{{IANA_BACK, 152, 8, START_MS + 5}, {IANA_BACK, 1, 4, 1}}, 5, 0},
		{{{IANA_BACK, 153, 8, END_MS - 7}, {IANA_BACK, 1, 4, 1}}, 0, 7},
		{{{IANA_BACK, 150, 4, START_MS / 1000 + 1}, {IANA_BACK, 151, 4, END_MS / 1000}},
	         1000 - (int64_t)(START_MS % 1000),
	         (int64_t)(END_MS % 1000)},
		{{{YAF, 21, 4, 1500}, {IANA_BACK, 1, 4, 1}}, 1500, 0},
		{{{YAF, 21, 4, 99999}, {IANA_BACK, 1, 4, 1}}, 9000, 0},   /* not after its end */
		{{{IANA_BACK, 152, 8, 0}, {IANA_BACK, 153, 8, 0}}, 0, 0}, /* not filled in */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct cell cells[] = {
			rows[i].cells[0], rows[i].cells[1], {IANA_BACK, 86, 4, 8}};

		send_record(f, 6, 22, cells, ARRAY_LEN(cells));
		assert_int_equal(f->count, 2);
		assert_int_equal(f->flows[1].start_ms, (int64_t)START_MS + rows[i].start);
		assert_int_equal(f->flows[1].end_ms, (int64_t)END_MS - rows[i].end);
		assert_int_equal(f->flows[0].start_ms, START_MS);
	}
}

/* Type and code are of no end: they stay where they are looked for. */
static void icmp_has_its_type_in_the_destination_port_both_ways(void **state)
{
	static const struct cell silent[] = {{IANA_BACK, 86, 4, 8}};
	static const struct cell told[] = {
		{IANA_BACK, 86, 4, 8}, {IANA_BACK, 176, 1, 0}, {IANA_BACK, 177, 1, 0}};
	struct fixture *f = *state;

	send_record(f, 1, 8 << 8, silent, ARRAY_LEN(silent));
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[1].dst_port, 8 << 8);
	assert_int_equal(f->flows[1].src_port, 0);
	send_record(f, 1, 8 << 8, told, ARRAY_LEN(told)); /* echo, and its reply */
	assert_int_equal(f->flows[0].dst_port, 8 << 8);
	assert_int_equal(f->flows[1].dst_port, 0);
}

/* An element of ICMP that was not filled in does not put out what the port says. */
static void icmp_of_zero_leaves_the_port_what_it_was(void **state)
{
	static const struct cell zero[] = {{0, 32, 2, 0}}, told[] = {{0, 32, 2, 0x0301}};
	struct fixture *f = *state;

	send_record(f, 1, 8 << 8, zero, 1);
	assert_int_equal(f->flows[0].dst_port, 8 << 8);
	send_record(f, 1, 0, told, 1);
	assert_int_equal(f->flows[0].dst_port, 0x0301);
	send_record(f, 6, 22, told, 1); /* of TCP it says nothing */
	assert_int_equal(f->flows[0].dst_port, 22);
}

/* YAF has flags of the first packet and of the others apart, of each direction. */
static void yafs_flags_are_flags(void **state)
{
	static const struct cell cells[] = {{YAF, 14, 1, 0x02},
	                                    {YAF, 15, 1, 0x19},
	                                    {YAF, 0x4000 | 14, 1, 0x12},
	                                    {YAF, 0x4000 | 15, 1, 0x01},
	                                    {IANA_BACK, 2, 4, 8}};
	struct fixture *f = *state;

	send_record(f, 6, 22, cells, ARRAY_LEN(cells));
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[0].tcp_flags, 0x1b);
	assert_int_equal(f->flows[1].tcp_flags, 0x13);
}

static void put_field(struct fixture *f, uint32_t enterprise, uint16_t id, uint16_t len)
{
	put(f, id | (enterprise != 0 ? 0x8000u : 0), 2), put(f, len, 2);
	if (enterprise != 0)
		put(f, enterprise, 4);
}

/* In a list of records of their own, among others (RFC 6313), which may be damaged. */
static void yafs_flags_are_found_in_its_lists(void **state)
{
	static const uint16_t lens[] = {8, 3, 0, 9, 60000}; /* the first one is right */
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		begin(f, 10);
		set(f, 2);
		put(f, 400, 2), put(f, 4, 2); /* of TCP */
		put_field(f, YAF, 14, 1), put_field(f, YAF, 15, 1);
		put_field(f, YAF, 0x4000 | 14, 1), put_field(f, YAF, 0x4000 | 15, 1);
		put(f, 401, 2), put(f, 2, 2); /* of something else, which has other addresses */
		put_field(f, 0, 8, 4), put_field(f, 0, 1, 4);
		put(f, 256, 2), put(f, 5, 2);
		put_field(f, 0, 8, 4), put_field(f, 0, 12, 4), put_field(f, 0, 1, 4);
		put_field(f, IANA_BACK, 1, 4), put_field(f, 0, 293, 65535);
		set(f, 256);
		put(f, 0x0a000001, 4), put(f, 0x0a000002, 4), put(f, 900, 4), put(f, 800, 4);
		put(f, 1 + 12 + 4 + 4, 1), put(f, 3, 1);
		put(f, 401, 2), put(f, 12, 2), put(f, 0x0a000063, 4), put(f, 77, 4);
		put(f, 400, 2), put(f, lens[i], 2);
		put(f, 0x02, 1), put(f, 0x19, 1), put(f, 0x12, 1), put(f, 0x01, 1);
		assert_string_equal(decode(f), "none");
		f->sequence++;
		assert_int_equal(f->count, 2);
		assert_addr(&f->flows[0].src, "10.0.0.1");
		assert_int_equal(f->flows[0].octets, 900);
		assert_int_equal(f->flows[0].tcp_flags, i == 0 ? 0x1b : 0);
		assert_int_equal(f->flows[1].tcp_flags, i == 0 ? 0x13 : 0);
	}
}

/* Where elements of its maker tell that it is nProbe; else they are what goes out (quirks). */
static void nprobes_counters_of_what_goes_out_are_of_what_comes_back(void **state)
{
	const struct cell cells[] = {{0, 23, 4, 800}, {0, 24, 4, 8}, {NTOP, 118, 2, 7}};
	const struct cell none[] = {{0, 23, 4, 0}, {0, 24, 4, 0}, {NTOP, 118, 2, 7}};
	struct fixture *f = *state;

	send_record(f, 6, 22, cells, ARRAY_LEN(cells));
	assert_int_equal(f->count, 2);
	assert_int_equal(f->flows[0].octets, 900);
	assert_addr(&f->flows[1].src, "10.0.0.2");
	assert_int_equal(f->flows[1].src_port, 22);
	assert_int_equal(f->flows[1].octets, 800);
	assert_int_equal(f->flows[1].packets, 8);
	assert_int_equal(f->flows[1].start_ms, START_MS);
	send_record(f, 6, 22, none, ARRAY_LEN(none));
	assert_int_equal(f->count, 1);
	send_record(f, 6, 22, cells, ARRAY_LEN(cells) - 1); /* any other exporter's */
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].octets, 900);
}

/* v9 has no enterprises: those elements have numbers from 57472 on. */
static void nprobes_v9_tells_both_directions_likewise(void **state)
{
	static const uint16_t both[] = {8, 4, 12, 4, 1, 4, 23, 4, 2, 4, 24, 4, 57590, 2, 0};
	static const uint16_t out[] = {8, 4, 12, 4, 23, 4, 24, 4, 57590, 2, 0};
	struct fixture *f = *state;

	begin(f, 9);
	set(f, 0);
	template(f, 256, both), template(f, 257, out);
	set(f, 256);
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
	put(f, 900, 4), put(f, 800, 4), put(f, 9, 4), put(f, 8, 4), put(f, 7, 2);
	set(f, 257); /* without another counter they are the only ones */
	put(f, 0x0a000001, 4), put(f, 0x0a000002, 4), put(f, 700, 4), put(f, 7, 4), put(f, 7, 2);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 3);
	assert_int_equal(f->flows[0].octets, 900);
	assert_int_equal(f->flows[0].packets, 9);
	assert_addr(&f->flows[1].src, "10.0.0.2");
	assert_int_equal(f->flows[1].octets, 800);
	assert_int_equal(f->flows[1].packets, 8);
	assert_int_equal(f->flows[2].octets, 700);
}

/* Its later elements (58500: 1028) are as much its own. */
static void nprobe_is_known_by_any_of_its_elements(void **state)
{
	static const struct {
		uint16_t id;
		size_t count;
	} rows[] = {{57471, 1}, {57472, 2}, {58500, 2}, {59519, 2}, {59520, 1}};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const uint16_t fields[] = {rows[i].id, 2, 8, 4, 12, 4, 1, 4, 23, 4, 0};

		begin(f, 9);
		set(f, 0);
		template(f, 256, fields);
		set(f, 256);
		put(f, 37, 2), put(f, 0x0a000001, 4), put(f, 0x0a000002, 4);
		put(f, 900, 4), put(f, 800, 4);
		assert_string_equal(decode(f), "none");
		f->sequence++;
		assert_int_equal(f->count, rows[i].count);
		assert_int_equal(f->flows[0].octets, 900);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_that_is_told_of_the_other_direction_is_of_its_flow),
		TEST(what_is_not_told_of_the_other_direction_is_turned_or_nothing),
		TEST(any_count_of_the_other_direction_makes_its_flow),
		TEST(the_other_direction_has_its_own_times),
		TEST(icmp_has_its_type_in_the_destination_port_both_ways),
		TEST(icmp_of_zero_leaves_the_port_what_it_was),
		TEST(yafs_flags_are_flags),
		TEST(yafs_flags_are_found_in_its_lists),
		TEST(nprobes_counters_of_what_goes_out_are_of_what_comes_back),
		TEST(nprobes_v9_tells_both_directions_likewise),
		TEST(nprobe_is_known_by_any_of_its_elements),
	};

	return cmocka_run_group_tests_name("flow/biflow", tests, NULL, NULL);
}
