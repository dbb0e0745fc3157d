/*
 * sim - many overlays in one process on a virtual clock: the second driver beside node/.
 *
 * The code under test is proto/overlay itself. What surrounds it is made of one seed: keys, the
 * delay of every link, what is lost, who lies, who asks, what the members' stores hold. The same
 * seed gives the same acts and the same datagrams in the same order, and sim_hash() says so. After
 * every event the promises of watch.c are checked; a broken one is a violation.
 *
 *	sim_new()  sim_start()  { sim_run(), sim_ask(), sim_crash(), ... }  sim_free()
 *
 * Times are ms since the start of the run. Nodes are numbered from 0 and called n00, n01, ...
 */
#ifndef SPOOR_TOOLS_SIM_SIM_H
#define SPOOR_TOOLS_SIM_SIM_H

#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_NODES_MAX 20000
#define SIM_BOOKS_MAX 500 /* up to so many nodes, every address' account is kept; see watch.c */
#define SIM_REAL_MAX 64   /* up to so many nodes, SIM_CRYPTO_AUTO is the real one */
#define SIM_STRANGERS 4   /* addresses that belong to nobody: tests speak from there */
#define SIM_NOWHERE UINT32_MAX
#define SIM_VIOLATIONS_KEPT 16
#define SIM_VIOLATION_MAX 200 /* with NUL */

struct sim;
struct liar_kind;

enum sim_crypto {
	SIM_CRYPTO_AUTO, /* by the number of nodes */
	SIM_CRYPTO_REAL,
	SIM_CRYPTO_FAKE, /* suite_fake.h: as long as the real one, as quick as none */
};

struct sim_options {
	uint32_t nodes; /* 1 .. SIM_NODES_MAX */
	uint64_t seed;
	double loss, duplication; /* shares of the datagrams */
	double nat;               /* share of the nodes that only answer; never n00 */
	uint32_t skew_max_ms;     /* of a node's wall clock, either way */
	bool is_warm;             /* nodes start with the whole directory on their disks */
	bool is_direct;           /* OVERLAY_DIRECT */
	uint16_t sessions_max;    /* 0: by the number of nodes; fewer make some give way */
	enum sim_crypto crypto;
	FILE *narrative; /* gets a line for everything worth telling; NULL: nobody */
};

/* Between `from_ms` and `to_ms`, nodes below `first` and the others do not reach each other. */
struct sim_cut {
	uint64_t from_ms, to_ms;
	uint32_t first;
	bool is_one_way; /* what the lower nodes send still arrives */
};

struct sim_part {         /* one node's part in one query */
	bool is_member;   /* it was up and honest, its card valid, when the query was asked */
	bool is_lost;     /* it went down meanwhile, or was revoked */
	bool is_divided;  /* a cut lay between it and the origin meanwhile */
	bool is_planted;  /* its store holds a copy of the connection that is asked for */
	bool is_heard;    /* it was handed the query to serve, or holds it */
	bool is_served;   /* it had ACT_SERVE */
	bool is_match;    /* its search found something */
	bool has_receipt; /* its verified receipt arrived; `receipt` says what for */
	bool is_answered; /* its verified answer arrived */
	bool is_found;    /* and names the planted connection as a match */
	uint8_t hops;     /* relays it had passed when it was heard */
	uint32_t disk;    /* generation of the node's disk, when it was served */
	uint64_t heard_ms;
	uint64_t said; /* of the answer it gave */
	enum verdict_kind receipt;
	enum target_state outcome;
};

struct sim_query {
	uint32_t origin, origin_life, ticket;
	bool is_finished;
	uint64_t asked_ms, until_ms, finished_ms;
	struct query query; /* its card and interval list stand; `cert` and `record` are empty */
	struct sim_part *parts; /* one for each node */
	uint32_t false_matches; /* findings called a match that were not planted */
};

/* NULL when out of memory. No node is up yet. Chooses the process's suite. */
struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim); /* NULL is fine */

/* Before its start: when its certificate ends, how far its wall clock is off, how it lies. */
void sim_set_expiry(struct sim *sim, uint32_t node, uint64_t at_ms);
void sim_set_skew(struct sim *sim, uint32_t node, int64_t skew_ms);
void sim_set_liar(struct sim *sim, uint32_t node, const struct liar_kind *kind);
/* Its record names an IPv6 endpoint first, from which nothing ever comes back. */
void sim_set_deaf_v6(struct sim *sim, uint32_t node);
/* Else each has an organisation of its own. */
void sim_set_org(struct sim *sim, uint32_t node, const char *org);
/* It lives at an address outside its certificate's prefixes, and its record names none. */
void sim_set_displaced(struct sim *sim, uint32_t node);
/* That share of the nodes, drawn by the seed; never n00, a victim or one behind NAT. How many. */
uint32_t sim_set_liars(struct sim *sim, double share, const struct liar_kind *kind);
/* Whom the liars mean: of "truncate" any number, of "cluster" and "reflect" the last one set. */
void sim_set_victim(struct sim *sim, uint32_t node);

/* The kinds of liars, in the order of their names; the last one has no name. */
struct liar_kind {
	const char *name, *help;
	const struct liar_hooks *hooks; /* see liar.c */
};
extern const struct liar_kind liar_kinds[];
const struct liar_kind *liar_by_name(const char *name); /* NULL: there is none */

/* The node comes up at `at_ms`, with n00 for its one bootstrap address (n00 itself has none). */
void sim_start(struct sim *sim, uint32_t node, uint64_t at_ms);
void sim_start_all(struct sim *sim, uint64_t within_ms);

