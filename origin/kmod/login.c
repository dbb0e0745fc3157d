// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: pam_loginuid writes the user's id to /proc/self/loginuid: that is the login, as setlogin()
 * was the paper's. The write is seen on its way out, when it has been allowed; should that be
 * missed, the new audit session is noticed at the process's next fork, exec or flow
 * (report_current).
 *
 * Where no PAM runs there is a weaker sign: a process that accepted gives up uid 0. Its origin is
 * IMPLIED, flagged SETUID. A login without a last accept (cron, su) leaves the origin as it is.
 */
#define pr_fmt(fmt) "spoor_origin: " fmt

#include "origin/kmod/login.h"

#include "origin/kmod/count.h"
#include "origin/kmod/hook.h"
#include "origin/kmod/report.h"

#include <linux/audit.h>
#include <linux/cred.h>

#define LOGINS_AT_ONCE 64

static int on_login(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (regs_return_value(regs) || !uid_valid(audit_get_loginuid(current)))
		return 0;
	count_hit(ORIGIN_HOOK_LOGIN);
	carrier_promote(ORIGIN_REMOTE, 0);
	report_login(NULL);
	return 0;
}

static void on_creds(unsigned long first, unsigned long second, unsigned long third)
{
	const struct cred *new = (const struct cred *)first;

	if (!uid_eq(current_uid(), GLOBAL_ROOT_UID) || uid_eq(new->uid, GLOBAL_ROOT_UID))
		return;
	count_hit(ORIGIN_HOOK_SETUID);
	if (carrier_promote(ORIGIN_IMPLIED, ORIGIN_SOURCE_SETUID))
		report_login(new);
}

static struct kretprobe login = {
	.kp.symbol_name = "audit_set_loginuid",
	.handler = on_login,
	.maxactive = LOGINS_AT_ONCE,
};

static struct hook setuid = {
	.symbol = "commit_creds",
	.enter = on_creds,
	.is = ORIGIN_HOOK_SETUID,
};

static bool has_login;

int login_attach(void)
{
	int err = register_kretprobe(&login);

	if (err)
		pr_warn("a login is noticed late: cannot enter audit_set_loginuid, error %d\n",
			-err);
	else
		hook_is_on(ORIGIN_HOOK_LOGIN);
	has_login = !err;
	return hook_attach(&setuid);
}

void login_detach(void)
{
	hook_detach(&setuid);
	if (has_login)
		unregister_kretprobe(&login);
}
