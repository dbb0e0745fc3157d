#include "node/storecheck.h"

#include "node/log.h"
#include "node/node.h"
#include "proto/wire/ctl.h"
#include "store/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What is there, and of what is wrong only what was found. */
static void print(const struct store_report *report)
{
	size_t count;
	const struct store_report_row *rows = store_report_rows(&count);

	for (size_t i = 0; i < count; i++) {
		uint64_t value;

		memcpy(&value, (const char *)report + rows[i].offset, sizeof(value));
		if (value > 0 || !rows[i].is_fault)
			printf("%12" PRIu64 "  %s\n", value, rows[i].text);
	}
}

int storecheck_run(const struct conf *conf, bool is_repair)
{
	struct store_options options = node_store_options(conf);
	char reterr[STORE_REASON_MAX] = "";
	struct store_report report;
	enum err err = store_check(&options, is_repair, &report, reterr);

	if (err != ERR_OK) {
		log_line("store", "%s", reterr);
		return CTL_INTERNAL;
	}
	print(&report);
	if (store_report_is_clean(&report)) {
		puts("the store is whole");
		return 0;
	}
	puts(is_repair ? "what could not be read is deleted; the rest is mended"
	               : "the store is damaged; --repair-store mends what can be");
	return is_repair && report.unread_log == 0 ? 0 : 1;
}
