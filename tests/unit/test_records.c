// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where thread context records are, by what the files say: held against where they are in fact. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/whylate/thread_context.h"
#include "user/trace/records.h"

/* WHYLATE_THREAD_CONTEXT_DEFINE is in servers/server.c, which is linked with all tests. */

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

#if defined(__x86_64__)
#define BY_DESCRIPTOR "-mtls-dialect=gnu2"
#define BY_MODULE     "-mtls-dialect=gnu"
#else
#define BY_DESCRIPTOR "-mtls-dialect=desc"
#define BY_MODULE     "-mtls-dialect=trad"
#endif

#define BOTH                                                                                           \
	"__attribute__((visibility(\"default\"))) EXTERN __thread char *volatile otel_thread_ctx_v1, " \
	"whylate_thread_ctx_v1[11];"

/* Writes SOURCE into a file and compiles it. */
static void compile(const char *name, const char *flags, const char *source)
{
	char path[256], command[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.c", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%s\n", source);
	fclose(file);
	snprintf(command, sizeof(command), "gcc -w -O1 -o %s/%s %s %s", directory, name, path, flags);
	assert_int_equal(system(command), 0);
}

/* A library that has both and uses them, by that model, beside MORE of its own. */
static void make_library(const char *flags, const char *more)
{
	char source[2048], all_flags[256];

	snprintf(source, sizeof(source),
		 "#define EXTERN\n" BOTH "%s\n"
		 "char *record(void) { return (char *)&otel_thread_ctx_v1; }\n"
		 "char *state(void) { return (char *)whylate_thread_ctx_v1; }",
		 more);
	snprintf(all_flags, sizeof(all_flags), "-shared -fPIC -Wl,-z,now %s", flags);
	compile("library.so", all_flags, source);
}

static void remove_library(void)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/library.so", directory);
	assert_int_equal(unlink(path), 0);
}

/* What a running process says of itself, and what its files and its memory do; REMOVES: the library's file is
 * removed meanwhile. */
static enum records_found run_and_look(const char *name, bool removes, long real[2],
				       struct record_place *place)
{
	enum records_found found;
	char path[256];
	int out[2];
	FILE *said;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(out[1], STDOUT_FILENO);
		execl(path, path, directory, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	said = fdopen(out[0], "r");
	assert_non_null(said);
	assert_int_equal(fscanf(said, "%ld %ld.", &real[0], &real[1]), 2);
	if (removes)
		remove_library();
	found = records_of_process((uint32_t)pid, place);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fclose(said);
	return found;
}

#define SAY                                                                       \
	"printf(\"%%ld %%ld.\\n\", RECORD - (char *)__builtin_thread_pointer(), " \
	"STATE - (char *)__builtin_thread_pointer()); fflush(stdout); for (;;) pause(); }"

static void make_program(const char *head, const char *record, const char *flags)
{
	char source[2048];

	snprintf(source, sizeof(source),
		 "#include <dlfcn.h>\n#include <stdio.h>\n#include <sys/mman.h>\n#include <unistd.h>\n"
		 "#define EXTERN extern\n%s\nint main(int argc, char **argv) { %s " SAY,
		 head, record);
	compile("user", flags, source);
}

/* Linked with the library, which it asks where they are; the same, but it opens it; it refers to them itself.
 */
static void make_user(int kind)
{
	char flags[512];

	snprintf(flags, sizeof(flags), "%s/library.so -Wl,-rpath,%s", directory, directory);
	if (kind == 0)
		make_program("char *record(void), *state(void);\n#define RECORD record()\n#define STATE "
			     "state()",
			     "", flags);
	else if (kind == 1)
		make_program("#define RECORD record()\n#define STATE state()",
			     "char path[256]; char *(*record)(void), *(*state)(void); void *library; "
			     "snprintf(path, sizeof(path), \"%s/library.so\", argv[1]); "
			     "library = dlopen(path, RTLD_NOW); record = dlsym(library, \"record\"); "
			     "state = dlsym(library, \"state\");",
			     "");
	else
		make_program(BOTH "\n#define RECORD (char *)&otel_thread_ctx_v1\n#define STATE (char "
				  "*)whylate_thread_ctx_v1",
			     "", flags);
}

static void a_library_is_followed_where_it_has_static_room(void **state)
{
	static const char *const flags[] = { BY_DESCRIPTOR, "-ftls-model=initial-exec",
					     BY_DESCRIPTOR " -Wl,-Bsymbolic" };
	struct record_place place;
	long real[2];

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		make_library(flags[i],
			     i ? "" : "__thread char odd[77] = \"x\"; char *use(void) { return odd; }");
		assert_int_equal(look("library.so", &place), RECORDS_IN_LIBRARY); /* the file alone */
		for (int kind = 0; kind < 3; kind++) {
			make_user(kind);
			assert_int_equal(run_and_look("user", false, real, &place), RECORDS_FOLLOWED);
			assert_int_equal(place.has, PLACE_RECORD | PLACE_STATE);
			assert_int_equal(place.record, real[0]);
			assert_int_equal(place.state, real[1]);
		}
	}
}

