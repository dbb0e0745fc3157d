/*
 * fuzz_notice - pages of roots, played into a trust with little room.
 *
 * A script of steps. Each is an octet that chooses what and one that chooses which root (three are
 * pinned, two are not), and then:
 *
 *	0 raw      length 2, and a page as it would travel
 *	1 wrapped  length 2, and what stands behind a page's version: signed properly
 *	2 made     number, page, pages, count, and so many entries of three octets: kind, key,
 *serial 3 time     big-endian seconds of two octets pass
 *
 * Whatever comes, the tables keep their bounds, a list never goes back, a refusal changes nothing,
 * and who was revoked or retired stays so.
 */
#include "base/util.h"
#include "proto/wire/pack.h"
#include "proto/wire/trust.h"

#include <stdlib.h>
#include <string.h>

#define NOON INT64_C(1795348800000)
#define PINNED 3
#define ROOTS 5
#define MEMBERS 4
#define STEPS_MAX 32
#define ROOM 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct trust_limits tight = {.revoked_max = 7, .pages_max = 4};
static const struct hash_key hash = {{9, 9}};

static struct key_pair roots[ROOTS];
static struct public_key members[MEMBERS];

struct play {
	struct trust *trust;
	struct wall now;
	bool is_revoked[ROOTS][MEMBERS][256], is_retired[ROOTS];
	uint64_t numbers[ROOTS];
};

static void must(bool claim)
{
	if (!claim)
		abort();
}

static bool asks(const struct play *p, size_t root, size_t member, size_t serial)
{
	struct cert cert = {
		.root = roots[root].public, .member = members[member], .serial = serial};

	return trust_is_revoked(p->trust, &cert);
}

static void check_lists(struct play *p)
{
	struct trust_head heads[TRUST_ROOTS_MAX];
	size_t count = trust_heads(p->trust, heads), held = 0;
	uint16_t missing;

	for (size_t i = 0; i < count; i++) {
		for (size_t r = 0; r < ROOTS; r++) {
			if (memcmp(&heads[i].root, &roots[r].public, sizeof(heads[i].root)) != 0)
				continue;
			must(heads[i].number >= p->numbers[r] && heads[i].number > 0);
			p->numbers[r] = heads[i].number;
		}
		for (uint16_t page = 0; page < NOTICE_PAGES_MAX; page++)
			held += trust_page(p->trust, &heads[i].root, page) != NULL ? 1 : 0;
		if (trust_next_missing(p->trust, p->now, &heads[i], 0, &missing))
			must(trust_page(p->trust, &heads[i].root, missing) == NULL);
	}
	must(held == trust_count(p->trust).pages);
}

static void check(struct play *p)
{
	struct trust_counts counts = trust_count(p->trust);
	const struct roots *accepted = trust_roots(p->trust, p->now);

	must(counts.pages <= tight.pages_max && counts.revoked <= tight.revoked_max);
	must(counts.roots <= TRUST_ROOTS_MAX && accepted->count <= CERT_ROOTS_MAX);
	check_lists(p);
	for (size_t r = 0; r < ROOTS; r++) {
		if (!roots_have(accepted, &roots[r].public) && r < PINNED)
			p->is_retired[r] = true;
		must(!p->is_retired[r] || !roots_have(accepted, &roots[r].public));
		for (size_t m = 0; m < MEMBERS; m++) {
			for (size_t s = 0; s < 256; s++)
				must(!p->is_revoked[r][m][s] || asks(p, r, m, s));
		}
	}
}

/* What a page that was taken has revoked, for check() to look after. */
static void remember(struct play *p, const uint8_t *data, size_t len)
{
	struct notice n;

	must(notice_open(data, len, &n) == ERR_OK);
	for (size_t i = 0; i < n.entry_count; i++) {
		const struct notice_entry *e = &n.entries[i];

		for (size_t r = 0; r < ROOTS; r++) {
			bool is_his =
				memcmp(&roots[r].public, &n.head.root, sizeof(n.head.root)) == 0;

			for (size_t m = 0; m < MEMBERS && is_his && e->serial < 256; m++) {
				if (e->kind == NOTICE_REVOKE &&
				    memcmp(&members[m], &e->key, sizeof(e->key)) == 0)
					p->is_revoked[r][m][e->serial] = true;
			}
		}
	}
}

