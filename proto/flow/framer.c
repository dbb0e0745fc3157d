#include "proto/flow/framer.h"

#include "base/util.h"

#include <string.h>

#define VERSION 10
#define HEADER_LEN 16
#define KNOWN_LEN 4 /* version and length */

static void move(struct framer *f, struct bytes *in, size_t until)
{
	size_t len = MIN(until - f->len, bytes_left(in));

	if (len > 0)
		memcpy(f->message + f->len, in->at, len);
	f->len += len;
	in->at += len;
}

enum err framer_take(struct framer *f, struct bytes *in, struct bytes *ret)
{
	struct bytes head;

	if (f->complete >= HEADER_LEN && f->len == f->complete)
		f->len = f->complete = 0;
	if (f->complete == 0) {
		move(f, in, KNOWN_LEN);
		if (f->len < KNOWN_LEN)
			return ERR_SHORT;
		head = bytes_of(f->message, KNOWN_LEN);
		if (bytes_uint(&head, 2) != VERSION)
			return ERR_FORMAT;
		f->complete = (size_t)bytes_uint(&head, 2);
	}
	if (f->complete < HEADER_LEN)
		return ERR_FORMAT;
	move(f, in, f->complete);
	if (f->len < f->complete)
		return ERR_SHORT;
	*ret = bytes_of(f->message, f->len);
	return ERR_OK;
}
