/*
 * conf - the configuration file, read and checked. man/spoord.yaml.5 describes every key; the
 * schema in conf.c is the one list of them.
 */
#ifndef SPOOR_NODE_CONF_H
#define SPOOR_NODE_CONF_H

#include "base/addr.h"
#include "base/err.h"
#include "proto/overlay/overlay.h"

#include <stdbool.h>
#include <stdint.h>

#define CONF_PATH_MAX 512
#define CONF_LISTEN_MAX 8
#define CONF_BOOTSTRAP_MAX 16
#define CONF_NOTICES_MAX 8
#define CONF_REASON_MAX 1024

struct conf {
	char name[CERT_NAME_MAX]; /* for the log; the certificate's is what others see */
	char dir[CONF_PATH_MAX];  /* the file's folder, to which paths are relative */
	char control[CONF_PATH_MAX];
	char store[CONF_PATH_MAX];
	char traces[CONF_PATH_MAX];
	struct overlay_self self;                      /* keys, certificate, roots */
	char notices[CONF_NOTICES_MAX][CONF_PATH_MAX]; /* files of the roots' lists */
	size_t notice_count;
	struct endpoint overlay_listen;
	struct endpoint bootstrap[CONF_BOOTSTRAP_MAX];
	size_t bootstrap_count;
	struct endpoint exports[CONF_LISTEN_MAX];
	size_t export_count;
	int64_t idle_timeout_ms;
	uint64_t map_size, size_max;
	int64_t age_max_ms;
	int64_t seal_every_ms;
	bool is_answering; /* policy.answer: members */
};

/*
 * Reads `path` and the key files it names. On failure `reterr` has one line: file, key, what is
 * wrong with it.
 */
MUST_USE enum err conf_read(const char *path, struct conf *ret, char reterr[CONF_REASON_MAX]);

#endif
