/*
 * DOC: A provider is a row of provider_kind and what that kind keeps. The order of `kinds` is the
 * order in which "auto" tries them: who sees most comes first, and a file is never meant by "auto".
 */
#include "origin/provider.h"

#include "base/util.h"
#include "origin/health.h"
#include "origin/provider_kind.h"
#include "origin/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define AUTO_COUNT 3

static const struct provider_kind *const kinds[] = {
	&provider_device_kind,
	&provider_bpf_kind,
	&provider_bpf_minimal_kind,
	&provider_file_kind,
};

enum err provider_first(const struct provider_kind *const *from, size_t count,
                        struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	size_t room = PROVIDER_WHY_MAX / count; /* so that no reason pushes another out */
	enum err first = ERR_NOENT;

	for (size_t i = 0, len = 0; i < count; i++) {
		char reason[PROVIDER_WHY_MAX] = "";
		enum err err = from[i]->open(from[i], "", ret, reason);

		if (err == ERR_OK)
			return ERR_OK;
		if (first == ERR_NOENT) /* who is there and refuses says more than who is absent */
			first = err;
		snprintf(why + len, room, "%s%s: %.130s", i > 0 ? "; " : "", from[i]->name, reason);
		len += strlen(why + len);
	}
	return first;
}

enum err provider_open(const char *name, struct provider **ret, char why[PROVIDER_WHY_MAX])
{
	why[0] = '\0';
	if (strcmp(name, "auto") == 0)
		return provider_first(kinds, AUTO_COUNT, ret, why);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct provider_kind *kind = kinds[i];
		size_t len = kind->prefix != NULL ? strlen(kind->prefix) : 0;

		if (len > 0 && strncmp(name, kind->prefix, len) == 0)
			return kind->open(kind, name + len, ret, why);
		if (len == 0 && strcmp(name, kind->name) == 0)
			return kind->open(kind, "", ret, why);
	}
	snprintf(why, PROVIDER_WHY_MAX,
	         "no provider \"%.64s\": it is auto, kmod, bpf, bpf-minimal or file:PATH", name);
	return ERR_NOENT;
}

void provider_close(struct provider *p)
{
	if (p != NULL)
		p->kind->close(p);
}

int provider_fd(const struct provider *p)
{
	return p->kind->fd(p);
}

enum err provider_next(struct provider *p, struct origin_record *ret)
{
	return p->kind->next(p, ret);
}

enum err provider_getorigin(struct provider *p, pid_t pid, struct origin_record *ret)
{
	return pid > 0 ? p->kind->getorigin(p, pid, ret) : ERR_NOENT;
}

enum err provider_portpid(struct provider *p, const struct origin_flow *flow,
                          struct origin_record *ret)
{
	return flow->proto != 0 ? p->kind->portpid(p, flow, ret) : ERR_NOENT;
}

enum err provider_dump(struct provider *p, provider_visit *visit, void *arg)
{
	return p->kind->dump(p, visit, arg);
}

enum err provider_setorigin(struct provider *p, const struct origin_record *r)
{
	if (r->origin.type != ORIGIN_FILE || record_check(r) != ERR_OK)
		return ERR_RANGE;
	return p->kind->setorigin != NULL ? p->kind->setorigin(p, r) : ERR_DENIED;
}

enum err provider_rules_get(struct provider *p, struct origin_rules *ret)
{
	return p->kind->rules_get != NULL ? p->kind->rules_get(p, ret) : ERR_DENIED;
}

enum err provider_rules_check(const struct origin_rules *rules)
{
	if (rules->count > ORIGIN_RULES_MAX || rules->fallback >= ORIGIN_ACTION_COUNT ||
	    (rules->flags & ~(ORIGIN_RULES_EXEC | ORIGIN_RULES_HOST)) != 0)
		return ERR_RANGE;
	for (uint32_t i = 0; i < rules->count; i++) {
		const struct origin_rule *row = &rules->rows[i];

		if (row->bits > 128 || row->action >= ORIGIN_ACTION_COUNT || row->reserved != 0 ||
		    row->port_low > row->port_high || row->uid_low > row->uid_high)
			return ERR_RANGE;
	}
	return ERR_OK;
}

