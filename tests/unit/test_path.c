#include "base/prng.h"
#include "correlate/path.h"
#include "tests/unit/path_fixture.h"
#include "tests/unit/test.h"

#include <stdio.h>
#include <string.h>

#define ROWS_MAX 16

static size_t print_end(char *at, size_t room, const struct endpoint *inner,
                        const struct endpoint *outer, uint32_t node)
{
	char text[ENDPOINT_TEXT_MAX];
	int len = snprintf(at, room, "%s", endpoint_print(inner, text));

	if (!endpoint_equal(inner, outer))
		len += snprintf(at + len, room - (size_t)len, "=%s", endpoint_print(outer, text));
	if (node != PATH_NOWHERE)
		len += snprintf(at + len, room - (size_t)len, "@%u", node);
	return (size_t)len;
}

/* "src=public@node > dst=public@node (views) -link- ..." */
static const char *print_path(const struct path *p)
{
	static char text[4096];
	size_t at = 0;

	for (size_t i = 0; i < p->hop_count; i++) {
		const struct hop *h = &p->hops[i];

		at += print_end(text + at, sizeof(text) - at, &h->src, &h->public_src, h->src_node);
		at += (size_t)snprintf(text + at, sizeof(text) - at, " > ");
		at += print_end(text + at, sizeof(text) - at, &h->dst, &h->public_dst, h->dst_node);
		at += (size_t)snprintf(text + at, sizeof(text) - at, " (%u) -%s-\n", h->views,
		                       path_link_text(h->link));
	}
	for (size_t i = 0; i < p->gap_count; i++) {
		char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "gap after %u: %s %s %s\n",
		                       p->gaps[i].after, addr_print(&p->gaps[i].from, from),
		                       addr_print(&p->gaps[i].to, to),
		                       path_link_text(p->gaps[i].link));
	}
	return text;
}

