#include "kept_write.h"

#include <btr/clock.h>
#include <errno.h>
#include <unistd.h>

#include "catalog_rows.h"
#include "segment_write.h"

static struct store_place place_of(const struct catalog_kept *row)
{
    return (struct store_place){"records", "brec", row->day, row->hash};
}

bool store_kept_path(char path[STORE_PATH_SIZE], const char *store, const struct catalog_kept *row)
{
    struct store_place place = place_of(row);
    return store_files_place(path, store, &place);
}

int store_kept_write(struct catalog_kept *row, const char *store, const struct kept_image *image,
                     struct kept_times times, const struct store_faults *faults,
                     struct btr_err *err)
{
    struct btr_span bytes = btr_buffer_view(&image->file);
    char day[BTR_TIME_TEXT_SIZE];
    *row = (struct catalog_kept){.hash = btr_id_hash(bytes),
                                 .file_size = bytes.size,
                                 .record_count = image->record_count,
                                 .raw_size = image->raw_size,
                                 .first_ns = times.first_ns,
                                 .last_ns = times.last_ns,
                                 .hosts = btr_buffer_view(&image->hosts),
                                 .ranges = btr_buffer_view(&image->ranges)};
    btr_time_text(times.first_ns, day);
    memcpy(row->day, day, 10);
    if (store_file_sha256(bytes, row->sha256) < 0)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while keeping records");
    struct store_place place = place_of(row);
    return store_files_put(store, &place, bytes, faults, err);
}

/* ---- Removing ------------------------------------------------------------------------------- */

/** All rows of a catalog. */
struct kept_rows {
    struct btr_arena *arena;
    struct catalog_kept *rows;
    uint32_t count;
};

static int rows_load(struct kept_rows *list, struct store_catalog *catalog, struct btr_err *err)
{
    *list = (struct kept_rows){.arena = btr_arena_new(SIZE_MAX / 4)};
    if (!list->arena)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    return store_catalog_kept(catalog, list->arena, &list->rows, &list->count, err);
}

static void rows_free(struct kept_rows *list)
{
    free(list->rows);
    btr_arena_free(list->arena);
}

int store_kept_sweep(const char *store, struct store_catalog *catalog, struct btr_err *err)
{
    struct kept_rows list;
    struct catalog_segment *names = NULL;
    int rc = rows_load(&list, catalog, err);
    if (rc == 0) {
        names = calloc((size_t)list.count + 1, sizeof(*names));
        rc = names ? 0 : btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory");
    }
    for (uint32_t i = 0; rc == 0 && i < list.count; i++)
        names[i].hash = list.rows[i].hash; /* in the order of the table */
    if (rc == 0)
        rc = store_files_sweep(store, "records", names, list.count, err);
    free(names);
    rows_free(&list);
    return rc;
}

int store_kept_unlink(const char *store, const struct catalog_kept *rows, uint32_t count,
                      struct btr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        char path[STORE_PATH_SIZE];
        if (!store_kept_path(path, store, &rows[i]))
            return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
        if (unlink(path) != 0 && errno != ENOENT)
            return btr_fail(err, BTR_E_IO, UINT64_MAX, "cannot remove %s: %s", path,
                            strerror(errno));
    }
    return 0;
}

int store_kept_prune(const char *store, struct store_catalog *catalog, int64_t before_ns,
                     bool (*is_held)(void *self, const struct catalog_kept *row), void *self,
                     bool dry_run, struct kept_pruned *out, struct btr_err *err)
{
    struct kept_rows list;
    uint32_t gone = 0;
    *out = (struct kept_pruned){0};
    int rc = rows_load(&list, catalog, err);
    for (uint32_t i = 0; rc == 0 && i < list.count; i++) {
        const struct catalog_kept row = list.rows[i];
        if (row.last_ns >= before_ns || (is_held && is_held(self, &row)))
            continue;
        list.rows[gone++] = row;
        out->record_count += row.record_count;
        out->bytes += row.file_size;
    }
    out->file_count = gone;
    if (rc == 0 && gone > 0 && !dry_run)
        rc = store_catalog_kept_forget(catalog, list.rows, gone, err);
    if (rc == 0 && !dry_run)
        rc = store_kept_unlink(store, list.rows, gone, err);
    rows_free(&list);
    return rc;
}
