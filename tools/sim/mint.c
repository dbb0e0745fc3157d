/* Who the members are: keys, certificates and records, and what the root says of them later. */
#include "tools/sim/parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define NEAR_TRIES 4096
#define SMALL 64 /* so many nodes have tables like those of a real node */

void mint_card(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	struct card *card = &n->self.card;

	CHECK(cert_issue(&sim->root, &card->cert, &card->cert_blob) == ERR_OK);
	CHECK(record_issue(&n->identity, &card->record, &card->record_blob) == ERR_OK);
	card->id = cert_id(&card->cert);
}

static struct seed draw(struct prng *p)
{
	struct seed seed;

	prng_fill(p, &seed, sizeof(seed));
	return seed;
}

/* Names of every length, so that certificates are of every length. */
static void fill_cert(struct sim *sim, uint32_t i, struct cert *cert)
{
	static const char dots[CERT_ORG_MAX] = "..............................................";
	struct endpoint at = sim_endpoint(i);

	cert->member = sim->nodes[i].identity.public;
	cert->serial = i + 1;
	prng_fill(&sim->prng, cert->salt, CERT_SALT_LEN);
	snprintf(cert->name, CERT_NAME_MAX, "n%02" PRIu32, i);
	snprintf(cert->org, CERT_ORG_MAX, "Org %" PRIu32 "%.*s", i, (int)prng_below(&sim->prng, 46),
	         dots);
	cert->not_before.ms = WALL_MS - DAY_MS;
	cert->not_after.ms = WALL_MS + 365 * DAY_MS;
	cert->roles = CERT_ROLES_MEMBER;
	at.addr.octets[15] = 0;
	cert->prefixes[cert->prefix_count++] = (struct prefix){at.addr, 96 + 24};
}

void mint_node(struct sim *sim, uint32_t i)
{
	struct node *n = &sim->nodes[i];
	struct record *record = &n->self.card.record;
	struct seed seed = draw(&sim->prng);

	n->identity = key_pair_of(&seed);
	fill_cert(sim, i, &n->self.card.cert);
	memcpy(n->name, n->self.card.cert.name, sizeof(n->name));
	seed = draw(&sim->prng);
	n->self.operational = key_pair_of(&seed);
	seed = draw(&sim->prng);
	box_keys(&seed, &record->kx, &n->self.kx_secret);
	record->sign = n->self.operational.public;
	record->seq = 1;
	record->not_before.ms = WALL_MS - DAY_MS;
	record->not_after.ms = record->not_before.ms + RECORD_LIFE_MAX_MS;
	n->is_nat = i > 0 && prng_unit(&sim->prng) < sim->options.nat;
	if (!n->is_nat)
		record->endpoints[record->endpoint_count++] = sim_endpoint(i);
	mint_card(sim, i);
}

size_t common_bits(const struct id *a, const struct id *b)
{
	size_t i = 0, bits = 0;

	while (i < 31 && a->octets[i] == b->octets[i])
		i++;
	while (bits < 8 && ((a->octets[i] ^ b->octets[i]) >> (7 - bits) & 1) == 0)
		bits++;
	return 8 * i + bits;
}

/* The salt is the root's to choose: here it is in league with the liar, or careless. */
void mint_near(struct sim *sim, uint32_t node, const struct id *victim)
{
	struct cert *cert = &sim->nodes[node].self.card.cert;
	struct cert best = *cert;
	size_t best_bits = 0;

	for (int i = 0; i < NEAR_TRIES; i++) {
		struct id id;
		size_t bits;

		prng_fill(&sim->prng, cert->salt, CERT_SALT_LEN);
		id = cert_id(cert);
		bits = common_bits(&id, victim);
		if (bits <= best_bits)
			continue;
		best_bits = bits;
		best = *cert;
	}
	*cert = best;
	mint_card(sim, node);
}

struct place {
	struct id id;
	uint32_t node;
};

static int place_cmp(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return memcmp(&a->id, &b->id, sizeof(a->id));
}

void mint_order(struct sim *sim)
{
	uint32_t nodes = sim->options.nodes;
	struct place *places = must(calloc(nodes, sizeof(*places)));

	for (uint32_t i = 0; i < nodes; i++)
		places[i] = (struct place){sim->nodes[i].self.card.id, i};
	qsort(places, nodes, sizeof(*places), place_cmp);
	for (uint32_t i = 0; i < nodes; i++)
		sim->by_id[i] = places[i].node;
	free(places);
}

/* The whole of what the root has revoked so far, as its newest list. */
size_t mint_notices(struct sim *sim, struct notice_blob ret[SIM_PAGES_MAX])
{
	size_t pages = (sim->revoked_count + NOTICE_ENTRIES_MAX - 1) / NOTICE_ENTRIES_MAX;
	size_t done = 0;

	pages = MAX(pages, 1);
	sim->notice_number++;
	for (size_t page = 0; page < pages; page++) {
		struct notice notice = {
			.head = {.number = sim->notice_number,
		                 .page = (uint16_t)page,
		                 .pages = (uint16_t)pages,
		                 .issued = {WALL_MS + (int64_t)sim->now_ms}},
			.entry_count = MIN(sim->revoked_count - done, NOTICE_ENTRIES_MAX),
		};

		memcpy(notice.entries, sim->revoked + done,
		       notice.entry_count * sizeof(notice.entries[0]));
		done += notice.entry_count;
		CHECK(notice_issue(&sim->root, &notice, &ret[page]) == ERR_OK);
	}
	return pages;
}

/*
 * Few nodes get what a real one has, cut to what so few can use; many get the least that carries
 * the rules: their tables are what fills the memory.
 */
static struct overlay_limits limits_of(uint32_t nodes)
{
	struct overlay_limits limits = overlay_limits_default;

	if (nodes <= SMALL) {
		limits.members_max = nodes + 8;
		limits.table_max = (uint16_t)MIN(limits.table_max, 2 * nodes + 8);
		limits.sessions_max = (uint16_t)MIN(limits.sessions_max, 4 * nodes + 32);
		limits.seen_max = MIN(limits.seen_max, 512);
		limits.origins_max = (uint16_t)MIN(limits.origins_max, 2 * nodes + 8);
		limits.copies_max = MIN(limits.copies_max, 1024);
		return limits;
	}
	limits.members_max = nodes + 8;
	limits.bucket_max = 20;
	limits.table_max = 300;
	limits.sessions_max = 512;
	limits.hands_max = 64;
	limits.held_max = 32;
	limits.seen_max = 64;
	limits.origins_max = 64;
	limits.copies_max = 512;
	limits.asks_max = 2;
	limits.serves_max = 32;
	limits.streams_max = 4;
	limits.outbox_max = 1024;
	limits.trust = (struct trust_limits){.revoked_max = 64, .pages_max = 8};
	limits.answer_max = 4096;
	return limits;
}

struct overlay_limits mint_limits(const struct sim_options *options)
{
	struct overlay_limits limits = limits_of(options->nodes);

	if (options->sessions_max > 0)
		limits.sessions_max = options->sessions_max;
	return limits;
}
