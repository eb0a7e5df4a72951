# SPDX-License-Identifier: GPL-2.0-only
#
# inklingd, and its part of the CLI (inkling check).

DAEMON_CHECK := check actual config managed todo todo_slot unit_parse unit_resolve unit_value
DAEMON_OBJS  := $(patsubst %,$(B)/obj/daemon/%.o,$(filter-out check,$(DAEMON_CHECK)) journal main reconcile)
# What the daemon takes of the CLI: words, output, hooks; not its subcommands.
DAEMON_CLI   := $(patsubst %,tools/attach/%.o,aside attach_list hook hook_state pins prefix program program_cgroup \
	program_object program_tc rows schema) $(patsubst %,tools/inkling/%.o,args output words)

CLI_OBJS += $(DAEMON_CHECK:%=$(B)/obj/daemon/%.o)
CLI_LIBS += $(shell pkg-config --libs inih 2>/dev/null)

ALL     += $(B)/inklingd
INSTALL += install-daemon

$(B)/obj/daemon/%.o $(B)/san/daemon/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core -Itools/inkling \
	-Itools/attach -DINK_VERSION='"$(INK_VERSION)"'

$(B)/inklingd: $(DAEMON_OBJS) $(DAEMON_CLI:%=$(B)/obj/%) $(B)/libinkling.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs inih libsystemd json-c libbpf libnl-3.0) \
		-lxdp -lbpf -lelf -lm $(LIB_LIBS) $(LDLIBS)

.PHONY: install-daemon
install-daemon: $(B)/inklingd
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,sbin lib/systemd/system lib/modules-load.d share/inkling \
		share/man/man5 share/man/man8) $(DESTDIR)/etc/inkling/slots.d
	install -m 755 $(B)/inklingd $(DESTDIR)$(PREFIX)/sbin
	sed 's|@PREFIX@|$(PREFIX)|' daemon/inklingd.service.in >$(DESTDIR)$(PREFIX)/lib/systemd/system/inklingd.service
	chmod 644 $(DESTDIR)$(PREFIX)/lib/systemd/system/inklingd.service
	echo inkling >$(DESTDIR)$(PREFIX)/lib/modules-load.d/inkling.conf
	chmod 644 $(DESTDIR)$(PREFIX)/lib/modules-load.d/inkling.conf
	install -m 644 models/*.ink models/*.tok $(DESTDIR)$(PREFIX)/share/inkling
	install -m 644 Documentation/man/inkling.slot.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 Documentation/man/inklingd.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 daemon/slots.README $(DESTDIR)/etc/inkling/slots.d/README

SLOT_FILE_SAN := $(patsubst %,$(B)/san/daemon/%.o,config todo todo_slot unit_parse unit_resolve unit_value) \
	$(DAEMON_CLI:%=$(B)/san/%)
$(B)/san/tests/unit/test_slot_file.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core -Itools/inkling -Itools/attach
$(B)/san/tools/attach/program_tc.o: INK_CPPFLAGS += $(shell pkg-config --cflags libnl-3.0 2>/dev/null)
$(B)/unit/test_slot_file: UNIT_LIBS += -linih -ljson-c -lxdp -lbpf -lelf $(shell pkg-config --libs libnl-3.0) $(LIB_LIBS)
$(B)/unit/test_slot_file: $(SLOT_FILE_SAN) $(LIB_SAN)

# The same of clang, with the parser's fuzzer.
SLOT_FILE_FUZZ := $(patsubst $(B)/san/%,$(B)/fuzz/obj/%,$(SLOT_FILE_SAN) $(LIB_SAN)) $(CORE_SRCS:%.c=$(B)/fuzz/obj/%.o) \
	$(B)/fuzz/obj/tests/fuzz/fuzz_slot.o
$(B)/fuzz/obj/daemon/%.o $(B)/fuzz/obj/tests/fuzz/fuzz_slot.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core \
	-Itools/inkling -Itools/attach -DINK_VERSION='"$(INK_VERSION)"'
$(B)/fuzz/obj/tools/attach/%.o $(B)/fuzz/obj/tools/inkling/%.o $(B)/fuzz/obj/tools/lib/%.o: INK_CPPFLAGS += -Itools/inkling -Itools/attach \
	-DINK_VERSION='"$(INK_VERSION)"' $(shell pkg-config --cflags libnl-genl-3.0 2>/dev/null)
FUZZERS += $(B)/fuzz/fuzz_slot
$(B)/fuzz/fuzz_slot: FUZZ_LIBS = -linih -ljson-c -lxdp -lbpf -lelf -lm $(shell pkg-config --libs libnl-3.0) $(LIB_LIBS)
$(B)/fuzz/fuzz_slot: $(SLOT_FILE_FUZZ)
