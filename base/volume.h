/* volume - octets that went one way in a span of time, as one flow record tells it. */
#ifndef SPOOR_BASE_VOLUME_H
#define SPOOR_BASE_VOLUME_H

#include "base/interval.h"

#include <stdint.h>

/* Between the first instant of a question's records and the last: no more of it is compared. */
#define VOLUME_SPAN_MAX_MS UINT64_C(2678400000) /* 31 days */

struct volume {
	struct interval on;
	uint64_t octets;
};

#endif
