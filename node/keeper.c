#include "node/keeper.h"

#include "base/util.h"
#include "node/log.h"
#include "node/node.h"
#include "node/peers.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_MAX 256
#define WAITING_MAX 65536 /* a store that takes nothing must not fill the memory */

struct kept {
	struct kept *next;
	struct store_note note;
	uint8_t data[]; /* what note.value is */
};

void keeper_start(struct keeper *k, struct node *node)
{
	k->node = node;
	k->last = &k->first;
}

static void drop_first(struct keeper *k)
{
	struct kept *kept = k->first;

	k->first = kept->next;
	if (k->first == NULL)
		k->last = &k->first;
	k->count--;
	wipe(kept->data, kept->note.len);
	free(kept);
}

void keeper_free(struct keeper *k)
{
	while (k->first != NULL)
		drop_first(k);
}

static void run_write(struct job *job)
{
	struct keeper *k = container_of(job, struct keeper, job);
	struct store_note notes[BATCH_MAX];
	const struct kept *kept = NULL;

	/* The last one's `next` is the loop's, which adds behind it. */
	for (size_t i = 0; i < k->writing; i++) {
		kept = i == 0 ? k->first : kept->next;
		notes[i] = kept->note;
	}
	k->err = store_note_put(k->node->store, notes, k->writing);
}

static void write_some(struct keeper *k);

static void done_write(struct job *job)
{
	struct keeper *k = container_of(job, struct keeper, job);

	if (k->err != ERR_OK)
		log_line("keeper", "%zu notes for the next start could not be kept: %s", k->writing,
		         err_text(k->err));
	for (; k->writing > 0; k->writing--)
		drop_first(k);
	write_some(k);
}

/* The worker reads the first of the list while the loop adds behind them. */
static void write_some(struct keeper *k)
{
	if (k->writing > 0 || k->count == 0)
		return;
	k->writing = MIN(k->count, BATCH_MAX);
	job_start(&k->node->loop, &k->job, run_write, done_write);
}

void keeper_put(struct keeper *k, enum keeper_kind kind, const struct id *key, const void *data,
                size_t len)
{
	struct kept *kept = k->count < WAITING_MAX ? malloc(sizeof(*kept) + len) : NULL;

	if (kept == NULL) {
		log_line("keeper", "no room for a note for the next start");
		return;
	}
	kept->next = NULL;
	kept->note = (struct store_note){.kind = (uint8_t)kind, .value = kept->data, .len = len};
	if (key != NULL)
		memcpy(kept->note.key, key, sizeof(*key));
	memcpy(kept->data, data, len);
	*k->last = kept;
	k->last = &kept->next;
	k->count++;
	write_some(k);
}

static void put_card(struct keeper *k, const struct act *act)
{
	uint8_t room[CARD_MAX];
	struct octets out = octets_of(room, sizeof(room));

	card_pack(&out, act->card);
	keeper_put(k, KEEPER_CARD, &act->card->id, room, octets_len(&out));
}

static void put_page(struct keeper *k, const struct act *act)
{
	uint8_t name[sizeof(struct public_key) + 2];
	struct octets out = octets_of(name, sizeof(name));
	struct notice_head head;
	struct id key;

	if (notice_peek(act->data, act->len, &head) != ERR_OK)
		return;
	octets_put(&out, head.root.octets, sizeof(head.root.octets));
	octets_uint(&out, head.page, 2);
	key = digest("spoor kept page 1", name, sizeof(name));
	keeper_put(k, KEEPER_PAGE, &key, act->data, act->len);
}

static void put_window(struct keeper *k, const struct act *act)
{
	uint8_t room[16];
	struct octets out = octets_of(room, sizeof(room));

	octets_uint(&out, act->window.highest, 8);
	octets_uint(&out, act->window.before, 8);
	keeper_put(k, KEEPER_WINDOW, &act->window.origin, room,
	           act->window.highest != 0 ? sizeof(room) : 0);
}

void keeper_act(struct keeper *k, const struct act *act)
{
	static void (*const puts[])(struct keeper * k, const struct act *act) = {
		[ACT_REMEMBER] = put_card,
		[ACT_NOTICE] = put_page,
		[ACT_WINDOW] = put_window,
	};

	puts[act->kind](k, act);
}

