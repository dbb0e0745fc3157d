/*
 * shared - what the BPF programs and their loader tell each other, beside the ring of records.
 *
 * One `struct control`, mapped into the loader's memory, counters for each processor, and what a
 * task carries.
 */
#ifndef SPOOR_ORIGIN_BPF_SHARED_H
#define SPOOR_ORIGIN_BPF_SHARED_H

#include "origin/uapi/origin.h"

#ifndef __VMLINUX_H__ /* which has all of it */
#	include <linux/bpf.h>
#endif

#define BPF_FLOWS_MAX 8192     /* aggregated flows at once */
#define BPF_OUTGOING_MAX 16384 /* recent outgoing connections, for self-hops */
#define BPF_RING_OCTETS (2U << 20)
#define BPF_WAKE_OCTETS (256U << 10) /* so much waiting wakes the reader before its time */

/* A row of struct origin_rule, ready to be compared. */
struct bpf_rule {
	__u64 net[2], mask[2];
	__u32 uid_low, uid_high;
	__u16 port_low, port_high;
	__u8 proto, action;
	__u16 reserved;
};

struct bpf_rules {
	__u32 count, fallback, flags;
	__u32 idle_ms;
	struct bpf_rule rows[ORIGIN_RULES_MAX];
};

struct control {
	__u64 wall_offset_ns; /* wall clock less time since boot; the loader's to keep */
	__u64 begin_boot_ns;
	__u64 seq;          /* of the next record */
	__u64 lost_pending; /* records lost that no LOST has told of */
	__u64 flows_alive;  /* aggregated flows, when last swept */
	__u32 rules_at;     /* which of `rules` is in force */
	__u32 is_asked_all; /* of the iterator: also of a process that carries nothing */
	struct origin_flow asked_flow;
	struct bpf_rules rules[2];
};

struct carried {
	struct origin_source origin, last;
	struct origin_flow origin_root, last_root;
	__u32 origin_loginuid, origin_session;
	__u32 session, uid; /* as they were when last looked at */
	__u32 accepts;      /* since the last fork */
	__u32 reserved;
};

struct task_state {
	struct bpf_spin_lock lock; /* threads of one group write the leader's */
	__u32 reserved;
	struct carried c;
};

enum counter {
	COUNTER_HITS, /* and the following: by enum origin_hook */
	COUNTER_LOST = COUNTER_HITS + ORIGIN_HOOK_COUNT,
	COUNTER_LOST_TASKS,
	COUNTER_FLOWS_BEGUN,
	COUNTER_FLOWS_ENDED,
	COUNTER_SUPPRESSED,
	COUNTER_TASKS_BEGUN,
	COUNTER_TASKS_ENDED,
	COUNTER_COUNT
};

#endif
