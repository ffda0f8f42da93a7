#ifndef STORE_SEGMENT_WRITE_H
#define STORE_SEGMENT_WRITE_H
/** From a builder to a file that a catalog may name; and whether a file is still that one. */
#include "files.h"

/**
 * Seals a builder and makes the file durable, invisible until the catalog names it.
 * @param row  receives what the catalog is to say
 * @return 0, BTR_E_NOMEM, BTR_E_LIMIT, BTR_E_IO, BTR_E_FULL
 */
int store_segment_write(struct catalog_segment *row, const char *store,
                        struct store_catalog *catalog, struct store_sealer *sealer,
                        const struct store_builder *builder, const struct seal_input *inputs,
                        const struct store_faults *faults, struct btr_err *err);

/**
 * The same, a segment for each day of the builder's events (split.h): at most STORE_DAY_PARTS_MAX.
 * @param rows   receives what the catalog is to say, the caller's to free, also after a failure
 * @param count  receives how many
 */
int store_segments_write(struct catalog_segment **rows, uint32_t *count, const char *store,
                         struct store_catalog *catalog, struct store_sealer *sealer,
                         const struct store_builder *builder, const struct seal_input *inputs,
                         const struct store_faults *faults, struct btr_err *err);

/**
 * Whether a file is the one that was sealed: its name's hash and its SHA-256 are those of the row.
 * @return 1 it is, 0 it is not, BTR_E_NOMEM
 */
int store_segment_prove(const struct catalog_segment *row, struct btr_span bytes);

/** @return 0 or BTR_E_NOMEM */
int store_file_sha256(struct btr_span bytes, uint8_t out[BTR_SHA256_SIZE]);

#endif
