/* What a decoder knows of its exporters, over a restart. */
#include "proto/flow/memory.h"
#include "tests/unit/message_fixture.h"

#define ENTRIES 16

static struct entry {
	uint8_t key[MEMORY_KEY], value[MEMORY_MAX];
	size_t len; /* 0: removed */
} entries[ENTRIES];
static size_t entry_count;

static void keep(void *ctx, const struct stream *s, uint16_t id, const struct template *t)
{
	uint8_t key[MEMORY_KEY];
	size_t i = 0;
	(void)ctx;

	memory_key(s, id, key);
	while (i < entry_count && memcmp(entries[i].key, key, sizeof(key)) != 0)
		i++;
	assert_true(i < ENTRIES);
	entry_count += i == entry_count;
	memcpy(entries[i].key, key, sizeof(key));
	entries[i].len = memory_pack(s, id, t, entries[i].value);
}

static int setup_keeping(void **state)
{
	int ret = setup(state);
	struct fixture *f = *state;

	entry_count = 0;
	f->decoder->keep = keep;
	return ret;
}

/* Another decoder, which has only what was kept. */
static void restart(struct fixture *f)
{
	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(64, 0);
	f->decoder->keep = keep;
	for (size_t i = 0; i < entry_count; i++) {
		if (entries[i].len > 0)
			assert_ok(memory_recall(f->decoder, entries[i].key,
			                        bytes_of(entries[i].value, entries[i].len),
			                        RECEIVED_MS));
	}
}

static size_t kept(void)
{
	size_t count = 0;

	for (size_t i = 0; i < entry_count; i++)
		count += entries[i].len > 0;
	return count;
}

/* What is new is kept at once. */
static const char *kept_decode(struct fixture *f)
{
	const char *ret = decode(f);

	flow_keep(f->decoder);
	return ret;
}

/* One datagram of NetFlow v9: the template if `defines`, and a record. */
static const char *message(struct fixture *f, bool defines)
{
	begin(f, 9);
	if (defines) {
		set(f, 0);
		template(f, 256, usual);
	}
	set(f, 256);
	usual_record(f, 1, 2);
	f->sequence++;
	f->origin.received_ms += 1000;
	return kept_decode(f);
}

static void a_template_that_came_once_outlives_a_restart(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(message(f, true), "none");
	for (int i = 0; i < 30; i++)
		assert_string_equal(message(f, false), "none");
	assert_int_equal(kept(), 1);
	restart(f);
	assert_string_equal(message(f, false), "none");
	assert_int_equal(f->count, 1);
	assert_int_equal(f->flows[0].src_port, 45126);
}

/* Who forges a thousand senders fills no disk. */
static void of_who_has_not_proved_itself_nothing_is_kept(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++) {
		f->origin.from.port++;
		f->sequence = 0;
		assert_string_equal(message(f, true), "none");
	}
	assert_int_equal(entry_count, 0);
}

static void what_is_as_it_was_is_not_kept_again(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++)
		assert_string_equal(message(f, true), "none");
	entries[0].len = 0;
	for (int i = 0; i < 20; i++)
		assert_string_equal(message(f, true), "none");
	assert_int_equal(kept(), 0);
}

static void what_was_withdrawn_is_forgotten(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		begin(f, 10);
		set(f, 2);
		template(f, 300, v6);
		set(f, 300);
		v6_record(f, (uint64_t)EXPORT_MS - 5 - (uint64_t)i, (uint64_t)EXPORT_MS);
		assert_string_equal(kept_decode(f), "none");
		f->sequence++;
		f->origin.received_ms += 1000;
	}
	assert_int_equal(kept(), 1);
	begin(f, 10);
	set(f, 2);
	put(f, 300, 2), put(f, 0, 2);
	assert_string_equal(kept_decode(f), "none");
	assert_int_equal(kept(), 0);
}

