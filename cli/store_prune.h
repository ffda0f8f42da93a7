#ifndef CLI_STORE_PRUNE_H
#define CLI_STORE_PRUNE_H
/** backtrail store prune, backtrail store hold: what goes, and what must not. */
#include "args.h"

extern const struct cli_usage CLI_PRUNE_USAGE, CLI_HOLD_USAGE;

/** @return the exit status */
int cli_store_prune(const struct cli_args *args, struct btr_err *err);
int cli_store_hold(const struct cli_args *args, struct btr_err *err);

#endif
