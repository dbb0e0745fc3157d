#include "base/bytes.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "proto/wire/record.h"
#include "tools/cmd.h"
#include "tools/describe.h"
#include "tools/file.h"
#include "tools/issue.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

struct keygen_options {
	const char *identity;
	uint64_t days;
	struct option_list endpoints;
};

static const struct keygen_options defaults = {.days = RECORD_DAYS};

#define MEMBER(m) .offset = offsetof(struct keygen_options, m)

/* clang-format off */
static const struct option_row rows[] = {
	{"identity", 0, "KEY",       "secret identity key of the member", OPTION_TEXT, MEMBER(identity)},
	{"days", 0, "N",             "valid for N days (7, and no more)", OPTION_NUMBER, MEMBER(days)},
	{"endpoint", 0, "ADDR:PORT", "where it is reached, once for each of IPv4 and IPv6", OPTION_LIST,
		MEMBER(endpoints), options_is_endpoint},
};
/* clang-format on */

/* Draws a key and writes its seed to `path`, which nobody else may read. */
static enum err draw(const char *path, const char *kind, struct public_key *ret, char *reterr)
{
	struct key_pair pair;
	struct seed seed;
	enum err err = file_random(&seed, sizeof(seed), reterr);

	if (err == ERR_OK)
		err = file_write_key(path, FILE_SECRET, kind, seed.octets, sizeof(seed.octets),
		                     reterr);
	if (err == ERR_OK) {
		pair = key_pair_of(&seed);
		*ret = pair.public;
		key_pair_wipe(&pair);
	}
	wipe(&seed, sizeof(seed));
	return err;
}

static int run_identity(const struct call *call)
{
	char reason[FILE_REASON_MAX], hex[ISSUE_HEX_MAX];
	const char *path = call->operands[0];
	struct public_key key;

	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (draw(path, "spoor-identity-key", &key, reason) != ERR_OK)
		return print_fault(reason);
	describe_put(call,
	             json_pack("{s:s, s:s}", "file", path, "key", issue_hex(key.octets, hex)));
	return CTL_FOUND;
}

/* Looks for the public file first: a secret one alone would be in the way of a second try. */
static int run_root(const struct call *call)
{
	char reason[FILE_REASON_MAX], hex[ISSUE_HEX_MAX], public[FILE_PATH_MAX];
	const char *path = call->operands[0];
	int len = snprintf(public, sizeof(public), "%s.pub", path);
	struct public_key key;

	if (len < 0 || len >= FILE_PATH_MAX)
		return print_failure(CTL_INTERNAL, "the path of %s is too long", path);
	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (file_exists(public))
		return print_failure(CTL_INTERNAL, "%s is there already; nothing is overwritten",
		                     public);
	if (draw(path, "spoor-root-key", &key, reason) != ERR_OK ||
	    file_write_key(public, FILE_PUBLIC, "spoor-root", key.octets, sizeof(key.octets),
	                   reason) != ERR_OK)
		return print_fault(reason);
	describe_put(call, json_pack("{s:s, s:s, s:s}", "file", path, "public", public, "root",
	                             issue_hex(key.octets, hex)));
	return CTL_FOUND;
}

static int fill_endpoints(const struct keygen_options *o, struct record *record)
{
	if (o->endpoints.count > RECORD_ENDPOINTS_MAX)
		return print_failure(CTL_USAGE, "--endpoint: at most one of each family");
	for (size_t i = 0; i < o->endpoints.count; i++) {
		enum err err = endpoint_parse(o->endpoints.items[i], &record->endpoints[i]);

		CHECK(err == ERR_OK); /* it was checked as an option */
		record->endpoint_count++;
	}
	return CTL_FOUND;
}

/* Clocks differ: others' may be behind ours. */
static struct record record_from(const struct call *call)
{
	const struct keygen_options *o = call->options;
	int64_t life_ms = (int64_t)o->days * 24 * HOUR_MS;

	return (struct record){
		.seq = (uint64_t)MAX(call->now.ms, 0), /* later ones count */
		.not_before = {call->now.ms - HOUR_MS},
		.not_after = {call->now.ms + life_ms},
	};
}

static int write_operational(const struct call *call, const struct seed *seed,
                             const struct key_pair *identity, struct record *record)
{
	uint8_t data[RECORD_FILE_MAX];
	struct octets out = octets_of(data, sizeof(data));
	char reason[FILE_REASON_MAX];
	struct record_blob blob;
	struct box_key secret;
	struct key_pair pair;
	json_t *object;
	enum err err;

	record_keys(seed, &pair, &record->kx, &secret);
	record->sign = pair.public;
	key_pair_wipe(&pair);
	wipe(&secret, sizeof(secret));
	if (record_issue(identity, record, &blob) != ERR_OK)
		return print_failure(CTL_USAGE,
		                     "--endpoint: one unicast address of each family, no more");
	octets_put(&out, seed->octets, sizeof(seed->octets));
	octets_put(&out, blob.octets, blob.len);
	err = file_write_key(call->operands[0], FILE_SECRET, "spoor-operational-key", data,
	                     octets_len(&out), reason);
	wipe(data, sizeof(data));
	if (err != ERR_OK)
		return print_fault(reason);
	object = describe_record(record, call->now);
	json_object_set_new(object, "file", json_string(call->operands[0]));
	describe_put(call, object);
	return CTL_FOUND;
}

static int run_operational(const struct call *call)
{
	const struct keygen_options *o = call->options;
	struct record record;
	char reason[FILE_REASON_MAX];
	struct key_pair identity;
	struct seed seed;
	int code;

	if (o->identity == NULL)
		return print_failure(CTL_USAGE, "--identity KEY is missing: whose keys are they?");
	if (o->days > RECORD_DAYS)
		return print_failure(CTL_USAGE, "--days: at most %d", RECORD_DAYS);
	record = record_from(call);
	code = fill_endpoints(o, &record);
	if (code != CTL_FOUND)
		return code;
	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	if (file_read_pair(o->identity, "spoor-identity-key", &identity, reason) != ERR_OK)
		return print_fault(reason);
	code = file_random(&seed, sizeof(seed), reason) != ERR_OK
	               ? print_fault(reason)
	               : write_operational(call, &seed, &identity, &record);
	key_pair_wipe(&identity);
	wipe(&seed, sizeof(seed));
	return code;
}

const struct command cmd_keygen_identity = {
	.name = "keygen",
	.verb = "identity",
	.operands = "FILE",
	.summary = "a member's long-lived key, in FILE",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_identity,
};

const struct command cmd_keygen_root = {
	.name = "keygen",
	.verb = "root",
	.operands = "FILE",
	.summary = "a root's key in FILE, its public half in FILE.pub",
	.operands_min = 1,
	.operands_max = 1,
	.run = run_root,
};

const struct command cmd_keygen_operational = {
	.name = "keygen",
	.verb = "operational",
	.operands = "FILE",
	.summary = "a week's keys for a node whose identity key is elsewhere",
	.operands_min = 1,
	.operands_max = 1,
	COMMAND_OPTIONS(rows, defaults),
	.run = run_operational,
};
