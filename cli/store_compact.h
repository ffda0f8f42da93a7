#ifndef CLI_STORE_COMPACT_H
#define CLI_STORE_COMPACT_H
/** backtrail store compact: merges the segments of each store that is named. */
#include "args.h"

#include <btr/err.h>

/** @return the exit status */
int cli_store_compact(const struct cli_args *args, struct btr_err *err);

#endif
