/*
 * bench_packet - what a datagram costs one core: forged ones as a whole node refuses them, data
 * sealed and opened, a whole handshake. Microseconds of CPU for each, one JSON object a line.
 *
 *   bench_packet [SECONDS]     how long each row is measured; 0.5 by default
 *
 * Forged ones go through overlay_datagram() of a node with the tables of a real one, three roots
 * and a live session. That none of them allocates is checked: the linker sends every allocation of
 * ours through the counters below.
 */
#include "base/prng.h"
#include "proto/overlay/overlay.h"
#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "tests/bench/bench.h"

#include <stdlib.h>
#include <string.h>

#define PLAIN 1200
#define WALL_MS INT64_C(1795348800000)
#define DAY_MS INT64_C(86400000)
#define ROOTS 3
#define FLOOD 100000 /* forged datagrams a second, that a node should bear */

struct node { /* of two that have met */
	struct overlay *overlay;
	struct overlay_options options;
	struct prng random;
	struct endpoint at;
};

struct bench {
	struct hand_self a, b;
	uint8_t b_mac1_key[32];
	struct hand hand;
	struct transport at_a, at_b;
	struct cookie_jar jar;
	uint8_t plain[PLAIN], data[PACKET_MAX], opened[PACKET_MAX];
	uint8_t init[HAND_INIT_LEN];
	size_t data_len;
	uint32_t drawn;
	struct key_pair roots[ROOTS];
	struct node nodes[2];
	uint8_t taken[PACKET_MAX]; /* a DATA that the second node has taken from the first */
	size_t taken_len;
	uint8_t forged[PACKET_MAX];
};

static size_t allocations;

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);

void *__wrap_malloc(size_t len)
{
	allocations++;
	return __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len)
{
	allocations++;
	return __real_calloc(count, len);
}

/* One piece of work; false when it went wrong. */
typedef bool work_fn(struct bench *b);

struct row {
	const char *what;
	work_fn *work;
};

