#include "base/util.h"
#include "node/receiver.h"
#include "node/reuseport.h"
#include "node/socket.h"
#include "tests/unit/test.h"

#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (256u << 10)
#define ROOM 512
#define TOGETHER 4
#define LANES 3
#define SENDERS 40
#define FEW UINT64_C(5)

struct fixture {
	uv_loop_t loop;
	struct arrivals *batch;
	struct receiver receiver;
	int sender;
	uint64_t count, cut, octets;
	uint64_t next[SENDERS]; /* several sockets: the number that each one's next datagram has */
	uint64_t pause_at;      /* this datagram; 0: never */
	struct received last;
};

/* Senders are told apart by the last octet of their address. */
static void on_received(void *ctx, const struct received *r)
{
	uint8_t sender = r->from.addr.octets[15];
	struct fixture *f = ctx;
	uint64_t number;

	f->count++;
	f->cut += r->is_cut;
	f->octets += r->len;
	f->last = *r;
	if (f->receiver.options.sockets > 1 && r->len == sizeof(number)) {
		memcpy(&number, r->data, sizeof(number));
		assert_int_equal(number, f->next[sender]++);
	}
	if (f->count == f->pause_at)
		receiver_pause(&f->receiver, true);
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct receiver_options options_of(struct fixture *f, const char *at, size_t sockets)
{
	struct receiver_options options = {
		.buffer = BUFFER,
		.sockets = sockets,
		.batch = f->batch,
		.together = TOGETHER,
		.room = ROOM,
		.fn = on_received,
		.ctx = f,
	};

	assert_err(ERR_OK, endpoint_parse(at, &options.at));
	return options;
}

/* The port is the system's choice. */
static void set_up_many(struct fixture *f, const char *at, size_t sockets)
{
	struct receiver_options options;
	union socket_addr a;
	socklen_t len = sizeof(a);

	memset(f, 0, sizeof(*f));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->batch = arrivals_new(64, ROOM);
	assert_non_null(f->batch);
	options = options_of(f, at, sockets);
	assert_err(ERR_OK, receiver_open(&f->receiver, &f->loop, &options));
	assert_int_equal(getsockname(f->receiver.fds[0], &a.any, &len), 0);
	assert_true(endpoint_of(&a.any, &f->receiver.options.at));
	f->sender = socket(a.any.sa_family, SOCK_DGRAM, 0);
	assert_int_equal(connect(f->sender, &a.any, len), 0);
}

static void set_up(struct fixture *f)
{
	set_up_many(f, "127.0.0.1:0", 1);
}

static void tear_down(struct fixture *f)
{
	close(f->sender);
	receiver_close(&f->receiver);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	arrivals_free(f->batch);
}

/* Takes all that has come: on loopback, all that was sent. */
static void drain(struct fixture *f)
{
	for (uint64_t before = UINT64_MAX; before != f->count;) {
		before = f->count;
		uv_run(&f->loop, UV_RUN_NOWAIT);
	}
}

/* The first socket that asks the kernel for times has them a moment later. */
static void await_times(struct fixture *f)
{
	struct timespec pause = {.tv_nsec = 10000000};
	int64_t sent = 0;

	for (int i = 0; i < 300 && (i == 0 || f->last.ms > sent); i++) {
		assert_int_equal(send(f->sender, "", 1, 0), 1);
		sent = wall_ms();
		nanosleep(&pause, NULL);
		drain(f);
	}
	f->count = f->octets = f->receiver.datagrams = 0;
}

static void every_datagram_comes_with_its_sender_and_its_time(void **state)
{
	struct fixture f;
	int64_t before, after;
	struct timespec pause = {.tv_nsec = 50000000};
	(void)state;

	set_up(&f);
	await_times(&f);
	before = wall_ms();
	for (uint8_t i = 0; i < 200; i++)
		assert_int_equal(send(f.sender, &i, 1, 0), 1);
	after = wall_ms();
	nanosleep(&pause, NULL);
	drain(&f);
	assert_int_equal(f.count, 200);
	assert_int_equal(f.receiver.datagrams, 200);
	assert_int_equal(f.octets, 200);
	assert_in_range(f.last.ms, before, after); /* when it came, not when it was read */
	assert_true(addr_is_v4(&f.last.from.addr));
	assert_true(f.last.from.port != 0);
	assert_int_equal(receiver_count_drops(&f.receiver), 0);
	tear_down(&f);
}

static void a_datagram_longer_than_the_room_is_cut_and_says_so(void **state)
{
	char octets[ROOM + 1] = "";
	struct fixture f;
	(void)state;

	set_up(&f);
	assert_int_equal(send(f.sender, octets, ROOM, 0), ROOM);
	assert_int_equal(send(f.sender, octets, ROOM + 1, 0), ROOM + 1);
	drain(&f);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.cut, 1);
	tear_down(&f);
}

