/*
 * testify - an answer's findings, and what this organisation's hosts say of them.
 *
 *	answer -> which findings end at a host of ours? -> ask each -> was its process started from
 *	elsewhere? -> find that upstream connection in the store -> testimony
 */
#ifndef SPOOR_NODE_TESTIFY_H
#define SPOOR_NODE_TESTIFY_H

#include "node/search.h"
#include "proto/wire/testimony.h"

struct testify;

/*
 * Adds a testimony to search->answer, then calls search->done(search). At once where no host is
 * asked. Takes as much room in the answer as it needs: the worst findings make it.
 */
void testify_start(struct search *search);

#endif
