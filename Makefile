# SPDX-License-Identifier: GPL-2.0-only
#
# Top of the build: variables, generic rules and the targets a person types ("make help").
# What is built is not listed here: each part has a fragment (see FRAGMENTS) beside its sources.
#
# How a part plugs in. Its fragment says which files it wants made, under $(B):
#
#   ALL      += $(B)/NAME            programs, libraries, BPF objects: built by plain "make"
#   UNIT     += $(B)/unit/NAME       cmocka programs: built and run by "make test" (and "make unit")
#   FUZZERS  += $(B)/fuzz/NAME       libFuzzer targets, run by tests/fuzz/smoke
#   SELFTESTS += $(B)/selftests/NAME C programs that run inside the VM
#   BENCH    += $(B)/bench/NAME      built by "make bench" only; may need packages of that group
#   INSTALL  += install-NAME         a phony target of the fragment, run by "make install"
#   CHECK_C  += FILE                 further sources for checkpatch and spelling
#
# and how, either with own rules or with the generic ones below:
#
#   $(B)/obj/DIR/F.o    from DIR/F.c, optimised, -fPIC (serves programs and libraries alike)
#   $(B)/san/DIR/F.o    the same with ASan and UBSan, for unit tests; link with $(SAN)
#
# Flags of one part are pattern- or target-specific, e.g.
#   $(B)/obj/tools/%.o $(B)/san/tools/%.o: INK_CPPFLAGS += -Itools/lib
# Ask pkg-config in recipes or recursive (=) variables only: fragments are also read before packages are there.

B       ?= build
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG   ?= clang
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr/local
DESTDIR ?=
KERNELS ?= 6.12 6.1
SAN     := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer

# The project's own flags; CFLAGS, CPPFLAGS, LDFLAGS and LDLIBS stay the user's.
INK_CPPFLAGS = -Iuapi -D_GNU_SOURCE
INK_CFLAGS   = -std=gnu11 -Wall -Wextra -Wno-unused-parameter $(if $(WERROR),-Werror)

# Random models, for more than one part of the tests.
RANDMODEL := tests/lib/rand.c tests/lib/randmodel.c tests/lib/randmodel_ops.c tests/lib/randmodel_seq.c \
	tests/lib/randmodel_text.c

FRAGMENTS := $(wildcard kmod/core/core.mk tools/tools.mk bpf/bpf.mk tests/unit/unit.mk \
	tests/fuzz/fuzz.mk tests/bench/bench.mk tests/icount/icount.mk tests/selftests/selftests.mk tools/lab/lab.mk)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules
include $(FRAGMENTS) scripts/kmod.mk

.PHONY: all unit-bin fuzz-bin selftests-bin bench-bin
all: $(ALL) modules
unit-bin: $(UNIT)
fuzz-bin: $(FUZZERS)
selftests-bin: $(SELFTESTS)
bench-bin: $(BENCH)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(INK_CPPFLAGS) $(CPPFLAGS) $(INK_CFLAGS) $(CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(B)/san/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(INK_CPPFLAGS) $(CPPFLAGS) $(INK_CFLAGS) $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

-include $(shell find $(B)/obj $(B)/san -name '*.d' 2>/dev/null)

# What a person types. Targets that install packages start make anew, so that fragments see them.

.PHONY: help test test-long check demo bench eval lab unit fuzz selftests vm vm-smoke install uninstall clean
help: ## Say what can be made
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|'

test: ## All that must pass: build, unit tests, fuzz smoke, selftests in a VM per kernel
	@scripts/install-packages build test vm
	@tests/run build unit fuzz vm selftests

test-long: ## What takes too long for every change (hours allowed)
	@scripts/install-packages build test vm check
	@tests/run --long

check: ## Style and static analysis: checkpatch, sparse, coccinelle, shellcheck, spelling, SPDX
	@scripts/install-packages build check
	@scripts/check

demo: ## A web server in a VM, protected by a network in the kernel, under attack
	@scripts/install-packages build vm
	@scripts/kernel fetch $(KERNELS) >/dev/null
	@$(MAKE) --no-print-directory all
	@demo/run

bench: ## Speed of the engine and of the doors, beside peers, some of which are fetched
	@scripts/install-packages build bench vm
	@scripts/kernel fetch 6.12 >/dev/null
	@$(MAKE) --no-print-directory all bench-bin
	@tests/bench/run

eval: ## Accuracy of the shipped models; DATA=DIR holds the data sets
	@scripts/install-packages build vm train
	@scripts/kernel fetch $(KERNELS) >/dev/null
	@$(MAKE) --no-print-directory all
	@tests/eval/run $(if $(DATA),"$(DATA)",$(error make eval needs DATA=DIR, the folder with the data sets))

lab: ## Record the traffic that the flow model is trained on, an hour (OUT=DIR)
	@scripts/install-packages build vm
	@scripts/kernel fetch 6.12 >/dev/null
	@$(MAKE) --no-print-directory all
	@for set in train train2 train3 train4 valid valid2 valid3 test; do tools/lab/record $$set $(or $(OUT),$(B)/lab/sets) || exit 1; done
	@tools/lab/rows $(or $(OUT),$(B)/lab/sets)

unit: ## Unit tests alone (nothing is installed)
	@tests/run unit

fuzz: ## Fuzz smoke alone (nothing is installed)
	@tests/run fuzz

selftests: ## Selftests alone, in a VM per kernel (KERNELS="6.12 6.1", TESTS="NAME...")
	@tests/run build selftests

vm: ## A shell, or CMD="...", in a VM with the module loaded (KERNEL=6.12)
	@scripts/install-packages build vm
	@scripts/kernel fetch $(KERNELS) >/dev/null
	@$(MAKE) --no-print-directory all
	@tests/vm/run --module --kernel $(or $(KERNEL),6.12) $(if $(CMD),-- sh -c '$(subst ','\'',$(CMD))')

vm-smoke: ## Boot each kernel once and check what the tests rely on
	@scripts/install-packages build vm
	@tests/run vm

install: all install-files ## Into $(DESTDIR)$(PREFIX); modules into $(DESTDIR)/lib/modules
	@scripts/install-manifest

.PHONY: install-files
install-files: $(INSTALL) install-modules

uninstall: ## Remove what install installed; what is in the kernel goes first
	@scripts/uninstall

clean: ## Remove what was built here (downloads stay in the cache)
	rm -rf $(B)

# What a variable of the fragments holds, for scripts.
print-%:
	@echo $($*)

export B CC CLANG KERNELS PREFIX DESTDIR
