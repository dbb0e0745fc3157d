/*
 * ban - force-included into base/, proto/ and correlate/: what a pure layer must not call.
 *
 * The headers come first so that their own declarations are not poisoned.
 */
#ifndef SPOOR_BASE_BAN_H
#define SPOOR_BASE_BAN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison time clock localtime gmtime mktime rand srand getenv system fopen
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol

#endif
