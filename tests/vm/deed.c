#include "tests/vm/deed.h"

#include "tests/vm/guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener = -1, stream = -1, receiver = -1, sender = -1;

long deed_enter(long unused)
{
	(void)unused;
	enter_evil();
	return 0;
}

long deed_serve(long place)
{
	const struct place *at = (const void *)place;

	listener = bound(SOCK_STREAM, at->addr, at->port);
	return at->port;
}

/* The port is in one place in both families. */
static uint16_t far_port(const struct sockaddr_storage *from)
{
	return ntohs(((const struct sockaddr_in *)(const void *)from)->sin_port);
}

long deed_take(long unused)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	(void)unused;
	stream = accept(listener, (struct sockaddr *)&from, &len);
	return stream < 0 ? -errno : far_port(&from);
}

long deed_dial(long place)
{
	const struct place *to = (const void *)place;

	stream = opened(SOCK_STREAM, to->addr, to->port);
	return stream < 0 ? -errno : port_of(stream);
}

long deed_login(long uid)
{
	char text[16];

	snprintf(text, sizeof(text), "%ld", uid);
	write_file("/proc/self/loginuid", text);
	return 0;
}

long deed_become(long uid)
{
	return setgid((gid_t)uid) < 0 || setuid((uid_t)uid) < 0 ? -errno : 0;
}

long deed_hold(long ms)
{
	char text[16];
	pid_t pid = fork();

	snprintf(text, sizeof(text), "%ld", ms);
	if (pid == 0) {
		execl("/bin/guest", "guest", "hold", text, (char *)NULL);
		_exit(127);
	}
	return pid;
}

long deed_bind(long place)
{
	const struct place *at = (const void *)place;

	receiver = bound(SOCK_DGRAM, at->addr, at->port);
	return at->port;
}

long deed_aim(long place)
{
	const struct place *to = (const void *)place;

	close(sender);
	sender = opened(SOCK_DGRAM, to->addr, to->port);
	return sender < 0 ? -errno : port_of(sender);
}

long deed_point(long place)
{
	const struct place *to = (const void *)place;

	sender = receiver;
	return aimed(sender, to->addr, to->port) ? port_of(sender) : -errno;
}

static const char octets[DEED_OCTETS];

long deed_shoot(long count)
{
	for (long i = 0; i < count; i++) {
		if (send(sender, octets, sizeof(octets), 0) < 0 && errno != ECONNREFUSED)
			return -errno;
	}
	return 0;
}

long deed_fetch(long count)
{
	char room[2 * DEED_OCTETS];

	for (long i = 0; i < count; i++) {
		if (recv(receiver, room, sizeof(room), 0) < 0)
			return -errno;
	}
	return 0;
}

long deed_ping(long place)
{
	const struct place *to = (const void *)place;
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	ssize_t sent;

	inet_pton(AF_INET, to->addr, &at.sin_addr);
	/* an echo request's type is 8; whether its checksum is right does not matter here */
	sent = sendto(fd, (char[8]){8}, 8, 0, (struct sockaddr *)&at, sizeof(at));
	close(fd);
	return sent == 8 ? 0 : -errno;
}

long deed_hang_up(long unused)
{
	(void)unused;
	close(stream);
	close(listener);
	close(receiver);
	close(sender);
	stream = listener = receiver = sender = -1;
	return 0;
}
