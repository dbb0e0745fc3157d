/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compat - every difference between kernels 5.10 and 6.16, and nothing else. The other files are
 * written for the newest kernel. Only exported, long-lived interfaces are used.
 */
#ifndef SPOOR_ORIGIN_KMOD_COMPAT_H
#define SPOOR_ORIGIN_KMOD_COMPAT_H

#include <linux/ftrace.h>
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/timer.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 10, 0)
#	error "spoor_origin needs Linux 5.10 or newer"
#endif

/*
 * A function's arguments at its entry. With DYNAMIC_FTRACE_WITH_ARGS every callback gets them;
 * where there is only DYNAMIC_FTRACE_WITH_REGS they must be asked for. A callback gets a pt_regs
 * before 5.11, a ftrace_regs since; the accessor is of 6.2.
 */
#if defined(CONFIG_DYNAMIC_FTRACE_WITH_ARGS) && LINUX_VERSION_CODE >= KERNEL_VERSION(5, 11, 0)
#	define COMPAT_FTRACE 1
#	define COMPAT_FTRACE_FLAGS 0
#elif defined(CONFIG_DYNAMIC_FTRACE_WITH_REGS)
#	define COMPAT_FTRACE 1
#	define COMPAT_FTRACE_FLAGS FTRACE_OPS_FL_SAVE_REGS
#else
#	define COMPAT_FTRACE 0
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
#	define compat_ftrace_regs pt_regs
#	define compat_ftrace_argument(regs, n) regs_get_kernel_argument(regs, n)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#	define compat_ftrace_regs ftrace_regs
#	define compat_ftrace_argument(fregs, n) regs_get_kernel_argument(&(fregs)->regs, n)
#else
#	define compat_ftrace_regs ftrace_regs
#	define compat_ftrace_argument(fregs, n) ftrace_regs_get_argument(fregs, n)
#endif

/* The exit tracepoint says since 6.16 whether the last thread goes. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#	define COMPAT_EXIT_PROTO void *data, struct task_struct *t
#else
#	define COMPAT_EXIT_PROTO void *data, struct task_struct *t, bool group_dead
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 11, 0)
static inline struct socket *compat_sock_from_file(struct file *file)
{
	int err;

	return sock_from_file(file, &err);
}
#else
#	define compat_sock_from_file(file) sock_from_file(file)
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#	define compat_timer_delete_sync(timer) del_timer_sync(timer)
#else
#	define compat_timer_delete_sync(timer) timer_delete_sync(timer)
#endif

#endif
