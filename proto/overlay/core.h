/* core - what the parts of the overlay share; private to this folder. */
#ifndef SPOOR_PROTO_OVERLAY_CORE_H
#define SPOOR_PROTO_OVERLAY_CORE_H

#include "proto/overlay/budget.h"
#include "proto/overlay/overlay.h"
#include "proto/overlay/tap.h"
#include "proto/wire/channel.h"
#include "proto/wire/cookie.h"
#include "proto/wire/hand.h"
#include "proto/wire/knock.h"
#include "proto/wire/packet.h"
#include "proto/wire/transport.h"

#define BOOTSTRAPS_MAX 16
#define SKEW_MS 60000     /* how far a member's clock may be off, once the community's is known */
#define HOPS_MAX 12       /* relays that a query may pass */
#define NOBODY UINT16_MAX /* no index */
#define SEEN_SLACK_MS 180000 /* after its expiry, before a question is forgotten */
#define DEFERRED_MAX 64
#define DEPTH_NONE 257 /* deeper than any bucket: nothing was passed on yet */

/*
 * The tests build the overlay with one rule broken, to see that the simulator notices. Nothing else
 * defines OVERLAY_BROKEN.
 */
enum rule {
	RULE_NONE,
	RULE_PROOF,   /* no octet more to an unproven address than came from there */
	RULE_EXPIRY,  /* an expired query is not passed on */
	RULE_ONCE,    /* a query is passed on once at each depth */
	RULE_NUMBER,  /* a query's number is good for one query, restarts or not */
	RULE_PLACE,   /* receipts go only where the asker's certificate allows */
	RULE_REVOKED, /* a revoked member is not listened to */
	RULE_SEAL,    /* an answer's signature is checked before it is believed */
};
#ifndef OVERLAY_BROKEN
#	define OVERLAY_BROKEN RULE_NONE
#endif
#define HOLDS(rule) (OVERLAY_BROKEN != (rule))

struct seat { /* a member in the directory: many are kept, so it is small */
	const struct held_card *held;
	uint32_t tried_s; /* when it was last tried to be reached; monotonic */
	/* When it last proved to be there, after our start, and 1; 0: never. Stands still after 728
	 * days without a restart. */
	uint32_t seen_min : 20;
	uint32_t state : 4;  /* enum member_state */
	uint32_t said : 4;   /* its last receipt's enum verdict_kind and 1; 0: none */
	uint32_t misses : 4; /* tries in vain, in a row: seat_missed() */
};
#define SEEN_MIN_MAX ((1u << 20) - 1)
#define SEAT_MISSES_MAX 15

struct kinds { /* hashes of what a bucket should not have too much of the same of */
	uint64_t prefix, org, root;
};

enum contact_state { CONTACT_FREE, CONTACT_PROBED, CONTACT_LIVE };

struct contact { /* a member in the table */
	enum contact_state state;
	uint16_t bucket; /* bits its id shares with ours */
	uint16_t chain;  /* the next of the same hash; NOBODY: none */
	const struct held_card *held;
	struct mono next;   /* when to PING it, or to give the PING under way up */
	bool is_waiting;    /* for a PONG */
	uint8_t misses;     /* PINGs in vain, in a row */
	uint64_t nonce;     /* of the PING under way */
	struct mono sent;   /* when it went */
	struct mono seen;   /* when the last PONG came; ms 0: never */
	struct mono synced; /* when directories were last compared */
	uint32_t rtt_ms;    /* smoothed; MEMBER_RTT_UNKNOWN */
	int64_t skew_ms;    /* its clock less ours */
	struct kinds kinds;
	int16_t score; /* what it did for us, and against us; below 0: no delegate */
};

enum session_state {
	SESSION_FREE,
	SESSION_OPENING,  /* our INIT is out */
	SESSION_ANSWERED, /* our RESP is out: its address is not proven yet */
	SESSION_LIVE,
};

