#include "segment_write.h"

#include <stdlib.h>

#include "segment_facts.h"
#include "split.h"

int store_file_sha256(struct btr_span bytes, uint8_t out[BTR_SHA256_SIZE])
{
    return btr_sha256_of(&bytes, 1, out) ? 0 : BTR_E_NOMEM;
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
    store_builder_facts(builder, row);
    if (store_file_facts(bytes, row) < 0)
        return btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    rc = store_catalog_trash_take(catalog, row->hash, err);
    return rc < 0 ? rc : store_files_write(store, row, bytes, faults, err);
}

int store_segments_write(struct catalog_segment **rows, uint32_t *count, const char *store,
                         struct store_catalog *catalog, struct store_sealer *sealer,
                         const struct store_builder *builder, const struct seal_input *inputs,
                         const struct store_faults *faults, struct btr_err *err)
{
    struct store_split split;
    struct store_builder part = {0};
    struct seal_input *part_inputs = NULL;
    int rc = store_split_plan(&split, builder, err);
    *count = 0;
    *rows = calloc((size_t)split.part_count + 1, sizeof(**rows));
    if (split.part_count > 0)
        part_inputs = calloc((size_t)builder->input_count + 1, sizeof(*part_inputs));
    if (rc == 0 && (!*rows || (split.part_count > 0 && !part_inputs)))
        rc = btr_fail(err, BTR_E_NOMEM, UINT64_MAX, "out of memory while sealing a segment");
    if (rc == 0 && split.part_count == 0)
        rc = store_segment_write(&(*rows)[(*count)++], store, catalog, sealer, builder, inputs,
                                 faults, err);
    for (; rc == 0 && *count < split.part_count; ++*count) {
        store_builder_clear(&part);
        rc = store_split_fill(&split, builder, *count, inputs, &part, part_inputs, err);
        if (rc == 0)
            rc = store_segment_write(&(*rows)[*count], store, catalog, sealer, &part, part_inputs,
                                     faults, err);
    }
    store_split_fini(&split);
    store_builder_fini(&part);
    free(part_inputs);
    return rc;
}

int store_segment_prove(const struct catalog_segment *row, struct btr_span bytes)
{
    uint8_t sha256[BTR_SHA256_SIZE];
    if (!btr_id_equal(btr_id_hash(bytes), row->hash))
        return 0;
    int rc = store_file_sha256(bytes, sha256);
    return rc < 0 ? rc : memcmp(sha256, row->sha256, sizeof(sha256)) == 0;
}
