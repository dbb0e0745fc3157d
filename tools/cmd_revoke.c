#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/cmd.h"
#include "tools/describe.h"
#include "tools/file.h"
#include "tools/issue.h"
#include "tools/notices.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define CERTS_MAX 4096 /* operands: more than a list holds */

struct revoke_options {
	const char *sign, *list;
	struct option_list endorsed, retired;
	uint64_t days;
	int64_t until_ms;
	bool is_all;
};

static const struct revoke_options defaults = {.until_ms = ISSUE_NEVER};

#define MEMBER(m) .offset = offsetof(struct revoke_options, m)

/* clang-format off */
static const struct option_row rows[] = {
	{"sign", 0, "ROOT_KEY",    "secret key of the root that signs", OPTION_TEXT, MEMBER(sign)},
	{"list", 0, "FILE",        "the root's list, made or continued there", OPTION_TEXT, MEMBER(list)},
	{"all", 0, NULL,           "all that the root gave these members, not these certificates alone",
		OPTION_FLAG, MEMBER(is_all)},
	{"endorse", 0, "ROOT_PUB", "another root to be believed, too; may be given again", OPTION_LIST,
		MEMBER(endorsed)},
	{"days", 0, "N",           "endorsed for N days (365)", OPTION_NUMBER, MEMBER(days)},
	{"valid-until", 0, "TIME", "endorsed until TIME", OPTION_TIME, MEMBER(until_ms)},
	{"retire", 0, "ROOT_PUB",  "a root to be believed no longer, for ever; may be given again",
		OPTION_LIST, MEMBER(retired)},
};
/* clang-format on */

static int add(const struct call *call, struct notices *n, const struct notice_entry *entry)
{
	const struct revoke_options *o = call->options;

	if (notices_add(n, entry) == ERR_OK)
		return CTL_FOUND;
	return print_failure(CTL_INTERNAL, "%s: a list holds at most %zu entries", o->list,
	                     NOTICES_MAX);
}

/* A certificate of any age; a root can revoke only what it has signed. */
static int add_cert(const struct call *call, struct notices *n, const struct public_key *root,
                    const char *path)
{
	const struct revoke_options *o = call->options;
	struct notice_entry entry = {.kind = NOTICE_REVOKE};
	struct cert cert;
	int code = issue_read_cert(path, root, &cert);

	if (code != CTL_FOUND)
		return code;
	entry.key = cert.member;
	entry.serial = o->is_all ? 0 : cert.serial;
	return add(call, n, &entry);
}

static int add_roots(const struct call *call, struct notices *n, enum notice_kind kind,
                     const struct option_list *list)
{
	const struct revoke_options *o = call->options;
	struct notice_entry entry = {.kind = kind};
	char reason[FILE_REASON_MAX];
	int code = CTL_FOUND;

	if (kind == NOTICE_ENDORSE)
		entry.not_after =
			issue_until(call->now, MIN(o->days, (uint64_t)ISSUE_DAYS_MAX), o->until_ms);
	for (size_t i = 0; i < list->count && code == CTL_FOUND; i++) {
		if (file_read_root(list->items[i], &entry.key, reason) != ERR_OK)
			return print_fault(reason);
		code = add(call, n, &entry);
	}
	return code;
}

/* What the root has said so far; nothing when there is no list yet. */
static int read_list(const struct call *call, struct notices *n, const struct public_key *root)
{
	const struct revoke_options *o = call->options;
	char reason[FILE_REASON_MAX];
	enum err err = notices_read(o->list, n, reason);

	if (err == ERR_NOENT)
		return CTL_FOUND;
	if (err != ERR_OK)
		return print_failure(err == ERR_AUTH ? CTL_UNVERIFIED : CTL_INTERNAL, "%s", reason);
	if (memcmp(&n->root, root, sizeof(*root)) != 0)
		return print_failure(CTL_UNVERIFIED, "%s: the list of another root", o->list);
	return CTL_FOUND;
}

static int continue_list(const struct call *call, struct notices *n, const struct key_pair *root)
{
	const struct revoke_options *o = call->options;
	char reason[FILE_REASON_MAX];
	json_t *object;
	int code = read_list(call, n, &root->public);

	for (size_t i = 0; i < call->operand_count && code == CTL_FOUND; i++)
		code = add_cert(call, n, &root->public, call->operands[i]);
	if (code == CTL_FOUND)
		code = add_roots(call, n, NOTICE_ENDORSE, &o->endorsed);
	if (code == CTL_FOUND)
		code = add_roots(call, n, NOTICE_RETIRE, &o->retired);
	if (code != CTL_FOUND)
		return code;
	if (notices_write(n, root, call->now, o->list, reason) != ERR_OK)
		return print_fault(reason);
	object = describe_notices(n, call->now);
	json_object_set_new(object, "file", json_string(o->list));
	describe_put(call, object);
	return CTL_FOUND;
}

static int check(const struct call *call)
{
	const struct revoke_options *o = call->options;

	if (o->sign == NULL || o->list == NULL)
		return print_failure(CTL_USAGE, "--sign ROOT_KEY and --list FILE are needed");
	if (o->days != 0 && o->until_ms != ISSUE_NEVER)
		return print_failure(CTL_USAGE, "--days and --valid-until exclude each other");
	if (o->endorsed.count == 0 && (o->days != 0 || o->until_ms != ISSUE_NEVER))
		return print_failure(CTL_USAGE, "--days and --valid-until go with --endorse");
	if (o->until_ms != ISSUE_NEVER && o->until_ms <= call->now.ms)
		return print_failure(CTL_USAGE, "--valid-until is in the past");
	if (o->is_all && call->operand_count == 0)
		return print_failure(CTL_USAGE, "--all goes with certificates");
	return CTL_FOUND;
}

static int run(const struct call *call)
{
	const struct revoke_options *o = call->options;
	char reason[FILE_REASON_MAX];
	struct notices *notices;
	struct key_pair root;
	int code = check(call);

	if (code != CTL_FOUND)
		return code;
	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (file_read_pair(o->sign, "spoor-root-key", &root, reason) != ERR_OK)
		return print_fault(reason);
	notices = calloc(1, sizeof(*notices));
	CHECK(notices != NULL);
	code = continue_list(call, notices, &root);
	free(notices);
	key_pair_wipe(&root);
	return code;
}

const struct command cmd_member_revoke = {
	.name = "member",
	.verb = "revoke",
	.operands = "[CERTIFICATE...]",
	.summary = "a root's list: whom it revokes, endorses, retires",
	.notes = "With nothing to add the list is signed anew, under its next number.\n",
	.operands_max = CERTS_MAX,
	COMMAND_OPTIONS(rows, defaults),
	.run = run,
};
