#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/cmd.h"
#include "tools/file.h"
#include "tools/issue.h"
#include "tools/settings.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_ROOM 512

struct init_options {
	const char *community, *org, *sign;
	uint64_t days;
	int64_t until_ms;
	struct option_list roots, prefixes;
	struct settings settings;
};

static const struct init_options defaults = {
	.until_ms = ISSUE_NEVER,
	.settings = {.listen = "127.0.0.1:7667",
                     .idle_timeout = "15s",
                     .map_size = "4GiB",
                     .keep = "30d"},
};

#define MEMBER(m) .offset = offsetof(struct init_options, m)
#define ADDRESS .check = options_is_endpoint

static bool is_advertise(const char *text)
{
	return strcmp(text, "none") == 0 || options_is_endpoint(text);
}

/* clang-format off */
static bool is_keep(const char *text)
{
	return strcmp(text, "forever") == 0 || options_is_span(text);
}

static const struct option_row options[] = {
	{"community", 0, "DIR",       "found a community: its root's keys, in DIR", OPTION_TEXT,
		MEMBER(community)},
	{"name", 0, "NAME",           "what people call the node", OPTION_TEXT, MEMBER(settings.name)},
	{"org", 0, "ORG",             "whose it is", OPTION_TEXT, MEMBER(org)},
	{"sign", 0, "ROOT_KEY",       "sign its certificate with this root", OPTION_TEXT, MEMBER(sign)},
	{"root", 0, "ROOT_PUB",       "trust this root; may be given again", OPTION_LIST, MEMBER(roots)},
	{"days", 0, "N",              "certificate valid for N days (365)", OPTION_NUMBER, MEMBER(days)},
	{"valid-until", 0, "TIME",    "certificate valid until TIME", OPTION_TIME, MEMBER(until_ms)},
	{"listen", 0, "ADDR:PORT",    "of the overlay (127.0.0.1:7667)", OPTION_TEXT,
		MEMBER(settings.listen), ADDRESS},
	{"listen6", 0, "ADDR:PORT",   "of the overlay, for IPv6 beside IPv4 (nowhere)", OPTION_TEXT,
		MEMBER(settings.listen6), ADDRESS},
	{"advertise", 0, "ADDR:PORT", "where others reach the node (where it listens), or: none; may be "
		"given again", OPTION_LIST, MEMBER(settings.advertise), is_advertise},
	{"prefix", 0, "NET",          "others may reach the node there (the address of --listen); may be "
		"given again", OPTION_LIST, MEMBER(prefixes), issue_is_prefix},
	{"export", 0, "ADDR:PORT",    "of flow exports (127.0.0.1:2055); may be given again",
		OPTION_LIST, MEMBER(settings.exports), ADDRESS},
	{"bootstrap", 0, "ADDR:PORT", "another node; may be given again", OPTION_LIST,
		MEMBER(settings.bootstrap), ADDRESS},
	{"idle-timeout", 0, "SPAN",   "the exporters' idle timeout (15s)", OPTION_TEXT,
		MEMBER(settings.idle_timeout), options_is_span},
	{"map-size", 0, "SIZE",       "room for the store (4GiB)", OPTION_TEXT,
		MEMBER(settings.map_size), options_is_size},
	{"keep", 0, "SPAN",           "how long flows are kept (30d), or: forever", OPTION_TEXT,
		MEMBER(settings.keep), is_keep},
};
/* clang-format on */

/* Makes `dir`, and refuses it when it holds one of `files` already. */
static int prepare(const char *dir, const char *const *files, size_t count)
{
	char path[FILE_PATH_MAX], reason[FILE_REASON_MAX];

	if (file_make_dir(dir, reason) != ERR_OK)
		return print_fault(reason);
	for (size_t i = 0; i < count; i++) {
		if (file_path(dir, files[i], path, reason) != ERR_OK)
			return print_fault(reason);
		if (file_exists(path))
			return print_failure(CTL_INTERNAL,
			                     "%s is there already; nothing is overwritten", path);
	}
	return CTL_FOUND;
}

