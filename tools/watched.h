/* watched - a watch, and what it has found, for people. */
#ifndef SPOOR_TOOLS_WATCHED_H
#define SPOOR_TOOLS_WATCHED_H

#include "tools/text.h"

#include <jansson.h>
#include <stdio.h>

/* All of a watch, as the node lists it. */
void watched_print(const json_t *watch, struct text_style style, FILE *out);

/* What a listener is told. */
void watched_print_news(const json_t *news, struct text_style style, FILE *out);

#endif
