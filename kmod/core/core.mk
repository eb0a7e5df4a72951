# SPDX-License-Identifier: GPL-2.0-only
#
# The engine in userspace: CORE_OBJS for programs and libraries, CORE_SAN for unit tests and fuzzers.
# What the module links is listed in kmod/Kbuild.

CORE_ARCH := $(if $(findstring x86_64,$(shell $(CC) -dumpmachine 2>/dev/null)),kmod/arch/x86)
CORE_SRCS := $(wildcard kmod/core/*.c $(CORE_ARCH:=/*.c))
CORE_OBJS := $(CORE_SRCS:%.c=$(B)/obj/%.o)
CORE_SAN  := $(CORE_SRCS:%.c=$(B)/san/%.o)

$(B)/obj/kmod/%.o $(B)/san/kmod/%.o: INK_CPPFLAGS += -Itools/lib/port -Ikmod/core

# With sanitizers these take half a minute each at -O2; the plain build is what is tested for a million cases.
$(addprefix $(B)/san/kmod/arch/x86/,avx2.o avx512vnni.o avxvnni.o): SAN += -O1

# One instruction set for each file; nothing outside of them may use it.
%/arch/x86/avx2.o: INK_CFLAGS += -mavx2
%/arch/x86/avx512vnni.o: INK_CFLAGS += -mavx2 -mavx512vl -mavx512vnni
%/arch/x86/avxvnni.o: INK_CFLAGS += -mavx2 -mavxvnni
