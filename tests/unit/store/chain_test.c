/* Roots, the chain of changes, and rows of the catalog that were changed behind its back. */
#include <test.h>

#include <temp_files.h>

#include "catalog_chain.h"
#include "catalog_rows.h"
#include "model.h"
#include "root.h"
#include "store_tests.h"

/* ---- Roots ----------------------------------------------------------------------------------- */

/* RFC 6962, section 2.1, as it stands there: split at the largest power of two below the count. */
static void plain_root(struct btr_span bytes, uint8_t out[BTR_SHA256_SIZE])
{
    size_t pieces = (bytes.size + STORE_ROOT_PIECE - 1) / STORE_ROOT_PIECE, split = 1;
    uint8_t halves[2][BTR_SHA256_SIZE];
    if (pieces <= 1) {
        const struct btr_span parts[] = {BTR_SPAN("\0"), bytes};
        assert_true(btr_sha256_of(parts + (bytes.size == 0), bytes.size == 0 ? 1 : 2, out));
        return;
    }
    while (split * 2 < pieces)
        split *= 2;
    size_t cut = split * STORE_ROOT_PIECE;
    plain_root((struct btr_span){bytes.at, cut}, halves[0]);
    plain_root((struct btr_span){bytes.at + cut, bytes.size - cut}, halves[1]);
    const struct btr_span parts[] = {
        BTR_SPAN("\1"), {halves[0], BTR_SHA256_SIZE}, {halves[1], BTR_SHA256_SIZE}};
    assert_true(btr_sha256_of(parts, 3, out));
}

static void a_root_is_that_of_rfc_6962(void **state)
{
    (void)state;
    size_t size_max = 9 * (size_t)STORE_ROOT_PIECE + 5;
    uint8_t *bytes = malloc(size_max), got[BTR_SHA256_SIZE], want[BTR_SHA256_SIZE];
    struct test_random random = {3};
    for (size_t i = 0; i < size_max; i++)
        bytes[i] = (uint8_t)test_random_below(&random, 256);
    for (size_t pieces = 0; pieces <= 9; pieces++) {
        for (size_t more = 0; more < 3; more++) {
            struct btr_span span = {bytes, pieces * STORE_ROOT_PIECE + (more == 2 ? 5 : more)};
            assert_true(store_root(span, got));
            plain_root(span, want);
            assert_memory_equal(got, want, sizeof(got));
        }
    }
    free(bytes);
}

/* ---- A store, and what is done to it --------------------------------------------------------- */

struct place {
    struct model m;
    char folder[256], path[300];
    struct btr_chain noted; /* after the first of three publishes */
};

static void place_make(struct place *p, uint64_t seed)
{
    struct btr_err err;
    temp_folder_make(p->folder);
    (void)snprintf(p->path, sizeof(p->path), "%s/store", p->folder);
    model_init(&p->m, seed);
    model_store(&p->m, p->path, 1, 2, 30);
    assert_int_equal(btr_store_chain(p->path, NULL, &p->noted, &err), 0);
    assert_true(p->noted.sequence >= 1);
    model_store(&p->m, p->path, 2, 2, 30);
}

static void place_remove(struct place *p)
{
    model_fini(&p->m);
    temp_folder_remove(p->folder);
}

static void a_head_that_was_noted_is_found_after_publishes_and_merges(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_chain chain;
    struct btr_merge_stat stat;
    uint8_t other[BTR_SHA256_SIZE] = {1};
    place_make(&p, 51);
    assert_int_equal(btr_store_compact(p.path, &stat, &err), 0);
    assert_int_equal(btr_store_chain(p.path, p.noted.head, &chain, &err), 0);
    assert_int_equal(chain.found_at, p.noted.sequence);
    assert_int_equal(chain.sequence, p.noted.sequence + 3);
    assert_int_equal(btr_store_chain(p.path, chain.head, &chain, &err), 0);
    assert_int_equal(chain.found_at, chain.sequence);
    assert_int_equal(btr_store_chain(p.path, other, &chain, &err), BTR_E_NOTFOUND);
    place_remove(&p);
}