struct session {
	enum session_state state;
	bool is_ours;  /* we began it */
	bool is_rekey; /* there was one before, with the same member */
	bool is_done;  /* what it was made for has been said: it makes room first */
	bool is_kept;  /* its member keeps in touch with us: it makes room last */
	const struct held_card *held;
	struct endpoint to;
	struct transport transport;
	struct mono born;     /* LIVE: since; else when it began */
	struct mono heard;    /* when something of it last came */
	struct mono awaits;   /* when we said what must be answered, and nothing came since; ms 0 */
	struct mono until;    /* it ends; OPENING: the next try */
	struct mono asked;    /* when we last sent SUMS in it; ms 0: never */
	struct budget frames; /* what its member may send us */
	struct budget checks; /* signatures that we check for it */
	struct budget bulk;   /* datagrams that we send because it asks for them */
	struct budget sums;   /* directories that we compare with it */
	uint16_t hand;        /* OPENING: its handshake */
	uint16_t chain;       /* the next of the same hash; NOBODY: none */
	uint8_t tries;
	struct seed ephemeral;    /* ANSWERED: our RESPONSE was made of it, */
	uint8_t mac1[PACKET_MAC]; /* to the INIT of this mac1 */
};

struct opening { /* a handshake of ours */
	bool is_used;
	struct hand hand;
};

struct bootstrap {
	struct endpoint endpoint;
	struct nonce nonce;
	struct mono next;
	uint8_t misses;
};

struct seen { /* a query that came, whatever became of it */
	struct query_id id;
	struct mono until; /* no copy of it could pass for fresh after that; ms 0: never used */
	uint16_t from;     /* whose it is, of `origins`; NOBODY: ours */
	uint16_t chain;    /* the next of the same hash; NOBODY: none */
};

struct deferred { /* a query that could not be taken when it came, and is not pulled for now */
	struct short_id id;
	struct id origin;
	struct mono until; /* ms 0: never used */
};

struct held { /* a query alive, ours or another's */
	bool is_used;
	bool is_ours, is_urgent, is_direct;
	bool is_unserved; /* there was no room to search for it */
	struct query_id id;
	struct id origin;
	uint16_t from; /* the same, of `origins`; NOBODY: ours */
	struct query_blob blob;
	struct mono expires;
	struct wall ends; /* the same, as its origin has it */
	struct mono came;
	struct mono news; /* when somebody last wanted it, or it came */
	uint16_t depth;   /* passed on at buckets of this and deeper; DEPTH_NONE: at none */
	uint8_t hops;
};

struct copy { /* of a held query, on its way to a contact */
	uint16_t held, bucket;
	struct id to;
	struct mono sent, until; /* until: no acknowledgement by then; ms 0: free */
	uint8_t tries;
	bool is_flood; /* from its origin: sent again to the same, not to another */
};

struct origin {                /* a member that asks */
	struct window window;  /* of what was heard: it is not taken again */
	struct window kept;    /* of what of it is not served after a restart either */
	struct mono used;      /* ms 0: free */
	struct budget queries; /* how many it may ask */
	struct budget relays;  /* and of how many we pass on */
	uint16_t held;         /* of its questions are held */
};

struct target { /* one member's part in a question of ours */
	const struct held_card *held;
	uint8_t state; /* enum target_state */
	uint8_t tries;
	bool has_extra;   /* one more of them: it made a session when it had none left */
	bool has_receipt; /* of a match: its answer is to come */
	bool has_stalled; /* an answer that it offered did not come, and made room for another's */
	uint32_t next_ms; /* after `asked`: when to go and ask it ourselves */
};

struct ask {
	bool is_used, is_finished;
	uint32_t ticket;
	uint16_t held;
	struct query query;
	struct query_blob blob;
	struct box_key secret;
	struct mono asked, until, next;
	uint64_t settled_ms;    /* after `asked`: receipts have come by themselves by then */
	struct target *targets; /* in the order of ids */
	size_t target_count, open_count;
};

