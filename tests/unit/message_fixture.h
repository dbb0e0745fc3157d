/* message_fixture - messages of NetFlow v9 and IPFIX, written and decoded. */
#ifndef SPOOR_TESTS_UNIT_MESSAGE_FIXTURE_H
#define SPOOR_TESTS_UNIT_MESSAGE_FIXTURE_H

#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/datagram.h"
#include "tests/unit/test.h"

#include <string.h>

#define EXPORT_S UINT32_C(1795309531)
#define EXPORT_MS (INT64_C(1000) * EXPORT_S)
#define RECEIVED_MS (EXPORT_MS + 50)
#define UPTIME_MS 600000u

struct fixture {
	struct flow_decoder *decoder;
	struct flow_origin origin;
	struct flow_batch batch;
	const struct flow *flows; /* of the last message */
	size_t count;
	uint8_t wire[4096];
	struct octets out; /* into it */
	uint8_t *set;      /* that is being written */
	uint16_t version;
	uint32_t sequence, domain;
};

static inline int setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	f.decoder = flow_decoder_new(64, 0);
	f.origin.from.addr = addr_from_v4((const uint8_t[]){192, 0, 2, 9});
	f.origin.from.port = 33679;
	f.origin.received_ms = RECEIVED_MS;
	*state = &f;
	return f.decoder == NULL ? -1 : 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	flow_decoder_free(f->decoder);
	flow_batch_free(&f->batch);
	return 0;
}

/* --- writing --- */

static inline void put(struct fixture *f, uint64_t value, size_t len)
{
	octets_uint(&f->out, value, len);
}

static inline void begin(struct fixture *f, uint16_t version)
{
	f->version = version;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, version, 2);
	put(f, 0, 2); /* a count, which nobody relies on, or the length, later */
	if (version == 9)
		put(f, UPTIME_MS, 4);
	put(f, EXPORT_S, 4);
	put(f, f->sequence, 4);
	put(f, f->domain, 4);
	f->set = NULL;
}

static inline void put_at(uint8_t *at, size_t value)
{
	struct octets o = octets_of(at, 2);

	octets_uint(&o, value, 2);
}

static inline void end_set(struct fixture *f)
{
	if (f->set != NULL)
		put_at(f->set + 2, (size_t)(f->out.at - f->set));
	f->set = NULL;
}

static inline void set(struct fixture *f, uint16_t id)
{
	end_set(f);
	f->set = f->out.at;
	put(f, id, 2);
	put(f, 0, 2);
}

/* Sends what was written. */
static const char *decode(struct fixture *f)
{
	enum drop drop;

	end_set(f);
	assert_false(f->out.is_full);
	if (f->version == 10)
		put_at(f->wire + 2, octets_len(&f->out));
	f->batch.count = 0;
	drop = flow_decode(f->decoder, &f->origin, f->wire, octets_len(&f->out), &f->batch);
	f->flows = f->batch.flows;
	f->count = f->batch.count;
	return drop_key(drop);
}

/* id, then (element, length) pairs; 0 ends them. */
static inline void template(struct fixture *f, uint16_t id, const uint16_t *fields)
{
	size_t count = 0;

	while (fields[2 * count] != 0)
		count++;
	put(f, id, 2);
	put(f, count, 2);
	for (size_t i = 0; i < 2 * count; i++)
		put(f, fields[i], 2);
}

static const uint16_t usual[] = {8,  4, 12, 4, 7, 2, 11, 2, 4,  1, 6,  1, 5, 1,
                                 10, 4, 14, 4, 2, 4, 1,  8, 22, 4, 21, 4, 0};

/* A record of it; uptimes of the first and last packet. */
static inline void usual_record(struct fixture *f, uint32_t first, uint32_t last)
{
	put(f, 0x0a04000a, 4);
	put(f, 0xcb007179, 4);
	put(f, 45126, 2);
	put(f, 22, 2);
	put(f, 6, 1);
	put(f, 0x1b, 1);
	put(f, 0x10, 1);
	put(f, 1, 4);
	put(f, 70000, 4);
	put(f, 15, 4);
	put(f, UINT64_C(5000000000), 8);
	put(f, first, 4);
	put(f, last, 4);
}

static inline uint16_t template_set(const struct fixture *f)
{
	return f->version == 9 ? 0 : 2;
}

static inline uint16_t options_set(const struct fixture *f)
{
	return f->version == 9 ? 1 : 3;
}

static inline void assert_addr(const struct addr *a, const char *expected)
{
	char text[ADDR_TEXT_MAX];

	assert_string_equal(addr_print(a, text), expected);
}

static const uint16_t v6[] = {27, 16, 28, 16, 152, 8, 153, 8, 1, 3, 2, 2, 0};

static inline void v6_record(struct fixture *f, uint64_t first_ms, uint64_t last_ms)
{
	put(f, UINT64_C(0x20010db800000000), 8);
	put(f, 1, 8);
	put(f, UINT64_C(0x20010db800000000), 8);
	put(f, 2, 8);
	put(f, first_ms, 8);
	put(f, last_ms, 8);
	put(f, 70000, 3); /* in fewer octets than it may have */
	put(f, 9, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
