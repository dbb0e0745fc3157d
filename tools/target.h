/* target - the options by which people say which connection is meant, and how it is asked about. */
#ifndef SPOOR_TOOLS_TARGET_H
#define SPOOR_TOOLS_TARGET_H

#include "base/addr.h"
#include "proto/wire/ctl.h"
#include "tools/options.h"

#include <stdint.h>

#define TARGET_NO_TIME INT64_MIN

struct target_options {
	struct endpoint peer;
	int64_t at_ms, since_ms, until_ms, timeout_ms, gap_ms;
	uint64_t proto;
	const char *severity;
};

#define TARGET_DEFAULTS                                                                    \
	{                                                                                  \
		.at_ms = TARGET_NO_TIME, .since_ms = TARGET_NO_TIME, .until_ms = INT64_MAX \
	}

/* Their rows, in the table of a command whose options are a `struct owner_` that has `target`. */
/* clang-format off */
#define TARGET_MEMBER(owner_, m) .offset = offsetof(struct owner_, target.m)
#define TARGET_ROWS(owner_)                                                                         \
	{"peer", 0, "ADDR[:PORT]", "the other end of the connection", OPTION_ENDPOINT,              \
		TARGET_MEMBER(owner_, peer)},                                                       \
	{"at", 0, "TIME", "the connection was active at TIME", OPTION_TIME,                         \
		TARGET_MEMBER(owner_, at_ms)},                                                      \
	{"since", 0, "TIME", "... or at some time since", OPTION_TIME,                              \
		TARGET_MEMBER(owner_, since_ms)},                                                   \
	{"until", 0, "TIME", "... and until", OPTION_TIME, TARGET_MEMBER(owner_, until_ms)},        \
	{"proto", 0, "P", "tcp, udp, ... or a number", OPTION_PROTO, TARGET_MEMBER(owner_, proto)}, \
	{"severity", 0, "low|medium|high|critical", "what is told to the asked nodes",              \
		OPTION_CHOICE, TARGET_MEMBER(owner_, severity)},                                    \
	{"timeout", 0, "SPAN", "how long to wait for answers (30s)", OPTION_SPAN,                   \
		TARGET_MEMBER(owner_, timeout_ms)},                                                 \
	{"gap", 0, "SPAN", "silences longer than this divide a fingerprint", OPTION_SPAN,           \
		TARGET_MEMBER(owner_, gap_ms)}
/* clang-format on */

/*
 * Fills in what `operand` and the options say. CTL_FOUND, or the exit code where they contradict
 * each other: that is printed.
 */
int target_request(const char *operand, const struct target_options *o,
                   struct ctl_request *request);

#endif
