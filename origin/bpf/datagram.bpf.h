/*
 * datagram - flows of datagrams, aggregated: the first is told, the rest are counted, and the sweep
 * tells the sum when a flow is idle. What is hot must be cheap: a known flow costs one lookup.
 */
#ifndef SPOOR_ORIGIN_BPF_DATAGRAM_BPF_H
#define SPOOR_ORIGIN_BPF_DATAGRAM_BPF_H

#include "origin/bpf/life.bpf.h"

#define IPPROTO_FRAGMENT_V6 44
#define PACKET_IP 0x0800
#define PACKET_IPV6 0x86dd

struct flow_key {
	struct origin_flow flow;
	__u64 pid;
};

/* A FLOW_END in the making: its boot_ns is the time of the last datagram. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BPF_FLOWS_MAX);
	__type(key, struct flow_key);
	__type(value, struct origin_record);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct origin_record);
} blank SEC(".maps");

/* Tells what stands in `kept`, as a record of its own number and time. */
static __noinline int kept_emit(__u32 kind, const struct origin_record *kept, struct control *ctl)
{
	struct origin_record *r = record_begin((__u8)kind, ctl);
	struct origin_head head;

	if (!r)
		return 0;
	head = r->head;
	head.flags = kept->head.flags;
	__builtin_memcpy(r, kept, sizeof(*r));
	r->head = head;
	if (kind != ORIGIN_KIND_FLOW_END)
		__builtin_memset(&r->tally, 0, sizeof(r->tally));
	record_submit(r);
	return 0;
}

static __noinline int datagram_first(struct task_struct *task, const struct flow_key *key,
                                     __u32 octets)
{
	struct control *ctl = control_get();
	struct origin_record *kept;
	__u32 zero = 0;

	kept = bpf_map_lookup_elem(&blank, &zero);
	if (!ctl || !kept || bpf_map_update_elem(&flows, key, kept, BPF_NOEXIST))
		return 0;
	kept = bpf_map_lookup_elem(&flows, key);
	if (!kept)
		return 0;
	count(COUNTER_FLOWS_BEGUN);
	head_begin(kept, ORIGIN_KIND_FLOW_END, ctl);
	fill_task(kept, task, ctl);
	fill_sources(kept, state_of(task));
	kept->flow = key->flow;
	kept->tally.packets = 1;
	kept->tally.octets = octets;
	kept->tally.begin_ns = kept->head.time_ns;
	return kept_emit(key->flow.direction == ORIGIN_OUT ? ORIGIN_KIND_SEND : ORIGIN_KIND_RECEIVE,
	                 kept, ctl);
}

static __noinline int datagram(struct task_struct *task, const struct origin_flow *flow,
                               __u32 octets)
{
	struct flow_key key = {.flow = *flow, .pid = (__u32)task->tgid};
	struct origin_record *kept = bpf_map_lookup_elem(&flows, &key);

	if (kept) {
		__sync_fetch_and_add(&kept->tally.packets, 1);
		__sync_fetch_and_add(&kept->tally.octets, octets);
		kept->head.boot_ns = bpf_ktime_get_boot_ns();
		return 0;
	}
	login_check(task);
	if (!is_wanted(flow, uid_of(task), carries(state_of(task))))
		return 0;
	return datagram_first(task, &key, octets);
}

/* --- headers --------------------------------------------------------------------------------- */

struct ports { /* where both TCP and UDP have them */
	__be16 source, dest;
};

INLINE void flow_of_v4(struct origin_flow *f, const struct iphdr *ip)
{
	put_v4(f->saddr, ip->saddr);
	put_v4(f->daddr, ip->daddr);
	f->proto = ip->protocol;
}

INLINE void flow_of_v6(struct origin_flow *f, const struct ipv6hdr *ip)
{
	__builtin_memcpy(f->saddr, &ip->saddr, 16);
	__builtin_memcpy(f->daddr, &ip->daddr, 16);
	f->proto = ip->nexthdr;
}

/* Protocols that are a flow's here: TCP has hooks of its own, and a header is no protocol. */
INLINE bool is_datagram(__u8 proto)
{
	return proto != 0 && proto != PROTO_TCP && proto != 43 && proto != IPPROTO_FRAGMENT_V6 &&
	       proto != 60;
}

/* --- the sweep ------------------------------------------------------------------------------- */

struct sweep {
	struct control *ctl;
	__u64 now_ns, idle_ns, alive;
};

static long sweep_one(struct bpf_map *map, struct flow_key *key, struct origin_record *kept,
                      struct sweep *sweep)
{
	struct control *ctl = control_get();

	if (!ctl || !kept || kept->tally.packets == 0)
		return 0;
	if (kept->head.boot_ns + sweep->idle_ns > sweep->now_ns) {
		sweep->alive++;
		return 0;
	}
	kept_emit(ORIGIN_KIND_FLOW_END, kept, ctl);
	bpf_map_delete_elem(map, key);
	count(COUNTER_FLOWS_ENDED);
	return 0;
}

SEC("syscall")
int on_sweep(void *ctx)
{
	struct control *ctl = control_get();
	struct sweep sweep = {0};

	if (!ctl)
		return 0;
	sweep.now_ns = bpf_ktime_get_boot_ns();
	sweep.idle_ns = rules_of(ctl)->idle_ms * 1000000ULL;
	bpf_for_each_map_elem(&flows, sweep_one, &sweep, 0);
	ctl->flows_alive = sweep.alive;
	return 0;
}

#endif
