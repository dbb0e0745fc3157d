#include "node/conf.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/confcheck.h"
#include "node/conffile.h"
#include "node/control.h"
#include "node/credentials.h"
#include "node/receiver.h"
#include "store/store.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOSTS_PORT 7669
#define IPFIX_PORT 4739
#define IPFIX_TLS_PORT 4740
#define RECEIVE_BUFFER_MIN (64u << 10)
#define RECEIVE_BUFFER_MAX (1u << 30)

struct reader {
	const char *path;
	struct conf *conf;
	enum err err;
	char *reterr;
	size_t said; /* where in it the reason begins, behind the path */
};

static PRINTF_LIKE(3, 4) void wrong(struct reader *r, enum err err, const char *format, ...)
{
	va_list args;
	int len;

	if (r->err != ERR_OK)
		return; /* the first is the one to tell */
	r->err = err;
	len = snprintf(r->reterr, CONF_REASON_MAX, "%.*s: ", CONF_PATH_MAX, r->path);
	r->said = (size_t)len;
	va_start(args, format);
	vsnprintf(r->reterr + len, CONF_REASON_MAX - (size_t)len, format, args);
	va_end(args);
}

/* libcyaml says what is wrong in log lines; the last but its backtrace is the one people need. */
static VPRINTF_LIKE(3) void keep_line(cyaml_log_t level, void *ctx, const char *format,
                                      va_list args)
{
	char line[CONF_REASON_MAX / 2];
	struct reader *r = ctx;
	char *end;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), format, args);
	end = strchr(line, '\n');
	if (end != NULL)
		*end = '\0';
	if (strstr(line, "Backtrace") == NULL && strncmp(line, "Load: ", 6) == 0)
		wrong(r, ERR_FORMAT, "%s", line + 6);
	else if (r->err != ERR_OK && strstr(line, " (line: ") != NULL &&
	         strstr(r->reterr, "(line") == NULL)
		strncat(r->reterr, strstr(line, " (line: "),
		        CONF_REASON_MAX - 1 - strlen(r->reterr));
}

static void resolve(struct reader *r, const char *key, const char *path, const char *fallback,
                    char room[CONF_PATH_MAX])
{
	int len;

	if (path == NULL)
		path = fallback;
	len = path[0] == '/' ? snprintf(room, CONF_PATH_MAX, "%s", path)
	                     : snprintf(room, CONF_PATH_MAX, "%s/%s", r->conf->dir, path);
	if (len >= CONF_PATH_MAX)
		wrong(r, ERR_RANGE, "%s: path is too long", key);
}

static void endpoint_key(struct reader *r, const char *key, const char *value, uint16_t port,
                         struct endpoint *ret)
{
	if (value == NULL || endpoint_parse(value, ret) != ERR_OK)
		wrong(r, ERR_FORMAT, "%s: not an address and port: %s", key,
		      value == NULL ? "(missing)" : value);
	else if (ret->port == 0)
		ret->port = port;
}

static void duration_key(struct reader *r, const char *key, const char *value, const char *fallback,
                         int64_t min_ms, int64_t *ret_ms)
{
	if (duration_parse(value == NULL ? fallback : value, ret_ms) != ERR_OK)
		wrong(r, ERR_FORMAT, "%s: not a duration as 15s, 30d: %s", key, value);
	else if (*ret_ms < min_ms)
		wrong(r, ERR_RANGE, "%s: below its least value: %s", key, value);
}

static void size_key(struct reader *r, const char *key, const char *value, const char *fallback,
                     uint64_t *ret)
{
	if (size_parse(value == NULL ? fallback : value, ret) != ERR_OK)
		wrong(r, ERR_FORMAT, "%s: not a size as 512MiB, 4GiB: %s", key, value);
}

static void read_roots(struct reader *r, const char *key, char **files, unsigned count,
                       struct roots *ret)
{
	char path[CONF_PATH_MAX], reason[CREDENTIALS_REASON_MAX];

