// SPDX-License-Identifier: GPL-2.0
/*
 * DOC: spoor_origin keeps, for every process, where its human end came from, and records what such
 * processes do on the network. docs/ORIGIN.md explains it, origin/uapi/origin.h specifies it.
 *
 * tables    source (somewhere), carrier (process -> somewhere), link (connections opened here),
 *           activation (PID 1's), flow (datagrams), rules, ring
 * hooks     inherit, login, tcp, datagram; by way of hook
 * answers   control, holder; report makes every record
 *
 * Hooks run in the context of the task that they are about, never sleep, never wait. The tables are
 * there before the first hook and go after the last.
 */
#define pr_fmt(fmt) "spoor_origin: " fmt

#include "origin/kmod/activation.h"
#include "origin/kmod/carrier.h"
#include "origin/kmod/control.h"
#include "origin/kmod/datagram.h"
#include "origin/kmod/flow.h"
#include "origin/kmod/hook.h"
#include "origin/kmod/inherit.h"
#include "origin/kmod/link.h"
#include "origin/kmod/login.h"
#include "origin/kmod/past.h"
#include "origin/kmod/report.h"
#include "origin/kmod/ring.h"
#include "origin/kmod/rules.h"
#include "origin/kmod/tcp.h"

#include <linux/module.h>

static bool pin;
module_param(pin, bool, 0444);
MODULE_PARM_DESC(pin, "the module cannot be unloaded again");

static void detach(void)
{
	datagram_detach();
	tcp_detach();
	login_detach();
	inherit_detach();
	hook_wait();
}

static int attach(void)
{
	int err = inherit_attach() ?: login_attach() ?: tcp_attach() ?: datagram_attach();

	if (err)
		detach();
	return err;
}

static void free_tables(void)
{
	activation_free();
	link_free();
	carrier_free();
	if (source_alive())
		pr_warn("BUG: %llu origins are left over\n", source_alive());
	flow_free();
	rules_free();
	ring_free();
}

static const struct {
	int (*init)(void);
	void (*free)(void);
} tables[] = {
	{ring_init, ring_free}, {rules_init, rules_free},     {flow_init, flow_free},
	{link_init, link_free}, {carrier_init, carrier_free},
};

static int make_tables(void)
{
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(tables) && !err; i++)
		err = tables[i].init();
	if (!err)
		return 0;
	for (i -= 2; i >= 0; i--)
		tables[i].free();
	return err;
}

static int __init spoor_origin_init(void)
{
	int err = make_tables();

	if (err)
		return err;
	past_init();
	report_init();
	ring_put(ORIGIN_KIND_START, NULL, NULL);
	err = attach();
	if (err)
		goto err_attach;
	err = control_add();
	if (err)
		goto err_device;
	if (pin) {
		__module_get(THIS_MODULE);
		control_is_pinned();
	}
	return 0;
err_device:
	detach();
err_attach:
	flow_stop();
	free_tables();
	return err;
}

static void __exit spoor_origin_exit(void)
{
	control_remove();
	detach();
	flow_stop();
	free_tables();
}

module_init(spoor_origin_init);
module_exit(spoor_origin_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Process origin: where the human end of every process came from");
MODULE_VERSION("0.1.0");
