#include "node/receiver.h"
#include "node/socket.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (256u << 10)
#define ROOM 512

struct fixture {
	uv_loop_t loop;
	struct receiver_batch *batch;
	struct receiver receiver;
	int sender;
	uint64_t count, cut, octets;
	struct received last;
};

static void on_received(void *ctx, const struct received *r)
{
	struct fixture *f = ctx;

	f->count++;
	f->cut += r->is_cut;
	f->octets += r->len;
	f->last = *r;
}

static int64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The port is the system's choice. */
static void set_up(struct fixture *f)
{
	struct endpoint at;
	union socket_addr a;
	socklen_t len = sizeof(a);

	memset(f, 0, sizeof(*f));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->batch = receiver_batch_new(ROOM);
	assert_non_null(f->batch);
	assert_err(ERR_OK, endpoint_parse("127.0.0.1:0", &at));
	assert_err(ERR_OK,
	           receiver_open(&f->receiver, &f->loop, &at, BUFFER, f->batch, on_received, f));
	assert_int_equal(getsockname(f->receiver.fd, &a.any, &len), 0);
	f->sender = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(connect(f->sender, &a.any, len), 0);
}

static void tear_down(struct fixture *f)
{
	close(f->sender);
	receiver_close(&f->receiver);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	receiver_batch_free(f->batch);
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

static void an_address_that_is_taken_is_refused(void **state)
{
	struct receiver other;
	struct endpoint at;
	union socket_addr a;
	socklen_t len = sizeof(a);
	struct fixture f;
	(void)state;

	set_up(&f);
	assert_int_equal(getsockname(f.receiver.fd, &a.any, &len), 0);
	assert_true(endpoint_of(&a.any, &at));
	assert_err(ERR_IO, receiver_open(&other, &f.loop, &at, BUFFER, f.batch, on_received, &f));
	receiver_close(&other);
	tear_down(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_datagram_comes_with_its_sender_and_its_time),
		cmocka_unit_test(a_datagram_longer_than_the_room_is_cut_and_says_so),
		cmocka_unit_test(what_the_kernel_drops_is_counted),
		cmocka_unit_test(an_address_that_is_taken_is_refused),
	};

	return cmocka_run_group_tests_name("node/receiver", tests, NULL, NULL);
}
