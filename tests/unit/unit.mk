# SPDX-License-Identifier: GPL-2.0-only
#
# Unit tests. Each test_NAME.c here is a cmocka program, linked with the sanitized engine, the image
# writer and the test models. A test that needs more says so with target-specific variables:
#
#   $(B)/unit/test_NAME: UNIT_LIBS += -lfoo
#   $(B)/unit/test_NAME: $(B)/san/tools/lib/foo.o

# The one that takes longest comes first.
UNIT      += $(B)/unit/test_exact_million
UNIT_SRCS := $(wildcard tests/unit/test_*.c)
UNIT      += $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRCS) $(wildcard tests/unit/mutate.c))

UNIT_HELP := $(patsubst %.c,$(B)/san/%.o,tests/unit/models.c tests/unit/models_seq.c $(RANDMODEL) \
	tests/unit/verify_case.c \
	tools/lib/image_builder.c tools/lib/image_layout.c)

$(B)/san/tests/%.o $(B)/obj/tests/%.o: INK_CPPFLAGS += -Itools/lib -Itools/lib/port -Ikmod/core -Itests/lib -Itests/unit
$(B)/san/tools/lib/%.o: INK_CPPFLAGS += -Itools/lib

$(B)/unit/%: $(B)/san/tests/unit/%.o $(UNIT_HELP) $(CORE_SAN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) -lcmocka -lnettle -lm $(UNIT_LIBS) $(LDLIBS)

$(B)/unit/test_ops_seq: $(B)/san/tests/unit/second_seq.o

# test_memory.c makes allocations fail, which takes an engine that asks it first.
ALLOC_CORE := $(patsubst kmod/core/%.c,$(B)/san/alloc/kmod/core/%.o,$(filter kmod/core/%,$(CORE_SRCS))) \
	$(patsubst %.c,$(B)/san/%.o,$(filter-out kmod/core/%,$(CORE_SRCS)))

$(B)/san/alloc/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(INK_CPPFLAGS) -Itools/lib/port -Ikmod/core -DINK_PORT_ALLOC_HOOK $(CPPFLAGS) \
		$(INK_CFLAGS) $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(B)/unit/test_memory: $(B)/san/tests/unit/test_memory.o $(UNIT_HELP) $(ALLOC_CORE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ -lcmocka -lnettle $(LDLIBS)

# test_bounds_seq.c looks into accumulators, which takes operators that note what they hold.
PEAK_SRCS := kmod/core/ops_seq.c kmod/core/ops_attention.c
PEAK_CORE := $(PEAK_SRCS:%.c=$(B)/san/peak/%.o) $(patsubst %.c,$(B)/san/%.o,$(filter-out $(PEAK_SRCS),$(CORE_SRCS)))

$(B)/san/peak/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(INK_CPPFLAGS) -Itools/lib/port -Ikmod/core -include tests/unit/peak.h $(CPPFLAGS) \
		$(INK_CFLAGS) $(CFLAGS) $(SAN) -MMD -MP -c -o $@ $<

$(B)/unit/test_bounds_seq: $(B)/san/tests/unit/test_bounds_seq.o $(UNIT_HELP) $(PEAK_CORE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN) $(LDFLAGS) -o $@ $^ -lcmocka -lnettle $(LDLIBS)

# test_exact.c twice: with sanitizers as all the others, and as users get the engine, for a million cases.
$(B)/unit/test_exact_million: $(patsubst %.c,$(B)/obj/%.o,tests/unit/test_exact.c $(RANDMODEL) \
	tools/lib/image_builder.c tools/lib/image_layout.c) $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lnettle $(LDLIBS)

# test_ops_seq.c once more as users get the engine, for tests/long/sequences.
$(B)/long/ops_seq: $(patsubst %.c,$(B)/obj/%.o,tests/unit/test_ops_seq.c tests/unit/second_seq.c tests/unit/models.c \
	$(RANDMODEL) tools/lib/image_builder.c tools/lib/image_layout.c) $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lnettle -lm $(LDLIBS)
