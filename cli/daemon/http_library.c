#include "http_library.h"

#include <btr/library.h>

static const char library[] = "libmicrohttpd.so.12"; /* the ABI of <microhttpd.h> from 0.9.30 on */

static const struct btr_library_function functions[] = {
#define FUNCTION(name) {#name, offsetof(struct http_library, name)},
    HTTP_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

const struct http_library *http_library(struct btr_err *err)
{
    static struct http_library found;
    static bool is_found;
    is_found = is_found ||
               btr_library_find(&found, library, functions, sizeof functions / sizeof *functions);
    if (is_found)
        return &found;
    (void)btr_fail(err, BTR_E_IO, UINT64_MAX,
                   "http.listen needs %s, which cannot be loaded (Debian: libmicrohttpd12; or "
                   "http.listen = off)",
                   library);
    return NULL;
}
