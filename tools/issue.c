#include "tools/issue.h"

#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/print.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

const struct issue_role issue_roles[ISSUE_ROLES] = {
	{"ask", CERT_ROLE_ASK},
	{"answer", CERT_ROLE_ANSWER},
	{"host", CERT_ROLE_HOST},
};

struct wall issue_until(struct wall now, uint64_t days, int64_t until_ms)
{
	if (until_ms != ISSUE_NEVER)
		return (struct wall){until_ms};
	return (struct wall){now.ms + (int64_t)(days == 0 ? ISSUE_DAYS : days) * DAY_MS};
}

enum err issue_again(const struct key_pair *root, struct wall now, struct wall not_after,
                     struct cert *cert, struct cert_blob *ret_blob, char reterr[FILE_REASON_MAX])
{
	enum err err;

	if (not_after.ms <= now.ms) {
		snprintf(reterr, FILE_REASON_MAX, "--valid-until is in the past");
		return ERR_RANGE;
	}
	err = file_random(&cert->serial, sizeof(cert->serial), reterr);
	if (err != ERR_OK)
		return err;
	cert->serial >>= 1; /* 63 bits: fits the signed integers of JSON readers */
	/* Clocks differ: the member's may be behind the root's. */
	cert->not_before.ms = now.ms - HOUR_MS;
	cert->not_after = not_after;
	err = cert_issue(root, cert, ret_blob);
	if (err != ERR_OK)
		snprintf(reterr, FILE_REASON_MAX, "name and organisation must be printable");
	return err;
}

enum err issue_cert(const struct key_pair *root, const struct request *request, uint32_t roles,
                    struct wall now, struct wall not_after, struct cert *ret,
                    struct cert_blob *ret_blob, char reterr[FILE_REASON_MAX])
{
	struct cert cert = {
		.member = request->member,
		.prefix_count = request->prefix_count,
		.roles = roles,
	};
	enum err err = file_random(cert.salt, sizeof(cert.salt), reterr);

	if (err != ERR_OK)
		return err;
	memcpy(cert.name, request->name, sizeof(cert.name));
	memcpy(cert.org, request->org, sizeof(cert.org));
	memcpy(cert.prefixes, request->prefixes, sizeof(cert.prefixes));
	err = issue_again(root, now, not_after, &cert, ret_blob, reterr);
	if (err == ERR_OK)
		*ret = cert;
	return err;
}

int issue_read_cert(const char *path, const struct public_key *root, struct cert *ret)
{
	struct roots roots = {.keys = {*root}, .count = 1};
	struct cert_blob blob = {.len = sizeof(blob.octets)};
	struct wall any_time = {INT64_MIN};
	char reason[FILE_REASON_MAX];
	enum err err;

	if (file_read_key(path, "spoor-certificate", blob.octets, &blob.len, reason) != ERR_OK)
		return print_fault(reason);
	err = cert_open(blob.octets, blob.len, &roots, any_time, ret);
	if (err == ERR_ROOT)
		return print_failure(CTL_UNVERIFIED, "%s: signed by another root", path);
	if (err != ERR_OK)
		return print_failure(CTL_UNVERIFIED, "%s: %s", path, err_text(err));
	return CTL_FOUND;
}

enum err issue_prefixes(const struct option_list *list, struct prefix *prefixes, size_t *count,
                        char reterr[FILE_REASON_MAX])
{
	for (size_t i = 0; i < list->count; i++) {
		if (*count == CERT_PREFIXES_MAX) {
			snprintf(reterr, FILE_REASON_MAX, "--prefix: at most %d of them",
			         CERT_PREFIXES_MAX);
			return ERR_LIMIT;
		}
		if (prefix_parse(list->items[i], &prefixes[*count]) != ERR_OK) {
			snprintf(reterr, FILE_REASON_MAX, "--prefix: no prefix: %s",
			         list->items[i]);
			return ERR_FORMAT;
		}
		(*count)++;
	}
	return ERR_OK;
}

uint32_t issue_roles_of(const struct option_list *list)
{
	uint32_t roles = 0;

	for (size_t i = 0; i < list->count; i++) {
		for (size_t r = 0; r < ISSUE_ROLES; r++) {
			if (strcmp(issue_roles[r].name, list->items[i]) == 0)
				roles |= issue_roles[r].role;
		}
	}
	return roles;
}

bool issue_is_role(const char *text)
{
	struct option_list one = {.items = {text}, .count = 1};

	return issue_roles_of(&one) != 0;
}

bool issue_is_prefix(const char *text)
{
	struct prefix p;

	return prefix_parse(text, &p) == ERR_OK;
}

const char *issue_hex(const void *octets, char room[ISSUE_HEX_MAX])
{
	const uint8_t *at = octets;

	for (size_t i = 0; i < 32; i++)
		snprintf(room + 2 * i, ISSUE_HEX_MAX - 2 * i, "%02x", at[i]);
	return room;
}
