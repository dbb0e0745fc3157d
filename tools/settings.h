/* settings - a new node's spoord.yaml. */
#ifndef SPOOR_TOOLS_SETTINGS_H
#define SPOOR_TOOLS_SETTINGS_H

#include "tools/options.h"

#include <stddef.h>

#define SETTINGS_TEXT_MAX 8192
#define SETTINGS_ROOT_MAX 32

struct settings { /* as they were given, and checked */
	const char *name, *listen, *idle_timeout, *map_size, *keep;
	const char *listen6;                   /* NULL: none */
	struct option_list exports, bootstrap; /* no exports: 127.0.0.1:2055 */
	struct option_list advertise;          /* none: the node finds out by itself */
};

/* "root.pub", "root-2.pub", ...: the file of the root `index`. Returns `room`. */
const char *settings_root(size_t index, char room[SETTINGS_ROOT_MAX]);

/* Writes the file's text; `roots` is how many of them the node trusts. */
void settings_print(const struct settings *s, size_t roots, char room[SETTINGS_TEXT_MAX]);

#endif
