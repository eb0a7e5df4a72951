# SPDX-License-Identifier: GPL-2.0-only
#
# The BPF objects: each bpf/NAME/NAME.bpf.c becomes $(B)/bpf/NAME.bpf.o. No kernel's BTF is needed to
# build them, only uapi headers and libbpf's. -mcpu=v3 is for atomic compare-and-exchange (Linux 5.12).

BPF_NAMES    := $(if $(wildcard bpf/inkling_kfuncs.h),$(basename $(basename $(notdir $(wildcard bpf/*/*.bpf.c)))))
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
