/*
 * Who the members are. A member is met by three datagrams:
 *
 *	A: HELLO nonce a  ------------------------------>  B
 *	A  <---------------------- WELCOME echo a, nonce b :B     A knows: B is there
 *	A: CONFIRM echo b ------------------------------>  B      B knows: A is there
 *
 * B keeps nothing between WELCOME and CONFIRM: nonce b is a digest, under a key of B's own, of A's
 * id and address and of the minute. A then asks B whom it knows, and greets each of those itself:
 * no member is taken as living on another's word.
 */
#include "base/util.h"
#include "proto/overlay/core.h"

#include <string.h>

#define PING_MS 30000   /* between two proofs of life */
#define GOSSIP_MS 30000 /* between two ASKs to a member drawn at random */
#define WAIT_MS 500     /* for a WELCOME, doubled at every miss */
#define MISSES_MAX 3    /* then it is silent */
#define SILENT_MS 30000 /* between two HELLOs to a silent member, doubled up to: */
#define SILENT_MAX_MS 240000
#define BOOTSTRAP_MAX_MS 16000
#define COOKIE_MS 60000 /* it is good for one to two of these */
#define WALK_MS 5000    /* between two walks through all that some member knows */
#define AGAIN_MS 5000   /* between two HELLOs to one that others say lives */
#define SPREAD_MS 200   /* HELLOs that one list of members causes */

