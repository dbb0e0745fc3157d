/*
 * bench_decode - what one core does with bytes from outside: flows decoded, signatures made and
 * checked, queries opened. One JSON object a line.
 *
 *   bench_decode [SECONDS]     how long each row is measured; 1 by default
 */
#include "base/bytes.h"
#include "base/util.h"
#include "proto/flow/datagram.h"
#include "proto/wire/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOON INT64_C(1795348800000)
#define DAY INT64_C(86400000)
#define RECORDS 30
#define WIRE_MAX 1500

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* One round of the work that is measured; false when it failed. */
typedef bool work_fn(void *ctx);

/* CPU time, not wall time: the row is of this core, however busy the machine is. */
static void measure(const char *name, size_t batch, work_fn *work, void *ctx, double limit_s)
{
	double start = now_s(), took = 0;
	size_t rounds = 0;

	while (took < limit_s) {
		if (!work(ctx)) {
			fprintf(stderr, "bench_decode: %s failed\n", name);
			exit(1);
		}
		rounds++;
		if (rounds % 16 == 0)
			took = now_s() - start;
	}
	printf("{\"bench\":\"%s\",\"items\":%zu,\"cpu_s\":%.3f,\"per_s\":%.0f}\n", name,
	       rounds * batch, took, (double)(rounds * batch) / took);
	fflush(stdout);
}

struct decoding {
	struct flow_decoder *decoder;
	uint8_t wire[WIRE_MAX];
	size_t len, records;
	size_t sequence_at; /* in `wire`; it grows by `step` */
	uint32_t sequence, step;
	struct flow_batch batch;
};

static void write_datagram(struct decoding *d)
{
	struct octets o = octets_of(d->wire, sizeof(d->wire));

	octets_uint(&o, 5, 2);
	octets_uint(&o, RECORDS, 2);
	octets_uint(&o, 600000, 4);
	octets_uint(&o, NOON / 1000, 4);
	octets_uint(&o, 0, 8); /* nanoseconds; the sequence, which decode() writes */
	octets_uint(&o, 0, 4); /* engine, sampling */
	for (uint32_t i = 0; i < RECORDS; i++) {
		octets_uint(&o, 0x0a040000 + i, 4);
		octets_uint(&o, 0xcb007179, 4);
		octets_uint(&o, 0, 4);
		octets_uint(&o, 0x00010002, 4);
		octets_uint(&o, 15, 4);
		octets_uint(&o, 865, 4);
		octets_uint(&o, 598000 + i, 4);
		octets_uint(&o, 599900, 4);
		octets_uint(&o, (uint64_t)(40000 + i) << 16 | 22, 4);
		octets_uint(&o, 0x001b0600, 4);
		octets_uint(&o, 0, 8);
	}
	d->len = octets_len(&o);
	d->records = d->step = RECORDS;
	d->sequence_at = 16;
}

static const struct flow_origin bench_origin = {.from = {.port = 2055}, .received_ms = NOON};

static bool decode(void *ctx)
{
	struct decoding *d = ctx;
	struct octets sequence = octets_of(d->wire + d->sequence_at, 4);

	octets_uint(&sequence, d->sequence, 4);
	d->sequence += d->step;
	d->batch.count = 0;
	return flow_decode(d->decoder, &bench_origin, d->wire, d->len, &d->batch) == DROP_NONE &&
	       d->batch.count == d->records;
}

/* --- NetFlow v9, 19 fields --- */

#define RECORDS9 24
#define RECORD9_LEN 54

static const uint16_t fields9[] = {8, 4,  12, 4,  15, 4, 10, 4,  14, 4, 2,  4, 1,
                                   4, 22, 4,  21, 4,  7, 2,  11, 2,  6, 1,  4, 1,
                                   5, 1,  16, 4,  17, 4, 9,  1,  13, 1, 61, 1};

static void put_header9(struct octets *o)
{
	octets_uint(o, 9, 2);
	octets_uint(o, RECORDS9, 2);
	octets_uint(o, 600000, 4);
	octets_uint(o, NOON / 1000, 4);
	octets_uint(o, 0, 8); /* the sequence, which decode() writes; the source */
}