struct serve { /* somebody's question */
	bool is_used, is_answered;
	uint32_t ticket;
	struct query query;
	struct query_blob blob; /* what `query` borrows from */
	const struct held_card *origin;
	uint8_t hops;
	enum verdict_kind kind; /* is_answered: of `receipt` */
	struct receipt_blob receipt;
	bool is_receipt_due, is_reply_due; /* not acknowledged yet */
	struct nonce token;                /* of the stream */
	struct id digest;                  /* of what is sealed */
	uint8_t *sealed;                   /* room for answer_max */
	size_t len;                        /* 0: nothing but the receipt */
	uint8_t tries;
	struct mono next, until;
};

struct pull { /* an answer that we were offered, on its way */
	bool is_used;
	bool is_stream;  /* by a stream; else, or later, in parts */
	bool is_done;    /* all is here: its room is lent to an act, until that was drained */
	uint32_t stream; /* its name */
	uint32_t ticket; /* of the ask */
	const struct held_card *from;
	struct endpoint to;
	struct id digest;
	struct nonce token;
	size_t len, have; /* parts come in order */
	uint8_t tries;
	struct mono moved; /* when something of it last came */
	struct mono next, until;
	struct channel channel;
	uint8_t *sealed; /* room for answer_max */
};

struct inflow { /* a stream somebody opened to us */
	bool is_used;
	bool is_known; /* a live session is with that address: it proved itself */
	uint32_t stream;
	struct mono until;
	struct endpoint from;
	uint8_t hello[CHANNEL_HELLO_LEN];
	size_t have;
};

struct slot { /* of the outbox */
	struct act act;
	struct ask *ask;               /* released after the act */
	struct pull *pull;             /* whose room is lent to it */
	const struct held_card *about; /* a holder of it, dropped after the act */
	struct receipt receipt;
	uint8_t data[1232];
};

struct lookup; /* lookup.c */

struct overlay {
	struct overlay_limits limits;
	struct overlay_self self;
	const struct held_card *card; /* our own */
	struct id id;
	struct overlay_random random;
	struct cards *cards;
	struct trust *trust;
	struct overlay_tap tap;
	bool has_tap;
	struct mono started;
	enum overlay_mode mode;
	struct overlay_counters counters;
	uint8_t mac1_key[32];
	struct roots knock_roots; /* of which the keys below are made */
	struct knock_key knock_keys[CERT_ROOTS_MAX];
	struct cookie_jar jar;
	struct id key; /* of our own hash tables and budgets: nobody can foresee them */

	struct seat *seats; /* ordered by id */
	size_t seat_count;
	uint64_t sums[FRAME_RANGES], sum;
	struct mono next_sweep;

	struct contact *contacts;
	uint16_t *contact_heads; /* by a hash of the member's id */
	size_t live_count;
	struct mono contacts_due, table_due;
	struct mono next_refresh; /* when to look for strangers near a place drawn at random */
	int64_t skew_ms;          /* the community's clock less ours; 0 when unknown */

	struct session *sessions;
	uint16_t *session_heads; /* by a hash of the member's id */
	struct opening *hands;
	struct mono sessions_due;

	struct bootstrap bootstraps[BOOTSTRAPS_MAX];
	size_t bootstrap_count;
	struct bootstrap lost; /* a member's who is silent, or lapsed: it may have new keys */
	struct mono bootstraps_due;

	/* Of proven addresses; of those that only knock; of organisations' search time; of what
	 * they ask. */
	struct budgets *prefixes, *knockers, *searches, *asking;
	struct budgets *renewals; /* of members' cards by newer ones */
	struct budget handshakes, checks;
	struct budget strangers; /* signatures that we check for who is in no session yet */

