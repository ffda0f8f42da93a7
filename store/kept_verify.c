#include "kept_verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "kept_file.h"
#include "kept_write.h"
#include "pack.h"
#include "segment_write.h"

struct kept_check {
    btr_fault_visit *visit;
    void *self;
    char name[BTR_ID_TEXT_SIZE];
    int worst, stop;
    struct btr_idmap done;   /* files that were looked at */
    struct btr_idmap missed; /* that were not there */
    bool look_again;
};

static int out_of_memory(struct btr_err *err)
{
    return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory for kept records");
}

static void fault(struct kept_check *c, int code, const char *what, const char *lost)
{
    struct btr_err line;
    (void)btr_fail(&line, code, UINT64_MAX, "kept records: %s; lost by it: %s", what, lost);
    if (c->worst == 0)
        c->worst = code == BTR_E_CHECKSUM ? code : BTR_E_FORMAT;
    if (c->stop == 0)
        c->stop = c->visit(c->self, c->name, line.text);
}

static int blocks_check(struct kept_check *c, const struct kept_file *f, void *unpacker)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && c->stop == 0 && i < f->header.block_count; i++) {
        struct kept_row row = kept_file_row(f, i);
        struct kept_block block;
        struct btr_err err;
        char lost[BTR_ERR_TEXT_SIZE];
        rc = kept_file_block(f, unpacker, i, &block, &err);
        kept_block_fini(&block);
        if (rc == 0 || rc == BTR_E_NOMEM)
            continue;
        struct btr_span name = f->inputs[row.input].name;
        (void)snprintf(lost, sizeof lost, "%u records, lines %llu to %llu of %.*s",
                       row.record_count, (unsigned long long)row.first_line,
                       (unsigned long long)row.last_line, name.size < 200 ? (int)name.size : 200,
                       (const char *)name.at);
        fault(c, rc, err.text, lost);
        rc = 0;
    }
    return rc;
}

/* The file must be the one that was written. */
static int proof_check(struct kept_check *c, const struct catalog_kept *row, struct btr_span bytes)
{
    uint8_t sha256[BTR_SHA256_SIZE];
    int rc = store_file_sha256(bytes, sha256);
    if (rc < 0)
        return rc;
    if (c->worst == 0 && (!btr_id_equal(btr_id_hash(bytes), row->hash) ||
                          memcmp(sha256, row->sha256, sizeof sha256) != 0))
        fault(c, BTR_E_CHECKSUM, "the file is not the one that was written",
              "the proof that nothing was changed");
    return 0;
}

static int file_check(struct kept_check *c, const char *store, const struct catalog_kept *row,
                      void *unpacker, struct btr_err *err)
{
    struct kept_file file = {0};
    struct btr_err why;
    char path[STORE_PATH_SIZE], lost[64];
    int before = c->worst;
    if (!store_kept_path(path, store, row))
        return btr_fail(err, BTR_E_IO, UINT64_MAX, "path of the store is too long");
    btr_id_text(row->hash, c->name);
    c->worst = 0;
    int rc = kept_file_map(&file, path, row->file_size, &why);
    /* Merged or pruned since the catalog was read: unless that still names it. */
    if (rc == BTR_E_NOTFOUND && btr_idmap_get(&c->missed, row->hash) == UINT32_MAX) {
        c->look_again = true;
        c->worst = before;
        return btr_idmap_add(&c->missed, row->hash, 0) == 0 ? 0 : out_of_memory(err);
    }
    if (btr_idmap_add(&c->done, row->hash, 0) != 0)
        rc = BTR_E_NOMEM;
    if (rc == 0)
        rc = blocks_check(c, &file, unpacker);
    else if (rc != BTR_E_NOMEM) {
        (void)snprintf(lost, sizeof lost, "%llu records", (unsigned long long)row->record_count);
        fault(c, rc, why.text, lost);
        rc = 0;
    }
    if (rc == 0 && file.bytes.at)
        rc = proof_check(c, row, file.bytes);
    kept_file_close(&file);
    c->worst = before != 0 ? before : c->worst;
    return rc < 0 ? out_of_memory(err) : 0;
}

/* All files that the catalog names now and that were not looked at before. */
static int files_check(struct kept_check *c, const char *store, void *unpacker, struct btr_err *err)
{
    struct store_catalog *catalog = NULL;
    struct catalog_kept *rows = NULL;
    uint32_t count = 0;
    struct btr_arena *arena = btr_arena_new(SIZE_MAX / 4);
    int rc = arena ? store_catalog_open(&catalog, store, false, err) : out_of_memory(err);
    c->look_again = false;
    if (rc == 0)
        rc = store_catalog_kept(catalog, arena, &rows, &count, err);
    store_catalog_close(catalog);
    for (uint32_t i = 0; rc == 0 && c->stop == 0 && i < count; i++)
        if (btr_idmap_get(&c->done, rows[i].hash) == UINT32_MAX)
            rc = file_check(c, store, &rows[i], unpacker, err);
    free(rows);
    btr_arena_free(arena);
    return rc;
}

int store_kept_verify(const char *path, btr_fault_visit *visit, void *self, struct btr_err *err)
{
    struct kept_check c = {.visit = visit, .self = self, .look_again = true};
    void *unpacker = store_unpacker_new();
    int rc = unpacker ? 0 : out_of_memory(err);
    while (rc == 0 && c.stop == 0 && c.look_again)
        rc = files_check(&c, path, unpacker, err);
    store_unpacker_free(unpacker);
    btr_idmap_fini(&c.done);
    btr_idmap_fini(&c.missed);
    if (rc < 0)
        return rc;
    if (c.worst != 0)
        return btr_fail(err, c.worst, UINT64_MAX, "%s: the store is damaged", path);
    return c.stop;
}
