#include "bag_archive.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char library[] = "libarchive.so.13"; /* the ABI of <archive.h> from 3.0 on */

static const struct function {
    const char *name;
    size_t at; /* in struct bag_archive */
} functions[] = {
#define FUNCTION(name) {#name, offsetof(struct bag_archive, name)},
    BAG_ARCHIVE_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

/* The library stays loaded: its functions may be called until the end. */
static bool functions_find(struct bag_archive *to)
{
    void *loaded = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    bool ok = loaded != NULL;
    for (size_t i = 0; ok && i < sizeof(functions) / sizeof(*functions); i++) {
        void *found = dlsym(loaded, functions[i].name);
        memcpy((uint8_t *)to + functions[i].at, &found, sizeof(found));
        ok = found != NULL;
    }
    return ok;
}

const struct bag_archive *bag_archive(struct btr_err *err)
{
    static struct bag_archive found;
    static bool is_found;
    is_found = is_found || functions_find(&found);
    if (is_found)
        return &found;
    (void)btr_fail(err, BTR_E_IO, UINT64_MAX,
                   "bags need %s, which cannot be loaded (Debian: libarchive13)", library);
    return NULL;
}
