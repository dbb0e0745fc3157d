/* SPDX-License-Identifier: GPL-2.0 */
/* login - the last accept becomes the origin. */
#ifndef SPOOR_ORIGIN_KMOD_LOGIN_H
#define SPOOR_ORIGIN_KMOD_LOGIN_H

int login_attach(void);
void login_detach(void);

#endif
