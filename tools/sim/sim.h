/*
 * sim - many overlays in one process on a virtual clock: the second driver beside node/.
 *
 * The code under test is proto/overlay itself, with its real cryptography. What surrounds it is
 * made of one seed: keys, the delay of every link, what is lost, who asks, what the members' stores
 * hold. The same seed gives the same acts and the same datagrams in the same order, and sim_hash()
 * says so. After every event the promises of watch.c are checked; a broken one is a violation.
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

#define SIM_NODES_MAX 500
#define SIM_STRANGERS 4 /* addresses that belong to nobody: tests speak from there */
#define SIM_NOWHERE UINT32_MAX
#define SIM_VIOLATIONS_KEPT 16
#define SIM_VIOLATION_MAX 200 /* with NUL */

struct sim;

struct sim_options {
	uint32_t nodes; /* 1 .. SIM_NODES_MAX */
	uint64_t seed;
	double loss, duplication; /* shares of the datagrams */
	uint32_t skew_max_ms;     /* of a node's wall clock, either way */
	FILE *narrative;          /* gets a line for everything worth telling; NULL: nobody */
};

/* Between `from_ms` and `to_ms`, nodes below `first` and the others do not reach each other. */
struct sim_cut {
	uint64_t from_ms, to_ms;
	uint32_t first;
	bool is_one_way; /* what the lower nodes send still arrives */
};

struct sim_part {         /* one node's part in one query */
	bool is_member;   /* it was up, with a valid certificate, when the query was asked */
	bool is_lost;     /* it went down meanwhile */
	bool is_divided;  /* a cut lay between it and the origin meanwhile */
	bool is_planted;  /* its store holds a copy of the connection that is asked for */
	bool is_heard;    /* it had ACT_SERVE */
	bool is_answered; /* its verified answer arrived */
	bool is_found;    /* and names the planted connection as a match */
	uint32_t life;    /* of the node, when it heard the query */
	uint64_t heard_ms;
	uint64_t said; /* of the answer it gave */
	enum target_state outcome;
};

struct sim_query {
	uint32_t origin, origin_life, ticket;
	bool is_finished;
	uint64_t asked_ms, until_ms, finished_ms;
	struct query query;
	struct sim_part *parts; /* one for each node */
	uint32_t false_matches; /* findings called a match that were not planted */
};

/* NULL when out of memory. No node is up yet. */
struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim); /* NULL is fine */

/* Before its start: when its certificate ends, and how far its wall clock is off. */
void sim_set_expiry(struct sim *sim, uint32_t node, uint64_t at_ms);
void sim_set_skew(struct sim *sim, uint32_t node, int64_t skew_ms);

/* The node comes up at `at_ms`, with n00 for its one bootstrap address (n00 itself has none). */
void sim_start(struct sim *sim, uint32_t node, uint64_t at_ms);
void sim_start_all(struct sim *sim, uint64_t within_ms);

/* Runs everything that is due until then. */
void sim_run(struct sim *sim, uint64_t until_ms);
uint64_t sim_now(const struct sim *sim);

void sim_crash(struct sim *sim, uint32_t node);
/* It comes back with the same key; with what ACT_REMEMBER gave it, or with an empty head. */
void sim_restart(struct sim *sim, uint32_t node, bool remembers);
void sim_set_loss(struct sim *sim, double loss);
void sim_set_cut(struct sim *sim, const struct sim_cut *cut);
/* Loss is over, and so is every cut. */
void sim_heal(struct sim *sim);

/*
 * `node` asks for a connection that was planted at `planted` other nodes, drawn at random. Returns
 * the index for sim_query(), or SIZE_MAX when overlay_ask() refused; its reason is in `ret_err`.
 */
size_t sim_ask(struct sim *sim, uint32_t node, uint32_t planted, int64_t timeout_ms,
               enum err *ret_err);

/* A datagram out of nowhere, to be handed to `node` at once. */
void sim_inject(struct sim *sim, uint32_t node, const struct endpoint *from, const void *data,
                size_t len);

/* Sees every datagram as it is sent, before anything happens to it. */
typedef void sim_tap_fn(void *ctx, uint32_t from, uint32_t to, const void *data, size_t len);
void sim_set_tap(struct sim *sim, sim_tap_fn *fn, void *ctx);

/* After healing: every node up must know every other as live. Each that does not is a violation. */
void sim_check_known(struct sim *sim);
/* And every member must have heard this query and answered it. */
void sim_check_whole(struct sim *sim, size_t query);

uint32_t sim_nodes(const struct sim *sim);
bool sim_is_up(const struct sim *sim, uint32_t node);
bool sim_is_live(const struct sim *sim, uint32_t at, uint32_t about);    /* `at` says of `about` */
bool sim_has_met(const struct sim *sim, uint32_t at, uint32_t about);    /* in its present life */
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

uint64_t sim_hash(const struct sim *sim);   /* of every act and every datagram delivered so far */
uint64_t sim_copies(const struct sim *sim); /* QUERY datagrams delivered to nodes */
uint64_t sim_sent(const struct sim *sim);   /* datagrams of any kind that nodes sent */
size_t sim_violation_count(const struct sim *sim);
const char *sim_violation(const struct sim *sim, size_t i); /* i < SIM_VIOLATIONS_KEPT */

#endif
