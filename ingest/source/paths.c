#include <btr/id.h>
#include <btr/source.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "names.h"

enum { FOLDER_DEPTH_MAX = 8, PATHS_MAX = 1 << 20 };

/* Files of one folder and base are one log: they stand together, oldest first. */
static uint64_t group_of(const char *path, const struct source_name *name)
{
    const char *slash = strrchr(path, '/');
    struct btr_span parts[] = {{(const uint8_t *)path, slash ? (size_t)(slash - path) : 0},
                               btr_span_of(name->base)};
    return btr_id_of(parts, 2).lo;
}

static int paths_grow(struct btr_paths *paths)
{
    if (paths->count < paths->capacity)
        return 0;
    if (paths->count >= PATHS_MAX)
        return BTR_E_LIMIT;
    uint32_t capacity = paths->capacity ? paths->capacity * 2 : 16;
    struct btr_path *items = realloc(paths->items, capacity * sizeof *items);
    if (!items)
        return BTR_E_NOMEM;
    paths->items = items;
    paths->capacity = capacity;
    return 0;
}

/* Behind the last of its group that is not younger, else at the end. */
static uint32_t place_of(const struct btr_paths *paths, const struct btr_path *item)
{
    uint32_t place = UINT32_MAX, first = UINT32_MAX;
    for (uint32_t i = 0; i < paths->count; i++) {
        if (paths->items[i].group != item->group)
            continue;
        if (first == UINT32_MAX)
            first = i;
        if (paths->items[i].age <= item->age)
            place = i + 1;
    }
    if (place != UINT32_MAX)
        return place;
    return first != UINT32_MAX ? first : paths->count;
}

static int path_put(struct btr_paths *paths, const char *path, struct btr_span host, bool found,
                    struct btr_err *err)
{
    int rc = paths_grow(paths);
    if (rc < 0)
        return btr_fail(err, rc, UINT64_MAX, "%s: too many files", path);
    struct source_name name;
    source_name_parse(&name, path);
    struct btr_path item = {
        .path = strdup(path), .found = found, .age = name.age, .group = group_of(path, &name)};
    if (host.size > 0)
        item.host = strndup((const char *)host.at, host.size);
    if (!item.path || (host.size > 0 && !item.host)) {
        free(item.path);
        free(item.host);
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    uint32_t place = place_of(paths, &item);
    memmove(&paths->items[place + 1], &paths->items[place], (paths->count - place) * sizeof item);
    paths->items[place] = item;
    paths->count++;
    return 0;
}

static int folder_add(struct btr_paths *paths, const char *folder, struct btr_span host, int depth,
                      struct btr_err *err);

static int path_fail(struct btr_err *err, const char *path, int why)
{
    return btr_fail(err, btr_code_of_errno(why), UINT64_MAX, "%s: %s", path, strerror(why));
}

/* Links to folders are not followed: they may lead round in a circle. A log that cannot be looked
 * at is not left out silently; a link that leads nowhere is no log. */
static int entry_add(struct btr_paths *paths, const char *folder, const char *name,
                     struct btr_span host, int depth, struct btr_err *err)
{
    struct stat at;
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (!path)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    bool slash = folder[0] && folder[strlen(folder) - 1] == '/';
    (void)snprintf(path, size, "%s%s%s", folder, slash ? "" : "/", name);
    int rc = 0, why = lstat(path, &at) == 0 ? 0 : errno;
    if (why == 0 && S_ISDIR(at.st_mode))
        rc = depth < FOLDER_DEPTH_MAX ? folder_add(paths, path, host, depth + 1, err) : 0;
    else if (source_name_is_log(path) && (why != 0 || stat(path, &at) != 0))
        rc = errno == ENOENT || errno == ELOOP ? 0 : path_fail(err, path, errno);
    else if (source_name_is_log(path) && S_ISREG(at.st_mode))
        rc = path_put(paths, path, host, true, err);
    else if (why != 0 && why != ENOENT) /* perhaps a folder */
        rc = path_fail(err, path, why);
    free(path);
    return rc;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name,
                  (*b)->d_name); /* not strcoll: the order must not depend on the locale */
}

