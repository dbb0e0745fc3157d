#include "node/log.h"

#include <stdarg.h>
#include <stdio.h>

static bool verbose;

static VPRINTF_LIKE(2) void write_line(const char *part, const char *format, va_list args)
{
	char line[1024];

	/* One write, so that lines of several nodes on one terminal stay whole. */
	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "%s: %s\n", part, line);
}

void log_line(const char *part, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(part, format, args);
	va_end(args);
}

void log_detail(const char *part, const char *format, ...)
{
	va_list args;

	if (!verbose)
		return;
	va_start(args, format);
	write_line(part, format, args);
	va_end(args);
}

void log_set_verbose(bool is_verbose)
{
	verbose = is_verbose;
}
