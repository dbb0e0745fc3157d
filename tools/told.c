#include "tools/told.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "tools/json.h"

#include <stdio.h>
#include <string.h>

#define ENTERPRISE 0x8000u
#define LONG_LEN 255
#define NAME_MAX_LEN 40
#define NUMBER_MAX_LEN 8

enum form { FORM_HEX, FORM_NUMBER, FORM_TEXT, FORM_ADDR };

struct name {
	uint16_t id;
	enum form form;
	const char *text;
};

/* clang-format off */
static const struct name names[] = { /* IANA, IPFIX Information Elements: those of options */
	{1,   FORM_NUMBER, "octetDeltaCount"},
	{2,   FORM_NUMBER, "packetDeltaCount"},
	{8,   FORM_ADDR,   "sourceIPv4Address"},
	{10,  FORM_NUMBER, "ingressInterface"},
	{14,  FORM_NUMBER, "egressInterface"},
	{34,  FORM_NUMBER, "samplingInterval"},
	{35,  FORM_NUMBER, "samplingAlgorithm"},
	{36,  FORM_NUMBER, "flowActiveTimeout"},
	{37,  FORM_NUMBER, "flowIdleTimeout"},
	{38,  FORM_NUMBER, "engineType"},
	{39,  FORM_NUMBER, "engineId"},
	{40,  FORM_NUMBER, "exportedOctetTotalCount"},
	{41,  FORM_NUMBER, "exportedMessageTotalCount"},
	{42,  FORM_NUMBER, "exportedFlowRecordTotalCount"},
	{48,  FORM_NUMBER, "samplerId"},
	{49,  FORM_NUMBER, "samplerMode"},
	{50,  FORM_NUMBER, "samplerRandomInterval"},
	{82,  FORM_TEXT,   "interfaceName"},
	{83,  FORM_TEXT,   "interfaceDescription"},
	{84,  FORM_TEXT,   "samplerName"},
	{85,  FORM_NUMBER, "octetTotalCount"},
	{86,  FORM_NUMBER, "packetTotalCount"},
	{94,  FORM_TEXT,   "applicationDescription"},
	{95,  FORM_HEX,    "applicationId"},
	{96,  FORM_TEXT,   "applicationName"},
	{130, FORM_ADDR,   "exporterIPv4Address"},
	{131, FORM_ADDR,   "exporterIPv6Address"},
	{135, FORM_NUMBER, "droppedPacketTotalCount"},
	{141, FORM_NUMBER, "lineCardId"},
	{142, FORM_NUMBER, "portId"},
	{143, FORM_NUMBER, "meteringProcessId"},
	{144, FORM_NUMBER, "exportingProcessId"},
	{145, FORM_NUMBER, "templateId"},
	{149, FORM_NUMBER, "observationDomainId"},
	{160, FORM_NUMBER, "systemInitTimeMilliseconds"},
	{164, FORM_NUMBER, "ignoredPacketTotalCount"},
	{165, FORM_NUMBER, "ignoredOctetTotalCount"},
	{166, FORM_NUMBER, "notSentFlowTotalCount"},
	{167, FORM_NUMBER, "notSentPacketTotalCount"},
	{168, FORM_NUMBER, "notSentOctetTotalCount"},
	{210, FORM_HEX,    "paddingOctets"},
	{234, FORM_NUMBER, "ingressVRFID"},
	{235, FORM_NUMBER, "egressVRFID"},
	{236, FORM_TEXT,   "VRFname"},
	{302, FORM_NUMBER, "selectorId"},
	{303, FORM_NUMBER, "informationElementId"},
	{304, FORM_NUMBER, "selectorAlgorithm"},
	{305, FORM_NUMBER, "samplingPacketInterval"},
	{306, FORM_NUMBER, "samplingPacketSpace"},
	{309, FORM_NUMBER, "samplingSize"},
	{310, FORM_NUMBER, "samplingPopulation"},
	{322, FORM_NUMBER, "observationTimeSeconds"},
	{323, FORM_NUMBER, "observationTimeMilliseconds"},
	{335, FORM_TEXT,   "selectorName"},
	{339, FORM_NUMBER, "informationElementDataType"},
	{341, FORM_TEXT,   "informationElementName"},
	{346, FORM_NUMBER, "privateEnterpriseNumber"},
};

static const struct name v9_scopes[] = { /* RFC 3954, section 6.1 */
	{1, FORM_NUMBER, "system"}, {2, FORM_NUMBER, "interface"}, {3, FORM_NUMBER, "lineCard"},
	{4, FORM_NUMBER, "cache"},  {5, FORM_NUMBER, "template"},
};
/* clang-format on */

