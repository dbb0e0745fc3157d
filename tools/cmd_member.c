#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/cmd.h"
#include "tools/describe.h"
#include "tools/file.h"
#include "tools/issue.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_ROOM 512

struct issue_options {
	const char *sign, *output;
	uint64_t days;
	int64_t until_ms;
	struct option_list prefixes, roles;
};

static const struct issue_options defaults = {.until_ms = ISSUE_NEVER};

#define MEMBER(m) .offset = offsetof(struct issue_options, m)

/* clang-format off */
static const struct option_row rows[] = {
	{"sign", 0, "ROOT_KEY",    "secret key of the root that signs", OPTION_TEXT, MEMBER(sign)},
	{"days", 0, "N",           "valid for N days (365)", OPTION_NUMBER, MEMBER(days)},
	{"valid-until", 0, "TIME", "valid until TIME", OPTION_TIME, MEMBER(until_ms)},
	{"prefix", 0, "NET",       "where the member may be reached, instead; may be given again",
		OPTION_LIST, MEMBER(prefixes), issue_is_prefix},
	{"role", 0, "ask|answer|host",  "what it may do; may be given again", OPTION_LIST, MEMBER(roles),
		issue_is_role},
	{"output", 'o', "FILE",    "write it there, not to standard output", OPTION_TEXT, MEMBER(output)},
};
/* clang-format on */

static int read_request(const char *path, struct request *ret)
{
	uint8_t data[REQUEST_ROOM];
	char reason[FILE_REASON_MAX];
	size_t len = sizeof(data);
	enum err err;

	if (file_read_key(path, "spoor-request", data, &len, reason) != ERR_OK)
		return print_fault(reason);
	err = request_open(data, len, ret);
	if (err == ERR_AUTH)
		return print_failure(CTL_UNVERIFIED,
		                     "%s: the applicant's signature does not verify", path);
	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", path, err_text(err));
	return CTL_FOUND;
}

static int deliver(const struct call *call, const struct cert *cert, const struct cert_blob *blob)
{
	const struct issue_options *o = call->options;
	const struct delivery d = {"spoor-certificate", "certificate", o->output};

	return describe_deliver(call, &d, blob->octets, blob->len, describe_cert(cert, call->now));
}

static struct wall until_of(const struct call *call)
{
	const struct issue_options *o = call->options;

	return issue_until(call->now, MIN(o->days, (uint64_t)ISSUE_DAYS_MAX), o->until_ms);
}

/* What the root's holder says goes before what the applicant wants. */
static enum err narrow(const struct issue_options *o, struct prefix *prefixes, size_t *count,
                       uint32_t *roles, char *reterr)
{
	if (issue_roles_of(&o->roles) != 0)
		*roles = issue_roles_of(&o->roles);
	if ((*roles & CERT_ROLE_HOST) != 0 && *roles != CERT_ROLE_HOST) {
		snprintf(reterr, FILE_REASON_MAX, "--role host goes with no other role");
		return ERR_RANGE;
	}
	if (o->prefixes.count == 0)
		return ERR_OK;
	*count = 0;
	return issue_prefixes(&o->prefixes, prefixes, count, reterr);
}

static int issue(const struct call *call, const struct key_pair *root)
{
	char reason[FILE_REASON_MAX];
	uint32_t roles = CERT_ROLES_MEMBER;
	struct request request;
	struct cert_blob blob;
	struct cert cert;
	enum err err;
	int code = read_request(call->operands[0], &request);

	if (code != CTL_FOUND)
		return code;
	err = narrow(call->options, request.prefixes, &request.prefix_count, &roles, reason);
	if (err != ERR_OK)
		return print_failure(CTL_USAGE, "%s", reason);
	err = issue_cert(root, &request, roles, call->now, until_of(call), &cert, &blob, reason);
	return err == ERR_OK ? deliver(call, &cert, &blob) : print_fault(reason);
}

static int renew(const struct call *call, const struct key_pair *root)
{
	char reason[FILE_REASON_MAX];
	struct cert_blob blob;
	struct cert cert;
	enum err err;
	int code = issue_read_cert(call->operands[0], &root->public, &cert);

	if (code != CTL_FOUND)
		return code;
	err = narrow(call->options, cert.prefixes, &cert.prefix_count, &cert.roles, reason);
	if (err != ERR_OK)
		return print_failure(CTL_USAGE, "%s", reason);
	err = issue_again(root, call->now, until_of(call), &cert, &blob, reason);
	return err == ERR_OK ? deliver(call, &cert, &blob) : print_fault(reason);
}

/* Checks what both have in common, and lends the root's key to `act`. */
static int with_root(const struct call *call,
                     int (*act)(const struct call *call, const struct key_pair *root))
{
	const struct issue_options *o = call->options;
	char reason[FILE_REASON_MAX];
	struct key_pair root;
	int code;

	if (o->sign == NULL)
		return print_failure(CTL_USAGE, "--sign ROOT_KEY is missing: who signs?");
	if (o->days != 0 && o->until_ms != ISSUE_NEVER)
		return print_failure(CTL_USAGE, "--days and --valid-until exclude each other");
	if (until_of(call).ms <= call->now.ms)
		return print_failure(CTL_USAGE, "--valid-until is in the past");
	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (file_read_pair(o->sign, "spoor-root-key", &root, reason) != ERR_OK)
		return print_fault(reason);
	code = act(call, &root);
	key_pair_wipe(&root);
	return code;
}

static int run_issue(const struct call *call)
{
	return with_root(call, issue);
}

static int run_renew(const struct call *call)
{
	return with_root(call, renew);
}

const struct command cmd_member_issue = {
	.name = "member",
	.verb = "issue",
	.operands = "REQUEST",
	.summary = "a certificate for an applicant, signed by a root",
	.operands_min = 1,
	.operands_max = 1,
	COMMAND_OPTIONS(rows, defaults),
	.run = run_issue,
};

const struct command cmd_member_renew = {
	.name = "member",
	.verb = "renew",
	.operands = "CERTIFICATE",
	.summary = "the same certificate anew: same id, new serial and validity",
	.operands_min = 1,
	.operands_max = 1,
	COMMAND_OPTIONS(rows, defaults),
	.run = run_renew,
};
