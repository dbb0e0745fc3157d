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
#define ANSWER_MS 2000 /* an answer may take to arrive: its search ends so much earlier */

struct served {               /* somebody's query on its way through a worker */
	struct search search; /* first */
	uint32_t ticket;
	char org[CERT_ORG_MAX]; /* who asks */
};

/* What is left of a query's life is for its answer to arrive, too. */
static struct mono search_until(struct mono now, struct mono expires)
{
	uint64_t left_ms = mono_reached(now, expires) ? 0 : expires.ms - now.ms;

	return (struct mono){expires.ms - MIN(left_ms / 4, ANSWER_MS)};
}

static bool has_match(const struct answer *answer)
{
	for (size_t i = 0; i < answer->finding_count; i++) {
		if (verdict_is_match((enum verdict)answer->findings[i].verdict))
			return true;
	}
	return false;
}

/*
 * What was found in what could be read is an answer, and names the window that was read. That
 * nothing was found there is none: this member had no time, or a log that does not tell.
 */
static enum err answer(struct overlay *overlay, struct now now, const struct served *served)
{
	const struct search *search = &served->search;
	bool is_match = has_match(&search->answer);

	if (search->extent != SEARCH_WHOLE && !is_match)
		return ERR_BUSY;
	return overlay_answer(overlay, now, served->ticket, &search->answer, is_match);
}

static void on_searched(struct search *search)
{
	struct served *served = container_of(search, struct served, search);
	struct node *node = search->node;
	struct overlay *overlay = node->link.overlay;
	struct now now = node_now();
	enum err err = search->err;

	if (!node->is_stopping) {
		overlay_spent(overlay, now, served->org, search->spent_ms);
		if (err == ERR_OK)
			err = answer(overlay, now, served);
		if (err != ERR_OK && err != ERR_NOENT) {
			const char *extent = search_extent_text(search->extent);

			log_line("overlay", "a question could not be answered: %s",
			         search->err == ERR_OK && extent != NULL ? extent : err_text(err));
			/* Whatever the cause, it is no policy: there may be something. */
			overlay_refuse(overlay, now, served->ticket, RECEIPT_BUSY);
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
	memcpy(served->org, act->card->cert.org, sizeof(served->org));
	search_start(&served->search, node, &act->query->question, node->conf.shown,
	             search_until(now.mono, act->until), on_searched);
}
