/*
 * large - memory for tables of megabytes that are all touched sooner or later.
 *
 * On large pages where the kernel has them (Linux: transparent huge pages): a table is there after
 * a few page faults rather than thousands, each of which costs microseconds on a virtual machine,
 * and its look-ups miss fewer translations.
 */
#ifndef SPOOR_STORE_LARGE_H
#define SPOOR_STORE_LARGE_H

#include <stddef.h>

/* `octets` > 0, all zero, at the beginning of a page. NULL: no memory. */
void *large_new(size_t octets);
void large_free(void *at, size_t octets); /* as they were asked for; NULL is fine */

#endif
