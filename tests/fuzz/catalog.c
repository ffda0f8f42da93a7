/*
 * A row of the catalog of arbitrary bytes is refused, or read without a fault; a segment's row and
 * an input's have one encoding. The first byte names the table, the second tells how long the key
 * is; what is left is the value, to which the row's checksum is put, or, with the top bit of the
 * first, is not.
 */
#include <btr/kept.h>
#include <btr/store.h>
#include <stdlib.h>

#include "catalog_env.h"
#include "catalog_kept.h"
#include "catalog_rows.h"
#include "files.h"
#include "fuzz_folder.h"
#include "holds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TABLES = 8 };

static char folder[FUZZ_PATH_SIZE];

static void folder_remove(void)
{
    fuzz_folder_remove(folder);
}

/* Made once; each row is taken out again. */
static struct store_catalog *catalog_make(void)
{
    struct store_catalog *c = NULL;
    struct btr_err err;
    fuzz_folder_make(folder);
    (void)atexit(folder_remove);
    if (store_files_prepare(folder, &err) < 0 || store_catalog_open(&c, folder, true, &err) < 0)
        abort();
    return c;
}

static void row_put(struct store_catalog *c, MDB_dbi table, struct btr_span key,
                    struct btr_span value, bool checksum)
{
    MDB_txn *txn = NULL;
    MDB_val k = {key.size, (void *)(uintptr_t)key.at},
            v = {value.size, (void *)(uintptr_t)value.at};
    if (catalog_write_begin(c, &txn) != 0)
        abort();
    int rc = checksum ? catalog_row_put(txn, table, key, value) : mdb_put(txn, table, &k, &v, 0);
    if (rc != 0 || catalog_write_end(txn) != 0)
        abort();
}

static void tables_empty(struct store_catalog *c, const MDB_dbi tables[TABLES])
{
    MDB_txn *txn = NULL;
    int rc = catalog_write_begin(c, &txn);
    for (unsigned i = 0; rc == 0 && i < TABLES; i++)
        rc = mdb_drop(txn, tables[i], 0);
    if (rc != 0 || catalog_write_end(txn) != 0)
        abort();
}

/* ---- What reads rows ------------------------------------------------------------------------ */

static void encoding_check(struct btr_buffer *again, struct btr_span value)
{
    if (!again->failed && !btr_span_equal(btr_buffer_view(again), value))
        abort();
    btr_buffer_fini(again);
}

static void one_encoding(struct btr_span key, struct btr_span value)
{
    struct catalog_segment segment;
    struct btr_input input;
    struct btr_buffer again = {0};
    if (catalog_segment_get(STORE_CATALOG_VERSION, key, value, &segment)) {
        catalog_segment_put(&again, &segment);
        encoding_check(&again, value);
    }
    if (catalog_input_get(value, &input)) {
        catalog_input_put(&again, &input);
        encoding_check(&again, value);
    }
    (void)catalog_segment_get(1, key, value, &segment);
}

static int input_pass(void *self, const struct btr_input *input)
{
    (void)self;
    return input->name.size > input->case_id.size ? 0 : 1;
}

static int file_keep(void *self, const struct catalog_segment *row, struct btr_err *err)
{
    (void)self;
    (void)err;
    return catalog_day_is_plain(btr_span_of(row->day)) ? 0 : BTR_E_FORMAT;
}

static void segments_read(struct store_catalog *c, struct btr_err *err)
{
    static const uint8_t wanted[BTR_SHA256_SIZE];
    struct catalog_segment *rows = NULL;
    struct catalog_head head;
    uint64_t found_at;
    uint32_t count = 0;
    bool held;
    if (store_catalog_segments(c, &rows, &count, err) == 0)
        for (uint32_t i = 0; i < count; i++)
            (void)catalog_segment_may_have(&rows[i], BTR_SPAN("web01"));
    free(rows);
    rows = NULL;
    (void)store_catalog_trash(c, &rows, &count, err);
    free(rows);
    (void)store_catalog_head(c, &head, err);
    (void)store_catalog_chain_verify(c, wanted, &found_at, err);
    (void)store_catalog_chain_holds(c, wanted, 1, &held, err);
    (void)store_catalog_trash_empty(c, file_keep, NULL, err);
}

static void others_read(struct store_catalog *c, struct btr_err *err)
{
    struct store_records records = {0};
    struct store_holds holds;
    struct catalog_kept *kept = NULL;
    struct btr_arena *arena = btr_arena_new(1 << 20);
    struct btr_buffer state = {0};
    uint64_t left_out;
    uint32_t count = 0;
    if (!arena)
        abort();
    (void)store_catalog_inputs(c, NULL, input_pass, NULL, err);
    (void)store_catalog_state(c, BTR_SPAN("auditd"), BTR_SPAN("web01"), &state, err);
    (void)store_catalog_records(c, &records, 1 << 16, &left_out, err);
    bool told = store_holds_load(&holds, c, err) == 0;
    if (store_catalog_kept(c, arena, &kept, &count, err) == 0)
        for (uint32_t i = 0; i < count; i++) {
            (void)catalog_kept_has_host(&kept[i], BTR_SPAN("web01"));
            if (told)
                (void)store_holds_kept(&holds, &kept[i]);
            for (size_t k = 0; k < kept[i].ranges.size / CATALOG_KEPT_RANGE_SIZE; k++)
                (void)catalog_kept_range_get(kept[i].ranges, k);
        }
    free(kept);
    store_holds_fini(&holds);
    store_records_fini(&records);
    btr_buffer_fini(&state);
    btr_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct store_catalog *c;
    static const size_t key_sizes[] = {8, 16, 24};
    struct btr_err err;
    if (size < 2 || size > 60000)
        return 0;
    if (!c)
        c = catalog_make();
    const MDB_dbi tables[TABLES] = {c->segments, c->inputs, c->trash,   c->kept,
                                    c->chain,    c->holds,  c->records, c->packs};
    size_t key_size = data[1] < 3 ? key_sizes[data[1]] : 1 + data[1] % 64U;
    if (size - 2 < key_size)
        return 0;
    struct btr_span key = {data + 2, key_size}, value = {data + 2 + key_size, size - 2 - key_size};
    one_encoding(key, value);
    row_put(c, tables[(data[0] & 0x7f) % TABLES], key, value, (data[0] & 0x80) == 0);
    segments_read(c, &err);
    others_read(c, &err);
    tables_empty(c, tables);
    return 0;
}
