/*
 * template - how an exporter's records are laid out: NetFlow v9 (RFC 3954, sections 5.2 and 6.1)
 * and IPFIX (RFC 7011, section 3.4). Templates for data and for options share one space of ids.
 *
 * A set belongs to one exporter stream. Sets are bounded, each and all together: a stream that
 * defines more than its share loses its oldest; when all are at the bound it is refused
 * (ERR_LIMIT).
 */
#ifndef SPOOR_PROTO_FLOW_TEMPLATE_H
#define SPOOR_PROTO_FLOW_TEMPLATE_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/flow/element.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEMPLATE_ID_MIN 256
#define TEMPLATE_FIELDS_MAX 512
#define TEMPLATES_MAX 256             /* of one stream */
#define TEMPLATE_SET_MAX (256u << 10) /* octets of one stream's */
#define TEMPLATE_VARIABLE 65535

struct template_field {
	const struct element *element; /* NULL: passed over */
	uint16_t len;                  /* TEMPLATE_VARIABLE: each record says */
	uint16_t offset;               /* in records of fixed length */
	uint8_t copy;                  /* likewise: enum element_copy */
	bool is_back;                  /* of the other direction */
};

struct template
{
	uint16_t id;
	uint16_t field_count;
	uint16_t min_len; /* of a record, in octets; at least 1 */
	bool is_variable;
	bool is_options;
	bool has_enterprise;  /* in `raw` */
	bool is_ntop;         /* it has elements of that maker */
	bool has_back;        /* fields of the other direction (RFC 5103) */
	bool is_doubted;      /* its exporter has started anew since it was told */
	uint16_t scope_count; /* of options: how many of the fields say what they are about */
	bool has_empty;       /* a field of no octets, which says nothing: or more than it should */
	int64_t received_ms;  /* when it came last */
	const uint8_t *raw;   /* its fields as they came, `count` of them */
	uint16_t raw_len, raw_count;
	uint32_t octets;                /* of memory */
	int64_t kept_ms;                /* when it was kept for the next start; 0: it is not */
	struct template_field fields[]; /* those passed over only if records vary in length */
};

struct template_set;

struct template_budget { /* of all sets */
	size_t octets, octets_max;
};

/* NULL when out of memory, or of budget. */
struct template_set *template_set_new(struct template_budget *budget);
void template_set_free(struct template_set *s); /* NULL is fine */

/* Do both lay records out alike? */
bool template_equal(const struct template *a, const struct template *b);

/* Borrowed until the next call that defines or withdraws. NULL: not defined. */
struct template *template_of(const struct template_set *s, uint16_t id);
size_t template_count(const struct template_set *s);
struct template *template_at(struct template_set *s, size_t i); /* by id */

/* The one that would make way for a new one; NULL: there is room. */
const struct template *template_oldest(const struct template_set *s);

/*
 * Reads one template record behind its id: `count` fields, and takes the place of the one with its
 * id. Moves `in` behind it, whatever becomes of it.
 *
 * ERR_SHORT   it is longer than what is there
 * ERR_RANGE   an id below 256, no field, more than TEMPLATE_FIELDS_MAX, or records of no octet
 * ERR_LIMIT   no budget, of all or of this stream
 * ERR_NOMEM
 */
struct template_shape {
	uint16_t id, count;
	uint16_t scope_count; /* of options: of so many fields, the first ones, is the scope */
	bool is_options;
	bool has_enterprise; /* IPFIX: the high bit of an element's id */
};

/* The octets of its `count` fields; moves `in` behind them. False: it ends before. */
bool template_cut(const struct template_shape *shape, struct bytes *in, struct bytes *ret);

MUST_USE enum err template_define(struct template_set *s, const struct template_shape *shape,
                                  struct bytes *in, int64_t received_ms);

void template_withdraw(struct template_set *s, uint16_t id);

#endif
