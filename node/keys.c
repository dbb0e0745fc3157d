#include "node/keys.h"

#include "base/timestamp.h"
#include "base/util.h"
#include "node/credentials.h"
#include "node/log.h"
#include "node/node.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_MS 5000
#define ALONE_LOOKS 3 /* in a row at which nobody lives */
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define LIFE_MS (RECORD_DAYS * DAY_MS)

/* Days before the certificate ends at which that is told. */
static const unsigned warning_days[] = {30, 7, 1, 0};

static const struct conf *conf_of(const struct keys *k)
{
	return &k->node->conf;
}

/* Card and keys of a seed and its record; `self` is untouched unless all of it holds. */
static enum err take(struct keys *k, const struct cert_blob *cert, const struct seed *seed,
                     const struct record_blob *record)
{
	struct overlay_self self = {0};
	struct wall any = {INT64_MIN};
	struct box_key kx;
	enum err err =
		card_open(bytes_of(cert->octets, cert->len), bytes_of(record->octets, record->len),
	                  &conf_of(k)->roots, any, &self.card);

	if (err != ERR_OK)
		return err;
	record_keys(seed, &self.operational, &kx, &self.kx_secret);
	if (memcmp(&kx, &self.card.record.kx, sizeof(kx)) != 0 ||
	    memcmp(&self.operational.public, &self.card.record.sign,
	           sizeof(self.operational.public)) != 0)
		err = ERR_AUTH;
	else
		k->self = self;
	wipe(&self, sizeof(self));
	return err;
}

static void keep(struct keys *k, const struct seed *seed, const struct record_blob *record)
{
	uint8_t data[RECORD_FILE_MAX];
	struct octets out = octets_of(data, sizeof(data));

	octets_put(&out, seed->octets, sizeof(seed->octets));
	octets_put(&out, record->octets, record->len);
	keeper_put(&k->node->keeper, KEEPER_KEYS, NULL, data, octets_len(&out));
	wipe(data, sizeof(data));
}

/*
 * Signs a record of the keys that `seed` means, which takes the place of any before it: its news
 * goes round, and tells who gave this node up that it is back.
 */
static enum err sign_record(struct keys *k, const struct cert_blob *cert, const struct seed *seed,
                            struct wall not_before, struct wall not_after)
{
	const struct conf *conf = conf_of(k);
	struct record record = {
		.seq = MAX((uint64_t)MAX(node_now().wall.ms, 0), k->self.card.record.seq + 1),
		.not_before = not_before,
		.not_after = not_after,
		.endpoint_count = conf->advertise_count,
	};
	struct record_blob blob;
	struct box_key secret;
	struct key_pair pair;
	enum err err;

	memcpy(record.endpoints, conf->advertise, sizeof(conf->advertise));
	record_keys(seed, &pair, &record.kx, &secret);
	record.sign = pair.public;
	wipe(&pair, sizeof(pair));
	wipe(&secret, sizeof(secret));
	err = record_issue(&conf->identity, &record, &blob);
	if (err == ERR_OK)
		err = take(k, cert, seed, &blob);
	if (err == ERR_OK)
		keep(k, seed, &blob);
	return err;
}

/* Others' clocks may be behind ours: they are valid from an hour ago. */
static enum err make(struct keys *k, const struct cert_blob *cert)
{
	struct wall now = node_now().wall;
	struct seed seed;
	enum err err;

	node_random(NULL, &seed, sizeof(seed));
	err = sign_record(k, cert, &seed, (struct wall){now.ms - HOUR_MS},
	                  (struct wall){now.ms + LIFE_MS});
	wipe(&seed, sizeof(seed));
	return err;
}

struct kept_keys {
	struct seed seed;
	struct record_blob record;
};

static void read_kept(void *ctx, const uint8_t key[STORE_NOTE_KEY], const void *data, size_t len)
{
	struct bytes in = bytes_of(data, len);
	struct kept_keys *kept = ctx;

	(void)key;
	bytes_copy(&in, kept->seed.octets, sizeof(kept->seed.octets));
	if (in.is_short || bytes_left(&in) > sizeof(kept->record.octets))
		return;
	kept->record.len = bytes_left(&in);
	bytes_copy(&in, kept->record.octets, kept->record.len);
}

/* Half of their time is left. */
static bool is_good(const struct keys *k)
{
	const struct record *r = &k->self.card.record;
	struct wall now = node_now().wall;

	return now.ms >= r->not_before.ms && r->not_after.ms - now.ms >= LIFE_MS / 2;
}

