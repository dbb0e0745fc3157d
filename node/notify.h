/* notify - tells systemd how we are (sd_notify(3)); does nothing without NOTIFY_SOCKET. */
#ifndef SPOOR_NODE_NOTIFY_H
#define SPOOR_NODE_NOTIFY_H

void notify(const char *state);

#endif
