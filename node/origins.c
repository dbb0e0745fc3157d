#include "node/origins.h"

#include "base/util.h"
#include "node/hostentry.h"
#include "node/job.h"
#include "node/node.h"
#include "node/recordrow.h"
#include "node/requests.h"
#include "node/row.h"
#include "origin/files/writes.h"
#include "origin/record.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 64          /* of a connection's end, the latest */
#define SHOWN EVIDENCE_PARTS /* on the host itself nothing is held back */

static void send_record(struct client *client, const struct origin_record *r)
{
	uint8_t room[RECORDROW_MAX];
	struct pack p = pack_into(room, sizeof(room));

	recordrow_put(&p, r, SHOWN);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
}

/*
 * One process, or the processes at a connection's end.
 */

struct finding_end {    /* on a worker: in the log, by the far end */
	struct job job; /* first */
	struct client *client;
	struct endpoint far;
	struct origin_record rows[ROWS_MAX];
	size_t count;
	enum err err;
};

static bool keep_row(void *ctx, uint64_t number, int64_t at_ms, const void *value, size_t len)
{
	struct finding_end *f = ctx;

	(void)number;
	(void)at_ms;
	if (len >= RECORD_OCTETS &&
	    record_unpack(value, RECORD_OCTETS, &f->rows[f->count]) == ERR_OK)
		f->count++;
	return f->count < ROWS_MAX;
}

static void run_end(struct job *job)
{
	struct finding_end *f = container_of(job, struct finding_end, job);
	uint8_t key[STORE_LOG_KEY];

	hostentry_far_key(&f->far, key);
	f->err = store_log_find(client_node(f->client)->store, key, INT64_MIN, INT64_MAX, keep_row,
	                        f);
}

static void done_end(struct job *job)
{
	struct finding_end *f = container_of(job, struct finding_end, job);

	for (size_t i = 0; i < f->count; i++)
		send_record(f->client, &f->rows[i]);
	if (f->err != ERR_OK && f->err != ERR_NOENT)
		client_end(f->client, CTL_INTERNAL, "the log: %s", err_text(f->err));
	else if (f->count > 0)
		client_end(f->client, CTL_FOUND, NULL);
	else
		client_end(f->client, CTL_NOTHING, "no record of a connection with it");
	client_put(f->client);
	free(f);
}

static void find_end(struct client *client, const struct endpoint *far)
{
	struct finding_end *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		client_end(client, CTL_INTERNAL, "%s", err_text(ERR_NOMEM));
		return;
	}
	f->client = client_hold(client);
	f->far = *far;
	job_start(&client_node(client)->loop, &f->job, run_end, done_end);
}

static struct provider *provider_of(struct client *client)
{
	struct provider *provider = client_node(client)->host.provider;

	if (provider == NULL)
		client_end(client, CTL_INTERNAL, "the provider is broken; it is opened again");
	return provider;
}

void request_origin(struct client *client, const struct ctl_request *request)
{
	struct provider *provider;
	struct origin_record r;
	enum err err;

	if (request->pid == 0 && request->target.port == 0) {
		client_end(client, CTL_USAGE, "a PID or ADDR:PORT is needed");
		return;
	}
	if (request->pid == 0) {
		find_end(client, &request->target);
		return;
	}
	provider = provider_of(client);
	if (provider == NULL)
		return;
	err = request->pid > INT32_MAX ? ERR_NOENT
	                               : provider_getorigin(provider, (pid_t)request->pid, &r);
	if (err == ERR_OK)
		send_record(client, &r);
	if (err == ERR_NOENT)
		client_end(client, CTL_NOTHING, "no such process: %llu",
		           (unsigned long long)request->pid);
	else
		client_end(client, err == ERR_OK ? CTL_FOUND : CTL_INTERNAL,
		           err == ERR_OK ? NULL : "%s", err_text(err));
}

/*
 * All processes of remote origin (the paper's property 9).
 */

struct listing_tasks {
	struct client *client;
	size_t count;
};

static void list_one(void *arg, const struct origin_record *r)
{
	struct listing_tasks *l = arg;

	if (r->root.proto == 0)
		return;
	l->count++;
	send_record(l->client, r);
}

