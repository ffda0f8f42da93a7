#ifndef STORE_CATALOG_KEPT_H
#define STORE_CATALOG_KEPT_H
/** The table of files of kept records. */
#include "catalog.h"

/** What the catalog says of a file of kept records. Spans are the row's, or the list's. */
struct catalog_kept {
    struct btr_id hash;       /* XXH3-128 of the file: its name */
    char day[STORE_DAY_SIZE]; /* folder, "2026-11-25" */
    uint64_t file_size;
    uint8_t sha256[BTR_SHA256_SIZE];
    uint64_t record_count, raw_size; /* bytes of the records unpacked */
    int64_t first_ns, last_ns;       /* order times of the events that were published with it */
    struct btr_span hosts;           /* of the records: texts, each after its size as varint */
    struct btr_span ranges;          /* for each input, struct catalog_kept_range as bytes */
};

enum { CATALOG_KEPT_RANGE_SIZE = 24 };

/** Which lines of which input are in a file, at most. */
struct catalog_kept_range {
    uint64_t head_hash, first_line, last_line;
};

void catalog_kept_range_put(struct btr_buffer *out, const struct catalog_kept_range *range);
/** @param i  less than ranges.size / CATALOG_KEPT_RANGE_SIZE */
struct catalog_kept_range catalog_kept_range_get(struct btr_span ranges, size_t i);
/** Whether records of a host are in the file. */
bool catalog_kept_has_host(const struct catalog_kept *row, struct btr_span host);

/**
 * Reads all rows, in the order of their hashes. *rows is the caller's to free, what they point to lies in `arena`.
 * @return 0, BTR_E_FORMAT, BTR_E_IO, BTR_E_NOMEM
 */
int store_catalog_kept(struct store_catalog *catalog, struct btr_arena *arena,
                       struct catalog_kept **rows, uint32_t *count, struct btr_err *err);
/** Puts a row in the place of others, in one transaction. @return 0, BTR_E_IO, BTR_E_FULL */
int store_catalog_kept_replace(struct store_catalog *catalog, const struct catalog_kept *row,
                               const struct catalog_kept *old, uint32_t count,
                               const struct store_faults *faults, struct btr_err *err);
/** Takes rows out, in one transaction. Their files are then nobody's. @return 0, BTR_E_IO, BTR_E_FULL */
int store_catalog_kept_forget(struct store_catalog *catalog, const struct catalog_kept *rows,
                              uint32_t count, struct btr_err *err);

#endif
