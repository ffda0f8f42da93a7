/*
 * What a long chain of changes costs: bench_chain FOLDER CHANGES makes a catalog of so many changes
 * (of which every eighth is a merge of eight segments and what was merged before), and tells its
 * bytes, the time of opening it, of one more change, and of checking the chain. No segment has a
 * file.
 */
#include <btr/clock.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalog_env.h"
#include "files.h"

enum { BATCH = 4096, FAN = 8 };

/* The segment that is published, or merged, as the n-th. */
static struct catalog_segment segment_of(uint64_t n)
{
    struct catalog_segment row = {
        .hash = {n * UINT64_C(0x9e3779b97f4a7c15), n}, .day = "2026-11-25", .root_told = true};
    struct btr_span name = {(const uint8_t *)&n, sizeof(n)};
    if (!btr_sha256_of(&name, 1, row.root))
        abort();
    return row;
}

/* The n-th change: a publish, or a merge of the seven before it and the merge before these. */
static int change_put(struct store_catalog *c, MDB_txn *txn, uint64_t n)
{
    struct catalog_segment added = segment_of(n), removed[FAN];
    struct catalog_change change = {.kind = CATALOG_INGESTED,
                                    .now_ns = (int64_t)n * 2000000000,
                                    .added = &added,
                                    .added_count = 1,
                                    .removed = removed};
    if (n % FAN == 0)
        change.kind = CATALOG_MERGED;
    for (uint64_t k = n < FAN ? n - 1 : FAN; n % FAN == 0 && k > 0; k--)
        if (n > k)
            removed[change.removed_count++] = segment_of(n - k);
    int rc = catalog_segment_add(c, txn, &added);
    for (uint32_t i = 0; rc == 0 && i < change.removed_count; i++) {
        uint8_t key[16];
        store_put_u64(key, removed[i].hash.hi);
        store_put_u64(key + 8, removed[i].hash.lo);
        MDB_val k = {sizeof(key), key};
        rc = mdb_del(txn, c->segments, &k, NULL);
    }
    return rc == 0 ? catalog_chain_put(c, txn, &change) : rc;
}

static int changes_put(struct store_catalog *c, uint64_t from, uint64_t until)
{
    int rc = 0;
    for (uint64_t n = from; rc == 0 && n < until;) {
        MDB_txn *txn = NULL;
        rc = catalog_write_begin(c, &txn);
        for (uint32_t i = 0; rc == 0 && i < BATCH && n < until; i++)
            rc = change_put(c, txn, n++);
        if (rc == 0)
            rc = catalog_write_end(txn);
    }
    return rc;
}

static double ms_since(int64_t *then_ns)
{
    int64_t now_ns = btr_monotonic_ns(), took_ns = now_ns - *then_ns;
    *then_ns = now_ns;
    return (double)took_ns / 1e6;
}

int main(int argc, char **argv)
{
    struct btr_err err = {0};
    struct store_catalog *c = NULL;
    uint64_t changes = 0, size = 0, found_at;
    if (argc != 3 || !btr_span_number(btr_span_of(argv[2]), 10, &changes) || changes == 0)
        return 2;
    int64_t then_ns = btr_monotonic_ns();
    int rc = store_files_prepare(argv[1], &err);
    if (rc == 0)
        rc = store_catalog_open(&c, argv[1], true, &err);
    int put = rc == 0 ? changes_put(c, 1, changes) : 0;
    double made_ms = ms_since(&then_ns);
    if (put == 0 && rc == 0)
        put = changes_put(c, changes, changes + 1);
    double one_ms = ms_since(&then_ns);
    if (put != 0)
        rc = catalog_fail(&err, put, argv[1], "write");
    store_catalog_close(c);
    c = NULL;
    (void)ms_since(&then_ns);
    if (rc == 0)
        rc = store_catalog_open(&c, argv[1], false, &err);
    double open_ms = ms_since(&then_ns);
    if (rc == 0)
        rc = store_catalog_size(c, &size, &err);
    if (rc == 0)
        rc = store_catalog_chain_verify(c, NULL, &found_at, &err);
    double verify_ms = ms_since(&then_ns);
    store_catalog_close(c);
    if (rc < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 3;
    }
    printf("changes %llu\nmade_ms %.0f\nbytes %llu\nbytes_a_change %.1f\none_more_ms %.2f\n"
           "open_ms %.2f\nverify_ms %.0f\n",
           (unsigned long long)changes, made_ms, (unsigned long long)size,
           (double)size / (double)changes, one_ms, open_ms, verify_ms);
    return 0;
}
