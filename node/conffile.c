#include "node/conffile.h"

#include "node/conf.h"

/* clang-format off */
static const cyaml_schema_value_t text = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CONF_PATH_MAX - 1),
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(type, key) CYAML_FIELD_STRING_PTR(#key, OPTIONAL, type, key, 0, CONF_PATH_MAX - 1)
#define TEXTS(type, key, max) CYAML_FIELD_SEQUENCE(#key, OPTIONAL, type, key, &text, 0, max)
#define SECTION(key, fields) \
	CYAML_FIELD_MAPPING(#key, CYAML_FLAG_OPTIONAL, struct conffile, key, fields)
#define PART(key) __typeof__(((struct conffile *)0)->key)

static const cyaml_schema_field_t overlay_fields[] = {
	TEXT(PART(overlay), listen),
	TEXT(PART(overlay), listen6),
	TEXT(PART(overlay), mode),
	TEXTS(PART(overlay), advertise, RECORD_ENDPOINTS_MAX),
	TEXTS(PART(overlay), bootstrap, CONF_BOOTSTRAP_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t ipfix_tls_fields[] = {
	TEXTS(PART(exports.ipfix_tls), listen, CONF_LISTEN_MAX),
	TEXT(PART(exports.ipfix_tls), certificate),
	TEXT(PART(exports.ipfix_tls), key),
	TEXT(PART(exports.ipfix_tls), clients_ca),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t exports_fields[] = {
	TEXTS(PART(exports), listen, CONF_LISTEN_MAX),
	TEXT(PART(exports), idle_timeout),
	TEXT(PART(exports), sockets),
	TEXT(PART(exports), buffer),
	TEXTS(PART(exports), exporters, ADMISSION_ALLOW_MAX),
	TEXT(PART(exports), rate_limit),
	TEXT(PART(exports), rate_burst),
	TEXTS(PART(exports), ipfix_tcp, CONF_LISTEN_MAX),
	TEXT(PART(exports), ipfix_idle),
	CYAML_FIELD_MAPPING("ipfix_tls", CYAML_FLAG_OPTIONAL, PART(exports), ipfix_tls, ipfix_tls_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t store_fields[] = {
	TEXT(PART(store), path),
	TEXT(PART(store), map_size),
	TEXT(PART(store), size_max),
	TEXT(PART(store), age_max),
	TEXT(PART(store), seal_every),
	TEXT(PART(store), traces),
	TEXT(PART(store), traces_max),
	TEXT(PART(store), traces_age),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t policy_fields[] = {
	TEXT(PART(policy), answer),
	TEXT(PART(policy), origin),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t hosts_fields[] = {
	TEXT(PART(hosts), listen),
	TEXTS(PART(hosts), roots, CERT_ROOTS_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t gateway_fields[] = {
	TEXT(PART(gateway), address),
	TEXT(PART(gateway), certificate),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t origin_fields[] = {
	TEXT(PART(origin), provider),
	TEXT(PART(origin), record),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t file_fields[] = {
	TEXT(struct conffile, role),
	TEXT(struct conffile, name),
	TEXT(struct conffile, identity),
	TEXT(struct conffile, certificate),
	TEXT(struct conffile, operational),
	TEXT(struct conffile, control),
	TEXTS(struct conffile, roots, CERT_ROOTS_MAX),
	TEXTS(struct conffile, notices, CONF_NOTICES_MAX),
	SECTION(overlay, overlay_fields),
	SECTION(exports, exports_fields),
	SECTION(store, store_fields),
	SECTION(policy, policy_fields),
	SECTION(hosts, hosts_fields),
	SECTION(gateway, gateway_fields),
	SECTION(origin, origin_fields),
	CYAML_FIELD_END,
};
/* clang-format on */

const cyaml_schema_value_t conffile_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct conffile, file_fields),
};