static void define9(struct decoding *d)
{
	struct octets o = octets_of(d->wire, sizeof(d->wire));

	put_header9(&o);
	octets_uint(&o, 0, 2);
	octets_uint(&o, 8 + sizeof(fields9) / sizeof(fields9[0]) * 2, 2);
	octets_uint(&o, 256, 2);
	octets_uint(&o, sizeof(fields9) / sizeof(fields9[0]) / 2, 2);
	for (size_t i = 0; i < sizeof(fields9) / sizeof(fields9[0]); i++)
		octets_uint(&o, fields9[i], 2);
	CHECK(flow_decode(d->decoder, &bench_origin, d->wire, octets_len(&o), &d->batch) ==
	      DROP_NONE);
}

static void write_datagram9(struct decoding *d)
{
	struct octets o = octets_of(d->wire, sizeof(d->wire));

	put_header9(&o);
	octets_uint(&o, 256, 2);
	octets_uint(&o, 4 + RECORDS9 * RECORD9_LEN, 2);
	for (uint32_t i = 0; i < RECORDS9; i++) {
		octets_uint(&o, 0x0a040000 + i, 4);
		octets_uint(&o, 0xcb007179, 4);
		octets_uint(&o, 0, 4);
		octets_uint(&o, 1, 4);
		octets_uint(&o, 2, 4);
		octets_uint(&o, 15, 4);
		octets_uint(&o, 865, 4);
		octets_uint(&o, 598000 + i, 4);
		octets_uint(&o, 599900, 4);
		octets_uint(&o, (uint64_t)(40000 + i) << 16 | 22, 4);
		octets_uint(&o, 0x1b0600, 3);
		octets_uint(&o, 0, 8);
		octets_uint(&o, 0, 3);
	}
	d->len = octets_len(&o);
	d->records = RECORDS9;
	d->step = 1;
	d->sequence_at = 12;
	d->sequence = 1; /* the template's was 0 */
}

/* --- sFlow, samples of a tagged TCP packet with the switch's VLANs --- */

#define SAMPLES 7

static void put_sample(struct octets *o, uint32_t number)
{
	octets_uint(o, 1, 4);
	octets_uint(o, 32 + 96 + 24, 4);
	octets_uint(o, number, 4); /* the sequence, which stays: repeats are accounted for, too */
	octets_uint(o, 100 + number, 4);
	octets_uint(o, 512, 4);
	octets_uint(o, 0, 8);
	octets_uint(o, 96, 4);
	octets_uint(o, 95, 4);
	octets_uint(o, 2, 4);
	octets_uint(o, 1, 4); /* raw header */
	octets_uint(o, 16 + 72, 4);
	octets_uint(o, 1, 4);
	octets_uint(o, 1286, 4);
	octets_uint(o, 4, 4);
	octets_uint(o, 72, 4);
	octets_uint(o, 0, 8);
	octets_uint(o, 0, 4);
	octets_uint(o, 0x8100009a, 4);
	octets_uint(o, 0x08004500, 4);
	octets_uint(o, 1268, 2);
	octets_uint(o, 0x0000400040060000, 8);
	octets_uint(o, 0x0a040000 + number, 4);
	octets_uint(o, 0xcb007179, 4);
	octets_uint(o, (uint64_t)(40000 + number) << 16 | 22, 4);
	octets_uint(o, 0, 8);
	octets_uint(o, 0x5018, 2);
	for (size_t i = 0; i < 20; i++)
		octets_uint(o, 0, 1);
	octets_uint(o, 1001, 4);
	octets_uint(o, 16, 4);
	octets_uint(o, 154, 4);
	octets_uint(o, 0, 4);
	octets_uint(o, 154, 4);
	octets_uint(o, 0, 4);
}

static void write_sflow(struct decoding *d)
{
	struct octets o = octets_of(d->wire, sizeof(d->wire));

	octets_uint(&o, 5, 4);
	octets_uint(&o, 1, 4);
	octets_uint(&o, 0xc0000209, 4);
	octets_uint(&o, 0, 4);
	octets_uint(&o, 0, 4); /* the sequence, which decode() writes */
	octets_uint(&o, 600000, 4);
	octets_uint(&o, SAMPLES, 4);
	for (uint32_t i = 0; i < SAMPLES; i++)
		put_sample(&o, i);
	CHECK(!o.is_full);
	d->len = octets_len(&o);
	d->records = SAMPLES;
	d->step = 1;
	d->sequence_at = 16;
}

