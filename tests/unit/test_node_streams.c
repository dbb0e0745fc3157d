#include "node/node.h"
#include "node/streams.h"
#include "tests/unit/test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPINS 200 /* turns of the loop, ten milliseconds each */

static bool has_memory = true;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	return has_memory ? __real_calloc(count, size) : NULL;
}

static void listen_at(struct port *port, struct sockaddr_in *ret)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int len = sizeof(*ret);

	assert_int_equal(uv_tcp_init(&port->ports->node->loop, &port->tcp), 0);
	port->tcp.data = port;
	assert_int_equal(uv_tcp_bind(&port->tcp, (struct sockaddr *)&any, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&port->tcp, 16, streams_on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&port->tcp, (struct sockaddr *)ret, &len), 0);
}

static int call(const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)at, sizeof(*at)), 0);
	return fd;
}

/* The other end closes it, before long. */
static bool is_hung_up(struct node *node, int fd)
{
	uint8_t octet;

	for (int i = 0; i < SPINS; i++) {
		uv_run(&node->loop, UV_RUN_NOWAIT);
		if (recv(fd, &octet, 1, MSG_DONTWAIT) >= 0)
			return true;
		usleep(10000);
	}
	return false;
}

static void without_memory_streams_are_refused_and_the_next_ones_heard(void **state)
{
	static struct node node;
	struct ports *ports = &node.link.ports;
	struct sockaddr_in at;
	int fds[3];
	(void)state;

	assert_int_equal(uv_loop_init(&node.loop), 0);
	ports->node = &node;
	ports->of[0].ports = ports;
	listen_at(&ports->of[0], &at);
	for (int i = 0; i < 2; i++) /* at once */
		fds[i] = call(&at);
	has_memory = false;
	for (int i = 0; i < 2; i++)
		assert_true(is_hung_up(&node, fds[i]));
	fds[2] = call(&at); /* and later */
	assert_true(is_hung_up(&node, fds[2]));
	has_memory = true;
	assert_int_equal(ports->stream_count, 0);
	uv_close((uv_handle_t *)&ports->of[0].tcp, NULL);
	uv_run(&node.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&node.loop), 0);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_streams_are_refused_and_the_next_ones_heard),
	};

	return cmocka_run_group_tests_name("node/streams", tests, NULL, NULL);
}