static int folder_add(struct btr_paths *paths, const char *folder, struct btr_span host, int depth,
                      struct btr_err *err)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, not_hidden, by_bytes), rc = 0;
    if (n < 0)
        return path_fail(err, folder, errno);
    for (int i = 0; i < n; i++) {
        if (rc == 0)
            rc = entry_add(paths, folder, entries[i]->d_name, host, depth, err);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int one_add(struct btr_paths *paths, const char *path, struct btr_span host,
                   struct btr_err *err)
{
    struct stat at;
    if (stat(path, &at) != 0)
        return path_fail(err, path, errno);
    if (!S_ISDIR(at.st_mode))
        return path_put(paths, path, host, false, err);
    uint32_t before = paths->count;
    int rc = folder_add(paths, path, host, 0, err);
    if (rc == 0 && paths->count == before)
        return btr_fail(
            err, BTR_E_NOTFOUND, UINT64_MAX,
            "%s: no logs in this folder (names with .log, or ending in .json, .jsonl, .ndjson)",
            path);
    return rc;
}

static int glob_add(struct btr_paths *paths, const char *pattern, struct btr_span host,
                    struct btr_err *err)
{
    glob_t found;
    int rc = glob(pattern, GLOB_ERR, NULL, &found);
    if (rc == GLOB_NOMATCH)
        return btr_fail(err, BTR_E_NOTFOUND, UINT64_MAX, "%s: nothing fits this pattern", pattern);
    if (rc != 0) {
        globfree(&found);
        return btr_fail(err, rc == GLOB_NOSPACE ? BTR_E_NOMEM : BTR_E_IO, UINT64_MAX,
                        "%s: cannot be searched", pattern);
    }
    rc = 0;
    for (size_t i = 0; i < found.gl_pathc && rc == 0; i++)
        rc = one_add(paths, found.gl_pathv[i], host, err);
    globfree(&found);
    return rc;
}

/* "HOST=" in front of a path: a name without a slash. @return its size with the '=', or 0 */
static size_t host_prefix(const char *argument)
{
    size_t size =
        strspn(argument, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-:");
    return size > 0 && argument[size] == '=' ? size + 1 : 0;
}

static int stdin_add(struct btr_paths *paths, struct btr_span host, struct btr_err *err)
{
    for (uint32_t i = 0; i < paths->count; i++)
        if (strcmp(paths->items[i].path, "-") == 0)
            return btr_fail(err, BTR_E_USAGE, UINT64_MAX,
                            "-: standard input can be read once only");
    return path_put(paths, "-", host, false, err);
}

int btr_paths_add(struct btr_paths *paths, const char *argument, struct btr_err *err)
{
    struct stat at;
    struct btr_span host = {0};
    const char *path = argument;
    size_t prefix = lstat(argument, &at) == 0 ? 0 : host_prefix(argument);
    if (prefix > 0) {
        host = (struct btr_span){(const uint8_t *)argument, prefix - 1};
        path += prefix;
    }
    if (*path == '\0')
        return btr_fail(err, BTR_E_USAGE, UINT64_MAX, "%s: no path", argument);
    if (strcmp(path, "-") == 0)
        return stdin_add(paths, host, err);
    if (lstat(path, &at) != 0 && strpbrk(path, "*?["))
        return glob_add(paths, path, host, err);
    return one_add(paths, path, host, err);
}

void btr_paths_fini(struct btr_paths *paths)
{
    for (uint32_t i = 0; i < paths->count; i++) {
        free(paths->items[i].path);
        free(paths->items[i].host);
    }
    free(paths->items);
    *paths = (struct btr_paths){0};
}