static const struct {
	const char *label;
	struct row rows[ROWS_MAX];
	const char *path;
} cases[] = {
	{"the paper's case: three hops, no node at the second stone's gateway",
         {
		 {1, 1, "10.1.0.10:55440", "203.0.113.2:22", 48363, 676341, .score = 0.98},
		 {1, 2, "198.51.100.1:62223", "203.0.113.2:22", 48364, 676341, .score = 0.98},
		 {2, 2, "198.51.100.1:62223", "203.0.113.2:22", 48364, 676341, .score = 0.98},
		 {2, 1, "198.51.100.1:62223", "10.2.0.10:22", 48365, 676340, .score = 0.98},
		 {2, 1, "10.2.0.10:36302", "192.0.2.3:22", 76592, 673391, .score = 0.98},
		 {2, 2, "203.0.113.2:36302", "192.0.2.3:22", 76593, 673391, .score = 0.98},
		 {4, 2, "192.0.2.3:26866", "198.51.100.4:22", 104088, 668928, .score = 1},
		 {4, 1, "192.0.2.3:26866", "10.4.0.10:22", 104089, 668928, 1, .is_target = true},
	 },
         "10.1.0.10:55440=198.51.100.1:62223@1 > 10.2.0.10:22=203.0.113.2:22@2 (4) -host-\n"
         "10.2.0.10:36302=203.0.113.2:36302@2 > 192.0.2.3:22 (2) -address-\n"
         "192.0.2.3:26866 > 10.4.0.10:22=198.51.100.4:22@4 (2) -end-\n"
         "gap after 1: 192.0.2.3 192.0.2.3 address\n"},

	{"all gateways covered, the last port forwarded from 2222 to 22",
         {
		 {5, 1, "10.5.0.10:54490", "198.51.100.1:22", 58712, .end_ms = 647537},
		 {5, 2, "203.0.113.5:54490", "198.51.100.1:22", 58712, .end_ms = 647537},
		 {1, 2, "203.0.113.5:54490", "198.51.100.1:22", 58712, .end_ms = 647537},
		 {1, 1, "203.0.113.5:54490", "10.1.0.13:22", 58712, .end_ms = 647537},
		 {1, 1, "10.1.0.13:56386", "198.51.100.4:2222", 75430, .end_ms = 643391},
		 {1, 2, "198.51.100.1:28178", "198.51.100.4:2222", 75430, .end_ms = 643391},
		 {4, 2, "198.51.100.1:28178", "198.51.100.4:2222", 75430, .end_ms = 643391},
		 {4, 1, "198.51.100.1:28178", "10.4.0.11:22", 75430, 643391, .is_target = true},
	 },
         "10.5.0.10:54490=203.0.113.5:54490@5 > 10.1.0.13:22=198.51.100.1:22@1 (4) -host-\n"
         "10.1.0.13:56386=198.51.100.1:28178@1 > 10.4.0.11:22=198.51.100.4:2222@4 (4) -end-\n"},

	{"two gateways in a row without a node",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {1, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {4, 2, "192.0.2.3:50003", "198.51.100.4:22", 40000, .end_ms = 580000},
		 {4, 1, "192.0.2.3:50003", "10.4.0.10:22", 40000, 580000, .is_target = true},
	 },
         "10.1.0.10:50001=198.51.100.1:50001@1 > 203.0.113.2:22 (2) -time-\n"
         "192.0.2.3:50003 > 10.4.0.10:22=198.51.100.4:22@4 (2) -end-\n"
         "gap after 0: 203.0.113.2 192.0.2.3 time\n"},

	{"a branch of the stone is no predecessor (siblings)",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 600000},
		 {2, 1, "10.2.0.10:50002", "198.51.100.9:22", 20000, .end_ms = 590000},
		 {2, 1, "10.2.0.10:50003", "198.51.100.4:22", 20500, 590000, .is_target = true},
	 },
         "10.1.0.10:50001=198.51.100.1:50001@1 > 10.2.0.10:22=203.0.113.2:22@2 (3) -host-\n"
         "10.2.0.10:50003@2 > 198.51.100.4:22 (1) -end-\n"},

	{"neither is a branch of a stone that nobody sees behind",
         {
		 {4, 2, "192.0.2.3:50002", "198.51.100.4:22", 10000, .end_ms = 600000},
		 {5, 2, "192.0.2.3:50003", "203.0.113.5:22", 20000, 590000, .is_target = true},
	 },
         "192.0.2.3:50003 > 203.0.113.5:22 (1) -end-\n"},

	{"neither is another client of the same server",
         {
		 {4, 1, "203.0.113.9:50002", "10.4.0.10:22", 10000, .end_ms = 600000},
		 {4, 1, "192.0.2.3:50003", "10.4.0.10:22", 20000, 590000, .is_target = true},
	 },
         "192.0.2.3:50003 > 10.4.0.10:22@4 (1) -end-\n"},

	{"what the target carried is not on its path",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, 600000, .is_target = true},
		 {2, 1, "10.2.0.10:50002", "192.0.2.3:22", 20000, .end_ms = 590000},
		 {4, 1, "192.0.2.3:50003", "10.4.0.10:22", 30000, .end_ms = 580000},
	 },
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -end-\n"},

	{"the same public address, but another host behind it: at most one beside it",
         {
		 {2, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 1, "198.51.100.1:50001", "10.2.0.77:22", 10000, .end_ms = 600000},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, .end_ms = 590000},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	 },
         "198.51.100.1:50001 > 10.2.0.77:22=203.0.113.2:22@2 (2) -time-\n"
         "10.2.0.10:50002=203.0.113.2:50002@2 > 198.51.100.4:22 (2) -end-\n"
         "gap after 0: 203.0.113.2 203.0.113.2 time\n"},

	{"gateways that export one interface each: the far one shows the other side",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 2, "198.51.100.1:41111", "203.0.113.2:22", 10001, .end_ms = 600001},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 20000, .end_ms = 590000},
		 {4, 1, "203.0.113.2:50002", "10.4.0.10:22", 20000, 590000, .is_target = true},
	 },
         "10.1.0.10:50001=198.51.100.1:41111@1 > 203.0.113.2:22 (2) -address-\n"
         "203.0.113.2:50002 > 10.4.0.10:22=198.51.100.4:22@4 (2) -end-\n"
         "gap after 0: 203.0.113.2 203.0.113.2 address\n"},

	{"gateways that export their inside only: timing ties what translation cut",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 1, "198.51.100.1:41111", "10.2.0.10:22", 10001, .end_ms = 600001},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	 },
         "10.1.0.10:50001@1 > 203.0.113.2:22 (1) -time-\n"
         "198.51.100.1:41111 > 10.2.0.10:22@2 (1) -host-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"
         "gap after 0: 203.0.113.2 198.51.100.1 time\n"},

	{"a coincidence elsewhere is no origin where the gateway saw nobody come in",
         {
		 {5, 1, "10.5.0.23:45600", "203.0.113.122:22", 10000, .end_ms = 600000},
		 {5, 2, "203.0.113.5:45600", "203.0.113.122:22", 10000, .end_ms = 600000},
		 {1, 1, "10.1.0.21:45712", "198.51.100.142:22", 10700, .end_ms = 599000},
		 {4, 1, "198.51.100.1:63585", "10.4.0.22:22", 10700, 599000, .is_target = true},
		 {1, 2, "198.51.100.1:63585", "198.51.100.142:22", 10700, .end_ms = 599000},
	 },
         "10.1.0.21:45712=198.51.100.1:63585@1 > 10.4.0.22:22=198.51.100.142:22@4 (3) -end-\n"},

	{"nor is a significant one that begins together with it",
         {
		 {5, 1, "10.5.0.23:45600", "203.0.113.122:22", 10000, 600000, .score = 9},
		 {5, 2, "203.0.113.5:45600", "203.0.113.122:22", 10000, 600000, .score = 9},
		 {1, 1, "10.1.0.21:45712", "198.51.100.142:22", 10700, .end_ms = 599000},
		 {4, 1, "198.51.100.1:63585", "10.4.0.22:22", 10700, 599000, .is_target = true},
		 {1, 2, "198.51.100.1:63585", "198.51.100.142:22", 10700, .end_ms = 599000},
	 },
         "10.1.0.21:45712=198.51.100.1:63585@1 > 10.4.0.22:22=198.51.100.142:22@4 (3) -end-\n"},

	{"but one that began before has come in by another way",
         {
		 {5, 1, "10.5.0.23:45600", "203.0.113.122:22", 8000, 600000, .score = 9},
		 {5, 2, "203.0.113.5:45600", "203.0.113.122:22", 8000, 600000, .score = 9},
		 {1, 1, "10.1.0.21:45712", "198.51.100.142:22", 10700, .end_ms = 599000},
		 {4, 1, "198.51.100.1:63585", "10.4.0.22:22", 10700, 599000, .is_target = true},
		 {1, 2, "198.51.100.1:63585", "198.51.100.142:22", 10700, .end_ms = 599000},
	 },
         "10.5.0.23:45600=203.0.113.5:45600@5 > 203.0.113.122:22 (2) -time-\n"
         "10.1.0.21:45712=198.51.100.1:63585@1 > 10.4.0.22:22=198.51.100.142:22@4 (3) -end-\n"
         "gap after 0: 203.0.113.122 198.51.100.1 time\n"},

	{"in by IPv6, out by translated IPv4, through one gateway",
         {
		 {1, 1, "[2001:db8:1::5]:40000", "[2001:db8:2::10]:22", 0, 1000000, .score = 9},
		 {2, 1, "[2001:db8:1::5]:40000", "[2001:db8:2::10]:22", 0, 1000000, .score = 9},
		 {2, 2, "[2001:db8:1::5]:40000", "[2001:db8:2::10]:22", 0, 1000000, .score = 9},
		 {2, 2, "10.2.0.10:50000", "203.0.113.9:22", 60000, 900000, .score = 9},
		 {2, 1, "198.51.100.7:50000", "203.0.113.9:22", 60000, 900000, .score = 9},
		 {4, 1, "198.51.100.7:50000", "203.0.113.9:22", 60000, 900000, .score = 9},
		 {4, 2, "198.51.100.7:50000", "10.4.0.10:22", 60000, 900000, .is_target = true},
	 },
         "[2001:db8:1::5]:40000 > [2001:db8:2::10]:22 (3) -time-\n"
         "10.2.0.10:50000=198.51.100.7:50000@2 > 10.4.0.10:22=203.0.113.9:22@4 (4) -end-\n"
         "gap after 0: 2001:db8:2::10 198.51.100.7 time\n"},

	{"a proxy that ends a connection and opens another, rather than what went by it",
         {
		 {1, 1, "10.1.0.10:40000", "203.0.113.50:443", 5000, 900000, .score = 9},
		 {1, 2, "198.51.100.1:40000", "203.0.113.50:443", 5000, 900000, .score = 9},
		 {4, 1, "198.51.100.1:40000", "203.0.113.50:443", 5000, 900000, .score = 9},
		 {5, 1, "10.5.0.10:40000", "203.0.113.60:443", 30000, 900000, .score = 9},
		 {4, 2, "10.4.0.77:50001", "203.0.113.70:22", 30000, 900000, .score = 9},
		 {4, 1, "203.0.113.4:50001", "203.0.113.70:22", 30000, 900000, .score = 9},
		 {4, 2, "10.4.0.1:50001", "10.4.0.10:22", 60000, 900000, .is_target = true},
	 },
         "10.1.0.10:40000=198.51.100.1:40000@1 > 203.0.113.50:443 (3) -time-\n"
         "10.4.0.1:50001@4 > 10.4.0.10:22@4 (1) -end-\n"
         "gap after 0: 203.0.113.50 10.4.0.1 time\n"},

	{"a stone with two addresses, behind a gateway each",
         {
		 {1, 1, "10.1.0.10:40000", "198.51.100.7:22", 0, 1000000, .score = 9},
		 {2, 1, "192.0.2.1:40000", "198.51.100.7:22", 0, 1000000, .score = 9},
		 {2, 2, "192.0.2.1:40000", "10.2.0.10:22", 0, 1000000, .score = 9},
		 {3, 1, "10.3.0.10:50000", "203.0.113.9:22", 60000, 900000, .score = 9},
		 {3, 2, "198.51.100.99:50000", "203.0.113.9:22", 60000, 900000, .score = 9},
		 {4, 1, "198.51.100.99:50000", "203.0.113.9:22", 60000, 900000, .score = 9},
		 {4, 2, "198.51.100.99:50000", "10.4.0.10:22", 60000, 900000, .is_target = true},
	 },
         "10.1.0.10:40000=192.0.2.1:40000@1 > 10.2.0.10:22=198.51.100.7:22@2 (3) -time-\n"
         "10.3.0.10:50000=198.51.100.99:50000@3 > 10.4.0.10:22=203.0.113.9:22@4 (4) -end-\n"
         "gap after 0: 198.51.100.7 198.51.100.99 time\n"},

	{"a loop: out of a host, and back into it",
         {
		 {1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 600000},
		 {1, 2, "198.51.100.1:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		 {2, 1, "10.2.0.10:50002", "198.51.100.1:22", 20000, .end_ms = 590000},
		 {2, 2, "203.0.113.2:50002", "198.51.100.1:22", 20000, .end_ms = 590000},
		 {1, 1, "203.0.113.2:50002", "10.1.0.10:22", 20000, .end_ms = 590000},
		 {1, 1, "10.1.0.10:50003", "203.0.113.2:22", 30000, .end_ms = 580000},
		 {1, 2, "198.51.100.1:50003", "203.0.113.2:22", 30000, .end_ms = 580000},
		 {2, 1, "198.51.100.1:50003", "10.2.0.10:22", 30000, .end_ms = 580000},
		 {2, 1, "10.2.0.10:50004", "198.51.100.4:22", 40000, 570000, .is_target = true},
	 },
         "10.1.0.10:50001=198.51.100.1:50001@1 > 10.2.0.10:22=203.0.113.2:22@2 (3) -host-\n"
         "10.2.0.10:50002=203.0.113.2:50002@2 > 10.1.0.10:22=198.51.100.1:22@1 (3) -host-\n"
         "10.1.0.10:50003=198.51.100.1:50003@1 > 10.2.0.10:22=203.0.113.2:22@2 (3) -host-\n"
         "10.2.0.10:50004@2 > 198.51.100.4:22 (1) -end-\n"},

	{"starts within the slack, in the wrong order (ProxyJump)",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10200, .end_ms = 600000},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 10100, .end_ms = 600100},
		 {2, 2, "203.0.113.2:50002", "198.51.100.4:22", 10100, .end_ms = 600100},
		 {4, 2, "203.0.113.2:50002", "198.51.100.4:22", 10100, .end_ms = 600100},
		 {4, 1, "203.0.113.2:50002", "10.4.0.10:22", 10100, .end_ms = 600100},
		 {4, 1, "10.4.0.10:50003", "192.0.2.3:22", 10000, 600200, .is_target = true},
	 },
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -host-\n"
         "10.2.0.10:50002=203.0.113.2:50002@2 > 10.4.0.10:22=198.51.100.4:22@4 (4) -host-\n"
         "10.4.0.10:50003@4 > 192.0.2.3:22 (1) -end-\n"},

	{"still open: the upstream gateway has told less so far",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 540000},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, 600000, .is_target = true},
	 },
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -host-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"},

	{"too late to be upstream, over before it began",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 12001, .end_ms = 600000},
		 {2, 1, "198.51.100.1:50009", "10.2.0.10:22", 1000, .end_ms = 7999},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 10000, 600000, .is_target = true},
	 },
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"},

	{"of two into the stone, the one that came last",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 600000},
		 {2, 1, "198.51.100.7:50009", "10.2.0.10:22", 15000, .end_ms = 600000},
		 {2, 1, "10.2.0.10:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	 },
         "198.51.100.7:50009 > 10.2.0.10:22@2 (1) -host-\n"
         "10.2.0.10:50002@2 > 198.51.100.4:22 (1) -end-\n"},

	{"two clients of one server through one gateway at one time stay two",
         {
		 {1, 1, "10.1.0.10:50001", "198.51.100.4:22", 10000, .end_ms = 600000},
		 {1, 1, "10.1.0.11:50002", "198.51.100.4:22", 10900, .end_ms = 601000},
		 {1, 2, "203.0.113.1:1111", "198.51.100.4:22", 10001, .end_ms = 600001},
		 {1, 2, "203.0.113.1:2222", "198.51.100.4:22", 10901, 601001, .is_target = true},
	 },
         "10.1.0.11:50002=203.0.113.1:2222@1 > 198.51.100.4:22 (2) -end-\n"},

	{"the same private addresses at two sites are not one host",
         {
		 {1, 1, "198.51.100.1:50001", "10.0.0.5:22", 10000, .end_ms = 600000},
		 {2, 1, "10.0.0.5:50002", "198.51.100.4:22", 20000, 590000, .is_target = true},
	 },
         "10.0.0.5:50002@2 > 198.51.100.4:22 (1) -end-\n"},

	{"translation between public addresses: the one no other node sees is inner",
         {
		 {1, 1, "203.0.113.77:50001", "198.51.100.4:22", 10000, .end_ms = 600000},
		 {1, 2, "198.51.100.1:50001", "198.51.100.4:22", 10000, .end_ms = 600000},
		 {4, 2, "198.51.100.1:50001", "198.51.100.4:22", 10000, 600000, .is_target = true},
	 },
         "203.0.113.77:50001=198.51.100.1:50001@1 > 198.51.100.4:22 (3) -end-\n"},

	{"without translation, the one node that sees both hops stands before the stone",
         {
		 {1, 1, "[2001:db8:1::a]:50001", "[2001:db8:2::a]:22", 10000, .end_ms = 600000},
		 {2, 2, "[2001:db8:1::a]:50001", "[2001:db8:2::a]:22", 10000, .end_ms = 600000},
		 {2, 1, "[2001:db8:1::a]:50001", "[2001:db8:2::a]:22", 10000, .end_ms = 600000},
		 {2, 1, "[2001:db8:2::a]:50002", "[2001:db8:4::a]:22", 20000, .end_ms = 590000},
		 {4, 1, "[2001:db8:2::a]:50002", "[2001:db8:4::a]:22", 20000, 590000,
                  .is_target = true},
	 },
         "[2001:db8:1::a]:50001 > [2001:db8:2::a]:22@2 (3) -host-\n"
         "[2001:db8:2::a]:50002@2 > [2001:db8:4::a]:22 (2) -end-\n"},

	{"but out of a network and back into it is not that",
         {
		 {2, 1, "10.2.0.10:50001", "192.0.2.3:22", 10000, .end_ms = 600000},
		 {2, 1, "192.0.2.3:50002", "10.2.0.11:22", 20000, 590000, .is_target = true},
	 },
         "10.2.0.10:50001@2 > 192.0.2.3:22 (1) -address-\n"
         "192.0.2.3:50002 > 10.2.0.11:22@2 (1) -end-\n"
         "gap after 0: 192.0.2.3 192.0.2.3 address\n"},

	{"the same ends again an hour later are another connection",
         {
		 {2, 1, "198.51.100.1:50001", "10.2.0.10:22", 10000, .end_ms = 600000},
		 {2, 2, "198.51.100.1:50001", "10.2.0.10:22", 4000000, 4600000, .is_target = true},
	 },
         "198.51.100.1:50001 > 10.2.0.10:22@2 (1) -end-\n"},
};

