#include "proto/wire/trust.h"

#include "base/bytes.h"
#include "base/util.h"

#include <stdlib.h>
#include <string.h>

#define VOTES 2 /* of pinned roots, to admit or to retire another */
#define NO_PAGE UINT16_MAX

struct claim { /* an endorsement or a retirement, by a pinned root */
	enum notice_kind kind;
	struct public_key root;
	struct wall not_after; /* ENDORSE */
	uint64_t number;       /* of the newest list that makes it */
};

struct issuer { /* a root whose list we keep */
	struct public_key root;
	bool is_pinned, has_retired; /* by itself */
	uint64_t number;             /* of its newest list; 0: none */
	uint16_t pages, held;
	struct wall issued;
	uint16_t page_at[NOTICE_PAGES_MAX]; /* index into trust.pages, or NO_PAGE */
	struct claim claims[TRUST_CLAIMS_MAX];
	size_t claim_count;
};

struct revocation {
	uint16_t by; /* index into trust.issuers, and 1; 0: free */
	struct public_key member;
	uint64_t serial;
};

struct page {
	bool is_used;
	struct notice_blob blob;
};

struct trust {
	struct trust_limits limits;
	struct hash_key hash;
	struct issuer issuers[TRUST_ROOTS_MAX];
	size_t issuer_count, pinned_count;
	struct revocation *revoked; /* open addressing; nothing is ever taken out */
	size_t revoked_mask;
	uint32_t revoked_count;
	struct page *pages;
	uint32_t page_count;
	struct roots roots;              /* as it was at from_ms, and stays until until_ms */
	int64_t roots_from, roots_until; /* from > until: no longer */
};

const struct trust_limits trust_limits_default = {.revoked_max = 16384, .pages_max = 512};