	for (unsigned i = 0; i < count && r->err == ERR_OK; i++) {
		enum err err;

		resolve(r, key, files[i], NULL, path);
		err = credentials_root(path, &ret->keys[ret->count++], reason);
		if (err != ERR_OK)
			wrong(r, err, "%s: %s", key, reason);
	}
	if (ret->count == 0)
		wrong(r, ERR_FORMAT, "%s: at least one root is needed", key);
}

static void read_identity(struct reader *r, const struct conffile *file)
{
	char path[CONF_PATH_MAX], reason[CREDENTIALS_REASON_MAX];
	enum err err;

	r->conf->has_identity = file->identity != NULL || file->operational == NULL;
	if (file->operational != NULL)
		resolve(r, "operational", file->operational, NULL, r->conf->operational);
	if (!r->conf->has_identity)
		return;
	resolve(r, "identity", file->identity, "identity.key", path);
	err = credentials_identity(path, &r->conf->identity, reason);
	if (err != ERR_OK)
		wrong(r, err, "identity: %s", reason);
}

/* What the node may say of itself, checked here so that --check finds what is wrong with it. */
static void read_certificate(struct reader *r, const struct conffile *file, struct cert *ret)
{
	char reason[CREDENTIALS_REASON_MAX];
	struct conf *conf = r->conf;
	struct cert_blob blob;
	enum err err;

	resolve(r, "certificate", file->certificate, "member.cert", conf->certificate);
	if (r->err != ERR_OK)
		return;
	err = credentials_cert(conf->certificate, &conf->roots,
	                       conf->has_identity ? &conf->identity.public : NULL, ret, &blob,
	                       reason);
	if (err != ERR_OK)
		wrong(r, err, "certificate: %s", reason);
}

/* Operational keys made elsewhere: are they of the certificate's member? */
static void read_operational(struct reader *r, const struct cert *cert)
{
	char reason[CREDENTIALS_REASON_MAX];
	struct wall any = {INT64_MIN};
	struct record_blob blob;
	struct record record;
	struct seed seed;
	enum err err;

	if (r->err != ERR_OK || r->conf->operational[0] == '\0')
		return;
	err = credentials_operational(r->conf->operational, &seed, &blob, reason);
	wipe(&seed, sizeof(seed));
	if (err != ERR_OK) {
		wrong(r, err, "operational: %s", reason);
		return;
	}
	err = record_open(blob.octets, blob.len, cert, any, &record);
	if (err != ERR_OK)
		wrong(r, err, "operational: %s does not go with the certificate: %s",
		      r->conf->operational, err_text(err));
}

static void listen_key(struct reader *r, const char *key, const char *value, bool is_v6)
{
	struct endpoint *e = &r->conf->overlay_listen[r->conf->overlay_listen_count++];

	endpoint_key(r, key, value, 7667, e);
	if (r->err == ERR_OK && is_v6 && addr_is_v4(&e->addr))
		wrong(r, ERR_FORMAT, "%s: not an IPv6 address: %s", key, value);
	if (r->err == ERR_OK && is_v6 && !addr_is_v4(&r->conf->overlay_listen[0].addr))
		wrong(r, ERR_FORMAT, "%s: overlay.listen is an IPv6 address already", key);
}

/* A family's only address in the certificate is where others reach what listens on all of it. */
static void advertise_of(struct conf *conf, const struct endpoint *listen, const struct cert *cert)
{
	struct endpoint e = *listen;

	for (size_t i = 0; i < cert->prefix_count && !addr_is_unicast(&e.addr); i++) {
		const struct prefix *p = &cert->prefixes[i];

		if (p->bits == 128 && addr_is_v4(&p->net) == addr_is_v4(&listen->addr))
			e.addr = p->net;
	}
	if (addr_is_unicast(&e.addr) && cert_allows(cert, &e.addr))
		conf->advertise[conf->advertise_count++] = e;
}

