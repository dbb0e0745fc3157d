#include "base/timestamp.h"
#include "base/util.h"
#include "proto/flow/filter.h"
#include "proto/flow/group.h"
#include "proto/wire/ctl.h"
#include "tools/client.h"
#include "tools/cmd.h"
#include "tools/json.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct flows_options {
	int64_t since_ms, until_ms;
	uint64_t limit, top;
	const char *by, *sort;
	bool is_csv;
};

static const struct flows_options defaults = {.since_ms = INT64_MIN, .until_ms = INT64_MAX};

#define PORT_MAX 24 /* characters of one, whatever the node says */
#define MEMBER(m) .offset = offsetof(struct flows_options, m)
#define SORTS "bytes|packets|flows|duration|start|end"

static const struct option_row options[] = {
	{"since", 0, "TIME", "flows that end at TIME or later", OPTION_TIME, MEMBER(since_ms)},
	{"until", 0, "TIME", "flows that start at TIME or earlier", OPTION_TIME, MEMBER(until_ms)},
	{"limit", 'n', "N", "at most N flows", OPTION_NUMBER, MEMBER(limit)},
	{"by", 0, "FIELDS", "sums of flows that have FIELDS alike, as src,dst_port", OPTION_TEXT,
         MEMBER(by)},
	{"sort", 0, SORTS, "the highest first; start: the earliest, end: the latest", OPTION_CHOICE,
         MEMBER(sort)},
	{"top", 0, "N", "of --by and --sort the first N; 10", OPTION_NUMBER, MEMBER(top)},
	{"csv", 0, NULL, "comma-separated values", OPTION_FLAG, MEMBER(is_csv)},
};

/* The columns of CSV: every member that a flow may have. */
static const char *const csv_keys[] = {
	"src",     "dst",      "src_port",   "dst_port", "proto",        "start",    "end",
	"bytes",   "packets",  "tcp_flags",  "in_if",    "out_if",       "exporter", "domain",
	"version", "sampling", "received",   "nat_src",  "nat_src_port", "nat_dst",  "nat_dst_port",
	"vlan_in", "vlan_out", "vlan_inner", "mpls",     "format",       "sampled",  "tos",
};

/* Those of groups, behind what they are grouped by. */
static const char *const sum_keys[] = {
	"flows",         "packets",         "bytes",         "start",   "end",
	"flows_percent", "packets_percent", "bytes_percent", "sampled", "missed",
};

static void start_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char *t;

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%.23s", json_text(row, "start"));
	t = strchr(room, 'T');
	if (t != NULL)
		*t = ' ';
}

static void duration_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t start = json_time(row, "start"), end = json_time(row, "end");
	char text[DURATION_TEXT_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s",
	         start == INT64_MIN || end < start ? "-" : duration_print(end - start, text));
}

static void proto_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char text[TEXT_WORD_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s",
	         text_proto((uint64_t)json_count(row, "proto", 0), text));
}

static void put_end(const json_t *row, const char *addr, const char *port, char *room)
{
	const char *text = json_text(row, addr);
	bool is_v6 = strchr(text, ':') != NULL;

	snprintf(room, PRINT_CELL_MAX, "%s%.60s%s:%s", is_v6 ? "[" : "", text, is_v6 ? "]" : "",
	         port);
}

static void src_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char port[PORT_MAX];

	(void)now;
	snprintf(port, sizeof(port), "%lld", (long long)json_count(row, "src_port", 0));
	put_end(row, "src", port, room);
}

/* Of ICMP, type and code stand in the port: "8.0", as nfdump has it. */
static void dst_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	int64_t proto = json_count(row, "proto", 0), value = json_count(row, "dst_port", 0);
	bool is_icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	char port[PORT_MAX];

	(void)now;
	if (is_icmp)
		snprintf(port, sizeof(port), "%lld.%lld", (long long)value >> 8,
		         (long long)value & 255);
	else
		snprintf(port, sizeof(port), "%lld", (long long)value);
	put_end(row, "dst", port, room);
}

static void flags_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	char text[TEXT_WORD_MAX];

	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%s",
	         text_flags((uint64_t)json_count(row, "tcp_flags", 0), text));
}

static void if_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	snprintf(room, PRINT_CELL_MAX, "%lld>%lld", (long long)json_count(row, "in_if", 0),
	         (long long)json_count(row, "out_if", 0));
}

