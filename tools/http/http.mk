# SPDX-License-Identifier: GPL-2.0-only
#
# The HTTP scorer, a program of its own.

HTTP_OBJS := $(patsubst %.c,$(B)/obj/%.o,$(wildcard tools/http/*.c))

ALL += $(B)/inkling-http
$(B)/inkling-http: $(HTTP_OBJS) $(B)/libinkling.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell pkg-config --libs json-c liburing) $(LIB_LIBS) $(LDLIBS)

$(B)/unit/test_http: UNIT_LIBS += $(shell pkg-config --libs json-c)
$(B)/unit/test_http: $(B)/san/tools/http/request.o $(B)/san/tools/http/log.o
$(B)/san/tests/unit/test_http.o: INK_CPPFLAGS += -Itools/http
