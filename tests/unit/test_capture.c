#include "tests/unit/test.h"
#include "tools/capture.h"
#include "tools/frame.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define PCAP_HEADER 24
#define FRAME_HEADER 16

/* IPv4, 192.0.2.1:4660 -> 192.0.2.2:2055, "spoor" */
#define IPV4                                                                                       \
	0x45, 0, 0, 33, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x34, 8, 7, \
		0, 13, 0, 0, 's', 'p', 'o', 'o', 'r'
#define MACS 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2

struct frame {
	const char *label;
	int link;          /* libpcap's */
	uint32_t linktype; /* the file's */
	size_t len;
	uint8_t data[96];
};

#define FRAME(label, dlt, type, ...)                                \
	{                                                           \
		label, dlt, type, sizeof((uint8_t[]){__VA_ARGS__}), \
		{                                                   \
			__VA_ARGS__                                 \
		}                                                   \
	}

static const struct frame frames[] = {
	FRAME("ethernet", DLT_EN10MB, 1, MACS, 8, 0, IPV4),
	FRAME("ethernet, padded", DLT_EN10MB, 1, MACS, 8, 0, IPV4, 0, 0, 0, 0, 0, 0),
	FRAME("802.1Q", DLT_EN10MB, 1, MACS, 0x81, 0, 0, 7, 8, 0, IPV4),
	FRAME("802.1ad", DLT_EN10MB, 1, MACS, 0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0, IPV4),
	FRAME("linux cooked", DLT_LINUX_SLL, 113, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0,
              IPV4),
	FRAME("linux cooked 2", DLT_LINUX_SLL2, 276, 8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0,
              0, 1, 0, 0, IPV4),
	FRAME("raw", DLT_RAW, 101, IPV4),
	FRAME("null", DLT_NULL, 0, 2, 0, 0, 0, IPV4),
	FRAME("loop", DLT_LOOP, 108, 0, 0, 0, 2, IPV4),
	FRAME("ipv4", DLT_IPV4, 228, IPV4),
};

/* IPv6 with a hop-by-hop and an atomic fragment header, 2001:db8::1 port 4660, "spoor" */
static const uint8_t ipv6[] = {
	0x60, 0, 0,    0,    0,  29, 0, 64, 0x20, 1, 0x0d, 0xb8, 0,   0,   0,   0, 0, 0,
	0,    0, 0,    0,    0,  1,  0, 0,  0,    0, 0,    0,    0,   0,   0,   0, 0, 0,
	0,    0, 0,    2,    44, 0,  1, 4,  0,    0, 0,    0,    17,  0,   0,   0, 0, 0,
	0,    1, 0x12, 0x34, 8,  7,  0, 13, 0,    0, 's',  'p',  'o', 'o', 'r',
};

static struct fragment fragment; /* nobody looks at it where frames are whole */

static void is_the_datagram(const struct endpoint *from, struct bytes data, const char *expected)
{
	char text[ENDPOINT_TEXT_MAX];

	assert_string_equal(endpoint_print(from, text), expected);
	assert_int_equal(bytes_left(&data), 5);
	assert_memory_equal(data.at, "spoor", 5);
}

static void every_link_type_gives_the_datagram(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct endpoint from;
		struct bytes data;

		assert_true(frame_is_link(frames[i].link));
		assert_string_equal(frame_skip_text(frame_open(
					    frames[i].link, bytes_of(frames[i].data, frames[i].len),
					    &from, &data, &fragment)),
		                    "taken");
		is_the_datagram(&from, data, "192.0.2.1:4660");
	}
	assert_false(frame_is_link(DLT_IEEE802_11));
}

static void ipv6_headers_are_stepped_over(void **state)
{
	struct endpoint from;
	struct bytes data;
	(void)state;

	assert_int_equal(
		frame_open(DLT_IPV6, bytes_of(ipv6, sizeof(ipv6)), &from, &data, &fragment),
		FRAME_TAKEN);
	is_the_datagram(&from, data, "[2001:db8::1]:4660");
}