/* Those of the last run if they are good still: others reach us with what they know of us. */
static enum err recall_or_make(struct keys *k, const struct cert_blob *cert)
{
	struct kept_keys kept = {.record = {.len = 0}};
	enum err err = store_note_each(k->node->store, KEEPER_KEYS, read_kept, &kept);
	bool is_start = k->self.card.record.seq == 0; /* later ones are newer than what was kept */

	if (err == ERR_OK && is_start && kept.record.len > 0 &&
	    take(k, cert, &kept.seed, &kept.record) == ERR_OK && is_good(k))
		err = sign_record(k, cert, &kept.seed, k->self.card.record.not_before,
		                  k->self.card.record.not_after);
	else if (err == ERR_OK)
		err = make(k, cert);
	wipe(&kept, sizeof(kept));
	return err;
}

static enum err read_operational(struct keys *k, const struct cert_blob *cert)
{
	const char *path = conf_of(k)->operational;
	char reason[CREDENTIALS_REASON_MAX];
	struct record_blob record;
	struct seed seed;
	enum err err = credentials_operational(path, &seed, &record, reason);

	if (err != ERR_OK) {
		log_line("keys", "%s", reason);
		return err;
	}
	err = take(k, cert, &seed, &record);
	if (err != ERR_OK)
		log_line("keys", "%s does not go with the certificate: %s", path, err_text(err));
	wipe(&seed, sizeof(seed));
	return err;
}

static struct timespec changed(const char *path)
{
	struct stat st;

	return path[0] != '\0' && stat(path, &st) == 0 ? st.st_mtim : (struct timespec){0};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* All of it anew, from the files. */
static enum err load(struct keys *k)
{
	const struct conf *conf = conf_of(k);
	char reason[CREDENTIALS_REASON_MAX];
	struct cert_blob blob;
	struct cert cert;
	enum err err;

