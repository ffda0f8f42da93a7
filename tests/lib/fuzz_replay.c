/* Replays a corpus through a fuzz target where libFuzzer is not linked: every file given, or in a
 * folder given. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_SIZE = 4096 };

/* The copy has the exact size, so that the sanitizer sees a read beyond it. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    bool read = data && fread(data, 1, size, file) == size;
    fclose(file);
    if (read) {
        printf("%s\n", path);
        fflush(stdout); /* names the input when the target aborts */
        LLVMFuzzerTestOneInput(data, size);
    }
    free(data);
    return read ? 1 : -1;
}

/* @return inputs replayed, or -1 */
static int replay(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return replay_file(path);
    int count = 0;
    for (struct dirent *entry; count >= 0 && (entry = readdir(folder));) {
        char name[PATH_SIZE];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        int replayed = replay_file(name);
        count = replayed < 0 ? -1 : count + replayed;
    }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++) {
        int replayed = replay(argv[i]);
        if (replayed < 0)
            return 1;
        count += replayed;
    }
    printf("%d inputs\n", count);
    return count > 0 ? 0 : 1; /* a corpus that is not there is no success */
}