struct recall {
	struct keeper *keeper;
	struct overlay *overlay;
	size_t refused; /* pages of roots not known yet */
};

/* An endorsed root's page may come before the page that endorses it: the caller comes again. */
static void recall_page(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct recall *r = ctx;

	(void)key;
	r->refused += overlay_notice(r->overlay, node_now(), data, len) == ERR_ROOT;
}

/* Who is no member any more asks nothing: its window would take another's place. */
static void recall_window(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data,
                          size_t len)
{
	struct bytes in = bytes_of(data, len);
	struct recall *r = ctx;
	struct window window;
	struct member member;
	bool is_member;

	memcpy(window.origin.octets, key, sizeof(window.origin.octets));
	window.highest = bytes_uint(&in, 8);
	window.before = bytes_uint(&in, 8);
	is_member = overlay_member_of(r->overlay, &window.origin, &member) &&
	            member.state != MEMBER_EXPIRED;
	if (in.is_short || !is_member || overlay_remember_window(r->overlay, &window) != ERR_OK)
		keeper_put(r->keeper, KEEPER_WINDOW, &window.origin, "", 0);
}

/* One that counts no longer is shown as what it was, and kept until its certificate is over. */
static void recall_card(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct wall any = {INT64_MIN}, now = node_now().wall;
	struct recall *r = ctx;
	struct node *node = r->keeper->node;
	struct bytes in = bytes_of(data, len), cert, record;
	enum err err = card_cut(&in, &cert, &record);
	struct card card;
	struct id id;

	if (err == ERR_OK)
		err = overlay_remember(r->overlay, node_now(), cert, record);
	if (err == ERR_OK)
		return;
	log_detail("keeper", "a member that was kept is left out: %s", err_text(err));
	if (err == ERR_LIMIT)
		return; /* there may be room for it the next time */
	in = bytes_of(data, len);
	if (card_cut(&in, &cert, &record) == ERR_OK &&
	    card_open(cert, record, &node->conf.roots, any, &card) == ERR_OK) {
		peers_gone(&node->peers, &card);
		if (card.cert.not_after.ms > now.ms)
			return;
	}
	memcpy(id.octets, key, sizeof(id.octets));
	keeper_put(r->keeper, KEEPER_CARD, &id, "", 0);
}

enum err keeper_recall(struct keeper *k, struct overlay *overlay)
{
	struct recall r = {.keeper = k, .overlay = overlay};
	enum err err = store_note_each(k->node->store, KEEPER_PAGE, recall_page, &r);

	if (err == ERR_OK && r.refused > 0)
		err = store_note_each(k->node->store, KEEPER_PAGE, recall_page, &r);
	if (err == ERR_OK)
		err = store_note_each(k->node->store, KEEPER_CARD, recall_card, &r);
	if (err == ERR_OK)
		err = store_note_each(k->node->store, KEEPER_WINDOW, recall_window, &r);
	return err;
}

static void read_number(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct bytes in = bytes_of(data, len);
	uint64_t number = bytes_uint(&in, 8), *ret = ctx;

	(void)key;
	if (!in.is_short)
		*ret = MAX(*ret, number);
}

/* Counted on from the clock: a node whose store was lost is not taken for one that repeats. */
enum err keeper_number(struct keeper *k, uint64_t *ret)
{
	*ret = (uint64_t)MAX(k->node->started.wall.ms, 0);
	return store_note_each(k->node->store, KEEPER_NUMBER, read_number, ret);
}

void keeper_number_put(struct keeper *k, uint64_t number)
{
	uint8_t room[8];
	struct octets out = octets_of(room, sizeof(room));
	const struct store_note note = {.kind = KEEPER_NUMBER, .value = room, .len = sizeof(room)};
	enum err err;

	octets_uint(&out, number, 8);
	err = store_note_put(k->node->store, &note, 1);
	if (err != ERR_OK)
		log_line("keeper", "the number of our questions could not be kept: %s",
		         err_text(err));
}
