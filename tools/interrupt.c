#include "tools/interrupt.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t is_seen;

static void on_signal(int number)
{
	(void)number;
	is_seen = 1;
}

void interrupt_start(void)
{
	/* No SA_RESTART: a read that waits for the node must return. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupt_seen(void)
{
	return is_seen != 0;
}
