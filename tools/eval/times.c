#include "tools/eval/times.h"

#include <stdio.h>
#include <stdlib.h>

static void *must(void *memory)
{
	if (memory == NULL) {
		fprintf(stderr, "spoor-eval: out of memory\n");
		exit(64);
	}
	return memory;
}

void *must_alloc(size_t count, size_t size)
{
	return must(calloc(count > 0 ? count : 1, size));
}

void times_add(struct times *t, double at_s)
{
	if (t->count == t->space) {
		t->space = t->space == 0 ? 1024 : 2 * t->space;
		t->at_s = must(realloc(t->at_s, t->space * sizeof(t->at_s[0])));
	}
	t->at_s[t->count++] = at_s;
}

static int ascending(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

void times_sort(struct times *t)
{
	if (t->count > 0)
		qsort(t->at_s, t->count, sizeof(t->at_s[0]), ascending);
}

void times_clear(struct times *t)
{
	t->count = 0;
}

void times_free(struct times *t)
{
	free(t->at_s);
	*t = (struct times){0};
}
