/* Templates of an exporter that has started anew, until they are told again. */
#include "tests/unit/message_fixture.h"

#define STARTED_MS 20000u /* uptime after the new start */

/* The same length as `usual`, source and destination exchanged: nothing but the ids tells them. */
static const uint16_t exchanged[] = {12, 4, 8,  4, 11, 2, 7, 2, 4,  1, 6,  1, 5, 1,
                                     10, 4, 14, 4, 2,  4, 1, 8, 22, 4, 21, 4, 0};

/* One message of one record, behind its template or not. */
static size_t export(struct fixture *f, uint32_t uptime, const uint16_t *told)
{
	struct octets o = octets_of(f->wire + 4, 4);

	f->origin.received_ms += 10;
	begin(f, 9);
	octets_uint(&o, uptime, 4);
	if (told != NULL) {
		set(f, 0);
		template(f, 256, told);
	}
	set(f, 256);
	usual_record(f, uptime - 2000, uptime - 100);
	assert_string_equal(decode(f), "none");
	return f->count;
}

/* A few before, then a new start: the record waits. */
static void start_anew(struct fixture *f)
{
	for (f->sequence = 1000; f->sequence < 1005; f->sequence++)
		assert_int_equal(export(f, UPTIME_MS, usual), 1);
	f->sequence = 0;
	assert_int_equal(export(f, STARTED_MS, NULL), 0);
}

static size_t settle(struct fixture *f, int64_t later_ms)
{
	f->batch.count = 0;
	flow_settle(f->decoder, f->origin.received_ms + later_ms, &f->batch);
	return f->batch.count;
}

static void an_id_that_means_another_layout_after_a_start_is_not_read_by_the_old(void **state)
{
	struct fixture *f = *state;

	start_anew(f);
	f->sequence = 1;
	assert_int_equal(export(f, STARTED_MS, exchanged), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_addr(&f->flows[i].src, "203.0.113.121");
		assert_int_equal(f->flows[i].src_port, 22);
	}
	f->sequence = 2;
	assert_int_equal(export(f, STARTED_MS, NULL), 1);
	assert_int_equal(f->flows[0].src_port, 22);
}

static void one_that_is_told_again_is_what_it_was(void **state)
{
	struct fixture *f = *state;

	start_anew(f);
	f->sequence = 1;
	assert_int_equal(export(f, STARTED_MS, usual), 2);
	assert_int_equal(f->flows[0].src_port, 45126);
}

static void what_nobody_tells_again_is_believed_after_a_minute(void **state)
{
	struct fixture *f = *state;

	start_anew(f);
	assert_int_equal(settle(f, 59000), 0);
	assert_int_equal(settle(f, 60000), 1);
	assert_int_equal(f->batch.flows[0].src_port, 45126);
	f->sequence = 1;
	assert_int_equal(export(f, STARTED_MS, NULL), 1);
	/* Also where nothing settles. */
	f->sequence = 0;
	assert_int_equal(export(f, STARTED_MS - 5000, NULL), 0);
	f->origin.received_ms += 60000;
	f->sequence = 1;
	assert_int_equal(export(f, STARTED_MS - 5000, NULL), 2);
	assert_int_equal(f->decoder->counters.dropped[DROP_UNTOLD], 0);
}

static void of_who_sends_more_than_may_wait_nothing_is_lost(void **state)
{
	struct fixture *f = *state;
	size_t read = 0;

	start_anew(f);
	for (f->sequence = 1; f->sequence < 200; f->sequence++)
		read += export(f, STARTED_MS, NULL);
	assert_int_equal(read, 200);
	assert_int_equal(f->decoder->counters.dropped[DROP_UNTOLD], 0);
}

static void files_that_end_before_are_read_by_what_they_told(void **state)
{
	struct fixture *f = *state;

	f->origin.session = 7;
	start_anew(f);
	assert_int_equal(settle(f, 3600000), 0); /* a capture's time is not ours */
	f->batch.count = 0;
	flow_end_files(f->decoder, 8, &f->batch);
	assert_int_equal(f->batch.count, 0);
	flow_end_files(f->decoder, 7, &f->batch);
	assert_int_equal(f->batch.count, 1);
	assert_int_equal(f->decoder->counters.flows, 6);
}

static void loss_alone_puts_nothing_in_doubt(void **state)
{
	struct fixture *f = *state;

	f->sequence = 1000;
	assert_int_equal(export(f, UPTIME_MS, usual), 1);
	f->sequence = 1100;
	assert_int_equal(export(f, UPTIME_MS, NULL), 1);
	f->sequence = 50; /* an export process that began again tells its own first */
	assert_int_equal(export(f, UPTIME_MS, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_id_that_means_another_layout_after_a_start_is_not_read_by_the_old),
		TEST(one_that_is_told_again_is_what_it_was),
		TEST(what_nobody_tells_again_is_believed_after_a_minute),
		TEST(of_who_sends_more_than_may_wait_nothing_is_lost),
		TEST(files_that_end_before_are_read_by_what_they_told),
		TEST(loss_alone_puts_nothing_in_doubt),
	};

	return cmocka_run_group_tests_name("flow/doubt", tests, NULL, NULL);
}
