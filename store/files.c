#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "catalog_rows.h"

static int io_fail(struct btr_err *err, const char *doing, const char *path)
{
    int reason = errno;
    int code = reason == ENOSPC || reason == EDQUOT ? BTR_E_FULL : BTR_E_IO;
    return btr_fail(err, code, UINT64_MAX, "cannot %s %s: %s", doing, path, strerror(reason));
}

uint64_t store_files_free(const char *path)
{
    struct statvfs at;
    return statvfs(path, &at) == 0 ? (uint64_t)at.f_bavail * at.f_frsize : UINT64_MAX;
}

/* A file that could not be written, and is gone again. @param folder  that it would be in */
static int write_fail(struct btr_err *err, const char *path, const char *folder, size_t size,
                      int reason)
{
    uint64_t free_size = store_files_free(folder);
    errno = reason;
    if (reason != ENOSPC || free_size >= size)
        return io_fail(err, "write", path);
    return btr_fail(err, BTR_E_FULL, UINT64_MAX,
                    "cannot write %s: %s: it takes %zu bytes, and %llu are free", path,
                    strerror(reason), size, (unsigned long long)free_size);
}

static bool step_fails(const struct store_faults *faults, const char *step)
{
    if (!faults || !faults->fails(faults->self, step))
        return false;
    errno = ENOSPC;
    return true;
}

/* @param why  receives what the folder fails with */
static struct dirent *entry_next(DIR *folder, int *why)
{
    errno = 0;
    struct dirent *entry = readdir(folder);
    if (!entry)
        *why = errno;
    return entry;
}

static int entries_end(DIR *folder, const char *path, int rc, int why, struct btr_err *err)
{
    (void)closedir(folder);
    errno = why;
    return rc == 0 && why != 0 ? io_fail(err, "read the folder", path) : rc;
}

static bool path_join(char path[STORE_PATH_SIZE], const char *a, const char *b)
{
    int size = snprintf(path, STORE_PATH_SIZE, "%s/%s", a, b);
    return size >= 0 && size < STORE_PATH_SIZE;
}

bool store_files_place(char path[STORE_PATH_SIZE], const char *store,
                       const struct store_place *place)
{
    char hash[BTR_ID_TEXT_SIZE];
    btr_id_text(place->hash, hash);
    int size = snprintf(path, STORE_PATH_SIZE, "%s/%s/%s/%s.%s", store, place->folder, place->day,
                        hash, place->suffix);
    return size >= 0 && size < STORE_PATH_SIZE;
}

static struct store_place segment_place(const struct catalog_segment *row)
{
    return (struct store_place){"segments", "bseg", row->day, row->hash};
}

bool store_files_path(char path[STORE_PATH_SIZE], const char *store,
                      const struct catalog_segment *row)
{
    struct store_place place = segment_place(row);
    return store_files_place(path, store, &place);
}

/* ---- The folder ----------------------------------------------------------------------------- */

static bool name_is_ours(const char *name)
{
    return strcmp(name, "lock") == 0 || strcmp(name, "catalog") == 0 ||
           strcmp(name, "segments") == 0 || strcmp(name, "records") == 0;
}

/* A folder is a store, or may become one, when it holds nothing but what a store holds. */
static int folder_check(const char *store, struct btr_err *err)
{
    DIR *folder = opendir(store);
    if (!folder && errno == ENOTDIR)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: not a store, but a file", store);
    if (!folder)
        return io_fail(err, "read the folder", store);
    bool foreign = false, catalog = false;
    int why = 0;
    for (struct dirent *entry; (entry = entry_next(folder, &why)) != NULL;) {
        catalog = catalog || strcmp(entry->d_name, "catalog") == 0;
        foreign = foreign || (entry->d_name[0] != '.' && !name_is_ours(entry->d_name));
    }
    int rc = entries_end(folder, store, 0, why, err);
    if (rc == 0 && foreign && !catalog)
        return btr_fail(err, BTR_E_FORMAT, UINT64_MAX, "%s: not a store, and other files are in it",
                        store);
    return rc;
}