static void read_advertise(struct reader *r, const struct conffile *file, const struct cert *cert)
{
	struct conf *conf = r->conf;
	unsigned count = file->overlay.advertise_count;

	for (size_t i = 0; count == 0 && i < conf->overlay_listen_count; i++)
		advertise_of(conf, &conf->overlay_listen[i], cert);
	if (count == 1 && strcmp(file->overlay.advertise[0], "none") == 0)
		return;
	for (unsigned i = 0; i < count; i++) {
		const char *value = file->overlay.advertise[i];
		struct endpoint *e = &conf->advertise[conf->advertise_count++];

		endpoint_key(r, "overlay.advertise", value, 7667, e);
		if (r->err == ERR_OK && !cert_allows(cert, &e->addr))
			wrong(r, ERR_DENIED,
			      "overlay.advertise: %s lies outside the certificate's prefixes",
			      value);
	}
	if (r->err == ERR_OK && conf->advertise_count == 2 &&
	    addr_is_v4(&conf->advertise[0].addr) == addr_is_v4(&conf->advertise[1].addr))
		wrong(r, ERR_FORMAT, "overlay.advertise: at most one address of each family");
}

static void read_overlay(struct reader *r, const struct conffile *file, const struct cert *cert)
{
	const char *mode = file->overlay.mode == NULL ? "relay" : file->overlay.mode;
	struct conf *conf = r->conf;

	listen_key(r, "overlay.listen", file->overlay.listen, false);
	if (file->overlay.listen6 != NULL)
		listen_key(r, "overlay.listen6", file->overlay.listen6, true);
	if (r->err == ERR_OK)
		read_advertise(r, file, cert);
	for (unsigned i = 0; i < file->overlay.bootstrap_count; i++)
		endpoint_key(r, "overlay.bootstrap", file->overlay.bootstrap[i], 7667,
		             &conf->bootstrap[conf->bootstrap_count++]);
	conf->mode = strcmp(mode, "direct") == 0 ? OVERLAY_DIRECT : OVERLAY_RELAY;
	if (conf->mode == OVERLAY_RELAY && strcmp(mode, "relay") != 0)
		wrong(r, ERR_FORMAT, "overlay.mode: neither relay nor direct: %s", mode);
}

/* What others may see of a host's records, in the order in which a record has it. */
static void read_shown(struct reader *r, const struct conffile *file)
{
	static const char *const levels[] = {"none", "hop", "process", "full"};
	const char *level = file->policy.origin == NULL ? "hop" : file->policy.origin;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(level, levels[i]) == 0) {
			r->conf->shown = i;
			return;
		}
	}
	wrong(r, ERR_FORMAT, "policy.origin: neither none, hop, process nor full: %s", level);
}

/* 0: for ever. */
static void age_key(struct reader *r, const char *key, const char *value, const char *fallback,
                    int64_t *ret)
{
	*ret = 0;
	if (strcmp(value == NULL ? fallback : value, "forever") != 0)
		duration_key(r, key, value, fallback, 1000, ret);
}

/* A count of `min` to `max`. */
static void count_key(struct reader *r, const char *key, const char *value, uint32_t min,
                      uint32_t max, uint32_t *ret)
{
	char *end;
	unsigned long count;

	errno = 0;
	count = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0')
		wrong(r, ERR_FORMAT, "%s: not a number: %s", key, value);
	else if (errno != 0 || count < min || count > max)
		wrong(r, ERR_RANGE, "%s: not %u to %u: %s", key, min, max, value);
	else
		*ret = (uint32_t)count;
}

static void read_admission(struct reader *r, const struct conffile *file,
                           struct admission_rules *ret)
{
	for (unsigned i = 0; i < file->exports.exporters_count; i++) {
		if (prefix_parse(file->exports.exporters[i], &ret->allow[ret->allow_count++]) !=
		    ERR_OK)
			wrong(r, ERR_FORMAT, "exports.exporters: not an address or net: %s",
			      file->exports.exporters[i]);
	}
	if (file->exports.rate_limit != NULL)
		count_key(r, "exports.rate_limit", file->exports.rate_limit, 1, ADMISSION_RATE_MAX,
		          &ret->rate);
	ret->burst = ret->rate;
	if (file->exports.rate_burst == NULL)
		return;
	if (file->exports.rate_limit == NULL)
		wrong(r, ERR_FORMAT, "exports.rate_limit: (missing)");
	count_key(r, "exports.rate_burst", file->exports.rate_burst, 1, ADMISSION_RATE_MAX,
	          &ret->burst);
}

