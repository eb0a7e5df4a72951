# SPDX-License-Identifier: GPL-2.0-only
#
# Benchmarks: programs that print a table and write figures to a file, one JSON object a line.
# tests/bench/run runs them. Peers that aren't installed are skipped.

BENCH += $(B)/bench/engine $(B)/bench/seq $(B)/bench/doors
ALL   += $(B)/bench/netmodel

# Debian 12 has version 2 of oneDNN, whose interface isn't that of version 3.
BENCH_HAVE := $(if $(and $(wildcard /usr/include/pthreadpool.h),$(wildcard /usr/include/xnnpack.h)),XNNPACK) \
	$(if $(shell grep -s 'VERSION_MAJOR 2' /usr/include/oneapi/dnnl/dnnl_version.h),DNNL)
BENCH_OURS := $(patsubst %.c,$(B)/obj/%.o,tests/bench/nets.c tests/bench/ours.c tests/lib/rand.c \
	tools/lib/image_builder.c tools/lib/image_layout.c) $(CORE_OBJS)
BENCH_ENGINE := $(patsubst %,$(B)/obj/tests/bench/%.o,engine contend ort ort_model peer_dnnl peer_ort \
	peer_scalar peer_xnnpack) $(B)/obj/tests/unit/onnx_make.o $(B)/obj/gen/onnx.pb-c.o $(BENCH_OURS)

# The plain peer is what -O2 makes of it, whatever the rest is compiled with.
$(B)/obj/tests/bench/peer_scalar.o: override CFLAGS := -O2

# Built anew when a library comes or goes: a file that says which are there.
$(B)/bench/peers: FORCE
	@mkdir -p $(@D)
	@echo "$(BENCH_HAVE)" | cmp -s - $@ || echo "$(BENCH_HAVE)" > $@

$(B)/obj/tests/bench/peer_xnnpack.o $(B)/obj/tests/bench/peer_dnnl.o: INK_CPPFLAGS += $(BENCH_HAVE:%=-DHAVE_%)
$(B)/obj/tests/bench/peer_xnnpack.o $(B)/obj/tests/bench/peer_dnnl.o: $(B)/bench/peers
BENCH_ONNX := $(patsubst %,$(B)/obj/tests/%.o,bench/ort_model bench/ort_encoder unit/onnx_make)
$(BENCH_ONNX): INK_CPPFLAGS += -I$(B)/gen
$(BENCH_ONNX): $(COMPILE_PB)

$(B)/bench/engine: $(BENCH_ENGINE)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(if $(filter XNNPACK,$(BENCH_HAVE)),-lXNNPACK) \
		$(if $(filter DNNL,$(BENCH_HAVE)),-ldnnl -lgomp) -lprotobuf-c -lnettle -lm -ldl $(LDLIBS)

$(B)/bench/doors: $(patsubst %.c,$(B)/obj/%.o,tests/bench/doors.c tests/bench/contend.c tests/bench/server.c \
	tests/lib/rand.c) $(B)/libinkling.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs liburing) $(LIB_LIBS) $(LDLIBS)

$(B)/bench/netmodel: $(B)/obj/tests/bench/netmodel.o $(BENCH_OURS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lnettle -lm $(LDLIBS)

# The float peer is what people build such loops with.
$(B)/obj/tests/bench/peer_float.o: override CFLAGS := -Ofast -march=native

$(B)/bench/seq: $(patsubst %.c,$(B)/obj/%.o,tests/bench/seq.c tests/lib/seqnets.c tests/bench/peer_float.c \
	tests/bench/ort.c tests/bench/ort_encoder.c tests/unit/onnx_make.c \
	tests/bench/contend.c tests/lib/rand.c tools/lib/image_builder.c tools/lib/image_layout.c) \
	$(B)/obj/gen/onnx.pb-c.o $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lprotobuf-c -lnettle -lm -ldl $(LDLIBS)
