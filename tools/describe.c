#include "tools/describe.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "proto/wire/ctl.h"
#include "tools/file.h"
#include "tools/issue.h"
#include "tools/print.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static json_t *time_of(struct wall t)
{
	char text[TIMESTAMP_TEXT_MAX];

	return json_string(timestamp_print(t.ms, text));
}

static json_t *hex_of(const void *octets)
{
	char text[ISSUE_HEX_MAX];

	return json_string(issue_hex(octets, text));
}

/* Names are checked, but not for what JSON thinks of UTF-8. */
static json_t *text_of(const char *text)
{
	return json_stringn(text, strlen(text));
}

static const char *state_of(struct wall now, struct wall not_before, struct wall not_after)
{
	return now.ms < not_before.ms  ? "not yet valid"
	       : now.ms > not_after.ms ? "expired"
	                               : "valid";
}

static void put_validity(json_t *object, struct wall now, struct wall not_before,
                         struct wall not_after)
{
	json_object_set_new(object, "not_before", time_of(not_before));
	json_object_set_new(object, "not_after", time_of(not_after));
	json_object_set_new(object, "state", json_string(state_of(now, not_before, not_after)));
}

static json_t *prefixes_of(const struct prefix *prefixes, size_t count)
{
	json_t *list = json_array();
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(prefix_print(&prefixes[i], text)));
	return list;
}

static json_t *roles_of(uint32_t roles)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ISSUE_ROLES; i++) {
		if ((roles & issue_roles[i].role) != 0)
			json_array_append_new(list, json_string(issue_roles[i].name));
	}
	return list;
}

static json_t *endpoints_of(const struct record *record)
{
	json_t *list = json_array();
	char text[ENDPOINT_TEXT_MAX];

	for (size_t i = 0; i < record->endpoint_count; i++)
		json_array_append_new(list,
		                      json_string(endpoint_print(&record->endpoints[i], text)));
	return list;
}

/* Time to renew, said ever more urgently. */
static void put_warning(json_t *object, struct wall now, struct wall not_after)
{
	static const int64_t days[] = {1, 7, 30};

	for (size_t i = 0; i < ARRAY_LEN(days) && now.ms <= not_after.ms; i++) {
		if (not_after.ms - now.ms > days[i] * DAY_MS)
			continue;
		json_object_set_new(object, "warning",
		                    json_sprintf("ends within %d day%s: have it renewed",
		                                 (int)days[i], days[i] == 1 ? "" : "s"));
		return;
	}
}

json_t *describe_cert(const struct cert *cert, struct wall now)
{
	json_t *object = json_object();
	struct id id = cert_id(cert);

	json_object_set_new(object, "name", text_of(cert->name));
	json_object_set_new(object, "org", text_of(cert->org));
	json_object_set_new(object, "id", hex_of(id.octets));
	json_object_set_new(object, "key", hex_of(cert->member.octets));
	json_object_set_new(object, "root", hex_of(cert->root.octets));
	json_object_set_new(object, "serial", json_integer((json_int_t)(cert->serial & INT64_MAX)));
	json_object_set_new(object, "prefixes", prefixes_of(cert->prefixes, cert->prefix_count));
	json_object_set_new(object, "roles", roles_of(cert->roles));
	put_validity(object, now, cert->not_before, cert->not_after);
	put_warning(object, now, cert->not_after);
	return object;
}

json_t *describe_request(const struct request *request)
{
	json_t *object = json_object();

	json_object_set_new(object, "name", text_of(request->name));
	json_object_set_new(object, "org", text_of(request->org));
	json_object_set_new(object, "key", hex_of(request->member.octets));
	json_object_set_new(object, "prefixes",
	                    prefixes_of(request->prefixes, request->prefix_count));
	return object;
}

json_t *describe_record(const struct record *record, struct wall now)
{
	json_t *object = json_object();

	json_object_set_new(object, "sign_key", hex_of(record->sign.octets));
	json_object_set_new(object, "session_key", hex_of(record->kx.octets));
	json_object_set_new(object, "sequence",
	                    json_integer((json_int_t)(record->seq & INT64_MAX)));
	json_object_set_new(object, "endpoints", endpoints_of(record));
	put_validity(object, now, record->not_before, record->not_after);
	return object;
}

static json_t *describe_entry(const struct notice_entry *e, struct wall now)
{
	json_t *row = json_object();

	json_object_set_new(row, "key", hex_of(e->key.octets));
	if (e->kind == NOTICE_REVOKE && e->serial == 0)
		json_object_set_new(row, "serial", json_string("all"));
	else if (e->kind == NOTICE_REVOKE)
		json_object_set_new(row, "serial",
		                    json_integer((json_int_t)(e->serial & INT64_MAX)));
	if (e->kind != NOTICE_ENDORSE)
		return row;
	json_object_set_new(row, "not_after", time_of(e->not_after));
	json_object_set_new(row, "state",
	                    json_string(state_of(now, (struct wall){INT64_MIN}, e->not_after)));
	return row;
}

json_t *describe_notices(const struct notices *notices, struct wall now)
{
	static const struct {
		enum notice_kind kind;
		const char *key;
	} lists[] = {{NOTICE_REVOKE, "revoked"},
	             {NOTICE_ENDORSE, "endorsed"},
	             {NOTICE_RETIRE, "retired"}};
	json_t *object = json_object();

	json_object_set_new(object, "root", hex_of(notices->root.octets));
	json_object_set_new(object, "number",
	                    json_integer((json_int_t)(notices->number & INT64_MAX)));
	json_object_set_new(object, "pages", json_integer((json_int_t)notices->pages));
	json_object_set_new(object, "issued", time_of(notices->issued));
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		json_t *list = json_array();

		for (size_t i = 0; i < notices->count; i++) {
			if (notices->entries[i].kind == lists[l].kind)
				json_array_append_new(list,
				                      describe_entry(&notices->entries[i], now));
		}
		json_object_set_new(object, lists[l].key, list);
	}
	return object;
}

void describe_put(const struct call *call, json_t *object)
{
	if (call->form == PRINT_JSON)
		print_object(object, stdout);
	else
		print_sections(object, stdout);
	json_decref(object);
}

int describe_deliver(const struct call *call, const struct delivery *d, const void *data,
                     size_t len, json_t *object)
{
	char text[KEY_FILE_MAX], reason[FILE_REASON_MAX];

	key_file_print(d->kind, data, len, text);
	if (d->output == NULL && call->form != PRINT_JSON) {
		fputs(text, stdout);
		json_decref(object);
		return CTL_FOUND;
	}
	if (d->output != NULL && file_write(d->output, FILE_PUBLIC, text, reason) != ERR_OK) {
		json_decref(object);
		return print_fault(reason);
	}
	text[strcspn(text, "\n")] = '\0';
	if (d->output == NULL)
		json_object_set_new(object, d->key, json_string(text));
	else
		json_object_set_new(object, "file", json_string(d->output));
	describe_put(call, object);
	return CTL_FOUND;
}
