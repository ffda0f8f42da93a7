#include <test.h>

#include <sys/stat.h>
#include <temp_files.h>

#include "files.h"
#include "segment_store.h"
#include "writer.h"

static void file_read(const char *path, struct btr_buffer *out)
{
    uint8_t block[4096];
    size_t n;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    btr_buffer_clear(out);
    while ((n = fread(block, 1, sizeof(block), file)) > 0)
        btr_buffer_put(out, block, n);
    (void)fclose(file);
}

void segment_file_read(const char *store, uint32_t i, char path[4096], struct btr_buffer *out)
{
    struct btr_err err;
    struct store_catalog *catalog = NULL;
    struct catalog_segment *rows = NULL;
    uint32_t count = 0;
    assert_int_equal(store_catalog_open(&catalog, store, false, &err), 0);
    assert_int_equal(store_catalog_segments(catalog, &rows, &count, &err), 0);
    assert_true(i < count);
    assert_true(store_files_path(path, store, &rows[i]));
    free(rows);
    store_catalog_close(catalog);
    file_read(path, out);
}

bool segment_file_damage(const char *path, const struct btr_buffer *file, unsigned section)
{
    struct btr_err err;
    struct store_header h;
    struct store_section sections[STORE_SECTIONS_MAX];
    assert_int_equal(store_header_read(btr_buffer_view(file), &h, sections, &err), 0);
    unsigned i = 0;
    while (i < h.section_count && sections[i].type != section)
        i++;
    if (i == h.section_count || sections[i].size == 0)
        return false;
    size_t at = sections[i].offset + sections[i].size - 1;
    FILE *out = fopen(path, "r+b");
    assert_non_null(out);
    assert_int_equal(fseek(out, (long)at, SEEK_SET), 0);
    (void)fputc(file->at[at] ^ 1, out);
    (void)fclose(out);
    return true;
}

void batch_store_make(const char *path, const struct btr_batch *batch)
{
    struct btr_writer *writer = NULL;
    struct btr_err err = {0};
    struct btr_progress progress = model_progress();
    assert_int_equal(btr_writer_open(&writer, path, &err), 0);
    const struct btr_sink *sink = btr_writer_sink(writer);
    assert_int_equal(sink->append(sink->self, batch, &err), 0);
    assert_int_equal(sink->publish(sink->self, &progress, &err), 0);
    assert_int_equal(sink->drain(sink->self, &err), 0);
    btr_writer_close(writer);
}

void segment_make(struct model *m, uint32_t batches, uint32_t events, struct btr_buffer *out)
{
    char folder[256], store[300], path[4096];
    temp_folder_make(folder);
    (void)snprintf(store, sizeof(store), "%s/store", folder);
    model_store(m, store, 1, batches, events);
    segment_file_read(store, 0, path, out);
    temp_folder_remove(folder);
}

bool segment_store_make(const char *path, struct btr_span bytes)
{
    struct btr_err err;
    struct store_header h;
    struct store_section sections[STORE_SECTIONS_MAX];
    struct store_catalog *catalog = NULL;
    if (store_header_read(bytes, &h, sections, &err) < 0)
        return false;
    struct catalog_segment row = {.hash = btr_id_hash(bytes),
                                  .day = "2026-11-25",
                                  .file_size = bytes.size,
                                  .sealed = {.event_count = h.event_count,
                                             .entity_count = h.entity_count,
                                             .gap_count = 1,
                                             .undecoded = 1,
                                             .first_ns = h.first_ns,
                                             .last_ns = h.last_ns}};
    struct btr_sha256 *sha = btr_sha256_new();
    btr_sha256_update(sha, bytes);
    assert_true(btr_sha256_peek(sha, row.sha256));
    btr_sha256_free(sha);
    assert_int_equal(store_files_prepare(path, &err), 0);
    assert_int_equal(store_catalog_open(&catalog, path, true, &err), 0);
    assert_int_equal(store_files_write(path, &row, bytes, NULL, &err), 0);
    struct catalog_change change = {.kind = CATALOG_INGESTED, .added = &row, .added_count = 1};
    assert_int_equal(store_catalog_change(catalog, &change, NULL, &err), 0);
    store_catalog_close(catalog);
    return true;
}
