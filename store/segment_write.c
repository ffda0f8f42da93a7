#include "segment_write.h"

#include <btr/clock.h>

int store_file_sha256(struct btr_span bytes, uint8_t out[BTR_SHA256_SIZE])
{
    struct btr_sha256 *sha = btr_sha256_new();
    if (!sha)
        return BTR_E_NOMEM;
    btr_sha256_update(sha, bytes);
    bool ok = btr_sha256_peek(sha, out);
    btr_sha256_free(sha);
    return ok ? 0 : BTR_E_NOMEM;
}

int store_segment_write(struct catalog_segment *row, const char *store,
                        struct store_catalog *catalog, struct store_sealer *sealer,
                        const struct store_builder *builder, const struct seal_input *inputs,
                        const struct store_faults *faults, struct btr_err *err)
{
    *row = (struct catalog_segment){0};
    int rc = store_seal(sealer, builder, inputs, &row->sealed, err);
    if (rc < 0)
        return rc;
    struct btr_span bytes = btr_buffer_view(&sealer->packer.file);
    char time[BTR_TIME_TEXT_SIZE];
    btr_time_text(row->sealed.first_ns, time);
    memcpy(row->day, time, 10);
    row->hash = btr_id_hash(bytes);
    row->file_size = bytes.size;
    if (store_file_sha256(bytes, row->sha256) < 0)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    rc = store_catalog_trash_take(catalog, row->hash, err);
    return rc < 0 ? rc : store_files_write(store, row, bytes, faults, err);
}

int store_segment_prove(const struct catalog_segment *row, struct btr_span bytes)
{
    uint8_t sha256[BTR_SHA256_SIZE];
    if (!btr_id_equal(btr_id_hash(bytes), row->hash))
        return 0;
    int rc = store_file_sha256(bytes, sha256);
    return rc < 0 ? rc : memcmp(sha256, row->sha256, sizeof(sha256)) == 0;
}