static void sampling_outlives_a_restart(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++)
		assert_string_equal(message(f, true), "none");
	begin(f, 9);
	set(f, 1);
	put(f, 300, 2), put(f, 4, 2), put(f, 4, 2);
	put(f, 1, 2), put(f, 4, 2), put(f, 34, 2), put(f, 4, 2);
	set(f, 300);
	put(f, 9, 4), put(f, 128, 4);
	f->sequence++;
	assert_string_equal(kept_decode(f), "none");
	assert_int_equal(kept(), 3); /* two templates, and the sampling */
	restart(f);
	assert_string_equal(message(f, false), "none");
	assert_int_equal(f->flows[0].sampling, 128);
}

/* Samplers and interfaces, and that a template's scope is one. */
static void every_sampler_outlives_a_restart(void **state)
{
	static const uint16_t with_if[] = {8, 4, 12, 4, 10, 4, 0};
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++)
		assert_string_equal(message(f, true), "none");
	for (uint32_t i = 1; i <= STREAM_SAMPLERS + 1; i++) {
		begin(f, 9);
		set(f, 1);
		put(f, 300, 2), put(f, 4, 2), put(f, 4, 2);
		put(f, 2, 2), put(f, 4, 2), put(f, 34, 2), put(f, 4, 2);
		set(f, 300);
		put(f, i, 4), put(f, 100 + i, 4);
		f->sequence++;
		if (i == STREAM_SAMPLERS)
			restart(f);
		assert_string_equal(kept_decode(f), "none");
	}
	restart(f);
	for (uint32_t i = 1; i <= STREAM_SAMPLERS; i++) {
		begin(f, 9);
		set(f, 0);
		template(f, 301, with_if);
		set(f, 301);
		put(f, 1, 4), put(f, 2, 4), put(f, i, 4);
		f->sequence++;
		assert_string_equal(decode(f), "none");
		assert_int_equal(f->flows[0].sampling, 100 + i);
	}
	begin(f, 9); /* without its template: what it is about is known still */
	set(f, 300);
	put(f, 1, 4), put(f, 7, 4);
	set(f, 301);
	put(f, 1, 4), put(f, 2, 4), put(f, 1, 4);
	f->sequence++;
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->flows[0].sampling, 7);
}

/* As it was kept before there were interfaces: eight samplers, free ones among them. */
static void sampling_of_the_first_version_is_still_read(void **state)
{
	uint8_t room[MEMORY_MAX], key[MEMORY_KEY];
	struct octets o = octets_of(room, sizeof(room));
	struct stream of = {.key = {.version = 9}};
	struct fixture *f = *state;
	const struct stream *s;

	of.key.from = f->origin.from;
	memory_key(&of, 0, key);
	octets_uint(&o, 1, 1), octets_uint(&o, 0, 1);
	octets_uint(&o, (uint64_t)RECEIVED_MS, 8), octets_uint(&o, 0, 8), octets_uint(&o, 10, 4);
	for (uint32_t i = 0; i < 8; i++)
		octets_uint(&o, i, 4), octets_uint(&o, i % 2 * 100 * i, 4);
	assert_ok(memory_recall(f->decoder, key, bytes_of(room, octets_len(&o)), RECEIVED_MS));
	s = stream_of(f->decoder->streams, &of.key);
	assert_int_equal(s->sampling, 10);
	assert_int_equal(s->samplers[3].id, 7);
	assert_int_equal(s->samplers[3].interval, 700);
	assert_int_equal(s->samplers[4].interval, 0);
	assert_int_not_equal(
		memory_recall(f->decoder, key, bytes_of(room, octets_len(&o) - 8), RECEIVED_MS),
		ERR_OK);
}

