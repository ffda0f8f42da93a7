#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H
/**
 * The door to LMDB: what is published. One environment in <store>/catalog with the tables meta,
 * segments, trash, chain, packs, inputs, states, records, kept (docs/FORMAT.md, "Catalog"). A change is one transaction.
 */
#include <btr/arena.h>
#include <btr/buffer.h>
#include <btr/sink.h>

#include "records.h"
#include "seal.h"

struct store_catalog;
struct catalog_kept; /* catalog_kept.h */

enum { STORE_DAY_SIZE = 16, STORE_CATALOG_VERSION = 3, CATALOG_HOSTS_SIZE = 240 };
enum {
    CATALOG_VERSION_MADE = 2, /* of a new store */
    CATALOG_VERSION_PACKS = 3 /* since its chain was packed first */
};
enum { CATALOG_KIND_OTHER = 31 }; /* the bit of kinds from 31 on */

/** What the catalog says of a segment. */
struct catalog_segment {
    struct btr_id hash;       /* XXH3-128 of the file: its name */
    char day[STORE_DAY_SIZE]; /* partition, "2026-11-25" */
    uint64_t file_size;
    uint8_t sha256[BTR_SHA256_SIZE];
    uint8_t root[BTR_SHA256_SIZE]; /* root.h; where it is not told, sha256 stands for it */
    struct store_sealed sealed;
    uint32_t kinds;    /* bit k: holds entities of kind k; bit 0: such as are not described */
    bool root_told;    /* not for a file that an upgrade could not read */
    bool hosts_told;   /* else it may hold events of any host */
    uint8_t hosts_size;
    uint8_t hosts[CATALOG_HOSTS_SIZE]; /* of its streams, once each: size, name */
};

/** Whether a segment's row names a host: its hosts must be told. */
bool catalog_segment_names_host(const struct catalog_segment *row, struct btr_span host);
/** Whether a segment may hold events of a host. */
static inline bool catalog_segment_may_have(const struct catalog_segment *row, struct btr_span host)
{
    return !row->hosts_told || catalog_segment_names_host(row, host);
}

/** Steps that a test can make fail: asked before each; true = fail as if the disk was full. */
struct store_faults {
    void *self;
    bool (*fails)(void *self, const char *step);
};

/**
 * Opens the environment; a writer makes what is missing. A reader holds one read transaction until
 * it closes: all that it asks is answered as of its opening, and no file that it may ask for goes.
 * @param store  folder of the store
 * @return 0, BTR_E_NOTFOUND (no catalog, or an empty one), BTR_E_VERSION, BTR_E_FORMAT, BTR_E_IO,
 *         BTR_E_FULL, BTR_E_NOMEM
 */
int store_catalog_open(struct store_catalog **out, const char *store, bool writer,
                       struct btr_err *err);
void store_catalog_close(struct store_catalog *catalog);

/** Reads all segment rows, in the order of their hashes. *rows is the caller's to free. */
int store_catalog_segments(struct store_catalog *catalog, struct catalog_segment **rows,
                           uint32_t *count, struct btr_err *err);
/**
 * Visits input rows: all, or those of one head hash. Spans live in the call only.
 * A visit that returns other than 0 ends it, and is returned.
 */
int store_catalog_inputs(struct store_catalog *catalog, const uint64_t *head_hash,
                         int (*visit)(void *self, const struct btr_input *input), void *self,
                         struct btr_err *err);
/** Copies a saved state. @return 1 found, 0 not found, or a failure */
int store_catalog_state(struct store_catalog *catalog, struct btr_span format, struct btr_span host,
                        struct btr_buffer *out, struct btr_err *err);
/** What a change of the catalog is told to be in the chain; numbers of docs/FORMAT.md. */
enum catalog_change_kind {
    CATALOG_UPGRADED = 1, /* what an older version of the catalog had */
    CATALOG_INGESTED,
    CATALOG_MERGED,
    CATALOG_PRUNED,
    CATALOG_IMPORTED,
    CATALOG_THINNED
};