static void paths_are_told_in_full(void **state)
{
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct match matches[ROWS_MAX];
		size_t count = match_rows(cases[i].rows, ROWS_MAX, matches);
		struct path path;

		print_message("%s\n", cases[i].label);
		path_assemble(matches, count, NULL, 0, SLACK_MS, &path);
		assert_string_equal(print_path(&path), cases[i].path);
	}
}

static void the_order_of_answers_does_not_matter(void **state)
{
	struct prng p = {9};
	(void)state;

	for (int round = 0; round < 50 * (int)ARRAY_LEN(cases); round++) {
		size_t which = (size_t)round % ARRAY_LEN(cases);
		struct match matches[ROWS_MAX];
		size_t count = match_rows(cases[which].rows, ROWS_MAX, matches);
		struct path path;

		for (size_t i = count - 1; i > 0; i--) {
			size_t j = (size_t)prng_below(&p, i + 1);
			struct match swap = matches[i];

			matches[i] = matches[j];
			matches[j] = swap;
		}
		path_assemble(matches, count, NULL, 0, SLACK_MS, &path);
		assert_string_equal(print_path(&path), cases[which].path);
	}
}

static void views_know_their_hop(void **state)
{
	static const uint32_t paper[] = {0, 0, 0, 0, 1, 1, 2, 2};
	static const uint32_t sibling[] = {0, 0, 0, PATH_NOWHERE, 1};
	struct match matches[ROWS_MAX];
	struct path path;
	(void)state;

	path_assemble(matches, match_rows(cases[0].rows, ROWS_MAX, matches), NULL, 0, SLACK_MS,
	              &path);
	for (size_t i = 0; i < ARRAY_LEN(paper); i++)
		assert_int_equal(matches[i].hop, paper[i]);
	path_assemble(matches, match_rows(cases[3].rows, ROWS_MAX, matches), NULL, 0, SLACK_MS,
	              &path);
	for (size_t i = 0; i < ARRAY_LEN(sibling); i++)
		assert_int_equal(matches[i].hop, sibling[i]);
}

