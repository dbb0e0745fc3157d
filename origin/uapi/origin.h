/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * origin - what a kernel companion says of processes: one record format, and the device's calls.
 *
 * The module, the BPF programs, the reader, the log and the wire share this file; it is the
 * specification (docs/ORIGIN.md explains it). In a device's or ring's octets, numbers have the
 * host's order; in a log and on the wire a record has the same layout in little-endian
 * (origin/record.h converts). Ports are numbers, addresses are 16 octets as they stand in a packet,
 * IPv4 as ::ffff:a.b.c.d. Times are nanoseconds.
 *
 * The order of a record's parts is the order in which a policy lets go of them: a record can be
 * shown without its process, or without its user, and still be proved to be the one in the log.
 *
 * Source: Buchholz and Shields, "Providing process origin information to aid in network
 * traceback", USENIX ATC 2002, sections 3 and 4.
 */
#ifndef SPOOR_ORIGIN_UAPI_ORIGIN_H
#define SPOOR_ORIGIN_UAPI_ORIGIN_H

#ifndef __VMLINUX_H__ /* a BPF program has these types from there */
#	include <linux/ioctl.h>
#	include <linux/types.h>
#endif

#define ORIGIN_DEVICE "/dev/spoor_origin"
#define ORIGIN_ABI_MAJOR 1    /* layout: a reader refuses another */
#define ORIGIN_ABI_MINOR 0    /* grows when reserved octets, kinds or flags come into use */
#define ORIGIN_NOBODY (~0U)   /* a uid, loginuid or session that is not set */
#define ORIGIN_DEPTH_MAX 255U /* a depth at which counting stops */

enum origin_kind {
	ORIGIN_KIND_NONE = 0,
	ORIGIN_KIND_START = 1,    /* provider began; what ran before has origin UNKNOWN */
	ORIGIN_KIND_LOST = 2,     /* `packets` records fell out here: the ring was full */
	ORIGIN_KIND_ACCEPT = 3,   /* task took an incoming TCP connection: `flow`, now its `last` */
	ORIGIN_KIND_LOGIN = 4,    /* last accept became `origin` (paper, 3.3) */
	ORIGIN_KIND_CONNECT = 5,  /* task opened the TCP connection `flow` */
	ORIGIN_KIND_SEND = 6,     /* first datagram of `flow` that the task sent (UDP, ICMP, raw) */
	ORIGIN_KIND_RECEIVE = 7,  /* first datagram of `flow` that the task received (UDP) */
	ORIGIN_KIND_FLOW_END = 8, /* an aggregated flow is over or idle: its counters */
	ORIGIN_KIND_EXEC = 9,     /* task of remote origin began another program */
	ORIGIN_KIND_EXIT = 10,    /* task of remote origin ended */
	ORIGIN_KIND_TASK = 11,    /* an answer to getorigin, portpid or dump; never in the ring */
	ORIGIN_KIND_FILE = 12, /* origin came through a file (crontab, unit); a daemon's finding */
	ORIGIN_KIND_COUNT
};

enum origin_type {
	ORIGIN_UNKNOWN = 0, /* the task is older than the provider, or the trail is lost */
	ORIGIN_LOCAL = 1,   /* nothing remote in its ancestry since the provider began at boot */
	ORIGIN_REMOTE = 2,  /* a login was seen after an accept */
	ORIGIN_IMPLIED = 3, /* an accept without a login: a service, perhaps an exploited one */
	ORIGIN_FILE = 4,    /* started by way of a file that a task of remote origin wrote */
	ORIGIN_TYPE_COUNT
};

enum origin_direction {
	ORIGIN_DIRECTION_NONE = 0,
	ORIGIN_IN = 1,
	ORIGIN_OUT = 2,
};

/* Of a record. */
#define ORIGIN_FLAG_AMBIGUOUS                                                                  \
	0x01U                     /* several accepts since the last fork: `last` is the newest \
	                           */
#define ORIGIN_FLAG_PRELOAD 0x02U /* task is older than the provider */
#define ORIGIN_FLAG_NO_EXE 0x04U  /* exe_dev and exe_ino could not be read here */
#define ORIGIN_FLAG_BLINDED 0x08U /* a hook was found dead since the last record */

/* Of an origin. */
#define ORIGIN_SOURCE_SELF_HOP 0x01U   /* the peer was a process of this very host (see `depth`) */
#define ORIGIN_SOURCE_SETUID 0x02U     /* IMPLIED, and the task gave up uid 0 since (no PAM) */
#define ORIGIN_SOURCE_AMBIGUOUS 0x04U  /* made while several accepts were possible */
#define ORIGIN_SOURCE_ACTIVATED 0x08U  /* PID 1 or inetd accepted, and passed the socket on */
#define ORIGIN_SOURCE_DEPTH_FULL 0x10U /* deeper than ORIGIN_DEPTH_MAX */

