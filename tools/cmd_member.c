#include "base/timestamp.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "proto/wire/pack.h"
#include "tools/cmd.h"
#include "tools/file.h"
#include "tools/issue.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_ROOM 512
#define SHOWN_ROOM MAX(REQUEST_ROOM, CERT_MAX)
#define DAYS_MAX 36500
#define PREFIXES_TEXT_MAX (CERT_PREFIXES_MAX * (PREFIX_TEXT_MAX + 2))

struct issue_options { /* of both issue and renew */
	const char *sign, *output, *role;
	uint64_t days;
	int64_t until_ms;
	struct option_list prefixes;
};

struct show_options {
	struct option_list roots;
};

static const struct issue_options issue_defaults = {.until_ms = ISSUE_NEVER};
static const struct show_options show_defaults = {.roots = {.count = 0}};

#define ISSUE(m) .offset = offsetof(struct issue_options, m)
#define SHOW(m) .offset = offsetof(struct show_options, m)

/* clang-format off */
static const struct option_row issue_rows[] = {
	{"sign", 0, "ROOT_KEY",    "secret key of the root that signs", OPTION_TEXT, ISSUE(sign)},
	{"days", 0, "N",           "valid for N days (365)", OPTION_NUMBER, ISSUE(days)},
	{"valid-until", 0, "TIME", "valid until TIME", OPTION_TIME, ISSUE(until_ms)},
	{"prefix", 0, "NET",       "the member lives there, not where the request or the old certificate "
		"says; may be given again", OPTION_LIST, ISSUE(prefixes), issue_is_prefix},
	{"role", 0, "both|ask|answer", "what it may do (both; renewed: as before)", OPTION_CHOICE,
		ISSUE(role)},
	{"output", 'o', "FILE",    "write it there, not to standard output", OPTION_TEXT, ISSUE(output)},
};

static const struct option_row show_rows[] = {
	{"root", 0, "ROOT_PUB", "public key of a root you trust", OPTION_LIST, SHOW(roots)},
};
/* clang-format on */

static int fail(const char *reason)
{
	return print_failure(CTL_INTERNAL, "%s", reason);
}

static const struct {
	const char *name;
	uint32_t roles;
} roles[] = {
	{"both", CERT_ROLES_ALL},
	{"ask", CERT_ROLE_ASK},
	{"answer", CERT_ROLE_ANSWER},
};

static uint32_t roles_of(const char *name, uint32_t otherwise)
{
	for (size_t i = 0; name != NULL && i < ARRAY_LEN(roles); i++) {
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].roles;
	}
	return otherwise;
}

static const char *role_text(uint32_t held)
{
	for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
		if (roles[i].roles == (held & CERT_ROLES_ALL))
			return roles[i].name;
	}
	return "none";
}

/* One after the other, as people read them. */
static const char *print_prefixes(const struct prefix *prefixes, size_t count, char *room)
{
	size_t used = 0;

	room[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT_MAX];

		used += (size_t)snprintf(room + used, PREFIXES_TEXT_MAX - used, "%s%s",
		                         i > 0 ? ", " : "", prefix_print(&prefixes[i], text));
	}
	return room;
}

/* The certificate as JSON, for all commands. The caller's reference. */
static json_t *describe(const struct cert *cert, struct wall now)
{
	char id[ISSUE_HEX_MAX], member[ISSUE_HEX_MAX], root[ISSUE_HEX_MAX];
	char from[TIMESTAMP_TEXT_MAX], to[TIMESTAMP_TEXT_MAX], prefixes[PREFIXES_TEXT_MAX];
	struct id digest = cert_id(cert);
	const char *state = now.ms < cert->not_before.ms  ? "not yet valid"
	                    : now.ms > cert->not_after.ms ? "expired"
	                                                  : "valid";

	return json_pack("{s:s%, s:s%, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "name",
	                 cert->name, strlen(cert->name), "org", cert->org, strlen(cert->org),
	                 "prefixes", print_prefixes(cert->prefixes, cert->prefix_count, prefixes),
	                 "role", role_text(cert->roles), "id", issue_hex(digest.octets, id), "key",
	                 issue_hex(cert->member.octets, member), "root",
	                 issue_hex(cert->root.octets, root), "serial",
	                 (json_int_t)(cert->serial & INT64_MAX), "not_before",
	                 timestamp_print(cert->not_before.ms, from), "not_after",
	                 timestamp_print(cert->not_after.ms, to), "state", state);
}

static void put(const struct call *call, json_t *object)
{
	if (call->form == PRINT_JSON)
		print_object(object, stdout);
	else
		print_sections(object, stdout);
	json_decref(object);
}

static int read_request(const char *path, struct request *ret)
{
	uint8_t data[REQUEST_ROOM];
	char reason[FILE_REASON_MAX];
	size_t len = sizeof(data);

	if (file_read_key(path, "spoor-request", data, &len, reason) != ERR_OK)
		return fail(reason);
	if (request_open(data, len, ret) != ERR_OK)
		return print_failure(CTL_UNVERIFIED,
		                     "%s: the applicant's signature does not verify", path);
	return CTL_FOUND;
}

