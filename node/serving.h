/* serving - other members' questions: searched for on workers, as far as the policy allows. */
#ifndef SPOOR_NODE_SERVING_H
#define SPOOR_NODE_SERVING_H

#include "proto/overlay/overlay.h"

struct node;

/* Carries out ACT_SERVE. */
void serving_begin(struct node *node, const struct act *act);

#endif
