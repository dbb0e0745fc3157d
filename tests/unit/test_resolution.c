/* Exporters that tell whole seconds, or cut them off: what is stated of their clocks holds. */
#include "tests/unit/message_fixture.h"

#define EVERY_MS 2000
#define MESSAGES 100
#define LATE_MS 100 /* a flow ends so long before its export */

/* How the records of a message tell their times. */
enum tells { UPTIME, UPTIME_SECONDS, MILLI, SECONDS, BEFORE, NOTHING };

struct exporter {
	const char *name;
	uint16_t version;
	enum tells tells;
	bool has_no_uptime; /* in its header */
	bool has_ms;        /* v5: in its header */
	int64_t bound_max_ms;
};

static const struct exporter exporters[] = {
	{"v5, milliseconds", 5, UPTIME, false, true, 60},
	{"v5, seconds in the header", 5, UPTIME, false, false, 1100},
	{"v5, seconds of uptime", 5, UPTIME_SECONDS, false, true, 600},
	{"v9, milliseconds", 9, UPTIME, false, false, 60},
	{"v9, seconds of uptime", 9, UPTIME_SECONDS, false, false, 600},
	{"v9, a clock's milliseconds", 9, MILLI, false, false, 600},
	{"v9, a clock's seconds", 9, SECONDS, false, false, 1100},
	{"v9, no uptime in the header", 9, UPTIME, true, false, 1100},
	{"v9, no time at all", 9, NOTHING, false, false, 600},
	{"IPFIX, milliseconds", 10, MILLI, false, false, 600},
	{"IPFIX, seconds", 10, SECONDS, false, false, 1100},
	{"IPFIX, before the export", 10, BEFORE, false, false, 1100},
	{"IPFIX, no time at all", 10, NOTHING, false, false, 1100},
};

static void overwrite(struct fixture *f, size_t at, uint64_t value)
{
	struct octets o = octets_of(f->wire + at, 4);

	octets_uint(&o, value, 4);
}

static void write_v5(struct fixture *f, uint32_t uptime, uint32_t end, int64_t clock_ms,
                     bool has_ms)
{
	f->version = 5;
	f->set = NULL;
	f->out = octets_of(f->wire, sizeof(f->wire));
	put(f, 5, 2), put(f, 1, 2), put(f, uptime, 4);
	put(f, (uint64_t)clock_ms / 1000, 4);
	put(f, has_ms ? (uint64_t)clock_ms % 1000 * 1000000 : 0, 4);
	put(f, f->sequence++, 4), put(f, 0, 4);
	for (int i = 0; i < 3; i++)
		put(f, 1, 8);
	put(f, end - 1000, 4), put(f, end, 4);
	put(f, 1, 8), put(f, 1, 8);
}

static void write_sets(struct fixture *f, const struct exporter *e, uint32_t uptime, uint32_t end,
                       int64_t clock_ms)
{
	static const uint16_t fields[][9] = {
		[UPTIME] = {8, 4, 12, 4, 21, 4, 0},  [UPTIME_SECONDS] = {8, 4, 12, 4, 21, 4, 0},
		[MILLI] = {8, 4, 12, 4, 153, 8, 0},  [SECONDS] = {8, 4, 12, 4, 151, 4, 0},
		[BEFORE] = {8, 4, 12, 4, 159, 4, 0}, [NOTHING] = {8, 4, 12, 4, 0}};
	const uint64_t values[] = {end, end, (uint64_t)(clock_ms - LATE_MS),
	                           (uint64_t)(clock_ms - LATE_MS) / 1000, LATE_MS * 1000};

	begin(f, e->version);
	set(f, template_set(f));
	template(f, 256, fields[e->tells]);
	set(f, 256);
	overwrite(f, e->version == 9 ? 8 : 4, (uint64_t)clock_ms / 1000);
	if (e->version == 9)
		overwrite(f, 4, e->has_no_uptime ? 0 : uptime);
	put(f, 0x0a04000a, 4), put(f, 0xcb007179, 4);
	if (e->tells != NOTHING)
		put(f, values[e->tells], fields[e->tells][5]);
	f->sequence++;
}

