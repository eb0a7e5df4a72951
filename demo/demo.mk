# SPDX-License-Identifier: GPL-2.0-only
#
# The attack tool of our own that the demo and the captures for training use inside the VM.

ALL += $(B)/traffic/connects

$(B)/traffic/connects: $(B)/obj/tests/traffic/connects.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