/* clang-format off */
static const struct print_column columns[] = {
	/* key         title       width  right  cell */
	{"start",      "START",       23, false, start_cell},
	{"end",        "DURATION",     8, true,  duration_cell},
	{"proto",      "PROTO",        5, false, proto_cell},
	{"src",        "SOURCE",      21, false, src_cell},
	{"dst",        "DESTINATION", 21, false, dst_cell},
	{"packets",    "PACKETS",      8, true,  NULL},
	{"bytes",      "BYTES",       10, true,  NULL},
	{"tcp_flags",  "FLAGS",        8, false, flags_cell},
	{"exporter",   "EXPORTER",    15, false, NULL},
	{"in_if",      "IF",           5, false, if_cell},
};
/* clang-format on */

static void percent_cell(const char *key, const json_t *row, char room[PRINT_CELL_MAX])
{
	snprintf(room, PRINT_CELL_MAX, "%.1f", json_number_value(json_object_get(row, key)));
}

static void flows_percent_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	percent_cell("flows_percent", row, room);
}

static void packets_percent_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	percent_cell("packets_percent", row, room);
}

static void bytes_percent_cell(const json_t *row, struct wall now, char room[PRINT_CELL_MAX])
{
	(void)now;
	percent_cell("bytes_percent", row, room);
}

/* clang-format off */
static const struct print_column sum_columns[] = {
	/* key          title       width  right  cell */
	{"flows",       "FLOWS",        0, true,  NULL},
	{"flows",       "%",            0, true,  flows_percent_cell},
	{"packets",     "PACKETS",      0, true,  NULL},
	{"packets",     "%",            0, true,  packets_percent_cell},
	{"bytes",       "BYTES",        0, true,  NULL},
	{"bytes",       "%",            0, true,  bytes_percent_cell},
	{"start",       "FIRST",        0, false, start_cell},
	{"end",         "DURATION",     0, true,  duration_cell},
};

static const struct print_column missed_column =
	{"missed",      "MISSED",       0, true,  NULL};
/* clang-format on */

struct listing {
	struct print_list list;
	const struct flows_options *options;
	struct group_by by;
	json_t *rows;    /* of groups in a table: what columns it has shows at the end */
	bool is_watched; /* somebody reads progress */
	json_t *totals;  /* what the node said at the end */
	struct print_column columns[GROUP_PARTS_MAX + ARRAY_LEN(sum_columns) + 1];
	const char *csv_keys[GROUP_PARTS_MAX + ARRAY_LEN(sum_keys)];
	char titles[GROUP_PARTS_MAX][24];
};

static bool is_grouped(const struct listing *l)
{
	return l->options->by != NULL;
}

/* "SRC PORT" for "src_port". */
static const char *title_of(const char *key, char *room, size_t len)
{
	size_t i;

	for (i = 0; key[i] != '\0' && i + 1 < len; i++)
		room[i] = (char)(key[i] == '_' ? ' ' : key[i] & ~0x20);
	room[i] = '\0';
	return room;
}

/* What flows are grouped by, and their sums. */
static void use_groups(struct listing *l)
{
	struct print_list *list = &l->list;
	size_t count = 0;

	for (size_t i = 0; i < l->by.count; i++) {
		enum field field = l->by.parts[i].field;
		const char *key = field_rows[field].name;

		l->csv_keys[i] = key;
		l->columns[count++] = (struct print_column){
			.key = key,
			.title = title_of(key, l->titles[i], sizeof(l->titles[i])),
			.is_right = !field_is_addr(field) && field != FIELD_PROTO,
			.cell = field == FIELD_PROTO       ? proto_cell
		                : field == FIELD_TCP_FLAGS ? flags_cell
		                                           : NULL,
		};
	}
	memcpy(l->csv_keys + count, sum_keys, sizeof(sum_keys));
	list->csv_keys = l->csv_keys;
	list->csv_count = count + ARRAY_LEN(sum_keys);
	memcpy(l->columns + count, sum_columns, sizeof(sum_columns));
	list->columns = l->columns;
	list->column_count = count + ARRAY_LEN(sum_columns);
	list->key = "groups";
}

