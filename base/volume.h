/* volume - octets that went one way in a span of time, as one flow record tells it. */
#ifndef SPOOR_BASE_VOLUME_H
#define SPOOR_BASE_VOLUME_H

#include "base/interval.h"

#include <stdint.h>

struct volume {
	struct interval on;
	uint64_t octets;
};

#endif
