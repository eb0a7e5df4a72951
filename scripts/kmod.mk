# SPDX-License-Identifier: GPL-2.0-only
#
# The kernel module, built once per installed set of kernel headers into $(B)/kmod-VERSION/inkling.ko.
# The work is done by scripts/build-module; what the module consists of is said in kmod/Kbuild.

KVERS   := $(if $(wildcard kmod/Kbuild),$(shell scripts/kernel headers))
MODULES := $(KVERS:%=$(B)/kmod-%/inkling.ko)

.PHONY: modules install-modules FORCE
modules: $(MODULES)

# kbuild knows better than make what is out of date.
$(B)/kmod-%/inkling.ko: FORCE
	@scripts/build-module $* $(B)/kmod-$*

install-modules: modules
	@for v in $(KVERS); do \
		install -D -m 644 $(B)/kmod-$$v/inkling.ko $(DESTDIR)/lib/modules/$$v/updates/inkling.ko || exit 1; \
		[ -n "$(DESTDIR)" ] || depmod $$v || exit 1; \
	done
