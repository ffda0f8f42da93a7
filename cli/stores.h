#ifndef CLI_STORES_H
#define CLI_STORES_H
/** --store, given once or several times, opened as one snapshot. */
#include <btr/kept.h>
#include <btr/store.h>

#include "args.h"

#define CLI_STORE_OPTION                                                                           \
    {                                                                                              \
        "store", "DIR", true, "the store; several are read as one"                                 \
    }

/** @return 0, BTR_E_USAGE when no --store was given, or as btr_reader_open */
int cli_reader_open(struct btr_reader **out, const struct cli_args *args, struct btr_err *err);
/** The records that the stores of --store have kept. @return as btr_kept_open */
int cli_kept_open(struct btr_kept **out, const struct cli_args *args, struct btr_err *err);
/** Appends the --store options as words for a shell. */
void cli_stores_again(struct btr_buffer *out, const struct cli_args *args);

#endif
