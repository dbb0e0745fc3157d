/*
 * overlay - one node's part in the community: who the members are, our questions, theirs.
 *
 * Sans-IO. A driver brings every input (datagrams, the time, questions, answers, streams) and
 * carries out every effect. Nothing here reads a clock, opens a socket, draws randomness or
 * allocates after overlay_new(). The same inputs give the same acts, octet for octet: node/link.c
 * drives one overlay on libuv, tools/sim/ drives thousands on a virtual clock.
 *
 * A driver repeats three steps:
 *
 *	feed    overlay_datagram(), overlay_expire(), overlay_ask(), overlay_answer() ...
 *	drain   while (overlay_next(o, &act)) carry out act
 *	sleep   until overlay_deadline() or the next input, whichever comes first
 *
 * Three tables, from many to few: the *directory* holds a card of every member (roster.c, kept
 * equal by anti-entropy in sync.c); the *table* holds those we keep in touch with, at most
 * `bucket_max` for each distance (table.c); a *session* is a shared secret with one of them, or
 * with whoever has something to say to us (sessions.c). A question goes to the table, which passes
 * it on (spread.c); its receipts and answers come straight back (ask.c, serve.c).
 */
#ifndef SPOOR_PROTO_OVERLAY_OVERLAY_H
#define SPOOR_PROTO_OVERLAY_OVERLAY_H

#include "base/clock.h"
#include "base/err.h"
#include "proto/overlay/cards.h"
#include "proto/wire/answer.h"
#include "proto/wire/card.h"
#include "proto/wire/frame.h"
#include "proto/wire/notice.h"
#include "proto/wire/query.h"
#include "proto/wire/receipt.h"
#include "proto/wire/trust.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct overlay;

/* Hard bounds; all memory is taken by overlay_new(). A full table refuses, it never grows. */
struct overlay_limits {
	uint32_t members_max;  /* of the directory */
	uint16_t bucket_max;   /* members kept in touch with at each distance: Kademlia's k */
	uint16_t table_max;    /* and at all distances together */
	uint16_t sessions_max; /* at once */
	uint16_t hands_max;    /* handshakes of ours under way */
	uint16_t held_max;     /* queries alive: kept whole, to pass them on */
	uint16_t seen_max;     /* queries remembered until no copy of them could pass for fresh */
	uint16_t origins_max;  /* members whose sequence of queries is remembered */
	uint16_t copies_max;   /* copies of queries on their way, not yet acknowledged */
	uint16_t asks_max;     /* our queries under way */
	uint16_t serves_max;   /* others' queries being searched or answered */
	uint16_t streams_max;
	uint16_t outbox_max;       /* acts between two drains */
	struct trust_limits trust; /* of what roots have said */
	uint32_t answer_max;       /* octets of a sealed answer, at most ANSWER_MAX */
};

extern const struct overlay_limits overlay_limits_default;

enum overlay_mode {
	OVERLAY_RELAY,  /* our questions are passed on by whom they reach: any size of community */
	OVERLAY_DIRECT, /* we send them to every member ourselves: small ones, everybody reachable
	                 */
};

struct overlay_self {
	struct key_pair operational; /* signs queries, answers, receipts */
	struct box_key kx_secret;    /* of card.record.kx */
	struct card card;
};

/* Fills room[0..len) with octets nobody can predict. */
typedef void overlay_random_fn(void *ctx, void *room, size_t len);

struct overlay_random {
	overlay_random_fn *fill;
	void *ctx;
};

struct overlay_options {
	struct overlay_limits limits;
	struct overlay_self self; /* copied */
	struct roots roots;       /* pinned: trusted whatever others say */
	struct overlay_random random;
	struct cards *cards;    /* borrowed; outlives the overlay */
	enum overlay_mode mode; /* of our own questions */
	uint64_t sequence; /* our queries are numbered from here: what ACT_SEQUENCE said last */
};

#define MEMBER_RTT_UNKNOWN UINT32_MAX

enum member_state {
	MEMBER_KNOWN,   /* its card is here; nobody tried to reach it yet */
	MEMBER_LIVE,    /* it answered our own probe */
	MEMBER_SILENT,  /* it did not, or no longer does */
	MEMBER_EXPIRED, /* its certificate, or the record of its keys, has run out */
	MEMBER_STATE_END,
};

struct member {
	const struct card *card; /* borrowed until the next feed */
	enum member_state state;
	bool is_in_table;         /* one of those we keep in touch with */
	uint8_t distance;         /* bits its id shares with ours: the number of its bucket */
	struct endpoint endpoint; /* where it is spoken to; else the first that its record
	                           * names; port 0: none is known */
	bool is_proven;           /* a session that lives has proved `endpoint` */
	struct mono seen;         /* when it last proved to be there; ms 0: never */
	uint32_t rtt_ms;          /* MEMBER_RTT_UNKNOWN: of none yet */
	bool has_said;            /* it has sent a receipt since we started: */
	enum verdict_kind said;   /* the last one */
};

