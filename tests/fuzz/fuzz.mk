# SPDX-License-Identifier: GPL-2.0-only
#
# Fuzzers: libFuzzer with ASan and UBSan, by clang. A fuzzer fuzz_NAME.c here becomes
#
#   FUZZERS += $(B)/fuzz/fuzz_NAME
#   $(B)/fuzz/fuzz_NAME: $(B)/fuzz/obj/tests/fuzz/fuzz_NAME.o OBJECTS...
#
# with the objects under $(B)/fuzz/obj, and FUZZ_LIBS for what it links besides. tests/fuzz/smoke runs
# it with the inputs in tests/fuzz/seeds/fuzz_NAME and $(B)/fuzz/seeds/fuzz_NAME, with the dictionary
# tests/fuzz/fuzz_NAME.dict and the options in tests/fuzz/fuzz_NAME.options, each where there is one.

FUZZ_SAN  := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_CORE := $(CORE_SRCS:%.c=$(B)/fuzz/obj/%.o)
FUZZ_HELP := $(patsubst %.c,$(B)/fuzz/obj/%.o,tests/unit/models.c $(RANDMODEL) \
	tools/lib/image_builder.c tools/lib/image_layout.c)

$(B)/fuzz/obj/kmod/%.o $(B)/fuzz/obj/tests/%.o: \
	INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core -Itests/lib -Itests/unit
$(B)/fuzz/obj/tools/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core

$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(INK_CPPFLAGS) $(CPPFLAGS) $(INK_CFLAGS) -O1 -g $(FUZZ_SAN) -fsanitize=fuzzer-no-link \
		-MMD -MP -c -o $@ $<

$(B)/fuzz/fuzz_%:
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(filter %.o,$^) $(FUZZ_LIBS) $(LDLIBS)

-include $(shell find $(B)/fuzz/obj -name '*.d' 2>/dev/null)

# Images: any bytes, and images whose parts are changed.
FUZZERS += $(B)/fuzz/fuzz_image
$(B)/fuzz/fuzz_image: FUZZ_LIBS = -lnettle
$(B)/fuzz/fuzz_image: $(B)/fuzz/obj/tests/fuzz/fuzz_image.o $(B)/fuzz/obj/tests/fuzz/image_mutator.o \
	$(FUZZ_CORE) $(FUZZ_HELP) | $(B)/fuzz/seeds/fuzz_image

$(B)/fuzz/seeds/fuzz_image: $(B)/fuzz/seeds_image
	@mkdir -p $@
	$< $@
	@touch $@

$(B)/fuzz/seeds_image: $(B)/fuzz/obj/tests/fuzz/seeds_image.o $(FUZZ_HELP)
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_SAN) $(LDFLAGS) -o $@ $^ -lnettle $(LDLIBS)
