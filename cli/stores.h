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

#define CLI_MAX_S_OPTION                                                                           \
    {                                                                                              \
        "max-s", "N", false, "end the query, with exit status 3, after N seconds (default 900)"    \
    }

/**
 * Opens the snapshot of the one reader of a command, and ends the process after --max-s seconds
 * (query.max_s; 900 where the option was not given) if cli_reader_done does not come before:
 * as long as a reader lives, the files and pages of its snapshot take room.
 * @return 0, BTR_E_USAGE when no --store was given or --max-s is no such number, or as
 *         btr_reader_open
 */
int cli_reader_open(struct btr_reader **out, const struct cli_args *args, struct btr_err *err);
/** All questions are answered: gives the snapshot back, and ends the alarm. NULL is no reader. */
void cli_reader_done(struct btr_reader *reader);
/** The records that the stores of --store have kept. @return as btr_kept_open */
int cli_kept_open(struct btr_kept **out, const struct cli_args *args, struct btr_err *err);
/** Appends the --store options as words for a shell. */
void cli_stores_again(struct btr_buffer *out, const struct cli_args *args);

#endif
