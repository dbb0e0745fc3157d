/*
 * fuzz_translation - what a table finds on disk, then events and flows upon it, then questions.
 *
 * The input is rows: an octet that says what the row is, and its octets. Ends and times are few, so
 * that rows meet.
 */
#include "base/bytes.h"
#include "proto/flow/translation_table.h"
#include "proto/flow/translation_wish.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 8
#define ROOM 4
#define T0 INT64_C(1795309531943)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct endpoint nobody;

static void must(int claim)
{
	if (!claim)
		abort();
}

static struct endpoint read_end(struct bytes *in)
{
	uint8_t octet = (uint8_t)bytes_uint(in, 1);
	struct endpoint e = {.port = octet >> 4};

	if ((octet & 15) != 0)
		e.addr = addr_from_v4((const uint8_t[]){10, 0, 0, octet & 15});
	return e;
}

static void read_event(struct translation_table *t, struct bytes *in)
{
	struct translation e = {.event = (uint8_t)(bytes_uint(in, 1) % 4 + TRANSLATION_CREATE)};

	e.src = read_end(in);
	e.dst = read_end(in);
	e.nat_src = read_end(in);
	e.nat_dst = read_end(in);
	e.at_ms = T0 + (int64_t)bytes_uint(in, 1);
	e.since_ms = T0 + (int64_t)bytes_uint(in, 1);
	e.first = (uint16_t)bytes_uint(in, 1);
	e.last = (uint16_t)(e.first + bytes_uint(in, 1));
	if (translation_is_block(&e))
		e.src.port = e.nat_src.port = 0;
	translation_table_event(t, &e);
}

static void read_flow(struct translation_table *t, struct bytes *in)
{
	struct endpoint ends[4];
	struct flow f = {.proto = 6};

	for (size_t i = 0; i < 4; i++)
		ends[i] = read_end(in);
	f.src = ends[0].addr;
	f.src_port = ends[0].port;
	f.dst = ends[1].addr;
	f.dst_port = ends[1].port;
	f.nat_src = ends[2].addr;
	f.nat_src_port = ends[2].port;
	f.nat_dst = ends[3].addr;
	f.nat_dst_port = ends[3].port;
	f.start_ms = T0 + (int64_t)bytes_uint(in, 1) * 5000;
	f.end_ms = f.start_ms + (int64_t)bytes_uint(in, 1);
	translation_table_flow(t, &f);
}

struct asking {
	struct translation_wish wish;
	size_t seen, met;
};

static void take(void *ctx, const struct mapping *m)
{
	struct asking *a = ctx;

	a->seen++;
	a->met += translation_wish_is_met(&a->wish, m);
}

/* Who looks at all of them finds at least what the table finds at once. */
static void ask_for_all(const struct translation_table *t, const struct translation_query *q,
                        size_t count)
{
	struct asking a = {.wish = {.end = q->end, .when = {q->at_ms, q->at_ms}}};
	struct interval gone;

	translation_table_each(t, take, &a);
	must(a.seen == translation_table_count(t));
	must(a.met >= count);
	must(!translation_table_gone(t, &gone) || gone.start_ms <= gone.end_ms);
}

static void ask(struct translation_table *t, struct bytes *in)
{
	struct translation_query q = {.end = read_end(in)};
	struct mapping found[ROOM];
	size_t count;

	q.at_ms = T0 + (int64_t)bytes_uint(in, 1);
	count = translation_table_inside(t, &q, found, ROOM);
	must(count <= ROOM);
	for (size_t i = 0; i < count; i++) {
		must(found[i].start_ms <= q.at_ms);
		must(found[i].is_open || found[i].end_ms >= q.at_ms);
		must(found[i].first <= q.end.port && q.end.port <= found[i].last);
		must(i == 0 || found[i].start_ms <= found[i - 1].start_ms);
	}
	must(translation_table_outside(t, &q, found, ROOM) <= ROOM);
	ask_for_all(t, &q, count);
}

/* What was taken packs into what is taken again, and is the same. */
static void recall(struct translation_table *t, struct bytes *in)
{
	struct bytes value = bytes_cut(in, (size_t)bytes_uint(in, 1));
	uint8_t room[TRANSLATION_PACKED_MAX];
	struct mapping m, again;
	size_t len;

	if (translation_unpack(value, &m) != ERR_OK)
		return;
	len = translation_pack(&m, room);
	must(len == bytes_left(&value) && memcmp(room, value.at, len) == 0);
	must(translation_unpack(bytes_of(room, len), &again) == ERR_OK);
	(void)!translation_table_recall(t, (uint32_t)bytes_uint(in, 1), &m);
}

static void keep(void *ctx, uint32_t slot, const struct mapping *m)
{
	uint8_t room[TRANSLATION_PACKED_MAX];
	size_t *kept = ctx;
	struct mapping again;

	must(slot <= MAX_ROWS);
	must(m->start_ms <= m->end_ms);
	must((slot == MAX_ROWS) ==
	     (endpoint_equal(&m->inside, &nobody) && endpoint_equal(&m->outside, &nobody)));
	must(translation_unpack(bytes_of(room, translation_pack(m, room)), &again) == ERR_OK);
	++*kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const rows[])(struct translation_table * t,
	                            struct bytes * in) = {read_event, read_flow, ask, recall};
	struct translation_table *t = translation_table_new(MAX_ROWS, 1);
	struct bytes in = bytes_of(data, size);
	size_t kept = 0;

	must(t != NULL);
	while (bytes_left(&in) > 0 && !in.is_short) {
		rows[bytes_uint(&in, 1) % 4](t, &in);
		must(translation_table_count(t) <= MAX_ROWS);
	}
	translation_table_keep(t, SIZE_MAX, keep, &kept);
	must(kept <= MAX_ROWS + 1);
	translation_table_free(t);
	return 0;
}
