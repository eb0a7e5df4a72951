# SPDX-License-Identifier: GPL-2.0-only
#
# The BPF objects: each bpf/NAME/NAME.bpf.c becomes $(B)/bpf/NAME.bpf.o. No kernel's BTF is needed to
# build them, only uapi headers and libbpf's. -mcpu=v3 is for atomic compare-and-exchange (Linux 5.12).

BPF_NAMES    := $(basename $(basename $(notdir $(wildcard bpf/*/*.bpf.c))))
BPF_OBJECTS  := $(BPF_NAMES:%=$(B)/bpf/%.bpf.o)
# Debian keeps asm/*.h in a folder of the architecture, which clang forgets for the BPF target.
BPF_CPPFLAGS  = -Iuapi -idirafter /usr/include/$(shell $(CC) -print-multiarch)
BPF_CFLAGS   := -O2 -g -target bpf -mcpu=v3 -std=gnu11 -Wall -Wextra -Wno-unused-parameter \
	$(if $(WERROR),-Werror)

ALL     += $(BPF_OBJECTS)
INSTALL += install-bpf

.PHONY: bpf install-bpf
bpf: $(BPF_OBJECTS)

define BPF_RULE
$(B)/bpf/$(1).bpf.o: bpf/$(1)/$(1).bpf.c
	@mkdir -p $$(@D)
	$$(CLANG) $$(BPF_CPPFLAGS) $$(BPF_CFLAGS) -MMD -MP -c -o $$@ $$<
endef
$(foreach name,$(BPF_NAMES),$(eval $(call BPF_RULE,$(name))))

-include $(BPF_OBJECTS:.o=.d)

install-bpf: $(BPF_OBJECTS)
	@mkdir -p $(DESTDIR)$(PREFIX)/lib/inkling/bpf
	install -m 644 $(BPF_OBJECTS) $(DESTDIR)$(PREFIX)/lib/inkling/bpf

# What the selftests of the flow hook need besides scripts; no tests themselves.
FLOW_TOOLS := $(addprefix $(B)/test/flow/,exact model spoof)
SELFTESTS  += $(FLOW_TOOLS)

FLOW_EXACT := $(patsubst %,$(B)/obj/tools/attach/%.o,capture flow_table pins prefix rows) \
	$(patsubst %,$(B)/obj/tools/inkling/%.o,args output)

$(FLOW_TOOLS:$(B)/test/%=$(B)/obj/tests/selftests/%.o): INK_CPPFLAGS += -Itools/inkling -Itools/attach -Itests/lib
$(B)/test/flow/exact $(B)/test/flow/spoof: $(FLOW_EXACT)
$(B)/test/flow/spoof: $(B)/obj/tests/lib/rand.o
$(FLOW_TOOLS): $(B)/test/%: $(B)/obj/tests/selftests/%.o $(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/libinkling.a \
		-lbpf -lpcap $(shell pkg-config --libs json-c) $(LIB_LIBS) $(LDLIBS)

FLOW_SAN := $(patsubst %,$(B)/san/tools/attach/%.o,capture flow_table labels prefix results rows schema) \
	$(patsubst %,$(B)/san/tools/inkling/%.o,args output)

FLOW_UNIT := $(patsubst %,$(B)/unit/%,test_flow test_flow_parse test_flow_rows)

$(FLOW_UNIT:$(B)/unit/%=$(B)/san/tests/unit/%.o): INK_CPPFLAGS += -Itools/inkling -Itools/attach
$(FLOW_UNIT): UNIT_LIBS += -lpcap -lelf -ljson-c $(LIB_LIBS)
$(FLOW_UNIT): $(FLOW_SAN) $(LIB_SAN)
