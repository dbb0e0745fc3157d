/* parts - what the files of the simulator share; private to this folder. */
#ifndef SPOOR_TOOLS_SIM_PARTS_H
#define SPOOR_TOOLS_SIM_PARTS_H

#include "base/prng.h"
#include "base/util.h"
#include "tools/sim/sim.h"

#define SIM_CUTS_MAX 8
#define LEDGER_NONCES 4

enum event_kind {
	EVENT_START,    /* the node comes up */
	EVENT_DATAGRAM, /* data[0..len) reaches it */
	EVENT_EXPIRE,   /* its deadline */
	EVENT_ANSWER,   /* its search for `ticket` is done: `answer` */
};

struct event {
	uint64_t at_ms, number; /* `number` is unique: events of one time keep their order */
	enum event_kind kind;
	uint32_t node, life; /* EXPIRE and ANSWER die with the life they belong to */
	uint32_t from;       /* place of the sender; see place_of() */
	uint32_t ticket;
	size_t len;
	uint8_t *data;         /* owned */
	struct answer *answer; /* owned */
};

struct queue { /* binary heap, earliest first */
	struct event *events;
	size_t count, room;
	uint64_t last_number;
};

struct net {
	uint64_t seed; /* of the links' own delays */
	double loss, duplication;
	struct sim_cut cuts[SIM_CUTS_MAX];
	size_t cut_count;
};

struct ledger {           /* one node's dealings with one address */
	uint64_t in, out; /* octets; `out` without HELLOs */
	uint64_t first_ms;
	uint32_t hellos;
	bool is_proved;
	uint8_t next;
	struct nonce nonces[LEDGER_NONCES]; /* that went there */
};

struct node {
	char name[CERT_NAME_MAX];
	struct overlay_self self;
	struct id id;
	struct overlay *overlay; /* NULL: down */
	struct prng random;
	uint32_t life;        /* counts its starts */
	uint64_t mono_ms;     /* its monotonic clock when the run began */
	int64_t skew_ms;      /* of its wall clock */
	uint64_t armed_ms;    /* when its EVENT_EXPIRE is due; UINT64_MAX: none */
	uint32_t spins;       /* expiries in a row that left a deadline in the past */
	size_t member_count;  /* when its table was last looked through */
	struct ledger *books; /* one for each place */
	bool *remembers;      /* one for each node: ACT_REMEMBER named it */
	bool *met;            /* the same, in this life */
};

struct sim {
	struct sim_options options;
	struct overlay_limits limits;
	struct prng prng;
	struct key_pair root;
	uint64_t now_ms;
	struct queue queue;
	struct net net;
	struct node *nodes;
	struct sim_query *queries;
	size_t query_count, query_room;
	sim_tap_fn *tap;
	void *tap_ctx;
	uint64_t hash, copies, sent;
	size_t violation_count;
	char violations[SIM_VIOLATIONS_KEPT][SIM_VIOLATION_MAX];
};

/* queue.c */
void queue_put(struct queue *q, struct event event); /* takes its data and answer */
bool queue_take(struct queue *q, uint64_t until_ms, struct event *ret);
void queue_free(struct queue *q);

/* net.c: places are nodes, then strangers */
uint32_t place_of(const struct sim *sim, const struct endpoint *e);
struct endpoint endpoint_of(const struct sim *sim, uint32_t place);
bool net_is_cut(const struct net *net, uint64_t at_ms, uint32_t from, uint32_t to);
void net_send(struct sim *sim, uint32_t from, uint32_t to, const void *data, size_t len);

/* plant.c: what the members' stores hold */
#define PLANT_MARK_LEN 12
extern const uint8_t plant_mark[PLANT_MARK_LEN]; /* begins every address in a finding */
struct question plant_question(struct sim *sim, struct wall now);
void plant_search(const struct sim *sim, uint32_t node, size_t query,
                  const struct question *question, struct answer *ret);
bool plant_is_copy(const struct finding *f);
uint64_t plant_digest(const struct answer *answer);

/* watch.c: the promises */
void watch_send(struct sim *sim, uint32_t node, const struct act *act);
void watch_delivery(struct sim *sim, uint32_t node, const struct event *event);
void watch_serve(struct sim *sim, uint32_t node, const struct act *act, size_t query);
void watch_answer(struct sim *sim, uint32_t node, const struct act *act);
void watch_finish(struct sim *sim, uint32_t node, const struct act *act);
void watch_tables(struct sim *sim, uint32_t node);
void watch_end(struct sim *sim);
void violation(struct sim *sim, uint32_t node, const char *format, ...) PRINTF_LIKE(3, 4);

/* sim.c */
struct now sim_clocks(const struct sim *sim, uint32_t node);
uint32_t node_of(const struct sim *sim, const struct member *member);
size_t query_of(const struct sim *sim, const struct query_id *id); /* SIZE_MAX: none */
size_t query_by_ticket(const struct sim *sim, uint32_t node, uint32_t ticket);
void stir(uint64_t *hash, const void *data, size_t len);
void *must(void *memory); /* a simulator that has no memory left has nothing to say */

#endif
