// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "user/base/err.h"

static void the_first_error_stands(void **state)
{
	struct err err = {};

	(void)state;
	assert_int_equal(err_set(&err, ENOENT, "cannot read %s", "this"), -ENOENT);
	assert_int_equal(err_set(&err, EIO, "cannot read that"), -ENOENT);
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "cannot read this");
	err_clear(&err);
	assert_int_equal(err.code, 0);
	assert_int_equal(err_set(&err, EIO, "cannot read that"), -EIO);
	assert_string_equal(err.text, "cannot read that");
}

static void what_is_too_long_is_cut_and_ended(void **state)
{
	struct err err = {};

	(void)state;
	assert_int_equal(err_set(&err, EIO, "%01000d", 7), -EIO);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void codes_have_names(void **state)
{
	(void)state;
	assert_string_equal(err_name(ENOENT), "ENOENT");
	assert_string_equal(err_name(-ENOENT), "ENOENT");
	assert_string_equal(err_name(EPERM), "EPERM");
	assert_string_equal(err_name(4095), "errno 4095");
	assert_string_equal(err_name(-4095), "errno 4095");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_error_stands),
		cmocka_unit_test(what_is_too_long_is_cut_and_ended),
		cmocka_unit_test(codes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
