#include "catalog_kept.h"

#include <btr/list.h>
#include <errno.h>

#include "catalog_env.h"
#include "catalog_rows.h"

/* ---- Rows as bytes -------------------------------------------------------------------------- */

void catalog_kept_range_put(struct btr_buffer *out, const struct catalog_kept_range *range)
{
    btr_buffer_u64(out, range->head_hash);
    btr_buffer_u64(out, range->first_line);
    btr_buffer_u64(out, range->last_line);
}

struct catalog_kept_range catalog_kept_range_get(struct btr_span ranges, size_t i)
{
    const uint8_t *at = ranges.at + i * CATALOG_KEPT_RANGE_SIZE;
    return (struct catalog_kept_range){store_get_u64(at), store_get_u64(at + 8),
                                       store_get_u64(at + 16)};
}

static bool text_next(struct btr_cursor *c, struct btr_span *text)
{
    uint64_t size;
    return btr_cursor_varint(c, &size) && size <= c->rest.size &&
           btr_cursor_span(c, (size_t)size, text);
}

bool catalog_kept_has_host(const struct catalog_kept *row, struct btr_span host)
{
    struct btr_cursor c = {.rest = row->hosts};
    struct btr_span text;
    while (text_next(&c, &text))
        if (btr_span_equal(text, host))
            return true;
    return false;
}

static void row_put(struct btr_buffer *b, const struct catalog_kept *row)
{
    btr_buffer_varint(b, strlen(row->day));
    btr_buffer_text(b, row->day);
    btr_buffer_put(b, row->sha256, sizeof(row->sha256));
    btr_buffer_u64(b, row->file_size);
    btr_buffer_u64(b, row->record_count);
    btr_buffer_u64(b, row->raw_size);
    btr_buffer_u64(b, (uint64_t)row->first_ns);
    btr_buffer_u64(b, (uint64_t)row->last_ns);
    btr_buffer_varint(b, row->hosts.size);
    btr_buffer_span(b, row->hosts);
    btr_buffer_varint(b, row->ranges.size);
    btr_buffer_span(b, row->ranges);
}

static bool row_get(struct btr_span key, struct btr_span value, struct catalog_kept *row)
{
    struct btr_cursor c = {.rest = value};
    struct btr_span day, sha256;
    uint64_t first, last;
    *row = (struct catalog_kept){0};
    if (key.size != CATALOG_SEGMENT_KEY_SIZE || !text_next(&c, &day) ||
        !catalog_day_is_plain(day) || !btr_cursor_span(&c, BTR_SHA256_SIZE, &sha256) ||
        !btr_cursor_u64(&c, &row->file_size) || !btr_cursor_u64(&c, &row->record_count) ||
        !btr_cursor_u64(&c, &row->raw_size) || !btr_cursor_u64(&c, &first) ||
        !btr_cursor_u64(&c, &last) || !text_next(&c, &row->hosts) || !text_next(&c, &row->ranges) ||
        row->ranges.size % CATALOG_KEPT_RANGE_SIZE != 0)
        return false;
    row->hash = (struct btr_id){store_get_u64(key.at), store_get_u64(key.at + 8)};
    memcpy(row->day, day.at, day.size);
    memcpy(row->sha256, sha256.at, sha256.size);
    row->first_ns = (int64_t)first;
    row->last_ns = (int64_t)last;
    return true;
}

/* ---- The table ------------------------------------------------------------------------------ */

int catalog_kept_put(struct store_catalog *c, MDB_txn *txn, const struct catalog_kept *kept)
{
    struct btr_buffer row = {0};
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
    catalog_segment_key(key, kept->hash);
    row_put(&row, kept);
    int rc = row.failed ? ENOMEM
                        : catalog_row_put(txn, c->kept, (struct btr_span){key, sizeof(key)},
                                          btr_buffer_view(&row));
    btr_buffer_fini(&row);
    return rc;
}

struct kept_list {
    struct btr_arena *arena;
    struct catalog_kept *rows;
    uint32_t count, capacity;
    int failed;
};

static int list_end(struct kept_list *list, int code)
{
    list->failed = code;
    return CATALOG_VISIT_END;
}

static int row_visit(void *self, struct btr_span key, struct btr_span value)
{
    struct kept_list *list = self;
    struct catalog_kept row;
    if (!row_get(key, value, &row))
        return list_end(list, BTR_E_FORMAT);
    if (!btr_arena_copy(list->arena, row.hosts, &row.hosts) ||
        !btr_arena_copy(list->arena, row.ranges, &row.ranges))
        return list_end(list, BTR_E_NOMEM);
    if (!btr_list_room(&list->rows, list->count, &list->capacity, 64, sizeof *list->rows))
        return list_end(list, BTR_E_NOMEM);
    list->rows[list->count++] = row;
    return 0;
}

int store_catalog_kept(struct store_catalog *c, struct btr_arena *arena, struct catalog_kept **rows,
                       uint32_t *count, struct btr_err *err)
{
    struct kept_list list = {.arena = arena};
    int rc =
        c->has_kept ? catalog_table_visit(c, c->kept, (struct btr_span){0}, row_visit, &list) : 0;
    if (list.failed == BTR_E_FORMAT)
        rc = btr_fail(err, BTR_E_FORMAT, UINT64_MAX,
                      "%s: a row of kept records in the catalog is malformed", c->path);
    else if (list.failed)
        rc = btr_fail(err, list.failed, UINT64_MAX, "out of memory");
    else if (rc != 0)
        rc = catalog_fail(err, rc, c->path, "read");
    if (rc < 0) {
        free(list.rows);
        list = (struct kept_list){0};
    }
    *rows = list.rows;
    *count = list.count;
    return rc;
}

static int rows_remove(struct store_catalog *c, MDB_txn *txn, const struct catalog_kept *rows,
                       uint32_t count)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
        catalog_segment_key(key, rows[i].hash);
        MDB_val k = {.mv_size = sizeof(key), .mv_data = key};
        rc = mdb_del(txn, c->kept, &k, NULL);
        rc = rc == MDB_NOTFOUND ? 0 : rc;
    }
    return rc;
}

int store_catalog_kept_replace(struct store_catalog *c, const struct catalog_kept *row,
                               const struct catalog_kept *old, uint32_t count,
                               const struct store_faults *faults, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    int rc = catalog_write_begin(c, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    rc = rows_remove(c, txn, old, count);
    if (rc == 0)
        rc = catalog_kept_put(c, txn, row);
    rc = catalog_write_settle(txn, rc, faults);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "write");
}

int store_catalog_kept_forget(struct store_catalog *c, const struct catalog_kept *rows,
                              uint32_t count, struct btr_err *err)
{
    MDB_txn *txn = NULL;
    int rc = catalog_write_begin(c, &txn);
    if (rc != 0)
        return catalog_fail(err, rc, c->path, "write");
    rc = rows_remove(c, txn, rows, count);
    rc = catalog_write_settle(txn, rc, NULL);
    return rc == 0 ? 0 : catalog_fail(err, rc, c->path, "write");
}