struct signing {
	struct key_pair root, member, operational;
	struct card card;
	struct query query;
	struct query_blob blob;
	struct signature signature;
	uint8_t octets[1232];
};

static bool make_signature(void *ctx)
{
	struct signing *s = ctx;

	s->octets[0]++;
	s->signature = sign(&s->member, "bench", s->octets, sizeof(s->octets));
	return true;
}

static bool check_signature(void *ctx)
{
	struct signing *s = ctx;

	return verify(&s->member.public, "bench", s->octets, sizeof(s->octets), &s->signature) ==
	       ERR_OK;
}

static bool open_query(void *ctx)
{
	static struct query read;
	struct signing *s = ctx;

	return query_open(s->blob.octets, s->blob.len, &read) == ERR_OK;
}

static bool check_query(void *ctx)
{
	struct signing *s = ctx;

	return query_verify(s->blob.octets, s->blob.len, &s->operational.public) == ERR_OK;
}

static void make_card(struct signing *s)
{
	static const struct seed member_seed = {{2}}, operational_seed = {{3}};
	struct card *card = &s->card;

	s->member = key_pair_of(&member_seed);
	s->operational = key_pair_of(&operational_seed);
	card->cert = (struct cert){.member = s->member.public,
	                           .name = "R4",
	                           .org = "Example Four",
	                           .not_before = {NOON - DAY},
	                           .not_after = {NOON + DAY},
	                           .prefix_count = 1,
	                           .roles = CERT_ROLES_MEMBER};
	card->record = (struct record){.sign = s->operational.public,
	                               .not_before = {NOON - DAY},
	                               .not_after = {NOON + DAY}};
	CHECK(cert_issue(&s->root, &card->cert, &card->cert_blob) == ERR_OK);
	CHECK(record_issue(&s->member, &card->record, &card->record_blob) == ERR_OK);
}

/* A query of 64 bursts, which is a long one. */
static void start_signing(struct signing *s)
{
	static const struct seed root_seed = {{1}};
	struct question *q = &s->query.question;

	CHECK(sign_start() == ERR_OK);
	s->root = key_pair_of(&root_seed);
	make_card(s);
	s->query.number = 1;
	s->query.issued.ms = NOON;
	s->query.expires.ms = NOON + 1000;
	for (q->on_count = 0; q->on_count < 64; q->on_count++) {
		int64_t at = NOON - DAY + (int64_t)q->on_count * 10000;

		q->on[q->on_count] = (struct interval){at, at + 2000};
	}
	CHECK(query_pack(&s->query, &s->card, &s->operational, &s->blob) == ERR_OK);
}

int main(int argc, char **argv)
{
	static struct decoding decoding;
	static struct decoding decoding9;
	static struct decoding sampling;
	static struct signing signing;
	double limit_s = argc > 1 ? strtod(argv[1], NULL) : 1;

	decoding.decoder = flow_decoder_new(64, 0);
	CHECK(decoding.decoder != NULL);
	write_datagram(&decoding);
	decoding9.decoder = decoding.decoder;
	define9(&decoding9);
	write_datagram9(&decoding9);
	sampling.decoder = decoding.decoder;
	write_sflow(&sampling);
	start_signing(&signing);
	measure("netflow5_flows", RECORDS, decode, &decoding, limit_s);
	measure("netflow9_flows", RECORDS9, decode, &decoding9, limit_s);
	measure("sflow_samples", SAMPLES, decode, &sampling, limit_s);
	measure("signatures", 1, make_signature, &signing, limit_s);
	make_signature(&signing);
	measure("verifications", 1, check_signature, &signing, limit_s);
	measure("query_open", 1, open_query, &signing, limit_s);
	measure("query_verify", 1, check_query, &signing, limit_s);
	flow_decoder_free(decoding.decoder);
	flow_batch_free(&decoding.batch);
	flow_batch_free(&decoding9.batch);
	flow_batch_free(&sampling.batch);
	return 0;
}