static void what_the_kernel_drops_is_counted(void **state)
{
	char octets[ROOM] = "";
	uint64_t sent = 20000;
	struct fixture f;
	(void)state;

	set_up(&f);
	for (uint64_t i = 0; i < sent; i++)
		assert_int_equal(send(f.sender, octets, ROOM, 0), ROOM);
	drain(&f);
	assert_true(f.count < sent);
	assert_int_equal(receiver_count_drops(&f.receiver), sent - f.count);
	assert_int_equal(receiver_count_drops(&f.receiver), 0);
	assert_int_equal(f.receiver.dropped, sent - f.count);
	tear_down(&f);
}

/* --- several sockets --- */

static void nap(void)
{
	struct timespec pause = {.tv_nsec = 2000000};

	nanosleep(&pause, NULL);
}

/* Lets the loop run until so many have come; five seconds at most. */
static void await_count(struct fixture *f, uint64_t count)
{
	for (int i = 0; i < 2500 && f->count < count; i++) {
		uv_run(&f->loop, UV_RUN_NOWAIT);
		nap();
	}
	assert_int_equal(f->count, count);
}

/* From 127.0.0.`sender`, from any port. */
static void send_number(const struct fixture *f, uint8_t sender, uint64_t number)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
	                           .sin_addr.s_addr = htonl(0x7f000000 | sender)};
	union socket_addr to = socket_addr_of(&f->receiver.options.at, false);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(sendto(fd, &number, sizeof(number), 0, &to.any, sizeof(to.v4)),
	                 sizeof(number));
	close(fd);
}

/* What lies in the kernel, in octets as it counts them. */
static uint32_t waiting(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len), 0);
	return info[SK_MEMINFO_RMEM_ALLOC];
}

/* The next `count` of every sender. The kernel has room for them. */
static void send_numbers(struct fixture *f, uint64_t first, uint64_t count)
{
	for (uint64_t number = first; number < first + count; number++) {
		for (uint8_t sender = 1; sender < SENDERS; sender++)
			send_number(f, sender, number);
	}
}

static void what_an_address_sends_comes_in_order_though_its_port_changes(void **state)
{
	struct fixture f;
	(void)state;

	set_up_many(&f, "127.0.0.1:0", LANES);
	for (uint64_t round = 0; round < 20; round++) {
		send_numbers(&f, round * FEW, FEW);
		await_count(&f, (round + 1) * FEW * (SENDERS - 1));
	}
	for (uint8_t sender = 1; sender < SENDERS; sender++)
		assert_int_equal(f.next[sender], 20 * FEW);
	assert_int_equal(f.receiver.datagrams, f.count);
	assert_int_equal(receiver_count_drops(&f.receiver), 0);
	tear_down(&f);
}

static void while_the_loop_is_behind_datagrams_stay_with_the_kernel(void **state)
{
	struct fixture f;
	(void)state;

	set_up_many(&f, "127.0.0.1:0", LANES);
	f.pause_at = 1;
	send_numbers(&f, 0, FEW);
	for (int i = 0; i < 20; i++) {
		uv_run(&f.loop, UV_RUN_NOWAIT);
		nap();
	}
	assert_int_equal(f.count, 1);
	for (size_t i = 0; i < LANES; i++) /* each of which has its share */
		assert_true(waiting(f.receiver.fds[i]) > 0);
	receiver_pause(&f.receiver, false);
	await_count(&f, FEW * (SENDERS - 1));
	tear_down(&f);
}

static void what_all_sockets_drop_is_summed(void **state)
{
	uint64_t sent = 0;
	struct fixture f;
	(void)state;

	set_up_many(&f, "127.0.0.1:0", LANES);
	receiver_pause(&f.receiver, true);
	for (uint64_t number = 0; number < 300; number++) {
		for (uint8_t sender = 1; sender < SENDERS; sender++, sent++)
			send_number(&f, sender, 0);
	}
	f.receiver.options.sockets = 1; /* numbers do not count here */
	for (size_t i = 0; i < LANES; i++)
		assert_true(waiting(f.receiver.fds[i]) >= BUFFER);
	receiver_pause(&f.receiver, false);
	await_count(&f, sent - receiver_count_drops(&f.receiver));
	assert_int_equal(receiver_count_drops(&f.receiver), 0);
	assert_true(f.receiver.dropped > 0);
	assert_int_equal(f.receiver.dropped, sent - f.count);
	tear_down(&f);
}

