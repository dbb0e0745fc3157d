/* parts - what the files of the simulator share; private to this folder. */
#ifndef SPOOR_TOOLS_SIM_PARTS_H
#define SPOOR_TOOLS_SIM_PARTS_H

#include "base/prng.h"
#include "base/util.h"
#include "proto/overlay/tap.h"
#include "tools/sim/link.h"
#include "tools/sim/sim.h"

#define SIM_CUTS_MAX 8
#define WALL_MS INT64_C(1760000000000) /* what o'clock it is when a run begins */
#define DAY_MS INT64_C(86400000)
#define SIM_REVOKED_MAX 256
#define SIM_PAGES_MAX 32

enum event_kind {
	EVENT_START,    /* the node comes up */
	EVENT_DATAGRAM, /* data[0..len) reaches it */
	EVENT_EXPIRE,   /* its deadline */
	EVENT_ANSWER,   /* its search for `ticket` is done: `answer` */
	EVENT_RESUME,   /* it wakes up */
	EVENT_ACCEPT,   /* the stream `ticket` reaches it */
	EVENT_OPENED,   /* the one it opened was accepted */
	EVENT_OCTETS,   /* data[0..len) of a stream */
	EVENT_CLOSED,   /* its end of a stream is over */
	EVENT_LIE,      /* time for a liar's next lie */
	EVENT_SAY,      /* a liar says the frame data[0..len) to node `from` */
	EVENT_KIND_END,
};

struct event {
	uint64_t at_ms;
	enum event_kind kind;
	uint32_t node, life; /* all but START and DATAGRAM die with the life they belong to */
	uint32_t from;       /* place of the sender; see place_of() */
	uint32_t ticket;
	uint32_t next; /* in its list */
	size_t len;
	uint8_t *data;         /* owned; of queue_buffer() */
	struct answer *answer; /* owned */
};

#define QUEUE_SPAN_MS 65536 /* a power of two */

struct queue_list {
	uint32_t first, last;
};

struct queue_far {
	uint64_t at_ms, number;
	uint32_t slot;
};

struct queue {
	uint64_t at_ms;       /* nothing is due before */
	struct event *events; /* slots, from 1 */
	uint32_t used, room, free_slot;
	struct queue_list *lists; /* QUEUE_SPAN_MS of them */
	struct queue_far *far;    /* a heap, earliest first */
	size_t far_count, far_room;
	uint64_t last_number;
	struct buffer *buffers;
};

struct map {
	uint64_t *keys, *values;
	size_t count, room;
};

struct net {
	uint64_t seed; /* of the links' own delays */
	double loss, duplication;
	struct sim_cut cuts[SIM_CUTS_MAX];
	size_t cut_count;
	struct map holes; /* of nodes behind NAT: when they last sent somewhere, and 1 */
};

struct pipe_end {
	uint32_t node, life;
	uint32_t name; /* what the overlay calls it */
	bool is_open;
};

struct pipe { /* a stream: [0] opened it, [1] was called */
	struct pipe_end ends[2];
	uint64_t opened_ms;
	uint64_t last_ms[2]; /* when the last octet towards that end arrives */
	bool is_raw;         /* opened by a liar without its overlay */
};

struct ledger { /* one life's dealings with one address */
	uint32_t life;
	uint64_t in, out; /* octets; `out` without INITs and KNOCKs */
	uint64_t first_ms;
	uint32_t calls; /* INITs and KNOCKs */
	bool is_proved;
};

struct disk {
	uint32_t generation; /* counts how often it was lost */
	uint8_t *cards;      /* a bit for each node: ACT_REMEMBER named it, ACT_FORGET did not */
	uint64_t sequence;
	struct window *windows;
	size_t window_count, window_room;
	struct notice_blob *pages;
	size_t page_count;
};

struct node {
	char name[CERT_NAME_MAX];
	struct overlay_self self;
	struct key_pair identity;
	struct overlay *overlay; /* NULL: down */
	struct overlay_tap tap;
	struct tap_ctx {
		struct sim *sim;
		uint32_t node;
	} tap_ctx;
	struct prng random;
	uint32_t life;      /* counts its starts */
	uint64_t mono_ms;   /* its monotonic clock when the run began, less its sleeps */
	int64_t skew_ms;    /* of its wall clock */
	uint64_t armed_ms;  /* when its EVENT_EXPIRE is due; UINT64_MAX: none */
	uint64_t awake_ms;  /* it sleeps until then */
	uint64_t uplink_us; /* its streams have filled its line until then */
	uint32_t spins;     /* expiries in a row that left a deadline in the past */
	size_t member_count;
	uint32_t checks;
	uint64_t number_max; /* of its queries, since its disk was lost */
	bool is_nat, is_victim, is_revoked, is_heard, is_speaking;
	struct query_id heard; /* is_heard: the query that came just now */
	uint8_t heard_hops;
	const struct liar_kind *liar; /* NULL: honest */
	struct lies *lies;            /* a liar's memory */
	struct disk disk;
};

