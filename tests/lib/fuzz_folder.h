#ifndef TEST_FUZZ_FOLDER_H
#define TEST_FUZZ_FOLDER_H
/** A folder for fuzz targets of what works on files: in memory where there is such a place. */
#include <btr/span.h>

enum { FUZZ_PATH_SIZE = 256 };

/** Makes an empty folder; `path` receives its name. Aborts when it cannot. */
void fuzz_folder_make(char path[FUZZ_PATH_SIZE]);
/** Removes it with all that is in it. @return whether it was there */
bool fuzz_folder_remove(const char *path);

#endif
