/*
 * translation_wish - which mappings somebody asks for: whose, with whom, and when.
 *
 * Unlike translation_query, which is of one end at one instant and finds it at once, any part of it
 * may be left out, and every mapping has to be looked at.
 */
#ifndef SPOOR_PROTO_FLOW_TRANSLATION_WISH_H
#define SPOOR_PROTO_FLOW_TRANSLATION_WISH_H

#include "base/addr.h"
#include "base/interval.h"
#include "proto/flow/translation_table.h"

#include <stdbool.h>
#include <stdint.h>

struct translation_wish {
	struct endpoint end;  /* inside or outside; address all zero: anybody's; port 0: any */
	struct endpoint peer; /* likewise; a mapping for anybody is one for each */
	struct interval when; /* it held in a part of it */
	uint8_t proto;        /* 0: any */
};

bool translation_wish_is_met(const struct translation_wish *w, const struct mapping *m);

#endif