	struct seen *seen;
	uint16_t *seen_heads; /* by a hash of the query's id */
	struct deferred deferred[DEFERRED_MAX];
	struct held *held;
	uint64_t *knowers; /* of each held: a bit for each contact that is known to have it, too */
	struct copy *copies;
	struct origin *origins;
	struct mono copies_due, digest_due;
	uint64_t sequence, sequence_kept; /* our queries' last number; what is safely on disk */

	struct ask *asks;
	struct serve *serves;
	struct pull *pulls;
	struct inflow *inflows;
	uint8_t *answers; /* the rooms of what is sealed, of all serves and pulls */
	struct mono asks_due, serves_due, pulls_due;
	uint32_t last_ticket, last_stream;

	struct lookup *lookup;

	struct slot *outbox;
	size_t out_at, out_count;
	struct slot current; /* what the last overlay_next() returned */
	struct overlay_outcome *outcomes;
	struct answer answer;   /* lent to ACT_ANSWER */
	struct channel channel; /* of a stream to us, while it is written to */
};

/* overlay.c: the outbox, and small services */
struct slot *push(struct overlay *o, enum act_kind kind, const struct held_card *about);
void retract(struct overlay *o, uint32_t ticket); /* acts that nobody has drained yet */
void tell(struct overlay *o, const char *text, const struct held_card *about);
void put_datagram(struct overlay *o, const struct endpoint *to, const void *data, size_t len);
uint64_t random_below(struct overlay *o, uint64_t below);
uint64_t random_word(struct overlay *o);
/*
 * One of many is drawn, each as likely as the others, by asking for each in turn: the last one for
 * whom it says yes. To begin at a place drawn at random and take the next would favour whoever
 * stands behind a gap.
 */
struct draw {
	uint64_t word;
	uint32_t count;
};
bool is_drawn(struct overlay *o, struct draw *draw);
struct seed random_seed(struct overlay *o);
enum err counted(uint64_t *counter, enum err err);
/* Of what somebody has signed and could not be read. */
enum err counted_unread(struct overlay *o, enum err err);
/* The wall clock as the community has it, for expiry. */
struct wall common_wall(const struct overlay *o, struct now now);

/* roster.c: the directory */
struct seat *seat_of(struct overlay *o, const struct id *id);
void seat_missed(struct seat *seat);                              /* one more try was in vain */
size_t roster_from(const struct overlay *o, const struct id *id); /* first not below */
/* Does a card whose signatures hold count here: trusted, not revoked, in time, not our own? */
enum err roster_judge(struct overlay *o, struct now now, const struct card *card);
/* Checks a card, from the pool if it was checked before, and takes it in. `ret_is_news`: it is new.
 */
enum err roster_admit(struct overlay *o, struct now now, struct bytes cert, struct bytes record,
                      struct budget *checks, const struct held_card **ret, bool *ret_is_news);
/* May so many signatures be checked, for the one who has this budget? */
bool may_check(struct overlay *o, struct now now, struct budget *checks, uint32_t count);
/* Those that were revoked, or are of a root that was or is endorsed no longer. */
void roster_purge(struct overlay *o, struct now now);
void roster_expire(struct overlay *o, struct now now);
/* A piece of news about a member: to a few who may not know. `but` is who brought it, or NULL. */
void roster_spread(struct overlay *o, struct now now, const struct held_card *held,
                   const struct id *but);

/* sync.c */
void sync_with(struct overlay *o, struct now now, struct contact *c);
void send_card(struct overlay *o, struct now now, const struct held_card *to,
               const struct held_card *card);

/* sessions.c */
struct session *session_live(struct overlay *o, const struct id *id); /* the best; NULL: none */
struct session *session_in(struct overlay *o, const struct id *id, enum session_state state);
struct session *session_by_index(struct overlay *o, uint32_t index);
/* NULL: no room for one more. */
struct session *session_begin(struct overlay *o, struct now now, const struct held_card *held,
                              const struct endpoint *to, enum session_state state);