static int folder_make(const char *store, const char *name, struct btr_err *err)
{
    char path[STORE_PATH_SIZE];
    if (!path_join(path, store, name))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : io_fail(err, "make the folder", path);
}

int store_files_prepare(const char *store, struct btr_err *err)
{
    if (mkdir(store, 0700) != 0 && errno != EEXIST)
        return io_fail(err, "make the folder", store);
    int rc = folder_check(store, err);
    if (rc == 0)
        rc = folder_make(store, "catalog", err);
    return rc < 0 ? rc : folder_make(store, "segments", err);
}

int store_files_lock(const char *store, struct btr_err *err)
{
    char path[STORE_PATH_SIZE];
    if (!path_join(path, store, "lock"))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return io_fail(err, "open", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    bool busy = errno == EWOULDBLOCK;
    int rc = busy ? btr_fail(err, BTR_E_BUSY, UINT64_MAX, "%s: another process writes to it", store)
                  : io_fail(err, "lock", path);
    (void)close(fd);
    return rc;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static bool write_all(int fd, struct btr_span bytes, const struct store_faults *faults)
{
    for (size_t at = 0; at < bytes.size;) {
        if (step_fails(faults, "write"))
            return false;
        ssize_t n = write(fd, bytes.at + at, bytes.size - at);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            at += (size_t)n;
    }
    return true;
}

static bool folder_sync(const char *path, const struct store_faults *faults)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = !step_fails(faults, "sync folder") && fsync(fd) == 0;
    int reason = errno;
    (void)close(fd);
    errno = reason;
    return ok;
}

static bool file_write(const char *path, struct btr_span bytes, const struct store_faults *faults)
{
    if (step_fails(faults, "create"))
        return false;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, bytes, faults) && !step_fails(faults, "sync") && fsync(fd) == 0;
    int reason = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        reason = errno;
    }
    errno = reason;
    return ok;
}

/* A folder in another; made durable before something is in it. */
static bool folder_ready(char path[STORE_PATH_SIZE], const char *in, const char *name,
                         const struct store_faults *faults)
{
    if (!path_join(path, in, name)) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (step_fails(faults, "make folder"))
        return false;
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST;
    if (folder_sync(in, faults))
        return true;
    int reason = errno;
    (void)rmdir(path); /* the next try makes it, and it durable */
    errno = reason;
    return false;
}

int store_files_put(const char *store, const struct store_place *place, struct btr_span bytes,
                    const struct store_faults *faults, struct btr_err *err)
{
    char folder[STORE_PATH_SIZE], day[STORE_PATH_SIZE], path[STORE_PATH_SIZE];
    char beside[STORE_PATH_SIZE + 8];
    if (!store_files_place(path, store, place))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    if (!folder_ready(folder, store, place->folder, faults))
        return io_fail(err, "make a folder in", store);
    if (!folder_ready(day, folder, place->day, faults))
        return io_fail(err, "make a folder in", folder);
    (void)snprintf(beside, sizeof(beside), "%s.tmp", path);
    bool ok = file_write(beside, bytes, faults) && !step_fails(faults, "rename") &&
              rename(beside, path) == 0;
    if (!ok) {
        int reason = errno;
        (void)unlink(beside);
        return write_fail(err, path, day, bytes.size, reason);
    }
    if (!folder_sync(day, faults)) {
        int rc = io_fail(err, "sync", day);
        (void)unlink(path);
        return rc;
    }
    return 0;
}

int store_files_write(const char *store, const struct catalog_segment *row, struct btr_span bytes,
                      const struct store_faults *faults, struct btr_err *err)
{
    struct store_place place = segment_place(row);
    return store_files_put(store, &place, bytes, faults, err);
}

/* ---- Sweeping ------------------------------------------------------------------------------- */

