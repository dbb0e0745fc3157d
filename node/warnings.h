/*
 * warnings - what is not well with this node and needs somebody to look: the end of its
 * certificate, its clock, lists of its roots that are old, exporters' clocks. `spoor status` shows
 * all of them; the log has a line when one begins or is over.
 */
#ifndef SPOOR_NODE_WARNINGS_H
#define SPOOR_NODE_WARNINGS_H

#include "base/clock.h"

#include <stdbool.h>
#include <uv.h>

struct node;

enum warning {
	WARNING_CLOCK,    /* it is off those of the peers */
	WARNING_LIST,     /* a trusted root's is old */
	WARNING_EXPORTER, /* its clock is off */
	WARNING_COUNT
};

struct warnings {
	struct node *node;
	uv_timer_t timer;
	bool is_open;
	bool is_on[WARNING_COUNT]; /* at the last look */
};

void warnings_start(struct warnings *w, struct node *node); /* needs the link */
void warnings_stop(struct warnings *w);

/* Looks at the clock and the lists; what is told is what has changed. */
void warnings_look(struct warnings *w, struct now now);

/* One line on everything, as the last look and the certificate have it; NULL when all is well. */
#define WARNINGS_MAX 512
const char *warnings_text(const struct warnings *w, struct now now, char room[WARNINGS_MAX]);

#endif
