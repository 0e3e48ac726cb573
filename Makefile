# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One Makefile for all; everything that it makes lies under $(BUILD).

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:

# What begins with two hashes is a line of `make help`.
## PREFIX=DIR                   install below it instead of /usr/local
PREFIX    ?= /usr/local
## DESTDIR=DIR                  install as if that were /
DESTDIR   ?=
## SANITIZER=address,undefined  build with sanitizers, beside the plain build
SANITIZER ?=
## V=1                          show the commands
V         ?= 0
## CI=1                         a warning is an error
CI        ?=
## BUILD=DIR                    build there instead of build/
comma     := ,
BUILD     ?= build$(if $(SANITIZER),/san-$(subst $(comma),-,$(SANITIZER)))
# What `make test` runs the tests on once more.
SAN       := address,undefined
SAN_BUILD := $(BUILD)/san-address-undefined

ifeq ($(V),1)
  Q :=
  say = @:
else
  Q := @
  say = @printf '  %-7s %s\n'
endif

ifeq ($(origin CC),default)
  CC := gcc
endif
CLANG      ?= clang
PKG_CONFIG ?= pkg-config
LIBS       := libbpf libelf zlib jansson
SERVER_LIBS := libcrypto

# Goals that need no tools: they must work on a machine that has none yet.
BARE := help setup clean uninstall demo example test test-tsan check-vm check-aarch64 bench lint format peers
ifneq ($(filter-out $(BARE),$(or $(MAKECMDGOALS),all)),)
  BPFTOOL ?= $(shell tools/find-bpftool)
  BPFTOOL := $(BPFTOOL)

  # $(call need,COMMAND,PACKAGE), $(call lib,MODULE,PACKAGE) and $(call header,FILE,PACKAGE): nothing, or the line
  # that says what to do.
  need = $(if $(shell command -v $(1)),,$(warning $(1) is missing: install the package $(2))missing)
  lib = $(if $(shell $(PKG_CONFIG) --exists '$(1)' && echo y),,$(warning $(1) is missing: install the package $(2))missing)
  header = $(if $(shell printf '\043include <$(1)>\n' | $(CC) -E - >/dev/null 2>&1 && echo y),,$(warning $(1) is missing: install the package $(2))missing)
  MISSING := $(call need,$(CC),gcc) $(call need,$(CLANG),clang) $(call need,$(or $(BPFTOOL),bpftool),bpftool)
  ifneq ($(shell command -v $(PKG_CONFIG)),)
    MISSING += $(call lib,libbpf >= 1.1,libbpf-dev) $(call lib,libelf,libelf-dev)
    MISSING += $(call lib,zlib,zlib1g-dev) $(call lib,jansson,libjansson-dev)
    MISSING += $(call lib,libcrypto >= 3.0,libssl-dev) $(call lib,liburing >= 2.3,liburing-dev)
    MISSING += $(call header,sys/sdt.h,systemtap-sdt-dev)
    ifneq ($(filter all tests unit,$(or $(MAKECMDGOALS),all)),)
      MISSING += $(call lib,cmocka,libcmocka-dev)
    endif
  else
    MISSING += $(call need,$(PKG_CONFIG),pkg-config)
  endif
  ifneq ($(strip $(MISSING)),)
    $(error something is missing; tools/setup --tests installs all of it)
  endif
endif

# Of what the compiler makes, not of what it runs on.
MACHINE := $(or $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null))),$(shell uname -m))
ARCH := $(subst aarch64,arm64,$(subst x86_64,x86,$(MACHINE)))
WERROR := $(if $(CI)$(DEVELOPER),-Werror)
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(BUILD)/include -Wall -Wextra -Wshadow -Wconversion \
	-Wno-sign-conversion $(CPPFLAGS) $(CFLAGS) \
	$(if $(SANITIZER),-fsanitize=$(SANITIZER) -fno-omit-frame-pointer -fno-sanitize-recover=all)