struct sim {
	struct sim_options options;
	struct overlay_limits limits;
	struct cards *cards;
	struct prng prng;
	struct key_pair root;
	uint64_t now_ms;
	struct queue queue;
	struct net net;
	struct node *nodes;
	uint32_t *by_id;   /* nodes in the order of their ids */
	uint32_t asking;   /* it is inside overlay_ask(); SIM_NOWHERE: nobody */
	uint32_t victim;   /* the last one set; SIM_NOWHERE: none */
	uint32_t *closest; /* each node's nearest colluder; NULL: not looked for yet */
	struct pipe *pipes;
	uint32_t pipe_count, pipe_room;
	struct sim_query *queries;
	size_t query_count, query_room;
	struct map known; /* query ids to indices into `asked`, and 1 */
	struct asked *asked;
	size_t asked_count, asked_room;
	struct map served; /* (node, origin, number) to an index into `services`, and 1 */
	struct service *services;
	size_t service_count, service_room;
	struct map relayed; /* (node, query, depth, or peer when its own): copies unasked for */
	struct map wanted;  /* (node, query, peer): copies that are asked for and not sent yet */
	struct map books;   /* (node, place) to an index into `ledgers`, and 1 */
	struct map named;   /* (node, place, life, index): it was named to who was not proved yet */
	struct ledger *ledgers;
	size_t ledger_count, ledger_room;
	struct notice_entry revoked[SIM_REVOKED_MAX];
	size_t revoked_count;
	uint64_t notice_number;
	sim_tap_fn *tap;
	void *tap_ctx;
	uint64_t hash, copies, sent;
	uint64_t events[SIM_EVENT_END]; /* what lives that are over have seen, and the net */
	size_t violation_count;
	char violations[SIM_VIOLATIONS_KEPT][SIM_VIOLATION_MAX];
};

struct service {       /* of one number of an origin by a node, as long as its disk stands */
	size_t asked;  /* the query served last, of `asked`; SIZE_MAX: none yet */
	uint32_t life; /* of the node, when it was */
	bool is_said;  /* a receipt of it, but BUSY, was sent */
};

struct asked { /* a query that somebody signed, honest or not */
	struct query_id id;
	uint32_t origin;
	size_t query; /* index for sim_query(); SIZE_MAX: a liar's */
	uint64_t number;
	uint64_t asked_ms;
	int64_t expires_ms; /* wall clock */
	bool is_direct, is_urgent, is_rushed;
};

/* queue.c */
void queue_init(struct queue *q);
void queue_put(struct queue *q, struct event event); /* takes its data and answer */
bool queue_take(struct queue *q, uint64_t until_ms, struct event *ret);
uint8_t *queue_buffer(struct queue *q, const void *data, size_t len); /* a copy of data[0..len) */
void queue_release(struct queue *q, uint8_t *data, size_t len);
void queue_free(struct queue *q);

/* map.c */
uint64_t map_key(uint64_t a, uint64_t b);
uint64_t *map_at(struct map *m, uint64_t key);        /* borrowed until the next call; 0 when new */
uint64_t map_find(const struct map *m, uint64_t key); /* 0 when it is not there */
void map_free(struct map *m);

/* net.c: places are nodes, then strangers */
uint32_t place_of(const struct sim *sim, const struct endpoint *e);
struct endpoint endpoint_of(const struct sim *sim, uint32_t place);
bool net_is_cut(const struct net *net, uint64_t at_ms, uint32_t from, uint32_t to);
void net_send(struct sim *sim, uint32_t from, uint32_t to, const void *data, size_t len);

/* pipe.c: streams between nodes */
void pipe_connect(struct sim *sim, uint32_t node, const struct act *act);
void pipe_connect_raw(struct sim *sim, uint32_t node, uint32_t to); /* and says nothing */
void pipe_write(struct sim *sim, uint32_t node, const struct act *act);
void pipe_close(struct sim *sim, uint32_t node, uint32_t name);
void pipe_event(struct sim *sim, const struct event *event); /* ACCEPT .. CLOSED */
void pipe_crash(struct sim *sim, uint32_t node);

