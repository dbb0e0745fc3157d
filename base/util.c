#include "base/util.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *claim, const char *file, int line)
{
	fprintf(stderr, "spoor: bug at %s:%d: CHECK(%s)\n", file, line, claim);
	abort();
}