struct tls_files conf_tls_files(const struct conf *conf)
{
	return (struct tls_files){
		.certificate = conf->tls_certificate,
		.key = conf->tls_key,
		.clients_ca = conf->tls_clients_ca[0] != '\0' ? conf->tls_clients_ca : NULL,
	};
}

/* The files are read here, too, so that --check finds what is wrong with them. */
static void read_tls(struct reader *r, const struct conffile *file)
{
	__typeof__(&file->exports.ipfix_tls) tls = &file->exports.ipfix_tls;
	char reason[TLS_REASON_MAX];
	struct conf *conf = r->conf;
	struct tls_server *server = NULL;
	struct tls_files files;
	enum err err;

	for (unsigned i = 0; i < tls->listen_count; i++)
		endpoint_key(r, "exports.ipfix_tls.listen", tls->listen[i], IPFIX_TLS_PORT,
		             &conf->tls[conf->tls_count++]);
	if (conf->tls_count == 0) {
		if (tls->certificate != NULL || tls->key != NULL || tls->clients_ca != NULL)
			wrong(r, ERR_FORMAT, "exports.ipfix_tls.listen: (missing)");
		return;
	}
	if (tls->certificate == NULL || tls->key == NULL) {
		wrong(r, ERR_FORMAT, "exports.ipfix_tls.%s: (missing)",
		      tls->certificate == NULL ? "certificate" : "key");
		return;
	}
	resolve(r, "exports.ipfix_tls.certificate", tls->certificate, NULL, conf->tls_certificate);
	resolve(r, "exports.ipfix_tls.key", tls->key, NULL, conf->tls_key);
	if (tls->clients_ca != NULL)
		resolve(r, "exports.ipfix_tls.clients_ca", tls->clients_ca, NULL,
		        conf->tls_clients_ca);
	if (r->err != ERR_OK)
		return;
	files = conf_tls_files(conf);
	err = tls_server_new(&files, &server, reason);
	if (err != ERR_OK)
		wrong(r, err, "exports.ipfix_tls: %s", reason);
	tls_server_free(server);
}

static void check_listen(struct reader *r, const char *key, const struct endpoint *rows,
                         size_t count)
{
	const struct endpoint *again = confcheck_repeated(rows, count);
	char room[ENDPOINT_TEXT_MAX];

	if (again != NULL)
		wrong(r, ERR_FORMAT, "%s: twice: %s", key, endpoint_print(again, room));
}

static void read_exports(struct reader *r, const struct conffile *file)
{
	struct conf *conf = r->conf;

	for (unsigned i = 0; i < file->exports.listen_count; i++)
		endpoint_key(r, "exports.listen", file->exports.listen[i], 2055,
		             &conf->exports[conf->export_count++]);
	check_listen(r, "exports.listen", conf->exports, conf->export_count);
	duration_key(r, "exports.idle_timeout", file->exports.idle_timeout, "15s", 1,
	             &conf->idle_timeout_ms);
	if (file->exports.sockets != NULL)
		count_key(r, "exports.sockets", file->exports.sockets, 1,
		          RECEIVER_SOCKETS_MAX / MAX(file->exports.listen_count, 1),
		          &conf->sockets);
	size_key(r, "exports.buffer", file->exports.buffer, "32MiB", &conf->receive_buffer);
	if (r->err == ERR_OK && (conf->receive_buffer < RECEIVE_BUFFER_MIN ||
	                         conf->receive_buffer > RECEIVE_BUFFER_MAX))
		wrong(r, ERR_RANGE, "exports.buffer: not 64KiB to 1GiB: %s", file->exports.buffer);
	read_admission(r, file, &conf->admission);
	for (unsigned i = 0; i < file->exports.ipfix_tcp_count; i++)
		endpoint_key(r, "exports.ipfix_tcp", file->exports.ipfix_tcp[i], IPFIX_PORT,
		             &conf->tcp[conf->tcp_count++]);
	check_listen(r, "exports.ipfix_tcp", conf->tcp, conf->tcp_count);
	duration_key(r, "exports.ipfix_idle", file->exports.ipfix_idle, "30m", 1000,
	             &conf->ipfix_idle_ms);
	read_tls(r, file);
	check_listen(r, "exports.ipfix_tls.listen", conf->tls, conf->tls_count);
}

