/* log - one line to stderr: part, text. The journal adds the time. */
#ifndef SPOOR_NODE_LOG_H
#define SPOOR_NODE_LOG_H

#include "base/util.h"

#include <stdbool.h>

void log_line(const char *part, const char *format, ...) PRINTF_LIKE(2, 3);

/* Only with --verbose. */
void log_detail(const char *part, const char *format, ...) PRINTF_LIKE(2, 3);
void log_set_verbose(bool is_verbose);

#endif
