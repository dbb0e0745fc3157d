/* util - CHECK, and the few macros C forgot. */
#ifndef SPOOR_BASE_UTIL_H
#define SPOOR_BASE_UTIL_H

#include <stddef.h>

/*
 * States what only a bug of ours could make false; fatal in every build. Never used on anything
 * that came from outside: that is an error and a counter. One claim per CHECK.
 */
#define CHECK(claim) ((claim) ? (void)0 : check_failed(#claim, __FILE__, __LINE__))

_Noreturn void check_failed(const char *claim, const char *file, int line);

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
/* <sys/param.h> has its own, which may be here already. */
#undef MIN
#undef MAX
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define VPRINTF_LIKE(text) __attribute__((format(printf, text, 0)))

#endif
