/*
 * check - whether a store that nobody uses is whole, and what can be done when it is not.
 *
 * Reads every octet that has a checksum. Repairing deletes what cannot be read (a block that does
 * not decode is of use to nobody), writes anew what follows from something else (a block's summary,
 * the index), and leaves everything else as it is. The log is only looked at: its entries are
 * evidence, and whoever keeps them can tell what a hole means.
 */
#ifndef SPOOR_STORE_CHECK_H
#define SPOOR_STORE_CHECK_H

#include "store/store.h"

/* What is counted. */
/* clang-format off */
#define STORE_CHECK_MAP(X)                                                          \
	X(blocks,          false, "blocks read")                                    \
	X(flows,           false, "flows in them")                                  \
	X(young,           false, "flows in blocks that are not full yet")          \
	X(runs,            false, "runs of the index")                              \
	X(edge_pages,      false, "pages of the log of edges")                      \
	X(log_entries,     false, "entries of the log")                             \
	X(damaged_blocks,  true,  "blocks that cannot be read")                     \
	X(lost_flows,      true,  "flows lost with them, by their summaries")       \
	X(wrong_summaries, true,  "blocks without a summary, or with another's")    \
	X(lone_summaries,  true,  "summaries without a block")                      \
	X(damaged_young,   true,  "blocks not full yet that cannot be read")        \
	X(damaged_runs,    true,  "runs that cannot be read, or do not know a block")\
	X(damaged_edges,   true,  "pages of the log of edges that cannot be read")  \
	X(missing_edges,   true,  "runs that lack some of their pages")             \
	X(unread_log,      true,  "the log cannot be read to its end")
/* clang-format on */

struct store_report {
#define X(name, is_fault, text) uint64_t name;
	STORE_CHECK_MAP(X)
#undef X
};

struct store_report_row { /* the same, to be listed; static */
	const char *key, *text;
	size_t offset; /* of a uint64_t in struct store_report */
	bool is_fault;
};

const struct store_report_row *store_report_rows(size_t *ret_count);
bool store_report_is_clean(const struct store_report *r);

/*
 * Reads the store at options->path, which must exist. With `is_repair`, mends it; `ret` has what
 * was found before. Errors as store_open()'s, ERR_NOENT, and those of reading the file's own trees,
 * which cannot be repaired here.
 */
MUST_USE enum err store_check(const struct store_options *options, bool is_repair,
                              struct store_report *ret, char reterr[STORE_REASON_MAX]);

#endif
