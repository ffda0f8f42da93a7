#ifndef STORE_CATALOG_PROBE_H
#define STORE_CATALOG_PROBE_H
/**
 * LMDB trusts the bytes of its file: damaged ones may end the process that reads them, or show it
 * rows of long ago. So a child process reads all of it before this one maps it.
 */
#include <lmdb.h>
#include <stdbool.h>

enum { CATALOG_DAMAGED = -40000 }; /* beside the codes of LMDB and errno */

/** Opens an environment for reading, in the child. @return 0 or a code */
typedef int catalog_opener(MDB_env **env, const char *folder);
/**
 * @param folder  of the environment
 * @return 0 (sound, or not there, or not to be opened: to be told by opening it), CATALOG_DAMAGED,
 *         or why there could be no child
 */
int catalog_probe(const char *folder, catalog_opener *open);

/** Reads all tables of an environment and checks that its pages fit together. */
bool catalog_pages_sound(MDB_env *env);

#endif
