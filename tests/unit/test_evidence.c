#include "tests/unit/evidence_fixture.h"

static struct key_pair root;
static struct host_log host_log;

static int start(void **state)
{
	(void)state;
	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(90);
	log_make(&host_log, &root);
	return 0;
}

struct blob {
	uint8_t octets[EVIDENCE_MAX];
	size_t len;
};

static struct blob packed(const struct showing *s)
{
	struct blob b = {.len = sizeof(b.octets)};

	assert_ok(evidence_pack(s, b.octets, &b.len));
	return b;
}

static enum err opened(const struct blob *b, struct evidence *ret)
{
	return evidence_open(b->octets, b->len, &root.public, ret);
}

static void every_entry_is_proved_at_every_level(void **state)
{
	(void)state;

	for (size_t i = 1; i <= LOG_LEN; i++) {
		for (size_t shown = 1; shown <= EVIDENCE_PARTS; shown++) {
			struct showing s = show_entry(&host_log, i, shown);
			struct blob b = packed(&s);
			struct evidence e;

			assert_ok(opened(&b, &e));
			assert_int_equal(i, e.number);
			assert_int_equal(shown, e.shown);
			assert_string_equal("stone", e.card.cert.name);
			assert_int_equal(3, e.checkpoint.health.lost);
			for (size_t k = 0; k < EVIDENCE_PARTS; k++) {
				assert_int_equal(k < shown ? PART_LEN : 0, bytes_left(&e.parts[k]));
				if (k < shown)
					assert_memory_equal(e.parts[k].at, host_log.parts[i][k],
					                    PART_LEN);
			}
		}
	}
}

static void what_is_withheld_is_not_in_it(void **state)
{
	struct showing s = show_entry(&host_log, 5, 1);
	struct blob b = packed(&s);
	(void)state;

	assert_null(memmem(b.octets, b.len, host_log.parts[5][1], PART_LEN));
	assert_null(memmem(b.octets, b.len, host_log.leaves[5].salts[1], EVIDENCE_SALT));
}

static void no_bit_of_it_can_be_changed(void **state)
{
	struct showing s = show_entry(&host_log, 20, 2);
	const struct blob sound = packed(&s);
	(void)state;

	for (size_t bit = 0; bit < 8 * sound.len; bit++) {
		struct blob bent = sound;
		struct evidence e;

		bent.octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(ERR_OK, opened(&bent, &e));
	}
}

static void it_cannot_be_cut_short_or_added_to(void **state)
{
	struct showing s = show_entry(&host_log, 20, 3);
	struct blob b = packed(&s);
	struct evidence e;
	size_t whole = b.len;
	(void)state;

	for (b.len = 0; b.len < whole; b.len++)
		assert_int_not_equal(ERR_OK, opened(&b, &e));
	b.len = whole + 1;
	assert_int_not_equal(ERR_OK, opened(&b, &e));
}

static void what_is_not_so_is_refused_by_its_reason(void **state)
{
	struct key_pair stranger = pair_of(91);
	struct holder member = holder_of(&root, 30, "stone", "Example");
	struct showing s;
	struct blob b;
	struct evidence e;
	(void)state;

	s = show_entry(&host_log, 18, 1);
	b = packed(&s);
	assert_err(ERR_ROOT, evidence_open(b.octets, b.len, &stranger.public, &e));
	s.card = &member.card;
	b = packed(&s);
	assert_err(ERR_DENIED, opened(&b, &e));

	s = show_entry(&host_log, 18, 1);
	s.leaf = &host_log.leaves[19];
	b = packed(&s);
	assert_err(ERR_AUTH, opened(&b, &e)); /* another entry in its place */

	s = show_entry(&host_log, 18, 1);
	s.number = 17;
	b = packed(&s);
	assert_err(ERR_FORMAT, opened(&b, &e)); /* its leaves do not reach the checkpoint */

	s = show_entry(&host_log, 18, 1);
	s.before = host_log.heads[3];
	b = packed(&s);
	assert_err(ERR_AUTH, opened(&b, &e));

	s = show_entry(&host_log, 18, 1);
	s.after_count = EVIDENCE_SPAN;
	b.len = sizeof(b.octets);
	assert_err(ERR_LIMIT, evidence_pack(&s, b.octets, &b.len));
}

/* Signed by the right key, for another host's log. */
static void a_checkpoint_of_another_host_proves_nothing(void **state)
{
	struct checkpoint c = checkpoint_at(&host_log, 32);
	struct showing s = show_entry(&host_log, 20, 1);
	struct checkpoint_blob blob;
	struct evidence e;
	struct blob b;
	(void)state;

	c.host.octets[0] ^= 1;
	checkpoint_sign(&c, &host_log.host.operational, &blob);
	s.checkpoint = &blob;
	b = packed(&s);
	assert_err(ERR_AUTH, opened(&b, &e));
}

