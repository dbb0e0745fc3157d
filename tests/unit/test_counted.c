/* What sFlow agents count, as JSON: known structures by their names, whatever is cut off. */
#include "tests/unit/message_fixture.h"
#include "tools/counted.h"

#include <stdlib.h>

static char *line; /* of the last sample */

static void on_sample(void *ctx, const struct flow_origin *origin, const struct stream *s,
                      uint32_t type, struct bytes sample)
{
	json_t *value = counted_of(origin, s, type, sample);

	(void)ctx;
	free(line);
	line = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
	json_decref(value);
}

/* A datagram of one sample of this type, the octets of which are `words` and a tail of `odd`. */
static void send_sample(struct fixture *f, uint32_t type, const uint32_t *words, size_t count,
                        size_t odd)
{
	f->decoder->samples = on_sample;
	f->version = 0;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, 5, 4), put(f, 1, 4), put(f, 0xc0000207, 4), put(f, 9, 4);
	put(f, ++f->sequence, 4), put(f, 1000, 4), put(f, 1, 4);
	put(f, type, 4), put(f, 4 * count + odd, 4);
	for (size_t i = 0; i < count; i++)
		put(f, words[i], 4);
	put(f, 0, odd);
	assert_string_equal(decode(f), "none");
}

#define SENT_BY                                                                          \
	"\"exporter\":\"192.0.2.9\",\"agent\":\"192.0.2.7\",\"domain\":9,\"version\":5," \
	"\"format\":\"sflow\",\"received\":\"2026-"

static void assert_line(const char *begin)
{
	assert_non_null(line);
	assert_memory_equal(line, begin, strlen(begin));
	free(line);
	line = NULL;
}

static void structures_have_their_names(void **state)
{
	/* a port's name, one of a maker's, and Ethernet's of which only two members are there */
	static const uint32_t counters[] = {7, 0x02000003, 3, 1005, 8,  4, 0x656e6f31, 9 << 12 | 2,
	                                    4, 0xa1b2c3d4, 2, 8,    11, 12};
	static const uint32_t expanded[] = {8, 2, 0x01000003, 0};
	static const uint32_t discarded[] = {2, 0, 1, 256, 1, 2, 263, 1, 1036, 4, 42};
	struct fixture *f = *state;

	send_sample(f, 2, counters, ARRAY_LEN(counters), 0);
	assert_line("{\"counters\":{\"port_name\":\"eno1\",\"9:2\":\"0xa1b2c3d4\","
	            "\"dot3StatsAlignmentErrors\":11,\"dot3StatsFCSErrors\":12},"
	            "\"source_type\":2,\"source_index\":3,\"sequence\":7," SENT_BY);
	send_sample(f, 4, expanded, ARRAY_LEN(expanded), 0);
	assert_line("{\"counters\":{},\"source_type\":2,\"source_index\":16777219,"
	            "\"sequence\":8," SENT_BY);
	send_sample(f, 5, discarded, ARRAY_LEN(discarded), 0);
	assert_line("{\"discarded\":{\"drops\":256,\"inputifindex\":1,\"outputifindex\":2,"
	            "\"reason\":263,\"queue\":42},\"source_type\":0,\"source_index\":1,"
	            "\"sequence\":2," SENT_BY);
	send_sample(f, 77, expanded, ARRAY_LEN(expanded), 0);
	assert_null(line);
}

/* Wherever it is cut off. */
static void what_is_cut_off_is_not_told(void **state)
{
	static const uint32_t counters[] = {7, 3, 2, 1005, 8, 4, 0x656e6f31, 2, 8, 11, 12};
	struct fixture *f = *state;

	for (size_t count = 0; count < ARRAY_LEN(counters); count++) {
		for (size_t odd = 0; odd < 4; odd++) {
			send_sample(f, 2, counters, count, odd);
			assert_non_null(line);
			assert_null(strstr(line, "dot3"));
			assert_int_equal(strstr(line, "eno1") != NULL, count >= 7);
		}
	}
	free(line);
	line = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(structures_have_their_names),
		TEST(what_is_cut_off_is_not_told),
	};

	return cmocka_run_group_tests_name("tools/counted", tests, NULL, NULL);
}
