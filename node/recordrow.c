#include "node/recordrow.h"

#include "base/util.h"
#include "node/row.h"
#include "origin/provider.h"
#include "origin/record.h"

#include <stdio.h>
#include <string.h>

struct bit {
	uint32_t bit;
	const char *name;
};

static const struct bit record_flags[] = {
	{ORIGIN_FLAG_AMBIGUOUS, "ambiguous"},
	{ORIGIN_FLAG_PRELOAD, "preload"},
	{ORIGIN_FLAG_NO_EXE, "no-exe"},
	{ORIGIN_FLAG_BLINDED, "blinded"},
};

static const struct bit source_flags[] = {
	{ORIGIN_SOURCE_SELF_HOP, "self-hop"},     {ORIGIN_SOURCE_SETUID, "setuid"},
	{ORIGIN_SOURCE_AMBIGUOUS, "ambiguous"},   {ORIGIN_SOURCE_ACTIVATED, "activated"},
	{ORIGIN_SOURCE_DEPTH_FULL, "depth-full"},
};

static const struct bit hooks[] = {
	{1U << ORIGIN_HOOK_FORK, "fork"},       {1U << ORIGIN_HOOK_EXEC, "exec"},
	{1U << ORIGIN_HOOK_EXIT, "exit"},       {1U << ORIGIN_HOOK_ACCEPT, "accept"},
	{1U << ORIGIN_HOOK_LOGIN, "login"},     {1U << ORIGIN_HOOK_SETUID, "setuid"},
	{1U << ORIGIN_HOOK_CONNECT, "connect"}, {1U << ORIGIN_HOOK_SEND, "send"},
	{1U << ORIGIN_HOOK_RECEIVE, "receive"},
};

static void put_bits(struct pack *p, const char *key, const struct bit *rows, size_t count,
                     uint64_t bits)
{
	size_t set = 0;

	for (size_t i = 0; i < count; i++)
		set += (bits & rows[i].bit) != 0;
	pack_str(p, key);
	pack_array(p, set);
	for (size_t i = 0; i < count; i++) {
		if ((bits & rows[i].bit) != 0)
			pack_str(p, rows[i].name);
	}
}

/* Bytes that a terminal would act upon are not passed on. */
static void put_comm(struct pack *p, const char comm[16])
{
	char text[16];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = comm[i] == '\0' || (comm[i] >= 0x20 && comm[i] < 0x7f) ? comm[i] : '?';
	text[sizeof(text) - 1] = '\0';
	row_str(p, "comm", text);
}

static void put_ends(struct pack *p, const struct origin_flow *f)
{
	struct endpoint src = record_sender(f), dst = record_receiver(f);

	row_endpoint(p, "src", &src);
	row_endpoint(p, "dst", &dst);
	row_uint(p, "proto", f->proto);
}

static void put_flow(struct pack *p, const char *key, const struct origin_flow *f)
{
	if (f->proto == 0) {
		row_nil(p, key);
		return;
	}
	pack_str(p, key);
	pack_map(p, 4);
	put_ends(p, f);
	row_str(p, "direction", f->direction == ORIGIN_OUT ? "out" : "in");
}

void recordrow_source(struct pack *p, const char *key, const struct origin_source *s)
{
	pack_str(p, key);
	if (s->flow.proto == 0) {
		pack_map(p, 1);
		row_str(p, "type", record_type_name(s->type));
		return;
	}
	pack_map(p, 8);
	row_str(p, "type", record_type_name(s->type));
	put_ends(p, &s->flow);
	row_time(p, "time", (int64_t)(s->time_ns / 1000000));
	row_uint(p, "depth", s->depth);
	put_bits(p, "flags", source_flags, ARRAY_LEN(source_flags), s->flags);
	row_uint(p, "acceptor", s->acceptor_pid);
}

static void put_process(struct pack *p, const struct origin_process *o)
{
	pack_str(p, "process");
	pack_map(p, 11);
	row_uint(p, "pid", o->pid);
	row_uint(p, "tid", o->tid);
	row_uint(p, "ppid", o->ppid);
	row_uint(p, "start_ns", o->start_ns);
	put_comm(p, o->comm);
	row_uint(p, "exe_dev", o->exe_dev);
	row_uint(p, "exe_ino", o->exe_ino);
	row_uint(p, "cgroup", o->cgroup);
	row_uint(p, "pidns", o->pidns);
	row_uint(p, "netns", o->netns);
	row_uint(p, "mntns", o->mntns);
}

/* A uid, or a session, that is not set. */
static void put_id(struct pack *p, const char *key, uint32_t id)
{
	if (id == ORIGIN_NOBODY)
		row_nil(p, key);
	else
		row_uint(p, key, id);
}

static void put_user(struct pack *p, const struct origin_user *u)
{
	pack_str(p, "user");
	pack_map(p, 6);
	put_id(p, "uid", u->uid);
	put_id(p, "gid", u->gid);
	put_id(p, "loginuid", u->loginuid);
	put_id(p, "session", u->session);
	put_id(p, "origin_loginuid", u->origin_loginuid);
	put_id(p, "origin_session", u->origin_session);
}

void recordrow_put(struct pack *p, const struct origin_record *r, size_t shown)
{
	pack_map(p, 12);
	row_str(p, "kind", record_kind_name(r->head.kind));
	row_time(p, "time", (int64_t)(r->head.time_ns / 1000000));
	row_uint(p, "seq", r->head.seq);
	put_bits(p, "flags", record_flags, ARRAY_LEN(record_flags), r->head.flags);
	put_flow(p, "flow", &r->flow);
	recordrow_source(p, "origin", &r->origin);
	recordrow_source(p, "last", &r->last);
	put_flow(p, "root", &r->root);
	row_uint(p, "packets", r->tally.packets);
	row_uint(p, "bytes", r->tally.octets);
	if (shown > 1 && r->process.pid != 0)
		put_process(p, &r->process);
	else
		row_nil(p, "process");
	if (shown > 2 && r->process.pid != 0)
		put_user(p, &r->user);
	else
		row_nil(p, "user");
}

static size_t count_blindness(const struct origin_stats *stats)
{
	size_t count = 0;

	while (provider_blindness(stats, count) != NULL)
		count++;
	return count;
}

void recordrow_health(struct pack *p, const struct health *h, int64_t at_ms)
{
	struct origin_stats stats = {.hooks = (uint32_t)h->hooks, .blind = (uint32_t)h->blind};
	size_t count = count_blindness(&stats);

	pack_map(p, 17);
	row_time(p, "at", at_ms);
	row_str(p, "provider", h->kind);
	row_str(p, "version", h->version);
	row_str(p, "build", h->build);
	row_str(p, "kernel", h->kernel);
	row_str(p, "boot_id", h->boot_id);
	row_str(p, "lockdown", h->lockdown);
	row_uint(p, "taint", h->taint);
	row_bool(p, "is_ftrace_off", h->is_ftrace_off);
	put_bits(p, "hooks", hooks, ARRAY_LEN(hooks), h->hooks);
	pack_str(p, "cannot_see");
	pack_array(p, count);
	for (size_t i = 0; i < count; i++)
		pack_str(p, provider_blindness(&stats, i));
	row_uint(p, "lost", h->lost);
	row_uint(p, "lost_tasks", h->lost_tasks);
	row_uint(p, "lost_flows", h->lost_flows);
	row_uint(p, "canaries", h->canaries);
	row_uint(p, "canaries_seen", h->canaries_seen);
	if (h->canary_ms == 0)
		row_nil(p, "canary_seen");
	else
		row_time(p, "canary_seen", h->canary_ms);
}
