# SPDX-License-Identifier: GPL-2.0-only
#
# KUnit suites, linked into the module, whose functions they can call so without exporting any. Those of the engine are
# its unit tests with what these need: random models, the image writer, and a little of the C library (libc/).

ink-units := verify_file verify_tensor verify_ops verify_seq verify_proof plan plan_seq exact exact_seq
ink-tests := tests/cmocka tests/unit_kunit tests/fixture tests/slot_kunit tests/arena_kunit tests/session_kunit \
	$(ink-units:%=../tests/unit/test_%) ../tests/unit/models ../tests/unit/models_seq ../tests/unit/verify_case \
	../tests/lib/rand ../tests/lib/randmodel ../tests/lib/randmodel_ops ../tests/lib/randmodel_seq \
	../tests/lib/randmodel_text \
	../tools/lib/image_builder ../tools/lib/image_layout

inkling-y += $(ink-tests:%=%.o)

# Plain C for userspace: the kernel's rules for mixed declarations of main() and for frames aren't its own.
ink-tests-cflags := -I$(src)/tests/libc -I$(src)/../tests/lib -I$(src)/../tests/unit -I$(src)/../tools/lib
$(foreach t,$(ink-tests),$(eval CFLAGS_$(t).o := $(ink-tests-cflags)))
$(foreach u,$(ink-units),$(eval CFLAGS_../tests/unit/test_$(u).o += -Dmain=ink_unit_$(u)))
# Each implementation gets its share of every kind of graph, in half a minute with KASAN.
CFLAGS_../tests/unit/test_exact.o += -DCASES=8000
CFLAGS_../tests/unit/test_exact_seq.o += -DCASES=60
