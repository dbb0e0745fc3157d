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
	/* A write to a reader that is slow goes on: poll() is what a signal ends (client.c). */
	struct sigaction action = {
		.sa_handler = on_signal,
		.sa_flags = (int)(SA_RESETHAND | SA_RESTART),
	};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool interrupt_seen(void)
{
	return is_seen != 0;
}