/* Deletes or changes the i-th row of a table. @param edit  NULL: deletes */
static void row_edit(const char *path, const char *table, unsigned i,
                     void (*edit)(struct btr_buffer *value), bool with_checksum)
{
    struct btr_err err;
    struct store_catalog *c = NULL;
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    MDB_dbi dbi;
    MDB_val key, value;
    struct btr_buffer bytes = {0};
    uint8_t name[64];
    assert_int_equal(store_catalog_open(&c, path, true, &err), 0);
    assert_int_equal(catalog_write_begin(c, &txn), 0);
    assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
    assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
    for (unsigned n = 0; n <= i; n++)
        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), 0);
    assert_true(key.mv_size <= sizeof(name));
    memcpy(name, key.mv_data, key.mv_size);
    btr_buffer_put(&bytes, value.mv_data, value.mv_size);
    struct btr_span k = {name, key.mv_size};
    mdb_cursor_close(cursor);
    key.mv_data = name;
    if (edit)
        edit(&bytes);
    value = (MDB_val){bytes.size, bytes.at};
    if (!edit)
        assert_int_equal(mdb_del(txn, dbi, &key, NULL), 0);
    else if (with_checksum)
        assert_int_equal(
            catalog_row_put(txn, dbi, k,
                            (struct btr_span){bytes.at, bytes.size - CATALOG_CHECKSUM_SIZE}),
            0);
    else
        assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
    assert_int_equal(catalog_write_end(txn), 0);
    btr_buffer_fini(&bytes);
    store_catalog_close(c);
}

static void flip_time(struct btr_buffer *value)
{
    value->at[BTR_SHA256_SIZE] ^= 1; /* of a row of the chain */
}

static void flip_middle(struct btr_buffer *value)
{
    value->at[value->size / 2] ^= 1;
}

static void one_more(struct btr_buffer *value)
{
    btr_buffer_put(value, value->at + value->size - 1, 1);
}

static int chain_of(const char *path)
{
    struct btr_err err;
    struct btr_chain chain;
    return btr_store_chain(path, NULL, &chain, &err);
}

static void what_does_not_follow_is_found(void **state)
{
    (void)state;
    const struct {
        const char *table;
        unsigned row;
        void (*edit)(struct btr_buffer *value);
    } edits[] = {
        {"chain", 1, flip_time}, {"chain", 0, NULL}, {"chain", 2, NULL}, {"segments", 1, NULL}};
    for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
        struct place p;
        place_make(&p, 52);
        assert_int_equal(chain_of(p.path), 0);
        row_edit(p.path, edits[i].table, edits[i].row, edits[i].edit, true);
        assert_int_equal(chain_of(p.path), BTR_E_CHECKSUM);
        place_remove(&p);
    }
}

/* Of each table a row that was changed or has bytes too many: nothing is read from it. */
static void a_row_that_was_changed_is_refused(void **state)
{
    (void)state;
    static const char *const tables[] = {"segments", "inputs"};
    for (size_t i = 0; i < 4; i++) {
        struct place p;
        struct btr_err err;
        struct btr_reader *reader = NULL;
        place_make(&p, 53);
        const char *path = p.path;
        row_edit(p.path, tables[i / 2], 0, i % 2 == 0 ? flip_middle : one_more, false);
        assert_int_equal(btr_reader_open(&reader, &path, 1, &err), BTR_E_CHECKSUM);
        place_remove(&p);
    }
}

static void a_segment_row_has_no_bytes_too_many(void **state)
{
    (void)state;
    struct catalog_segment row = {.day = "2026-11-25", .hosts_told = true}, got;
    uint8_t key[CATALOG_SEGMENT_KEY_SIZE];
    struct btr_buffer b = {0};
    struct btr_span k = {key, sizeof(key)};
    catalog_segment_key(key, row.hash);
    memcpy(row.hosts, "\2ab\0", 4);
    row.hosts_size = 4;
    catalog_segment_put(&b, &row);
    assert_true(catalog_segment_get(2, k, btr_buffer_view(&b), &got));
    assert_memory_equal(&row, &got, sizeof(row));
    assert_true(catalog_segment_names_host(&got, BTR_SPAN("ab")));
    assert_true(catalog_segment_names_host(&got, BTR_SPAN("")));
    assert_false(catalog_segment_names_host(&got, BTR_SPAN("a")));
    for (size_t size = 0; size < b.size; size++)
        assert_false(catalog_segment_get(2, k, (struct btr_span){b.at, size}, &got));
    assert_false(catalog_segment_get(1, k, btr_buffer_view(&b), &got));
    b.at[b.size - 1] = 1; /* the last host would be longer than the row */
    assert_false(catalog_segment_get(2, k, btr_buffer_view(&b), &got));
    b.at[b.size - 1] = 0;
    btr_buffer_u8(&b, 0);
    assert_false(catalog_segment_get(2, k, btr_buffer_view(&b), &got));
    btr_buffer_fini(&b);
}