void request_origin_list(struct client *client, const struct ctl_request *request)
{
	struct provider *provider = provider_of(client);
	struct listing_tasks l = {.client = client};
	enum err err;

	(void)request;
	if (provider == NULL)
		return;
	err = provider_dump(provider, list_one, &l);
	if (err != ERR_OK)
		client_end(client, CTL_INTERNAL, "%s", err_text(err));
	else
		client_end(client, l.count > 0 ? CTL_FOUND : CTL_NOTHING, NULL);
}

/*
 * Records as they come.
 */

void origins_seen(struct host *h, const struct origin_record *r)
{
	uint8_t room[RECORDROW_MAX];
	struct pack p = pack_into(room, sizeof(room));

	if (h->audience.first == NULL)
		return;
	recordrow_put(&p, r, SHOWN);
	audience_tell(&h->audience, AUDIENCE_ALL, room, pack_len(&p));
}

void request_origin_watch(struct client *client, const struct ctl_request *request)
{
	enum err err = audience_join(&client_node(client)->host.audience, client, AUDIENCE_ALL);

	(void)request;
	if (err != ERR_OK)
		audience_refuse(client, err);
}

/*
 * How the host is.
 */

/* Of those in which a file starts others. */
static void put_files(struct pack *p, const struct hostfiles *f)
{
	struct writes_counts counts = {0};

	if (f->writes != NULL)
		writes_counts(f->writes, &counts);
	pack_str(p, "files");
	pack_map(p, 8);
	row_uint(p, "folders", counts.folders);
	row_uint(p, "refused", counts.refused);
	row_uint(p, "tagged", f->tags.count);
	row_uint(p, "unread", f->tags.unread);
	row_uint(p, "written", f->tagged);
	row_uint(p, "unknown", f->unknown);
	row_uint(p, "started", f->started);
	row_uint(p, "lost", f->lost + counts.lost);
}

static void put_host(struct pack *p, struct node *node)
{
	const struct host *h = &node->host;
	struct health health;
	char text[ENDPOINT_TEXT_MAX];

	host_health(node, &health);
	health.lost += h->log.lost;
	pack_map(p, 15);
	row_str(p, "name", node->keys.self.card.cert.name);
	row_str(p, "org", node->keys.self.card.cert.org);
	row_str(p, "role", "host");
	row_str(p, "version", SPOOR_VERSION);
	row_time(p, "started", node->started.wall.ms);
	row_str(p, "gateway", endpoint_print(&node->conf.gateway, text));
	row_bool(p, "is_connected", gateway_is_connected(&h->gateway));
	row_uint(p, "asked", h->gateway.asked);
	row_uint(p, "told", h->gateway.told);
	row_uint(p, "records", h->records);
	row_uint(p, "malformed", h->malformed);
	row_uint(p, "entries", h->log.end.count);
	row_hex(p, "head", h->log.end.head.octets, sizeof(h->log.end.head.octets));
	put_files(p, &h->files);
	pack_str(p, "health");
	recordrow_health(p, &health, node_now().wall.ms);
}

static void put_peer(void *ctx, const struct card *card, const struct endpoint *from,
                     struct wall since, const struct checkpoint *newest)
{
	struct client *client = ctx;
	uint8_t room[RECORDROW_MAX];
	struct pack p = pack_into(room, sizeof(room));
	char text[ENDPOINT_TEXT_MAX];

	pack_map(&p, 6);
	row_str(&p, "name", card->cert.name);
	row_str(&p, "org", card->cert.org);
	row_str(&p, "address", endpoint_print(from, text));
	row_time(&p, "connected", since.ms);
	row_uint(&p, "entries", newest != NULL ? newest->count : 0);
	pack_str(&p, "health");
	if (newest != NULL)
		recordrow_health(&p, &newest->health, newest->at.ms);
	else
		pack_nil(&p);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
}

void request_origin_status(struct client *client, const struct ctl_request *request)
{
	struct node *node = client_node(client);
	uint8_t room[RECORDROW_MAX];
	struct pack p = pack_into(room, sizeof(room));

	(void)request;
	if (node->conf.role == ROLE_GATEWAY) {
		hosts_each(&node->hosts, put_peer, client);
		client_end(client, node->hosts.count > 0 ? CTL_FOUND : CTL_NOTHING,
		           node->hosts.count > 0 ? NULL : "no host is connected");
		return;
	}
	put_host(&p, node);
	client_send(client, "row", room, pack_len(&p), NULL, NULL);
	client_end(client, p.out.is_full ? CTL_INTERNAL : CTL_FOUND, NULL);
}