/* Runs everything that is due until then. */
void sim_run(struct sim *sim, uint64_t until_ms);
uint64_t sim_now(const struct sim *sim);

void sim_crash(struct sim *sim, uint32_t node);
/* It comes back with the same key; with what its disk holds, or with an empty one. */
void sim_restart(struct sim *sim, uint32_t node, bool with_disk);
void sim_jump(struct sim *sim, uint32_t node, int64_t wall_ms); /* its wall clock does */
/* It sleeps: hears nothing, its timers stand still, its monotonic clock too; then it resumes. */
void sim_suspend(struct sim *sim, uint32_t node, uint64_t for_ms);
/* `whose` certificate is revoked; `at` is handed the new list, everybody else hears of it. */
void sim_revoke(struct sim *sim, uint32_t whose, uint32_t at);
void sim_set_loss(struct sim *sim, double loss);
void sim_set_cut(struct sim *sim, const struct sim_cut *cut);
/* Loss is over, and so is every cut. */
void sim_heal(struct sim *sim);

/*
 * `node` asks for a connection that was planted at `planted` other nodes, drawn at random. Returns
 * the index for sim_query(), or SIZE_MAX when overlay_ask() refused; its reason is in `ret_err`.
 */
size_t sim_ask(struct sim *sim, uint32_t node, uint32_t planted, enum severity severity,
               int64_t timeout_ms, enum err *ret_err);

/* A datagram out of nowhere, to be handed to `node` at once; at most SIM_DATAGRAM_MAX octets. */
#define SIM_DATAGRAM_MAX 1472
void sim_inject(struct sim *sim, uint32_t node, const struct endpoint *from, const void *data,
                size_t len);

/* Sees every datagram as it is sent, before anything happens to it. */
typedef void sim_tap_fn(void *ctx, uint32_t from, uint32_t to, const void *data, size_t len);
void sim_set_tap(struct sim *sim, sim_tap_fn *fn, void *ctx);

/*
 * What must be true again some time after faults have healed, of nodes that are honest, up and not
 * revoked. Each that breaks it is a violation.
 */
void sim_check_known(struct sim *sim); /* 60 s: directories equal and whole, tables 95 % alive */
void sim_check_heard(struct sim *sim, size_t query); /* 5 s: it has heard this unexpired query */
/* All who were reachable all the time heard it; with a receipt and, if they match, an answer. */
void sim_check_whole(struct sim *sim, size_t query);
void sim_check_revoked(struct sim *sim, uint32_t whose); /* 60 s: it knows of it */

uint32_t sim_nodes(const struct sim *sim);
bool sim_is_up(const struct sim *sim, uint32_t node);
bool sim_is_honest(const struct sim *sim, uint32_t node);
bool sim_is_nat(const struct sim *sim, uint32_t node);
/* Two behind NAT hear of each other's questions, but no datagram goes from one to the other. */
bool sim_has_way(const struct sim *sim, uint32_t from, uint32_t to);
bool sim_is_victim(const struct sim *sim, uint32_t node);
bool sim_is_revoked(const struct sim *sim, uint32_t node);
bool sim_knows_revoked(const struct sim *sim, uint32_t at, uint32_t whose);
bool sim_is_live(const struct sim *sim, uint32_t at, uint32_t about);    /* `at` says of `about` */
bool sim_has_met(const struct sim *sim, uint32_t at, uint32_t about);    /* has it on its disk */
const struct overlay *sim_overlay(const struct sim *sim, uint32_t node); /* NULL when down */
const struct overlay_self *sim_self(const struct sim *sim, uint32_t node);
const struct key_pair *sim_root(const struct sim *sim);
struct wall sim_wall(const struct sim *sim, uint32_t node);
struct endpoint sim_endpoint(uint32_t node);     /* 10.x.y.7:7667, each in a /24 of its own */
struct endpoint sim_stranger(uint32_t stranger); /* 192.0.2.n:7667 */

size_t sim_query_count(const struct sim *sim);
const struct sim_query *sim_query(const struct sim *sim, size_t i);
/* Should this node have heard it? It was there all the time, and nothing divided the two. */
bool sim_is_reachable(const struct sim_part *part);

/* What a run has seen; a test of something that never happened proves nothing. */
enum sim_event {
	SIM_PARTITION, /* a cut ate a datagram */
	SIM_LOSS,
	SIM_FAILOVER, /* a copy was not acknowledged in time */
	SIM_WIDENING,
	SIM_COOKIE,
	SIM_PULL,
	SIM_STREAM, /* one was opened */
	SIM_REKEY,
	SIM_NAT,     /* a datagram did not get through */
	SIM_REPLAY,  /* something seen before was turned away */
	SIM_FORGERY, /* something forged was */
	SIM_EQUIVOCATION,
	SIM_REVOCATION, /* a revoked member was turned away */
	SIM_BUDGET,     /* a flood was held */
	SIM_EVENT_END,
};
uint64_t sim_sometimes(const struct sim *sim, enum sim_event event); /* how often */
const char *sim_event_text(enum sim_event event);

uint64_t sim_hash(const struct sim *sim);   /* of every act and every datagram delivered so far */
uint64_t sim_copies(const struct sim *sim); /* of sim_ask()'s queries, to honest nodes */
uint64_t sim_sent(const struct sim *sim);   /* datagrams of any kind that nodes sent */
size_t sim_violation_count(const struct sim *sim);
const char *sim_violation(const struct sim *sim, size_t i); /* i < SIM_VIOLATIONS_KEPT */

#endif
