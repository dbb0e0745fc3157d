/* conffile - the configuration file as it is written: every key that it may have. */
#ifndef SPOOR_NODE_CONFFILE_H
#define SPOOR_NODE_CONFFILE_H

#include <cyaml/cyaml.h>

/* What the file has, of text; NULL or 0: nothing. */
struct conffile {
	char *role, *name, *identity, *certificate, *operational, *control;
	char **roots;
	unsigned roots_count;
	char **notices;
	unsigned notices_count;
	struct {
		char *listen, *listen6, *mode;
		char **advertise;
		unsigned advertise_count;
		char **bootstrap;
		unsigned bootstrap_count;
	} overlay;
	struct {
		char **listen;
		unsigned listen_count;
		char *idle_timeout, *sockets, *buffer, *rate_limit, *rate_burst;
		char **exporters;
		unsigned exporters_count;
		char **ipfix_tcp;
		unsigned ipfix_tcp_count;
		char *ipfix_idle;
		struct {
			char **listen;
			unsigned listen_count;
			char *certificate, *key, *clients_ca;
		} ipfix_tls;
	} exports;
	struct {
		char *path, *map_size, *size_max, *age_max, *seal_every, *traces, *traces_max,
			*traces_age;
	} store;
	struct {
		char *answer, *origin;
	} policy;
	struct {
		char *listen;
		char **roots;
		unsigned roots_count;
	} hosts;
	struct {
		char *address, *certificate;
	} gateway;
	struct {
		char *provider, *record;
	} origin;
};

/* Of a pointer to one, for cyaml_load_file(). */
extern const cyaml_schema_value_t conffile_schema;

#endif
