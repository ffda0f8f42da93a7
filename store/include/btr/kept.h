#ifndef BTR_KEPT_H
#define BTR_KEPT_H
/**
 * Raw records that were kept (struct btr_sink, keep): found by the place that an event names, whatever
 * became of the segments since. Nothing in their bytes is trusted.
 */
#include <btr/err.h>
#include <btr/span.h>

struct btr_kept;

/**
 * Tells which records make one event.
 * @param format  as kept with the record
 * @return a number that all records of the event share and no others near it; 0: the record is an event by itself
 */
typedef uint64_t btr_record_key(struct btr_span format, struct btr_span record);

enum {
    BTR_KEPT_NEAR = 1024,        /* lines before and after a record in which others of its event are looked for */
    BTR_KEPT_COUNT_MAX = 256,    /* records of an event that are handed out */
    BTR_KEPT_SIZE_MAX = 4 << 20, /* bytes of them; the first is handed out whatever its size */
};

/**
 * Opens what one or more stores have kept by now; files are opened when they are asked first. One thread.
 * @param key  or NULL: each record is an event by itself
 * @return 0 (also when nothing was ever kept), BTR_E_NOTFOUND (no store there), BTR_E_VERSION, BTR_E_FORMAT, BTR_E_IO,
 *         BTR_E_NOMEM
 */
int btr_kept_open(struct btr_kept **out, const char *const *paths, uint32_t path_count, btr_record_key *key,
                  struct btr_err *err);
void btr_kept_close(struct btr_kept *kept);

/** Where an event says that it comes from: as in struct btr_event_full. */
struct btr_kept_place {
    struct btr_span input, input_digest; /* name; head hash as 16 hex digits */
    uint64_t line;
    uint64_t record_id; /* a record that does not hold this number is none of the event; 0: any */
};

struct btr_kept_record {
    uint64_t line;
    struct btr_span bytes; /* as read, without its line end */
};

/** Records of one event, by line, each once. Lives until the next call. */
struct btr_kept_found {
    const struct btr_kept_record *records;
    uint32_t count;
    uint64_t left_out; /* records beyond BTR_KEPT_COUNT_MAX or BTR_KEPT_SIZE_MAX */
    bool other;        /* none, but another record is kept at its place: the event names a wrong one */
};

/**
 * Finds the records of an event. Where several inputs of one name and first line were read, all that fit are told.
 * @return 0, BTR_E_NOTFOUND (not kept, or removed since), BTR_E_CHECKSUM, BTR_E_FORMAT, BTR_E_TRUNCATED, BTR_E_VERSION
 *         (a file is damaged), BTR_E_IO, BTR_E_NOMEM
 */
int btr_kept_find(struct btr_kept *kept, const struct btr_kept_place *place, struct btr_kept_found *out,
                  struct btr_err *err);

struct btr_kept_stat {
    uint64_t file_count, record_count;
    uint64_t raw_size; /* bytes of the records as read, about */
    uint64_t bytes;    /* on disk */
};
void btr_kept_stat(const struct btr_kept *kept, struct btr_kept_stat *out);

#endif
