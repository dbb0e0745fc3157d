/*
 * node - the daemon: one loop, and the parts that live on it.
 *
 *	collector   export datagrams -> proto/flow -> store      (loop; sealing on a worker)
 *	silences    their edges -> the store's log               (loop)
 *	link        ports <-> proto/overlay                      (loop)
 *	keys        certificate and operational keys             (loop)
 *	keeper      what is kept across restarts -> store        (workers)
 *	notices     the roots' lists on disk -> proto/overlay    (loop)
 *	serving     others' questions                            (loop)
 *	search      the store's flows -> correlate -> answer     (workers)
 *	pursuit     a connection, and every question about it    (loop)
 *	trace       one of a client, from target to report       (loop)
 *	watch       one that stands, client or not               (loop)
 *	hosts       the hosts' kernels, as far as they tell us   (loop)
 *	testify     what they say of an answer's connections     (loop, workers)
 *	control     the command line's socket                    (loop)
 *
 * With role: host it is another daemon, that shares store, keys and control:
 *
 *	host        kernel -> origin/provider -> hostlog -> store   (loop; the log on a worker)
 *	gateway     the gateway's node, which asks                  (loop)
 *
 * Everything but job_fn `run` functions, and the reading of sockets in lanes.c, happens on the
 * loop's thread.
 */
#ifndef SPOOR_NODE_NODE_H
#define SPOOR_NODE_NODE_H

#include "base/clock.h"
#include "node/bundles.h"
#include "node/collector.h"
#include "node/conf.h"
#include "node/control.h"
#include "node/host.h"
#include "node/hosts.h"
#include "node/keeper.h"
#include "node/keys.h"
#include "node/link.h"
#include "node/notices.h"
#include "node/peers.h"
#include "node/pursuit.h"
#include "node/silences.h"
#include "node/trace.h"
#include "node/warnings.h"
#include "node/watch.h"
#include "store/store.h"

#include <uv.h>

struct node {
	uv_loop_t loop;
	struct conf conf;
	struct store *store;
	struct silences silences;
	struct collector collector;
	struct keeper keeper;
	struct keys keys;
	struct link link;
	struct peers peers;
	struct notices notices;
	struct warnings warnings;
	struct pursuits pursuits;
	struct traces traces;
	struct bundles bundles;
	struct watches watches;
	struct hosts hosts;
	struct host host; /* with role: host */
	struct control control;
	uv_signal_t signals[3]; /* each of which ends the node */
	struct now started;
	unsigned searches; /* on workers now */
	unsigned sortings; /* `spoor translations`, `spoor flows --sort` and `--by`: they take
	                      memory */
	bool is_stopping;
};

#define NODE_SORTINGS_MAX 4 /* at the same time */

struct now node_now(void);

/* Reads the system's randomness: for keys and nonces. */
void node_random(void *ctx, void *room, size_t len);

/* Runs until SIGINT or SIGTERM. The process's exit code. */
int node_run(const struct conf *conf);

/* What the configuration says of the store; its path is borrowed. */
struct store_options node_store_options(const struct conf *conf);

#endif
