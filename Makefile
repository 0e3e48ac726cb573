# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# One Makefile for all; everything that it makes lies under $(BUILD).

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SECONDARY:

PREFIX    ?= /usr/local
DESTDIR   ?=
SANITIZER ?=
V         ?= 0

comma := ,
BUILD ?= build$(if $(SANITIZER),/san-$(subst $(comma),-,$(SANITIZER)))

ifeq ($(V),1)
  Q :=
  say = @:
else
  Q := @
  say = @printf '  %-7s %s\n'
endif

CC         ?= gcc
CLANG      ?= clang
BPFTOOL    ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
LIBS       := libbpf libelf zlib jansson

# Goals that need no tools: they must work on a machine that has none yet.
BARE := help setup clean demo test
ifneq ($(filter-out $(BARE),$(or $(MAKECMDGOALS),all)),)
  need = $(if $(shell command -v $(1)),,$(error $(1) is missing: install the package $(2), or run tools/setup))
  lib = $(if $(shell $(PKG_CONFIG) --exists '$(1)' && echo y),,$(error $(1) is missing: install the package $(2), or run tools/setup))
  $(call need,$(CLANG),clang)
  $(call need,$(BPFTOOL),bpftool)
  $(call need,$(PKG_CONFIG),pkg-config)
  $(call lib,libbpf >= 1.1,libbpf-dev)
  $(call lib,libelf,libelf-dev)
  $(call lib,zlib,zlib1g-dev)
  $(call lib,jansson,libjansson-dev)
endif

ARCH := $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
CFLAGS ?= -O2 -g
ALL_CFLAGS := -std=gnu11 -D_GNU_SOURCE -I. -I$(BUILD)/include -Wall -Wextra -Wshadow -Wconversion \
	-Wno-sign-conversion $(if $(CI)$(DEVELOPER),-Werror) $(CFLAGS) \
	$(if $(SANITIZER),-fsanitize=$(SANITIZER) -fno-omit-frame-pointer -fno-sanitize-recover=all)
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -I. \
	-I/usr/include/$(shell uname -m)-linux-gnu -Wall -Werror
LDLIBS = $(shell $(PKG_CONFIG) --libs $(LIBS))

AGENT_SRC := $(wildcard user/*.c user/*/*.c)
AGENT_OBJ := $(AGENT_SRC:%.c=$(BUILD)/obj/%.o)
TEST_OBJ  := $(filter-out $(BUILD)/obj/user/main.o $(BUILD)/obj/user/cmd_%.o,$(AGENT_OBJ))
BPF_OBJ   := $(patsubst bpf/%.bpf.c,$(BUILD)/obj/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
TEST_BIN  := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c tests/property/test_*.c))
WORK_BIN  := $(patsubst tests/workloads/%.c,$(BUILD)/workloads/%,$(wildcard tests/workloads/*.c))

.PHONY: all agent static unit tests test format demo setup install clean help FORCE

all: agent tests ## build the agent and the tests

agent: $(BUILD)/agent ## build the agent

$(BUILD)/agent: $(AGENT_OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS)

static: $(BUILD)/static/agent ## build the agent as one file that needs no library

$(BUILD)/static/agent: $(AGENT_OBJ)
	$(say) STATIC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -static $^ -o $@ $(shell $(PKG_CONFIG) --static --libs $(LIBS))

$(BUILD)/obj/%.o: %.c | $(BUILD)/include/version.h $(BUILD)/include/whylate.skel.h
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/obj/user/trace/tracer.o: $(BUILD)/include/whylate.skel.h

$(BUILD)/obj/bpf/%.bpf.o: bpf/%.bpf.c
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

# Rewritten only when the version changes, so that nothing is built again for it.
$(BUILD)/include/version.h: VERSION FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '#define WHYLATE_VERSION "%s"\n' "$$(cat VERSION)" | cmp -s - $@ || \
		printf '#define WHYLATE_VERSION "%s"\n' "$$(cat VERSION)" > $@

tests: $(TEST_BIN) $(WORK_BIN) ## build the tests without running them

$(BUILD)/tests/%: tests/%.c $(TEST_OBJ)
	$(say) TEST $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP $(filter %.c,$<) \
		$(TEST_OBJ) \
		-o $@ $(LDLIBS) $(shell $(PKG_CONFIG) --libs cmocka)

$(BUILD)/workloads/%: tests/workloads/%.c
	$(say) WORK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -pthread $< -o $@

unit: $(TEST_BIN) ## run the tests that need no root
	$(Q)for t in $(TEST_BIN); do $$t || exit 1; done

test: ## set up what is missing, build, run every test
	$(Q)tools/setup --quiet
	$(Q)$(MAKE) --no-print-directory all
	$(Q)BUILD=$(BUILD) tests/run

format: ## format the C files in place
	clang-format -i $(wildcard bpf/*.[ch] user/*.[ch] user/*/*.[ch] tests/*/*.[ch])

demo: ## set up, build, and explain a real server under load
	$(Q)tools/demo

setup: ## install what building and testing needs
	$(Q)tools/setup

install: agent ## install the agent under $(DESTDIR)$(PREFIX)
	install -D -m 755 $(BUILD)/agent $(DESTDIR)$(PREFIX)/bin/agent

clean: ## remove everything that was built
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16
	@echo; echo '  V=1 shows the commands; SANITIZER=address,undefined builds beside the plain build'

-include $(AGENT_OBJ:.o=.d) $(BPF_OBJ:.o=.d)
