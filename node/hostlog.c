#include "node/hostlog.h"

#include "base/util.h"
#include "node/hostentry.h"
#include "node/log.h"
#include "node/node.h"
#include "origin/record.h"
#include "store/log.h"

#include <stdlib.h>
#include <string.h>

#define WRITE_MS 250
#define EXPIRE_MS 60000
#define BATCH_MAX 64 /* entries of one transaction: the store takes no more than an eighth */
#define STATE_LEN (8 + sizeof(struct id))

struct batch {
	struct job job; /* first */
	struct hostlog *log;
	struct origin_record *records;
	size_t count, written;
	struct hostlog_end end;
	struct card card;
	struct key_pair operational;
	struct health health;
	struct wall now;
	bool is_expiring;
	enum err err, expiry;
};

struct asked { /* first of a list, or on a worker */
	struct job job;
	struct asked *next;
	struct hostlog *log;
	struct inquiry q, answer;
	struct card card;
	uint8_t evidence[EVIDENCE_MAX];
	hostlog_told *told;
	void *ctx;
};

static void read_state(const uint8_t *from, struct hostlog_end *ret)
{
	struct bytes in = bytes_of(from, STATE_LEN);

	ret->count = bytes_uint(&in, 8);
	bytes_copy(&in, ret->head.octets, sizeof(ret->head.octets));
}

static void write_state(const struct hostlog_end *end, uint8_t room[STATE_LEN])
{
	struct octets out = octets_of(room, STATE_LEN);

	octets_uint(&out, end->count, 8);
	octets_put(&out, end->head.octets, sizeof(end->head.octets));
}

/*
 * Writing.
 */

static void sign_end(const struct hostlog_end *end, const struct card *card,
                     const struct key_pair *operational, const struct health *health,
                     struct wall now, struct checkpoint_blob *ret)
{
	struct checkpoint c = {
		.host = card->id,
		.count = end->count,
		.head = end->head,
		.at = now,
		.health = *health,
	};

	checkpoint_sign(&c, operational, ret);
}

/* Entries of one transaction, chained on from `end`, which moves. */
static enum err write_some(struct batch *b, struct store *store, size_t count)
{
	struct store_log_entry *rows = calloc(count, sizeof(*rows));
	struct hostentry *entries = calloc(count, sizeof(*entries));
	struct hostlog_end end = b->end;
	uint8_t state[STATE_LEN];
	uint64_t first;
	enum err err = rows == NULL || entries == NULL ? ERR_NOMEM : ERR_OK;

	for (size_t i = 0; i < count && err == ERR_OK; i++) {
		struct checkpoint_blob blob;

		hostentry_make(&entries[i], &b->records[b->written + i], &end.head);
		end.head = chain_next(&end.head, &entries[i].leaf);
		end.count++;
		if (end.count % EVIDENCE_SPAN == 0 || i + 1 == count) {
			sign_end(&end, &b->card, &b->operational, &b->health, b->now, &blob);
			hostentry_sign(&entries[i], &b->card, &blob);
		}
		hostentry_row(&entries[i], &rows[i]);
	}
	write_state(&end, state);
	if (err == ERR_OK)
		err = store_log_append(store, rows, count, state, sizeof(state), &first);
	if (err == ERR_OK) {
		b->written += count;
		b->end = end;
	}
	free(rows);
	free(entries);
	return err;
}

static void run_batch(struct job *job)
{
	struct batch *b = container_of(job, struct batch, job);
	struct node *node = b->log->node;
	struct store_log_limits limits = {node->conf.age_max_ms, node->conf.size_max};

	while (b->written < b->count && b->err == ERR_OK)
		b->err = write_some(b, node->store, MIN(b->count - b->written, (size_t)BATCH_MAX));
	if (b->is_expiring || b->err == ERR_FULL)
		b->expiry = store_log_expire(node->store, b->now, &limits);
}

static void ask_next(struct hostlog *l);
static void write_waiting(struct hostlog *l);

/* What could not be written waits on, before what came meanwhile. */
static void put_back(struct hostlog *l, const struct batch *b)
{
	size_t left = b->count - b->written;
	size_t room = HOSTLOG_WAITING_MAX - l->waiting_count;
	size_t kept = MIN(left, room);

	memmove(l->waiting + kept, l->waiting, l->waiting_count * sizeof(*l->waiting));
	memcpy(l->waiting, b->records + b->written, kept * sizeof(*l->waiting));
	l->waiting_count += kept;
	l->lost += left - kept;
}

static void done_batch(struct job *job)
{
	struct batch *b = container_of(job, struct batch, job);
	struct hostlog *l = b->log;

	l->batch = NULL;
	l->end = b->end;
	if (b->err != l->err && b->err != ERR_OK)
		log_line("origin", "records cannot be written: %s", err_text(b->err));
	if (b->expiry != ERR_OK)
		log_line("origin", "old records cannot be dropped: %s", err_text(b->expiry));
	l->err = b->err;
	put_back(l, b);
	wipe(&b->operational, sizeof(b->operational));
	free(b->records);
	free(b);
	if (l->node->is_stopping && l->err == ERR_OK)
		write_waiting(l);
	ask_next(l);
}

