/* times - a growing list of packet times, in seconds. */
#ifndef SPOOR_TOOLS_EVAL_TIMES_H
#define SPOOR_TOOLS_EVAL_TIMES_H

#include <stddef.h>

struct times {
	double *at_s; /* owned */
	size_t count, space;
};

void times_add(struct times *t, double at_s);
void times_sort(struct times *t);
void times_clear(struct times *t); /* keeps the memory */
void times_free(struct times *t);

/* Memory or nothing: the program ends when there is none. */
void *must_alloc(size_t count, size_t size);

#endif