static double cpu_s(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Microseconds. */
static double measure(struct bench *b, const char *what, work_fn *work, double limit_s)
{
	double start_s = cpu_s(), spent_s = 0;
	size_t rounds = 0, before = allocations;

	while (spent_s < limit_s) {
		for (int i = 0; i < 16; i++, rounds++)
			CHECK(work(b));
		spent_s = cpu_s() - start_s;
	}
	CHECK(allocations == before);
	report("packet", what, spent_s / (double)rounds * 1e6, "us/op");
	return spent_s / (double)rounds * 1e6;
}

static struct seed draw(struct bench *b)
{
	struct seed seed = {.octets = {1}};

	b->drawn++;
	memcpy(seed.octets + 1, &b->drawn, sizeof(b->drawn));
	return seed;
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

/* --- forged --- */

static struct now now_of(void)
{
	return (struct now){{1000000}, {WALL_MS}};
}

static enum err feed(struct bench *b, size_t to, const void *data, size_t len)
{
	return overlay_datagram(b->nodes[to].overlay, now_of(), &b->nodes[1 - to].at, data, len);
}

static bool garbage(struct bench *b)
{
	return feed(b, 1, b->plain, sizeof(b->plain)) == ERR_FORMAT;
}

static bool data_for_nobody(struct bench *b)
{
	b->forged[0] = PACKET_DATA;
	memset(b->forged + 4, 0xee, 4);
	return feed(b, 1, b->forged, PACKET_MAX) == ERR_NOENT;
}

/* As long as can be, under an index that is good. */
static bool data_forged(struct bench *b)
{
	b->forged[0] = PACKET_DATA;
	memcpy(b->forged + 4, b->taken + 4, 4);
	return feed(b, 1, b->forged, PACKET_MAX) == ERR_AUTH;
}

static bool data_replayed(struct bench *b)
{
	return feed(b, 1, b->taken, b->taken_len) == ERR_STALE;
}

static bool init_forged(struct bench *b)
{
	b->forged[0] = PACKET_INIT;
	return feed(b, 1, b->forged, HAND_INIT_LEN) == ERR_AUTH;
}

static bool knock_forged(struct bench *b)
{
	b->forged[0] = PACKET_KNOCK;
	return feed(b, 1, b->forged, KNOCK_LEN) == ERR_ROOT;
}

static bool welcome_forged(struct bench *b)
{
	b->forged[0] = PACKET_WELCOME;
	return feed(b, 1, b->forged, WELCOME_MAX) == ERR_STALE;
}

static bool response_forged(struct bench *b)
{
	b->forged[0] = PACKET_RESPONSE;
	return feed(b, 1, b->forged, HAND_RESPONSE_MAX) == ERR_STALE;
}

static bool all_forged(struct bench *b)
{
	static work_fn *const kinds[] = {data_for_nobody, data_forged,    data_replayed,
	                                 init_forged,     knock_forged,   garbage,
	                                 welcome_forged,  response_forged};

	return kinds[b->drawn++ % ARRAY_LEN(kinds)](b);
}

static void fill(void *ctx, void *room, size_t len)
{
	prng_fill(ctx, room, len);
}

static void make_node(struct bench *b, uint8_t i)
{
	const uint8_t octets[4] = {10, 0, 0, (uint8_t)(i + 1)};
	struct node *n = &b->nodes[i];
	struct overlay_self *self = &n->options.self;
	struct card *card = &self->card;
	struct seed seed = draw(b);
	struct key_pair identity = key_pair_of(&seed);

	n->at = (struct endpoint){addr_from_v4(octets), 7667};
	n->random.state = i + 1;
	record_keys(&seed, &self->operational, &card->record.kx, &self->kx_secret);
	card->cert = (struct cert){.member = identity.public,
	                           .name = "R",
	                           .org = "Example",
	                           .not_before = {WALL_MS - DAY_MS},
	                           .not_after = {WALL_MS + DAY_MS},
	                           .prefixes = {{n->at.addr, 128}},
	                           .prefix_count = 1,
	                           .roles = CERT_ROLES_MEMBER};
	card->record.sign = self->operational.public;
	card->record.not_before.ms = WALL_MS - DAY_MS;
	card->record.not_after.ms = WALL_MS + DAY_MS;
	card->record.endpoints[0] = n->at;
	card->record.endpoint_count = 1;
	CHECK(cert_issue(&b->roots[0], &card->cert, &card->cert_blob) == ERR_OK);
	CHECK(record_issue(&identity, &card->record, &card->record_blob) == ERR_OK);
	card->id = cert_id(&card->cert);
	n->options.limits = overlay_limits_default;
	n->options.random = (struct overlay_random){fill, &n->random};
	n->options.cards = cards_new(16);
	for (size_t r = 0; r < ROOTS; r++)
		n->options.roots.keys[n->options.roots.count++] = b->roots[r].public;
	n->overlay = overlay_new(&n->options);
	CHECK(n->overlay != NULL);
}

/* What either has to say goes to the other, until neither has; the last DATA to the second stays.
 */
static void converse(struct bench *b)
{
	struct act act;

	for (size_t quiet = 0, from = 0; quiet < 2; from = 1 - from) {
		quiet++;
		while (overlay_next(b->nodes[from].overlay, &act)) {
			if (act.kind != ACT_SEND)
				continue;
			quiet = 0;
			(void)feed(b, 1 - from, act.data, act.len);
			if (from != 0 || packet_kind(act.data, act.len) != PACKET_DATA)
				continue;
			b->taken_len = act.len;
			memcpy(b->taken, act.data, act.len);
		}
	}
}

static void start_nodes(struct bench *b)
{
	const struct card *card = &b->nodes[1].options.self.card;
	struct now later = now_of();

	for (size_t i = 0; i < ROOTS; i++) {
		struct seed seed = draw(b);

		b->roots[i] = key_pair_of(&seed);
	}
	make_node(b, 0);
	make_node(b, 1);
	CHECK(overlay_remember(b->nodes[0].overlay, now_of(),
	                       bytes_of(card->cert_blob.octets, card->cert_blob.len),
	                       bytes_of(card->record_blob.octets, card->record_blob.len)) ==
	      ERR_OK);
	later.mono.ms += 200;
	overlay_expire(b->nodes[0].overlay, later);
	converse(b);
	CHECK(overlay_table_count(b->nodes[1].overlay) == 1 && b->taken_len > 0);
	b->forged[1] = PACKET_VERSION;
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
	CHECK(handshake(b));
	memcpy(b->init, b->hand.packet, sizeof(b->init));
	CHECK(data_sealed(b));
	CHECK(transport_open(&b->at_b, b->data, b->data_len, b->opened, &len) == ERR_OK);
	start_nodes(b);
}

int main(int argc, char **argv)
{
	static const struct row forged[] =
		{
			{"garbage refused", garbage},
			{"forged DATA refused: unknown index", data_for_nobody},
			{"forged DATA of 1232 refused: known index, bad tag", data_forged},
			{"replayed DATA refused", data_replayed},
			{"forged INIT refused: bad mac1", init_forged},
			{"forged KNOCK refused: bad mac, three roots", knock_forged},
			{"forged WELCOME refused: nobody knocked", welcome_forged},
			{"forged RESPONSE refused: nobody called", response_forged},
		},
				rows[] = {
					{"INIT answered with COOKIE", cookie_answered},
					{"DATA of 1200 opened", data_opened},
					{"INIT read", init_read},
					{"handshake, both ends", handshake},
					{"DATA of 1200 sealed", data_sealed},
				};
	static struct bench b;
	double limit_s = argc > 1 ? strtod(argv[1], NULL) : 0.5, us, most_us = 0;

	start(&b);
	for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
		us = measure(&b, forged[i].what, forged[i].work, limit_s);
		most_us = MAX(us, most_us);
	}
	us = measure(&b, "forged datagrams, one of each in turn", all_forged, limit_s);
	report("packet", "of a core left by 100,000 of these a second", 100 - us * FLOOD / 1e4,
	       "%");
	report("packet", "of a core left by 100,000 a second of the dearest of them",
	       100 - most_us * FLOOD / 1e4, "%");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		measure(&b, rows[i].what, rows[i].work, limit_s);
	return 0;
}
