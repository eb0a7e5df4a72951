# SPDX-License-Identifier: GPL-2.0-only
#
# The subcommands on traffic: attach, detach, panic, events, features, replay.

ATTACH_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(sort $(wildcard tools/attach/*.c)))
CLI_OBJS    += $(ATTACH_OBJS)
CLI_LIBS    += -lxdp -lbpf -lelf -lpcap

$(B)/obj/tools/attach/program_tc.o: INK_CPPFLAGS += $(shell pkg-config --cflags libnl-3.0 2>/dev/null)
