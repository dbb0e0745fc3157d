/*
 * bench_packet - what a datagram costs one core: forged ones refused, data sealed and opened, a
 * whole handshake. Microseconds of CPU for each, one JSON object a line.
 *
 *   bench_packet [SECONDS]     how long each row is measured; 0.5 by default
 */
#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN 1200
#define SESSIONS 4096 /* among which a receiver's index is looked up */

struct bench {
	struct hand_self a, b;
	uint8_t b_mac1_key[32];
	struct hand hand;
	struct transport at_a, at_b;
	struct cookie_jar jar;
	struct knock_key key;
	uint32_t indices[SESSIONS]; /* as a node has them: a table of a power of two */
	uint8_t plain[PLAIN], data[PACKET_MAX], opened[PACKET_MAX];
	uint8_t init[HAND_INIT_LEN], knock[KNOCK_LEN];
	size_t data_len;
	uint32_t drawn;
};

/* One piece of work; false when it went wrong. */
typedef bool work_fn(struct bench *b);

static double cpu_s(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void measure(struct bench *b, const char *what, work_fn *work, double limit_s)
{
	double start_s = cpu_s(), spent_s = 0;
	size_t rounds = 0;

	while (spent_s < limit_s) {
		for (int i = 0; i < 16; i++, rounds++)
			CHECK(work(b));
		spent_s = cpu_s() - start_s;
	}
	report("packet", what, spent_s / (double)rounds * 1e6, "us/op");
}

static struct seed draw(struct bench *b)
{
	struct seed seed = {.octets = {1}};

	b->drawn++;
	memcpy(seed.octets + 1, &b->drawn, sizeof(b->drawn));
	return seed;
}

static bool is_known(const struct bench *b, uint32_t index)
{
	return b->indices[index % SESSIONS] == index;
}

static bool garbage(struct bench *b)
{
	return packet_kind(b->plain, sizeof(b->plain)) == PACKET_NONE;
}

static bool data_for_nobody(struct bench *b)
{
	return packet_kind(b->data, b->data_len) == PACKET_DATA &&
	       !is_known(b, packet_receiver(b->data) ^ 0x10000);
}

static bool data_forged(struct bench *b)
{
	size_t len;
	bool is_refused;

	b->data[b->data_len - 1] ^= 1;
	is_refused = packet_kind(b->data, b->data_len) == PACKET_DATA &&
	             is_known(b, packet_receiver(b->data)) &&
	             transport_open(&b->at_b, b->data, b->data_len, b->opened, &len) == ERR_AUTH;
	b->data[b->data_len - 1] ^= 1;
	return is_refused;
}

static bool init_forged(struct bench *b)
{
	bool is_refused;

	b->init[9] ^= 1;
	is_refused = hand_check_mac1(b->b_mac1_key, b->init, sizeof(b->init)) == ERR_AUTH;
	b->init[9] ^= 1;
	return is_refused;
}

static bool knock_forged(struct bench *b)
{
	size_t which;

	return knock_check(&b->key, 1, b->knock, sizeof(b->knock), &which) == ERR_ROOT;
}

static bool cookie_answered(struct bench *b)
{
	static const struct endpoint from = {.port = 7667};
	static const uint8_t nonce[COOKIE_NONCE] = {1};

	return hand_check_mac1(b->b_mac1_key, b->init, sizeof(b->init)) == ERR_OK &&
	       !cookie_holds(&b->jar, &from, b->init, sizeof(b->init)) &&
	       cookie_make(&b->jar, &b->b.id, &from, b->init, nonce, b->opened) == COOKIE_LEN;
}

static bool data_sealed(struct bench *b)
{
	b->data_len = transport_seal(&b->at_a, b->plain, sizeof(b->plain), b->data);
	return b->data_len > 0;
}

/* The same datagram each time: opened, found good, then found stale. */
static bool data_opened(struct bench *b)
{
	size_t len;

	return transport_open(&b->at_b, b->data, b->data_len, b->opened, &len) == ERR_STALE;
}

/* Both ends' share: INIT made, checked, read and answered, RESPONSE read. */
static bool handshake(struct bench *b)
{
	struct seed first = draw(b), second = draw(b);
	uint8_t room[HAND_RESPONSE_MAX], payload[HAND_PAYLOAD_MAX];
	struct hand_in in;
	size_t len;

	if (hand_start(&b->hand, &b->a, &b->b.kx.public, &b->b.id, 1, &first,
	               bytes_of(b->plain, 500)) != ERR_OK ||
	    hand_check_mac1(b->b_mac1_key, b->hand.packet, HAND_INIT_LEN) != ERR_OK ||
	    hand_read(&b->b, b->hand.packet, HAND_INIT_LEN, &in) != ERR_OK)
		return false;
	len = hand_answer(&in, &b->b, &second, 2, bytes_of(b->plain, 500), room, &b->at_b);
	return hand_finish(&b->hand, room, len, &b->at_a, payload, &len) == ERR_OK;
}

static bool init_read(struct bench *b)
{
	struct hand_in in;

	return hand_read(&b->b, b->init, sizeof(b->init), &in) == ERR_OK;
}

static struct hand_self make_self(struct bench *b)
{
	struct seed seed = draw(b);
	struct hand_self self = {.id = digest("bench", &seed, sizeof(seed))};

	box_keys(&seed, &self.kx.public, &self.kx.secret);
	return self;
}

static void start(struct bench *b)
{
	struct seed seed = draw(b);
	size_t len;

	CHECK(sign_start() == ERR_OK);
	b->a = make_self(b);
	b->b = make_self(b);
	hand_mac1_key(&b->b.id, b->b_mac1_key);
	cookie_jar_turn(&b->jar, (struct mono){1}, &seed);
	b->knock[0] = PACKET_KNOCK;
	b->knock[1] = PACKET_VERSION;
	CHECK(handshake(b));
	memcpy(b->init, b->hand.packet, sizeof(b->init));
	b->indices[b->at_b.index % SESSIONS] = b->at_b.index;
	CHECK(data_sealed(b));
	CHECK(transport_open(&b->at_b, b->data, b->data_len, b->opened, &len) == ERR_OK);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *what;
		work_fn *work;
	} rows[] = {
		{"garbage refused", garbage},
		{"forged DATA refused: unknown index", data_for_nobody},
		{"forged DATA refused: known index, bad tag", data_forged},
		{"forged INIT refused: bad mac1", init_forged},
		{"forged KNOCK refused: bad mac, one root", knock_forged},
		{"INIT answered with COOKIE", cookie_answered},
		{"DATA of 1200 opened", data_opened},
		{"INIT read", init_read},
		{"handshake, both ends", handshake},
		{"DATA of 1200 sealed", data_sealed},
	};
	static struct bench b;
	double limit_s = argc > 1 ? strtod(argv[1], NULL) : 0.5;

	start(&b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		measure(&b, rows[i].what, rows[i].work, limit_s);
	return 0;
}
