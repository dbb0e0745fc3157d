/*
 * guest - what the suites inside the virtual machine share: assertions, the module, its records,
 *and a second host ("evil") in a network namespace of its own. The program is process 1.
 *
 *	evil 10.9.0.1 (and .3), fd09::1  ----  10.9.0.2, fd09::2 the host under test
 */
#ifndef SPOOR_TESTS_VM_GUEST_H
#define SPOOR_TESTS_VM_GUEST_H

#include "origin/uapi/origin.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#define HERE "10.9.0.2"
#define EVIL "10.9.0.1"
#define MASTER "10.9.0.3"
#define HERE6 "fd09::2"
#define EVIL6 "fd09::1"

/* --- assertions, TAP */

void ok(bool is_true, const char *text, ...) __attribute__((format(printf, 2, 3)));
void note(const char *text, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die(const char *what);
unsigned failures(void);

/* --- the module */

int load(const char *parameters); /* 0, or errno */
int unload(void);                 /* 0, or errno */
int device(void);                 /* opened, non-blocking */
struct origin_stats stats(int fd);
int getorigin(int fd, pid_t pid, struct origin_record *ret); /* 0, or errno */

bool is_written(const char *path, const char *text); /* by the kernel's leave */

/* --- records */

struct seen {
	struct origin_record *records;
	size_t count;
	size_t refused; /* by record_check() */
	size_t gaps;    /* numbers that are missing, not counting those that a LOST tells of */
	uint64_t next;  /* sequence number */
};

/* All that is there, and comes until 60 ms go by without any, in place of what was in `s`. */
void collect(int fd, struct seen *s);

/* The nth of `kind` by the process `pid` (0: any); NULL: none. */
const struct origin_record *find(const struct seen *s, enum origin_kind kind, pid_t pid,
                                 size_t nth);
size_t count(const struct seen *s, enum origin_kind kind, pid_t pid);

/* --- sockets and processes */

void make_evil(void);
void enter_evil(void);

int bound(int type, const char *addr, uint16_t port);  /* listens if SOCK_STREAM */
int opened(int type, const char *addr, uint16_t port); /* connected; -1 */
bool aimed(int fd, const char *addr, uint16_t port);   /* it is connected now */
uint16_t port_of(int fd);
bool is_addr(const uint8_t addr[16], const char *text);
bool is_flow(const struct origin_flow *f, const char *from, long sport, const char *to, long dport);

/* Shared with all children: numbers to tell, and to wait for. */
extern volatile struct board {
	uint32_t value[16];
} * board;
bool wait_for(size_t i, uint32_t value); /* at most 10 s */

pid_t run(void (*what)(void *), void *arg); /* in a child, which then exits */
int finish(pid_t pid);                      /* its exit status */
void write_file(const char *path, const char *text);

/* --- suites */

void suite_smoke(void);
void suite_datagram(void);
void suite_activation(void);
void suite_limits(void);
void suite_blocked(void);
void suite_daemon(void);
void suite_differ(void);
void suite_pinned(void);
void suite_load(void);
void suite_overhead(void);

#endif
