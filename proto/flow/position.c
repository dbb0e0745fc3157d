#include "proto/flow/position.h"

#include "base/util.h"
#include "proto/flow/habit.h"
#include "proto/flow/sample_source.h"

#define VERSION 1
#define SOURCE_LEN 16

/* As they lie in an entry, each eight octets. */
#define COUNTERS(X) X(datagrams) X(flows) X(lost) X(late) X(duplicates) X(restarts)

bool position_is_kept(const struct stream *s)
{
	return s->key.session == 0 && s->datagrams > 0 && s->leader == NULL;
}

/* What stands behind the rest in an entry of sFlow. */
static void pack_sflow(struct octets *o, const struct stream *s)
{
	struct source_sample sources[POSITION_SOURCES];
	size_t count = source_latest(s, sources, POSITION_SOURCES);

	octets_put(o, s->key.agent.octets, sizeof(s->key.agent.octets));
	octets_uint(o, s->samples_lost, 8);
	octets_uint(o, s->drops, 8);
	for (size_t i = 0; i < count; i++) {
		octets_uint(o, sources[i].type, 4);
		octets_uint(o, sources[i].index, 4);
		octets_uint(o, sources[i].sequence, 4);
		octets_uint(o, sources[i].drops, 4);
	}
}

static void recall_sources(struct flow_decoder *d, struct stream *s, struct bytes in)
{
	while (bytes_left(&in) > 0) {
		struct source_sample latest = {.type = (uint32_t)bytes_uint(&in, 4)};

		latest.index = (uint32_t)bytes_uint(&in, 4);
		latest.sequence = (uint32_t)bytes_uint(&in, 4);
		latest.drops = (uint32_t)bytes_uint(&in, 4);
		source_account(d->sources, s, &latest);
	}
}

size_t position_pack(const struct stream *s, uint8_t room[POSITION_MAX])
{
	struct octets o = octets_of(room, POSITION_MAX);

	octets_uint(&o, VERSION, 1);
	octets_uint(&o, s->is_counted, 1);
	octets_uint(&o, (uint64_t)s->seen_ms, 8);
	octets_uint(&o, (uint64_t)s->run.boot_ms, 8);
	octets_uint(&o, (uint64_t)s->export_ms, 8);
	octets_uint(&o, s->run.next, 4);
	octets_uint(&o, s->habit.is, 1);
	octets_uint(&o, s->habit.sequence, 4);
	octets_uint(&o, s->habit.counts[0], 4);
	octets_uint(&o, s->habit.counts[1], 4);
#define X(name) octets_uint(&o, s->name, 8);
	COUNTERS(X)
#undef X
	if (s->key.version == FLOW_SFLOW)
		pack_sflow(&o, s);
	CHECK(!o.is_full);
	return octets_len(&o);
}

/* Nothing overflows that is a difference of two. */
static bool is_time(int64_t ms)
{
	return ms > INT64_MIN / 4 && ms < INT64_MAX / 4;
}

static bool is_format(uint16_t version)
{
	return version == 5 || version == 9 || version == 10 || version == FLOW_SFLOW;
}

enum err position_recall(struct flow_decoder *d, const uint8_t key[MEMORY_KEY], struct bytes value,
                         int64_t now_ms)
{
	struct stream read = {.is_recalled = true};
	struct bytes sources = bytes_of("", 0);
	uint64_t version = bytes_uint(&value, 1);
	struct stream_key of;
	struct stream *s;
	uint16_t id;

	read.is_counted = bytes_uint(&value, 1) == 1;
	read.seen_ms = (int64_t)bytes_uint(&value, 8);
	read.run.boot_ms = (int64_t)bytes_uint(&value, 8);
	read.export_ms = (int64_t)bytes_uint(&value, 8);
	read.run.next = (uint32_t)bytes_uint(&value, 4);
	read.habit.is = (uint8_t)bytes_uint(&value, 1);
	read.habit.sequence = (uint32_t)bytes_uint(&value, 4);
	read.habit.counts[0] = (uint32_t)bytes_uint(&value, 4);
	read.habit.counts[1] = (uint32_t)bytes_uint(&value, 4);
#define X(name) read.name = bytes_uint(&value, 8);
	COUNTERS(X)
#undef X
	of = memory_key_read(key, &id);
	if (of.version == FLOW_SFLOW) {
		bytes_copy(&value, of.agent.octets, sizeof(of.agent.octets));
		read.samples_lost = bytes_uint(&value, 8);
		read.drops = bytes_uint(&value, 8);
		sources = bytes_cut(&value, bytes_left(&value) / SOURCE_LEN * SOURCE_LEN);
	}
	if (value.is_short || bytes_left(&value) > 0 || version != VERSION ||
	    !is_format(of.version) || id != 0 || !is_time(read.seen_ms) ||
	    !is_time(read.run.boot_ms) || !is_time(read.export_ms) ||
	    read.habit.is >= habit_count(of.version) || read.datagrams == 0)
		return ERR_FORMAT;
	if (read.seen_ms < now_ms - (of.version == 10 ? POSITION_IPFIX_AGE_MS : MEMORY_AGE_MS))
		return ERR_STALE;
	s = stream_of(d->streams, &of);
	s->is_recalled = true;
	s->is_counted = read.is_counted || of.version == 5; /* all of it can be */
	s->seen_ms = MAX(s->seen_ms, read.seen_ms);
	s->run.boot_ms = read.run.boot_ms;
	s->export_ms = read.export_ms;
	s->run.next = read.run.next;
	s->habit = read.habit;
	s->habit.counts[2] = s->habit.counts[0]; /* without templates, as most are */
	s->habit.lost = read.lost;
	s->habit.late = read.late;
	s->habit.restarts = read.restarts;
#define X(name) s->name = read.name;
	COUNTERS(X)
#undef X
	s->samples_lost = read.samples_lost;
	s->drops = read.drops;
	recall_sources(d, s, sources);
	return ERR_OK;
}