/* Of flows of the exporter's other domains as well. */
static void a_sampler_is_known_to_other_domains_after_a_restart(void **state)
{
	static const uint16_t sampled[] = {8, 4, 12, 4, 48, 4, 0};
	struct stream of = {.key = {.version = 9, .domain = 6}};
	uint8_t room[MEMORY_MAX], key[MEMORY_KEY];
	struct fixture *f = *state;
	size_t len;

	of.key.from = f->origin.from;
	of.seen_ms = RECEIVED_MS;
	of.samplers[0] = (struct stream_sampler){.id = 7, .interval = 700};
	len = memory_pack(&of, 0, NULL, room);
	memory_key(&of, 0, key);
	assert_ok(memory_recall(f->decoder, key, bytes_of(room, len), RECEIVED_MS));
	f->domain = 256;
	begin(f, 9);
	set(f, 0);
	template(f, 301, sampled);
	set(f, 301);
	put(f, 1, 4), put(f, 2, 4), put(f, 7, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->flows[0].sampling, 700);
}

/* Which did not know a scope from the rest: the template that comes again does. */
static void a_template_of_the_first_version_learns_its_scope(void **state)
{
	static const uint16_t with_if[] = {8, 4, 12, 4, 10, 4, 0};
	uint8_t room[MEMORY_MAX], key[MEMORY_KEY];
	struct octets o = octets_of(room, sizeof(room));
	struct stream of = {.key = {.version = 9}};
	struct fixture *f = *state;

	of.key.from = f->origin.from;
	memory_key(&of, 300, key);
	octets_uint(&o, 1, 1), octets_uint(&o, 1, 1), octets_uint(&o, (uint64_t)RECEIVED_MS, 8);
	octets_uint(&o, 2, 2);
	octets_uint(&o, 2, 2), octets_uint(&o, 4, 2), octets_uint(&o, 34, 2), octets_uint(&o, 4, 2);
	assert_ok(memory_recall(f->decoder, key, bytes_of(room, octets_len(&o)), RECEIVED_MS));
	begin(f, 9);
	set(f, 1);
	put(f, 300, 2), put(f, 4, 2), put(f, 4, 2);
	put(f, 2, 2), put(f, 4, 2), put(f, 34, 2), put(f, 4, 2);
	set(f, 300);
	put(f, 1, 4), put(f, 100, 4);
	set(f, 0);
	template(f, 301, with_if);
	set(f, 301);
	put(f, 1, 4), put(f, 2, 4), put(f, 1, 4);
	put(f, 1, 4), put(f, 2, 4), put(f, 9, 4);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->flows[0].sampling, 100);
	assert_int_equal(f->flows[1].sampling, 1);
}

static void what_is_old_or_damaged_is_refused(void **state)
{
	struct fixture *f = *state;
	struct entry *e = &entries[0];

	for (int i = 0; i < 20; i++)
		assert_string_equal(message(f, true), "none");
	assert_int_equal(memory_recall(f->decoder, e->key, bytes_of(e->value, e->len),
	                               RECEIVED_MS + 60000 + MEMORY_AGE_MS),
	                 ERR_STALE);
	for (size_t len = 0; len < e->len; len++)
		assert_int_not_equal(
			memory_recall(f->decoder, e->key, bytes_of(e->value, len), RECEIVED_MS),
			ERR_OK);
	e->value[0] += 2;
	assert_int_equal(memory_recall(f->decoder, e->key, bytes_of(e->value, e->len), RECEIVED_MS),
	                 ERR_FORMAT);
}

#define KEEPING(name) cmocka_unit_test_setup_teardown(name, setup_keeping, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		KEEPING(a_template_that_came_once_outlives_a_restart),
		KEEPING(of_who_has_not_proved_itself_nothing_is_kept),
		KEEPING(what_is_as_it_was_is_not_kept_again),
		KEEPING(what_was_withdrawn_is_forgotten),
		KEEPING(sampling_outlives_a_restart),
		KEEPING(every_sampler_outlives_a_restart),
		KEEPING(a_sampler_is_known_to_other_domains_after_a_restart),
		KEEPING(sampling_of_the_first_version_is_still_read),
		KEEPING(a_template_of_the_first_version_learns_its_scope),
		KEEPING(what_is_old_or_damaged_is_refused),
	};

	return cmocka_run_group_tests_name("flow/memory", tests, NULL, NULL);
}