static struct batch *batch_of(struct hostlog *l)
{
	struct batch *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->records = malloc(MAX(l->waiting_count, 1) * sizeof(*b->records));
	if (b->records == NULL) {
		free(b);
		return NULL;
	}
	return b;
}

static void begin_batch(struct hostlog *l, bool is_expiring)
{
	const struct overlay_self *self = &l->node->keys.self;
	struct batch *b = batch_of(l);

	if (b == NULL)
		return; /* the next tick tries again */
	b->log = l;
	b->count = l->waiting_count;
	memcpy(b->records, l->waiting, l->waiting_count * sizeof(*b->records));
	l->waiting_count = 0;
	b->end = l->end;
	b->card = self->card;
	b->operational = self->operational;
	b->now = node_now().wall;
	b->is_expiring = is_expiring;
	l->health(l->node, &b->health);
	b->health.lost += l->lost;
	l->batch = b;
	job_start(&l->node->loop, &b->job, run_batch, done_batch);
}

static void write_waiting(struct hostlog *l)
{
	if (l->batch == NULL && l->waiting_count > 0)
		begin_batch(l, false);
}

static void on_timer(uv_timer_t *timer)
{
	struct hostlog *l = timer->data;
	struct mono now = node_now().mono;

	if (l->batch == NULL && mono_reached(now, mono_after(l->expired, EXPIRE_MS))) {
		l->expired = now;
		begin_batch(l, true);
	}
	write_waiting(l);
}

void hostlog_take(struct hostlog *l, const struct origin_record *r)
{
	if (l->waiting_count == HOSTLOG_WAITING_MAX)
		l->lost++;
	else
		l->waiting[l->waiting_count++] = *r;
}

void hostlog_checkpoint(struct hostlog *l, struct checkpoint_blob *ret)
{
	const struct overlay_self *self = &l->node->keys.self;
	struct health health = {0};

	l->health(l->node, &health);
	health.lost += l->lost;
	sign_end(&l->end, &self->card, &self->operational, &health, node_now().wall, ret);
}

/*
 * Asking.
 */

static void run_ask(struct job *job)
{
	struct asked *a = container_of(job, struct asked, job);
	size_t len = sizeof(a->evidence);
	enum err err = hostentry_find(a->log->node->store, &a->q, a->evidence, &len);

	a->answer.state = err == ERR_OK      ? INQUIRY_FOUND
	                  : err == ERR_NOENT ? INQUIRY_NOTHING
	                                     : INQUIRY_FAILED;
	a->answer.octets = bytes_of(a->evidence, err == ERR_OK ? len : 0);
}

static void done_ask(struct job *job)
{
	struct asked *a = container_of(job, struct asked, job);

	a->told(a->ctx, &a->answer);
	free(a);
}

/* All that waited for the batch: what was taken before they asked is on disk. */
static void ask_next(struct hostlog *l)
{
	struct asked *a;

	while ((a = l->asked) != NULL) {
		l->asked = a->next;
		job_start(&l->node->loop, &a->job, run_ask, done_ask);
	}
}

void hostlog_ask(struct hostlog *l, const struct inquiry *q, hostlog_told *told, void *ctx)
{
	struct inquiry answer = {
		.kind = INQUIRY_TOLD, .number = q->number, .state = INQUIRY_FAILED};
	struct asked *a = calloc(1, sizeof(*a));

	if (a == NULL) {
		told(ctx, &answer);
		return;
	}
	a->log = l;
	a->q = *q;
	a->answer = answer;
	a->told = told;
	a->ctx = ctx;
	a->next = l->asked;
	l->asked = a;
	write_waiting(l);
	if (l->batch == NULL)
		ask_next(l);
}

enum err hostlog_start(struct hostlog *l, struct node *node,
                       void (*health)(struct node *node, struct health *ret))
{
	uint8_t state[STATE_LEN];
	size_t len = sizeof(state);
	uint64_t first, next;
	enum err err = store_log_state(node->store, state, &len);

	l->node = node;
	l->health = health;
	l->end = (struct hostlog_end){.head = chain_begin(&node->keys.self.card.id)};
	if (err == ERR_OK && len == sizeof(state))
		read_state(state, &l->end);
	if (err == ERR_OK)
		err = store_log_bounds(node->store, &first, &next);
	if (err == ERR_OK && next != l->end.count + 1)
		err = ERR_CORRUPT;
	if (err == ERR_OK) {
		l->waiting = calloc(HOSTLOG_WAITING_MAX, sizeof(*l->waiting));
		err = l->waiting == NULL ? ERR_NOMEM : ERR_OK;
	}
	if (err != ERR_OK) {
		log_line("origin", "the log of records: %s", err_text(err));
		return err;
	}
	l->expired = node_now().mono;
	uv_timer_init(&node->loop, &l->timer);
	l->timer.data = l;
	l->is_open = true;
	uv_timer_start(&l->timer, on_timer, WRITE_MS, WRITE_MS);
	return ERR_OK;
}

void hostlog_stop(struct hostlog *l)
{
	if (!l->is_open)
		return;
	uv_close((uv_handle_t *)&l->timer, NULL);
	write_waiting(l);
}

void hostlog_free(struct hostlog *l)
{
	if (l->waiting_count > 0)
		log_line("origin", "%zu records could not be written: they are lost",
		         l->waiting_count);
	free(l->waiting);
}