FUZZ_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(BUILD)/include -O1 -g -Wall -Wextra \
	-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -I. \
	$(addprefix -I,$(wildcard /usr/include/$(MACHINE)-linux-gnu)) -Wall $(WERROR) -ffile-prefix-map=$(CURDIR)=.
LDLIBS = $(shell $(PKG_CONFIG) --libs $(LIBS)) -lm
SERVER_LDLIBS = -pthread $(shell $(PKG_CONFIG) --libs $(SERVER_LIBS))
LOAD_LDLIBS = -pthread $(shell $(PKG_CONFIG) --libs jansson zlib) -lm
TEST_LDLIBS = $(LDLIBS) $(SERVER_LDLIBS)

AGENT_SRC := $(wildcard user/*.c user/*/*.c)
AGENT_OBJ := $(AGENT_SRC:%.c=$(BUILD)/obj/%.o)
# A reference server is its model's source and what all share.
MODELS    := event-loop multi-reactor thread-per-connection thread-pool prefork async-pool io-uring green-threads
MODEL_SRC := $(patsubst %,servers/%.c,$(subst -,_,$(MODELS)))
# What io-uring and green-threads alone need, so that the others are not linked with what they do not use.
RING_SRC  := $(wildcard servers/ring*.c)
RING_OBJ  := $(RING_SRC:%.c=$(BUILD)/obj/%.o)
GREEN_SRC := $(filter-out $(MODEL_SRC),$(wildcard servers/green*.c))
GREEN_OBJ := $(GREEN_SRC:%.c=$(BUILD)/obj/%.o)
# The load generator.
LOAD_SRC  := $(wildcard tools/load/*.c)
LOAD_OBJ  := $(LOAD_SRC:%.c=$(BUILD)/obj/%.o)
SERVER_SRC := $(filter-out $(MODEL_SRC) servers/main.c $(RING_SRC) $(GREEN_SRC),$(wildcard servers/*.c))
SERVER_OBJ := $(SERVER_SRC:%.c=$(BUILD)/obj/%.o)
BASE_OBJ  := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard user/base/*.c))
# The servers write no JSON by the library that this needs.
SERVER_BASE_OBJ := $(filter-out $(BUILD)/obj/user/base/json_writer.o,$(BASE_OBJ))
TEST_OBJ  := $(filter-out $(BUILD)/obj/user/main.o $(BUILD)/obj/user/cmd_%.o,$(AGENT_OBJ)) $(SERVER_OBJ) $(GREEN_OBJ) \
	$(filter-out $(BUILD)/obj/tools/load/main.o,$(LOAD_OBJ))
FUZZ_OBJ  := $(TEST_OBJ:$(BUILD)/obj/%=$(BUILD)/fuzz/obj/%)
BPF_OBJ   := $(patsubst bpf/%.bpf.c,$(BUILD)/obj/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
TEST_BIN  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c tests/property/test_*.c))
FUZZ      := $(patsubst tests/fuzz/test_%.c,%,$(wildcard tests/fuzz/test_*.c))
REPLAY_BIN := $(FUZZ:%=$(BUILD)/tests/fuzz/test_%)
# The rest of httpd, of httpc and of scripted.
WORK_PARTS := $(wildcard tests/workloads/httpd_*.c tests/workloads/httpc_*.c tests/workloads/scripted_*.c)
WORK_BIN  := $(patsubst tests/workloads/%.c,$(BUILD)/workloads/%,$(filter-out \
	$(if $(filter x86,$(ARCH)),,%/blocked32.c) $(WORK_PARTS),$(wildcard tests/workloads/*.c))) \
	$(addprefix $(BUILD)/workloads/,httpd_record httpd-library) \
	$(patsubst tools/bench/%.c,$(BUILD)/bench/%,$(wildcard tools/bench/*.c))
# What guests of tools/vm/run start with: in one place for all builds, beside the kernels.
VM        := $(or $(WHYLATE_VM),build/vm)
VM_WORK   := $(addprefix $(BUILD)/static/workloads/,blocked calls forkstorm hogs httpc httpd pingpong sleepers)

SERVERS   := $(MODELS:%=$(BUILD)/servers/%)

.PHONY: all agent servers load peers static vm unit tests test test-tsan check-vm check-aarch64 bench fuzz lint format demo example setup install uninstall clean help FORCE

all: agent servers load tests ## build the agent, the servers, the load generator and the tests

agent: $(BUILD)/agent ## build the agent

$(BUILD)/agent: $(AGENT_OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS)

servers: $(SERVERS) ## build the reference servers, one for each concurrency model

$(BUILD)/servers/io-uring: $(RING_OBJ)
$(BUILD)/servers/green-threads: $(GREEN_OBJ)
$(BUILD)/servers/io-uring: RING_LIBS = $(shell $(PKG_CONFIG) --libs liburing)

.SECONDEXPANSION:
$(SERVERS): $(BUILD)/servers/%: $(BUILD)/obj/servers/$$(subst -,_,$$*).o $(BUILD)/obj/servers/main.o $(SERVER_OBJ) $(SERVER_BASE_OBJ)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(SERVER_LDLIBS) $(RING_LIBS)

load: $(BUILD)/load ## build the load generator

$(BUILD)/load: $(LOAD_OBJ) $(BASE_OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(LOAD_LDLIBS)

peers: ## build what to compare the servers with, in Go and Rust, as far as these are there
	$(Q)servers/peers/build $(BUILD)

static: $(BUILD)/static/agent ## build the agent as one file that needs no library

$(BUILD)/static/agent: $(AGENT_OBJ)
	$(say) STATIC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -static $^ -o $@ $(shell $(PKG_CONFIG) --static --libs $(LIBS)) -lm

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(BUILD)/include/version.h
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(WERROR) -MMD -MP -c $< -o $@

$(addprefix $(BUILD)/obj/user/trace/,tracer.o tracer_read.o tracer_requests.o tracer_records.o sockethooks.o): \
	$(BUILD)/include/whylate.skel.h

$(BUILD)/obj/bpf/%.bpf.o: bpf/%.bpf.c $(BUILD)/flags
	$(say) BPF $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/whylate.bpf.o: $(BPF_OBJ)
	$(say) BPFLINK $@
	$(Q)$(BPFTOOL) gen object $@ $^

$(BUILD)/include/whylate.skel.h: $(BUILD)/obj/whylate.bpf.o
	$(say) SKEL $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name whylate > $@

# $(call keep,COMMAND): the target is what COMMAND prints, and is touched only when that changes,
# so that nothing is built again for it.
keep = mkdir -p $(@D); $(1) | cmp -s - $@ 2>/dev/null || $(1) > $@

$(BUILD)/include/version.h: VERSION FORCE
	$(Q)$(call keep,printf '#define WHYLATE_VERSION "%s"\n' "$$(cat VERSION)")

# Other flags or another compiler: everything is built again.
$(BUILD)/flags: FORCE
	$(Q)$(call keep,printf '%s\n' '$(subst ','\'',$(CC) $(ALL_CFLAGS) $(WERROR) $(LDFLAGS) $(CLANG) $(BPF_CFLAGS))')

tests: $(TEST_BIN) $(REPLAY_BIN) $(WORK_BIN) $(BUILD)/bench/multitude ## build the tests without running them

# Only what is linked here calls the test's own; libc and cmocka keep theirs.
$(BUILD)/tests/unit/test_alloc: TEST_LDFLAGS := $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc strdup free)

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_OBJ)
	$(say) TEST $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(TEST_LDFLAGS) $^ -o $@ $(TEST_LDLIBS) $(shell $(PKG_CONFIG) --libs cmocka)

# The targets of tests/fuzz on their corpora, without libFuzzer.
$(BUILD)/tests/fuzz/test_%: tests/fuzz/test_%.c tests/fuzz/replay.c $(wildcard tests/fuzz/*.h) $(TEST_OBJ)
	$(say) TEST $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(WERROR) -DCORPUS='"tests/fuzz/corpus/$*"' $(filter %.c,$^) $(TEST_OBJ) -o $@ $(TEST_LDLIBS)

# And with it: clang's, so all of the agent is built again beside the rest.
## FUZZ_SECONDS=N               how long make fuzz takes for each target, instead of 60
FUZZ_SECONDS ?= 60
FUZZ_BIN := $(FUZZ:%=$(BUILD)/fuzz/%)

$(BUILD)/fuzz/obj/%.o: %.c | $(BUILD)/include/version.h $(BUILD)/include/whylate.skel.h
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c $< -o $@

$(BUILD)/fuzz/report: FUZZ_EXTRA := tests/fuzz/mutate_json.c
$(BUILD)/fuzz/%: tests/fuzz/test_%.c tests/fuzz/mutate_json.c $(wildcard tests/fuzz/*.h) $(FUZZ_OBJ)
	$(say) FUZZ $@
	$(Q)[ -e "$$($(CLANG) -print-file-name=libclang_rt.fuzzer-$$(uname -m).a)" ] || { \
		echo "libFuzzer is missing: tools/setup --fuzz installs it"; exit 1; }
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $< $(FUZZ_EXTRA) $(FUZZ_OBJ) -o $@ $(TEST_LDLIBS)

fuzz: $(FUZZ_BIN) ## fuzz what parses, each target for FUZZ_SECONDS (60); a crash is left in build/fuzz
	$(Q)for name in $(FUZZ); do \
		echo "fuzz $$name for $(FUZZ_SECONDS) s"; mkdir -p $(BUILD)/fuzz/found/$$name; \
		$(BUILD)/fuzz/$$name -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -print_final_stats=1 \
			-timeout=10 -rss_limit_mb=1024 -max_len=65536 -artifact_prefix=$(BUILD)/fuzz/$$name- \
			$$([ ! -e tests/fuzz/dict/$$name ] || echo -dict=tests/fuzz/dict/$$name) \
			$(BUILD)/fuzz/found/$$name tests/fuzz/corpus/$$name || exit 1; \
	done

$(BUILD)/workloads/%: tests/workloads/%.c
	$(say) WORK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -O2 -Wall -Wextra -pthread -MMD -MP $(filter %.c,$^) -o $@ $(WORK_LIBS)

# The list of headers that the compiler writes is of the last source alone.
$(BUILD)/workloads/httpd $(BUILD)/static/workloads/httpd: $(filter tests/workloads/httpd_%,$(WORK_PARTS)) \
	$(wildcard tests/workloads/*.h)
$(BUILD)/workloads/httpc $(BUILD)/static/workloads/httpc: $(filter tests/workloads/httpc_%,$(WORK_PARTS)) \
	user/analysis/quantile.c $(wildcard tests/workloads/*.h)
$(BUILD)/workloads/scripted: $(filter tests/workloads/scripted_%,$(WORK_PARTS)) $(wildcard tests/workloads/*.h)

$(foreach name,blocked httpd,$(BUILD)/workloads/$(name) $(BUILD)/static/workloads/$(name)): WORK_LIBS = $(shell $(PKG_CONFIG) --libs liburing)

$(BUILD)/workloads/no_memory $(BUILD)/workloads/no_threads: WORK_LIBS = -shared -fPIC

# httpd once more, what its threads work for being said by a library, and that by descriptors, as OTEP 4947 wants.
$(BUILD)/workloads/httpd_record: WORK_LIBS = -shared -fPIC -mtls-dialect=$(if $(filter x86,$(ARCH)),gnu2,desc) \
	-Wl,-z,now -Wl,-soname,$(@F)

HTTPD_PROGRAM := tests/workloads/httpd.c $(filter-out %/httpd_record.c,$(filter tests/workloads/httpd_%,$(WORK_PARTS)))

$(BUILD)/workloads/httpd-library: $(HTTPD_PROGRAM) $(BUILD)/workloads/httpd_record $(wildcard tests/workloads/*.h)
	$(say) WORK $@
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -O2 -Wall -Wextra -pthread $(HTTPD_PROGRAM) $(@D)/httpd_record \
		'-Wl,-rpath,$$ORIGIN' -o $@ $(shell $(PKG_CONFIG) --libs liburing)

$(BUILD)/workloads/blocked32: tests/workloads/blocked32.c
	$(say) WORK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -m32 -nostdlib -static -no-pie -ffreestanding -fno-stack-protector -O2 -Wall -Wextra -MMD -MP $< -o $@

$(BUILD)/bench/%: tools/bench/%.c
	$(say) BENCH $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -pthread -MMD -MP $< -o $@ -lm

$(BUILD)/static/workloads/%: tests/workloads/%.c
	$(say) STATIC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -I. -O2 -Wall -Wextra -pthread -static -MMD -MP $(filter %.c,$^) -o $@ $(WORK_LIBS)

$(VM)/initramfs.cpio: tools/vm/initramfs tools/vm/init $(BUILD)/static/agent $(VM_WORK)
	$(say) CPIO $@
	$(Q)mkdir -p $(@D)
	$(Q)tools/vm/initramfs $@ $(filter $(BUILD)/static/%,$^)

vm: $(VM)/initramfs.cpio ## pack the static agent and workloads for tools/vm/run
	@:

unit: tests ## run the tests that need no root
	$(Q)BUILD=$(BUILD) tests/run unit/ property/ fuzz/

# As many jobs as CPUs, unless make was told a number.  With SANITIZER= given: on that build alone.
JOBS = $(if $(filter -j%,$(MAKEFLAGS)),,-j$$(nproc))

test: ## set up what is missing, build, run every test, then again under ASan and UBSan
	$(Q)tools/setup --quiet --tests --vm
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)$(MAKE) --no-print-directory $(JOBS) vm SANITIZER=
	$(Q)$(MAKE) --no-print-directory peers
ifeq ($(SANITIZER),)
	$(Q)$(MAKE) --no-print-directory $(JOBS) all SANITIZER=$(SAN) BUILD=$(SAN_BUILD)
endif
	$(Q)BUILD="$(BUILD)$(if $(SANITIZER),, $(SAN_BUILD))" tests/run

# What the servers' tests run beside them.
SERVER_WORK = $(addprefix workloads/,httpc no_memory no_threads) bench/multitude
# And the load generator's.
LOAD_WORK = load workloads/scripted
# What needs no agent.
LOAD_TESTS = $(patsubst tests/%,%,$(filter-out %/test_client_of_agent,$(wildcard tests/load/test_*)))

test-tsan: ## set up what is missing, run the servers' and the load generator's tests under ThreadSanitizer
	$(Q)tools/setup --quiet --tests
	$(Q)$(MAKE) --no-print-directory $(JOBS) $(addprefix $(BUILD)/san-thread/,$(MODELS:%=servers/%) $(SERVER_WORK) $(LOAD_WORK)) \
		SANITIZER=thread BUILD=$(BUILD)/san-thread
	$(Q)BUILD=$(BUILD)/san-thread tests/run servers/ $(LOAD_TESTS)

# Servers for another architecture, and in qemu/ what tests/run takes for a build of them, but for the ring: the
# emulator has none of its calls.
AARCH64 := $(abspath $(BUILD))/aarch64
QEMU_MODELS := $(filter-out io-uring,$(MODELS))

check-aarch64: ## set up what is missing, build the servers for aarch64, test them under qemu-user
	$(Q)tools/setup --quiet --aarch64
	$(Q)tools/aarch64/root $(AARCH64)/root
	$(Q)$(MAKE) --no-print-directory $(JOBS) servers BUILD=$(AARCH64) CC="aarch64-linux-gnu-gcc --sysroot=$(AARCH64)/root"
	$(Q)$(MAKE) --no-print-directory $(JOBS) $(SERVER_WORK:%=$(AARCH64)/qemu/%) BUILD=$(AARCH64)/qemu
	$(Q)mkdir -p $(AARCH64)/qemu/servers
	$(Q)for model in $(QEMU_MODELS); do \
		printf '#!/bin/sh\nexec qemu-aarch64-static -L %s %s "$$@"\n' $(AARCH64)/root $(AARCH64)/servers/$$model \
			>$(AARCH64)/qemu/servers/$$model; chmod +x $(AARCH64)/qemu/servers/$$model; \
	done
	$(Q)BUILD=$(AARCH64)/qemu tests/run $(addprefix servers/test_,conformance drain stats timeouts)

KERNEL = $(shell sed -n 's/^\([^\#[:space:]]*\)[[:space:]].*/\1/p' tools/vm/kernels.txt)
check-vm: ## set up what is missing, test the static agent on other kernels (KERNEL="6.1 7.2"; all)
	$(Q)tools/setup --quiet --vm
	$(Q)$(MAKE) --no-print-directory $(JOBS) vm SANITIZER=
	$(Q)BUILD=$(BUILD) tests/run $(KERNEL:%=vm/test_%)

lint: ## set up what is missing, check the form of sources and documents
	$(Q)tools/setup --quiet --lint
	$(Q)tools/lint/run

## BENCH=OPTIONS                more options for what make bench runs, tools/bench/overhead
bench: ## measure what watching costs, beside what a user would pick instead (as root)
	$(Q)tools/setup --quiet --bench
	$(Q)$(MAKE) --no-print-directory $(JOBS) all
	$(Q)BUILD=$(BUILD) tools/bench/overhead --workload all --json $(BUILD)/bench.json $(BENCH)

format: ## format the C files in place, and the peers where their tools are there
	clang-format-14 -i $(wildcard bpf/*.[ch] servers/*.[ch] user/*.[ch] user/*/*.[ch] include/*/*.h tests/*/*.[ch] tools/*/*.[ch])
	$(Q)! command -v gofmt >/dev/null || gofmt -w servers/peers/go
	$(Q)! cargo fmt --version >/dev/null 2>&1 || cargo fmt --manifest-path servers/peers/rust/Cargo.toml

# What was dropped it has said, and a report it has printed: no error for make.
demo: ## "goroutines or async?" in five minutes: set up, build, measure, print who is faster and why (as root)
	$(Q)BUILD=$(BUILD) tools/demo || [ $$? = 3 ]

example: ## set up, build, and explain a real server under load (as root)
	$(Q)BUILD=$(BUILD) tools/example-nginx

setup: ## install what building and testing needs
	$(Q)tools/setup --tests

install: agent load ## install the agent, the load generator (as whylate-load), their manual pages and the header for servers
	install -D -m 755 $(BUILD)/agent $(DESTDIR)$(PREFIX)/bin/agent
	install -D -m 755 $(BUILD)/load $(DESTDIR)$(PREFIX)/bin/whylate-load
	install -D -m 644 docs/whylate.1 $(DESTDIR)$(PREFIX)/share/man/man1/whylate.1
	install -D -m 644 docs/load.1 $(DESTDIR)$(PREFIX)/share/man/man1/whylate-load.1
	install -D -m 644 include/whylate/thread_context.h $(DESTDIR)$(PREFIX)/include/whylate/thread_context.h
	ln -sf whylate.1 $(DESTDIR)$(PREFIX)/share/man/man1/agent.1

uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/include/whylate/thread_context.h $(addprefix $(DESTDIR)$(PREFIX)/bin/,agent whylate-load) \
		$(addprefix $(DESTDIR)$(PREFIX)/share/man/man1/,whylate.1 agent.1 whylate-load.1)

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 19
	@echo
	@sed -n 's/^## /  /p' Makefile

-include $(AGENT_OBJ:.o=.d) $(LOAD_OBJ:.o=.d) $(SERVER_OBJ:.o=.d) $(RING_OBJ:.o=.d) $(GREEN_OBJ:.o=.d) $(MODEL_SRC:%.c=$(BUILD)/obj/%.d) $(BUILD)/obj/servers/main.d $(FUZZ_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(TEST_BIN:$(BUILD)/%=$(BUILD)/obj/%.d) $(WORK_BIN:=.d) $(VM_WORK:=.d)