static enum err write_key(const char *dir, const char *file, enum file_mode mode, const char *kind,
                          const void *data, size_t len, char *reterr)
{
	char path[FILE_PATH_MAX];
	enum err err = file_path(dir, file, path, reterr);

	return err == ERR_OK ? file_write_key(path, mode, kind, data, len, reterr) : err;
}

/* Draws a key and writes its seed to `file`, which nobody else may read. */
static enum err new_key(const char *dir, const char *file, const char *kind, struct key_pair *ret,
                        char *reterr)
{
	struct seed seed;
	enum err err = file_random(&seed, sizeof(seed), reterr);

	if (err == ERR_OK)
		err = write_key(dir, file, FILE_SECRET, kind, seed.octets, sizeof(seed.octets),
		                reterr);
	if (err == ERR_OK)
		*ret = key_pair_of(&seed);
	wipe(&seed, sizeof(seed));
	return err;
}

static void report(const struct call *call, json_t *object, const char *next)
{
	if (call->form == PRINT_JSON) {
		print_object(object, stdout);
	} else {
		print_sections(object, stdout);
		fputs(next, stdout);
	}
	json_decref(object);
}

static int init_community(const struct call *call)
{
	static const char *const files[] = {"root.key", "root.pub"};
	const struct init_options *o = call->options;
	char reason[FILE_REASON_MAX], hex[ISSUE_HEX_MAX];
	struct key_pair pair;
	json_t *object;
	enum err err;
	int code;

	if (call->operand_count > 0)
		return print_failure(CTL_USAGE,
		                     "--community DIR makes a root, DIR alone a node: one of them");
	code = prepare(o->community, files, ARRAY_LEN(files));
	if (code != CTL_FOUND)
		return code;
	err = new_key(o->community, "root.key", "spoor-root-key", &pair, reason);
	if (err == ERR_OK)
		err = write_key(o->community, "root.pub", FILE_PUBLIC, "spoor-root",
		                pair.public.octets, sizeof(pair.public.octets), reason);
	if (err != ERR_OK)
		return print_fault(reason);
	object = json_pack("{s:s, s:s*, s:s}", "dir", o->community, "name", o->settings.name,
	                   "root", issue_hex(pair.public.octets, hex));
	key_pair_wipe(&pair);
	report(call, object,
	       "\nKeep root.key secret: who has it decides who is a member.\n"
	       "Give root.pub to every member.\n");
	return CTL_FOUND;
}

struct node { /* in the making */
	const struct call *call;
	const char *dir;
	struct seed seed; /* of its key */
	struct request request;
	uint8_t request_data[REQUEST_ROOM];
	size_t request_len;
	struct roots roots;
	struct cert cert;
	struct cert_blob blob;
	bool is_signed;
};

static bool is_reachable(const char *text, struct endpoint *ret)
{
	return endpoint_parse(text, ret) == ERR_OK && addr_is_unicast(&ret->addr);
}

/* Where nobody says: the addresses that it listens on. */
static enum err fill_prefixes(struct node *n, char *reterr)
{
	const struct init_options *o = n->call->options;
	const char *const texts[] = {o->settings.listen, o->settings.listen6};
	struct request *r = &n->request;
	enum err err = issue_prefixes(&o->prefixes, r->prefixes, &r->prefix_count, reterr);
	struct endpoint listen;

	if (err != ERR_OK)
		return ERR_RANGE;
	if (r->prefix_count > 0)
		return ERR_OK;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i] != NULL && !is_reachable(texts[i], &listen)) {
			snprintf(reterr, FILE_REASON_MAX,
			         "nobody can reach %s: say --prefix NET, where others may reach "
			         "the node",
			         texts[i]);
			return ERR_RANGE;
		}
		if (texts[i] != NULL)
			r->prefixes[r->prefix_count++] = prefix_of(&listen.addr);
	}
	return ERR_OK;
}

static enum err fill_request(struct node *n, char *reterr)
{
	const struct init_options *o = n->call->options;
	const char *name = o->settings.name;