/* The certificate goes to a file and its description to standard output, or it goes there itself.
 */
static int deliver(const struct call *call, const struct cert *cert, const struct cert_blob *blob)
{
	const struct issue_options *o = call->options;
	char text[KEY_FILE_MAX], reason[FILE_REASON_MAX];
	json_t *object;

	key_file_print("spoor-certificate", blob->octets, blob->len, text);
	if (o->output == NULL && call->form != PRINT_JSON) {
		fputs(text, stdout);
		return CTL_FOUND;
	}
	if (o->output != NULL && file_write(o->output, FILE_PUBLIC, text, reason) != ERR_OK)
		return fail(reason);
	object = describe(cert, call->now);
	text[strcspn(text, "\n")] = '\0';
	if (o->output == NULL)
		json_object_set_new(object, "certificate", json_string(text));
	else
		json_object_set_new(object, "file", json_string(o->output));
	put(call, object);
	return CTL_FOUND;
}

/* Everything that can be said of the command line alone; `ret` is when validity ends. */
static int check_call(const struct call *call, struct wall *ret)
{
	const struct issue_options *o = call->options;

	*ret = issue_until(call->now, MIN(o->days, DAYS_MAX), o->until_ms);
	if (o->sign == NULL)
		return print_failure(CTL_USAGE, "--sign ROOT_KEY is missing: who signs?");
	if (o->days != 0 && o->until_ms != ISSUE_NEVER)
		return print_failure(CTL_USAGE, "--days and --valid-until exclude each other");
	if (ret->ms <= call->now.ms)
		return print_failure(CTL_USAGE, "--valid-until is in the past");
	return sign_start() == ERR_OK ? CTL_FOUND : fail("libsodium does not start");
}

/* Those of the options, if there are any, in place of those that were asked for. */
static enum err take_prefixes(const struct issue_options *o, struct prefix *prefixes, size_t *count,
                              char reason[FILE_REASON_MAX])
{
	if (o->prefixes.count == 0)
		return ERR_OK;
	*count = 0;
	return issue_prefixes(&o->prefixes, prefixes, count, reason);
}

static int run_issue(const struct call *call)
{
	const struct issue_options *o = call->options;
	char reason[FILE_REASON_MAX];
	struct request request;
	struct cert_blob blob;
	struct key_pair root;
	struct wall until;
	struct cert cert;
	enum err err;
	int code = check_call(call, &until);

	if (code == CTL_FOUND)
		code = read_request(call->operands[0], &request);
	if (code != CTL_FOUND)
		return code;
	if (take_prefixes(o, request.prefixes, &request.prefix_count, reason) != ERR_OK)
		return print_failure(CTL_USAGE, "%s", reason);
	if (file_read_pair(o->sign, "spoor-root-key", &root, reason) != ERR_OK)
		return fail(reason);
	err = issue_cert(&root, &request, roles_of(o->role, CERT_ROLES_ALL), call->now, until,
	                 &cert, &blob, reason);
	key_pair_wipe(&root);
	return err == ERR_OK ? deliver(call, &cert, &blob) : fail(reason);
}

/* The certificate to be renewed; expired or not, this root must have signed it. */
static int read_cert(const char *path, const struct public_key *root, struct cert *ret)
{
	struct roots roots = {.keys = {*root}, .count = 1};
	struct wall any_time = {INT64_MIN};
	char reason[FILE_REASON_MAX];
	uint8_t data[CERT_MAX];
	size_t len = sizeof(data);
	enum err err;

	if (file_read_key(path, "spoor-certificate", data, &len, reason) != ERR_OK)
		return fail(reason);
	err = cert_open(data, len, &roots, any_time, ret);
	if (err == ERR_ROOT)
		return print_failure(CTL_UNVERIFIED, "%s: not signed by this root", path);
	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", path, err_text(err));
	return CTL_FOUND;
}

static int run_renew(const struct call *call)
{
	const struct issue_options *o = call->options;
	char reason[FILE_REASON_MAX];
	struct cert_blob blob;
	struct key_pair root;
	struct wall until;
	struct cert cert;
	enum err err;
	int code = check_call(call, &until);

	if (code != CTL_FOUND)
		return code;
	if (file_read_pair(o->sign, "spoor-root-key", &root, reason) != ERR_OK)
		return fail(reason);
	code = read_cert(call->operands[0], &root.public, &cert);
	if (code == CTL_FOUND &&
	    take_prefixes(o, cert.prefixes, &cert.prefix_count, reason) != ERR_OK)
		code = print_failure(CTL_USAGE, "%s", reason);
	if (code == CTL_FOUND) {
		cert.roles = roles_of(o->role, cert.roles);
		err = issue_again(&root, call->now, until, &cert, &blob, reason);
		code = err == ERR_OK ? deliver(call, &cert, &blob) : fail(reason);
	}
	key_pair_wipe(&root);
	return code;
}

