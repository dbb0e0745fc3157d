/* describe - certificates and their like as JSON: what `spoor member` and `keygen` print. */
#ifndef SPOOR_TOOLS_DESCRIBE_H
#define SPOOR_TOOLS_DESCRIBE_H

#include "base/clock.h"
#include "proto/wire/cert.h"
#include "proto/wire/record.h"
#include "tools/cmd.h"
#include "tools/notices.h"

#include <jansson.h>

/* Each of these returns the caller's reference. `state`: "valid", "expired" or "not yet valid". */
json_t *describe_cert(const struct cert *cert, struct wall now);
json_t *describe_request(const struct request *request);
json_t *describe_record(const struct record *record, struct wall now);
json_t *describe_notices(const struct notices *notices, struct wall now);

/* Prints it in the form that was asked for, and drops the reference. */
void describe_put(const struct call *call, json_t *object);

struct delivery {           /* of something signed, to whom asked for it */
	const char *kind;   /* of the key file: "spoor-certificate" */
	const char *key;    /* what the text is called in JSON: "certificate" */
	const char *output; /* the file; NULL: standard output */
};

/*
 * data[0..len) goes to the file and `object`, its description, to standard output; or it goes there
 * itself. Drops the reference. An exit code.
 */
int describe_deliver(const struct call *call, const struct delivery *d, const void *data,
                     size_t len, json_t *object);

#endif
