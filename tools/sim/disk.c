/* What a node keeps across restarts. Whom it remembers is a bit: cards are minted once. */
#include "tools/sim/parts.h"

#include <stdlib.h>
#include <string.h>

#define PAGES_KEPT 64

static void set_card(struct disk *disk, uint32_t node, bool is_there)
{
	uint8_t bit = (uint8_t)(1u << node % 8);

	if (is_there)
		disk->cards[node / 8] |= bit;
	else
		disk->cards[node / 8] &= (uint8_t)~bit;
}

bool disk_has(const struct disk *disk, uint32_t node)
{
	return disk->cards != NULL && (disk->cards[node / 8] >> node % 8 & 1) != 0;
}

static void keep_window(struct disk *disk, const struct window *window)
{
	size_t i = 0;

	while (i < disk->window_count && !id_equal(&disk->windows[i].origin, &window->origin))
		i++;
	if (window->highest == 0) {
		if (i < disk->window_count)
			disk->windows[i] = disk->windows[--disk->window_count];
		return;
	}
	if (i == disk->window_room) {
		disk->window_room = MAX(8, 2 * disk->window_room);
		disk->windows =
			must(realloc(disk->windows, disk->window_room * sizeof(*disk->windows)));
	}
	disk->windows[i] = *window;
	disk->window_count = MAX(disk->window_count, i + 1);
}

/* A newer page of the same place in the list replaces the older one. */
static void keep_page(struct disk *disk, const uint8_t *data, size_t len)
{
	struct notice_head head, other;
	size_t i = 0;

	if (notice_peek(data, len, &head) != ERR_OK || len > NOTICE_MAX)
		return;
	for (; i < disk->page_count; i++) {
		const struct notice_blob *b = &disk->pages[i];

		if (notice_peek(b->octets, b->len, &other) == ERR_OK && other.page == head.page &&
		    memcmp(&other.root, &head.root, sizeof(head.root)) == 0)
			break;
	}
	if (i == PAGES_KEPT)
		return;
	if (i == disk->page_count)
		disk->pages = must(realloc(disk->pages, (i + 1) * sizeof(*disk->pages)));
	memcpy(disk->pages[i].octets, data, len);
	disk->pages[i].len = len;
	disk->page_count = MAX(disk->page_count, i + 1);
}

void disk_act(struct sim *sim, uint32_t node, const struct act *act)
{
	struct disk *disk = &sim->nodes[node].disk;
	uint32_t about = node_of(sim, act->card);

	if (act->kind == ACT_SEQUENCE)
		disk->sequence = act->number;
	else if (act->kind == ACT_WINDOW)
		keep_window(disk, &act->window);
	else if (act->kind == ACT_NOTICE)
		keep_page(disk, act->data, act->len);
	else if (about != SIM_NOWHERE)
		set_card(disk, about, act->kind == ACT_REMEMBER);
}

void disk_fill(struct sim *sim, uint32_t node)
{
	for (uint32_t i = 0; i < sim->options.nodes; i++)
		set_card(&sim->nodes[node].disk, i, i != node);
}

void disk_lose(struct sim *sim, uint32_t node)
{
	struct disk *disk = &sim->nodes[node].disk;
	uint32_t generation = disk->generation + 1;

	disk_free(disk);
	*disk = (struct disk){.generation = generation,
	                      .cards = must(calloc(sim->options.nodes / 8 + 1, 1))};
}

/* In the order of the ids, which is the quickest way to fill a directory. */
static void recall_cards(struct sim *sim, uint32_t node, struct now now)
{
	struct node *n = &sim->nodes[node];

	for (uint32_t i = 0; i < sim->options.nodes; i++) {
		uint32_t about = sim->by_id[i];
		const struct card *card = &sim->nodes[about].self.card;
		enum err err;

		if (!disk_has(&n->disk, about))
			continue;
		err = overlay_remember(n->overlay, now,
		                       bytes_of(card->cert_blob.octets, card->cert_blob.len),
		                       bytes_of(card->record_blob.octets, card->record_blob.len));
		if (err != ERR_OK)
			narrate(sim, node, "could not remember %s: %s", sim->nodes[about].name,
			        err_text(err));
	}
}

/* The lists first: they say whose cards are worth nothing. */
void disk_recall(struct sim *sim, uint32_t node)
{
	struct node *n = &sim->nodes[node];
	struct now now = sim_clocks(sim, node);
	enum err err;

	for (size_t i = 0; i < n->disk.page_count; i++) {
		err = overlay_notice(n->overlay, now, n->disk.pages[i].octets,
		                     n->disk.pages[i].len);
		if (err != ERR_OK && err != ERR_STALE)
			violation(sim, node, "its own page is refused: %s", err_text(err));
	}
	recall_cards(sim, node, now);
	for (size_t i = 0; i < n->disk.window_count; i++) {
		err = overlay_remember_window(n->overlay, &n->disk.windows[i]);
		if (err != ERR_OK && err != ERR_LIMIT)
			violation(sim, node, "its own window is refused: %s", err_text(err));
	}
}

void disk_free(struct disk *disk)
{
	free(disk->cards);
	free(disk->windows);
	free(disk->pages);
}
