/*
 * ctl - what the command line and its node say to each other over the control socket.
 *
 * Both ways, frames: four octets of length (big-endian), then one MessagePack map. The command line
 * sends requests, one at a time; the node answers each with any number of
 *
 *	{"progress": {...}}   where a long request stands
 *	{"row": {...}}        one row of the result, ready for JSON: times RFC 3339, addresses text
 *
 * and then one {"end": {"code": exit code, "error": text or nil, ...totals}}. One request may come
 * meanwhile, "stop": what the other has found by then is its answer. It has no answer of its own.
 *
 * A request is a map: "cmd" and the arguments of the table in ctl.c. An argument the node does not
 * know is refused, never ignored.
 */
#ifndef SPOOR_PROTO_WIRE_CTL_H
#define SPOOR_PROTO_WIRE_CTL_H

#include "base/addr.h"
#include "base/bytes.h"
#include "base/err.h"
#include "proto/wire/pack.h"

#include <stdbool.h>
#include <stdint.h>

#define CTL_VERSION 1
#define CTL_REQUEST_MAX (1 << 20) /* octets of a request frame */
#define CTL_REPLY_MAX (16 << 20)  /* octets of a reply frame */
#define CTL_REASON_MAX 192
#define CTL_FILTER_MAX 4096 /* octets of a filter, with its NUL */

/* Exit codes of the command line, which "end" carries. */
enum ctl_code {
	CTL_FOUND = 0,
	CTL_NOTHING = 1,
	CTL_USAGE = 2,
	CTL_PARTIAL = 3,
	CTL_DENIED = 4,
	CTL_PENDING = 5,
	CTL_UNVERIFIED = 6,
	CTL_INTERNAL = 64,
};

enum ctl_command {
	CTL_STATUS, /* one row */
	CTL_PEERS,  /* node; a row per member known, or all that is known of one */
	CTL_FLOWS,  /* filter since until limit; a row per flow; sort: in order; by: a row per group
	             */
	CTL_TRANSLATIONS, /* target peer since until proto limit; a row per mapping, the latest
	                   * first */
	CTL_TRACE, /* target peer since until proto timeout gap; progress; one row, the report;
	            * every for: a row whenever there is more to say */
	CTL_WATCH, /* as a trace; one row, the watch, and it stands: for so long, asked at least
	            * every so often */
	CTL_WATCH_LIST, /* a row for each */
	CTL_WATCH_STOP, /* id; one row: the watch as it was */
	CTL_WATCH_TELL, /* id, or none; a row for what was found, as it comes, until stopped */
	CTL_IMPORT,     /* batch; "end" has datagrams, flows, dropped */
	CTL_SEAL, /* all imported so far made durable; "end" has dropped: what waits in vain */
	CTL_STOP, /* no more of the request under way */
	/* of a host: */
	CTL_ORIGIN,        /* pid, or target; a row per record */
	CTL_ORIGIN_LIST,   /* a row per process of remote origin */
	CTL_ORIGIN_WATCH,  /* a row per record, as they come, until the client goes */
	CTL_ORIGIN_STATUS, /* one row; of a gateway's node: one per host that is connected */
};

struct ctl_request {
	enum ctl_command command;
	struct endpoint target, peer; /* port 0: any; peer address all zero: any */
	int64_t since_ms, until_ms;   /* INT64_MIN and INT64_MAX: unbounded */
	char filter[CTL_FILTER_MAX];
	char by[128];  /* "src,dst_port" (proto/flow/group.h) */
	char sort[16]; /* "bytes" */
	char severity[16];
	char node[72];      /* "": all */
	char id[16];        /* of a watch, or how one begins; "": all */
	uint64_t limit;     /* rows at most; 0: all */
	uint64_t proto;     /* 0: any */
	uint64_t pid;       /* 0: none */
	int64_t timeout_ms; /* 0: the node's default */
	int64_t gap_ms;     /* 0: the node's default */
	int64_t every_ms;   /* a trace is followed, a question every so often; 0: it is not */
	int64_t for_ms;     /* and for so long; 0: until its connection has ended; of a watch: the
	                     * node's default */
	struct bytes batch; /* borrowed from the frame */
};

/*
 * Reads a request. On failure `reterr` names the argument.
 *
 * ERR_FORMAT    not a map of known arguments
 * ERR_VERSION   another version of the protocol
 * ERR_NOENT     no such command
 */
MUST_USE enum err ctl_parse(const void *data, size_t len, struct ctl_request *ret,
                            char reterr[CTL_REASON_MAX]);

/* Writes `request`, arguments that have their neutral value left out. */
void ctl_pack(struct pack *p, const struct ctl_request *request);

/* A request in which every argument is neutral. */
struct ctl_request ctl_request_of(enum ctl_command command);

/*
 * A batch is datagrams end to end: received_ms 8, exporter address 16, port 2, len 2, data. One
 * whose length does not fit the remaining room is not written and false is returned.
 */
struct ctl_datagram {
	int64_t received_ms;
	struct endpoint from;
	struct bytes data;
};

bool ctl_batch_put(struct octets *out, const struct ctl_datagram *datagram);
/* False at the end; in->is_short when it ended inside a datagram. */
bool ctl_batch_next(struct bytes *in, struct ctl_datagram *ret);

#endif