	if (strlen(name) >= sizeof(n->request.name) || strlen(o->org) >= sizeof(n->request.org)) {
		snprintf(reterr, FILE_REASON_MAX,
		         "at most %zu octets of name and %zu of organisation",
		         sizeof(n->request.name) - 1, sizeof(n->request.org) - 1);
		return ERR_RANGE;
	}
	snprintf(n->request.name, sizeof(n->request.name), "%s", name);
	snprintf(n->request.org, sizeof(n->request.org), "%s", o->org);
	return fill_prefixes(n, reterr);
}

/* Draws the node's key and signs its request, both in memory. */
static enum err draw_request(struct node *n, char *reterr)
{
	struct key_pair pair;
	enum err err = file_random(&n->seed, sizeof(n->seed), reterr);

	if (err != ERR_OK)
		return err;
	pair = key_pair_of(&n->seed);
	n->request.member = pair.public;
	n->request_len = sizeof(n->request_data);
	err = request_pack(&pair, &n->request, n->request_data, &n->request_len);
	key_pair_wipe(&pair);
	if (err != ERR_OK)
		snprintf(reterr, FILE_REASON_MAX, "name and organisation must be printable");
	return err;
}

static bool add_root(struct node *n, const struct public_key *key)
{
	for (size_t i = 0; i < n->roots.count; i++) {
		if (memcmp(&n->roots.keys[i], key, sizeof(*key)) == 0)
			return true;
	}
	if (n->roots.count == CERT_ROOTS_MAX)
		return false;
	n->roots.keys[n->roots.count++] = *key;
	return true;
}

/* The root that signs comes first: it becomes root.pub. */
static enum err read_roots(struct node *n, const struct key_pair *signer, char *reterr)
{
	const struct init_options *o = n->call->options;
	bool has_room = signer == NULL || add_root(n, &signer->public);

	for (size_t i = 0; i < o->roots.count; i++) {
		struct public_key key;
		enum err err = file_read_root(o->roots.items[i], &key, reterr);

		if (err != ERR_OK)
			return err;
		has_room = has_room && add_root(n, &key);
	}
	if (has_room)
		return ERR_OK;
	snprintf(reterr, FILE_REASON_MAX, "at most %d roots", CERT_ROOTS_MAX);
	return ERR_LIMIT;
}

static enum err write_roots(struct node *n, char *reterr)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < n->roots.count && err == ERR_OK; i++) {
		char file[SETTINGS_ROOT_MAX];

		err = write_key(n->dir, settings_root(i, file), FILE_PUBLIC, "spoor-root",
		                n->roots.keys[i].octets, sizeof(n->roots.keys[i].octets), reterr);
	}
	return err;
}

static enum err draw_cert(struct node *n, const struct key_pair *signer, char *reterr)
{
	const struct init_options *o = n->call->options;
	struct wall now = n->call->now;
	struct wall until = issue_until(now, MIN(o->days, ISSUE_DAYS_MAX), o->until_ms);
	enum err err = issue_cert(signer, &n->request, CERT_ROLES_MEMBER, now, until, &n->cert,
	                          &n->blob, reterr);

	n->is_signed = err == ERR_OK;
	return err;
}

static enum err write_settings(struct node *n, char *reterr)
{
	const struct init_options *o = n->call->options;
	char path[FILE_PATH_MAX], text[SETTINGS_TEXT_MAX];
	enum err err = file_path(n->dir, "spoord.yaml", path, reterr);

	if (err != ERR_OK)
		return err;
	settings_print(&o->settings, MAX(n->roots.count, (size_t)1), text);
	return file_write(path, FILE_PUBLIC, text, reterr);
}

/* All of the node that can be refused, before the first file is written. */
static enum err draw_node(struct node *n, char *reterr)
{
	const struct init_options *o = n->call->options;
	struct key_pair signer;
	enum err err = fill_request(n, reterr);

	if (err == ERR_OK && o->sign != NULL)
		err = file_read_pair(o->sign, "spoor-root-key", &signer, reterr);
	if (err == ERR_OK)
		err = read_roots(n, o->sign == NULL ? NULL : &signer, reterr);
	if (err == ERR_OK)
		err = draw_request(n, reterr);
	if (err == ERR_OK && o->sign != NULL)
		err = draw_cert(n, &signer, reterr);
	if (o->sign != NULL)
		key_pair_wipe(&signer);
	return err;
}