	k->cert_changed = changed(conf->certificate);
	k->file_changed = changed(conf->operational);
	err = credentials_cert(conf->certificate, &conf->roots,
	                       conf->has_identity ? &conf->identity.public : NULL, &cert, &blob,
	                       reason);
	if (err != ERR_OK) {
		log_line("keys", "certificate: %s", reason);
		return err;
	}
	if (conf->operational[0] != '\0')
		return read_operational(k, &blob);
	err = recall_or_make(k, &blob);
	if (err == ERR_DENIED)
		log_line("keys", "an address of overlay.advertise lies outside the certificate's "
		                 "prefixes");
	else if (err != ERR_OK)
		log_line("keys", "operational keys: %s", err_text(err));
	return err;
}

enum err keys_start(struct keys *k, struct node *node)
{
	k->node = node;
	k->warned_days = UINT32_MAX;
	k->next_try = mono_after(node_now().mono, HOUR_MS);
	return load(k);
}

const char *keys_warning(const struct keys *k, struct wall now, char room[KEYS_WARNING_MAX])
{
	const struct card *card = &k->self.card;
	int64_t cert_ms = card->cert.not_after.ms - now.ms;
	int64_t record_ms = card->record.not_after.ms - now.ms;
	char text[TIMESTAMP_TEXT_MAX];

	if (k->node->link.overlay != NULL &&
	    trust_is_revoked(overlay_trust(k->node->link.overlay), &card->cert))
		snprintf(room, KEYS_WARNING_MAX, "the certificate was revoked by its root");
	else if (cert_ms < 0)
		snprintf(room, KEYS_WARNING_MAX,
		         "the certificate expired %s: this node collects, but cannot ask or answer",
		         timestamp_print(card->cert.not_after.ms, text));
	else if (record_ms < 0)
		snprintf(room, KEYS_WARNING_MAX,
		         "the operational keys expired %s: bring new ones (spoor keygen "
		         "operational)",
		         timestamp_print(card->record.not_after.ms, text));
	else if (cert_ms <= (int64_t)warning_days[0] * DAY_MS)
		snprintf(room, KEYS_WARNING_MAX, "the certificate ends in %lld %s, on %.10s",
		         (long long)(cert_ms >= 2 * DAY_MS ? cert_ms / DAY_MS : cert_ms / HOUR_MS),
		         cert_ms >= 2 * DAY_MS ? "days" : "hours",
		         timestamp_print(card->cert.not_after.ms, text));
	else if (record_ms <= DAY_MS)
		snprintf(room, KEYS_WARNING_MAX,
		         "the operational keys end in %lld hours: bring new ones (spoor keygen "
		         "operational)",
		         (long long)(record_ms / HOUR_MS));
	else
		return NULL;
	return room;
}

/* Once at each step: the log is read by people. */
static void warn(struct keys *k)
{
	struct wall now = node_now().wall;
	int64_t left_ms = k->self.card.cert.not_after.ms - now.ms;
	char room[KEYS_WARNING_MAX];
	const char *text = keys_warning(k, now, room);
	unsigned step = UINT32_MAX;

	for (size_t i = 0; i < ARRAY_LEN(warning_days); i++) {
		if (left_ms <= (int64_t)warning_days[i] * DAY_MS)
			step = warning_days[i];
	}
	if (text != NULL && (step < k->warned_days || (step == UINT32_MAX && !k->is_warned)))
		log_line("keys", "warning: %s", text);
	k->warned_days = step;
	k->is_warned = text != NULL;
}

/* Something is new: everybody is told. */
static void renew(struct keys *k)
{
	struct overlay *overlay = k->node->link.overlay;
	char text[TIMESTAMP_TEXT_MAX];

	if (overlay == NULL) { /* a host */
		gateway_again(&k->node->host.gateway);
		return;
	}
	if (id_equal(&overlay_self(overlay)->card.id, &k->self.card.id)) {
		overlay_renew(overlay, node_now(), &k->self);
		link_drive(&k->node->link);
		log_line("keys", "new operational keys, valid until %s",
		         timestamp_print(k->self.card.record.not_after.ms, text));
	} else {
		log_line("keys", "the certificate gives this node another id: restart it");
		k->self = *overlay_self(overlay);
	}
}

/*
 * One more look: true when, once in an hour, nobody answers though somebody did. They may know
 * newer keys of ours than we do, of a copy of this node that ran for a while: whoever has newer
 * ones takes ours for forged. Who has met nobody since it started signed its record just then, and
 * waits an hour.
 */
static bool notice_shunning(struct keys *k)
{
	const struct overlay *overlay = k->node->link.overlay;
	bool has_contacts = overlay_member_count(overlay) + conf_of(k)->bootstrap_count > 0;
	struct mono now = node_now().mono;

	if (overlay_table_count(overlay) > 0) {
		k->alone_looks = 0;
		if (!k->has_met)
			k->next_try = now;
		k->has_met = true;
	} else {
		k->alone_looks += has_contacts;
	}
	if (k->alone_looks < ALONE_LOOKS || !mono_reached(now, k->next_try))
		return false;
	k->next_try = mono_after(now, HOUR_MS);
	return true;
}

/* Half of their time is over, or they are of no use. */
static void rotate(struct keys *k)
{
	struct cert_blob cert = k->self.card.cert_blob;
	enum err err = make(k, &cert);

	if (err == ERR_OK)
		renew(k);
	else if (err != k->last)
		log_line("keys", "no new operational keys: %s", err_text(err));
	k->last = err;
}

static void on_timer(uv_timer_t *timer)
{
	struct keys *k = timer->data;
	const struct conf *conf = conf_of(k);
	bool is_changed = !is_same_time(k->cert_changed, changed(conf->certificate)) ||
	                  !is_same_time(k->file_changed, changed(conf->operational));
	bool is_useless = k->node->link.overlay != NULL && notice_shunning(k);

	if (is_useless)
		log_line("keys", "nobody answers any more: a copy of this node may have run%s",
		         conf->operational[0] == '\0' ? "" : ", bring new operational keys");
	if (is_changed && load(k) == ERR_OK)
		renew(k);
	else if (!is_changed && conf->operational[0] == '\0' && (is_useless || !is_good(k)))
		rotate(k);
	warn(k);
}

void keys_watch(struct keys *k)
{
	uv_timer_init(&k->node->loop, &k->timer);
	k->timer.data = k;
	k->is_open = true;
	warn(k);
	uv_timer_start(&k->timer, on_timer, LOOK_MS, LOOK_MS);
}

void keys_stop(struct keys *k)
{
	if (k->is_open)
		uv_close((uv_handle_t *)&k->timer, NULL);
}

void keys_free(struct keys *k)
{
	wipe(&k->self, sizeof(k->self));
}