static bool ends_in(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

static bool is_published(const char *name, const struct catalog_segment *rows, uint32_t count)
{
    struct btr_id hash;
    if (strlen(name) != 32 + 5 ||
        !btr_id_parse((struct btr_span){(const uint8_t *)name, 32}, &hash))
        return true; /* not a name that a store gives: not ours to remove */
    struct catalog_segment wanted = {.hash = hash};
    return count > 0 &&
           bsearch(&wanted, rows, count, sizeof(*rows), catalog_segment_compare) != NULL;
}

/* What is done with each folder of a day. */
struct day_visitor {
    int (*visit)(struct day_visitor *self, const char *day, struct btr_err *err);
    const struct catalog_segment *rows;
    uint32_t count;
    bool found;
    int (*each)(void *self, const char *path, const char *name);
    void *self;
};

/* "HASH.bseg", "HASH.brec". */
static bool is_stored(const char *name)
{
    return ends_in(name, ".bseg") || ends_in(name, ".brec");
}

static int day_sweep(struct day_visitor *self, const char *day, struct btr_err *err)
{
    DIR *folder = opendir(day);
    if (!folder)
        return io_fail(err, "read the folder", day);
    int rc = 0, why = 0;
    for (struct dirent *entry; rc == 0 && (entry = entry_next(folder, &why)) != NULL;) {
        char path[STORE_PATH_SIZE];
        const char *name = entry->d_name;
        bool left_over = ends_in(name, ".bseg.tmp") || ends_in(name, ".brec.tmp") ||
                         (is_stored(name) && !is_published(name, self->rows, self->count));
        if (left_over && path_join(path, day, name) && unlink(path) != 0 && errno != ENOENT)
            rc = io_fail(err, "remove the unpublished file", path);
    }
    return entries_end(folder, day, rc, why, err);
}

static int day_look(struct day_visitor *self, const char *day, struct btr_err *err)
{
    DIR *folder = opendir(day);
    if (!folder)
        return io_fail(err, "read the folder", day);
    int why = 0;
    for (struct dirent *entry; !self->found && (entry = entry_next(folder, &why)) != NULL;)
        self->found = is_stored(entry->d_name);
    return entries_end(folder, day, 0, why, err);
}

static int day_tell(struct day_visitor *self, const char *day, struct btr_err *err)
{
    DIR *folder = opendir(day);
    if (!folder)
        return io_fail(err, "read the folder", day);
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(folder)) != NULL;) {
        char path[STORE_PATH_SIZE];
        if (ends_in(entry->d_name, ".bseg") && path_join(path, day, entry->d_name))
            rc = self->each(self->self, path, entry->d_name);
    }
    (void)closedir(folder);
    return rc;
}

/* A folder of the store that is not there has no days. */
static int days_visit(const char *store, const char *name, struct day_visitor *self,
                      struct btr_err *err)
{
    char path[STORE_PATH_SIZE], day[STORE_PATH_SIZE];
    if (!path_join(path, store, name))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    DIR *folder = opendir(path);
    if (!folder && errno == ENOENT)
        return 0;
    if (!folder)
        return io_fail(err, "read the folder", path);
    int rc = 0, why = 0;
    for (struct dirent *entry; rc == 0 && (entry = entry_next(folder, &why)) != NULL;) {
        bool is_day = (entry->d_name[0] >= '0' && entry->d_name[0] <= '9') ||
                      (entry->d_name[0] == '-' && entry->d_name[1] != '\0');
        if (is_day && path_join(day, path, entry->d_name))
            rc = self->visit(self, day, err);
    }
    return entries_end(folder, path, rc, why, err);
}

int store_files_sweep(const char *store, const char *folder, const struct catalog_segment *rows,
                      uint32_t count, struct btr_err *err)
{
    struct day_visitor sweep = {.visit = day_sweep, .rows = rows, .count = count};
    return days_visit(store, folder, &sweep, err);
}

int store_files_each(const char *store, int (*each)(void *self, const char *path, const char *name),
                     void *self, struct btr_err *err)
{
    struct day_visitor tell = {.visit = day_tell, .each = each, .self = self};
    return days_visit(store, "segments", &tell, err);
}

int store_files_none(const char *store, struct btr_err *err)
{
    struct day_visitor look = {.visit = day_look};
    int rc = days_visit(store, "segments", &look, err);
    if (rc == 0)
        rc = days_visit(store, "records", &look, err);
    if (rc == 0 && look.found)
        rc = btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                      "%s: segments are there, but no catalog that names them: bring the folder "
                      "catalog back, or take another store",
                      store);
    return rc;
}
