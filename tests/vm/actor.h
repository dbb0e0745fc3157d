/*
 * actor - processes that do what they are told, one deed at a time, so that a suite reads in the
 * order in which things happen. A deed is a function that the actor calls; memory is as it was at
 * the fork, so that addresses of constants can be handed over.
 *
 * Actors are numbered, because any of them can fork another: their channels are there before.
 */
#ifndef SPOOR_TESTS_VM_ACTOR_H
#define SPOOR_TESTS_VM_ACTOR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ACTORS_MAX 64

pid_t actor_new(size_t i);               /* a child of the caller */
pid_t actor_fork(size_t from, size_t i); /* a child of another actor */
long actor_do(size_t i, long (*deed)(long arg), long arg);
pid_t actor_pid(size_t i);
void actor_end(size_t i);   /* it exits, and has ended when this returns */
void actor_kill(pid_t pid); /* a process that an actor has started: the same */

#endif
