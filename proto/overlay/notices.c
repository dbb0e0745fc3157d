/*
 * What roots say after they have signed: whom they revoke, which other roots they endorse or
 * retire. A page is good whoever brings it, since its root has signed it, and takes effect at once.
 * Who hears one that is new to it passes it on to some neighbours; and every PING and PONG names
 * the newest lists that its sender knows, so that who was away asks for what it lacks. A page that
 * got lost is missed soon: after news all neighbours have a PING.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define PASS_ON_TO 8
#define LACKS_AT_ONCE 4 /* pages asked for at once */
#define PINGS_MS 2000   /* after news, in which all neighbours have a PING */

/* Whose certificate holds no longer is not spoken to again, and its questions die here. */
static void obey(struct overlay *o, struct now now)
{
	roster_purge(o, now);
	spread_purge(o);
	if (trust_is_revoked(o->trust, &o->self.card.cert))
		tell(o, "our own certificate was revoked", NULL);
}

/* To some of the table, each as likely as the others; not back to who brought it. */
static void pass_on(struct overlay *o, struct now now, struct bytes page, const struct id *from)
{
	size_t left = o->live_count, wanted = PASS_ON_TO;
	struct frame f;

	f.kind = FRAME_NOTICE;
	f.blob = page;
	for (size_t i = 0; i < o->limits.table_max && wanted > 0; i++) {
		const struct contact *c = &o->contacts[i];

		if (c->state != CONTACT_LIVE || random_below(o, left--) >= wanted)
			continue;
		wanted--;
		if (from == NULL || !id_equal(&c->held->card.id, from))
			say(o, now, c->held, &f);
	}
}

enum err notice_take(struct overlay *o, struct now now, struct bytes page, const struct id *from)
{
	size_t len = bytes_left(&page);
	enum err err = trust_apply(o->trust, common_wall(o, now), page.at, len);
	struct slot *slot;

	if (err == ERR_AUTH || err == ERR_FORMAT || err == ERR_VERSION)
		o->counters.forged++;
	else if (err == ERR_ROOT)
		o->counters.untrusted++;
	if (err != ERR_OK)
		return err;
	slot = push(o, ACT_NOTICE, NULL);
	if (slot != NULL) {
		slot->act.len = len;
		memcpy(slot->data, page.at, len);
	}
	obey(o, now);
	pass_on(o, now, page, from);
	table_hurry(o, now, PINGS_MS);
	return ERR_OK;
}

enum err overlay_notice(struct overlay *o, struct now now, const void *data, size_t len)
{
	return notice_take(o, now, bytes_of(data, len), NULL);
}

static void ask_for(struct overlay *o, struct now now, struct session *s,
                    const struct trust_head *theirs, uint16_t from)
{
	struct frame f;
	uint16_t page;

	for (int i = 0; i < LACKS_AT_ONCE; i++) {
		if (!trust_next_missing(o->trust, common_wall(o, now), theirs, from, &page))
			return;
		f.kind = FRAME_LACK;
		f.root = theirs->root;
		f.number = theirs->number;
		f.page = (uint8_t)page;
		say_in(o, now, s, &f);
		from = (uint16_t)(page + 1);
	}
}

void notice_heads(struct overlay *o, struct now now, struct session *s,
                  const struct frame_state *theirs)
{
	struct roots roots = *trust_roots(o->trust, common_wall(o, now));

	for (size_t i = 0; i < theirs->head_count; i++) {
		for (size_t j = 0; j < roots.count; j++) {
			struct trust_head head = {roots.keys[j], theirs->heads[i].number, {0}};

			if (short_id_equal(short_id_of(roots.keys[j].octets),
			                   theirs->heads[i].root))
				ask_for(o, now, s, &head, 0);
		}
	}
}

enum err on_lack(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	const struct notice_blob *page = trust_page(o->trust, &f->root, f->page);
	struct frame notice;

	if (page == NULL)
		return ERR_NOENT;
	if (!may_send(o, now, s))
		return ERR_LIMIT;
	notice.kind = FRAME_NOTICE;
	notice.blob = bytes_of(page->octets, page->len);
	say_in(o, now, s, &notice);
	return ERR_OK;
}

/* One may bring news of its own sender: the session is looked for again. */
enum err on_notice(struct overlay *o, struct now now, struct session *s, const struct frame *f)
{
	struct id from = s->held->card.id;
	struct notice_head head;
	enum err err;

	if (!may_check(o, now, &s->checks, 1))
		return ERR_LIMIT;
	err = notice_take(o, now, f->blob, &from);
	s = session_live(o, &from);
	if (err != ERR_OK || s == NULL)
		return err;
	if (notice_peek(f->blob.at, bytes_left(&f->blob), &head) == ERR_OK) {
		struct trust_head theirs = {head.root, head.number, head.issued};

		ask_for(o, now, s, &theirs, (uint16_t)(head.page + 1));
	}
	return ERR_OK;
}

const struct trust *overlay_trust(const struct overlay *o)
{
	return o->trust;
}

size_t overlay_lists(const struct overlay *o, struct now now,
                     struct trust_head ret[TRUST_ROOTS_MAX])
{
	const struct roots *trusted = trust_roots(o->trust, common_wall(o, now));
	size_t known = trust_heads(o->trust, ret), count = 0;

	for (size_t i = 0; i < known; i++) {
		if (roots_have(trusted, &ret[i].root))
			ret[count++] = ret[i];
	}
	return count;
}
