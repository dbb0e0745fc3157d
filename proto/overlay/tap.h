/*
 * tap - inside a node, for simulators and tests alone: sees every frame, may bend it, and speaks.
 *
 * A liar of the simulator is the very overlay whose frames are bent on their way: it has keys,
 * certificate and sessions like everybody else. Nothing in node/ uses this.
 */
#ifndef SPOOR_PROTO_OVERLAY_TAP_H
#define SPOOR_PROTO_OVERLAY_TAP_H

#include "proto/overlay/overlay.h"

struct overlay_tap {
	/* Before a frame is sealed for `to`; may change it. False: it is not sent. */
	bool (*out)(void *ctx, struct now now, const struct card *to, struct frame *frame);
	/* Before a frame of `from` is handled; may change it. False: it is swallowed. */
	bool (*in)(void *ctx, struct now now, const struct card *from, struct frame *frame);
	void *ctx;
};

void overlay_set_tap(struct overlay *o, const struct overlay_tap *tap); /* copied; NULL: none */

/* Says `frame` to the member `to`, now if there is a session, else as soon as there is one.
 * ERR_NOENT: not in the directory. ERR_BUSY: no session yet; one was begun: say it again later. */
MUST_USE enum err overlay_say(struct overlay *o, struct now now, const struct id *to,
                              const struct frame *frame);

#endif
