/*
 * sender - an exporter for benchmarks: traffic.h's flows as datagrams, at a rate, some of them
 * lost, late or doubled on purpose. Says, as JSON, what it did.
 *
 *   sender [-f FROM] ADDR PORT v5|v9 FLOWS FLOWS-PER-SECOND [LOST LATE DOUBLED [SEED]]
 *
 * The last three are shares of the datagrams. All is made before the first is sent. The first and
 * the last datagram are never lost or late: what lies outside of them nobody can count.
 */
#include "base/prng.h"
#include "base/util.h"
#include "tests/bench/bench.h"
#include "tests/bench/traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOGETHER 32          /* datagrams a call */
#define TEMPLATE_EVERY 65536 /* datagrams of v9 between templates */
#define LATE_BY 3            /* datagrams that overtake a late one */

struct datagram {
	uint8_t data[TRAFFIC_DATAGRAM_MAX];
	uint32_t len, flows;
};

struct sending {
	struct datagram *datagrams;
	size_t count, room;
	size_t *order; /* indices, as they go out */
	size_t order_count;
	uint64_t flows, lost_flows, lost_datagrams, late, doubled;
};

static void make(struct sending *s, bool is_v9, uint64_t flows, uint64_t seed)
{
	static struct traffic t;
	uint32_t sequence = 0;

	traffic_start(&t, seed, 2000);
	s->room = flows / 24 + flows / 24 / TEMPLATE_EVERY + 2;
	s->datagrams = malloc(s->room * sizeof(*s->datagrams));
	CHECK(s->datagrams != NULL);
	while (s->flows < flows) {
		struct datagram *d = &s->datagrams[s->count];
		bool is_template = is_v9 && s->count % TEMPLATE_EVERY == 0;
		size_t some = 0;

		CHECK(s->count < s->room);
		d->len = (uint32_t)(is_template ? traffic_v9_template(&t, sequence, d->data)
		                    : is_v9     ? traffic_v9(&t, sequence, d->data, &some)
		                                : traffic_v5(&t, sequence, d->data, &some));
		d->flows = (uint32_t)some;
		sequence += is_v9 ? 1 : (uint32_t)some;
		s->flows += some;
		s->count++;
	}
}

static void arrange(struct sending *s, const double shares[3], uint64_t seed)
{
	struct prng p = {seed ^ 0x5e4d};
	size_t late_at = SIZE_MAX, late = 0;

	s->order = malloc(2 * s->count * sizeof(*s->order));
	CHECK(s->order != NULL);
	for (size_t i = 0; i < s->count; i++) {
		bool is_free = i > 0 && i + 1 < s->count && s->datagrams[i].flows > 0;

		if (is_free && prng_unit(&p) < shares[0]) {
			s->lost_flows += s->datagrams[i].flows;
			s->lost_datagrams++;
			continue;
		}
		if (is_free && late_at == SIZE_MAX && i + LATE_BY + 1 < s->count &&
		    prng_unit(&p) < shares[1]) {
			late = i;
			late_at = i + LATE_BY;
			s->late++;
			continue;
		}
		s->order[s->order_count++] = i;
		if (is_free && prng_unit(&p) < shares[2]) {
			s->order[s->order_count++] = i;
			s->doubled++;
		}
		if (late_at != SIZE_MAX && i >= late_at) {
			s->order[s->order_count++] = late;
			late_at = SIZE_MAX;
		}
	}
	if (late_at != SIZE_MAX)
		s->order[s->order_count++] = late;
}

static void wait_until(double when)
{
	double rest = when - now_s();
	struct timespec t;

	if (rest <= 0)
		return;
	t = (struct timespec){(time_t)rest, (long)((rest - (double)(time_t)rest) * 1e9)};
	nanosleep(&t, NULL);
}

static void go(int fd, struct sending *s, double datagrams_per_s)
{
	struct mmsghdr messages[TOGETHER] = {0};
	struct iovec pieces[TOGETHER];
	double start = now_s();

	for (size_t i = 0; i < s->order_count;) {
		unsigned some = (unsigned)MIN(TOGETHER, s->order_count - i);
		int sent;

		for (unsigned j = 0; j < some; j++) {
			struct datagram *d = &s->datagrams[s->order[i + j]];

			pieces[j] = (struct iovec){d->data, d->len};
			messages[j].msg_hdr.msg_iov = &pieces[j];
			messages[j].msg_hdr.msg_iovlen = 1;
		}
		wait_until(start + (double)i / datagrams_per_s);
		sent = sendmmsg(fd, messages, some, 0);
		if (sent < 0 && errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED) {
			perror("sender");
			exit(1);
		}
		i += sent > 0 ? (size_t)sent : 0;
	}
}

/* From an address of one's own, if there is such: so there are several exporters. */
static int connected(const char *from, const char *to, const char *port)
{
	struct sockaddr_in own = {.sin_family = AF_INET}, peer = own;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	peer.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	CHECK(inet_pton(AF_INET, to, &peer.sin_addr) == 1);
	CHECK(peer.sin_addr.s_addr << 24 >> 24 == 127); /* never anybody else */
	CHECK(fd >= 0);
	if (from != NULL) {
		CHECK(inet_pton(AF_INET, from, &own.sin_addr) == 1);
		CHECK(bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0);
	}
	CHECK(connect(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0);
	return fd;
}

int main(int argc, char **argv)
{
	const char *from = NULL;
	static struct sending s;
	double shares[3] = {0}, start, spent;
	uint64_t flows, seed;
	bool is_v9;
	int fd;

	if (argc > 2 && strcmp(argv[1], "-f") == 0) {
		from = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 6) {
		fprintf(stderr, "usage: sender [-f FROM] ADDR PORT v5|v9 FLOWS FLOWS-PER-SECOND "
		                "[LOST LATE DOUBLED [SEED]]\n");
		return 2;
	}
	is_v9 = strcmp(argv[3], "v9") == 0;
	flows = strtoull(argv[4], NULL, 10);
	for (int i = 0; i < 3 && argc > 8; i++)
		shares[i] = strtod(argv[6 + i], NULL);
	seed = argc > 9 ? strtoull(argv[9], NULL, 10) : 1;
	fd = connected(from, argv[1], argv[2]);
	make(&s, is_v9, flows, seed);
	arrange(&s, shares, seed);
	start = now_s();
	go(fd, &s, strtod(argv[5], NULL) / (is_v9 ? 24 : 30));
	spent = now_s() - start;
	printf("{\"flows\":%" PRIu64 ",\"sent_flows\":%" PRIu64 ",\"lost_flows\":%" PRIu64
	       ",\"lost_datagrams\":%" PRIu64 ",\"late\":%" PRIu64 ",\"doubled\":%" PRIu64
	       ",\"datagrams\":%zu,\"seconds\":%.3f,\"flows_per_s\":%.0f}\n",
	       s.flows, s.flows - s.lost_flows, s.lost_flows, s.lost_datagrams, s.late, s.doubled,
	       s.order_count, spent, (double)(s.flows - s.lost_flows) / spent);
	return 0;
}
