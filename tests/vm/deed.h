/*
 * deed - what an actor can be told to do. Each returns a port, a pid or 0; or a negative errno. An
 * argument that is a place is `(long)&place`, of one that was there before the actor.
 */
#ifndef SPOOR_TESTS_VM_DEED_H
#define SPOOR_TESTS_VM_DEED_H

#include <stdint.h>

struct place {
	const char *addr;
	uint16_t port;
};

long deed_enter(long unused);   /* the host "evil" */
long deed_serve(long place);    /* listens, for streams */
long deed_take(long unused);    /* accepts; the far port */
long deed_dial(long place);     /* connects by TCP; the near port */
long deed_login(long uid);      /* as pam_loginuid does */
long deed_become(long uid);     /* setuid, where no PAM runs */
long deed_hold(long ms);        /* another program, which ends by itself */
long deed_bind(long place);     /* a port for datagrams */
long deed_aim(long place);      /* connects, for datagrams; the near port */
long deed_point(long place);    /* the same, from the port that is bound */
long deed_shoot(long count);    /* so many datagrams of DEED_OCTETS */
long deed_fetch(long count);    /* receives so many */
long deed_ping(long place);     /* by a raw socket */
long deed_hang_up(long unused); /* closes all sockets */

#define DEED_OCTETS 100

#endif
