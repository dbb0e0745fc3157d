/* sflow_fixture - sFlow datagrams, written and decoded. */
#ifndef SPOOR_TESTS_UNIT_SFLOW_FIXTURE_H
#define SPOOR_TESTS_UNIT_SFLOW_FIXTURE_H

#include "proto/flow/position.h"
#include "proto/flow/sample_source.h"
#include "tests/unit/message_fixture.h"

#define SAMPLE 1
#define EXPANDED 3
#define RATE 512

static uint8_t *sample_at, *record_at; /* that are being written: where their lengths stand */
static uint32_t uptime_ms;

static inline void put_len(struct fixture *f, uint8_t *at)
{
	struct octets o = octets_of(at, 4);

	octets_uint(&o, (uint64_t)(f->out.at - at - 4), 4);
}

static inline void end_record(struct fixture *f)
{
	if (record_at != NULL)
		put_len(f, record_at);
	record_at = NULL;
}

static inline void end_sample(struct fixture *f)
{
	end_record(f);
	if (sample_at != NULL)
		put_len(f, sample_at);
	sample_at = NULL;
}

static inline void begin_sflow(struct fixture *f, size_t samples)
{
	f->version = 0;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, 5, 4);
	put(f, 1, 4);
	put(f, 0xc0000209, 4);
	put(f, f->domain, 4);
	put(f, f->sequence, 4);
	put(f, uptime_ms, 4);
	put(f, samples, 4);
}

static inline const char *decode_sflow(struct fixture *f)
{
	end_sample(f);
	return decode(f);
}

static inline void begin_any(struct fixture *f, uint32_t type)
{
	end_sample(f);
	put(f, type, 4);
	sample_at = f->out.at;
	put(f, 0, 4);
}

/* The header of a sample of source `index`; its records follow. */
static inline void begin_sample(struct fixture *f, uint32_t index, uint32_t sequence,
                                uint32_t drops, uint32_t in_if, uint32_t out_if, size_t records)
{
	begin_any(f, SAMPLE);
	put(f, sequence, 4);
	put(f, index, 4);
	put(f, RATE, 4);
	put(f, 100000, 4);
	put(f, drops, 4);
	put(f, in_if, 4);
	put(f, out_if, 4);
	put(f, records, 4);
}

static inline void record(struct fixture *f, uint32_t type)
{
	end_record(f);
	put(f, type, 4);
	record_at = f->out.at;
	put(f, 0, 4);
}

static inline void put_packet(struct fixture *f)
{
	put(f, 0x0800, 2);
	put(f, 0x4510003c12344000, 8);
	put(f, 0x40060000, 4);
	put(f, 0x0a04000a, 4);
	put(f, 0xcb007179, 4);
	put(f, 45126, 2);
	put(f, 22, 2);
	put(f, 0, 8);
	put(f, 0x5018, 2);
	put(f, 0, 6);
}

#define PACKET_LEN (12 + 2 + 20 + 20)

/* The raw header of a TCP packet, of a frame of 1286 octets. */
static inline void raw_header(struct fixture *f, uint16_t vlan)
{
	record(f, 1);
	put(f, 1, 4);
	put(f, 1286, 4);
	put(f, 4, 4);
	put(f, PACKET_LEN + (vlan != 0 ? 4 : 0), 4);
	put(f, 0, 8);
	put(f, 0, 4);
	if (vlan != 0)
		put(f, UINT32_C(0x81000000) | vlan, 4);
	put_packet(f);
	put(f, 0, 2); /* up to a multiple of four */
}

/* XDR fills up to a multiple of four, what is not known as well. */
static inline const struct stream *stream_at(struct fixture *f, uint32_t sub_agent)
{
	struct stream_key key = {
		.from = f->origin.from, .domain = sub_agent, .version = FLOW_SFLOW};

	key.agent = addr_from_v4((const uint8_t[]){192, 0, 2, 9});
	return stream_of(f->decoder->streams, &key);
}

static inline int setup_sflow(void **state)
{
	sample_at = record_at = NULL;
	uptime_ms = 600000;
	return setup(state);
}

#define SFLOW(name) cmocka_unit_test_setup_teardown(name, setup_sflow, teardown)

#endif
