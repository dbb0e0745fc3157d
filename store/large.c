#include "store/large.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LARGE ((size_t)2 << 20)

static void unmap(char *from, const char *to)
{
	if (to > from)
		(void)munmap(from, (size_t)(to - from));
}

static char *map_aligned(size_t octets)
{
	char *at = mmap(NULL, octets + LARGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                -1, 0);
	char *ret;

	if (at == MAP_FAILED)
		return NULL;
	ret = at + (LARGE - (uintptr_t)at % LARGE) % LARGE;
	unmap(at, ret);
	unmap(ret + octets, at + octets + LARGE);
	return ret;
}

static size_t in_pages(size_t octets)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (octets + page - 1) / page * page;
}

void *large_new(size_t octets)
{
	char *at = map_aligned(in_pages(octets));

	/* Whole large pages only: the rest of the last would count as memory in use. A kernel
	 * without them says so, and nothing is lost. */
	if (at != NULL && octets >= LARGE)
		(void)madvise(at, octets / LARGE * LARGE, MADV_HUGEPAGE);
	return at;
}

void large_free(void *at, size_t octets)
{
	if (at != NULL)
		(void)munmap(at, in_pages(octets));
}
