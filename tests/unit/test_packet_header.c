/* The first octets of a packet: which addresses, ports, tags and labels they have. */
#include "base/util.h"
#include "proto/flow/packet_header.h"
#include "tests/unit/test.h"

#include <string.h>

#define MACS           \
	"020000000001" \
	"020000000002"
#define V4(proto, fragment)                       \
	"45b8003c1234" fragment "40" proto "0000" \
	"0a04000a"                                \
	"cb007179"
#define V6(len, proto)                     \
	"6b800000" len proto "40"          \
	"20010db8000000000000000000000001" \
	"20010db8000000000000000000000002"
#define TCP        \
	"b0460016" \
	"00000001" \
	"00000002" \
	"5012ffff" \
	"00000000"

/* Hexadecimal digits, with spaces anywhere. */
static struct bytes octets(const char *text, uint8_t room[512])
{
	size_t len = 0, half = 0;

	for (; *text != '\0'; text++) {
		uint8_t digit;

		if (*text == ' ')
			continue;
		digit = (uint8_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
		room[len] = (uint8_t)(half == 0 ? digit << 4 : room[len] | digit);
		len += half;
		half ^= 1;
	}
	assert_int_equal(half, 0);
	return bytes_of(room, len);
}

static bool read_text(unsigned layer, const char *text, struct packet_header *ret)
{
	uint8_t room[512];

	return packet_header_read(layer, octets(text, room), ret);
}

static void assert_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_print(a, text), expected);
}

/* Every way in to the same TCP packet. */
static void the_packet_is_found_behind_each_layer(void **state)
{
	static const struct {
		const char *text;
		unsigned layer;
		uint32_t mpls;
		uint16_t vlan, vlan_inner;
	} rows[] = {
		{MACS "0800" V4("06", "4000") TCP, PACKET_ETHERNET, 0, 0, 0},
		{MACS "8100 609a 0800" V4("06", "4000") TCP, PACKET_ETHERNET, 0, 154, 0},
		{MACS "88a8 0064 8100 2005 0800" V4("06", "4000") TCP, PACKET_ETHERNET, 0, 100, 5},
		{MACS "9100 0064 8100 2005 8100 0007 0800" V4("06", "4000") TCP, PACKET_ETHERNET, 0,
	         100, 5},
		{MACS "9300 0064 9200 2005 0800" V4("06", "4000") TCP, PACKET_ETHERNET, 0, 100, 5},
		{MACS "8847 00064 140" V4("06", "4000") TCP, PACKET_ETHERNET, 100, 0, 0},
		{MACS "8100 0003 8847 00064 140 00000000" MACS "8100 0009 0800" V4("06", "4000")
	                 TCP,
	         PACKET_ETHERNET, 100, 3, 0},
		/* Ethernet over MPLS, behind its control word */
		{MACS "8847 00064 140 00000000" MACS "0800" V4("06", "4000") TCP, PACKET_ETHERNET,
	         100, 0, 0},
		{MACS "8847 00064040 00065 140 00000007" MACS "8100 0009 0800" V4("06", "4000") TCP,
	         PACKET_ETHERNET, 100, 9, 0},
		{MACS "8100 0003 8847 00064040 00065 140" V4("06", "4000") TCP, PACKET_ETHERNET,
	         100, 3, 0},
		{MACS "8864 1100 0001 003e 0021" V4("06", "4000") TCP, PACKET_ETHERNET, 0, 0, 0},
		{MACS "0044 aaaa03000000 0800" V4("06", "4000") TCP, PACKET_ETHERNET, 0, 0, 0},
		{"ff03 0021" V4("06", "4000") TCP, PACKET_PPP, 0, 0, 0},
		{"00064140" V4("06", "4000") TCP, PACKET_MPLS, 100, 0, 0},
		{V4("06", "4000") TCP, PACKET_IPV4, 0, 0, 0},
		{V4("06", "4000") TCP, PACKET_IP, 0, 0, 0},
		{V4("06", "2000") TCP, PACKET_IP, 0, 0, 0}, /* the first of its fragments */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet_header h;

		assert_true(read_text(rows[i].layer, rows[i].text, &h));
		assert_addr(&h.src, "10.4.0.10");
		assert_addr(&h.dst, "203.0.113.121");
		assert_int_equal(h.src_port, 45126);
		assert_int_equal(h.dst_port, 22);
		assert_int_equal(h.proto, 6);
		assert_int_equal(h.tcp_flags, 0x12);
		assert_int_equal(h.tos, 0xb8);
		assert_int_equal(h.octets, 60);
		assert_int_equal(h.vlan, rows[i].vlan);
		assert_int_equal(h.vlan_inner, rows[i].vlan_inner);
		assert_int_equal(h.mpls, rows[i].mpls);
	}
}

