#include "node/serving.h"

#include "base/util.h"
#include "correlate/score.h"
#include "node/log.h"
#include "node/node.h"
#include "node/search.h"

#include <stdlib.h>
#include <string.h>

/* More at once would only make each slower; the asker is told and comes again. */
#define SEARCHES_MAX 4

struct served {               /* somebody's query on its way through a worker */
	struct search search; /* first */
	uint32_t ticket;
	char org[CERT_ORG_MAX]; /* who asks */
	struct mono began;
};

static bool has_match(const struct answer *answer)
{
	for (size_t i = 0; i < answer->finding_count; i++) {
		if (verdict_is_match((enum verdict)answer->findings[i].verdict))
			return true;
	}
	return false;
}

static void on_searched(struct search *search)
{
	struct served *served = container_of(search, struct served, search);
	struct node *node = search->node;
	struct overlay *overlay = node->link.overlay;
	struct now now = node_now();
	enum err err = search->err;

	if (!node->is_stopping) {
		overlay_spent(overlay, now, served->org,
		              (uint32_t)(now.mono.ms - served->began.ms));
		if (err == ERR_OK)
			err = overlay_answer(overlay, now, served->ticket, &search->answer,
			                     has_match(&search->answer));
		if (err != ERR_OK && err != ERR_NOENT) {
			log_line("overlay", "a question could not be answered: %s", err_text(err));
			overlay_refuse(overlay, now, served->ticket,
			               err == ERR_LIMIT ? RECEIPT_REFUSED : RECEIPT_BUSY);
		}
		link_drive(&node->link);
	}
	free(served);
}

void serving_begin(struct node *node, const struct act *act)
{
	struct overlay *overlay = node->link.overlay;
	struct now now = node_now();
	struct served *served;

	if (!node->conf.is_answering) {
		overlay_refuse(overlay, now, act->ticket, RECEIPT_REFUSED);
		return;
	}
	served = node->searches < SEARCHES_MAX ? calloc(1, sizeof(*served)) : NULL;
	if (served == NULL) {
		overlay_refuse(overlay, now, act->ticket, RECEIPT_BUSY);
		return;
	}
	served->ticket = act->ticket;
	served->began = now.mono;
	memcpy(served->org, act->card->cert.org, sizeof(served->org));
	search_start(&served->search, node, &act->query->question, node->conf.shown, on_searched);
}
