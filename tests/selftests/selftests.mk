# SPDX-License-Identifier: GPL-2.0-only
#
# Selftests in C: each NAME.c here becomes $(B)/selftests/NAME, linked with lib/, the test models and
# libinkling; each bpf/NAME.bpf.c becomes $(B)/selftests/bpf/NAME.bpf.o. They run inside a VM. Programs
# in helper/ are built alike, but started by scripts only.

SELFTEST_NAMES := $(patsubst tests/selftests/%.c,%,$(wildcard tests/selftests/*.c tests/selftests/helper/*.c))
SELFTEST_BPF   := $(patsubst tests/selftests/%.c,$(B)/selftests/%.o,$(wildcard tests/selftests/bpf/*.bpf.c))
SELFTEST_HELP  := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/selftests/lib/*.c) \
	tests/unit/models.c $(RANDMODEL))
SELFTESTS      += $(SELFTEST_NAMES:%=$(B)/selftests/%) $(SELFTEST_BPF)
SELFTEST_LIBS   = $(shell pkg-config --libs libnl-genl-3.0 nettle libbpf) -lpthread

$(B)/obj/tests/selftests/%.o: INK_CPPFLAGS += -Itests/selftests/lib \
	$(shell pkg-config --cflags libnl-genl-3.0 2>/dev/null)

$(SELFTEST_NAMES:%=$(B)/selftests/%): $(B)/selftests/%: $(B)/obj/tests/selftests/%.o $(SELFTEST_HELP) \
		$(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(SELFTEST_LIBS) $(LDLIBS)

$(B)/selftests/generate: $(B)/obj/tests/lib/seqnets.o
$(B)/selftests/uring $(B)/selftests/library $(B)/selftests/swap $(B)/selftests/failnth $(B)/selftests/generate: SELFTEST_LIBS += -luring

$(SELFTEST_BPF): $(B)/selftests/%.bpf.o: tests/selftests/%.bpf.c
	@mkdir -p $(@D)
	$(CLANG) $(BPF_CPPFLAGS) -Ibpf $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

-include $(SELFTEST_BPF:.o=.d)
