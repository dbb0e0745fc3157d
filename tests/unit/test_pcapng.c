#include "tests/unit/test.h"
#include "tools/pcapng.h"

#include <stdlib.h>
#include <string.h>

/* A file in memory, in the byte order that is asked for. */
struct file {
	bool is_big;
	size_t len, at;
	uint8_t data[4096];
};

static void put(struct file *f, const void *data, size_t len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void put_uint(struct file *f, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		f->data[f->len++] = (uint8_t)(value >> 8 * (f->is_big ? len - 1 - i : i));
}

static size_t begin(struct file *f, uint32_t type)
{
	size_t at = f->len;

	put_uint(f, type, 4);
	put_uint(f, 0, 4);
	return at;
}

static void end(struct file *f, size_t at)
{
	size_t len;

	while (f->len % 4 != 0)
		f->data[f->len++] = 0;
	len = f->len + 4 - at;
	put_uint(f, len, 4);
	f->len = at + 4;
	put_uint(f, len, 4);
	f->len = at + len;
}

static void put_section(struct file *f)
{
	size_t at = begin(f, 0x0a0d0d0a);

	put_uint(f, 0x1a2b3c4d, 4);
	put_uint(f, 1, 2), put_uint(f, 0, 2);
	put_uint(f, UINT64_MAX, 8);
	end(f, at);
}

/* `resolution` 0: it is not said. */
static void put_interface(struct file *f, uint16_t link, uint32_t snaplen, uint8_t resolution,
                          int64_t offset_s)
{
	size_t at = begin(f, 1);

	put_uint(f, link, 2), put_uint(f, 0, 2), put_uint(f, snaplen, 4);
	put_uint(f, 2, 2), put_uint(f, 4, 2), put(f, "eth0", 4); /* if_name */
	if (resolution != 0)
		put_uint(f, 9, 2), put_uint(f, 1, 2), put_uint(f, resolution, 1),
			put(f, "\0\0\0", 3);
	if (offset_s != 0)
		put_uint(f, 14, 2), put_uint(f, 8, 2), put_uint(f, (uint64_t)offset_s, 8);
	put_uint(f, 0, 4);
	end(f, at);
}

static void put_packet(struct file *f, uint32_t interface, uint64_t ticks, const char *data)
{
	size_t at = begin(f, 6);

	put_uint(f, interface, 4);
	put_uint(f, ticks >> 32, 4), put_uint(f, ticks & UINT32_MAX, 4);
	put_uint(f, strlen(data), 4), put_uint(f, 1500, 4);
	put(f, data, strlen(data));
	end(f, at);
}

static void put_old_packet(struct file *f, uint16_t interface, uint64_t ticks, const char *data)
{
	size_t at = begin(f, 2);

	put_uint(f, interface, 2), put_uint(f, 7, 2); /* packets that were dropped */
	put_uint(f, ticks >> 32, 4), put_uint(f, ticks & UINT32_MAX, 4);
	put_uint(f, strlen(data), 4), put_uint(f, strlen(data), 4);
	put(f, data, strlen(data));
	end(f, at);
}

static void put_simple(struct file *f, uint32_t wire_len, const char *data)
{
	size_t at = begin(f, 3);

	put_uint(f, wire_len, 4);
	put(f, data, strlen(data));
	end(f, at);
}

static void put_unknown(struct file *f)
{
	size_t at = begin(f, 0x80000bad);

	put(f, "whatever", 8);
	end(f, at);
}

static size_t on_read(void *ctx, uint8_t *room, size_t len)
{
	struct file *f = ctx;

	len = MIN(len, f->len - f->at);
	memcpy(room, f->data + f->at, len);
	f->at += len;
	return len;
}

static void is_packet(struct pcapng *p, uint32_t linktype, int64_t time_ms, const char *data)
{
	struct pcapng_packet packet;

	assert_ok(pcapng_next(p, &packet));
	assert_int_equal(packet.linktype, linktype);
	assert_int_equal(packet.has_time, time_ms >= 0);
	if (packet.has_time)
		assert_int_equal(packet.time_ms, time_ms);
	assert_int_equal(bytes_left(&packet.data), strlen(data));
	assert_memory_equal(packet.data.at, data, strlen(data));
}

static enum err error_of(struct file *f)
{
	struct pcapng *p = pcapng_new(on_read, f);
	struct pcapng_packet packet;
	enum err err;

	while ((err = pcapng_next(p, &packet)) == ERR_OK)
		;
	pcapng_free(p);
	return err;
}

static void either_byte_order_is_read(void **state)
{
	(void)state;

	for (int is_big = 0; is_big < 2; is_big++) {
		struct file f = {.is_big = is_big};
		struct pcapng *p;

		put_section(&f);
		put_interface(&f, 1, 0, 0, 0);
		put_packet(&f, 0, UINT64_C(1795309531943999), "enhanced");
		put_old_packet(&f, 0, UINT64_C(1795309531944000), "old");
		p = pcapng_new(on_read, &f);
		is_packet(p, 1, 1795309531943, "enhanced");
		is_packet(p, 1, 1795309531944, "old");
		pcapng_free(p);
	}
}

/* A file of two parts, written on different machines: `cat a.pcapng b.pcapng`. */
static void every_section_has_its_own_order_and_interfaces(void **state)
{
	struct file f = {.is_big = false};
	struct pcapng_packet packet;
	struct pcapng *p;
	(void)state;

	put_section(&f);
	put_interface(&f, 1, 0, 0, 0);
	put_interface(&f, 113, 0, 0, 0);
	put_packet(&f, 1, 5000000, "first");
	f.is_big = true;
	put_section(&f);
	put_interface(&f, 101, 0, 0, 0);
	put_packet(&f, 0, 6000000, "second");
	put_packet(&f, 1, 7000000, "of no interface");
	p = pcapng_new(on_read, &f);
	is_packet(p, 113, 5000, "first");
	is_packet(p, 101, 6000, "second");
	assert_err(ERR_FORMAT, pcapng_next(p, &packet));
	pcapng_free(p);
}

static void every_interface_has_its_own_clock(void **state)
{
	static const struct {
		uint8_t resolution;
		int64_t offset_s;
		uint64_t ticks;
		int64_t time_ms;
	} rows[] = {
		{0, 0, 1999999, 1999},             /* us, as nobody says otherwise */
		{3, 0, 1999, 1999},                /* ms */
		{9, 0, 1999999999, 1999},          /* ns */
		{12, 0, 1999999999999, 1999},      /* ps */
		{0x80 | 10, 0, 1536, 1500},        /* 2^-10 s */
		{0x80 | 32, 0, 0x180000000, 1500}, /* as NTP */
		{1, 0, 15, 1500},                  /* 1/10 s */
		{6, 1795309531, 943000, 1795309531943},
		{6, -1, 2500000, 1500},
	};
	struct file f = {.is_big = false};
	struct pcapng *p;
	(void)state;

	put_section(&f);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		put_interface(&f, 1, 0, rows[i].resolution, rows[i].offset_s);
	for (size_t i = ARRAY_LEN(rows); i-- > 0;)
		put_packet(&f, (uint32_t)i, rows[i].ticks, "x");
	p = pcapng_new(on_read, &f);
	for (size_t i = ARRAY_LEN(rows); i-- > 0;)
		is_packet(p, 1, rows[i].time_ms, "x");
	pcapng_free(p);
}

static void a_simple_packet_is_as_long_as_its_interface_keeps(void **state)
{
	struct file f = {.is_big = true};
	struct pcapng *p;
	(void)state;

	put_section(&f);
	put_interface(&f, 101, 5, 0, 0);
	put_simple(&f, 1500, "spoor");
	put_simple(&f, 3, "abc");
	p = pcapng_new(on_read, &f);
	is_packet(p, 101, -1, "spoor");
	is_packet(p, 101, -1, "abc");
	pcapng_free(p);
}

static void unknown_blocks_are_passed_over(void **state)
{
	struct file f = {.is_big = false};
	struct pcapng *p;
	(void)state;

	put_section(&f);
	put_unknown(&f);
	put_interface(&f, 1, 0, 0, 0);
	put_unknown(&f);
	put_packet(&f, 0, 1000, "x");
	put_unknown(&f);
	p = pcapng_new(on_read, &f);
	is_packet(p, 1, 1, "x");
	pcapng_free(p);
	f.at = 0;
	assert_err(ERR_NOENT, error_of(&f));
}

static void wherever_it_is_cut_it_is_torn(void **state)
{
	struct file whole = {.is_big = false};
	size_t edges[4], count = 0;
	(void)state;

	edges[count++] = 0;
	put_section(&whole);
	edges[count++] = whole.len;
	put_interface(&whole, 1, 0, 9, 0);
	edges[count++] = whole.len;
	put_packet(&whole, 0, 1000, "packet");
	edges[count++] = whole.len;
	for (size_t len = 0; len <= whole.len; len++) {
		struct file f = whole;
		bool is_edge = false;

		f.len = len;
		for (size_t i = 0; i < count; i++)
			is_edge = is_edge || edges[i] == len;
		assert_err(is_edge ? ERR_NOENT : ERR_TORN, error_of(&f));
	}
}

static void what_contradicts_itself_is_refused(void **state)
{
	struct file f = {.is_big = false};
	(void)state;

	put_packet(&f, 0, 0, "before any section");
	assert_err(ERR_FORMAT, error_of(&f));
	f = (struct file){.is_big = false};
	put_section(&f);
	put_packet(&f, 0, 0, "before any interface");
	assert_err(ERR_FORMAT, error_of(&f));
	f = (struct file){.is_big = false};
	put_section(&f);
	f.data[f.len - 4] ^= 4; /* the length behind it is another */
	assert_err(ERR_FORMAT, error_of(&f));
	f = (struct file){.is_big = false};
	put_section(&f);
	f.data[8] = 0; /* of no byte order */
	assert_err(ERR_FORMAT, error_of(&f));
	f = (struct file){.is_big = false};
	put_section(&f);
	put_interface(&f, 1, 0, 20, 0); /* a clock finer than any */
	assert_err(ERR_FORMAT, error_of(&f));
	f = (struct file){.is_big = false};
	put_section(&f);
	put_uint(&f, 7, 4), put_uint(&f, 0xfffffff0, 4);
	assert_err(ERR_LIMIT, error_of(&f));
	f = (struct file){.is_big = false};
	put_section(&f);
	put_uint(&f, 7, 4), put_uint(&f, 13, 4);
	assert_err(ERR_FORMAT, error_of(&f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(either_byte_order_is_read),
		cmocka_unit_test(every_section_has_its_own_order_and_interfaces),
		cmocka_unit_test(every_interface_has_its_own_clock),
		cmocka_unit_test(a_simple_packet_is_as_long_as_its_interface_keeps),
		cmocka_unit_test(unknown_blocks_are_passed_over),
		cmocka_unit_test(wherever_it_is_cut_it_is_torn),
		cmocka_unit_test(what_contradicts_itself_is_refused),
	};

	return cmocka_run_group_tests_name("tools/pcapng", tests, NULL, NULL);
}