void session_lives(struct overlay *o, struct now now, struct session *s); /* from now on */
void session_wake(struct overlay *o, struct session *s, struct mono at);  /* its `until` */
void session_release(struct overlay *o, struct session *s);
/* False: there is no session; one is begun. */
bool say(struct overlay *o, struct now now, const struct held_card *to, struct frame *frame);
bool say_in(struct overlay *o, struct now now, struct session *s, struct frame *frame);
void sessions_drop(struct overlay *o, const struct id *id); /* NULL: all */
/* Its member has a new card: what it signs from now on is checked by that. */
void sessions_renew(struct overlay *o, const struct held_card *held);
void sessions_expire(struct overlay *o, struct now now);
/* It asked for more than it may: it will be heard less for a while. */
void session_charge(struct session *s, struct now now);
/* One more datagram that was asked for in `s`: is it within what may be sent so? */
bool may_send(struct overlay *o, struct now now, struct session *s);
enum err on_data(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                 size_t len);

/* handshake.c */
void handshake_begin(struct overlay *o, struct now now, const struct held_card *held);
void handshake_again(struct overlay *o, struct now now, struct session *s); /* no RESPONSE came */
enum err on_init(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                 size_t len);
enum err on_resp(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                 size_t len);
enum err on_cookie(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                   size_t len);

/* greet.c: addresses of which nothing else is known */
enum err on_knock(struct overlay *o, struct now now, const struct endpoint *from, const void *data,
                  size_t len);
enum err on_welcome(struct overlay *o, struct now now, const struct endpoint *from,
                    const void *data, size_t len);
void bootstraps_expire(struct overlay *o, struct now now);
void bootstraps_again(struct overlay *o, struct now now);
void lost_note(struct overlay *o, struct now now); /* one more of them is lost */

/* table.c */
uint16_t bucket_of(const struct overlay *o, const struct id *id);
struct contact *contact_of(struct overlay *o, const struct id *id);
void table_session(struct overlay *o, struct now now, struct session *s);  /* one became live */
void table_missed(struct overlay *o, struct now now, const struct id *id); /* it was not reached */
void table_doubt(struct overlay *o, struct now now, struct contact *c);    /* PING it now */
void table_hurry(struct overlay *o, struct now now, uint64_t ms);
void table_soon(struct overlay *o, struct now now); /* there may be somebody for it */
void contact_drop(struct overlay *o, struct contact *c);
void table_expire(struct overlay *o, struct now now);
struct contact *table_any(struct overlay *o, const struct id *but);  /* a live one; NULL: none */
void state_fill(struct overlay *o, struct now now, struct frame *f); /* of a PING or PONG */

/* held.c: questions that are remembered */
struct held *held_of(struct overlay *o, const struct query_id *id);
struct held *held_by_short(struct overlay *o, struct short_id id);
struct held *held_place(struct overlay *o, const struct origin *origin); /* NULL: none, counted */
void held_drop(struct overlay *o, struct held *h);
struct seen *seen_of(struct overlay *o, struct now now, struct short_id id);
struct seen *seen_place(struct overlay *o, struct now now, uint16_t from); /* NULL: none, counted */
void seen_add(struct overlay *o, struct seen *place, const struct query_id *id, uint16_t from,
              struct mono until);
const struct deferred *deferred_of(struct overlay *o, struct now now, struct short_id id);
/* Where there is no room it is not deferred, and costs a signature each time that it comes. */
void deferred_put(struct overlay *o, struct now now, const struct query_id *id,
                  const struct id *origin);
