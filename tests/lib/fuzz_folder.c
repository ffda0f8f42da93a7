#include "fuzz_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void fuzz_folder_make(char path[FUZZ_PATH_SIZE])
{
    (void)snprintf(path, FUZZ_PATH_SIZE, "/dev/shm/btr-fuzz-XXXXXX");
    if (mkdtemp(path))
        return;
    (void)snprintf(path, FUZZ_PATH_SIZE, "/tmp/btr-fuzz-XXXXXX");
    if (!mkdtemp(path))
        abort();
}

bool fuzz_folder_remove(const char *path)
{
    char name[2 * FUZZ_PATH_SIZE + 1024];
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat at;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        if (lstat(name, &at) == 0 && S_ISDIR(at.st_mode))
            fuzz_folder_remove(name);
        else
            (void)unlink(name);
    }
    if (folder)
        closedir(folder);
    return rmdir(path) == 0;
}
