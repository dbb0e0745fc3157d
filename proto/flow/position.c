#include "proto/flow/position.h"

#include "base/util.h"

#define VERSION 1

/* As they lie in an entry, each eight octets. */
#define COUNTERS(X) X(datagrams) X(flows) X(lost) X(late) X(duplicates) X(restarts)

bool position_is_kept(const struct stream *s)
{
	return s->key.session == 0 && s->key.version != FLOW_SFLOW && s->datagrams > 0 &&
	       s->leader == NULL;
}

size_t position_pack(const struct stream *s, uint8_t room[POSITION_MAX])
{
	struct octets o = octets_of(room, POSITION_MAX);

	octets_uint(&o, VERSION, 1);
	octets_uint(&o, s->is_counted, 1);
	octets_uint(&o, (uint64_t)s->seen_ms, 8);
	octets_uint(&o, (uint64_t)s->boot_ms, 8);
	octets_uint(&o, (uint64_t)s->export_ms, 8);
	octets_uint(&o, s->next, 4);
	octets_uint(&o, s->habit.is, 1);
	octets_uint(&o, s->habit.sequence, 4);
	octets_uint(&o, s->habit.counts[0], 4);
	octets_uint(&o, s->habit.counts[1], 4);
#define X(name) octets_uint(&o, s->name, 8);
	COUNTERS(X)
#undef X
	CHECK(!o.is_full);
	return octets_len(&o);
}

enum err position_recall(struct flow_decoder *d, const uint8_t key[MEMORY_KEY], struct bytes value,
                         int64_t now_ms)
{
	struct stream read = {.is_recalled = true};
	uint64_t version = bytes_uint(&value, 1);
	struct stream_key of;
	struct stream *s;
	uint16_t id;

	read.is_counted = bytes_uint(&value, 1) == 1;
	read.seen_ms = (int64_t)bytes_uint(&value, 8);
	read.boot_ms = (int64_t)bytes_uint(&value, 8);
	read.export_ms = (int64_t)bytes_uint(&value, 8);
	read.next = (uint32_t)bytes_uint(&value, 4);
	read.habit.is = (uint8_t)bytes_uint(&value, 1);
	read.habit.sequence = (uint32_t)bytes_uint(&value, 4);
	read.habit.counts[0] = (uint32_t)bytes_uint(&value, 4);
	read.habit.counts[1] = (uint32_t)bytes_uint(&value, 4);
#define X(name) read.name = bytes_uint(&value, 8);
	COUNTERS(X)
#undef X
	of = memory_key_read(key, &id);
	if (value.is_short || bytes_left(&value) > 0 || version != VERSION ||
	    (of.version != 5 && of.version != 9 && of.version != 10) || id != 0 ||
	    read.habit.is >= STREAM_HABITS || read.datagrams == 0)
		return ERR_FORMAT;
	if (read.seen_ms < now_ms - (of.version == 10 ? POSITION_IPFIX_AGE_MS : MEMORY_AGE_MS))
		return ERR_STALE;
	s = stream_of(d->streams, &of);
	s->is_recalled = true;
	s->is_counted = read.is_counted;
	s->seen_ms = MAX(s->seen_ms, read.seen_ms);
	s->boot_ms = read.boot_ms;
	s->export_ms = read.export_ms;
	s->next = read.next;
	s->habit = read.habit;
#define X(name) s->name = read.name;
	COUNTERS(X)
#undef X
	return ERR_OK;
}
