/* SPDX-License-Identifier: GPL-2.0 */
/* datagram - what tasks send and receive without a connection: UDP, ICMP and raw packets. */
#ifndef SPOOR_ORIGIN_KMOD_DATAGRAM_H
#define SPOOR_ORIGIN_KMOD_DATAGRAM_H

int datagram_attach(void);
void datagram_detach(void);

#endif
