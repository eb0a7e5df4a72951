# SPDX-License-Identifier: GPL-2.0-only
#
# libinkling and the command line.
#
# The subcommands of other folders plug in by a fragment tools/NAME/NAME.mk that appends to
#
#   CLI_OBJS   objects of the program (.o files under $(B)/obj)
#   CLI_LIBS   what they are linked with; recursive, so that pkg-config is asked late

INK_VERSION  := 0.1.0
LIB_SONAME   := libinkling.so.0

LIB_SRCS := $(wildcard tools/lib/*.c)
LIB_OBJS := $(LIB_SRCS:%.c=$(B)/obj/%.o)
# Unit tests get the image writer from tests/unit/unit.mk.
LIB_SAN  := $(patsubst %.c,$(B)/san/%.o,$(filter-out tools/lib/image_%.c,$(LIB_SRCS)))
LIB_LIBS  = $(shell pkg-config --libs libnl-genl-3.0 nettle)

CLI_SRCS := $(wildcard tools/inkling/*.c)
CLI_OBJS := $(CLI_SRCS:%.c=$(B)/obj/%.o)
CLI_LIBS  = $(shell pkg-config --libs json-c libbpf liburing)
include tools/compile/compile.mk tools/attach/attach.mk daemon/daemon.mk tools/http/http.mk

$(B)/obj/tools/%.o $(B)/san/tools/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core \
	-Itools/inkling -DINK_VERSION='"$(INK_VERSION)"'
$(B)/obj/tools/inkling/eval_onnx.o $(B)/obj/tools/inkling/text.o \
$(B)/obj/tools/inkling/surprise.o: INK_CPPFLAGS += -Itools/compile -I$(B)/gen
$(B)/obj/tools/lib/%.o $(B)/san/tools/lib/%.o: INK_CPPFLAGS += \
	$(shell pkg-config --cflags libnl-genl-3.0 2>/dev/null)

ALL     += $(B)/libinkling.a $(B)/libinkling.so $(B)/inkling $(B)/libinkling.pc
INSTALL += install-tools

$(B)/libinkling.a: $(LIB_OBJS) $(CORE_OBJS)
	rm -f $@
	$(AR) rcs $@ $^

$(B)/$(LIB_SONAME): $(LIB_OBJS) $(CORE_OBJS) tools/lib/libinkling.map
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(LIB_SONAME) -Wl,--no-undefined -Wl,--as-needed \
		-Wl,--version-script=tools/lib/libinkling.map -o $@ $(filter %.o,$^) $(LIB_LIBS) $(LDLIBS)

$(B)/libinkling.so: $(B)/$(LIB_SONAME)
	ln -sf $(LIB_SONAME) $@

$(B)/libinkling.pc: tools/lib/libinkling.pc.in tools/tools.mk
	@mkdir -p $(@D)
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(INK_VERSION)|' $< > $@

$(B)/inkling: $(CLI_OBJS) $(B)/libinkling.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS) $(LIB_LIBS) -lm $(LDLIBS)

$(B)/unit/test_csv $(B)/unit/test_lib: UNIT_LIBS += $(LIB_LIBS)
$(B)/unit/test_csv $(B)/unit/test_lib: $(LIB_SAN)
$(B)/unit/test_metrics: UNIT_LIBS += $(CLI_LIBS)
$(B)/unit/test_metrics: $(B)/san/tools/inkling/metrics.o $(B)/san/tools/inkling/output.o \
	$(B)/san/tools/inkling/args.o
$(B)/san/tests/unit/test_metrics.o: INK_CPPFLAGS += -Itools/inkling

# Examples, built as a user would but for where the library is.
EXAMPLES := $(patsubst examples/%.c,$(B)/examples/%,$(wildcard examples/*.c))
ALL += $(EXAMPLES)
$(B)/examples/%: examples/%.c $(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) -Itools/lib -Iuapi $(INK_CFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(B)/libinkling.a \
		$(shell pkg-config --libs liburing) $(LIB_LIBS) $(LDLIBS)
-include $(EXAMPLES:%=%.d)

.PHONY: install-tools
install-tools: $(B)/inkling $(B)/inkling-http $(B)/libinkling.a $(B)/libinkling.so $(B)/libinkling.pc
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/pkgconfig include/inkling/linux \
		share/man/man1 share/man/man3 share/bash-completion/completions share/doc/inkling/examples)
	install -m 755 $(B)/inkling $(B)/inkling-http $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(B)/$(LIB_SONAME) $(B)/libinkling.a $(DESTDIR)$(PREFIX)/lib
	ln -sf $(LIB_SONAME) $(DESTDIR)$(PREFIX)/lib/libinkling.so
	install -m 644 $(B)/libinkling.pc $(DESTDIR)$(PREFIX)/lib/pkgconfig
	install -m 644 tools/lib/inkling.h $(DESTDIR)$(PREFIX)/include/inkling
	install -m 644 uapi/linux/*.h $(DESTDIR)$(PREFIX)/include/inkling/linux
	install -m 644 Documentation/man/inkling.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 Documentation/man/*.3 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 examples/*.c examples/Makefile $(DESTDIR)$(PREFIX)/share/doc/inkling/examples
	install -m 644 tools/inkling/inkling.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/inkling

# Writes the images that tests/selftests/cli.sh loads.
SELFTESTS += $(B)/test/cli/images
$(B)/test/cli/images: $(B)/obj/tests/selftests/cli/images.o $(B)/obj/tests/unit/models.o $(RANDMODEL:%.c=$(B)/obj/%.o) $(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB_LIBS) $(LDLIBS)