struct origin_flow {
	__u8 saddr[16]; /* of the packet: the remote end of an incoming flow */
	__u8 daddr[16];
	__u16 sport;
	__u16 dport;
	__u8 proto;     /* IP protocol; 0: there is no flow */
	__u8 direction; /* enum origin_direction, seen from the task */
	__u16 reserved;
	__u32 netns; /* inode of the network namespace */
	__u32 ifindex;
};

/* Where a process, or its last accept, came from. Type UNKNOWN or LOCAL: all the rest is zero. */
struct origin_source {
	__u8 type;  /* enum origin_type */
	__u8 depth; /* self-hops between `flow` and the record's root */
	__u16 flags;
	__u32 acceptor_pid; /* process that accepted, in the initial namespace */
	__u64 acceptor_start_ns;
	__u64 time_ns; /* of the accept, wall clock */
	struct origin_flow flow;
};

/* The task's identity is (pid, start_ns), never pid alone. Ids as the initial namespaces see them.
 */
struct origin_process {
	__u64 start_ns; /* since boot, sleep included */
	__u64 cgroup;   /* id in the unified hierarchy, 0 unknown */
	__u64 exe_ino;
	__u32 exe_dev; /* as new_encode_dev() makes it: major << 8 | minor's low octet, rest above
	                */
	__u32 pid;     /* thread group */
	__u32 tid;
	__u32 ppid;
	__u32 pidns; /* inodes of namespaces */
	__u32 netns;
	__u32 mntns;
	__u32 userns;
	char comm[16]; /* NUL-padded */
};

struct origin_user {
	__u32 uid;
	__u32 gid;
	__u32 loginuid;
	__u32 session;
	__u32 origin_loginuid; /* as they were when the origin was made */
	__u32 origin_session;
};

struct origin_head {
	__u16 length; /* of the whole record, in octets */
	__u8 major;
	__u8 kind;   /* enum origin_kind */
	__u32 flags; /* ORIGIN_FLAG_... */
	__u64 seq;   /* of this provider since START: a gap is a loss */
	__u64 time_ns;
	__u64 boot_ns; /* since boot, sleep included */
};

struct origin_tally {
	__u64 packets;  /* of an aggregated flow; the number of records of a LOST */
	__u64 octets;   /* payload */
	__u64 begin_ns; /* of the flow, wall clock */
};

struct origin_record {
	struct origin_head head;
	struct origin_flow flow;
	struct origin_source origin;
	struct origin_source last; /* the last accept, if not the origin itself */
	struct origin_flow root;   /* first hop known: the origin's, unless there were self-hops */
	struct origin_tally tally;
	struct origin_process process;
	struct origin_user user;
	__u8 reserved[56]; /* zero */
};

/* --- the device ------------------------------------------------------------------------------ */

#define ORIGIN_RULES_MAX 32

enum origin_action {
	ORIGIN_ACTION_REMOTE = 0, /* record if the task's origin, or its last accept, is remote */
	ORIGIN_ACTION_ALL = 1,    /* record */
	ORIGIN_ACTION_NONE = 2,   /* do not record (inheritance goes on all the same) */
	ORIGIN_ACTION_COUNT
};

/* A row matches a flow by its far end, protocol, far port and uid; the first that does decides. */
struct origin_rule {
	__u8 addr[16];
	__u8 bits;   /* of 128; an IPv4 prefix of n bits has 96 + n */
	__u8 proto;  /* 0: any */
	__u8 action; /* enum origin_action */
	__u8 reserved;
	__u16 port_low;
	__u16 port_high;
	__u32 uid_low;
	__u32 uid_high;
};

#define ORIGIN_RULES_EXEC 0x01U /* EXEC and EXIT records are wanted */
#define ORIGIN_RULES_HOST 0x02U /* a self-hop is also looked for across network namespaces */

struct origin_rules {
	__u32 count;       /* rows in use */
	__u32 fallback;    /* enum origin_action, where no row matches */
	__u32 flags;       /* ORIGIN_RULES_... */
	__u32 udp_idle_ms; /* an aggregated flow ends when idle for so long */
	struct origin_rule rows[ORIGIN_RULES_MAX];
};

