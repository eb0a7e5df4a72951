# SPDX-License-Identifier: GPL-2.0-only
#
# inklingd, and its part of the CLI (inkling check).

DAEMON_CHECK := check actual config managed todo todo_slot unit_parse unit_resolve unit_value
DAEMON_OBJS  := $(patsubst %,$(B)/obj/daemon/%.o,$(filter-out check,$(DAEMON_CHECK)) journal main reconcile)
# What the daemon takes of the CLI: words, output, hooks; not its subcommands.
DAEMON_CLI   := $(patsubst %,$(B)/obj/tools/attach/%.o,attach_list hook hook_state pins prefix program program_object \
	program_tc rows schema) $(patsubst %,$(B)/obj/tools/inkling/%.o,args output words)

CLI_OBJS += $(DAEMON_CHECK:%=$(B)/obj/daemon/%.o)
CLI_LIBS += $(shell pkg-config --libs inih 2>/dev/null)

ALL     += $(B)/inklingd
INSTALL += install-daemon

$(B)/obj/daemon/%.o $(B)/san/daemon/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core -Itools/inkling \
	-Itools/attach -DINK_VERSION='"$(INK_VERSION)"'

$(B)/inklingd: $(DAEMON_OBJS) $(DAEMON_CLI) $(B)/libinkling.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs inih libsystemd json-c libbpf libnl-3.0) \
		-lxdp -lbpf -lelf -lm $(LIB_LIBS) $(LDLIBS)