/* ---- Packs ----------------------------------------------------------------------------------- */

enum { BATCH = 1000, BATCHES = 14 };

/* Appends changes, of which each second removes the segment that the one before adds. */
static void changes_put(struct store_catalog *c, uint32_t count)
{
    MDB_txn *txn = NULL;
    struct catalog_segment row = {.root = {7}};
    assert_int_equal(catalog_write_begin(c, &txn), 0);
    for (uint32_t i = 0; i < count; i++) {
        struct catalog_change change = {.kind = i % 2 ? CATALOG_PRUNED : CATALOG_INGESTED,
                                        .now_ns = i,
                                        .added = &row,
                                        .removed = &row,
                                        .added_count = i % 2 == 0,
                                        .removed_count = i % 2};
        store_put_u32(row.root + 1, i / 2);
        assert_int_equal(catalog_chain_put(c, txn, &change), 0);
    }
    assert_int_equal(catalog_write_end(txn), 0);
}

static uint64_t rows_in(const char *path, const char *table)
{
    struct btr_err err;
    struct store_catalog *c = NULL;
    MDB_dbi dbi;
    MDB_stat stat;
    assert_int_equal(store_catalog_open(&c, path, false, &err), 0);
    assert_int_equal(mdb_dbi_open(c->snapshot, table, 0, &dbi), 0);
    assert_int_equal(mdb_stat(c->snapshot, dbi, &stat), 0);
    store_catalog_close(c);
    return stat.ms_entries;
}

/* @param heads  receives those after each batch */
static void long_chain_make(struct place *p, struct catalog_head heads[BATCHES])
{
    struct btr_err err;
    struct store_catalog *c = NULL;
    assert_int_equal(store_catalog_open(&c, p->path, true, &err), 0);
    for (uint32_t i = 0; i < BATCHES; i++) {
        changes_put(c, BATCH);
        assert_int_equal(store_catalog_head(c, &heads[i], &err), 0);
    }
    store_catalog_close(c);
}

static void heads_check(const struct place *p, const struct catalog_head heads[BATCHES])
{
    struct btr_err err;
    struct btr_chain chain;
    for (uint32_t i = 0; i < BATCHES; i++) {
        if (btr_store_chain(p->path, heads[i].head, &chain, &err) != 0)
            fail_msg("%s", err.text);
        assert_int_equal(chain.found_at, heads[i].sequence);
    }
    assert_int_equal(btr_store_chain(p->path, p->noted.head, &chain, &err), 0);
    assert_int_equal(chain.found_at, p->noted.sequence);
}

static void a_long_chain_is_packed_and_proves_every_head(void **state)
{
    (void)state;
    struct place p;
    struct catalog_head heads[BATCHES];
    place_make(&p, 54);
    assert_int_equal(rows_in(p.path, "packs"), 0);
    long_chain_make(&p, heads);
    uint64_t packs = (heads[BATCHES - 1].sequence - CHAIN_PACK_ROWS) / CHAIN_PACK_ROWS;
    assert_int_equal(rows_in(p.path, "packs"), packs);
    assert_int_equal(rows_in(p.path, "chain"),
                     heads[BATCHES - 1].sequence - packs * CHAIN_PACK_ROWS);
    heads_check(&p, heads);
    model_store(&p.m, p.path, 1, 2, 30); /* and goes on */
    heads_check(&p, heads);
    model_check_store(&p.m, p.path, 1);
    place_remove(&p);
}

/* Rows of changes that neither add nor remove, one by one, as a program of before left them. */
static void plain_rows_put(struct store_catalog *c, uint32_t count)
{
    struct btr_err err;
    struct catalog_head last;
    MDB_txn *txn = NULL;
    assert_int_equal(store_catalog_head(c, &last, &err), 0);
    assert_int_equal(catalog_write_begin(c, &txn), 0);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[CHAIN_KEY_SIZE], told[8 + 3] = {0}, value[2 * BTR_SHA256_SIZE + sizeof(told)];
        catalog_number_key(key, ++last.sequence);
        told[8] = CATALOG_MERGED;
        memcpy(value, last.head, BTR_SHA256_SIZE);
        memcpy(value + BTR_SHA256_SIZE, told, sizeof(told));
        assert_true(chain_head_of(last.sequence, last.head, (struct btr_span){told, sizeof(told)},
                                  last.head));
        memcpy(value + BTR_SHA256_SIZE + sizeof(told), last.head, BTR_SHA256_SIZE);
        assert_int_equal(catalog_row_put(txn, c->chain, (struct btr_span){key, sizeof(key)},
                                         (struct btr_span){value, sizeof(value)}),
                         0);
    }
    assert_int_equal(catalog_write_end(txn), 0);
}