static void keys_count_when_the_checkpoint_was_made(void **state)
{
	static const int64_t times[] = {NOON - 2 * DAY, NOON + 2 * DAY};
	struct showing s = show_entry(&host_log, 20, 1);
	struct checkpoint_blob blob;
	struct evidence e;
	struct blob b;
	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct checkpoint c = checkpoint_at(&host_log, 32);

		c.at.ms = times[i];
		checkpoint_sign(&c, &host_log.host.operational, &blob);
		s.checkpoint = &blob;
		b = packed(&s);
		assert_err(ERR_EXPIRED, opened(&b, &e));
	}
}

static void fill(char *text, size_t room)
{
	memset(text, 'x', room - 1);
	text[room - 1] = '\0';
}

static void the_largest_of_everything_fits(void **state)
{
	struct checkpoint c = checkpoint_at(&host_log, 32), back;
	static uint8_t parts[EVIDENCE_PARTS][EVIDENCE_PART_MAX];
	const size_t lens[] = {296, 72, 80};
	struct showing s = show_entry(&host_log, 17, EVIDENCE_PARTS);
	struct card card = host_log.host.card;
	struct leaf leaf = host_log.leaves[17];
	struct checkpoint_blob blob;
	struct blob b = {.len = sizeof(b.octets)};
	(void)state;

	memset(&c.health, 0, sizeof(c.health));
	c.health.taint = c.health.hooks = c.health.blind = UINT64_MAX;
	c.health.lost = c.health.lost_tasks = c.health.lost_flows = UINT64_MAX;
	c.health.canaries = c.health.canaries_seen = UINT64_MAX;
	c.health.is_ftrace_off = true;
	c.health.canary_ms = INT64_MIN;
	fill(c.health.kind, sizeof(c.health.kind));
	fill(c.health.version, sizeof(c.health.version));
	fill(c.health.build, sizeof(c.health.build));
	fill(c.health.kernel, sizeof(c.health.kernel));
	fill(c.health.boot_id, sizeof(c.health.boot_id));
	fill(c.health.lockdown, sizeof(c.health.lockdown));
	c.count = UINT64_MAX;
	c.at.ms = INT64_MIN;
	checkpoint_sign(&c, &host_log.host.operational, &blob);
	assert_ok(checkpoint_open(blob.octets, blob.len, &host_log.host.operational.public, &back));
	assert_memory_equal(&c.health, &back.health, sizeof(c.health));
	for (size_t k = 0; k < EVIDENCE_PARTS; k++)
		leaf.parts[k] = bytes_of(parts[k], lens[k]);
	card.cert_blob.len = CERT_MAX;
	card.record_blob.len = RECORD_MAX;
	blob.len = CHECKPOINT_MAX;
	s.card = &card;
	s.leaf = &leaf;
	s.checkpoint = &blob;
	s.number = UINT64_MAX;
	assert_int_equal(EVIDENCE_SPAN - 1, s.after_count);
	assert_ok(evidence_pack(&s, b.octets, &b.len));
}

static void a_text_that_would_move_a_terminal_is_left_out_and_refused(void **state)
{
	struct checkpoint c = checkpoint_at(&host_log, 1), back;
	struct checkpoint_blob blob;
	uint8_t *at;
	(void)state;

	snprintf(c.health.kernel, sizeof(c.health.kernel), "6.1\033[2J");
	checkpoint_sign(&c, &host_log.host.operational, &blob);
	assert_ok(checkpoint_open(blob.octets, blob.len, &host_log.host.operational.public, &back));
	assert_string_equal("", back.health.kernel);
	at = memmem(blob.octets, blob.len, "kmod", 4);
	assert_non_null(at);
	*at = '\033';
	assert_err(ERR_FORMAT, checkpoint_open(blob.octets, blob.len,
	                                       &host_log.host.operational.public, &back));
}

static void garbage_is_no_evidence(void **state)
{
	struct evidence e;
	uint8_t room[256];
	uint32_t x = 1;
	(void)state;

	for (int i = 0; i < 20000; i++) {
		for (size_t k = 0; k < sizeof(room); k++)
			room[k] = (uint8_t)((x = x * 1664525u + 1013904223u) >> 24);
		room[0] = 0x98;
		room[1] = (uint8_t)(i % 3);
		assert_int_not_equal(ERR_OK,
		                     evidence_open(room, x % sizeof(room), &root.public, &e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_entry_is_proved_at_every_level),
		cmocka_unit_test(what_is_withheld_is_not_in_it),
		cmocka_unit_test(no_bit_of_it_can_be_changed),
		cmocka_unit_test(it_cannot_be_cut_short_or_added_to),
		cmocka_unit_test(what_is_not_so_is_refused_by_its_reason),
		cmocka_unit_test(a_checkpoint_of_another_host_proves_nothing),
		cmocka_unit_test(keys_count_when_the_checkpoint_was_made),
		cmocka_unit_test(the_largest_of_everything_fits),
		cmocka_unit_test(a_text_that_would_move_a_terminal_is_left_out_and_refused),
		cmocka_unit_test(garbage_is_no_evidence),
	};

	return cmocka_run_group_tests_name("wire/evidence", tests, start, NULL);
}
