/* report_parts - what report.c draws with: the report's facts in words, and its tables. */
#ifndef SPOOR_TOOLS_REPORT_PARTS_H
#define SPOOR_TOOLS_REPORT_PARTS_H

#include "base/addr.h"
#include "tools/paper.h"
#include "tools/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPORT_SPAN_MAX 160

/* The address of "192.0.2.1:22" alone. Returns `room`. */
const char *report_addr(const char *end, char room[ADDR_TEXT_MAX]);

/* "tcp" of a member "proto" that is a number or a name. Returns `room`. */
const char *report_proto(const json_t *object, char room[TEXT_WORD_MAX]);

/*
 * "01:06:02.178 - 01:16:30.155 (10m 27s)" of the object's start and end; with the date where that
 * is not the target's. Returns `room`.
 */
const char *report_span(const json_t *report, const json_t *object, char room[REPORT_SPAN_MAX]);

/* "1 h", "5 min", "15 s", "250 ms". Returns `room`. */
const char *report_gap(int64_t ms, char room[32]);

/* Names of the nodes that saw `hop`, with spaces between them; returns how many. */
size_t report_witnesses(const json_t *hop, char room[PAPER_PIECE_MAX]);

/* Was anybody asked? Not where the target had nothing to ask by. */
bool report_is_asked(const json_t *report);

/* Who was asked and who answered, what they hold, where the evidence lies. */
void report_coverage(struct paper *p, const json_t *report);

/* Every candidate with its numbers. */
void report_table(const json_t *report, FILE *out);

#endif
