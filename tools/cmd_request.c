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

struct request_options {
	const char *identity, *name, *org, *output;
	struct option_list prefixes;
};

static const struct request_options defaults = {.identity = NULL};

#define MEMBER(m) .offset = offsetof(struct request_options, m)

/* clang-format off */
static const struct option_row rows[] = {
	{"identity", 0, "KEY",   "secret identity key of the applicant", OPTION_TEXT, MEMBER(identity)},
	{"name", 0, "NAME",      "what people call the node", OPTION_TEXT, MEMBER(name)},
	{"org", 0, "ORG",        "whose it is", OPTION_TEXT, MEMBER(org)},
	{"prefix", 0, "NET",     "where others may reach the node; may be given again", OPTION_LIST,
		MEMBER(prefixes), issue_is_prefix},
	{"output", 'o', "FILE",  "write it there, not to standard output", OPTION_TEXT, MEMBER(output)},
};
/* clang-format on */

static int fill(const struct request_options *o, struct request *r)
{
	char reason[FILE_REASON_MAX];

	if (o->identity == NULL || o->name == NULL || o->org == NULL || o->prefixes.count == 0)
		return print_failure(CTL_USAGE,
		                     "--identity KEY, --name NAME, --org ORG and --prefix NET are "
		                     "needed");
	if (strlen(o->name) >= sizeof(r->name) || strlen(o->org) >= sizeof(r->org))
		return print_failure(CTL_USAGE,
		                     "at most %zu octets of name and %zu of organisation",
		                     sizeof(r->name) - 1, sizeof(r->org) - 1);
	snprintf(r->name, sizeof(r->name), "%s", o->name);
	snprintf(r->org, sizeof(r->org), "%s", o->org);
	if (issue_prefixes(&o->prefixes, r->prefixes, &r->prefix_count, reason) != ERR_OK)
		return print_failure(CTL_USAGE, "%s", reason);
	return CTL_FOUND;
}

static int run(const struct call *call)
{
	const struct request_options *o = call->options;
	const struct delivery d = {"spoor-request", "request", o->output};
	struct request request = {.prefix_count = 0};
	uint8_t data[REQUEST_ROOM];
	char reason[FILE_REASON_MAX];
	size_t len = sizeof(data);
	struct key_pair identity;
	enum err err;
	int code = fill(o, &request);

	if (code != CTL_FOUND)
		return code;
	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (file_read_pair(o->identity, "spoor-identity-key", &identity, reason) != ERR_OK)
		return print_fault(reason);
	request.member = identity.public;
	err = request_pack(&identity, &request, data, &len);
	key_pair_wipe(&identity);
	if (err != ERR_OK)
		return print_failure(CTL_USAGE, "name and organisation must be printable");
	return describe_deliver(call, &d, data, len, describe_request(&request));
}

const struct command cmd_member_request = {
	.name = "member",
	.verb = "request",
	.summary = "a request for membership, for an identity key that is there",
	COMMAND_OPTIONS(rows, defaults),
	.run = run,
};