static int join(const struct call *call, char *room, size_t len)
{
	size_t used = 0;

	room[0] = '\0';
	for (size_t i = 0; i < call->operand_count; i++) {
		int n = snprintf(room + used, len - used, "%s%s", i == 0 ? "" : " ",
		                 call->operands[i]);

		used += (size_t)MAX(n, 0);
		if (used >= len)
			return print_failure(CTL_USAGE, "the filter is longer than %zu octets",
			                     len - 1);
	}
	return CTL_FOUND;
}

/* Says what is wrong, and under the filter's text where: filter_parse() ends with "column N". */
static int refuse(const char *filter, const char *reason)
{
	const char *column = strstr(reason, "column ");
	unsigned at = 0;

	print_failure(CTL_USAGE, "%s", reason);
	if (column != NULL && sscanf(column, "column %u", &at) == 1 && at > 0)
		fprintf(stderr, "  %s\n  %*s^\n", filter, (int)at - 1, "");
	return CTL_USAGE;
}

static void clear_progress(struct listing *l)
{
	if (l->is_watched)
		fputs("\r\033[K", stderr);
}

static void on_progress(void *ctx, json_t *progress)
{
	struct listing *l = ctx;

	if (l->is_watched && progress != NULL && l->list.rows == 0)
		fprintf(stderr, "\r%lld flows read",
		        (long long)json_count(progress, "looked_at", 0));
	else if (progress == NULL)
		clear_progress(l);
}

static void on_row(void *ctx, json_t *row)
{
	struct listing *l = ctx;

	if (l->list.rows == 0 && json_array_size(l->rows) == 0)
		clear_progress(l);
	if (l->rows != NULL)
		json_array_append(l->rows, row);
	else
		print_list_row(&l->list, row);
}

static void on_end(void *ctx, const struct client_end *end)
{
	struct listing *l = ctx;

	l->totals = json_incref(end->totals);
}

static void on_packed(void *ctx, struct unpack row)
{
	struct listing *l = ctx;

	if (l->list.rows == 0)
		clear_progress(l);
	print_list_packed(&l->list, row);
}

static bool is_any_missed(const json_t *rows)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (json_count(row, "missed", 0) > 0)
			return true;
	}
	return false;
}

/* For people: the groups, and under them what there was of it all. */
static void put_groups(struct listing *l)
{
	const json_t *total = json_object_get(l->totals, "total");
	char room[PRINT_CELL_MAX];

	if (is_any_missed(l->rows))
		l->columns[l->list.column_count++] = missed_column;
	print_table(l->rows, l->columns, l->list.column_count, l->list.now, stdout);
	printf("\n%zu of %s%lld groups; in all: flows %lld, packets %lld, bytes %s\n",
	       json_array_size(l->rows),
	       json_object_get(l->totals, "other") == NULL ? "" : "more than ",
	       (long long)json_count(l->totals, "group_count", 0),
	       (long long)json_count(total, "flows", 0), (long long)json_count(total, "packets", 0),
	       print_size(json_count(total, "bytes", 0), room));
	if (json_count(total, "sampled", 0) > 0)
		printf("%lld of the flows are sampled: counters are as exported, not multiplied\n",
		       (long long)json_count(total, "sampled", 0));
}

/* Why it is not all: on standard error, for whichever form the rows have. */
static void put_reservations(const struct listing *l)
{
	const json_t *other = json_object_get(l->totals, "other");

	if (json_is_true(json_object_get(l->totals, "is_partial")))
		print_failure(CTL_PARTIAL, "interrupted: of the first %lld flows that were read",
		              (long long)json_count(l->totals, "looked_at", 0));
	if (other != NULL)
		print_failure(CTL_PARTIAL,
		              "more groups than memory holds: %lld flows of small ones are in no "
		              "row; a row may miss what its MISSED says",
		              (long long)json_count(other, "flows", 0));
}

static int ask(const struct call *call, const struct ctl_request *request)
{
	static struct listing l;
	struct client_listener listener = {.row = on_row,
	                                   .progress = on_progress,
	                                   .end = on_end,
	                                   .is_stoppable = true,
	                                   .ctx = &l};
	char reason[GROUP_REASON_MAX];
	int code;

	l = (struct listing){.options = call->options, .is_watched = isatty(STDERR_FILENO) == 1};
	l.list = (struct print_list){
		.key = "flows",
		.empty = "nothing found",
		.columns = columns,
		.column_count = ARRAY_LEN(columns),
		.csv_keys = csv_keys,
		.csv_count = ARRAY_LEN(csv_keys),
		.form = l.options->is_csv ? PRINT_CSV : call->form,
		.now = call->now,
		.out = stdout,
	};
	if (is_grouped(&l)) {
		if (group_parse(l.options->by, &l.by, reason) != ERR_OK)
			return print_failure(CTL_USAGE, "--by: %s", reason);
		use_groups(&l);
		l.rows = l.list.form == PRINT_PEOPLE ? json_array() : NULL;
	}
	if (l.list.form != PRINT_PEOPLE)
		listener.packed = on_packed;
	code = client_query(call->globals->socket, request, &listener);
	if (json_array_size(l.rows) > 0)
		put_groups(&l);
	else
		print_list_end(&l.list, code, l.totals);
	put_reservations(&l);
	json_decref(l.rows);
	json_decref(l.totals);
	return code;
}

