#include "proto/wire/notice.h"

#include "base/bytes.h"
#include "base/util.h"
#include "proto/wire/envelope.h"
#include "proto/wire/pack.h"

#define NOTICE_VERSION 1
#define NOTICE_FIELDS 7
#define NOTICE_DOMAIN "spoor notice 1"

/* What stands behind kind and key. */
enum tail { TAIL_NONE, TAIL_SERIAL, TAIL_TIME };

static const struct kind {
	size_t fields; /* 0: no such kind */
	enum tail tail;
} kinds[] = {
	[NOTICE_REVOKE] = {3, TAIL_SERIAL},
	[NOTICE_ENDORSE] = {3, TAIL_TIME},
	[NOTICE_RETIRE] = {2, TAIL_NONE},
};

static const struct kind *kind_of(uint64_t kind)
{
	return kind < ARRAY_LEN(kinds) && kinds[kind].fields != 0 ? &kinds[kind] : NULL;
}

static bool is_sound(const struct notice_head *h)
{
	return h->number > 0 && h->pages <= NOTICE_PAGES_MAX && h->page < h->pages;
}

static void pack_entry(struct pack *p, const struct notice_entry *e)
{
	const struct kind *kind = kind_of(e->kind);

	CHECK(kind != NULL); /* notice_issue() has looked */
	pack_array(p, kind->fields);
	pack_uint(p, e->kind);
	pack_bin(p, e->key.octets, sizeof(e->key.octets));
	if (kind->tail == TAIL_SERIAL)
		pack_uint(p, e->serial);
	if (kind->tail == TAIL_TIME)
		pack_int(p, e->not_after.ms);
}

static struct notice_entry unpack_entry(struct unpack *u)
{
	struct notice_entry e = {.serial = 0};
	size_t fields = unpack_array(u);
	uint64_t number = unpack_uint(u, UINT8_MAX);
	const struct kind *kind = kind_of(number);

	unpack_fixed(u, e.key.octets, sizeof(e.key.octets));
	if (kind == NULL || fields != kind->fields) {
		u->is_wrong = true;
		return e;
	}
	e.kind = (enum notice_kind)number;
	if (kind->tail == TAIL_SERIAL)
		e.serial = unpack_uint(u, UINT64_MAX);
	if (kind->tail == TAIL_TIME)
		e.not_after.ms = unpack_int(u);
	return e;
}

static void pack_notice(struct pack *p, const struct notice *n)
{
	const struct notice_head *h = &n->head;

	pack_array(p, NOTICE_FIELDS);
	pack_uint(p, NOTICE_VERSION);
	pack_bin(p, h->root.octets, sizeof(h->root.octets));
	pack_uint(p, h->number);
	pack_uint(p, h->page);
	pack_uint(p, h->pages);
	pack_int(p, h->issued.ms);
	pack_array(p, n->entry_count);
	for (size_t i = 0; i < n->entry_count; i++)
		pack_entry(p, &n->entries[i]);
}

/* All before the entries; `u` stands at them afterwards. */
static enum err unpack_head(struct unpack *u, struct notice_head *ret)
{
	size_t fields = unpack_array(u);
	struct notice_head h;

	if (unpack_uint(u, UINT64_MAX) != NOTICE_VERSION)
		return u->is_wrong ? ERR_FORMAT : ERR_VERSION;
	unpack_fixed(u, h.root.octets, sizeof(h.root.octets));
	h.number = unpack_uint(u, UINT64_MAX);
	h.page = (uint16_t)unpack_uint(u, NOTICE_PAGES_MAX);
	h.pages = (uint16_t)unpack_uint(u, NOTICE_PAGES_MAX);
	h.issued.ms = unpack_int(u);
	if (u->is_wrong || fields != NOTICE_FIELDS || !is_sound(&h))
		return ERR_FORMAT;
	*ret = h;
	return ERR_OK;
}

static enum err unpack_notice(struct bytes body, struct notice *ret)
{
	struct unpack u = {.in = body};
	struct notice n = {.entry_count = 0};
	enum err err = unpack_head(&u, &n.head);

	if (err != ERR_OK)
		return err;
	n.entry_count = unpack_array(&u);
	if (n.entry_count > NOTICE_ENTRIES_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < n.entry_count && !u.is_wrong; i++)
		n.entries[i] = unpack_entry(&u);
	if (!unpack_done(&u))
		return ERR_FORMAT;
	*ret = n;
	return ERR_OK;
}

enum err notice_issue(const struct key_pair *root, struct notice *notice, struct notice_blob *ret)
{
	uint8_t body[NOTICE_MAX];
	struct pack p = pack_into(body, sizeof(body));

	if (!is_sound(&notice->head) || notice->entry_count > NOTICE_ENTRIES_MAX)
		return ERR_RANGE;
	for (size_t i = 0; i < notice->entry_count; i++) {
		if (kind_of(notice->entries[i].kind) == NULL)
			return ERR_RANGE;
	}
	notice->head.root = root->public;
	pack_notice(&p, notice);
	ret->len = envelope_pack(root, NOTICE_DOMAIN, &p, ret->octets, sizeof(ret->octets));
	CHECK(ret->len > 0);
	return ERR_OK;
}

enum err notice_peek(const void *data, size_t len, struct notice_head *ret)
{
	struct signature signature;
	struct unpack u = {.is_wrong = false};
	enum err err = envelope_cut(data, len, NOTICE_MAX, &u.in, &signature);

	return err == ERR_OK ? unpack_head(&u, ret) : err;
}

enum err notice_open(const void *data, size_t len, struct notice *ret)
{
	struct signature signature;
	struct notice notice;
	struct bytes body;
	enum err err = envelope_cut(data, len, NOTICE_MAX, &body, &signature);

	if (err == ERR_OK)
		err = unpack_notice(body, &notice);
	if (err == ERR_OK)
		err = verify(&notice.head.root, NOTICE_DOMAIN, body.at, bytes_left(&body),
		             &signature);
	if (err == ERR_OK)
		*ret = notice;
	return err;
}
