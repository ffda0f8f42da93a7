#include "bag_archive.h"

#include <btr/library.h>

static const char library[] = "libarchive.so.13"; /* the ABI of <archive.h> from 3.0 on */

static const struct btr_library_function functions[] = {
#define FUNCTION(name) {#name, offsetof(struct bag_archive, name)},
    BAG_ARCHIVE_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

const struct bag_archive *bag_archive(struct btr_err *err)
{
    static struct bag_archive found;
    static bool is_found;
    is_found = is_found ||
               btr_library_find(&found, library, functions, sizeof(functions) / sizeof(*functions));
    if (is_found)
        return &found;
    (void)btr_fail(err, BTR_E_IO, UINT64_MAX,
                   "bags need %s, which cannot be loaded (Debian: libarchive13)", library);
    return NULL;
}
