/* test - what every unit test includes: cmocka, and assertions that speak spoor's types. */
#ifndef SPOOR_TESTS_UNIT_TEST_H
#define SPOOR_TESTS_UNIT_TEST_H

#include "base/err.h"
#include "base/util.h"

/* cmocka.h does not include what it needs. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

/* Compares texts, so that a failure reads "success" != "input ends early". */
#define assert_err(expected, actual) assert_string_equal(err_text(expected), err_text(actual))
#define assert_ok(actual) assert_err(ERR_OK, actual)

#endif