/* A flow that ended LATE_MS ago, or now where it does not say. */
static void export(struct fixture *f, const struct exporter *e, int64_t now_ms, int64_t ahead_ms)
{
	int64_t clock_ms = now_ms + ahead_ms, boot_ms = EXPORT_MS - 5000317;
	uint32_t uptime = (uint32_t)(now_ms - boot_ms), end = uptime - LATE_MS;

	if (e->tells == UPTIME_SECONDS)
		end -= end % 1000;
	f->origin.received_ms = now_ms + 2;
	if (e->version == 5)
		write_v5(f, uptime, end, clock_ms, e->has_ms);
	else
		write_sets(f, e, uptime, end, clock_ms);
	assert_string_equal(decode(f), "none");
	assert_int_equal(f->count, 1);
	flow_keep(f->decoder);
}

/* Off by no more than is said, which is no more than it need be. */
static void assert_stated(const struct fixture *f, const struct exporter *e,
                          const struct flow *flow, int64_t true_ms)
{
	struct clock_key key = {flow->exporter, flow->domain, flow->version};
	const struct clock_history *h = clocks_find(f->decoder->clocks, &key);
	struct clock_estimate known;
	int64_t error_ms;

	assert_non_null(h);
	assert_ok(clock_model_at(h, flow->received_ms, &known));
	error_ms = flow->end_ms + known.offset_ms - true_ms;
	if (error_ms > known.bound_ms || error_ms < -known.bound_ms ||
	    known.bound_ms > e->bound_max_ms)
		fail_msg("%s: off by %lld ms, bound %lld, at most %lld", e->name,
		         (long long)error_ms, (long long)known.bound_ms,
		         (long long)e->bound_max_ms);
}

/* `phase_ms`: where in its second it always exports; below 0: anywhere. */
static void run(struct fixture *f, const struct exporter *e, int64_t phase_ms, int64_t ahead_ms)
{
	int64_t late_ms = e->tells == NOTHING ? 0 : LATE_MS;
	struct flow flows[MESSAGES];
	int64_t true_ms[MESSAGES];

	flow_decoder_free(f->decoder);
	f->decoder = flow_decoder_new(8, 0);
	f->sequence = 0;
	for (int i = 0; i < MESSAGES; i++) {
		int64_t in_ms = phase_ms >= 0 ? phase_ms : i * 617 % 1000;
		int64_t now_ms = EXPORT_MS + EVERY_MS * i + in_ms;

		export(f, e, now_ms, ahead_ms);
		flows[i] = f->flows[0];
		true_ms[i] = now_ms - late_ms;
	}
	/* Of v9's first headers the start is not known to the millisecond yet. */
	for (int i = MESSAGES / 2; i < MESSAGES; i++)
		assert_stated(f, e, &flows[i], true_ms[i]);
}

static void what_is_stated_of_a_clock_holds_for_its_records(void **state)
{
	static const int64_t phases[] = {-1, 1, 300, 700, 990};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(exporters); i++) {
		for (size_t p = 0; p < ARRAY_LEN(phases); p++) {
			run(f, &exporters[i], phases[p], 0);
			run(f, &exporters[i], phases[p], -3600250);
		}
	}
}

static uint32_t resolution_of(const struct fixture *f)
{
	struct clock_key key = {f->origin.from.addr, 0, 10};
	const struct clock_history *h = clocks_find(f->decoder->clocks, &key);

	assert_non_null(h);
	return h->segments[h->count - 1].resolution_ms;
}

/* Now and then a record has no time; a third of them, and nobody knows which is meant. */
static void a_few_that_are_coarse_make_no_clock_coarse(void **state)
{
	const struct exporter milli = {.version = 10, .tells = MILLI};
	const struct exporter nothing = {.version = 10, .tells = NOTHING};
	struct fixture *f = *state;

	for (int64_t i = 0; i < 200; i++)
		export(f, i % 5 == 0 ? &nothing : &milli, EXPORT_MS + i * 1217, 0);
	assert_int_equal(resolution_of(f), 1);
	for (int64_t i = 200; i < 400; i++)
		export(f, i % 2 == 0 ? &nothing : &milli, EXPORT_MS + i * 1217, 0);
	assert_int_equal(resolution_of(f), CLOCK_COARSE_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_stated_of_a_clock_holds_for_its_records),
		TEST(a_few_that_are_coarse_make_no_clock_coarse),
	};

	return cmocka_run_group_tests_name("flow/resolution", tests, NULL, NULL);
}
