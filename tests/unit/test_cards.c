#include "proto/overlay/cards.h"
#include "tests/unit/wire_fixture.h"

#include <stdlib.h>

#define ROOM 3

static struct holder holders[ROOM + 1];

static int start(void **state)
{
	struct key_pair root;
	(void)state;

	if (sign_start() != ERR_OK)
		return -1;
	root = pair_of(0);
	for (uint8_t i = 0; i <= ROOM; i++)
		holders[i] = holder_of(&root, (uint8_t)(10 + i), "R", "Example");
	return 0;
}

static int setup(void **state)
{
	*state = cards_new(ROOM);
	return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	cards_free(*state);
	return 0;
}

static const struct held_card *keep(struct cards *c, size_t i)
{
	return cards_keep(c, &holders[i].card);
}

static const struct held_card *find(const struct cards *c, size_t i)
{
	const struct card *card = &holders[i].card;

	return cards_find(c, bytes_of(card->cert_blob.octets, card->cert_blob.len),
	                  bytes_of(card->record_blob.octets, card->record_blob.len));
}

static void a_card_is_kept_once_however_many_hold_it(void **state)
{
	const struct held_card *first = keep(*state, 0);

	assert_non_null(first);
	assert_true(id_equal(&first->card.id, &holders[0].card.id));
	assert_ptr_equal(keep(*state, 0), first);
	assert_ptr_equal(cards_share(first), first);
	assert_ptr_equal(find(*state, 0), first);
	cards_drop(*state, first);
	cards_drop(*state, first);
	assert_ptr_equal(find(*state, 0), first);
	cards_drop(*state, first);
	assert_null(find(*state, 0));
}

static void only_the_very_octets_are_found(void **state)
{
	struct card other = holders[0].card;
	struct bytes record = bytes_of(other.record_blob.octets, other.record_blob.len);
	struct bytes cert = bytes_of(other.cert_blob.octets, other.cert_blob.len);

	assert_non_null(keep(*state, 0));
	assert_non_null(cards_find(*state, cert, record));
	other.record_blob.octets[other.record_blob.len - 1] ^= 1;
	assert_null(cards_find(*state, cert, record));
	other.record_blob.octets[other.record_blob.len - 1] ^= 1;
	record.end--;
	assert_null(cards_find(*state, cert, record));
}

static void octets_longer_than_any_card_are_not_looked_for(void **state)
{
	static const uint8_t long_one[CERT_MAX + 1];

	assert_null(cards_find(*state, bytes_of(long_one, CERT_MAX + 1), bytes_of(long_one, 1)));
	assert_null(cards_find(*state, bytes_of(long_one, 1), bytes_of(long_one, RECORD_MAX + 1)));
}

static void a_full_pool_refuses_until_somebody_lets_go(void **state)
{
	const struct held_card *held[ROOM];

	for (size_t i = 0; i < ROOM; i++) {
		held[i] = keep(*state, i);
		assert_non_null(held[i]);
	}
	assert_null(keep(*state, ROOM));
	assert_ptr_equal(keep(*state, 1), held[1]); /* that one is here already */
	cards_drop(*state, held[1]);
	assert_null(keep(*state, ROOM));
	cards_drop(*state, held[1]);
	assert_non_null(keep(*state, ROOM));
	assert_null(find(*state, 1));
	assert_ptr_equal(find(*state, 0), held[0]);
	assert_ptr_equal(find(*state, 2), held[2]);
}

static void prints_tell_cards_apart(void **state)
{
	assert_true(keep(*state, 0)->print != keep(*state, 1)->print);
}

static void to_let_go_of_nothing_is_fine(void **state)
{
	cards_drop(*state, NULL);
	cards_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_card_is_kept_once_however_many_hold_it, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(only_the_very_octets_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(octets_longer_than_any_card_are_not_looked_for,
	                                        setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_pool_refuses_until_somebody_lets_go, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(prints_tell_cards_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(to_let_go_of_nothing_is_fine, setup, teardown),
	};

	return cmocka_run_group_tests_name("overlay/cards", tests, start, NULL);
}