/* mint.c: keys, certificates, records, the root's list */
void mint_node(struct sim *sim, uint32_t node);
void mint_card(struct sim *sim, uint32_t node); /* anew, after something of it has changed */
void mint_order(struct sim *sim);
void mint_near(struct sim *sim, uint32_t node, const struct id *victim);
size_t mint_notices(struct sim *sim, struct notice_blob ret[SIM_PAGES_MAX]);
size_t common_bits(const struct id *a, const struct id *b);
struct overlay_limits mint_limits(const struct sim_options *options);

/* disk.c: what a node keeps across restarts */
void disk_act(struct sim *sim, uint32_t node, const struct act *act);
void disk_fill(struct sim *sim, uint32_t node); /* with all there is to know */
void disk_lose(struct sim *sim, uint32_t node);
void disk_recall(struct sim *sim, uint32_t node);
bool disk_has(const struct disk *disk, uint32_t node);
void disk_free(struct disk *disk);

/* liar.c */
void liar_start(struct sim *sim, uint32_t node);
bool liar_out(struct sim *sim, uint32_t node, const struct card *to, struct frame *frame);
bool liar_in(struct sim *sim, uint32_t node, const struct card *from, struct frame *frame);
void liar_sends(struct sim *sim, uint32_t node, uint32_t to, const void *data, size_t len);
void liar_event(struct sim *sim, const struct event *event); /* LIE, SAY */
bool liar_never_reads(const struct sim *sim, uint32_t node);
void liar_free(struct node *n);

/* plant.c: what the members' stores hold */
#define PLANT_MARK_LEN 12
extern const uint8_t plant_mark[PLANT_MARK_LEN]; /* begins every address in a finding */
struct question plant_question(struct prng *p, struct wall now, enum severity severity);
bool plant_search(const struct sim *sim, uint32_t node, size_t query,
                  const struct question *question, struct answer *ret); /* is there a match? */
bool plant_is_copy(const struct finding *f);
uint64_t plant_digest(const struct answer *answer);

/* watch.c: the promises of datagrams, frames and tables */
void watch_start(struct sim *sim, uint32_t node);
void watch_send(struct sim *sim, uint32_t node, const struct act *act);
void watch_delivery(struct sim *sim, uint32_t node, const struct event *event);
void watch_write(struct sim *sim, uint32_t node, const struct act *act);
void watch_out(struct sim *sim, uint32_t node, const struct card *to, const struct frame *frame);
void watch_in(struct sim *sim, uint32_t node, const struct card *from, const struct frame *frame);
void watch_tables(struct sim *sim, uint32_t node);
void watch_end(struct sim *sim);
void violation(struct sim *sim, uint32_t node, const char *format, ...) PRINTF_LIKE(3, 4);

/* watch_query.c: the promises of queries */
void watch_asked(struct sim *sim, uint32_t node, const struct query *query, size_t index);
const struct asked *watch_known(const struct sim *sim, const struct query_id *id);
void watch_heard(struct sim *sim, uint32_t node);
void watch_serve(struct sim *sim, uint32_t node, const struct act *act);
void watch_said(struct sim *sim, uint32_t node, const struct frame *frame); /* a RECEIPT goes out */
void watch_receipt(struct sim *sim, uint32_t node, const struct act *act);
void watch_answer(struct sim *sim, uint32_t node, const struct act *act);
void watch_finish(struct sim *sim, uint32_t node, const struct act *act);
void watch_sequence(struct sim *sim, uint32_t node, uint64_t number);
void watch_kept(struct sim *sim, uint32_t node, uint64_t number);
void watch_unfinished(struct sim *sim);

/* view.c */
void view_events(const struct overlay *o, uint64_t events[SIM_EVENT_END]); /* adds a life's */

/* sim.c */
struct now sim_clocks(const struct sim *sim, uint32_t node);
uint32_t node_of(const struct sim *sim, const struct card *card);
size_t query_by_ticket(const struct sim *sim, uint32_t node, uint32_t ticket);
void start(struct sim *sim, uint32_t node); /* at once, unless it is up */
void drive(struct sim *sim, uint32_t node);
void narrate(struct sim *sim, uint32_t node, const char *format, ...) PRINTF_LIKE(3, 4);
void stir(uint64_t *hash, const void *data, size_t len);
void *must(void *memory); /* a simulator that has no memory left has nothing to say */

#endif