enum target_state { /* what became of our query at one member */
	            TARGET_WAITING,
	            TARGET_ANSWERED, /* a match, and its answer is here */
	            TARGET_NONE,     /* searched, nothing like it */
	            TARGET_REFUSED,
	            TARGET_BUSY,
	            TARGET_FALSE,  /* what it said did not verify */
	            TARGET_BROKEN, /* it has a match, but its answer did not arrive whole, or is of
	                              another version */
	            TARGET_SILENT,
};

struct overlay_reply { /* ACT_ANSWER */
	const struct card *card;
	const struct answer *answer;
	struct bytes evidence; /* the signed plain text, for answer_check() */
};

struct overlay_outcome { /* one member's part in ACT_FINISH */
	const struct card *card;
	enum target_state state;
};

enum act_kind {
	ACT_SEND,    /* put data[0..len) on the wire to `to` */
	ACT_SERVE,   /* `member` asks `query`; overlay_answer() or overlay_refuse() `ticket` */
	ACT_RECEIPT, /* a member's verified `receipt` for our `ticket`; `data` is the signed blob */
	ACT_ANSWER,  /* a verified `reply` to our `ticket` */
	ACT_FINISH,  /* our `ticket` is over: outcomes[0..outcome_count) */
	ACT_REMEMBER, /* keep `card` across restarts */
	ACT_FORGET, /* `card` counts no longer: it was revoked, has expired, or its root has gone */
	ACT_NOTICE, /* keep this page of a root's list (data[0..len)) across restarts */
	ACT_SEQUENCE, /* keep `number` across restarts, before any later act is carried out */
	ACT_WINDOW,   /* keep `window` across restarts; with no number: no longer */
	ACT_CONNECT,  /* open a stream (TCP) to `to`: `stream` is its name */
	ACT_WRITE,    /* put data[0..len) into `stream` */
	ACT_CLOSE,    /* `stream` is over, once everything is written */
	ACT_TELL,     /* something worth telling: `text`, and whom it is about (card, or NULL) */
};

struct window { /* the queries of one origin that are not served any more */
	struct id origin;
	uint64_t highest; /* number */
	uint64_t before;  /* bit i: highest - 1 - i is not either */
};

/* Pointers are borrowed until the next call to overlay_next(). */
struct act {
	enum act_kind kind;
	uint32_t ticket;
	struct endpoint to;
	const uint8_t *data;
	size_t len;
	const struct query *query;
	struct mono until; /* SERVE: when the query expires; an answer comes too late then */
	uint8_t hops;      /* SERVE: relays it has passed on its way to us */
	const struct receipt *receipt;
	struct overlay_reply reply;
	const struct overlay_outcome *outcomes;
	size_t outcome_count;
	const struct card *card;
	uint64_t number;
	struct window window;
	uint32_t stream;
	const char *text;
};

/* Why something that came in, or should have gone out, did not. */
/* clang-format off */
#define OVERLAY_COUNTER_MAP(X) \
	X(received)     /* datagrams fed */                                               \
	X(sent)         /* datagrams handed to the driver */                              \
	X(malformed)    /* not of ours; a datagram of another version, too */             \
	X(other_version) /* a query, receipt, answer or card of another version */        \
	X(unknown)      /* for a session we do not have */                                \
	X(unasked)      /* an answer, list or proof nobody asked for */                   \
	X(over_budget)  /* sender, its network prefix or its organisation was over budget */ \
	X(cookies)      /* handshakes told to come back with a cookie */                  \
	X(forged)       /* a tag, mac or signature that does not hold */                  \
	X(replayed)     /* a datagram or query seen before */                             \
	X(untrusted)    /* of no root we trust */                                         \
	X(revoked)      /* of a member or root that was revoked */                        \
	X(expired)      /* certificate, record or query outside its validity */           \
	X(equivocated)  /* two queries of one origin under one number */                  \
	X(far)          /* queries that had passed too many relays */                     \
	X(misplaced)    /* an address outside what its certificate allows */              \
	X(moved)        /* a session's datagram from elsewhere than its address */        \
	X(refused)      /* queries refused by policy */                                   \
	X(busy)         /* queries turned away for want of room or time */                \
	X(copies)       /* copies of queries sent */                                      \
	X(copies_lost)  /* and not acknowledged in time */                                \
	X(pulled)       /* queries that came because we asked for them */                 \
	X(widened)      /* queries passed on once more, for a wider scope */              \
	X(handshakes)   /* finished, either side's */                                     \
	X(rekeys)       /* of them, for a session that had grown old */                   \
	X(members_full) /* members not kept for want of room */                           \
	X(tables_full)  /* sessions, origins, copies or streams refused for want of room */ \
	X(outbox_full)  /* acts lost because nobody drained */
/* clang-format on */

struct overlay_counters {
#define X(name) uint64_t name;
	OVERLAY_COUNTER_MAP(X)
#undef X
};