/* The root that a certificate names, believed or not. */
static struct roots named_root(const uint8_t *data, size_t len)
{
	struct bytes in = bytes_of(data, len);
	struct roots roots = {.count = 1};
	struct unpack u;

	bytes_uint(&in, 2);
	u = (struct unpack){.in = in};
	unpack_array(&u);
	unpack_uint(&u, UINT64_MAX);
	unpack_fixed(&u, roots.keys[0].octets, sizeof(roots.keys[0].octets));
	return roots;
}

static int read_roots(const struct show_options *o, struct roots *roots)
{
	char reason[FILE_REASON_MAX];

	if (o->roots.count > CERT_ROOTS_MAX)
		return print_failure(CTL_USAGE, "--root: at most %d", CERT_ROOTS_MAX);
	for (; roots->count < o->roots.count; roots->count++) {
		if (file_read_root(o->roots.items[roots->count], &roots->keys[roots->count],
		                   reason) != ERR_OK)
			return fail(reason);
	}
	return CTL_FOUND;
}

static int show(const struct call *call, const struct cert *cert, const char *signature)
{
	json_t *object = describe(cert, call->now);
	bool is_valid = strcmp(json_string_value(json_object_get(object, "state")), "valid") == 0;

	json_object_set_new(object, "signature", json_string(signature));
	put(call, object);
	return is_valid ? CTL_FOUND : CTL_UNVERIFIED;
}

/* A request: nobody but its applicant has signed it. */
static int show_request(const struct call *call, const uint8_t *data, size_t len)
{
	char key[ISSUE_HEX_MAX], prefixes[PREFIXES_TEXT_MAX];
	struct request request;
	enum err err = request_open(data, len, &request);

	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", call->operands[0], err_text(err));
	put(call,
	    json_pack("{s:s%, s:s%, s:s, s:s, s:s}", "name", request.name, strlen(request.name),
	              "org", request.org, strlen(request.org), "prefixes",
	              print_prefixes(request.prefixes, request.prefix_count, prefixes), "key",
	              issue_hex(request.member.octets, key), "signature",
	              "verifies with the applicant's key (a request, no certificate)"));
	return CTL_FOUND;
}

static int show_cert(const struct call *call, const uint8_t *data, size_t len)
{
	struct roots roots = {.count = 0}, named;
	struct wall any_time = {INT64_MIN};
	struct cert cert;
	enum err err;
	int code = read_roots(call->options, &roots);

	if (code != CTL_FOUND)
		return code;
	named = named_root(data, len);
	err = cert_open(data, len, roots.count == 0 ? &named : &roots, any_time, &cert);
	if (err == ERR_OK)
		return show(call, &cert,
		            roots.count == 0
		                    ? "verifies with the root it names (--root: is it yours?)"
		                    : "verifies with a root you trust");
	if (err == ERR_ROOT && cert_open(data, len, &named, any_time, &cert) == ERR_OK)
		show(call, &cert, "by a root you do not trust");
	return print_failure(CTL_UNVERIFIED, "%s: %s", call->operands[0], err_text(err));
}

static int run_show(const struct call *call)
{
	static const char *const kinds[] = {"spoor-certificate", "spoor-request"};
	char reason[FILE_REASON_MAX];
	uint8_t data[SHOWN_ROOM];
	size_t len = sizeof(data);
	const char *kind;

	if (sign_start() != ERR_OK)
		return fail("libsodium does not start");
	if (file_read_either(call->operands[0], kinds, data, &len, &kind, reason) != ERR_OK)
		return fail(reason);
	return kind == kinds[0] ? show_cert(call, data, len) : show_request(call, data, len);
}

const struct command cmd_member_issue = {
	.name = "member",
	.verb = "issue",
	.operands = "REQUEST",
	.summary = "a certificate for an applicant, signed by a root",
	.operands_min = 1,
	.operands_max = 1,
	.options = issue_rows,
	.option_count = ARRAY_LEN(issue_rows),
	.defaults = &issue_defaults,
	.defaults_size = sizeof(issue_defaults),
	.run = run_issue,
};

const struct command cmd_member_renew = {
	.name = "member",
	.verb = "renew",
	.operands = "CERTIFICATE",
	.summary = "the same certificate for longer; its id stays",
	.operands_min = 1,
	.operands_max = 1,
	.options = issue_rows,
	.option_count = ARRAY_LEN(issue_rows),
	.defaults = &issue_defaults,
	.defaults_size = sizeof(issue_defaults),
	.run = run_renew,
};

const struct command cmd_member_show = {
	.name = "member",
	.verb = "show",
	.operands = "CERTIFICATE|REQUEST",
	.summary = "what a certificate or request says, and whether it holds",
	.operands_min = 1,
	.operands_max = 1,
	.options = show_rows,
	.option_count = ARRAY_LEN(show_rows),
	.defaults = &show_defaults,
	.defaults_size = sizeof(show_defaults),
	.run = run_show,
};