enum err provider_rules_set(struct provider *p, const struct origin_rules *rules)
{
	enum err err = provider_rules_check(rules);

	if (err != ERR_OK)
		return err;
	return p->kind->rules_set != NULL ? p->kind->rules_set(p, rules) : ERR_DENIED;
}

enum err provider_health(struct provider *p, struct provider_health *ret)
{
	memset(ret, 0, sizeof(*ret));
	health_read("", ret);
	snprintf(ret->kind, sizeof(ret->kind), "%s", p->kind->name);
	snprintf(ret->version, sizeof(ret->version), "%s", SPOOR_VERSION);
	return p->kind->health(p, ret);
}

/* Of a hook that is not attached, and of each bit of `blind`: what follows from it. */
static const char *const unhooked[ORIGIN_HOOK_COUNT] = {
	[ORIGIN_HOOK_FORK] = "Children of a process are not seen: they inherit nothing.",
	[ORIGIN_HOOK_EXEC] = "A process that begins another program is not seen.",
	[ORIGIN_HOOK_EXIT] = "The end of a process is not seen.",
	[ORIGIN_HOOK_ACCEPT] = "Accepted connections are not seen: no origin can be known.",
	[ORIGIN_HOOK_LOGIN] =
		"The moment of a login is not seen: it is found at the next fork, exec or flow.",
	[ORIGIN_HOOK_SETUID] =
		"A login without PAM is not seen: it leaves an accept without a login.",
	[ORIGIN_HOOK_CONNECT] = "Connections that a process opens are not seen.",
	[ORIGIN_HOOK_SEND] = "Datagrams that a process sends are not seen.",
	[ORIGIN_HOOK_RECEIVE] = "Datagrams that a process receives are not seen.",
};
static const struct {
	uint32_t bit;
	const char *text;
	int unless; /* said already where this hook is not attached; -1: never */
} blinds[] = {
	{ORIGIN_BLIND_URING, "An accept by way of io_uring is not seen.", ORIGIN_HOOK_ACCEPT},
	{ORIGIN_BLIND_BLOCKED, "An accept that waited before the provider began is not seen.",
         ORIGIN_HOOK_ACCEPT},
	{ORIGIN_BLIND_UDP_IN,
         "Not every receiver of datagrams is seen: only who asks for the sender's address.",
         ORIGIN_HOOK_RECEIVE},
	{ORIGIN_BLIND_UDP_OUT, "Not every sender of datagrams is seen.", ORIGIN_HOOK_SEND},
	{ORIGIN_BLIND_FTRACE, "kernel.ftrace_enabled=0 would blind it, and nothing would say so.",
         -1},
	{ORIGIN_BLIND_CONNECTING, "A connection that never opens is not seen.",
         ORIGIN_HOOK_CONNECT},
	{ORIGIN_BLIND_LATE,
         "It began after other processes did: of those, and their children, it knows no origin.",
         -1},
};

static const char *blindness_of(const struct origin_stats *stats, size_t row)
{
	if (row < ARRAY_LEN(unhooked))
		return (stats->hooks & 1U << row) == 0 ? unhooked[row] : NULL;
	row -= ARRAY_LEN(unhooked);
	if ((stats->blind & blinds[row].bit) == 0)
		return NULL;
	if (blinds[row].unless >= 0 && (stats->hooks & 1U << blinds[row].unless) == 0)
		return NULL;
	return blinds[row].text;
}

const char *provider_blindness(const struct origin_stats *stats, size_t i)
{
	for (size_t row = 0; row < ARRAY_LEN(unhooked) + ARRAY_LEN(blinds); row++) {
		const char *text = blindness_of(stats, row);

		if (text != NULL && i-- == 0)
			return text;
	}
	return NULL;
}