/* Index of the first peer whose id is not below `id`. */
static size_t lower_bound(const struct overlay *o, const struct id *id)
{
	size_t low = 0, high = o->peer_count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (memcmp(&o->peers[mid].member.id, id, sizeof(*id)) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct peer *peer_find(struct overlay *o, const struct id *id)
{
	size_t i = lower_bound(o, id);

	if (i < o->peer_count && id_equal(&o->peers[i].member.id, id))
		return &o->peers[i];
	return NULL;
}

/* A place for a member whose certificate has been checked; NULL when the table is full. */
static struct peer *insert(struct overlay *o, const struct id *id, const struct cert *cert,
                           struct bytes blob, const struct endpoint *endpoint)
{
	size_t i = lower_bound(o, id);
	struct peer *peer = &o->peers[i];

	if (o->peer_count == o->limits.members_max) {
		o->counters.members_full++;
		return NULL;
	}
	memmove(peer + 1, peer, (o->peer_count - i) * sizeof(*peer));
	o->peer_count++;
	*peer = (struct peer){.next = MONO_NEVER};
	peer->member.id = *id;
	peer->member.cert = *cert;
	peer->member.blob.len = bytes_left(&blob);
	memcpy(peer->member.blob.octets, blob.at, bytes_left(&blob));
	peer->member.endpoint = *endpoint;
	peer->member.rtt_ms = MEMBER_RTT_UNKNOWN;
	return peer;
}

static bool has_blob(const struct peer *peer, struct bytes blob)
{
	return peer->member.blob.len == bytes_left(&blob) &&
	       memcmp(peer->member.blob.octets, blob.at, bytes_left(&blob)) == 0;
}

/* A newer certificate of a member we know takes the older one's place. */
static void renew(struct overlay *o, struct peer *peer, const struct cert *cert, struct bytes blob)
{
	if (cert->not_after.ms <= peer->member.cert.not_after.ms)
		return;
	peer->member.cert = *cert;
	peer->member.blob.len = bytes_left(&blob);
	memcpy(peer->member.blob.octets, blob.at, bytes_left(&blob));
	if (is_out(&peer->member))
		peer->member.state = MEMBER_SILENT;
	if (peer->member.state != MEMBER_HEARD)
		push(o, ACT_REMEMBER, &peer->member.id);
}

/* Checks a certificate that is new to us. Its member's id, and its place if it has one already. */
static enum err check_cert(struct overlay *o, struct now now, struct bytes blob, struct cert *ret,
                           struct id *ret_id)
{
	enum err err = cert_open(blob.at, bytes_left(&blob), trust_roots(o->trust, now.wall),
	                         now.wall, ret);

	if (err == ERR_EXPIRED)
		o->counters.expired++;
	else if (err != ERR_OK)
		o->counters.untrusted++;
	else if (trust_is_revoked(o->trust, ret))
		err = counted(&o->counters.revoked, ERR_ROOT);
	else
		*ret_id = cert_id(ret);
	return err;
}

enum err members_admit(struct overlay *o, struct now now, const struct endpoint *from,
                       const struct message *m, struct peer **ret)
{
	struct peer *peer = *ret;
	struct cert cert;
	struct id id;
	enum err err;

	if (peer != NULL && has_blob(peer, m->body.cert)) {
		if (message_verify(m, &peer->member.cert.member) == ERR_OK)
			return ERR_OK;
		o->counters.forged++;
		return ERR_AUTH;
	}
	err = check_cert(o, now, m->body.cert, &cert, &id);
	if (err != ERR_OK)
		return err;
	if (!id_equal(&id, &m->sender) || message_verify(m, &cert.member) != ERR_OK) {
		o->counters.forged++;
		return ERR_AUTH;
	}
	if (peer != NULL) {
		renew(o, peer, &cert, m->body.cert);
		return ERR_OK;
	}
	*ret = insert(o, &id, &cert, m->body.cert, from);
	return *ret != NULL ? ERR_OK : ERR_LIMIT;
}

static void hello(struct overlay *o, const struct endpoint *to, const struct nonce *nonce)
{
	struct body body = {
		.nonce = *nonce,
		.cert = bytes_of(o->self.blob.octets, o->self.blob.len),
	};

	send_to(o, to, MESSAGE_HELLO, &body);
}

/* Binds a nonce to who asks, from where and when, with nothing kept. */
static struct nonce cookie(const struct overlay *o, const struct id *id,
                           const struct endpoint *from, uint64_t period)
{
	uint8_t room[sizeof(o->cookie_key) + sizeof(*id) + sizeof(from->addr) + 2 + 8];
	struct octets out = octets_of(room, sizeof(room));
	struct nonce nonce;
	struct id whole;

	octets_put(&out, o->cookie_key.octets, sizeof(o->cookie_key.octets));
	octets_put(&out, id->octets, sizeof(id->octets));
	octets_put(&out, from->addr.octets, sizeof(from->addr.octets));
	octets_uint(&out, from->port, 2);
	octets_uint(&out, period, 8);
	whole = digest("spoor cookie 1", room, octets_len(&out));
	memcpy(nonce.octets, whole.octets, sizeof(nonce.octets));
	return nonce;
}

/*
 * Its answer also shows that our CONFIRM arrived. Without one, the next HELLO comes early, and
 * after its WELCOME both are sent again.
 */
static void ask_for_members(struct overlay *o, struct now now, struct peer *peer,
                            const struct id *after)
{
	struct body body = {.after = *after};

	peer->is_listed = true;
	peer->walked = *after;
	peer->asked = now.mono;
	peer->next = mono_after(now.mono, 2 * WAIT_MS);
	send_to(o, &peer->member.endpoint, MESSAGE_ASK, &body);
}

/*
 * For all its members, if nobody has been asked for all of late; else for a few, from a place drawn
 * at random. When many meet at once, each asking each for everybody would cost the cube of their
 * number.
 */
static void list_members(struct overlay *o, struct now now, struct peer *peer)
{
	struct id after = {.octets = {0}};

	peer->is_walked = mono_reached(now.mono, o->next_walk);
	if (peer->is_walked)
		o->next_walk = mono_after(now.mono, WALK_MS);
	else
		o->random.fill(o->random.ctx, after.octets, sizeof(after.octets));
	ask_for_members(o, now, peer, &after);
}

static struct mono next_ping(struct overlay *o, struct now now)
{
	return mono_after(now.mono, PING_MS + random_below(o, PING_MS / 4));
}

static uint32_t since(struct now now, struct mono then)
{
	return (uint32_t)MIN(now.mono.ms - then.ms, MEMBER_RTT_UNKNOWN - 1);
}

/* It has proved to be at `from`. */
static void is_live(struct overlay *o, struct now now, struct peer *peer,
                    const struct endpoint *from)
{
	bool is_news = peer->member.state != MEMBER_LIVE;
	bool is_moved = !endpoint_equal(&peer->member.endpoint, from);

	peer->member.state = MEMBER_LIVE;
	peer->member.endpoint = *from;
	peer->member.seen = now.mono;
	peer->misses = 0;
	peer->is_waiting = false;
	peer->next = next_ping(o, now);
	if (is_news || is_moved)
		push(o, ACT_REMEMBER, &peer->member.id);
	if (is_news) {
		note(o, "member is live", &peer->member.id);
		notices_tell(o, now, peer);
		list_members(o, now, peer);
	} else if (peer->is_listed) {
		ask_for_members(o, now, peer, &peer->walked); /* on from where it was lost */
	}
	if (o->next_gossip.ms == MONO_NEVER.ms)
		o->next_gossip = mono_after(now.mono, GOSSIP_MS + random_below(o, GOSSIP_MS));
}

enum err on_hello(struct overlay *o, struct now now, const struct endpoint *from,
                  const struct message *m, struct peer *peer)
{
	struct body body = {
		.echo = m->body.nonce,
		.nonce = cookie(o, &peer->member.id, from, now.mono.ms / COOKIE_MS),
		.cert = bytes_of(o->self.blob.octets, o->self.blob.len),
		.observed = *from,
	};

	send_to(o, from, MESSAGE_WELCOME, &body);
	return ERR_OK;
}

/* Our HELLO to a bootstrap address was not to anybody by name. */
static bool is_bootstrap_echo(struct overlay *o, const struct message *m,
                              const struct endpoint *from)
{
	for (size_t i = 0; i < o->bootstrap_count; i++) {
		struct bootstrap *b = &o->bootstraps[i];

		if (endpoint_equal(&b->endpoint, from) && nonce_equal(&b->nonce, &m->body.echo)) {
			b->misses = 0;
			b->next = MONO_NEVER;
			return true;
		}
	}
	return false;
}

enum err on_welcome(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer)
{
	struct body body = {.echo = m->body.nonce};
	bool is_ours = peer->is_waiting && nonce_equal(&peer->nonce, &m->body.echo) &&
	               endpoint_equal(&peer->member.endpoint, from); /* where our HELLO went */

	if (!cert_allows(&peer->member.cert, &from->addr))
		return counted(&o->counters.misplaced, ERR_DENIED);
	if (!is_ours && !is_bootstrap_echo(o, m, from)) {
		o->counters.unasked++;
		return ERR_STALE;
	}
	if (is_ours)
		peer->member.rtt_ms = since(now, peer->sent);
	send_to(o, from, MESSAGE_CONFIRM, &body);
	is_live(o, now, peer, from);
	return ERR_OK;
}

enum err on_confirm(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer)
{
	uint64_t period = now.mono.ms / COOKIE_MS;
	struct nonce latest = cookie(o, &peer->member.id, from, period);
	struct nonce before = cookie(o, &peer->member.id, from, period - 1);

	if (!nonce_equal(&latest, &m->body.echo) && !nonce_equal(&before, &m->body.echo)) {
		o->counters.unasked++;
		return ERR_STALE;
	}
	/* Proved, but not where its root says that it lives: nothing is ever sent there. */
	if (!cert_allows(&peer->member.cert, &from->addr))
		return counted(&o->counters.misplaced, ERR_DENIED);
	is_live(o, now, peer, from);
	return ERR_OK;
}

/* Those that live, after the id named, as many as a datagram holds. */
enum err on_ask(struct overlay *o, struct now now, const struct endpoint *from,
                const struct message *m, struct peer *peer)
{
	struct body body = {.after = m->body.after};
	size_t room = MESSAGE_MAX - MESSAGE_OVERHEAD - 48;

	notices_tell(o, now, peer);
	for (size_t i = lower_bound(o, &m->body.after); i < o->peer_count; i++) {
		const struct member *member = &o->peers[i].member;

		if (member->state != MEMBER_LIVE || id_equal(&member->id, &m->body.after) ||
		    id_equal(&member->id, &m->sender))
			continue;
		if (body.card_count == MESSAGE_CARDS_MAX ||
		    member->blob.len + CARD_OVERHEAD > room) {
			body.has_more = true;
			break;
		}
		room -= member->blob.len + CARD_OVERHEAD;
		body.after = member->id;
		body.cards[body.card_count++] = (struct card){
			.endpoint = member->endpoint,
			.cert = bytes_of(member->blob.octets, member->blob.len),
		};
	}
	send_to(o, from, MESSAGE_MEMBERS, &body);
	return ERR_OK;
}

static struct peer *peer_of_blob(struct overlay *o, struct bytes blob)
{
	for (size_t i = 0; i < o->peer_count; i++) {
		if (has_blob(&o->peers[i], blob))
			return &o->peers[i];
	}
	return NULL;
}

/* There is reason to think that it is there: greet it soon, unless we have just tried. */
static bool greet_soon(struct overlay *o, struct now now, struct peer *peer)
{
	if (peer->sent.ms != 0 && now.mono.ms - peer->sent.ms < AGAIN_MS)
		return false;
	peer->next = mono_earlier(peer->next, mono_after(now.mono, random_below(o, SPREAD_MS)));
	return true;
}

/* A member named by another as living: to be greeted soon, not all at once. */
static void heard(struct overlay *o, struct now now, const struct card *card)
{
	struct peer *peer = peer_of_blob(o, card->cert);
	struct cert cert;
	struct id id;

	if (peer == NULL) {
		if (check_cert(o, now, card->cert, &cert, &id) != ERR_OK || id_equal(&id, &o->id))
			return;
		peer = peer_find(o, &id);
		if (peer != NULL)
			renew(o, peer, &cert, card->cert);
		else
			peer = insert(o, &id, &cert, card->cert, &card->endpoint);
	}
	if (peer == NULL || peer->member.state == MEMBER_LIVE || is_out(&peer->member))
		return;
	if (greet_soon(o, now, peer) && peer->member.state == MEMBER_HEARD)
		peer->member.endpoint = card->endpoint; /* as good as where we tried before */
}

enum err on_members(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer)
{
	struct id sender = m->sender;

	(void)from;
	if (!peer->is_listed) {
		o->counters.unasked++;
		return ERR_STALE;
	}
	peer->is_listed = false;
	peer->member.rtt_ms = since(now, peer->asked);
	for (size_t i = 0; i < m->body.card_count; i++)
		heard(o, now, &m->body.cards[i]);
	peer = peer_find(o, &sender); /* inserting moves the table */
	CHECK(peer != NULL);
	peer->next = next_ping(o, now);
	if (m->body.has_more && peer->is_walked)
		ask_for_members(o, now, peer, &m->body.after);
	return ERR_OK;
}

enum err overlay_bootstrap(struct overlay *o, struct now now, const struct endpoint *endpoint)
{
	if (o->bootstrap_count == BOOTSTRAPS_MAX)
		return ERR_LIMIT;
	o->bootstraps[o->bootstrap_count++] =
		(struct bootstrap){.endpoint = *endpoint, .next = now.mono};
	return ERR_OK;
}

enum err overlay_remember(struct overlay *o, struct now now, const struct endpoint *endpoint,
                          const void *cert, size_t len)
{
	struct bytes blob = bytes_of(cert, len);
	struct cert opened;
	struct peer *peer;
	struct id id;
	enum err err = check_cert(o, now, blob, &opened, &id);

	if (err != ERR_OK || id_equal(&id, &o->id) || peer_find(o, &id) != NULL)
		return err;
	peer = insert(o, &id, &opened, blob, endpoint);
	if (peer == NULL)
		return ERR_LIMIT;
	peer->next = mono_after(now.mono, random_below(o, SPREAD_MS));
	return ERR_OK;
}

static void missed(struct overlay *o, struct peer *peer)
{
	peer->is_waiting = false;
	if (peer->misses < UINT8_MAX)
		peer->misses++;
	if (peer->misses >= MISSES_MAX && peer->member.state == MEMBER_LIVE) {
		peer->member.state = MEMBER_SILENT;
		note(o, "member is silent", &peer->member.id);
	}
}

/* How long to wait for an answer, or, once silent, before the next try. */
static uint64_t patience(const struct peer *peer)
{
	unsigned over = peer->misses < MISSES_MAX ? peer->misses : peer->misses - MISSES_MAX;

	if (peer->misses < MISSES_MAX)
		return (uint64_t)WAIT_MS << over;
	return MIN((uint64_t)SILENT_MS << MIN(over, 3), SILENT_MAX_MS);
}

static void peer_expire(struct overlay *o, struct now now, struct peer *peer)
{
	if (now.wall.ms > peer->member.cert.not_after.ms) {
		if (peer->member.state != MEMBER_EXPIRED)
			note(o, "member's certificate has expired", &peer->member.id);
		peer->member.state = MEMBER_EXPIRED;
		peer->next = MONO_NEVER;
		return;
	}
	if (peer->is_waiting)
		missed(o, peer);
	peer->nonce = random_nonce(o);
	peer->sent = now.mono;
	peer->is_waiting = true;
	peer->next = mono_after(now.mono, patience(peer));
	hello(o, &peer->member.endpoint, &peer->nonce);
}

static void bootstrap_expire(struct overlay *o, struct now now, struct bootstrap *b)
{
	uint64_t wait_ms = MIN((uint64_t)WAIT_MS << MIN(b->misses, 5), BOOTSTRAP_MAX_MS);

	b->nonce = random_nonce(o);
	b->next = mono_after(now.mono, wait_ms + random_below(o, wait_ms / 4));
	if (b->misses < UINT8_MAX)
		b->misses++;
	hello(o, &b->endpoint, &b->nonce);
}

/* Nobody lives: the addresses we began with are all there is to try again. */
static void restart_bootstraps(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->peer_count; i++) {
		if (o->peers[i].member.state == MEMBER_LIVE)
			return;
	}
	for (size_t i = 0; i < o->bootstrap_count; i++) {
		if (o->bootstraps[i].next.ms == MONO_NEVER.ms)
			o->bootstraps[i].next = now.mono;
	}
}

/*
 * From one member drawn at random: whoever joined behind our back becomes known. And one of the
 * silent is tried: when a network that fell apart is whole again, the first two to meet tell each
 * other of all the rest.
 */
static void gossip(struct overlay *o, struct now now)
{
	struct peer *peer;
	size_t from;

	o->next_gossip = mono_after(now.mono, GOSSIP_MS + random_below(o, GOSSIP_MS));
	restart_bootstraps(o, now);
	if (o->peer_count == 0)
		return;
	peer = &o->peers[random_below(o, o->peer_count)];
	if (peer->member.state == MEMBER_LIVE)
		list_members(o, now, peer);
	from = random_below(o, o->peer_count);
	for (size_t i = 0; i < o->peer_count; i++) {
		peer = &o->peers[(from + i) % o->peer_count];
		if (peer->member.state != MEMBER_SILENT)
			continue;
		greet_soon(o, now, peer);
		return;
	}
}

void members_expire(struct overlay *o, struct now now)
{
	for (size_t i = 0; i < o->bootstrap_count; i++) {
		if (mono_reached(now.mono, o->bootstraps[i].next))
			bootstrap_expire(o, now, &o->bootstraps[i]);
	}
	for (size_t i = 0; i < o->peer_count; i++) {
		if (mono_reached(now.mono, o->peers[i].next))
			peer_expire(o, now, &o->peers[i]);
	}
	if (mono_reached(now.mono, o->next_gossip))
		gossip(o, now);
}

struct mono members_deadline(const struct overlay *o)
{
	struct mono deadline = o->next_gossip;

	for (size_t i = 0; i < o->bootstrap_count; i++)
		deadline = mono_earlier(deadline, o->bootstraps[i].next);
	for (size_t i = 0; i < o->peer_count; i++)
		deadline = mono_earlier(deadline, o->peers[i].next);
	return deadline;
}
