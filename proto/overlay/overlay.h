/*
 * overlay - one node's part in the network: who the members are, our questions, theirs.
 *
 * Sans-IO. A driver brings every input (datagrams, the time, questions, answers) and carries out
 * every effect. Nothing here reads a clock, opens a socket, draws randomness or allocates after
 * overlay_new(). The same inputs give the same acts, octet for octet: node/link.c drives one
 * overlay on libuv, tools/sim/ drives many on a virtual clock.
 *
 * A driver repeats three steps:
 *
 *	feed    overlay_datagram(), overlay_expire(), overlay_ask(), overlay_answer() ...
 *	drain   while (overlay_next(o, &act)) carry out act
 *	sleep   until overlay_deadline() or the next input, whichever comes first
 *
 * A query goes to every member known (direct mode). Nothing goes to an address that has not proved
 * that it is there, but a HELLO, ever more rarely, and a WELCOME no longer than the HELLO that
 * it answers.
 */
#ifndef SPOOR_PROTO_OVERLAY_OVERLAY_H
#define SPOOR_PROTO_OVERLAY_OVERLAY_H

#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/answer.h"
#include "proto/wire/cert.h"
#include "proto/wire/message.h"
#include "proto/wire/query.h"
#include "proto/wire/trust.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct overlay;

/* Hard bounds; all memory is taken by overlay_new(). A full table refuses, it never grows. */
struct overlay_limits {
	uint16_t members_max;
	uint16_t asks_max;    /* our queries under way */
	uint16_t answers_max; /* answers being put together at once */
	uint16_t serves_max;  /* others' queries under way or being answered */
	uint16_t outbox_max;  /* acts between two drains */
	struct trust_limits trust;
};

extern const struct overlay_limits overlay_limits_default;

struct overlay_self {
	struct key_pair pair;
	struct cert cert; /* of `blob` */
	struct cert_blob blob;
	struct roots roots;
};

/* Fills room[0..len) with octets nobody can predict. */
typedef void overlay_random_fn(void *ctx, void *room, size_t len);

struct overlay_random {
	overlay_random_fn *fill;
	void *ctx;
};

#define MEMBER_RTT_UNKNOWN UINT32_MAX

enum member_state {
	MEMBER_HEARD,   /* another member named it; not met */
	MEMBER_LIVE,    /* it answers at its endpoint */
	MEMBER_SILENT,  /* it did, and no longer does */
	MEMBER_EXPIRED, /* its certificate has run out */
	MEMBER_REVOKED, /* its root has taken it back */
	MEMBER_STATE_END,
};

struct member {
	struct id id;
	struct cert cert;
	struct cert_blob blob;
	struct endpoint endpoint; /* proved, once it has been LIVE */
	enum member_state state;
	struct mono seen; /* when it last proved to be there; ms 0: never */
	uint32_t rtt_ms;  /* of the last HELLO or ASK; MEMBER_RTT_UNKNOWN: of none yet */
};

enum target_state { /* what became of our query at one member */
	            TARGET_WAITING,
	            TARGET_WORKING,
	            TARGET_ANSWERED,
	            TARGET_REFUSED,
	            TARGET_BUSY,
	            TARGET_UNWANTED, /* it says the query, or our certificate, does not hold */
	            TARGET_FALSE,    /* its answer did not verify */
	            TARGET_SILENT,
};

struct overlay_reply { /* ACT_ANSWER */
	const struct member *member;
	const struct answer *answer;
	struct bytes evidence; /* the signed plain text, for answer_check() */
};

struct overlay_outcome { /* one member's part in ACT_FINISH */
	const struct member *member;
	enum target_state state;
};

enum act_kind {
	ACT_SEND,     /* put data[0..len) on the wire to `to` */
	ACT_SERVE,    /* a member asks `query`; overlay_answer() or overlay_refuse() `ticket` */
	ACT_ANSWER,   /* a verified `reply` to our `ticket` */
	ACT_FINISH,   /* our `ticket` is over: outcomes[0..outcome_count) */
	ACT_REMEMBER, /* keep `member` across restarts */
	ACT_NOTE,     /* something worth telling: `text`, and whom it is about (or NULL) */
};

/* Pointers are borrowed until the next call to overlay_next(). */
struct act {
	enum act_kind kind;
	uint32_t ticket;
	struct endpoint to;
	const uint8_t *data;
	size_t len;
	const struct query *query;
	struct overlay_reply reply;
	const struct overlay_outcome *outcomes;
	size_t outcome_count;
	const struct member *member;
	const char *text;
};

