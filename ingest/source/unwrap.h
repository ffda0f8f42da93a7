#ifndef SOURCE_UNWRAP_H
#define SOURCE_UNWRAP_H
/**
 * The value of one message to records as decoders take them. A pure function of bytes: no I/O, no cache, and what was
 * called before changes no answer. docs/INGEST.md, "Messages", tells which shapes are taken.
 *
 * Nothing is lost: each byte of a value is in a record, or it is a blank, a line end, a separator of an array, or the
 * envelope around a record. What cannot be taken apart is one record as it stands, for the decoder to refuse.
 */
#include <btr/err.h>
#include <btr/span.h>

enum {
    SOURCE_UNWRAP_VALUE_MAX = 10 << 20,  /* bytes; a longer value is one record as it stands */
    SOURCE_UNWRAP_RECORDS_MAX = 1 << 18, /* of one value; one that holds more is one record as it stands */
    SOURCE_UNWRAP_DEPTH_MAX = 3,         /* envelopes within each other; deeper ones are left as they stand */
};

struct source_unwrapped {
    struct btr_span record; /* never empty, never blank */
    struct btr_span host;   /* what the envelope says, as written; empty when it says nothing or there is none */
};

struct source_unwrap;

/**
 * @param size_max  bytes that may wait between two clears (unescaped text, lists of records); with 40 MiB any value is
 *                  taken apart. A list in the making takes up to 8 MiB more, which the next clear gives back
 * @return NULL when out of memory
 */
struct source_unwrap *source_unwrap_new(size_t size_max);
void source_unwrap_free(struct source_unwrap *u);

/**
 * Takes a value apart.
 * @param u        one thread
 * @param value    untrusted; records borrow from it unless text had to be unescaped
 * @param records  receives what lies in `u` or in `value` until source_unwrap_clear(); unchanged on failure
 * @param count    0 for a value that is empty or blank
 * @return 0; BTR_E_LIMIT when size_max is reached by what waits: clear and call again, which then succeeds (where nothing
 *         waits, a value that needs more than size_max is one record as it stands); BTR_E_NOMEM
 */
int source_unwrap(struct source_unwrap *u, struct btr_span value, const struct source_unwrapped **records,
                  uint32_t *count, struct btr_err *err);
/** Forgets all records. */
void source_unwrap_clear(struct source_unwrap *u);
/** @return bytes in use by what waits */
size_t source_unwrap_size(const struct source_unwrap *u);

#endif