static void read_sizes(struct reader *r, const struct conffile *file)
{
	struct conf *conf = r->conf;

	size_key(r, "store.map_size", file->store.map_size, "4GiB", &conf->map_size);
	if (r->err == ERR_OK && conf->map_size < STORE_MAP_MIN)
		wrong(r, ERR_RANGE, "store.map_size: below 1MiB: %s", file->store.map_size);
	size_key(r, "store.size_max", file->store.size_max, "0", &conf->size_max);
	if (r->err == ERR_OK && conf->size_max > conf->map_size)
		wrong(r, ERR_RANGE, "store.size_max: above store.map_size: %s",
		      file->store.size_max);
}

static void read_sections(struct reader *r, const struct conffile *file)
{
	struct conf *conf = r->conf;

	read_exports(r, file);
	read_sizes(r, file);
	age_key(r, "store.age_max", file->store.age_max, "30d", &conf->age_max_ms);
	age_key(r, "store.traces_age", file->store.traces_age, "forever", &conf->traces_age_ms);
	count_key(r, "store.traces_max",
	          file->store.traces_max == NULL ? "10000" : file->store.traces_max,
	          CONF_TRACES_MIN, CONF_TRACES_MAX, &conf->traces_max);
	duration_key(r, "store.seal_every", file->store.seal_every, "2s", 100,
	             &conf->seal_every_ms);
	resolve(r, "store.path", file->store.path, "flows", conf->store);
	resolve(r, "store.traces", file->store.traces, "traces", conf->traces);
	for (unsigned i = 0; i < file->notices_count; i++)
		resolve(r, "notices", file->notices[i], NULL, conf->notices[conf->notice_count++]);
	resolve(r, "control", file->control, "spoord.sock", conf->control);
	if (r->err == ERR_OK && strlen(conf->control) > CONTROL_PATH_MAX)
		wrong(r, ERR_RANGE, "control: longer than the %d characters of a Unix socket: %s",
		      CONTROL_PATH_MAX, conf->control);
	read_shown(r, file);
	conf->is_answering =
		file->policy.answer == NULL || strcmp(file->policy.answer, "members") == 0;
	if (!conf->is_answering && strcmp(file->policy.answer, "none") != 0)
		wrong(r, ERR_FORMAT, "policy.answer: neither members nor none: %s",
		      file->policy.answer);
}

static void read_role(struct reader *r, const struct conffile *file)
{
	const char *role = file->role == NULL ? "gateway" : file->role;

	r->conf->role = strcmp(role, "host") == 0 ? ROLE_HOST : ROLE_GATEWAY;
	if (r->conf->role == ROLE_GATEWAY && strcmp(role, "gateway") != 0)
		wrong(r, ERR_FORMAT, "role: neither gateway nor host: %s", role);
}

static void read_gateway(struct reader *r, const struct conffile *file, const struct cert *cert)
{
	struct conf *conf = r->conf;

	if (r->err == ERR_OK && cert->roles == CERT_ROLE_HOST)
		wrong(r, ERR_DENIED, "certificate: is a host's, and role is not host");
	read_overlay(r, file, cert);
	if (file->gateway.address != NULL || file->origin.provider != NULL)
		wrong(r, ERR_FORMAT, "gateway, origin: these are for role: host");
	conf->has_hosts = file->hosts.listen != NULL;
	if (!conf->has_hosts && file->hosts.roots_count > 0)
		wrong(r, ERR_FORMAT, "hosts.listen: (missing)");
	if (!conf->has_hosts)
		return;
	endpoint_key(r, "hosts.listen", file->hosts.listen, HOSTS_PORT, &conf->hosts_listen);
	read_roots(r, "hosts.roots", file->hosts.roots, file->hosts.roots_count, &conf->hosts);
}

