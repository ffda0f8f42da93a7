#include <btr/library.h>

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

bool btr_library_find(void *to, const char *name, const struct btr_library_function *functions,
                      size_t count)
{
    void *loaded = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    bool ok = loaded != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        void *found = dlsym(loaded, functions[i].name);
        memcpy((uint8_t *)to + functions[i].at, &found, sizeof(found));
        ok = found != NULL;
    }
    return ok;
}
