# SPDX-License-Identifier: GPL-2.0-only
#
# Instruction counts of the doors, taken inside the VM: see tests/icount/run.

ALL += $(B)/icount $(B)/icount-reference.bpf.o

$(B)/icount-reference.bpf.o: tests/icount/reference.bpf.c
	$(CLANG) $(BPF_CPPFLAGS) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

-include $(B)/icount-reference.bpf.d

$(B)/obj/tests/icount/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core -Itools/attach -Itools/inkling -Itests/lib

$(B)/icount: $(patsubst %,$(B)/obj/tests/icount/%.o,icount hook kernel server uring) \
	$(patsubst %,$(B)/obj/tests/%.o,bench/server bench/contend lib/rand) \
	$(patsubst %,$(B)/obj/tools/attach/%.o,pins prefix) $(patsubst %,$(B)/obj/tools/inkling/%.o,args output) \
	$(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libbpf libnl-genl-3.0 nettle json-c liburing) $(LDLIBS)
