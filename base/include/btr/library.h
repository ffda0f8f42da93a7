#ifndef BTR_LIBRARY_H
#define BTR_LIBRARY_H
/**
 * Shared libraries that are loaded when they are first needed: with what they need themselves, they would make every command
 * start later. The one who asks has a struct of function pointers, and a row for each.
 */
#include <stdbool.h>
#include <stddef.h>

struct btr_library_function {
    const char *name;
    size_t at; /* of the pointer, in the struct */
};

/**
 * Loads a library, which stays loaded, and fills the struct `to`.
 * @param name  as of dlopen(3), with its ABI: "libarchive.so.13"
 * @return false when the library or one of the functions is not there; `to` is then not to be used
 */
bool btr_library_find(void *to, const char *name, const struct btr_library_function *functions, size_t count);

#endif