/* Cut every frame at every length: nothing is read behind the end, and nothing comes of it. */
static void every_truncation_is_cut(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		size_t whole = frames[i].len - (i == 1 ? 6 : 0); /* its padding is not missed */

		for (size_t len = 0; len < whole; len++) {
			uint8_t *copy = malloc(len + 1); /* for the sanitizer to guard */
			struct endpoint from = {.port = 7};
			struct bytes data;

			memcpy(copy, frames[i].data, len);
			assert_int_equal(frame_open(frames[i].link, bytes_of(copy, len), &from,
			                            &data, &fragment),
			                 FRAME_CUT);
			assert_int_equal(from.port, 7);
			free(copy);
		}
	}
	for (size_t len = 0; len < sizeof(ipv6); len++) {
		struct endpoint from;
		struct bytes data;

		assert_int_equal(frame_open(DLT_IPV6, bytes_of(ipv6, len), &from, &data, &fragment),
		                 FRAME_CUT);
	}
}

static void what_is_no_datagram_is_told_apart(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum frame_skip expected;
	} rows[] = {
		{9, 6, FRAME_TCP},         {9, 1, FRAME_NOT_UDP}, /* ICMP */
		{0, 0x55, FRAME_NOT_UDP},                         /* IP version 5 */
		{0, 0x44, FRAME_NOT_UDP},                         /* a header of 16 octets */
		{6, 0x20, FRAME_FRAGMENT},                        /* more follow */
		{7, 1, FRAME_FRAGMENT},                           /* not the first */
		{3, 19, FRAME_CUT},                               /* shorter than its header */
		{25, 7, FRAME_CUT},                               /* UDP shorter than its own */
		{25, 14, FRAME_CUT}, /* and longer than what is there */
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t packet[] = {IPV4};
		struct endpoint from;
		struct bytes data;

		packet[rows[i].at] = rows[i].value;
		assert_int_equal(frame_open(DLT_RAW, bytes_of(packet, sizeof(packet)), &from, &data,
		                            &fragment),
		                 rows[i].expected);
	}
}

struct file {
	size_t len;
	uint8_t data[1024];
	char path[64];
};

static void put(struct file *f, const void *data, size_t len)
{
	memcpy(f->data + f->len, data, len);
	f->len += len;
}

static void put_number(struct file *f, uint32_t value)
{
	put(f, &value, sizeof(value)); /* a capture is in its writer's byte order */
}

static void put_pcap_header(struct file *f, uint32_t magic, uint32_t link)
{
	put_number(f, magic);
	put_number(f, 4 << 16 | 2);
	put_number(f, 0);
	put_number(f, 0);
	put_number(f, 65535);
	put_number(f, link);
}

static void put_frame(struct file *f, uint32_t seconds, uint32_t fraction, const void *data,
                      size_t len)
{
	put_number(f, seconds);
	put_number(f, fraction);
	put_number(f, (uint32_t)len);
	put_number(f, (uint32_t)len);
	put(f, data, len);
}

/* Writes the first `len` octets to a file of its own, compressed or not. */
static void save(struct file *f, size_t len, const char *gz_mode)
{
	int fd;
	gzFile gz;

	strcpy(f->path, "/tmp/spoor-test-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	gz = gzdopen(fd, gz_mode);
	assert_non_null(gz);
	assert_int_equal(gzwrite(gz, f->data, (unsigned)len), (int)len);
	assert_int_equal(gzclose(gz), Z_OK);
}

#define PLAIN "wT"
#define COMPRESSED "wb9"

/* Opens the file and takes it away: it stays readable while it is open. */
static enum err open_saved(const struct file *f, struct capture **ret)
{
	char reason[CAPTURE_REASON_MAX] = "";
	enum err err = capture_open(f->path, ret, reason);

	unlink(f->path);
	assert_int_equal(err != ERR_OK, reason[0] != '\0');
	return err;
}

static void two_frames(struct file *f)
{
	static const uint8_t packet[] = {IPV4};

	*f = (struct file){.len = 0};
	put_pcap_header(f, 0xa1b2c3d4, 101);
	put_frame(f, 1795309531, 943999, packet, sizeof(packet));
	put_frame(f, 1795309532, 1000, packet, sizeof(packet));
}

static void has_two_datagrams(struct capture *c)
{
	struct capture_datagram d;

	assert_ok(capture_next(c, &d));
	is_the_datagram(&d.from, d.data, "192.0.2.1:4660");
	assert_int_equal(d.received_ms, 1795309531943);
	assert_ok(capture_next(c, &d));
	assert_int_equal(d.received_ms, 1795309532001);
	assert_err(ERR_NOENT, capture_next(c, &d));
	capture_close(c);
}

static void captures_are_read_compressed_and_not(void **state)
{
	struct capture *c;
	struct file f;
	(void)state;

	two_frames(&f);
	save(&f, f.len, PLAIN);
	assert_ok(open_saved(&f, &c));
	has_two_datagrams(c);
	save(&f, f.len, COMPRESSED);
	assert_ok(open_saved(&f, &c));
	has_two_datagrams(c);
}

static void every_linktype_of_a_file_is_known(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct file f = {.len = 0};
		struct capture_datagram d;
		struct capture *c;

		put_pcap_header(&f, 0xa1b23c4d, frames[i].linktype); /* nanoseconds */
		put_frame(&f, 5, 999999999, frames[i].data, frames[i].len);
		save(&f, f.len, PLAIN);
		assert_ok(open_saved(&f, &c));
		assert_ok(capture_next(c, &d));
		is_the_datagram(&d.from, d.data, "192.0.2.1:4660");
		assert_int_equal(d.received_ms, 5999);
		capture_close(c);
	}
}