static bool key_equal(const struct public_key *a, const struct public_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static struct issuer *add_issuer(struct trust *t, const struct public_key *root, bool is_pinned)
{
	struct issuer *i;

	if (t->issuer_count == TRUST_ROOTS_MAX)
		return NULL;
	i = &t->issuers[t->issuer_count++];
	*i = (struct issuer){.root = *root, .is_pinned = is_pinned};
	for (size_t page = 0; page < NOTICE_PAGES_MAX; page++)
		i->page_at[page] = NO_PAGE;
	return i;
}

struct trust *trust_new(const struct roots *pinned, const struct trust_limits *limits,
                        const struct hash_key *hash)
{
	struct trust *t = calloc(1, sizeof(*t));
	size_t slots = 4;

	CHECK(pinned->count > 0);
	CHECK(pinned->count <= CERT_ROOTS_MAX);
	if (t == NULL)
		return NULL;
	while (slots < 2 * (size_t)limits->revoked_max)
		slots *= 2;
	t->limits = *limits;
	t->hash = *hash;
	t->revoked = calloc(slots, sizeof(*t->revoked));
	t->revoked_mask = slots - 1;
	t->pages = calloc((size_t)limits->pages_max + 1, sizeof(*t->pages));
	t->roots_from = INT64_MAX;
	t->roots_until = INT64_MIN;
	if (t->revoked == NULL || t->pages == NULL) {
		trust_free(t);
		return NULL;
	}
	for (size_t i = 0; i < pinned->count; i++) {
		struct roots before = {.count = i};

		memcpy(before.keys, pinned->keys, i * sizeof(before.keys[0]));
		if (!roots_have(&before, &pinned->keys[i]))
			(void)add_issuer(t, &pinned->keys[i], true);
	}
	t->pinned_count = t->issuer_count;
	return t;
}

void trust_free(struct trust *t)
{
	if (t == NULL)
		return;
	free(t->revoked);
	free(t->pages);
	free(t);
}

static size_t votes_needed(const struct trust *t)
{
	return MIN((size_t)VOTES, t->pinned_count);
}

/* The index of `root` among the issuers; their count when it is none. */
static size_t index_of(const struct trust *t, const struct public_key *root)
{
	size_t i = 0;

	while (i < t->issuer_count && !key_equal(&t->issuers[i].root, root))
		i++;
	return i;
}

static struct claim *find_claim(struct issuer *by, enum notice_kind kind,
                                const struct public_key *root)
{
	for (size_t i = 0; i < by->claim_count; i++) {
		if (by->claims[i].kind == kind && key_equal(&by->claims[i].root, root))
			return &by->claims[i];
	}
	return NULL;
}

/*
 * Retired roots have a vote here: were it not so, the order in which pages come would decide which
 * of two roots that retire each other is left.
 */
static bool is_retired(const struct trust *t, const struct public_key *root)
{
	size_t own = index_of(t, root), votes = 0;

	if (own < t->issuer_count && t->issuers[own].has_retired)
		return true;
	for (size_t i = 0; i < t->pinned_count; i++) {
		const struct issuer *by = &t->issuers[i];

		for (size_t c = 0; c < by->claim_count && i != own; c++) {
			if (by->claims[c].kind == NOTICE_RETIRE &&
			    key_equal(&by->claims[c].root, root))
				votes++;
		}
	}
	return votes >= votes_needed(t);
}

/* By pinned roots that t->roots holds already. */
static size_t endorsers(struct trust *t, const struct public_key *root, struct wall now)
{
	size_t votes = 0;

	for (size_t i = 0; i < t->pinned_count; i++) {
		struct issuer *by = &t->issuers[i];
		const struct claim *claim = find_claim(by, NOTICE_ENDORSE, root);

		if (claim != NULL && now.ms <= claim->not_after.ms &&
		    roots_have(&t->roots, &by->root))
			votes++;
	}
	return votes;
}

/* Among the endorsed ones, by key; with no room left the highest key is left out. */
static void insert_root(struct roots *roots, size_t first, const struct public_key *root)
{
	size_t at = roots->count;

	while (at > first && memcmp(root, &roots->keys[at - 1], sizeof(*root)) < 0)
		at--;
	if (at == CERT_ROOTS_MAX)
		return;
	if (roots->count < CERT_ROOTS_MAX)
		roots->count++;
	memmove(&roots->keys[at + 1], &roots->keys[at],
	        (roots->count - at - 1) * sizeof(roots->keys[0]));
	roots->keys[at] = *root;
}

static void consider(struct trust *t, const struct claim *claim, size_t first, struct wall now)
{
	if (claim->kind != NOTICE_ENDORSE || now.ms > claim->not_after.ms)
		return;
	t->roots_until = MIN(t->roots_until, claim->not_after.ms);
	if (!roots_have(&t->roots, &claim->root) && index_of(t, &claim->root) >= t->pinned_count &&
	    !is_retired(t, &claim->root) && endorsers(t, &claim->root, now) >= votes_needed(t))
		insert_root(&t->roots, first, &claim->root);
}

const struct roots *trust_roots(struct trust *t, struct wall now)
{
	size_t first;

	if (t->roots_from <= now.ms && now.ms <= t->roots_until)
		return &t->roots;
	t->roots = (struct roots){.count = 0};
	t->roots_from = now.ms;
	t->roots_until = INT64_MAX;
	for (size_t i = 0; i < t->pinned_count; i++) {
		if (!is_retired(t, &t->issuers[i].root))
			t->roots.keys[t->roots.count++] = t->issuers[i].root;
	}
	first = t->roots.count;
	for (size_t i = 0; i < t->pinned_count; i++) {
		for (size_t c = 0; c < t->issuers[i].claim_count; c++)
			consider(t, &t->issuers[i].claims[c], first, now);
	}
	return &t->roots;
}

/* Where it is, or the free slot where it would be: there is always one, as the table is half empty.
 */
static struct revocation *find_revocation(const struct trust *t, const struct revocation *wanted)
{
	uint8_t key[sizeof(wanted->member) + sizeof(wanted->serial) + sizeof(wanted->by)];
	struct octets out = octets_of(key, sizeof(key));
	size_t at;

	octets_put(&out, wanted->member.octets, sizeof(wanted->member.octets));
	octets_uint(&out, wanted->serial, 8);
	octets_uint(&out, wanted->by, 2);
	at = (size_t)keyed_hash(&t->hash, key, sizeof(key)) & t->revoked_mask;
	for (;; at = (at + 1) & t->revoked_mask) {
		struct revocation *r = &t->revoked[at];

		if (r->by == 0 || (r->by == wanted->by && r->serial == wanted->serial &&
		                   key_equal(&r->member, &wanted->member)))
			return r;
	}
}

bool trust_is_revoked(const struct trust *t, const struct cert *cert)
{
	size_t by = index_of(t, &cert->root);
	struct revocation one = {(uint16_t)(by + 1), cert->member, cert->serial};
	struct revocation all = {(uint16_t)(by + 1), cert->member, 0};

	if (is_retired(t, &cert->root))
		return true;
	return by < t->issuer_count &&
	       (find_revocation(t, &one)->by != 0 || find_revocation(t, &all)->by != 0);
}

/* Pages that its list still lacks are taken of a root that is no longer accepted, too: they belong
 * to what has ended it. */
static enum err admit(struct trust *t, struct wall now, const struct notice_head *head)
{
	const struct issuer *i = &t->issuers[index_of(t, &head->root)];
	bool is_known = index_of(t, &head->root) < t->issuer_count;

	if (!(is_known && i->number == head->number) &&
	    !roots_have(trust_roots(t, now), &head->root))
		return ERR_ROOT;
	if (!is_known || i->number < head->number)
		return ERR_OK;
	if (i->number > head->number || i->pages != head->pages ||
	    i->issued.ms != head->issued.ms || i->page_at[head->page] != NO_PAGE)
		return ERR_STALE;
	return ERR_OK;
}

static bool is_claim(const struct trust *t, size_t by, const struct notice_entry *e)
{
	return e->kind != NOTICE_REVOKE && by < t->pinned_count &&
	       !key_equal(&e->key, &t->issuers[by].root);
}

/* Is there room for all that the page brings? `by` may be the next issuer, that is none yet. */
static bool has_room(struct trust *t, size_t by, const struct notice *n)
{
	uint32_t revoked = t->revoked_count, pages = t->page_count;
	size_t claims = 0;

	if (by == TRUST_ROOTS_MAX || n->head.pages > t->limits.pages_max)
		return false;
	if (by < t->issuer_count) {
		claims = t->issuers[by].claim_count;
		pages -= t->issuers[by].number < n->head.number ? t->issuers[by].held : 0;
	}
	for (size_t i = 0; i < n->entry_count; i++) {
		const struct notice_entry *e = &n->entries[i];
		struct revocation r = {(uint16_t)(by + 1), e->key, e->serial};

		if (e->kind == NOTICE_REVOKE)
			revoked += find_revocation(t, &r)->by == 0 ? 1 : 0;
		else if (is_claim(t, by, e))
			claims += find_claim(&t->issuers[by], e->kind, &e->key) == NULL ? 1 : 0;
	}
	return revoked <= t->limits.revoked_max && pages < t->limits.pages_max &&
	       claims <= TRUST_CLAIMS_MAX;
}

static void begin_list(struct trust *t, struct issuer *by, const struct notice_head *head)
{
	for (size_t i = 0; i < by->pages; i++) {
		if (by->page_at[i] == NO_PAGE)
			continue;
		t->pages[by->page_at[i]].is_used = false;
		by->page_at[i] = NO_PAGE;
		t->page_count--;
	}
	by->number = head->number;
	by->pages = head->pages;
	by->issued = head->issued;
	by->held = 0;
}

static void keep_page(struct trust *t, struct issuer *by, uint16_t page, const void *data,
                      size_t len)
{
	uint16_t at = 0;

	while (t->pages[at].is_used) /* has_room() saw a free one */
		at++;
	CHECK(at < t->limits.pages_max);
	t->pages[at].is_used = true;
	memcpy(t->pages[at].blob.octets, data, len);
	t->pages[at].blob.len = len;
	t->page_count++;
	by->page_at[page] = at;
	by->held++;
}

static void take_claim(struct issuer *by, const struct notice_entry *e, uint64_t number)
{
	struct claim *claim = find_claim(by, e->kind, &e->key);

	if (claim == NULL)
		claim = &by->claims[by->claim_count++];
	*claim = (struct claim){e->kind, e->key, e->not_after, number};
}

static void take_entry(struct trust *t, size_t by, const struct notice_entry *e, uint64_t number)
{
	struct issuer *issuer = &t->issuers[by];
	struct revocation r = {(uint16_t)(by + 1), e->key, e->serial}, *slot;

	if (e->kind == NOTICE_REVOKE) {
		slot = find_revocation(t, &r);
		t->revoked_count += slot->by == 0 ? 1 : 0;
		*slot = r;
	} else if (is_claim(t, by, e)) {
		take_claim(issuer, e, number);
	} else if (e->kind == NOTICE_RETIRE && key_equal(&e->key, &issuer->root)) {
		issuer->has_retired = true;
	}
}

/* The whole list is there: endorsements that it no longer makes are over. */
static void end_list(struct issuer *by)
{
	size_t kept = 0;

	for (size_t i = 0; i < by->claim_count; i++) {
		if (by->claims[i].kind == NOTICE_RETIRE || by->claims[i].number == by->number)
			by->claims[kept++] = by->claims[i];
	}
	by->claim_count = kept;
}

enum err trust_apply(struct trust *t, struct wall now, const void *data, size_t len)
{
	struct notice n;
	struct issuer *by;
	size_t index;
	enum err err = notice_peek(data, len, &n.head);

	if (err == ERR_OK)
		err = admit(t, now, &n.head); /* before the signature, which is dear */
	if (err == ERR_OK)
		err = notice_open(data, len, &n);
	if (err != ERR_OK)
		return err;
	index = index_of(t, &n.head.root);
	if (!has_room(t, index, &n))
		return ERR_LIMIT;
	by = index < t->issuer_count ? &t->issuers[index] : add_issuer(t, &n.head.root, false);
	if (by->number < n.head.number)
		begin_list(t, by, &n.head);
	keep_page(t, by, n.head.page, data, len);
	for (size_t i = 0; i < n.entry_count; i++)
		take_entry(t, index, &n.entries[i], n.head.number);
	if (by->held == by->pages)
		end_list(by);
	t->roots_from = INT64_MAX; /* so that they are looked at anew */
	t->roots_until = INT64_MIN;
	return ERR_OK;
}

size_t trust_heads(const struct trust *t, struct trust_head ret[TRUST_ROOTS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < t->issuer_count; i++) {
		const struct issuer *by = &t->issuers[i];

		if (by->number > 0)
			ret[count++] = (struct trust_head){by->root, by->number, by->issued};
	}
	return count;
}

bool trust_next_missing(struct trust *t, struct wall now, const struct trust_head *theirs,
                        uint16_t from, uint16_t *ret_page)
{
	size_t index = index_of(t, &theirs->root);
	const struct issuer *by = &t->issuers[index];
	uint64_t ours = index < t->issuer_count ? by->number : 0;

	if (theirs->number == 0 || theirs->number < ours)
		return false;
	if (theirs->number > ours) {
		if (from > 0 || !roots_have(trust_roots(t, now), &theirs->root))
			return false;
		*ret_page = 0;
		return true;
	}
	for (uint16_t page = from; page < by->pages; page++) {
		if (by->page_at[page] == NO_PAGE) {
			*ret_page = page;
			return true;
		}
	}
	return false;
}

const struct notice_blob *trust_page(const struct trust *t, const struct public_key *root,
                                     uint16_t page)
{
	size_t index = index_of(t, root);

	if (index == t->issuer_count || page >= t->issuers[index].pages ||
	    t->issuers[index].page_at[page] == NO_PAGE)
		return NULL;
	return &t->pages[t->issuers[index].page_at[page]].blob;
}

struct trust_counts trust_count(const struct trust *t)
{
	return (struct trust_counts){
		.roots = (uint32_t)t->issuer_count,
		.pages = t->page_count,
		.revoked = t->revoked_count,
	};
}
