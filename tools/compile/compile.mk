# SPDX-License-Identifier: GPL-2.0-only
#
# inkling compile: the ONNX importer and the quantiser. onnx.proto is compiled by protobuf-c.

COMPILE_SRCS := $(wildcard tools/compile/*.c)
COMPILE_PB   := $(B)/gen/onnx.pb-c.c
# All but the command itself, for tests and fuzzers.
COMPILE_LIB  := $(filter-out tools/compile/cmd.c tools/compile/report.c,$(COMPILE_SRCS))
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