static void apply(struct play *p, const uint8_t *data, size_t len, bool is_ours)
{
	struct trust_counts before = trust_count(p->trust), after;
	enum err err = trust_apply(p->trust, p->now, data, len);

	must(!is_ours || err != ERR_AUTH);
	if (err == ERR_OK) {
		remember(p, data, len);
		return;
	}
	after = trust_count(p->trust);
	must(memcmp(&before, &after, sizeof(before)) == 0);
}

static void wrapped(struct play *p, const struct key_pair *root, struct bytes rest)
{
	uint8_t body[ROOM], room[ROOM];
	struct pack b = pack_into(body, sizeof(body));
	struct octets o = octets_of(room, sizeof(room));
	struct signature s;

	pack_array(&b, 7);
	pack_uint(&b, 1);
	pack_bin(&b, root->public.octets, sizeof(root->public));
	octets_put(&b.out, rest.at, bytes_left(&rest));
	s = sign(root, "spoor notice 1", body, pack_len(&b));
	octets_uint(&o, pack_len(&b), 2);
	octets_put(&o, body, pack_len(&b));
	octets_put(&o, s.octets, sizeof(s.octets));
	if (!b.out.is_full && !o.is_full)
		apply(p, room, octets_len(&o), true);
}

static void made(struct play *p, const struct key_pair *root, struct bytes *in)
{
	struct notice n = {.head = {.number = bytes_uint(in, 1),
	                            .page = (uint16_t)bytes_uint(in, 1),
	                            .pages = (uint16_t)bytes_uint(in, 1)}};
	struct notice_blob blob;

	n.entry_count = (size_t)bytes_uint(in, 1) % (NOTICE_ENTRIES_MAX + 1);
	n.head.issued.ms = NOON + (int64_t)n.head.number;
	for (size_t i = 0; i < n.entry_count; i++) {
		struct notice_entry *e = &n.entries[i];
		size_t key;

		e->kind = (enum notice_kind)(1 + bytes_uint(in, 1) % 3);
		key = (size_t)bytes_uint(in, 1);
		e->serial = bytes_uint(in, 1);
		e->key = e->kind == NOTICE_REVOKE ? members[key % MEMBERS]
		                                  : roots[key % ROOTS].public;
		e->not_after.ms = NOON + (int64_t)e->serial * 60000;
	}
	if (notice_issue(root, &n, &blob) == ERR_OK)
		apply(p, blob.octets, blob.len, true);
}

static void step(struct play *p, struct bytes *in)
{
	uint64_t what = bytes_uint(in, 1) % 4;
	const struct key_pair *root = &roots[bytes_uint(in, 1) % ROOTS];
	struct bytes argument;

	if (what == 2) {
		made(p, root, in);
		return;
	}
	if (what == 3) {
		p->now.ms += 1000 * (int64_t)bytes_uint(in, 2);
		return;
	}
	argument = bytes_cut(in, MIN((size_t)bytes_uint(in, 2), bytes_left(in)));
	if (what == 0)
		apply(p, argument.at, bytes_left(&argument), false);
	else
		wrapped(p, root, argument);
}

static void start(void)
{
	struct seed seed = {{1}};

	must(sign_start() == ERR_OK);
	for (size_t i = 0; i < ROOTS; i++) {
		seed.octets[1] = (uint8_t)i;
		roots[i] = key_pair_of(&seed);
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		seed.octets[1] = (uint8_t)(100 + i);
		members[i] = key_pair_of(&seed).public;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool has_started;
	static struct play p;
	struct roots pinned = {.count = PINNED};
	struct bytes in = bytes_of(data, size);

	if (!has_started)
		start();
	has_started = true;
	for (size_t i = 0; i < PINNED; i++)
		pinned.keys[i] = roots[i].public;
	memset(&p, 0, sizeof(p));
	p.now.ms = NOON;
	p.trust = trust_new(&pinned, &tight, &hash);
	must(p.trust != NULL);
	for (int i = 0; i < STEPS_MAX && bytes_left(&in) > 0; i++) {
		step(&p, &in);
		check(&p);
	}
	trust_free(p.trust);
	return 0;
}