static void a_chain_of_before_is_packed_many_at_once(void **state)
{
    (void)state;
    struct place p;
    struct btr_err err;
    struct btr_chain chain;
    struct catalog_head noted;
    struct store_catalog *c = NULL;
    enum { MANY = (CHAIN_PACKS_AT_ONCE + 4) * CHAIN_PACK_ROWS };
    place_make(&p, 57);
    assert_int_equal(store_catalog_open(&c, p.path, true, &err), 0);
    plain_rows_put(c, MANY / 2);
    assert_int_equal(store_catalog_head(c, &noted, &err), 0);
    plain_rows_put(c, MANY / 2);
    changes_put(c, CHAIN_PACK_EVERY);
    store_catalog_close(c);
    assert_int_equal(rows_in(p.path, "packs"), CHAIN_PACKS_AT_ONCE);
    assert_int_equal(btr_store_chain(p.path, noted.head, &chain, &err), 0);
    assert_int_equal(chain.found_at, noted.sequence);
    assert_int_equal(store_catalog_open(&c, p.path, true, &err), 0);
    changes_put(c, CHAIN_PACK_EVERY);
    store_catalog_close(c);
    assert_true(rows_in(p.path, "chain") < 2 * CHAIN_PACK_ROWS + CHAIN_PACK_EVERY);
    assert_int_equal(btr_store_chain(p.path, noted.head, &chain, &err), 0);
    place_remove(&p);
}

static void flip_last(struct btr_buffer *value)
{
    value->at[value->size - CATALOG_CHECKSUM_SIZE - 1] ^= 1;
}

static void fewer(struct btr_buffer *value)
{
    value->at[0]--; /* of the count of rows */
}

static void damage_to_a_pack_is_found(void **state)
{
    (void)state;
    const struct {
        unsigned row;
        void (*edit)(struct btr_buffer *value);
        int code; /* 0: one of the three */
        bool with_checksum;
    } edits[] = {{0, NULL, BTR_E_CHECKSUM, true},     {1, NULL, BTR_E_CHECKSUM, true},
                 {0, fewer, BTR_E_FORMAT, true},      {1, flip_last, 0, true},
                 {1, flip_middle, 0, true},           {1, flip_middle, BTR_E_CHECKSUM, false},
                 {0, one_more, BTR_E_CHECKSUM, false}};
    struct catalog_head heads[BATCHES];
    for (size_t i = 0; i < sizeof(edits) / sizeof(*edits); i++) {
        struct place p;
        place_make(&p, 55);
        long_chain_make(&p, heads);
        row_edit(p.path, "packs", edits[i].row, edits[i].edit, edits[i].with_checksum);
        int code = chain_of(p.path);
        if (edits[i].code != 0)
            assert_int_equal(code, edits[i].code);
        assert_true(code == BTR_E_CHECKSUM || code == BTR_E_FORMAT);
        place_remove(&p);
    }
}

/* It stays where it is, and does not keep the chain from going on. */
static void a_damaged_row_is_not_packed(void **state)
{
    (void)state;
    struct place p;
    struct catalog_head heads[BATCHES];
    place_make(&p, 56);
    row_edit(p.path, "chain", 1, flip_time, true);
    assert_int_equal(chain_of(p.path), BTR_E_CHECKSUM);
    long_chain_make(&p, heads);
    assert_int_equal(rows_in(p.path, "packs"), 0);
    assert_int_equal(rows_in(p.path, "chain"), heads[BATCHES - 1].sequence);
    assert_int_equal(chain_of(p.path), BTR_E_CHECKSUM);
    place_remove(&p);
}

int chain_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_root_is_that_of_rfc_6962),
        cmocka_unit_test(a_head_that_was_noted_is_found_after_publishes_and_merges),
        cmocka_unit_test(what_does_not_follow_is_found),
        cmocka_unit_test(a_row_that_was_changed_is_refused),
        cmocka_unit_test(a_segment_row_has_no_bytes_too_many),
        cmocka_unit_test(a_long_chain_is_packed_and_proves_every_head),
        cmocka_unit_test(a_chain_of_before_is_packed_many_at_once),
        cmocka_unit_test(damage_to_a_pack_is_found),
        cmocka_unit_test(a_damaged_row_is_not_packed),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