/* Options that do not go together. */
static const char *contradiction(const struct call *call)
{
	const struct flows_options *o = call->options;
	const char *sort = o->sort == NULL ? "" : o->sort;

	if (o->since_ms > o->until_ms)
		return "--since is later than --until";
	if (o->is_csv && call->form != PRINT_PEOPLE)
		return "one of --csv, --json and --ndjson";
	if (o->top > 0 && o->by == NULL && o->sort == NULL)
		return "--top is for --by and --sort; --limit ends a plain list";
	if (o->top > 0 && o->limit > 0)
		return "one of --top and --limit";
	if (o->by != NULL && (strcmp(sort, "start") == 0 || strcmp(sort, "end") == 0))
		return "groups are sorted by bytes, packets, flows or duration";
	if (o->by == NULL && strcmp(sort, "flows") == 0)
		return "--sort flows is for --by";
	return NULL;
}

static int run(const struct call *call)
{
	const struct flows_options *o = call->options;
	struct ctl_request request = ctl_request_of(CTL_FLOWS);
	const char *wrong = contradiction(call);
	char reason[FILTER_REASON_MAX];
	static struct filter filter;
	int code = join(call, request.filter, sizeof(request.filter));

	if (code != CTL_FOUND)
		return code;
	if (filter_parse(request.filter, &filter, reason) != ERR_OK)
		return refuse(request.filter, reason);
	if (wrong != NULL)
		return print_failure(CTL_USAGE, "%s", wrong);
	if (o->by != NULL && strlen(o->by) >= sizeof(request.by))
		return print_failure(CTL_USAGE, "--by is longer than %zu octets",
		                     sizeof(request.by) - 1);
	snprintf(request.by, sizeof(request.by), "%s", o->by == NULL ? "" : o->by);
	snprintf(request.sort, sizeof(request.sort), "%s", o->sort == NULL ? "" : o->sort);
	request.since_ms = o->since_ms;
	request.until_ms = o->until_ms;
	request.limit = o->top > 0 ? o->top : o->limit;
	return ask(call, &request);
}

const struct command cmd_flows = {
	.name = "flows",
	.operands = "[FILTER...]",
	.summary = "flows the node holds, as they are or summed",
	.notes = "FILTER in nfdump's manner, for example: src ip 10.0.0.1 and dst port 22\n"
		 "  [SIDE] ip|host|net ADDR|NET   [SIDE] port N            proto NAME|N\n"
		 "  [in|out] if N                 exporter ADDR|NET        flags [=] LETTERS\n"
		 "  bytes|packets|duration|pps|bps|bpp N                   tos N   mpls N\n"
		 "  [in|out|inner] vlan N         nat [SIDE] ip|net|port   icmp-type|icmp-code N\n"
		 "  domain|version|sampling N     sampled   inet   inet6   any\n"
		 "  not X   X and Y   X or Y   (X)\n"
		 "SIDE: src, dst, src and dst. N: 22, = != < <= > >= 22, 20-25, in [22 80-90].\n"
		 "Counters take k, m, g, t. In a shell, quote what has < > ( ) [ ] ! or #.\n"
		 "\n"
		 "FIELDS: src dst exporter nat_src nat_dst (also src/24), src_port dst_port proto\n"
		 "  tcp_flags tos in_if out_if vlan_in vlan_out vlan_inner mpls domain version\n"
		 "  sampling; pair and connection: both directions in one\n",
	.operands_max = SIZE_MAX,
	.is_list = true,
	.options = options,
	.option_count = ARRAY_LEN(options),
	.defaults = &defaults,
	.defaults_size = sizeof(defaults),
	.run = run,
};
