# SPDX-License-Identifier: GPL-2.0-only
#
# The attack tools of our own that the demo and the captures for training use inside the VM.

ALL += $(B)/lab/connects $(B)/lab/trickle

$(B)/lab/%: $(B)/obj/tools/lab/%.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