/* What the kernel still has then is there to be counted. */
static void what_was_read_is_handed_over_at_the_end(void **state)
{
	uint64_t left = 0, number;
	int fds[LANES];
	struct fixture f;
	(void)state;

	set_up_many(&f, "127.0.0.1:0", LANES);
	receiver_pause(&f.receiver, true);
	for (size_t i = 0; i < LANES; i++)
		fds[i] = dup(f.receiver.fds[i]);
	send_numbers(&f, 0, FEW);
	nap();
	uv_run(&f.loop, UV_RUN_NOWAIT);
	assert_int_equal(f.count, 0);
	receiver_close(&f.receiver);
	for (size_t i = 0; i < LANES; i++) {
		while (recv(fds[i], &number, sizeof(number), MSG_DONTWAIT) > 0)
			left++;
		close(fds[i]);
	}
	assert_true(f.count >= LANES);
	assert_int_equal(f.count + left, FEW * (SENDERS - 1));
	tear_down(&f);
}

static void lanes_that_have_nothing_to_do_use_no_processor(void **state)
{
	struct timespec second = {.tv_sec = 1}, before, after;
	struct fixture f;
	(void)state;

	set_up_many(&f, "127.0.0.1:0", LANES);
	receiver_pause(&f.receiver, true);
	send_numbers(&f, 0, FEW); /* so they have something that they wait with */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	nanosleep(&second, NULL);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
	                    (after.tv_nsec - before.tv_nsec) / 1000000 <
	            100);
	tear_down(&f);
}

static void a_socket_that_is_muted_hears_nothing(void **state)
{
	struct fixture f;
	char octet;
	(void)state;

	set_up(&f);
	assert_true(reuseport_mute(f.receiver.fds[0]));
	assert_int_equal(send(f.sender, "", 1, 0), 1);
	assert_int_equal(recv(f.receiver.fds[0], &octet, 1, MSG_DONTWAIT), -1);
	reuseport_unmute(f.receiver.fds[0]);
	assert_int_equal(send(f.sender, "", 1, 0), 1);
	assert_int_equal(recv(f.receiver.fds[0], &octet, 1, MSG_DONTWAIT), 1);
	tear_down(&f);
}

static void ipv6_addresses_are_spread_too(void **state)
{
	struct fixture f;
	(void)state;

	set_up_many(&f, "[::1]:0", LANES);
	for (int i = 0; i < 100; i++)
		assert_int_equal(send(f.sender, "", 1, 0), 1);
	await_count(&f, 100);
	tear_down(&f);
}

static void an_address_that_is_taken_is_refused(void **state)
{
	static const size_t numbers[] = {1, LANES};
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		struct fixture f;

		set_up_many(&f, "127.0.0.1:0", numbers[i]);
		for (size_t j = 0; j < ARRAY_LEN(numbers); j++) {
			struct receiver_options options = options_of(&f, "127.0.0.1:0", numbers[j]);
			struct receiver other;

			options.at = f.receiver.options.at;
			assert_err(ERR_IO, receiver_open(&other, &f.loop, &options));
			receiver_close(&other);
		}
		tear_down(&f);
	}
}

/* SO_REUSEPORT of the same user: it may bind, and nothing goes astray. */
static void who_joins_an_address_hears_nothing(void **state)
{
	union socket_addr a;
	struct fixture f;
	int fd, on = 1;
	char octet;
	(void)state;

	set_up_many(&f, "127.0.0.1:0", LANES);
	a = socket_addr_of(&f.receiver.options.at, false);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, &a.any, sizeof(a.v4)), 0);
	for (uint8_t sender = 1; sender < SENDERS; sender++)
		send_number(&f, sender, 0);
	await_count(&f, SENDERS - 1);
	assert_int_equal(recv(fd, &octet, 1, 0), -1);
	close(fd);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_datagram_comes_with_its_sender_and_its_time),
		cmocka_unit_test(a_datagram_longer_than_the_room_is_cut_and_says_so),
		cmocka_unit_test(what_the_kernel_drops_is_counted),
		cmocka_unit_test(what_an_address_sends_comes_in_order_though_its_port_changes),
		cmocka_unit_test(while_the_loop_is_behind_datagrams_stay_with_the_kernel),
		cmocka_unit_test(what_all_sockets_drop_is_summed),
		cmocka_unit_test(what_was_read_is_handed_over_at_the_end),
		cmocka_unit_test(lanes_that_have_nothing_to_do_use_no_processor),
		cmocka_unit_test(a_socket_that_is_muted_hears_nothing),
		cmocka_unit_test(ipv6_addresses_are_spread_too),
		cmocka_unit_test(an_address_that_is_taken_is_refused),
		cmocka_unit_test(who_joins_an_address_hears_nothing),
	};

	return cmocka_run_group_tests_name("node/receiver", tests, NULL, NULL);
}
