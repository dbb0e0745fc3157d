/*
 * flooder - sends forged overlay datagrams at a steady rate: `flooder ADDR KIND RATE SECONDS`, KIND
 * being data, init, knock or garbage. Prints how many were sent.
 */
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "proto/wire/packet.h"
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 20

static const struct {
	const char *name;
	enum packet_kind kind;
	size_t len;
} kinds[] = {
	{"garbage", PACKET_NONE, PACKET_MAX},
	{"data", PACKET_DATA, PACKET_MAX},
	{"init", PACKET_INIT, HAND_INIT_LEN},
	{"knock", PACKET_KNOCK, KNOCK_LEN},
};

static uint8_t data[BATCH][PACKET_MAX];
static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];

/* Head and length of their kind, the rest noise. */
static void forge(size_t which)
{
	for (size_t i = 0; i < BATCH; i++) {
		for (size_t j = 0; j < PACKET_MAX; j++)
			data[i][j] = (uint8_t)random();
		data[i][0] = (uint8_t)kinds[which].kind;
		data[i][1] = PACKET_VERSION;
		data[i][2] = data[i][3] = 0;
		parts[i] = (struct iovec){data[i], kinds[which].len};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static int dial(const char *address)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7667)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		return -1;
	return fd;
}

static double flood(int fd, double rate, double seconds)
{
	double began = now_s(), sent = 0;

	while (now_s() - began < seconds) {
		int count = sendmmsg(fd, messages, BATCH, 0);

		if (count > 0)
			sent += count;
		while (sent > (now_s() - began) * rate && now_s() - began < seconds)
			; /* a sleep would come too late */
	}
	return sent;
}

int main(int argc, char **argv)
{
	int fd = argc == 5 ? dial(argv[1]) : -1;

	for (size_t i = 0; fd >= 0 && i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].name, argv[2]) != 0)
			continue;
		forge(i);
		printf("%.0f\n", flood(fd, atof(argv[3]), atof(argv[4])));
		return 0;
	}
	fputs("usage: flooder ADDR garbage|data|init|knock RATE SECONDS\n", stderr);
	return 2;
}