static void pcapng_is_read(void **state)
{
	static const uint8_t packet[] = {IPV4, 0, 0, 0};
	struct capture_datagram d;
	struct file f = {.len = 0};
	struct capture *c;
	uint64_t us = UINT64_C(1795309531943000);
	(void)state;

	/* section header, interface description, one enhanced packet: 33 octets, padded to 36 */
	put_number(&f, 0x0a0d0d0a), put_number(&f, 28), put_number(&f, 0x1a2b3c4d);
	put_number(&f, 1), put_number(&f, UINT32_MAX), put_number(&f, UINT32_MAX);
	put_number(&f, 28);
	put_number(&f, 1), put_number(&f, 20), put_number(&f, 101), put_number(&f, 65535);
	put_number(&f, 20);
	put_number(&f, 6), put_number(&f, 68), put_number(&f, 0);
	put_number(&f, (uint32_t)(us >> 32)), put_number(&f, (uint32_t)us);
	put_number(&f, 33), put_number(&f, 33), put(&f, packet, sizeof(packet));
	put_number(&f, 68);
	save(&f, f.len, COMPRESSED);
	assert_ok(open_saved(&f, &c));
	assert_ok(capture_next(c, &d));
	is_the_datagram(&d.from, d.data, "192.0.2.1:4660");
	assert_int_equal(d.received_ms, 1795309531943);
	assert_err(ERR_NOENT, capture_next(c, &d));
	capture_close(c);
}

/* Wherever a capture is cut, what was whole in it is given; a cut between frames is an end. */
static void a_cut_capture_gives_what_was_whole(void **state)
{
	struct file f;
	size_t frame = FRAME_HEADER + 33;
	(void)state;

	two_frames(&f);
	for (size_t len = 1; len < f.len; len++) {
		size_t whole = len < PCAP_HEADER ? 0 : (len - PCAP_HEADER) / frame, got = 0;
		bool is_edge = len >= PCAP_HEADER && (len - PCAP_HEADER) % frame == 0;
		struct capture_datagram d;
		struct capture *c;
		enum err err;

		save(&f, len, PLAIN);
		err = open_saved(&f, &c);
		if (len < PCAP_HEADER) {
			assert_err(ERR_FORMAT, err);
			continue;
		}
		assert_ok(err);
		while ((err = capture_next(c, &d)) == ERR_OK)
			got++;
		assert_int_equal(got, whole);
		assert_err(is_edge ? ERR_NOENT : ERR_TORN, err);
		capture_close(c);
	}
}

static void a_cut_gzip_file_is_never_taken_for_whole(void **state)
{
	struct file f, gz = {.len = 0};
	FILE *in;
	(void)state;

	two_frames(&f);
	save(&f, f.len, COMPRESSED);
	in = fopen(f.path, "rb");
	assert_non_null(in);
	gz.len = fread(gz.data, 1, sizeof(gz.data), in);
	fclose(in);
	unlink(f.path);
	for (size_t len = 1; len < gz.len; len++) {
		struct capture_datagram d;
		struct capture *c;
		enum err err;

		save(&gz, len, PLAIN);
		err = open_saved(&gz, &c);
		if (err != ERR_OK)
			continue;
		while ((err = capture_next(c, &d)) == ERR_OK)
			;
		assert_err(ERR_TORN, err);
		capture_close(c);
	}
}