/* Why something that came in, or should have gone out, did not. */
/* clang-format off */
#define OVERLAY_COUNTER_MAP(X) \
	X(received)       /* datagrams fed */                                     \
	X(sent)           /* datagrams handed to the driver */                    \
	X(malformed)      /* not a message of ours, or of another version */      \
	X(over_budget)    /* sender, or its network prefix, was over its budget */\
	X(unknown)        /* from a member we do not know */                      \
	X(untrusted)      /* certificate of no root we trust, or forged */        \
	X(expired)        /* certificate outside its validity */                  \
	X(revoked)        /* of a member that was revoked, or of a root that was */ \
	X(misplaced)      /* an address outside its certificate's prefixes */     \
	X(forged)         /* signature does not verify */                         \
	X(unasked)        /* an answer, list or proof nobody asked for */         \
	X(stale)          /* query expired, or seen before */                     \
	X(refused)        /* queries refused by policy */                         \
	X(busy)           /* queries turned away for want of room */              \
	X(members_full)   /* members not kept for want of room */                 \
	X(outbox_full)    /* acts lost because nobody drained */
/* clang-format on */

struct overlay_counters {
#define X(name) uint64_t name;
	OVERLAY_COUNTER_MAP(X)
#undef X
};

/* `self` is copied. NULL when out of memory. */
struct overlay *overlay_new(const struct overlay_limits *limits, const struct overlay_self *self,
                            struct overlay_random random);
void overlay_free(struct overlay *o); /* NULL is fine; wipes the keys */

/* Somebody of the community may be at `endpoint`: HELLO goes there until it answers. */
MUST_USE enum err overlay_bootstrap(struct overlay *o, struct now now,
                                    const struct endpoint *endpoint);

/* A member remembered by an earlier run. ERR_EXPIRED, ERR_ROOT, ...: as cert_open(). */
MUST_USE enum err overlay_remember(struct overlay *o, struct now now,
                                   const struct endpoint *endpoint, const void *cert, size_t len);

/*
 * A page of a root's list (notice.h), from its holder: it takes effect here, and every member that
 * lives, or that we meet later, is told. Errors: as trust_apply(); ERR_STALE: known already.
 */
MUST_USE enum err overlay_notice(struct overlay *o, struct now now, const void *data, size_t len);

/*
 * A datagram has come `from` somewhere. `data` is copied where it is kept. What is wrong with it is
 * counted; the error returned is news for a log, nothing else.
 */
enum err overlay_datagram(struct overlay *o, struct now now, const struct endpoint *from,
                          const void *data, size_t len);

/* The deadline has passed. Early and repeated calls are harmless. */
void overlay_expire(struct overlay *o, struct now now);

/*
 * Asks every member, for at most `timeout_ms`; `ret_query` is what was signed.
 *
 * ERR_EXPIRED   our own certificate is not valid: nobody would answer
 * ERR_DENIED    our own certificate does not allow us to ask
 * ERR_RANGE     the fingerprint spans more than 400 days
 * ERR_LIMIT     too many of our queries are under way, or the fingerprint is too long
 */
MUST_USE enum err overlay_ask(struct overlay *o, struct now now, const struct question *question,
                              int64_t timeout_ms, uint32_t *ret_ticket, struct query *ret_query,
                              struct query_blob *ret_blob);

/* Drops our query: no further act names `ticket`. */
void overlay_cancel(struct overlay *o, uint32_t ticket);

/* Answers an ACT_SERVE. ERR_NOENT: its query has expired meanwhile. ERR_LIMIT: too long. */
MUST_USE enum err overlay_answer(struct overlay *o, struct now now, uint32_t ticket,
                                 const struct answer *answer);
/* RECEIPT_REFUSED instead, or RECEIPT_BUSY: the query may then come again as another ACT_SERVE. */
void overlay_refuse(struct overlay *o, struct now now, uint32_t ticket, enum receipt_status status);

/* The next act, oldest first; false when there is none left. */
bool overlay_next(struct overlay *o, struct act *ret);

/* When overlay_expire() is due; MONO_NEVER when nothing is waiting. */
struct mono overlay_deadline(const struct overlay *o);

/* Members in the order of their ids; borrowed until the next feed. */
size_t overlay_member_count(const struct overlay *o);
const struct member *overlay_member(const struct overlay *o, size_t i);

const struct overlay_counters *overlay_counters(const struct overlay *o);
const struct id *overlay_id(const struct overlay *o);
const char *member_state_text(enum member_state state); /* "live" ... */
const char *target_state_text(enum target_state state); /* "answered" ... */

#endif
