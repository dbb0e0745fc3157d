/*
 * capture - export datagrams out of files.
 *
 * A file is a capture (pcap, pcapng), or holds exactly one datagram as it was on the wire, or any
 * number of messages of IPFIX, one behind the other (RFC 5655), of which each is a datagram; all
 * may be compressed with gzip. Which it is, its first octets tell. What is in no capture names no
 * exporter (its address is left all zero), and the file's modification time is when it came.
 * Datagrams in IP fragments are put together; they came when the last fragment did.
 */
#ifndef SPOOR_TOOLS_CAPTURE_H
#define SPOOR_TOOLS_CAPTURE_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdint.h>

#define CAPTURE_REASON_MAX 256
#define CAPTURE_SKIPPED_MAX 320

struct capture_datagram {
	int64_t received_ms; /* when it was captured */
	struct endpoint from;
	struct bytes data; /* borrowed until the next one is asked for */
};

struct capture;

/*
 * Opens the file at `path`, or what comes in at standard input for "-". On failure `reterr` says
 * why in words.
 *
 * ERR_IO        it cannot be read
 * ERR_FORMAT    neither a capture nor one datagram
 * ERR_VERSION   a capture of a link type that is not read
 */
MUST_USE enum err capture_open(const char *path, struct capture **ret,
                               char reterr[CAPTURE_REASON_MAX]);

/*
 * The next datagram.
 *
 * ERR_NOENT   the end of the file
 * ERR_TORN    the file ends inside a frame; all before it was given
 * ERR_FORMAT  likewise, because what follows is no frame
 * ERR_LIMIT   likewise, because it is too large (pcapng.h)
 * ERR_NOMEM
 */
MUST_USE enum err capture_next(struct capture *c, struct capture_datagram *ret);

/* How many frames were passed over so far, and in `room` why: "not UDP 3, IP fragment 1". */
uint64_t capture_skipped(const struct capture *c, char room[CAPTURE_SKIPPED_MAX]);

/* Why capture_next() gave no more, for people; static. */
const char *capture_failure(enum err err);

void capture_close(struct capture *c); /* NULL is fine */

#endif
