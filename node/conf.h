/*
 * conf - the configuration file, read and checked. man/spoord.yaml.5 describes every key; the
 * schema in conf.c is the one list of them.
 */
#ifndef SPOOR_NODE_CONF_H
#define SPOOR_NODE_CONF_H

#include "base/addr.h"
#include "base/err.h"
#include "node/impair.h"
#include "node/tls.h"
#include "proto/flow/admission.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stdint.h>

#define CONF_PATH_MAX 512
#define CONF_LISTEN_MAX 8
#define CONF_TRACES_MIN 16 /* more than the rounds of one trace */
#define CONF_TRACES_MAX 100000
#define CONF_FAMILIES 2
#define CONF_BOOTSTRAP_MAX 16
#define CONF_NOTICES_MAX 8
#define CONF_REASON_MAX 1024

enum conf_role {
	ROLE_GATEWAY, /* a member's node */
	ROLE_HOST,    /* tells a member's node of its processes */
};

struct conf {
	enum conf_role role;
	char name[CERT_NAME_MAX]; /* for the log; the certificate's is what others see */
	char dir[CONF_PATH_MAX];  /* the file's folder, to which paths are relative */
	char control[CONF_PATH_MAX];
	char store[CONF_PATH_MAX];
	char traces[CONF_PATH_MAX];
	struct roots roots;       /* pinned */
	bool has_identity;        /* on this machine; else `operational` names a file */
	struct key_pair identity; /* signs nothing but records of operational keys */
	char certificate[CONF_PATH_MAX];
	char operational[CONF_PATH_MAX];               /* "": the node makes its own */
	char notices[CONF_NOTICES_MAX][CONF_PATH_MAX]; /* files of the roots' lists */
	size_t notice_count;
	struct endpoint overlay_listen[CONF_FAMILIES]; /* UDP and TCP; at most one of each family */
	size_t overlay_listen_count;
	struct endpoint advertise[RECORD_ENDPOINTS_MAX]; /* where others reach this node */
	size_t advertise_count;                          /* 0: they cannot */
	enum overlay_mode mode;
	struct impair impair; /* of what is sent, for laboratories; not of the file */
	struct endpoint bootstrap[CONF_BOOTSTRAP_MAX];
	size_t bootstrap_count;
	struct endpoint exports[CONF_LISTEN_MAX];
	size_t export_count;
	uint32_t sockets;        /* of each of those; 0: as the cores allow */
	uint64_t receive_buffer; /* octets, of each socket */
	struct admission_rules admission;
	struct endpoint tcp[CONF_LISTEN_MAX], tls[CONF_LISTEN_MAX]; /* IPFIX */
	size_t tcp_count, tls_count;
	int64_t ipfix_idle_ms;
	char tls_certificate[CONF_PATH_MAX], tls_key[CONF_PATH_MAX];
	char tls_clients_ca[CONF_PATH_MAX]; /* "": clients need no certificate */
	int64_t idle_timeout_ms;
	uint64_t map_size, size_max;
	int64_t age_max_ms;
	uint32_t traces_max;   /* bundles kept */
	int64_t traces_age_ms; /* and for how long; 0: for ever */
	int64_t seal_every_ms;
	bool is_answering; /* policy.answer: members */
	size_t shown; /* policy.origin: parts of a host's record that others may see; 0: none */
	struct roots hosts; /* gateway: hosts with a certificate of these may talk to it */
	struct endpoint hosts_listen;
	bool has_hosts;
	struct endpoint gateway;      /* host: the node that it talks to */
	struct public_key gateway_id; /* the identity in its certificate */
	char provider[CONF_PATH_MAX]; /* host: of origin/provider.h */
	bool records_all;             /* host: of tasks of local origin, too */
};

/* Borrows from `conf`. */
struct tls_files conf_tls_files(const struct conf *conf);

/*
 * Reads `path` and the key files it names. On failure `reterr` has one line: file, key, what is
 * wrong with it.
 */
MUST_USE enum err conf_read(const char *path, struct conf *ret, char reterr[CONF_REASON_MAX]);

#endif
