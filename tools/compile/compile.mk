# SPDX-License-Identifier: GPL-2.0-only
#
# inkling compile: the ONNX importer and the quantiser. onnx.proto is compiled by protobuf-c.

COMPILE_SRCS := $(wildcard tools/compile/*.c)
COMPILE_PB   := $(B)/gen/onnx.pb-c.c
# All but the command itself, for tests and fuzzers.
COMPILE_LIB  := $(filter-out tools/compile/cmd.c tools/compile/report.c tools/compile/llama_cmd.c,$(COMPILE_SRCS)) \
	tools/inkling/lm.c
COMPILE_SAN  := $(COMPILE_LIB:%.c=$(B)/san/%.o) $(B)/san/gen/onnx.pb-c.o

CLI_OBJS += $(COMPILE_SRCS:%.c=$(B)/obj/%.o) $(B)/obj/gen/onnx.pb-c.o
CLI_LIBS += -lprotobuf-c

$(B)/obj/tools/compile/%.o $(B)/san/tools/compile/%.o: INK_CPPFLAGS += -I$(B)/gen -Itools/compile
$(COMPILE_SRCS:%.c=$(B)/obj/%.o) $(COMPILE_SRCS:%.c=$(B)/san/%.o) \
$(B)/obj/tools/inkling/eval_onnx.o: $(COMPILE_PB)

$(COMPILE_PB): tools/compile/onnx.proto
	@mkdir -p $(@D)
	protoc-c --proto_path=$(<D) --c_out=$(@D) $<

$(B)/obj/gen/onnx.pb-c.o: $(COMPILE_PB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -c -o $@ $<

$(B)/san/gen/onnx.pb-c.o: $(COMPILE_PB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(SAN) -c -o $@ $<

# Tests and fuzzers of the compiler.
COMPILE_TESTS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_onnx*.c tests/unit/test_compile*.c))

$(patsubst $(B)/unit/%,$(B)/san/tests/unit/%.o,$(COMPILE_TESTS)) $(B)/san/tests/unit/onnx_make.o: \
	INK_CPPFLAGS += -I$(B)/gen -Itools/compile
$(patsubst $(B)/unit/%,$(B)/san/tests/unit/%.o,$(COMPILE_TESTS)) $(B)/san/tests/unit/onnx_make.o: $(COMPILE_PB)
$(COMPILE_TESTS): UNIT_LIBS += -lprotobuf-c $(LIB_LIBS)
$(COMPILE_TESTS): $(B)/san/tests/unit/onnx_make.o $(COMPILE_SAN) $(LIB_SAN)
$(B)/unit/test_compile_llama $(B)/unit/test_compile_surprise: $(B)/san/tests/unit/llama_make.o
$(B)/san/tests/unit/test_compile_llama.o $(B)/san/tests/unit/test_compile_surprise.o: INK_CPPFLAGS += -Itools/inkling

# Fuzzer: any bytes, and models whose parts are changed.
COMPILE_FUZZ := $(patsubst %.c,$(B)/fuzz/obj/%.o,tests/fuzz/fuzz_onnx.c tests/fuzz/onnx_mutator.c \
	$(filter-out $(wildcard tools/compile/llama*.c) \
		$(addprefix tools/compile/,cmd.c report.c report_run.c rows.c search.c compile.c \
		seq_compile.c seq_report.c), \
	$(COMPILE_SRCS)) tools/lib/image_builder.c tools/lib/image_layout.c $(CORE_SRCS)) \
	$(B)/fuzz/obj/gen/onnx.pb-c.o
COMPILE_SEEDS := $(patsubst %.c,$(B)/fuzz/obj/%.o,tests/fuzz/seeds_onnx.c tests/unit/onnx_make.c) \
	$(B)/fuzz/obj/gen/onnx.pb-c.o

FUZZERS += $(B)/fuzz/fuzz_onnx
$(B)/fuzz/fuzz_onnx: FUZZ_LIBS = -lnettle -lprotobuf-c -lm
$(B)/fuzz/fuzz_onnx: $(COMPILE_FUZZ) | $(B)/fuzz/seeds/fuzz_onnx

$(filter-out $(CORE_SRCS:%.c=$(B)/fuzz/obj/%.o),$(COMPILE_FUZZ)) $(COMPILE_SEEDS): \
	INK_CPPFLAGS += -I$(B)/gen -Itools/compile
$(filter-out $(CORE_SRCS:%.c=$(B)/fuzz/obj/%.o),$(COMPILE_FUZZ)) $(COMPILE_SEEDS): $(COMPILE_PB)

$(B)/fuzz/obj/gen/onnx.pb-c.o: $(COMPILE_PB)
	@mkdir -p $(@D)
	$(CLANG) $(CPPFLAGS) -O1 -g $(FUZZ_SAN) -fsanitize=fuzzer-no-link -c -o $@ $<

$(B)/fuzz/seeds/fuzz_onnx: $(B)/fuzz/seeds_onnx
	@mkdir -p $@
	$< $@
	@touch $@

$(B)/fuzz/seeds_onnx: $(COMPILE_SEEDS)
	@mkdir -p $(@D)
	$(CLANG) $(FUZZ_SAN) $(LDFLAGS) -o $@ $(filter %.o,$^) -lprotobuf-c $(LDLIBS)
