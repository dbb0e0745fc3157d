/*
 * What roots say after they have signed: whom they revoke, which other roots they endorse or
 * retire. A page is good whoever brings it, since its root has signed it, and takes effect at once.
 * Whoever hears one that is new to it tells all members that live; whoever meets a member tells it
 * all. So everybody hears within two steps, and a network that was divided as soon as it is whole.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define TELL_MS 2000 /* between two times that a member is told all */

static void say(struct overlay *o, const struct peer *peer, const void *page, size_t len)
{
	struct body body = {.page = bytes_of(page, len)};

	send_to(o, &peer->member.endpoint, MESSAGE_NOTICE, &body);
}

/* Also of who asks for members: it may have been away, and we not have noticed. */
void notices_tell(struct overlay *o, struct now now, struct peer *peer)
{
	struct trust_head heads[TRUST_ROOTS_MAX];
	size_t count = trust_heads(o->trust, heads);

	if (peer->told.ms != 0 && now.mono.ms - peer->told.ms < TELL_MS)
		return;
	peer->told.ms = MAX(now.mono.ms, 1);
	for (size_t i = 0; i < count; i++) {
		for (uint16_t page = 0; page < NOTICE_PAGES_MAX; page++) {
			const struct notice_blob *blob = trust_page(o->trust, &heads[i].root, page);

			if (blob != NULL)
				say(o, peer, blob->octets, blob->len);
		}
	}
}

/* Members whose certificates hold no longer are not spoken to again, and not listened to. */
static void purge(struct overlay *o)
{
	for (size_t i = 0; i < o->peer_count; i++) {
		struct peer *peer = &o->peers[i];

		if (!trust_is_revoked(o->trust, &peer->member.cert) ||
		    peer->member.state == MEMBER_REVOKED)
			continue;
		peer->member.state = MEMBER_REVOKED;
		peer->is_waiting = peer->is_listed = false;
		peer->next = MONO_NEVER;
		note(o, "member was revoked", &peer->member.id);
	}
	if (trust_is_revoked(o->trust, &o->self.cert))
		note(o, "our own certificate was revoked", NULL);
}

static enum err take(struct overlay *o, struct now now, const void *page, size_t len,
                     const struct id *from)
{
	enum err err = trust_apply(o->trust, now.wall, page, len);

	if (err != ERR_OK)
		return err;
	purge(o);
	for (size_t i = 0; i < o->peer_count; i++) {
		const struct peer *peer = &o->peers[i];

		if (peer->member.state == MEMBER_LIVE &&
		    (from == NULL || !id_equal(&peer->member.id, from)))
			say(o, peer, page, len);
	}
	return ERR_OK;
}

enum err overlay_notice(struct overlay *o, struct now now, const void *data, size_t len)
{
	return take(o, now, data, len, NULL);
}

enum err on_notice(struct overlay *o, struct now now, const struct endpoint *from,
                   const struct message *m, struct peer *peer)
{
	enum err err = take(o, now, m->body.page.at, bytes_left(&m->body.page), &m->sender);

	(void)from;
	(void)peer;
	if (err == ERR_AUTH || err == ERR_FORMAT)
		o->counters.forged++;
	else if (err == ERR_ROOT)
		o->counters.untrusted++;
	return err;
}
