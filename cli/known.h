#ifndef CLI_KNOWN_H
#define CLI_KNOWN_H
/**
 * Joins ingest and store, which do not know each other: a sink that makes the store when the first
 * batch comes, so that a refused input leaves no empty store behind, and the store's answers to
 * "was this read before".
 */
#include <btr/source.h>
#include <btr/store.h>

/** As btr_writer_retain. */
struct cli_retention {
    uint32_t days, record_days;
};

struct cli_known {
    struct btr_sink sink;
    struct btr_known known;
    const char *path;          /* of the store; borrowed */
    struct btr_writer *writer; /* NULL until there is a store */
    struct btr_err failure;    /* code 0: none; else what is told at the next append */
    struct cli_retention retention;
};

/**
 * Opens the store when something is at `path`; else waits for the first batch.
 * @return 0, or what btr_writer_open fails with
 */
int cli_known_open(struct cli_known *out, const char *path, struct cli_retention retention,
                   struct btr_err *err);
/** Drops what was not published. */
void cli_known_close(struct cli_known *known);

#endif