struct origin *origin_of(struct overlay *o, const struct id *id);
struct origin *origin_new(struct overlay *o, struct now now, const struct id *id);
bool window_is_spent(const struct window *w, uint64_t number); /* is that number in it? */
void window_spend(struct window *w, uint64_t number);
/* Its question of that number is not served after a restart either. NULL is fine. */
void origin_keep(struct overlay *o, struct origin *origin, uint64_t number);
/* By a contact's own word, which excludes nobody but itself from what is passed on. */
void knower_note(struct overlay *o, const struct held *h, const struct id *id);
bool knower_is(struct overlay *o, const struct held *h, const struct contact *c);
void knowers_clear(struct overlay *o, const struct held *h);
void knower_forget(struct overlay *o, const struct contact *c); /* it is another member now */

/* spread.c */
enum err spread_begin(struct overlay *o, struct now now, struct ask *ask);
void spread_end(struct overlay *o, uint16_t held);
void spread_purge(struct overlay *o); /* questions of those that are members no longer */
void spread_expire(struct overlay *o, struct now now);
void spread_resume(struct overlay *o, struct now now); /* monotonic time has stood still */

/* ask.c, serve.c, pull.c */
void asks_expire(struct overlay *o, struct now now);
void asks_resume(struct overlay *o, struct now now);
void asks_session(struct overlay *o, struct now now, const struct id *id);
struct ask *ask_by_ticket(struct overlay *o, uint32_t ticket);
struct ask *ask_of_query(struct overlay *o, const struct query_id *id);
struct target *target_of(struct ask *ask, const struct id *id);
void ask_settle(struct overlay *o, struct ask *ask, struct target *target, enum target_state state);
enum err ask_answer(struct overlay *o, struct ask *ask, struct target *target, struct pull *pull);
void ask_refute(struct overlay *o, struct ask *ask, struct target *target);
bool ask_read(struct overlay *o, struct act *act); /* what an ACT_ANSWER brings */
bool ask_waits_for(const struct target *target);
void ask_release(struct overlay *o, struct ask *ask);
/* False: there is no room for it. */
bool serve_begin(struct overlay *o, struct now now, const struct query *query, struct bytes blob,
                 const struct held_card *origin, uint8_t hops);
bool serve_again(struct overlay *o, struct now now, const struct query_id *id,
                 const struct id *asker);
/* What its origin itself has said in `session` cannot be searched for now: it hears so. */
void serve_turn_away(struct overlay *o, struct now now, struct session *session,
                     const struct query_id *id);
void serves_expire(struct overlay *o, struct now now);
/* Over how long do receipts spread, of a question that lives so long still? */
uint64_t receipts_span(const struct overlay *o, uint64_t left_ms);
void serves_session(struct overlay *o, struct now now, const struct id *id);
struct serve *serve_by_token(struct overlay *o, const struct nonce *token);
bool serve_is_open(struct overlay *o, uint32_t ticket); /* it waits for its driver's answer */
enum err pull_whole(struct overlay *o, struct now now, struct ask *ask, struct target *target,
                    struct bytes sealed);
void pull_return(struct overlay *o, struct pull *p); /* the room that it lent */
void pulls_expire(struct overlay *o, struct now now);
void pulls_drop(struct overlay *o, uint32_t ticket);

/* notices.c */
enum err notice_take(struct overlay *o, struct now now, struct bytes page, const struct id *from);
void notice_heads(struct overlay *o, struct now now, struct session *s,
                  const struct frame_state *theirs);

/* lookup.c */
struct lookup *lookup_new(void);
void lookup_free(struct lookup *l);
/* In place of one under way. */
void lookup_begin(struct overlay *o, struct now now, const struct id *target);
void lookup_expire(struct overlay *o, struct now now);
struct mono lookup_due(const struct overlay *o);

/* Frames, each by the part it belongs to. */
typedef enum err on_frame_fn(struct overlay *o, struct now now, struct session *s,
                             const struct frame *f);
on_frame_fn on_ping, on_pong, on_find, on_nodes, on_sums, on_have, on_get, on_cards, on_lack,
	on_notice, on_query, on_qack, on_digest, on_want, on_receipt, on_reply, on_offer, on_rack,
	on_fetch, on_part;

#endif