/** A change of the catalog. Segments that are removed become trash: files that no new reader sees.
 */
struct catalog_change {
    enum catalog_change_kind kind;
    int64_t now_ns; /* wall clock */
    const struct catalog_segment *added, *removed;
    uint32_t added_count, removed_count;
    const struct catalog_kept *kept;     /* or NULL */
    const struct btr_progress *progress; /* or NULL */
};

/**
 * The one way in which the catalog changes what it publishes: all of a change in one transaction,
 * with a row of the chain when it adds or removes segments.
 * @return 0, BTR_E_NOTFOUND (one to be removed is not there: nothing is changed), BTR_E_IO,
 *         BTR_E_FULL, BTR_E_NOMEM
 */
int store_catalog_change(struct store_catalog *catalog, const struct catalog_change *change,
                         const struct store_faults *faults, struct btr_err *err);

/** The end of the chain. */
struct catalog_head {
    uint64_t sequence; /* changes so far; 0: no chain yet */
    int64_t time_ns;   /* wall clock of the last */
    uint8_t head[BTR_SHA256_SIZE];
};
/** @return 0, BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_IO */
int store_catalog_head(struct store_catalog *catalog, struct catalog_head *out,
                       struct btr_err *err);
/**
 * Computes the chain again from its beginning, and checks that it gives the segments that are published.
 * @param wanted    a head that was noted elsewhere, or NULL
 * @param found_at  receives the sequence of `wanted`
 * @return 0, BTR_E_CHECKSUM (it does not follow), BTR_E_NOTFOUND (`wanted` is no head of it),
 *         BTR_E_FORMAT, BTR_E_IO, BTR_E_NOMEM
 */
int store_catalog_chain_verify(struct store_catalog *catalog, const uint8_t *wanted,
                               uint64_t *found_at, struct btr_err *err);
/**
 * Tells of each root (BTR_SHA256_SIZE bytes) whether the store holds its segment, as it is or merged into others since. A
 * writer's only; costs a reading of the chain.
 */
int store_catalog_chain_holds(struct store_catalog *catalog, const uint8_t *roots, uint32_t count,
                              bool *held, struct btr_err *err);
/** The trash: hash and day alone. *rows is the caller's to free. A writer's only. */
int store_catalog_trash(struct store_catalog *catalog, struct catalog_segment **rows,
                        uint32_t *count, struct btr_err *err);
/** Removes a file of the trash; one that is not there is no failure. @return 0 or a code */
typedef int catalog_trash_remove(void *self, const struct catalog_segment *row,
                                 struct btr_err *err);
/**
 * Empties the trash of the files that no living reader can open: those of which every reader of
 * today began after they were replaced. One transaction, which also keeps a publish away.
 * A writer's only.
 * @return 0, what `remove` failed with, BTR_E_FORMAT, BTR_E_IO, BTR_E_FULL
 */
int store_catalog_trash_empty(struct store_catalog *catalog, catalog_trash_remove *remove,
                              void *self, struct btr_err *err);
/** Before a file is written: one of the same name is no trash any more. A writer's only. */
int store_catalog_trash_take(struct store_catalog *catalog, struct btr_id hash,
                             struct btr_err *err);
/**
 * Loads digests of records: the newest sets that together have at most `most`.
 * @param left_out  digests in older sets
 * @return 0, or BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_IO, BTR_E_NOMEM with an empty set
 */
int store_catalog_records(struct store_catalog *catalog, struct store_records *out, uint32_t most,
                          uint64_t *left_out, struct btr_err *err);
/** The seed of digests; a writer's only. */
uint64_t store_catalog_record_seed(const struct store_catalog *catalog);
/** Bytes of the environment's file on disk. @return 0, BTR_E_IO */
int store_catalog_size(const struct store_catalog *catalog, uint64_t *size, struct btr_err *err);

#endif