/* A stack and its guard for each of many threads: they lie below the libraries, which were there before. */
static void a_library_behind_many_mappings(void **state)
{
	char flags[512];
	struct record_place place;
	long real[2];

	(void)state;
	make_library(BY_DESCRIPTOR, "");
	snprintf(flags, sizeof(flags), "%s/library.so -Wl,-rpath,%s", directory, directory);
	make_program("char *record(void), *state(void);\n#define RECORD record()\n#define STATE state()",
		     "for (int i = 0; i < 4000; i++) mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_NONE, "
		     "MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);",
		     flags);
	assert_int_equal(run_and_look("user", false, real, &place), RECORDS_FOLLOWED);
	assert_int_equal(place.record, real[0]);
}

/* A package was updated, and the server runs on with what it had. */
static void a_library_whose_file_is_gone(void **state)
{
	struct record_place place;
	long real[2];

	(void)state;
	make_library(BY_DESCRIPTOR, "");
	make_user(0);
	assert_int_equal(run_and_look("user", true, real, &place), RECORDS_FOLLOWED);
	assert_int_equal(place.record, real[0]);
}

static void a_library_without_is_named_and_not_followed(void **state)
{
	static const char *const more[] = { "", "__thread char large[1 << 20]; char *use(void) { return "
						"large; }" };
	static const char *const flags[] = { BY_MODULE, BY_DESCRIPTOR };
	struct record_place place;
	long real[2];

	(void)state;
	for (size_t i = 0; i < 2; i++) { /* no descriptors; more than the static room that is left */
		make_library(flags[i], more[i]);
		make_user(1);
		assert_int_equal(run_and_look("user", false, real, &place), RECORDS_IN_LIBRARY);
		assert_int_equal(place.has, 0);
	}
}

/* Cut off anywhere, and with bytes that are not right: nothing but an answer is expected. */
static void break_file(const char *name)
{
	static char bytes[65536];
	int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	struct record_place place;
	char path[256];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "re");
	assert_non_null(file);
	size = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/broken", directory);
	for (int i = 0; i < 2000; i++) {
		size_t at = (size_t)rand() % (i % 2 ? size : 1024);
		char was = bytes[at];
		int fd;

		bytes[at] = (char)rand();
		file = fopen(path, "we");
		assert_non_null(file);
		fwrite(bytes, 1, i % 3 ? size : (size_t)rand() % size, file);
		fclose(file);
		bytes[at] = was;
		assert_true(look("broken", &place) <= RECORDS_IN_LIBRARY);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(records_of_mapped(fd, memory, (uint64_t)bytes, &place) <= RECORDS_IN_LIBRARY);
		close(fd);
	}
	close(memory);
}

static void files_that_are_broken(void **state)
{
	(void)state;
	srand(1);
	make("program", "-rdynamic", "int use(void) { return 1; }");
	break_file("program");
	make_library(BY_DESCRIPTOR, "");
	break_file("library.so");
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
		cmocka_unit_test(a_library_is_followed_where_it_has_static_room),
		cmocka_unit_test(a_library_behind_many_mappings),
		cmocka_unit_test(a_library_whose_file_is_gone),
		cmocka_unit_test(a_library_without_is_named_and_not_followed),
		cmocka_unit_test(files_that_are_broken),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
