/*
 * evidence - what a host's log proves to somebody who has never seen it.
 *
 * A host keeps what its kernel says of processes in a log: entry after entry, each in three parts,
 * chained by digests and signed now and then.
 *
 *	commitment   digest(salt | part)                       one for each part
 *	leaf         digest(commitments)
 *	head         digest(head before | leaf)                the first: digest(host's id)
 *	checkpoint   { host, entries, head, time, health }     signed with the key of its record
 *
 * To show an entry is to give the head before it, the leaves between it and the next checkpoint,
 * and the checkpoint: who adds, leaves out or changes an entry later has to sign another head for
 * the same number of entries, and two such are proof against him. A part can be withheld: its
 * commitment stands for it, and its salt, which only the log has, keeps it from being guessed.
 *
 *	evidence     [ version, certificate, record, checkpoint, number, head before, [parts],
 *leaves ] part         [ salt, octets ] or the commitment
 *
 * The host's certificate is signed by its organisation's root for hosts, which the answer around
 * the evidence names (testimony.h). Parts are opaque here; origin/record.h reads them.
 */
#ifndef SPOOR_PROTO_WIRE_EVIDENCE_H
#define SPOOR_PROTO_WIRE_EVIDENCE_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/wire/card.h"
#include "proto/wire/sign.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EVIDENCE_PARTS 3
#define EVIDENCE_PART_MAX 320
#define EVIDENCE_SALT 16
#define EVIDENCE_SPAN 16 /* entries from one checkpoint to the next, at most */
#define EVIDENCE_MAX 2560
#define CHECKPOINT_MAX 512

struct health { /* of the provider; texts are printable, empty where nothing is known */
	char kind[16], version[24], build[48], kernel[64], boot_id[40], lockdown[16];
	uint64_t taint; /* bits of /proc/sys/kernel/tainted */
	bool is_ftrace_off;
	uint64_t hooks, blind;                 /* bits of origin/uapi/origin.h */
	uint64_t lost, lost_tasks, lost_flows; /* records, inheritances, flows */
	uint64_t canaries, canaries_seen;      /* connections made to prove that the hooks fire */
	int64_t canary_ms;                     /* when the last was seen; 0 never */
};

struct checkpoint {
	struct id host;
	uint64_t count; /* entries that the chain has */
	struct id head;
	struct wall at;
	struct health health;
};

struct checkpoint_blob {
	uint8_t octets[CHECKPOINT_MAX];
	size_t len;
};

struct leaf { /* an entry of the log */
	struct bytes parts[EVIDENCE_PARTS];
	uint8_t salts[EVIDENCE_PARTS][EVIDENCE_SALT];
};

struct evidence {
	struct card card; /* the host's */
	struct checkpoint checkpoint;
	uint64_t number;                    /* of the entry, from 1 */
	size_t shown;                       /* so many parts, from the first */
	struct bytes parts[EVIDENCE_PARTS]; /* borrowed; empty when withheld */
};

/* The head of a log that has no entry yet. */
struct id chain_begin(const struct id *host);
struct id chain_next(const struct id *head, const struct id *leaf);
struct id leaf_digest(const struct leaf *leaf);

/* Texts that are not printable are left out. */
void checkpoint_sign(const struct checkpoint *c, const struct key_pair *operational,
                     struct checkpoint_blob *ret);
/*
 * ERR_FORMAT, ERR_VERSION   not a checkpoint of ours
 * ERR_AUTH                  `operational` did not sign it
 */
MUST_USE enum err checkpoint_open(const void *data, size_t len,
                                  const struct public_key *operational, struct checkpoint *ret);

struct showing { /* what evidence is made of */
	const struct card *card;
	const struct checkpoint_blob *checkpoint;
	uint64_t number;
	struct id before; /* the head */
	const struct leaf *leaf;
	size_t shown;
	const struct id *after; /* leaves behind it, up to the checkpoint */
	size_t after_count;
};

/* Writes it into room[0..*len). ERR_LIMIT: no room, or more leaves than a span has. */
MUST_USE enum err evidence_pack(const struct showing *s, void *room, size_t *len);

/*
 * Reads and proves it: a host's certificate under `root`, its record, the checkpoint's signature,
 * both valid when that was made, and the entry in the chain. `ret` borrows from `data`.
 *
 * ERR_FORMAT, ERR_VERSION   not evidence of ours
 * ERR_ROOT                  `root` did not sign the certificate
 * ERR_DENIED                it is no host's
 * ERR_EXPIRED               certificate or record was not valid when the checkpoint was made
 * ERR_AUTH                  a signature or a digest does not hold
 */
MUST_USE enum err evidence_open(const void *data, size_t len, const struct public_key *root,
                                struct evidence *ret);

#endif
