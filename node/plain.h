/* plain - opening a file that somebody else may put in place while the node runs. */
#ifndef SPOOR_NODE_PLAIN_H
#define SPOOR_NODE_PLAIN_H

#include <stdio.h>

/* For reading. NULL and errno when it is not there, or is no regular file: a FIFO would block. */
FILE *plain_open(const char *path);

#endif