static const struct name *find(const struct name *rows, size_t count, uint16_t id)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].id == id)
			return &rows[i];
	}
	return NULL;
}

static json_t *addr_of(struct bytes value)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (bytes_left(&value) == sizeof(a))
		memcpy(&a, value.at, sizeof(a));
	else if (bytes_left(&value) == 4)
		a = addr_from_v4(value.at);
	else
		return NULL;
	return json_string(addr_print(&a, text));
}

/* Many fill it up with zeros; what is no UTF-8 is no text. */
static json_t *text_of(struct bytes value)
{
	const void *end = bytes_left(&value) > 0 ? memchr(value.at, 0, bytes_left(&value)) : NULL;

	if (end != NULL)
		value.end = end;
	return json_stringn((const char *)value.at, bytes_left(&value));
}

static json_t *value_of(enum form form, struct bytes value)
{
	size_t len = bytes_left(&value);
	json_t *ret = NULL;
	uint64_t number;

	if (form == FORM_NUMBER && len <= NUMBER_MAX_LEN) {
		number = bytes_uint(&value, len);
		ret = json_integer((json_int_t)MIN(number, INT64_MAX));
	} else if (form == FORM_ADDR) {
		ret = addr_of(value);
	} else if (form == FORM_TEXT) {
		ret = text_of(value);
	}
	return ret != NULL ? ret : json_hex(value.at, bytes_left(&value));
}

struct field {
	uint32_t enterprise;
	uint16_t id;
	bool is_v9_scope;
};

static void put_field(json_t *into, const struct field *f, struct bytes value)
{
	const struct name *name = NULL;
	char number[NAME_MAX_LEN];
	const char *key = number;

	if (f->is_v9_scope)
		name = find(v9_scopes, ARRAY_LEN(v9_scopes), f->id);
	if (name == NULL && f->enterprise == ELEMENT_IANA)
		name = find(names, ARRAY_LEN(names), f->id);
	snprintf(number, sizeof(number), "%u:%u", f->enterprise, f->id);
	if (name != NULL)
		key = name->text;
	if (json_object_get(into, key) == NULL)
		json_object_set_new(into, key,
		                    value_of(name != NULL ? name->form : FORM_HEX, value));
}

static size_t len_of(uint16_t len, bool is_variable, struct bytes *record)
{
	size_t ret = len;

	if (!is_variable)
		return ret;
	ret = (size_t)bytes_uint(record, 1);
	return ret == LONG_LEN ? (size_t)bytes_uint(record, 2) : ret;
}

static void put_fields(const struct template *t, struct bytes record, json_t *scope,
                       json_t *options)
{
	struct bytes raw = bytes_of(t->raw, t->raw_len);

	for (unsigned i = 0; i < t->raw_count; i++) {
		bool is_scope = i < t->scope_count;
		struct field f = {.enterprise = ELEMENT_IANA, .id = (uint16_t)bytes_uint(&raw, 2)};
		uint16_t len = (uint16_t)bytes_uint(&raw, 2);
		bool is_variable = t->has_enterprise && len == TEMPLATE_VARIABLE;

		f.is_v9_scope = is_scope && !t->has_enterprise;
		if (t->has_enterprise && (f.id & ENTERPRISE) != 0) {
			f.enterprise = (uint32_t)bytes_uint(&raw, 4);
			f.id &= (uint16_t)~ENTERPRISE;
		}
		put_field(is_scope ? scope : options, &f,
		          bytes_cut(&record, len_of(len, is_variable, &record)));
	}
}

json_t *told_of(const struct flow_origin *origin, const struct stream *s, const struct template *t,
                struct bytes record)
{
	static const struct addr unknown;
	char exporter[ADDR_TEXT_MAX], received[TIMESTAMP_TEXT_MAX];
	json_t *scope = json_object(), *options = json_object();
	bool is_known = !addr_equal(&origin->from.addr, &unknown);

	put_fields(t, record, scope, options);
	addr_print(&origin->from.addr, exporter);
	return json_pack("{s:o, s:o, s:s?, s:I, s:i, s:s}", "options", options, "scope", scope,
	                 "exporter", is_known ? exporter : NULL, "domain",
	                 (json_int_t)s->key.domain, "version", (int)s->key.version, "received",
	                 timestamp_print(origin->received_ms, received));
}
