# SPDX-License-Identifier: GPL-2.0-only
#
# Instruction counts of the doors, taken inside the VM: see tests/icount/run.

ALL += $(B)/icount

$(B)/obj/tests/icount/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core

$(B)/icount: $(B)/obj/tests/icount/icount.o $(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libbpf libnl-genl-3.0 nettle) $(LDLIBS)