static void a_hop_has_the_life_of_all_and_the_score_of_the_least(void **state)
{
	static const struct row rows[] = {
		{4, 2, "192.0.2.3:26866", "198.51.100.4:22", 104088, 668930, .score = 0.91},
		{4, 1, "192.0.2.3:26866", "10.4.0.10:22", 104090, 668931, 1, .is_target = true},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	path_assemble(matches, match_rows(rows, ARRAY_LEN(rows), matches), NULL, 0, SLACK_MS,
	              &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(path.hops[0].life.start_ms, 104088);
	assert_int_equal(path.hops[0].life.end_ms, 668931);
	assert_true(path.hops[0].score < 0.92);
	assert_int_equal(path.hops[0].views, 2);
}

/* A staircase through more hosts than a path has room for, and more views than are looked at. */
static void a_long_chain_ends_at_the_limit(void **state)
{
	static struct match matches[PATH_MATCHES_MAX + 100];
	struct path path;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
		size_t back = ARRAY_LEN(matches) - 1 - i;
		uint8_t from[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
		uint8_t to[4] = {10, 0, (uint8_t)((i + 1) >> 8), (uint8_t)(i + 1)};

		matches[back] = (struct match){
			.node = 1,
			.src = {addr_from_v4(from), 50000},
			.dst = {addr_from_v4(to), 22},
			.life = {(int64_t)i * 10000, 100000000},
			.proto = 6,
			.is_target = back == 0,
		};
	}
	path_assemble(matches, ARRAY_LEN(matches), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, PATH_HOPS_MAX);
	assert_int_equal(matches[0].hop, PATH_HOPS_MAX - 1);
	assert_int_equal(matches[PATH_HOPS_MAX - 1].hop, 0);
	assert_int_equal(matches[PATH_HOPS_MAX].hop, PATH_NOWHERE);
	matches[0].is_target = false;
	matches[ARRAY_LEN(matches) - 1].is_target = true;
	path_assemble(matches, ARRAY_LEN(matches), NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hop_count, 1);
	assert_int_equal(matches[ARRAY_LEN(matches) - 1].hop, 0);
}

/* A hop and its alternatives share one whole; what stands beside is beside a hop there is. */
static void assert_sound_beside(const struct path *path)
{
	assert_in_range(path->alternative_count, 0, PATH_BRANCHES_MAX);
	assert_in_range(path->branch_count, 0, PATH_BRANCHES_MAX);
	for (uint32_t i = 0; i < path->hop_count; i++) {
		double sum = path->hops[i].weight;

		for (size_t k = 0; k < path->alternative_count; k++) {
			const struct alternative *a = &path->alternatives[k];

			assert_true(a->instead_of < path->hop_count && a->hop.weight > 0);
			sum += a->instead_of == i ? a->hop.weight : 0;
		}
		assert_float_equal(sum, 1, 1e-9);
	}
	for (size_t i = 0; i < path->branch_count; i++)
		assert_true(path->branches[i].at < path->hop_count);
}

/* Whatever peers answer, a path is one: within its limits, each hop once, the target last. */
static void nonsense_makes_a_path_nevertheless(void **state)
{
	struct prng p = {10};
	(void)state;

	for (int round = 0; round < 300; round++) {
		struct match matches[60];
		size_t target = (size_t)prng_below(&p, ARRAY_LEN(matches));
		bool is_extreme = prng_below(&p, 2) == 0;
		struct path path;

		for (size_t i = 0; i < ARRAY_LEN(matches); i++) {
			uint8_t a[4] = {(uint8_t)(prng_below(&p, 2) ? 10 : 192), 0, 2,
			                (uint8_t)prng_below(&p, 4)};
			uint8_t b[4] = {(uint8_t)(prng_below(&p, 2) ? 10 : 192), 0, 2,
			                (uint8_t)prng_below(&p, 4)};
			struct match *m = &matches[i];

			*m = (struct match){
				.node = (uint32_t)prng_below(&p, 3),
				.src = {addr_from_v4(a), (uint16_t)prng_below(&p, 3)},
				.dst = {addr_from_v4(b), (uint16_t)prng_below(&p, 3)},
				.proto = 6,
				.is_target = i == target,
			};
			m->view.if_low = (uint32_t)prng_below(&p, 2);
			m->is_translation = !m->is_target && prng_below(&p, 4) == 0;
			m->twin = (uint32_t)prng_below(&p, ARRAY_LEN(matches) + 1);
			m->score = 0.1 * (int)prng_below(&p, 40);
			m->lag_ms = is_extreme ? (int64_t)prng_next(&p) : 0;
			m->lag_error_ms = (int64_t)(prng_next(&p) >> 1);
			m->life.start_ms =
				is_extreme ? (int64_t)prng_next(&p) : (int64_t)prng_below(&p, 9000);
			m->life.end_ms = is_extreme ? INT64_MAX : m->life.start_ms + 9000;
		}
		path_assemble(matches, ARRAY_LEN(matches), NULL, 0, SLACK_MS, &path);
		assert_in_range(path.hop_count, 1, PATH_HOPS_MAX);
		assert_true(path.gap_count < path.hop_count);
		assert_int_equal(matches[target].hop, path.hop_count - 1);
		assert_int_equal(path.hops[path.hop_count - 1].link, PATH_END);
		assert_sound_beside(&path);
	}
}

/* Three views of two clients that one gateway hides behind one address at one moment: no timing can
 * tell which is whose. */
static void a_gateways_own_translations_join_what_timing_cannot(void **state)
{
	static const struct row rows[] = {
		{2, 1, "203.0.113.9:41002", "10.2.0.10:22", 10000, 600000, .is_target = true},
		{1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		{1, 1, "10.1.0.11:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		{1, 1, "203.0.113.9:41001", "203.0.113.2:22", 10000, .end_ms = 600000},
		{1, 1, "203.0.113.9:41002", "203.0.113.2:22", 10000, .end_ms = 600000},
		{2, 1, "203.0.113.9:41002", "203.0.113.2:22", 10000, .end_ms = 600000},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	for (size_t i = 3; i < 6; i++)
		matches[i].is_translation = true;
	matches[3].twin = 1;
	matches[4].twin = 2;
	matches[5].twin = 0;
	path_assemble(matches, ARRAY_LEN(rows), NULL, 0, SLACK_MS, &path);
	assert_string_equal(print_path(&path), "10.1.0.11:50001=203.0.113.9:41002@1 > "
	                                       "10.2.0.10:22=203.0.113.2:22@2 (2) -end-\n");
	assert_int_equal(path.hops[0].joined_by, PATH_JOIN_TUPLE | PATH_JOIN_NAT);
	assert_int_equal(matches[2].hop, 0);
	assert_int_equal(matches[1].hop, PATH_NOWHERE);
}

/* The inside view begins and ends with another's outside view; the table says that it is not its.
 */
static void what_a_gateway_has_told_is_not_joined_with_anything_else(void **state)
{
	static const struct row rows[] = {
		{1, 2, "203.0.113.9:41002", "203.0.113.2:22", 10000, 600000, .is_target = true},
		{1, 1, "10.1.0.10:50001", "203.0.113.2:22", 10000, .end_ms = 600000},
		{1, 1, "203.0.113.9:41001", "203.0.113.2:22", 10000, .end_ms = 600000},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	path_assemble(matches, 2, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].views, 2); /* as long as nothing is told, timing joins them */
	assert_int_equal(path.hops[0].joined_by, PATH_JOIN_TIMING);
	matches[2].is_translation = true;
	matches[2].twin = 1;
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(path.hops[0].views, 1);
	assert_int_equal(matches[1].hop, PATH_NOWHERE);
}

/* A block of ports tells the inside address alone: enough where one connection alone has it. */
static void a_block_of_ports_joins_the_only_one_that_it_can_mean(void **state)
{
	static const struct row rows[] = {
		{1, 2, "203.0.113.9:41002", "203.0.113.2:22", 10000, 600000, .is_target = true},
		{1, 2, "10.1.0.10:0", "203.0.113.2:22", 10000, .end_ms = 600000},
		{1, 1, "10.1.0.10:50001", "203.0.113.2:22", 90000, .end_ms = 500000},
		{1, 1, "10.1.0.10:50002", "203.0.113.2:22", 90000, .end_ms = 500000},
	};
	struct match matches[ARRAY_LEN(rows)];
	struct path path;
	(void)state;

	match_rows(rows, ARRAY_LEN(rows), matches);
	matches[1].is_translation = true;
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_string_equal(print_path(&path),
	                    "10.1.0.10:50001=203.0.113.9:41002@1 > 203.0.113.2:22 (2) -end-\n");
	path_assemble(matches, 4, NULL, 0, SLACK_MS, &path);
	assert_string_equal(print_path(&path),
	                    "10.1.0.10:0=203.0.113.9:41002@1 > 203.0.113.2:22 (1) -end-\n");
}

static void every_link_has_a_word(void **state)
{
	(void)state;

	assert_string_equal(path_by_text(PATH_BY_POLLING), "polling");
	assert_string_equal(path_by_text((enum path_by)9), "unknown");
	assert_string_equal(path_link_text(PATH_END), "end");
	assert_string_equal(path_link_text(PATH_HOST), "host");
	assert_string_equal(path_link_text(PATH_ADDRESS), "address");
	assert_string_equal(path_link_text(PATH_TIME), "time");
	assert_string_equal(path_link_text((enum path_link)77), "unknown");
}

/*
 * Three hops at once, through proxies, at gateways whose clocks differ by more than the delay; no
 * node stands between, so that timing alone ties them. By their starts the first would come behind
 * the second. Its activity lasts longer, by two round trips more.
 */
static void where_clocks_do_not_decide_the_longer_activity_is_upstream(void **state)
{
	static const struct row rows[] = {
		{1, 1, "192.0.2.10:1000", "192.0.2.20:22", 1900, 600900, .score = 9},
		{2, 1, "192.0.2.30:2000", "192.0.2.40:22", 1000, 600000, .score = 9},
		{4, 1, "192.0.2.50:3000", "192.0.2.60:22", 1500, 600500, 9, .is_target = true},
		{.src = NULL},
	};
	static const uint32_t stretches[] = {0, 2, 9};
	struct match matches[3];
	struct path path;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(stretches); i++) {
		bool is_told = stretches[i] >= PATH_STRETCHES_MIN;

		assert_int_equal(3, match_rows(rows, 3, matches));
		matches[0].stretch_ms = 900;
		matches[1].stretch_ms = 400;
		matches[0].stretches = matches[1].stretches = stretches[i];
		path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
		assert_int_equal(3, path.hop_count);
		assert_int_equal(is_told ? 0 : 1, matches[0].hop);
		assert_int_equal(is_told ? 1 : 0, matches[1].hop);
		assert_int_equal(PATH_TIME, path.hops[0].link);
	}
	matches[0].stretch_ms = 400 + PATH_STRETCH_MS; /* too little to be sure */
	path_assemble(matches, 3, NULL, 0, SLACK_MS, &path);
	assert_int_equal(1, matches[0].hop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_clocks_do_not_decide_the_longer_activity_is_upstream),
		cmocka_unit_test(paths_are_told_in_full),
		cmocka_unit_test(the_order_of_answers_does_not_matter),
		cmocka_unit_test(views_know_their_hop),
		cmocka_unit_test(a_hop_has_the_life_of_all_and_the_score_of_the_least),
		cmocka_unit_test(a_long_chain_ends_at_the_limit),
		cmocka_unit_test(nonsense_makes_a_path_nevertheless),
		cmocka_unit_test(a_gateways_own_translations_join_what_timing_cannot),
		cmocka_unit_test(what_a_gateway_has_told_is_not_joined_with_anything_else),
		cmocka_unit_test(a_block_of_ports_joins_the_only_one_that_it_can_mean),
		cmocka_unit_test(every_link_has_a_word),
	};

	return cmocka_run_group_tests_name("correlate/path", tests, NULL, NULL);
}
