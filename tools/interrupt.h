/* interrupt - Ctrl-C as a flag, so that a list can end where it stands. */
#ifndef SPOOR_TOOLS_INTERRUPT_H
#define SPOOR_TOOLS_INTERRUPT_H

#include <stdbool.h>

#define INTERRUPT_CODE 130 /* the exit code: 128 + SIGINT, as shells know it */

/* From here the first SIGINT or SIGTERM is remembered; a second ends the process. */
void interrupt_start(void);

bool interrupt_seen(void);

#endif