/* The protocol is the last header's (RFC 7012, protocolIdentifier), and its ports are read. */
static void ipv6_is_read_through_its_extension_headers(void **state)
{
	static const struct {
		const char *text;
		uint8_t proto;
		uint16_t src_port, dst_port;
	} rows[] = {
		{V6("0014", "06") TCP, 6, 45126, 22},
		{V6("0008", "11") "1234 0035 00080000", 17, 0x1234, 53},
		{V6("0010", "3a") "8f00 0000", 58, 0, 0x8f00},
		{V6("0010", "00") "3a00 050200000100 8f000000", 58, 0, 0x8f00},
		{V6("0030", "00") "2b00 050200000100 3c01 000000000000 0000000000000000"
	                          "0600 000000000000" TCP,
	         6, 45126, 22},
		{V6("0020", "2c") "0600 0001 00000001" TCP, 6, 45126, 22}, /* first fragment */
		{V6("0020", "2c") "0600 0009 00000001" TCP, 6, 0, 0},      /* a later one */
		{V6("0020", "33") "0602 0000 00000001 00000002 00000003" TCP, 6, 45126, 22},
		{V6("0020", "32") "00000001 00000002", 50, 0, 0}, /* sealed */
		{V6("0020", "3b"), 59, 0, 0},                     /* nothing follows */
		{V6("0020", "00") "06ff 0000 00000000", 6, 0, 0}, /* cut off within */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet_header h;

		assert_true(read_text(PACKET_IPV6, rows[i].text, &h));
		assert_addr(&h.src, "2001:db8::1");
		assert_addr(&h.dst, "2001:db8::2");
		assert_int_equal(h.proto, rows[i].proto);
		assert_int_equal(h.src_port, rows[i].src_port);
		assert_int_equal(h.dst_port, rows[i].dst_port);
		assert_int_equal(h.tos, 0xb8);
	}
}

static void what_is_cut_off_is_zero(void **state)
{
	static const struct {
		const char *text;
		uint16_t src_port, dst_port;
	} rows[] = {
		{V4("06", "4000"), 0, 0},
		{V4("06", "4000") "b046", 0, 0},
		{V4("06", "4000") "b0460016", 45126, 22},
		{V4("06", "00b9") TCP, 0, 0},        /* a later fragment */
		{V4("2f", "4000") "b0460016", 0, 0}, /* GRE: the outer packet alone */
		{V4("01", "4000") "0803 0000", 0, 0x0803},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet_header h;

		assert_true(read_text(PACKET_IP, rows[i].text, &h));
		assert_int_equal(h.src_port, rows[i].src_port);
		assert_int_equal(h.dst_port, rows[i].dst_port);
		assert_int_equal(h.tcp_flags, 0);
	}
}

static void what_is_not_ip_is_told_so(void **state)
{
	static const struct {
		const char *text;
		unsigned layer;
		uint16_t vlan;
	} rows[] = {
		{"", PACKET_ETHERNET, 0},
		{MACS, PACKET_ETHERNET, 0},
		{MACS "0806 0001080006040001", PACKET_ETHERNET, 0}, /* ARP */
		{MACS "8100 0005 0806 0001080006040001", PACKET_ETHERNET, 5},
		{MACS "0026 424203 0000", PACKET_ETHERNET, 0}, /* spanning tree */
		{MACS "0026 aaaa03000000 0026 aaaa03000000 0800", PACKET_ETHERNET, 0},
		{MACS "8100", PACKET_ETHERNET, 0},
		{MACS "0800 45b8003c1234", PACKET_ETHERNET, 0},
		{MACS "0800"
	              "60b8003c12344000400600000a04000acb007179",
	         PACKET_ETHERNET, 0},
		{"44b8003c12344000400600000a04000acb007179", PACKET_IPV4, 0}, /* header of 16 */
		{MACS "8847 00064040", PACKET_ETHERNET, 0}, /* labels without end */
		{MACS "8847 00064140 00000000" MACS "8847 00065140 00000000" MACS
	              "0800" V4("06", "4000") TCP,
	         PACKET_ETHERNET, 0}, /* a frame in a frame in a frame */
		{V4("06", "4000") TCP, PACKET_IPV6, 0},
		{V4("06", "4000") TCP, 99, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet_header h;

		assert_false(read_text(rows[i].layer, rows[i].text, &h));
		assert_int_equal(h.vlan, rows[i].vlan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packet_is_found_behind_each_layer),
		cmocka_unit_test(ipv6_is_read_through_its_extension_headers),
		cmocka_unit_test(what_is_cut_off_is_zero),
		cmocka_unit_test(what_is_not_ip_is_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
