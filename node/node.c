#include "node/node.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/log.h"
#include "node/notify.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define EXIT_START 64 /* as CTL_INTERNAL */

struct now node_now(void)
{
	struct timespec mono, wall;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct now){
		.mono = {(uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000},
		.wall = {(int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000},
	};
}

void node_random(void *ctx, void *room, size_t len)
{
	(void)ctx;
	/* Up to 256 octets come whole or not at all; without them there are no keys to go on with.
	 */
	if (getrandom(room, len, 0) != (ssize_t)len) {
		log_line("node", "the system gives no randomness");
		abort();
	}
}

struct store_options node_store_options(const struct conf *conf)
{
	return (struct store_options){
		.path = conf->store,
		.map_size = conf->map_size,
		.size_max = conf->size_max,
		.age_max_ms = conf->age_max_ms,
	};
}

static enum err open_store(struct node *node)
{
	struct store_options options = node_store_options(&node->conf);
	char reterr[STORE_REASON_MAX] = "";
	enum err err = store_open(&options, &node->store, reterr);

	if (err != ERR_OK)
		log_line("store", "%s", reterr);
	return err;
}

/* What could not be written is told: it was in memory only, and goes. */
static void close_store(struct node *node)
{
	struct store_stats stats;

	if (node->store == NULL)
		return;
	if (store_seal(node->store) != ERR_OK) {
		store_stats(node->store, &stats);
		log_line("store", "no room for the last %llu flows: they are lost",
		         (unsigned long long)stats.unsealed);
	}
	store_close(node->store);
}

static void stop(struct node *node)
{
	if (node->is_stopping)
		return;
	node->is_stopping = true;
	notify("STOPPING=1");
	control_stop(&node->control);
	host_stop(&node->host);
	hosts_stop(&node->hosts);
	traces_stop(&node->traces);
	watches_stop(&node->watches);
	notices_stop(&node->notices);
	warnings_stop(&node->warnings);
	keys_stop(&node->keys);
	link_stop(&node->link);
	collector_stop(&node->collector);
}

static void on_signal(uv_signal_t *signal, int number)
{
	(void)number;
	stop(signal->data);
}

/* A host has no routers and no overlay. */
static enum err start_host(struct node *node)
{
	enum err err;

	keeper_start(&node->keeper, node);
	err = keys_start(&node->keys, node);
	if (err == ERR_OK)
		keys_watch(&node->keys);
	if (err == ERR_OK)
		err = host_start(&node->host, node);
	if (err == ERR_OK)
		err = control_start(&node->control, node);
	return err;
}

static enum err start(struct node *node)
{
	enum err err;

	if (node->conf.role == ROLE_HOST)
		return start_host(node);
	keeper_start(&node->keeper, node);
	silences_start(&node->silences, node->store, node->conf.idle_timeout_ms,
	               SILENCES_CONNECTIONS);
	err = collector_start(&node->collector, node);
	if (err == ERR_OK)
		err = keys_start(&node->keys, node);
	if (err == ERR_OK)
		err = link_start(&node->link, node);
	if (err == ERR_OK)
		keys_watch(&node->keys);
	if (err == ERR_OK)
		notices_start(&node->notices, node);
	if (err == ERR_OK)
		warnings_start(&node->warnings, node);
	if (err == ERR_OK)
		traces_start(&node->traces, node);
	if (err == ERR_OK)
		err = watches_start(&node->watches, node);
	if (err == ERR_OK)
		err = hosts_start(&node->hosts, node);
	if (err == ERR_OK)
		err = control_start(&node->control, node);
	return err;
}

static void say_ready(const struct node *node)
{
	const struct conf *conf = &node->conf;
	const struct cert *cert = &node->keys.self.card.cert;
	char text[ENDPOINT_TEXT_MAX], expires[TIMESTAMP_TEXT_MAX];

	if (conf->role == ROLE_HOST) {
		log_line(conf->name, "ready, certificate of %s valid until %s", cert->org,
		         timestamp_print(cert->not_after.ms, expires));
		notify("READY=1");
		return;
	}
	if (conf->advertise_count == 0)
		log_line(conf->name, "others cannot reach this node first: no address inside the "
		                     "certificate's prefixes is advertised");
	log_line(conf->name, "ready at %s, certificate of %s valid until %s",
	         endpoint_print(&conf->overlay_listen[0], text), cert->org,
	         timestamp_print(cert->not_after.ms, expires));
	notify("READY=1");
}

static void close_loop(struct node *node)
{
	for (size_t i = 0; i < ARRAY_LEN(node->signals); i++)
		uv_close((uv_handle_t *)&node->signals[i], NULL);
	uv_run(&node->loop, UV_RUN_DEFAULT);
	uv_loop_close(&node->loop);
}

int node_run(const struct conf *conf)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct node *node = calloc(1, sizeof(*node));
	int code = EXIT_START;

	if (node == NULL)
		return code;
	node->conf = *conf;
	node->started = node_now();
	signal(SIGPIPE, SIG_IGN); /* a client that went away is an error of the write */
	uv_loop_init(&node->loop);
	for (size_t i = 0; i < ARRAY_LEN(node->signals); i++) {
		uv_signal_init(&node->loop, &node->signals[i]);
		uv_unref((uv_handle_t *)&node->signals[i]);
		node->signals[i].data = node;
	}
	if (open_store(node) == ERR_OK && start(node) == ERR_OK) {
		for (size_t i = 0; i < ARRAY_LEN(node->signals); i++)
			uv_signal_start(&node->signals[i], on_signal, ends[i]);
		say_ready(node);
		code = 0;
	} else {
		stop(node);
	}
	/* Returns when every handle is closed but those, and every job done. */
	uv_run(&node->loop, UV_RUN_DEFAULT);
	traces_fini(&node->traces);
	watches_fini(&node->watches);
	close_store(node);
	close_loop(node); /* until here a second signal, too, is heard, and loses nothing */
	host_free(&node->host);
	collector_free(&node->collector);
	silences_free(&node->silences);
	link_free(&node->link);
	keeper_free(&node->keeper);
	peers_free(&node->peers);
	keys_free(&node->keys);
	key_pair_wipe(&node->conf.identity);
	free(node);
	return code;
}