static enum err write_node(struct node *n, char *reterr)
{
	enum err err = write_key(n->dir, "identity.key", FILE_SECRET, "spoor-identity-key",
	                         n->seed.octets, sizeof(n->seed.octets), reterr);

	if (err == ERR_OK)
		err = write_key(n->dir, "member.req", FILE_PUBLIC, "spoor-request", n->request_data,
		                n->request_len, reterr);
	if (err == ERR_OK)
		err = write_roots(n, reterr);
	if (err == ERR_OK && n->is_signed)
		err = write_key(n->dir, "member.cert", FILE_PUBLIC, "spoor-certificate",
		                n->blob.octets, n->blob.len, reterr);
	if (err == ERR_OK)
		err = write_settings(n, reterr);
	return err;
}

static int report_node(const struct node *n)
{
	const struct init_options *o = n->call->options;
	struct id id = n->is_signed ? cert_id(&n->cert) : (struct id){{0}};
	char hex[ISSUE_HEX_MAX], config[FILE_PATH_MAX + 16], next[2 * FILE_PATH_MAX];
	json_t *object;

	snprintf(config, sizeof(config), "%s/spoord.yaml", n->dir);
	object = json_pack("{s:s, s:s, s:s, s:s?, s:s}", "dir", n->dir, "name", o->settings.name,
	                   "org", o->org, "id", n->is_signed ? issue_hex(id.octets, hex) : NULL,
	                   "config", config);
	if (n->is_signed)
		snprintf(next, sizeof(next), "\nStart it: spoord --config %s\n", config);
	else
		snprintf(next, sizeof(next),
		         "\nSend %s/member.req to the holder of the root. Put what comes back "
		         "there\n"
		         "as member.cert%s, then: spoord --config %s\n",
		         n->dir,
		         n->roots.count == 0 ? ", and the root's public key as root.pub" : "",
		         config);
	report(n->call, object, next);
	return CTL_FOUND;
}

static int make_node(struct node *n)
{
	static const char *const files[] = {"identity.key", "member.req", "member.cert", "root.pub",
	                                    "spoord.yaml"};
	char reason[FILE_REASON_MAX];
	enum err err = draw_node(n, reason);
	int code;

	if (err != ERR_OK)
		return print_failure(err == ERR_RANGE ? CTL_USAGE : CTL_INTERNAL, "%s", reason);
	code = prepare(n->dir, files, ARRAY_LEN(files));
	if (code != CTL_FOUND)
		return code;
	return write_node(n, reason) == ERR_OK ? report_node(n) : print_fault(reason);
}

static int init_node(const struct call *call)
{
	const struct init_options *o = call->options;
	struct node n = {.call = call};
	int code;

	if (call->operand_count == 0)
		return print_failure(CTL_USAGE, "DIR is missing; see spoor init --help");
	if (o->settings.name == NULL || o->org == NULL)
		return print_failure(CTL_USAGE, "a node needs --name NAME and --org ORG");
	if (o->sign == NULL && (o->days != 0 || o->until_ms != ISSUE_NEVER))
		return print_failure(CTL_USAGE, "--days and --valid-until go with --sign");
	if (o->days != 0 && o->until_ms != ISSUE_NEVER)
		return print_failure(CTL_USAGE, "--days and --valid-until exclude each other");
	n.dir = call->operands[0];
	code = make_node(&n);
	wipe(&n.seed, sizeof(n.seed));
	return code;
}

static int run(const struct call *call)
{
	const struct init_options *o = call->options;

	if (sign_start() != ERR_OK)
		return print_fault("libsodium does not start");
	return o->community != NULL ? init_community(call) : init_node(call);
}

const struct command cmd_init = {
	.name = "init",
	.operands = "[DIR]",
	.summary = "a new node in DIR, or with --community a new root",
	.notes = "Files that are there are never overwritten.\n",
	.operands_max = 1,
	.options = options,
	.option_count = ARRAY_LEN(options),
	.defaults = &defaults,
	.defaults_size = sizeof(defaults),
	.run = run,
};