enum origin_hook {
	ORIGIN_HOOK_FORK,
	ORIGIN_HOOK_EXEC,
	ORIGIN_HOOK_EXIT,
	ORIGIN_HOOK_ACCEPT,
	ORIGIN_HOOK_LOGIN,
	ORIGIN_HOOK_SETUID,
	ORIGIN_HOOK_CONNECT,
	ORIGIN_HOOK_SEND,
	ORIGIN_HOOK_RECEIVE,
	ORIGIN_HOOK_COUNT
};

/* What a provider cannot do, however healthy it is. */
#define ORIGIN_BLIND_URING 0x01U      /* an accept by io_uring is not seen */
#define ORIGIN_BLIND_BLOCKED 0x02U    /* nor one that waited before the provider began */
#define ORIGIN_BLIND_UDP_IN 0x04U     /* receivers of datagrams are not seen */
#define ORIGIN_BLIND_UDP_OUT 0x08U    /* senders of datagrams are not seen */
#define ORIGIN_BLIND_FTRACE 0x10U     /* kernel.ftrace_enabled=0 would blind it unnoticed */
#define ORIGIN_BLIND_CONNECTING 0x20U /* a connection that never opens is not seen */
#define ORIGIN_BLIND_LATE 0x40U       /* began after processes did: their origin is UNKNOWN */

struct origin_stats {
	__u16 major;
	__u16 minor;
	__u32 hooks; /* bit per enum origin_hook: attached */
	__u32 blind; /* ORIGIN_BLIND_... */
	__u32 is_pinned;
	__u64 seq;        /* of the next record */
	__u64 lost;       /* records, for want of room in the ring */
	__u64 lost_tasks; /* inheritances, for want of memory or of room in the table */
	__u64 lost_flows; /* aggregated flows that fell out early: counted as several */
	__u64 tasks;      /* carry something */
	__u64 tasks_max;
	__u64 sources; /* distinct origins alive */
	__u64 sources_max;
	__u64 suppressed; /* records that a rule or the rate limit kept back */
	__u64 hits[ORIGIN_HOOK_COUNT];
	__u64 reserved[7];
};

struct origin_portpid {
	struct origin_flow flow; /* either direction */
	struct origin_record record;
};

struct origin_dump {
	__u64 cursor;  /* 0 at first; then as returned; ~0 at the end */
	__u64 records; /* address of room for `count` struct origin_record */
	__u32 count;   /* in: room; out: filled */
	__u32 reserved;
};

/*
 * SETORIGIN says that the process `process` (pid in the caller's ns, start_ns) was started by way
 * of a file: `origin` is of type FILE and otherwise the writer's, `root` and `user.origin_...` too;
 * nothing else of the record is read. EEXIST: it has an origin from elsewhere, which stays.
 *
 * read() gives whole records, as many as fit; poll() says when there are some. ESRCH: no such
 * process, or no such flow; EPERM: the caller may not (needs CAP_SYS_ADMIN, but for its own
 * processes' getorigin); EINVAL: malformed, nothing was changed.
 */
#ifdef _IOWR
#	define ORIGIN_IOC_GETORIGIN \
		_IOWR('o', 1, struct origin_record) /* in: process.pid, caller's ns */
#	define ORIGIN_IOC_PORTPID _IOWR('o', 2, struct origin_portpid)
#	define ORIGIN_IOC_DUMP _IOWR('o', 3, struct origin_dump)
#	define ORIGIN_IOC_RULES_GET _IOR('o', 4, struct origin_rules)
#	define ORIGIN_IOC_RULES_SET _IOW('o', 5, struct origin_rules)
#	define ORIGIN_IOC_STATS _IOR('o', 6, struct origin_stats)
#	define ORIGIN_IOC_SETORIGIN _IOW('o', 7, struct origin_record)
#endif

#define ORIGIN_ASSERT_SIZE(what, octets) _Static_assert(sizeof(struct what) == (octets), #what)
ORIGIN_ASSERT_SIZE(origin_flow, 48);
ORIGIN_ASSERT_SIZE(origin_source, 72);
ORIGIN_ASSERT_SIZE(origin_process, 72);
ORIGIN_ASSERT_SIZE(origin_user, 24);
ORIGIN_ASSERT_SIZE(origin_head, 32);
ORIGIN_ASSERT_SIZE(origin_tally, 24);
ORIGIN_ASSERT_SIZE(origin_record, 448);
ORIGIN_ASSERT_SIZE(origin_rule, 32);
ORIGIN_ASSERT_SIZE(origin_rules, 16 + 32 * 32);
ORIGIN_ASSERT_SIZE(origin_stats, 216);
ORIGIN_ASSERT_SIZE(origin_portpid, 496);
ORIGIN_ASSERT_SIZE(origin_dump, 24);

#endif
