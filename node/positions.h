/*
 * positions - how far exporters' sequences have come, kept together with the flows that came of it.
 *
 * The collector asks for a mark before each seal, and for one at the end of each block: so a node
 * that is killed knows at its next start how far it had come with what it still has, no more and no
 * less, and counts the rest as lost.
 */
#ifndef SPOOR_NODE_POSITIONS_H
#define SPOOR_NODE_POSITIONS_H

#include "base/err.h"
#include "proto/flow/datagram.h"
#include "store/store.h"

#include <stdbool.h>

/*
 * Marks what the store has been given as all that came of the decoder's datagrams so far: none of
 * its flows may be waiting elsewhere. With `is_turn`, at the end of a block. A failure is logged:
 * the next start then counts more as lost than is.
 */
void positions_mark(struct flow_decoder *d, struct store *store, bool is_turn);

#endif
