#include "base/bytes.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "proto/wire/pack.h"
#include "tools/cmd.h"
#include "tools/describe.h"
#include "tools/file.h"
#include "tools/issue.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_ROOM 512

struct show_options {
	struct option_list roots;
	const char *cert;
};

static const struct show_options defaults = {.roots = {.count = 0}};

#define MEMBER(m) .offset = offsetof(struct show_options, m)

/* clang-format off */
static const struct option_row rows[] = {
	{"root", 0, "ROOT_PUB",    "public key of a root you trust; may be given again", OPTION_LIST,
		MEMBER(roots)},
	{"certificate", 0, "CERT", "whose operational key it is", OPTION_TEXT, MEMBER(cert)},
};
/* clang-format on */

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
			return print_fault(reason);
	}
	return CTL_FOUND;
}

/* Adds who has signed, and prints it all; the code says whether it is valid now. */
static int put(const struct call *call, json_t *object, const char *signature)
{
	const char *state = json_string_value(json_object_get(object, "state"));
	bool is_valid = state == NULL || strcmp(state, "valid") == 0;

	json_object_set_new(object, "signature", json_string(signature));
	describe_put(call, object);
	return is_valid ? CTL_FOUND : CTL_UNVERIFIED;
}

/* Puts what a root has signed, which holds: is it one of `roots`, those that are trusted? */
static int put_signed(const struct call *call, json_t *object, const struct roots *roots,
                      const struct public_key *root)
{
	if (roots->count == 0)
		return put(call, object, "verifies with the root it names (--root: is it yours?)");
	if (roots_have(roots, root))
		return put(call, object, "verifies with a root you trust");
	(void)put(call, object, "by a root you do not trust");
	return print_failure(CTL_UNVERIFIED, "%s: %s", call->operands[0], err_text(ERR_ROOT));
}

/* A request: nobody but its applicant has signed it. */
static int show_request(const struct call *call, const uint8_t *data, size_t len)
{
	struct request request;
	enum err err = request_open(data, len, &request);

	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", call->operands[0], err_text(err));
	return put(call, describe_request(&request),
	           "verifies with the applicant's key (a request, no certificate)");
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
	err = cert_open(data, len, &named, any_time, &cert);
	if (err == ERR_OK)
		return put_signed(call, describe_cert(&cert, call->now), &roots, &cert.root);
	return print_failure(CTL_UNVERIFIED, "%s: %s", call->operands[0], err_text(err));
}

/* Of an operational key what is secret stays so: the record alone is shown. */
static int show_record(const struct call *call, const uint8_t *data, size_t len)
{
	const struct show_options *o = call->options;
	struct cert_blob blob = {.len = sizeof(blob.octets)};
	struct wall any_time = {INT64_MIN};
	size_t seed_len = MIN(sizeof(struct seed), len);
	char reason[FILE_REASON_MAX];
	struct record record;
	struct roots named;
	struct cert cert;
	enum err err;

	if (o->cert == NULL)
		return print_failure(CTL_USAGE,
		                     "--certificate CERT is missing: whose operational key is it?");
	if (file_read_key(o->cert, "spoor-certificate", blob.octets, &blob.len, reason) != ERR_OK)
		return print_fault(reason);
	named = named_root(blob.octets, blob.len);
	err = cert_open(blob.octets, blob.len, &named, any_time, &cert);
	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", o->cert, err_text(err));
	err = record_open(data + seed_len, len - seed_len, &cert, any_time, &record);
	if (err == ERR_DENIED)
		return print_failure(CTL_UNVERIFIED,
		                     "%s: an endpoint is outside the certificate's prefixes",
		                     call->operands[0]);
	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", call->operands[0], err_text(err));
	return put(call, describe_record(&record, call->now),
	           "verifies with the key that the certificate names");
}

static int show_notices(const struct call *call)
{
	struct notices *notices = calloc(1, sizeof(*notices));
	struct roots roots = {.count = 0};
	char reason[FILE_REASON_MAX];
	enum err err;
	int code = read_roots(call->options, &roots);

	CHECK(notices != NULL);
	err = code == CTL_FOUND ? notices_read(call->operands[0], notices, reason) : ERR_OK;
	if (err != ERR_OK) {
		code = print_failure(err == ERR_IO || err == ERR_NOENT ? CTL_INTERNAL
		                                                       : CTL_UNVERIFIED,
		                     "%s", reason);
	} else if (code == CTL_FOUND) {
		code = put_signed(call, describe_notices(notices, call->now), &roots,
		                  &notices->root);
	}
	free(notices);
	return code;
}

static const struct shown {
	const char *kind;
	int (*show)(const struct call *call, const uint8_t *data, size_t len);
} shown[] = {
	{"spoor-certificate", show_cert},
	{"spoor-request", show_request},
	{"spoor-operational-key", show_record},
};

static int run(const struct call *call)
{
	const char *kinds[ARRAY_LEN(shown)], *kind;
	char reason[FILE_REASON_MAX];
	uint8_t data[SHOWN_ROOM];
	size_t len = sizeof(data), i = 0;
	int code;

	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (notices_are_in(call->operands[0]))
		return show_notices(call);
	for (; i < ARRAY_LEN(shown); i++)
		kinds[i] = shown[i].kind;
	if (file_read_any(call->operands[0], kinds, ARRAY_LEN(kinds), data, &len, &kind, reason) !=
	    ERR_OK)
		return print_fault(reason);
	for (i = 0; shown[i].kind != kind; i++)
		CHECK(i + 1 < ARRAY_LEN(shown));
	code = shown[i].show(call, data, len);
	wipe(data, sizeof(data));
	return code;
}

const struct command cmd_member_show = {
	.name = "member",
	.verb = "show",
	.operands = "CERTIFICATE|REQUEST|OPERATIONAL_KEY|NOTICES",
	.summary = "what such a file says, and whether it holds",
	.operands_min = 1,
	.operands_max = 1,
	COMMAND_OPTIONS(rows, defaults),
	.run = run,
};
