/* SPDX-License-Identifier: GPL-2.0 */
/* inherit - fork, exec and exit: what a process carries goes on to its children, and ends with it.
 */
#ifndef SPOOR_ORIGIN_KMOD_INHERIT_H
#define SPOOR_ORIGIN_KMOD_INHERIT_H

int inherit_attach(void);
void inherit_detach(void); /* callers wait by hook_wait() */

#endif