static void read_gateway_id(struct reader *r, const struct conffile *file)
{
	char path[CONF_PATH_MAX], reason[CREDENTIALS_REASON_MAX];
	struct cert_blob blob;
	struct cert cert;
	enum err err;

	if (file->gateway.certificate == NULL) {
		wrong(r, ERR_FORMAT, "gateway.certificate: (missing)");
		return;
	}
	resolve(r, "gateway.certificate", file->gateway.certificate, NULL, path);
	if (r->err != ERR_OK)
		return;
	err = credentials_cert(path, &r->conf->roots, NULL, &cert, &blob, reason);
	if (err != ERR_OK)
		wrong(r, err, "gateway.certificate: %s", reason);
	r->conf->gateway_id = cert.member;
}

static void read_host(struct reader *r, const struct conffile *file, const struct cert *cert)
{
	const char *record = file->origin.record == NULL ? "remote" : file->origin.record;
	struct conf *conf = r->conf;

	if (r->err == ERR_OK && cert->roles != CERT_ROLE_HOST)
		wrong(r, ERR_DENIED,
		      "certificate: is not a host's (spoor member issue --role host)");
	if (file->overlay.listen != NULL || file->exports.listen_count > 0 ||
	    file->hosts.listen != NULL)
		wrong(r, ERR_FORMAT, "overlay, exports, hosts: these are for role: gateway");
	endpoint_key(r, "gateway.address", file->gateway.address, HOSTS_PORT, &conf->gateway);
	read_gateway_id(r, file);
	snprintf(conf->provider, sizeof(conf->provider), "%s",
	         file->origin.provider == NULL ? "auto" : file->origin.provider);
	conf->records_all = strcmp(record, "all") == 0;
	if (!conf->records_all && strcmp(record, "remote") != 0)
		wrong(r, ERR_FORMAT, "origin.record: neither remote nor all: %s", record);
}

/* The folder of `path`, from the root: what is told of files in it holds from anywhere. */
static bool split_dir(const char *path, char room[CONF_PATH_MAX])
{
	char whole[PATH_MAX];
	size_t len = realpath(path, whole) == NULL ? CONF_PATH_MAX : strlen(whole);

	while (len > 1 && len < CONF_PATH_MAX && whole[len - 1] != '/')
		len--;
	if (len >= CONF_PATH_MAX)
		return false;
	memcpy(room, whole, len);
	room[len > 1 ? len - 1 : len] = '\0';
	return true;
}

enum err conf_read(const char *path, struct conf *ret, char reterr[CONF_REASON_MAX])
{
	struct conf conf = {.is_answering = true};
	struct cert cert = {.name = ""};
	struct reader r = {.path = path, .conf = &conf, .reterr = reterr};
	const cyaml_config_t config = {
		.log_fn = keep_line,
		.log_ctx = &r,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
	};
	struct conffile *file = NULL;
	cyaml_err_t yaml =
		cyaml_load_file(path, &config, &conffile_schema, (cyaml_data_t **)&file, NULL);

	if (yaml == CYAML_ERR_FILE_OPEN)
		wrong(&r, ERR_IO, "cannot open: %s", strerror(errno));
	else if (yaml != CYAML_OK)
		wrong(&r, ERR_FORMAT, "%s", cyaml_strerror(yaml));
	if (file == NULL)
		wrong(&r, ERR_FORMAT, "empty");
	if (r.err == ERR_OK) {
		if (!split_dir(path, conf.dir))
			wrong(&r, ERR_RANGE, "path is too long");
		read_role(&r, file);
		read_roots(&r, "roots", file->roots, file->roots_count, &conf.roots);
		read_identity(&r, file);
		read_certificate(&r, file, &cert);
		read_operational(&r, &cert);
		if (conf.role == ROLE_HOST)
			read_host(&r, file, &cert);
		else
			read_gateway(&r, file, &cert);
		read_sections(&r, file);
		snprintf(conf.name, sizeof(conf.name), "%s",
		         file->name != NULL ? file->name : cert.name);
	}
	cyaml_free(&config, &conffile_schema, file, 0);
	if (r.err == ERR_OK)
		*ret = conf;
	else
		confcheck_tell_line(path, reterr + r.said, CONF_REASON_MAX - r.said);
	key_pair_wipe(&conf.identity);
	return r.err;
}
