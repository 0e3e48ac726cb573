// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where thread context records are, by what the files say: held against where they are in fact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/whylate/thread_context.h"
#include "user/trace/records.h"

WHYLATE_THREAD_CONTEXT_DEFINE;

#define SAME_PLACE(field)                                                     \
	_Static_assert(offsetof(struct record_thread, field) ==               \
			       offsetof(struct whylate_thread_ctx_v1, field), \
		       "read as it is written")
SAME_PLACE(request);
SAME_PLACE(since_ns);
SAME_PLACE(waited_ns);
SAME_PLACE(left_until_ns);
SAME_PLACE(left_since_ns);
SAME_PLACE(left_request);
SAME_PLACE(left_trace_id);
_Static_assert(sizeof(struct record_thread) == sizeof(struct whylate_thread_ctx_v1), "read as it is written");

static char directory[] = "/tmp/whylate-records-XXXXXX";

static void this_process_has_them_where_it_says(void **state)
{
	const char *pointer = __builtin_thread_pointer();
	struct record_place place;

	(void)state;
	assert_int_equal(records_of_process((uint32_t)getpid(), &place), RECORDS_FOLLOWED);
	assert_int_equal(place.has, PLACE_RECORD | PLACE_STATE);
	assert_ptr_equal(pointer + place.record, &otel_thread_ctx_v1);
	assert_ptr_equal(pointer + place.state, &whylate_thread_ctx_v1);
}

/* A program whose TLS segment has MORE in it and is aligned so; it prints where its record is. */
static void make(const char *name, const char *flags, const char *more)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "printf '%%s\\n' '#include <stdio.h>' 'struct r;' '%s' "
		 "'__attribute__((visibility(\"default\"))) __thread struct r *volatile otel_thread_ctx_v1;' "
		 "'int main(void) { printf(\"%%ld\", (char *)&otel_thread_ctx_v1 - "
		 "(char *)__builtin_thread_pointer()); return !use(); }' | gcc -w -O1 %s -o %s/%s -x c -",
		 more, flags, directory, name);
	assert_int_equal(system(command), 0);
}

static enum records_found look(const char *name, struct record_place *place)
{
	char path[256];
	enum records_found found;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	found = records_of_file(fd, place);
	close(fd);
	return found;
}

static long printed_by(const char *name)
{
	char path[256];
	long place = 0;
	FILE *program;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	program = popen(path, "r");
	assert_non_null(program);
	assert_int_equal(fscanf(program, "%ld", &place), 1);
	assert_int_equal(pclose(program), 0);
	return place;
}

static void executables_of_any_kind(void **state)
{
	static const char *const flags[] = { "-no-pie", "-pie", "-static", "-rdynamic -s" };
	static const char *const more[] = {
		"int use(void) { return 1; }",
		"__thread char odd[13] = \"x\"; int use(void) { return odd[0]; }",
		"__thread char odd[3]; __thread long at __attribute__((aligned(256))) = 1; "
		"int use(void) { return odd[0] + at; }",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		for (size_t j = 0; j < sizeof(more) / sizeof(more[0]); j++) {
			struct record_place place;

			make("program", flags[i], more[j]);
			assert_int_equal(look("program", &place), RECORDS_FOLLOWED);
			assert_int_equal(place.has, PLACE_RECORD);
			assert_int_equal(place.record, printed_by("program"));
		}
	}
}

static void what_has_none(void **state)
{
	struct record_place place;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(records_of_file(fd, &place), RECORDS_NONE);
	close(fd);
	make("stripped", "-s", "int use(void) { return 1; }");
	assert_int_equal(look("stripped", &place), RECORDS_NONE);
	assert_int_equal(records_of_process(UINT32_MAX, &place), RECORDS_NONE);
	assert_int_equal(place.has, 0);
}

static void a_library_is_named_and_not_followed(void **state)
{
	struct record_place place;

	(void)state;
	make("library.so", "-shared -fPIC", "int use(void) { return 1; }");
	assert_int_equal(look("library.so", &place), RECORDS_IN_LIBRARY);
	assert_int_equal(place.has, 0);
}

/* Cut off anywhere, and with bytes that are not right: nothing but an answer is expected. */
static void files_that_are_broken(void **state)
{
	static char bytes[65536];
	struct record_place place;
	char path[256];
	size_t size;
	FILE *file;

	(void)state;
	srand(1);
	make("program", "-rdynamic", "int use(void) { return 1; }");
	snprintf(path, sizeof(path), "%s/program", directory);
	file = fopen(path, "re");
	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/broken", directory);
	for (int i = 0; i < 2000; i++) {
		size_t at = (size_t)rand() % (i % 2 ? size : 1024);
		char was = bytes[at];

		bytes[at] = (char)rand();
		file = fopen(path, "we");
		assert_non_null(file);
		fwrite(bytes, 1, i % 3 ? size : (size_t)rand() % size, file);
		fclose(file);
		bytes[at] = was;
		assert_true(look("broken", &place) <= RECORDS_IN_LIBRARY);
	}
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(this_process_has_them_where_it_says),
		cmocka_unit_test(executables_of_any_kind),
		cmocka_unit_test(what_has_none),
		cmocka_unit_test(a_library_is_named_and_not_followed),
		cmocka_unit_test(files_that_are_broken),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