static void skipped_frames_are_counted_by_reason(void **state)
{
	uint8_t tcp[] = {IPV4}, piece[] = {IPV4}, good[] = {IPV4};
	char text[CAPTURE_SKIPPED_MAX];
	struct capture_datagram d;
	struct file f = {.len = 0};
	struct capture *c;
	(void)state;

	tcp[9] = 6;
	piece[7] = 1;
	put_pcap_header(&f, 0xa1b2c3d4, 101);
	put_frame(&f, 1, 0, tcp, sizeof(tcp));
	put_frame(&f, 1, 0, good, sizeof(good) - 1);
	put_frame(&f, 2, 0, piece, sizeof(piece));
	put_frame(&f, 3, 0, tcp, sizeof(tcp));
	put_frame(&f, 4, 0, good, sizeof(good));
	save(&f, f.len, PLAIN);
	assert_ok(open_saved(&f, &c));
	assert_int_equal(capture_skipped(c, text), 0);
	assert_string_equal(text, "");
	assert_ok(capture_next(c, &d));
	assert_int_equal(d.received_ms, 4000);
	assert_int_equal(capture_skipped(c, text), 4);
	assert_string_equal(text, "TCP 2 (IPFIX over TCP goes to a node; out of a capture it is "
	                          "not read), IP fragment 1, cut short 1");
	capture_close(c);
}

static void a_lone_datagram_came_when_its_file_was_written(void **state)
{
	static const char *const modes[] = {PLAIN, COMPRESSED};
	static const struct addr nobody;
	struct file f = {.len = 24, .data = {0, 5, 0, 1}};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct timespec times[] = {{1795309531, 0}, {1795309531, 943000000}};
		struct capture_datagram d;
		struct capture *c;

		save(&f, f.len, modes[i]);
		assert_int_equal(utimensat(-1, f.path, times, 0), 0);
		assert_ok(open_saved(&f, &c));
		assert_ok(capture_next(c, &d));
		assert_int_equal(bytes_left(&d.data), f.len);
		assert_memory_equal(d.data.at, f.data, f.len);
		assert_int_equal(d.received_ms, 1795309531943);
		assert_true(addr_equal(&d.from.addr, &nobody));
		assert_err(ERR_NOENT, capture_next(c, &d));
		capture_close(c);
	}
}

/* One message of IPFIX of `len` octets, all of them `fill`. */
static void put_message(FILE *out, size_t len, uint8_t fill)
{
	static uint8_t message[65535];

	memset(message, fill, len);
	message[0] = 0, message[1] = 10;
	message[2] = (uint8_t)(len >> 8), message[3] = (uint8_t)len;
	assert_int_equal(fwrite(message, 1, len, out), len);
}

/* RFC 5655: of any size, and one that is cut off, or none, is given as it stands. */
static void a_file_of_ipfix_gives_a_message_after_the_other(void **state)
{
	static const size_t lens[] = {16, 65535, 40000, 20};
	struct capture_datagram d;
	struct file f = {.len = 0};
	struct capture *c;
	FILE *out;
	(void)state;

	save(&f, 0, PLAIN);
	out = fopen(f.path, "wb");
	assert_non_null(out);
	for (size_t i = 0; i < ARRAY_LEN(lens); i++)
		put_message(out, lens[i], (uint8_t)i);
	put_message(out, 500, 9);
	fflush(out);
	assert_int_equal(ftruncate(fileno(out), ftell(out) - 100), 0);
	fclose(out);
	assert_ok(open_saved(&f, &c));
	for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
		assert_ok(capture_next(c, &d));
		assert_int_equal(bytes_left(&d.data), lens[i]);
		assert_int_equal(d.data.at[lens[i] - 1], i);
	}
	assert_ok(capture_next(c, &d));
	assert_int_equal(bytes_left(&d.data), 400);
	assert_err(ERR_NOENT, capture_next(c, &d));
	capture_close(c);
}

