/*
 * recording - captures of real exporters with their ground truth, scored like everything else.
 *
 * A folder as tools/lab --record writes it: truth.json, and for each gateway that exports a capture
 * NAME_FORMAT.pcap[.gz].
 */
#ifndef SPOOR_TOOLS_EVAL_RECORDING_H
#define SPOOR_TOOLS_EVAL_RECORDING_H

#include "tools/eval/truth.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * Scores the recording's captures of `format` ("v5", "v9", "ipfix"), whose exporters' idle timeout
 * is `gap_ms`. An object, which the caller owns: "chains", a row for each method and chain;
 * "strangers", how often unrelated pairs reach what; "traps", the pairs of jobs. NULL, with a
 * reason, when nothing is there.
 */
json_t *recording_study(const char *dir, const char *format, int64_t gap_ms,
                        char reterr[TRUTH_REASON_MAX]);

#endif