/* NULL when out of memory. */
struct overlay *overlay_new(const struct overlay_options *options);
void overlay_free(struct overlay *o); /* NULL is fine; wipes the keys */

/* New operational keys, or a renewed certificate, of the same identity; everybody is told. */
void overlay_renew(struct overlay *o, struct now now, const struct overlay_self *self);

/* Somebody of the community may be at `endpoint`: KNOCK goes there until it answers. */
MUST_USE enum err overlay_bootstrap(struct overlay *o, struct now now,
                                    const struct endpoint *endpoint);

/* A member remembered by an earlier run. Errors: as card_open(); ERR_LIMIT when there is no room.
 */
MUST_USE enum err overlay_remember(struct overlay *o, struct now now, struct bytes cert,
                                   struct bytes record);
/* An origin's window, as an earlier run kept it. ERR_LIMIT when there is no room. */
MUST_USE enum err overlay_remember_window(struct overlay *o, const struct window *window);

/* A page of a root's list, from the operator or from disk. Errors: as trust_take(). */
MUST_USE enum err overlay_notice(struct overlay *o, struct now now, const void *data, size_t len);

/* The machine slept, or its monotonic clock jumped: sessions are dropped, everybody probed anew. */
void overlay_resume(struct overlay *o, struct now now);

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
 * ERR_EXPIRED   our own certificate or record is not valid: nobody would answer
 * ERR_DENIED    our certificate does not allow us to ask, or was revoked
 * ERR_RANGE     the fingerprint spans more than 400 days, or the volumes more than 31
 * ERR_LIMIT     too many of our queries are under way, or the fingerprint is too long
 */
MUST_USE enum err overlay_ask(struct overlay *o, struct now now, const struct question *question,
                              int64_t timeout_ms, uint32_t *ret_ticket, struct query *ret_query,
                              struct query_blob *ret_blob);

/* Drops our query: no further act names `ticket`. */
void overlay_cancel(struct overlay *o, uint32_t ticket);

/*
 * Answers an ACT_SERVE. Only one with a finding that `is_match` travels, beside its receipt.
 *
 * ERR_NOENT   its query has expired meanwhile
 * ERR_LIMIT   longer than answer_max
 */
MUST_USE enum err overlay_answer(struct overlay *o, struct now now, uint32_t ticket,
                                 const struct answer *answer, bool is_match);
/* RECEIPT_REFUSED instead, or RECEIPT_BUSY. */
void overlay_refuse(struct overlay *o, struct now now, uint32_t ticket, enum verdict_kind kind);
/*
 * What a search took, all of it, whatever came of it: answered, refused, or its query expired
 * meanwhile. Its asker's organisation has a budget of that.
 */
void overlay_spent(struct overlay *o, struct now now, const char *org, uint64_t spent_ms);

/* What became of streams: opened after ACT_CONNECT; octets that came; the end, whoever ended it. */
void overlay_opened(struct overlay *o, struct now now, uint32_t stream);
void overlay_octets(struct overlay *o, struct now now, uint32_t stream, const void *data,
                    size_t len);
void overlay_closed(struct overlay *o, struct now now, uint32_t stream);
/* Somebody opened one to us. ERR_LIMIT: too many; close it. */
MUST_USE enum err overlay_accept(struct overlay *o, struct now now, const struct endpoint *from,
                                 uint32_t *ret_stream);

/* The next act, oldest first; false when there is none left. */
bool overlay_next(struct overlay *o, struct act *ret);

/* When overlay_expire() is due; MONO_NEVER when nothing is waiting. */
struct mono overlay_deadline(const struct overlay *o);

/* Members in the order of their ids. */
size_t overlay_member_count(const struct overlay *o);
void overlay_member(const struct overlay *o, size_t i, struct member *ret);
bool overlay_member_of(const struct overlay *o, const struct id *id, struct member *ret);

size_t overlay_table_count(const struct overlay *o); /* live ones in the table */
uint64_t overlay_sum(const struct overlay *o);       /* over the directory: equal when they are */
int64_t overlay_skew_ms(const struct overlay *o); /* the community's clock less ours; 0: unknown */
/* How many clocks of living peers are known, and their median less ours. */
size_t overlay_peer_skew(const struct overlay *o, int64_t *ret_ms);
/* The newest lists of the roots that are trusted now. */
size_t overlay_lists(const struct overlay *o, struct now now,
                     struct trust_head ret[TRUST_ROOTS_MAX]);
bool overlay_holds(const struct overlay *o,
                   const struct query_id *id); /* has it heard this query? */
const struct overlay_counters *overlay_counters(const struct overlay *o);
const struct overlay_self *overlay_self(const struct overlay *o);
const struct trust *overlay_trust(const struct overlay *o);
const char *member_state_text(enum member_state state); /* "live" ... */
const char *target_state_text(enum target_state state); /* "answered" ... */

#endif
