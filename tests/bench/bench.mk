# SPDX-License-Identifier: GPL-2.0-only
#
# Benchmarks: each program in BENCH takes the name of a file, to which it writes one JSON object a
# line, and prints a table. tests/bench/run runs them all. Peers that aren't installed are skipped.

BENCH += $(B)/bench/engine

BENCH_XNNPACK := $(and $(wildcard /usr/include/pthreadpool.h),$(wildcard /usr/include/xnnpack.h))
BENCH_OBJS    := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/bench/*.c) \
	$(RANDMODEL) tools/lib/image_builder.c tools/lib/image_layout.c)


# The plain peer is what -O2 makes of it, whatever the rest is compiled with.
$(B)/obj/tests/bench/peer_scalar.o: override CFLAGS := -O2

# Built anew when the library comes or goes: a file that says whether it is there.
BENCH_PEERS := $(if $(BENCH_XNNPACK),with,without) XNNPACK
$(B)/bench/peers: FORCE
	@mkdir -p $(@D)
	@echo "$(BENCH_PEERS)" | cmp -s - $@ || echo "$(BENCH_PEERS)" > $@

$(B)/obj/tests/bench/peer_xnnpack.o: INK_CPPFLAGS += $(if $(BENCH_XNNPACK),-DHAVE_XNNPACK)
$(B)/obj/tests/bench/peer_xnnpack.o: $(B)/bench/peers

$(B)/bench/engine: $(BENCH_OBJS) $(CORE_OBJS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(if $(BENCH_XNNPACK),-lXNNPACK) -lnettle -lm $(LDLIBS)
