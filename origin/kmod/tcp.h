/* SPDX-License-Identifier: GPL-2.0 */
/* tcp - connections that tasks accept and open. */
#ifndef SPOOR_ORIGIN_KMOD_TCP_H
#define SPOOR_ORIGIN_KMOD_TCP_H

int tcp_attach(void);
void tcp_detach(void);

#endif