static void behind_messages_of_ipfix_something_else_is_given_whole(void **state)
{
	static const uint8_t odd[] = {0, 10, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'h', 'i'};
	struct capture_datagram d;
	struct file f = {.len = 0};
	struct capture *c;
	(void)state;

	put(&f, odd, sizeof(odd));
	save(&f, f.len, COMPRESSED);
	assert_ok(open_saved(&f, &c));
	assert_ok(capture_next(c, &d));
	assert_int_equal(bytes_left(&d.data), 16);
	assert_ok(capture_next(c, &d));
	assert_int_equal(bytes_left(&d.data), 2);
	assert_err(ERR_NOENT, capture_next(c, &d));
	capture_close(c);
	memset(f.data + 16, 0, 2); /* which fill up */
	save(&f, f.len, PLAIN);
	assert_ok(open_saved(&f, &c));
	assert_ok(capture_next(c, &d));
	assert_err(ERR_NOENT, capture_next(c, &d));
	capture_close(c);
}

static void of_what_is_known_but_not_read_it_is_said_what_helps(void **state)
{
	static const struct {
		const char *magic, *says;
	} rows[] = {
		{"\x0c\xa5\x02\x01", "nfreplay"},
		{"BZh91AY", "bunzip2"},
		{"\xfd"
	         "7zXZ",
	         "xzcat"},
		{"\x28\xb5\x2f\xfd", "zstdcat"},
		{"what", "neither"},
	};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char reason[CAPTURE_REASON_MAX];
		struct file f = {.len = 0};
		struct capture *c;

		put(&f, rows[i].magic, strlen(rows[i].magic));
		save(&f, f.len, PLAIN);
		assert_err(ERR_FORMAT, capture_open(f.path, &c, reason));
		assert_non_null(strstr(reason, rows[i].says));
		unlink(f.path);
	}
}

static void what_is_neither_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
		{"", 0}, {"\0\5", 2}, {"hello, world", 12}, {"\0\4\0\1", 4}, {"\x1f\x8b\x08", 3}};
	static uint8_t large[65536] = {0, 5};
	char reason[CAPTURE_REASON_MAX];
	struct capture *c;
	struct file f = {.len = 0};
	FILE *out;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct file row = {.len = 0};

		put(&row, rows[i].text, rows[i].len);
		save(&row, row.len, PLAIN);
		assert_int_not_equal(open_saved(&row, &c), ERR_OK);
	}
	save(&f, 0, PLAIN);
	out = fopen(f.path, "wb");
	assert_int_equal(fwrite(large, 1, sizeof(large), out), sizeof(large));
	fclose(out);
	assert_err(ERR_FORMAT, open_saved(&f, &c));
	assert_err(ERR_IO, capture_open("/tmp", &c, reason));
	assert_err(ERR_IO, capture_open("/nowhere/at/all", &c, reason));

	f.len = 0;
	put_pcap_header(&f, 0xa1b2c3d4, 105); /* 802.11 */
	save(&f, f.len, PLAIN);
	assert_err(ERR_VERSION, open_saved(&f, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_link_type_gives_the_datagram),
		cmocka_unit_test(ipv6_headers_are_stepped_over),
		cmocka_unit_test(every_truncation_is_cut),
		cmocka_unit_test(what_is_no_datagram_is_told_apart),
		cmocka_unit_test(captures_are_read_compressed_and_not),
		cmocka_unit_test(every_linktype_of_a_file_is_known),
		cmocka_unit_test(pcapng_is_read),
		cmocka_unit_test(a_cut_capture_gives_what_was_whole),
		cmocka_unit_test(a_cut_gzip_file_is_never_taken_for_whole),
		cmocka_unit_test(skipped_frames_are_counted_by_reason),
		cmocka_unit_test(a_lone_datagram_came_when_its_file_was_written),
		cmocka_unit_test(a_file_of_ipfix_gives_a_message_after_the_other),
		cmocka_unit_test(behind_messages_of_ipfix_something_else_is_given_whole),
		cmocka_unit_test(of_what_is_known_but_not_read_it_is_said_what_helps),
		cmocka_unit_test(what_is_neither_is_refused),
	};

	return cmocka_run_group_tests_name("tools/capture", tests, NULL, NULL);
}
