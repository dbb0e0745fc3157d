/* core - what the parts of the overlay share; private to this folder. */
#ifndef SPOOR_PROTO_OVERLAY_CORE_H
#define SPOOR_PROTO_OVERLAY_CORE_H

#include "proto/overlay/overlay.h"

#define BOOTSTRAPS_MAX 16
#define BUCKETS 1024
#define SEEN_MAX 4096
#define SKEW_MS 60000 /* how far members' wall clocks may disagree */
#define PARTS_MAX ((ANSWER_MAX + MESSAGE_CHUNK_MAX - 1) / MESSAGE_CHUNK_MAX)
#define CARD_OVERHEAD 24 /* octets of an endpoint and two markers beside a certificate */

/* A token bucket: `tokens` as of `at`. */
struct bucket {
	struct mono at;
	uint32_t tokens;
};

struct bucket_rate {
	uint32_t per_minute, burst;
};

struct peer { /* a member, and how we stand with it */
	struct member member;
	struct nonce nonce;    /* of our HELLO under way */
	struct mono sent;      /* when it went out */
	bool is_waiting;       /* for its WELCOME */
	bool is_listed;        /* it was asked for its members, and has not said all */
	bool is_walked;        /* for all of them; else for a few */
	struct id walked;      /* the last one it was asked after */
	struct mono asked;     /* when */
	uint8_t misses;        /* HELLOs unanswered in a row */
	struct mono next;      /* when to HELLO, or to give the present one up */
	struct mono told;      /* when it was last told all that roots have said; ms 0: never */
	struct bucket queries; /* its budget of questions */
	struct bucket traffic; /* and of datagrams */
};

struct bootstrap {
	struct endpoint endpoint;
	struct nonce nonce;
	struct mono next;
	uint8_t misses;
};

struct target {
	struct id id;
	enum target_state state;
	uint8_t tries;
	struct mono next;
};

struct ask {
	bool is_used;
	uint32_t ticket;
	struct query query;
	struct query_blob blob;
	struct box_key secret;
	struct mono until;
	struct target *targets; /* members_max of them */
	size_t target_count;
};

struct assembly { /* an answer to one of our queries, coming in parts */
	bool is_used;
	bool is_handed; /* ACT_ANSWER is out: freed at the next drain */
	uint32_t ticket;
	struct id from;
	uint32_t parts, have; /* `have` is a bit set */
	size_t len;
	uint8_t sealed[PARTS_MAX * MESSAGE_CHUNK_MAX];
	struct answer answer;
	struct cert cert;
	struct bytes plain;
};

struct serve { /* somebody's query, and our answer going out in parts */
	bool is_used;
	bool is_answered;
	uint32_t ticket;
	struct query query;
	struct id from;
	uint32_t parts, missing; /* `missing` is a bit set: not acknowledged */
	uint8_t tries;
	struct mono next, until;
	size_t len;
	uint8_t sealed[ANSWER_MAX];
};

struct seen {
	struct query_id id;
	struct id from;
	struct wall until; /* its expiry and the skew: after that it is refused as stale */
	bool is_refused;   /* and to be told so whenever it comes again */
};

struct slot { /* of the outbox */
	struct act act;
	struct assembly *assembly; /* released after the act */
	struct ask *ask;           /* likewise */
	struct id about;           /* whom the act is about; resolved when drained */
	bool is_about;
	uint8_t data[MESSAGE_MAX];
};

struct overlay {
	struct overlay_limits limits;
	struct overlay_self self;
	struct id id;
	struct overlay_random random;
	struct overlay_counters counters;
	struct seed cookie_key;
	struct trust *trust; /* whom we believe: what was pinned, and what was said since */

	struct peer *peers; /* ordered by id */
	size_t peer_count;
	struct bootstrap bootstraps[BOOTSTRAPS_MAX];
	size_t bootstrap_count;
	struct mono next_gossip;
	struct mono next_walk;          /* when somebody may be asked for all its members again */
	struct bucket buckets[BUCKETS]; /* of network prefixes that are no member's address */

	struct ask *asks;
	struct assembly *assemblies;
	struct serve *serves;
	struct seen seen[SEEN_MAX];
	uint32_t last_ticket;

	struct slot *outbox;
	size_t out_at, out_count;
	struct slot current; /* what the last overlay_next() returned */
	struct overlay_outcome *outcomes;
};

/* overlay.c: the outbox, and small services */
void send_to(struct overlay *o, const struct endpoint *to, enum message_kind kind,
             const struct body *body);
struct slot *push(struct overlay *o, enum act_kind kind, const struct id *about);
void retract(struct overlay *o, uint32_t ticket); /* acts that nobody has drained yet */
void note(struct overlay *o, const char *text, const struct id *about);
uint64_t random_below(struct overlay *o, uint64_t below);
struct nonce random_nonce(struct overlay *o);
enum err counted(uint64_t *counter, enum err err); /* counts, and hands `err` back */
bool bucket_take(struct bucket *b, struct mono now, struct bucket_rate rate);

/* Its certificate is worth nothing now: not greeted, not asked, not named to others. */
static inline bool is_out(const struct member *m)
{
	return m->state == MEMBER_EXPIRED || m->state == MEMBER_REVOKED;
}

/* members.c */
struct peer *peer_find(struct overlay *o, const struct id *id);
enum err members_greeting(struct overlay *o, struct now now, const struct endpoint *from,
                          const struct message *m);
enum err members_admit(struct overlay *o, struct now now, const struct endpoint *from,
                       const struct message *m, struct peer **ret);
enum err on_hello(struct overlay *o, struct now now, const struct endpoint *from,
                  const struct message *m, struct peer *peer);
enum err on_welcome(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer);
enum err on_confirm(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer);
enum err on_ask(struct overlay *o, struct now now, const struct endpoint *from,
                const struct message *m, struct peer *peer);
enum err on_members(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer);
void members_expire(struct overlay *o, struct now now);
struct mono members_deadline(const struct overlay *o);

/* notices.c */
enum err on_notice(struct overlay *o, struct now now, const struct endpoint *from,
                   const struct message *m, struct peer *peer);
void notices_tell(struct overlay *o, struct now now, struct peer *peer); /* all that we know */

/* ask.c: our questions */
enum err on_receipt_of_query(struct overlay *o, struct now now, const struct message *m);
enum err on_answer(struct overlay *o, struct now now, const struct endpoint *from,
                   const struct message *m, struct peer *peer);
void asks_expire(struct overlay *o, struct now now);
struct mono asks_deadline(const struct overlay *o);
void ask_release(struct ask *ask);

/* serve.c: theirs */
enum err on_query(struct overlay *o, struct now now, const struct endpoint *from,
                  const struct message *m, struct peer *peer);
enum err on_receipt(struct overlay *o, struct now now, const struct endpoint *from,
                    const struct message *m, struct peer *peer);
void serves_expire(struct overlay *o, struct now now);
struct mono serves_deadline(const struct overlay *o);

#endif
